//! A trial copy: a part of the documents goes into indices of its own on the target, is timed, and is removed again. The
//! source is only read.

use super::copy::{CREATE_PARALLELISM, Pass, Work};
use super::create::{self, Definition};
use super::inventory::{SourceIndex, State, index_path, largest_first};
use super::reindex::{self, batch_size};
use super::stream::{Extent, Job, Write};
use super::{bounded, chunks};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::prediction::PREDICTED;
use drydock_core::scenario::{CreateIndices, Mover};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// What the trial's indices are called; a number follows. No template of Camunda's matches it.
const NAME: &str = "drydock-trial-";
/// Indices tried of each kind: the largest, which tell how fast bytes go, and the smallest, which tell what an index costs.
const TRIED: usize = 4;
/// Documents copied of each.
const MOST_DOCUMENTS: u64 = 5_000;

/// Copies, times, removes, and predicts the step that will copy everything.
pub(crate) async fn trial_copy(
    cx: &MigrationContext,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let (work, inventory) = Work::of(cx, Pass::Warm, reporter).await?;
    // What an earlier attempt may have left, by exact names.
    remove(&work).await?;
    let open: Vec<&SourceIndex> = inventory.indices.iter().filter(|i| i.state == State::Open).collect();
    let indices = open.len();
    let (full, _) = largest_first(open);
    let large = &full[..full.len().min(TRIED)];
    let small = &full[large.len()..];
    let small = &small[small.len().saturating_sub(TRIED)..];
    let tried = cx.cancel.run_until_cancelled(try_all(&work, large, small)).await;
    // Whatever came of it: nothing stays behind.
    let removed = remove(&work).await;
    let measured = tried.unwrap_or(Err(MigrationError::Interrupted))?;
    removed?;
    let bytes: u64 = full.iter().map(|i| i.store_bytes).sum();
    let seconds = measured.predict(indices, full.len(), bytes);
    Ok(Facts::from([
        ("documents_copied".into(), json!(measured.documents)),
        ("bytes_copied_about".into(), json!(measured.bytes)),
        ("seconds_per_index_made".into(), json!(crate::postgres::round(measured.to_make))),
        ("seconds_per_index_copied".into(), json!(crate::postgres::round(measured.to_begin))),
        ("indices".into(), json!(indices)),
        ("bytes".into(), json!(bytes)),
        (PREDICTED.into(), json!({"phase-3/restore/elasticsearch": crate::postgres::round(seconds)})),
    ]))
}

/// What the trial measured, each figure with as many at once as the real step has.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    /// Seconds to make one index.
    to_make: f64,
    /// Seconds one small index takes to be copied.
    to_begin: f64,
    /// Of the large indices.
    documents: u64,
    bytes: u64,
    seconds: f64,
}

impl Measured {
    /// Every index is made, each that holds something is begun, and the bytes go as fast as those of the trial.
    #[expect(clippy::cast_precision_loss, reason = "counts and bytes for an estimate in seconds")]
    fn predict(self, indices: usize, full: usize, bytes: u64) -> f64 {
        let fixed = indices as f64 * self.to_make + full as f64 * self.to_begin;
        if self.bytes == 0 {
            return fixed;
        }
        let begun = self.to_begin * TRIED.min(full) as f64;
        // What is left of the time when the beginnings are taken off; a fast machine leaves nothing to measure.
        let moving = (self.seconds - begun).max(self.seconds * 0.1);
        fixed + moving / self.bytes as f64 * bytes as f64
    }
}

async fn try_all(
    work: &Work<'_>,
    large: &[&SourceIndex],
    small: &[&SourceIndex],
) -> Result<Measured, MigrationError> {
    let mut measured = Measured::default();
    let all: Vec<(&SourceIndex, String)> =
        (0..).zip(large.iter().chain(small)).map(|(n, i)| (*i, format!("{NAME}{n}"))).collect();
    if all.is_empty() {
        return Ok(measured);
    }
    let begun = Instant::now();
    let made = all.iter().map(|(index, name)| make(work, index, name)).collect();
    bounded(CREATE_PARALLELISM, made).await?;
    measured.to_make = per(begun.elapsed(), all.len());
    let parallelism = usize::try_from(work.cx.spec.reindex_parallelism).unwrap_or(1);
    let begun = Instant::now();
    let copies = all[..large.len()].iter().map(|(index, name)| copy(work, index, name)).collect();
    let copied: Vec<u64> = bounded(parallelism, copies).await?;
    measured.seconds = begun.elapsed().as_secs_f64();
    measured.documents = copied.iter().sum();
    // Unordered, so that shares are taken of all of them together.
    let there: u64 = large.iter().map(|i| i.documents).sum();
    let bytes: u64 = large.iter().map(|i| i.store_bytes).sum();
    measured.bytes = bytes.saturating_mul(measured.documents).checked_div(there).unwrap_or(0);
    if small.is_empty() {
        return Ok(measured);
    }
    let begun = Instant::now();
    let copies = all[large.len()..].iter().map(|(index, name)| copy(work, index, name)).collect();
    let _small: Vec<u64> = bounded(parallelism, copies).await?;
    measured.to_begin = per(begun.elapsed(), small.len());
    Ok(measured)
}

#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn per(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() / count.max(1) as f64
}

async fn make(work: &Work<'_>, index: &SourceIndex, name: &str) -> Result<(), MigrationError> {
    let definition: Definition = work.definition(&index.name)?.apart(name);
    create::create(&work.target, &definition, CreateIndices::Complete, work.reporter).await
}

/// Copies the first documents of one index, in the scenario's way.
async fn copy(work: &Work<'_>, index: &SourceIndex, name: &str) -> Result<u64, MigrationError> {
    let size = batch_size(work.cx.spec.reindex_batch, index.store_bytes, index.documents);
    if work.cx.spec.mover == Mover::Stream {
        let job = Job {
            index: index.name.clone(),
            into: name.to_owned(),
            extent: Extent::Whole,
            done: BTreeSet::new(),
            query: Some(json!({"range": {"_seq_no": {"lt": MOST_DOCUMENTS}}})),
            write: Write::Create,
            documents: index.documents.min(MOST_DOCUMENTS),
            store_bytes: index.store_bytes,
            page: size,
        };
        return Ok(work.stream.copy(job).await?.0);
    }
    let mut request = reindex::body(&work.cx.source.elasticsearch, &index.name, size);
    request["dest"]["index"] = json!(name);
    request["max_docs"] = json!(MOST_DOCUMENTS);
    let path = "/_reindex?wait_for_completion=true&filter_path=created,failures,timed_out";
    let answer = work
        .target
        .post(path, &request)
        .await
        .map_err(|e| MigrationError::elasticsearch(format!("try to copy index {}", index.name), &e))?;
    match (answer["created"].as_u64(), &answer["failures"]) {
        (Some(created), Value::Null) => Ok(created),
        (Some(created), Value::Array(failures)) if failures.is_empty() => Ok(created),
        _ => Err(MigrationError::migration(
            format!("try to copy index {}", index.name),
            format!("_reindex answered {answer}"),
            "see the log of the target cluster: the cutover would meet the same",
        )),
    }
}

async fn remove(work: &Work<'_>) -> Result<(), MigrationError> {
    let names: Vec<String> = (0..2 * TRIED).map(|n| format!("{NAME}{n}")).collect();
    for names in chunks(&names) {
        let path = format!("/{names}?ignore_unavailable=true");
        work.target.delete(&path).await.map_err(|e| {
            MigrationError::elasticsearch(format!("remove the trial's indices {NAME}* from the target"), &e)
        })?;
    }
    for name in &names {
        let there = work.target.get(&format!("{}/_settings/index.uuid", index_path(name))).await;
        if there.is_ok() {
            return Err(MigrationError::migration(
                format!("remove the trial's index {name} from the target"),
                "it is still there",
                "delete it by hand",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bytes_and_more_indices_take_longer_and_nothing_takes_nothing() {
        let measured = Measured { to_make: 0.1, to_begin: 0.05, documents: 10, bytes: 1000, seconds: 1.2 };
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(close(measured.predict(4, 4, 1000), 0.4 + 0.2 + 1.0));
        assert!(close(measured.predict(4, 4, 2000), 0.4 + 0.2 + 2.0));
        assert!(close(measured.predict(10, 4, 1000), 1.0 + 0.2 + 1.0));
        assert!(close(Measured::default().predict(10, 0, 0), 0.0));
        let fast = Measured { to_begin: 1.0, ..measured };
        assert!(fast.predict(4, 4, 1000) > 4.0);
    }
}
