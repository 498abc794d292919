//! What the scripts' Jobs said of what they moved, and what of the scripts' folder is kept with a run.

use crate::error::ScriptsError;
use crate::state;
use crate::tail::logs;
use crate::tree::Checkout;
use drydock_core::{Component, Redactor};
use std::fs;
use std::path::{Path, PathBuf};

/// The report that the fourth phase writes.
const REPORT: &str = "migration-report.md";

impl Checkout {
    /// The last figure that a Job which filled the target of a component told: its rows, or its documents. `None` where no such
    /// Job came to its end: the scripts keep the log of no other.
    pub fn summary_of(&self, component: Component) -> Option<String> {
        let (begin, words) = match component {
            Component::Elasticsearch => {
                (vec!["es-restore-".to_owned(), "es-warm-reindex-".to_owned()], "Indices: ")
            }
            of_database => (vec![format!("{of_database}-pg-restore-")], "Total rows: "),
        };
        // The cutover's own Job counts more than one before it.
        begin.iter().find_map(|begin| {
            let newest = self.job_logs(begin).pop()?;
            let text = fs::read(newest).ok()?;
            let text = String::from_utf8_lossy(&text).into_owned();
            text.lines().rev().find(|line| line.contains(words)).map(|line| line.trim().to_owned())
        })
    }

    /// Logs of Jobs whose names begin so, in order of their names, which hold the time.
    fn job_logs(&self, begin: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.state_folder()).into_iter().flatten().flatten();
        let named = |name: &str| name.starts_with(begin) && name.ends_with(".log");
        let mut found: Vec<PathBuf> =
            entries.filter(|e| e.file_name().to_str().is_some_and(named)).map(|e| e.path()).collect();
        found.sort();
        found
    }

    /// Copies state, log, report and the Jobs' logs into `folder`, without secrets. What else is there is left out: saved values
    /// of a release hold passwords that nobody here knows.
    ///
    /// # Errors
    /// Something cannot be read or written.
    pub fn keep_state(&self, folder: &Path, redactor: &Redactor) -> Result<(), ScriptsError> {
        let state = self.state_folder();
        let mut kept = self.job_logs("");
        kept.extend(logs(&state));
        kept.extend([state.join(state::FILE), state.join(REPORT)].into_iter().filter(|p| p.is_file()));
        fs::create_dir_all(folder).map_err(|e| ScriptsError::io("make the folder", folder, &e))?;
        for path in kept {
            let Some(name) = path.file_name() else { continue };
            let bytes = fs::read(&path).map_err(|e| ScriptsError::io("read", &path, &e))?;
            let text = redactor.apply(&String::from_utf8_lossy(&bytes));
            let to = folder.join(name);
            fs::write(&to, text).map_err(|e| ScriptsError::io("write", &to, &e))?;
        }
        Ok(())
    }
}
