//! The delta: what a warm copy lacks once the source is frozen.

mod exact;
mod fit;
mod ghosts;
mod upstream;

use super::copy::{Pass, Work};
use crate::context::{Attempt, Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::scenario::Delta;
use std::collections::BTreeSet;
use tokio::time::Instant;

/// Carries what has changed since the warm copy. `done`: indices that an earlier attempt of this step copied whole.
pub(crate) async fn carry_delta(
    cx: &MigrationContext,
    done: &BTreeSet<String>,
    attempt: Attempt,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let begun = Instant::now();
    let (work, inventory) = Work::of(cx, Pass::Cold, reporter).await?;
    match cx.spec.delta() {
        Delta::Upstream => {
            work.to_the_end(begun, attempt, async { upstream::carry(&work, &inventory).await }).await
        }
        Delta::Exact => {
            let (work, aliases) = work.without_aliases();
            work.to_the_end(begun, attempt, async {
                exact::carry(&work, &inventory, &aliases, done, attempt).await
            })
            .await
        }
    }
}
