//! Sequence numbers of the shards of a cluster.

use super::{IndexMark, Tombstone};
use crate::context::client_of;
use crate::elasticsearch::Prefixes;
use crate::error::MigrationError;
use drydock_stores::ElasticsearchEndpoint;
use serde_json::Value;
use std::collections::BTreeMap;

/// Marks of every open index with one of the prefixes, hidden ones included.
pub(super) async fn marks(
    source: &ElasticsearchEndpoint,
    prefixes: &[String],
) -> Result<BTreeMap<String, IndexMark>, MigrationError> {
    if prefixes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let prefixes = Prefixes::new(prefixes);
    let path = format!(
        "/{}/_stats/indexing?level=shards&expand_wildcards=open,hidden&forbid_closed_indices=false\
         &filter_path=indices.*.uuid,indices.*.primaries.indexing.index_total,indices.*.primaries.indexing.delete_total,\
         indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no.max_seq_no",
        prefixes.pattern()
    );
    let answer = client_of(source)?
        .get(&path)
        .await
        .map_err(|e| MigrationError::elasticsearch("read the sequence numbers of the source's shards", &e))?;
    Ok(parse(&answer, &prefixes))
}

/// Deleted indices with one of the prefixes that the cluster remembers, by identity. A cluster that does not show its state
/// remembers none.
pub(super) async fn deleted(
    source: &ElasticsearchEndpoint,
    prefixes: &[String],
) -> Result<BTreeMap<String, Tombstone>, MigrationError> {
    if prefixes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let path = "/_cluster/state/metadata?filter_path=metadata.index-graveyard";
    let answer = match client_of(source)?.get(path).await {
        Ok(answer) => answer,
        Err(e) if matches!(e.status(), Some(400 | 403 | 404 | 405)) => return Ok(BTreeMap::new()),
        Err(e) => {
            return Err(MigrationError::elasticsearch("read which indices the source has deleted", &e));
        }
    };
    Ok(buried(&answer, &Prefixes::new(prefixes)))
}

fn buried(answer: &Value, prefixes: &Prefixes) -> BTreeMap<String, Tombstone> {
    let stones = answer["metadata"]["index-graveyard"]["tombstones"].as_array();
    stones
        .into_iter()
        .flatten()
        .filter_map(|stone| {
            let index = stone["index"]["index_name"].as_str().filter(|name| prefixes.matches(name))?;
            let uuid = stone["index"]["index_uuid"].as_str()?;
            let at_ms = stone["delete_date_in_millis"].as_i64().unwrap_or(0);
            Some((uuid.to_owned(), Tombstone { index: index.to_owned(), at_ms }))
        })
        .collect()
}

fn parse(answer: &Value, prefixes: &Prefixes) -> BTreeMap<String, IndexMark> {
    let mut marks = BTreeMap::new();
    for (index, stats) in answer["indices"].as_object().into_iter().flatten() {
        if !prefixes.matches(index) {
            continue;
        }
        let total = |name: &str| stats["primaries"]["indexing"][name].as_u64().unwrap_or(0);
        let mut mark = IndexMark {
            uuid: stats["uuid"].as_str().unwrap_or_default().to_owned(),
            indexed: total("index_total"),
            deleted: total("delete_total"),
            ..IndexMark::default()
        };
        for (shard, copies) in stats["shards"].as_object().into_iter().flatten() {
            let number = copies
                .as_array()
                .into_iter()
                .flatten()
                .filter(|copy| copy["routing"]["primary"] == true)
                .find_map(|copy| copy["seq_no"]["max_seq_no"].as_i64());
            if let (Ok(shard), Some(number)) = (shard.parse(), number) {
                mark.sequence_numbers.insert(shard, number);
            }
        }
        marks.insert(index.clone(), mark);
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_graveyard_tells_names_and_times() {
        let stone = |name: &str, uuid: &str| json!({"index": {"index_name": name, "index_uuid": uuid}, "delete_date_in_millis": 1_700_000_000_123_i64});
        let answer = json!({"metadata": {"index-graveyard": {"tombstones": [stone("operate-a_", "u"), stone("b", "v")]}}});
        let found = buried(&answer, &Prefixes::new(&["operate-".into()]));
        let stone = Tombstone { index: "operate-a_".into(), at_ms: 1_700_000_000_123 };
        assert_eq!(found, BTreeMap::from([("u".to_owned(), stone)]));
        assert!(buried(&json!({}), &Prefixes::new(&["operate-".into()])).is_empty());
    }

    #[test]
    fn only_primaries_of_wanted_indices_count() {
        let answer = json!({"indices": {
            "operate-a_": {"uuid": "u", "primaries": {"indexing": {"index_total": 7, "delete_total": 1}}, "shards": {
                "0": [{"routing": {"primary": false}, "seq_no": {"max_seq_no": 9}},
                      {"routing": {"primary": true}, "seq_no": {"max_seq_no": 10}}],
                "1": [{"routing": {"primary": true}, "seq_no": {"max_seq_no": -1}}]}},
            "other": {"uuid": "v", "shards": {}}}});
        let marks = parse(&answer, &Prefixes::new(&["operate-*".into()]));
        assert_eq!(marks.len(), 1);
        let mark = &marks["operate-a_"];
        assert_eq!(mark.sequence_numbers, BTreeMap::from([(0, 10), (1, -1)]));
        assert_eq!((mark.indexed, mark.deleted), (7, 1));
    }
}
