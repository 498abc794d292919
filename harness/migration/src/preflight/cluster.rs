//! What preflight wants to know about the Elasticsearch clusters.

use crate::context::MigrationContext;
use crate::elasticsearch::{Prefixes, SourceIndex, State, document_counts, index_names};
use crate::error::MigrationError;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, Flavour};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Rights that are used on either side: of the cluster, and of indices.
const SOURCE_RIGHTS: (&[&str], &[&str]) = (&["monitor"], &["read", "view_index_metadata"]);
const TARGET_RIGHTS: (&[&str], &[&str]) = (
    &["monitor", "manage_index_templates"],
    &["create_index", "write", "read", "manage", "view_index_metadata"],
);

/// One data node's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disk {
    pub(super) total: u64,
    pub(super) available: u64,
}

/// One index of the source.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) name: String,
    pub(super) store_bytes: u64,
    /// 0 if it is closed.
    pub(super) documents: u64,
    pub(super) state: State,
    pub(super) primaries: u64,
    pub(super) replicas: u64,
}

/// One cluster.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    pub(super) version: String,
    pub(super) flavour: Flavour,
    /// Every setting of the cluster, flat, with defaults where the store tells them.
    pub(super) settings: Map<String, Value>,
    /// Global blocks that forbid writes, in the store's words.
    pub(super) blocks: Vec<String>,
    pub(super) status: String,
    pub(super) data_nodes: u64,
    /// Shards of open indices, replicas included.
    pub(super) shards: u64,
    /// Largest request the strictest node takes, in bytes; `None` if it is not told.
    pub(super) largest_request: Option<u64>,
    /// Disks of the nodes; empty if they are not told.
    pub(super) disks: Vec<Disk>,
    /// Rights that the login lacks; `None` where there are none to have.
    pub(super) lacking: Option<Vec<String>>,
}

/// Both clusters and the indices that move.
#[derive(Debug, Clone)]
pub(super) struct Clusters {
    pub(super) source: Cluster,
    pub(super) target: Cluster,
    pub(super) indices: Vec<Index>,
    /// Indices with the wanted prefixes that the target has already.
    pub(super) there: Vec<String>,
}

/// Asks both clusters. Reads only.
pub(super) async fn look(cx: &MigrationContext) -> Result<Clusters, MigrationError> {
    let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let pattern: Vec<String> = match cx.spec.index_prefixes.as_slice() {
        [] => vec!["*".to_owned()],
        some => some.iter().map(|p| format!("{}*", p.trim_end_matches('*'))).collect(),
    };
    let listed = index_names(&source, &prefixes).await?;
    let open: Vec<String> =
        listed.iter().filter(|i| i.state == State::Open).map(|i| i.name.clone()).collect();
    let counts = document_counts(&source, &open).await?;
    let shards = shards(&source, &prefixes).await?;
    let index = |i: SourceIndex| {
        let (primaries, replicas) = shards.get(&i.name).copied().unwrap_or((1, 1));
        Index {
            documents: counts.get(&i.name).copied().unwrap_or(0),
            state: i.state,
            store_bytes: i.store_bytes,
            primaries,
            replicas,
            name: i.name,
        }
    };
    Ok(Clusters {
        indices: listed.into_iter().map(index).collect(),
        there: index_names(&target, &prefixes).await?.into_iter().map(|i| i.name).collect(),
        source: cluster(&source, SOURCE_RIGHTS, &pattern).await?,
        target: cluster(&target, TARGET_RIGHTS, &pattern).await?,
    })
}

async fn cluster(
    client: &Client,
    rights: (&[&str], &[&str]),
    pattern: &[String],
) -> Result<Cluster, MigrationError> {
    let asked = |what: &'static str| {
        let url = client.url().to_owned();
        move |e: ElasticsearchError| MigrationError::elasticsearch(format!("ask {url} for {what}"), &e)
    };
    let banner = client.get("/").await.map_err(asked("its version"))?;
    let health = client.get("/_cluster/health").await.map_err(asked("its health"))?;
    let number = |name: &str| health[name].as_u64().unwrap_or(0);
    // Managed services hide some of these; what is not told is not judged.
    let settings = client.get("/_cluster/settings?include_defaults=true&flat_settings=true").await.ok();
    let blocks = client.get("/_cluster/state/blocks").await.ok();
    let nodes = client.get("/_nodes/http").await.ok();
    let stats = client.get("/_nodes/stats/fs").await.ok();
    Ok(Cluster {
        version: banner["version"]["number"].as_str().unwrap_or_default().to_owned(),
        flavour: Flavour::from_banner(&banner),
        settings: settings.as_ref().map(flat_settings).unwrap_or_default(),
        blocks: blocks.as_ref().map(write_blocks).unwrap_or_default(),
        status: health["status"].as_str().unwrap_or_default().to_owned(),
        data_nodes: number("number_of_data_nodes"),
        shards: number("active_shards") + number("initializing_shards") + number("unassigned_shards"),
        largest_request: nodes.as_ref().and_then(largest_request),
        disks: stats.as_ref().map(disks).unwrap_or_default(),
        lacking: lacking(client, rights, pattern).await,
    })
}

/// What counts of each setting: transient, then persistent, then the default.
fn flat_settings(answer: &Value) -> Map<String, Value> {
    let mut settings = Map::new();
    for level in ["defaults", "persistent", "transient"] {
        for (name, value) in answer[level].as_object().into_iter().flatten() {
            settings.insert(name.clone(), value.clone());
        }
    }
    settings
}

fn write_blocks(answer: &Value) -> Vec<String> {
    let blocks = answer["blocks"]["global"].as_object().into_iter().flatten();
    let forbids = |block: &&Value| {
        let levels = block["levels"].as_array().into_iter().flatten();
        levels.filter_map(Value::as_str).any(|level| level == "write" || level == "metadata_write")
    };
    blocks
        .map(|(_, block)| block)
        .filter(forbids)
        .map(|block| block["description"].as_str().unwrap_or("a block without a name").to_owned())
        .collect()
}

fn largest_request(nodes: &Value) -> Option<u64> {
    let nodes = nodes["nodes"].as_object()?.values();
    nodes.filter_map(|n| n["http"]["max_content_length_in_bytes"].as_u64()).min()
}

fn disks(stats: &Value) -> Vec<Disk> {
    let nodes = stats["nodes"].as_object().into_iter().flatten();
    let holds_data = |node: &Value| {
        // OpenSearch and old versions call it `data`, newer ones `data_hot` and the like.
        let roles = node["roles"].as_array();
        roles.is_none_or(|roles| roles.iter().filter_map(Value::as_str).any(|r| r.starts_with("data")))
    };
    nodes
        .filter(|(_, node)| holds_data(node))
        .filter_map(|(_, node)| {
            let total = &node["fs"]["total"];
            Some(Disk {
                total: total["total_in_bytes"].as_u64()?,
                available: total["available_in_bytes"].as_u64()?,
            })
        })
        .collect()
}

/// Rights that the login lacks. A cluster without security does not know the question.
async fn lacking(client: &Client, rights: (&[&str], &[&str]), pattern: &[String]) -> Option<Vec<String>> {
    let question = json!({"cluster": rights.0, "index": [{"names": pattern, "privileges": rights.1}]});
    let answer = client.post("/_security/user/_has_privileges", &question).await.ok()?;
    let mut lacking = Vec::new();
    let denied = |of: &Value| -> Vec<String> {
        let all = of.as_object().into_iter().flatten();
        all.filter(|(_, granted)| **granted == Value::Bool(false)).map(|(name, _)| name.clone()).collect()
    };
    for right in denied(&answer["cluster"]) {
        lacking.push(format!("cluster privilege {right}"));
    }
    for (names, of) in answer["index"].as_object().into_iter().flatten() {
        lacking.extend(denied(of).into_iter().map(|right| format!("index privilege {right} on {names}")));
    }
    Some(lacking)
}

/// Primaries and replicas of the wanted indices.
async fn shards(
    client: &Client,
    prefixes: &Prefixes,
) -> Result<BTreeMap<String, (u64, u64)>, MigrationError> {
    let path = format!(
        "/{}/_settings/index.number_of_*?expand_wildcards=all&flat_settings=true",
        prefixes.pattern()
    );
    let answer = client
        .get(&path)
        .await
        .map_err(|e| MigrationError::elasticsearch(format!("list the shards of {}", client.url()), &e))?;
    let number =
        |settings: &Value, name: &str| settings[name].as_str().and_then(|n| n.parse().ok()).unwrap_or(1);
    let indices = answer.as_object().into_iter().flatten();
    Ok(indices
        .map(|(name, index)| {
            let settings = &index["settings"];
            let replicas = number(settings, "index.number_of_replicas");
            (name.clone(), (number(settings, "index.number_of_shards"), replicas))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_is_transient_before_persistent_before_default() {
        let answer =
            json!({"persistent": {"a": "2"}, "transient": {"a": "3"}, "defaults": {"a": "1", "b": "1"}});
        let settings = flat_settings(&answer);
        assert_eq!((settings["a"].as_str(), settings["b"].as_str()), (Some("3"), Some("1")));
    }

    #[test]
    fn only_blocks_that_forbid_writes_count() {
        let answer = json!({"blocks": {"global": {
            "6": {"description": "cluster read-only (api)", "levels": ["write", "metadata_write"]},
            "2": {"description": "no master", "levels": ["metadata_read"]}}}});
        assert_eq!(write_blocks(&answer), ["cluster read-only (api)"]);
        assert_eq!(write_blocks(&json!({"blocks": {}})), Vec::<String>::new());
    }

    #[test]
    fn the_strictest_node_and_data_nodes_alone_count() {
        let nodes = json!({"nodes": {"a": {"http": {"max_content_length_in_bytes": 5}},
            "b": {"http": {"max_content_length_in_bytes": 3}}}});
        assert_eq!(largest_request(&nodes), Some(3));
        let node = |role: &str| json!({"roles": [role], "fs": {"total": {"total_in_bytes": 9, "available_in_bytes": 4}}});
        let stats = json!({"nodes": {"a": node("master"), "b": node("data_hot"), "c": node("data")}});
        assert_eq!(disks(&stats), [Disk { total: 9, available: 4 }; 2]);
    }
}
