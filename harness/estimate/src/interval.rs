//! Intervals that hold whatever the noise looks like: the errors of predictions for runs that were left out of the fit say
//! how far a prediction may be off (conformal prediction, in its cross-validated form: each run is left out once).

use serde::{Deserialize, Serialize};

/// From and to, in seconds, and how often the truth lies between.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, seconds.
    pub low: f64,
    /// Upper end, seconds.
    pub high: f64,
    /// Share of cases that it is made to hold in, 0 to 1.
    pub level: f64,
}

impl Interval {
    /// Whether it holds.
    pub fn contains(&self, seconds: f64) -> bool {
        (self.low..=self.high).contains(&seconds)
    }

    /// The smallest interval that holds both.
    #[must_use]
    pub(crate) fn hull(self, low: f64, high: f64) -> Self {
        Self { low: self.low.min(low), high: self.high.max(high), ..self }
    }
}

/// Runs without which no interval of that level can be given: among fewer errors, none is large enough to be exceeded so
/// rarely. Fewer than four tell nothing of noise at any level.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a level below 1 gives a small count"
)]
pub fn needed_runs(level: f64) -> usize {
    let level = level.clamp(0.0, 0.999);
    ((level / (1.0 - level) - 1e-9).ceil() as usize).max(4)
}

/// The interval from one prediction by each fit that left a run out, with the error (ratio of seconds, as a logarithm)
/// that this fit made on the run. `None` if there are too few.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a rank among a handful of runs"
)]
pub(crate) fn cross_conformal(predictions: &[(f64, f64)], level: f64) -> Option<Interval> {
    let n = predictions.len();
    if n < needed_runs(level) {
        return None;
    }
    let rank = (level * (n as f64 + 1.0) - 1e-9).ceil() as usize;
    let mut highs: Vec<f64> = predictions.iter().map(|(p, e)| p * e.exp()).collect();
    let mut lows: Vec<f64> = predictions.iter().map(|(p, e)| p * (-e).exp()).collect();
    highs.sort_by(f64::total_cmp);
    lows.sort_by(|a, b| b.total_cmp(a));
    let at = rank.clamp(1, n) - 1;
    Some(Interval { low: lows[at], high: highs[at], level })
}

/// A quantile between the nearest values; 0 of nothing.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a position in a short list"
)]
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_decides_how_many_runs_are_needed() {
        assert_eq!(needed_runs(0.9), 9);
        assert_eq!(needed_runs(0.5), 4);
        assert_eq!(needed_runs(0.95), 19);
        let nine: Vec<(f64, f64)> = (0..9).map(|n| (100.0, f64::from(n) / 100.0)).collect();
        let interval = cross_conformal(&nine, 0.9).expect("nine errors are enough");
        assert!((interval.high - 100.0 * 0.08_f64.exp()).abs() < 1e-9, "{interval:?}");
        assert!(cross_conformal(&nine[..8], 0.9).is_none());
    }
}
