//! A `_reindex` whose answer is lost: cut off by a gateway, by a timeout, or by the network, while the target goes on. What
//! became of it is then seen from the target itself.

use super::copy::Work;
use super::inventory::{SourceIndex, index_path};
use super::reindex::{self, CopyFailure};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_core::scenario::Versions;
use std::time::Duration;
use tokio::time::Instant;

/// Between two looks at the target's tasks.
const LOOK: Duration = Duration::from_secs(1);
/// One look may take so long.
const LOOK_LIMIT: Duration = Duration::from_secs(10);
/// A request without an answer and without a task is given up after so long: it never arrived, or its answer never will.
const IDLE_LIMIT: Duration = Duration::from_secs(15);
/// A target that shows its tasks to nobody is given up after so long.
const DEAF_LIMIT: Duration = Duration::from_secs(60);
/// A request whose caller has gone may arrive so much later.
const LATE_LIMIT: Duration = Duration::from_secs(5);
/// Writes whose callers have gone are waited for so long.
const BULK_LIMIT: Duration = Duration::from_secs(5 * 60);
/// The official scripts' limit for one copy.
const COPY_LIMIT: Duration = Duration::from_secs(30 * 60);

impl Work<'_> {
    /// Copies one index with `_reindex`, and looks after it when its answer is lost.
    pub(super) async fn reindexed(
        &self,
        index: &SourceIndex,
        size: u32,
        versions: Versions,
        expected: Option<u64>,
    ) -> Result<u64, CopyFailure> {
        let source = &self.cx.source.elasticsearch;
        let asked = reindex::copy(&self.patient, source, &index.name, size, versions, expected);
        let answered = tokio::select! {
            biased;
            answered = asked => answered,
            words = self.silence(&index.name) => Err(CopyFailure::Unanswered(words)),
        };
        if matches!(answered, Err(CopyFailure::Unanswered(_))) {
            self.stream.note_unanswered();
        }
        match (answered, expected) {
            (Err(CopyFailure::Unanswered(words)), Some(expected)) => {
                self.look_after(&index.name, expected, words).await
            }
            (answered, _) => answered,
        }
    }

    /// What was asked and not answered may still be on its way, and would write the source's state over what users write once they
    /// are let in: it is given the time to arrive while nobody works here, and ended if it does.
    pub(super) async fn let_late_copies_pass(&self) -> Result<(), MigrationError> {
        let Some(last) = self.stream.last_unanswered().filter(|_| !Without::LateCopies.is_gone()) else {
            return Ok(());
        };
        tokio::time::sleep_until(last + LATE_LIMIT).await;
        self.stop_copies().await?;
        // What has arrived by now is in the target's task list until it is done, however long that takes.
        let begun = Instant::now();
        loop {
            match self.bulks_under_way().await? {
                0 => return Ok(()),
                left if begun.elapsed() > BULK_LIMIT => {
                    return Err(MigrationError::environment(
                        "wait for writes that nobody waits for any more",
                        format!(
                            "{left} of them are still under way on the target after {} s",
                            BULK_LIMIT.as_secs()
                        ),
                        "wait until the target has ended them, then resume the run",
                    ));
                }
                _ => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Ends when an answer cannot be expected any more: no task copies into the index, and has not for a while.
    async fn silence(&self, index: &str) -> String {
        let (mut idle_since, mut heard) = (Instant::now(), Instant::now());
        loop {
            tokio::time::sleep(LOOK).await;
            match self.copies_into(index).await {
                Some(true) => (idle_since, heard) = (Instant::now(), Instant::now()),
                Some(false) => heard = Instant::now(),
                None => idle_since = Instant::now(),
            }
            if idle_since.elapsed() > IDLE_LIMIT {
                return "no answer came, though no task of the target copies into it".into();
            }
            if heard.elapsed() > DEAF_LIMIT {
                return "no answer came, and the target does not tell its tasks either".into();
            }
        }
    }

    /// Whether a task copies into the index; nothing if the target does not say.
    async fn copies_into(&self, index: &str) -> Option<bool> {
        let running = tokio::time::timeout(LOOK_LIMIT, self.running()).await.ok()?.ok()?;
        Some(running.iter().any(|task| task.index == index))
    }

    /// Waits until the copy has ended by itself, and counts: into an empty index, from a source that nobody writes to, as many
    /// documents as the source has are all of them.
    async fn look_after(&self, index: &str, expected: u64, words: String) -> Result<u64, CopyFailure> {
        let begun = Instant::now();
        let mut heard = Instant::now();
        loop {
            match self.copies_into(index).await {
                Some(false) => break,
                Some(true) => heard = Instant::now(),
                None if heard.elapsed() > DEAF_LIMIT => return Err(CopyFailure::Unanswered(words)),
                None => {}
            }
            if begun.elapsed() > COPY_LIMIT {
                return Err(CopyFailure::Other(MigrationError::environment(
                    format!("copy index {index}"),
                    format!("{words}; it still goes on after {} s", COPY_LIMIT.as_secs()),
                    "wait until the target has ended it, then resume the run",
                )));
            }
            tokio::time::sleep(LOOK.min(begun.elapsed() + Duration::from_millis(50))).await;
        }
        let path = index_path(index);
        let failed =
            |e| CopyFailure::Other(MigrationError::elasticsearch(format!("count index {index}"), &e));
        self.target.post_empty(&format!("{path}/_refresh")).await.map_err(failed)?;
        let answer = self.target.get(&format!("{path}/_count")).await.map_err(failed)?;
        if answer["_shards"]["failed"] == 0 && answer["count"].as_u64() == Some(expected) {
            self.reporter.note(&format!(
                "index {index}: {words}; the target went on and holds all {expected} documents"
            ));
            return Ok(expected);
        }
        Err(CopyFailure::Lost(format!("{words}; {} of {expected} documents arrived", answer["count"])))
    }
}
