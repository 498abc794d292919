//! The live writer: acts like Camunda and its users until the freeze. Instances start, finish, are deleted by hand and
//! archived into dated indices; users log in and out, change and save. Every acknowledged write is noted before the next
//! one is made.

mod allowance;
mod cluster;

use crate::acknowledged::{Acknowledged, Acknowledgements, Item, Now};
use crate::postgres::{self, Databases, Operation};
use crate::service::{Backend, Service, ServiceError};
use allowance::Allowance;
use cluster::ClusterWriter;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Numbers that one start of the writer may use; the next start begins above them, so that no key is used twice.
const NUMBERS_A_START: u64 = 10_000_000;

/// How the writer behaves.
#[derive(Debug, Clone)]
pub struct WriterConfig {
    /// Requests a second to each store.
    pub per_second: u32,
    /// How often the writer was started before in this run.
    pub epoch: u64,
    /// The seeded databases, for keys that exist.
    pub databases: Databases,
    /// Whether there is a cluster to write to.
    pub elasticsearch: Presence,
    /// What becomes of instances.
    pub churn: Churn,
    /// How long it goes on.
    pub until: Until,
}

/// How long the writer goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Until {
    /// Until it is told to stop.
    #[default]
    Stopped,
    /// Until exactly so many writes are acknowledged, counted as the log does: one a document and one a row. Only such are
    /// made as last: nothing is archived, deleted or logged out again.
    Acknowledged(u64),
}

/// What the writer does with the instances it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Churn {
    /// Few of them end, and few of these are archived or deleted.
    #[default]
    Usual,
    /// Each of them ends, and is archived, deleted, or deleted and made again.
    Archiving,
}

/// Requests acknowledged so far, by store; nothing where the writer does not write to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// To the cluster.
    pub elasticsearch: Option<u64>,
    /// To the databases.
    pub postgres: Option<u64>,
}

/// Whether something takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does.
    Present,
    /// It does not.
    Absent,
}

/// What the writer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WriterSummary {
    /// Requests that were acknowledged.
    pub acknowledged: u64,
    /// Requests that failed or were refused.
    pub failed: u64,
}

/// A running writer.
#[derive(Debug)]
pub struct Writer {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    elasticsearch: Option<Arc<Counts>>,
    postgres: Option<Arc<Counts>>,
}

#[derive(Debug, Default)]
struct Counts {
    acknowledged: AtomicU64,
    failed: AtomicU64,
    /// Told whenever one is acknowledged.
    changed: Notify,
}

/// Reads the run's clock, in milliseconds.
pub type RunClock = Arc<dyn Fn() -> u64 + Send + Sync>;

impl Writer {
    /// Starts writing through `service`.
    pub fn start(service: &Service, config: &WriterConfig, clock: &RunClock) -> Self {
        let (stop, stopped) = watch::channel(false);
        let interval = Duration::from_secs(1) / config.per_second.max(1);
        let first = config.epoch * NUMBERS_A_START;
        let mut tasks = Vec::new();
        let allowance = match config.until {
            Until::Stopped => None,
            Until::Acknowledged(writes) => Some(Arc::new(Allowance::of(writes))),
        };
        let (mut elasticsearch, mut postgres) = (None, None);
        if config.elasticsearch == Presence::Present {
            let mut cluster = ClusterWriter::new(first, config.churn);
            let counts: Arc<Counts> = Arc::clone(elasticsearch.insert(Arc::default()));
            let (service, clock, stopped) = (service.clone(), Arc::clone(clock), stopped.clone());
            let allowance = allowance.clone();
            tasks.push(tokio::spawn(async move {
                let mut pace = Pace::new(interval, stopped);
                while pace.next().await {
                    let ms = Arc::clone(&clock);
                    let done = match &allowance {
                        None => service.serve(async |b, log| cluster.one(b, log, &ms).await).await,
                        Some(left) if left.is_used_up() => break,
                        Some(left) => {
                            service
                                .serve(async |b, log| cluster.one_that_lasts(b, log, &ms, left).await)
                                .await
                        }
                    };
                    counts.add(done.is_ok());
                }
            }));
        }
        let names: Vec<String> = config.databases.names().iter().map(ToString::to_string).collect();
        if names.iter().any(|n| n == "keycloak" || n == "webmodeler") {
            let databases = config.databases.clone();
            let counts: Arc<Counts> = Arc::clone(postgres.insert(Arc::default()));
            let (service, clock) = (service.clone(), Arc::clone(clock));
            tasks.push(tokio::spawn(async move {
                let mut pace = Pace::new(interval, stopped);
                let mut number = first;
                while pace.next().await {
                    let ms = Arc::clone(&clock);
                    let rows = Rows { databases: &databases, names: &names, number, clock: &ms };
                    let done = match &allowance {
                        None => service.serve(async |b, log| rows.one(b, log).await).await,
                        Some(left) if left.is_used_up() => break,
                        Some(left) => {
                            service.serve(async |b, log| rows.one_that_lasts(b, log, left).await).await
                        }
                    };
                    counts.add(done.is_ok());
                    number += 1;
                }
            }));
        }
        Self { stop, tasks, elasticsearch, postgres }
    }

    /// Stops and waits for the writes under way.
    pub async fn finish(self) -> WriterSummary {
        // Fails only if every task has ended already.
        let _ = self.stop.send(true);
        for task in self.tasks {
            // A task that panicked has stopped as well; what it acknowledged is in the log.
            let _ = task.await;
        }
        let both = || [&self.elasticsearch, &self.postgres].into_iter().flatten();
        WriterSummary {
            acknowledged: both().map(|c| c.acknowledged.load(Ordering::SeqCst)).sum(),
            failed: both().map(|c| c.failed.load(Ordering::SeqCst)).sum(),
        }
    }

    /// Waits until the writer has come to its end by itself, as it does with [`Until::Acknowledged`].
    pub async fn wait_for_end(&mut self) {
        for task in &mut self.tasks {
            // As in `finish`.
            let _ = task.await;
        }
        self.tasks.clear();
    }

    /// Requests acknowledged so far.
    pub fn written(&self) -> Written {
        let count =
            |counts: &Option<Arc<Counts>>| counts.as_ref().map(|c| c.acknowledged.load(Ordering::SeqCst));
        Written { elasticsearch: count(&self.elasticsearch), postgres: count(&self.postgres) }
    }

    /// Waits until so many more requests are acknowledged by each store.
    pub async fn wait_for_more(&self, more: u64) {
        for counts in [&self.elasticsearch, &self.postgres].into_iter().flatten() {
            let wanted = counts.acknowledged.load(Ordering::SeqCst) + more;
            loop {
                // Asked for before the count is read, so that no change falls in between.
                let changed = counts.changed.notified();
                if counts.acknowledged.load(Ordering::SeqCst) >= wanted {
                    break;
                }
                changed.await;
            }
        }
    }
}

impl Counts {
    fn add(&self, acknowledged: bool) {
        let counter = if acknowledged { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

/// Ticks until told to stop.
struct Pace {
    interval: tokio::time::Interval,
    stopped: watch::Receiver<bool>,
}

impl Pace {
    fn new(interval: Duration, stopped: watch::Receiver<bool>) -> Self {
        let mut interval = tokio::time::interval(interval);
        interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self { interval, stopped }
    }

    async fn next(&mut self) -> bool {
        tokio::select! {
            _ = self.interval.tick() => !*self.stopped.borrow(),
            _ = self.stopped.changed() => false,
        }
    }
}

/// One request of a user or of Keycloak to PostgreSQL.
struct Rows<'a> {
    databases: &'a Databases,
    names: &'a [String],
    number: u64,
    clock: &'a RunClock,
}

impl Rows<'_> {
    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|n| n == name)
    }

    async fn one(&self, backend: &Backend, log: &Acknowledgements) -> Result<(), ServiceError> {
        let Self { databases, number, .. } = *self;
        let at = backend.now();
        let rows = match number % 4 {
            0 if self.has("webmodeler") => {
                let session = backend.database("webmodeler")?.lock().await;
                postgres::save_diagram(databases, &session, number / 4, at).await?
            }
            _ if !self.has("keycloak") => Vec::new(),
            1 => {
                let session = backend.database("keycloak")?.lock().await;
                postgres::update_user(databases, &session, number, at).await?
            }
            // Every eighth session ends again, three requests after it began.
            3 if number % 8 == 7 => {
                let session = backend.database("keycloak")?.lock().await;
                // Of rows it is asked whether they are there: what changes one leaves it where it is.
                log.ask(&[postgres::session_of_login(databases, number - 1)], (self.clock)())?;
                postgres::delete_session(databases, &session, number - 1).await?
            }
            _ => {
                let session = backend.database("keycloak")?.lock().await;
                postgres::login_event(databases, &session, number, at).await?
            }
        };
        self.note(rows, log).map(drop)
    }

    /// The same of what leaves something, within what is allowed. The last ones are made one by one.
    async fn one_that_lasts(
        &self,
        backend: &Backend,
        log: &Acknowledgements,
        left: &Allowance,
    ) -> Result<(), ServiceError> {
        // A saved diagram and a login are two rows each, everything else is one.
        let wanted = if self.number % 4 != 1 && left.take(2) {
            2
        } else if left.take(1) {
            1
        } else {
            return Ok(());
        };
        let made = self.make_lasting(wanted, backend).await;
        let noted = made.and_then(|rows| self.note(rows, log));
        left.settle(wanted, noted.as_ref().map_or(0, |n| *n));
        noted.map(drop)
    }

    async fn make_lasting(
        &self,
        rows: u64,
        backend: &Backend,
    ) -> Result<Vec<postgres::Acknowledged>, ServiceError> {
        let Self { databases, number, .. } = *self;
        let at = backend.now();
        let diagrams = self.has("webmodeler") && (number.is_multiple_of(4) || !self.has("keycloak"));
        let session = backend.database(if diagrams { "webmodeler" } else { "keycloak" })?.lock().await;
        Ok(match (diagrams, rows) {
            (true, 2) => postgres::save_diagram(databases, &session, number, at).await?,
            (true, _) => postgres::keep_version(databases, &session, number, at).await?,
            (false, 2) => postgres::login_event(databases, &session, number, at).await?,
            (false, _) => postgres::update_user(databases, &session, number, at).await?,
        })
    }

    /// Notes acknowledged rows, and tells how many they were.
    fn note(&self, rows: Vec<postgres::Acknowledged>, log: &Acknowledgements) -> Result<u64, ServiceError> {
        let ms = (self.clock)();
        let writes: Vec<Acknowledged> = rows
            .into_iter()
            .map(|row| Acknowledged {
                item: Item::Postgres {
                    database: row.database.to_owned(),
                    table: row.table.to_owned(),
                    column: row.column.to_owned(),
                    key: row.key,
                },
                now: if row.operation == Operation::Delete { Now::Gone } else { Now::Stored },
                content: row.left,
                ms,
            })
            .collect();
        log.note(&writes)?;
        Ok(writes.len() as u64)
    }
}
