//! What a scenario is meant to end with, so that several of them can be judged by one exit code.

use super::did_you_mean;
use crate::exit::ExitCode;
use crate::finding::Outcome;
use crate::names::CheckId;
use crate::plan::Plan;
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How a scenario is meant to end.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The verdict it must come to.
    #[serde(default)]
    pub verdict: ExpectedVerdict,
    /// Exactly these checks must object, and no other; any may if absent. Without them a scenario that is meant to be red
    /// would hide whatever else goes wrong in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<CheckId>>,
}

/// A verdict that can be meant.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectedVerdict {
    /// Nothing is missing, changed or too much.
    #[default]
    Equal,
    /// Data or access differs.
    Different,
    /// Something could not be compared.
    NotProven,
    /// A budget was missed.
    BudgetMissed,
    /// Going back did not restore what was there before.
    RollbackFailed,
}

impl ExpectedVerdict {
    /// The exit code of a run that ends so.
    pub const fn exit(self) -> ExitCode {
        match self {
            Self::Equal => ExitCode::Equal,
            Self::Different => ExitCode::Different,
            Self::NotProven => ExitCode::NotProven,
            Self::BudgetMissed => ExitCode::BudgetMissed,
            Self::RollbackFailed => ExitCode::RollbackFailed,
        }
    }
}

/// Whether a run ended as it was meant to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Expectation {
    /// It did.
    Met,
    /// It did not.
    Missed {
        /// In what it differs, in one line.
        why: String,
    },
}

impl Expect {
    /// Why nothing could ever end so: the word it stands at, what is wrong, what to write instead.
    pub(super) fn mistake(&self, plan: &Plan) -> Option<(String, String, String)> {
        let checks = self.checks.as_ref()?;
        if self.verdict == ExpectedVerdict::Equal && !checks.is_empty() {
            return Some((
                "checks".into(),
                "checks are to object, and the verdict is to be equal".into(),
                "add `verdict: different`, or leave `checks` out".into(),
            ));
        }
        let known: Vec<&str> =
            plan.checks.iter().map(CheckId::as_str).chain(plan.steps.iter().map(|s| s.id.as_str())).collect();
        let unknown = checks.iter().find(|c| !known.contains(&c.as_str()))?;
        let help = did_you_mean(unknown.as_str(), &known)
            .unwrap_or_else(|| "name checks of this scenario, as its report lists them".into());
        Some((unknown.to_string(), format!("{unknown} is no check of this scenario"), help))
    }

    /// Holds a verdict against it.
    pub fn hold(&self, verdict: &Verdict) -> Expectation {
        let wanted = self.verdict.exit();
        let came = ExitCode::ALL.into_iter().find(|e| e.code() == verdict.exit_code);
        if came != Some(wanted) {
            let why = match came {
                Some(ExitCode::Equal) => {
                    format!("it was meant to end with exit code {}, and nothing objected", wanted.code())
                }
                _ => format!(
                    "it was meant to end with exit code {}, and came to {}",
                    wanted.code(),
                    verdict.exit_code
                ),
            };
            return Expectation::Missed { why };
        }
        let Some(checks) = &self.checks else { return Expectation::Met };
        let wanted: BTreeSet<&str> = checks.iter().map(CheckId::as_str).collect();
        let findings = verdict.findings.iter().filter(|j| j.finding.outcome >= Outcome::NotProven);
        let unproven = verdict.checks.iter().filter(|c| c.outcome >= Outcome::NotProven);
        let objecting: BTreeSet<&str> =
            findings.map(|j| j.finding.check.as_str()).chain(unproven.map(|c| c.check.as_str())).collect();
        let list = |names: Vec<&str>| names.join(", ");
        let silent: Vec<&str> = wanted.difference(&objecting).copied().collect();
        let others: Vec<&str> = objecting.difference(&wanted).copied().collect();
        match (silent.is_empty(), others.is_empty()) {
            (true, true) => Expectation::Met,
            (false, true) => Expectation::Missed { why: format!("did not object: {}", list(silent)) },
            (true, false) => Expectation::Missed { why: format!("objected unexpectedly: {}", list(others)) },
            (false, false) => Expectation::Missed {
                why: format!("did not object: {}; objected unexpectedly: {}", list(silent), list(others)),
            },
        }
    }

    /// What a pipeline is told of a run: all is well if it ended as it was meant to. A run that was meant to object and did
    /// not proves that its checks do not see what they should.
    pub fn exit(&self, verdict: &Verdict) -> ExitCode {
        match self.hold(verdict) {
            Expectation::Met => ExitCode::Equal,
            Expectation::Missed { .. } => {
                let came = ExitCode::ALL.into_iter().find(|e| e.code() == verdict.exit_code);
                match came {
                    Some(ExitCode::Equal) | None => ExitCode::NotProven,
                    Some(other) => other,
                }
            }
        }
    }
}
