//! Ways to carry the documents that are told apart by how long users wait.

use drydock_core::scenario::{Delta, MigrationSpec, Mover, Reindex};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A mover, and when it copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// `_reindex` from remote during the cutover, as the official scripts do by default.
    Standard,
    /// `_reindex` from remote while users work; during the cutover what has changed since.
    Warm,
    /// As [`Way::Warm`], catching up as the official scripts do: every document again.
    WarmUpstream,
    /// A parallel stream during the cutover.
    Stream,
    /// A parallel stream while users work; during the cutover what has changed since.
    WarmStream,
    /// A snapshot, restored during the cutover.
    Snapshot,
    /// Files written and read during the cutover.
    Dump,
    /// One task of `_reindex` for each index, by hand.
    ReindexByHand,
}

impl Way {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Standard,
        Self::Warm,
        Self::WarmUpstream,
        Self::Stream,
        Self::WarmStream,
        Self::Snapshot,
        Self::Dump,
        Self::ReindexByHand,
    ];

    /// The way that a scenario goes.
    pub fn of(spec: &MigrationSpec) -> Self {
        match (spec.mover, spec.reindex) {
            (Mover::Snapshot, _) => Self::Snapshot,
            (Mover::Dump, _) => Self::Dump,
            (Mover::ReindexByHand, _) => Self::ReindexByHand,
            (Mover::Reindex, Reindex::Cold) => Self::Standard,
            (Mover::Stream, Reindex::Cold) => Self::Stream,
            (_, Reindex::Warm) if spec.delta() == Delta::Upstream => Self::WarmUpstream,
            (Mover::Stream, Reindex::Warm) => Self::WarmStream,
            (Mover::Reindex, Reindex::Warm) => Self::Warm,
        }
    }

    /// Lets a scenario go this way; everything else of it stays.
    pub fn apply(self, spec: &mut MigrationSpec) {
        (spec.mover, spec.reindex, spec.delta) = match self {
            Self::Standard => (Mover::Reindex, Reindex::Cold, None),
            Self::Warm => (Mover::Reindex, Reindex::Warm, Some(Delta::Exact)),
            Self::WarmUpstream => (Mover::Reindex, Reindex::Warm, Some(Delta::Upstream)),
            Self::Stream => (Mover::Stream, Reindex::Cold, None),
            Self::WarmStream => (Mover::Stream, Reindex::Warm, Some(Delta::Exact)),
            Self::Snapshot => (Mover::Snapshot, Reindex::Cold, None),
            Self::Dump => (Mover::Dump, Reindex::Cold, None),
            Self::ReindexByHand => (Mover::ReindexByHand, Reindex::Cold, None),
        };
    }

    /// Its name on the command line and in histories.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Warm => "warm",
            Self::WarmUpstream => "warm-upstream",
            Self::Stream => "stream",
            Self::WarmStream => "warm-stream",
            Self::Snapshot => "snapshot",
            Self::Dump => "dump",
            Self::ReindexByHand => "reindex-by-hand",
        }
    }

    /// For people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Standard => "standard reindex",
            Self::Warm => "warm reindex",
            Self::WarmUpstream => "warm reindex as upstream",
            Self::Stream => "stream",
            Self::WarmStream => "warm stream",
            Self::Snapshot => "snapshot",
            Self::Dump => "dump",
            Self::ReindexByHand => "reindex by hand",
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Way {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|w| w.as_str() == text).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("no mover is called {text}; there are {known}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_what_it_makes_of_a_scenario() {
        for way in Way::ALL {
            let mut spec = MigrationSpec::default();
            way.apply(&mut spec);
            assert_eq!(Way::of(&spec), way);
            assert_eq!(way.as_str().parse(), Ok(way));
        }
        assert!("warmer".parse::<Way>().is_err());
    }
}
