//! The world of a simulated run: the steps of the plan, carried out between two simulated clusters in virtual time. It is asked by
//! the flow of real runs, which knows no difference, and forgets what a process forgets when it is killed.

mod back;
mod cutover;
mod harmless;
mod stage;

pub(crate) use stage::Stage;

use crate::aftermath::describe;
use crate::promises::{Held, Promise};
use crate::safeguard::Safeguard;
use crate::schedule::{Mishap, Side};
use drydock_core::event::ServiceState;
use drydock_core::finding::{Class, Finding, Kind};
use drydock_core::names::checks;
use drydock_core::{Action, Event, Step, StepId};
use drydock_migration::freeze::{FreezeWitness, Marks};
use drydock_migration::{BuiltinDriver, Reporter};
use drydock_rehearsal::Recorder;
use drydock_rehearsal::flow::{Attempt, Facts, Progress, StepError, Whereabouts, World};
use drydock_rehearsal::guard;
use drydock_stores::compare::{CheckResult, Fingerprint};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// Users work on so long before the cutover.
const BETWEEN: Duration = Duration::from_millis(1_500);

pub(crate) type Stepped<T> = Result<T, StepError>;

/// One life of a simulated run.
pub(crate) struct SimWorld<'s> {
    stage: &'s Stage,
    recorder: Recorder,
    marks: Option<Looked>,
    compared: Option<Looked>,
    still: Option<Looked>,
    /// Both sides as they were pinned.
    pinned: Option<(Held, Held)>,
    objections: u64,
    counts_differ: u64,
    refusals: Vec<String>,
    closed_ms: Option<u64>,
    opened_ms: Option<u64>,
    back: back::WayBack,
    /// Why the last step that failed did.
    pub(crate) last_error: String,
}

/// Marks, with what the observer knew when they were taken: writes that had reached the frozen source before and after.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
pub(crate) struct Looked {
    marks: Marks,
    late: (u64, u64),
}

fn environment(message: impl Into<String>) -> StepError {
    let next = "resume the run".to_owned();
    StepError { class: Class::Environment, message: message.into(), next }
}

impl<'s> SimWorld<'s> {
    pub(crate) fn new(stage: &'s Stage, recorder: Recorder) -> Self {
        Self {
            stage,
            recorder,
            marks: None,
            compared: None,
            still: None,
            pinned: None,
            objections: 0,
            counts_differ: 0,
            refusals: Vec::new(),
            closed_ms: None,
            opened_ms: None,
            back: back::WayBack::default(),
            last_error: String::new(),
        }
    }

    fn lacks(&self, safeguard: Safeguard) -> bool {
        self.stage.script.lacks(safeguard)
    }

    fn found(&mut self, finding: Finding) {
        self.weigh(&finding);
        self.stage.script.tell(|| format!("finding {} ({})", finding.message, finding.check));
        self.recorder.emit(Event::Finding(finding));
    }

    fn weigh(&mut self, finding: &Finding) {
        if guard::objects(finding) {
            self.objections += 1;
            self.counts_differ += u64::from(guard::says_counts_differ(finding));
        }
    }

    fn conclude(&mut self, result: CheckResult) {
        let (findings, finished) = result.told();
        for finding in findings {
            self.found(finding);
        }
        self.recorder.emit(finished);
    }

    /// Takes the marks of the source.
    async fn look(&self) -> Stepped<Looked> {
        let (before, open) = (self.stage.script.late(), self.stage.application.lasting_sessions());
        let prefixes = &self.stage.context.spec.index_prefixes;
        let marks = FreezeWitness::capture(&self.stage.context.source, &self.databases(), prefixes).await?;
        self.sessions_told(&open, &marks);
        Ok(Looked { marks, late: (before, self.stage.script.late()) })
    }

    /// Names of the databases that are migrated.
    fn databases(&self) -> Vec<String> {
        self.stage.databases.iter().map(ToString::to_string).collect()
    }

    /// Holds what the witness tells of sessions against what the observer knows: one that was open all the time is told.
    fn sessions_told(&self, open_before: &[i32], marks: &Marks) {
        let open = self.stage.application.lasting_sessions();
        let stayed = open_before.iter().find(|session| open.contains(session));
        if let Some(session) = stayed.filter(|pid| !marks.sessions.iter().any(|told| told.pid == **pid)) {
            let message =
                format!("session {session} is open on the frozen source, and its witness did not notice");
            let finding = Finding::data(checks::FREEZE, Kind::StillActive, "source", message);
            self.stage.broke(Promise::WitnessTells, finding);
        }
    }

    /// Lets the driver do a step.
    async fn drive(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        let attempt = match attempt {
            Attempt::First => drydock_migration::Attempt::First,
            Attempt::Again => drydock_migration::Attempt::Again,
        };
        let told = Told { stage: self.stage, recorder: self.recorder.clone(), step: step.id.clone() };
        Ok(BuiltinDriver.perform(&self.stage.context, step.action, items, attempt, &told).await?)
    }

    fn keep<T: Serialize>(&self, file: &str, value: &T) -> Stepped<()> {
        let path = self.stage.folder.join(file);
        let text = serde_json::to_vec(value).map_err(|e| environment(e.to_string()))?;
        std::fs::write(&path, text).map_err(|e| environment(format!("cannot write {}: {e}", path.display())))
    }

    fn kept<T: DeserializeOwned>(&self, file: &str) -> Stepped<T> {
        let path = self.stage.folder.join(file);
        let failed = |e: String| environment(format!("{} cannot be read: {e}", path.display()));
        let text = std::fs::read(&path).map_err(|e| failed(e.to_string()))?;
        serde_json::from_slice(&text).map_err(|e| failed(e.to_string()))
    }

    /// Describes a side. A side that does not answer cannot be described.
    async fn describe(&self, side: Side) -> Stepped<Fingerprint> {
        let application = &self.stage.application;
        // What a description of one request after the other takes; users' writes wait meanwhile.
        tokio::time::sleep(Duration::from_millis(120)).await;
        if application.is_away(side) {
            return Err(environment(format!("the {} does not answer", side.as_str())));
        }
        Ok(describe(&application.held(side)))
    }

    async fn carry_out(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        match step.action {
            Action::Provision | Action::Baseline | Action::ValidateTargets | Action::TearDown => {
                Ok(Facts::new())
            }
            Action::Seed => {
                self.stage.seed();
                Ok(Facts::new())
            }
            Action::StartWorkload => {
                self.stage.application.gate.open(Side::Source);
                self.recorder.emit(Event::Service { state: ServiceState::OnSource });
                self.stage.application.start(&self.stage.schedule.events);
                Ok(Facts::new())
            }
            Action::AwaitWrites => {
                tokio::time::sleep(BETWEEN).await;
                Ok(Facts::new())
            }
            Action::MeasureBefore => self.measure_before().await,
            Action::MeasureAfter => self.measure_after().await,
            Action::Freeze => self.freeze(attempt).await,
            Action::Pin => self.pin().await,
            Action::Switch => self.switch(),
            Action::Compare => self.compare().await,
            Action::CleanupGuard => self.guard(attempt).await,
            Action::CleanupSource => self.clean_up(step, attempt, items).await,
            Action::DescribeFrozen => self.describe_frozen().await,
            Action::CheckArtefacts => self.check_artefacts(step).await,
            Action::WorkOnTarget => {
                tokio::time::sleep(BETWEEN).await;
                Ok(Facts::new())
            }
            Action::StartSource => self.start_source(),
            Action::HoldAgainstBaseline => self.hold().await,
            Action::CloseTarget => self.close_target().await,
            Action::SwitchBack => self.switch_back().await,
            Action::CompareBack => self.compare_back().await,
            Action::StopWorkload => Ok(Facts::new()),
            Action::Restore(component) => {
                if let (Some(database), Attempt::First) = (component.database(), attempt) {
                    self.stage.application.start_early(database, &self.stage.schedule.events);
                }
                self.drive(step, attempt, items).await
            }
            _ => self.drive(step, attempt, items).await,
        }
    }

    /// Brings back what a process forgets when it is killed.
    async fn bring_back(&mut self, done: &Progress) -> Stepped<()> {
        let plan = &self.stage.plan;
        let did = |action| done.did(plan, action);
        let begun = |action| done.began(plan, action);
        let whereabouts = if self.lacks(Safeguard::Whereabouts) {
            // As the steps of the way there alone tell.
            match (did(Action::Switch), begun(Action::Freeze)) {
                (true, _) => Whereabouts::OnTarget,
                (false, true) => Whereabouts::Waiting,
                (false, false) => Whereabouts::OnSource,
            }
        } else {
            done.whereabouts(plan)
        };
        let over = did(Action::Compare) || did(Action::HoldAgainstBaseline);
        let recall = did(Action::Freeze) && !over && whereabouts != Whereabouts::OnSource;
        let held = did(Action::HoldAgainstBaseline) && !begun(Action::SwitchBack);
        let guarded = did(Action::CleanupGuard) && !did(Action::CleanupSource);
        if !self.lacks(Safeguard::Orphans) {
            self.stage.workshop.end_orphans();
        }
        // Who resumes a run starts what it finds stopped, unless that was cleaned up.
        if !did(Action::CleanupSource) {
            self.stage.application.start_source();
        }
        let gate = &self.stage.application.gate;
        if done.writes_wait(plan) {
            gate.close();
        } else {
            match whereabouts {
                Whereabouts::OnSource => self.stage.let_in(Side::Source),
                Whereabouts::OnTarget => self.stage.let_in(Side::Target),
                Whereabouts::Waiting => gate.close(),
            }
        }
        self.stage.script.tell(|| format!("resumed, users {whereabouts:?}"));
        (self.closed_ms, self.opened_ms) = (done.closed_ms, done.opened_ms);
        if recall {
            let before: Looked = self.kept(cutover::MARKS)?;
            self.marks = Some(before);
        }
        if held && whereabouts != Whereabouts::OnSource {
            self.still = Some(self.kept(back::HELD)?);
        }
        for finding in &done.found {
            self.weigh(finding);
        }
        if guarded && whereabouts == Whereabouts::OnTarget {
            self.guard(Attempt::Again).await?;
        }
        Ok(())
    }
}

impl World for SimWorld<'_> {
    async fn reattach(&mut self, done: &Progress) -> Stepped<()> {
        self.bring_back(done)
            .await
            .inspect_err(|error| self.last_error = format!("resume: {}", error.message))
    }

    async fn perform(&mut self, step: &Step, attempt: Attempt, items: &BTreeSet<String>) -> Stepped<Facts> {
        let again = if attempt == Attempt::Again { ", resumed" } else { "" };
        self.stage.script.tell(|| format!("step    {}{again}", step.id));
        let mishap = self.stage.befalls(step);
        let failing = || environment(format!("{} fails, as the schedule of this simulation has it", step.id));
        let outcome = match mishap {
            Some(Mishap::KilledBefore) => self.stage.die(&step.id).await,
            Some(Mishap::FailsBefore) => Err(failing()),
            Some(Mishap::KilledWithin(ms)) => {
                let limit = Duration::from_millis(ms);
                match tokio::time::timeout(limit, Box::pin(self.carry_out(step, attempt, items))).await {
                    Ok(outcome) => outcome,
                    Err(_) => self.stage.die(&step.id).await,
                }
            }
            Some(Mishap::KilledAfter) => {
                let _ = Box::pin(self.carry_out(step, attempt, items)).await;
                self.stage.die(&step.id).await
            }
            Some(Mishap::FailsAfter) => {
                Box::pin(self.carry_out(step, attempt, items)).await.and_then(|_| Err(failing()))
            }
            None => Box::pin(self.carry_out(step, attempt, items)).await,
        };
        match outcome {
            Ok(facts) => {
                self.note_captured(step, &facts)?;
                self.stage.script.tell(|| format!("done    {} {}", step.id, serde_json::json!(facts)));
                Ok(facts)
            }
            Err(error) => {
                self.last_error = format!("{}: {}", step.id, error.message);
                self.stage.script.tell(|| format!("failed  {}", self.last_error));
                Err(error)
            }
        }
    }

    async fn plant(&mut self, _: &StepId) -> Stepped<()> {
        Ok(())
    }

    fn allows(&self, action: Action) -> Result<(), String> {
        match action {
            Action::Announce => Err("a dry run tells it and does not do it".into()),
            Action::CleanupSource | Action::ValidateAlone if !self.lacks(Safeguard::CleanupGuard) => {
                guard::still_allowed(&self.refusals, self.objections)
            }
            _ => Ok(()),
        }
    }
}

/// Hears what the driver tells.
struct Told<'s> {
    stage: &'s Stage,
    recorder: Recorder,
    step: StepId,
}

impl Reporter for Told<'_> {
    fn item(&self, item: &str, moved: u64) {
        self.stage.script.tell(|| format!("item    {item}, {moved} documents"));
        let (step, item) = (self.step.clone(), item.to_owned());
        self.recorder.emit(Event::ItemFinished { step, item, moved });
    }

    fn progress(&self, _done: u64, _total: Option<u64>, _unit: &str) {}

    fn note(&self, text: &str) {
        self.stage.script.tell(|| format!("note    {text}"));
        let level = drydock_core::event::NoteLevel::Info;
        self.recorder.emit(Event::Note { level, text: text.to_owned() });
    }
}

/// A folder as a text for people.
pub(crate) fn shown(text: &str, folder: &Path) -> String {
    text.replace(&folder.display().to_string(), "RUN")
}
