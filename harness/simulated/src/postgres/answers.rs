//! What a server tells of itself.

use super::OWN;
use super::server::{Backend, Server};
use super::statements::Value;

/// Where every client of a simulation is.
const ADDRESS: &str = "10.0.0.7";

fn text(text: &str) -> Value {
    Value::from(text)
}

impl Server {
    /// The roles that a database has to do with: its own.
    pub(super) fn concerned(&self, database: &str) -> Vec<Vec<Value>> {
        let role = |name: &str| {
            let flags = [false, false, false, true, true, false, false].map(Value::Bool);
            let mut row = vec![text(name)];
            row.extend(flags);
            row.extend([Value::Int4(-1), Value::Null, Value::Null]);
            row
        };
        self.databases.get(database).map(|d| role(&d.owner)).into_iter().collect()
    }

    /// How many objects of the user's are in a database.
    pub(super) fn contents(&self, database: &str) -> i64 {
        let count = self.databases.get(database).map_or(0, |d| d.tables.len() + d.sequences.len());
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn state(backend: &Backend) -> &'static str {
        if backend.transaction.is_some() { "idle in transaction" } else { "idle" }
    }

    fn has_written(backend: &Backend) -> bool {
        // One that failed has lost its number.
        backend.transaction.as_ref().is_some_and(|t| t.numbered && !t.failed)
    }

    fn foreign(&self, session: i32) -> impl Iterator<Item = (&i32, &Backend)> {
        self.backends.iter().filter(move |(pid, b)| **pid != session && !b.application.starts_with(OWN))
    }

    /// Sessions on the database of one that may have written: those of a role, and any with a transaction that wrote.
    pub(super) fn others(&self, session: i32, database: &str, role: &str) -> Vec<Vec<Value>> {
        self.foreign(session)
            .filter(|(_, b)| b.database == database && (b.role == role || Self::has_written(b)))
            .map(|(pid, b)| vec![Value::Int4(*pid), text(&b.application), text(&b.role), text(ADDRESS)])
            .collect()
    }

    /// Whether a dump is restored into a database.
    pub(crate) fn is_restored(&self, database: &str) -> bool {
        self.backends.values().any(|b| b.database == database && b.restores)
    }

    /// Sessions of others on some databases.
    pub(super) fn sessions(&self, session: i32, databases: &[String]) -> Vec<Vec<Value>> {
        self.foreign(session)
            .filter(|(_, b)| databases.contains(&b.database))
            .map(|(pid, b)| {
                vec![
                    Value::Int4(*pid),
                    text(&b.application),
                    text(&b.database),
                    text(&b.role),
                    text(Self::state(b)),
                    text(ADDRESS),
                    Value::Bool(Self::has_written(b)),
                ]
            })
            .collect()
    }

    /// Write counters of every table of a database. Definitions are counted as the system's own table of them.
    pub(super) fn tables(&self, database: &str) -> Vec<Vec<Value>> {
        let Some(database) = self.databases.get(database) else { return Vec::new() };
        let row = |schema: &str, name: &str, oid: u32, tally: [i64; 3]| {
            let mut row = vec![text(schema), text(name), Value::Oid(oid), Value::Oid(oid)];
            row.extend(tally.map(Value::Int8));
            row
        };
        let mut rows: Vec<Vec<Value>> = database
            .tables
            .iter()
            .map(|(name, t)| row("public", name, t.oid, [t.tally.inserted, t.tally.updated, t.tally.deleted]))
            .collect();
        rows.push(row("pg_catalog", "pg_class", 1_259, [0, 0, 0]));
        rows
    }

    pub(super) fn sequences(&self, database: &str) -> Vec<Vec<Value>> {
        let sequences = self.databases.get(database).into_iter().flat_map(|d| &d.sequences);
        sequences
            .map(|(name, s)| {
                let last = if s.called { Value::Int8(s.last) } else { Value::Null };
                vec![text("public"), text(name), last]
            })
            .collect()
    }

    /// Position in the log, next transaction, time of the start.
    pub(super) fn position(&self) -> Vec<Vec<Value>> {
        vec![vec![Value::Int8(self.wal), Value::Int8(700 + self.transactions), Value::Int8(self.started)]]
    }

    /// What is there of some rows: key, how often, and the value.
    pub(super) fn rows(&self, database: &str, table: &str, value: bool, keys: &[String]) -> Vec<Vec<Value>> {
        let found = self.databases.get(database).and_then(|d| d.tables.get(table));
        let rows = found.into_iter().flat_map(|t| &t.rows).filter(|(key, _)| keys.contains(key));
        rows.map(|(key, values)| {
            let copies = i64::try_from(values.len()).unwrap_or(i64::MAX);
            let least = values.iter().min().filter(|_| value).map_or(Value::Null, |v| text(v));
            vec![text(key), Value::Int8(copies), least]
        })
        .collect()
    }
}
