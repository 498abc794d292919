//! The mover of our own: slices of a point in time of the source, read in parallel, written with `_bulk`. Documents are
//! handed on as the bytes they are stored as, with id, routing and, where asked for, version.

mod batch;
mod bulk;
mod file;
mod page;
mod slices;
#[cfg(test)]
mod tests;

pub(crate) use batch::Write;
pub(crate) use bulk::Sent;
pub(crate) use file::Numbers;
pub(crate) use page::{Extent, Fields, Hit, Hits, PointInTime, Selection, Shards, SliceReader};
pub(crate) use slices::Part;

use super::inventory::index_path;
use super::reindex::batch_size;
use crate::error::MigrationError;
use batch::Batch;
use bulk::Patience;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use serde_json::{Value, json};
use slices::Cut;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Size of a bulk body aimed at. Larger documents travel alone.
const BULK_BYTES: usize = 8 << 20;
const BULK_DOCUMENTS: usize = 5_000;
/// Bytes on their way to the target at once, in KiB. A larger document waits until it is alone.
const IN_FLIGHT_KIB: u32 = 48 << 10;
/// Batches of one slice that wait between reader and writer.
const WAITING: usize = 1;
/// Documents and compressed bytes that are worth a slice of their own.
const SLICE_DOCUMENTS: u64 = 10_000;
const SLICE_BYTES: u64 = 4 << 20;

/// Why an index was not streamed to its end.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The point in time or an index is gone: worth beginning anew.
    Lost(String),
    /// Anything else.
    Other(MigrationError),
}

impl Failure {
    pub(crate) fn of(error: &ElasticsearchError, doing: &str, index: &str) -> Self {
        if bulk::is_lost(error) {
            return Self::Lost(error.to_string());
        }
        Self::Other(MigrationError::elasticsearch(format!("{doing} index {index}"), error))
    }
}

impl From<Failure> for MigrationError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Other(error) => error,
            Failure::Lost(words) => Self::migration(
                "stream an index",
                words,
                "see that nobody removes indices, then resume the run",
            ),
        }
    }
}

/// What all streams of one step have in common.
#[derive(Debug)]
pub(crate) struct Stream {
    source: Client,
    target: Client,
    slices: u32,
    readers: Semaphore,
    in_flight: Semaphore,
    /// `http.max_content_length` of the target, where it tells.
    limit: Option<u64>,
    bulk_bytes: usize,
    patience: Patience,
    pub(crate) counters: Counters,
    /// When something was written last whose answer did not come.
    unanswered: Mutex<Option<Instant>>,
}

/// Running totals.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) documents: AtomicU64,
    /// Bytes of bulk bodies.
    pub(crate) bytes: AtomicU64,
    /// Requests repeated.
    pub(crate) retries: AtomicU64,
    /// Documents that the target refused at first for lack of room.
    pub(crate) refused: AtomicU64,
}

/// What is streamed.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// On the source.
    pub(crate) index: String,
    /// On the target.
    pub(crate) into: String,
    pub(crate) extent: Extent,
    pub(crate) query: Option<Value>,
    pub(crate) write: Write,
    /// What an earlier attempt has copied. Of the rest it may have copied some documents as well.
    pub(crate) done: BTreeSet<Part>,
    /// Estimates, for the number of slices and the first page.
    pub(crate) documents: u64,
    pub(crate) store_bytes: u64,
    pub(crate) page: u32,
}

impl Stream {
    /// `parallelism`: slices read at once, over all indices.
    pub(crate) async fn new(source: &Client, target: &Client, parallelism: u32) -> Arc<Self> {
        Arc::new(Self {
            source: source.clone(),
            target: target.clone(),
            slices: parallelism.max(1),
            readers: Semaphore::new(usize::try_from(parallelism.max(1)).unwrap_or(1)),
            in_flight: Semaphore::new(IN_FLIGHT_KIB as usize),
            limit: longest_body(target).await,
            bulk_bytes: BULK_BYTES,
            patience: Patience::USUAL,
            counters: Counters::default(),
            unanswered: Mutex::default(),
        })
    }

    /// Notes that what was asked just now may still be on its way.
    pub(crate) fn note_unanswered(&self) {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// When that was noted last.
    pub(crate) fn last_unanswered(&self) -> Option<Instant> {
        *self.unanswered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything went through it.
    pub(crate) fn used(&self) -> bool {
        self.counters.documents.load(Ordering::Relaxed) > 0
    }

    /// Facts of a step that streamed.
    pub(crate) fn facts(&self, seconds: f64) -> crate::context::Facts {
        let bytes = self.counters.bytes.load(Ordering::Relaxed);
        crate::context::Facts::from([
            ("bytes_copied".into(), json!(bytes)),
            // A rate for people; the loss of precision is theirs to bear.
            ("bytes_per_second".into(), json!((bytes as f64 / seconds.max(0.001)).round())),
            ("retries".into(), json!(self.counters.retries.load(Ordering::Relaxed))),
            ("documents_refused_at_first".into(), json!(self.counters.refused.load(Ordering::Relaxed))),
        ])
    }

    /// Streams everything a job selects. When it returns, every document the point in time holds is on the target, each
    /// of them answered for.
    pub(crate) async fn copy(self: &Arc<Self>, job: Job) -> Result<(u64, Sent), Failure> {
        self.copy_noting(job, &|_, _| {}).await
    }

    /// As [`Stream::copy`]; `note` hears of every part that is done for good, with its documents.
    pub(crate) async fn copy_noting(
        self: &Arc<Self>,
        job: Job,
        note: &(dyn Fn(Part, u64) + Send + Sync),
    ) -> Result<(u64, Sent), Failure> {
        let before = self.counters.retries.load(Ordering::Relaxed);
        let cuts = slices::cut(&self.source, &job, self.slices).await;
        // Opened after the numbers were read: what they leave out belongs to the last part, which has no end.
        let pit = Arc::new(PointInTime::open(&self.source, &job.index, job.extent).await?);
        let job = Arc::new(job);
        let noted = cuts.len() > 1 && cuts.iter().all(|cut| cut.lasts());
        let mut running = JoinSet::new();
        for cut in cuts {
            let (stream, pit, job) = (Arc::clone(self), Arc::clone(&pit), Arc::clone(&job));
            running.spawn(async move { Ok((cut, stream.slice(&pit, &job, cut).await?)) });
        }
        let (mut read, mut sent) = (0, Sent::default());
        let mut outcome = Ok(());
        while let Some(joined) = running.join_next().await {
            match joined {
                Ok(Ok((cut, (documents, now)))) => {
                    read += documents;
                    sent.add(now);
                    if noted && job.query.is_none() {
                        note(cut.part, documents);
                    }
                }
                Ok(Err(failure)) => {
                    outcome = Err(failure);
                    break;
                }
                Err(panicked) => {
                    let words = format!("a slice of index {}: {panicked}", job.index);
                    outcome = Err(Failure::Other(MigrationError::Internal(words)));
                    break;
                }
            }
        }
        running.shutdown().await;
        pit.close().await;
        outcome?;
        let disturbed = self.counters.retries.load(Ordering::Relaxed) > before;
        self.account(&job, read, sent, disturbed).await?;
        Ok((read, sent))
    }

    /// As many documents must have arrived as were read. Where anything went wrong on the way, or an earlier attempt is
    /// built upon, those on the target are counted: a target that was killed may have lost what it had acknowledged.
    async fn account(&self, job: &Job, read: u64, sent: Sent, disturbed: bool) -> Result<(), Failure> {
        let fresh = matches!(job.write, Write::Create | Write::CreateVersioned);
        let arrived = sent.created + sent.replaced + sent.repeated;
        if arrived != read {
            return Err(miscounted(&job.index, read, arrived));
        }
        let resumed = !job.done.is_empty();
        if fresh && (disturbed || resumed || sent.repeated > 0) {
            let expected = if resumed { job.documents } else { read };
            let path = index_path(&job.into);
            let failed = |e: &ElasticsearchError| Failure::of(e, "count the documents of", &job.into);
            self.target.post_empty(&format!("{path}/_refresh")).await.map_err(|e| failed(&e))?;
            let answer = self.target.get(&format!("{path}/_count")).await.map_err(|e| failed(&e))?;
            let there = answer["count"].as_u64().filter(|_| answer["_shards"]["failed"] == 0);
            if there != Some(expected) {
                let there = there.map_or_else(|| "an unknown number".to_owned(), |n| n.to_string());
                return Err(Failure::Lost(format!(
                    "{expected} documents were written to index {}, and it holds {there}",
                    job.into
                )));
            }
        }
        Ok(())
    }

    /// One slice: a reader and a writer, with few batches between them, so that neither runs away from the other.
    async fn slice(&self, pit: &PointInTime, job: &Job, cut: Cut) -> Result<(u64, Sent), Failure> {
        let _permit = self.readers.acquire().await.map_err(|e| internal(&e))?;
        let (sender, mut receiver) = mpsc::channel::<Batch>(WAITING);
        let read = async move {
            let query = job.query.clone().or_else(|| cut.part.query());
            let selection = Selection { fields: Fields::All, slice: cut.slice, query };
            let size = batch_size(job.page, job.store_bytes, job.documents) as usize;
            let mut reader = SliceReader::new(pit, selection, size);
            let (mut batch, mut documents) = (Batch::default(), 0_u64);
            while let Some(ready) = reader.next(|hits| split(hits, job, self.bulk_bytes, &mut batch)).await? {
                for ready in ready {
                    documents += ready.len() as u64;
                    // Nobody takes them only if the writer failed, and its failure is the one to tell.
                    if sender.send(ready).await.is_err() {
                        return Ok(documents);
                    }
                }
            }
            documents += batch.len() as u64;
            let _ = sender.send(batch).await;
            Ok(documents)
        };
        let write = async move {
            let mut sent = Sent::default();
            while let Some(mut batch) = receiver.recv().await {
                batch.unanswered |= !job.done.is_empty();
                let (documents, bytes) = (batch.len() as u64, batch.body.len() as u64);
                sent.add(self.send(&job.into, job.write, batch).await?);
                self.counters.documents.fetch_add(documents, Ordering::Relaxed);
                self.counters.bytes.fetch_add(bytes, Ordering::Relaxed);
            }
            Ok::<Sent, Failure>(sent)
        };
        let (read, written) = tokio::join!(read, write);
        let written = written?;
        Ok((read?, written))
    }

    /// Sends names alone: removes what a selection of the target's own documents holds.
    pub(crate) async fn remove(
        &self,
        index: &str,
        ghosts: &[(String, Option<String>)],
    ) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        for ghosts in ghosts.chunks(BULK_DOCUMENTS) {
            let mut batch = Batch::default();
            for (id, routing) in ghosts {
                batch.push(Write::Delete, &Hit::named(id, routing.as_deref()));
            }
            sent.add(self.send(index, Write::Delete, batch).await?);
        }
        Ok(sent)
    }

    /// Waits until the bytes on their way leave room for so many more.
    async fn room_for(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Failure> {
        let kib = u32::try_from(bytes >> 10).unwrap_or(u32::MAX).clamp(1, IN_FLIGHT_KIB);
        self.in_flight.acquire_many(kib).await.map_err(|e| internal(&e))
    }
}

/// Adds documents to a batch, and returns those batches that are full.
fn split(hits: Vec<Hit<'_>>, job: &Job, bulk_bytes: usize, batch: &mut Batch) -> Result<Vec<Batch>, Failure> {
    let mut full = Vec::new();
    for hit in hits {
        let Some(source) = hit.source else {
            return Err(Failure::Other(MigrationError::migration(
                format!("read document {} of index {}", hit.id, job.index),
                "the index does not keep _source",
                "carry this index by snapshot and restore, and leave it out of index_prefixes",
            )));
        };
        let room = bulk_bytes.saturating_sub(batch.body.len());
        if !batch.is_empty() && (source.get().len() > room || batch.len() >= BULK_DOCUMENTS) {
            full.push(std::mem::take(batch));
        }
        batch.push(job.write, &hit);
    }
    Ok(full)
}

fn miscounted(index: &str, read: u64, arrived: u64) -> Failure {
    Failure::Other(MigrationError::migration(
        format!("copy index {index}"),
        format!("{read} documents were read, and {arrived} are on the target"),
        "see that nobody else writes to the target, then resume the run",
    ))
}

fn internal(error: &dyn std::fmt::Display) -> Failure {
    Failure::Other(MigrationError::Internal(error.to_string()))
}

/// The shortest limit of any node for the body of a request, if the cluster tells.
async fn longest_body(target: &Client) -> Option<u64> {
    let answer =
        target.get("/_nodes/http?filter_path=nodes.*.http.max_content_length_in_bytes").await.ok()?;
    let nodes = answer["nodes"].as_object()?;
    nodes.values().filter_map(|n| n["http"]["max_content_length_in_bytes"].as_u64()).min()
}
