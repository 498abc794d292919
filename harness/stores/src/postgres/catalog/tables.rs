//! Which tables hold rows, with their columns and the columns that identify a row.

use super::{path, quote, rows};
use crate::postgres::Connection;
use std::collections::BTreeMap;

/// What kind of relation holds the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// A table; of a partitioned one, each partition.
    Table,
    /// A table whose rows do not survive a crash.
    Unlogged,
    /// A materialised view that has been filled.
    MaterialisedView,
    /// A materialised view without contents.
    Unfilled,
}

/// One column of a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Name.
    pub name: String,
    /// Type with its modifier, as the server prints it.
    pub kind: String,
    /// Whether it may be null.
    pub nullable: bool,
    /// Whether its values are computed from other columns.
    pub generated: bool,
}

/// One relation that is compared row by row.
#[derive(Debug, Clone)]
pub struct Table {
    /// `database.schema.table`.
    pub path: String,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: TableKind,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Columns that identify a row: the primary key's, or those of a unique index over columns that are never null.
    pub key: Vec<String>,
    /// The query behind a materialised view.
    pub definition: Option<String>,
    /// Bytes of its values that are stored out of line: an upper bound for how wide a row can be.
    pub out_of_line: u64,
}

impl Table {
    /// The relation in a `FROM` clause, without the rows of tables that inherit from it.
    pub fn from_clause(&self) -> String {
        let name = format!("{}.{}", quote(&self.schema), quote(&self.name));
        match self.kind {
            TableKind::Table | TableKind::Unlogged => format!("ONLY {name}"),
            TableKind::MaterialisedView | TableKind::Unfilled => name,
        }
    }
}

const RELATIONS: &str = "SELECT n.nspname::text, c.relname::text, c.relkind::text || c.relpersistence::text,
        c.relispopulated::text, CASE c.relkind WHEN 'm' THEN rtrim(pg_get_viewdef(c.oid), '; ') END,
        pg_relation_size(nullif(c.reltoastrelid, 0)::regclass)::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' ORDER BY c.relpages DESC, 1, 2";

const COLUMNS: &str =
    "SELECT n.nspname::text, c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        (NOT a.attnotnull)::text, (a.attgenerated <> '')::text
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname !~ '^pg_'
        AND n.nspname <> 'information_schema' ORDER BY 1, 2, a.attnum";

/// The best identity of each table comes first: the primary key, then the unique index with the fewest columns.
const KEYS: &str = "SELECT n.nspname::text, c.relname::text, i.indexrelid::text, a.attname::text
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) k
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[k]
     WHERE i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND c.relkind IN ('r', 'm')
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
        AND NOT EXISTS (SELECT FROM generate_series(0, i.indnkeyatts - 1) q
            JOIN pg_attribute b ON b.attrelid = c.oid AND b.attnum = i.indkey[q] AND NOT b.attnotnull)
     ORDER BY 1, 2, NOT i.indisprimary, i.indnkeyatts, 3, k";

type Name = (String, String);

/// Tables with rows, and the paths of foreign tables.
pub(super) async fn read(session: &Connection, database: &str) -> (Result<Vec<Table>, String>, Vec<String>) {
    let mut foreign = Vec::new();
    let tables = read_tables(session, database, &mut foreign).await;
    (tables, foreign)
}

async fn read_tables(
    session: &Connection,
    database: &str,
    foreign: &mut Vec<String>,
) -> Result<Vec<Table>, String> {
    let mut columns: BTreeMap<Name, Vec<Column>> = BTreeMap::new();
    for [schema, table, column, kind, nullable, generated] in rows::<6>(session, COLUMNS).await? {
        let (Some(schema), Some(table), Some(name)) = (schema, table, column) else { continue };
        let yes = |flag: Option<String>| flag.as_deref() == Some("true");
        columns.entry((schema, table)).or_default().push(Column {
            name,
            kind: kind.unwrap_or_default(),
            nullable: yes(nullable),
            generated: yes(generated),
        });
    }
    let mut keys: BTreeMap<Name, (String, Vec<String>)> = BTreeMap::new();
    for [schema, table, index, column] in rows::<4>(session, KEYS).await? {
        let (Some(schema), Some(table), Some(index), Some(column)) = (schema, table, index, column) else {
            continue;
        };
        let best = keys.entry((schema, table)).or_insert_with(|| (index.clone(), Vec::new()));
        if best.0 == index {
            best.1.push(column);
        }
    }
    let mut tables = Vec::new();
    for [schema, table, kind, populated, definition, wide] in rows::<6>(session, RELATIONS).await? {
        let (Some(schema), Some(name)) = (schema, table) else { continue };
        let path = path(database, Some(&schema), Some(&name), None);
        let kind = match (kind.as_deref().unwrap_or_default(), populated.as_deref()) {
            ("fp" | "fu", _) => {
                foreign.push(path);
                continue;
            }
            (k, Some("true")) if k.starts_with('m') => TableKind::MaterialisedView,
            (k, _) if k.starts_with('m') => TableKind::Unfilled,
            ("ru", _) => TableKind::Unlogged,
            _ => TableKind::Table,
        };
        let of = (schema, name);
        let columns = columns.remove(&of).unwrap_or_default();
        let key = keys.remove(&of).map(|(_, key)| key).unwrap_or_default();
        let (schema, name) = of;
        let out_of_line = wide.and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
        tables.push(Table { path, schema, name, kind, columns, key, definition, out_of_line });
    }
    Ok(tables)
}
