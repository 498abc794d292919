//! What a check found, and how bad that is.

use crate::names::CheckId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// At most this many samples accompany a finding; `count` says how many there are in all.
pub const MAX_SAMPLES: usize = 10;

/// Result of a check or weight of a finding, from harmless to bad. The order is the lattice: a group is as bad as its
/// worst member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Compared, and equal.
    Equal,
    /// Different as a ledger line expects, or already so before the migration.
    Expected,
    /// Outside of what the scenario asks for.
    NotAsked,
    /// Asked for, but could not be compared.
    NotProven,
    /// Compared, and different.
    Different,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "equal",
            Self::Expected => "expected",
            Self::NotAsked => "not asked",
            Self::NotProven => "not proven",
            Self::Different => "different",
        })
    }
}

/// Who has to act on a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Something that was stored is missing, changed or too much.
    Data,
    /// Somebody or something can no longer get at what is stored.
    Access,
    /// A time or loss budget was missed, or a measurement of it cannot be trusted.
    Budget,
    /// The rehearsal's own surroundings failed. Never says anything about the migration.
    Environment,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Access => "access",
            Self::Budget => "budget",
            Self::Environment => "environment",
        })
    }
}

/// What is wrong, as a closed list that ledger lines can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// On the source only.
    Missing,
    /// On the target only.
    Extra,
    /// On both sides, not alike.
    Changed,
    /// The same document under another index.
    Moved,
    /// The same document under another routing value.
    Rerouted,
    /// The same document in another version: an older one, or one that was created again; or a newer one.
    Stale,
    /// Present on the source, but could not be read or compared.
    NotCompared,
    /// Present, but outside of what was asked for.
    NotAsked,
    /// Written on the source after the declared freeze.
    LateWrite,
    /// Acknowledged to a client and found on neither side or not on the target.
    LostWrite,
    /// A session or a task that should have ended.
    StillActive,
    /// A store or a client does not answer as it should.
    Unusable,
    /// Wrong already before the migration began.
    OldDirt,
    /// Two measurements of one thing disagree.
    Disagreement,
    /// Over budget.
    OverBudget,
    /// A ledger line that matched nothing, or has expired.
    LedgerUnused,
    /// The environment failed.
    Environment,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 17] = [
        Self::Missing,
        Self::Extra,
        Self::Changed,
        Self::Moved,
        Self::Rerouted,
        Self::Stale,
        Self::NotCompared,
        Self::NotAsked,
        Self::LateWrite,
        Self::LostWrite,
        Self::StillActive,
        Self::Unusable,
        Self::OldDirt,
        Self::Disagreement,
        Self::OverBudget,
        Self::LedgerUnused,
        Self::Environment,
    ];

    /// Name as in ledgers and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Rerouted => "rerouted",
            Self::Stale => "stale",
            Self::NotCompared => "not-compared",
            Self::NotAsked => "not-asked",
            Self::LateWrite => "late-write",
            Self::LostWrite => "lost-write",
            Self::StillActive => "still-active",
            Self::Unusable => "unusable",
            Self::OldDirt => "old-dirt",
            Self::Disagreement => "disagreement",
            Self::OverBudget => "over-budget",
            Self::LedgerUnused => "ledger-unused",
            Self::Environment => "environment",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Changed => "changed",
            Self::Moved => "moved",
            Self::Rerouted => "rerouted",
            Self::Stale => "stale",
            Self::NotCompared => "not compared",
            Self::NotAsked => "not asked",
            Self::LateWrite => "late write",
            Self::LostWrite => "lost write",
            Self::StillActive => "still active",
            Self::Unusable => "unusable",
            Self::OldDirt => "old dirt",
            Self::Disagreement => "disagreement",
            Self::OverBudget => "over budget",
            Self::LedgerUnused => "ledger line unused",
            Self::Environment => "environment",
        })
    }
}

/// One item behind a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The exact item: document id with routing, primary key, object name.
    pub item: String,
    /// How it looks on the source, shortened; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How it looks on the target, shortened; absent if it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// One thing worth telling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The check that found it.
    pub check: CheckId,
    /// Who has to act.
    pub class: Class,
    /// What is wrong.
    pub kind: Kind,
    /// How bad it is, before the ledger is applied.
    pub outcome: Outcome,
    /// What it is about, as a path: `operate-list-view-8.3.0_`, `keycloak.public.user_entity`. Ledger lines match it.
    pub subject: String,
    /// One sentence for people.
    pub message: String,
    /// How many items are concerned.
    pub count: u64,
    /// Whether `count` is exact or a lower bound.
    #[serde(default)]
    pub precision: Precision,
    /// Up to [`MAX_SAMPLES`] of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Sample>,
    /// What to do next.
    pub next: String,
    /// Where it is written, for what is found in a file of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// Path of the file, as it was given.
    pub file: String,
    /// Line, from 1; 0 for what is in no file, such as an object of a cluster.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            return f.write_str(&self.file);
        }
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// How far a count can be trusted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Exactly so many.
    #[default]
    Exact,
    /// So many or more.
    AtLeast,
}

impl Finding {
    /// A difference of class `data`, with one item and no samples.
    pub fn data(check: &str, kind: Kind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            class: Class::Data,
            kind,
            outcome: Outcome::Different,
            subject: subject.into(),
            message: message.into(),
            count: 1,
            precision: Precision::Exact,
            samples: Vec::new(),
            next: String::new(),
            place: None,
        }
    }

    /// A difference of class `access`.
    pub fn access(check: &str, kind: Kind, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { class: Class::Access, ..Self::data(check, kind, subject, message) }
    }

    /// Something that could not be compared.
    pub fn not_compared(check: &str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { outcome: Outcome::NotProven, ..Self::data(check, Kind::NotCompared, subject, message) }
    }

    /// Sets the next step.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// Sets where it is written.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Sets how many items are concerned and shows the first of them.
    #[must_use]
    pub fn items(mut self, count: u64, samples: impl IntoIterator<Item = Sample>) -> Self {
        self.count = count;
        self.samples = samples.into_iter().take(MAX_SAMPLES).collect();
        self
    }
}

impl Sample {
    /// A sample that has only a name.
    pub fn named(item: impl Into<String>) -> Self {
        Self { item: item.into(), source: None, target: None }
    }

    /// A sample with both sides.
    pub fn both(item: impl Into<String>, source: Option<String>, target: Option<String>) -> Self {
        Self { item: item.into(), source, target }
    }
}
