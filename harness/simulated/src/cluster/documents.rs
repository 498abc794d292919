//! Writing documents: versions, tombstones, refreshes.

use super::{Cluster, GC_DELETES_MS, Held, IDLE_AFTER_MS, Index, REFRESH_MS, SYNC_MS, Tombstone};
use std::sync::Arc;

/// How the version of a write is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versioning {
    /// The store counts.
    Internal,
    /// Only what is higher.
    External(i64),
    /// What is higher or the same.
    ExternalGte(i64),
}

/// What is done to a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Written; with `create` only if it is not there.
    Index {
        /// Whether it must not exist.
        create: bool,
        /// `_source`.
        source: Arc<str>,
    },
    /// Removed.
    Delete,
}

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// `_id`.
    pub id: String,
    /// `routing`.
    pub routing: Option<String>,
    /// `version` and `version_type`.
    pub versioning: Versioning,
    /// What is done.
    pub change: Change,
}

/// What a write came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// HTTP status of the item.
    pub status: u16,
    /// `result`.
    pub result: &'static str,
    /// `_version`.
    pub version: i64,
    /// `_seq_no`.
    pub seq: i64,
}

/// Why something was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `error.type`.
    pub kind: &'static str,
    /// `error.reason`.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(status: u16, kind: &'static str, reason: impl Into<String>) -> Self {
        Self { status, kind, reason: reason.into() }
    }

    pub(crate) fn no_index(name: &str) -> Self {
        Self::new(404, "index_not_found_exception", format!("no such index [{name}]"))
    }
}

/// The shard of a document, by its routing or else its id, as Elasticsearch places it: the hash falls into one of the parts that
/// the index could ever be split into (1,024 at most), and neighbouring parts share a shard. Two documents of one id and
/// different routings are one or two by this alone.
pub(crate) fn shard_of(key: &str, shards: usize) -> usize {
    let shards = shards.max(1);
    let splits = 10_u32.saturating_sub(shards.next_power_of_two().trailing_zeros()).max(1);
    let parts = i64::try_from(shards << splits).unwrap_or(i64::MAX);
    let part = i64::from(murmur3(key)).rem_euclid(parts);
    usize::try_from(part >> splits).unwrap_or(0)
}

/// MurmurHash3 (x86, 32 bits, seed 0) of a text's UTF-16 units, little-endian: the hash by which Elasticsearch routes.
fn murmur3(key: &str) -> i32 {
    let mixed = |k: u32| k.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let units: Vec<u16> = key.encode_utf16().collect();
    let mut pairs = units.chunks_exact(2);
    let mut hash = 0_u32;
    for pair in &mut pairs {
        hash ^= mixed(u32::from(pair[0]) | u32::from(pair[1]) << 16);
        hash = hash.rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if let [last] = pairs.remainder() {
        hash ^= mixed(u32::from(*last));
    }
    hash ^= u32::try_from(units.len() * 2).unwrap_or(u32::MAX);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    (hash ^ (hash >> 16)).cast_signed()
}

impl Index {
    fn number_setting(&self, name: &str, otherwise: u64) -> u64 {
        match self.settings.get(name).map(String::as_str) {
            None => otherwise,
            Some("-1") => u64::MAX,
            Some(text) => {
                let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
                let number: u64 = digits.parse().unwrap_or(otherwise);
                match &text[digits.len()..] {
                    "s" => number * 1_000,
                    "m" => number * 60_000,
                    "h" => number * 3_600_000,
                    _ => number,
                }
            }
        }
    }

    /// Whether a write is acknowledged before it is on the disk.
    fn is_unsynced(&self) -> bool {
        self.settings.get("index.translog.durability").is_some_and(|d| d == "async")
    }

    /// Lets refreshes and syncs happen that were due until now.
    pub(crate) fn tick(&mut self, now: u64) {
        // Only while durability is asynchronous: when it is so no more, nothing is synced by that alone.
        if self.is_unsynced() {
            for shard in &mut self.shards {
                if shard.safe.as_ref().is_some_and(|(_, at)| now / SYNC_MS * SYNC_MS > *at) {
                    shard.safe = None;
                }
            }
        }
        let every = self.number_setting("index.refresh_interval", REFRESH_MS).max(1);
        if every == u64::MAX {
            return;
        }
        for shard in &mut self.shards {
            if shard.dirty_at.is_some_and(|at| now / every * every > at) {
                shard.refresh();
            }
        }
    }

    /// Whether its shards answer searches yet.
    pub(crate) fn answers(&self, now: u64) -> bool {
        now >= self.starts
    }

    /// A search begins: one that comes to a shard which nobody searched for long waits for its refresh.
    pub(crate) fn searched(&mut self, now: u64) {
        self.tick(now);
        let idle = now.saturating_sub(self.last_search) > IDLE_AFTER_MS;
        if idle && !self.settings.contains_key("index.refresh_interval") {
            self.shards.iter_mut().for_each(super::Shard::refresh);
        }
        self.last_search = now;
    }

    fn write(&mut self, operation: &Operation, now: u64) -> Result<Written, Refusal> {
        for block in ["index.blocks.write", "index.blocks.read_only"] {
            if self.settings.get(block).is_some_and(|v| v == "true") {
                let reason = "index blocked by: [FORBIDDEN/8/index write (api)];";
                return Err(Refusal::new(403, "cluster_block_exception", reason));
            }
        }
        self.tick(now);
        let remembered_for = self.number_setting("index.gc_deletes", GC_DELETES_MS);
        let key = operation.routing.as_deref().unwrap_or(&operation.id);
        let number = shard_of(key, self.shards.len());
        let unsafe_until_synced = self.is_unsynced();
        let shard = &mut self.shards[number];
        let id = &operation.id;
        if shard.tombstones.get(id).is_some_and(|t| now.saturating_sub(t.at) > remembered_for) {
            shard.tombstones.remove(id);
        }
        let live = shard.docs.get(id).map(|doc| doc.version);
        let known = live.or_else(|| shard.tombstones.get(id).map(|t| t.version));
        let conflict = |wanted: i64| {
            let reason = format!(
                "[{id}]: version conflict, current version [{}] is higher or equal to the one provided [{wanted}]",
                known.unwrap_or(-1)
            );
            Refusal::new(409, "version_conflict_engine_exception", reason)
        };
        let version = match operation.versioning {
            Versioning::Internal => known.unwrap_or(0) + 1,
            Versioning::External(wanted) if known.is_some_and(|k| k >= wanted) => {
                return Err(conflict(wanted));
            }
            Versioning::ExternalGte(wanted) if known.is_some_and(|k| k > wanted) => {
                return Err(conflict(wanted));
            }
            Versioning::External(wanted) | Versioning::ExternalGte(wanted) => wanted,
        };
        if live.is_some() && matches!(operation.change, Change::Index { create: true, .. }) {
            let reason = format!("[{id}]: version conflict, document already exists");
            return Err(Refusal::new(409, "version_conflict_engine_exception", reason));
        }
        shard.max_seq += 1;
        shard.dirty_at = Some(now);
        let seq = shard.max_seq;
        shard.safe = match (unsafe_until_synced, shard.safe.take()) {
            (true, Some((safe, _))) => Some((safe, now)),
            (true, None) => Some((Arc::clone(&shard.docs), now)),
            // A write that is synced syncs everything before it.
            (false, _) => None,
        };
        let docs = Arc::make_mut(&mut shard.docs);
        let (status, result) = match &operation.change {
            Change::Index { source, .. } => {
                self.indexed += 1;
                shard.tombstones.remove(id);
                let doc = super::Doc {
                    version,
                    seq,
                    routing: operation.routing.clone(),
                    source: Arc::clone(source),
                };
                docs.insert(id.clone(), doc);
                if live.is_some() { (200, "updated") } else { (201, "created") }
            }
            Change::Delete => {
                self.deleted += 1;
                docs.remove(id);
                shard.tombstones.insert(id.clone(), Tombstone { version, at: now });
                if live.is_some() { (200, "deleted") } else { (404, "not_found") }
            }
        };
        Ok(Written { status, result, version, seq })
    }
}

impl Cluster {
    /// Writes one document. An index that is not there is made, as templates say; not for a delete.
    ///
    /// # Errors
    /// It was refused.
    pub fn write(&mut self, index: &str, operation: &Operation, now: u64) -> Result<Written, Refusal> {
        if !self.indices.contains_key(index) {
            if operation.change == Change::Delete {
                return Err(Refusal::no_index(index));
            }
            self.create_by_templates(index, now);
        }
        match self.indices.get_mut(index) {
            Some(found) => found.write(operation, now),
            None => Err(Refusal::no_index(index)),
        }
    }

    /// Writes everything to disk. Returns the number of shards.
    pub(crate) fn flush(&mut self, names: &[String]) -> u64 {
        let found =
            names.iter().filter_map(|name| self.indices.get(name)).map(|i| i.shards.len() as u64).sum();
        for name in names {
            if let Some(index) = self.indices.get_mut(name) {
                index.shards.iter_mut().for_each(|shard| shard.safe = None);
            }
        }
        found
    }

    /// Makes everything written visible.
    pub(crate) fn refresh(&mut self, names: &[String]) -> u64 {
        let mut shards = 0;
        for name in names {
            if let Some(index) = self.indices.get_mut(name) {
                shards += index.shards.len() as u64;
                index.shards.iter_mut().for_each(super::Shard::refresh);
            }
        }
        shards
    }

    /// Holds still what a search sees of an index now; of one shard where that is asked for.
    pub(crate) fn hold(&mut self, index: &str, shard: Option<u32>, now: u64) -> Result<Held, Refusal> {
        let found = self.indices.get_mut(index).ok_or_else(|| Refusal::no_index(index))?;
        found.searched(now);
        let all = (0_u32..).zip(&found.shards).filter(|(number, _)| shard.is_none_or(|s| s == *number));
        Ok(Held { index: index.to_owned(), shards: all.map(|(n, s)| (n, Arc::clone(&s.visible))).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn index(id: &str, versioning: Versioning, text: &str) -> Operation {
        Operation {
            id: id.into(),
            routing: None,
            versioning,
            change: Change::Index { create: false, source: text.into() },
        }
    }

    fn delete(id: &str) -> Operation {
        Operation { change: Change::Delete, ..index(id, Versioning::Internal, "") }
    }

    /// What a real one of 8.16 answers to `_search_shards?routing=`; the comparison with a store holds many more.
    #[test]
    fn documents_are_placed_as_elasticsearch_places_them() {
        assert_eq!(["same", "r0", "r1", "twin", "a", "x"].map(|key| shard_of(key, 2)), [0, 0, 1, 0, 0, 1]);
        assert_eq!(["", "ä", "€uro", "𝄞"].map(|key| shard_of(key, 1)), [0; 4]);
        for shards in [1, 2, 3, 5, 8, 1_000, 1_024, 2_000] {
            let all: std::collections::BTreeSet<usize> =
                (0..20_000).map(|n| shard_of(&n.to_string(), shards)).collect();
            assert!(all.iter().all(|shard| *shard < shards) && all.len() * 10 > shards * 9, "{shards}");
        }
    }

    #[test]
    fn a_deleted_version_is_remembered_for_a_while_and_external_ones_never_go_down() {
        let mut cluster = Cluster::default();
        let mut write = |operation: Operation, now| cluster.write("i", &operation, now).map(|w| w.version);
        assert_eq!(write(index("a", Versioning::Internal, "1"), 0), Ok(1));
        assert_eq!(write(index("a", Versioning::Internal, "2"), 0), Ok(2));
        assert_eq!(write(delete("a"), 0), Ok(3));
        assert_eq!(write(index("a", Versioning::Internal, "3"), 59_000), Ok(4));
        assert_eq!(write(delete("a"), 60_000), Ok(5));
        assert_eq!(write(index("a", Versioning::Internal, "4"), 121_000), Ok(1));
        assert_eq!(write(index("a", Versioning::External(1), "5"), 121_000).unwrap_err().status, 409);
        assert_eq!(write(index("a", Versioning::ExternalGte(1), "6"), 121_000), Ok(1));
        assert_eq!(write(index("a", Versioning::External(7), "7"), 121_000), Ok(7));
    }

    #[test]
    fn searches_see_what_was_refreshed_and_no_more() {
        let mut cluster = Cluster::default();
        let seen = |cluster: &mut Cluster, now| {
            let held = cluster.hold("i", None, now).unwrap();
            held.shards.iter().map(|(_, docs)| docs.len()).sum::<usize>()
        };
        cluster.write("i", &index("a", Versioning::Internal, "1"), 100).unwrap();
        assert_eq!(seen(&mut cluster, 900), 0);
        assert_eq!(seen(&mut cluster, 1_001), 1);
        cluster.write("i", &index("b", Versioning::Internal, "1"), 1_100).unwrap();
        cluster.refresh(&["i".into()]);
        assert_eq!(seen(&mut cluster, 1_101), 2);
        let never = json!({"index.refresh_interval": "-1"});
        cluster.put_settings(&["i".into()], &never).unwrap();
        cluster.write("i", &delete("a"), 1_200).unwrap();
        assert_eq!(seen(&mut cluster, 90_000), 2);
        // Another interval shows what is there at once; the same one does not.
        cluster.put_settings(&["i".into()], &never).unwrap();
        assert_eq!(seen(&mut cluster, 90_001), 2);
        cluster.put_settings(&["i".into()], &json!({"index.refresh_interval": "1h"})).unwrap();
        assert_eq!(seen(&mut cluster, 90_002), 1);
    }

    #[test]
    fn what_was_not_synced_stays_so_when_durability_returns_until_it_is_flushed() {
        let all = || vec!["i".to_owned()];
        let durability = |how: &str| json!({"index.translog.durability": how});
        let left = |flushed: bool, synced_write: bool, wait: u64| {
            let mut cluster = Cluster::default();
            cluster.write("i", &index("a", Versioning::Internal, "1"), 0).unwrap();
            cluster.put_settings(&all(), &durability("async")).unwrap();
            cluster.write("i", &index("b", Versioning::Internal, "1"), 1).unwrap();
            if wait > 0 {
                cluster.hold("i", None, wait).unwrap();
            }
            cluster.put_settings(&all(), &durability("request")).unwrap();
            if synced_write {
                cluster.write("i", &index("c", Versioning::Internal, "1"), 2).unwrap();
            }
            if flushed {
                assert_eq!(cluster.flush(&all()), 1);
            }
            cluster.crash(60_000);
            cluster.indices["i"].documents().count()
        };
        assert_eq!(left(false, false, 0), 1, "nothing syncs by itself");
        assert_eq!(left(true, false, 0), 2);
        assert_eq!(left(false, true, 0), 3, "a synced write syncs what stands before it");
        assert_eq!(left(false, false, 5_001), 2, "while it is asynchronous it is synced now and then");
    }
}
