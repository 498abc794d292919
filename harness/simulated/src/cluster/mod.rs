//! One simulated cluster: indices of shards, each with what was written and what searches see of it.
//!
//! Times are milliseconds of virtual time. Nothing here waits or is random: whoever calls decides when.

mod documents;
mod indices;
mod names;

pub(crate) use documents::shard_of;
pub use documents::{Change, Operation, Refusal, Versioning, Written};
pub(crate) use indices::merge;
pub(crate) use names::Absent;

use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `index.gc_deletes` where an index does not set it: a deleted document's version is remembered so long.
const GC_DELETES_MS: u64 = 60_000;
/// `index.refresh_interval` where an index does not set it.
const REFRESH_MS: u64 = 1_000;
/// From the making of an index until its shards answer searches. Measured on idle machines: some tens of milliseconds.
pub(crate) const STARTING_MS: u64 = 100;
/// `index.search.idle.after`: a shard that nobody searches is not refreshed after this, unless it sets an interval.
const IDLE_AFTER_MS: u64 = 30_000;
/// `index.translog.sync_interval`: what was written with `durability: async` is safe from a crash after this.
const SYNC_MS: u64 = 5_000;

/// One document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doc {
    /// `_version`.
    pub version: i64,
    /// `_seq_no`.
    pub seq: i64,
    /// `_routing`, where it was given.
    pub routing: Option<String>,
    /// `_source`, as it was sent.
    pub source: Arc<str>,
}

/// Documents of one shard by `_id`. Shared between what was written and what is seen, until one of them changes.
pub type Docs = Arc<BTreeMap<String, Doc>>;

/// What is left of a deleted document.
#[derive(Debug, Clone, Copy)]
struct Tombstone {
    version: i64,
    at: u64,
}

/// One primary shard.
#[derive(Debug, Clone)]
pub struct Shard {
    /// What was written.
    pub docs: Docs,
    /// What searches see: as it was at the last refresh.
    pub visible: Docs,
    tombstones: BTreeMap<String, Tombstone>,
    /// Highest sequence number given; -1 for none.
    pub max_seq: i64,
    /// When the last write happened that no refresh has shown yet.
    dirty_at: Option<u64>,
    /// What a crash would leave, where that is less than what was written, and when the last unsafe write was.
    safe: Option<(Docs, u64)>,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            docs: Docs::default(),
            visible: Docs::default(),
            tombstones: BTreeMap::new(),
            max_seq: -1,
            dirty_at: None,
            safe: None,
        }
    }
}

impl Shard {
    pub(crate) fn refresh(&mut self) {
        if self.dirty_at.take().is_some() {
            self.visible = Arc::clone(&self.docs);
        }
    }
}

/// One index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Another one is another index of the same name.
    pub uuid: String,
    /// Flat settings with their `index.` in front.
    pub settings: BTreeMap<String, String>,
    /// Mapping as it was given.
    pub mappings: Value,
    /// Aliases with their bodies.
    pub aliases: Map<String, Value>,
    /// Primary shards.
    pub shards: Vec<Shard>,
    /// Primary term of every shard.
    pub term: u64,
    /// When its shards answer searches.
    pub(crate) starts: u64,
    last_search: u64,
    /// Documents written and deleted since it was made.
    pub indexed: u64,
    /// Of these, deleted.
    pub deleted: u64,
}

impl Index {
    /// Documents, whether a search sees them or not.
    pub fn documents(&self) -> impl Iterator<Item = (&String, &Doc)> {
        self.shards.iter().flat_map(|shard| shard.docs.iter())
    }

    /// Number of documents that searches see.
    pub fn visible(&self) -> u64 {
        self.shards.iter().map(|s| s.visible.len() as u64).sum()
    }
}

/// A search that is held still: shard numbers and what each showed.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) index: String,
    pub(crate) shards: Vec<(u32, Docs)>,
}

/// What a task does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Bulk,
    Reindex,
}

impl Action {
    /// As the task list names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bulk => "indices:data/write/bulk",
            Self::Reindex => "indices:data/write/reindex",
        }
    }
}

/// A request under way that the task list shows.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) action: Action,
    pub(crate) description: String,
    pub(crate) written: u64,
    pub(crate) cancelled: bool,
}

impl Task {
    /// One that has only just begun.
    pub(crate) fn of(action: Action) -> Self {
        Self { action, description: String::new(), written: 0, cancelled: false }
    }
}

/// What is remembered of a deleted index.
#[derive(Debug, Clone)]
pub(crate) struct Grave {
    pub(crate) index: String,
    pub(crate) uuid: String,
    pub(crate) at: u64,
}

/// One cluster.
#[derive(Debug, Clone, Default)]
pub struct Cluster {
    /// By name.
    pub indices: BTreeMap<String, Index>,
    /// Composable index templates.
    pub templates: BTreeMap<String, Value>,
    /// Component templates, legacy templates, pipelines and policies, by family and name.
    pub(crate) objects: BTreeMap<(&'static str, String), Value>,
    pub(crate) held: BTreeMap<String, Held>,
    pub(crate) tasks: BTreeMap<u64, Task>,
    pub(crate) graves: Vec<Grave>,
    /// Numbers given out: indices, points in time, tasks.
    next: u64,
}

impl Cluster {
    /// The node is killed and started again: what was written with `durability: async` and not yet synced is gone, and so are
    /// searches held still and tasks. Every shard has another primary term.
    pub(crate) fn crash(&mut self, now: u64) {
        for index in self.indices.values_mut() {
            index.tick(now);
            index.term += 1;
            for shard in &mut index.shards {
                if let Some((safe, _)) = shard.safe.take() {
                    shard.docs = safe;
                    shard.max_seq = shard.docs.values().map(|doc| doc.seq).max().unwrap_or(-1);
                }
                shard.dirty_at = None;
                shard.visible = Arc::clone(&shard.docs);
            }
        }
        self.held.clear();
        self.tasks.clear();
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}
