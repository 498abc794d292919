//! What outlives a killed run: the clusters, users, the run's folder, what is still to befall, and what the observer noted. The
//! world of a run does not read the notes.

use super::shown;
use crate::chance::drawn;
use crate::clients::Application;
use crate::postgres::Workshop;
use crate::promises::{Held, Moment, Promise};
use crate::safeguard::Safeguard;
use crate::schedule::{
    ARCHIVED, EMPTY, Event, Heard, Killed, Mishap, RECORDS, RUNNING, Schedule, Side, TWINS,
};
use crate::script::Script;
use crate::setup::Setup;
use drydock_core::finding::Finding;
use drydock_core::{Action, Plan, Scenario, Step, StepId};
use drydock_migration::MigrationContext;
use drydock_rehearsal::flow::Progress;
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Place of the hesitation among what is drawn from a seed.
const HESITATING: u64 = 0x6775_6172;
/// The longest hesitation.
const LONGEST_MS: u64 = 6_000;

/// What the observer noted.
#[derive(Default)]
pub(crate) struct Truth {
    /// When users were first let onto the target.
    pub(crate) met: Option<Moment>,
    /// When the source was cleaned up.
    pub(crate) cleaned: Option<(Moment, Option<Side>)>,
    /// When users were first let back onto the source, and then in milliseconds.
    pub(crate) returned: Option<(Moment, u64)>,
    /// Before something that promises to change nothing.
    before: Option<(Held, Held)>,
    /// Promises that were seen to break.
    pub(crate) broken: Vec<(Promise, Finding)>,
    /// Whether a way back told what it loses.
    pub(crate) told: bool,
    /// Whether a promise of changing nothing was judged.
    pub(crate) harmless: u64,
    frozen: bool,
    /// Writes of users before they were let in, which fill the source.
    pub(crate) seeded: u64,
    pub(crate) killed: u64,
    befell: Vec<Event>,
}

/// Everything that outlives a life of a run.
pub(crate) struct Stage {
    pub(crate) scenario: Scenario,
    pub(crate) plan: Plan,
    pub(crate) schedule: Schedule,
    pub(crate) script: Arc<Script>,
    pub(crate) application: Arc<Application>,
    pub(crate) context: MigrationContext,
    pub(crate) folder: PathBuf,
    pub(crate) death: Notify,
    has_twins: bool,
    /// Where client programs run.
    pub(crate) workshop: Arc<Workshop>,
    /// Databases that are migrated, and so named on the servers.
    pub(crate) databases: Vec<&'static str>,
    truth: Mutex<Truth>,
}

impl Stage {
    pub(crate) fn new(
        setup: &Setup,
        schedule: &Schedule,
        script: Arc<Script>,
        application: Arc<Application>,
        workshop: Arc<Workshop>,
        context: MigrationContext,
    ) -> Self {
        let scenario = setup.scenario_for(schedule);
        Self {
            plan: Plan::of(&scenario),
            scenario,
            schedule: schedule.clone(),
            script,
            application,
            folder: context.run_dir.clone(),
            context,
            death: Notify::new(),
            has_twins: setup.has_twins(),
            workshop,
            databases: setup.databases(),
            truth: Mutex::default(),
        }
    }

    pub(crate) fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn broke(&self, promise: Promise, finding: Finding) {
        let mut truth = self.truth();
        if !truth.broken.iter().any(|(p, f)| *p == promise && f.check == finding.check) {
            truth.broken.push((promise, finding));
        }
    }

    /// What the process of a run dies of: nothing of it goes on.
    pub(crate) async fn die<T>(&self, step: &StepId) -> T {
        self.truth().killed += 1;
        self.script.tell(|| format!("killed  {step}"));
        self.death.notify_one();
        std::future::pending().await
    }

    /// What befalls a step now; each event once.
    pub(crate) fn befalls(&self, step: &Step) -> Option<Mishap> {
        let killed = match step.action {
            Action::WarmCopy => Some(Killed::Warm),
            Action::CopyIndices | Action::CopyDelta => Some(Killed::Cutover),
            _ => None,
        };
        let mut truth = self.truth();
        let due =
            self.schedule.events.iter().filter(|event| !truth.befell.contains(event)).find_map(|event| {
                let mishap = match event {
                    Event::Mishap { step: of, mishap } if step.id.as_str() == of => *mishap,
                    Event::Kill { during, after } if killed == Some(*during) => Mishap::KilledWithin(*after),
                    _ => return None,
                };
                Some((event.clone(), mishap))
            });
        let (event, mishap) = due?;
        truth.befell.push(event);
        drop(truth);
        self.script.befell();
        Some(mishap)
    }

    /// Both sides and what was acknowledged, now.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            source: self.application.held(Side::Source),
            target: self.application.held(Side::Target),
            acks: self.application.acks().clone(),
        }
    }

    /// Lets users in on a side.
    pub(crate) fn let_in(&self, side: Side) {
        let met = (side == Side::Target).then(|| self.moment());
        {
            let mut truth = self.truth();
            // What users write from now on is nobody's harm.
            truth.before = None;
            if let Some(met) = met {
                truth.met.get_or_insert(met);
            } else {
                self.script.set_frozen(false);
            }
        }
        self.application.gate.open(side);
    }

    /// The source counts as frozen from now on. Pods that do not end write from now on.
    pub(crate) fn declare_frozen(&self) {
        self.script.set_frozen(true);
        self.script.tell(|| "the source counts as frozen".into());
        let first = !std::mem::replace(&mut self.truth().frozen, true);
        if first {
            self.application.straggle(&self.schedule.events);
        }
    }

    /// Lets users back onto the source.
    pub(crate) fn go_back(&self) {
        let moment = self.moment();
        self.truth().returned.get_or_insert((moment, self.script.now()));
        self.let_in(Side::Source);
    }

    pub(crate) fn returned(&self) -> Option<Moment> {
        self.truth().returned.as_ref().map(|(moment, _)| moment.clone())
    }

    pub(crate) fn returned_ms(&self) -> Option<u64> {
        self.truth().returned.as_ref().map(|(_, ms)| *ms)
    }

    pub(crate) fn note_told(&self) {
        self.truth().told = true;
    }

    /// The source is cleaned up.
    pub(crate) fn clean(&self) {
        let moment = self.moment();
        self.truth().cleaned.get_or_insert((moment, self.application.gate.side()));
        self.application.stop_source();
    }

    /// Notes what both sides are before something that promises to change nothing.
    pub(crate) fn observe_before(&self) {
        let Moment { source, target, .. } = self.moment();
        self.truth().before = Some((source, target));
    }

    /// A side before and now.
    pub(crate) fn changed_since_before(&self, side: Side) -> Option<(Held, Held)> {
        let now = self.moment();
        let mut truth = self.truth();
        truth.harmless += 1;
        let (source, target) = truth.before.as_ref()?;
        Some(match side {
            Side::Source => (source.clone(), now.source),
            Side::Target => (target.clone(), now.target),
        })
    }

    /// What a resumed life is told of the ones before.
    pub(crate) fn as_resumed(&self, mut progress: Progress) -> Progress {
        if self.script.lacks(Safeguard::GivenUp) && progress.gave_up(&self.plan) {
            let returns = |step: &StepId| {
                step.as_str().starts_with("rollback/") && step.as_str() != "rollback/baseline"
            };
            progress.done.retain(|step| !returns(step));
            progress.begun.retain(|step| !returns(step));
        }
        progress
    }

    /// How long somebody hesitates before the clean-up.
    pub(crate) fn hesitation(&self) -> Duration {
        Duration::from_millis(drawn(self.schedule.seed, HESITATING) % LONGEST_MS)
    }

    /// A text without the name of the folder, which is another one each time.
    pub(crate) fn shown(&self, text: &str) -> String {
        shown(text, &self.folder)
    }

    /// Fills the source: documents, some of them changed before, with an alias, templates and other definitions.
    pub(crate) fn seed(&self) {
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
        for (index, ids) in crate::draw::seeded(self.schedule.documents) {
            for (number, id) in (0_u64..).zip(ids).filter(|(_, id)| self.has_twins || id != TWINS[1]) {
                for version in 0..=number % 3 {
                    let text = format!("{{\"write\":{}}}", number * 3 + version);
                    application.put(Side::Source, index, &id, text.into(), number, Heard::Answer);
                }
            }
        }
        crate::rows::define(application.server(Side::Source), &self.databases);
        for (number, what) in
            (0_u64..).zip(crate::draw::seeded_rows(&self.databases, self.schedule.documents))
        {
            application.seed_row(number, &what);
        }
        let mut source = application.source.cluster();
        let all: Vec<String> = source.indices.keys().cloned().collect();
        source.refresh(&all);
        // They have been there for long.
        source.indices.values_mut().for_each(|index| index.starts = 0);
        drop(source);
        self.truth().seeded = self.script.writes().0;
    }
}
