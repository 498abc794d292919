//! What a Keycloak database looks like, whatever its version: tables, columns, and rows as JSON objects.

use crate::postgres::{Connection, PostgresError, for_each_row};
use drydock_parity::realm::Edition;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// Tables by which a Keycloak schema is recognised.
const SIGNS: [&str; 5] = ["realm", "user_entity", "client", "credential", "migration_model"];

/// One row by column name.
pub(super) type Row = serde_json::Map<String, Json>;

/// Rows that could not be read.
#[derive(Debug, thiserror::Error)]
pub enum RowError {
    /// The server refused or broke off.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// A row is not what was asked for.
    #[error("reading {table}: a row is not the JSON array that was asked for ({reason})")]
    Malformed {
        /// The table.
        table: String,
        /// The parser's words.
        reason: String,
    },
}

/// Tables and columns of one schema, and the version that wrote them.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// Name of the schema.
    pub schema: String,
    /// Columns by table.
    pub tables: BTreeMap<String, BTreeSet<String>>,
    /// Version of the last migration, as Keycloak wrote it.
    pub version: Option<String>,
}

impl Layout {
    /// The version as numbers.
    pub fn edition(&self) -> Option<Edition> {
        self.version.as_deref().and_then(Edition::parse)
    }

    /// Whether there is such a column.
    pub fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.contains(column))
    }

    /// The same schema with only the tables and columns that `other` has as well.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        let tables = self.tables.iter().filter_map(|(name, columns)| {
            let theirs = other.tables.get(name)?;
            Some((name.clone(), columns.intersection(theirs).cloned().collect()))
        });
        Self { tables: tables.collect(), ..self.clone() }
    }

    /// A table with its schema, quoted.
    pub(super) fn table(&self, name: &str) -> String {
        format!("{}.{}", quote(&self.schema), quote(name))
    }
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Schemas of the session's database that hold a Keycloak.
///
/// # Errors
/// The catalogue cannot be read.
pub async fn find_schemas(session: &Connection) -> Result<Vec<String>, PostgresError> {
    let sql = "SELECT n.nspname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE c.relkind IN ('r', 'p') AND c.relname::text = ANY($1) \
               GROUP BY 1 HAVING count(*) = cardinality($1) ORDER BY 1";
    let signs: Vec<&str> = SIGNS.to_vec();
    let rows = session.query(sql, &[&signs]).await;
    let rows = rows.map_err(|e| PostgresError::statement("looking for a Keycloak schema", &e))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Tables, columns and version of a schema.
///
/// # Errors
/// The catalogue cannot be read, or the version table may not be read.
pub async fn layout(session: &Connection, schema: &str) -> Result<Layout, RowError> {
    let sql = "SELECT c.relname::text, a.attname::text FROM pg_attribute a \
               JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped";
    let rows = session.query(sql, &[&schema]).await;
    let rows = rows.map_err(|e| PostgresError::statement(format!("listing the tables of {schema}"), &e))?;
    let mut layout = Layout { schema: schema.to_owned(), ..Layout::default() };
    for row in &rows {
        layout.tables.entry(row.get(0)).or_default().insert(row.get(1));
    }
    let mut versions = Vec::new();
    if layout.has("migration_model", "version") {
        read_rows(session, &layout, "migration_model", |row| {
            let version = text(&row, "version");
            versions.extend(version.as_deref().and_then(Edition::parse).zip(version));
        })
        .await?;
    }
    layout.version = versions.into_iter().max().map(|(_, version)| version);
    Ok(layout)
}

/// Hands each row of a table to `consume`, without columns that the layout does not list. A table the layout does not
/// list has no rows.
pub(super) async fn read_rows(
    session: &Connection,
    layout: &Layout,
    table: &str,
    mut consume: impl FnMut(Row) + Send,
) -> Result<(), RowError> {
    let Some(columns) = layout.tables.get(table) else { return Ok(()) };
    let query = format!("SELECT json_build_array(to_json(t)) FROM {} t", layout.table(table));
    read_json(session, table, &query, |cells| {
        if let Some(Json::Object(row)) = cells.into_iter().next() {
            consume(row.into_iter().filter(|(name, _)| columns.contains(name)).collect());
        }
    })
    .await
}

/// Runs a query of one JSON array a row.
pub(super) async fn read_json(
    session: &Connection,
    table: &str,
    query: &str,
    mut consume: impl FnMut(Vec<Json>) + Send,
) -> Result<(), RowError> {
    let mut broken = None;
    let mut plain = Vec::new();
    for_each_row(session, &format!("reading {table}"), &format!("({query})"), &mut |line| {
        // JSON escapes every control character itself; COPY only doubles the backslashes of that.
        plain.clear();
        let mut escaped = false;
        for byte in line {
            escaped = *byte == b'\\' && !escaped;
            if !escaped {
                plain.push(*byte);
            }
        }
        match serde_json::from_slice(&plain) {
            Ok(cells) => consume(cells),
            Err(error) => broken = Some(error.to_string()),
        }
    })
    .await?;
    match broken {
        None => Ok(()),
        Some(reason) => Err(RowError::Malformed { table: table.to_owned(), reason }),
    }
}

/// A column as text; `None` where it is null or not there.
pub(super) fn text(row: &Row, column: &str) -> Option<String> {
    match row.get(column)? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A text, in one form where it is a JSON object: the order of keys says nothing.
pub(super) fn canonical(text: String) -> String {
    if text.starts_with('{')
        && let Ok(object @ Json::Object(_)) = serde_json::from_str::<Json>(&text)
    {
        return object.to_string();
    }
    text
}
