//! Sequence numbers of the shards of a cluster.

use super::IndexMark;
use crate::context::client;
use crate::elasticsearch::Prefixes;
use crate::error::MigrationError;
use drydock_stores::StorePair;
use serde_json::Value;
use std::collections::BTreeMap;

/// Marks of every open index with one of the prefixes, hidden ones included.
pub(super) async fn marks(
    source: &StorePair,
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
    let answer = client(source)?
        .get(&path)
        .await
        .map_err(|e| MigrationError::elasticsearch("read the sequence numbers of the source's shards", &e))?;
    Ok(parse(&answer, &prefixes))
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
