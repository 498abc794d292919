//! Rows as `COPY` prints them: the text form is the same for equal values on all majors, the binary one is not.

use super::{Connection, PostgresError};
use futures_util::StreamExt;
use memchr::memchr;

/// Runs `COPY what TO STDOUT`, where `what` is a table with its columns or a query in brackets, and hands each row,
/// without its line end, to `consume`. Returns how many. A failing statement leaves the surrounding transaction usable.
///
/// # Errors
/// The statement failed or the connection broke; `consume` then has seen a part of the rows only.
pub async fn for_each_row(
    session: &Connection,
    doing: &str,
    what: &str,
    consume: &mut (impl FnMut(&[u8]) + Send),
) -> Result<u64, PostgresError> {
    let failed = |e: &tokio_postgres::Error| PostgresError::statement(doing, e);
    session.batch_execute("SAVEPOINT copying").await.map_err(|e| failed(&e))?;
    match copy(session, what, consume).await {
        Ok(rows) => {
            session.batch_execute("RELEASE SAVEPOINT copying").await.map_err(|e| failed(&e))?;
            Ok(rows)
        }
        Err(error) => {
            // If the connection is gone this fails as well, and the next statement says so.
            let _gone = session.batch_execute("ROLLBACK TO SAVEPOINT copying").await;
            Err(failed(&error))
        }
    }
}

async fn copy(
    session: &Connection,
    what: &str,
    consume: &mut (impl FnMut(&[u8]) + Send),
) -> Result<u64, tokio_postgres::Error> {
    let stream = session.copy_out(&format!("COPY {what} TO STDOUT")).await?;
    let mut stream = std::pin::pin!(stream);
    let mut rows = 0;
    // The server sends one row a message, but does not promise to. A line end inside a value is escaped.
    let mut partial: Vec<u8> = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        let mut rest: &[u8] = &chunk;
        while let Some(end) = memchr(b'\n', rest) {
            if partial.is_empty() {
                consume(&rest[..end]);
            } else {
                partial.extend_from_slice(&rest[..end]);
                consume(&partial);
                partial = Vec::new();
            }
            rows += 1;
            rest = &rest[end + 1..];
        }
        partial.extend_from_slice(rest);
    }
    if !partial.is_empty() {
        consume(&partial);
        rows += 1;
    }
    Ok(rows)
}
