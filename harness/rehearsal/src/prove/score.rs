//! The score of one family on real stores.

use drydock_core::{FamilyProof, Finding, Outcome, ProofMiss};
use drydock_prove::Planted;
use drydock_stores::compare::CheckResult;

/// Counts, and what went wrong.
pub(super) struct Score {
    family: FamilyProof,
    misses: Vec<ProofMiss>,
}

impl Score {
    pub(super) fn new(family: &str) -> Self {
        let family = FamilyProof { family: family.to_owned(), ..FamilyProof::default() };
        Self { family, misses: Vec::new() }
    }

    /// Judges what was told of one corruption.
    pub(super) fn planted(&mut self, name: &str, planted: &Planted, results: &[CheckResult]) {
        let told = differences(results);
        self.family.variants += 1;
        for finding in &told {
            if !self.family.checks.iter().any(|known| known == finding.check.as_str()) {
                self.family.checks.push(finding.check.to_string());
            }
        }
        if !planted.is_caught(&told) {
            let others: Vec<String> = told.iter().map(|f| format!("{} {}", f.check, f.subject)).collect();
            let why = format!("{} should tell of {}; told: {others:?}", planted.check, planted.subject);
            return self.push(name, why);
        }
        self.family.caught += 1;
        match planted.is_named(&told) {
            Ok(()) => self.family.named += 1,
            Err(why) => self.push(name, why),
        }
    }

    /// Judges a pair without a difference.
    pub(super) fn clean(&mut self, results: &[CheckResult]) {
        self.family.clean_pairs += 1;
        if let Some(finding) = differences(results).first() {
            self.family.false_alarms += 1;
            let why = format!("{} {}: {}", finding.check, finding.subject, finding.message);
            self.push("clean pair", why);
        }
    }

    /// A corruption that could not be planted, or not be put right again.
    pub(super) fn missed(&mut self, name: &str, why: String) {
        self.family.variants += 1;
        self.push(name, why);
    }

    fn push(&mut self, variant: &str, why: String) {
        let family = self.family.family.clone();
        self.misses.push(ProofMiss { family, variant: variant.to_owned(), why });
    }

    pub(super) fn take(mut self) -> (FamilyProof, Vec<ProofMiss>) {
        self.family.checks.sort();
        (self.family, self.misses)
    }
}

/// What is told beyond what is expected. Keycloak's members of a cluster that is gone are never carried over.
pub(super) fn differences(results: &[CheckResult]) -> Vec<Finding> {
    results
        .iter()
        .flat_map(|r| &r.findings)
        .filter(|f| f.outcome >= Outcome::NotProven && !f.subject.to_lowercase().contains("jgroups_ping"))
        .cloned()
        .collect()
}
