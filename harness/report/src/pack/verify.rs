//! Looking at a pack that somebody else made: whether it is whole, and whether its reports are those of its record.

use super::{ABOUT, PACK_VERSION, RECORD, REPORT, SUMS, derived, hex, redact};
use crate::choice::{exit_code, word};
use crate::text::{counted, printable, shortened};
use drydock_core::{Record, Summary};
use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Read};
use thiserror::Error;

/// Most bytes of all files of a pack: more is no pack of ours, and might be made to fill a machine.
const MOST_BYTES: u64 = 4 << 30;
/// Most files.
const MOST_FILES: usize = 100;

/// Why an archive cannot be looked at at all.
#[derive(Debug, Error)]
pub enum PackError {
    /// It is no archive, or is cut short.
    #[error("cannot read the pack: {0}; give an archive that `drydock report RUN --pack` made")]
    Archive(#[from] io::Error),
    /// It holds something that no pack holds.
    #[error("this is no pack: {0}; give an archive that `drydock report RUN --pack` made")]
    NotAPack(String),
}

/// What became of looking at a pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Verification {
    /// The summary that follows from the record inside, if there is one that can be read.
    pub summary: Option<Summary>,
    /// What is wrong with the pack, in sentences. Empty: it is whole, and its reports are those of its record.
    pub problems: Vec<String>,
    /// What could not be held against the record, and why.
    pub notes: Vec<String>,
    /// Files inside, with the SHA-256 of each.
    pub files: BTreeMap<String, String>,
    /// SHA-256 of the archive.
    pub sha256: String,
}

impl Verification {
    /// Whether the pack is whole and its reports follow from its record.
    pub fn holds(&self) -> bool {
        self.problems.is_empty() && self.summary.is_some()
    }

    /// A few lines for people.
    pub fn told(&self) -> String {
        let mut lines = Vec::new();
        match &self.summary {
            Some(summary) => lines.push(format!(
                "record   {} ({}): {}",
                word(exit_code(summary)),
                summary.verdict.exit_code,
                printable(&summary.verdict.headline)
            )),
            None => lines.push("record   cannot be read; nothing is said of the run".to_owned()),
        }
        let files = counted(self.files.len() as u64, "file");
        lines.push(if self.holds() {
            format!("pack     whole: {files}, and the reports are those of the record")
        } else {
            format!("pack     NOT as it was made: {}", counted(self.problems.len() as u64, "problem"))
        });
        lines.extend(self.problems.iter().map(|p| format!("problem  {}", printable(p))));
        lines.extend(self.notes.iter().map(|n| format!("note     {}", printable(n))));
        lines.push(format!("sha256   {}", self.sha256));
        lines.join("\n") + "\n"
    }
}

/// Looks at a pack. Nothing is unpacked to the disk.
///
/// # Errors
/// The bytes are no archive, or one that holds something else than a pack does.
pub fn verify(archive: &[u8]) -> Result<Verification, PackError> {
    let files = read(archive)?;
    let mut found = Verification {
        summary: None,
        problems: Vec::new(),
        notes: Vec::new(),
        files: files.iter().map(|(name, content)| (name.clone(), hex(content))).collect(),
        sha256: hex(archive),
    };
    digests(&files, &mut found);
    let Some(bytes) = files.get(RECORD) else {
        found.problems.push(format!("{RECORD} is missing: without it nothing can be derived"));
        return Ok(found);
    };
    match Record::read(bytes.as_slice()) {
        Ok(record) => {
            let summary = Summary::of(&record);
            verdicts(&files, &summary, &mut found);
            reports(&files, &record, &summary, &mut found);
            found.summary = Some(summary);
        }
        Err(error) => found.problems.push(format!("{RECORD} cannot be read: {error}")),
    }
    left_in(&files, &mut found);
    Ok(found)
}

type Files = BTreeMap<String, Vec<u8>>;

fn read(archive: &[u8]) -> Result<Files, PackError> {
    let mut files = Files::new();
    let mut folder: Option<String> = None;
    let mut room = MOST_BYTES;
    let mut tar = tar::Archive::new(GzDecoder::new(archive));
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let shown = || shortened(&printable(&path), 120).into_owned();
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(PackError::NotAPack(format!("{} is not a regular file", shown())));
        }
        let Some((inside, name)) =
            path.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'))
        else {
            return Err(PackError::NotAPack(format!("{} does not lie in one folder", shown())));
        };
        if folder.get_or_insert_with(|| inside.to_owned()) != inside || files.len() >= MOST_FILES {
            return Err(PackError::NotAPack(format!("{} lies beside the folder of the run", shown())));
        }
        let mut content = Vec::new();
        let size = (&mut entry).take(room + 1).read_to_end(&mut content)? as u64;
        if size > room {
            return Err(PackError::NotAPack(format!("it holds more than {MOST_BYTES} bytes")));
        }
        room -= size;
        if files.insert(name.to_owned(), content).is_some() {
            return Err(PackError::NotAPack(format!("{} is in it twice", shown())));
        }
    }
    if files.is_empty() {
        return Err(PackError::NotAPack("it is empty".to_owned()));
    }
    Ok(files)
}

/// Holds every file against the list of digests, in both directions.
fn digests(files: &Files, found: &mut Verification) {
    let Some(sums) = files.get(SUMS) else {
        found.problems.push(format!("{SUMS} is missing: no file can be held against its digest"));
        return;
    };
    let sums = String::from_utf8_lossy(sums);
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for line in sums.lines() {
        match line.split_once("  ") {
            Some((digest, name)) => {
                if listed.insert(name, digest).is_some() {
                    found.problems.push(format!("{SUMS} names {name} twice"));
                }
            }
            None => found.problems.push(format!("{SUMS} holds a line that is none: {}", shortened(line, 80))),
        }
    }
    for (name, digest) in &listed {
        match found.files.get(*name) {
            None => found.problems.push(format!("{name} is listed in {SUMS} and missing")),
            Some(real) if real != digest => {
                found.problems.push(format!(
                    "{name} was changed after the pack was made: its SHA-256 is not the listed one"
                ));
            }
            Some(_) => {}
        }
    }
    for name in files.keys().filter(|name| *name != SUMS && !listed.contains_key(name.as_str())) {
        found.problems.push(format!("{name} is in the pack and not listed in {SUMS}"));
    }
}

/// Holds the verdict that the JSON report tells against that of the record.
fn verdicts(files: &Files, summary: &Summary, found: &mut Verification) {
    let Some(bytes) = files.get(REPORT) else {
        return found.problems.push(format!("{REPORT} is missing"));
    };
    let told: Summary = match serde_json::from_slice(bytes) {
        Ok(told) => told,
        Err(error) => return found.problems.push(format!("{REPORT} cannot be read: {error}")),
    };
    let (report, record) = (&told.verdict, &summary.verdict);
    if (report.exit_code, report.outcome) != (record.exit_code, record.outcome) {
        found.problems.push(format!(
            "report and record disagree on the verdict: {REPORT} says {} (exit code {}), the record says {} (exit code {})",
            word(exit_code(&told)),
            report.exit_code,
            word(exit_code(summary)),
            record.exit_code
        ));
    }
    if report.findings.len() != record.findings.len() {
        found.problems.push(format!(
            "report and record disagree on the findings: {REPORT} tells {}, the record has {}",
            report.findings.len(),
            record.findings.len()
        ));
    }
    for check in &record.checks {
        let told = report.checks.iter().find(|c| c.check == check.check).map(|c| c.outcome);
        if told != Some(check.outcome) {
            let told = told.map_or_else(|| "nothing".to_owned(), |o| o.to_string());
            found.problems.push(format!(
                "report and record disagree on {}: {REPORT} says {told}, the record says {}",
                check.check, check.outcome
            ));
        }
    }
    if told.run != summary.run {
        found.problems.push(format!("{REPORT} is of the run {}, the record of {}", told.run, summary.run));
    }
}

/// Makes every report again from the record and holds it against the one in the pack.
fn reports(files: &Files, record: &Record, summary: &Summary, found: &mut Verification) {
    let about: Value = files.get(ABOUT).and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
    let (version, maker) =
        (about["pack_version"].as_u64(), about["drydock"].as_str().unwrap_or("an unknown version"));
    if version != Some(u64::from(PACK_VERSION)) {
        found
            .problems
            .push(format!("{ABOUT} names no pack version that this Drydock knows ({PACK_VERSION})"));
    }
    let ours = env!("CARGO_PKG_VERSION");
    for (name, content) in derived(record, summary) {
        let Some(packed) = files.get(name) else {
            if name != REPORT {
                found.problems.push(format!("{name} is missing"));
            }
            continue;
        };
        if *packed == content.as_bytes() {
            continue;
        }
        if maker == ours {
            found.problems.push(format!("{name} is not what follows from the record"));
        } else {
            found.notes.push(format!(
                "{name} was made by Drydock {}, this is {ours}: it differs from what is made here, and was not compared",
                shortened(maker, 40)
            ));
        }
    }
}

/// Looks for what redaction takes out.
fn left_in(files: &Files, found: &mut Verification) {
    let lines = files.get(RECORD).into_iter().flat_map(|b| b.split(|b| *b == b'\n'));
    let reports = files.get(REPORT).into_iter().map(Vec::as_slice);
    let unclean =
        |bytes: &&[u8]| serde_json::from_slice::<Value>(bytes).is_ok_and(|value| !redact::is_clean(&value));
    let count = lines.chain(reports).filter(unclean).count() as u64;
    if count > 0 {
        found.problems.push(format!(
            "{} of the pack still hold what looks like a credential in an address, or a folder of a machine",
            counted(count, "line")
        ));
    }
}
