//! One way.

use super::{Backtest, Beyond, Budget, CurvePoint, Estimate, Question, Share};
use crate::carry::{self, Carry};
use crate::history::{History, MeasuredRun};
use crate::interval::{Interval, needed_runs};
use crate::machine::Machine;
use crate::model::Model;
use crate::volumes::{Asked, Measure, Volumes};
use crate::way::Way;
use drydock_core::Outcome;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Volumes outside of this, as a part of what was measured, are told.
const AS_MEASURED: RangeInclusive<f64> = 1.0 / 1.3..=1.3;
/// Points of the curve.
const CURVE: u64 = 24;
/// Figures this near to the measured ones are within the range: users write while a run goes on.
const NEAR: f64 = 1.05;

/// The estimate, or nothing if no run went this way.
pub(super) fn of(
    history: &History,
    question: &Question,
    way: Way,
    left_out: &mut Vec<String>,
) -> Option<Estimate> {
    let (scenario, runs) = runs_of(history, question, way, left_out)?;
    let (runs, own) = apart(&runs, question, needed_runs(question.level));
    let model = Model::fit(&runs, question.seed)?;
    let carry = carried(&model, &runs, &own, question);
    let (volumes, assumed) = question.asked.complete(&runs);
    let mut marks = marks(&runs, &model, &volumes, question);
    if question.here.is_some() && carry.is_none() && !is_here(&runs, question) {
        marks.push(format!(
            "measured on another machine ({}) that was not probed: the figure is that machine's",
            runs[0].machine.words()
        ));
    }
    let mut estimate = Estimate {
        way,
        scenario,
        runs: runs.len(),
        measured: runs.iter().map(|r| measured(r)).collect(),
        curve: Vec::new(),
        assumed,
        seconds: None,
        interval: None,
        runs_missing: needed_runs(question.level).saturating_sub(runs.len()),
        refused: None,
        steps: Vec::new(),
        beyond: beyond(&model, &volumes),
        marks,
        backtest: Backtest::of(&runs, question.level, question.seed),
        carry,
        meets: None,
        volumes,
    };
    let about_as_measured = runs.iter().any(|r| {
        let ratio = Measure::Documents.of(&volumes) / Measure::Documents.of(&r.volumes).max(1.0);
        (1.0 / 1.2..=1.2).contains(&ratio)
    });
    if model.volumes_measured() < 2 && !about_as_measured {
        estimate.refused = Some(
            "every run carried about the same volume: nothing is known about how time grows with it; bench at least one more"
                .into(),
        );
        return Some(estimate);
    }
    fill(&mut estimate, &model, &runs, question);
    Some(estimate)
}

/// The runs of the scenario that is asked for, or of the one that was measured most.
fn runs_of<'a>(
    history: &'a History,
    question: &Question,
    way: Way,
    left_out: &mut Vec<String>,
) -> Option<(String, Vec<&'a MeasuredRun>)> {
    let mut by_scenario: BTreeMap<&str, Vec<&MeasuredRun>> = BTreeMap::new();
    for run in history.of(way, question.scenario.as_deref()) {
        by_scenario.entry(&run.scenario).or_default().push(run);
    }
    let (scenario, runs) = by_scenario
        .iter()
        .max_by_key(|(_, runs)| runs.len())
        .map(|(s, runs)| ((*s).to_owned(), runs.clone()))?;
    for (other, runs) in by_scenario.iter().filter(|(name, _)| **name != scenario) {
        left_out.push(format!(
            "{}: {} runs of the scenario {other} (ask for it by name)",
            way.title(),
            runs.len()
        ));
    }
    Some((scenario, runs))
}

/// The runs to fit, and those of this machine if they are too few to stand alone.
fn apart<'a>(
    runs: &[&'a MeasuredRun],
    question: &Question,
    needed: usize,
) -> (Vec<&'a MeasuredRun>, Vec<&'a MeasuredRun>) {
    let Some(here) = &question.here else { return (runs.to_vec(), Vec::new()) };
    let (own, others): (Vec<_>, Vec<_>) = runs.iter().copied().partition(|r| r.machine.is(here));
    if own.len() >= needed || others.is_empty() { (own, Vec::new()) } else { (others, own) }
}

fn is_here(runs: &[&MeasuredRun], question: &Question) -> bool {
    question.here.as_ref().is_none_or(|here| runs.iter().all(|r| r.machine.is(here)))
}

fn carried(model: &Model, runs: &[&MeasuredRun], own: &[&MeasuredRun], question: &Question) -> Option<Carry> {
    if is_here(runs, question) {
        return None;
    }
    if !own.is_empty() {
        return carry::by_runs(model, &runs.first()?.machine, own, question.level);
    }
    let machines: Vec<&Machine> = runs.iter().map(|r| &r.machine).collect();
    carry::by_probes(&machines, question.here.as_ref()?)
}

/// What makes the figure less certain than the interval can say.
fn marks(runs: &[&MeasuredRun], model: &Model, volumes: &Volumes, question: &Question) -> Vec<String> {
    let mut marks = Vec::new();
    // Against what runs with as many documents would have had: a part of the bytes does not grow with them.
    let alike = |asked: Asked| asked.complete(runs).0;
    let documents = Some(volumes.documents);
    let usual = alike(Asked { documents, ..Asked::default() });
    let factor = Measure::Bytes.of(volumes) / Measure::Bytes.of(&usual).max(1.0);
    if !AS_MEASURED.contains(&factor) {
        marks.push(format!("a document takes {factor:.1} times as many bytes as in the measured runs"));
    }
    let usual = alike(Asked { documents, bytes: Some(volumes.bytes), ..Asked::default() });
    let share = |v: &Volumes| Measure::LargestIndexBytes.of(v) / Measure::Bytes.of(v).max(1.0);
    if !AS_MEASURED.contains(&(share(volumes) / share(&usual).max(f64::MIN_POSITIVE))) {
        marks.push(format!(
            "the largest index holds {:.0} % of the bytes, in the measured runs {:.0} %: one index is copied by one task, whatever else could go on beside it",
            share(volumes) * 100.0,
            share(&usual) * 100.0
        ));
    }
    let asked = question.asked;
    let named = [
        (Measure::RowBytes, asked.row_bytes.is_some()),
        (Measure::Indices, asked.indices.is_some()),
        (Measure::Tables, asked.tables.is_some()),
        (Measure::Changed, asked.changed.is_some()),
    ];
    for (measure, _) in named.into_iter().filter(|(m, named)| *named && model.constants().contains(m)) {
        let factor = measure.of(volumes) / model.largest(measure).max(1.0);
        if factor > *AS_MEASURED.end() {
            let how =
                if measure == Measure::RowBytes { "taken as proportional" } else { "not taken into account" };
            marks.push(format!(
                "{measure} were about the same in every run, {factor:.1} times fewer than asked: how time grows with them is {how}"
            ));
        }
    }
    let red = runs.iter().filter(|r| r.outcome >= Outcome::NotProven).count();
    if red > 0 {
        marks.push(format!(
            "{red} of {} runs did not end green: what is lost need not be carried",
            runs.len()
        ));
    }
    let first = &runs[0].machine;
    if !runs.iter().all(|r| r.machine.is(first)) {
        marks.push("the history mixes machines; its noise includes their difference".into());
    }
    marks
}

fn beyond(model: &Model, volumes: &Volumes) -> Vec<Beyond> {
    let mut beyond: Vec<Beyond> = model
        .beyond(volumes)
        .into_iter()
        .filter(|(_, factor)| *factor > NEAR)
        .map(|(measure, factor)| Beyond {
            measure,
            asked: measure.of(volumes),
            measured: model.largest(measure),
            factor,
        })
        .collect();
    beyond.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    beyond
}

fn fill(estimate: &mut Estimate, model: &Model, runs: &[&MeasuredRun], question: &Question) {
    let predicted = model.predict(&estimate.volumes, question.level);
    let factor = estimate.carry.as_ref().map_or(1.0, |c| c.factor);
    let carried = |interval: Interval| match &estimate.carry {
        Some(c) => Interval { low: interval.low * c.low, high: interval.high * c.high, ..interval },
        None => interval,
    };
    let seconds = predicted.seconds * factor;
    estimate.interval = predicted.interval.map(carried);
    if estimate.interval.is_none() {
        estimate.refused = Some(match estimate.runs_missing {
            0 => "no interval: every run carried about the same volume".into(),
            missing => format!(
                "no interval: {} runs are too few for one that holds in {:.0} of 100 cases; {missing} more {} needed",
                estimate.runs,
                question.level * 100.0,
                if missing == 1 { "is" } else { "are" }
            ),
        });
    }
    estimate.steps = predicted
        .steps
        .into_iter()
        .map(|(step, s)| Share {
            step,
            seconds: s * factor,
            share: s / predicted.seconds.max(f64::MIN_POSITIVE),
        })
        .collect();
    estimate.steps.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    estimate.curve = curve(estimate, model, runs, question, factor);
    estimate.meets = question.budget_seconds.map(|b| Budget::of(seconds, estimate.interval, b));
    estimate.seconds = Some(seconds);
}

/// From nothing to a little beyond both what was measured and what is asked. Bytes grow with the documents as in the measured
/// runs, and are as much more or less than there as is asked.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "points of a plot"
)]
fn curve(
    estimate: &Estimate,
    model: &Model,
    runs: &[&MeasuredRun],
    question: &Question,
    factor: f64,
) -> Vec<CurvePoint> {
    let asked = estimate.volumes;
    let usual = |documents| Asked { documents: Some(documents), ..Asked::default() }.complete(runs).0;
    let of_asked = usual(asked.documents);
    let most = Measure::Documents.of(&asked).max(model.largest(Measure::Documents)) * 1.05;
    (0..=CURVE)
        .map(|n| {
            let documents = (n as f64 / CURVE as f64 * most) as u64;
            let there = usual(documents);
            let as_asked = |measure: Measure| {
                let more = measure.of(&asked) / measure.of(&of_asked).max(1.0);
                (measure.of(&there) * more) as u64
            };
            let volumes = Volumes {
                documents,
                bytes: as_asked(Measure::Bytes),
                largest_index_bytes: as_asked(Measure::LargestIndexBytes),
                ..asked
            };
            let predicted = model.predict(&volumes, question.level);
            let interval = predicted.interval.map(|i| match &estimate.carry {
                Some(c) => Interval { low: i.low * c.low, high: i.high * c.high, ..i },
                None => i,
            });
            CurvePoint {
                documents: volumes.documents,
                seconds: predicted.seconds * factor,
                interval,
                run: None,
            }
        })
        .collect()
}

fn measured(run: &MeasuredRun) -> CurvePoint {
    CurvePoint {
        documents: run.volumes.documents,
        seconds: run.downtime_seconds.unwrap_or_default(),
        interval: None,
        run: Some(run.run.clone()),
    }
}
