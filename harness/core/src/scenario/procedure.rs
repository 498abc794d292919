//! Which of the guide's ways through its phases a scenario goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The way through the phases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Procedure {
    /// All five phases.
    #[default]
    Cutover,
    /// A trial first: every database is dumped and restored beside its target, a part of the documents is copied under
    /// another name, and all of it is removed again. Then the five phases, whose steps are held against the prediction.
    EstimateThenCutover,
    /// Every step is told, those that only read are carried out, and nothing is changed anywhere.
    DryRun,
    /// The chart is upgraded over the same data: the application and the source's stores stop and start, nothing is moved.
    ChartOnly,
}
