//! What a cluster holds, with exact counts.

use super::{Prefixes, encode};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::elasticsearch::Client;
use reqwest::Method;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// How long the shards of an index that was just made may take to answer.
const STARTING: Duration = Duration::from_secs(10);
/// Between two looks at them.
const AGAIN: Duration = Duration::from_millis(100);

/// Whether documents of an index can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
}

/// One index.
#[derive(Debug, Clone)]
pub(crate) struct SourceIndex {
    pub(crate) name: String,
    pub(crate) state: State,
    /// Left out by wildcards that do not ask for it.
    pub(crate) hidden: bool,
    /// Size on disk of the primaries, an estimate.
    pub(crate) store_bytes: u64,
    /// Exact number of documents after a refresh; 0 if closed.
    pub(crate) documents: u64,
}

/// The wanted indices of a cluster, in every state, by name.
#[derive(Debug, Clone)]
pub(crate) struct Inventory {
    pub(crate) indices: Vec<SourceIndex>,
}

impl Inventory {
    /// Refreshes, lists and counts. The counts in `_cat/indices` are Lucene's (nested documents included, deletions
    /// pending) and are not used.
    pub(crate) async fn take(client: &Client, prefixes: &Prefixes) -> Result<Self, MigrationError> {
        refresh(client, prefixes).await?;
        let mut indices = names(client, prefixes).await?;
        let open: Vec<String> =
            indices.iter().filter(|i| i.state == State::Open).map(|i| i.name.clone()).collect();
        let counts = counts(client, &open).await?;
        for index in &mut indices {
            index.documents = counts.get(&index.name).copied().unwrap_or(0);
        }
        Ok(Self { indices })
    }

    /// Documents of all indices.
    pub(crate) fn documents(&self) -> u64 {
        self.indices.iter().map(|i| i.documents).sum()
    }

    /// Names of closed indices.
    pub(crate) fn closed(&self) -> Vec<&str> {
        self.indices.iter().filter(|i| i.state == State::Closed).map(|i| i.name.as_str()).collect()
    }

    /// Names of hidden indices.
    pub(crate) fn hidden(&self) -> Vec<&str> {
        self.indices.iter().filter(|i| i.hidden).map(|i| i.name.as_str()).collect()
    }
}

/// Makes everything written visible to counts. A cluster that forbids it refreshes by itself within its interval.
pub(crate) async fn refresh(client: &Client, prefixes: &Prefixes) -> Result<(), MigrationError> {
    if Without::Refresh.is_gone() {
        return Ok(());
    }
    let path =
        format!("/{}/_refresh?expand_wildcards=open,hidden&ignore_unavailable=true", prefixes.pattern());
    match client.post_empty(&path).await {
        Ok(answer) => match answer["_shards"]["failed"].as_u64() {
            Some(0) => Ok(()),
            failed => Err(MigrationError::migration(
                format!("refresh the indices of {}", client.url()),
                format!("{} shards failed", failed.map_or_else(|| "unknown".into(), |n| n.to_string())),
                "see the log of Elasticsearch",
            )),
        },
        Err(e) if matches!(e.status(), Some(401 | 403)) => Ok(()),
        Err(e) => Err(MigrationError::elasticsearch(format!("refresh the indices of {}", client.url()), &e)),
    }
}

/// Every wanted index in every state, without counts.
pub(crate) async fn names(client: &Client, prefixes: &Prefixes) -> Result<Vec<SourceIndex>, MigrationError> {
    let doing = || format!("list the indices of {}", client.url());
    let path = format!(
        "/_cat/indices/{}?format=json&bytes=b&h=index,status,pri.store.size&expand_wildcards=all",
        prefixes.pattern()
    );
    let rows = client.get(&path).await.map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
    let path =
        format!("/{}/_settings/index.hidden?expand_wildcards=all&flat_settings=true", prefixes.pattern());
    let hidden = client.get(&path).await.map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
    let mut indices: Vec<SourceIndex> = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| parse(row, &hidden))
        .filter(|i| prefixes.matches(&i.name))
        .collect();
    indices.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(indices)
}

fn parse(row: &Value, hidden: &Value) -> Option<SourceIndex> {
    let name = row["index"].as_str()?.to_owned();
    Some(SourceIndex {
        state: if row["status"] == "close" { State::Closed } else { State::Open },
        hidden: hidden[&name]["settings"]["index.hidden"] == "true",
        store_bytes: row["pri.store.size"].as_str().and_then(|s| s.parse().ok()).unwrap_or(0),
        documents: 0,
        name,
    })
}

/// Exact numbers of documents of open indices, many a request. Nothing is counted twice and no shard may be missing. An index
/// that users have just made is waited for until its shards are there.
pub(crate) async fn counts(
    client: &Client,
    names: &[String],
) -> Result<BTreeMap<String, u64>, MigrationError> {
    let mut counts = BTreeMap::new();
    for names in names.chunks(200) {
        let mut answered = counted(client, names).await?;
        let patience = Instant::now() + STARTING;
        loop {
            let starting: Vec<String> =
                answered.iter().filter(|(_, count)| count.is_err()).map(|(name, _)| name.clone()).collect();
            if starting.is_empty() || Instant::now() >= patience {
                break;
            }
            // Asking for its health is no use: an index is yellow from the moment it is made, before any shard answers.
            tokio::time::sleep(AGAIN).await;
            answered.extend(counted(client, &starting).await?);
        }
        for (name, count) in answered {
            let count = count.map_err(|reason| {
                MigrationError::from_words(
                    format!("count the documents of index {name}"),
                    reason,
                    "see the log of Elasticsearch",
                )
            })?;
            counts.insert(name, count);
        }
    }
    Ok(counts)
}

/// One request for many indices. Of one that does not count, why.
async fn counted(
    client: &Client,
    names: &[String],
) -> Result<BTreeMap<String, Result<u64, String>>, MigrationError> {
    let doing = || format!("count the documents of {}", client.url());
    let mut body = String::new();
    for name in names {
        body.push_str(&json!({"index": name}).to_string());
        body.push_str("\n{\"size\":0,\"track_total_hits\":true}\n");
    }
    let bytes = client
        .bytes(Method::POST, "/_msearch", Some(("application/x-ndjson", body.into_bytes())))
        .await
        .map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
    let answer: Value = serde_json::from_slice(&bytes)
        .map_err(|e| MigrationError::migration(doing(), e.to_string(), "see the log of Elasticsearch"))?;
    let counts = names.iter().enumerate().map(|(at, name)| {
        let one = &answer["responses"][at];
        let count = match (one["hits"]["total"]["value"].as_u64(), one["_shards"]["failed"].as_u64()) {
            (Some(count), Some(0)) => Ok(count),
            _ => Err(match one["error"]["reason"].as_str() {
                Some(reason) => reason.to_owned(),
                None => format!("{} shards failed", one["_shards"]["failed"]),
            }),
        };
        (name.clone(), count)
    });
    Ok(counts.collect())
}

/// Exact number of documents of one index, after a refresh.
pub(crate) async fn count_now(client: &Client, name: &str) -> Result<u64, MigrationError> {
    client
        .post_empty(&format!("{}/_refresh", index_path(name)))
        .await
        .map_err(|e| MigrationError::elasticsearch(format!("refresh index {name}"), &e))?;
    Ok(counts(client, &[name.to_owned()]).await?.get(name).copied().unwrap_or(0))
}

/// Health and listing of the source: the counterpart of a dump, from which nothing is restored.
pub(crate) async fn list(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let client = cx.source_elasticsearch()?;
    let health = client
        .get("/_cluster/health")
        .await
        .map_err(|e| MigrationError::elasticsearch("ask the source cluster for its health", &e))?;
    let inventory = Inventory::take(&client, &Prefixes::new(&cx.spec.index_prefixes)).await?;
    for name in inventory.closed() {
        reporter.note(&format!(
            "index {name} of the source is closed: its documents can be neither counted nor copied"
        ));
    }
    let list: BTreeMap<&str, u64> =
        inventory.indices.iter().map(|i| (i.name.as_str(), i.documents)).collect();
    Ok(Facts::from([
        ("health".into(), health["status"].clone()),
        ("indices".into(), json!(inventory.indices.len())),
        ("documents".into(), json!(inventory.documents())),
        ("store_bytes".into(), json!(inventory.indices.iter().map(|i| i.store_bytes).sum::<u64>())),
        (
            "largest_store_bytes".into(),
            json!(inventory.indices.iter().map(|i| i.store_bytes).max().unwrap_or_default()),
        ),
        ("closed".into(), json!(inventory.closed())),
        ("hidden".into(), json!(inventory.hidden())),
        ("counts".into(), json!(list)),
    ]))
}

/// A name as a path of its own.
pub(crate) fn index_path(name: &str) -> String {
    format!("/{}", encode(name))
}

/// Indices with documents, largest first, and those without. Sizes on disk lag behind, and then the documents decide.
pub(crate) fn largest_first(indices: Vec<&SourceIndex>) -> (Vec<&SourceIndex>, Vec<&SourceIndex>) {
    let (mut full, empty): (Vec<&SourceIndex>, Vec<&SourceIndex>) =
        indices.into_iter().partition(|i| i.documents > 0);
    full.sort_by_key(|i| (Reverse(i.store_bytes), Reverse(i.documents), i.name.clone()));
    (full, empty)
}
