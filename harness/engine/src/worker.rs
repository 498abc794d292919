//! Somebody who works in Camunda: starts instances at a stated rate, does the jobs, claims and completes tasks, cancels,
//! resolves, and leaves something of every kind under way. What was acknowledged is noted before the next request.

use crate::commands::{DefinitionKind, Job};
use crate::deeds::{Deeds, What};
use crate::error::EngineError;
use crate::processes::{CLAIM, CLERKS, DELIVERY, HANDED_OVER, JOBS, ORDER, REMINDER, RESOURCES};
use crate::session::Session;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longest a message waits for its receiver.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long a request for jobs waits for some.
const JOB_WAIT: Duration = Duration::from_millis(500);
/// Between two looks of the person at the list of tasks.
const PERSON_LOOK: Duration = Duration::from_millis(400);
/// Jobs taken at once.
const JOBS_AT_ONCE: usize = 16;
/// How long a way to the application that breaks off is tried again before people begin to work.
const DEPLOYING: Duration = Duration::from_secs(30);
/// Who claims tasks, in turns.
const PEOPLE: [&str; 3] = ["ann", "bob", "cem"];

/// How fast work is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    /// Instances started a second.
    pub instances_per_second: f64,
    /// Instances after which none is started any more; without end if absent.
    pub most: Option<u64>,
    /// Number of the first one: orders are named by it, so that two workers of one installation do not mistake each other's.
    pub first: u64,
}

/// Why work stopped.
#[derive(Debug, Error)]
pub enum WorkError {
    /// Camunda refused what it should have done.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The log cannot be written: nothing that happens from now on could be proven.
    #[error("the log of actions cannot be written: {0}")]
    Log(#[from] std::io::Error),
    /// A part of the work broke off.
    #[error("work broke off: {0}")]
    Broken(String),
}

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Instances started.
    pub started: u64,
    /// Requests that were not acknowledged; what became of them nobody knows.
    pub unheard: u64,
}

/// Work under way. [`Worker::stop`] ends it; dropping it ends it in the middle of a request.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    parts: Vec<JoinHandle<Result<(), WorkError>>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    session: Arc<Session>,
    deeds: Arc<Deeds>,
    epoch: Instant,
    started: AtomicU64,
    unheard: AtomicU64,
}

impl Worker {
    /// Deploys the models and begins to work. `epoch` is when the run's clock stood at nought.
    ///
    /// # Errors
    /// The deployment is refused, or the log cannot be written.
    pub async fn begin(
        session: Arc<Session>,
        deeds: Arc<Deeds>,
        epoch: Instant,
        pace: Pace,
    ) -> Result<Self, WorkError> {
        let unheard = AtomicU64::new(0);
        let shared = Arc::new(Shared { session, deeds, epoch, started: AtomicU64::new(0), unheard });
        shared.deploy().await?;
        let (stop, stopped) = watch::channel(false);
        let parts = vec![
            tokio::spawn(start_instances(Arc::clone(&shared), pace, stopped.clone())),
            tokio::spawn(do_jobs(Arc::clone(&shared), stopped.clone())),
            tokio::spawn(be_a_person(Arc::clone(&shared), stopped)),
        ];
        Ok(Self { stop, parts, shared })
    }

    /// What was done up to now.
    pub fn done(&self) -> Done {
        Done {
            started: self.shared.started.load(Ordering::SeqCst),
            unheard: self.shared.unheard.load(Ordering::SeqCst),
        }
    }

    /// Whether none is started any more: all were, or that part of the work broke off.
    pub fn has_started_all(&self) -> bool {
        self.parts.first().is_none_or(JoinHandle::is_finished)
    }

    /// Lets every request under way come to its end, and begins no other.
    ///
    /// # Errors
    /// What stopped a part of the work before.
    pub async fn stop(mut self) -> Result<Done, WorkError> {
        let _ = self.stop.send(true);
        let mut first = None;
        for part in std::mem::take(&mut self.parts) {
            let ended = part.await.unwrap_or_else(|e| Err(WorkError::Broken(e.to_string())));
            first = first.or(ended.err());
        }
        match first {
            Some(error) => Err(error),
            None => Ok(self.done()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.parts.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn note(&self, what: What, key: i64, instance: Option<i64>) -> Result<(), WorkError> {
        Ok(self.deeds.note_now(self.epoch, what, key, instance)?)
    }

    /// Notes what was acknowledged. What somebody else did meanwhile is nothing, and what nobody answered is counted.
    fn acknowledged(
        &self,
        answer: Result<(), EngineError>,
        what: What,
        key: i64,
        instance: Option<i64>,
    ) -> Result<bool, WorkError> {
        match answer {
            Ok(()) => self.note(what, key, instance).map(|()| true),
            Err(error) => self.passed_over(error).map(|()| false),
        }
    }

    fn passed_over(&self, error: EngineError) -> Result<(), WorkError> {
        if error.is_passing() {
            tracing::debug!(%error, "not acknowledged");
            self.unheard.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        if error.is_gone() || error.is_refused() { Ok(()) } else { Err(error.into()) }
    }

    /// Deploys what people work with. The same resources twice are one deployment, so that a request without an answer is made again.
    async fn deploy(&self) -> Result<(), WorkError> {
        let began = Instant::now();
        let definitions = loop {
            match self.session.deploy(&RESOURCES).await {
                Err(error) if error.is_passing() && began.elapsed() < DEPLOYING => {
                    tracing::debug!(%error, "deploying once more");
                    self.unheard.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(PERSON_LOOK).await;
                }
                told => break told?,
            }
        };
        for definition in definitions {
            let what = match definition.kind {
                DefinitionKind::Process => What::ProcessDeployed,
                DefinitionKind::Decision => What::DecisionDeployed,
                DefinitionKind::Form => What::FormDeployed,
            };
            self.note(what, definition.key, None)?;
        }
        Ok(())
    }

    /// Starts the `nth` instance, and does at once what belongs to it.
    async fn start(&self, nth: u64) -> Result<(), WorkError> {
        let (process, variables) = instance_of(nth);
        let key = match self.session.start_instance(process, variables).await {
            Ok(key) => key,
            Err(error) => return self.passed_over(error),
        };
        self.started.fetch_add(1, Ordering::SeqCst);
        self.note(What::InstanceStarted, key, None)?;
        if is_cancelled(nth) {
            let answer = self.session.cancel_instance(key).await;
            self.acknowledged(answer, What::InstanceCancelled, key, None)?;
        }
        if is_handed_over(nth) {
            match self.session.publish(HANDED_OVER, &order_of(nth), PATIENCE).await {
                Ok(message) => self.note(What::MessagePublished, message, Some(key))?,
                Err(error) => self.passed_over(error)?,
            }
        }
        Ok(())
    }

    async fn job(&self, job: &Job) -> Result<(), WorkError> {
        let (key, instance) = (job.element, Some(job.instance));
        if job.variables["fails"].as_bool() == Some(true) && job.variables["mended"].is_null() {
            let answer = self.session.fail_job(job.key, "assessed by nobody, on purpose").await;
            return self.acknowledged(answer, What::JobFailed, key, instance).map(drop);
        }
        let answer = self.session.complete_job(job.key, json!({"worked": job.kind})).await;
        self.acknowledged(answer, What::JobCompleted, key, instance).map(drop)
    }
}

/// The process of the `nth` instance, and its variables: of ten, five orders, two deliveries, two claims and a reminder.
fn instance_of(nth: u64) -> (&'static str, Value) {
    let amount = (nth * 37) % 200;
    let order = order_of(nth);
    match nth % 10 {
        0..=4 => {
            let parcels: Vec<u64> = (0..=nth % 3).collect();
            // One of fifty is longer than the application shows at once.
            let note = "n".repeat(if nth % 50 == 1 { 9_000 } else { 12 });
            (
                ORDER,
                json!({"order": order, "amount": amount, "deliver": nth.is_multiple_of(2), "parcels": parcels, "note": note}),
            )
        }
        5 | 6 => (DELIVERY, json!({"order": order, "parcels": ["a", "b", "c"]})),
        7 | 8 => (CLAIM, json!({"order": order, "fails": nth % 2 == 1})),
        _ => (REMINDER, json!({"order": order, "wait": "PT12H"})),
    }
}

fn order_of(nth: u64) -> String {
    format!("drydock-{nth}")
}

/// Of twenty, an order and a reminder are cancelled.
fn is_cancelled(nth: u64) -> bool {
    matches!(nth % 20, 4 | 19)
}

/// Half of the deliveries are handed over, and orders that are delivered.
fn is_handed_over(nth: u64) -> bool {
    matches!(nth % 10, 0 | 5)
}

async fn start_instances(
    shared: Arc<Shared>,
    pace: Pace,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), WorkError> {
    let pause = Duration::from_secs_f64(1.0 / pace.instances_per_second.clamp(0.01, 1000.0));
    let mut clock = tokio::time::interval(pause);
    // A pause of the application is no reason for a rush after it.
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut nth = pace.first;
    while pace.most.is_none_or(|most| nth - pace.first < most) {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stop| *stop) => return Ok(()),
            _ = clock.tick() => {}
        }
        shared.start(nth).await?;
        nth += 1;
    }
    Ok(())
}

async fn do_jobs(shared: Arc<Shared>, stopped: watch::Receiver<bool>) -> Result<(), WorkError> {
    while !*stopped.borrow() {
        for kind in JOBS {
            let jobs = match shared.session.activate_jobs(kind, JOBS_AT_ONCE, JOB_WAIT / 3).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    shared.passed_over(error)?;
                    tokio::time::sleep(JOB_WAIT).await;
                    continue;
                }
            };
            for job in &jobs {
                if *stopped.borrow() {
                    return Ok(());
                }
                shared.job(job).await?;
            }
        }
    }
    Ok(())
}

/// What the person has seen of a task: of five, one is left to lie, one is claimed, and three are done.
async fn be_a_person(shared: Arc<Shared>, stopped: watch::Receiver<bool>) -> Result<(), WorkError> {
    let mut seen: BTreeMap<i64, u64> = BTreeMap::new();
    let mut resolved = 0_u64;
    while !*stopped.borrow() {
        let tasks = match shared.session.open_tasks(CLERKS).await {
            Ok(tasks) => tasks,
            Err(error) => {
                shared.passed_over(error)?;
                Vec::new()
            }
        };
        for (task, instance) in tasks {
            if *stopped.borrow() {
                return Ok(());
            }
            let nth = seen.len() as u64;
            if seen.insert(task, nth).is_some() {
                continue;
            }
            act_on_task(&shared, task, instance, nth).await?;
        }
        if *stopped.borrow() {
            return Ok(());
        }
        let incidents = match shared.session.open_incidents().await {
            Ok(incidents) => incidents,
            Err(error) => {
                shared.passed_over(error)?;
                Vec::new()
            }
        };
        for incident in incidents {
            // Half of them are left as they are.
            let known = seen.contains_key(&incident.key);
            if known || *stopped.borrow() {
                continue;
            }
            seen.insert(incident.key, 0);
            resolved += 1;
            if resolved.is_multiple_of(2) {
                mend(&shared, &incident).await?;
            }
        }
        tokio::time::sleep(PERSON_LOOK).await;
    }
    Ok(())
}

async fn act_on_task(shared: &Shared, task: i64, instance: i64, nth: u64) -> Result<(), WorkError> {
    if nth % 5 == 4 {
        return Ok(());
    }
    let assignee = PEOPLE[usize::try_from(nth).unwrap_or(0) % PEOPLE.len()];
    let claimed = What::TaskClaimed { assignee: assignee.to_owned() };
    let answer = shared.session.assign_task(task, assignee).await;
    if !shared.acknowledged(answer, claimed, task, Some(instance))? || nth % 5 == 3 {
        return Ok(());
    }
    let answer = shared.session.complete_task(task, json!({"approved": true})).await;
    shared.acknowledged(answer, What::TaskCompleted, task, Some(instance)).map(drop)
}

async fn mend(shared: &Shared, incident: &crate::show::OpenIncident) -> Result<(), WorkError> {
    if let Some(job) = incident.job {
        let retried = match shared.session.set_variable(incident.instance, json!({"mended": true})).await {
            Ok(()) => shared.session.retry_job(job).await,
            Err(error) => Err(error),
        };
        if let Err(error) = retried {
            return shared.passed_over(error);
        }
    }
    let answer = shared.session.resolve_incident(incident.key).await;
    shared.acknowledged(answer, What::IncidentResolved, incident.key, Some(incident.instance)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_instances_hold_every_kind_of_what_may_be_under_way() {
        let kinds: Vec<_> = (0..20).map(|nth| instance_of(nth).0).collect();
        for process in [ORDER, DELIVERY, CLAIM, REMINDER] {
            assert!(kinds.contains(&process), "{process}");
        }
        let cancelled: Vec<_> =
            (0..20).filter(|nth| is_cancelled(*nth)).map(|nth| instance_of(nth).0).collect();
        assert_eq!(cancelled, [ORDER, REMINDER]);
        // A delivery of its own and one of an order; of each, some wait for ever.
        let handed: Vec<_> =
            (0..20).filter(|nth| is_handed_over(*nth)).map(|nth| instance_of(nth).0).collect();
        assert!(handed.contains(&ORDER) && handed.contains(&DELIVERY));
        assert!((0..20).any(|nth| instance_of(nth).0 == DELIVERY && !is_handed_over(nth)));
        let failing = (0..20).filter(|nth| instance_of(*nth).1["fails"] == json!(true)).count();
        assert_eq!(failing, 2);
        assert!((0..50).any(|nth| instance_of(nth).1["note"].as_str().is_some_and(|n| n.len() > 8191)));
    }
}
