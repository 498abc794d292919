//! The driver: which step is carried out where.

use crate::context::{Attempt, Facts, MigrationContext, Reporter};
use crate::elasticsearch::{Backup, Pass};
use crate::error::MigrationError;
use crate::{elasticsearch, postgres, targets, way_back};
use drydock_core::plan::Action;
use std::collections::BTreeSet;

/// The five phases as the official scripts define them, with this program's own clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltinDriver;

impl BuiltinDriver {
    /// Carries out one step. `done` holds the items that an earlier attempt finished.
    ///
    /// # Errors
    /// See [`MigrationError`]. An action that belongs to the environment or to the rehearsal is an internal error.
    pub async fn perform(
        &self,
        cx: &MigrationContext,
        action: Action,
        done: &BTreeSet<String>,
        attempt: Attempt,
        reporter: &dyn Reporter,
    ) -> Result<Facts, MigrationError> {
        if cx.cancel.is_cancelled() {
            return Err(MigrationError::Interrupted);
        }
        match action {
            // These run client programs, which end by themselves when the run is cancelled.
            Action::InitialBackup(c) => postgres::dump(cx, c, postgres::DumpKind::Initial).await,
            Action::FinalBackup(c) => postgres::dump(cx, c, postgres::DumpKind::Final).await,
            Action::Restore(c) => postgres::restore(cx, c, attempt, reporter).await,
            Action::CarryGrants(c) => postgres::carry_grants(cx, c, reporter).await,
            Action::CarryRoles => postgres::carry_roles(cx, reporter).await,
            Action::TrialBackup(c) => postgres::trial_backup(cx, c).await,
            Action::TrialRestore(c) => postgres::trial_restore(cx, c, reporter).await,
            Action::TrialCopy => elasticsearch::trial_copy(cx, reporter).await,
            Action::WarmCopy => elasticsearch::copy_indices(cx, Pass::Warm, done, attempt, reporter).await,
            Action::CopyIndices => elasticsearch::copy_indices(cx, Pass::Cold, done, attempt, reporter).await,
            Action::CopyDelta => elasticsearch::carry_delta(cx, done, attempt, reporter).await,
            _ => cx
                .cancel
                .run_until_cancelled(Self::store_step(cx, action, attempt, reporter))
                .await
                .unwrap_or(Err(MigrationError::Interrupted)),
        }
    }

    async fn store_step(
        cx: &MigrationContext,
        action: Action,
        attempt: Attempt,
        reporter: &dyn Reporter,
    ) -> Result<Facts, MigrationError> {
        match action {
            Action::ValidateTargets => targets::validate(cx).await,
            Action::PrepareDatabase(c) => postgres::prepare(cx, c, attempt, reporter).await,
            Action::PrepareElasticsearch => elasticsearch::prepare(cx, reporter).await,
            Action::InitialListing => elasticsearch::back_up(cx, Backup::Initial, reporter).await,
            Action::FinalListing => elasticsearch::back_up(cx, Backup::Last, reporter).await,
            Action::SaveConfiguration => way_back::save(cx).await,
            Action::WaitTargets => targets::wait(cx, reporter).await,
            Action::ValidateHealth | Action::ValidateAlone => targets::health(cx, reporter).await,
            Action::CleanupSource => way_back::remove_dumps(cx),
            other => {
                Err(MigrationError::Internal(format!("the migration driver was asked to perform {other:?}")))
            }
        }
    }
}
