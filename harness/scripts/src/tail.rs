//! Files that others append to, read as they grow.

use crate::log::LogLine;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// One file. Where it is not there yet, it has no lines.
#[derive(Debug)]
pub(crate) struct Tail {
    path: PathBuf,
    at: u64,
}

impl Tail {
    /// What is appended from now on.
    pub(crate) fn from_end(path: PathBuf) -> Self {
        let at = fs::metadata(&path).map_or(0, |m| m.len());
        Self { path, at }
    }

    /// Everything that is ever in it.
    fn from_beginning(path: PathBuf) -> Self {
        Self { path, at: 0 }
    }

    /// Whole lines that came since. What is read of a file that cannot be read now is read later.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.at))?;
            file.read_to_end(&mut bytes)
        });
        let Some(end) = read.ok().and_then(|_| bytes.iter().rposition(|b| *b == b'\n')) else {
            return Vec::new();
        };
        self.at += end as u64 + 1;
        String::from_utf8_lossy(&bytes[..end]).lines().map(ToOwned::to_owned).collect()
    }
}

/// The scripts' log, which has a file a day.
#[derive(Debug)]
pub(crate) struct LogTail {
    folder: PathBuf,
    files: BTreeMap<PathBuf, Tail>,
}

impl LogTail {
    /// What is logged from now on.
    pub(crate) fn from_now(folder: PathBuf) -> Self {
        let files = logs(&folder).into_iter().map(|p| (p.clone(), Tail::from_end(p))).collect();
        Self { folder, files }
    }

    /// Lines that came since.
    pub(crate) fn lines(&mut self) -> Vec<LogLine> {
        for path in logs(&self.folder) {
            self.files.entry(path.clone()).or_insert_with(|| Tail::from_beginning(path));
        }
        let texts = self.files.values_mut().flat_map(Tail::lines);
        texts.filter_map(|text| LogLine::parse(&text)).collect()
    }
}

/// Files of the log in a folder, in order of their days.
pub(crate) fn logs(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = |name: &str| name.starts_with("migration-") && name.ends_with(".log");
    let mut found: Vec<PathBuf> =
        entries.filter(|e| e.file_name().to_str().is_some_and(named)).map(|e| e.path()).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn half_a_line_waits_for_its_end_and_another_day_is_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let first = folder.path().join("migration-2026-01-01.log");
        let append = |path: &Path, text: &str| {
            let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        append(&first, "[a] ERROR of an earlier phase\n");
        let mut tail = LogTail::from_now(folder.path().to_owned());
        assert!(tail.lines().is_empty());
        append(&first, "[a] INFO one\n[a] INFO tw");
        assert_eq!(tail.lines().len(), 1);
        assert!(tail.lines().is_empty());
        append(&first, "o\n");
        append(&folder.path().join("migration-2026-01-02.log"), "[a] WARN next day\n");
        let texts: Vec<String> = tail.lines().into_iter().map(|l| l.text).collect();
        assert_eq!(texts, ["two", "next day"]);
    }
}
