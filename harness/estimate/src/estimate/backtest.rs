//! How well the model would have foretold the runs that it was made from, each left out in turn.

use crate::history::MeasuredRun;
use crate::model::Model;
use crate::volumes::median;
use serde::{Deserialize, Serialize};

/// The newest runs that are looked at: more say nothing more, and take their time.
const MOST: usize = 40;

/// A model held against its own history.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Backtest {
    /// Runs that were left out, one at a time.
    pub runs: usize,
    /// Median of how far the estimates were off, as a share of what was measured.
    pub median_error: f64,
    /// Runs for which there was an interval.
    pub with_interval: usize,
    /// Of those, the runs that lay within it.
    pub covered: usize,
    /// The level of the intervals.
    pub level: f64,
}

impl Backtest {
    /// Leaves each run out, fits the others, and looks how well they foretell it. `None` for fewer than three runs.
    pub fn of(runs: &[&MeasuredRun], level: f64, seed: u64) -> Option<Self> {
        if runs.len() < 3 {
            return None;
        }
        let (mut errors, mut with_interval, mut covered) = (Vec::new(), 0, 0);
        for out in (0..runs.len()).rev().take(MOST) {
            let kept: Vec<&MeasuredRun> =
                runs.iter().enumerate().filter(|(at, _)| *at != out).map(|(_, run)| *run).collect();
            let (Some(model), Some(measured)) = (Model::fit(&kept, seed), runs[out].downtime_seconds) else {
                continue;
            };
            let predicted = model.predict(&runs[out].volumes, level);
            errors.push((predicted.seconds - measured).abs() / measured.max(1e-3));
            if let Some(interval) = predicted.interval {
                with_interval += 1;
                covered += usize::from(interval.contains(measured));
            }
        }
        let tested = errors.len();
        Some(Self { runs: tested, median_error: median(errors), with_interval, covered, level })
    }

    /// Share of the intervals that held; absent if there was none.
    #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
    pub fn coverage(&self) -> Option<f64> {
        (self.with_interval > 0).then(|| self.covered as f64 / self.with_interval as f64)
    }
}
