//! A robust linear fit whose coefficients are never negative: more to carry never takes less time.
//!
//! Residuals are relative and weighted after Huber, so that neither a run that met a busy machine nor the largest volume
//! decides alone. Measures are taken in one by one, as long as each explains clearly more than chance.

use crate::volumes::{Measure, Volumes};

/// Rounds of reweighting; the weights have settled long before.
const ROUNDS: usize = 12;
/// Sweeps of coordinate descent in one round.
const SWEEPS: usize = 60;
/// Residuals up to so many times their usual size count in full (95 % efficient for normal noise).
const HUBER: f64 = 1.345;
/// Relative scatter below which nobody can tell a better fit from a worse one.
const FLOOR: f64 = 0.01;
/// Losses so near to each other say the same: which measure is then taken, the turn decides.
const TIE: f64 = 0.05;

/// Seconds as a sum: a fixed cost, and a cost for each unit of some measures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    /// Seconds that pass in any case.
    pub(crate) fixed: f64,
    /// Seconds a unit.
    pub(crate) rates: Vec<(Measure, f64)>,
}

impl Line {
    /// Seconds for a volume.
    pub(crate) fn at(&self, volumes: &Volumes) -> f64 {
        self.fixed + self.rates.iter().map(|(measure, rate)| rate * measure.of(volumes)).sum::<f64>()
    }
}

/// One measured step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point<'a> {
    pub(crate) volumes: &'a Volumes,
    pub(crate) seconds: f64,
}

/// Fits `points`. Of measures that explain the same, `turn` chooses one: where they always grew together, nobody can know
/// which of them costs the time, and repeated fits with other turns show how much that matters.
pub(crate) fn fit(points: &[Point<'_>], candidates: &[Measure], turn: usize) -> Line {
    let mut left: Vec<Measure> = candidates.iter().copied().filter(|m| varies(points, *m)).collect();
    let mut chosen: Vec<Measure> = Vec::new();
    let mut best = solve(points, &chosen);
    while !left.is_empty() && (chosen.len() + 1) * 3 <= points.len().max(3) {
        let tried: Vec<(Measure, Solution)> = left
            .iter()
            .map(|m| (*m, solve(points, &chosen.iter().chain([m]).copied().collect::<Vec<_>>())))
            .collect();
        let least = tried.iter().map(|(_, s)| s.loss).fold(f64::INFINITY, f64::min);
        if !clearly_better(least, best.loss, points.len()) {
            break;
        }
        let alike: Vec<&(Measure, Solution)> =
            tried.iter().filter(|(_, s)| s.loss <= least * (1.0 + TIE) + FLOOR * FLOOR / 8.0).collect();
        let Some((measure, solution)) = alike.get(turn % alike.len().max(1)) else { break };
        chosen.push(*measure);
        left.retain(|m| m != measure);
        best = solution.clone();
    }
    best.line
}

/// Whether the smallest and the largest differ enough to learn anything from.
pub(crate) fn varies(points: &[Point<'_>], measure: Measure) -> bool {
    let values = || points.iter().map(|p| measure.of(p.volumes));
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max));
    high > low * 1.2 && high > 0.0
}

/// A further measure has to pay for itself, as in the Bayesian information criterion.
fn clearly_better(loss: f64, before: f64, points: usize) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
    let n = points as f64;
    n * (before.max(FLOOR * FLOOR / 2.0) / loss.max(FLOOR * FLOOR / 2.0)).ln() > n.ln().max(1.0)
}

#[derive(Debug, Clone)]
struct Solution {
    line: Line,
    /// Mean of Huber's loss of the relative residuals.
    loss: f64,
}

fn solve(points: &[Point<'_>], measures: &[Measure]) -> Solution {
    // Columns of about 1, or descent would crawl.
    let scales: Vec<f64> = measures
        .iter()
        .map(|m| points.iter().map(|p| m.of(p.volumes)).fold(0.0, f64::max).max(f64::MIN_POSITIVE))
        .collect();
    let rows: Vec<Vec<f64>> = points
        .iter()
        .map(|p| {
            let columns = measures.iter().zip(&scales).map(|(m, s)| m.of(p.volumes) / s);
            std::iter::once(1.0).chain(columns).collect()
        })
        .collect();
    let usual = crate::volumes::median(points.iter().map(|p| p.seconds).collect());
    // A step of no length at all needs a yardstick too.
    let least = (usual * 0.1).max(0.001);
    let mut yardsticks: Vec<f64> = points.iter().map(|p| p.seconds.max(usual).max(least)).collect();
    let mut weights = vec![1.0; points.len()];
    let mut b = vec![0.0; measures.len() + 1];
    let mut residuals = vec![0.0; points.len()];
    for _ in 0..ROUNDS {
        descend(&rows, points, &yardsticks, &weights, &mut b);
        for (i, row) in rows.iter().enumerate() {
            let told: f64 = row.iter().zip(&b).map(|(x, b)| x * b).sum();
            yardsticks[i] = told.max(points[i].seconds).max(least);
            residuals[i] = (points[i].seconds - told) / yardsticks[i];
        }
        let spread =
            (crate::volumes::median(residuals.iter().map(|r| r.abs()).collect()) * 1.4826).max(FLOOR);
        for (weight, residual) in weights.iter_mut().zip(&residuals) {
            *weight = (HUBER * spread / residual.abs().max(f64::MIN_POSITIVE)).min(1.0);
        }
    }
    let loss = huber(&residuals);
    let rates = measures.iter().zip(&scales).zip(&b[1..]).map(|((m, s), b)| (*m, b / s));
    Solution { line: Line { fixed: b[0], rates: rates.filter(|(_, rate)| *rate > 0.0).collect() }, loss }
}

fn huber(residuals: &[f64]) -> f64 {
    let bend = 3.0 * FLOOR;
    let loss = |r: f64| if r <= bend { r * r / 2.0 } else { bend * (r - bend / 2.0) };
    #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
    let n = residuals.len().max(1) as f64;
    residuals.iter().map(|r| loss(r.abs())).sum::<f64>() / n
}

/// Weighted least squares with no negative coefficient, by coordinate descent from where `b` is.
fn descend(rows: &[Vec<f64>], points: &[Point<'_>], yardsticks: &[f64], weights: &[f64], b: &mut [f64]) {
    let k = b.len();
    let mut gram = vec![vec![0.0; k]; k];
    let mut with_seconds = vec![0.0; k];
    for (i, row) in rows.iter().enumerate() {
        let weight = weights[i] / (yardsticks[i] * yardsticks[i]);
        for j in 0..k {
            with_seconds[j] += weight * row[j] * points[i].seconds;
            for l in 0..k {
                gram[j][l] += weight * row[j] * row[l];
            }
        }
    }
    for _ in 0..SWEEPS {
        let mut moved = 0.0_f64;
        for j in 0..k {
            if gram[j][j] <= 0.0 {
                continue;
            }
            let others: f64 = (0..k).filter(|l| *l != j).map(|l| gram[j][l] * b[l]).sum();
            let next = ((with_seconds[j] - others) / gram[j][j]).max(0.0);
            moved = moved.max((next - b[j]).abs() / (next.abs() + 1e-9));
            b[j] = next;
        }
        if moved < 1e-9 {
            break;
        }
    }
}
