//! Reports as files of a run folder.

use crate::{html, json, junit, markdown, pack, trace};
use drydock_core::record::RecordError;
use drydock_core::{Record, Summary};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Write};
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

/// Why a pack was not written.
#[derive(Debug, Error)]
pub enum WritePackError {
    /// There is no record to pack.
    #[error(transparent)]
    Record(#[from] RebuildError),
    /// It cannot be packed.
    #[error(transparent)]
    Make(#[from] pack::MakeError),
    /// The archive cannot be written.
    #[error("cannot write {path}: {reason}; give another place with `--pack=FILE`")]
    Write {
        /// Path of the archive.
        path: String,
        /// What the system says.
        reason: io::Error,
    },
}

/// Writes `report.json`, `report.md`, `report.html` and `junit.xml`, each whole or not at all, and returns their paths;
/// with them `trace.json`, where the folder holds the record, which alone knows when everything happened.
///
/// # Errors
/// The folder cannot be written to, or the disk is full. An older report of that name is then still there.
pub fn write_all(run_dir: &Path, summary: &Summary) -> io::Result<Vec<PathBuf>> {
    let place = |name: &str| (run_dir.join(name), run_dir.join(format!(".{name}.{}", std::process::id())));
    let (path, beside) = place("report.json");
    write_whole(&path, &beside, |file| json::write(summary, file))?;
    let mut files = vec![
        ("report.md", markdown::render(summary, markdown::MAX_BYTES)),
        ("report.html", html::render(summary)),
        ("junit.xml", junit::render(summary)),
    ];
    // A record that cannot be read is told by whoever derived the summary from it.
    if let Ok(record) = read_record(run_dir) {
        files.push(("trace.json", trace::render(&record)));
    }
    let others = files.into_iter().map(|(name, content)| {
        let (path, beside) = place(name);
        write_whole(&path, &beside, |file| file.write_all(content.as_bytes()))?;
        Ok(path)
    });
    std::iter::once(Ok(path)).chain(others).collect()
}

/// Makes the evidence pack of a run folder and writes it to `path`, whole or not at all.
///
/// # Errors
/// There is no record that can be used, it cannot be redacted without changing its verdict, or `path` cannot be written.
pub fn write_pack(run_dir: &Path, path: &Path) -> Result<pack::Pack, WritePackError> {
    let record = run_dir.join(RECORD);
    let bytes = fs::read(&record)
        .map_err(|reason| RebuildError::Open { path: record.display().to_string(), reason })?;
    let made = pack::make(&bytes)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    write_whole(path, Path::new(&beside), |file| file.write_all(&made.archive))
        .map_err(|reason| WritePackError::Write { path: path.display().to_string(), reason })?;
    Ok(made)
}

/// Writes one page, whole or not at all, and makes the folder that it is to be in.
///
/// # Errors
/// The path cannot be written to. An older page of that name is then still there.
pub fn write_page(path: &Path, content: &str) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}", std::process::id()));
    write_whole(path, Path::new(&beside), |file| file.write_all(content.as_bytes()))
}

fn write_whole(
    path: &Path,
    beside: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> io::Result<()> {
    let written = File::create(beside).and_then(|file| {
        let mut file = BufWriter::new(file);
        content(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
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
    read_record(run_dir).map(|record| Summary::of(&record))
}

/// Reads the record of a run folder.
///
/// # Errors
/// There is no record, or it is damaged before its end, or a newer Drydock wrote it.
pub fn read_record(run_dir: &Path) -> Result<Record, RebuildError> {
    let path = run_dir.join(RECORD);
    let shown = path.display().to_string();
    let file = File::open(&path).map_err(|reason| RebuildError::Open { path: shown.clone(), reason })?;
    Record::read(BufReader::new(file)).map_err(|reason| RebuildError::Record { path: shown, reason })
}
