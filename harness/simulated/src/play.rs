//! One seed played to its end: the flow of real runs over the plan's steps, with the builtin driver, in virtual time.

use crate::aftermath::{judge_clean_up, judge_target};
use crate::clients::Application;
use crate::lives::live;
use crate::peer::Peer;
use crate::postgres::{PgPeer, Workshop};
use crate::promises::{Moment, Promise, judge, judge_source, wanted};
use crate::safeguard::Safeguard;
use crate::schedule::{Class, Schedule, Side};
use crate::script::{Script, Tracing};
use crate::setup::Setup;
use crate::world::Stage;
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use drydock_migration::MigrationContext;
use drydock_migration::programs::Programs;
use drydock_stores::StorePair;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How a migration ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The plan was carried out to its end; where users work then is the plan's to say.
    Complete,
    /// It stopped by itself and said why.
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
    /// Documents whose fate was judged where users were: 0 if they never came to the target and nobody promised anything else, or
    /// if no prefix wants any.
    pub judged: u64,
    /// Writes of users that were carried out.
    pub written: u64,
    /// Writes of users that were refused, each try of them.
    pub refused: u64,
    /// Requests by cluster and kind.
    pub of_class: BTreeMap<(Side, Class), u32>,
    /// Requests that the simulator does not know.
    pub gaps: Vec<String>,
    /// The record of the run, if a trace was asked for.
    pub record: String,
}

impl Played {
    /// Whether it proves anything: it came to its end, something was written, and something was judged.
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
        of_class: BTreeMap::new(),
        gaps: Vec::new(),
        record: String::new(),
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

async fn played(setup: &Setup, schedule: &Schedule, tracing: Tracing, folder: &Path) -> Played {
    let script = Arc::new(Script::new(schedule, setup.without, tracing));
    let (source, target) = (Peer::new(Side::Source, &script), Peer::new(Side::Target, &script));
    target.reads_from(&source);
    source.reads_from(&target);
    let servers = [Side::Source, Side::Target].map(|side| PgPeer::new(side, &script));
    let [of_source, of_target] = &servers;
    let pair = |peer: &Arc<Peer>, server: &Arc<PgPeer>| StorePair {
        postgres: server.endpoint(),
        elasticsearch: peer.endpoint(),
    };
    let workshop = Arc::new(Workshop::new(of_source, of_target));
    let password = |role: &str| (role.to_owned(), "simulated".to_owned().into());
    let context = MigrationContext {
        source: pair(&source, of_source),
        target: pair(&target, of_target),
        programs: Programs::InProcess(Arc::clone(&workshop) as _),
        spec: setup.scenario.migration.clone(),
        clients: folder.to_owned(),
        dumps: folder.join("dumps"),
        roles: setup.databases().into_iter().map(password).collect(),
        run_dir: folder.to_owned(),
        cancel: Default::default(),
    };
    let application = Arc::new(Application::new(source, target, servers, Arc::clone(&script)));
    let stage = Stage::new(setup, schedule, script, application, workshop, context);
    let ended = live(&stage).await;
    conclude(&stage, ended, tracing)
}

/// Judges what became of everything.
fn conclude(stage: &Stage, ended: Ended, tracing: Tracing) -> Played {
    let now = stage.moment();
    let prefixes = &stage.scenario.migration.index_prefixes;
    let users = stage.application.gate.side();
    for (promise, finding) in promises(stage, &now, users, &ended) {
        stage.broke(promise, finding);
    }
    let truth = stage.truth();
    let judged = if truth.met.is_some() || truth.returned.is_some() || truth.harmless > 0 {
        wanted(&now.acks.log, prefixes)
    } else {
        0
    };
    let (written, refused) = stage.script.writes();
    for (promise, finding) in &truth.broken {
        stage
            .script
            .tell(|| format!("broken  {}: {} ({})", promise.as_str(), finding.message, finding.check));
    }
    let place = match users {
        Some(Side::Source) => "users work on the source",
        Some(Side::Target) => "users work on the target",
        None => "users wait",
    };
    stage.script.tell(|| match &ended {
        Ended::Complete => format!("ended   {place}"),
        Ended::Stopped(why) => format!("ended   stopped, {place}: {why}"),
        Ended::Broken(why) => format!("ended   the simulation broke: {why}"),
    });
    let millis = stage.script.now();
    let (trace, struck, requests, gaps) = stage.script.end();
    let record = match tracing {
        Tracing::On => std::fs::read_to_string(stage.folder.join("record.jsonl")).unwrap_or_default(),
        Tracing::Off => String::new(),
    };
    Played {
        ended,
        broken: truth.broken.clone(),
        trace: trace.iter().map(|line| stage.shown(line)).collect(),
        millis,
        struck,
        requests,
        judged,
        written: written - truth.seeded,
        refused,
        of_class: stage.script.of_class(),
        gaps,
        record: stage.shown(&record),
    }
}

fn promises(stage: &Stage, now: &Moment, users: Option<Side>, ended: &Ended) -> Vec<(Promise, Finding)> {
    let truth = stage.truth();
    let migration = &stage.scenario.migration;
    let prefixes = &migration.index_prefixes;
    let mut broken = Vec::new();
    if let Some(met) = &truth.met {
        broken.extend(judge(met, prefixes, migration.create_indices));
        if users == Some(Side::Target) {
            broken.extend(judge_target(met, now, prefixes));
        }
    }
    let kept = if truth.returned.is_some() { Promise::RollbackRestores } else { Promise::SourceKept };
    broken.extend(judge_source(kept, &now.acks.on_source, &now.source));
    if let Some((cleaned, users_then)) = &truth.cleaned {
        broken.extend(judge_clean_up(cleaned, prefixes));
        if *users_then != Some(Side::Target) {
            let message = "the source was cleaned up and users did not work on the target".to_owned();
            let finding = Finding::data(checks::CLEANUP_GUARD, Kind::LostWrite, "source", message);
            broken.push((Promise::CleanupKeepsACopy, finding));
        }
    }
    // Who came back from the target was told what is lost.
    let lost_something = truth.met.is_some() && truth.returned.is_some();
    if lost_something && !truth.told && *ended == Ended::Complete {
        let message =
            "users went back from the target, and nobody told what of their writes is lost".to_owned();
        let finding = Finding::data(checks::RB_WRITES, Kind::LostWrite, "after the switch", message);
        broken.push((Promise::RollbackRestores, finding));
    }
    broken
}
