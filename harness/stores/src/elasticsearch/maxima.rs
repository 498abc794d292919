//! Highest sequence number of every shard: where it has not moved, nothing was written.

use super::Client;
use serde_json::Value;
use std::collections::BTreeMap;

/// Highest sequence number of each primary shard, by index.
pub type Maxima = BTreeMap<String, Vec<i64>>;

/// Reads them for one index (a URL path segment) or for all. `None` where the store or the role does not allow it.
pub async fn read_maxima(client: &Client, segment: Option<&str>) -> Option<Maxima> {
    let filter = "indices.*.shards.*.routing.primary,indices.*.shards.*.seq_no.max_seq_no";
    let path = match segment {
        Some(segment) => format!("/{segment}/_stats?level=shards&filter_path={filter}"),
        None => format!("/_stats?level=shards&expand_wildcards=open,hidden&filter_path={filter}"),
    };
    let answer = client.get(&path).await.ok()?;
    let mut maxima = Maxima::new();
    for (index, body) in answer["indices"].as_object()? {
        let mut shards = BTreeMap::new();
        for (shard, copies) in body["shards"].as_object()? {
            let primary = copies.as_array()?.iter().find(|c| c["routing"]["primary"] == Value::Bool(true))?;
            shards.insert(shard.parse::<u32>().ok()?, primary["seq_no"]["max_seq_no"].as_i64()?);
        }
        maxima.insert(index.clone(), shards.into_values().collect());
    }
    Some(maxima)
}
