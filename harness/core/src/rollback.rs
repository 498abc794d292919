//! What going back came to: derived from the record alone, like everything that is reported.

use crate::event::{Event, ServiceState, StepOutcome};
use crate::finding::Outcome;
use crate::names::{StepId, checks};
use crate::plan::is_way_back;
use crate::record::Record;
use crate::summary::{Outage, StepReport};
use crate::verdict::Verdict;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the application stands when it is gone back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Before the freeze: it works on the source.
    OnSource,
    /// Between freeze and switch: it is stopped.
    Closed,
    /// After the switch: it works on the target.
    OnTarget,
}

/// What kind of way back it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Return {
    /// Nobody has worked on the target yet.
    Immediate,
    /// Users have been on the target for a moment.
    EarlyFailback,
    /// Users have done real work on the target.
    LateFailback,
}

impl std::fmt::Display for Return {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Immediate => "immediate",
            Self::EarlyFailback => "early failback",
            Self::LateFailback => "late failback",
        })
    }
}

/// One acknowledged write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FatedWrite {
    /// The document (`index/id`) or row (`database.table column=key`).
    pub item: String,
    /// What the client was told: `stored` or `gone`.
    pub told: String,
    /// When it was acknowledged, milliseconds of the run's clock.
    pub ms: u64,
}

/// What became of the writes that were acknowledged after the switch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WriteFates {
    /// Acknowledged on the source before the freeze: documents and rows that it must still show.
    pub before: u64,
    /// Acknowledged on the target: one for each document and row of each answer.
    pub acknowledged: u64,
    /// Of these, what the source shows as clients were last told.
    pub kept: u64,
    /// Of these, what the source does not show. All of them.
    pub lost: Vec<FatedWrite>,
    /// Distinct documents among the lost writes.
    pub lost_documents: u64,
    /// Distinct rows among the lost writes.
    pub lost_rows: u64,
    /// Documents and rows that the source holds twice.
    pub duplicated: Vec<FatedWrite>,
    /// From the oldest lost write until users could write to the target no more, milliseconds; absent if none was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_ms: Option<u64>,
}

/// Whether the source holds what it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Restored {
    /// Everything, as it was.
    Yes,
    /// Something is missing, changed or too much.
    No,
    /// It could not be compared.
    NotProven,
}

/// How long one capability was away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CapabilityBack {
    /// The probe: `postgres/write`.
    pub probe: String,
    /// Seconds that it failed while the way back closed the service; absent if it never came back.
    pub seconds: Option<f64>,
}

/// What going back came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackReport {
    /// The last step before it.
    pub from: StepId,
    /// Where the application stood.
    pub stage: Stage,
    /// What kind of way back it was.
    pub kind: Return,
    /// Seconds from the decision until users worked on the source again; 0 if they never had to leave it, absent if they
    /// did not come back.
    pub rto_seconds: Option<f64>,
    /// Seconds that users waited on the way back, by the clock of the phases; absent if they never waited or did not come
    /// back.
    pub outage_seconds: Option<f64>,
    /// The same for each probe.
    pub capabilities: Vec<CapabilityBack>,
    /// Whether the source holds what it held.
    pub restored: Restored,
    /// What became of users' writes; absent if nobody wrote or it could not be told.
    pub writes: Option<WriteFates>,
    /// Minutes of work that are lost.
    pub rpo_minutes: Option<f64>,
    /// Acknowledged writes that are lost.
    pub rpo_items: Option<u64>,
    /// What it took to come back, in order.
    pub takes: Vec<String>,
    /// What stays behind on the target.
    pub left_behind: Vec<String>,
    /// Why the clean-up of the source was refused, if it was reached and was.
    pub clean_up_refused: Vec<String>,
}

/// Checks whose differences mean that going back did not restore what was there.
pub(crate) fn fails(check: &str) -> bool {
    [checks::RB_RESTORED, checks::RB_ACCESS, checks::RB_SERVICE].contains(&check)
}

impl RollbackReport {
    /// Derives it from a record whose scenario goes back.
    pub(crate) fn of(
        record: &Record,
        verdict: &Verdict,
        steps: &[StepReport],
        outages: &[Outage],
    ) -> Option<Self> {
        let spec = record.started.scenario.rollback.as_ref()?;
        let plan = &record.started.plan;
        let stage = plan.stage_at(&spec.from)?;
        let done = |id: &str| {
            steps.iter().rev().find(|s| s.step.as_str() == id && s.outcome == Some(StepOutcome::Done))
        };
        let switched = done("rollback/switch");
        let seconds = |id: &str| done(id).map_or(0.0, |s| s.seconds);
        let rto_seconds = match stage {
            Stage::OnSource => done("rollback/hold").map(|_| 0.0),
            Stage::Closed | Stage::OnTarget => {
                switched.map(|s| s.seconds + seconds("rollback/close") + seconds("rollback/restart-source"))
            }
        };
        let window = closed_window(record, stage);
        let capabilities = match (&window, stage) {
            (_, Stage::OnSource) | (None, _) => Vec::new(),
            (Some(window), _) => capabilities(*window, outages, record),
        };
        let writes = record.effective().into_iter().rev().find_map(|entry| match &entry.event {
            Event::WritesFated(fates) => Some((**fates).clone()),
            _ => None,
        });
        let worst =
            |check: &str| verdict.checks.iter().find(|c| c.check.as_str() == check).map(|c| c.outcome);
        let restored = match worst(checks::RB_RESTORED) {
            Some(Outcome::Equal | Outcome::Expected | Outcome::NotAsked) => Restored::Yes,
            Some(Outcome::Different) => Restored::No,
            Some(Outcome::NotProven) | None => Restored::NotProven,
        };
        let list = |step: &str, fact: &str| -> Vec<String> {
            let found = steps.iter().rev().find(|s| s.step.as_str() == step).and_then(|s| s.facts.get(fact));
            let words = found.and_then(|v| v.as_array()).into_iter().flatten();
            words.filter_map(|v| v.as_str().map(ToOwned::to_owned)).collect()
        };
        let mut takes: Vec<String> = steps
            .iter()
            .filter(|s| is_way_back(&s.step) && s.outcome == Some(StepOutcome::Done))
            .filter(|s| !list(s.step.as_str(), "takes").is_empty())
            .map(|s| format!("{} ({:.1} s)", list(s.step.as_str(), "takes").join(", "), s.seconds))
            .collect();
        let lost = writes.as_ref().map(|w| w.lost.len() as u64);
        if let Some(lost) = lost.filter(|n| *n > 0) {
            takes.push(format!("{lost} acknowledged writes to be made again by whoever made them"));
        }
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
        let minutes = |ms: u64| ms as f64 / 60_000.0;
        Some(Self {
            from: spec.from.clone(),
            stage,
            kind: match (stage, spec.after_writes) {
                (Stage::OnSource | Stage::Closed, _) => Return::Immediate,
                (Stage::OnTarget, 0) => Return::EarlyFailback,
                (Stage::OnTarget, _) => Return::LateFailback,
            },
            rto_seconds,
            outage_seconds: window.and_then(|(from, until)| Some(seconds_of(until?.saturating_sub(from)))),
            capabilities,
            restored,
            rpo_minutes: writes.as_ref().map(|w| w.window_ms.map_or(0.0, minutes)),
            rpo_items: lost,
            writes,
            takes,
            left_behind: list("rollback/compare", "left_behind"),
            clean_up_refused: list("phase-5/guard", "refused_because"),
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "milliseconds of a run are far below 2^53")]
fn seconds_of(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

/// When the service was closed for the way back, and opened on the source again: milliseconds of the run's clock. Where
/// it was closed already, the freeze closed it.
fn closed_window(record: &Record, stage: Stage) -> Option<(u64, Option<u64>)> {
    if stage == Stage::OnSource {
        return None;
    }
    let mut window = None;
    for entry in record.effective() {
        let Event::Service { state } = entry.event else { continue };
        match (state, &mut window) {
            (ServiceState::Closed, None | Some((_, Some(_)))) => window = Some((entry.ms, None)),
            (ServiceState::OnSource | ServiceState::OnTarget, Some((_, until @ None))) => {
                *until = Some(entry.ms);
            }
            _ => {}
        }
    }
    window
}

fn capabilities(
    (from, until): (u64, Option<u64>),
    outages: &[Outage],
    record: &Record,
) -> Vec<CapabilityBack> {
    let (from, until) = (seconds_of(from), until.map_or(f64::MAX, seconds_of));
    let mut probes: Vec<&str> = record
        .effective()
        .into_iter()
        .filter_map(|entry| match &entry.event {
            Event::ProbeSummary(probe) => Some(probe.probe.as_str()),
            _ => None,
        })
        .collect();
    probes.dedup();
    let of = |probe: &str| {
        let during = |o: &&Outage| {
            let ends = o.seconds.map_or(f64::MAX, |s| o.from_seconds + s);
            o.probe == probe && ends >= from && o.from_seconds <= until
        };
        let mut seen = outages.iter().filter(during);
        match seen.next() {
            None => Some(0.0),
            Some(first) => seen.fold(first.seconds, |a, o| Some(a? + o.seconds?)),
        }
    };
    probes.into_iter().map(|probe| CapabilityBack { probe: probe.to_owned(), seconds: of(probe) }).collect()
}
