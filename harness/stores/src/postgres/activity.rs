//! Whether a server was written to between two moments. The snapshots that are compared hold still, but the two of them are
//! not of the same moment: where a side is being written to, a difference may be newer than the copy.

use super::{Connection, PostgresError};
use std::collections::{BTreeMap, BTreeSet};

/// Where a server stood at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    /// Bytes of WAL written (on a standby: replayed) since the server was made; `None` where the server does not tell.
    pub wal: Option<u64>,
    /// The next transaction that writes.
    pub transaction: Option<u64>,
    /// A mark for each table and sequence, by schema and name, that changes when it is written to.
    pub marks: BTreeMap<(String, String), String>,
}

/// What happened between two moments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Movement {
    /// Bytes of WAL.
    pub wal: Option<u64>,
    /// Transactions that were given a number, because they wrote.
    pub transactions: Option<u64>,
    /// Tables and sequences that the server's own figures say were written to, by schema and name.
    pub written: BTreeSet<(String, String)>,
}

impl Activity {
    /// What happened since `earlier`.
    pub fn since(&self, earlier: &Self) -> Movement {
        let step = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_sub(b?));
        let changed = |(name, mark): (&(String, String), &String)| {
            (earlier.marks.get(name) != Some(mark)).then(|| name.clone())
        };
        Movement {
            wal: step(self.wal, earlier.wal),
            transactions: step(self.transaction, earlier.transaction),
            written: self.marks.iter().filter_map(changed).collect(),
        }
    }
}

/// A standby tells what it has replayed. Managed servers without WAL functions fail this query; the rest is read anyway.
const WAL: &str = "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
        THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::text";

/// Statistics reach the reader late: up to half a second up to PostgreSQL 14, and up to ten seconds from an idle session
/// from 15 on. [`was_written`] closes that gap for tables that matter.
const MARKS: &str = "SELECT s.schemaname::text, s.relname::text,
        (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::text || ' in file ' || c.relfilenode
     FROM pg_catalog.pg_stat_all_tables s JOIN pg_catalog.pg_class c ON c.oid = s.relid
     WHERE s.schemaname !~ '^pg_' OR s.relname = 'pg_largeobject'
     UNION ALL SELECT schemaname::text, sequencename::text, last_value::text FROM pg_catalog.pg_sequences
     WHERE last_value IS NOT NULL";

/// Reads where the server stands, on a session without an open transaction.
///
/// # Errors
/// The session is unusable.
pub(super) async fn activity(session: &Connection) -> Result<Activity, PostgresError> {
    let words = |e: &tokio_postgres::Error| PostgresError::statement("reading the server's activity", e);
    let number = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let wal = match session.query_one(WAL, &[]).await {
        Ok(row) => number(row.get(0)),
        Err(error) if error.as_db_error().is_some() => None,
        Err(error) => return Err(words(&error)),
    };
    let next = "SELECT pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text";
    let transaction = number(session.query_one(next, &[]).await.map_err(|e| words(&e))?.get(0));
    let rows = session.query(MARKS, &[]).await.map_err(|e| words(&e))?;
    let marks = rows.iter().map(|row| ((row.get(0), row.get(1)), row.get(2))).collect();
    Ok(Activity { wal, transaction, marks })
}

/// Whether a table holds a row version that was written since `earlier`: exact where statistics are late, except for rows
/// that were only deleted.
///
/// # Errors
/// The table could not be read.
pub(super) async fn was_written(
    session: &Connection,
    table: &(String, String),
    earlier: &Activity,
) -> Result<bool, PostgresError> {
    let Some(transaction) = earlier.transaction else { return Ok(false) };
    let (schema, name) = (super::quote(&table.0), super::quote(&table.1));
    // Transaction numbers in rows are 32 bits wide; the age of a frozen row is the largest there is.
    let query = format!(
        "SELECT EXISTS (SELECT FROM ONLY {schema}.{name} WHERE pg_catalog.age(xmin) <= pg_catalog.age('{}'::xid))",
        transaction & u64::from(u32::MAX)
    );
    let row = session.query_one(&query, &[]).await;
    let doing = || format!("looking for new rows in {}.{}", table.0, table.1);
    Ok(row.map_err(|e| PostgresError::statement(doing(), &e))?.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_or_came_was_written_to() {
        let at = |wal, marks: &[(&str, &str)]| Activity {
            wal: Some(wal),
            transaction: None,
            marks: marks.iter().map(|(t, m)| (("s".into(), (*t).into()), (*m).into())).collect(),
        };
        let moved = at(150, &[("a", "1"), ("b", "2"), ("c", "1")]).since(&at(100, &[("a", "1"), ("b", "1")]));
        assert_eq!((moved.wal, moved.transactions), (Some(50), None));
        assert_eq!(moved.written, [("s".into(), "b".into()), ("s".into(), "c".into())].into());
    }
}
