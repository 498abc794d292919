//! Judging what was compared without stores: the same record, ledger, verdict and reports as a rehearsal has.

use crate::start::{RehearsalError, file_error, ledger_lines};
use drydock_core::event::{Ending, RECORD_VERSION, RunStarted};
use drydock_core::scenario::ledger_from_yaml;
use drydock_core::{
    CheckId, Clock, Event, Plan, Record, RecordWriter, Redactor, Scenario, Summary, SystemClock,
};
use drydock_stores::compare::CheckResult;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lists of differences that are expected.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ledgers<'l> {
    /// Files of the user.
    pub files: &'l [PathBuf],
    /// Texts that come with the program, with their names.
    pub built_in: &'l [(&'l str, &'l str)],
}

/// Writes a record of `made`, judges it with the ledgers, and writes reports into `folder` if there is one. `name` is what
/// was done, as one word; `asked` are the checks that must have been made for a green verdict.
///
/// # Errors
/// A ledger is wrong, or the folder cannot be written.
pub fn judge(
    name: &str,
    asked: &[&str],
    made: Vec<CheckResult>,
    ledgers: Ledgers<'_>,
    folder: Option<&Path>,
) -> Result<Summary, RehearsalError> {
    let clock = SystemClock::start();
    let mut ledger = ledger_lines(ledgers.files.iter().cloned())?;
    for (name, text) in ledgers.built_in {
        ledger.extend(ledger_from_yaml(name, text)?.expected);
    }
    let started = RunStarted {
        record_version: RECORD_VERSION,
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        run: crate::clock::run_id(name, clock.now()),
        scenario_file: String::new(),
        scenario: Scenario::from_yaml(name, &format!("name: {name}"))?,
        plan: Plan { steps: Vec::new(), checks: asked.iter().map(|c| CheckId::from(*c)).collect() },
        ledger,
        machine: BTreeMap::new(),
    };
    let mut docket = Docket::open(clock, started, Redactor::default())?;
    for check in made {
        docket.enter(check)?;
    }
    docket.close(folder)
}

/// A record that is kept in memory until it is judged.
pub(crate) struct Docket {
    clock: SystemClock,
    writer: RecordWriter<Vec<u8>>,
}

impl Docket {
    /// Begins a record.
    pub(crate) fn open(
        clock: SystemClock,
        started: RunStarted,
        redactor: Redactor,
    ) -> Result<Self, RehearsalError> {
        let mut docket = Self { clock, writer: RecordWriter::new(Vec::new(), 0, redactor) };
        docket.append(Event::RunStarted(Box::new(started)))?;
        Ok(docket)
    }

    pub(crate) fn append(&mut self, event: Event) -> Result<(), RehearsalError> {
        let written = self.writer.append(&self.clock, event).map(drop);
        written.map_err(file_error("cannot keep the record in memory"))
    }

    /// Records a check with what it found.
    pub(crate) fn enter(&mut self, check: CheckResult) -> Result<(), RehearsalError> {
        let (findings, finished) = check.told();
        for finding in findings {
            self.append(Event::Finding(finding))?;
        }
        self.append(finished)
    }

    /// Judges the record, and writes it with its reports into `folder` if there is one.
    pub(crate) fn close(mut self, folder: Option<&Path>) -> Result<Summary, RehearsalError> {
        self.append(Event::RunFinished { ending: Ending::Complete })?;
        let bytes = self.writer.get_ref();
        let record = Record::read(bytes.as_slice())
            .map_err(|reason| RehearsalError::Record { path: "record in memory".into(), reason })?;
        let summary = Summary::of(&record);
        if let Some(folder) = folder {
            let failed = || format!("cannot write the reports into {}", folder.display());
            std::fs::create_dir_all(folder).map_err(file_error(failed()))?;
            std::fs::write(folder.join("record.jsonl"), bytes).map_err(file_error(failed()))?;
            drydock_report::write_all(folder, &summary).map_err(file_error(failed()))?;
        }
        Ok(summary)
    }
}
