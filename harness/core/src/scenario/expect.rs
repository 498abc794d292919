//! What a scenario is meant to end with, so that several of them can be judged by one exit code.

use super::did_you_mean;
use crate::exit::ExitCode;
use crate::finding::Outcome;
use crate::names::{CheckId, StepId};
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

    /// Holds a verdict against it, of a run that was cut short at a step, if it was. What was to object for a reason that nobody named is
    /// not proven to be that reason where the run came to an end before its time: then the step has to be named in `checks`.
    pub fn hold(&self, verdict: &Verdict, cut_short: Option<&StepId>) -> Expectation {
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
        let Some(checks) = &self.checks else {
            return match cut_short {
                Some(step) if self.verdict != ExpectedVerdict::Equal => Expectation::Missed {
                    why: format!("it was cut short at {step}, which `checks` does not name"),
                },
                _ => Expectation::Met,
            };
        };
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
    pub fn exit(&self, verdict: &Verdict, cut_short: Option<&StepId>) -> ExitCode {
        match self.hold(verdict, cut_short) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(exit: ExitCode) -> Verdict {
        Verdict {
            outcome: Outcome::Different,
            exit_code: exit.code(),
            headline: String::new(),
            checks: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn a_run_that_came_to_an_early_end_has_not_shown_what_nobody_named() {
        let red = Expect { verdict: ExpectedVerdict::Different, checks: None };
        let step = StepId::from("phase-2/scripts");
        assert_eq!(red.hold(&verdict(ExitCode::Different), None), Expectation::Met);
        let Expectation::Missed { why } = red.hold(&verdict(ExitCode::Different), Some(&step)) else {
            unreachable!("it was cut short")
        };
        assert!(why.contains("phase-2/scripts"), "{why}");
        assert_eq!(red.exit(&verdict(ExitCode::Different), Some(&step)), ExitCode::Different);
        // Whoever names what objects has the step among it.
        let named = Expect { checks: Some(Vec::new()), ..red };
        assert_eq!(named.hold(&verdict(ExitCode::Different), Some(&step)), Expectation::Met);
    }
}
