//! Rates: what the model of measured runs says, and what is assumed beside it.

use crate::chance::Chance;
use drydock_estimate::{Asked, History, Question, Way, estimate, upstream};
use serde::Serialize;
use std::collections::BTreeMap;

/// A figure that nobody knows exactly: its logarithm is normal. Nine of ten draws lie between median / factor and median × factor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Spread {
    /// Half of the draws are below.
    pub median: f64,
    /// At least 1.
    pub factor: f64,
}

/// Standard deviations between the median and the ninety-fifth hundredth.
const TO_P95: f64 = 1.644_853_6;

impl Spread {
    pub(super) fn draw(self, chance: &mut Chance) -> f64 {
        self.median * (chance.normal() * self.factor.max(1.0).ln() / TO_P95).exp()
    }
}

/// How fast things go, in one region.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rates {
    /// Seconds of every step of the cutover beside the copy of documents.
    pub beside: BTreeMap<String, f64>,
    /// Bytes a second of one copy.
    pub one: f64,
    /// Bytes a second of all copies together: what the target takes.
    pub all: f64,
    /// Seconds to make one index.
    pub index_seconds: f64,
    /// Indices that are made at once.
    pub makes_at_once: u64,
    /// Seconds to look whether an index has changed since the warm copy.
    pub check_seconds: f64,
    /// How fast changed documents are carried beside copied ones.
    pub delta: f64,
    /// How fast a region is beside what was measured.
    pub speed: Spread,
    /// Where the figures come from, one line each.
    pub told: Vec<String>,
}

/// Copies at once in what was measured and published.
const MEASURED_AT_ONCE: f64 = 4.0;

impl Rates {
    /// What all copies together reach, so many at once.
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    pub(super) fn ceiling(&self, parallelism: u64) -> f64 {
        (self.one * parallelism.max(1) as f64).min(self.all)
    }

    /// From the figures that upstream's guide publishes.
    pub fn published() -> Self {
        let history = History { runs: upstream::runs(&[0, 6_500_000]), torn: false };
        let mut rates = Self::of(&history).unwrap_or_else(Self::empty);
        rates.told.insert(0, "rates: upstream's published figures, measured on a kind cluster".into());
        rates
    }

    /// From measured runs of the standard way: the difference between a volume and twice the volume is what bytes take, and what is
    /// left at hardly any is what the other steps take. Nothing if the history says nothing of that way.
    #[expect(clippy::cast_precision_loss, reason = "counts and bytes for durations")]
    pub fn of(history: &History) -> Option<Self> {
        let runs = history.runs.iter().filter(|r| r.way == Way::Standard);
        let largest = runs.map(|r| r.volumes.documents).max().filter(|documents| *documents > 0)?;
        let at = |documents: u64| {
            let asked = Asked { documents: Some(documents), ..Asked::default() };
            let question = Question { asked, ways: vec![Way::Standard], ..Question::default() };
            estimate(history, &question).estimates.into_iter().find(|e| e.way == Way::Standard)
        };
        let copy = "phase-3/restore/elasticsearch";
        let (half, whole) = (at(largest / 2)?, at(largest)?);
        let of_step =
            |e: &drydock_estimate::Estimate| e.steps.iter().find(|s| s.step == copy).map(|s| s.seconds);
        let bytes = whole.volumes.bytes.checked_sub(half.volumes.bytes).filter(|b| *b > 0)? as f64;
        let seconds = (of_step(&whole)? - of_step(&half)?).max(f64::MIN_POSITIVE);
        let all = bytes / seconds;
        let fixed = (of_step(&half)? - half.volumes.bytes as f64 / all).max(0.0);
        let indices = half.volumes.indices.max(1) as f64;
        let beside =
            half.steps.iter().filter(|s| s.step != copy).map(|s| (s.step.clone(), s.seconds)).collect();
        let mut rates = Self::empty();
        rates.beside = beside;
        rates.all = all;
        rates.one = all / MEASURED_AT_ONCE;
        // Made at once or not, that is what an index took.
        rates.index_seconds = (fixed / indices * rates.makes_at_once as f64).max(0.001);
        rates.told = vec![
            format!(
                "all copies together: {:.1} MB/s, by the model of {} runs up to {largest} documents",
                all / 1e6,
                whole.runs
            ),
            format!(
                "one copy: {:.1} MB/s, assumed: {MEASURED_AT_ONCE:.0} of them reached what was measured",
                rates.one / 1e6
            ),
            format!(
                "an index: {:.2} s to make, {} at once; {:.2} s to look for changes, assumed",
                rates.index_seconds, rates.makes_at_once, rates.check_seconds
            ),
            format!(
                "a changed document goes at {:.0} % of the rate of a copied one, assumed",
                rates.delta * 100.0
            ),
            format!(
                "a region is up to {:.1} times slower or faster than what was measured, nine times of ten, assumed",
                rates.speed.factor
            ),
        ];
        Some(rates)
    }

    /// What is assumed where nothing is known.
    fn empty() -> Self {
        Self {
            beside: BTreeMap::new(),
            one: upstream::BYTES_PER_SECOND / MEASURED_AT_ONCE,
            all: upstream::BYTES_PER_SECOND,
            index_seconds: 0.2,
            makes_at_once: 4,
            check_seconds: 0.05,
            delta: 0.5,
            speed: Spread { median: 1.0, factor: 1.6 },
            told: Vec::new(),
        }
    }

    /// The same stores, so many times as fast: more nodes, faster disks. The steps beside the copy stay as they are.
    #[must_use]
    pub fn faster(mut self, factor: f64) -> Self {
        self.one *= factor;
        self.all *= factor;
        self.told.push(format!("stores and network {factor} times as fast as that, as asked"));
        self
    }
}
