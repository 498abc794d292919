//! The target cluster: its right to read from the source.

use super::reindex::{body, host_with_port};
use super::{Prefixes, dump, snapshot};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::elasticsearch::inventory;
use crate::error::MigrationError;
use drydock_core::scenario::Mover;
use serde_json::json;

/// Checks the target's health and lets it read from the source once: a `_reindex` of no document, which goes through the
/// whitelist, the network and the login, and makes no index. A mover that writes by itself does not need that right.
pub(crate) async fn prepare(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let target = cx.target_elasticsearch()?;
    let health = target
        .get("/_cluster/health")
        .await
        .map_err(|e| MigrationError::elasticsearch("ask the target cluster for its health", &e))?;
    let mut facts = Facts::from([
        ("health".into(), health["status"].clone()),
        ("nodes".into(), health["number_of_nodes"].clone()),
    ]);
    if !cx.spec.mover.reads_from_remote() {
        facts.insert("remote_read".into(), json!("not needed"));
        facts.extend(match cx.spec.mover {
            Mover::Snapshot => snapshot::prepare(cx).await?,
            Mover::Dump => dump::prepare(cx).await?,
            Mover::Reindex | Mover::ReindexByHand | Mover::Stream => Facts::new(),
        });
        return Ok(facts);
    }
    let source = cx.source_elasticsearch()?;
    let indices = inventory::names(&source, &Prefixes::new(&cx.spec.index_prefixes)).await?;
    let Some(probe) = indices.iter().find(|i| i.state == super::State::Open) else {
        reporter
            .note("the source has no index to migrate, so the target's right to read from it was not tried");
        facts.insert("remote_read".into(), json!("not tried"));
        return Ok(facts);
    };
    let endpoint = &cx.source.elasticsearch;
    let mut request = body(endpoint, &probe.name, 1);
    request["source"]["query"] = json!({"match_none": {}});
    request["dest"]["index"] = json!("drydock-read-probe");
    if let Err(e) = target.post("/_reindex?wait_for_completion=true", &request).await {
        let host = host_with_port(&endpoint.url);
        let host = host.split_once("://").map_or(host.as_str(), |(_, h)| h);
        if e.to_string().contains("whitelist") {
            return Err(MigrationError::migration(
                "let the target cluster read from the source",
                e.to_string(),
                format!(
                    "add {host} to reindex.remote.whitelist in elasticsearch.yml of every target node and restart it"
                ),
            ));
        }
        return Err(MigrationError::elasticsearch("let the target cluster read from the source", &e));
    }
    facts.insert("remote_read".into(), json!("allowed"));
    Ok(facts)
}
