//! How well the checks of this very build notice harm: planted corruptions against what was told of them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Misses told one by one; the counts say how many there are in all.
pub const MAX_MISSES: usize = 50;

/// One proof: corruptions planted in copies, and copies that were only written differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// What the copies were.
    pub ground: Ground,
    /// Seed of everything random; the same one repeats the proof.
    pub seed: u64,
    /// Scores, in the order in which they were made.
    pub families: Vec<FamilyProof>,
    /// What was not noticed, not named or blamed wrongly: the first [`MAX_MISSES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub misses: Vec<ProofMiss>,
    /// What the proof itself took, in milliseconds.
    pub millis: u64,
}

/// What a proof was made on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// Generated data in memory, through the comparison that the checks use.
    InMemory,
    /// Real stores, made for the proof.
    RealStores,
}

/// The score of one family of things that a migration can harm.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FamilyProof {
    /// Name: `documents`, `rows`.
    pub family: String,
    /// Corruptions planted, one at a time.
    pub variants: u64,
    /// Those of which the right check told.
    pub caught: u64,
    /// Those of which a finding named exactly what was harmed, and nothing else.
    pub named: u64,
    /// Pairs that hold the same and are only written differently.
    pub clean_pairs: u64,
    /// Those of which a check told a difference all the same.
    pub false_alarms: u64,
    /// The checks that told of something.
    pub checks: Vec<String>,
}

/// One corruption that was not noticed as it should be, or one false alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProofMiss {
    /// Name of the family.
    pub family: String,
    /// Name of the variant; `clean pair` for a false alarm.
    pub variant: String,
    /// What was expected and what was told.
    pub why: String,
}

impl Proof {
    fn sum(&self, pick: fn(&FamilyProof) -> u64) -> u64 {
        self.families.iter().map(pick).fold(0, u64::saturating_add)
    }

    /// Corruptions planted.
    pub fn variants(&self) -> u64 {
        self.sum(|f| f.variants)
    }

    /// Corruptions of which the right check told.
    pub fn caught(&self) -> u64 {
        self.sum(|f| f.caught)
    }

    /// Corruptions that were named exactly.
    pub fn named(&self) -> u64 {
        self.sum(|f| f.named)
    }

    /// Pairs without a difference.
    pub fn clean_pairs(&self) -> u64 {
        self.sum(|f| f.clean_pairs)
    }

    /// Pairs without a difference of which one was told.
    pub fn false_alarms(&self) -> u64 {
        self.sum(|f| f.false_alarms)
    }

    /// Whether every family was tried in both ways, every corruption was caught and named, and nothing else was blamed.
    pub fn holds(&self) -> bool {
        let whole = |f: &FamilyProof| {
            f.variants > 0
                && f.caught == f.variants
                && f.named == f.variants
                && f.clean_pairs > 0
                && f.false_alarms == 0
        };
        !self.families.is_empty() && self.families.iter().all(whole)
    }

    /// `387 of 387 planted corruptions caught and named, 0 false alarms in 1,200 clean pairs`.
    pub fn score(&self) -> String {
        let (variants, caught, named) = (self.variants(), self.caught(), self.named());
        let caught = if caught == named {
            format!("{caught} of {variants} planted corruptions caught and named")
        } else {
            format!("{caught} of {variants} planted corruptions caught, {named} named")
        };
        format!("{caught}, {} false alarms in {} clean pairs", self.false_alarms(), self.clean_pairs())
    }
}
