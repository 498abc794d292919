//! What can go wrong when Camunda is asked for something.

use thiserror::Error;

/// A request that was not answered as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{method} {path}: {kind}")]
pub struct EngineError {
    /// HTTP method.
    pub method: String,
    /// Path below the base address.
    pub path: String,
    /// How it failed.
    pub kind: ErrorKind,
}

/// Kinds of failure.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ErrorKind {
    /// No answer: refused, cut off, too slow.
    #[error("no answer: {0}")]
    Transport(String),
    /// Another status than one of success.
    #[error("status {status}: {detail}")]
    Status {
        /// HTTP status.
        status: u16,
        /// What the body says, shortened.
        detail: String,
    },
    /// A success whose body lacks what it should hold.
    #[error("the answer lacks {0}")]
    Malformed(String),
}

impl EngineError {
    pub(crate) fn new(method: &str, path: &str, kind: ErrorKind) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), kind }
    }

    pub(crate) fn lacks(method: &str, path: &str, what: &str) -> Self {
        Self::new(method, path, ErrorKind::Malformed(what.to_owned()))
    }

    /// HTTP status, if there was an answer of failure.
    pub fn status(&self) -> Option<u16> {
        match self.kind {
            ErrorKind::Status { status, .. } => Some(status),
            _ => None,
        }
    }

    /// Whether what was asked for is not there (any more): somebody else was faster, or it is lost.
    pub fn is_gone(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether it is in a state in which this cannot be done to it.
    pub fn is_refused(&self) -> bool {
        self.status() == Some(409)
    }

    /// Whether the application or its way was down or overloaded, so that asking again may help.
    pub fn is_passing(&self) -> bool {
        match &self.kind {
            ErrorKind::Transport(_) => true,
            ErrorKind::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
            ErrorKind::Malformed(_) => false,
        }
    }
}

pub(crate) type Result<T> = std::result::Result<T, EngineError>;
