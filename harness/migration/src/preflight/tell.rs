//! How preflight words what it finds.

use drydock_core::finding::{Class, Finding, Kind, Outcome};
use drydock_stores::compare::CheckResult;
use std::time::Instant;

/// Something that keeps the migration from being begun, with its mend. It never says anything about data: nothing was moved.
pub(super) fn refuse(
    check: &'static str,
    subject: &str,
    message: impl Into<String>,
    mend: impl Into<String>,
) -> Finding {
    Finding {
        class: Class::Environment,
        outcome: Outcome::NotProven,
        ..Finding::data(check, Kind::Environment, subject, message).next(mend)
    }
}

/// Something that could not be looked at, or is worth knowing, and keeps nobody from going on.
pub(super) fn tell(
    check: &'static str,
    subject: &str,
    message: impl Into<String>,
    next: impl Into<String>,
) -> Finding {
    Finding {
        class: Class::Environment,
        outcome: Outcome::NotAsked,
        ..Finding::data(check, Kind::NotAsked, subject, message).next(next)
    }
}

/// Whether a finding keeps the migration from being begun.
pub(crate) fn refuses(finding: &Finding) -> bool {
    finding.outcome >= Outcome::NotProven
}

/// One check under way.
pub(super) struct Check {
    id: &'static str,
    begun: Instant,
    /// What was really looked at.
    pub(super) looked_at: u64,
    pub(super) findings: Vec<Finding>,
    pub(super) notes: Vec<String>,
}

impl Check {
    pub(super) fn begin(id: &'static str) -> Self {
        Self { id, begun: Instant::now(), looked_at: 0, findings: Vec::new(), notes: Vec::new() }
    }

    /// Adds a judgement of `looked_at` things.
    pub(super) fn judged(&mut self, looked_at: u64, findings: Vec<Finding>) {
        self.looked_at += looked_at;
        self.findings.extend(findings);
    }

    pub(super) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    pub(super) fn end(self) -> CheckResult {
        CheckResult {
            check: self.id,
            compared: self.looked_at,
            findings: self.findings,
            note: self.notes.join("; "),
            millis: u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}

/// A store's message and the mend it brings with it: the stores' errors end with `; what to do`.
pub(super) fn with_mend(text: &str, otherwise: &str) -> (String, String) {
    match text.split_once("; ") {
        Some((what, mend)) => (what.to_owned(), mend.to_owned()),
        None => (text.to_owned(), otherwise.to_owned()),
    }
}

/// Bytes for people: `1.2 GiB`, `600 MiB`, `12 KiB`.
pub(super) fn size(bytes: u64) -> String {
    let mut whole = bytes;
    for unit in ["B", "KiB", "MiB"] {
        if whole < 10 * 1024 {
            return format!("{whole} {unit}");
        }
        whole /= 1024;
    }
    format!("{whole} GiB")
}
