//! Kinds of definition side by side, summed up to one check.

use super::super::result::CheckResult;
use crate::elasticsearch::{PinnedEs, Section, needed_privilege};
use drydock_core::{Class, Finding, Kind, Outcome, Sample};
use drydock_parity::shape::{AttributeDifference, Difference, Nesting, Shape, finding};

/// Findings of one check that looks at several kinds of definition.
pub(super) struct Sum {
    check: &'static str,
    next: &'static str,
    compared: u64,
    pub(super) findings: Vec<Finding>,
}

impl Sum {
    pub(super) fn new(check: &'static str, next: &'static str) -> Self {
        Self { check, next, compared: 0, findings: Vec::new() }
    }

    /// Compares one kind. `real` takes out differences without effect.
    pub(super) fn add(
        &mut self,
        what: &str,
        source: &Section,
        target: &Section,
        real: impl Fn(&mut Vec<AttributeDifference>),
    ) {
        match (source, target) {
            (Ok(a), Ok(b)) => self.shapes(what, Class::Data, a, b, real),
            (a, b) => {
                for (side, section) in [("source", a), ("target", b)] {
                    if let Err(reason) = section {
                        let message = format!("{what}: the {side}'s definitions could not be read: {reason}");
                        let privilege =
                            needed_privilege(reason).unwrap_or_else(|| "cluster privilege monitor".into());
                        self.findings.push(
                            Finding::not_compared(self.check, format!("elasticsearch/{what}"), message).next(
                                format!("grant the role on the {side} the {privilege}, then compare again"),
                            ),
                        );
                    }
                }
            }
        }
    }

    pub(super) fn shapes(
        &mut self,
        what: &str,
        class: Class,
        source: &Shape,
        target: &Shape,
        real: impl Fn(&mut Vec<AttributeDifference>),
    ) {
        // That both sides have none of a kind is a thing compared as well.
        self.compared += 1 + source.0.len() as u64;
        for (object, mut difference) in Shape::compare(source, target, Nesting::Slash) {
            if let Difference::Changed(changed) = &mut difference {
                real(changed);
                if changed.is_empty() {
                    continue;
                }
            }
            self.findings.push(finding(self.check, class, what, &object, &difference).next(self.next));
        }
    }

    /// What exists and was left out, in one finding.
    pub(super) fn outside(&mut self, source: &PinnedEs, target: &PinnedEs, kinds: &[&str]) {
        let all = source.definitions().outside.iter().chain(&target.definitions().outside);
        let mut names: Vec<&String> =
            all.filter(|name| kinds.iter().any(|kind| name.starts_with(kind))).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return;
        }
        let message = format!(
            "{} definitions are outside of what was asked for, or managed by the store itself, and were not compared",
            names.len()
        );
        let samples: Vec<Sample> = names.iter().map(|n| Sample::named(n.as_str())).collect();
        let finding = Finding::data(self.check, Kind::NotAsked, "elasticsearch/outside-scope", message)
            .items(names.len() as u64, samples)
            .next("widen the prefixes if one of them belongs to the installation");
        self.not_asked(finding);
    }

    /// Adds something that is told, and weighs nothing.
    pub(super) fn not_asked(&mut self, mut finding: Finding) {
        finding.outcome = Outcome::NotAsked;
        self.findings.push(finding);
    }

    pub(super) fn finish(self, note: &str) -> CheckResult {
        CheckResult {
            check: self.check,
            compared: self.compared,
            findings: self.findings,
            note: note.to_owned(),
            millis: 0,
        }
    }
}
