//! Rows among what users write: which tables there are, how a row is named in the log, and what both sides show of them.

use crate::postgres::{Database, Databases, PgPeer, Sequence, Write};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use drydock_workload::acknowledged::Item;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Places of rows begin so in the log; no index may.
const PLACE: &str = "postgres/";
/// Tables by database. Members of a cache cluster are not carried.
const TABLES: [(&str, &str); 6] = [
    ("identity", "tenants"),
    ("identity", "users"),
    ("keycloak", "jgroups_ping"),
    ("keycloak", "user_entity"),
    ("webmodeler", "files"),
    ("webmodeler", "revisions"),
];
/// The table whose keys are numbers of a sequence, by database.
const NUMBERED: [(&str, &str); 2] = [("keycloak", "user_entity"), ("webmodeler", "revisions")];
/// Rows that are worthless elsewhere.
const LEFT_BEHIND: &str = "jgroups_ping";

/// Tables that users write to, as `database.table`; those whose keys are numbers last.
pub(crate) fn tables(databases: &[&str]) -> (Vec<String>, Vec<String>) {
    let named = |(database, table): &(&str, &str)| format!("{database}.{table}");
    let here = |(database, table): &&(&str, &str)| databases.contains(database) && *table != LEFT_BEHIND;
    let plain = TABLES.iter().filter(here).filter(|at| !NUMBERED.contains(at)).map(named);
    (plain.collect(), NUMBERED.iter().filter(here).map(named).collect())
}

/// A table of a database that the source does not have: a newer application makes it when it starts.
pub(crate) fn unknown(database: &str) -> String {
    format!("{database}.schema_history")
}

/// Whether the source has a table, written as `database.table`.
pub(crate) fn is_known(table: &str) -> bool {
    table.split_once('.').is_some_and(|at| TABLES.contains(&at))
}

/// The sequence that numbers a table.
pub(crate) fn sequence_of(table: &str) -> String {
    format!("{table}_id_seq")
}

/// The place of a table in the log.
pub(crate) fn place(table: &str) -> String {
    format!("{PLACE}{table}")
}

/// Database and table of a place; nothing if it is an index.
pub(crate) fn table_of(place: &str) -> Option<(&str, &str)> {
    place.strip_prefix(PLACE)?.split_once('.')
}

/// A row as real runs name it.
pub(crate) fn item((database, table): (&str, &str), key: &str) -> Item {
    Item::Postgres {
        database: database.to_owned(),
        table: format!("public.{table}"),
        column: "id".into(),
        key: key.to_owned(),
    }
}

/// The value of a row.
pub(crate) fn row(databases: &Databases, (database, table): (&str, &str), key: &str) -> Option<Arc<str>> {
    let values = databases.get(database)?.tables.get(table)?.rows.get(key)?;
    match values.as_slice() {
        [one] => Some(Arc::clone(one)),
        several => Some(format!("{} rows of one key", several.len()).into()),
    }
}

/// Every row that is to be carried, by place and key.
pub(crate) fn all(databases: &Databases) -> impl Iterator<Item = (String, String)> + '_ {
    databases.iter().flat_map(|(database, all)| {
        let wanted = all.tables.iter().filter(|(name, _)| *name != LEFT_BEHIND);
        wanted.flat_map(move |(name, table)| {
            let place = place(&format!("{database}.{name}"));
            table.rows.keys().map(move |key| (place.clone(), key.clone()))
        })
    })
}

/// Fills a source: roles, databases, tables with keys, sequences.
pub(crate) fn define(peer: &PgPeer, databases: &[&str]) {
    let mut server = peer.server();
    for name in databases {
        server.make_role(name);
        // The server is new: nothing refuses what it lacks.
        let _ = server.make_database(name, name);
        let Ok(session) = server.open(name, name, "seed") else { continue };
        for (_, table) in TABLES.iter().filter(|(database, _)| database == name) {
            let _ = server.make_table(session, table);
        }
        if let Some(database) = server.databases.get_mut(*name) {
            database.tables.values_mut().for_each(|table| table.keyed = true);
            for (_, table) in NUMBERED.iter().filter(|(of, _)| of == name) {
                database.sequences.insert(sequence_of(table), Sequence::default());
            }
        }
        if *name == "keycloak" {
            let _ = server.write(session, LEFT_BEHIND, "member", &Write::Insert("10.0.0.7".into()));
        }
        server.close(session);
    }
}

fn sequences(databases: &Databases) -> BTreeMap<String, i64> {
    let of = |(name, database): (&String, &Database)| {
        let name = name.clone();
        let all: Vec<(String, i64)> =
            database.sequences.iter().map(|(s, at)| (format!("{name}.public.{s}"), at.next())).collect();
        all
    };
    databases.iter().flat_map(of).collect()
}

/// What a comparison of both sides tells of their databases: rows, counts and sequences.
pub(crate) fn sides_differ(source: &Databases, target: &Databases) -> Vec<Finding> {
    let contents = |databases: &Databases| -> BTreeMap<String, String> {
        let value = |place: &str, key: &str| table_of(place).and_then(|at| row(databases, at, key));
        all(databases)
            .filter_map(|(place, key)| Some((label(&place, &key), value(&place, &key)?.to_string())))
            .collect()
    };
    let counts = |databases: &Databases| -> BTreeMap<String, String> {
        let mut counted: BTreeMap<String, usize> = BTreeMap::new();
        for (place, _) in all(databases) {
            *counted.entry(place.trim_start_matches(PLACE).to_owned()).or_default() += 1;
        }
        counted.into_iter().map(|(table, rows)| (table, rows.to_string())).collect()
    };
    let numbers = |databases: &Databases| -> BTreeMap<String, String> {
        sequences(databases).into_iter().map(|(name, next)| (name, next.to_string())).collect()
    };
    let mut findings = Vec::new();
    findings.extend(differ(checks::PG_ROWS, "rows", &contents(source), &contents(target)));
    findings.extend(differ(checks::PG_COUNTS, "counts of tables", &counts(source), &counts(target)));
    findings.extend(differ(checks::PG_SEQUENCES, "sequences", &numbers(source), &numbers(target)));
    findings
}

fn differ(
    check: &'static str,
    words: &str,
    source: &BTreeMap<String, String>,
    target: &BTreeMap<String, String>,
) -> Option<Finding> {
    let mut samples = Vec::new();
    for name in source.keys().chain(target.keys().filter(|name| !source.contains_key(*name))) {
        let (here, there) = (source.get(name), target.get(name));
        if here != there {
            samples.push(Sample::both(name.clone(), here.cloned(), there.cloned()));
        }
    }
    let first = samples.first()?;
    let message = format!("{} {words} are not alike on both sides, {} among them", samples.len(), first.item);
    let finding = Finding::data(check, Kind::Changed, first.item.clone(), message);
    Some(finding.items(samples.len() as u64, samples))
}

/// Sequences of the target whose next number is there already: whoever writes next is refused.
pub(crate) fn numbers_taken(target: &Databases) -> Option<Finding> {
    let mut samples = Vec::new();
    for (database, table) in NUMBERED {
        let Some(found) = target.get(database) else { continue };
        let last = found.tables.get(table).into_iter().flat_map(|t| t.rows.keys());
        let last = last.filter_map(|key| key.parse::<i64>().ok()).max();
        let next = found.sequences.get(&sequence_of(table)).map(Sequence::next);
        if let Some(last) = last
            && next.is_none_or(|next| next <= last)
        {
            let name = format!("{database}.public.{}", sequence_of(table));
            samples.push(Sample::both(name, Some((last + 1).to_string()), next.map(|n| n.to_string())));
        }
    }
    let first = samples.first()?;
    let message = format!("{} goes on with a number that is taken", first.item);
    let finding = Finding::data(checks::PG_SEQUENCES, Kind::Changed, first.item.clone(), message);
    Some(finding.items(samples.len() as u64, samples))
}

/// Everything that databases hold, as descriptions of a side have it.
pub(crate) fn describe(databases: &Databases) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut objects = BTreeMap::new();
    for (name, database) in databases {
        for (table, found) in &database.tables {
            let mut digest = blake3::Hasher::new();
            for (key, values) in &found.rows {
                values.iter().for_each(|v| {
                    digest.update(format!("{key}\0{v}\0").as_bytes());
                });
            }
            let attributes = BTreeMap::from([
                ("rows".to_owned(), found.rows.len().to_string()),
                ("contents".to_owned(), digest.finalize().to_hex()[..32].to_owned()),
            ]);
            objects.insert(format!("table/{name}.public.{table}"), attributes);
        }
        for (sequence, at) in &database.sequences {
            let last = BTreeMap::from([("last".to_owned(), format!("{} {}", at.last, at.called))]);
            objects.insert(format!("sequence/{name}.public.{sequence}"), last);
        }
        let owner = BTreeMap::from([("owner".to_owned(), database.owner.clone())]);
        objects.insert(format!("database/{name}"), owner);
    }
    objects
}

/// A row or a document for people.
pub(crate) fn label(place: &str, name: &str) -> String {
    match table_of(place) {
        Some((database, table)) => format!("{database}.public.{table}/{name}"),
        None => format!("{place}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Table;

    fn databases(rows: &[(&str, &str)], last: i64) -> Databases {
        let mut table = Table { keyed: true, ..Table::default() };
        for (key, value) in rows {
            table.rows.entry((*key).to_owned()).or_default().push((*value).into());
        }
        let mut database = Database { owner: "webmodeler".into(), ..Database::default() };
        database.tables.insert("revisions".into(), table);
        database.sequences.insert(sequence_of("revisions"), Sequence::set(last, true));
        BTreeMap::from([("webmodeler".to_owned(), database)])
    }

    #[test]
    fn each_difference_is_told_by_the_check_of_real_reports() {
        let source = databases(&[("1", "a"), ("2", "b")], 2);
        assert_eq!(sides_differ(&source, &source), Vec::new());
        let told = |target: &Databases| -> Vec<String> {
            sides_differ(&source, target).iter().map(|f| f.check.to_string()).collect()
        };
        assert_eq!(told(&databases(&[("1", "a"), ("2", "x")], 2)), [checks::PG_ROWS]);
        assert_eq!(told(&databases(&[("1", "a")], 2)), [checks::PG_ROWS, checks::PG_COUNTS]);
        assert_eq!(told(&databases(&[("1", "a"), ("1", "a"), ("2", "b")], 2)), [checks::PG_ROWS]);
        assert_eq!(told(&databases(&[("1", "a"), ("2", "b")], 1)), [checks::PG_SEQUENCES]);
        assert_eq!(numbers_taken(&source), None);
        let taken = numbers_taken(&databases(&[("1", "a"), ("2", "b")], 1)).expect("2 is taken");
        assert_eq!(taken.check.to_string(), checks::PG_SEQUENCES);
    }
}
