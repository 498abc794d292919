//! First pass: digests by bucket, and which buckets to look into.

use crate::digest::{Digest, Multiset};
use crate::item::Fingerprint;

/// Additive digests of a set of items, spread over buckets by identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketTable {
    buckets: Vec<Multiset>,
}

impl BucketTable {
    /// An empty table; at least one bucket.
    pub fn new(buckets: usize) -> Self {
        Self { buckets: vec![Multiset::default(); buckets.max(1)] }
    }

    /// How many buckets it has.
    #[expect(clippy::len_without_is_empty, reason = "a table always has a bucket")]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }

    /// Adds an item.
    pub fn insert(&mut self, item: Fingerprint) {
        let at = bucket_of(item.id, self.buckets.len());
        self.buckets[at].insert(item.record);
    }

    /// Takes an item out again.
    pub fn remove(&mut self, item: Fingerprint) {
        let at = bucket_of(item.id, self.buckets.len());
        self.buckets[at].remove(item.record);
    }

    /// Adds the items of a table with as many buckets: another slice, another shard, another reader.
    ///
    /// # Panics
    /// The tables have different numbers of buckets.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.buckets.len(), other.buckets.len(), "tables of different size do not merge");
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine += *theirs;
        }
    }

    /// Whether the chosen buckets hold the same in both tables.
    ///
    /// # Panics
    /// The tables or the selection have different numbers of buckets.
    pub fn agrees(&self, other: &Self, chosen: &Selection) -> bool {
        assert_eq!(self.buckets.len(), other.buckets.len(), "tables of different size do not compare");
        assert_eq!(self.buckets.len(), chosen.chosen.len(), "the selection belongs to other tables");
        let pairs = self.buckets.iter().zip(&other.buckets).zip(&chosen.chosen);
        pairs.filter(|(_, chosen)| **chosen).all(|((mine, theirs), _)| mine == theirs)
    }

    /// All items together.
    pub fn total(&self) -> Multiset {
        let mut total = Multiset::default();
        for bucket in &self.buckets {
            total += *bucket;
        }
        total
    }

    /// The buckets that differ between two sides, as many of them as hold `max_items` items; at least one if any differs.
    ///
    /// # Panics
    /// The tables have different numbers of buckets.
    pub fn differing(source: &Self, target: &Self, max_items: usize) -> Selection {
        assert_eq!(source.buckets.len(), target.buckets.len(), "tables of different size do not compare");
        let mut selection = Selection {
            chosen: vec![false; source.buckets.len()],
            buckets: 0,
            items: 0,
            unexamined: 0,
            at_least: 0,
        };
        let mut items = 0_u64;
        let limit = max_items as u64;
        for (at, (a, b)) in source.buckets.iter().zip(&target.buckets).enumerate() {
            if a == b {
                continue;
            }
            let here = a.count.saturating_add(b.count);
            if selection.buckets == 0 || items.saturating_add(here) <= limit {
                selection.chosen[at] = true;
                selection.buckets += 1;
                items = items.saturating_add(here);
                selection.items = items;
            } else {
                selection.unexamined += 1;
                // A bucket that differs holds one difference or more, and as many as its counts are apart.
                selection.at_least += a.count.abs_diff(b.count).max(1);
            }
        }
        selection
    }
}

fn bucket_of(id: Digest, buckets: usize) -> usize {
    let high = id.0 >> 64;
    // The product of two numbers below 2^64, shifted right by 64, is below `buckets`.
    usize::try_from((high * buckets as u128) >> 64).unwrap_or(0)
}

/// Which buckets the second pass looks into.
#[derive(Debug, Clone)]
pub struct Selection {
    chosen: Vec<bool>,
    buckets: u64,
    items: u64,
    unexamined: u64,
    at_least: u64,
}

impl Selection {
    /// Nothing differs.
    pub fn is_empty(&self) -> bool {
        self.buckets == 0
    }

    /// Items of both sides in the chosen buckets.
    pub fn items(&self) -> u64 {
        self.items
    }

    /// Whether an item lies in a chosen bucket.
    pub fn contains(&self, id: Digest) -> bool {
        self.chosen[bucket_of(id, self.chosen.len())]
    }

    /// Differing buckets that did not fit; where this is not zero, counts are lower bounds.
    pub fn unexamined_buckets(&self) -> u64 {
        self.unexamined
    }

    /// Differences that those buckets hold at least.
    pub fn unexamined_at_least(&self) -> u64 {
        self.at_least
    }
}
