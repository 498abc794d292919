//! Elasticsearch: listing the source, creating every index on the target, copying, templates.

mod answer;
mod back_up;
mod by_hand;
mod copy;
mod copy_one;
mod create;
mod delta;
mod dump;
mod ease;
mod inventory;
mod marks;
mod objects;
mod parts;
mod prefixes;
mod reindex;
mod running;
mod settings;
mod snapshot;
mod stream;
mod target;
mod templates;
mod trial;
mod upstream;
mod warm;

pub(crate) use back_up::{Backup, back_up};
pub(crate) use copy::{Pass, copy_indices};
pub(crate) use delta::carry_delta;
pub(crate) use drydock_stores::elasticsearch::path_segment as encode;
pub(crate) use inventory::{
    Inventory, SourceIndex, State, counts as document_counts, list, names as index_names, refresh,
};
pub use marks::forget_warm_copy;
pub(crate) use prefixes::Prefixes;
pub(crate) use target::{RemoteRead, prepare, remote_read};
pub(crate) use templates::names as template_names;
pub(crate) use trial::trial_copy;

use crate::error::MigrationError;
use futures_util::{StreamExt, TryStreamExt};

/// Runs futures with at most `limit` of them under way; the first error drops the others.
pub(crate) async fn bounded<T, F>(limit: usize, futures: Vec<F>) -> Result<Vec<T>, MigrationError>
where
    F: Future<Output = Result<T, MigrationError>>,
{
    futures_util::stream::iter(futures).buffer_unordered(limit.max(1)).try_collect().await
}

/// Index names joined into paths that stay below the 4096 bytes a request line may have.
pub(crate) fn chunks(names: &[String]) -> Vec<String> {
    let mut chunks: Vec<String> = Vec::new();
    for name in names.iter().map(|n| encode(n)) {
        match chunks.last_mut() {
            Some(last) if last.len() + name.len() < 3000 => {
                last.push(',');
                last.push_str(&name);
            }
            _ => chunks.push(name),
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::chunks;

    #[test]
    fn long_lists_are_split_and_nothing_is_lost() {
        let names: Vec<String> =
            (0..500).map(|n| format!("operate-list-view-8.3.0_2026-01-{n:04}")).collect();
        let chunks = chunks(&names);
        assert!(chunks.len() > 1 && chunks.iter().all(|c| c.len() < 3100));
        assert_eq!(chunks.join(",").split(',').count(), 500);
    }
}
