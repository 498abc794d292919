//! What a comparison hands back, and the knobs it is run with.

use super::share::Parts;
use drydock_core::finding::Outcome;
use drydock_core::{Event, Finding};
use drydock_parity::DigestKey;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The outcome of one check.
#[derive(Debug, Clone)]
pub struct CheckResult {
    /// Identifier of the check, one of `drydock_core::names::checks`.
    pub check: &'static str,
    /// How many items (documents, rows, objects) were really compared.
    pub compared: u64,
    /// Everything worth telling; empty means equal.
    pub findings: Vec<Finding>,
    /// One line for people about what was done and what was left out.
    pub note: String,
    /// Wall-clock time, in milliseconds.
    pub millis: u64,
}

impl CheckResult {
    /// A check that could not be run at all.
    pub fn not_compared(check: &'static str, subject: &str, reason: &str, next: &str) -> Self {
        Self {
            check,
            compared: 0,
            findings: vec![Finding::not_compared(check, subject, reason).next(next)],
            note: String::new(),
            millis: 0,
        }
    }

    /// As the record tells it: what it found, and then the event that closes the check, with the worst outcome of these.
    pub fn told(self) -> (Vec<Finding>, Event) {
        let outcome = self.findings.iter().map(|f| f.outcome).max().unwrap_or(Outcome::Equal);
        let finished = Event::CheckFinished {
            check: self.check.into(),
            outcome,
            compared: self.compared,
            note: self.note,
            millis: self.millis,
        };
        (self.findings, finished)
    }
}

/// How much of the contents is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Tier {
    /// Every item travels and is compared by content.
    #[default]
    Strict,
    /// The stores count and digest by themselves wherever they can; little travels. What such figures cannot prove is told.
    Fast,
}

/// Whether the version numbers of documents count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Versions {
    /// They do not: most ways of copying start them anew.
    #[default]
    Ignored,
    /// They do: the copy was made with external versions, or by a snapshot.
    Compared,
}

/// When the sides were held still.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pinned {
    /// Perhaps while somebody wrote: a difference may be newer than the copy, and is told so where its side moved since.
    #[default]
    InUse,
    /// While nobody could write, as a freeze has proven. What is written afterwards explains nothing.
    AtRest,
}

/// Whether the target is written to in order to prove that it can be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProbeWrites {
    /// Nothing is written anywhere.
    #[default]
    Never,
    /// One row is inserted into every table of the target that a sequence numbers, and rolled back. The sequences go on
    /// by one value each all the same: a rollback does not take that back.
    RolledBack,
}

/// How a comparison is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many indices or tables are compared at the same time; each uses one stream a side.
    pub parallel: usize,
    /// Buckets a digest table has; more of them make locating cheaper and cost 40 bytes each a stream.
    pub buckets: usize,
    /// How many differing items of one index or table are held in memory while they are located. Beyond it counts are
    /// lower bounds.
    pub max_located: usize,
    /// Key of every digest.
    pub key: DigestKey,
    /// How much of the contents is compared.
    pub tier: Tier,
    /// Whether the version numbers of documents count.
    pub versions: Versions,
    /// Whether the target is written to.
    pub probes: ProbeWrites,
    /// Position up to which the broker counts each partition as exported, where somebody said so.
    pub exported: BTreeMap<i64, i64>,
    /// When both sides were held still.
    pub pinned: Pinned,
    /// What others have read of documents and rows, where they have: it is taken instead of reading it again.
    pub parts: Option<Arc<Parts>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            parallel: 3,
            buckets: 4096,
            max_located: 1_000_000,
            key: DigestKey::default(),
            tier: Tier::default(),
            versions: Versions::default(),
            probes: ProbeWrites::default(),
            exported: BTreeMap::new(),
            pinned: Pinned::default(),
            parts: None,
        }
    }
}
