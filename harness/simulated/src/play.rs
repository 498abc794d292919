//! One seed played to its end: the plan's steps in their order, with the builtin driver in virtual time.

use crate::clients::Application;
use crate::peer::Peer;
use crate::promises::{Moment, Promise, judge, judge_source, wanted};
use crate::safeguard::Safeguard;
use crate::schedule::{
    ARCHIVED, EMPTY, Event, Heard, Killed, RECORDS, RUNNING, Schedule, Side, TWINS, seeded,
};
use crate::script::{Script, Tracing};
use crate::setup::Setup;
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use drydock_core::{Action, Step};
use drydock_migration::freeze::{FreezeWitness, Marks, compare};
use drydock_migration::{Attempt, BuiltinDriver, MigrationContext, Reporter};
use drydock_stores::{PostgresEndpoint, StorePair};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a step that failed or was killed is resumed.
const RESUMES: u32 = 4;
/// Between a failure and its resumption.
const MENDING: Duration = Duration::from_secs(5);
/// A migration that has not ended after so long does not end.
const FOR_EVER: Duration = Duration::from_secs(6 * 3_600);
/// Users work on so long before the cutover.
const BETWEEN: Duration = Duration::from_millis(1_500);
/// How long a source may take to come to rest.
const SETTLE: Duration = Duration::from_secs(10);

/// How a migration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Users work on the target.
    Complete,
    /// It stopped by itself and said why; users work on the source.
    Stopped(String),
    /// The simulation itself could not go on: nothing is said of the migration.
    Broken(String),
}

/// What became of one seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// How it ended.
    pub ended: Ended,
    /// Promises that were broken.
    pub broken: Vec<(Promise, Finding)>,
    /// Steps, requests, faults and writes, if asked for.
    pub trace: Vec<String>,
    /// Virtual milliseconds.
    pub millis: u64,
    /// Faults and kills that found their occasion.
    pub struck: u64,
    /// Requests of the migration.
    pub requests: u64,
    /// Documents whose fate was judged on the target: 0 if it was never arrived at, or if no prefix wants any.
    pub judged: u64,
    /// Writes of users that were carried out.
    pub written: u64,
    /// Writes of users that were refused, each try of them.
    pub refused: u64,
    /// Requests that the simulator does not know.
    pub gaps: Vec<String>,
}

impl Played {
    /// Whether it proves anything: users came to the target, something was written, and something was judged.
    pub fn proves(&self) -> bool {
        self.ended == Ended::Complete && self.judged > 0 && self.written > 0 && self.gaps.is_empty()
    }

    /// The trace as one text.
    pub fn text(&self) -> String {
        let mut text = self.trace.join("\n");
        text.push('\n');
        text
    }
}

/// Plays a schedule.
pub fn play(setup: &Setup, schedule: &Schedule, tracing: Tracing) -> Played {
    let failed = |why: String| Played {
        ended: Ended::Broken(why),
        broken: Vec::new(),
        trace: Vec::new(),
        millis: 0,
        struck: 0,
        requests: 0,
        judged: 0,
        written: 0,
        refused: 0,
        gaps: Vec::new(),
    };
    // The driver keeps its marks in a file and syncs it: in memory that costs nothing.
    let memory = Path::new("/dev/shm");
    let mut folder = tempfile::Builder::new();
    folder.prefix("drydock-simulated-");
    let folder = match if memory.is_dir() { folder.tempdir_in(memory) } else { folder.tempdir() } {
        Ok(folder) => folder,
        Err(e) => return failed(format!("a folder for the simulation cannot be made: {e}")),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    match runtime {
        Ok(runtime) => {
            let _gone = match setup.without {
                Some(Safeguard::Driver(without)) => Some(without.begin()),
                _ => None,
            };
            runtime.block_on(played(setup, schedule, tracing, folder.path()))
        }
        Err(e) => failed(format!("a clock for the simulation cannot be made: {e}")),
    }
}

struct Migration<'a> {
    setup: &'a Setup,
    schedule: &'a Schedule,
    script: Arc<Script>,
    application: Arc<Application>,
    context: MigrationContext,
    marks: Option<Marks>,
    moment: Option<Moment>,
    broken: Vec<(Promise, Finding)>,
    killed: u64,
    /// Faults that had happened when the last attempt of a step began.
    struck_before: u64,
    /// Writes of users before they were let in, which fill the source.
    seeded: u64,
}

async fn played(setup: &Setup, schedule: &Schedule, tracing: Tracing, folder: &Path) -> Played {
    let script = Arc::new(Script::new(schedule, setup.without, tracing));
    let (source, target) = (Peer::new(Side::Source, &script), Peer::new(Side::Target, &script));
    target.reads_from(&source);
    source.reads_from(&target);
    let postgres = PostgresEndpoint {
        host: "not-simulated".into(),
        port: 1,
        user: "postgres".into(),
        password: None,
        tls: Default::default(),
    };
    let pair = |peer: &Arc<Peer>| StorePair { postgres: postgres.clone(), elasticsearch: peer.endpoint() };
    let context = MigrationContext {
        source: pair(&source),
        target: pair(&target),
        spec: setup.scenario.migration.clone(),
        clients: folder.to_owned(),
        dumps: folder.join("dumps"),
        roles: BTreeMap::new(),
        run_dir: folder.to_owned(),
        cancel: Default::default(),
    };
    let application = Arc::new(Application {
        gate: Default::default(),
        source,
        target,
        script: Arc::clone(&script),
        log: Mutex::default(),
    });
    let mut migration = Migration {
        setup,
        schedule,
        script,
        application,
        context,
        marks: None,
        moment: None,
        broken: Vec::new(),
        killed: 0,
        struck_before: 0,
        seeded: 0,
    };
    let ended = match tokio::time::timeout(FOR_EVER, migration.run()).await {
        Ok(Ok(())) => Ended::Complete,
        Ok(Err(why)) => Ended::Stopped(why),
        Err(_) => {
            let message = format!("the migration has not ended after {} h", FOR_EVER.as_secs() / 3_600);
            let finding = Finding::data("simulation", Kind::StillActive, "migration", message);
            migration.broken.push((Promise::ComesToAnEnd, finding));
            Ended::Stopped("it does not end".into())
        }
    };
    migration.conclude(ended, folder)
}

impl Migration<'_> {
    async fn run(&mut self) -> Result<(), String> {
        let steps: Vec<Step> = self.setup.plan.steps.clone();
        for step in &steps {
            let known = self.step(step).await;
            if let Err(why) = known {
                self.script.tell(|| format!("step    {} failed for good", step.id));
                // Users go back to work where they were.
                self.script.set_frozen(false);
                self.application.gate.open(Side::Source);
                self.stopped(&why);
                return Err(why);
            }
        }
        Ok(())
    }

    /// Nothing here stays wrong for long: what stops in an attempt in which nothing went wrong stops for ever.
    fn stopped(&mut self, why: &str) {
        if self.script.struck() == self.struck_before {
            let message =
                format!("the migration stops though it was resumed and nothing stood in its way: {why}");
            let finding = Finding::data("simulation", Kind::StillActive, "migration", message);
            self.broken.push((Promise::ComesToAnEnd, finding));
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step.action {
            Action::Seed => {
                self.seed();
                self.seeded = self.script.writes().0;
            }
            Action::StartWorkload => {
                self.application.gate.open(Side::Source);
                self.application.start(&self.schedule.events);
            }
            Action::AwaitWrites => tokio::time::sleep(BETWEEN).await,
            Action::Freeze => return self.freeze(step).await,
            Action::Pin => return self.pin().await,
            Action::Switch => {
                self.script.tell(|| format!("step    {}", step.id));
                self.script.set_frozen(false);
                self.application.gate.open(Side::Target);
            }
            Action::PrepareElasticsearch
            | Action::InitialListing
            | Action::WarmCopy
            | Action::SaveConfiguration
            | Action::FinalListing
            | Action::WaitTargets
            | Action::CopyIndices
            | Action::CopyDelta
            | Action::ValidateHealth => return self.drive(step).await,
            // What starts and stops stores, and what only looks: not simulated, and told so.
            _ => {}
        }
        Ok(())
    }

    /// Fills the source: documents, some of them changed before, with an alias and a template.
    fn seed(&self) {
        let application = &self.application;
        {
            let mut source = application.source.cluster();
            let component = json!({"template": {"settings": {"index": {"number_of_shards": "1"}}}});
            source.objects.insert(("component_template", "operate-common".into()), component);
            let pipeline =
                json!({"description": "dates", "processors": [{"set": {"field": "seen", "value": "1"}}]});
            source.objects.insert(("pipeline", "operate-dates".into()), pipeline);
            let policy =
                json!({"policy": {"phases": {"delete": {"min_age": "30d", "actions": {"delete": {}}}}}});
            source.objects.insert(("policy", "operate-retention".into()), policy);
            let template = json!({"index_patterns": [format!("{RUNNING}*")], "priority": 10, "template": {
                "settings": {"index": {"number_of_replicas": "1"}}, "aliases": {format!("{RUNNING}alias"): {}}}});
            source.templates.insert("operate-list-view_template".into(), template);
            let settings = [
                (RUNNING, json!({"number_of_shards": 1, "gc_deletes": "400ms"})),
                (RECORDS, json!({"number_of_shards": 2, "refresh_interval": "20s"})),
                (ARCHIVED, json!({"number_of_shards": 1, "number_of_replicas": 2})),
                (EMPTY, json!({"max_result_window": 5_000})),
            ];
            for (name, settings) in settings {
                let body = json!({"settings": {"index": settings}, "mappings": {"properties": {"write": {"type": "long"}}}});
                // They are new: nothing refuses them.
                let _ = source.create(name, &body, 0);
            }
            if let Some(index) = source.indices.get_mut(RUNNING) {
                index.aliases.insert("operate-write".into(), json!({"is_write_index": true}));
            }
        }
        let has_twins = self.setup.has_twins();
        for (index, ids) in seeded(self.schedule.documents) {
            for (number, id) in (0_u64..).zip(ids).filter(|(_, id)| has_twins || id != TWINS[1]) {
                for version in 0..=number % 3 {
                    let text = format!("{{\"write\":{}}}", number * 3 + version);
                    application.put(Side::Source, index, &id, text.into(), number, Heard::Answer);
                }
            }
        }
        let mut source = application.source.cluster();
        let all: Vec<String> = source.indices.keys().cloned().collect();
        source.refresh(&all);
    }

    /// Stops the application as a scale to zero does, and asks the witness whether the source has come to rest.
    async fn freeze(&mut self, step: &Step) -> Result<(), String> {
        if !self.setup.plan.steps.iter().any(|s| s.action == Action::AwaitWrites) {
            tokio::time::sleep(BETWEEN).await;
        }
        self.script.tell(|| format!("step    {}", step.id));
        if !self.script.lacks(Safeguard::Freeze) {
            self.application.gate.close();
            if !self.script.lacks(Safeguard::FreezeWait) {
                self.application.gate.emptied().await;
            }
        }
        let prefixes = self.setup.scenario.migration.index_prefixes.clone();
        let source = self.context.source.clone();
        let settled = self.resumed(|| FreezeWitness::settle(&source, &[], &prefixes, SETTLE)).await;
        let (marks, _) = settled?;
        self.marks = Some(marks);
        self.script.set_frozen(true);
        self.script.tell(|| "the source counts as frozen".into());
        Ok(())
    }

    /// Asks again what a store refused for the moment, as somebody who resumes the run does.
    async fn resumed<T, F: Future<Output = Result<T, drydock_migration::MigrationError>>>(
        &mut self,
        ask: impl Fn() -> F,
    ) -> Result<T, String> {
        let mut last = String::new();
        for _ in 0..=RESUMES {
            self.struck_before = self.script.struck();
            match ask().await {
                Ok(found) => return Ok(found),
                Err(error) => last = error.to_string(),
            }
            self.script.tell(|| format!("failed  {last}"));
            tokio::time::sleep(MENDING).await;
        }
        Err(last)
    }

    /// The moment that is compared: what is on both sides before users come back.
    async fn pin(&mut self) -> Result<(), String> {
        let prefixes = self.setup.scenario.migration.index_prefixes.clone();
        let source = self.context.source.clone();
        let now = self.resumed(|| FreezeWitness::capture(&source, &[], &prefixes)).await?;
        let told = self.marks.as_ref().map(|marks| compare(marks, &now)).unwrap_or_default();
        let late = self.script.late();
        match (late, told.into_iter().next()) {
            (0, None) => {}
            // Nobody wrote: it cries without a cause.
            (0, Some(alarm)) => self.broken.push((Promise::WitnessTells, alarm)),
            (_, Some(told)) => self.broken.push((Promise::FreezeHolds, told)),
            (late, None) => {
                let message =
                    format!("{late} writes reached the frozen source, and its witness did not notice");
                let finding = Finding::data(checks::FREEZE, Kind::StillActive, "source", message);
                self.broken.push((Promise::WitnessTells, finding));
            }
        }
        self.moment = Some(Moment {
            source: self.application.source.cluster().clone(),
            target: self.application.target.cluster().clone(),
            log: self.application.log().clone(),
        });
        Ok(())
    }

    fn kill(&self, action: Action) -> Option<Duration> {
        let wanted = match action {
            Action::WarmCopy => Killed::Warm,
            Action::CopyIndices | Action::CopyDelta => Killed::Cutover,
            _ => return None,
        };
        self.schedule.events.iter().find_map(|event| match event {
            Event::Kill { during, after } if *during == wanted => Some(Duration::from_millis(*after)),
            _ => None,
        })
    }

    /// One step of the driver. What fails or is killed is resumed some times.
    async fn drive(&mut self, step: &Step) -> Result<(), String> {
        let mut done = BTreeSet::new();
        let mut last = String::new();
        for resume in 0..=RESUMES {
            let attempt = if resume == 0 { Attempt::First } else { Attempt::Again };
            self.script.tell(|| format!("step    {}{}", step.id, if resume == 0 { "" } else { ", resumed" }));
            self.struck_before = self.script.struck();
            let told = Told { script: Arc::clone(&self.script), items: Mutex::default() };
            let outcome = {
                let work = BuiltinDriver.perform(&self.context, step.action, &done, attempt, &told);
                match self.kill(step.action).filter(|_| resume == 0) {
                    None => Some(work.await),
                    Some(after) => tokio::time::timeout(after, work).await.ok(),
                }
            };
            done.extend(told.items.into_inner().unwrap_or_else(PoisonError::into_inner));
            match outcome {
                Some(Ok(facts)) => {
                    self.script.tell(|| format!("done    {} {}", step.id, json!(facts)));
                    return Ok(());
                }
                Some(Err(error)) => {
                    last = error.to_string();
                    self.script.tell(|| format!("failed  {}: {last}", step.id));
                }
                None => {
                    self.killed += 1;
                    self.script.tell(|| format!("killed  {}", step.id));
                }
            }
            tokio::time::sleep(MENDING).await;
        }
        Err(format!("{}: {last}", step.id))
    }

    fn conclude(mut self, ended: Ended, folder: &Path) -> Played {
        let migration = &self.setup.scenario.migration;
        let mut judged = 0;
        if let (Ended::Complete, Some(moment)) = (&ended, &self.moment) {
            self.broken.extend(judge(moment, &migration.index_prefixes, migration.create_indices));
            judged = wanted(&moment.log, &migration.index_prefixes);
            self.broken.extend(judge_source(&moment.log, &moment.source));
        } else {
            let source = self.application.source.cluster();
            self.broken.extend(judge_source(&self.application.log(), &source));
        }
        let (written, refused) = self.script.writes();
        for (promise, finding) in &self.broken {
            self.script
                .tell(|| format!("broken  {}: {} ({})", promise.as_str(), finding.message, finding.check));
        }
        self.script.tell(|| match &ended {
            Ended::Complete => "ended   users work on the target".into(),
            Ended::Stopped(why) => format!("ended   stopped, users work on the source: {why}"),
            Ended::Broken(why) => format!("ended   the simulation broke: {why}"),
        });
        let millis = self.script.now();
        let (trace, struck, requests, gaps) = self.script.end();
        // The folder has another name each time.
        let folder = folder.display().to_string();
        let shown = |text: &String| text.replace(&folder, "RUN");
        let ended = match ended {
            Ended::Stopped(why) => Ended::Stopped(shown(&why)),
            other => other,
        };
        Played {
            ended,
            broken: self.broken,
            trace: trace.iter().map(shown).collect(),
            millis,
            struck: struck + self.killed,
            requests,
            judged,
            written: written - self.seeded,
            refused,
            gaps,
        }
    }
}

/// Hears what the driver tells.
struct Told {
    script: Arc<Script>,
    items: Mutex<BTreeSet<String>>,
}

impl Reporter for Told {
    fn item(&self, item: &str, moved: u64) {
        self.script.tell(|| format!("item    {item}, {moved} documents"));
        self.items.lock().unwrap_or_else(PoisonError::into_inner).insert(item.to_owned());
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _unit: &str) {}

    fn note(&self, text: &str) {
        self.script.tell(|| format!("note    {text}"));
    }
}
