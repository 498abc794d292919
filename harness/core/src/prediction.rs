//! What a trial predicted for the steps of the cutover, held against what they took.

use crate::summary::StepReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Fact of a trial's step: an object of predicted seconds by step id.
pub const PREDICTED: &str = "predicted_seconds";

/// One step of the cutover, predicted and measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Prediction {
    /// The step of the cutover.
    pub step: crate::names::StepId,
    /// Seconds that the trial predicted.
    pub predicted_seconds: f64,
    /// Seconds that it took; absent if it was not carried out.
    pub measured_seconds: Option<f64>,
}

impl Prediction {
    /// Reads the predictions out of the facts of a run's steps, in the order of the steps they speak of.
    pub fn of(steps: &[StepReport]) -> Vec<Self> {
        let mut told: Vec<(&str, f64)> = Vec::new();
        for step in steps {
            let predicted = step.facts.get(PREDICTED).and_then(|p| p.as_object());
            for (id, seconds) in predicted.into_iter().flatten() {
                // A trial that was repeated counts as it went the last time.
                told.retain(|(known, _)| known != id);
                told.extend(seconds.as_f64().map(|seconds| (id.as_str(), seconds)));
            }
        }
        let position = |id: &str| steps.iter().rposition(|s| s.step.as_str() == id);
        told.sort_by_key(|(id, _)| position(id).unwrap_or(usize::MAX));
        told.into_iter()
            .map(|(id, predicted_seconds)| Self {
                step: id.into(),
                predicted_seconds,
                measured_seconds: position(id)
                    .and_then(|at| steps[at].outcome.is_some().then_some(steps[at].seconds)),
            })
            .collect()
    }
}
