//! A drill: going back from every step in turn, each on its own migration of the same scenario. A cell is a rehearsal like
//! any other, with a folder, a record and reports of its own. Crossed with faults, each cell also suffers one; what stops the
//! migration is mended, and the cell goes on from there before it goes back.

mod cells;
mod crossed;

use cells::drawn;
pub use cells::{Cell, From, Shows, cells_of};
pub use crossed::{Faults, NOT_HERE, Undisturbed};

use crate::clock::run_id;
use crate::flow::{AfterFailure, Interrupt, Progress};
use crate::folder::RunFolder;
use crate::recorder::{Observer, Recorder};
use crate::stage::Stage;
use crate::start::{
    Beginning, Begun, Lent, RehearsalError, RehearsalOptions, Rehearsed, begin, file_error, generated_only,
    go_through, ledger_of, plan_of, read_record, runs_of, summarize,
};
use drydock_core::event::Ending;
use drydock_core::scenario::Course;
use drydock_core::{Class, Event, Finding, Kind, Outcome, Plan, RunId, Scenario, Summary};
use drydock_environments::{Environment, EnvironmentError};
use drydock_report::drill::{CellReport, DrillReport, Left};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use thiserror::Error;

/// How much of a drill is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Every cell, however long it takes.
    Full,
    /// As many cells, drawn by the seed, as fit.
    Within(Duration),
}

impl Extent {
    /// The order in which the cells are drilled.
    pub fn order(self, cells: &[Cell], seed: u64) -> Vec<usize> {
        match self {
            Self::Full => (0..cells.len()).collect(),
            Self::Within(_) => drawn(cells, seed),
        }
    }
}

/// What the command line adds to a scenario.
#[derive(Debug, Clone)]
pub struct DrillOptions {
    /// From where it is gone back.
    pub from: From,
    /// What goes wrong meanwhile.
    pub faults: Faults,
    /// How much of it is done.
    pub extent: Extent,
    /// Longest time that one cell may take.
    pub deadline: Duration,
    /// As of a rehearsal.
    pub rehearsal: RehearsalOptions,
}

/// A drill that came to its end.
#[derive(Debug)]
pub struct Drilled {
    /// Its folder, with the report and a folder a cell.
    pub folder: PathBuf,
    /// The table.
    pub report: DrillReport,
}

/// Why there is no drill at all.
#[derive(Debug, Error)]
pub enum DrillError {
    /// The scenario, a ledger or a file.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// The scenario cannot be drilled so.
    #[error("{0}")]
    Choice(String),
    /// The stores do not start.
    #[error("{}; {}", .0.what, .0.help)]
    Environment(#[from] EnvironmentError),
}

/// The cells that a drill of a scenario file consists of, in the order of its steps.
///
/// # Errors
/// The file cannot be read or is wrong, or cannot be drilled so.
pub fn plan_drill(file: &Path, options: &DrillOptions) -> Result<(Scenario, Vec<Cell>), DrillError> {
    let (scenario, _) = plan_of(file, &options.rehearsal)?;
    generated_only(&scenario, "drill")?;
    let cells = cells_of(&scenario, &options.from, &options.faults).map_err(DrillError::Choice)?;
    Ok((scenario, cells))
}

/// Goes back from every asked step, one cell after the other.
///
/// # Errors
/// Nothing could be begun, or the stores cannot be started any more. What fails within a cell is in the report.
pub async fn drill(
    file: &Path,
    options: &DrillOptions,
    observer: Arc<dyn Observer>,
    interrupt: &Interrupt,
) -> Result<Drilled, DrillError> {
    let began = Instant::now();
    let (scenario, cells) = plan_drill(file, options)?;
    let ledger = ledger_of(&scenario, file)?;
    let run = run_id(&format!("drill-{}", scenario.name), jiff::Timestamp::now());
    let runs = runs_of(&options.rehearsal);
    let folder = RunFolder::create(&runs, &run)
        .map_err(file_error(format!("cannot make the folder {}", runs.join(run.as_str()).display())))?;
    let mut stage = Stage::new(run.as_str(), folder.path());
    let order = options.extent.order(&cells, scenario.seed);
    let mut reports: Vec<Option<CellReport>> = cells.iter().map(|_| None).collect();
    let mut longest = Duration::ZERO;
    for (nth, at) in order.into_iter().enumerate() {
        let cell = &cells[at];
        let left = match options.extent {
            _ if interrupt.requested() => Some(Left::Interrupted),
            // The first cell is drilled in any case, and each further one if one like the longest still fits.
            Extent::Within(limit) if nth > 0 && began.elapsed() + longest > limit => Some(Left::NoTime),
            _ => None,
        };
        if let Some(left) = left {
            reports[at] = Some(CellReport::left_out(&cell.name, &cell.from, cell.meant(), left));
            continue;
        }
        observer.say(&format!("cell {} of {}: back from {}", nth + 1, cells.len(), cell.name));
        let cell_began = Instant::now();
        let begun = begin(
            Beginning {
                run: RunId(format!("{run}.{:02}", at + 1)),
                runs: folder.path().join("cells"),
                scenario_file: file.display().to_string(),
                scenario: cell.scenario.clone(),
                plan: Plan::of(&cell.scenario),
                ledger: ledger.clone(),
            },
            Arc::clone(&observer),
        )?;
        let waits = match &cell.shows {
            Shows::Fault(f)
                if matches!(f.fault.effect().course, Course::Stops | Course::Either | Course::Fails) =>
            {
                AfterFailure::Wait
            }
            _ => AfterFailure::GoBack,
        };
        let told = one(begun, waits, options, &mut stage, interrupt, &*observer).await;
        longest = longest.max(cell_began.elapsed());
        let summary = match told {
            Ok(summary) => summary,
            Err(error) => {
                // What the drill leaves is seen to in any case; the first failure is the one to tell.
                let _ = stage.strike().await;
                return Err(error);
            }
        };
        reports[at] = Some(CellReport::of(&cell.name, &cell.from, cell.meant(), &summary));
    }
    stage.strike().await?;
    let report = DrillReport {
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        run: run.to_string(),
        scenario: scenario.name.clone(),
        seed: scenario.seed,
        seconds: began.elapsed().as_secs_f64(),
        cells: reports.into_iter().flatten().collect(),
    };
    report.write(folder.path()).map_err(file_error("cannot write the report of the drill"))?;
    Ok(Drilled { folder: folder.path().to_owned(), report })
}

/// One cell on lent stores. If it does not end in time its stores are ended, and its record says that it was cut off.
async fn one(
    begun: Begun,
    after_failure: AfterFailure,
    options: &DrillOptions,
    stage: &mut Stage,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> Result<Summary, DrillError> {
    let Begun { started, folder, recorder } = begun;
    let say = |text: &str| observer.say(text);
    let (again, last_words) = (folder.clone(), recorder.clone());
    let (environment, blank, _) = match stage.lend(&started.scenario, &options.rehearsal, &say).await {
        Ok(lent) => lent,
        Err(error) => {
            // The cells before it are not lost, and the next one tries again.
            cut_off(&last_words, &format!("start the stores of the cell: {}", error.what), &error.help);
            return Ok(summarize(&again)?.summary);
        }
    };
    let lent = Lent { stores: environment, after_failure };
    let going = lives(Begun { started, folder, recorder }, lent, options, interrupt, observer);
    let ended = tokio::time::timeout(options.deadline, going).await;
    match ended {
        Ok((rehearsed, environment)) => {
            if let Some(environment) = environment {
                stage.take_back(environment, blank);
            }
            Ok(rehearsed?.summary)
        }
        Err(_) => {
            let why = format!("the cell came to no end within {} s", options.deadline.as_secs());
            cut_off(&last_words, &why, "look where its record ends; give it more time with --deadline");
            // Dropping it ended the stores; their data go as well.
            stage.strike().await?;
            Ok(summarize(&again)?.summary)
        }
    }
}

/// The lives of a cell: where its migration is to be stopped by what goes wrong, the cause is mended and it goes on, on the
/// same stores and in the same record.
async fn lives(
    begun: Begun,
    lent: Lent,
    options: &DrillOptions,
    interrupt: &Interrupt,
    observer: &dyn Observer,
) -> (Result<Rehearsed, RehearsalError>, Option<Environment>) {
    let Begun { started, folder, recorder } = begun;
    let after_failure = lent.after_failure;
    let live = async |progress, lent| {
        let (started, folder, recorder) = (started.clone(), folder.clone(), recorder.clone());
        go_through(started, folder, &options.rehearsal, recorder, progress, interrupt, Some(lent)).await
    };
    let (first, stores) = live(Progress::default(), lent).await;
    let Some(mut stores) = stores else { return (first, None) };
    if first.is_err() || after_failure == AfterFailure::GoBack || interrupt.requested() {
        return (first, Some(stores));
    }
    let record = match read_record(&folder.record()) {
        Ok(record) => record,
        Err(error) => return (Err(error), Some(stores)),
    };
    let stopped = Event::RunFinished { ending: Ending::Stopped };
    if record.entries.last().is_none_or(|last| last.event != stopped) {
        return (first, Some(stores));
    }
    observer.say("the migration was stopped, as it was to be; going on");
    if let Err(error) = stores.restart_ended().await {
        cut_off(&recorder, &format!("start again what was killed: {}", error.what), &error.help);
        return (summarize(&folder), Some(stores));
    }
    // From here on a failure is one that nobody caused.
    let lent = Lent { stores, after_failure: AfterFailure::GoBack };
    live(Progress::of(&record), lent).await
}

/// Ends the record of a cell that cannot go on, with what kept it.
fn cut_off(recorder: &Recorder, why: &str, next: &str) {
    recorder.emit(Event::Finding(Finding {
        class: Class::Environment,
        outcome: Outcome::NotProven,
        ..Finding::data("drill", Kind::Environment, "cell", why).next(next)
    }));
    recorder.emit(Event::RunFinished { ending: Ending::Stopped });
}
