//! A trial of dump and restore: timed, and nothing of it stays behind.

use super::database_of;
use super::dump::{DumpKind, dump, path, round};
use super::restore::{Restored, arguments, classify};
use super::server::{MAINTENANCE, create_apart, drop_database};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use crate::program;
use drydock_core::Component;
use drydock_core::prediction::PREDICTED;
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use serde_json::json;
use tokio::time::Instant;

/// Dumps the database while users read, and predicts the final dump.
pub(crate) async fn trial_backup(
    cx: &MigrationContext,
    component: Component,
) -> Result<Facts, MigrationError> {
    let begun = Instant::now();
    let mut facts = dump(cx, component, DumpKind::Trial).await?;
    let step = format!("phase-3/backup/{component}");
    facts.insert(PREDICTED.into(), json!({step: round(begun.elapsed().as_secs_f64())}));
    Ok(facts)
}

/// Restores the trial's dump into a database of its own, drops it, removes the dump, and predicts the restore. Who tries again makes the
/// dump again where it is gone.
pub(crate) async fn trial_restore(
    cx: &MigrationContext,
    component: Component,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let role = database_of(component)?;
    let apart = format!("drydock_trial_{component}");
    let file = path(cx, component, DumpKind::Trial);
    if !file.exists() {
        // A try that failed, or was killed before it was noted as done, has removed it.
        dump(cx, component, DumpKind::Trial).await?;
    }
    let session = connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    create_apart(cx, &session, &apart, role, reporter).await?;
    let restored = restore(cx, component, DumpKind::Trial, &apart).await;
    // Whatever came of it: nothing stays behind. The first failure is the one to tell.
    let dropped = drop_database(&session, &apart).await;
    let removed = std::fs::remove_file(&file).map_err(|e| MigrationError::io("remove", &file, &e));
    let seconds = restored?;
    dropped?;
    removed?;
    let step = format!("phase-3/restore/{component}");
    Ok(Facts::from([
        ("seconds".into(), json!(round(seconds))),
        (PREDICTED.into(), json!({step: round(seconds)})),
    ]))
}

/// Restores a dump into a database of its own on the target and drops it: proof that it can be restored.
pub(crate) async fn restore_apart(
    cx: &MigrationContext,
    component: Component,
    kind: DumpKind,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    let role = database_of(component)?;
    let apart = format!("drydock_way_back_{component}");
    let session = connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await?;
    create_apart(cx, &session, &apart, role, reporter).await?;
    let restored = restore(cx, component, kind, &apart).await;
    let dropped = drop_database(&session, &apart).await;
    restored?;
    dropped
}

/// Seconds of restoring and analysing.
async fn restore(
    cx: &MigrationContext,
    component: Component,
    kind: DumpKind,
    apart: &str,
) -> Result<f64, MigrationError> {
    let begun = Instant::now();
    let file = path(cx, component, kind);
    let log = format!("pg_restore-{component}-trial");
    let endpoint = cx.as_role(&cx.target, database_of(component)?)?;
    let output = program::run(cx, "pg_restore", arguments(apart, &file), Some(&endpoint), &log).await?;
    if let Restored::Failed(errors) = classify(output.code, &output.stderr) {
        let words = errors.first().cloned().unwrap_or_else(|| program::last_words(&output));
        return Err(MigrationError::from_words(
            format!("try to restore database {component}"),
            cx.redactor().apply(&words),
            &format!("see logs/{log}.log: the cutover would meet the same"),
        ));
    }
    let session = connect(&cx.target.postgres, apart, APPLICATION_NAME).await?;
    session
        .batch_execute("ANALYZE")
        .await
        .map_err(|e| MigrationError::statement(format!("analyse database {apart} on the target"), &e))?;
    Ok(begun.elapsed().as_secs_f64())
}
