//! What became of acknowledged writes: asks a store for every item of the log.

use crate::acknowledged::{Contradiction, Item, Now, State, content_of};
use drydock_stores::PostgresEndpoint;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use drydock_stores::postgres::{APPLICATION_NAME, PostgresError, connect};
use serde_json::json;
use std::collections::{BTreeMap, HashSet};
use thiserror::Error;

/// Items asked for in one request.
const BATCH: usize = 500;

/// Rows of one table and key column: item, key, last acknowledged state.
type Rows<'a> = Vec<(&'a Item, &'a str, Now)>;

/// A store could not be asked.
#[derive(Debug, Error)]
pub enum AskError {
    /// Elasticsearch.
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchError),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
}

/// Which of the items contradict their last acknowledged state on one side, and how.
///
/// # Errors
/// A store does not answer; nothing is said of any item then.
pub async fn contradicted(
    elasticsearch: Option<&Client>,
    postgres: &PostgresEndpoint,
    states: &BTreeMap<Item, State>,
) -> Result<Vec<(Item, Contradiction)>, AskError> {
    let mut documents = Vec::new();
    let mut rows: BTreeMap<(&str, &str, &str), Rows<'_>> = BTreeMap::new();
    for (item, state) in states {
        match item {
            Item::Elasticsearch { .. } => documents.push((item, state)),
            Item::Postgres { database, table, column, key } => {
                rows.entry((database, table, column)).or_default().push((item, key, state.now));
            }
        }
    }
    let mut wrong = Vec::new();
    if let Some(client) = elasticsearch {
        for batch in documents.chunks(BATCH) {
            wrong.extend(ask_cluster(client, batch).await?);
        }
    }
    for ((database, table, column), items) in rows {
        let session = connect(postgres, database, APPLICATION_NAME).await?;
        for batch in items.chunks(BATCH) {
            let keys: Vec<&str> = batch.iter().map(|(_, key, _)| *key).collect();
            // Table and column come from our own log, written as SQL quotes them.
            let sql = format!("SELECT DISTINCT {column}::text FROM {table} WHERE {column}::text = ANY($1)");
            let found = session.query(&sql, &[&keys]).await.map_err(|e| {
                PostgresError::statement(format!("look for acknowledged rows in {database}.{table}"), &e)
            })?;
            let present: HashSet<String> = found.iter().map(|row| row.get(0)).collect();
            wrong.extend(
                batch
                    .iter()
                    .filter(|(_, key, now)| present.contains(*key) != (*now == Now::Stored))
                    .map(|(item, _, now)| ((*item).clone(), misplaced(*now))),
            );
        }
    }
    Ok(wrong)
}

async fn ask_cluster(
    client: &Client,
    batch: &[(&Item, &State)],
) -> Result<Vec<(Item, Contradiction)>, ElasticsearchError> {
    let docs: Vec<_> = batch
        .iter()
        .filter_map(|(item, state)| match item {
            Item::Elasticsearch { index, id, routing } => {
                let mut doc = json!({"_index": index, "_id": id, "_source": state.content.is_some()});
                if let Some(routing) = routing {
                    doc["routing"] = routing.as_str().into();
                }
                Some(doc)
            }
            Item::Postgres { .. } => None,
        })
        .collect();
    let answer = client.post("/_mget", &json!({ "docs": docs })).await?;
    let found = answer["docs"].as_array().map(Vec::as_slice).unwrap_or_default();
    // An absent index answers with an error for the item: the document is not there either.
    let present = |i: usize| found.get(i).filter(|d| d["found"].as_bool() == Some(true));
    let judged = batch.iter().enumerate().filter_map(|(i, (item, state))| {
        let wrong = match (state.now, present(i), &state.content) {
            (Now::Stored, Some(document), Some(content)) => {
                let there = content_of(document["_source"].to_string().as_bytes());
                (there.as_ref() != Some(content)).then_some(Contradiction::Stale)
            }
            (now, document, _) => (document.is_some() != (now == Now::Stored)).then(|| misplaced(now)),
        };
        wrong.map(|w| ((*item).clone(), w))
    });
    Ok(judged.collect())
}

/// What a state is contradicted by, if not by contents.
fn misplaced(now: Now) -> Contradiction {
    match now {
        Now::Stored => Contradiction::Absent,
        Now::Gone => Contradiction::Present,
    }
}
