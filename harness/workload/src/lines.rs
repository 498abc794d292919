//! A log of one JSON value a line, written before the next request is made. What a killed process leaves of its last line
//! harms nothing.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
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

/// A log that is read while it grows: each look reads what was added since the one before.
#[derive(Debug)]
pub struct Growing {
    path: PathBuf,
    /// Bytes of whole lines that were read.
    read: u64,
}

impl Growing {
    /// The log at `path` from its beginning. It need not be there yet.
    pub fn of(path: &Path) -> Self {
        Self { path: path.to_owned(), read: 0 }
    }

    /// Every whole line that was added, in order. One that is still being written is left for the next look.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn added<T: DeserializeOwned>(&mut self) -> io::Result<Vec<T>> {
        let mut file = match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |last| last + 1);
        self.read += whole as u64;
        let lines = bytes[..whole].split(|b| *b == b'\n');
        Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_log_gives_each_line_once_and_none_by_halves() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.jsonl");
        let mut growing = Growing::of(&path);
        assert_eq!(growing.added::<u32>().unwrap(), [0; 0], "there is no log yet");
        let log = Lines::open(&path).unwrap();
        log.note(&[1, 2]).unwrap();
        assert_eq!(growing.added::<u32>().unwrap(), [1, 2]);
        assert_eq!(growing.added::<u32>().unwrap(), [0; 0]);
        let mut by_hand = OpenOptions::new().append(true).open(&path).unwrap();
        by_hand.write_all(b"3\n4").unwrap();
        assert_eq!(growing.added::<u32>().unwrap(), [3], "4 may become 45");
        by_hand.write_all(b"5\n").unwrap();
        log.note(&[6]).unwrap();
        assert_eq!(growing.added::<u32>().unwrap(), [45, 6]);
        assert_eq!(read::<u32>(&path).unwrap(), [1, 2, 3, 45, 6]);
    }
}
