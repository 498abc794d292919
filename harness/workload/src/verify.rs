//! What became of acknowledged writes: asks a store for every item of the log.

use crate::acknowledged::{Acknowledged, Contradiction, Item, Now, State, content_of};
use crate::fate::Seen;
use drydock_stores::PostgresEndpoint;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use drydock_stores::postgres::{APPLICATION_NAME, PostgresError, connect};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Items asked for in one request.
const BATCH: usize = 500;
/// What an index that nobody can read answers.
const NOBODYS: [&str; 2] = ["index_not_found_exception", "index_closed_exception"];
/// An index that was just made answers within so long.
const STARTING: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(200);

/// Rows of one table and key column: item, key, last acknowledged state.
type Rows<'a> = Vec<(&'a Item, &'a str, Now)>;

/// Where rows are asked for: database, table, key column, and the column that a write left something in.
type Place<'a> = (&'a str, &'a str, &'a str, Option<&'a str>);

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

/// Asks for documents until every shard has answered: one of an index that users have just made is about to.
async fn documents(client: &Client, asked: &Value) -> Result<Value, ElasticsearchError> {
    let begun = Instant::now();
    loop {
        let answer = client.post("/_mget", asked).await?;
        let Some(why) = unanswered(&answer) else { return Ok(answer) };
        if begun.elapsed() > STARTING {
            return Err(ElasticsearchError::malformed("POST", "/_mget", why));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Why a document was not looked for, if that befell one. Of an index that is not there, or closed, nobody has a document.
fn unanswered(answer: &Value) -> Option<String> {
    let errors = answer["docs"].as_array().into_iter().flatten().map(|one| &one["error"]);
    let of_shards =
        errors.filter(|e| e.is_object() && !NOBODYS.contains(&e["type"].as_str().unwrap_or_default()));
    of_shards.map(|e| format!("{}: {}", e["type"].as_str().unwrap_or("unknown"), e["reason"])).next()
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
    let answer = documents(client, &json!({ "docs": docs })).await?;
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

/// What one side shows of the items of a log: whether they are there, with which contents, and how often.
///
/// # Errors
/// A store does not answer; nothing is said of any item then.
pub async fn observed(
    elasticsearch: Option<&Client>,
    postgres: &PostgresEndpoint,
    log: &[Acknowledged],
) -> Result<BTreeMap<Item, Seen>, AskError> {
    let mut documents: BTreeSet<&Item> = BTreeSet::new();
    // The column that a write left something in decides what is asked for; the last write that names one counts.
    let mut rows: BTreeMap<&Item, Option<&str>> = BTreeMap::new();
    for write in log {
        match &write.item {
            item @ Item::Elasticsearch { .. } => {
                documents.insert(item);
            }
            item @ Item::Postgres { .. } => {
                let column =
                    write.content.as_deref().and_then(|c| c.split_once('=')).map(|(column, _)| column);
                let known = rows.entry(item).or_default();
                *known = column.or(*known);
            }
        }
    }
    let mut seen = BTreeMap::new();
    if let Some(client) = elasticsearch {
        let documents: Vec<&Item> = documents.into_iter().collect();
        for batch in documents.chunks(BATCH) {
            seen.extend(look_in_cluster(client, batch).await?);
        }
    }
    let mut groups: BTreeMap<Place<'_>, Vec<(&Item, &str)>> = BTreeMap::new();
    for (item, left) in rows {
        if let Item::Postgres { database, table, column, key } = item {
            groups.entry((database, table, column, left)).or_default().push((item, key));
        }
    }
    for ((database, table, column, left), items) in groups {
        let session = connect(postgres, database, APPLICATION_NAME).await?;
        // Table and columns come from our own log, written as SQL quotes them.
        let value = left.map_or_else(|| "NULL".to_owned(), |c| format!("min({c}::text)"));
        let sql = format!(
            "SELECT {column}::text, count(*), {value} FROM {table} WHERE {column}::text = ANY($1) GROUP BY 1"
        );
        for batch in items.chunks(BATCH) {
            let keys: Vec<&str> = batch.iter().map(|(_, key)| *key).collect();
            let found = session.query(&sql, &[&keys]).await.map_err(|e| {
                PostgresError::statement(format!("look for acknowledged rows in {database}.{table}"), &e)
            })?;
            for row in found {
                let (key, copies, value): (String, i64, Option<String>) =
                    (row.get(0), row.get(1), row.get(2));
                let content = left.zip(value).map(|(column, value)| format!("{column}={value}"));
                let there = Seen::There { content, copies: copies.unsigned_abs() };
                seen.extend(
                    batch.iter().filter(|(_, k)| *k == key).map(|(i, _)| ((*i).clone(), there.clone())),
                );
            }
        }
    }
    Ok(seen)
}

/// Looks for documents by id in their index and in its siblings (`operate-x_` and `operate-x_2026-11-20`), whatever their
/// routing: the same document under another routing value or in a sibling is there twice.
async fn look_in_cluster(
    client: &Client,
    batch: &[&Item],
) -> Result<BTreeMap<Item, Seen>, ElasticsearchError> {
    let mut seen = BTreeMap::new();
    let mut by_family: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for item in batch {
        if let Item::Elasticsearch { index, .. } = item {
            by_family.entry(family(index)).or_default().push(item);
        }
    }
    for (family, items) in by_family {
        let ids: Vec<&str> = items.iter().filter_map(|i| id_of(i)).collect();
        // Each id may be there in several archives and under several routing values.
        let query = json!({"size": 1000, "query": {"ids": {"values": ids}}, "_source": true});
        client
            .post_empty(&format!("/{family}*/_refresh?ignore_unavailable=true&allow_no_indices=true"))
            .await?;
        let path = format!(
            "/{family}*/_search?ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open,hidden\
             &allow_partial_search_results=false"
        );
        let answer = client.post(&path, &query).await?;
        let hits = answer["hits"]["hits"].as_array().cloned().unwrap_or_default();
        for item in items {
            let Item::Elasticsearch { index, id, routing } = item else { continue };
            let same = |h: &&serde_json::Value| {
                h["_id"] == id.as_str() && h["_index"].as_str().is_some_and(|i| self::family(i) == family)
            };
            let own = |h: &&serde_json::Value| {
                h["_index"] == index.as_str() && h["_routing"].as_str() == routing.as_deref()
            };
            let copies = hits.iter().filter(same).count() as u64;
            if let Some(hit) = hits.iter().filter(same).find(own) {
                let content = content_of(hit["_source"].to_string().as_bytes());
                seen.insert((*item).clone(), Seen::There { content, copies });
            }
        }
    }
    Ok(seen)
}

fn id_of(item: &Item) -> Option<&str> {
    match item {
        Item::Elasticsearch { id, .. } => Some(id),
        Item::Postgres { .. } => None,
    }
}

/// The name of an index without the day it is an archive of.
fn family(index: &str) -> &str {
    match index.rsplit_once('_') {
        Some((before, day)) if day.len() == 10 && day.bytes().all(|b| b.is_ascii_digit() || b == b'-') => {
            &index[..=before.len()]
        }
        _ => index,
    }
}

/// What a state is contradicted by, if not by contents.
fn misplaced(now: Now) -> Contradiction {
    match now {
        Now::Stored => Contradiction::Absent,
        Now::Gone => Contradiction::Present,
    }
}

#[cfg(test)]
mod tests {
    use super::{family, unanswered};
    use serde_json::json;

    #[test]
    fn a_shard_that_does_not_answer_is_not_a_document_that_is_not_there() {
        let error = |kind: &str| json!({"_id": "1", "error": {"type": kind, "reason": "none"}});
        let answer =
            |last| json!({"docs": [{"_id": "0", "found": true}, {"_id": "2", "found": false}, last]});
        assert_eq!(unanswered(&answer(error("index_not_found_exception"))), None);
        assert_eq!(unanswered(&answer(error("index_closed_exception"))), None);
        let why = unanswered(&answer(error("no_shard_available_action_exception"))).expect("a reason");
        assert!(why.starts_with("no_shard_available_action_exception"), "{why}");
    }

    #[test]
    fn an_archive_belongs_to_the_index_it_was_taken_from() {
        assert_eq!(family("operate-list-view-8.3.0_2026-11-20"), "operate-list-view-8.3.0_");
        assert_eq!(family("operate-list-view-8.3.0_"), "operate-list-view-8.3.0_");
        assert_eq!(
            family("zeebe-record_process-instance_8.6_2026-11-20"),
            "zeebe-record_process-instance_8.6_"
        );
        assert_eq!(family("plain"), "plain");
    }
}
