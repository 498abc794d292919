//! `pg_restore` into an empty database, and what its exit code and log mean.

use super::dump::{DumpKind, path, round};
use super::server::{MAINTENANCE, contents, not_empty, recreate};
use super::{alone, by_hand, database_of};
use crate::context::{Attempt, Facts, MigrationContext, Reporter};
use crate::error::{MigrationError, is_cut};
use crate::program::{self, Output, database_argument};
use crate::without::Without;
use drydock_core::Component;
use drydock_core::scenario::DatabaseMover;
use drydock_stores::postgres::{APPLICATION_NAME, Connection, PostgresError, connect};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use tokio::time::Instant;

/// Tries of a restore whose connection is cut.
const TRIES: u32 = 3;
/// Tries to reach a target again, a pause apart: six seconds, as for requests of Elasticsearch.
const RECONNECTS: u32 = 12;
const PAUSE: Duration = Duration::from_millis(500);

/// What `pg_restore` says, in lower case, of a table whose rows did not arrive. The official scripts pass over it, and the table is empty.
const ROWS_LACK: &str = "copy failed for table";

/// What a finished `pg_restore` means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// Without an error.
    Clean,
    /// With errors that the official scripts pass over; they are told one by one.
    Tolerated(Vec<String>),
    /// It failed.
    Failed(Vec<String>),
}

/// Exit code 0 is well; 1 is tolerated unless the errors speak of something fatal; everything else failed. Only lines of
/// errors are looked at: the names of tables, which the log is full of, say nothing.
pub(super) fn classify(code: i32, log: &str) -> Restored {
    let errors: Vec<String> = log
        .lines()
        .filter(|l| {
            let lower = l.to_lowercase();
            lower.contains("error:") || lower.contains("fatal:") || lower.contains("out of memory")
        })
        .map(|l| l.trim().to_owned())
        .collect();
    if Without::ExitCodes.is_gone() {
        return Restored::Clean;
    }
    match code {
        0 => Restored::Clean,
        1 => {
            let fatal = errors.iter().any(|l| {
                let lower = l.to_lowercase();
                let lacks_rows = lower.contains(ROWS_LACK) && !Without::PartialTables.is_gone();
                lacks_rows
                    || ["fatal", "could not", "connection refused", "out of memory"]
                        .iter()
                        .any(|w| lower.contains(w))
            });
            // An exit code of 1 without a word is nothing to rely on.
            if fatal || errors.is_empty() { Restored::Failed(errors) } else { Restored::Tolerated(errors) }
        }
        _ => Restored::Failed(errors),
    }
}

/// Flags of `pg_restore`, the official scripts' own.
pub(super) fn arguments(database: &str, file: &Path) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["--clean", "--if-exists", "--no-owner", "--no-privileges", "--verbose"].map(Into::into).to_vec();
    arguments.push(database_argument(database));
    arguments.push(file.display().to_string());
    arguments
}

/// Restores the final dump of a component into its database, which must be empty; again, the database is made anew first.
///
/// Afterwards the database is analysed, which the official scripts leave to the server's background work: `pg_dump` carries
/// no statistics, and an application that starts without them plans badly. The time it takes is a fact of its own.
pub(crate) async fn restore(
    cx: &MigrationContext,
    component: Component,
    attempt: Attempt,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let database = database_of(component)?;
    let file = path(cx, component, DumpKind::Final);
    if !file.exists() {
        return Err(MigrationError::migration(
            format!("restore database {database}"),
            format!("there is no dump at {}", file.display()),
            "make the final dump first",
        ));
    }
    match (contents(&cx.target.postgres, database).await?, attempt) {
        (Some(0), Attempt::First) => {}
        (Some(objects), Attempt::First) => return Err(not_empty(database, objects)),
        (None, Attempt::First) => {
            return Err(MigrationError::migration(
                format!("restore database {database}"),
                "the target has no such database",
                "prepare the target first",
            ));
        }
        (_, Attempt::Again) if Without::Anew.is_gone() => {}
        (_, Attempt::Again) => {
            let session = connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await?;
            recreate(cx, &session, database, reporter).await?;
        }
    }
    let mut tries = 1;
    let (output, errors) = loop {
        let error = match alone::while_restoring(cx, database, once(cx, component, database, &file, reporter))
            .await
        {
            Ok(restored) => break restored,
            Err(error) => error,
        };
        let words = error.to_string();
        if tries == TRIES || !is_cut(&words) {
            return Err(error);
        }
        reporter
            .note(&format!("restore of {database}: {words}; its database is made anew and restored again"));
        tokio::time::sleep(PAUSE * tries).await;
        tries += 1;
        let session = reconnect(cx).await?;
        recreate(cx, &session, database, reporter).await?;
    };
    let begun = Instant::now();
    let session = connect(&cx.target.postgres, database, APPLICATION_NAME).await?;
    session
        .batch_execute("ANALYZE")
        .await
        .map_err(|e| MigrationError::statement(format!("analyse database {database} on the target"), &e))?;
    let analyzed = begun.elapsed().as_secs_f64();
    let row = session
        .query_one("SELECT pg_database_size(current_database())", &[])
        .await
        .map_err(|e| MigrationError::statement(format!("measure database {database} on the target"), &e))?;
    Ok(Facts::from([
        ("seconds".into(), json!(round(output.seconds))),
        ("analyzed".into(), json!(round(analyzed))),
        ("database_bytes".into(), json!(row.get::<_, i64>(0))),
        ("exit_code".into(), json!(output.code)),
        ("errors".into(), json!(errors)),
    ]))
}

/// A session on a target whose connections were just cut: it may take some seconds until it is reached again.
async fn reconnect(cx: &MigrationContext) -> Result<Connection, PostgresError> {
    let mut left = RECONNECTS;
    loop {
        match connect(&cx.target.postgres, MAINTENANCE, APPLICATION_NAME).await {
            Err(error) if left > 0 && is_cut(&error.to_string()) => {
                left -= 1;
                tokio::time::sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn once(
    cx: &MigrationContext,
    component: Component,
    database: &str,
    file: &Path,
    reporter: &dyn Reporter,
) -> Result<(Output, Vec<String>), MigrationError> {
    match cx.spec.database_mover {
        DatabaseMover::Scripts => as_scripts(cx, component, database, file, reporter).await,
        DatabaseMover::Custom | DatabaseMover::Plain => {
            Ok((by_hand::restore(cx, component, database).await?, Vec::new()))
        }
    }
}

/// `pg_restore` with the flags of the official scripts, and the errors they pass over.
async fn as_scripts(
    cx: &MigrationContext,
    component: Component,
    database: &str,
    file: &Path,
    reporter: &dyn Reporter,
) -> Result<(Output, Vec<String>), MigrationError> {
    let log = format!("pg_restore-{component}");
    let endpoint = cx.as_role(&cx.target, database)?;
    let output = program::run(cx, "pg_restore", arguments(database, file), Some(&endpoint), &log).await?;
    let errors = match classify(output.code, &output.stderr) {
        Restored::Clean => Vec::new(),
        Restored::Tolerated(errors) => {
            let redactor = cx.redactor();
            for error in &errors {
                reporter.note(&format!("pg_restore of {database}: {}", redactor.apply(error)));
            }
            errors.iter().map(|e| redactor.apply(e)).collect()
        }
        Restored::Failed(errors) => {
            let words = match errors.first() {
                Some(first) => {
                    format!("exit code {}, {} errors, the first: {first}", output.code, errors.len())
                }
                None => format!("exit code {}: {}", output.code, program::last_words(&output)),
            };
            return Err(MigrationError::from_words(
                format!("pg_restore of database {database}"),
                cx.redactor().apply(&words),
                &format!("see logs/{log}.log; the database on the target is incomplete"),
            ));
        }
    };
    Ok((output, errors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_and_errors_decide_not_table_names() {
        assert_eq!(classify(0, "pg_restore: creating TABLE \"public.fatal_errors\""), Restored::Clean);
        let tolerated = "pg_restore: creating TABLE \"public.could not\"\npg_restore: error: options are odd\n\
            pg_restore: warning: errors ignored on restore: 1";
        assert_eq!(
            classify(1, tolerated),
            Restored::Tolerated(vec!["pg_restore: error: options are odd".into()])
        );
        for fatal in [
            "pg_restore: error: could not execute query: ERROR:  permission denied for schema public",
            "FATAL:  role does not exist",
            "out of memory",
            "pg_restore: error: COPY failed for table \"users\": ERROR:  canceling statement due to statement timeout",
            "",
        ] {
            assert!(matches!(classify(1, fatal), Restored::Failed(_)), "{fatal}");
        }
        assert!(matches!(classify(2, "pg_restore: error: options are odd"), Restored::Failed(_)));
        assert!(matches!(classify(137, ""), Restored::Failed(_)));
    }
}
