//! The one error of this crate, and how long work reports its progress.

use std::fmt::Display;
use std::path::Path;

/// Kinds of environment failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnvironmentProblem {
    /// A program is not installed, or too old.
    MissingTool,
    /// Not enough room on a file system.
    DiskSpace,
    /// Not enough memory for the asked heaps.
    Memory,
    /// A port that the configuration fixes is in use.
    PortTaken,
    /// An artifact could not be fetched.
    Fetch,
    /// A fetched artifact is not the pinned one.
    Checksum,
    /// A store did not come up, or could not be ended.
    StartFailed,
    /// The user that runs the stores may not reach or own a path.
    Permission,
    /// The run is used by another process, or was ended from outside.
    Interrupted,
    /// The configuration asks for something this environment cannot do.
    Configuration,
    /// No container engine answers, or it refuses what it is asked for.
    Engine,
    /// A cluster does not come up, or refuses what it is asked for.
    Cluster,
    /// Any other failure of the operating system.
    Io,
}

/// A failure of the environment, never of the migration: what was attempted, on what, and the one-line mend.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct EnvironmentError {
    /// The kind.
    pub code: EnvironmentProblem,
    /// What was attempted and how it failed, in one line.
    pub what: String,
    /// What to do about it, in one line.
    pub help: String,
}

impl EnvironmentError {
    pub(crate) fn new(code: EnvironmentProblem, what: impl Into<String>, help: impl Into<String>) -> Self {
        Self { code, what: what.into(), help: help.into() }
    }

    /// A file operation that failed: "cannot <doing> <path>: <reason>".
    pub(crate) fn io(doing: &str, path: &Path, error: &dyn Display) -> Self {
        Self::new(
            EnvironmentProblem::Io,
            format!("cannot {doing} {}: {error}", path.display()),
            "check that the path exists, is writable and has room",
        )
    }
}

pub(crate) type Result<T> = std::result::Result<T, EnvironmentError>;

/// Receives the progress of long work. Called from several tasks at once; must not block.
pub trait Progress: Send + Sync {
    /// One step, in words.
    fn note(&self, message: &str);
    /// Bytes of `what` that are there, of `total` if known. Called a few times a second.
    fn bytes(&self, what: &str, done: u64, total: Option<u64>);
}

/// Progress that goes nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn note(&self, _message: &str) {}
    fn bytes(&self, _what: &str, _done: u64, _total: Option<u64>) {}
}

/// Bytes for people: `1.2 GiB`, `600 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // one decimal is shown
    let mib = bytes as f64 / (1024.0 * 1024.0);
    if mib >= 1024.0 { format!("{:.1} GiB", mib / 1024.0) } else { format!("{mib:.0} MiB") }
}
