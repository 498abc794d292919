//! Cases that were found once, as files: what each breaks, in which procedure, and the schedule that does it.

use crate::campaign::Broken;
use crate::promises::Promise;
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

/// A schedule worth keeping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows, in words.
    pub what: String,
    /// Name of the scenario in which it was found; absent where it is of no matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scenario: Option<String>,
    /// The safeguard that was away, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
    /// Promises that it breaks there.
    #[serde(alias = "official_delta_breaks")]
    pub breaks: BTreeSet<Promise>,
    /// The schedule.
    pub schedule: Schedule,
}

impl Case {
    /// The case of a broken promise: its shortest schedule, with everything that one breaks.
    pub fn of(broken: &Broken, scenario: &str, without: Option<&str>) -> Self {
        let (schedule, breaks) = match &broken.shortest {
            Some(short) => (short.schedule.clone(), short.played.broken.iter().map(|(p, _)| *p).collect()),
            None => (broken.schedule.clone(), BTreeSet::from([broken.promise])),
        };
        Self {
            what: broken.finding.message.clone(),
            scenario: Some(scenario.to_owned()),
            without: without.map(ToOwned::to_owned),
            breaks,
            schedule,
        }
    }

    /// Writes it into a folder, under a name that says where it comes from. Returns the file.
    ///
    /// # Errors
    /// The folder or the file cannot be written.
    pub fn save(&self, folder: &Path, promise: Promise) -> io::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let scenario = self.scenario.as_deref().unwrap_or("scenario");
        let words = promise.as_str().replace(' ', "-");
        let file = folder.join(format!("{scenario}-{words}-{}.json", self.schedule.seed));
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        std::fs::write(&file, text)?;
        Ok(file)
    }

    /// Reads a case.
    ///
    /// # Errors
    /// The file cannot be read, or is none; with its name, and line and column.
    pub fn read(file: &Path) -> io::Result<Self> {
        let named = |e: &dyn std::fmt::Display| io::Error::other(format!("{}: {e}", file.display()));
        let text = std::fs::read_to_string(file).map_err(|e| named(&e))?;
        serde_json::from_str(&text).map_err(|e| named(&e))
    }
}
