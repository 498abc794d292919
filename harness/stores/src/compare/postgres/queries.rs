//! The statements that read one table: every row, its keys alone, chosen rows, and a digest that the server computes.

use crate::postgres::{Column, Table, TableKind, quote};

/// How one side of a job is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// What `COPY` reads: a table with its columns, or a query in brackets.
    pub(super) rows: String,
    /// How rows are found by their key; without it every row is read again to locate a difference.
    pub(super) lookup: Option<Lookup>,
    /// A query that answers count and digest, computed by the server.
    pub(super) digest: Option<String>,
}

/// Reading by key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    /// What `COPY` reads for the keys alone.
    pub(super) keys: String,
    /// The query for rows, up to the list of keys.
    select: String,
    /// Types of the key's columns.
    types: Vec<String>,
}

impl Reading {
    /// A query without shortcuts.
    pub(super) fn query(query: &str) -> Self {
        Self { rows: format!("({query})"), lookup: None, digest: None }
    }

    /// Columns of a table, the first `key` of which identify a row.
    pub(super) fn table(table: &Table, columns: &[String], key: usize) -> Self {
        let list = |names: &[String]| names.iter().map(|c| quote(c)).collect::<Vec<_>>().join(", ");
        let from = table.from_clause();
        let select = format!("SELECT {} FROM {from}", list(columns));
        let generated = table.columns.iter().any(|c| c.generated && columns.contains(&c.name));
        let plain = matches!(table.kind, TableKind::Table | TableKind::Unlogged);
        // COPY of a table is cheaper than of a query, but knows neither generated columns nor tables without columns.
        let rows = if plain && !generated && !columns.is_empty() {
            format!("{}.{} ({})", quote(&table.schema), quote(&table.name), list(columns))
        } else {
            format!("({select})")
        };
        let kind_of = |name: &String| table.columns.iter().find(|c| &c.name == name).map(|c| c.kind.clone());
        let types: Option<Vec<String>> = columns[..key].iter().map(kind_of).collect();
        let lookup = types.filter(|types| !types.is_empty()).map(|types| Lookup {
            keys: format!("(SELECT {} FROM {from})", list(&columns[..key])),
            select: format!("{select} WHERE ({}) IN", list(&columns[..key])),
            types,
        });
        Self { rows, lookup, digest: None }
    }
}

impl Lookup {
    /// What `COPY` reads for the rows with these keys. Each key holds the key columns as text.
    pub(super) fn rows(&self, keys: &[Vec<String>]) -> String {
        let row = |key: &Vec<String>| {
            let values =
                key.iter().zip(&self.types).map(|(value, kind)| format!("{}::{kind}", literal(value)));
            format!("({})", values.collect::<Vec<_>>().join(", "))
        };
        // Only the first row needs the types, but a domain's array or a padded type must not be guessed in any.
        let rows: Vec<String> = keys.iter().map(row).collect();
        format!("({} (VALUES {}))", self.select, rows.join(", "))
    }
}

/// A text as an SQL literal; `standard_conforming_strings` is on in every session of the witness.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The query for the digest of rows that both sides can compute alike, or `None` where a column has another type on the
/// other side.
///
/// A row's digest is a chain of the server's 64-bit hash functions, each seeded with the one before, so that no value can
/// change places with another; the table's is their sum, which counts duplicates. Only types whose hash tells all texts
/// apart that `COPY` prints apart are hashed as they are. Numbers with several spellings go through their binary form,
/// everything else (enums, arrays, `citext`, `char(n)`, JSON, …) through its text.
pub(super) fn digest(table: &Table, source: &[&Column], target: &[&Column]) -> Option<String> {
    let mut binary = Vec::new();
    let mut texts = Vec::new();
    let mut nulls = Vec::new();
    let mut direct: Vec<(Hashed, String)> = Vec::new();
    for (a, b) in source.iter().zip(target) {
        if a.kind != b.kind || a.name != b.name {
            return None;
        }
        let name = quote(&a.name);
        let nullable = a.nullable || b.nullable;
        match Hashed::of(&a.kind) {
            Hashed::Binary(send) => binary.push(format!("{send}({name})")),
            Hashed::AsText => texts.push(name),
            hashed => {
                let value = if nullable {
                    nulls.push(name.clone());
                    format!("coalesce({name}, {})", hashed.filler())
                } else {
                    name
                };
                direct.push((hashed, value));
            }
        }
    }
    // Which values are null, 60 columns a number, so that a null and the value that stands for it differ.
    let mut hash = "1".to_owned();
    for some in nulls.chunks(60) {
        let bits = some
            .iter()
            .enumerate()
            .map(|(at, name)| format!("CASE WHEN {name} IS NULL THEN {} ELSE 0 END", 1_u64 << at));
        let seed = if hash == "1" { hash } else { format!("hashint4extended(1, {hash})") };
        hash = format!("(({seed})::int8 # ({})::int8)", bits.collect::<Vec<_>>().join(" + "));
    }
    if !binary.is_empty() {
        hash = format!("hash_array_extended(ARRAY[{}], {hash})", binary.join(", "));
    }
    // A row of more columns than a function takes arguments is one all the same: ROW() is no function.
    if !texts.is_empty() {
        let all = format!("textin(record_out(ROW({})))", texts.join(", "));
        hash = format!("hashtextextended({all} COLLATE \"C\", {hash})");
    }
    for (hashed, value) in &direct {
        hash = hashed.apply(value, &hash);
    }
    if direct.is_empty() {
        hash = format!("hashint4extended(1, {hash})");
    }
    Some(format!(
        "SELECT pg_catalog.count(*)::text, coalesce(pg_catalog.sum({hash}), 0)::text FROM {}",
        table.from_clause()
    ))
}

/// How a column enters a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hashed {
    /// 16 or 32 bits, hashed as they are.
    Small(&'static str),
    /// 64 bits. The server folds them to 32 before hashing: the upper half goes into the seed.
    Big,
    Bool,
    Text,
    Uuid,
    /// Through the type's binary form, which tells 1.0 from 1.00 and -0 from 0.
    Binary(&'static str),
    AsText,
}

impl Hashed {
    fn of(kind: &str) -> Self {
        let bare = kind.split('(').next().unwrap_or(kind);
        if kind.ends_with("[]") {
            return Self::AsText;
        }
        match bare {
            "smallint" => Self::Small("hashint2extended"),
            "integer" => Self::Small("hashint4extended"),
            "bigint" => Self::Big,
            "boolean" => Self::Bool,
            "text" | "character varying" => Self::Text,
            "uuid" => Self::Uuid,
            "numeric" => Self::Binary("numeric_send"),
            "real" => Self::Binary("float4send"),
            "double precision" => Self::Binary("float8send"),
            "bytea" => Self::Binary("byteasend"),
            "date" => Self::Binary("date_send"),
            "interval" => Self::Binary("interval_send"),
            // With a precision the bracket stands inside: `timestamp(3) without time zone`.
            _ if kind.starts_with("timestamp") && kind.ends_with("with time zone") => {
                Self::Binary("timestamptz_send")
            }
            _ if kind.starts_with("timestamp") && kind.ends_with("without time zone") => {
                Self::Binary("timestamp_send")
            }
            _ => Self::AsText,
        }
    }

    /// What stands for a null; which values are null is hashed as well.
    fn filler(self) -> &'static str {
        match self {
            Self::Text => "''",
            Self::Uuid => "'00000000-0000-0000-0000-000000000000'::uuid",
            Self::Bool => "false",
            Self::Small("hashint2extended") => "0::int2",
            _ => "0",
        }
    }

    fn apply(self, value: &str, seed: &str) -> String {
        match self {
            Self::Small(function) => format!("{function}({value}, {seed})"),
            Self::Big => format!("hashint8extended({value}, {seed} # ({value} >> 32))"),
            Self::Bool => format!("hashint4extended(({value})::int4, {seed})"),
            Self::Text => format!("hashtextextended({value} COLLATE \"C\", {seed})"),
            Self::Uuid => format!("uuid_hash_extended({value}, {seed})"),
            Self::Binary(send) => format!("hash_array_extended(ARRAY[{send}({value})], {seed})"),
            Self::AsText => {
                format!("hashtextextended(textin(record_out(ROW({value}))) COLLATE \"C\", {seed})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, kind: &str) -> Column {
        Column { name: name.into(), kind: kind.into(), nullable: true, generated: false }
    }

    fn table(columns: Vec<Column>) -> Table {
        Table {
            path: "d.s.t".into(),
            schema: "s".into(),
            name: "t".into(),
            kind: TableKind::Table,
            columns,
            key: Vec::new(),
            definition: None,
            out_of_line: 0,
        }
    }

    #[test]
    fn only_types_whose_hash_keeps_all_texts_apart_are_hashed_as_they_are() {
        for kind in ["public.citext", "character(3)", "jsonb", "text[]", "\"char\"", "name", "public.mood"] {
            assert_eq!(Hashed::of(kind), Hashed::AsText, "{kind}");
        }
        assert_eq!(Hashed::of("timestamp(3) without time zone"), Hashed::Binary("timestamp_send"));
        assert_eq!(Hashed::of("time without time zone"), Hashed::AsText);
        assert_eq!(Hashed::of("numeric(12,2)"), Hashed::Binary("numeric_send"));
    }

    #[test]
    fn other_types_are_not_digested_alike() {
        let (a, b) = (column("x", "integer"), column("x", "bigint"));
        let table = table(vec![a.clone()]);
        assert!(digest(&table, &[&a], &[&b]).is_none());
        assert!(digest(&table, &[&a], &[&a]).is_some());
    }

    #[test]
    fn keys_are_literals_of_their_types() {
        let columns = [("k", "text"), ("v", "text")].map(|(n, k)| column(n, k)).to_vec();
        let reading = Reading::table(&table(columns), &["k".into(), "v".into()], 1);
        let lookup = reading.lookup.expect("a key");
        assert_eq!(
            lookup.rows(&[vec!["it's".into()]]),
            "(SELECT \"k\", \"v\" FROM ONLY \"s\".\"t\" WHERE (\"k\") IN (VALUES ('it''s'::text)))"
        );
        assert_eq!(reading.rows, "\"s\".\"t\" (\"k\", \"v\")");
    }
}
