//! Beginning a rehearsal, and going on with one that was killed.

use crate::clock::run_id;
use crate::flow::{self, AfterFailure, Interrupt, Progress};
use crate::folder::RunFolder;
use crate::given::{chart_of, check_given, kept_operators, operators_of};
use crate::recorder::{Observer, Recorder};
use crate::witness::Witness;
use crate::world::{Ownership, RealWorld, WorldConfig};
use drydock_core::event::{RECORD_VERSION, RunStarted};
use drydock_core::record::RecordError;
use drydock_core::scenario::{DriverName, EnvironmentName, Profile, ledger_from_yaml};
use drydock_core::{
    Event, LedgerLine, Plan, Record, RecordWriter, Redactor, RunId, Scenario, ScenarioError, Summary,
    SystemClock,
};
use drydock_environments::{Environment, EnvironmentError};
use drydock_estimate::Way;
use drydock_scripts::Tree;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// What the command line adds to a scenario.
#[derive(Debug, Clone, Default)]
pub struct RehearsalOptions {
    /// Instead of the scenario's environment.
    pub on: Option<EnvironmentName>,
    /// Instead of the scenario's driver.
    pub driver: Option<DriverName>,
    /// The checkout of the official scripts, for the driver that runs them.
    pub scripts: Option<PathBuf>,
    /// The folder of the chart that a scenario asks for, instead of fetching it.
    pub chart: Option<PathBuf>,
    /// Files of values for that chart, after those of the scenario.
    pub chart_values: Vec<PathBuf>,
    /// Manifests of operators, after those of the scenario.
    pub operators: Vec<PathBuf>,
    /// Instead of the scenario's seed.
    pub seed: Option<u64>,
    /// Instead of the profile's number of documents.
    pub documents: Option<u64>,
    /// Instead of the scenario's profile.
    pub profile: Option<Profile>,
    /// Instead of the scenario's longest tolerated outage.
    pub downtime: Option<jiff::SignedDuration>,
    /// Instead of the scenario's mover and the time at which it copies.
    pub way: Option<Way>,
    /// Where run folders go; [`crate::folder::RUNS`] if absent.
    pub runs: Option<PathBuf>,
    /// A PostgreSQL installation to use.
    pub postgres_home: Option<PathBuf>,
    /// An Elasticsearch installation to use.
    pub elasticsearch_home: Option<PathBuf>,
    /// Whether the stores stay up at the end.
    pub keep: Keep,
    /// What proves the checks before anything else happens.
    pub witness: Witness,
}

/// What happens to the stores at the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Keep {
    /// They are stopped and their data is removed.
    #[default]
    Nothing,
    /// They stay up; `drydock clean` removes them once this process has ended.
    Running,
}

/// A rehearsal that came to an end, good or bad.
#[derive(Debug)]
pub struct Rehearsed {
    /// Its folder.
    pub folder: PathBuf,
    /// Everything that is told about it.
    pub summary: Summary,
}

/// Why there is no rehearsal at all.
#[derive(Debug, Error)]
pub enum RehearsalError {
    /// The scenario or a ledger is wrong.
    #[error(transparent)]
    Scenario(#[from] Box<ScenarioError>),
    /// A file cannot be read or written.
    #[error("{attempted}: {reason}")]
    File {
        /// What was attempted, with the path.
        attempted: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The record of the run to resume cannot be used.
    #[error("{path}: {reason}")]
    Record {
        /// The record.
        path: String,
        /// What is wrong with it.
        reason: RecordError,
    },
    /// A share of a comparison could not be compared.
    #[error("share {share} was not compared: {why}; make both sides readable, then compare this share again")]
    Unread {
        /// Which of how many.
        share: String,
        /// What the stores say.
        why: String,
    },
    /// What the command line adds cannot go together with the scenario.
    #[error("{message}; {help}")]
    Together {
        /// What is wrong.
        message: String,
        /// What to do instead.
        help: String,
    },
    /// The run has come to its end.
    #[error("{0} came to its end; there is nothing to resume")]
    NothingToResume(String),
    /// The environment cannot be asked for the stores of the run to resume. The run is as it was.
    #[error("cannot resume: {0}")]
    Environment(EnvironmentError),
}

pub(crate) fn file_error(attempted: impl Into<String>) -> impl FnOnce(io::Error) -> RehearsalError {
    let attempted = attempted.into();
    move |reason| RehearsalError::File { attempted, reason }
}

/// Reads a scenario and unrolls it.
///
/// # Errors
/// The file cannot be read, or is wrong.
pub fn plan_of(file: &Path, options: &RehearsalOptions) -> Result<(Scenario, Plan), RehearsalError> {
    let text = std::fs::read_to_string(file)
        .map_err(file_error(format!("cannot read the scenario {}", file.display())))?;
    let mut scenario = Scenario::from_yaml(&file.display().to_string(), &text)?;
    scenario.environment = options.on.clone().unwrap_or(scenario.environment);
    scenario.driver = options.driver.unwrap_or(scenario.driver);
    scenario.seed = options.seed.unwrap_or(scenario.seed);
    scenario.data.documents = options.documents.or(scenario.data.documents);
    scenario.data.profile = options.profile.unwrap_or(scenario.data.profile);
    scenario.budgets.downtime = options.downtime.or(scenario.budgets.downtime);
    if let Some(way) = options.way {
        way.apply(&mut scenario.migration);
    }
    if options.driver == Some(DriverName::Builtin) {
        // They are of no use to it.
        scenario.scripts = None;
    }
    // It was right as it stands in its file.
    let mistake = scenario.mistake_of_parts().or_else(|| scenario.mistake_of_place());
    if let Some((_, message, help)) = mistake {
        return Err(RehearsalError::Together { message, help });
    }
    let plan = Plan::of(&scenario);
    Ok((scenario, plan))
}

/// Looks whether the checkout of the scripts is named where they migrate, and nowhere else, and whether it is one.
///
/// # Errors
/// It is not: what to name.
pub fn check_scripts(scenario: &Scenario, options: &RehearsalOptions) -> Result<(), RehearsalError> {
    let together = |message: &str, help: &str| {
        Err(RehearsalError::Together { message: message.to_owned(), help: help.to_owned() })
    };
    match (scenario.scripts().is_some(), &options.scripts) {
        (true, None) => together(
            "nobody said where the migration scripts are",
            "name the root of their checkout with --scripts",
        ),
        (false, Some(_)) => together(
            "migration scripts are named, and the built-in driver does not run them",
            "add --driver scripts, or leave --scripts out",
        ),
        (true, Some(path)) => match Tree::examine(path) {
            Ok(_) => Ok(()),
            Err(error) => together(&error.what, &error.help),
        },
        (false, None) => Ok(()),
    }
}

/// Refuses a scenario with the official scripts, or with a real application, whose data and people cannot be shared by several runs.
pub(crate) fn generated_only(scenario: &Scenario, what: &str) -> Result<(), RehearsalError> {
    if scenario.scripts().is_some() {
        return Err(RehearsalError::Together {
            message: format!(
                "a {what} shares its stores between runs, and the official scripts are not set back"
            ),
            help: "leave `driver: scripts` out, or rehearse the scenario".into(),
        });
    }
    match scenario.camunda() {
        None => Ok(()),
        Some(_) => Err(RehearsalError::Together {
            message: format!(
                "a {what} shares its stores between runs, and a real Camunda cannot be set back"
            ),
            help: "leave `engine` out, or rehearse the scenario".into(),
        }),
    }
}

pub(crate) fn ledger_of(scenario: &Scenario, file: &Path) -> Result<Vec<LedgerLine>, RehearsalError> {
    let folder = file.parent().unwrap_or(Path::new("."));
    ledger_lines(scenario.expected.iter().map(|name| folder.join(name)))
}

/// Reads ledger files.
pub(crate) fn ledger_lines(files: impl Iterator<Item = PathBuf>) -> Result<Vec<LedgerLine>, RehearsalError> {
    let mut lines = Vec::new();
    for path in files {
        let text = std::fs::read_to_string(&path)
            .map_err(file_error(format!("cannot read the ledger {}", path.display())))?;
        lines.extend(ledger_from_yaml(&path.display().to_string(), &text)?.expected);
    }
    Ok(lines)
}

/// Runs a scenario from its beginning.
///
/// # Errors
/// Nothing could be begun. Everything that fails later is in the summary.
pub async fn rehearse(
    file: &Path,
    options: &RehearsalOptions,
    observer: Arc<dyn Observer>,
    interrupt: &Interrupt,
) -> Result<Rehearsed, RehearsalError> {
    let (scenario, plan) = plan_of(file, options)?;
    check_scripts(&scenario, options)?;
    check_given(&scenario, file, options)?;
    let ledger = ledger_of(&scenario, file)?;
    let run = run_id(&scenario.name, jiff::Timestamp::now());
    let (scenario_file, runs) = (file.display().to_string(), runs_of(options));
    let begun = begin(Beginning { run, runs, scenario_file, scenario, plan, ledger }, observer)?;
    let Begun { started, folder, recorder } = begun;
    let (rehearsed, _) =
        go_through(started, folder, options, recorder, Progress::default(), interrupt, None).await;
    rehearsed
}

pub(crate) fn runs_of(options: &RehearsalOptions) -> PathBuf {
    options.runs.clone().unwrap_or_else(|| crate::folder::RUNS.into())
}

/// What a run begins with.
pub(crate) struct Beginning {
    pub(crate) run: RunId,
    /// Where its folder goes.
    pub(crate) runs: PathBuf,
    pub(crate) scenario_file: String,
    pub(crate) scenario: Scenario,
    pub(crate) plan: Plan,
    pub(crate) ledger: Vec<LedgerLine>,
}

/// A run whose record has its first line.
pub(crate) struct Begun {
    pub(crate) started: RunStarted,
    pub(crate) folder: RunFolder,
    pub(crate) recorder: Recorder,
}

/// Makes the folder of a run and begins its record.
pub(crate) fn begin(beginning: Beginning, observer: Arc<dyn Observer>) -> Result<Begun, RehearsalError> {
    let Beginning { run, runs, scenario_file, scenario, plan, ledger } = beginning;
    let folder = RunFolder::create(&runs, &run).map_err(file_error(format!(
        "cannot make the run folder {} (--runs names another place)",
        runs.join(run.as_str()).display()
    )))?;
    let out =
        folder.open_record(0).map_err(file_error(format!("cannot open {}", folder.record().display())))?;
    let recorder =
        Recorder::new(RecordWriter::new(out, 0, Redactor::default()), SystemClock::start(), observer);
    let started = RunStarted {
        record_version: RECORD_VERSION,
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        run,
        scenario_file,
        scenario,
        plan,
        ledger,
        machine: machine(),
    };
    recorder.emit(Event::RunStarted(Box::new(started.clone())));
    Ok(Begun { started, folder, recorder })
}

/// Goes on with a run that was killed or interrupted.
///
/// # Errors
/// The record cannot be used, or the run is complete or still going on.
pub async fn resume(
    run: &str,
    options: &RehearsalOptions,
    observer: Arc<dyn Observer>,
    interrupt: &Interrupt,
) -> Result<Rehearsed, RehearsalError> {
    let runs = runs_of(options);
    let folder = RunFolder::open(&runs, run).map_err(file_error("cannot resume"))?;
    let path = folder.record();
    let record = read_record(&path)?;
    let complete = matches!(
        record.entries.last().map(|e| &e.event),
        Some(Event::RunFinished { ending: drydock_core::event::Ending::Complete })
    );
    if complete {
        return Err(RehearsalError::NothingToResume(folder.path().display().to_string()));
    }
    let out = folder
        .open_record(record.whole_bytes)
        .map_err(file_error(format!("cannot go on with {}", path.display())))?;
    let next_seq = record.entries.len() as u64;
    let clock = SystemClock::resume(record.entries.last().map_or(0, |e| e.ms));
    let recorder = Recorder::new(RecordWriter::new(out, next_seq, Redactor::default()), clock, observer);
    let progress = Progress::of(&record);
    go_through(record.started, folder, options, recorder, progress, interrupt, None).await.0
}

/// Stores that a run works on without owning them.
pub(crate) struct Lent {
    pub(crate) stores: Environment,
    /// What a step that fails is followed by.
    pub(crate) after_failure: AfterFailure,
}

/// Goes through the plan on stores of the run's own, or on those that are `lent`, which are handed back.
pub(crate) async fn go_through(
    started: RunStarted,
    folder: RunFolder,
    options: &RehearsalOptions,
    recorder: Recorder,
    progress: Progress,
    interrupt: &Interrupt,
    lent: Option<Lent>,
) -> (Result<Rehearsed, RehearsalError>, Option<Environment>) {
    let operators = operators_of(&started.scenario, Path::new(&started.scenario_file), options);
    let operators = match kept_operators(operators, folder.path()) {
        Ok(operators) => operators,
        Err(error) => return (Err(error), None),
    };
    let config = WorldConfig {
        run: started.run.clone(),
        scenario: started.scenario.clone(),
        plan: started.plan.clone(),
        ledger: started.ledger.clone(),
        folder: folder.path().to_owned(),
        acknowledged: folder.acknowledged(),
        postgres_home: options.postgres_home.clone(),
        elasticsearch_home: options.elasticsearch_home.clone(),
        keep: options.keep,
        stores: if lent.is_some() { Ownership::Lent } else { Ownership::Own },
        scripts: options.scripts.clone(),
        chart: chart_of(&started.scenario, Path::new(&started.scenario_file), options),
        operators,
    };
    let mut world = RealWorld::new(config, recorder.clone());
    if let Some(lent) = lent {
        world = world.adopt(lent.stores).on_failure(lent.after_failure);
    }
    let progress = if progress.begun.is_empty() {
        progress
    } else {
        match world.take_up(progress).await {
            Ok(progress) => progress,
            Err(error) => return (Err(RehearsalError::Environment(error)), world.release()),
        }
    };
    // Each life of a run brings its own proof: it may be another build.
    recorder.emit(Event::Proof((options.witness.0)(started.scenario.seed, &started.plan.checks)));
    flow::run(&started.plan, &mut world, &recorder, &progress, interrupt).await;
    (conclude(&folder, &recorder), world.release())
}

fn conclude(folder: &RunFolder, recorder: &Recorder) -> Result<Rehearsed, RehearsalError> {
    recorder.check().map_err(file_error(format!("cannot write {}", folder.record().display())))?;
    summarize(folder)
}

/// Reads a run's record, and writes its reports.
pub(crate) fn summarize(folder: &RunFolder) -> Result<Rehearsed, RehearsalError> {
    let record = read_record(&folder.record())?;
    let summary = Summary::of(&record);
    drydock_report::write_all(folder.path(), &summary)
        .map_err(file_error(format!("cannot write the reports into {}", folder.path().display())))?;
    Ok(Rehearsed { folder: folder.path().to_owned(), summary })
}

pub(crate) fn read_record(path: &Path) -> Result<Record, RehearsalError> {
    let file = File::open(path).map_err(file_error(format!("cannot read {}", path.display())))?;
    Record::read(BufReader::new(file))
        .map_err(|reason| RehearsalError::Record { path: path.display().to_string(), reason })
}

/// Facts of the machine that figures depend on.
fn machine() -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".into(), |n| n.to_string());
    facts.insert("cores".into(), cores);
    facts.insert("system".into(), format!("{} {}", std::env::consts::OS, std::env::consts::ARCH));
    // Absent outside of Linux: then the report simply does not say.
    if let Ok(text) = std::fs::read_to_string("/proc/meminfo")
        && let Some(kib) =
            text.lines().find_map(|l| l.strip_prefix("MemTotal:")).and_then(|v| v.split_whitespace().next())
    {
        facts.insert("memory_kib".into(), kib.to_owned());
    }
    facts
}
