//! A dump as a file: a table of contents at its head, then the rows in parts, then a line that says that this is the end. Whoever
//! writes it keeps its own place in the file, as a process does.

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Rows of one part.
pub(super) const PART: usize = 4;
/// What a file is called that ends too early.
pub(super) const CUT_SHORT: &str = "could not read from input file: end of file";

/// One entry of the table of contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    Table(String),
    Sequence(String),
    TableData(String),
    SequenceSet { name: String, last: i64, called: bool },
    Constraint(String),
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Line {
    Contents(Vec<Entry>),
    /// Some rows of a table.
    Rows {
        table: String,
        rows: Vec<(String, String)>,
    },
    /// All rows of a table were told.
    Complete(String),
    End,
}

/// A file that is being written.
pub(super) struct Writing(File);

impl Writing {
    pub(super) fn begin(path: &Path) -> io::Result<Self> {
        // Truncated, and not taken from anybody who is still writing there.
        Ok(Self(File::options().create(true).write(true).truncate(true).open(path)?))
    }

    pub(super) fn line(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        self.0.write_all(text.as_bytes())
    }
}

/// What a file holds, as far as it can be read: the lines up to the first that is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Archive {
    pub(super) contents: Vec<Entry>,
    lines: Vec<Line>,
    whole: bool,
}

impl Archive {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read at all, or is no dump; in words.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|e| format!("could not open input file: {e}"))?;
        let mut archive = Self::default();
        let text = String::from_utf8_lossy(&text);
        let mut lines = text.lines().map_while(|line| serde_json::from_str::<Line>(line).ok());
        match lines.next() {
            Some(Line::Contents(contents)) => archive.contents = contents,
            _ => return Err("input file does not appear to be a valid archive".into()),
        }
        for line in lines {
            archive.whole = line == Line::End;
            archive.lines.push(line);
        }
        Ok(archive)
    }

    /// Whether it can be read to its end.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The rows of a table; nothing if they are not all there.
    pub(super) fn rows(&self, table: &str) -> Option<Vec<(String, String)>> {
        let mut all = Vec::new();
        for line in &self.lines {
            match line {
                Line::Rows { table: of, rows } if of == table => all.extend(rows.iter().cloned()),
                Line::Complete(of) if of == table => return Some(all),
                _ => {}
            }
        }
        None
    }

    /// The table of contents as `pg_restore --list` prints it.
    pub(super) fn list(&self) -> String {
        let mut text = String::from(";\n; Archive of a simulation\n;\n");
        for (number, entry) in (200..).zip(&self.contents) {
            let words = match entry {
                Entry::Table(name) => format!("TABLE public {name} owner"),
                Entry::Sequence(name) => format!("SEQUENCE public {name} owner"),
                Entry::TableData(name) => format!("TABLE DATA public {name} owner"),
                Entry::SequenceSet { name, .. } => format!("SEQUENCE SET public {name} owner"),
                Entry::Constraint(name) => format!("CONSTRAINT public {name} {name}_pkey owner"),
            };
            text.push_str(&format!("{number}; 0 16384 {words}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_cut_short_is_not_whole_and_lacks_rows() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.dump");
        let table = || "users".to_owned();
        let mut file = Writing::begin(&path)?;
        file.line(&Line::Contents(vec![Entry::Table(table()), Entry::TableData(table())]))?;
        file.line(&Line::Rows { table: table(), rows: vec![("a".into(), "1".into())] })?;
        let half = Archive::read(&path).map_err(io::Error::other)?;
        assert!(!half.is_whole() && half.rows("users").is_none());
        file.line(&Line::Complete(table()))?;
        file.line(&Line::End)?;
        let whole = Archive::read(&path).map_err(io::Error::other)?;
        assert!(whole.is_whole());
        assert_eq!(whole.rows("users").map(|rows| rows.len()), Some(1));
        assert!(whole.list().contains("; 0 16384 TABLE DATA public users"));
        std::fs::write(&path, "something else")?;
        assert!(Archive::read(&path).is_err());
        Ok(())
    }
}
