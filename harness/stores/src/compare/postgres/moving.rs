//! Where data differs and a side is being written to, the next step says so: the difference may be newer than the copy.

use super::super::describe;
use super::super::result::{CheckResult, Pinned};
use super::DatabasePair;
use super::shapes::renamed;
use crate::postgres::{Movement, PinnedDatabase, PinnedPg};
use drydock_core::names::checks;
use drydock_core::{Kind, Outcome};
use std::sync::Arc;

/// Checks whose findings may be later writes.
const OF_DATA: [&str; 4] =
    [checks::PG_COUNTS, checks::PG_ROWS, checks::PG_SEQUENCES, checks::PG_LARGE_OBJECTS];
/// Tables a database in which new rows are looked for one by one.
const MAX_SUSPECTS: usize = 20;

/// Amends the findings, and tells in the notes how far the servers moved.
pub(super) async fn tell(
    source: &PinnedPg,
    target: &PinnedPg,
    databases: &[DatabasePair],
    pinned: Pinned,
    results: &mut [CheckResult],
) {
    let mut notes = Vec::new();
    for pair in databases {
        let (Ok(a), Ok(b)) = (source.database(&pair.source), target.database(&pair.target)) else { continue };
        let moved =
            tokio::join!(movement(a, pair, results, &pair.source), movement(b, pair, results, &pair.target));
        for finding in results.iter_mut().filter(|r| OF_DATA.contains(&r.check)).flat_map(|r| &mut r.findings)
        {
            if finding.outcome != Outcome::Different || finding.kind == Kind::Unusable {
                continue;
            }
            let written = |database: &PinnedDatabase, movement: &Option<Movement>| {
                let subject = renamed(&finding.subject, &pair.source, &database.name);
                let name = named(database, &subject);
                movement.as_ref().zip(name).is_some_and(|(m, name)| m.written.contains(&name))
            };
            let sides = (written(a, &moved.0), written(b, &moved.1));
            if pinned == Pinned::InUse {
                describe::moving(finding, sides);
            }
        }
        notes.extend(
            [("source", moved.0), ("target", moved.1)]
                .into_iter()
                .filter_map(|(side, moved)| note(side, &moved?)),
        );
    }
    // The figures are the server's: the same for each of its databases, but for the moments they were read at.
    let mut told: Vec<String> = Vec::new();
    for side in ["source", "target"] {
        told.extend(notes.iter().filter(|n| n.contains(side)).max_by_key(|n| n.len()).cloned());
    }
    if let Some(rows) = results.iter_mut().find(|r| r.check == checks::PG_ROWS) {
        for note in told {
            rows.note += &format!("; {note}");
        }
    }
}

async fn movement(
    database: &Arc<PinnedDatabase>,
    pair: &DatabasePair,
    results: &[CheckResult],
    own: &str,
) -> Option<Movement> {
    let rows = results.iter().filter(|r| r.check == checks::PG_ROWS).flat_map(|r| &r.findings);
    let mut suspects: Vec<(String, String)> = rows
        .filter(|f| f.outcome == Outcome::Different)
        .filter_map(|f| named(database, &renamed(&f.subject, &pair.source, own)))
        .collect();
    suspects.sort();
    suspects.dedup();
    suspects.truncate(MAX_SUSPECTS);
    match database.movement(&suspects).await {
        Ok(movement) => Some(movement),
        Err(error) => {
            tracing::warn!(database = own, %error, "whether the side was written to is not known");
            None
        }
    }
}

/// Schema and name of the table or sequence behind a subject, as the database's own figures have it.
fn named(database: &PinnedDatabase, subject: &str) -> Option<(String, String)> {
    if subject.ends_with("/large-objects") {
        return Some(("pg_catalog".to_owned(), "pg_largeobject".to_owned()));
    }
    let tables = database.catalog.tables.as_ref().ok()?;
    if let Some(table) = tables.iter().find(|t| t.path == subject) {
        return Some((table.schema.clone(), table.name.clone()));
    }
    // A sequence; names with separators are not looked up, their findings stay as they are.
    let mut parts = subject.splitn(3, '.').skip(1);
    Some((parts.next()?.to_owned(), parts.next()?.to_owned()))
}

fn note(side: &str, movement: &Movement) -> Option<String> {
    let wal = movement.wal.filter(|bytes| *bytes > 0)?;
    let by = match movement.transactions {
        Some(0) => ", by no transaction".to_owned(),
        Some(n) => format!(", in {n} transactions"),
        None => String::new(),
    };
    Some(format!("the {side}'s WAL moved by {wal} bytes during the comparison{by}"))
}
