//! Reports as files of a run folder.

use crate::{json, junit, markdown};
use drydock_core::record::RecordError;
use drydock_core::{Record, Summary};
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Name of the record in a run folder.
const RECORD: &str = "record.jsonl";

/// Why the reports of a run cannot be rebuilt.
#[derive(Debug, Error)]
pub enum RebuildError {
    /// There is no record to read.
    #[error("cannot open {path}: {reason}; give the folder of a run, which holds {RECORD}")]
    Open {
        /// Path of the record.
        path: String,
        /// What the system says.
        reason: io::Error,
    },
    /// The record cannot be used.
    #[error("cannot rebuild the reports from {path}: {reason}")]
    Record {
        /// Path of the record.
        path: String,
        /// What is wrong with it.
        reason: RecordError,
    },
}

/// Writes `report.json`, `report.md` and `junit.xml`, each whole or not at all, and returns their paths.
///
/// # Errors
/// The folder cannot be written to, or the disk is full. An older report of that name is then still there.
pub fn write_all(run_dir: &Path, summary: &Summary) -> io::Result<Vec<PathBuf>> {
    [
        ("report.json", json::render(summary)),
        ("report.md", markdown::render(summary, markdown::MAX_BYTES)),
        ("junit.xml", junit::render(summary)),
    ]
    .into_iter()
    .map(|(name, content)| {
        let path = run_dir.join(name);
        write_whole(&path, &run_dir.join(format!(".{name}.{}", std::process::id())), &content)?;
        Ok(path)
    })
    .collect()
}

fn write_whole(path: &Path, beside: &Path, content: &str) -> io::Result<()> {
    let written = File::create(beside).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    let placed = written.and_then(|()| fs::rename(beside, path));
    if placed.is_err() {
        // What could not be written whole is of no use; that it cannot be removed either says nothing new.
        let _ = fs::remove_file(beside);
    }
    placed
}

/// Reads the record of a run folder and derives its summary anew.
///
/// # Errors
/// There is no record, or it is damaged before its end, or a newer Drydock wrote it.
pub fn rebuild(run_dir: &Path) -> Result<Summary, RebuildError> {
    let path = run_dir.join(RECORD);
    let shown = path.display().to_string();
    let file = File::open(&path).map_err(|reason| RebuildError::Open { path: shown.clone(), reason })?;
    let record =
        Record::read(BufReader::new(file)).map_err(|reason| RebuildError::Record { path: shown, reason })?;
    Ok(Summary::of(&record))
}
