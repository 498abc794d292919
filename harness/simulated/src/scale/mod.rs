//! Migrations of installations that nobody can rehearse, on paper made runnable: sizes and rates are distributions, each draw is one
//! installation, and its copies are scheduled as the driver schedules them. No byte of data is moved.
//!
//! What a step beside the copy takes, and how long a byte and an index take, comes from the model of `drydock_estimate`, and so from
//! measured runs or the published figures; where it says nothing it is assumed, and told so.

mod copying;
mod rates;

pub use copying::{Cut, copy_seconds};
pub use rates::{Rates, Spread};

use crate::chance::Chance;
use serde::Serialize;
use std::collections::BTreeMap;

/// What is to be migrated.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Landscape {
    /// Documents of all regions together.
    pub documents: u64,
    /// Partitions of the broker: the shards that the largest indices can be read in at once.
    pub partitions: u64,
    /// Indices of one region.
    pub indices: u64,
    /// Regions. Each has its own stores; documents are spread over them unevenly.
    pub regions: u64,
    /// Bytes a document takes in its primary.
    pub bytes_per_document: Spread,
    /// Writes a second of all regions together.
    pub writes_per_second: Spread,
    /// How unevenly documents are spread over indices: the standard deviation of the logarithm of an index's size.
    pub skew: f64,
}

impl Default for Landscape {
    fn default() -> Self {
        Self {
            documents: 1_000_000_000,
            partitions: 40,
            indices: 200,
            regions: 3,
            bytes_per_document: Spread { median: 1_370.0, factor: 1.5 },
            writes_per_second: Spread { median: 500.0, factor: 2.0 },
            // The largest of 200 indices then holds about a quarter of everything.
            skew: 2.3,
        }
    }
}

/// How documents go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Road {
    /// `_reindex`, one task an index, during the cutover.
    Standard,
    /// A stream, cut into slices, during the cutover.
    Stream,
    /// `_reindex` while users work, and the exact delta during the cutover.
    Warm,
    /// A stream while users work, and the exact delta during the cutover.
    WarmStream,
}

impl Road {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Standard, Self::Stream, Self::Warm, Self::WarmStream];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Stream => "stream",
            Self::Warm => "warm",
            Self::WarmStream => "warm-stream",
        }
    }

    fn is_warm(self) -> bool {
        matches!(self, Self::Warm | Self::WarmStream)
    }

    fn cut(self) -> Cut {
        match self {
            Self::Standard | Self::Warm => Cut::Whole,
            Self::Stream | Self::WarmStream => Cut::Sliced,
        }
    }
}

/// One region of one draw.
#[derive(Debug, Clone)]
struct Region {
    /// Bytes of each index.
    sizes: Vec<f64>,
    documents: f64,
    bytes_per_document: f64,
    writes_per_second: f64,
    /// How fast this region's stores and network are beside what was measured.
    speed: f64,
}

/// A distribution in five numbers, seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Quantiles {
    /// Of twenty draws one is below.
    pub p5: f64,
    /// Half of them are.
    pub median: f64,
    /// Of twenty draws one is above.
    pub p95: f64,
}

impl Quantiles {
    fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        let at = |share: f64| {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a place in a list"
            )]
            let place = ((all.len().saturating_sub(1)) as f64 * share).round() as usize;
            all.get(place).copied().unwrap_or_default()
        };
        Self { p5: at(0.05), median: at(0.5), p95: at(0.95) }
    }
}

/// What one road comes to with so many copies at once.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outlook {
    /// The road.
    pub road: Road,
    /// Copies at once.
    pub parallelism: u64,
    /// The outage of the slowest region, if all go at once.
    pub downtime: Quantiles,
    /// The outages of all regions added up: one after the other.
    pub in_turn: Quantiles,
    /// What passes before the freeze, while users work.
    pub before: Quantiles,
    /// Seconds of the outage of the slowest region by step, in the draw of the median.
    pub steps: BTreeMap<String, f64>,
    /// In how many of a hundred draws the largest index alone decides how long the copy takes.
    pub largest_decides: u64,
}

/// Everything that is told.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Paper {
    /// What was asked.
    pub landscape: Landscape,
    /// Where the rates come from, and what was assumed.
    pub rates: Rates,
    /// How many draws.
    pub draws: u64,
    /// By road and copies at once.
    pub outlooks: Vec<Outlook>,
    /// Writes a second, of all regions, from which on the warm way keeps users waiting longer than the standard one; absent if it
    /// never does within a hundred times what was asked.
    pub warm_beats_standard_up_to: Option<f64>,
}

/// Copies at once that are looked at.
pub const PARALLELISM: [u64; 6] = [1, 2, 4, 8, 16, 32];
/// Those of the table of roads: the driver's own, where a scenario does not say how many.
pub const USUAL: u64 = drydock_core::scenario::USUAL_PARALLELISM as u64;

/// Draws installations and sends each along every road.
pub fn paper(landscape: &Landscape, rates: &Rates, draws: u64, seed: u64) -> Paper {
    let drawn: Vec<Vec<Region>> =
        (0..draws.max(1)).map(|n| draw(landscape, rates, seed.wrapping_add(n))).collect();
    let mut outlooks = Vec::new();
    for road in Road::ALL {
        for parallelism in PARALLELISM {
            outlooks.push(outlook(landscape, rates, &drawn, road, parallelism));
        }
    }
    let warm_beats_standard_up_to = break_even(landscape, rates, &drawn);
    Paper {
        landscape: landscape.clone(),
        rates: rates.clone(),
        draws: draws.max(1),
        outlooks,
        warm_beats_standard_up_to,
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for durations in seconds")]
fn draw(landscape: &Landscape, rates: &Rates, seed: u64) -> Vec<Region> {
    let mut chance = Chance::new(seed);
    let share = |weights: Vec<f64>| -> Vec<f64> {
        let sum: f64 = weights.iter().sum();
        weights.into_iter().map(|w| w / sum.max(f64::MIN_POSITIVE)).collect()
    };
    let of_regions = share((0..landscape.regions.max(1)).map(|_| (chance.normal() * 0.5).exp()).collect());
    let writes = landscape.writes_per_second.draw(&mut chance);
    of_regions
        .into_iter()
        .map(|part| {
            let documents = landscape.documents as f64 * part;
            let bytes_per_document = landscape.bytes_per_document.draw(&mut chance);
            let weights =
                (0..landscape.indices.max(1)).map(|_| (chance.normal() * landscape.skew).exp()).collect();
            Region {
                sizes: share(weights).into_iter().map(|s| s * documents * bytes_per_document).collect(),
                documents,
                bytes_per_document,
                writes_per_second: writes * part,
                speed: rates.speed.draw(&mut chance),
            }
        })
        .collect()
}

/// What one region takes on one road.
struct Taken {
    before: f64,
    steps: BTreeMap<String, f64>,
    largest_decides: bool,
}

impl Taken {
    fn downtime(&self) -> f64 {
        self.steps.values().sum()
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts for durations in seconds")]
fn take(landscape: &Landscape, rates: &Rates, region: &Region, road: Road, parallelism: u64) -> Taken {
    let copy =
        copy_seconds(&region.sizes, road.cut(), parallelism, landscape.partitions, rates, region.speed);
    let mut steps = rates.beside.clone();
    let step = "phase-3/restore/elasticsearch".to_owned();
    let mut before = 0.0;
    if road.is_warm() {
        before = copy.seconds;
        // A document that is written more than once is carried once.
        let written = region.writes_per_second * copy.seconds;
        let changed = region.documents * -(-written / region.documents.max(1.0)).exp_m1();
        let checks = region.sizes.len() as f64 * rates.check_seconds / parallelism.max(1) as f64;
        let bytes = changed * region.bytes_per_document;
        steps.insert(step, checks + bytes / (rates.ceiling(parallelism) * region.speed * rates.delta));
    } else {
        steps.insert(step, copy.seconds);
    }
    Taken { before, steps, largest_decides: copy.largest_decides }
}

fn outlook(
    landscape: &Landscape,
    rates: &Rates,
    drawn: &[Vec<Region>],
    road: Road,
    parallelism: u64,
) -> Outlook {
    let mut slowest: Vec<Taken> = Vec::new();
    let (mut in_turn, mut before) = (Vec::new(), Vec::new());
    for regions in drawn {
        let taken: Vec<Taken> =
            regions.iter().map(|r| take(landscape, rates, r, road, parallelism)).collect();
        in_turn.push(taken.iter().map(Taken::downtime).sum());
        before.push(taken.iter().map(|t| t.before).fold(0.0, f64::max));
        slowest.extend(taken.into_iter().max_by(|a, b| a.downtime().total_cmp(&b.downtime())));
    }
    let decided = slowest.iter().filter(|t| t.largest_decides).count() as u64;
    slowest.sort_by(|a, b| a.downtime().total_cmp(&b.downtime()));
    Outlook {
        road,
        parallelism,
        downtime: Quantiles::of(slowest.iter().map(Taken::downtime).collect()),
        in_turn: Quantiles::of(in_turn),
        before: Quantiles::of(before),
        steps: slowest
            .get((slowest.len().saturating_sub(1)) / 2)
            .map(|t| t.steps.clone())
            .unwrap_or_default(),
        largest_decides: decided * 100 / slowest.len().max(1) as u64,
    }
}

/// The rate of writes at which both keep users waiting as long, by halving.
fn break_even(landscape: &Landscape, rates: &Rates, drawn: &[Vec<Region>]) -> Option<f64> {
    let standard = outlook(landscape, rates, drawn, Road::Standard, USUAL).downtime.median;
    let warm = |factor: f64| {
        let faster: Vec<Vec<Region>> = drawn
            .iter()
            .map(|regions| {
                let faster =
                    |r: &Region| Region { writes_per_second: r.writes_per_second * factor, ..r.clone() };
                regions.iter().map(faster).collect()
            })
            .collect();
        outlook(landscape, rates, &faster, Road::Warm, USUAL).downtime.median
    };
    let (mut low, mut high) = (0.0_f64, 100.0_f64);
    if warm(high) < standard {
        return None;
    }
    for _ in 0..40 {
        let middle = f64::midpoint(low, high);
        if warm(middle) < standard { low = middle } else { high = middle }
    }
    Some(landscape.writes_per_second.median * low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: impl FnOnce(&mut Landscape, &mut Rates)) -> Paper {
        let mut landscape = Landscape { documents: 10_000_000, indices: 40, ..Landscape::default() };
        let mut rates = Rates::published();
        change(&mut landscape, &mut rates);
        paper(&landscape, &rates, 40, 7)
    }

    fn median(paper: &Paper, road: Road, parallelism: u64) -> f64 {
        let found = paper.outlooks.iter().find(|o| o.road == road && o.parallelism == parallelism);
        found.map_or(f64::NAN, |o| o.downtime.median)
    }

    #[test]
    fn the_same_seed_draws_the_same_paper_and_another_one_another() {
        assert_eq!(told(|_, _| {}), told(|_, _| {}));
        let landscape = Landscape { documents: 10_000_000, indices: 40, ..Landscape::default() };
        assert_ne!(paper(&landscape, &Rates::published(), 40, 8), told(|_, _| {}));
    }

    #[test]
    fn more_documents_wait_longer_and_more_copies_at_once_do_not_until_the_target_takes_no_more() {
        let (few, many) = (told(|_, _| {}), told(|l, _| l.documents *= 10));
        for road in Road::ALL {
            assert!(median(&many, road, USUAL) > median(&few, road, USUAL), "{road:?}");
            // Beyond four they share what there is, and the largest one goes slower for it.
            for pair in PARALLELISM[..3].windows(2) {
                let (one, more) = (median(&few, road, pair[0]), median(&few, road, pair[1]));
                assert!(more <= one * 1.000_001, "{road:?} {pair:?}: {one} {more}");
            }
        }
        let quantiles = few.outlooks.iter().map(|o| o.downtime);
        assert!(quantiles.into_iter().all(|q| q.p5 <= q.median && q.median <= q.p95));
    }

    #[test]
    fn slices_help_where_one_index_is_as_large_as_all_others_and_regions_in_turn_add_up() {
        let paper = told(|l, _| l.skew = 4.0);
        assert!(median(&paper, Road::Stream, 16) < median(&paper, Road::Standard, 16) * 0.8);
        let one = paper.outlooks.iter().find(|o| o.road == Road::Standard && o.parallelism == 16);
        assert!(one.is_some_and(|o| o.largest_decides > 50 && o.in_turn.median > o.downtime.median));
        let even = told(|l, _| l.skew = 0.0);
        assert!(even.outlooks.iter().all(|o| o.largest_decides == 0));
    }

    #[test]
    fn warm_beats_standard_until_users_write_as_fast_as_copies_are_made() {
        let paper = told(|_, _| {});
        assert!(median(&paper, Road::Warm, USUAL) < median(&paper, Road::Standard, USUAL));
        let limit = paper.warm_beats_standard_up_to.expect("somewhere it is as long");
        let above = told(|l, _| l.writes_per_second.median = limit * 1.3);
        assert!(median(&above, Road::Warm, USUAL) > median(&above, Road::Standard, USUAL), "{limit}");
        let below = told(|l, _| l.writes_per_second.median = limit * 0.7);
        assert!(median(&below, Road::Warm, USUAL) < median(&below, Road::Standard, USUAL), "{limit}");
    }
}
