//! Regressions: slower beyond the noise, new findings, checks that were lost.

use crate::history::MeasuredRun;
use crate::volumes::median;
use crate::way::Way;
use drydock_core::ExitCode;
use drydock_core::names::checks;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Growth that nobody would call a regression, whatever the noise: a share of the time before.
const LEAST_SHARE: f64 = 0.10;
/// The same where one run a side leaves the noise unknown.
const UNKNOWN_SHARE: f64 = 0.30;
/// Seconds below which a difference is the machine's.
const LEAST_SECONDS: f64 = 1.0;
/// The same where the noise is unknown.
const UNKNOWN_SECONDS: f64 = 2.0;
/// Runs from which a scatter can be told.
const FOR_NOISE: usize = 3;
/// How many times the scatter a difference must exceed.
const SCATTERS: f64 = 3.0;

/// What one set of runs has become against another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// One for each way and volume that both sides have.
    pub groups: Vec<Group>,
    /// Findings of the later runs that none of the earlier ones had.
    pub new_findings: Vec<String>,
    /// Findings of the earlier runs that none of the later ones has.
    pub gone_findings: Vec<String>,
    /// Checks that compared something before, and now nothing or far less.
    pub lost_checks: Vec<String>,
    /// Ways and volumes that only one side has.
    pub not_compared: Vec<String>,
    /// Exit code for a pipeline.
    pub exit_code: u8,
}

/// Times of one way at one volume.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// The way.
    pub way: Way,
    /// The scenario.
    pub scenario: String,
    /// Documents that the source was filled with.
    pub documents: u64,
    /// The outage.
    pub downtime: Change,
    /// Steps that changed beyond the noise.
    pub steps: Vec<Change>,
    /// Whether the noise is known from at least three runs.
    pub noise_known: bool,
}

/// A time, before and after. All runs are kept: noise is shown, never averaged away.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What.
    pub what: String,
    /// Seconds of every earlier run.
    pub before: Vec<f64>,
    /// Seconds of every later run.
    pub after: Vec<f64>,
    /// Seconds that the later median may exceed the earlier one without being told.
    pub tolerance: f64,
    /// The judgement.
    pub trend: Trend,
}

/// How a time has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Beyond the noise.
    Slower,
    /// Within it.
    Alike,
    /// Beyond the noise.
    Faster,
}

impl Change {
    fn of(what: &str, before: Vec<f64>, after: Vec<f64>) -> Self {
        let usual = median(before.clone());
        let scatter = |values: &[f64]| {
            let middle = median(values.to_vec());
            median(values.iter().map(|v| (v - middle).abs()).collect()) * 1.4826
        };
        let tolerance = if before.len() >= FOR_NOISE {
            // A run before that was as slow is no regression, however rare it was.
            let worst = before.iter().copied().fold(0.0, f64::max) - usual;
            (SCATTERS * scatter(&before)).max(usual * LEAST_SHARE).max(LEAST_SECONDS).max(worst)
        } else {
            (usual * UNKNOWN_SHARE).max(UNKNOWN_SECONDS)
        };
        let grown = median(after.clone()) - usual;
        let trend = match grown {
            g if g > tolerance => Trend::Slower,
            g if g < -tolerance => Trend::Faster,
            _ => Trend::Alike,
        };
        Self { what: what.to_owned(), before, after, tolerance, trend }
    }
}

/// Holds later runs against earlier ones.
pub fn compare(before: &[&MeasuredRun], after: &[&MeasuredRun]) -> Comparison {
    let (mut groups, mut not_compared) = (Vec::new(), Vec::new());
    let mut left: Vec<&MeasuredRun> = after.to_vec();
    while let Some(first) = left.first().copied() {
        let (same, others): (Vec<_>, Vec<_>) = left.iter().partition(|r| first.is_like(r));
        left = others;
        let earlier: Vec<&MeasuredRun> = before.iter().copied().filter(|r| first.is_like(r)).collect();
        match earlier.is_empty() {
            true => not_compared.push(format!(
                "{} {} with {} documents: never measured before",
                first.scenario,
                first.way.title(),
                first.seeded_documents
            )),
            false => groups.push(group(&earlier, &same)),
        }
    }
    let findings = |runs: &[&MeasuredRun]| -> BTreeSet<String> {
        runs.iter().flat_map(|r| r.findings.iter().cloned()).collect()
    };
    let (old, new) = (findings(before), findings(after));
    let mut comparison = Comparison {
        lost_checks: lost_checks(before, after),
        new_findings: new.difference(&old).cloned().collect(),
        gone_findings: old.difference(&new).cloned().collect(),
        groups,
        not_compared,
        exit_code: 0,
    };
    comparison.exit_code = comparison.exit().code();
    comparison
}

impl Comparison {
    /// What a pipeline must react to first.
    pub fn exit(&self) -> ExitCode {
        let mut exit = ExitCode::Equal;
        if !self.new_findings.is_empty() {
            exit = exit.worst(ExitCode::Different);
        }
        if !self.lost_checks.is_empty() || !self.not_compared.is_empty() {
            exit = exit.worst(ExitCode::NotProven);
        }
        if self.groups.iter().any(|g| g.downtime.trend == Trend::Slower) {
            exit = exit.worst(ExitCode::BudgetMissed);
        }
        exit
    }
}

fn group(before: &[&MeasuredRun], after: &[&MeasuredRun]) -> Group {
    let downtimes =
        |runs: &[&MeasuredRun]| runs.iter().filter_map(|r| r.downtime_seconds).collect::<Vec<f64>>();
    let times = |runs: &[&MeasuredRun]| {
        let mut times: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for (step, seconds) in runs.iter().flat_map(|r| r.parts()) {
            times.entry(step).or_default().push(seconds);
        }
        times
    };
    let (old, mut new) = (times(before), times(after));
    let steps = old
        .into_iter()
        .filter_map(|(step, seconds)| Some(Change::of(&step, seconds, new.remove(&step)?)))
        .filter(|change| change.trend != Trend::Alike)
        .collect();
    Group {
        way: after[0].way,
        scenario: after[0].scenario.clone(),
        documents: before[0].seeded_documents,
        downtime: Change::of("downtime", downtimes(before), downtimes(after)),
        steps,
        noise_known: before.len() >= FOR_NOISE,
    }
}

/// Checks that every earlier run made and some later run of the same kind did not, or on less than half of the items where these
/// do not depend on how long it took.
fn lost_checks(before: &[&MeasuredRun], after: &[&MeasuredRun]) -> Vec<String> {
    let mut lost = BTreeSet::new();
    for run in after {
        let earlier: Vec<&&MeasuredRun> = before.iter().filter(|r| run.is_like(r)).collect();
        let Some(first) = earlier.first() else { continue };
        for check in first.checks.keys() {
            let least = earlier.iter().map(|r| r.checks.get(check).copied().unwrap_or(0)).min().unwrap_or(0);
            let now = run.checks.get(check).copied().unwrap_or(0);
            if now == 0 && least > 0 {
                lost.insert(format!("{check}: compared {least} items before, now none"));
            } else if now * 2 < least && !checks::OF_WORK.contains(&check.as_str()) {
                lost.insert(format!("{check}: compared {least} items before, now {now}"));
            }
        }
    }
    lost.into_iter().collect()
}
