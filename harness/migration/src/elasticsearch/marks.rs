//! Where a warm copy stood: what of each index of the source it is known to hold. The delta begins there.

use super::Prefixes;
use super::inventory::index_path;
use crate::error::MigrationError;
use drydock_stores::elasticsearch::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The marks of a run, one a line; the last line of an index counts.
const FILE: &str = "warm-copy.jsonl";

/// One shard of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShardMark {
    /// Every operation up to this sequence number is on every copy of the shard, and is never taken back.
    pub(super) checkpoint: i64,
    /// Highest sequence number given.
    pub(super) highest: i64,
    /// Changes when a shard's history is cut, as by a restore.
    pub(super) history: Option<String>,
}

/// One index of the source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexMark {
    /// Another one is another index of the same name.
    pub(super) uuid: String,
    pub(super) shards: BTreeMap<u32, ShardMark>,
    /// Terms of the primaries, where the store tells. Another one is another primary, whose numbers may mean other
    /// operations.
    pub(super) terms: Option<Vec<u64>>,
}

impl IndexMark {
    /// Whether sequence numbers of this mark still mean the same operations in a later one.
    pub(super) fn is_continued_by(&self, later: &Self) -> bool {
        let history = |m: &Self| m.shards.iter().map(|(n, s)| (*n, s.history.clone())).collect::<Vec<_>>();
        !self.uuid.is_empty()
            && self.uuid == later.uuid
            && self.terms.is_some()
            && self.terms == later.terms
            && history(self) == history(later)
    }

    /// Whether nothing was ever written to it: then there is nothing to copy up to the mark.
    pub(super) fn is_untouched(&self) -> bool {
        !self.shards.is_empty() && self.shards.values().all(|s| s.highest < 0)
    }

    /// Shards that were written to since, with the last sequence number that is known to be copied.
    pub(super) fn moved_since(&self, later: &Self) -> Vec<(u32, i64)> {
        let shards =
            self.shards.iter().filter(|(n, s)| later.shards.get(n).is_none_or(|l| l.highest > s.checkpoint));
        shards.map(|(n, s)| (*n, s.checkpoint)).collect()
    }
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line {
    index: String,
    mark: IndexMark,
    /// The source's settings at the time: what it has dropped since must be dropped on the target.
    settings: Map<String, Value>,
}

/// What is known of a copied index.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) mark: IndexMark,
    pub(super) settings: Map<String, Value>,
}

/// The file of marks, open for writing.
pub(super) struct Ledger {
    path: PathBuf,
    file: Mutex<File>,
}

impl Ledger {
    pub(super) fn open(run_dir: &Path) -> Result<Self, MigrationError> {
        let path = run_dir.join(FILE);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|e| MigrationError::io("write the marks of the warm copy to", &path, &e))?;
        // A killed run may have left half a line; an empty one harms nothing.
        let _ = file.write_all(b"\n");
        Ok(Self { path, file: Mutex::new(file) })
    }

    /// Notes that an index is copied up to a mark.
    pub(super) fn note(
        &self,
        index: &str,
        mark: &IndexMark,
        settings: &Map<String, Value>,
    ) -> Result<(), MigrationError> {
        let line = Line { index: index.to_owned(), mark: mark.clone(), settings: settings.clone() };
        let mut text = serde_json::to_string(&line).map_err(|e| MigrationError::Internal(e.to_string()))?;
        text.push('\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_data())
            .map_err(|e| MigrationError::io("write the marks of the warm copy to", &self.path, &e))
    }
}

/// The marks of an earlier warm copy, by index. Lines cut short are left out: their indices are copied again.
pub(super) fn recall(run_dir: &Path) -> Result<BTreeMap<String, Known>, MigrationError> {
    let path = run_dir.join(FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(MigrationError::io("read the marks of the warm copy from", &path, &e)),
    };
    let lines = text.lines().filter_map(|l| serde_json::from_str::<Line>(l).ok());
    Ok(lines.map(|l| (l.index, Known { mark: l.mark, settings: l.settings })).collect())
}

/// Forgets the marks of a run that begins anew.
///
/// # Errors
/// The file is there and cannot be removed.
pub fn forget_warm_copy(run_dir: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(run_dir.join(FILE)) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// The mark of one index of the source; nothing if it is gone.
pub(super) async fn of_index(source: &Client, index: &str) -> Result<Option<IndexMark>, MigrationError> {
    match read(source, &index_path(index)).await {
        Ok((stats, state)) => Ok(parse(&stats, &state).remove(index)),
        Err(e) if e.is_not_found() => Ok(None),
        Err(e) => Err(failed(&e)),
    }
}

/// The marks of every wanted open index of the source.
pub(super) async fn of_all(
    source: &Client,
    prefixes: &Prefixes,
) -> Result<BTreeMap<String, IndexMark>, MigrationError> {
    let (stats, state) = read(source, &format!("/{}", prefixes.pattern())).await.map_err(|e| failed(&e))?;
    Ok(parse(&stats, &state).into_iter().filter(|(name, _)| prefixes.matches(name)).collect())
}

fn failed(error: &drydock_stores::elasticsearch::ElasticsearchError) -> MigrationError {
    MigrationError::elasticsearch("read the sequence numbers of the source's shards", error)
}

async fn read(
    source: &Client,
    path: &str,
) -> Result<(Value, Value), drydock_stores::elasticsearch::ElasticsearchError> {
    let stats = format!(
        "{path}/_stats/indexing?level=shards&expand_wildcards=open,hidden&forbid_closed_indices=false\
         &filter_path=indices.*.uuid,indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no,\
         indices.*.shards.*.commit.user_data.history_uuid"
    );
    let stats = source.get(&stats).await?;
    let state = format!(
        "/_cluster/state/metadata{path}?expand_wildcards=all&filter_path=metadata.indices.*.primary_terms"
    );
    // Managed services may forbid it; without terms the delta copies an index whole.
    let state = source.get(&state).await.unwrap_or_default();
    Ok((stats, state))
}

fn parse(stats: &Value, state: &Value) -> BTreeMap<String, IndexMark> {
    let mut marks = BTreeMap::new();
    for (index, body) in stats["indices"].as_object().into_iter().flatten() {
        let mut shards = BTreeMap::new();
        for (shard, copies) in body["shards"].as_object().into_iter().flatten() {
            let primary = copies.as_array().into_iter().flatten().find(|c| c["routing"]["primary"] == true);
            let numbers = primary.and_then(|p| {
                let numbers = &p["seq_no"];
                Some((numbers["global_checkpoint"].as_i64()?, numbers["max_seq_no"].as_i64()?, p))
            });
            // A shard that does not tell counts as never copied.
            let (checkpoint, highest, history) = numbers.map_or((-1, i64::MAX, None), |(c, h, p)| {
                (c, h, p["commit"]["user_data"]["history_uuid"].as_str().map(ToOwned::to_owned))
            });
            if let Ok(shard) = shard.parse() {
                shards.insert(shard, ShardMark { checkpoint, highest, history });
            }
        }
        let terms = state["metadata"]["indices"][index]["primary_terms"].as_object().map(|terms| {
            let mut terms: Vec<(u32, u64)> =
                terms.iter().filter_map(|(n, t)| Some((n.parse().ok()?, t.as_u64()?))).collect();
            terms.sort_unstable();
            terms.into_iter().map(|(_, t)| t).collect()
        });
        let uuid = body["uuid"].as_str().unwrap_or_default().to_owned();
        marks.insert(index.clone(), IndexMark { uuid, shards, terms });
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mark(uuid: &str, shards: &[(i64, i64)], terms: Option<&[u64]>) -> IndexMark {
        let copies = |(checkpoint, highest): &(i64, i64)| {
            json!([{"routing": {"primary": false}, "seq_no": {"global_checkpoint": 0, "max_seq_no": 0}},
                   {"routing": {"primary": true}, "commit": {"user_data": {"history_uuid": "h"}},
                    "seq_no": {"global_checkpoint": checkpoint, "max_seq_no": highest}}])
        };
        let shards: Map<String, Value> =
            shards.iter().enumerate().map(|(n, s)| (n.to_string(), copies(s))).collect();
        let terms: Option<Map<String, Value>> =
            terms.map(|t| t.iter().enumerate().map(|(n, t)| (n.to_string(), json!(t))).collect());
        let state = json!({"metadata": {"indices": {"i": {"primary_terms": terms}}}});
        parse(&json!({"indices": {"i": {"uuid": uuid, "shards": shards}}}), &state).remove("i").unwrap()
    }

    #[test]
    fn what_is_known_is_what_can_never_be_taken_back() {
        let before = mark("u", &[(5, 7), (3, 3)], Some(&[1, 1]));
        assert_eq!(before.moved_since(&mark("u", &[(7, 7), (3, 3)], Some(&[1, 1]))), [(0, 5)]);
        assert_eq!(before.moved_since(&mark("u", &[(7, 7), (9, 9)], Some(&[1, 1]))), [(0, 5), (1, 3)]);
        let quiet = mark("u", &[(5, 5)], Some(&[1]));
        assert_eq!(quiet.moved_since(&quiet.clone()), []);
        let untouched = mark("u", &[(-1, -1), (-1, -1)], Some(&[1, 1]));
        assert!(untouched.is_untouched() && !mark("u", &[(-1, -1), (-1, 0)], Some(&[1, 1])).is_untouched());
        assert!(!mark("u", &[], None).is_untouched());
        assert_eq!(untouched.moved_since(&mark("u", &[(-1, -1), (0, 0)], Some(&[1, 1]))), [(1, -1)]);
    }

    #[test]
    fn another_index_another_primary_and_silence_break_the_thread() {
        let before = mark("u", &[(5, 5)], Some(&[1]));
        assert!(before.is_continued_by(&mark("u", &[(9, 9)], Some(&[1]))));
        assert!(!before.is_continued_by(&mark("v", &[(5, 5)], Some(&[1]))));
        assert!(!before.is_continued_by(&mark("u", &[(5, 5)], Some(&[2]))));
        assert!(!before.is_continued_by(&mark("u", &[(5, 5), (0, 0)], Some(&[1, 1]))));
        let silent = mark("u", &[(5, 5)], None);
        assert!(!silent.is_continued_by(&silent.clone()));
    }

    #[test]
    fn marks_outlive_a_killed_run() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (mark("u", &[(5, 5)], Some(&[1])), mark("v", &[(6, 6)], Some(&[1])));
        let settings = Map::from_iter([("index.number_of_replicas".to_owned(), json!("1"))]);
        let ledger = Ledger::open(folder.path()).unwrap();
        ledger.note("a", &one, &settings).unwrap();
        ledger.note("a", &two, &settings).unwrap();
        ledger.file.lock().unwrap().write_all(b"{\"index\":\"b\",\"mark\":").unwrap();
        Ledger::open(folder.path()).unwrap().note("c", &one, &settings).unwrap();
        let known = recall(folder.path()).unwrap();
        assert_eq!(known.keys().collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((&known["a"].mark, &known["a"].settings), (&two, &settings));
        forget_warm_copy(folder.path()).unwrap();
        forget_warm_copy(folder.path()).unwrap();
        assert!(recall(folder.path()).unwrap().is_empty());
    }
}
