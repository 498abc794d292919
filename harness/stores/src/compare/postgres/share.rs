//! The tables of one share, read by themselves, and taken up by whoever puts the shares together.

use super::super::result::{CheckResult, Options};
use super::super::share::{Part, Parts, Share};
use super::job::{Job, Outcome};
use super::tables::{all_jobs, carry_out};
use super::{DatabasePair, workers};
use crate::endpoint::PostgresEndpoint;
use crate::postgres::{DatabaseState, PinnedDatabase, PinnedPg};
use drydock_core::Finding;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What came of the tables of a database that belong to a share, and what was looked at.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in super::super) struct DatabasePart {
    /// Name on the source.
    name: String,
    /// State of the database on the source and on the target.
    seen: [DatabaseState; 2],
    /// By subject; large objects are one of them.
    outcomes: BTreeMap<String, Result<Outcome, String>>,
}

impl DatabasePart {
    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    pub(in super::super) fn subjects(&self) -> impl Iterator<Item = &str> {
        self.outcomes.keys().map(String::as_str)
    }

    pub(in super::super) fn tables(&self) -> usize {
        self.outcomes.len()
    }

    /// Rows of the source that were compared.
    pub(in super::super) fn rows(&self) -> u64 {
        self.outcomes.values().flatten().map(|outcome| outcome.source).sum()
    }
}

/// Pins both servers, compares the rows of the tables of one share, and lets go. Nothing else is compared: definitions are
/// cheap, and whoever puts the parts together looks at them.
///
/// # Errors
/// A database cannot be pinned, in words.
pub async fn part_of_postgres(
    source: &PostgresEndpoint,
    target: &PostgresEndpoint,
    databases: &[DatabasePair],
    options: &Options,
    share: Share,
) -> Result<Part, String> {
    let names =
        |pick: fn(&DatabasePair) -> &String| databases.iter().map(|d| pick(d).clone()).collect::<Vec<_>>();
    let (on_source, on_target) = (names(|d| &d.source), names(|d| &d.target));
    let (a, b) = tokio::join!(PinnedPg::pin(source, &on_source), PinnedPg::pin(target, &on_target));
    let mut parts = Ok(Vec::new());
    for pair in databases {
        match one(&a, &b, pair, options, share).await {
            Ok(part) => parts = parts.map(|all| [all, vec![part]].concat()),
            Err(why) => parts = Err(why),
        }
    }
    tokio::join!(a.close(), b.close());
    Ok(Part { databases: parts?, ..Part::default() })
}

async fn one(
    source: &PinnedPg,
    target: &PinnedPg,
    pair: &DatabasePair,
    options: &Options,
    share: Share,
) -> Result<DatabasePart, String> {
    let failed =
        |side: &str, why: String| format!("database {} could not be read: {side}: {why}", pair.source);
    let a = source.database(&pair.source).map_err(|why| failed("source", why))?;
    let b = target.database(&pair.target).map_err(|why| failed("target", why))?;
    for (side, database) in [("source", a), ("target", b)] {
        if let Err(why) = &database.catalog.tables {
            return Err(failed(side, why.clone()));
        }
    }
    let mut jobs = all_jobs(a, b, &pair.source);
    jobs.retain(|job| share.has_name(&job.subject));
    let done = carry_out(a, b, jobs, options).await;
    let outcomes = done.into_iter().map(|(job, outcome)| (job.subject, outcome)).collect();
    Ok(DatabasePart { name: pair.source.clone(), seen: [a.state(), b.state()], outcomes })
}

/// What the parts tell of the tables of a database, instead of reading them. A table that no part compared, or of which a part
/// saw another state, is not compared; nor is one that a part compared and that is no more.
pub(super) fn taken(
    parts: &Parts,
    source: &PinnedDatabase,
    target: &PinnedDatabase,
    name: &str,
    jobs: Vec<Job>,
    rows: &mut CheckResult,
) -> Vec<workers::Done> {
    let now = [source.state(), target.state()];
    let of_database = parts.databases.get(name).map(Vec::as_slice).unwrap_or_default();
    let mut outcomes = BTreeMap::new();
    for part in of_database {
        let moved = moved(&part.seen, &now);
        for (subject, outcome) in &part.outcomes {
            let outcome = match &moved {
                None => outcome.clone(),
                Some(why) => Err(why.clone()),
            };
            outcomes.insert(subject.as_str(), outcome);
        }
    }
    let done = jobs
        .into_iter()
        .map(|job| {
            let outcome = outcomes.remove(job.subject.as_str());
            (job, outcome.unwrap_or_else(|| Err("no part compared it".to_owned())))
        })
        .collect();
    for subject in outcomes.into_keys() {
        let message = format!("a part compared {subject}, and now it is not there to be compared");
        let finding = Finding::not_compared(rows.check, subject, message);
        rows.findings.push(finding.next("let nobody change either side, and compare all shares again"));
    }
    done
}

/// Why a part did not see what is seen now, if so.
fn moved(seen: &[DatabaseState; 2], now: &[DatabaseState; 2]) -> Option<String> {
    let mut sides = ["source", "target"].into_iter().zip(seen.iter().zip(now));
    sides.find(|(_, (seen, now))| !seen.shows_the_same(now)).map(|(side, _)| {
        format!("its part saw another state of the {side}: the database was written to since")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_parity::Digest;

    #[test]
    fn a_snapshot_of_another_state_is_told_and_gathered_statistics_are_none() {
        let state = |transactions: &str, figures| DatabaseState {
            transactions: transactions.into(),
            figures: Digest(figures),
        };
        let seen = [state("10:10:", 1), state("20:20:", 2)];
        assert_eq!(moved(&seen, &seen), None);
        // A transaction that wrote to no table of the database, and figures that came late.
        assert_eq!(moved(&seen, &[state("11:11:", 1), state("20:20:", 3)]), None);
        let told = moved(&seen, &[state("10:10:", 1), state("21:21:", 3)]).unwrap();
        assert!(told.contains("another state of the target"), "{told}");
        // A transaction that was under way is seen now, although none has begun since.
        assert!(
            moved(&[state("10:12:10", 1), seen[1].clone()], &[state("12:12:", 4), seen[1].clone()]).is_some()
        );
    }

    #[test]
    fn no_table_is_compared_by_two() {
        let outcome = |rows| Ok(Outcome { source: rows, target: rows, ..Outcome::default() });
        let state = || DatabaseState { transactions: String::new(), figures: Digest(0) };
        let part = |subjects: &[&str]| {
            let outcomes = subjects.iter().map(|s| ((*s).to_owned(), outcome(3))).collect();
            let database = DatabasePart { name: "d".into(), seen: [state(), state()], outcomes };
            Part { databases: vec![database], ..Part::default() }
        };
        assert!(Parts::of([part(&["d.public.a"]), part(&["d.public.b"])]).is_ok());
        let twice = Parts::of([part(&["d.public.a"]), part(&["d.public.b", "d.public.a"])]);
        assert_eq!(twice.unwrap_err(), "two parts compared d.public.a");
        assert_eq!((part(&["d.public.a", "d.public.b"]).compared(), part(&["x", "y"]).items()), ((0, 2), 6));
    }
}
