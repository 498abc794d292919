//! The answer: how long users are going to wait on each way, how sure that is, and on what it rests.

mod backtest;
mod one;

pub use backtest::Backtest;

use crate::carry::Carry;
use crate::history::History;
use crate::interval::Interval;
use crate::machine::Machine;
use crate::volumes::{Asked, Assumed, Measure, Volumes};
use crate::way::Way;
use serde::{Deserialize, Serialize};

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// The volumes, as far as they are known.
    pub asked: Asked,
    /// The ways; all that the history knows if empty.
    pub ways: Vec<Way>,
    /// Only runs of this scenario; for each way the one with most runs if absent.
    pub scenario: Option<String>,
    /// How often the interval is to hold, 0 to 1.
    pub level: f64,
    /// The longest outage that is accepted, seconds.
    pub budget_seconds: Option<f64>,
    /// Seed of the resampling.
    pub seed: u64,
    /// The machine that the estimate is for; that of the history if absent.
    pub here: Option<Machine>,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            asked: Asked::default(),
            ways: Vec::new(),
            scenario: None,
            level: 0.9,
            budget_seconds: None,
            seed: 20_260_101,
            here: None,
        }
    }
}

/// Estimates of every way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimates {
    /// What was asked.
    pub asked: Asked,
    /// How often the intervals are to hold.
    pub level: f64,
    /// The budget, seconds.
    pub budget_seconds: Option<f64>,
    /// One a way; the way with most runs first.
    pub estimates: Vec<Estimate>,
    /// Ways and runs that say nothing, and why.
    pub left_out: Vec<String>,
}

/// The estimate of one way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The way.
    pub way: Way,
    /// The scenario whose runs it rests on.
    pub scenario: String,
    /// Runs it rests on.
    pub runs: usize,
    /// What it is for, with what was assumed.
    pub volumes: Volumes,
    /// Figures that nobody named.
    pub assumed: Vec<Assumed>,
    /// The outage, seconds; absent where nothing can be said.
    pub seconds: Option<f64>,
    /// Where the truth is to be expected.
    pub interval: Option<Interval>,
    /// Runs that are missing for an interval of this level.
    pub runs_missing: usize,
    /// Why there is no figure, or no interval.
    pub refused: Option<String>,
    /// By step, the longest first.
    pub steps: Vec<Share>,
    /// Measures that are larger than in any run.
    pub beyond: Vec<Beyond>,
    /// What else a reader must know: each of these makes the figure less certain.
    pub marks: Vec<String>,
    /// How well this model foretold the runs of its own history.
    pub backtest: Option<Backtest>,
    /// Set if the history was measured on another machine.
    pub carry: Option<Carry>,
    /// Whether it meets the budget.
    pub meets: Option<Budget>,
    /// Every run, for a plot.
    pub measured: Vec<CurvePoint>,
    /// Estimates from nothing to beyond the volume, for a plot.
    pub curve: Vec<CurvePoint>,
}

/// One step's part of an estimate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The step.
    pub step: String,
    /// Seconds.
    pub seconds: f64,
    /// Share of the outage, 0 to 1.
    pub share: f64,
}

/// A measure that is larger than in any run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Beyond {
    /// Which.
    pub measure: Measure,
    /// What is asked.
    pub asked: f64,
    /// The largest measured.
    pub measured: f64,
    /// The first over the second.
    pub factor: f64,
}

/// A point of a plot: measured (without interval), or estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Documents.
    pub documents: u64,
    /// Seconds of outage.
    pub seconds: f64,
    /// Where the truth is to be expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The run, if it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// A way held against the budget.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The answer.
    pub meets: Meets,
    /// Seconds that are left at the upper end of the interval, or of the estimate if there is none; negative if over.
    pub spare_seconds: f64,
}

/// Whether a budget is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meets {
    /// With the whole interval.
    Surely,
    /// The estimate does, but the upper end of the interval does not, or there is no interval.
    Perhaps,
    /// The estimate does not, the lower end of the interval does.
    Hardly,
    /// Not even the lower end of the interval does.
    Never,
}

impl Budget {
    fn of(seconds: f64, interval: Option<Interval>, budget: f64) -> Self {
        let high = interval.map_or(seconds, |i| i.high);
        let meets = match interval {
            Some(i) if i.high <= budget => Meets::Surely,
            _ if seconds <= budget => Meets::Perhaps,
            Some(i) if i.low > budget => Meets::Never,
            _ => Meets::Hardly,
        };
        Self { meets, spare_seconds: budget - high }
    }
}

/// Answers. An empty history gives no estimate and says so in `left_out`.
pub fn estimate(history: &History, question: &Question) -> Estimates {
    let mut left_out = Vec::new();
    if history.torn {
        left_out
            .push("the last line of the history is torn: a run that was killed while it was noted".into());
    }
    let incomplete = history.runs.iter().filter(|r| !r.is_complete()).count();
    if incomplete > 0 {
        left_out.push(format!("{incomplete} runs did not let users in again: their outage has no length"));
    }
    let mut ways: Vec<Way> = if question.ways.is_empty() {
        Way::ALL.into_iter().filter(|w| !history.of(*w, question.scenario.as_deref()).is_empty()).collect()
    } else {
        question.ways.clone()
    };
    if ways.is_empty() {
        left_out.push("the history holds no run that came to its end".into());
    }
    ways.sort_by_key(|w| (std::cmp::Reverse(history.of(*w, question.scenario.as_deref()).len()), *w));
    ways.dedup();
    let mut estimates = Vec::new();
    for way in ways {
        match one::of(history, question, way, &mut left_out) {
            Some(estimate) => estimates.push(estimate),
            None => left_out.push(format!("{}: the history holds no run that went this way", way.title())),
        }
    }
    Estimates {
        asked: question.asked,
        level: question.level,
        budget_seconds: question.budget_seconds,
        estimates,
        left_out,
    }
}
