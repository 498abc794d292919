//! The order of things: prepare, run, conclude and clean up. Knows no store and no process, so that its order is tested in
//! milliseconds on a fake world.

use crate::recorder::Recorder;
use drydock_core::event::{Ending, NoteLevel, ServiceState};
use drydock_core::scenario::{FaultKind, Moment};
use drydock_core::{Action, Class, Event, Finding, Kind, Outcome, Plan, Step, StepId, StepOutcome};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

/// Figures of a step.
pub type Facts = BTreeMap<String, Value>;

/// Whether a step is done for the first time in this run's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Nothing of it has been done.
    First,
    /// It was begun before, by a process that was killed or stopped.
    Again,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// Who has to act: `Class::Environment` never says anything about the migration.
    pub class: Class,
    /// What was attempted and what happened.
    pub message: String,
    /// What to do next.
    pub next: String,
}

/// What a run does when a step fails that has something to go back to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum AfterFailure {
    /// It goes back at once.
    #[default]
    GoBack,
    /// It waits: somebody mends the cause, and it is resumed.
    Wait,
}

/// Where the steps happen.
pub trait World {
    /// Brings back what a resumed run needs and a step that is already done would have made.
    fn reattach(&mut self, done: &Progress) -> impl Future<Output = Result<(), StepError>>;
    /// Does one step.
    fn perform(
        &mut self,
        step: &Step,
        attempt: Attempt,
        items: &BTreeSet<String>,
    ) -> impl Future<Output = Result<Facts, StepError>>;
    /// Plants the losses that are due after a step.
    fn plant(&mut self, after: &StepId) -> impl Future<Output = Result<(), StepError>>;
    /// Whether a step that would do harm may be done now.
    fn allows(&self, action: Action) -> Result<(), String>;
    /// What a step that fails is followed by.
    fn after_failure(&self) -> AfterFailure {
        AfterFailure::GoBack
    }
}

/// How far a run has come, as its record tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps done.
    pub done: BTreeSet<StepId>,
    /// Steps begun, done or not.
    pub begun: BTreeSet<StepId>,
    /// Steps that were left out, because something objected.
    pub skipped: BTreeSet<StepId>,
    /// Items done within steps.
    pub items: BTreeMap<StepId, BTreeSet<String>>,
    /// Losses planted, by the step after which they were.
    pub planted: BTreeSet<StepId>,
    /// Failures caused, with the step in which they were. Each happens once in a run, however often it is resumed.
    pub struck: BTreeSet<(String, StepId)>,
    /// When the service was first closed, in milliseconds of the run's clock.
    pub closed_ms: Option<u64>,
    /// When it was opened again.
    pub opened_ms: Option<u64>,
    /// What checks found so far, of the steps that still count.
    pub found: Vec<Finding>,
}

impl Progress {
    /// Reads it from the entries of a record.
    pub fn of(record: &drydock_core::Record) -> Self {
        let mut progress = Self::default();
        for entry in &record.entries {
            match &entry.event {
                Event::StepStarted { step } => {
                    progress.begun.insert(step.clone());
                }
                Event::StepFinished { step, outcome: StepOutcome::Done, .. } => {
                    progress.done.insert(step.clone());
                }
                Event::StepFinished { step, outcome: StepOutcome::Skipped, .. } => {
                    progress.skipped.insert(step.clone());
                }
                Event::ItemFinished { step, item, .. } => {
                    progress.items.entry(step.clone()).or_default().insert(item.clone());
                }
                Event::FaultPlanted { fault, after, .. } => {
                    match FaultKind::of_name(fault).map(FaultKind::moment) {
                        Some(Moment::During) => {
                            progress.struck.insert((fault.clone(), after.clone()));
                        }
                        _ => {
                            progress.planted.insert(after.clone());
                        }
                    }
                }
                Event::Service { state: ServiceState::Closed } => {
                    progress.closed_ms.get_or_insert(entry.ms);
                }
                Event::Service { state: ServiceState::OnTarget } => {
                    progress.opened_ms.get_or_insert(entry.ms);
                }
                Event::RunResumed { starts_over: Some(_), .. } => {
                    progress = Self { struck: std::mem::take(&mut progress.struck), ..Self::default() };
                }
                _ => {}
            }
        }
        progress.found = record
            .effective()
            .into_iter()
            .filter_map(|entry| match &entry.event {
                Event::Finding(finding) => Some(finding.clone()),
                _ => None,
            })
            .collect();
        progress
    }

    /// Whether the plan has this action and its step is done.
    pub fn did(&self, plan: &Plan, action: Action) -> bool {
        plan.id_of(action).is_some_and(|id| self.done.contains(id))
    }

    /// Whether the plan has this action and its step was begun, done or not.
    pub fn began(&self, plan: &Plan, action: Action) -> bool {
        plan.id_of(action).is_some_and(|id| self.begun.contains(id))
    }

    /// Where users are, as far as the steps tell. Who goes on with a run lets them in there and nowhere else: a step of the way
    /// back outweighs every step of the way there.
    pub fn whereabouts(&self, plan: &Plan) -> Whereabouts {
        if self.did(plan, Action::SwitchBack) || self.did(plan, Action::Reopen) {
            Whereabouts::OnSource
        } else if self.began(plan, Action::SwitchBack) || self.began(plan, Action::CloseTarget) {
            Whereabouts::Waiting
        } else if self.did(plan, Action::Switch) {
            Whereabouts::OnTarget
        } else if self.began(plan, Action::Freeze) {
            Whereabouts::Waiting
        } else {
            Whereabouts::OnSource
        }
    }

    /// Whether users' writes wait, because something that promises to change nothing is under way.
    pub fn writes_wait(&self, plan: &Plan) -> bool {
        self.did(plan, Action::MeasureBefore) && !self.did(plan, Action::MeasureAfter)
    }

    /// Whether a step was left out for good: something objected, and the run went on without it. Where nothing came after it, it is
    /// asked again.
    fn went_on_without(&self, plan: &Plan, step: &StepId) -> bool {
        let later = plan.steps.iter().skip_while(|s| s.id != *step).skip(1);
        self.skipped.contains(step)
            && later.filter(|s| !is_concluding(s.action)).any(|s| {
                // What objected to this one objected to the next one as well.
                self.begun.contains(&s.id) && !self.skipped.contains(&s.id)
            })
    }

    /// Whether an earlier life of the run gave the migration up and began to go back. What was not done by then is not done any
    /// more: users may have written to the source since.
    pub fn gave_up(&self, plan: &Plan) -> bool {
        let returned = plan.steps.iter().position(|s| returns(s) && self.begun.contains(&s.id));
        let settled = |s: &Step| self.done.contains(&s.id) || self.skipped.contains(&s.id);
        returned.is_some_and(|at| plan.steps[..at].iter().any(|s| !s.belongs_to_way_back() && !settled(s)))
    }
}

/// Where the users of a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// They work on the source: not yet, or again.
    OnSource,
    /// The service is closed to them.
    Waiting,
    /// They work on the target.
    OnTarget,
}

/// Asks a run to end.
#[derive(Debug, Default)]
pub struct Interrupt(AtomicBool);

impl Interrupt {
    /// Asks.
    pub fn request(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
    /// Whether somebody asked.
    pub fn requested(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Goes through the plan. The concluding steps are done whatever happened before, and of a run that was given up only the rest of
/// its way back. Returns how it ended.
pub async fn run(
    plan: &Plan,
    world: &mut impl World,
    recorder: &Recorder,
    progress: &Progress,
    interrupt: &Interrupt,
) -> Ending {
    let mut ending = Ending::Complete;
    let mut described = progress.done.iter().any(describes_what_was);
    let mut going_back = progress.gave_up(plan);
    if going_back {
        let text = "an earlier life of this run gave the migration up and went back: it is not gone on with; begin a new run";
        recorder.emit(Event::Note { level: NoteLevel::Warning, text: text.into() });
        ending = Ending::Stopped;
    }
    if !progress.done.is_empty()
        && let Err(error) = world.reattach(progress).await
    {
        recorder.emit(Event::Finding(finding_of(&error, "resume")));
        (ending, going_back) = (Ending::Stopped, false);
    }
    for step in &plan.steps {
        let concluding = is_concluding(step.action);
        if ending == Ending::Complete && interrupt.requested() {
            ending = Ending::Interrupted;
        }
        // A record that cannot be written is a run that proves nothing: only the cleaning up goes on.
        if ending == Ending::Complete && recorder.check().is_err() {
            ending = Ending::Stopped;
        }
        let returning = going_back && returns(step);
        let settled = progress.done.contains(&step.id) || progress.went_on_without(plan, &step.id);
        if !concluding && (ending != Ending::Complete && !returning || settled) {
            continue;
        }
        let outcome = one_step(step, world, recorder, progress).await;
        let mut failed = !matches!(outcome, StepOutcome::Done | StepOutcome::Skipped);
        if !failed
            && !progress.planted.contains(&step.id)
            && let Err(error) = world.plant(&step.id).await
        {
            recorder.emit(Event::Finding(finding_of(&error, step.id.as_str())));
            failed = true;
        }
        described |= !failed && describes_what_was(&step.id);
        // A migration that fails is what ways back are for. One that fails itself is not tried further.
        going_back = match failed {
            true => {
                described
                    && world.after_failure() == AfterFailure::GoBack
                    && !step.belongs_to_way_back()
                    && !interrupt.requested()
            }
            false => going_back,
        };
        if failed && ending == Ending::Complete {
            ending = if interrupt.requested() { Ending::Interrupted } else { Ending::Stopped };
        }
    }
    recorder.emit(Event::RunFinished { ending });
    ending
}

/// Whether a step is done whatever happened before.
fn is_concluding(action: Action) -> bool {
    matches!(action, Action::StopWorkload | Action::TearDown)
}

/// Whether a step notes what going back must bring back.
fn describes_what_was(step: &StepId) -> bool {
    step.as_str() == "rollback/baseline"
}

/// Whether a step is part of the return itself.
fn returns(step: &Step) -> bool {
    matches!(
        step.action,
        Action::StartSource
            | Action::HoldAgainstBaseline
            | Action::MeasureAfter
            | Action::CloseTarget
            | Action::SwitchBack
            | Action::CompareBack
    ) && step.belongs_to_way_back()
}

async fn one_step(
    step: &Step,
    world: &mut impl World,
    recorder: &Recorder,
    progress: &Progress,
) -> StepOutcome {
    recorder.emit(Event::StepStarted { step: step.id.clone() });
    let began = Instant::now();
    let mut facts = Facts::new();
    let outcome = match world.allows(step.action) {
        Err(why) => {
            // What a dry run leaves out is what people want to read.
            let why = if step.action == Action::Announce { step.about.clone() } else { why };
            facts.insert("refused".into(), why.into());
            StepOutcome::Skipped
        }
        Ok(()) => {
            let attempt = if progress.begun.contains(&step.id) { Attempt::Again } else { Attempt::First };
            let nothing = BTreeSet::new();
            let items = progress.items.get(&step.id).unwrap_or(&nothing);
            match world.perform(step, attempt, items).await {
                Ok(found) => {
                    facts = found;
                    StepOutcome::Done
                }
                Err(error) => {
                    recorder.emit(Event::Finding(finding_of(&error, step.id.as_str())));
                    match error.class {
                        Class::Environment => StepOutcome::EnvironmentFailed,
                        _ => StepOutcome::Failed,
                    }
                }
            }
        }
    };
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    recorder.emit(Event::StepFinished { step: step.id.clone(), outcome, millis, facts });
    outcome
}

fn finding_of(error: &StepError, step: &str) -> Finding {
    let environment = error.class == Class::Environment;
    Finding {
        class: error.class,
        kind: if environment { Kind::Environment } else { Kind::Unusable },
        outcome: if environment { Outcome::NotProven } else { Outcome::Different },
        next: error.next.clone(),
        ..Finding::data(step, Kind::Unusable, step, error.message.clone())
    }
}
