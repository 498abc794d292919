//! The record: an append-only log, written as things happen, readable after a kill at any moment.

use crate::event::{Entry, Event, RECORD_VERSION, RunStarted};
use crate::names::StepId;
use crate::printable::printable_json;
use crate::proof::Proof;
use crate::redact::Redactor;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::time::Instant;
use thiserror::Error;

/// Where time comes from, so that tests and the simulation can bring their own.
pub trait Clock: Send + Sync {
    /// Wall-clock time.
    fn now(&self) -> Timestamp;
    /// Milliseconds since the run began, without the time between a kill and its resume; never jumps.
    fn elapsed_ms(&self) -> u64;
    /// What [`Clock::elapsed_ms`] showed, or will show, at `instant`.
    fn ms_at(&self, instant: Instant) -> u64;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
    offset_ms: u64,
}

impl SystemClock {
    /// A clock that starts now, at zero.
    pub fn start() -> Self {
        Self::resume(0)
    }

    /// A clock that goes on from `offset_ms`, where a killed run stopped.
    pub fn resume(offset_ms: u64) -> Self {
        Self { started: Instant::now(), offset_ms }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn elapsed_ms(&self) -> u64 {
        self.ms_at(Instant::now())
    }
    fn ms_at(&self, instant: Instant) -> u64 {
        let since = instant.saturating_duration_since(self.started).as_millis();
        self.offset_ms.saturating_add(u64::try_from(since).unwrap_or(u64::MAX))
    }
}

/// Writes entries, one line and one `write` call each, so that a kill tears at most the last line.
#[derive(Debug)]
pub struct RecordWriter<W> {
    out: W,
    next_seq: u64,
    redactor: Redactor,
}

impl<W: Write> RecordWriter<W> {
    /// A writer whose first entry has number `next_seq` (0 for a new record).
    pub fn new(out: W, next_seq: u64, redactor: Redactor) -> Self {
        Self { out, next_seq, redactor }
    }

    /// Adds a secret to mask from now on.
    pub fn add_secret(&mut self, secret: &str) {
        self.redactor.add(secret);
    }

    /// Writes one event.
    ///
    /// # Errors
    /// Whatever the underlying writer says; the entry then counts as not written.
    pub fn append(&mut self, clock: &dyn Clock, event: Event) -> io::Result<Entry> {
        let entry = Entry { seq: self.next_seq, at: clock.now(), ms: clock.elapsed_ms(), event };
        let mut line = printable_json(&self.redactor.apply(&serde_json::to_string(&entry)?)).into_owned();
        line.push('\n');
        self.out.write_all(line.as_bytes())?;
        self.out.flush()?;
        self.next_seq += 1;
        Ok(entry)
    }

    /// The writer below, for syncing a file to disk.
    pub fn get_ref(&self) -> &W {
        &self.out
    }
}

/// A record read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Content of its first line.
    pub started: RunStarted,
    /// All entries that could be read, the first line included.
    pub entries: Vec<Entry>,
    /// Whether the last line was torn, as after a kill.
    pub torn: Option<TornLine>,
    /// Bytes up to the end of the last whole line: where a resumed run goes on writing.
    pub whole_bytes: u64,
}

/// The torn end of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornLine {
    /// Line number, from 1.
    pub line: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// Why a record cannot be read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The file cannot be read.
    #[error("cannot read the record: {0}")]
    Io(#[from] io::Error),
    /// A line that is not the last one is damaged: nobody's kill does that.
    #[error("record line {line}, column {column}: {reason}")]
    Damaged {
        /// Line number, from 1.
        line: u64,
        /// Column, from 1.
        column: u64,
        /// What the parser says.
        reason: String,
    },
    /// The first line does not start a run.
    #[error("the record does not begin with the start of a run: {0}")]
    NotARecord(String),
    /// Written by a newer Drydock.
    #[error(
        "record version {found} is newer than {RECORD_VERSION}, which this Drydock reads: use the newer Drydock"
    )]
    TooNew {
        /// Version found.
        found: u32,
    },
}

impl Record {
    /// Reads a record. A torn last line is left out and told in [`Record::torn`].
    ///
    /// # Errors
    /// The file cannot be read, is no record, is damaged before its end, or is too new.
    pub fn read(mut input: impl BufRead) -> Result<Self, RecordError> {
        let (mut entries, mut torn, mut whole_bytes) = (Vec::<Entry>::new(), None, 0_u64);
        let (mut line, mut number) = (Vec::new(), 0_u64);
        let mut damaged: Option<RecordError> = None;
        loop {
            line.clear();
            let read = input.read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            number += 1;
            if let Some(error) = damaged {
                return Err(error);
            }
            let complete = line.last() == Some(&b'\n');
            match serde_json::from_slice::<Entry>(&line) {
                Ok(entry) if complete => {
                    let expected = u64::try_from(entries.len()).unwrap_or(u64::MAX);
                    if entry.seq != expected {
                        return Err(RecordError::Damaged {
                            line: number,
                            column: 1,
                            reason: format!(
                                "entry {} where {expected} should be: lines are missing",
                                entry.seq
                            ),
                        });
                    }
                    whole_bytes += read as u64;
                    entries.push(entry);
                }
                // Without its line end the write was cut short, even if what arrived happens to parse.
                Ok(_) => torn = Some(TornLine { line: number, bytes: read as u64 }),
                Err(e) => {
                    torn = Some(TornLine { line: number, bytes: read as u64 });
                    if number == 1 {
                        check_version(&line)?;
                        return Err(RecordError::NotARecord(reason_of(&e)));
                    }
                    // Damage is only known as such once another line follows.
                    damaged = Some(RecordError::Damaged {
                        line: number,
                        column: e.column() as u64,
                        reason: reason_of(&e),
                    });
                }
            }
        }
        let Some(Entry { event: Event::RunStarted(started), .. }) = entries.first() else {
            return Err(RecordError::NotARecord("it is empty or starts with something else".into()));
        };
        if started.record_version > RECORD_VERSION {
            return Err(RecordError::TooNew { found: started.record_version });
        }
        Ok(Self { started: (**started).clone(), entries, torn, whole_bytes })
    }

    /// The entries that still count. What a step told before it was started once more (after a kill, or because a resumed
    /// run started over) was told about work that has been redone, and is left out.
    pub fn effective(&self) -> Vec<&Entry> {
        let mut kept: Vec<(Option<&StepId>, &Entry)> = Vec::with_capacity(self.entries.len());
        let mut current: Option<&StepId> = None;
        // Only a step that began before has anything to take back: a look through a million entries for each would be felt.
        let mut begun: BTreeSet<&StepId> = BTreeSet::new();
        for entry in &self.entries {
            match &entry.event {
                Event::StepStarted { step } => {
                    if !begun.insert(step) {
                        kept.retain(|(of, _)| *of != Some(step));
                    }
                    current = Some(step);
                }
                Event::RunResumed { starts_over: Some(_), .. } => {
                    kept.retain(|(_, e)| matches!(e.event, Event::RunStarted(_)));
                    begun.clear();
                    current = None;
                }
                Event::RunResumed { .. } => current = None,
                _ => {}
            }
            // The service stays closed for its users while the step that closed it is repeated.
            let of = if matches!(entry.event, Event::Service { .. }) { None } else { current };
            kept.push((of, entry));
            if matches!(entry.event, Event::StepFinished { .. }) {
                current = None;
            }
        }
        kept.into_iter().map(|(_, entry)| entry).collect()
    }

    /// The proof of the checks that count: the last one that failed, else the last one. Each life of a run that was
    /// killed brings its own, for it may have been another build.
    pub fn worst_proof(&self) -> Option<&Proof> {
        let proofs = || {
            self.effective().into_iter().rev().filter_map(|entry| match &entry.event {
                Event::Proof(proof) => Some(proof),
                _ => None,
            })
        };
        proofs().find(|proof| !proof.holds()).or_else(|| proofs().next())
    }

    /// Whether the run came to an end (complete, stopped or interrupted) rather than being killed.
    pub fn is_finished(&self) -> bool {
        matches!(self.entries.last().map(|e| &e.event), Some(Event::RunFinished { .. }))
    }
}

/// The parser sees one line at a time and counts it as the first: its place would contradict ours.
fn reason_of(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason).to_owned()
}

/// A first line of a newer format may not decode at all: then the version still tells why.
fn check_version(line: &[u8]) -> Result<(), RecordError> {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    match value["event"]["record_version"].as_u64() {
        Some(found) if found > u64::from(RECORD_VERSION) => {
            Err(RecordError::TooNew { found: u32::try_from(found).unwrap_or(u32::MAX) })
        }
        _ => Ok(()),
    }
}
