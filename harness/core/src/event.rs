//! Typed events: everything a run tells, one line of `record.jsonl` each.

use crate::finding::{Finding, Outcome};
use crate::ledger::LedgerLine;
use crate::names::{CheckId, RunId, StepId, Store};
use crate::plan::Plan;
use crate::proof::Proof;
use crate::rollback::WriteFates;
use crate::scenario::Scenario;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the record format. A reader accepts its own version and older ones. Version 2 knows proofs,
/// version 3 ways back.
pub const RECORD_VERSION: u32 = 3;

/// One line of a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Position in the record, from 0 without gaps.
    pub seq: u64,
    /// Wall-clock time.
    pub at: Timestamp,
    /// Milliseconds since the run (or its resumption) began, from a clock that never jumps.
    pub ms: u64,
    /// What happened.
    pub event: Event,
}

/// What can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// First line of every record.
    RunStarted(Box<RunStarted>),
    /// A killed or interrupted run goes on.
    RunResumed {
        /// How many steps are kept as done.
        steps_kept: u64,
        /// Why the run starts over, if it does.
        starts_over: Option<String>,
    },
    /// A store of the environment is up.
    StoreReady {
        /// `source` or `target`.
        side: Side,
        /// Kind of store.
        store: Store,
        /// Version as the store reports it.
        version: String,
        /// How it was obtained, and what about it differs from production.
        disclosed: String,
    },
    /// A step began.
    StepStarted {
        /// Its id.
        step: StepId,
    },
    /// One item of a step (an index, a table) is done and need not be done again on resume.
    ItemFinished {
        /// The step.
        step: StepId,
        /// The item.
        item: String,
        /// Documents or rows moved.
        moved: u64,
    },
    /// A step ended.
    StepFinished {
        /// Its id.
        step: StepId,
        /// How.
        outcome: StepOutcome,
        /// Duration in milliseconds.
        millis: u64,
        /// Figures and facts of the step; no secrets.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        facts: BTreeMap<String, serde_json::Value>,
    },
    /// A loss was planted on purpose.
    FaultPlanted {
        /// Name of the fault.
        fault: String,
        /// The step after which it was planted.
        after: StepId,
        /// What exactly was harmed.
        item: String,
    },
    /// A check found something.
    Finding(Finding),
    /// A check ended.
    CheckFinished {
        /// Its id.
        check: CheckId,
        /// Worst outcome of its findings, or equal.
        outcome: Outcome,
        /// How many items were really compared. Nothing compared is never a pass.
        compared: u64,
        /// What was compared and what was left out, in one line.
        note: String,
        /// Duration in milliseconds.
        millis: u64,
    },
    /// Digest of everything one side holds; equal for equal profile and seed.
    DataDigest {
        /// When it was taken: `seeded`, `frozen`.
        moment: String,
        /// Hexadecimal, 128 bits.
        digest: String,
        /// Documents in Elasticsearch.
        documents: u64,
        /// Rows in PostgreSQL.
        rows: u64,
    },
    /// The service was closed to clients, or opened again.
    Service {
        /// Open on the source, closed, or open on the target.
        state: ServiceState,
    },
    /// A probe went down or came back.
    ProbeOutage {
        /// Which probe.
        probe: String,
        /// Intended start of the first failed request, milliseconds as in `ms`.
        from_ms: u64,
        /// Intended start of the first successful request after it; absent if the probe never came back.
        until_ms: Option<u64>,
        /// Failed requests in between.
        failed: u64,
        /// The first error.
        error: String,
        /// How far either edge may lie from the truth, milliseconds; absent in records of older versions, whose probes asked every
        /// `interval_ms` all the time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resolution_ms: Option<u64>,
    },
    /// Figures of a probe over the whole run.
    ProbeSummary(ProbeSummary),
    /// Corruptions were planted in copies, and the checks of this build were held against them.
    Proof(Proof),
    /// After going back: what became of the writes that were acknowledged on the target.
    WritesFated(Box<WriteFates>),
    /// Something worth telling that is no finding.
    Note {
        /// For whom.
        level: NoteLevel,
        /// One line.
        text: String,
    },
    /// Last line of a record that came to its end.
    RunFinished {
        /// Whether it was interrupted.
        ending: Ending,
    },
}

/// Content of the first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    /// [`RECORD_VERSION`] of the writer.
    pub record_version: u32,
    /// Version of Drydock.
    pub drydock: String,
    /// Name of the run.
    pub run: RunId,
    /// Path of the scenario as given, for people.
    pub scenario_file: String,
    /// The scenario with all defaults.
    pub scenario: Scenario,
    /// The plan.
    pub plan: Plan,
    /// Expected differences, copied, so that the verdict follows from the record alone.
    pub ledger: Vec<LedgerLine>,
    /// Facts of the machine: cores, memory, operating system.
    pub machine: BTreeMap<String, String>,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// As planned.
    Done,
    /// Not needed, or done before a resume.
    Skipped,
    /// Failed because of the migration or its data.
    Failed,
    /// Failed because of the surroundings.
    EnvironmentFailed,
    /// Cut short by the user.
    Interrupted,
}

/// Side of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Where the data comes from.
    Source,
    /// Where it goes.
    Target,
}

impl std::fmt::Display for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// What clients of the service meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// The source serves.
    OnSource,
    /// Nothing serves.
    Closed,
    /// The target serves.
    OnTarget,
}

/// Weight of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// Good to know.
    Info,
    /// Look at it.
    Warning,
}

/// How a record ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every step was gone through.
    Complete,
    /// A step failed and the rest was left out.
    Stopped,
    /// The user interrupted.
    Interrupted,
}

/// Figures of one probe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeSummary {
    /// Which probe.
    pub probe: String,
    /// Milliseconds between two intended starts while an outage was expected or under way: the resolution of one that was planned.
    pub interval_ms: u64,
    /// The same while users worked: what an outage that nobody planned may begin before it is seen. Absent in records of older
    /// versions, whose probes knew one interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub far_interval_ms: Option<u64>,
    /// Requests sent.
    pub sent: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Median latency of the successful ones, microseconds from the intended start.
    pub p50_us: u64,
    /// 99th percentile likewise.
    pub p99_us: u64,
    /// Longest likewise.
    pub max_us: u64,
}
