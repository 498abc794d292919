//! The copy of one index: in the scenario's way, and again with a smaller batch where the clusters are under pressure.

use super::by_hand;
use super::copy::{Pass, Work};
use super::inventory::{SourceIndex, index_path};
use super::reindex::{CopyFailure, batch_size};
use super::settings;
use super::stream::{Extent, Failure, Job, Part, Write};
use crate::error::MigrationError;
use drydock_core::scenario::{Mover, Reindex, Versions};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

/// Tries of one index; under pressure each with a quarter of the batch before.
const TRIES: u32 = 5;
/// Half of the pause after the first try; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

impl Work<'_> {
    /// Copies one index; under pressure again with a smaller batch, into an index made anew.
    pub(super) async fn copy_one(&self, index: &SourceIndex) -> Result<u64, MigrationError> {
        let begun = Instant::now();
        let largest = settings::largest_page(&self.definition(&index.name)?.settings);
        let mut size =
            batch_size(self.cx.spec.reindex_batch, index.store_bytes, index.documents).min(largest);
        for attempt in 1..=TRIES {
            let (failure, smaller) = match self.documents_of(index, size).await {
                Ok(moved) => {
                    self.copied.fetch_add(moved, Ordering::Relaxed);
                    let mut slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner);
                    let seconds = begun.elapsed().as_secs_f64();
                    if seconds > slowest.0 {
                        *slowest = (seconds, index.name.clone());
                    }
                    return Ok(moved);
                }
                Err(CopyFailure::Other(error)) => return Err(error),
                Err(CopyFailure::Pressure(words)) => (words, (size / 4).max(1)),
                Err(CopyFailure::Lost(words) | CopyFailure::Unanswered(words)) => (words, size),
            };
            let pressed = smaller < size;
            if attempt == TRIES || (pressed && size == 1) {
                let tried =
                    if pressed { format!("even with {size} documents a batch: ") } else { String::new() };
                return Err(MigrationError::from_words(
                    format!("copy index {}", index.name),
                    format!("{tried}{failure}"),
                    "give the clusters more heap, or lower reindex_parallelism",
                ));
            }
            size = smaller;
            // What goes on in spite of its lost answer must not write into the index made anew.
            self.stop_copies_into(&index.name).await?;
            tokio::time::sleep(FIRST_PAUSE * 2_u32.pow(attempt)).await;
            self.retries.fetch_add(1, Ordering::Relaxed);
            self.reporter
                .note(&format!("index {}: {failure}; copied anew with {size} documents a batch", index.name));
            self.target.delete(&index_path(&index.name)).await.map_err(|e| {
                MigrationError::elasticsearch(format!("remove the incomplete index {}", index.name), &e)
            })?;
            self.create(index).await?;
        }
        Err(MigrationError::Internal(format!("index {} was tried without an outcome", index.name)))
    }

    /// Moves the documents of one index into an empty one, in the scenario's way.
    async fn documents_of(&self, index: &SourceIndex, size: u32) -> Result<u64, CopyFailure> {
        let versions = match self.cx.spec.reindex {
            // The delta tells by them what was re-created with a lower one.
            Reindex::Warm => Versions::Keep,
            Reindex::Cold => self.cx.spec.versions,
        };
        let expected = (self.pass == Pass::Cold).then_some(index.documents);
        let source = &self.cx.source.elasticsearch;
        match self.cx.spec.mover {
            Mover::Reindex => {
                return self.reindexed(index, size, versions, expected).await;
            }
            Mover::ReindexByHand => {
                return by_hand::copy(&self.target, source, &index.name, size, versions, expected).await;
            }
            Mover::Dump => return self.load_dump(index, versions).await.map_err(CopyFailure::from),
            Mover::Stream | Mover::Snapshot => {}
        }
        let job = Job {
            index: index.name.clone(),
            into: index.name.clone(),
            extent: Extent::Whole,
            // Whatever becomes of it: a second try begins with a new index.
            done: self.parts().remove(&index.name).unwrap_or_default(),
            query: None,
            write: if versions == Versions::Keep { Write::CreateVersioned } else { Write::Create },
            documents: index.documents,
            store_bytes: index.store_bytes,
            page: size,
        };
        let resumed = !job.done.is_empty();
        let note = |part: Part, documents| {
            // A warm copy is judged by its mark, which knows whole indices only.
            if self.pass == Pass::Cold {
                self.reporter.item(&part.item(&index.name), documents);
            }
        };
        match self.stream.copy_noting(job, &note).await {
            Ok((read, _)) if resumed || expected.is_none_or(|e| e == read) => Ok(read),
            Ok((read, _)) => Err(CopyFailure::Other(MigrationError::migration(
                format!("copy index {}", index.name),
                format!("the source counts {} documents, and {read} were read", index.documents),
                "see that nothing writes to the source, then resume the run",
            ))),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl From<Failure> for CopyFailure {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(words) => Self::Lost(words),
            Failure::Other(error) => Self::Other(error),
        }
    }
}
