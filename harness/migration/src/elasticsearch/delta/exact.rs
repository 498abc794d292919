//! The exact delta. Between the warm copy and now, both sides frozen:
//! - operations above an index's mark are carried again, found by their sequence numbers;
//! - where the target then counts more documents than the source, those that the source has no more are removed;
//! - indices that are new, or no continuation of what was copied, are copied whole, and dropped ones are dropped;
//! - mappings, settings and aliases become the source's of now.
//!
//! At the end every index counts what the source counts, or this fails.

use super::fit::{Aliases, Fit};
use crate::context::{Attempt, Facts};
use crate::elasticsearch::bounded;
use crate::elasticsearch::copy::{CREATE_PARALLELISM, Work};
use crate::elasticsearch::create::{Definition, definitions};
use crate::elasticsearch::inventory::{self, Inventory, SourceIndex, State, index_path, largest_first};
use crate::elasticsearch::marks::{self, IndexMark, Known};
use crate::elasticsearch::stream::{Extent, Job, Sent, Write};
use crate::error::MigrationError;
use crate::without::Without;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;

/// What becomes of one open index of the source.
#[derive(Debug, PartialEq, Eq)]
enum Course {
    /// Nothing was written to it.
    Still,
    /// Shards with what was written above these sequence numbers.
    Catch(Vec<(u32, i64)>),
    /// It is made and copied whole.
    Whole(String),
    /// An earlier attempt has copied it whole.
    Done,
}

pub(super) async fn carry(
    work: &Work<'_>,
    inventory: &Inventory,
    aliases: &Aliases,
    done: &BTreeSet<String>,
    attempt: Attempt,
) -> Result<Facts, MigrationError> {
    let closed = work.tell_closed(inventory);
    let known = marks::recall(&work.cx.run_dir)?;
    let now = marks::of_all(&work.source, &work.prefixes).await?;
    work.stop_copies().await?;
    let mut there = wanted(definitions(&work.target, &work.prefixes.pattern()).await?, work);
    let dropped = drop_indices(work, inventory, &known, &mut there).await?;
    let names: Vec<String> = there.keys().cloned().collect();
    work.lift_blocks(&names).await?;
    let mut aliases_changed = work.drop_aliases(aliases, &there).await?;

    let open: Vec<&SourceIndex> = inventory.indices.iter().filter(|i| i.state == State::Open).collect();
    let mut whole = Vec::new();
    let mut catch = Vec::new();
    let mut still = 0_u64;
    for index in &open {
        let target = there.get(&index.name);
        let known = known.get(&index.name);
        let course = course(index, known, now.get(&index.name), target.is_some(), done);
        if attempt == Attempt::First && target.is_some() && known.is_none() {
            return Err(not_ours(&index.name));
        }
        let course = match (&course, target, known) {
            (Course::Still | Course::Catch(_), Some(target), Some(known)) => {
                match work.fit(work.definition(&index.name)?, target, &known.settings).await? {
                    Fit::Fits => course,
                    Fit::Anew(why) => Course::Whole(why),
                }
            }
            _ => course,
        };
        match course {
            Course::Still => still += 1,
            Course::Done => {}
            Course::Catch(_) if Without::Operations.is_gone() => still += 1,
            Course::Catch(shards) => catch.push((*index, shards)),
            Course::Whole(why) => {
                tell_whole(work, index, &why, known.is_some());
                whole.push(*index);
            }
        }
    }

    copy_whole(work, &whole).await?;
    let moved: Vec<String> = catch.iter().map(|(i, _)| i.name.clone()).collect();
    let mut sent = Sent::default();
    let parallelism = usize::try_from(work.cx.spec.reindex_parallelism).unwrap_or(usize::MAX);
    for caught in bounded(parallelism, catch.into_iter().map(|c| catch_up(work, c)).collect()).await? {
        sent.add(caught);
    }
    let (ghosts, again) = settle(work, &open).await?;
    work.restore_settings(&work.present().await?).await?;
    // From here on nothing can be lost by a crash; what was lost before is seen now.
    count_for_good(work, &open).await?;
    let mut facts = work.carry_the_rest(inventory, &[]).await?;
    aliases_changed += work.set_aliases(aliases).await?;

    facts.insert("documents".into(), json!(inventory.documents()));
    facts.insert("documents_created".into(), json!(sent.created));
    facts.insert("documents_replaced".into(), json!(sent.replaced));
    facts.insert("documents_with_lower_version".into(), json!(sent.overruled));
    facts.insert("documents_removed".into(), json!(ghosts));
    facts.insert("indices_still".into(), json!(still));
    facts.insert("indices_caught_up".into(), json!(moved.len()));
    facts.insert("indices_copied_whole".into(), json!(whole.len() + again));
    facts.insert("indices_dropped".into(), json!(dropped));
    facts.insert("aliases_changed".into(), json!(aliases_changed));
    facts.insert("not_copied".into(), json!(closed));
    Ok(facts)
}

fn wanted(all: BTreeMap<String, Definition>, work: &Work<'_>) -> BTreeMap<String, Definition> {
    all.into_iter().filter(|(name, _)| work.prefixes.matches(name)).collect()
}

fn course(
    index: &SourceIndex,
    known: Option<&Known>,
    now: Option<&IndexMark>,
    on_target: bool,
    done: &BTreeSet<String>,
) -> Course {
    if on_target && done.contains(&index.name) {
        return Course::Done;
    }
    let Some(known) = known else { return Course::Whole("it is new".into()) };
    let Some(now) = now else { return Course::Whole("its sequence numbers are not told".into()) };
    if !on_target {
        return Course::Whole("the target has lost it".into());
    }
    if !known.mark.is_continued_by(now) {
        return Course::Whole("it is not the index that was copied, or its primary has changed".into());
    }
    match known.mark.moved_since(now) {
        shards if shards.is_empty() => Course::Still,
        shards => Course::Catch(shards),
    }
}

fn not_ours(name: &str) -> MigrationError {
    MigrationError::migration(
        "carry the delta",
        format!("the target holds index {name}, which the warm copy did not make"),
        "remove it or name another target; nothing was changed in it",
    )
}

/// New indices are the rule and not worth a line; others are.
fn tell_whole(work: &Work<'_>, index: &SourceIndex, why: &str, was_copied: bool) {
    if was_copied {
        work.reporter.note(&format!("index {} is copied whole again: {why}", index.name));
    }
}

/// Drops what the warm copy made of indices that the source has no more. Returns their names.
async fn drop_indices(
    work: &Work<'_>,
    inventory: &Inventory,
    known: &BTreeMap<String, Known>,
    there: &mut BTreeMap<String, Definition>,
) -> Result<Vec<String>, MigrationError> {
    if Without::DropPropagation.is_gone() {
        return Ok(Vec::new());
    }
    let on_source: BTreeSet<&str> = inventory.indices.iter().map(|i| i.name.as_str()).collect();
    let dropped: Vec<String> =
        there.keys().filter(|n| known.contains_key(*n) && !on_source.contains(n.as_str())).cloned().collect();
    work.remove(&dropped).await?;
    there.retain(|name, _| !dropped.contains(name));
    Ok(dropped)
}

/// Makes indices anew and fills them.
async fn copy_whole(work: &Work<'_>, whole: &[&SourceIndex]) -> Result<(), MigrationError> {
    // Those that are not there are passed over.
    work.remove(&whole.iter().map(|i| i.name.clone()).collect::<Vec<_>>()).await?;
    bounded(CREATE_PARALLELISM, whole.iter().map(|i| work.create(i)).collect()).await?;
    let (full, empty) = largest_first(whole.to_vec());
    work.copy_all(&full, 0, full.iter().map(|i| i.documents).sum(), None).await?;
    for index in empty {
        work.reporter.item(&index.name, 0);
    }
    Ok(())
}

/// Carries what was written to an index since its mark.
async fn catch_up(
    work: &Work<'_>,
    (index, shards): (&SourceIndex, Vec<(u32, i64)>),
) -> Result<Sent, MigrationError> {
    let definition = work.definition(&index.name)?;
    // Synced with every request: an operation on a document that is there already, taken back by a crash, changes no count.
    let mut eased = json!({"index.refresh_interval": "-1", "index.translog.durability": "request"});
    if definition.settings.contains_key("index.final_pipeline") {
        eased["index.final_pipeline"] = json!("_none");
    }
    let path = format!("{}/_settings", index_path(&index.name));
    work.target.put(&path, &eased).await.map_err(|e| {
        MigrationError::elasticsearch(format!("ease the settings of index {} on the target", index.name), &e)
    })?;
    let single = definition.settings.get("index.number_of_shards").and_then(Value::as_str) == Some("1");
    let mut sent = Sent::default();
    for (shard, checkpoint) in shards {
        let job = Job {
            index: index.name.clone(),
            into: index.name.clone(),
            extent: if single { Extent::Whole } else { Extent::Shard(shard) },
            done: BTreeSet::new(),
            query: Some(json!({"range": {"_seq_no": {"gt": checkpoint}}})),
            write: Write::Replace,
            documents: index.documents,
            store_bytes: index.store_bytes,
            page: work.cx.spec.reindex_batch,
        };
        let (read, now) = work.stream.copy(job).await?;
        work.copied.fetch_add(read, Ordering::Relaxed);
        sent.add(now);
    }
    Ok(sent)
}

/// Brings every index to the source's count: ghosts are removed, and an index that then still differs is copied whole.
/// Returns the number of documents removed and of indices copied.
async fn settle(work: &Work<'_>, open: &[&SourceIndex]) -> Result<(u64, usize), MigrationError> {
    let mut removed = 0;
    for (index, count) in miscounted(work, open).await? {
        // Counted first: to compare names costs a read of both sides.
        if count > index.documents && !Without::DeletePropagation.is_gone() {
            let ghosts = work.ghosts(&index.name).await?;
            removed += ghosts.len() as u64;
            work.stream.remove(&index.name, &ghosts).await?;
        }
    }
    let left: Vec<&SourceIndex> = miscounted(work, open).await?.into_iter().map(|(index, _)| index).collect();
    if left.is_empty() {
        return Ok((removed, 0));
    }
    for index in &left {
        tell_whole(work, index, "it does not count what the source counts", true);
    }
    copy_whole(work, &left).await?;
    count_for_good(work, open).await?;
    Ok((removed, left.len()))
}

/// Every index must count what the source counts.
async fn count_for_good(work: &Work<'_>, open: &[&SourceIndex]) -> Result<(), MigrationError> {
    if Without::CountComparison.is_gone() {
        return Ok(());
    }
    match miscounted(work, open).await?.first() {
        None => Ok(()),
        Some((index, count)) => Err(MigrationError::migration(
            format!("carry the delta of index {}", index.name),
            format!("the source counts {} documents, and the target {count}", index.documents),
            "see that nobody writes to either side, then resume the run",
        )),
    }
}

/// Indices whose target counts other than the source, with the target's count.
async fn miscounted<'i>(
    work: &Work<'_>,
    open: &[&'i SourceIndex],
) -> Result<Vec<(&'i SourceIndex, u64)>, MigrationError> {
    inventory::refresh(&work.target, &work.prefixes).await?;
    let names: Vec<String> = open.iter().map(|i| i.name.clone()).collect();
    let counts = inventory::counts(&work.target, &names).await?;
    let differing = open.iter().filter_map(|index| {
        let count = counts.get(&index.name).copied().unwrap_or(0);
        // Without deletes to propagate, whatever is too many is let be.
        let count = if Without::DeletePropagation.is_gone() { count.min(index.documents) } else { count };
        (count != index.documents).then_some((*index, count))
    });
    Ok(differing.collect())
}
