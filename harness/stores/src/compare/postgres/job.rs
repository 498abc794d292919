//! One table: both sides read at once, digested by bucket, and located where they differ.

use super::super::describe::{self, Wording};
use super::super::result::{Options, Tier};
use super::digests::RowDigests;
use super::locate::locate;
use super::queries::Reading;
use crate::postgres::{Connection, PostgresError, for_each_row};
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::{BucketTable, Columns, Located};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Rows to compare, or only to count.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Check the differences belong to.
    pub(super) check: &'static str,
    /// Check the counts belong to, if they are told on their own.
    pub(super) counts: Option<&'static str>,
    /// `database.schema.table`.
    pub(super) subject: String,
    /// Columns read, key first.
    pub(super) columns: Columns,
    /// How it is read on the source; `None` if the table is not there.
    pub(super) source: Option<Reading>,
    /// How it is read on the target.
    pub(super) target: Option<Reading>,
    /// Query on the source that computes anew what a materialised view holds.
    pub(super) recomputed: Option<Reading>,
    /// The same with the target's own query, to be run on the target.
    pub(super) recomputed_target: Option<Reading>,
    /// How much memory its rows may take.
    pub(super) width: Width,
}

/// How wide the rows of a table may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    /// Several tables at a time do no harm.
    Usual,
    /// A row alone may take tens of megabytes: such tables are read one at a time.
    Wide,
}

/// A side of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    Source,
    Target,
}

impl Job {
    /// How one side is read.
    pub(super) fn side(&self, which: Which) -> Option<&Reading> {
        if which == Which::Source { self.source.as_ref() } else { self.target.as_ref() }
    }
}

/// What came of a job.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outcome {
    /// Rows on the source.
    pub(super) source: u64,
    /// Rows on the target.
    pub(super) target: u64,
    /// Findings of the job's own check.
    pub(super) findings: Vec<Finding>,
    /// Findings of its counts check.
    pub(super) counts: Vec<Finding>,
}

/// Digests of one side, by bucket.
///
/// # Errors
/// The rows could not be read to their end.
pub(super) async fn read(
    session: &Arc<Connection>,
    job: &Job,
    which: Which,
    buckets: usize,
    digests: &RowDigests,
) -> Result<BucketTable, PostgresError> {
    let mut table = BucketTable::new(buckets);
    if let Some(reading) = job.side(which) {
        let doing = format!("reading {}", job.subject);
        let mut consume = |row: &[u8]| table.insert(digests.row(job.columns.key_of(row), row));
        for_each_row(session, &doing, &reading.rows, &mut consume).await?;
    }
    Ok(table)
}

/// Compares one table.
///
/// # Errors
/// A side could not be read; which one is in the text.
pub(super) async fn compare(
    job: &Job,
    source: &Arc<Connection>,
    target: &Arc<Connection>,
    options: &Options,
) -> Result<Outcome, (Which, PostgresError)> {
    if options.tier == Tier::Fast
        && let Some(rows) = super::fast::equal(job, source, target).await?
    {
        return Ok(Outcome { source: rows, target: rows, ..Outcome::default() });
    }
    let spawn = |session: &Arc<Connection>, which: Which| {
        let (session, job, buckets) = (Arc::clone(session), job.clone(), options.buckets);
        let digests = RowDigests::Run(options.key.fast());
        // A table that one side lacks is only counted.
        let buckets = if job.source.is_some() && job.target.is_some() { buckets } else { 1 };
        tokio::spawn(async move { read(&session, &job, which, buckets, &digests).await })
    };
    let (a, b) = tokio::join!(spawn(source, Which::Source), spawn(target, Which::Target));
    let a = joined(a, job).map_err(|e| (Which::Source, e))?;
    let b = joined(b, job).map_err(|e| (Which::Target, e))?;
    let mut outcome = Outcome { source: a.total().count, target: b.total().count, ..Outcome::default() };
    if job.source.is_none() || job.target.is_none() {
        return Ok(outcome);
    }
    if let Some(check) = job.counts {
        outcome.counts.extend(count_finding(check, job, outcome.source, outcome.target));
    }
    if a == b {
        return Ok(outcome);
    }
    let located = locate(job, source, target, (&a, &b), options).await?;
    outcome.findings = describe_located(job, &located);
    if located.is_empty() {
        let message =
            format!("the digests of {} differ, but reading again showed no difference", job.subject);
        outcome.findings.push(Finding::not_compared(job.check, &job.subject, message).next("compare again"));
    }
    Ok(outcome)
}

/// What a task gave; one that panicked counts as a failed statement.
pub(super) fn joined<T>(
    done: Result<Result<T, PostgresError>, tokio::task::JoinError>,
    job: &Job,
) -> Result<T, PostgresError> {
    done.unwrap_or_else(|e| {
        let doing = format!("reading {}", job.subject);
        Err(PostgresError::Statement { doing, reason: e.to_string(), code: String::new() })
    })
}

fn count_finding(check: &'static str, job: &Job, source: u64, target: u64) -> Option<Finding> {
    let name = &job.subject;
    let (kind, tail) = match source.cmp(&target) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Greater => (Kind::Missing, format!("{} are missing", source - target)),
        std::cmp::Ordering::Less => (Kind::Extra, format!("{} too many", target - source)),
    };
    let message = format!("{name} has {source} rows on the source and {target} on the target: {tail}");
    let sample = Sample::both("rows", Some(source.to_string()), Some(target.to_string()));
    let next = format!("see {} for the rows", job.check);
    Some(Finding::data(check, kind, name, message).items(source.abs_diff(target), [sample]).next(next))
}

fn describe_located(job: &Job, located: &Located) -> Vec<Finding> {
    let large = job.check == drydock_core::names::checks::PG_LARGE_OBJECTS;
    let wording = if large {
        Wording {
            check: job.check,
            one: "large object",
            many: "large objects",
            next: "copy large objects again (pg_dump leaves them out when single schemas or tables are chosen)",
        }
    } else {
        Wording {
            check: job.check,
            one: "row",
            many: "rows",
            next: "restore this table again from a dump taken after the freeze",
        }
    };
    let diff = |a: &str, b: &str| job.columns.diff(a, b, 6);
    // The label holds the key; the other columns of a row that is on one side only add nothing but risk.
    let mask = |text: &str| job.columns.masked(text);
    describe::located(&wording, &job.subject, located, &diff, &mask)
}
