//! The targets as a whole: fit before anything is moved, ready before it is restored, healthy afterwards.

use crate::context::{Facts, MigrationContext, Reporter};
use crate::elasticsearch::{Inventory, Prefixes};
use crate::error::MigrationError;
use crate::preflight::{Known, preflight};
use drydock_core::Component;
use drydock_stores::StorePair;
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// The official scripts' budget for waiting.
const DEADLINE: Duration = Duration::from_secs(600);

fn databases(cx: &MigrationContext) -> Vec<&'static str> {
    cx.spec.components().into_iter().filter_map(Component::database).collect()
}

fn with_indices(cx: &MigrationContext) -> bool {
    cx.spec.components().contains(&Component::Elasticsearch)
}

/// Preflight as one step: what it refuses first is why the step fails.
pub(crate) async fn validate(cx: &MigrationContext) -> Result<Facts, MigrationError> {
    let found = preflight(cx, &Known::default()).await;
    match found.refusals().first() {
        Some(first) => Err(MigrationError::environment(
            "validate the targets",
            first.message.clone(),
            first.next.clone(),
        )),
        None => Ok(found.facts),
    }
}

/// Waits until both targets answer, at most ten minutes in all.
pub(crate) async fn wait(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(50);
    let mut told = false;
    loop {
        let reason = match ready(cx).await {
            Ok(()) => break,
            Err(reason) => reason,
        };
        if begun.elapsed() > DEADLINE {
            return Err(MigrationError::environment(
                "wait for the targets",
                format!("not ready after {} s: {reason}", DEADLINE.as_secs()),
                "see the logs of the target stores, then resume the run",
            ));
        }
        if !told {
            reporter.note(&format!("waiting for the targets: {reason}"));
            told = true;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(5));
    }
    Ok(Facts::from([("seconds".into(), json!(crate::postgres::round(begun.elapsed().as_secs_f64())))]))
}

async fn ready(cx: &MigrationContext) -> Result<(), String> {
    if !databases(cx).is_empty() {
        connect(&cx.target.postgres, "postgres", APPLICATION_NAME).await.map_err(|e| e.to_string())?;
    }
    if with_indices(cx) {
        let client = cx.target_elasticsearch().map_err(|e| e.to_string())?;
        let health = client.get("/_cluster/health").await.map_err(|e| e.to_string())?;
        match health["status"].as_str() {
            Some("green" | "yellow") => {}
            other => return Err(format!("the cluster is {}", other.unwrap_or("of unknown health"))),
        }
    }
    Ok(())
}

/// What a dashboard asks: whether the stores answer, whether each application role can log in to its database, and whether
/// the application's aliases can be searched.
pub(crate) async fn health(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let mut facts = Facts::new();
    for database in databases(cx) {
        let endpoint = cx.as_role(&cx.target, database)?;
        let session = connect(&endpoint, database, APPLICATION_NAME).await?;
        session.query_one("SELECT 1", &[]).await.map_err(|e| {
            MigrationError::statement(format!("use database {database} as role {database}"), &e)
        })?;
    }
    facts.insert("databases".into(), json!(databases(cx).len()));
    if with_indices(cx) {
        facts.extend(cluster_health(cx, &cx.target, reporter).await?);
    }
    Ok(facts)
}

async fn cluster_health(
    cx: &MigrationContext,
    side: &StorePair,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let client = crate::context::client(side)?;
    let health = client
        .get("/_cluster/health?wait_for_status=yellow&timeout=60s")
        .await
        .map_err(|e| MigrationError::elasticsearch("ask the target cluster for its health", &e))?;
    match health["status"].as_str() {
        Some("green") => {}
        Some("yellow") => reporter.note("the target cluster is yellow: replicas are missing"),
        other => {
            return Err(MigrationError::migration(
                "ask the target cluster for its health",
                format!("it is {}", other.unwrap_or("of unknown health")),
                "see _cluster/allocation/explain on the target",
            ));
        }
    }
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let rows = client
        .get("/_cat/aliases?format=json&h=alias,index&expand_wildcards=all")
        .await
        .map_err(|e| MigrationError::elasticsearch("list the aliases of the target", &e))?;
    let mut aliases: Vec<String> = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| row["index"].as_str().is_some_and(|i| prefixes.matches(i)))
        .filter_map(|row| row["alias"].as_str().map(ToOwned::to_owned))
        .collect();
    aliases.sort();
    aliases.dedup();
    for alias in &aliases {
        // Users may make an index this very moment, whose shard is about to answer: the whole search is refused for the
        // moment, and made again.
        let path = format!(
            "/{}/_search?size=1&expand_wildcards=all&allow_partial_search_results=false",
            crate::elasticsearch::encode(alias)
        );
        let answer = client.post(&path, &json!({"query": {"match_all": {}}})).await.map_err(|e| {
            MigrationError::elasticsearch(format!("search by alias {alias} on the target"), &e)
        })?;
        if answer["_shards"]["failed"].as_u64() != Some(0) {
            return Err(MigrationError::migration(
                format!("search by alias {alias} on the target"),
                format!("{} shards failed", answer["_shards"]["failed"]),
                "see the log of the target cluster",
            ));
        }
    }
    let inventory = Inventory::take(&client, &prefixes).await?;
    Ok(Facts::from([
        ("health".into(), Value::from(health["status"].as_str())),
        ("aliases_searched".into(), json!(aliases.len())),
        ("indices".into(), json!(inventory.indices.len())),
        ("documents".into(), json!(inventory.documents())),
    ]))
}
