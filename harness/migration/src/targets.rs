//! The targets as a whole: fit before anything is moved, ready before it is restored, healthy afterwards.

use crate::context::{Facts, MigrationContext, Reporter};
use crate::elasticsearch::{Inventory, Prefixes, SourceIndex, index_names};
use crate::error::MigrationError;
use crate::postgres::contents;
use drydock_core::Component;
use drydock_stores::elasticsearch::Client;
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_stores::{PostgresEndpoint, StorePair};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The official scripts' budget for waiting.
const DEADLINE: Duration = Duration::from_secs(600);

fn databases(cx: &MigrationContext) -> Vec<&'static str> {
    cx.spec.components().into_iter().filter_map(Component::database).collect()
}

fn with_indices(cx: &MigrationContext) -> bool {
    cx.spec.components().contains(&Component::Elasticsearch)
}

/// Checks that the targets are reachable, new enough, empty, and big enough where that can be asked.
pub(crate) async fn validate(
    cx: &MigrationContext,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let mut facts = Facts::new();
    let databases = databases(cx);
    if !databases.is_empty() {
        let from = postgres_version(&cx.source.postgres).await?;
        let to = postgres_version(&cx.target.postgres).await?;
        if to / 10_000 < from / 10_000 {
            return Err(MigrationError::migration(
                "validate the target PostgreSQL",
                format!("it is version {}, older than the source's {}", to / 10_000, from / 10_000),
                "use a target of the same major version or a newer one",
            ));
        }
        if to / 10_000 > from / 10_000 {
            reporter.note(&format!(
                "PostgreSQL changes its major version, {} -> {}: functions and collations may behave differently",
                from / 10_000,
                to / 10_000
            ));
        }
        let mut bytes = 0_i64;
        for database in &databases {
            if let Some(objects @ 1..) = contents(&cx.target.postgres, database).await? {
                return Err(MigrationError::migration(
                    format!("validate database {database} on the target"),
                    format!("it is not empty: {objects} objects are in it"),
                    "drop it or name another target; nothing was changed in it",
                ));
            }
            bytes += database_bytes(&cx.source.postgres, database).await?;
        }
        facts.insert("postgres_source".into(), json!(from));
        facts.insert("postgres_target".into(), json!(to));
        facts.insert("postgres_source_bytes".into(), json!(bytes));
        reporter.note(
            "free space of the target PostgreSQL cannot be asked over its protocol and was not checked",
        );
    }
    if with_indices(cx) {
        validate_elasticsearch(cx, &mut facts).await?;
    }
    Ok(facts)
}

async fn validate_elasticsearch(cx: &MigrationContext, facts: &mut Facts) -> Result<(), MigrationError> {
    let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
    let (from, to) = (elasticsearch_version(&source).await?, elasticsearch_version(&target).await?);
    if numbers(&to) < numbers(&from) {
        return Err(MigrationError::migration(
            "validate the target Elasticsearch",
            format!("it is version {to}, older than the source's {from}"),
            "use a target of the same major and minor version or a newer one",
        ));
    }
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let there = index_names(&target, &prefixes).await?;
    if let Some(first) = there.first() {
        return Err(MigrationError::migration(
            "validate the target Elasticsearch",
            format!(
                "it holds {} indices with the wanted prefixes already, {} among them",
                there.len(),
                first.name
            ),
            "remove them or name another target; nothing was changed in them",
        ));
    }
    let needed: u64 =
        index_names(&source, &prefixes).await?.iter().map(|i: &SourceIndex| i.store_bytes).sum();
    let allocation = target.get("/_cat/allocation?format=json&bytes=b&h=node,disk.avail").await;
    // Managed services do not always tell.
    let free = allocation.ok().and_then(|rows| {
        let sizes = rows.as_array()?.iter().filter_map(|r| r["disk.avail"].as_str()?.parse::<u64>().ok());
        Some(sizes.sum::<u64>()).filter(|sum| *sum > 0)
    });
    if let Some(free) = free
        && free < needed
    {
        return Err(MigrationError::environment(
            "validate the target Elasticsearch",
            format!("the source's indices take {needed} bytes, and its nodes have {free} left"),
            "make room on the target's disks",
        ));
    }
    facts.insert("elasticsearch_source".into(), json!(from));
    facts.insert("elasticsearch_target".into(), json!(to));
    facts.insert("elasticsearch_source_bytes".into(), json!(needed));
    facts.insert("elasticsearch_target_free_bytes".into(), json!(free));
    Ok(())
}

/// Major and minor; what is not a number counts as 0.
fn numbers(version: &str) -> (u32, u32) {
    let mut parts = version.split('.').map(|p| p.parse().unwrap_or(0));
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
}

async fn elasticsearch_version(client: &Client) -> Result<String, MigrationError> {
    let answer = client
        .get("/")
        .await
        .map_err(|e| MigrationError::elasticsearch(format!("ask {} for its version", client.url()), &e))?;
    Ok(answer["version"]["number"].as_str().unwrap_or_default().to_owned())
}

async fn postgres_version(endpoint: &PostgresEndpoint) -> Result<i32, MigrationError> {
    let session = connect(endpoint, "postgres", APPLICATION_NAME).await?;
    let row = session
        .query_one("SELECT current_setting('server_version_num')::int", &[])
        .await
        .map_err(|e| MigrationError::statement("ask PostgreSQL for its version", &e))?;
    Ok(row.get(0))
}

async fn database_bytes(endpoint: &PostgresEndpoint, database: &str) -> Result<i64, MigrationError> {
    let session = connect(endpoint, "postgres", APPLICATION_NAME).await?;
    let row = session
        .query_opt("SELECT pg_database_size(oid) FROM pg_database WHERE datname = $1", &[&database])
        .await
        .map_err(|e| MigrationError::statement(format!("measure database {database} of the source"), &e))?;
    row.map(|r| r.get(0)).ok_or_else(|| {
        MigrationError::migration(
            format!("measure database {database} of the source"),
            "the source has no such database",
            "leave the component out of the scenario, or name the right source",
        )
    })
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
        let path = format!("/{}/_search?size=1&expand_wildcards=all", crate::elasticsearch::encode(alias));
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

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn patches_do_not_matter_and_numbers_are_no_texts() {
        assert!(numbers("8.9.0") < numbers("8.16.6"));
        assert_eq!(numbers("8.16.1"), numbers("8.16.6"));
        assert!(numbers("9.0.0") > numbers("8.19.0"));
    }
}
