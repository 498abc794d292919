//! Write counters, files, sequences and sessions of a server.

use super::{Marks, ServerMark, Session, TableMark};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use std::collections::BTreeMap;

/// What PostgreSQL contributes.
#[derive(Debug, Default)]
pub(super) struct PostgresMarks {
    tables: BTreeMap<String, TableMark>,
    sequences: BTreeMap<String, Option<i64>>,
    server: Option<ServerMark>,
    sessions: Vec<Session>,
}

impl PostgresMarks {
    pub(super) fn into_marks(self, marks: &mut Marks) {
        marks.tables = self.tables;
        marks.sequences = self.sequences;
        marks.server = self.server;
        marks.sessions = self.sessions;
    }
}

/// Tables of the user, and the system's own where users' writes arrive: large objects, and definitions by their count.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text, c.oid, coalesce(pg_relation_filenode(c.oid), 0), \
     coalesce(pg_stat_get_tuples_inserted(c.oid), 0), \
     CASE WHEN c.relname = 'pg_class' AND n.nspname = 'pg_catalog' THEN 0 \
          ELSE coalesce(pg_stat_get_tuples_updated(c.oid), 0) END, \
     coalesce(pg_stat_get_tuples_deleted(c.oid), 0) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND (n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' \
        OR n.nspname = 'pg_catalog' AND c.relname IN ('pg_largeobject', 'pg_largeobject_metadata', 'pg_class', 'pg_proc'))";

const SEQUENCES: &str = "SELECT schemaname::text, sequencename::text, last_value FROM pg_sequences";

const SERVER: &str = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, \
     pg_snapshot_xmax(pg_current_snapshot())::text::bigint, \
     (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

/// Marks of `databases`, and of the server as a whole. `before` is carried out first on each session; it may be empty.
pub(super) async fn marks(
    endpoint: &PostgresEndpoint,
    databases: &[String],
    before: &str,
) -> Result<PostgresMarks, MigrationError> {
    let mut marks = PostgresMarks::default();
    let mut first = None;
    for database in databases {
        // A new session each time: it starts without remembered statistics.
        let session = connect(endpoint, database, APPLICATION_NAME).await?;
        if !before.is_empty() {
            let doing = "make a session read-only";
            session.batch_execute(before).await.map_err(|e| MigrationError::statement(doing, &e))?;
        }
        for row in query(&session, TABLES, "read the write counters of the source's tables").await? {
            let (schema, table): (String, String) = (row.get(0), row.get(1));
            marks.tables.insert(
                format!("{database}.{schema}.{table}"),
                TableMark {
                    oid: row.get(2),
                    file: row.get(3),
                    inserted: row.get(4),
                    updated: row.get(5),
                    deleted: row.get(6),
                },
            );
        }
        for row in query(&session, SEQUENCES, "read the source's sequences").await? {
            let (schema, sequence): (String, String) = (row.get(0), row.get(1));
            marks.sequences.insert(format!("{database}.{schema}.{sequence}"), row.get(2));
        }
        first.get_or_insert(session);
    }
    if let Some(session) = first {
        if let Some(row) = query(&session, SERVER, "read the position of the source's log").await?.first() {
            marks.server =
                Some(ServerMark { wal: row.get(0), next_transaction: row.get(1), started: row.get(2) });
        }
        marks.sessions = read_sessions(&session, databases).await?;
    }
    Ok(marks)
}

/// Sessions of clients on `databases`, this program's own left out.
///
/// # Errors
/// The server does not answer.
pub async fn sessions(
    endpoint: &PostgresEndpoint,
    databases: &[String],
) -> Result<Vec<Session>, MigrationError> {
    let Some(database) = databases.first() else { return Ok(Vec::new()) };
    let session = connect(endpoint, database, APPLICATION_NAME).await?;
    read_sessions(&session, databases).await
}

pub(super) async fn read_sessions(
    session: &Connection,
    databases: &[String],
) -> Result<Vec<Session>, MigrationError> {
    if Without::Sessions.is_gone() {
        return Ok(Vec::new());
    }
    let rows = session
        .query(
            "SELECT pid, coalesce(application_name, ''), datname::text, coalesce(usename::text, ''), coalesce(state, ''), \
             coalesce(host(client_addr), 'a local socket'), backend_xid IS NOT NULL \
             FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() \
             AND datname = ANY($1) AND application_name NOT LIKE 'drydock%' ORDER BY pid",
            &[&databases],
        )
        .await
        .map_err(|e| MigrationError::statement("list the sessions on the source", &e))?;
    Ok(rows
        .iter()
        .map(|row| Session {
            pid: row.get(0),
            application: row.get(1),
            database: row.get(2),
            role: row.get(3),
            state: row.get(4),
            address: row.get(5),
            writes: row.get(6),
        })
        .collect())
}

async fn query(
    session: &Connection,
    sql: &str,
    doing: &str,
) -> Result<Vec<tokio_postgres::Row>, MigrationError> {
    session.query(sql, &[]).await.map_err(|e| MigrationError::statement(doing, &e))
}
