//! Why a step failed, sorted by who has to act.

use drydock_stores::elasticsearch::{ElasticsearchError, ErrorKind};
use drydock_stores::postgres::PostgresError;
use std::path::Path;
use thiserror::Error;

/// A step that did not come to its end.
#[derive(Debug, Error)]
pub enum MigrationError {
    /// The migration itself, or the data it moves.
    #[error("{attempted}: {reason}; {next}")]
    Migration {
        /// What was attempted, on what.
        attempted: String,
        /// What happened.
        reason: String,
        /// What to do next.
        next: String,
    },
    /// The surroundings: a store that does not answer, a client program that is missing, a full disk.
    #[error("{attempted}: {reason}; {next}")]
    Environment {
        /// What was attempted, on what.
        attempted: String,
        /// What happened.
        reason: String,
        /// What to do next.
        next: String,
    },
    /// A mistake in the program.
    #[error("internal error: {0}; please report it")]
    Internal(String),
    /// The user interrupted.
    #[error("interrupted")]
    Interrupted,
}

/// Words of a full disk, in client programs and stores alike.
const FULL: [&str; 5] = ["no space left", "53100", "disk full", "flood-stage", "disk quota exceeded"];
/// Words of a cluster that takes no writes or no more shards, whoever writes.
const CLOSED: [&str; 5] =
    ["forbidden/6/", "forbidden/12/", "forbidden/13/", "maximum normal shards open", "maximum shards open"];
/// Words of a connection that was cut, or a store that is gone: the next try may succeed.
const AWAY: [&str; 20] = [
    "connection refused",
    "connection to server",
    "server closed the connection",
    "connect_exception",
    "connection_closed",
    "connection is closed",
    "the database system is",
    "terminating connection due to administrator",
    "no route to host",
    "connection reset",
    "connection was reset",
    "broken pipe",
    "no connection to the server",
    "could not send data to server",
    "could not receive data from server",
    "ssl syscall error",
    "unexpected eof",
    "timed out",
    "no answer",
    "node_not_connected",
];

impl MigrationError {
    /// What was attempted and happened, and what to do next.
    pub(crate) fn parts(&self) -> (String, String) {
        match self {
            Self::Migration { attempted, reason, next } | Self::Environment { attempted, reason, next } => {
                (format!("{attempted}: {reason}"), next.clone())
            }
            Self::Internal(_) | Self::Interrupted => (self.to_string(), String::new()),
        }
    }

    /// The migration's own failure.
    pub(crate) fn migration(
        attempted: impl Into<String>,
        reason: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::Migration { attempted: attempted.into(), reason: reason.into(), next: next.into() }
    }

    /// A failure of the surroundings.
    pub(crate) fn environment(
        attempted: impl Into<String>,
        reason: impl Into<String>,
        next: impl Into<String>,
    ) -> Self {
        Self::Environment { attempted: attempted.into(), reason: reason.into(), next: next.into() }
    }

    /// Sorts a failure by the words of whoever reported it.
    pub(crate) fn from_words(attempted: impl Into<String>, reason: impl Into<String>, next: &str) -> Self {
        let reason = reason.into();
        let lower = reason.to_lowercase();
        if FULL.iter().any(|w| lower.contains(w)) {
            Self::environment(attempted, reason, "make room on the disk, then resume the run")
        } else if CLOSED.iter().any(|w| lower.contains(w)) {
            Self::environment(
                attempted,
                reason,
                "take the block or the limit off the cluster, then resume the run",
            )
        } else if is_away(&lower) {
            Self::environment(
                attempted,
                reason,
                "see that the store runs and can be reached, then resume the run",
            )
        } else {
            Self::migration(attempted, reason, next)
        }
    }

    /// A failed request.
    pub(crate) fn elasticsearch(attempted: impl Into<String>, error: &ElasticsearchError) -> Self {
        match &error.kind {
            ErrorKind::Transport(_) => Self::environment(
                attempted,
                error.to_string(),
                "see that Elasticsearch runs and can be reached, then resume the run",
            ),
            ErrorKind::Status { status: 401, .. } => Self::environment(
                attempted,
                error.to_string(),
                "give the right user and password, then resume the run",
            ),
            ErrorKind::Status { status: 429 | 502 | 503 | 504, .. } => Self::environment(
                attempted,
                error.to_string(),
                "see why the cluster or the gateway in front of it takes no requests, then resume the run",
            ),
            ErrorKind::Status { error_type, .. } => Self::from_words(
                attempted,
                format!(
                    "{error}{}",
                    if error_type.is_empty() { String::new() } else { format!(" ({error_type})") }
                ),
                "see the log of Elasticsearch",
            ),
            ErrorKind::Malformed(_) | ErrorKind::Unsupported(_) => {
                Self::migration(attempted, error.to_string(), "check that the address is Elasticsearch's")
            }
        }
    }

    /// A failed session or statement.
    pub(crate) fn postgres(error: &PostgresError) -> Self {
        match error {
            PostgresError::Connect { reason, .. } => {
                let login = ["28P01", "28000"].iter().any(|code| reason.contains(code));
                let refused = ["3D000", "42501"].iter().any(|code| reason.contains(code));
                if login {
                    Self::environment(
                        "open a PostgreSQL session",
                        error.to_string(),
                        "see who changed the role or its password, then resume the run",
                    )
                } else if refused {
                    Self::migration(
                        "open a PostgreSQL session",
                        error.to_string(),
                        "check role, password and database",
                    )
                } else {
                    Self::environment(
                        "open a PostgreSQL session",
                        error.to_string(),
                        "see that PostgreSQL runs and can be reached, then resume the run",
                    )
                }
            }
            PostgresError::Statement { doing, reason, code } => {
                let away = code.is_empty()
                    || ["53", "57P", "58", "08", "XX001", "XX002"]
                        .iter()
                        .any(|class| code.starts_with(class));
                if away {
                    Self::environment(
                        doing.clone(),
                        reason.clone(),
                        "see the log of PostgreSQL, then resume the run",
                    )
                } else {
                    Self::migration(doing.clone(), reason.clone(), "see the log of PostgreSQL")
                }
            }
        }
    }

    /// A failed statement.
    pub(crate) fn statement(doing: impl Into<String>, error: &tokio_postgres::Error) -> Self {
        Self::postgres(&PostgresError::statement(doing, error))
    }

    /// A file that could not be read or written.
    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::environment(
            format!("{doing} {}", path.display()),
            error.to_string(),
            "check permissions and free space there, then resume the run",
        )
    }
}

/// Whether words (in lower case) tell of a store that is gone or a connection that was cut.
fn is_away(words: &str) -> bool {
    AWAY.iter().any(|w| words.contains(w))
}

/// The same of the words of a client program or a store, however they are written.
pub(crate) fn is_cut(words: &str) -> bool {
    let lower = words.to_lowercase();
    is_away(&lower)
        && !lower.contains("password authentication failed")
        && !lower.contains("connection refused")
}

impl From<PostgresError> for MigrationError {
    fn from(error: PostgresError) -> Self {
        Self::postgres(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_environment(error: &MigrationError) -> bool {
        matches!(error, MigrationError::Environment { .. })
    }

    #[test]
    fn full_disks_and_absent_stores_are_not_blamed_on_the_migration() {
        for words in [
            "pg_dump: error: could not write to file: No space left on device",
            "could not extend file \"base/1\": No space left on device (SQLSTATE 53100)",
            "connection to server at \"127.0.0.1\", port 1 failed: Connection refused",
        ] {
            assert!(is_environment(&MigrationError::from_words("dump identity", words, "")), "{words}");
        }
        for words in [
            "index [operate-a_] blocked by: [FORBIDDEN/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];",
            "blocked by: [FORBIDDEN/6/cluster read-only (api)];",
            "this action would add [2] shards, but this cluster currently has [9]/[1] maximum normal shards open;",
            "pg_restore: error: could not send data to server: Connection reset by peer",
        ] {
            assert!(is_environment(&MigrationError::from_words("copy", words, "")), "{words}");
        }
        assert!(!is_environment(&MigrationError::from_words("dump", "permission denied for table a", "")));
        let statement = |code: &str| {
            MigrationError::postgres(&PostgresError::Statement {
                doing: "copy".into(),
                reason: "x".into(),
                code: code.into(),
            })
        };
        assert!(is_environment(&statement("53100")));
        assert!(is_environment(&statement("")));
        assert!(!is_environment(&statement("23503")));
    }
}
