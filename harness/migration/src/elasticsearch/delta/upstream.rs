//! The delta of the official scripts: every index once more, with `version_type=external` and `conflicts=proceed`. What the
//! source has deleted or dropped stays on the target, and so does what it re-created with a lower version.

use crate::context::Facts;
use crate::elasticsearch::copy::{CREATE_PARALLELISM, Work};
use crate::elasticsearch::inventory::{self, Inventory, SourceIndex, State, largest_first};
use crate::elasticsearch::reindex::{Caught, CopyFailure, batch_size, catch_up};
use crate::elasticsearch::settings::largest_page;
use crate::elasticsearch::{bounded, chunks};
use crate::error::MigrationError;
use drydock_core::scenario::CreateIndices;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

pub(super) async fn carry(work: &Work<'_>, inventory: &Inventory) -> Result<Facts, MigrationError> {
    work.stop_copies().await?;
    let closed = work.tell_closed(inventory);
    let there: BTreeSet<String> = work.present().await?.into_iter().collect();
    let open = inventory.indices.iter().filter(|i| i.state == State::Open).collect();
    let (full, empty) = largest_first(open);
    let missing = |indices: &[&'_ SourceIndex]| -> Vec<SourceIndex> {
        indices.iter().filter(|i| !there.contains(&i.name)).map(|i| (*i).clone()).collect()
    };
    let mut made = missing(&full);
    let empty_made = missing(&empty);
    if work.mode() == CreateIndices::Complete {
        made.extend(empty_made.iter().cloned());
    }
    let names: Vec<String> = there.iter().cloned().collect();
    ease(work, &names).await?;
    bounded(CREATE_PARALLELISM, made.iter().map(|i| work.create(i)).collect()).await?;

    let parallelism = usize::try_from(work.cx.spec.reindex_parallelism).unwrap_or(usize::MAX);
    let total = inventory.documents();
    let caught = bounded(parallelism, full.iter().map(|i| again(work, i, total)).collect()).await?;
    work.restore_settings(&work.present().await?).await?;
    let empty_made: Vec<&SourceIndex> = empty_made.iter().collect();
    let mut facts = work.carry_the_rest(inventory, &empty_made).await?;
    if work.mode() == CreateIndices::Complete {
        work.add_aliases().await?;
    }
    inventory::refresh(&work.target, &work.prefixes).await?;
    let sum = |of: fn(&Caught) -> u64| caught.iter().map(of).sum::<u64>();
    let dropped: Vec<&String> =
        there.iter().filter(|n| inventory.indices.iter().all(|i| i.name != **n)).collect();
    if !dropped.is_empty() {
        work.reporter.note(&format!(
            "{} indices were dropped on the source since the warm copy; the official scripts leave them on the target",
            dropped.len()
        ));
    }
    facts.insert("documents".into(), json!(total));
    facts.insert("documents_created".into(), json!(sum(|c| c.created)));
    facts.insert("documents_updated".into(), json!(sum(|c| c.updated)));
    facts.insert("documents_skipped".into(), json!(sum(|c| c.skipped)));
    facts.insert("indices_new".into(), json!(made.len()));
    facts.insert("indices_left_behind".into(), json!(dropped));
    facts.insert("not_copied".into(), json!(closed));
    Ok(facts)
}

/// One index again; under pressure with smaller batches. What is there already does no harm.
async fn again(work: &Work<'_>, index: &SourceIndex, total: u64) -> Result<Caught, MigrationError> {
    let largest = work.definitions.get(&index.name).map_or(u32::MAX, |d| largest_page(&d.settings));
    let mut size = batch_size(work.cx.spec.reindex_batch, index.store_bytes, index.documents).min(largest);
    loop {
        let source = &work.cx.source.elasticsearch;
        match catch_up(&work.target, source, &index.name, size).await {
            Ok(caught) => {
                let now = work.copied.fetch_add(caught.total, Ordering::Relaxed) + caught.total;
                work.reporter.item(&index.name, caught.created + caught.updated);
                work.reporter.progress(now, Some(total), "documents");
                return Ok(caught);
            }
            Err(CopyFailure::Other(error)) => return Err(error),
            Err(CopyFailure::Pressure(words) | CopyFailure::Lost(words) | CopyFailure::Unanswered(words))
                if size == 1 =>
            {
                return Err(MigrationError::migration(
                    format!("copy index {} again", index.name),
                    format!("even with one document a batch: {words}"),
                    "give the clusters more heap, or lower reindex_parallelism",
                ));
            }
            Err(CopyFailure::Pressure(words) | CopyFailure::Lost(words) | CopyFailure::Unanswered(words)) => {
                size = (size / 4).max(1);
                work.retries.fetch_add(1, Ordering::Relaxed);
                work.reporter
                    .note(&format!("index {}: {words}; again with {size} documents a batch", index.name));
            }
        }
    }
}

/// Eases what the warm copy made, and lifts blocks, which would refuse the delta.
async fn ease(work: &Work<'_>, names: &[String]) -> Result<(), MigrationError> {
    if work.mode() == CreateIndices::Upstream {
        let eased = names.iter().map(|n| work.tune_upstream(n)).collect();
        return bounded(CREATE_PARALLELISM, eased).await.map(drop);
    }
    work.lift_blocks(names).await?;
    let eased = json!({"index.refresh_interval": "-1", "index.number_of_replicas": 0, "index.translog.durability": "async"});
    for path in chunks(names) {
        work.target
            .put(&format!("/{path}/_settings"), &eased)
            .await
            .map_err(|e| MigrationError::elasticsearch("ease the settings of indices on the target", &e))?;
    }
    Ok(())
}
