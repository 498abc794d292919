//! What the writer does to the cluster, as exporter, importer and archiver do.

use super::allowance::Allowance;
use super::{Churn, RunClock};
use crate::acknowledged::{Acknowledged, Acknowledgements, Item, Now, content_of};
use crate::elasticsearch::{
    Document, InstanceState, OperateIndex, archived_index, live_index, live_key, operate_instance,
    zeebe_record,
};
use crate::service::{Backend, ServiceError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Instances that are started before one is finished, and finished before one is archived.
const BACKLOG: usize = 3;
/// The same before one ends where all do: so many are in a copy that is made meanwhile, and end after it.
const ENDING_BACKLOG: usize = 12;

/// One instance that the writer started.
#[derive(Debug, Clone, Copy)]
struct Started {
    key: i64,
    partition: u16,
    at: Timestamp,
}

/// Writes to the cluster as exporter, importer and archiver do.
pub(super) struct ClusterWriter {
    next: u64,
    churn: Churn,
    active: VecDeque<Started>,
    finished: VecDeque<Started>,
    /// Deleted documents that are going to be made again, as they will be.
    deleted: VecDeque<(String, Document)>,
    /// Instances that came to their end under [`Churn::Archiving`].
    ended: u64,
}

impl ClusterWriter {
    /// `first`: number of the first instance.
    pub(super) fn new(first: u64, churn: Churn) -> Self {
        Self {
            next: first,
            churn,
            active: VecDeque::new(),
            finished: VecDeque::new(),
            deleted: VecDeque::new(),
            ended: 0,
        }
    }

    pub(super) async fn one(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let number = self.next;
        self.next += 1;
        if self.churn == Churn::Archiving {
            return self.one_of_many_ends(number, backend, log, clock).await;
        }
        match number % 4 {
            1 if self.active.len() > BACKLOG => self.finish_one(backend, log, clock).await,
            2 if self.finished.len() > BACKLOG => self.archive_one(backend, log, clock).await,
            3 if self.finished.len() > BACKLOG && number % 16 == 15 => {
                self.delete_one(backend, log, clock).await
            }
            _ => self.start_one(number, backend, log, clock).await,
        }
    }

    /// Starts or finishes an instance within what is allowed. What remains at the end is made one by one, as records.
    pub(super) async fn one_that_lasts(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
        left: &Allowance,
    ) -> Result<(), ServiceError> {
        let number = self.next;
        self.next += 1;
        let finishing = number % 4 == 1 && self.active.len() > BACKLOG;
        let starting = started(number, backend);
        let bulk = match self.active.front().filter(|_| finishing) {
            Some(instance) => Bulk::of(instance, Bulk::store),
            None => starting.as_a_whole(number),
        };
        let whole = bulk.items.len() as u64;
        let (bulk, wanted) = if left.take(whole) {
            (bulk, whole)
        } else if left.take(1) {
            (starting.as_a_record(number), 1)
        } else {
            return Ok(());
        };
        let sent = bulk.send(backend, log, clock).await;
        left.settle(wanted, if sent.is_ok() { wanted } else { 0 });
        sent?;
        if wanted == whole {
            match finishing {
                true => drop(self.active.pop_front()),
                false => self.active.push_back(starting),
            }
        }
        Ok(())
    }

    /// One third starts, one third finishes, one third ends: archived, deleted, archived, made again.
    async fn one_of_many_ends(
        &mut self,
        number: u64,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        match number % 3 {
            1 if self.active.len() > BACKLOG => return self.finish_one(backend, log, clock).await,
            2 if self.finished.len() > ENDING_BACKLOG => {}
            _ => return self.start_one(number, backend, log, clock).await,
        }
        let turn = self.ended % 4;
        match turn {
            0 | 2 => self.archive_one(backend, log, clock).await?,
            1 => self.delete_one(backend, log, clock).await?,
            _ => self.make_again(backend, log, clock).await?,
        }
        self.ended += 1;
        Ok(())
    }

    /// Makes documents that were deleted some time ago again, as they were while their instance ran, with versions that
    /// begin at 1; then deletes a finished instance to be made again later. A store forgets the version of a deleted
    /// document after `index.gc_deletes`, a minute if nothing else is set; until then it refuses the lower one. Here it
    /// forgets as soon as it can.
    async fn make_again(
        &mut self,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let Some(client) = &backend.elasticsearch else {
            return Err(ServiceError::Absent("elasticsearch".into()));
        };
        let indices = OperateIndex::ALL.map(live_index).join(",");
        if self.deleted.is_empty() {
            client.put(&format!("/{indices}/_settings"), &json!({"index.gc_deletes": "0s"})).await?;
        }
        client.post_empty(&format!("/{indices}/_refresh")).await?;
        while let Some((index, document)) = self.deleted.front() {
            let mut again = Bulk::default();
            again.store_first(index, document);
            match again.send(backend, log, clock).await {
                Ok(()) => drop(self.deleted.pop_front()),
                // Not forgotten yet.
                Err(ServiceError::Elasticsearch(e)) if e.status() == Some(409) => break,
                Err(other) => return Err(other),
            }
        }
        let Some(instance) = self.finished.front().copied() else { return Ok(()) };
        Bulk::of(&instance, Bulk::delete).send(backend, log, clock).await?;
        self.finished.pop_front();
        self.deleted.extend(instance.documents(InstanceState::Active));
        Ok(())
    }

    async fn start_one(
        &mut self,
        number: u64,
        backend: &Backend,
        log: &Acknowledgements,
        clock: &RunClock,
    ) -> Result<(), ServiceError> {
        let started = started(number, backend);
        started.as_a_whole(number).send(backend, log, clock).await?;
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

/// Instance with that number, as it starts now.
fn started(number: u64, backend: &Backend) -> Started {
    let partition = u16::try_from(number % 5 + 1).unwrap_or(1);
    Started { key: live_key(partition, number), partition, at: backend.now() }
}

impl Started {
    fn documents(&self, state: InstanceState) -> Vec<(String, Document)> {
        operate_instance(self.key, self.partition, state, self.at)
    }

    /// Everything that is written when it starts.
    fn as_a_whole(&self, number: u64) -> Bulk {
        let mut bulk = self.as_a_record(number);
        for (index, document) in self.documents(InstanceState::Active) {
            bulk.store(&index, &document);
        }
        bulk
    }

    /// The record alone that the broker exports.
    fn as_a_record(&self, number: u64) -> Bulk {
        let position = i64::try_from((1 << 40) + number).unwrap_or(i64::MAX);
        let (index, document) = zeebe_record(self.partition, position, self.key, self.at);
        let mut bulk = Bulk::default();
        bulk.store(&index, &document);
        bulk
    }
}

/// A bulk request and what it means once it is acknowledged.
#[derive(Default)]
struct Bulk {
    body: Vec<u8>,
    items: Vec<(Item, Now, Option<String>)>,
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
        self.line("index", index, document, &json!({}));
        self.body_of(index, document);
    }

    /// As the first version, if the store knows no other.
    fn store_first(&mut self, index: &str, document: &Document) {
        self.line("index", index, document, &json!({"version": 1, "version_type": "external"}));
        self.body_of(index, document);
    }

    fn body_of(&mut self, index: &str, document: &Document) {
        self.body.extend_from_slice(document.source.as_bytes());
        self.body.push(b'\n');
        let content = content_of(document.source.as_bytes());
        self.items.push((item(index, document), Now::Stored, content));
    }

    fn delete(&mut self, index: &str, document: &Document) {
        self.line("delete", index, document, &json!({}));
        self.items.push((item(index, document), Now::Gone, None));
    }

    fn line(&mut self, operation: &str, index: &str, document: &Document, more: &Value) {
        let mut target = json!({"_index": index, "_id": document.id});
        for (key, value) in more.as_object().into_iter().flatten() {
            target[key] = value.clone();
        }
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
        log.ask(self.items.iter().map(|(item, ..)| item), clock())?;
        client.bulk(self.body).await?;
        let ms = clock();
        let writes: Vec<Acknowledged> = self
            .items
            .into_iter()
            .map(|(item, now, content)| Acknowledged { item, now, content, ms })
            .collect();
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
