//! Everything a database consists of besides its rows, as shapes keyed by names, never by object identifiers.

mod access;
mod access_queries;
mod boolean;
mod deparse;
mod more_queries;
mod rare_queries;
mod schema_queries;
mod sequences;
mod server_queries;
mod tables;

pub use access::{Access, Passwords};
pub use sequences::{Place, SequenceUse};
pub use tables::{Column, Table, TableKind};

use super::{Connection, PostgresError};
use drydock_parity::shape::Shape;
use std::collections::BTreeMap;

/// One part of the catalogue: what was read, or why it could not be.
pub type Section = Result<Shape, String>;

/// The definitions of one database.
#[derive(Debug)]
pub struct Catalog {
    /// Major version of the server.
    pub major: u32,
    /// Schemas, types, tables, columns, constraints, indexes, functions and the rest.
    pub schema: Section,
    /// Sequences with their values.
    pub sequences: Section,
    /// Sequences whose value this role may not read.
    pub unreadable_sequences: Vec<String>,
    /// Owners, grants, row security, roles.
    pub access: Result<Access, String>,
    /// Tables and materialised views, to be compared row by row.
    pub tables: Result<Vec<Table>, String>,
    /// Foreign tables: their rows live elsewhere.
    pub foreign_tables: Vec<String>,
    /// Columns that sequences number.
    pub sequence_uses: Result<Vec<SequenceUse>, String>,
    /// Collations that indexes rely on and that have changed since.
    pub collations: Result<Vec<ChangedCollation>, String>,
    /// What the planner knows of each table, by path.
    pub statistics: Result<BTreeMap<String, Statistics>, String>,
}

/// A collation whose order may be another one now than when indexes were built with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedCollation {
    /// Name.
    pub name: String,
    /// The version recorded with it.
    pub recorded: String,
    /// The version that the system has now.
    pub actual: String,
    /// Number of indexes that use it.
    pub indexes: u64,
}

/// Whether the planner has statistics of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistics {
    /// It was analysed.
    Present,
    /// It was never analysed, or was empty when it was.
    Absent,
    /// This role may not know.
    Hidden,
}

/// Reads the catalogue on a session whose transaction is open; a failing query leaves the transaction usable. `name` is
/// the database's name in object paths.
///
/// # Errors
/// The session itself is unusable.
pub async fn read_catalog(session: &Connection, name: &str) -> Result<Catalog, PostgresError> {
    let version = session
        .query_one("SELECT pg_catalog.current_setting('server_version_num')::int4", &[])
        .await
        .map_err(|e| PostgresError::statement("reading the server's version", &e))?;
    let major = u32::try_from(version.get::<_, i32>(0) / 10_000).unwrap_or(0);
    let mut queries = schema_queries::QUERIES.to_vec();
    queries.extend(more_queries::QUERIES);
    queries.extend(rare_queries::QUERIES);
    let schema = section(session, name, &queries).await;
    let (sequences, unreadable_sequences) = sequences::read(session, name).await;
    let access = access::read(session, name, major).await;
    let (tables, foreign_tables) = tables::read(session, name).await;
    let sequence_uses = sequences::uses(session, name).await;
    let collations = collations(session, major).await;
    let statistics = statistics(session, name).await;
    Ok(Catalog {
        major,
        schema,
        sequences,
        unreadable_sequences,
        access,
        tables,
        foreign_tables,
        sequence_uses,
        collations,
        statistics,
    })
}

async fn collations(session: &Connection, major: u32) -> Result<Vec<ChangedCollation>, String> {
    let mut found = rows::<4>(session, rare_queries::COLLATIONS).await?;
    if major >= 15 {
        found.extend(rows::<4>(session, rare_queries::DATABASE_COLLATION).await?);
    }
    let read = |[name, recorded, actual, indexes]: [Option<String>; 4]| {
        let indexes = indexes?.parse().ok()?;
        Some(ChangedCollation { name: name?, recorded: recorded?, actual: actual?, indexes })
    };
    Ok(found.into_iter().filter_map(read).collect())
}

async fn statistics(session: &Connection, database: &str) -> Result<BTreeMap<String, Statistics>, String> {
    let read = |[schema, table, present, visible]: [Option<String>; 4]| {
        let statistics = match (visible?.as_str(), present?.as_str()) {
            ("true", "true") => Statistics::Present,
            ("true", _) => Statistics::Absent,
            _ => Statistics::Hidden,
        };
        Some((path(database, Some(&schema?), Some(&table?), None), statistics))
    };
    Ok(rows::<4>(session, rare_queries::STATISTICS).await?.into_iter().filter_map(read).collect())
}

/// Runs queries that answer (schema, object, part, attribute, value) and collects one shape.
async fn section(session: &Connection, database: &str, queries: &[&str]) -> Section {
    let mut shape = Shape::default();
    for query in queries {
        for row in rows(session, query).await? {
            let [schema, object, part, attribute, value] = row;
            let path = path(database, schema.as_deref(), object.as_deref(), part.as_deref());
            let attributes = shape.0.entry(path).or_default();
            if let (Some(attribute), Some(value)) = (attribute, value) {
                let value = deparse::evened_out(&attribute, value);
                attributes.insert(attribute, value);
            }
        }
    }
    Ok(shape)
}

/// Rows of `N` text columns. A failure is rolled back to where the query began.
async fn rows<const N: usize>(session: &Connection, query: &str) -> Result<Vec<[Option<String>; N]>, String> {
    let words = |e: &tokio_postgres::Error| PostgresError::statement("reading the catalogue", e).to_string();
    session.batch_execute("SAVEPOINT catalogue").await.map_err(|e| words(&e))?;
    match session.query(query, &[]).await {
        Ok(rows) => {
            let read = |row: tokio_postgres::Row| -> Result<[Option<String>; N], String> {
                let mut values = [const { None }; N];
                for (at, value) in values.iter_mut().enumerate() {
                    *value =
                        row.try_get::<_, Option<String>>(at).map_err(|e| format!("{e} in: {query:.120}"))?;
                }
                Ok(values)
            };
            rows.into_iter().map(read).collect()
        }
        Err(error) => {
            let start: Vec<&str> = query.split_whitespace().take(12).collect();
            let reason = format!("{} in: {} …", words(&error), start.join(" "));
            // If this fails too, every later query says so.
            let _later = session.batch_execute("ROLLBACK TO SAVEPOINT catalogue").await;
            Err(reason)
        }
    }
}

/// `database.schema.object/part`, `database/kind/object` for what is in no schema.
fn path(database: &str, schema: Option<&str>, object: Option<&str>, part: Option<&str>) -> String {
    let mut path = name(database);
    if let Some(schema) = schema {
        path = format!("{path}.{}", name(schema));
    }
    if let Some(object) = object {
        // Kinds of objects outside of schemas carry their own slash.
        path = if schema.is_some() { format!("{path}.{}", name(object)) } else { format!("{path}/{object}") };
    }
    match part {
        Some(part) => format!("{path}/{part}"),
        None => path,
    }
}

/// A name in a path: quoted only where it holds a separator, outside of an argument list.
pub(super) fn name(name: &str) -> String {
    let own = name.split('(').next().unwrap_or(name);
    if own.contains(['.', '/', '"']) { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() }
}

/// An identifier as SQL.
pub fn quote(identifier: &str) -> String {
    format!("\"{}\"", identifier.replace('"', "\"\""))
}
