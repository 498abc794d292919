//! What is done with the source's indices before anything is restored: listed, and put aside where the mover calls for it.

use super::{dump, list, snapshot};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::scenario::Mover;

/// Which of the two of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backup {
    /// While users work.
    Initial,
    /// Of the frozen source.
    Last,
}

/// Lists the source; with a manual mover the indices are put aside as well.
pub(crate) async fn back_up(
    cx: &MigrationContext,
    which: Backup,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    match (cx.spec.mover, which) {
        (Mover::Snapshot, Backup::Initial) => snapshot::take(cx, snapshot::Which::Initial, reporter).await,
        (Mover::Snapshot, Backup::Last) => snapshot::take(cx, snapshot::Which::Last, reporter).await,
        (Mover::Dump, Backup::Last) => dump::write(cx, reporter).await,
        _ => list(cx, reporter).await,
    }
}
