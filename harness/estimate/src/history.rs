//! The history: one line of JSON for each measured run, appended when the run has ended. A kill tears at most the last line.

use crate::machine::Machine;
use crate::volumes::Volumes;
use crate::way::Way;
use drydock_core::event::StepOutcome;
use drydock_core::plan::Service;
use drydock_core::{Outcome, Record, StepId, Summary};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use thiserror::Error;

/// Version of the format. A reader accepts its own and older ones.
const FORMAT: u32 = 1;
/// Findings of one run that are kept by name.
const MOST_FINDINGS: usize = 50;
/// The pseudo-step that holds what passed between the steps of the cutover.
pub(crate) const BETWEEN: &str = "between steps";

/// One line: a run, what it carried, and how long it took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MeasuredRun {
    /// Version of the format.
    pub format: u32,
    /// Name of the run.
    pub run: String,
    /// Beginning, UTC, RFC 3339.
    pub started: String,
    /// Version of Drydock.
    pub drydock: String,
    /// Name of the scenario.
    pub scenario: String,
    /// The way the documents went.
    pub way: Way,
    /// Seed of the data.
    pub seed: u64,
    /// Documents that the source was filled with; users and probes add theirs until the freeze.
    #[serde(default)]
    pub seeded_documents: u64,
    /// What was carried.
    pub volumes: Volumes,
    /// Steps during which users waited, in order.
    pub steps: Vec<StepTime>,
    /// From closing the service to opening it again; absent if it was never opened.
    pub downtime_seconds: Option<f64>,
    /// Longest outage that a probe saw.
    #[serde(default)]
    pub probe_seconds: Option<f64>,
    /// The whole run, with everything that users do not wait for.
    pub run_seconds: f64,
    /// How it was judged.
    pub outcome: Outcome,
    /// Items that each check compared.
    #[serde(default)]
    pub checks: BTreeMap<String, u64>,
    /// What was found and not expected: check, kind and item.
    #[serde(default)]
    pub findings: Vec<String>,
    /// The machine.
    pub machine: Machine,
}

/// How long a step took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTime {
    /// The step.
    pub step: StepId,
    /// Seconds.
    pub seconds: f64,
}

impl MeasuredRun {
    /// Reads it out of a record and its summary. `machine` brings the probes; facts and versions come from the record.
    pub fn of(record: &Record, summary: &Summary, machine: Machine) -> Self {
        let plan = &record.started.plan;
        let down = |step: &StepId| plan.step(step).is_some_and(|s| s.service == Service::Down);
        let steps: Vec<StepTime> = summary
            .steps
            .iter()
            .filter(|s| s.outcome == Some(StepOutcome::Done) && down(&s.step))
            .map(|s| StepTime { step: s.step.clone(), seconds: s.seconds })
            .collect();
        let mut findings: Vec<String> = summary
            .verdict
            .findings
            .iter()
            .map(|j| &j.finding)
            .filter(|f| f.outcome >= Outcome::NotProven)
            .map(|f| format!("{}: {} {}", f.check, f.kind, f.subject))
            .collect();
        findings.sort();
        findings.dedup();
        findings.truncate(MOST_FINDINGS);
        let mut machine = machine;
        let fact = |name: &str| summary.machine.get(name).cloned().unwrap_or_default();
        machine.cores = fact("cores").parse().unwrap_or(machine.cores);
        machine.memory_kib = fact("memory_kib").parse().unwrap_or(machine.memory_kib);
        machine.system = fact("system");
        machine.versions =
            summary.stores.iter().map(|s| (format!("{} {}", s.side, s.store), s.version.clone())).collect();
        Self {
            format: FORMAT,
            run: summary.run.to_string(),
            started: summary.started.clone(),
            drydock: summary.drydock.clone(),
            scenario: summary.scenario.clone(),
            way: Way::of(&record.started.scenario.migration),
            seed: summary.seed,
            seeded_documents: summary.digests.first().map_or(0, |d| d.documents),
            volumes: volumes_of(summary),
            steps,
            downtime_seconds: summary.downtime.phase_clock_seconds,
            probe_seconds: summary.downtime.probe_seconds,
            run_seconds: summary.seconds,
            outcome: summary.verdict.outcome,
            checks: summary.verdict.checks.iter().map(|c| (c.check.to_string(), c.compared)).collect(),
            findings,
            machine,
        }
    }

    /// The line, with its end.
    ///
    /// # Errors
    /// A figure is not finite.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// Whether both were filled alike, went the same way and belong to one scenario: only such times compare.
    pub fn is_like(&self, other: &Self) -> bool {
        // How much users write meanwhile depends on how long a run takes.
        let documents =
            |r: &Self| if r.seeded_documents > 0 { r.seeded_documents } else { r.volumes.documents };
        let (a, b) = (documents(self), documents(other));
        self.way == other.way && self.scenario == other.scenario && a.abs_diff(b) <= a.max(b) / 20
    }

    /// Whether its times say anything about a migration: users were let in again at the end.
    pub fn is_complete(&self) -> bool {
        self.downtime_seconds.is_some_and(|s| s.is_finite() && s > 0.0) && !self.steps.is_empty()
    }

    /// Seconds by step, with what passed between them. They add up to the downtime, which must be there.
    pub(crate) fn parts(&self) -> Vec<(String, f64)> {
        let mut parts: Vec<(String, f64)> =
            self.steps.iter().map(|s| (s.step.to_string(), s.seconds)).collect();
        let told: f64 = parts.iter().map(|(_, s)| s).sum();
        let between = self.downtime_seconds.unwrap_or(told) - told;
        parts.push((BETWEEN.into(), between.max(0.0)));
        parts
    }
}

/// What was carried, as the steps told: the inventory of the frozen source counts, and where there is none, what the copy
/// itself counted.
fn volumes_of(summary: &Summary) -> Volumes {
    let step = |id: &str| summary.steps.iter().rev().find(|s| s.step.as_str() == id).map(|s| &s.facts);
    let number = |id: &str, fact: &str| step(id)?.get(fact).and_then(Value::as_u64);
    let (listed, copied) = ("phase-3/backup/elasticsearch", "phase-3/restore/elasticsearch");
    let either = |first: &str, second: &str| number(listed, first).or_else(|| number(copied, second));
    let tables: u64 = summary
        .steps
        .iter()
        .filter(|s| s.step.as_str().starts_with("phase-3/backup/"))
        .filter_map(|s| s.facts.get("tables").and_then(Value::as_u64))
        .sum();
    let changed = ["documents_created", "documents_replaced", "documents_updated", "documents_removed"];
    Volumes {
        documents: either("documents", "documents").unwrap_or_default(),
        bytes: either("store_bytes", "bytes").unwrap_or_default(),
        indices: either("indices", "indices").unwrap_or_default(),
        largest_index_bytes: number(listed, "largest_store_bytes").unwrap_or_default(),
        rows: summary.digests.first().map_or(0, |d| d.rows),
        row_bytes: number("phase-1/validate", "postgres_source_bytes").unwrap_or_default(),
        tables,
        changed: changed.iter().filter_map(|fact| number(copied, fact)).sum(),
    }
}

/// Why a history cannot be used.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum HistoryError {
    /// A line that is not the last one is damaged: nobody's kill does that.
    #[error("history line {line}: {reason}")]
    Damaged {
        /// Line number, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// Written by a newer Drydock.
    #[error(
        "history line {line} has format {found}, this Drydock reads up to {FORMAT}: use the newer Drydock"
    )]
    TooNew {
        /// Line number, from 1.
        line: usize,
        /// Its format.
        found: u32,
    },
}

/// A history read back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Its runs, in the order in which they ended.
    pub runs: Vec<MeasuredRun>,
    /// Whether the last line was torn, as after a kill.
    pub torn: bool,
}

impl History {
    /// Reads every line.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub fn read(text: &str) -> Result<Self, HistoryError> {
        let mut history = Self::default();
        let mut lines = text.split_inclusive('\n').enumerate().peekable();
        while let Some((at, line)) = lines.next() {
            let number = at + 1;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str::<MeasuredRun>(line) {
                Ok(run) if run.format > FORMAT => {
                    return Err(HistoryError::TooNew { line: number, found: run.format });
                }
                // Without its line end the write was cut short, even if what arrived happens to parse.
                Ok(run) if line.ends_with('\n') => history.runs.push(run),
                Ok(_) => history.torn = true,
                Err(error) => {
                    if let Some(found) = newer(line) {
                        return Err(HistoryError::TooNew { line: number, found });
                    }
                    if lines.peek().is_some() || line.ends_with('\n') {
                        return Err(HistoryError::Damaged { line: number, reason: error.to_string() });
                    }
                    history.torn = true;
                }
            }
        }
        Ok(history)
    }

    /// The runs of one way and, if given, one scenario whose times can be used.
    pub fn of(&self, way: Way, scenario: Option<&str>) -> Vec<&MeasuredRun> {
        let wanted = |r: &&MeasuredRun| r.way == way && scenario.is_none_or(|s| r.scenario == s);
        self.runs.iter().filter(wanted).filter(|r| r.is_complete()).collect()
    }
}

/// A line of a newer format may not decode at all: then the version still tells why.
fn newer(line: &str) -> Option<u32> {
    let value: Value = serde_json::from_str(line).ok()?;
    let found = u32::try_from(value["format"].as_u64()?).ok()?;
    (found > FORMAT).then_some(found)
}
