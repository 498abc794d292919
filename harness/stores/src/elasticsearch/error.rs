//! What can go wrong when talking to Elasticsearch, sorted by what the caller can do about it.

use thiserror::Error;

/// A failed request. Never contains credentials: the URL carries none.
#[derive(Debug, Error)]
#[error("{method} {path}: {kind}")]
pub struct ElasticsearchError {
    /// HTTP method.
    pub method: String,
    /// Path and query below the base URL.
    pub path: String,
    /// What happened.
    pub kind: ErrorKind,
}

/// Kinds of failure.
#[derive(Debug, Error)]
pub enum ErrorKind {
    /// No answer: refused, reset, timed out, TLS failure.
    #[error("no answer: {0}")]
    Transport(String),
    /// An answer with an error status.
    #[error("HTTP {status}: {reason}")]
    Status {
        /// HTTP status code.
        status: u16,
        /// `error.type` of the answer, or empty.
        error_type: String,
        /// `error.reason` of the answer, or the start of its body.
        reason: String,
    },
    /// An answer that is not what the API promises.
    #[error("unexpected answer: {0}")]
    Malformed(String),
    /// The store's version cannot do what is asked for.
    #[error("{0}")]
    Unsupported(String),
}

impl ElasticsearchError {
    /// An answer that is not what the API promises.
    pub fn malformed(method: &str, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), kind: ErrorKind::Malformed(what.into()) }
    }

    /// Something that the store's version cannot do.
    pub fn unsupported(method: &str, path: impl Into<String>, what: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), kind: ErrorKind::Unsupported(what.into()) }
    }

    /// HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match &self.kind {
            ErrorKind::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The store does not have what was asked for.
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// The store is overloaded or briefly away: worth trying again with a smaller request.
    pub fn is_pressure(&self) -> bool {
        matches!(self.status(), Some(429 | 502 | 503 | 504))
            || matches!(&self.kind, ErrorKind::Status { error_type, .. } if error_type == "circuit_breaking_exception")
    }

    /// No answer at all.
    pub fn is_transport(&self) -> bool {
        matches!(self.kind, ErrorKind::Transport(_))
    }
}
