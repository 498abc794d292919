//! The file of a history.

use crate::start::RehearsalError;
use drydock_estimate::{History, HistoryError, MeasuredRun};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a bench ended early, or a history cannot be used.
#[derive(Debug, Error)]
pub enum BenchError {
    /// The rehearsal could not be begun.
    #[error(transparent)]
    Rehearsal(#[from] RehearsalError),
    /// The stores do not start.
    #[error("{}; {}", .0.what, .0.help)]
    Environment(#[from] drydock_environments::EnvironmentError),
    /// The file of the history.
    #[error("{attempted}: {reason}")]
    File {
        /// What was attempted, with the path.
        attempted: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Its content.
    #[error("{path}: {reason}")]
    History {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: HistoryError,
    },
}

/// Reads a history.
///
/// # Errors
/// There is none, or it is damaged.
pub fn read_history(path: &Path) -> Result<History, BenchError> {
    let text = std::fs::read_to_string(path).map_err(|reason| BenchError::File {
        attempted: format!("cannot read the history {}", path.display()),
        reason,
    })?;
    History::read(&text).map_err(|reason| BenchError::History { path: path.display().to_string(), reason })
}

/// A history that is written to. Locked while it is open: two benches at once would measure each other.
#[derive(Debug)]
pub struct HistoryFile {
    file: File,
    path: PathBuf,
}

impl HistoryFile {
    /// Opens or makes it, and cuts off the end that a kill may have torn.
    ///
    /// # Errors
    /// It cannot be written, another bench writes it, or it is damaged before its end.
    pub fn open(path: &Path) -> Result<Self, BenchError> {
        let failed = |what: &str| {
            let attempted = format!("{what} {}", path.display());
            move |reason| BenchError::File { attempted, reason }
        };
        if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
            std::fs::create_dir_all(parent).map_err(failed("cannot make the folder of the history"))?;
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(failed("cannot open the history"))?;
        file.try_lock().map_err(|_| {
            failed("another bench writes the history")(io::Error::from(io::ErrorKind::WouldBlock))
        })?;
        if read_history(path)?.torn {
            let text = std::fs::read(path).map_err(failed("cannot read the history"))?;
            let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            file.set_len(whole as u64).map_err(failed("cannot cut off the torn end of the history"))?;
        }
        Ok(Self { file, path: path.to_owned() })
    }

    /// Appends a run: one line, one write, and on the disk when this returns.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn append(&mut self, run: &MeasuredRun) -> Result<(), BenchError> {
        let written = run.line().map_err(io::Error::other).and_then(|line| {
            self.file.write_all(line.as_bytes())?;
            self.file.sync_data()
        });
        written.map_err(|reason| BenchError::File {
            attempted: format!("cannot append to the history {}", self.path.display()),
            reason,
        })
    }
}
