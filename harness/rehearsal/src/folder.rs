//! The folder of one run: `record.jsonl`, the log of acknowledged writes, logs of the stores, and the reports.

use drydock_core::RunId;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Where run folders go, relative to the working directory.
pub const RUNS: &str = "reports/runs";

/// One run's folder. The lock on its record is held by the open record while the run is alive.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Makes a new folder below `parent`.
    ///
    /// # Errors
    /// It cannot be made, or exists.
    pub fn create(parent: &Path, run: &RunId) -> io::Result<Self> {
        fs::create_dir_all(parent)?;
        let path = parent.join(run.as_str());
        fs::create_dir(&path)?;
        fs::create_dir(path.join("logs"))?;
        Ok(Self { path: path.canonicalize()? })
    }

    /// Finds the folder of an earlier run: a path to it or to its record, or its name below `parent`.
    ///
    /// # Errors
    /// There is no such folder with a record inside.
    pub fn open(parent: &Path, run: &str) -> io::Result<Self> {
        let given = Path::new(run);
        let given = if given.ends_with("record.jsonl") { given.parent().unwrap_or(given) } else { given };
        for path in [given.to_owned(), parent.join(given)] {
            if path.join("record.jsonl").is_file() {
                return Ok(Self { path: path.canonicalize()? });
            }
        }
        Err(io::Error::new(
            io::ErrorKind::NotFound,
            format!("no run {run}: neither {run} nor {} holds a record.jsonl", parent.join(given).display()),
        ))
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The record.
    pub fn record(&self) -> PathBuf {
        self.path.join("record.jsonl")
    }

    /// The log of acknowledged writes.
    pub fn acknowledged(&self) -> PathBuf {
        self.path.join("acknowledged.jsonl")
    }

    /// Opens the record for appending and locks it, so that one run is written by one process only. `whole_bytes` cuts off
    /// the torn end that a kill left.
    ///
    /// # Errors
    /// The record cannot be opened, or another process writes it.
    pub fn open_record(&self, whole_bytes: u64) -> io::Result<File> {
        let file = OpenOptions::new().create(true).append(true).open(self.record())?;
        file.try_lock().map_err(|_| {
            io::Error::new(
                io::ErrorKind::WouldBlock,
                format!("the run {} is still going on", self.path.display()),
            )
        })?;
        file.set_len(whole_bytes)?;
        Ok(file)
    }
}
