//! The live writer: acts like Camunda and its users until the freeze. Instances start, finish, are deleted by hand and
//! archived into dated indices; users log in and out, change and save. Every acknowledged write is noted before the next
//! one is made.

use crate::acknowledged::{Acknowledged, Acknowledgements, Item, Now};
use crate::elasticsearch::{
    Document, InstanceState, OperateIndex, archived_index, live_index, live_key, operate_instance,
    zeebe_record,
};
use crate::postgres::{self, Databases, Operation};
use crate::service::{Backend, Service, ServiceError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Numbers that one start of the writer may use; the next start begins above them, so that no key is used twice.
const NUMBERS_A_START: u64 = 10_000_000;
/// Instances that are started before one is finished, and finished before one is archived.
const BACKLOG: usize = 3;

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
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    acknowledged: AtomicU64,
    failed: AtomicU64,
}

/// Reads the run's clock, in milliseconds.
pub type RunClock = Arc<dyn Fn() -> u64 + Send + Sync>;

impl Writer {
    /// Starts writing through `service`.
    pub fn start(service: &Service, config: &WriterConfig, clock: &RunClock) -> Self {
        let (stop, stopped) = watch::channel(false);
        let counts = Arc::new(Counts::default());
        let interval = Duration::from_secs(1) / config.per_second.max(1);
        let first = config.epoch * NUMBERS_A_START;
        let mut tasks = Vec::new();
        if config.elasticsearch == Presence::Present {
            let mut cluster =
                ClusterWriter { next: first, active: VecDeque::new(), finished: VecDeque::new() };
            let (service, clock, counts, stopped) =
                (service.clone(), Arc::clone(clock), Arc::clone(&counts), stopped.clone());
            tasks.push(tokio::spawn(async move {
                let mut pace = Pace::new(interval, stopped);
                while pace.next().await {
                    let ms = Arc::clone(&clock);
                    let done = service.serve(async |b, log| cluster.one(b, log, &ms).await).await;
                    counts.add(done.is_ok());
                }
            }));
        }
        let names: Vec<String> = config.databases.names().iter().map(ToString::to_string).collect();
        if names.iter().any(|n| n == "keycloak" || n == "webmodeler") {
            let databases = config.databases.clone();
            let (service, clock, counts) = (service.clone(), Arc::clone(clock), Arc::clone(&counts));
            tasks.push(tokio::spawn(async move {
                let mut pace = Pace::new(interval, stopped);
                let mut number = first;
                while pace.next().await {
                    let ms = Arc::clone(&clock);
                    let done = service
                        .serve(async |b, log| one_row(&databases, &names, b, log, number, &ms).await)
                        .await;
                    counts.add(done.is_ok());
                    number += 1;
                }
            }));
        }
        Self { stop, tasks, counts }
    }

    /// Stops and waits for the writes under way.
    pub async fn finish(self) -> WriterSummary {
        // Fails only if every task has ended already.
        let _ = self.stop.send(true);
        for task in self.tasks {
            // A task that panicked has stopped as well; what it acknowledged is in the log.
            let _ = task.await;
        }
        WriterSummary {
            acknowledged: self.counts.acknowledged.load(Ordering::SeqCst),
            failed: self.counts.failed.load(Ordering::SeqCst),
        }
    }
}

impl Counts {
    fn add(&self, acknowledged: bool) {
        let counter = if acknowledged { &self.acknowledged } else { &self.failed };
        counter.fetch_add(1, Ordering::SeqCst);
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

/// One instance that the writer started.
#[derive(Debug, Clone, Copy)]
struct Started {
    key: i64,
    partition: u16,
    at: Timestamp,
}

/// Writes to the cluster as exporter, importer and archiver do.
struct ClusterWriter {
    next: u64,
    active: VecDeque<Started>,
    finished: VecDeque<Started>,
}

impl ClusterWriter {
    async fn one(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let number = self.next;
        self.next += 1;
        match number % 4 {
            1 if self.active.len() > BACKLOG => self.finish_one(backend, log, clock).await,
            2 if self.finished.len() > BACKLOG => self.archive_one(backend, log, clock).await,
            3 if self.finished.len() > BACKLOG && number % 16 == 15 => {
                self.delete_one(backend, log, clock).await
            }
            _ => self.start_one(number, backend, log, clock).await,
        }
    }

    async fn start_one(
        &mut self,
        number: u64,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let partition = u16::try_from(number % 5 + 1).unwrap_or(1);
        // Importers work with milliseconds; so do the documents.
        let at = now();
        let started = Started { key: live_key(partition, number), partition, at };
        let mut bulk = Bulk::default();
        for (index, document) in operate_instance(started.key, partition, InstanceState::Active, at) {
            bulk.store(&index, &document);
        }
        let position = i64::try_from((1 << 40) + number).unwrap_or(i64::MAX);
        let (index, document) = zeebe_record(partition, position, started.key, at);
        bulk.store(&index, &document);
        bulk.send(backend, log, clock).await?;
        self.active.push_back(started);
        Ok(())
    }

    async fn finish_one(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let Some(instance) = self.active.front().copied() else { return Ok(()) };
        Bulk::of(&instance, Bulk::store).send(backend, log, clock).await?;
        self.active.pop_front();
        self.finished.push_back(instance);
        Ok(())
    }

    async fn archive_one(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let Some(instance) = self.finished.front().copied() else { return Ok(()) };
        let date = TimeZone::UTC.to_datetime(instance.at).date();
        let (mut copy, mut remove) = (Bulk::default(), Bulk::default());
        for (index, document) in instance.documents(InstanceState::Completed) {
            let dated = OperateIndex::ALL
                .into_iter()
                .find(|i| live_index(*i) == index)
                .map(|i| archived_index(i, date));
            copy.store(dated.as_deref().unwrap_or(&index), &document);
            remove.delete(&index, &document);
        }
        // First the copy, then the removal: as the archiver does it, so that nothing is nowhere.
        copy.send(backend, log, clock).await?;
        remove.send(backend, log, clock).await?;
        self.finished.pop_front();
        Ok(())
    }

    async fn delete_one(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let Some(instance) = self.finished.front().copied() else { return Ok(()) };
        Bulk::of(&instance, Bulk::delete).send(backend, log, clock).await?;
        self.finished.pop_front();
        Ok(())
    }
}

impl Started {
    fn documents(&self, state: InstanceState) -> Vec<(String, Document)> {
        operate_instance(self.key, self.partition, state, self.at)
    }
}

/// A bulk request and what it means once it is acknowledged.
#[derive(Default)]
struct Bulk {
    body: Vec<u8>,
    items: Vec<(Item, Now)>,
}

impl Bulk {
    /// The same operation on every document of a finished instance, where it lives before it is archived.
    fn of(instance: &Started, operation: fn(&mut Self, &str, &Document)) -> Self {
        let mut bulk = Self::default();
        for (index, document) in instance.documents(InstanceState::Completed) {
            operation(&mut bulk, &index, &document);
        }
        bulk
    }

    fn store(&mut self, index: &str, document: &Document) {
        self.line("index", index, document);
        self.body.extend_from_slice(document.source.as_bytes());
        self.body.push(b'\n');
        self.items.push((item(index, document), Now::Stored));
    }

    fn delete(&mut self, index: &str, document: &Document) {
        self.line("delete", index, document);
        self.items.push((item(index, document), Now::Gone));
    }

    fn line(&mut self, operation: &str, index: &str, document: &Document) {
        let mut target = json!({"_index": index, "_id": document.id});
        if let Some(routing) = &document.routing {
            target["routing"] = routing.as_str().into();
        }
        self.body.extend_from_slice(json!({ operation: target }).to_string().as_bytes());
        self.body.push(b'\n');
    }

    async fn send(
        self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let Some(client) = &backend.elasticsearch else {
            return Err(ServiceError::Absent("elasticsearch".into()));
        };
        client.bulk(self.body).await?;
        let ms = clock();
        let writes: Vec<Acknowledged> =
            self.items.into_iter().map(|(item, now)| Acknowledged { item, now, ms }).collect();
        Ok(log.note(&writes)?)
    }
}

fn item(index: &str, document: &Document) -> Item {
    Item::Elasticsearch {
        index: index.to_owned(),
        id: document.id.clone(),
        routing: document.routing.clone(),
    }
}

/// One request of a user or of Keycloak to PostgreSQL.
async fn one_row(
    databases: &Databases,
    names: &[String],
    backend: &Backend,
    log: &Acknowledgements,
    number: u64,
    clock: &RunClock,
) -> Result<(), ServiceError> {
    let has = |name: &str| names.iter().any(|n| n == name);
    let at = now();
    let rows = match number % 4 {
        0 if has("webmodeler") => {
            let session = backend.database("webmodeler")?.lock().await;
            postgres::save_diagram(databases, &session, number / 4, at).await?
        }
        _ if !has("keycloak") => Vec::new(),
        1 => {
            let session = backend.database("keycloak")?.lock().await;
            postgres::update_user(databases, &session, number, at).await?
        }
        // Every eighth session ends again, three requests after it began.
        3 if number % 8 == 7 => {
            let session = backend.database("keycloak")?.lock().await;
            postgres::delete_session(databases, &session, number - 1).await?
        }
        _ => {
            let session = backend.database("keycloak")?.lock().await;
            postgres::login_event(databases, &session, number, at).await?
        }
    };
    let ms = clock();
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
            ms,
        })
        .collect();
    Ok(log.note(&writes)?)
}

/// Now, in whole milliseconds.
fn now() -> Timestamp {
    let now = Timestamp::now();
    now.round(jiff::Unit::Millisecond).unwrap_or(now)
}
