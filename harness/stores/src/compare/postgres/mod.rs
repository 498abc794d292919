//! PostgreSQL, side by side.

mod asked;
mod behind;
mod digests;
mod fast;
mod job;
mod locate;
mod majors;
mod moving;
mod queries;
mod shapes;
mod share;
mod statistics;
mod tables;
mod usable;
mod workers;
mod writes;

pub(super) use share::DatabasePart;
pub use share::part_of_postgres;
pub use usable::{Usable, usable_by_role};

use super::keycloak::compare_keycloak;
use super::result::{CheckResult, Options, ProbeWrites, Tier};
use crate::endpoint::PostgresEndpoint;
use crate::postgres::{PinnedPg, PostgresError};
use drydock_core::names::checks;
use drydock_core::{Finding, Outcome};
use drydock_parity::{Digest, Multiset};
use std::time::Instant;

/// A database of the source and its counterpart on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabasePair {
    /// Name on the source; also the name in subjects.
    pub source: String,
    /// Name on the target.
    pub target: String,
}

impl DatabasePair {
    /// The same name on both sides.
    pub fn same(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { source: name.clone(), target: name }
    }
}

/// Compares pinned databases: definitions, every row in both directions, sequences, access, large objects. Never fails:
/// what cannot be read is a finding.
pub async fn compare_postgres(
    source: &PinnedPg,
    target: &PinnedPg,
    databases: &[DatabasePair],
    options: &Options,
) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> = checks::POSTGRES.iter().map(|check| empty(check)).collect();
    let mut writes = writes::begin();
    let mut roles = shapes::Roles::default();
    for pair in databases {
        let (a, b) = match (source.database(&pair.source), target.database(&pair.target)) {
            (Ok(a), Ok(b)) => (a, b),
            (a, b) => {
                let reasons: Vec<String> = [("source", a.err()), ("target", b.err())]
                    .into_iter()
                    .filter_map(|(side, reason)| reason.map(|reason| format!("{side}: {reason}")))
                    .collect();
                let message =
                    format!("database {} could not be compared: {}", pair.source, reasons.join("; "));
                for result in &mut results {
                    result.findings.push(
                        Finding::not_compared(result.check, &pair.source, message.clone())
                            .next("make the database reachable for this role, then compare again"),
                    );
                }
                continue;
            }
        };
        let start = Instant::now();
        let rows = tables::compare_tables(a, b, &pair.source, options).await;
        let rows_took = millis(start);
        let start = Instant::now();
        let mut shapes = shapes::compare(a, b, pair, &rows.lonely, &mut roles);
        behind::compare(a, b, &mut shapes.sequences).await;
        let statistics = statistics::compare(a, b, pair, &rows.on_target);
        let shapes_took = millis(start);
        let told = [&rows.counts, &rows.rows, &shapes.schema].into_iter().flat_map(|r| &r.findings);
        let told = told.filter(|f| f.outcome >= Outcome::NotProven).map(|f| f.subject.clone()).collect();
        let start = Instant::now();
        let mut asked = asked::compare(a, b, pair, &told).await;
        asked.millis = millis(start);
        if let Some(result) = results.iter_mut().find(|r| r.check == asked.check) {
            result.compared += asked.compared;
            result.millis += asked.millis;
            result.findings.append(&mut asked.findings);
        }
        if options.probes == ProbeWrites::RolledBack {
            let start = Instant::now();
            writes::probe(b, pair, &mut writes).await;
            writes.millis += millis(start);
        }
        let rows = [rows.counts, rows.rows, rows.large_objects];
        let shapes = [shapes.schema, shapes.sequences, shapes.access, statistics];
        for part in rows.into_iter().chain(shapes) {
            let rows_check =
                [checks::PG_COUNTS, checks::PG_ROWS, checks::PG_LARGE_OBJECTS].contains(&part.check);
            if let Some(result) = results.iter_mut().find(|r| r.check == part.check) {
                result.compared += part.compared;
                result.findings.extend(part.findings);
                result.millis += if rows_check { rows_took } else { shapes_took };
            }
        }
    }
    let access = roles.compare();
    for result in &mut results {
        if result.check == checks::PG_ACCESS {
            result.findings.extend(access.findings.clone());
            result.compared += access.compared;
        }
        if databases.is_empty() {
            result.findings.push(
                Finding::not_compared(result.check, "postgres", "no database was asked for")
                    .next("name at least one database"),
            );
        }
        result.note = note(result, databases.len(), options.tier);
    }
    // A list that both sides gave, and that is empty on both, has been compared. A database without any table stays not
    // proven: it is more often the wrong one than an empty one.
    let counted = results.iter().any(|r| r.check == checks::PG_COUNTS && r.compared > 0);
    for result in &mut results {
        let listed = match result.check {
            checks::PG_SEQUENCES | checks::PG_LARGE_OBJECTS => true,
            checks::PG_ROWS | checks::PG_STATISTICS | checks::PG_QUERIES => counted,
            _ => false,
        };
        let unproven = result.findings.iter().any(|f| f.outcome == Outcome::NotProven);
        if listed && !unproven && result.compared == 0 && !databases.is_empty() {
            result.compared = databases.len() as u64;
            result.note =
                format!("none on the source, in {} databases listed on both sides", databases.len());
        }
    }
    moving::tell(source, target, databases, options.pinned, &mut results).await;
    if options.probes == ProbeWrites::RolledBack {
        writes.note = writes::note(&writes, databases.len());
        if databases.is_empty() {
            let finding = Finding::not_compared(writes.check, "postgres", "no database was asked for");
            writes.findings.push(finding.next("name at least one database"));
        }
        results.push(writes);
    }
    results
}

fn note(result: &CheckResult, databases: usize, tier: Tier) -> String {
    let n = result.compared;
    let what = match result.check {
        checks::PG_SCHEMA => {
            format!("{n} objects compared by name")
        }
        checks::PG_COUNTS => format!("{n} tables counted on both sides"),
        checks::PG_ROWS if tier == Tier::Fast => {
            format!(
                "{n} rows of the source compared by 64-bit digests that the servers computed, table by table"
            )
        }
        checks::PG_ROWS => format!("{n} rows of the source compared in both directions"),
        checks::PG_SEQUENCES => format!("{n} sequences compared with their values"),
        checks::PG_ACCESS => {
            format!("owners and grants of {n} objects compared; of passwords, only whether there is one")
        }
        checks::PG_QUERIES => {
            format!("{n} queries of applications, and references between tables, asked of both sides")
        }
        checks::PG_STATISTICS => format!("planner statistics of {n} tables, and versions of collations"),
        _ => format!("{n} large objects compared by contents, owner and grants"),
    };
    format!("{what}, in {databases} databases")
}

fn empty(check: &'static str) -> CheckResult {
    CheckResult { check, compared: 0, findings: Vec::new(), note: String::new(), millis: 0 }
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Rows of one side and an order-free digest over (database, table, row), large objects included. Equal data gives equal
/// digests, whatever the order of rows.
///
/// # Errors
/// A database is not pinned, or a table could not be read.
pub async fn digest_postgres(side: &PinnedPg, options: &Options) -> Result<(u64, Digest), PostgresError> {
    let mut rows = 0;
    let mut all = Multiset::default();
    let published = digests::RowDigests::Published(options.key);
    let unpinned = |reason: String| PostgresError::Statement {
        doing: "computing the digest".to_owned(),
        reason,
        code: String::new(),
    };
    for name in side.names() {
        let database = side.database(name).map_err(unpinned)?;
        let session = std::sync::Arc::new(database.session().await?);
        let tables = database.catalog.tables.as_ref().map_err(|e| unpinned(e.clone()))?;
        for job in tables::whole_jobs(tables, name) {
            let total = job::read(&session, &job, job::Which::Source, 1, &published).await?.total();
            rows += total.count;
            let named =
                format!("{}\n{}\n{}", job.subject, job.columns.names.join("\n"), total.digest(&options.key));
            all.insert(options.key.digest(named.as_bytes()));
        }
    }
    Ok((rows, all.digest(&options.key)))
}

/// Pins both servers, compares the databases, and what each Keycloak among them holds, and lets go.
pub async fn postgres(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    databases: &[DatabasePair],
    options: &Options,
) -> Vec<CheckResult> {
    let names =
        |pick: fn(&DatabasePair) -> &String| databases.iter().map(|d| pick(d).clone()).collect::<Vec<_>>();
    let (on_source, on_target) = (names(|d| &d.source), names(|d| &d.target));
    let (a, b) = tokio::join!(PinnedPg::pin(source, &on_source), PinnedPg::pin(target, &on_target));
    let mut results = compare_postgres(&a, &b, databases, options).await;
    results.extend(compare_keycloak(&a, &b, databases, &[], options).await);
    tokio::join!(a.close(), b.close());
    results
}
