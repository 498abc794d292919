//! Which rows are compared with which, and what that gives for a database.

use super::super::result::{CheckResult, Options};
use super::job::{Job, Width};
use super::queries::{Reading, digest};
use super::{empty, share, workers};
use crate::postgres::{Column, PinnedDatabase, Table, TableKind, quote};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome};
use drydock_parity::Columns;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the tables of one database gave.
pub(super) struct TableResults {
    pub(super) counts: CheckResult,
    pub(super) rows: CheckResult,
    pub(super) large_objects: CheckResult,
    /// Rows of tables that one side lacks, by path.
    pub(super) lonely: BTreeMap<String, u64>,
    /// Rows on the target of tables that both have, by path.
    pub(super) on_target: BTreeMap<String, u64>,
}

/// Large objects as rows. Their contents are digested by the server, 8 MiB at a time: nothing large travels, and an
/// object may be larger than one value can be.
const LARGE_OBJECTS: &str = "SELECT m.oid::text, pg_get_userbyid(m.lomowner)::text,
        (SELECT string_agg(CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(x.grantee)::text END || ' ' ||
            x.privilege_type, ', ' ORDER BY 1) FROM aclexplode(m.lomacl) x WHERE x.grantee <> m.lomowner),
        c.bytes::text, c.hash, obj_description(m.oid, 'pg_largeobject')
     FROM pg_largeobject_metadata m, LATERAL (
        WITH RECURSIVE piece(at, size, hash) AS (
            SELECT 0::int8, length(p.b), sha256(p.b) FROM (SELECT lo_get(m.oid, 0, 8388608) AS b OFFSET 0) p
            UNION ALL
            SELECT q.at + 1, length(p.b), sha256(p.b) FROM piece q,
                LATERAL (SELECT lo_get(m.oid, (q.at + 1) * 8388608, 8388608) AS b OFFSET 0) p
                WHERE q.size = 8388608)
        SELECT sum(size) AS bytes, encode(sha256(string_agg(hash, ''::bytea ORDER BY at)), 'hex') AS hash
        FROM piece) c";

/// Values out of line beyond which a table counts as wide, in bytes: below it, a row cannot be much wider than this.
const WIDE: u64 = 64 << 20;

fn large_objects(database: &str) -> Job {
    let names = ["oid", "owner", "grants", "bytes", "sha256 of pieces", "comment"];
    Job {
        check: checks::PG_LARGE_OBJECTS,
        counts: None,
        subject: format!("{database}/large-objects"),
        columns: Columns {
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            key: 1,
            table: String::new(),
        },
        source: Some(Reading::query(LARGE_OBJECTS)),
        target: Some(Reading::query(LARGE_OBJECTS)),
        recomputed: None,
        recomputed_target: None,
        width: Width::Usual,
    }
}

/// Everything there is to read on one side.
pub(super) fn whole_jobs(tables: &[Table], database: &str) -> Vec<Job> {
    let mut jobs: Vec<Job> = tables
        .iter()
        .filter(|t| t.kind != TableKind::Unfilled)
        .map(|table| {
            let names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
            let mut job = table_job(table, names, &[]);
            job.source = Some(Reading::table(table, &job.columns.names, 0));
            job
        })
        .collect();
    jobs.sort_by(|a, b| a.subject.cmp(&b.subject));
    jobs.push(large_objects(database));
    jobs
}

fn table_job(table: &Table, others: Vec<String>, key: &[String]) -> Job {
    let mut names = key.to_vec();
    names.extend(others.into_iter().filter(|name| !key.contains(name)));
    let columns = Columns { names, key: key.len(), table: table.name.clone() };
    Job {
        check: checks::PG_ROWS,
        counts: Some(checks::PG_COUNTS),
        subject: table.path.clone(),
        columns,
        source: None,
        target: None,
        recomputed: None,
        recomputed_target: None,
        width: Width::Usual,
    }
}

/// A job for a table that both sides have: the columns they share, identified by a key that both have.
fn common_job(source: &Table, target: &Table) -> Job {
    let pairs: Vec<(&Column, &Column)> = source
        .columns
        .iter()
        .filter_map(|a| Some((a, target.columns.iter().find(|b| b.name == a.name)?)))
        .collect();
    let names: Vec<String> = pairs.iter().map(|(a, _)| a.name.clone()).collect();
    let usable = |key: &[String]| !key.is_empty() && key.iter().all(|k| names.contains(k));
    let key: &[String] = [&source.key, &target.key].into_iter().find(|k| usable(k)).map_or(&[], |k| k);
    let mut job = table_job(source, names, key);
    let (a, b): (Vec<&Column>, Vec<&Column>) = pairs.into_iter().unzip();
    let reading = |table: &Table| Reading {
        digest: digest(table, &a, &b),
        ..Reading::table(table, &job.columns.names, job.columns.key)
    };
    let recomputed = |definition: &String| {
        let columns: Vec<String> = job.columns.names.iter().map(|c| quote(c)).collect();
        Reading::query(&format!("SELECT {} FROM ({definition}) AS recomputed", columns.join(", ")))
    };
    let both = (reading(source), reading(target));
    let anew = (source.definition.as_ref().map(recomputed), target.definition.as_ref().map(recomputed));
    (job.source, job.target) = (Some(both.0), Some(both.1));
    (job.recomputed, job.recomputed_target) = anew;
    if source.out_of_line.max(target.out_of_line) > WIDE {
        job.width = Width::Wide;
    }
    job
}

/// The jobs that found no difference, by subject.
fn equal_ones(done: Vec<workers::Done>) -> BTreeMap<String, super::job::Outcome> {
    let equal = |(job, outcome): workers::Done| {
        let outcome = outcome.ok().filter(|o| o.findings.is_empty() && o.counts.is_empty())?;
        Some((job.subject, outcome))
    };
    done.into_iter().filter_map(equal).collect()
}

/// A restore computes materialised views anew, while those of the source may be as old as their last refresh. Where the
/// stored contents differ, the target's count as right if they are what the source's own query gives now. A view over
/// another that is out of date gives nothing new on the source: then what counts is that the target's contents are what
/// the target's own query gives, for the tables and the query itself are compared on their own.
async fn forgive_recomputed(
    done: Vec<workers::Done>,
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    options: &Options,
) -> Vec<workers::Done> {
    let differs = |outcome: &Result<super::job::Outcome, String>| {
        outcome.as_ref().is_ok_and(|o| !o.findings.is_empty() || !o.counts.is_empty())
    };
    let again: Vec<Job> = done
        .iter()
        .filter(|(job, outcome)| job.recomputed.is_some() && differs(outcome))
        .map(|(job, _)| Job { source: job.recomputed.clone(), ..job.clone() })
        .collect();
    let mut equal = equal_ones(workers::run(source, target, again, options).await);
    let again: Vec<Job> = done
        .iter()
        .filter(|(job, outcome)| differs(outcome) && !equal.contains_key(&job.subject))
        .filter_map(|(job, _)| Some(Job { source: Some(job.recomputed_target.clone()?), ..job.clone() }))
        .collect();
    equal.extend(equal_ones(workers::run(target, target, again, options).await));
    let mut kept = Vec::with_capacity(done.len());
    for (job, outcome) in done {
        let Some(mut fresh) = equal.remove(&job.subject) else {
            kept.push((job, outcome));
            continue;
        };
        let message = format!(
            "{} was computed anew on the target; the source's contents were out of date",
            job.subject
        );
        let mut finding = Finding::data(job.check, Kind::OldDirt, &job.subject, message)
            .next("refresh the materialised view on the source if its users rely on it");
        finding.outcome = Outcome::Expected;
        fresh.findings.push(finding);
        kept.push((job, Ok(fresh)));
    }
    kept
}

/// Compares the rows and large objects of one database.
pub(super) async fn compare_tables(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    name: &str,
    options: &Options,
) -> TableResults {
    let mut results = TableResults {
        counts: empty(checks::PG_COUNTS),
        rows: empty(checks::PG_ROWS),
        large_objects: empty(checks::PG_LARGE_OBJECTS),
        lonely: BTreeMap::new(),
        on_target: BTreeMap::new(),
    };
    let jobs = all_jobs(source, target, name);
    match (&source.catalog.tables, &target.catalog.tables) {
        (Ok(_), Ok(_)) => {}
        (a, b) => {
            for (side, tables) in [("source", a), ("target", b)] {
                if let Err(reason) = tables {
                    let message = format!("the tables of {name} could not be listed on the {side}: {reason}");
                    for result in [&mut results.counts, &mut results.rows] {
                        let finding = Finding::not_compared(result.check, name, message.clone());
                        result
                            .findings
                            .push(finding.next("compare again with a role that may read the catalogue"));
                    }
                }
            }
        }
    }
    foreign(source, &mut results.rows);
    let done = match &options.parts {
        Some(parts) => share::taken(parts, source, target, name, jobs, &mut results.rows),
        None => carry_out(source, target, jobs, options).await,
    };
    for (job, outcome) in done {
        take(&mut results, &job, outcome);
    }
    for result in [&mut results.counts, &mut results.rows, &mut results.large_objects] {
        result.findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    }
    results
}

/// Everything that is to be read of one database.
pub(super) fn all_jobs(source: &PinnedDatabase, target: &PinnedDatabase, name: &str) -> Vec<Job> {
    let mut jobs = vec![large_objects(name)];
    if let (Ok(a), Ok(b)) = (&source.catalog.tables, &target.catalog.tables) {
        jobs.extend(pair_up(a, b, &target.name, name));
    }
    jobs
}

/// Reads what jobs ask for. Every one of them comes back.
pub(super) async fn carry_out(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    jobs: Vec<Job>,
    options: &Options,
) -> Vec<workers::Done> {
    let mut waiting: BTreeMap<String, Job> = jobs.iter().map(|j| (j.subject.clone(), j.clone())).collect();
    let done = workers::run(source, target, jobs, options).await;
    let mut done = forgive_recomputed(done, source, target, options).await;
    for (job, _) in &done {
        waiting.remove(&job.subject);
    }
    done.extend(waiting.into_values().map(|job| (job, Err("the comparing task ended early".to_owned()))));
    done
}

fn pair_up(source: &[Table], target: &[Table], target_database: &str, database: &str) -> Vec<Job> {
    let mut jobs = Vec::new();
    let same = |a: &Table, b: &Table| a.schema == b.schema && a.name == b.name;
    for table in source {
        match target.iter().find(|other| same(table, other)) {
            // What is filled on one side only is a difference of the schema.
            Some(other) if table.kind == TableKind::Unfilled || other.kind == TableKind::Unfilled => {}
            Some(other) => jobs.push(common_job(table, other)),
            None if table.kind == TableKind::Unfilled => {}
            None => {
                let mut job = table_job(table, Vec::new(), &[]);
                job.source = Some(Reading::query(&format!("SELECT 1 FROM {}", table.from_clause())));
                jobs.push(job);
            }
        }
    }
    for table in target.iter().filter(|t| t.kind != TableKind::Unfilled) {
        if !source.iter().any(|other| same(table, other)) {
            let mut job = table_job(table, Vec::new(), &[]);
            job.subject = super::shapes::renamed(&table.path, target_database, database);
            job.target = Some(Reading::query(&format!("SELECT 1 FROM {}", table.from_clause())));
            jobs.push(job);
        }
    }
    jobs
}

fn foreign(source: &PinnedDatabase, rows: &mut CheckResult) {
    for path in &source.catalog.foreign_tables {
        let message =
            format!("{path} is a foreign table: its rows live on another server and were not compared");
        let mut finding = Finding::data(checks::PG_ROWS, Kind::NotAsked, path, message)
            .next("compare the server that holds the rows, if it is migrated as well");
        finding.outcome = Outcome::NotAsked;
        rows.findings.push(finding);
    }
}

fn take(results: &mut TableResults, job: &Job, outcome: Result<super::job::Outcome, String>) {
    let large = job.check == checks::PG_LARGE_OBJECTS;
    let both = job.source.is_some() && job.target.is_some();
    match outcome {
        Ok(outcome) if !both => {
            results.lonely.insert(job.subject.clone(), outcome.source.max(outcome.target));
        }
        Ok(outcome) => {
            let result = if large { &mut results.large_objects } else { &mut results.rows };
            result.compared += outcome.source;
            result.findings.extend(outcome.findings);
            if !large {
                results.on_target.insert(job.subject.clone(), outcome.target);
                results.counts.compared += 1;
                results.counts.findings.extend(outcome.counts);
            }
        }
        // The schema check tells that the table is missing; its rows are only a number more.
        Err(reason) if !both => tracing::warn!(table = job.subject, reason, "rows could not be counted"),
        Err(reason) => {
            let message = format!("{} could not be compared: {reason}", job.subject);
            let not_compared = |check| {
                Finding::not_compared(check, &job.subject, message.clone()).next(
                    "grant the role the right to read it, or compare again once the server answers steadily",
                )
            };
            if large {
                results.large_objects.findings.push(not_compared(checks::PG_LARGE_OBJECTS));
            } else {
                results.rows.findings.push(not_compared(checks::PG_ROWS));
                results.counts.findings.push(not_compared(checks::PG_COUNTS));
            }
        }
    }
}
