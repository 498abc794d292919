//! Everything a report shows, derived from the record alone.

use crate::event::{Event, ProbeSummary, ServiceState, Side, StepOutcome};
use crate::honesty::Honesty;
use crate::life::Life;
use crate::names::{RunId, StepId, Store};
use crate::prediction::Prediction;
use crate::record::Record;
use crate::rollback::RollbackReport;
use crate::scenario::{Expect, FaultKind};
use crate::verdict::Verdict;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the JSON report.
pub const REPORT_VERSION: u32 = 1;

/// Fact of the step that stops the workload: by store, seconds of the outage without an acknowledged write.
pub const NO_WRITE_SECONDS: &str = "seconds_without_an_acknowledged_write";

/// The content of `report.json`, and the input of every other report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// [`REPORT_VERSION`].
    pub report_version: u32,
    /// Version of Drydock that ran.
    pub drydock: String,
    /// Name of the run.
    pub run: RunId,
    /// Name of the scenario.
    pub scenario: String,
    /// Its file, as it was named when the run began; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scenario_file: String,
    /// Its seed.
    pub seed: u64,
    /// Beginning, UTC, RFC 3339.
    pub started: String,
    /// Seconds from the first to the last line of the record, without the time between a kill and its resume.
    pub seconds: f64,
    /// The judgement.
    pub verdict: Verdict,
    /// The outage, from both clocks.
    pub downtime: Downtime,
    /// Every step that ran.
    pub steps: Vec<StepReport>,
    /// Every store.
    pub stores: Vec<StoreReport>,
    /// Digests of the data.
    pub digests: Vec<DigestReport>,
    /// Figures of the probes.
    pub probes: Vec<ProbeSummary>,
    /// Losses that were planted on purpose.
    pub planted: Vec<Planted>,
    /// Notes and warnings.
    pub notes: Vec<String>,
    /// How often the run was resumed.
    pub resumed: u64,
    /// What ended the run before, each time it was resumed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lives: Vec<Life>,
    /// Whether the record's last line was torn.
    pub torn: bool,
    /// Facts of the machine.
    pub machine: BTreeMap<String, String>,
    /// How far all of this can be trusted.
    #[serde(default)]
    pub honesty: Honesty,
    /// What a trial predicted for the steps of the cutover, and what they took.
    #[serde(default)]
    pub predictions: Vec<Prediction>,
    /// How the scenario is meant to end.
    #[serde(default)]
    pub expect: Expect,
    /// What going back came to, if the scenario does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackReport>,
}

/// The outage, from both clocks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Downtime {
    /// From closing the service to opening it again, by the clock of the phases; seconds.
    pub phase_clock_seconds: Option<f64>,
    /// From closing the service to the end of the record, if it was never opened again: a lower bound; seconds.
    #[serde(default)]
    pub still_closed_seconds: Option<f64>,
    /// Longest outage a probe saw; seconds.
    pub probe_seconds: Option<f64>,
    /// How far the edges of that outage may lie from the truth or, if none was seen, how long one could have stayed unseen; seconds.
    pub probe_resolution_seconds: Option<f64>,
    /// When the service was closed to its users, in order.
    #[serde(default)]
    pub closures: Vec<Closure>,
    /// Outages by probe.
    pub outages: Vec<Outage>,
    /// The same summed up by capability: what users could not do, and how long.
    #[serde(default)]
    pub capabilities: Vec<CapabilityOutage>,
    /// Time during which at least one probe saw an outage that ended; seconds.
    #[serde(default)]
    pub probe_total_seconds: Option<f64>,
    /// The view from the data: by store, the longest time of the outage without an acknowledged write; seconds.
    #[serde(default)]
    pub without_writes_seconds: BTreeMap<String, f64>,
    /// The budget, if the scenario has one; seconds.
    pub budget_seconds: Option<f64>,
}

/// A time during which the service was closed to its users, on the clock of the steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Closure {
    /// Seconds since the run began.
    pub from_seconds: f64,
    /// Length in seconds, without the time between a kill and its resume; absent if the service was not opened again.
    pub seconds: Option<f64>,
}

/// What users could not do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilityOutage {
    /// The probe, named after the capability.
    pub probe: String,
    /// Outages that it saw.
    pub outages: u64,
    /// The longest one that ended; seconds.
    pub longest_seconds: f64,
    /// All that ended, together; seconds.
    pub total_seconds: f64,
    /// How many never ended.
    pub without_end: u64,
    /// How far the edges of its outages may lie from the truth or, if it saw none, how long one could have stayed unseen; seconds.
    pub resolution_seconds: Option<f64>,
}

/// One outage as a probe saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outage {
    /// Which probe.
    pub probe: String,
    /// Seconds since the run began.
    pub from_seconds: f64,
    /// Length in seconds; absent if it never ended.
    pub seconds: Option<f64>,
    /// First error.
    pub error: String,
    /// How far either edge may lie from the truth; seconds. Absent in records of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_seconds: Option<f64>,
}

/// A step as it went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepReport {
    /// Its id.
    pub step: StepId,
    /// What it does.
    pub about: String,
    /// How it ended; absent if it did not.
    pub outcome: Option<StepOutcome>,
    /// Seconds since the run (or its resumption) began.
    pub began_seconds: f64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Its figures.
    pub facts: BTreeMap<String, serde_json::Value>,
}

/// A store of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoreReport {
    /// Side.
    pub side: Side,
    /// Kind.
    pub store: Store,
    /// Version.
    pub version: String,
    /// Where it came from and how it differs from production.
    pub disclosed: String,
}

/// Digest of one side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DigestReport {
    /// When.
    pub moment: String,
    /// Hexadecimal.
    pub digest: String,
    /// Documents.
    pub documents: u64,
    /// Rows.
    pub rows: u64,
}

/// A loss planted on purpose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Planted {
    /// Which.
    pub fault: String,
    /// After which step.
    pub after: StepId,
    /// What was harmed.
    pub item: String,
}

impl Summary {
    /// Derives everything from a record.
    pub fn of(record: &Record) -> Self {
        let started = &record.started;
        let mut summary = Self {
            report_version: REPORT_VERSION,
            drydock: started.drydock.clone(),
            run: started.run.clone(),
            scenario: started.scenario.name.clone(),
            scenario_file: started.scenario_file.clone(),
            seed: started.scenario.seed,
            started: record.entries.first().map(|e| rfc3339(e.at)).unwrap_or_default(),
            seconds: 0.0,
            verdict: Verdict::of(record),
            downtime: Downtime {
                budget_seconds: started.scenario.budgets.downtime.map(|d| d.as_secs_f64()),
                ..Downtime::default()
            },
            steps: Vec::new(),
            stores: Vec::new(),
            digests: Vec::new(),
            probes: Vec::new(),
            planted: Vec::new(),
            notes: Vec::new(),
            resumed: 0,
            lives: Life::of(record),
            torn: record.torn.is_some(),
            machine: started.machine.clone(),
            honesty: Honesty::default(),
            predictions: Vec::new(),
            expect: started.scenario.expect.clone(),
            rollback: None,
        };
        let mut closed_at = None;
        let mut last_ms = 0;
        for entry in &record.entries {
            last_ms = last_ms.max(entry.ms);
        }
        for entry in record.effective() {
            summary.add(record, entry.ms, entry.at, &entry.event, &mut closed_at);
        }
        summary.seconds = seconds(last_ms);
        summary.downtime.still_closed_seconds = closed_at
            .zip(record.entries.last())
            .map(|(closed, last)| (last.at - closed).total(jiff::Unit::Second).unwrap_or_default());
        summary.downtime.capabilities = capabilities(&summary.downtime.outages, &summary.probes);
        let ended = summary.downtime.outages.iter().filter_map(|o| Some((o.seconds?, o.resolution_seconds)));
        let longest = ended.max_by(|a, b| a.0.total_cmp(&b.0));
        summary.downtime.probe_seconds = longest.map(|(seconds, _)| seconds);
        summary.downtime.probe_resolution_seconds =
            longest.and_then(|(_, resolution)| resolution).or_else(|| {
                summary.downtime.capabilities.iter().filter_map(|c| c.resolution_seconds).reduce(f64::max)
            });
        summary.downtime.probe_total_seconds = together(&summary.downtime.outages);
        summary.notes.extend(failures(record));
        summary.notes.extend(summary.lives.iter().map(Life::words));
        let proof = record.worst_proof().cloned();
        summary.predictions = Prediction::of(&summary.steps);
        summary.rollback =
            RollbackReport::of(record, &summary.verdict, &summary.steps, &summary.downtime.outages);
        summary.honesty = Honesty::of(proof, &summary.verdict, &summary.stores);
        summary
    }

    fn add(
        &mut self,
        record: &Record,
        ms: u64,
        at: Timestamp,
        event: &Event,
        closed_at: &mut Option<Timestamp>,
    ) {
        match event {
            Event::RunStarted(_)
            | Event::Finding(_)
            | Event::CheckFinished { .. }
            | Event::ItemFinished { .. } => {}
            Event::RunFinished { .. } | Event::Proof(_) | Event::WritesFated(_) => {}
            Event::RunResumed { starts_over, .. } => {
                self.resumed += 1;
                self.notes.push(match starts_over {
                    Some(why) => format!("resumed from the beginning: {why}"),
                    None => "resumed after an interruption".into(),
                });
            }
            Event::StoreReady { side, store, version, disclosed } => {
                self.stores.retain(|s| (s.side, s.store) != (*side, *store));
                self.stores.push(StoreReport {
                    side: *side,
                    store: *store,
                    version: version.clone(),
                    disclosed: disclosed.clone(),
                });
                self.stores.sort_by_key(|s| (s.side, s.store));
            }
            Event::StepStarted { step } => self.steps.push(StepReport {
                step: step.clone(),
                about: record.started.plan.step(step).map(|s| s.about.clone()).unwrap_or_default(),
                outcome: None,
                began_seconds: seconds(ms),
                seconds: 0.0,
                facts: BTreeMap::new(),
            }),
            Event::StepFinished { step, outcome, millis, facts } => {
                if let Some(report) = self.steps.iter_mut().rev().find(|s| s.step == *step) {
                    report.outcome = Some(*outcome);
                    report.seconds = seconds(*millis);
                    report.facts = facts.clone();
                    if let Some(told) = facts.get(NO_WRITE_SECONDS).and_then(|v| v.as_object()) {
                        let told = told.iter().filter_map(|(store, s)| Some((store.clone(), s.as_f64()?)));
                        self.downtime.without_writes_seconds = told.collect();
                    }
                }
            }
            // What a run bears or is resumed from makes nothing red: it is told among the notes.
            Event::FaultPlanted { fault, .. } if !must_be_told(fault) => {}
            Event::FaultPlanted { fault, after, item } => {
                self.planted.push(Planted { fault: fault.clone(), after: after.clone(), item: item.clone() });
            }
            Event::DataDigest { moment, digest, documents, rows } => self.digests.push(DigestReport {
                moment: moment.clone(),
                digest: digest.clone(),
                documents: *documents,
                rows: *rows,
            }),
            Event::Service { state: ServiceState::Closed } => {
                // A resumed run closes the service that is closed already: users have waited since the first time.
                if closed_at.is_none() {
                    *closed_at = Some(at);
                    self.downtime.closures.push(Closure { from_seconds: seconds(ms), seconds: None });
                }
            }
            Event::Service { state: ServiceState::OnTarget | ServiceState::OnSource } => {
                if let Some(closed) = closed_at.take() {
                    let length = (at - closed).total(jiff::Unit::Second).unwrap_or_default();
                    let longest = self.downtime.phase_clock_seconds.unwrap_or_default().max(length);
                    self.downtime.phase_clock_seconds = Some(longest);
                    if let Some(closure) = self.downtime.closures.last_mut() {
                        closure.seconds = Some((seconds(ms) - closure.from_seconds).max(0.0));
                    }
                }
            }
            Event::ProbeOutage { probe, from_ms, until_ms, error, resolution_ms, .. } => {
                self.downtime.outages.push(Outage {
                    probe: probe.clone(),
                    from_seconds: seconds(*from_ms),
                    seconds: until_ms.map(|until| seconds(until.saturating_sub(*from_ms))),
                    error: error.clone(),
                    resolution_seconds: resolution_ms.map(seconds),
                })
            }
            Event::ProbeSummary(probe) => self.probes.push(probe.clone()),
            Event::Note { text, .. } => self.notes.push(text.clone()),
        }
    }

    /// The JSON Schema of `report.json`.
    pub fn json_schema() -> serde_json::Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// How finely a probe saw its outages or, if it saw none, how finely it looked; seconds.
fn resolution(outages: &[&Outage], probe: &ProbeSummary) -> f64 {
    let close = seconds(probe.interval_ms);
    let told = outages.iter().map(|o| o.resolution_seconds.unwrap_or(close)).reduce(f64::max);
    told.unwrap_or_else(|| probe.far_interval_ms.map_or(close, seconds))
}

/// Sums outages up by probe, in the order of the probes' figures.
fn capabilities(outages: &[Outage], probes: &[ProbeSummary]) -> Vec<CapabilityOutage> {
    let of = |probe: &ProbeSummary| {
        let seen: Vec<&Outage> = outages.iter().filter(|o| o.probe == probe.probe).collect();
        let ended = || seen.iter().filter_map(|o| o.seconds);
        CapabilityOutage {
            probe: probe.probe.clone(),
            outages: seen.len() as u64,
            longest_seconds: ended().fold(0.0, f64::max),
            total_seconds: ended().sum(),
            without_end: seen.iter().filter(|o| o.seconds.is_none()).count() as u64,
            resolution_seconds: Some(resolution(&seen, probe)),
        }
    };
    let mut found: Vec<CapabilityOutage> = Vec::new();
    for probe in probes {
        // A probe that rested during a trial tells its figures twice.
        if !found.iter().any(|f| f.probe == probe.probe) {
            found.push(of(probe));
        }
    }
    found
}

/// Seconds covered by at least one outage that ended.
fn together(outages: &[Outage]) -> Option<f64> {
    let mut spans: Vec<(f64, f64)> =
        outages.iter().filter_map(|o| Some((o.from_seconds, o.from_seconds + o.seconds?))).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut covered, mut until) = (0.0, f64::NEG_INFINITY);
    for (from, to) in &spans {
        covered += (to - from.max(until)).max(0.0);
        until = until.max(*to);
    }
    (!spans.is_empty()).then_some(covered)
}

fn must_be_told(fault: &str) -> bool {
    FaultKind::of_name(fault).is_none_or(FaultKind::must_be_told)
}

/// Failures caused on purpose in any life of the run, one line each.
fn failures(record: &Record) -> Vec<String> {
    let told = record.entries.iter().filter_map(|entry| match &entry.event {
        Event::FaultPlanted { fault, after, item } if !must_be_told(fault) => {
            Some(format!("caused on purpose in {after}: {fault} ({item})"))
        }
        _ => None,
    });
    told.collect()
}

fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}
