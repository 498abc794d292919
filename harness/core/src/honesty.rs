//! How far a report can be trusted: what its checks were held against, what they left out, and what they cost.

use crate::finding::{Kind, Outcome, Precision};
use crate::names::CheckId;
use crate::proof::Proof;
use crate::summary::StoreReport;
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a report does not show, said in the report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Honesty {
    /// The checks of the build that ran, held against planted corruptions; absent in records of older versions.
    pub proof: Option<Proof>,
    /// Not compared: not asked for, or asked for and not proven.
    pub not_compared: Vec<NotCompared>,
    /// Where less than everything is told, or a figure is a lower bound. Empty: every item was compared and told.
    pub sampled: Vec<String>,
    /// What each check took.
    pub cost: Vec<CheckCost>,
    /// Seconds of comparing, over all checks. Checks of one store share their time, so this is an upper bound.
    pub seconds_of_checking: f64,
    /// How the stores differ from a production's.
    pub environment: Vec<String>,
}

/// Something that no statement is made about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotCompared {
    /// `not asked` or `not proven`.
    pub outcome: Outcome,
    /// The check that would have told.
    pub check: CheckId,
    /// What it is about.
    pub subject: String,
    /// Why.
    pub reason: String,
}

/// What one check took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckCost {
    /// The check.
    pub check: CheckId,
    /// Items compared.
    pub compared: u64,
    /// Wall-clock seconds.
    pub seconds: f64,
}

impl Honesty {
    /// Derives it from the judgement and what else a record tells.
    pub fn of(proof: Option<Proof>, verdict: &Verdict, stores: &[StoreReport]) -> Self {
        let findings = || verdict.findings.iter().map(|judged| &judged.finding);
        let not_compared = findings()
            .filter(|f| matches!(f.outcome, Outcome::NotAsked | Outcome::NotProven))
            .map(|f| NotCompared {
                outcome: f.outcome,
                check: f.check.clone(),
                subject: f.subject.clone(),
                reason: f.message.clone(),
            })
            .collect();
        let sampled = findings()
            .filter(|f| f.kind != Kind::LedgerUnused)
            .filter_map(|f| {
                let shown = f.samples.len() as u64;
                let of = format!("{} {}", f.check, f.subject);
                match f.precision {
                    Precision::AtLeast => Some(format!("{of}: at least {}, a lower bound", f.count)),
                    Precision::Exact if shown > 0 && f.count > shown => {
                        Some(format!("{of}: {shown} of {} shown", f.count))
                    }
                    Precision::Exact => None,
                }
            })
            .collect();
        let cost: Vec<CheckCost> = verdict
            .checks
            .iter()
            .map(|c| CheckCost { check: c.check.clone(), compared: c.compared, seconds: seconds(c.millis) })
            .collect();
        let seconds_of_checking = cost.iter().map(|c| c.seconds).sum();
        let environment =
            stores.iter().map(|s| format!("{} {} {}: {}", s.side, s.store, s.version, s.disclosed)).collect();
        Self { proof, not_compared, sampled, cost, seconds_of_checking, environment }
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
