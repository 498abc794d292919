//! Databases held still: one snapshot a database, and every definition as it was when it was taken.

use super::activity::{Activity, Movement, activity, was_written};
use super::catalog::{Catalog, read_catalog};
use super::{Connection, PostgresError, connect};
use crate::endpoint::PostgresEndpoint;
use drydock_parity::{Digest, DigestKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Sessions that compare carry this application name, so that an observer can tell them from the application's.
const APPLICATION: &str = super::APPLICATION_NAME;

/// A reader waits for a lock no longer than this, and must not be filtered by row security without noticing.
const SESSION: &str = "SET row_security = off; SET lock_timeout = '30s'; SET statement_timeout = 0; \
     SET idle_in_transaction_session_timeout = 0; SET default_transaction_read_only = on";

/// One pinned database.
#[derive(Debug)]
pub struct PinnedDatabase {
    /// Its name on this server.
    pub name: String,
    /// Its definitions.
    pub catalog: Catalog,
    snapshot: String,
    /// Transactions that the snapshot shows.
    visible: String,
    endpoint: PostgresEndpoint,
    /// Where the server stood just before the snapshot was taken.
    before: Activity,
    /// Holds the snapshot open.
    holder: Connection,
}

#[derive(Debug)]
struct Inner {
    endpoint: PostgresEndpoint,
    databases: BTreeMap<String, Result<Arc<PinnedDatabase>, String>>,
}

/// Databases of one server, each with an open snapshot. Cheap to clone.
#[derive(Debug, Clone)]
pub struct PinnedPg {
    inner: Arc<Inner>,
}

impl PinnedPg {
    /// Opens one repeatable-read, read-only transaction a database and reads every definition. A database that cannot be
    /// opened is remembered with its reason and reported as not compared.
    pub async fn pin(endpoint: &PostgresEndpoint, databases: &[String]) -> Self {
        let each = databases.iter().map(|name| async move {
            let pinned = pin_database(endpoint, name).await;
            (name.clone(), pinned.map(Arc::new).map_err(|e| e.to_string()))
        });
        let databases = futures_util::future::join_all(each).await.into_iter().collect();
        Self { inner: Arc::new(Inner { endpoint: endpoint.clone(), databases }) }
    }

    /// A pinned database.
    ///
    /// # Errors
    /// Why it is not pinned, in words.
    pub fn database(&self, name: &str) -> Result<&Arc<PinnedDatabase>, String> {
        match self.inner.databases.get(name) {
            Some(Ok(database)) => Ok(database),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err(format!("database {name} was not pinned")),
        }
    }

    /// Names of the databases asked for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.inner.databases.keys().map(String::as_str)
    }

    /// `host:port`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.inner.endpoint.host, self.inner.endpoint.port)
    }

    /// Ends the transactions. A session that has broken meanwhile has ended them already.
    pub async fn close(self) {
        for database in self.inner.databases.values().flatten() {
            let _broken = database.holder.batch_execute("ROLLBACK").await;
        }
    }
}

/// By what is told whether two snapshots of a database show the same rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseState {
    /// Transactions that the snapshot shows, as the server writes them. Any that writes to the server begins another one.
    pub transactions: String,
    /// Digest of the server's figures of what was written to each table and sequence. They stay where only statistics were gathered, or
    /// another database was written to.
    pub figures: Digest,
}

impl DatabaseState {
    /// Whether a snapshot of this state shows the same rows as one of the other.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.transactions == other.transactions || self.figures == other.figures
    }
}

impl PinnedDatabase {
    /// The state that the snapshot shows.
    pub fn state(&self) -> DatabaseState {
        let mut text = String::new();
        for ((schema, name), mark) in &self.before.marks {
            // Names may hold any character: each is told from the next by its length.
            text += &format!("{} {schema} {} {name} {mark}\n", schema.len(), name.len());
        }
        let figures = DigestKey::derived("figures").digest(text.as_bytes());
        DatabaseState { transactions: self.visible.clone(), figures }
    }

    /// Another session that sees the same snapshot.
    ///
    /// # Errors
    /// The server cannot be reached, or the snapshot is gone because the session that holds it has ended.
    pub async fn session(&self) -> Result<Connection, PostgresError> {
        open(&self.endpoint, &self.name, &self.snapshot).await
    }

    /// A session of its own on this database, outside of the snapshot and without its restrictions.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn plain_session(&self) -> Result<Connection, PostgresError> {
        connect(&self.endpoint, &self.name, APPLICATION).await
    }

    /// What was written on this server since the snapshot. `suspects` are tables, by schema and name, in which new rows are
    /// looked for where the server's figures do not say that they were written to; each costs reading it once.
    ///
    /// # Errors
    /// The server cannot be read any more.
    pub async fn movement(&self, suspects: &[(String, String)]) -> Result<Movement, PostgresError> {
        let session = self.plain_session().await?;
        session
            .batch_execute(SESSION)
            .await
            .map_err(|e| PostgresError::statement("reading the server's activity", &e))?;
        let mut movement = activity(&session).await?.since(&self.before);
        if movement.transactions != Some(0) {
            for table in suspects {
                // A table that cannot be read says nothing about writers; its own finding says what is wrong with it.
                if !movement.written.contains(table)
                    && was_written(&session, table, &self.before).await.unwrap_or(false)
                {
                    movement.written.insert(table.clone());
                }
            }
        }
        Ok(movement)
    }
}

async fn pin_database(endpoint: &PostgresEndpoint, name: &str) -> Result<PinnedDatabase, PostgresError> {
    let holder = connect(endpoint, name, APPLICATION).await?;
    let doing = || format!("opening a snapshot of database {name}");
    let before = activity(&holder).await?;
    let begin = format!("{SESSION}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    holder.batch_execute(&begin).await.map_err(|e| PostgresError::statement(doing(), &e))?;
    let row = holder.query_one("SELECT pg_export_snapshot(), pg_current_snapshot()::text", &[]).await;
    let row = row.map_err(|e| PostgresError::statement(doing(), &e))?;
    let (snapshot, visible): (String, String) = (row.get(0), row.get(1));
    let session = open(endpoint, name, &snapshot).await?;
    let catalog = read_catalog(&session, name).await?;
    Ok(PinnedDatabase {
        name: name.to_owned(),
        catalog,
        snapshot,
        visible,
        endpoint: endpoint.clone(),
        before,
        holder,
    })
}

async fn open(endpoint: &PostgresEndpoint, name: &str, snapshot: &str) -> Result<Connection, PostgresError> {
    let session = connect(endpoint, name, APPLICATION).await?;
    let begin = format!(
        "{SESSION}; BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT '{}'",
        snapshot.replace('\'', "''")
    );
    let doing = || format!("joining the snapshot of database {name}");
    session.batch_execute(&begin).await.map_err(|e| PostgresError::statement(doing(), &e))?;
    Ok(session)
}
