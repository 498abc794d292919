//! The model of one way: every step of the cutover fitted by itself, the total by resampling.

use crate::fit::{Line, Point, fit, varies};
use crate::history::{BETWEEN, MeasuredRun};
use crate::interval::{Interval, cross_conformal, quantile};
use crate::order::shuffled;
use crate::volumes::{Measure, Volumes, median};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeSet;

/// Resampled histories; their median is the estimate.
const RESAMPLED: usize = 60;
/// Fits that each leave some runs out.
const FOLDS: usize = 20;

/// The measures that a step's duration may grow with, the likeliest first.
fn measures_of(step: &str) -> &'static [Measure] {
    use Measure::{Bytes, Changed, Documents, Indices, LargestIndexBytes, RowBytes, Tables};
    let last = step.rsplit('/').next().unwrap_or_default();
    match last {
        _ if step == BETWEEN => &[],
        "elasticsearch" if step.contains("/restore/") => {
            &[Bytes, Documents, LargestIndexBytes, Indices, Changed]
        }
        "elasticsearch" => &[Indices, Bytes, Documents],
        "pin" => &[Indices, Tables],
        "freeze" => &[Indices],
        _ if step.contains("/backup/") || step.contains("/restore/") => &[RowBytes, Tables],
        _ if step.contains("/grants/") => &[Tables],
        _ => &[],
    }
}

/// One step: a line, and what to do where its volume never varied.
#[derive(Debug, Clone)]
struct Step {
    line: Line,
    /// Volume of the measure that the step should grow with, if every run had about the same. Above it the whole step is
    /// taken as proportional.
    constant: Option<(Measure, f64)>,
}

impl Step {
    fn at(&self, volumes: &Volumes) -> f64 {
        let grown = self.constant.map_or(1.0, |(m, measured)| (m.of(volumes) / measured).max(1.0));
        self.line.at(volumes) * grown
    }
}

/// All steps of one fit, in the order of the model's names.
type Steps = Vec<Step>;

/// What is known about one way.
#[derive(Debug, Clone)]
pub struct Model {
    names: Vec<String>,
    resampled: Vec<Steps>,
    /// For each run: the fit that did not see it, and how far it was off, as a logarithm of a ratio.
    left_out: Vec<(usize, f64)>,
    folds: Vec<Steps>,
    /// How far a fit without the largest volume was off there, for each e-fold of distance.
    per_fold_of_distance: f64,
    largest: Volumes,
    constants: BTreeSet<Measure>,
    kinds: usize,
}

/// Seconds that a model predicts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// By step, in the order of the first run's steps. They add up to the total.
    pub steps: Vec<(String, f64)>,
    /// Of the whole outage.
    pub seconds: f64,
    /// Where the truth is to be expected; absent if there are too few runs to say.
    pub interval: Option<Interval>,
}

impl Model {
    /// Fits runs that all went the same way and came to their end. `None` of no run at all.
    pub fn fit(runs: &[&MeasuredRun], seed: u64) -> Option<Self> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in runs.iter().flat_map(|r| r.parts()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let last = runs.len().checked_sub(1)?;
        let groups = groups(runs);
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let resampled = (0..RESAMPLED)
            .map(|turn| {
                // Within each volume, so that no resample loses a volume and with it the slope.
                let drawn: Vec<&MeasuredRun> = groups
                    .iter()
                    .flat_map(|group| {
                        (0..group.len()).map(|_| group[dice.random_range(0..group.len())]).collect::<Vec<_>>()
                    })
                    .map(|at| runs[at])
                    .collect();
                steps(&drawn, &names, turn)
            })
            .collect();
        let order = shuffled(runs.len(), seed);
        let count = FOLDS.min(runs.len());
        let (mut folds, mut left_out) = (Vec::new(), Vec::new());
        for fold in (0..count).filter(|_| last > 0) {
            let out: BTreeSet<usize> = order.iter().copied().skip(fold).step_by(count).collect();
            let kept: Vec<&MeasuredRun> =
                (0..runs.len()).filter(|at| !out.contains(at)).map(|at| runs[at]).collect();
            let fitted = steps(&kept, &names, fold);
            for at in out {
                left_out.push((folds.len(), off(total(&fitted, &runs[at].volumes), runs[at])));
            }
            folds.push(fitted);
        }
        let all: Vec<Point<'_>> = runs.iter().map(|r| Point { volumes: &r.volumes, seconds: 0.0 }).collect();
        let constants = Measure::ALL.into_iter().filter(|m| !varies(&all, *m)).collect();
        Some(Self {
            resampled,
            left_out,
            folds,
            per_fold_of_distance: beyond(runs, &groups, &names),
            largest: largest(runs),
            constants,
            kinds: groups.len(),
            names,
        })
    }

    /// Predicts the outage for a volume, with an interval of that level if there are enough runs.
    pub fn predict(&self, volumes: &Volumes, level: f64) -> Prediction {
        let mut totals: Vec<f64> = self.resampled.iter().map(|s| total(s, volumes)).collect();
        totals.sort_by(f64::total_cmp);
        let seconds = median(totals.clone());
        let mut by_step: Vec<(String, f64)> = self
            .names
            .iter()
            .enumerate()
            .map(|(at, name)| {
                (name.clone(), median(self.resampled.iter().map(|s| s[at].at(volumes)).collect()))
            })
            .collect();
        // Medians do not add up by themselves.
        let sum: f64 = by_step.iter().map(|(_, s)| s).sum();
        if sum > 0.0 {
            by_step.iter_mut().for_each(|(_, s)| *s *= seconds / sum);
        }
        let errors: Vec<(f64, f64)> =
            self.left_out.iter().map(|(fold, off)| (total(&self.folds[*fold], volumes), off.abs())).collect();
        let interval = cross_conformal(&errors, level).filter(|_| self.kinds > 1).map(|interval| {
            let tail = (1.0 - level) / 2.0;
            let (low, high) = (quantile(&totals, tail), quantile(&totals, 1.0 - tail));
            let mut interval = interval.hull(low, high);
            let widened = self.per_fold_of_distance * self.distance(volumes).ln().max(0.0);
            interval.low *= (-widened).exp();
            interval.high *= widened.exp();
            interval
        });
        Prediction { steps: by_step, seconds, interval }
    }

    /// How many times larger than anything measured the volume is: 1 within the measured range.
    pub fn distance(&self, volumes: &Volumes) -> f64 {
        self.beyond(volumes).into_iter().map(|(_, factor)| factor).fold(1.0, f64::max)
    }

    /// The measures that are larger than in any run, with the factor.
    pub fn beyond(&self, volumes: &Volumes) -> Vec<(Measure, f64)> {
        let factor = |m: Measure| m.of(volumes) / m.of(&self.largest).max(1.0);
        Measure::ALL.into_iter().map(|m| (m, factor(m))).filter(|(_, f)| *f > 1.0).collect()
    }

    /// Largest figure measured.
    pub fn largest(&self, measure: Measure) -> f64 {
        measure.of(&self.largest)
    }

    /// Measures that were about the same in every run: nothing is known about how time grows with them.
    pub fn constants(&self) -> &BTreeSet<Measure> {
        &self.constants
    }

    /// How many different volumes of documents were measured.
    pub fn volumes_measured(&self) -> usize {
        self.kinds
    }

    /// How far predictions for runs that were left out of the fit were off: the median, as a share of the prediction.
    pub fn median_error(&self) -> Option<f64> {
        let errors: Vec<f64> = self.left_out.iter().map(|(_, off)| off.abs().exp_m1()).collect();
        (!errors.is_empty()).then(|| median(errors))
    }
}

fn total(steps: &[Step], volumes: &Volumes) -> f64 {
    steps.iter().map(|s| s.at(volumes)).sum()
}

/// The truth over the prediction, as a logarithm.
fn off(predicted: f64, run: &MeasuredRun) -> f64 {
    let measured = run.downtime_seconds.unwrap_or_default();
    (measured.max(1e-3) / predicted.max(1e-3)).ln()
}

fn steps(runs: &[&MeasuredRun], names: &[String], turn: usize) -> Steps {
    let parts: Vec<Vec<(String, f64)>> = runs.iter().map(|r| r.parts()).collect();
    names
        .iter()
        .map(|name| {
            let points: Vec<Point<'_>> = runs
                .iter()
                .zip(&parts)
                .map(|(run, parts)| Point {
                    volumes: &run.volumes,
                    // A step that a run did not have took no time.
                    seconds: parts.iter().find(|(n, _)| n == name).map_or(0.0, |(_, s)| *s),
                })
                .collect();
            let measures = measures_of(name);
            let measured = |m: Measure| points.iter().map(|p| m.of(p.volumes)).fold(0.0, f64::max);
            let constant = measures
                .first()
                .filter(|m| !varies(&points, **m))
                .map(|m| (*m, measured(*m)))
                .filter(|(_, measured)| *measured > 0.0);
            Step { line: fit(&points, measures, turn), constant }
        })
        .collect()
}

/// Positions of the runs by volume of documents, smallest first. What users wrote meanwhile makes no other volume.
fn groups(runs: &[&MeasuredRun]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..runs.len()).collect();
    order.sort_by_key(|at| runs[*at].volumes.documents);
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in order {
        let documents = runs[at].volumes.documents;
        match groups.last_mut() {
            Some(group) if documents <= runs[group[0]].volumes.documents.saturating_mul(6) / 5 + 100 => {
                group.push(at)
            }
            _ => groups.push(vec![at]),
        }
    }
    groups
}

fn largest(runs: &[&MeasuredRun]) -> Volumes {
    let most =
        |figure: fn(&Volumes) -> u64| runs.iter().map(|r| figure(&r.volumes)).max().unwrap_or_default();
    Volumes {
        documents: most(|v| v.documents),
        bytes: most(|v| v.bytes),
        indices: most(|v| v.indices),
        largest_index_bytes: most(|v| v.largest_index_bytes),
        rows: most(|v| v.rows),
        row_bytes: most(|v| v.row_bytes),
        tables: most(|v| v.tables),
        changed: most(|v| v.changed),
    }
}

/// How well smaller volumes foretell the largest one: the error, for each e-fold of distance between them. 0 where fewer
/// than three volumes were measured, of which two would have to carry the slope.
fn beyond(runs: &[&MeasuredRun], groups: &[Vec<usize>], names: &[String]) -> f64 {
    let [smaller @ .., top] = groups else { return 0.0 };
    let Some(below) = smaller.last().filter(|_| smaller.len() >= 2) else { return 0.0 };
    let kept: Vec<&MeasuredRun> = smaller.iter().flatten().map(|at| runs[*at]).collect();
    let documents =
        |group: &[usize]| median(group.iter().map(|at| Measure::Documents.of(&runs[*at].volumes)).collect());
    let distance = (documents(top) / documents(below).max(1.0)).ln();
    let fitted = steps(&kept, names, 0);
    let errors = top.iter().map(|at| off(total(&fitted, &runs[*at].volumes), runs[*at]).abs()).collect();
    if distance > 0.1 { median(errors) / distance } else { 0.0 }
}
