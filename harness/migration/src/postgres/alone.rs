//! A restore works alone. An application that is alive on the target while its database is restored, or a second restore of the
//! same dump, would mix its rows with those that arrive.

use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, connect};
use std::time::Duration;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(150);

/// Sessions on a database that may have written: those of its application's role, and any with a transaction that wrote. This
/// program's own are left out, and so is whoever only looks.
const OTHERS: &str = "SELECT pid, coalesce(nullif(application_name, ''), '(no application name)'), usename::text, \
     coalesce(host(client_addr), 'a local socket') FROM pg_stat_activity \
     WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() \
       AND application_name NOT LIKE 'drydock%' AND (usename::text = $1 OR backend_xid IS NOT NULL) ORDER BY pid";

/// Waits for `work`, which restores `database` on the target, and looks meanwhile who else is there.
///
/// # Errors
/// Those of `work`; or somebody else worked on the database, which is then incomplete or mixed.
pub(super) async fn while_restoring<T>(
    cx: &MigrationContext,
    database: &str,
    work: impl Future<Output = Result<T, MigrationError>>,
) -> Result<T, MigrationError> {
    if Without::Alone.is_gone() {
        return work.await;
    }
    let watch = connect(&cx.target.postgres, database, APPLICATION_NAME).await?;
    if let Some(other) = somebody_else(&watch, database).await? {
        return Err(not_alone(database, &other));
    }
    let mut seen = None;
    let done = {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => break done,
                () = tokio::time::sleep(LOOK) => {
                    // A look that fails is no finding: a store that is gone is told by the work itself.
                    if seen.is_none() && let Ok(Some(other)) = somebody_else(&watch, database).await {
                        seen = Some(other);
                    }
                }
            }
        }
    };
    if seen.is_none() && done.is_ok() {
        seen = somebody_else(&watch, database).await?;
    }
    match seen {
        Some(other) => Err(not_alone(database, &other)),
        None => done,
    }
}

async fn somebody_else(watch: &Connection, database: &str) -> Result<Option<String>, MigrationError> {
    let rows = watch.query(OTHERS, &[&database]).await.map_err(|e| {
        MigrationError::statement(format!("list the sessions on {database} of the target"), &e)
    })?;
    let named: Vec<String> = rows
        .iter()
        .map(|row| {
            let (pid, application, role, address): (i32, String, String, String) =
                (row.get(0), row.get(1), row.get(2), row.get(3));
            format!("session {pid} of {application} as {role} from {address}")
        })
        .collect();
    Ok((!named.is_empty()).then(|| named.join(", ")))
}

fn not_alone(database: &str, other: &str) -> MigrationError {
    MigrationError::environment(
        format!("restore database {database}"),
        format!("somebody else works on it meanwhile: {other}"),
        "stop whoever it is (an application that was started too early, another restore), then resume the run, which makes the \
         database anew",
    )
}
