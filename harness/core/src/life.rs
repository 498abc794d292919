//! The lives of a run: what ended each of those before the last. A run that was resumed must still say what stopped it first.

use crate::event::{Ending, Event, StepOutcome};
use crate::finding::{Class, Outcome};
use crate::names::StepId;
use crate::record::Record;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One life of a run that was resumed afterwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Life {
    /// How it ended.
    pub end: LifeEnd,
    /// The step in which it ended; absent if it ended between two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// Who had to act, where a step failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// What happened, in the words of the finding that stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Seconds of the run's clock at which it ended.
    pub at_seconds: f64,
}

/// How a life ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LifeEnd {
    /// Without a last word.
    Killed,
    /// A step failed.
    Stopped,
    /// The user interrupted.
    Interrupted,
}

impl Life {
    /// Every life but the last, in order.
    pub fn of(record: &Record) -> Vec<Self> {
        let mut lives = Vec::new();
        let mut open: Option<&StepId> = None;
        let (mut cause, mut failed): (Option<(Class, &str)>, Option<Failed<'_>>) = (None, None);
        let (mut ending, mut last_ms) = (None, 0);
        for entry in &record.entries {
            match &entry.event {
                Event::StepStarted { step } => (open, cause) = (Some(step), None),
                Event::Finding(finding) if finding.outcome >= Outcome::NotProven => {
                    cause = Some((finding.class, &finding.message));
                }
                Event::StepFinished { step, outcome, .. } => {
                    // The first one is the cause; the steps that conclude may fail in its wake.
                    if matches!(outcome, StepOutcome::Failed | StepOutcome::EnvironmentFailed) {
                        failed.get_or_insert(Failed { step, cause, ms: entry.ms });
                    }
                    open = None;
                }
                Event::RunFinished { ending: how } => ending = Some(*how),
                Event::RunResumed { .. } => {
                    lives.push(Self::ended(ending, open, failed.take(), last_ms));
                    (open, cause, ending) = (None, None, None);
                }
                _ => {}
            }
            last_ms = entry.ms;
        }
        lives
    }

    fn ended(
        ending: Option<Ending>,
        open: Option<&StepId>,
        failed: Option<Failed<'_>>,
        last_ms: u64,
    ) -> Self {
        let end = match ending {
            None => LifeEnd::Killed,
            Some(Ending::Interrupted) => LifeEnd::Interrupted,
            Some(Ending::Stopped | Ending::Complete) => LifeEnd::Stopped,
        };
        match failed.filter(|_| end != LifeEnd::Interrupted) {
            Some(Failed { step, cause, ms }) => Self {
                end,
                step: Some(step.clone()),
                class: cause.map(|(class, _)| class),
                cause: cause.map(|(_, words)| words.to_owned()),
                at_seconds: seconds(ms),
            },
            None => Self { end, step: open.cloned(), class: None, cause: None, at_seconds: seconds(last_ms) },
        }
    }

    /// One line for people.
    pub fn words(&self) -> String {
        let place = self.step.as_ref().map_or_else(|| "between two steps".to_owned(), |s| format!("in {s}"));
        let end = match self.end {
            LifeEnd::Killed => "killed",
            LifeEnd::Stopped => "stopped",
            LifeEnd::Interrupted => "interrupted",
        };
        let cause = self.cause.as_ref().map(|c| format!(": {c}")).unwrap_or_default();
        format!("an earlier life of this run was {end} {place}, {:.1} s into it{cause}", self.at_seconds)
    }
}

struct Failed<'r> {
    step: &'r StepId,
    cause: Option<(Class, &'r str)>,
    ms: u64,
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
