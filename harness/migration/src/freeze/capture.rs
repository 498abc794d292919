//! Taking the marks.

use super::{Marks, elasticsearch, postgres};
use crate::error::MigrationError;
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use std::time::Duration;
use tokio::time::Instant;

/// Takes the marks of a source.
#[derive(Debug, Clone, Copy, Default)]
pub struct FreezeWitness;

/// Write counters of a session that just ended arrive within half a second on every supported server.
const FLUSH: Duration = Duration::from_millis(600);

/// What a session says first that is to read and nothing else.
const READING: &str =
    "SET default_transaction_read_only = on; SET statement_timeout = '8s'; SET lock_timeout = '2s'";

impl FreezeWitness {
    /// Takes the marks once. `databases` may be empty, and so may `prefixes`: the store is then left alone.
    ///
    /// # Errors
    /// A store does not answer.
    pub async fn capture(
        source: &StorePair,
        databases: &[String],
        prefixes: &[String],
    ) -> Result<Marks, MigrationError> {
        let mut marks = Marks::default();
        let (indices, deleted, rest) = tokio::join!(
            elasticsearch::marks(&source.elasticsearch, prefixes),
            elasticsearch::deleted(&source.elasticsearch, prefixes),
            postgres::marks(&source.postgres, databases, "")
        );
        marks.indices = indices?;
        marks.deleted = deleted?;
        rest?.into_marks(&mut marks);
        Ok(marks)
    }

    /// The marks of a server that is somebody else's, on sessions that may only read.
    ///
    /// # Errors
    /// It does not answer, or has not one of the databases.
    pub async fn of_postgres(
        endpoint: &PostgresEndpoint,
        databases: &[String],
    ) -> Result<Marks, MigrationError> {
        let mut marks = Marks::default();
        postgres::marks(endpoint, databases, READING).await?.into_marks(&mut marks);
        Ok(marks)
    }

    /// The marks of a cluster that is somebody else's. Only GET is asked.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn of_elasticsearch(
        endpoint: &ElasticsearchEndpoint,
        prefixes: &[String],
    ) -> Result<Marks, MigrationError> {
        let (indices, deleted) = tokio::join!(
            elasticsearch::marks(endpoint, prefixes),
            elasticsearch::deleted(endpoint, prefixes)
        );
        Ok(Marks { indices: indices?, deleted: deleted?, ..Marks::default() })
    }

    /// Takes the marks until two in a row agree, so that counters which arrive late from writes made *before* the freeze are
    /// not blamed on anybody. Returns the last marks and whether they settled within `limit`: if they did not, somebody is
    /// still writing.
    ///
    /// # Errors
    /// As [`FreezeWitness::capture`].
    pub async fn settle(
        source: &StorePair,
        databases: &[String],
        prefixes: &[String],
        limit: Duration,
    ) -> Result<(Marks, Settled), MigrationError> {
        let begun = Instant::now();
        let mut last = Self::capture(source, databases, prefixes).await?;
        loop {
            // Not a guess at somebody's speed: the server hands its counters over at fixed intervals.
            tokio::time::sleep(FLUSH).await;
            let next = Self::capture(source, databases, prefixes).await?;
            let quiet = next.indices == last.indices
                && next.tables == last.tables
                && next.sequences == last.sequences;
            last = next;
            if quiet {
                return Ok((last, Settled::Quiet));
            }
            if begun.elapsed() > limit {
                return Ok((last, Settled::StillMoving));
            }
        }
    }
}

/// Whether marks stopped moving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// Two captures in a row agree.
    Quiet,
    /// They still differed when the limit was reached.
    StillMoving,
}
