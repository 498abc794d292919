//! The evidence pack: the record of a run and every report of it in one archive, for a change board or an archive of
//! decisions. The record is redacted first, and the reports are made from the redacted record, so that whoever has the pack
//! can derive them again. The same record gives the same archive, byte by byte.

mod redact;
mod verify;

pub use verify::{PackError, Verification, verify};

use crate::{html, json, junit, markdown, trace};
use drydock_core::record::RecordError;
use drydock_core::{Record, Summary};
use flate2::{Compression, GzBuilder};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::io;
use thiserror::Error;

/// Version of the layout of a pack.
pub const PACK_VERSION: u32 = 1;
/// Name of the list of digests, in the form that `sha256sum -c` reads.
const SUMS: &str = "SHA256SUMS";
/// Name of the redacted record.
const RECORD: &str = "record.jsonl";
/// Name of the JSON report.
const REPORT: &str = "report.json";
/// Name of what a pack says about itself.
const ABOUT: &str = "pack.json";
/// Name of the text for people.
const READ_ME: &str = "READ-ME.txt";

/// An archive that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    /// Name of the run, and of the only folder inside.
    pub run: String,
    /// The archive: tar, compressed with gzip.
    pub archive: Vec<u8>,
    /// SHA-256 of the archive, hexadecimal: kept elsewhere, it shows that nobody made another one since.
    pub sha256: String,
    /// Texts of the record that were masked or shortened.
    pub redacted: u64,
    /// Files inside, the list of digests among them.
    pub files: u64,
}

/// Why no pack was made.
#[derive(Debug, Error)]
pub enum MakeError {
    /// The record cannot be used.
    #[error("cannot make a pack of this record: {0}")]
    Record(#[from] RecordError),
    /// Redaction would change what the record says.
    #[error(
        "cannot redact the record without changing its verdict: \"{before}\" would become \"{after}\". A path or an address \
         stands where the ledger or a check is matched: run again with relative paths"
    )]
    Verdict {
        /// The verdict of the record as it is.
        before: String,
        /// The verdict after redaction.
        after: String,
    },
    /// The archive cannot be written.
    #[error("cannot write the archive: {0}")]
    Archive(#[from] io::Error),
}

/// Makes a pack of a record, given as the bytes of its file.
///
/// # Errors
/// The record cannot be read, or cannot be redacted without changing its verdict.
pub fn make(record: &[u8]) -> Result<Pack, MakeError> {
    let original = Record::read(record)?;
    let before = Summary::of(&original);
    let (text, redacted) = redact::record(&original);
    let packed = Record::read(text.as_bytes())?;
    let summary = Summary::of(&packed);
    let same = (before.verdict.exit_code, before.verdict.outcome, before.verdict.findings.len())
        == (summary.verdict.exit_code, summary.verdict.outcome, summary.verdict.findings.len());
    if !same {
        return Err(MakeError::Verdict { before: before.verdict.headline, after: summary.verdict.headline });
    }
    let run = folder_name(summary.run.as_str());
    let about = json!({
        "pack_version": PACK_VERSION,
        "drydock": env!("CARGO_PKG_VERSION"),
        "run": run,
        "exit_code": summary.verdict.exit_code,
        "record_sha256_before_redaction": hex(record),
        "texts_redacted": redacted,
    });
    let mut files = vec![(READ_ME, read_me(&summary, &run)), (ABOUT, format!("{about:#}\n")), (RECORD, text)];
    files.extend(derived(&packed, &summary));
    let mut sums = String::new();
    for (name, content) in &files {
        // Writing to a String cannot fail.
        let _ = writeln!(sums, "{}  {name}", hex(content.as_bytes()));
    }
    files.push((SUMS, sums));
    let archive = archive(&run, &files)?;
    Ok(Pack { run, sha256: hex(&archive), archive, redacted, files: files.len() as u64 })
}

/// Everything that follows from the record, by file name.
fn derived(record: &Record, summary: &Summary) -> Vec<(&'static str, String)> {
    vec![
        (REPORT, json::render(summary)),
        ("report.html", html::render(summary)),
        ("report.md", markdown::render(summary, markdown::MAX_BYTES)),
        ("junit.xml", junit::render(summary)),
        ("trace.json", trace::render(record)),
    ]
}

/// A tar archive without owners, times and anything else of the machine it was made on.
fn archive(folder: &str, files: &[(&str, String)]) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for (name, content) in files {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o644);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, format!("{folder}/{name}"), content.as_bytes())?;
    }
    tar.into_inner()?.finish()
}

/// The name of a run as the name of a folder, whatever a record says.
fn folder_name(run: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = run.chars().take(80).map(|c| if plain(c) { c } else { '-' }).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "run".to_owned() } else { name.to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn read_me(summary: &Summary, run: &str) -> String {
    let shown = |text: &str| crate::text::printable(text).into_owned();
    format!(
        "Evidence of one run of Drydock {}\n\n\
         Run       {run}\n\
         Scenario  {}, seed {}\n\
         Verdict   {} (exit code {})\n\n\
         report.html   for people: open it in a browser; it loads nothing\n\
         report.md     the same in short, for a wiki or a ticket\n\
         report.json   for programs\n\
         junit.xml     for build servers\n\
         trace.json    steps, probes and checks on a time axis, for trace viewers\n\
         record.jsonl  what was written down while it ran; all of the above follow from it\n\
         pack.json     how this pack was made\n\n\
         Passwords in addresses and folders of the machine were taken out of the record before the reports were made.\n\n\
         Check that nothing was changed:        sha256sum -c {SUMS}\n\
         Check that the reports are the record's: drydock report --verify-pack ARCHIVE\n\
         Both show a change of one file. Against an exchange of the whole pack, keep the SHA-256 of the archive elsewhere.\n",
        shown(&summary.drydock),
        shown(&summary.scenario),
        summary.seed,
        shown(&summary.verdict.headline),
        summary.verdict.exit_code,
    )
}
