//! The result of one check.

use drydock_core::finding::{Finding, Outcome};

/// What a check compared and found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Identifier, one of `drydock_core::names::checks`.
    pub check: &'static str,
    /// Items really compared; 0 proves nothing.
    pub compared: u64,
    /// What was compared, in a sentence, and what not.
    pub note: String,
    /// What it found.
    pub findings: Vec<Finding>,
}

impl Check {
    /// A check that has found nothing so far.
    pub fn new(check: &'static str) -> Self {
        Self { check, compared: 0, note: String::new(), findings: Vec::new() }
    }

    /// Worst outcome of the findings.
    pub fn outcome(&self) -> Outcome {
        self.findings.iter().map(|f| f.outcome).max().unwrap_or(Outcome::Equal)
    }
}
