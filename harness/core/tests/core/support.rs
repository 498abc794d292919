//! Records made by hand.

use drydock_core::event::{Ending, RECORD_VERSION, RunStarted};
use drydock_core::{
    CheckId, Clock, Entry, Event, Finding, LedgerLine, Outcome, Plan, Record, RecordWriter, Redactor, RunId,
    Scenario, StepId, StepOutcome,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A clock that stands still.
pub(crate) struct Still(pub(crate) u64);

impl Clock for Still {
    fn ms_at(&self, _: std::time::Instant) -> u64 {
        0
    }
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(1_767_225_600_000 + i64::try_from(self.0).unwrap()).unwrap()
    }
    fn elapsed_ms(&self) -> u64 {
        self.0
    }
}

/// Events of a run whose plan asks for the given checks.
pub(crate) struct Run {
    pub(crate) started: RunStarted,
    pub(crate) events: Vec<Event>,
}

impl Run {
    pub(crate) fn asking(checks: &[&str]) -> Self {
        let scenario = Scenario::from_yaml("x.yaml", "name: x\n").unwrap();
        let mut plan = Plan::of(&scenario);
        plan.checks = checks.iter().map(|c| CheckId::from(*c)).collect();
        let started = RunStarted {
            record_version: RECORD_VERSION,
            drydock: "0.1.0".into(),
            run: RunId::from("x-1"),
            scenario_file: "x.yaml".into(),
            scenario,
            plan,
            ledger: Vec::new(),
            machine: BTreeMap::new(),
        };
        Self { started, events: Vec::new() }
    }

    pub(crate) fn expecting(mut self, line: LedgerLine) -> Self {
        self.started.ledger.push(line);
        self
    }

    pub(crate) fn event(mut self, event: Event) -> Self {
        self.events.push(event);
        self
    }

    pub(crate) fn step(self, step: &str, outcome: StepOutcome) -> Self {
        let step = StepId::from(step);
        self.event(Event::StepStarted { step: step.clone() }).event(Event::StepFinished {
            step,
            outcome,
            millis: 1,
            facts: BTreeMap::new(),
        })
    }

    pub(crate) fn check(self, check: &str, compared: u64) -> Self {
        self.check_told(check, compared, Outcome::Equal)
    }

    pub(crate) fn check_told(self, check: &str, compared: u64, outcome: Outcome) -> Self {
        self.event(Event::CheckFinished {
            check: check.into(),
            outcome,
            compared,
            note: String::new(),
            millis: 1,
        })
    }

    pub(crate) fn finding(self, finding: Finding) -> Self {
        self.event(Event::Finding(finding))
    }

    pub(crate) fn ends(self, ending: Ending) -> Record {
        self.event(Event::RunFinished { ending }).killed()
    }

    /// The record as it is when nobody wrote an end.
    pub(crate) fn killed(self) -> Record {
        let mut events = vec![Event::RunStarted(Box::new(self.started.clone()))];
        events.extend(self.events);
        let entries =
            (0..).zip(events).map(|(seq, event)| Entry { seq, at: Still(seq).now(), ms: seq, event });
        Record { started: self.started, entries: entries.collect(), torn: None, whole_bytes: 0 }
    }
}

/// The lines of a record as they are written.
pub(crate) fn written(record: &Record) -> Vec<u8> {
    let mut writer = RecordWriter::new(Vec::new(), 0, Redactor::default());
    for entry in &record.entries {
        writer.append(&Still(entry.ms), entry.event.clone()).unwrap();
    }
    writer.get_ref().clone()
}
