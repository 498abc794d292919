//! Several tables at once, each on a pair of sessions that see the pinned snapshots.

use super::super::result::Options;
use super::job::{self, Job, Outcome, Which, Width};
use crate::postgres::{Connection, PinnedDatabase, PostgresError};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// A job with what came of it, or why it could not be done.
pub(super) type Done = (Job, Result<Outcome, String>);

/// Runs the jobs; every one of them comes back. Tables with wide rows come last, one at a time: memory then holds one row
/// a side of them, not one for each worker.
pub(super) async fn run(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    jobs: Vec<Job>,
    options: &Options,
) -> Vec<Done> {
    let (wide, usual): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.width == Width::Wide);
    let mut done = side_by_side(source, target, usual, options.parallel, options).await;
    done.extend(side_by_side(source, target, wide, 1, options).await);
    done
}

async fn side_by_side(
    source: &Arc<PinnedDatabase>,
    target: &Arc<PinnedDatabase>,
    jobs: Vec<Job>,
    parallel: usize,
    options: &Options,
) -> Vec<Done> {
    let workers = parallel.clamp(1, jobs.len().max(1));
    let queue = Arc::new(Mutex::new(VecDeque::from(jobs)));
    let mut tasks = Vec::new();
    for _ in 0..workers {
        let (source, target) = (Arc::clone(source), Arc::clone(target));
        let (queue, options) = (Arc::clone(&queue), options.clone());
        tasks.push(tokio::spawn(async move {
            let mut done = Vec::new();
            let mut sessions = None;
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(job) = next else { return done };
                let outcome = attempt(&job, &source, &target, &mut sessions, &options).await;
                done.push((job, outcome));
            }
        }));
    }
    let mut done = Vec::new();
    for task in tasks {
        match task.await {
            Ok(part) => done.extend(part),
            // A worker that panicked loses what it had: the caller sees which jobs are absent.
            Err(error) => tracing::error!(%error, "a comparing task ended early"),
        }
    }
    done
}

type Sessions = (Arc<Connection>, Arc<Connection>);

/// One job, tried a second time on new sessions if the connection broke: the snapshot lives as long as its holder.
async fn attempt(
    job: &Job,
    source: &PinnedDatabase,
    target: &PinnedDatabase,
    sessions: &mut Option<Sessions>,
    options: &Options,
) -> Result<Outcome, String> {
    let mut last = String::new();
    for _ in 0..2 {
        if sessions.is_none() {
            *sessions = match tokio::join!(source.session(), target.session()) {
                (Ok(a), Ok(b)) => Some((Arc::new(a), Arc::new(b))),
                (a, b) => {
                    let reasons = [("source", a.err()), ("target", b.err())];
                    let reasons = reasons.into_iter().filter_map(|(s, e)| e.map(|e| format!("{s}: {e}")));
                    return Err(reasons.collect::<Vec<_>>().join("; "));
                }
            };
        }
        let Some((a, b)) = sessions.clone() else { continue };
        match job::compare(job, &a, &b, options).await {
            Ok(outcome) => return Ok(outcome),
            Err((which, error)) => {
                let side = if which == Which::Source { "source" } else { "target" };
                last = format!("{side}: {error}");
                if !is_broken(&error) {
                    return Err(last);
                }
                *sessions = None;
            }
        }
    }
    Err(last)
}

fn is_broken(error: &PostgresError) -> bool {
    match error {
        PostgresError::Connect { .. } => true,
        // Class 57 is an operator's or the server's own intervention, 08 a connection failure.
        PostgresError::Statement { code, .. } => {
            code.is_empty() || code.starts_with("57P") || code.starts_with("08")
        }
    }
}
