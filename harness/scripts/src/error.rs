//! Why a phase could not even be run. What a phase itself does wrong is no error here but judged.

use std::path::Path;
use thiserror::Error;

/// Something of the surroundings is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct ScriptsError {
    /// What was attempted and what happened.
    pub what: String,
    /// What to do.
    pub help: String,
}

impl ScriptsError {
    pub(crate) fn new(what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { what: what.into(), help: help.into() }
    }

    pub(crate) fn io(doing: &str, path: &Path, error: &std::io::Error) -> Self {
        Self::new(
            format!("cannot {doing} {}: {error}", path.display()),
            "check permissions and free space there, then rehearse again",
        )
    }
}
