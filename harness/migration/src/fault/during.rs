//! What others do to the stores while a migration runs: stragglers on the frozen source, indices that come and go, rows that are
//! refused.

use super::Choice;
use super::late::row_by;
use super::postgres::tables;
use crate::elasticsearch::encode;
use crate::error::MigrationError;
use crate::postgres::{identifier, literal};
use drydock_core::scenario::FaultKind;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_stores::{PostgresEndpoint, StorePair};
use reqwest::Method;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Name of a straggler's session.
const STRAGGLER: &str = "camunda-straggler";
/// The constraint that refuses every row.
const REFUSAL: &str = "drydock_refuses";
/// How long the table to refuse may take to be made.
const APPEARS: Duration = Duration::from_secs(300);
/// Documents written into an index of a failure.
const DOCUMENTS: u32 = 3;
/// Documents deleted and made again.
const RECREATED: usize = 5;

/// The source as others meet it.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// Its stores.
    pub source: &'a StorePair,
    /// Passwords of the application roles, by role.
    pub roles: &'a BTreeMap<String, SecretString>,
    /// Beginnings of the names of indices that are migrated.
    pub prefixes: &'a [String],
}

impl Ground<'_> {
    fn client(&self) -> Result<Client, MigrationError> {
        Client::new(&self.source.elasticsearch, Timeouts::default())
            .map_err(|e| failed("set up a client of the source", &e))
    }

    /// A name for an index that is migrated.
    fn index(&self, what: &str) -> String {
        let prefix = self.prefixes.iter().find(|p| p.starts_with("operate")).or(self.prefixes.first());
        format!("{}{what}-8.3.0_", prefix.map_or("operate-", String::as_str))
    }
}

fn failed(doing: &str, error: &ElasticsearchError) -> MigrationError {
    MigrationError::environment(doing, error.to_string(), "see the log of Elasticsearch")
}

/// Writes one row to the frozen source as its application, stays with it for `stay`, and leaves.
///
/// # Errors
/// No table takes another row, or the source does not answer.
pub async fn pass_by(ground: &Ground<'_>, seed: u64, stay: Duration) -> Result<String, MigrationError> {
    let choice = Choice { kind: FaultKind::PassingSession, at: None, seed };
    for (role, password) in ground.roles {
        let endpoint = ground.source.postgres.with_role(role, Some(password.clone()));
        let session = connect(&endpoint, role, STRAGGLER).await?;
        let done = |e| MigrationError::statement("write to the source as a straggler", &e);
        session.batch_execute("RESET search_path; BEGIN").await.map_err(done)?;
        let witness = connect(&ground.source.postgres, role, APPLICATION_NAME).await?;
        if let Some(item) = row_by(&session, &witness, role, &choice).await? {
            tokio::time::sleep(stay).await;
            session.batch_execute("COMMIT").await.map_err(done)?;
            return Ok(format!("{} by {STRAGGLER}", item.item));
        }
        session.batch_execute("ROLLBACK").await.map_err(done)?;
    }
    Err(choice.nothing())
}

/// Makes an index on the source, writes to it, and deletes it.
///
/// # Errors
/// The source does not answer.
pub async fn passing_index(ground: &Ground<'_>) -> Result<String, MigrationError> {
    let (client, name) = (ground.client()?, ground.index("passing"));
    let made = async {
        fill(&client, &name, "1s").await?;
        client.delete(&format!("/{}", encode(&name))).await
    };
    made.await.map_err(|e| failed("make an index on the source and delete it", &e))?;
    Ok(name)
}

/// Makes an index on the source whose documents no search shows yet.
///
/// # Errors
/// The source does not answer.
pub async fn unrefreshed_index(ground: &Ground<'_>) -> Result<String, MigrationError> {
    let (client, name) = (ground.client()?, ground.index("unrefreshed"));
    fill(&client, &name, "-1").await.map_err(|e| failed("make an index on the source", &e))?;
    Ok(format!("{name} with {DOCUMENTS} documents"))
}

async fn fill(client: &Client, name: &str, refresh: &str) -> Result<(), ElasticsearchError> {
    let settings = json!({"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": refresh});
    let mappings = json!({"properties": {"id": {"type": "keyword"}, "number": {"type": "long"}}});
    let path = format!("/{}", encode(name));
    client.put(&path, &json!({"settings": settings, "mappings": mappings})).await?;
    for number in 0..DOCUMENTS {
        let id = format!("drydock-{number}");
        client.put(&format!("{path}/_doc/{id}"), &json!({"id": id, "number": number})).await?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct Found {
    hits: FoundHits,
}

#[derive(Deserialize)]
struct FoundHits {
    hits: Vec<FoundDocument>,
}

#[derive(Deserialize)]
struct FoundDocument {
    #[serde(rename = "_index")]
    index: String,
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_source")]
    source: Box<RawValue>,
}

/// Deletes some documents of the source and makes them again, byte for byte.
///
/// # Errors
/// No index lets it, or the source does not answer.
pub async fn recreate_documents(ground: &Ground<'_>) -> Result<String, MigrationError> {
    let client = ground.client()?;
    let patterns: Vec<String> = ground.prefixes.iter().map(|p| format!("{p}*")).collect();
    let path = format!("/{}/_search?ignore_unavailable=true", patterns.join(","));
    let query = json!({"size": 50, "query": {"match_all": {}}});
    let doing = "make documents of the source again";
    let found: Found = client.json(Method::POST, &path, Some(&query)).await.map_err(|e| failed(doing, &e))?;
    let mut done = Vec::new();
    for document in found.hits.hits {
        let routing =
            document.routing.as_ref().map(|r| format!("?routing={}", encode(r))).unwrap_or_default();
        let path = format!("/{}/_doc/{}{routing}", encode(&document.index), encode(&document.id));
        match client.delete(&path).await {
            Ok(_) => {}
            // A blocked index: the next document may be in another.
            Err(e) if e.status() == Some(403) => continue,
            Err(e) => return Err(failed(doing, &e)),
        }
        let body = ("application/json", document.source.get().as_bytes().to_vec());
        client.bytes(Method::PUT, &path, Some(body)).await.map_err(|e| failed(doing, &e))?;
        done.push(format!("{} document {}", document.index, document.id));
        if done.len() == RECREATED {
            break;
        }
    }
    if done.is_empty() {
        return Err(MigrationError::environment(doing, "no index lets it", "seed more documents"));
    }
    Ok(done.join("; "))
}

/// Lets one table of a database that is being restored refuse its rows, as soon as it is there: one that nothing refers to, and
/// that is filled late.
///
/// # Errors
/// The source has no such table, the restore never makes it, or a server does not answer.
pub async fn refuse_rows(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    database: &str,
    seed: u64,
) -> Result<String, MigrationError> {
    let choice = Choice { kind: FaultKind::CopyRefused, at: None, seed };
    let witness = connect(source, database, APPLICATION_NAME).await?;
    let mut candidates = Vec::new();
    for table in tables(&witness, database, &choice).await?.into_iter().filter(|t| !t.is_referenced()) {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", table.quoted);
        let filled = witness
            .query_opt(sql.as_str(), &[])
            .await
            .map_err(|e| MigrationError::statement("look for a table with rows", &e))?;
        if filled.is_some() {
            candidates.push(table);
        }
    }
    candidates.sort_by(|a, b| b.subject.cmp(&a.subject));
    let Some(table) = candidates.into_iter().next() else { return Err(choice.nothing()) };
    let session = connect(target, database, APPLICATION_NAME).await?;
    let began = Instant::now();
    // Unvalidated: what is there already stays, what comes is refused.
    let statement = format!("ALTER TABLE {} ADD CONSTRAINT {REFUSAL} CHECK (false) NOT VALID", table.quoted);
    while session.batch_execute(&statement).await.is_err() {
        if began.elapsed() > APPEARS {
            return Err(choice.nothing());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Ok(table.subject)
}

/// Takes the refusals off again.
///
/// # Errors
/// The target does not answer.
pub async fn accept_rows(target: &PostgresEndpoint, database: &str) -> Result<(), MigrationError> {
    let session = connect(target, database, APPLICATION_NAME).await?;
    let sql = "SELECT conrelid::regclass::text FROM pg_constraint WHERE conname = $1";
    let rows = session
        .query(sql, &[&REFUSAL])
        .await
        .map_err(|e| MigrationError::statement("look for refusals", &e))?;
    for row in rows {
        // Already quoted where it has to be.
        let statement = format!("ALTER TABLE {} DROP CONSTRAINT {REFUSAL}", row.get::<_, String>(0));
        session
            .batch_execute(&statement)
            .await
            .map_err(|e| MigrationError::statement("take a refusal off", &e))?;
    }
    Ok(())
}

/// Changes the password of a role.
pub fn password_statement(role: &str, password: &str) -> String {
    format!("ALTER ROLE {} PASSWORD {}", identifier(role), literal(password))
}
