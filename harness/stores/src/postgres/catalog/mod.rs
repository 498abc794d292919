//! Everything a database consists of besides its rows, as shapes keyed by names, never by object identifiers.

mod access;
mod access_queries;
mod boolean;
mod deparse;
mod more_queries;
mod schema_queries;
mod sequences;
mod tables;

pub use access::Access;
pub use tables::{Column, Table, TableKind};

use super::{Connection, PostgresError};
use drydock_parity::shape::Shape;

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
    let schema = section(session, name, &queries).await;
    let (sequences, unreadable_sequences) = sequences::read(session, name).await;
    let access = access::read(session, name).await;
    let (tables, foreign_tables) = tables::read(session, name).await;
    Ok(Catalog { major, schema, sequences, unreadable_sequences, access, tables, foreign_tables })
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
