//! Sequences: parameters, owner, and where they stand.

use super::{Section, name, path, quote, rows, section};
use crate::postgres::Connection;

const PARAMETERS: &str = "SELECT n.nspname::text, c.relname::text, NULL, v.a, v.b
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
        LATERAL (VALUES
        ('type', format_type(s.seqtypid, NULL)), ('start', s.seqstart::text), ('increment', s.seqincrement::text),
        ('minimum', s.seqmin::text), ('maximum', s.seqmax::text), ('cache', s.seqcache::text),
        ('cycle', s.seqcycle::text), ('persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' END),
        ('owned by', (SELECT tn.nspname || '.' || t.relname || '.' || a.attname FROM pg_depend d
            JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass
            AND d.deptype IN ('a', 'i') LIMIT 1)),
        ('comment', obj_description(c.oid, 'pg_class'))) v(a, b)
     WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND v.b IS NOT NULL
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')";

const NAMES: &str = "SELECT n.nspname::text, c.relname::text, has_sequence_privilege(c.oid, 'SELECT')::text
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid
            AND e.deptype = 'e')";

/// Sequences read at once in one statement.
const BATCH: usize = 200;

/// The sequences of a database, and the paths of those whose value could not be read.
pub(super) async fn read(session: &Connection, database: &str) -> (Section, Vec<String>) {
    let mut unreadable = Vec::new();
    let mut shape = match section(session, database, &[PARAMETERS]).await {
        Ok(shape) => shape,
        Err(reason) => return (Err(reason), unreadable),
    };
    let names = match rows::<3>(session, NAMES).await {
        Ok(names) => names,
        Err(reason) => return (Err(reason), unreadable),
    };
    let mut readable = Vec::new();
    for [schema, sequence, allowed] in names {
        let (Some(schema), Some(sequence)) = (schema, sequence) else { continue };
        if allowed.as_deref() == Some("true") {
            readable.push((schema, sequence));
        } else {
            unreadable.push(path(database, Some(&schema), Some(&sequence), None));
        }
    }
    for batch in readable.chunks(BATCH) {
        let parts: Vec<String> = batch
            .iter()
            .enumerate()
            .map(|(at, (schema, sequence))| {
                let (schema, sequence) = (quote(schema), quote(sequence));
                format!("SELECT '{at}'::text, last_value::text, is_called::text FROM {schema}.{sequence}")
            })
            .collect();
        match rows::<3>(session, &parts.join(" UNION ALL ")).await {
            Ok(values) => {
                for [at, last, called] in values {
                    let at = at.and_then(|at| at.parse::<usize>().ok()).and_then(|at| batch.get(at));
                    let (Some((schema, sequence)), Some(last), Some(called)) = (at, last, called) else {
                        continue;
                    };
                    let path = path(database, Some(schema), Some(sequence), None);
                    shape.set(path.clone(), "last_value", last);
                    shape.set(path, "is_called", called);
                }
            }
            Err(_) => unreadable
                .extend(batch.iter().map(|(s, q)| format!("{}.{}.{}", name(database), name(s), name(q)))),
        }
    }
    (Ok(shape), unreadable)
}

/// Columns of integers whose values a sequence hands out: by a default that is nothing but `nextval`, or as identity.
const USES: &str = "SELECT DISTINCT sn.nspname::text, s.relname::text, n.nspname::text, c.relname::text, a.attname::text,
        q.seqincrement::text, CASE WHEN c.relispartition THEN 'partition' ELSE c.relkind::text END, pg_get_userbyid(c.relowner)::text
     FROM pg_sequence q JOIN pg_class s ON s.oid = q.seqrelid JOIN pg_namespace sn ON sn.oid = s.relnamespace,
        LATERAL (SELECT x.adrelid AS relation, x.adnum AS number FROM pg_depend d JOIN pg_attrdef x ON x.oid = d.objid
            WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = s.oid
            AND pg_get_expr(x.adbin, x.adrelid) ~ '^nextval\\([^()]*::regclass\\)$'
            UNION SELECT d.refobjid, d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
            AND d.objid = s.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i') u
        JOIN pg_class c ON c.oid = u.relation JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.number
     WHERE a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) AND NOT q.seqcycle
        AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
        AND NOT (c.relispartition AND c.relkind = 'p') AND CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END
        AND has_column_privilege(c.oid, a.attnum, 'SELECT') AND NOT EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = 'pg_class'::regclass AND e.objid = s.oid AND e.deptype = 'e')
     ORDER BY 1, 2, 3, 4, 5";

/// A column that a sequence numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceUse {
    /// The sequence's path.
    pub path: String,
    /// The sequence as SQL.
    pub sequence: String,
    /// The table's path.
    pub table_path: String,
    /// The table as SQL.
    pub table: String,
    /// The table's owner.
    pub owner: String,
    /// The column.
    pub column: String,
    /// Where rows lie.
    pub place: Place,
    /// The sequence's step.
    pub increment: i64,
}

/// Where rows lie, and where they are inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the table itself.
    Table,
    /// In its partitions: rows are inserted into it, but lie elsewhere.
    Partitions,
    /// In the table, but rows are inserted into the one it is a partition of.
    Partition,
}

/// The columns that sequences number.
pub(super) async fn uses(session: &Connection, database: &str) -> Result<Vec<SequenceUse>, String> {
    let read = |row: [Option<String>; 8]| {
        let [sequence_schema, sequence, schema, table, column, increment, kind, owner] = row;
        let (sequence_schema, sequence, schema, table) = (sequence_schema?, sequence?, schema?, table?);
        Some(SequenceUse {
            path: path(database, Some(&sequence_schema), Some(&sequence), None),
            sequence: format!("{}.{}", quote(&sequence_schema), quote(&sequence)),
            table_path: path(database, Some(&schema), Some(&table), None),
            table: format!("{}.{}", quote(&schema), quote(&table)),
            owner: owner?,
            column: column?,
            place: match kind?.as_str() {
                "p" => Place::Partitions,
                "partition" => Place::Partition,
                _ => Place::Table,
            },
            increment: increment?.parse().ok()?,
        })
    };
    Ok(rows::<8>(session, USES).await?.into_iter().filter_map(read).collect())
}
