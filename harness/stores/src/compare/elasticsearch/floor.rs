//! The floor under the comparison: the same pages of both sides, asked for in the same way and thrown away unread.

use super::super::result::Options;
use super::contents;
use crate::elasticsearch::{PinnedEs, StreamError};
use futures_util::StreamExt;
use tokio::sync::Semaphore;

/// Reads every document of the indices that both sides have, both sides at once, and discards it. Returns the bytes of all
/// answers together.
///
/// # Errors
/// A side could not be read.
pub async fn drain(source: &PinnedEs, target: &PinnedEs, options: &Options) -> Result<u64, StreamError> {
    let count = |side: &PinnedEs, name: &str| side.indices()[name].documents.as_ref().ok().copied();
    let mut names: Vec<_> = super::common(source, target)
        .filter_map(|name| Some((name, count(source, name)?.max(count(target, name)?))))
        .collect();
    names.sort_by_key(|(_, documents)| std::cmp::Reverse(*documents));
    let readers = Semaphore::new(options.parallel.max(1));
    let (readers, reading) = (&readers, contents::reading(options));
    let mut drained = futures_util::stream::iter(names.into_iter().map(|(name, documents)| async move {
        let slices = PinnedEs::slices(documents, options.parallel);
        // The semaphore is never closed.
        let _readers = readers.acquire_many(u32::try_from(slices).unwrap_or(1)).await;
        let (a, b) = tokio::join!(source.drain(name, reading, slices), target.drain(name, reading, slices));
        Ok::<_, StreamError>(a? + b?)
    }))
    .buffer_unordered(options.parallel.max(1));
    let mut bytes = 0;
    while let Some(done) = drained.next().await {
        bytes += done?;
    }
    Ok(bytes)
}
