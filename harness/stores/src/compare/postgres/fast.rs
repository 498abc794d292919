//! The fast tier: both servers digest a table by themselves; only two numbers travel.

use super::job::{Job, Which};
use crate::postgres::{Connection, PostgresError};

/// Rows of a table whose digests agree, or `None`: they differ, or a server could not compute one. Then every row is
/// read, so that a fast comparison never blames what a strict one would not.
///
/// # Errors
/// The connection of a side broke.
pub(super) async fn equal(
    job: &Job,
    source: &Connection,
    target: &Connection,
) -> Result<Option<u64>, (Which, PostgresError)> {
    let query = |which| job.side(which).and_then(|side| side.digest.as_deref());
    let (Some(a), Some(b)) = (query(Which::Source), query(Which::Target)) else { return Ok(None) };
    let (a, b) = tokio::join!(digest(source, job, a), digest(target, job, b));
    let a = a.map_err(|e| (Which::Source, e))?;
    let b = b.map_err(|e| (Which::Target, e))?;
    Ok(match (a, b) {
        (Some(a), Some(b)) if a == b => Some(a.0),
        _ => None,
    })
}

/// Count and digest of one side; `None` if the server refuses.
async fn digest(
    session: &Connection,
    job: &Job,
    query: &str,
) -> Result<Option<(u64, String)>, PostgresError> {
    let doing = || format!("digesting {}", job.subject);
    let broken = |e: &tokio_postgres::Error| PostgresError::statement(doing(), e);
    session.batch_execute("SAVEPOINT digesting").await.map_err(|e| broken(&e))?;
    match session.query_one(query, &[]).await {
        Ok(row) => {
            session.batch_execute("RELEASE SAVEPOINT digesting").await.map_err(|e| broken(&e))?;
            let count = row.get::<_, &str>(0).parse().ok();
            Ok(count.map(|count| (count, row.get(1))))
        }
        // Reading the rows tells what is wrong, if anything is.
        Err(error) if error.as_db_error().is_some() => {
            tracing::debug!(table = job.subject, %error, "no digest from the server");
            session.batch_execute("ROLLBACK TO SAVEPOINT digesting").await.map_err(|e| broken(&e))?;
            Ok(None)
        }
        Err(error) => Err(broken(&error)),
    }
}
