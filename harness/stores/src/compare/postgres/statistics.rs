//! What a target needs to work as well as the source did: the planner's statistics, and indexes whose order is still right.

use super::super::result::CheckResult;
use super::shapes::renamed;
use super::{DatabasePair, empty};
use crate::postgres::{ChangedCollation, PinnedDatabase, Statistics};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};
use std::collections::BTreeMap;

/// Compares one database. `rows` holds how many rows each table has on the target, by path under the source's name.
pub(super) fn compare(
    source: &PinnedDatabase,
    target: &PinnedDatabase,
    pair: &DatabasePair,
    rows: &BTreeMap<String, u64>,
) -> CheckResult {
    let mut result = empty(checks::PG_STATISTICS);
    match (&source.catalog.statistics, &target.catalog.statistics) {
        (Ok(a), Ok(b)) => planner(a, b, pair, rows, &mut result),
        (a, b) => {
            for (side, statistics) in [("source", a), ("target", b)] {
                if let Err(reason) = statistics {
                    let message = format!(
                        "whether {} has planner statistics could not be read on the {side}: {reason}",
                        pair.source
                    );
                    let finding = Finding::not_compared(result.check, &pair.source, message);
                    result
                        .findings
                        .push(finding.next("compare again with a role that may read the catalogue"));
                }
            }
        }
    }
    for (side, database) in [("source", source), ("target", target)] {
        match &database.catalog.collations {
            Ok(changed) => {
                result.findings.extend(changed.iter().map(|c| collation(side, &pair.source, c)));
            }
            Err(reason) => {
                let subject = format!("{}/collations", pair.source);
                let message = format!("the versions of collations could not be read on the {side}: {reason}");
                let next = "compare again with a role that may read the catalogue";
                result.findings.push(Finding::not_compared(result.check, subject, message).next(next));
            }
        }
    }
    result
}

/// Tables with rows that the planner knows on the source and not on the target: nothing is lost, but queries may be slow.
fn planner(
    source: &BTreeMap<String, Statistics>,
    target: &BTreeMap<String, Statistics>,
    pair: &DatabasePair,
    rows: &BTreeMap<String, u64>,
    result: &mut CheckResult,
) {
    let mut without = Vec::new();
    for (path, there) in target {
        let path = renamed(path, &pair.target, &pair.source);
        let Some(here) = source.get(&path) else { continue };
        if *here == Statistics::Hidden || *there == Statistics::Hidden {
            continue;
        }
        result.compared += 1;
        let filled = rows.get(&path).is_some_and(|rows| *rows > 0);
        if *here == Statistics::Present && *there == Statistics::Absent && filled {
            without.push(path);
        }
    }
    if without.is_empty() {
        return;
    }
    let count = without.len() as u64;
    let tables = if count == 1 { "1 table".to_owned() } else { format!("{count} tables") };
    let message = format!(
        "{tables} of {} have rows and planner statistics on the source, but no statistics on the target: queries may be slow",
        pair.source
    );
    let samples: Vec<Sample> = without.iter().map(Sample::named).collect();
    result.findings.push(
        Finding::data(result.check, Kind::Missing, &pair.source, message)
            .items(count, samples)
            .next("run ANALYZE in this database on the target (vacuumdb --analyze-in-stages)"),
    );
}

/// A collation that was another one when indexes were built with it: they may miss rows or take duplicates.
fn collation(side: &str, database: &str, changed: &ChangedCollation) -> Finding {
    let ChangedCollation { name, recorded, actual, indexes } = changed;
    let subject = format!("{database}/collation-version/{name}");
    let message = format!(
        "on the {side}, {indexes} indexes of {database} rely on collation {name} as of version {recorded}, but the system has \
         {actual}: they may be out of order"
    );
    if side == "target" {
        Finding::data(checks::PG_STATISTICS, Kind::Unusable, subject, message)
            .items(*indexes, [Sample::both(name.clone(), None, Some(format!("{recorded} -> {actual}")))])
            .next("rebuild them on the target (REINDEX DATABASE), then ALTER COLLATION or ALTER DATABASE … REFRESH VERSION")
    } else {
        // A copy by dump and restore builds its indexes anew.
        let mut finding = Finding::data(checks::PG_STATISTICS, Kind::OldDirt, subject, message)
            .items(*indexes, [Sample::both(name.clone(), Some(format!("{recorded} -> {actual}")), None)])
            .next("nothing for the migration; rebuild them on the source if it stays in use");
        finding.outcome = Outcome::Expected;
        finding
    }
}
