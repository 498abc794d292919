//! Second pass: which items of the differing buckets are missing, extra, changed or rerouted.
//!
//! Items of both sides cancel each other as they come in, so memory holds only what has no counterpart yet. Texts for
//! samples are kept for the items with the smallest digests, within a byte budget: both sides keep the same ones.

use crate::buckets::Selection;
use crate::digest::Digest;
use crate::item::{Fingerprint, Traits};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::HashMap;

/// Bytes of sample texts held at once.
const DETAIL_BUDGET: usize = 24 << 20;
/// A longer text is cut: its differences beyond this point are not shown, though they are counted.
const MAX_TEXT: usize = 256 << 10;
/// Items a group remembers one by one, for recognising moves.
const MAX_ITEMS: usize = 100_000;
/// Items of a group that keep their texts.
const MAX_DETAILS: usize = 100;

/// One of the two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Where the data comes from.
    Source,
    /// Where it arrived.
    Target,
}

/// How an item can be shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The exact item, `id=42` or `_id 42, routing 7`.
    pub label: String,
    /// Its content as text.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Versions {
    /// Shown where something else differs.
    Told,
    /// A difference by themselves.
    Count,
}

#[derive(Debug)]
struct Pending {
    /// Copies on the source minus copies on the target.
    balance: i64,
    routing: Digest,
    content: Digest,
    version: Option<i64>,
    detail: Option<Box<Detail>>,
}

/// Collects the items of differing buckets.
#[derive(Debug)]
pub struct Locator {
    selection: Selection,
    versions: Versions,
    pending: HashMap<(Digest, Digest), Pending>,
    detail_bytes: usize,
    detail_below: u64,
}

impl Locator {
    /// A locator for the buckets chosen.
    pub fn new(selection: Selection) -> Self {
        let versions = Versions::Told;
        Self { selection, versions, pending: HashMap::new(), detail_bytes: 0, detail_below: u64::MAX }
    }

    /// Takes version numbers for a difference of their own: an item that is on both sides with different ones is stale
    /// or newer, whatever its content.
    #[must_use]
    pub fn with_versions(self) -> Self {
        Self { versions: Versions::Count, ..self }
    }

    /// Whether an item has to be handed in.
    pub fn wants(&self, id: Digest) -> bool {
        self.selection.contains(id)
    }

    /// Hands in an item of one side. `detail` is called only if its text is kept.
    pub fn insert(&mut self, side: Side, item: Fingerprint, traits: Traits, detail: impl FnOnce() -> Detail) {
        self.insert_version(side, item, traits, None, detail);
    }

    /// The same for an item that has a version number. Whether the number counts is decided by `item.record`; of items
    /// that differ it is told in any case.
    pub fn insert_version(
        &mut self,
        side: Side,
        item: Fingerprint,
        traits: Traits,
        version: Option<i64>,
        detail: impl FnOnce() -> Detail,
    ) {
        use std::collections::hash_map::Entry;
        let step = if side == Side::Source { 1 } else { -1 };
        match self.pending.entry((item.id, item.record)) {
            Entry::Occupied(mut entry) => {
                entry.get_mut().balance += step;
                if entry.get().balance == 0 {
                    self.detail_bytes -= entry.remove().detail.map_or(0, |d| size_of_detail(&d));
                }
            }
            Entry::Vacant(entry) => {
                let detail = (rank(item.id) <= self.detail_below).then(|| {
                    let mut detail = detail();
                    cut(&mut detail.text, MAX_TEXT);
                    detail.text.shrink_to_fit();
                    self.detail_bytes += size_of_detail(&detail);
                    Box::new(detail)
                });
                let Traits { routing, content } = traits;
                entry.insert(Pending { balance: step, routing, content, version, detail });
                while self.detail_bytes > DETAIL_BUDGET && self.detail_below > 0 {
                    self.shrink();
                }
            }
        }
    }

    fn shrink(&mut self) {
        self.detail_below /= 2;
        for ((id, _), pending) in &mut self.pending {
            if rank(*id) > self.detail_below {
                self.detail_bytes -= pending.detail.take().map_or(0, |d| size_of_detail(&d));
            }
        }
    }

    /// Takes out everything collected so far; what stays behind is empty.
    pub fn take(&mut self) -> Self {
        let empty = Self { versions: self.versions, ..Self::new(self.selection.clone()) };
        std::mem::replace(self, empty)
    }

    /// Classifies what has no counterpart.
    pub fn finish(self) -> Located {
        let mut located = Located {
            unexamined_buckets: self.selection.unexamined_buckets(),
            unexamined_at_least: self.selection.unexamined_at_least(),
            ..Located::default()
        };
        let mut left: Vec<_> = self.pending.into_iter().collect();
        left.sort_unstable_by_key(|((id, record), _)| (*id, *record));
        let mut left = left.into_iter().peekable();
        while let Some(first) = left.next() {
            let id = first.0.0;
            let mut source = Vec::new();
            let mut target = Vec::new();
            let mut next = Some(first);
            while let Some((_, pending)) = next {
                let copies = pending.balance.unsigned_abs();
                let side = if pending.balance > 0 { &mut source } else { &mut target };
                side.push(Half { copies, pending });
                next = left.next_if(|((other, _), _)| *other == id);
            }
            pair(id, &mut source, &mut target, self.versions, &mut located);
        }
        located
    }
}

struct Half {
    copies: u64,
    pending: Pending,
}

impl Half {
    fn traits(&self) -> Traits {
        Traits { routing: self.pending.routing, content: self.pending.content }
    }
}

/// Pairs what both sides have under one identity: first by routing (changed, stale, newer), then whatever is left
/// (rerouted).
fn pair(
    id: Digest,
    source: &mut Vec<Half>,
    target: &mut Vec<Half>,
    versions: Versions,
    located: &mut Located,
) {
    for same_routing in [true, false] {
        for a in source.iter_mut() {
            for b in target.iter_mut() {
                let copies = a.copies.min(b.copies);
                if copies == 0 || (same_routing && a.pending.routing != b.pending.routing) {
                    continue;
                }
                a.copies -= copies;
                b.copies -= copies;
                let changed = if a.pending.content == b.pending.content { 0 } else { copies };
                let age = match versions {
                    Versions::Told => Ordering::Equal,
                    Versions::Count => b.pending.version.cmp(&a.pending.version),
                };
                let group = match (same_routing, age) {
                    (false, _) => {
                        located.rerouted_and_changed += changed;
                        &mut located.rerouted
                    }
                    (true, Ordering::Equal) => &mut located.changed,
                    (true, Ordering::Less) => {
                        located.stale_and_changed += changed;
                        &mut located.stale
                    }
                    (true, Ordering::Greater) => {
                        located.newer_and_changed += changed;
                        &mut located.newer
                    }
                };
                group.push(Item {
                    id,
                    traits: a.traits(),
                    copies,
                    versions: a.pending.version.zip(b.pending.version),
                    source: a.pending.detail.clone(),
                    target: b.pending.detail.clone(),
                });
            }
        }
    }
    for half in source.drain(..).filter(|h| h.copies > 0) {
        let (traits, Half { copies, pending }) = (half.traits(), half);
        located.missing.push(Item {
            id,
            traits,
            copies,
            versions: None,
            source: pending.detail,
            target: None,
        });
    }
    for half in target.drain(..).filter(|h| h.copies > 0) {
        let (traits, Half { copies, pending }) = (half.traits(), half);
        located.extra.push(Item { id, traits, copies, versions: None, source: None, target: pending.detail });
    }
}

fn rank(id: Digest) -> u64 {
    // The low half: the high half chooses the bucket.
    u64::try_from(id.0 & u128::from(u64::MAX)).unwrap_or(u64::MAX)
}

fn size_of_detail(detail: &Detail) -> usize {
    detail.label.len() + detail.text.len() + 64
}

fn cut(text: &mut String, at: usize) {
    if text.len() > at {
        let at = (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
        text.truncate(at);
        text.push('…');
    }
}

/// One differing item.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Item {
    /// Digest of the identity.
    pub id: Digest,
    /// Routing and content on the side that has it (the source's, if both do).
    pub traits: Traits,
    /// How many copies.
    pub copies: u64,
    /// Version numbers on the source and on the target, if it is on both and has them.
    pub versions: Option<(i64, i64)>,
    /// The source's text, if it is there and was kept.
    pub source: Option<Box<Detail>>,
    /// The target's text, if it is there and was kept.
    pub target: Option<Box<Detail>>,
}

impl Item {
    /// The item's name, if its text was kept.
    pub fn label(&self) -> Option<&str> {
        self.source.as_deref().or(self.target.as_deref()).map(|d| d.label.as_str())
    }
}

/// The differing items of one kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Group {
    /// How many, copies included.
    pub count: u64,
    /// The first of them, for samples and for recognising moves.
    pub items: Vec<Item>,
    #[serde(skip)]
    details: usize,
}

impl Group {
    fn push(&mut self, mut item: Item) {
        self.count += item.copies;
        if self.items.len() >= MAX_ITEMS {
            return;
        }
        if item.label().is_some() {
            self.details += 1;
            if self.details > MAX_DETAILS {
                item.source = None;
                item.target = None;
            }
        }
        self.items.push(item);
    }

    /// The items that can be shown, in order of their names.
    pub fn shown(&self) -> Vec<&Item> {
        let mut shown: Vec<&Item> = self.items.iter().filter(|i| i.label().is_some()).collect();
        shown.sort_by(|a, b| a.label().cmp(&b.label()));
        shown
    }
}

/// What the second pass found.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Located {
    /// On the source only.
    pub missing: Group,
    /// On the target only.
    pub extra: Group,
    /// On both sides under the same identity and routing, with other content.
    pub changed: Group,
    /// On both sides under the same identity, with another routing.
    pub rerouted: Group,
    /// How many of the rerouted have other content as well.
    pub rerouted_and_changed: u64,
    /// On both sides under the same identity and routing, with a lower version on the target.
    pub stale: Group,
    /// How many of the stale have other content as well.
    pub stale_and_changed: u64,
    /// On both sides under the same identity and routing, with a higher version on the target.
    pub newer: Group,
    /// How many of the newer have other content as well.
    pub newer_and_changed: u64,
    /// Differing buckets that were not looked into; where this is not zero, counts are lower bounds.
    pub unexamined_buckets: u64,
    /// Differences that those buckets hold at least.
    pub unexamined_at_least: u64,
}

impl Located {
    /// No difference at all.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Differences of all kinds, at least.
    pub fn count(&self) -> u64 {
        self.missing.count
            + self.extra.count
            + self.changed.count
            + self.rerouted.count
            + self.stale.count
            + self.newer.count
            + self.unexamined_at_least
    }
}
