//! What becomes of an index that was copied in part: parts that are done are kept, and what a target has lost is copied anew.

use super::bounded;
use super::copy::{CREATE_PARALLELISM, Work};
use super::inventory::{Inventory, SourceIndex, State};
use super::stream::Part;
use crate::error::MigrationError;
use drydock_core::scenario::CreateIndices;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

impl Work<'_> {
    /// Takes the indices of which parts are done out of those to be removed. A frozen source is cut as it was before, so that
    /// what is done need not be done again.
    pub(super) fn recall_parts(
        &self,
        done: &BTreeSet<String>,
        wanted: &BTreeSet<&str>,
        begun: &mut Vec<String>,
    ) {
        let mut parts = self.parts();
        for (index, part) in done.iter().filter_map(|item| Part::of_item(item)) {
            if wanted.contains(index) && begun.iter().any(|n| n == index) {
                parts.entry(index.to_owned()).or_default().insert(part);
            }
        }
        begun.retain(|n| !parts.contains_key(n));
    }

    /// Parts that an earlier attempt has copied, by index.
    pub(super) fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<Part>>> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A target that was killed may have lost what it had acknowledged, also of an index that was finished long before:
    /// every count is held against the source's, and what is short is copied anew, once.
    pub(super) async fn copy_again_what_is_short(&self, inventory: &Inventory) -> Result<(), MigrationError> {
        for last in [false, true] {
            let there = Inventory::take(&self.target, &self.prefixes).await?;
            let counts: BTreeMap<&str, u64> =
                there.indices.iter().map(|i| (i.name.as_str(), i.documents)).collect();
            // In the official way empty indices are made after the templates.
            let later = |i: &SourceIndex| i.documents == 0 && self.mode() == CreateIndices::Upstream;
            let open = inventory.indices.iter().filter(|i| i.state == State::Open && !later(i));
            let short: Vec<&SourceIndex> =
                open.filter(|i| counts.get(i.name.as_str()) != Some(&i.documents)).collect();
            let Some(first) = short.first() else { return Ok(()) };
            let words = format!(
                "{} of {} documents of index {} are on the target",
                counts.get(first.name.as_str()).copied().unwrap_or(0),
                first.documents,
                first.name
            );
            if last {
                return Err(MigrationError::migration(
                    "copy the indices",
                    format!(
                        "{words}, and {} indices in all are short, though they were copied twice",
                        short.len()
                    ),
                    "see that nobody writes to either side, and the log of the target cluster",
                ));
            }
            self.reporter.note(&format!("{words}; {} indices are copied anew", short.len()));
            let names: Vec<String> = short.iter().map(|i| i.name.clone()).collect();
            let there: Vec<String> =
                names.iter().filter(|n| counts.contains_key(n.as_str())).cloned().collect();
            // One that is read-only cannot be removed either.
            self.lift_blocks(&there).await?;
            self.remove(&names).await?;
            bounded(CREATE_PARALLELISM, short.iter().map(|i| self.create(i)).collect()).await?;
            let full: Vec<&SourceIndex> = short.into_iter().filter(|i| i.documents > 0).collect();
            self.copy_all(&full, 0, full.iter().map(|i| i.documents).sum(), None).await?;
            self.restore_settings(&names).await?;
        }
        Ok(())
    }
}
