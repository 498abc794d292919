//! A log of one JSON value a line, written before the next request is made. What a killed process leaves of its last line
//! harms nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// The log, open for appending.
#[derive(Debug)]
pub struct Lines {
    file: Mutex<File>,
}

impl Lines {
    /// Opens (or goes on with) the log at `path`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        // A killed run may have left half a line; what follows must not become part of it.
        if torn(path)? {
            file.write_all(b"\n")?;
        }
        Ok(Self { file: Mutex::new(file) })
    }

    /// Notes values, in one write call.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note<T: Serialize>(&self, values: &[T]) -> io::Result<()> {
        let mut lines = String::new();
        for value in values {
            lines.push_str(&serde_json::to_string(value)?);
            lines.push('\n');
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(lines.as_bytes())
    }
}

fn torn(path: &Path) -> io::Result<bool> {
    let bytes = std::fs::read(path)?;
    Ok(bytes.last().is_some_and(|b| *b != b'\n'))
}

/// Every whole line of a log, in order; none where there is no log. A torn line is left out: it was cut off before the next
/// request, so at most one value is missing.
///
/// # Errors
/// The file cannot be read.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let mut values = Vec::new();
    for line in BufReader::new(File::open(path)?).lines() {
        if let Ok(value) = serde_json::from_str(&line?) {
            values.push(value);
        }
    }
    Ok(values)
}
