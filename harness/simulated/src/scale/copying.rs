//! How long copies take that share stores and network: the largest first, so many at once, each as fast as one may be and all
//! together as fast as the target takes.

use super::Rates;
use std::collections::VecDeque;

/// In which pieces an index goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// One task an index.
    Whole,
    /// As many slices as it has shards, at most, and none smaller than is worth it.
    Sliced,
}

/// Below this a slice is not worth its beginning, bytes.
const LEAST_SLICE: f64 = 64.0 * 1024.0 * 1024.0;

/// What a copy of all indices comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Copied {
    /// From the first beginning to the last end.
    pub seconds: f64,
    /// Whether it would have been as long with any number of copies at once: the largest piece alone takes nearly all of it.
    pub largest_decides: bool,
}

/// Plays the copies of indices of so many bytes. `speed` is how fast these stores are beside the measured ones.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and bytes for durations"
)]
pub fn copy_seconds(
    sizes: &[f64],
    cut: Cut,
    parallelism: u64,
    partitions: u64,
    rates: &Rates,
    speed: f64,
) -> Copied {
    let mut pieces: Vec<f64> = match cut {
        Cut::Whole => sizes.to_vec(),
        Cut::Sliced => sizes
            .iter()
            .flat_map(|size| {
                let slices = (size / LEAST_SLICE).clamp(1.0, partitions.max(1) as f64) as usize;
                std::iter::repeat_n(size / slices as f64, slices)
            })
            .collect(),
    };
    pieces.sort_by(|a, b| b.total_cmp(a));
    let largest = pieces.first().copied().unwrap_or_default();
    let at_once = usize::try_from(parallelism.max(1)).unwrap_or(usize::MAX);
    // Indices are made before, some at once; slices of one index begin without making it again.
    let makes =
        sizes.len() as f64 * rates.index_seconds / parallelism.clamp(1, rates.makes_at_once) as f64 / speed;
    let seconds = makes + shared(pieces, at_once, rates.one * speed, rates.all * speed);
    let alone = makes + largest / (rates.one.min(rates.all) * speed).max(f64::MIN_POSITIVE);
    Copied { seconds, largest_decides: alone > seconds * 0.95 && sizes.len() > 1 && at_once > 1 }
}

/// Seconds until all pieces are through: at most `at_once` of them under way, each at `one` bytes a second, all at `all`.
#[expect(clippy::cast_precision_loss, reason = "a handful")]
fn shared(pieces: Vec<f64>, at_once: usize, one: f64, all: f64) -> f64 {
    let mut waiting: VecDeque<f64> = pieces.into();
    let mut under_way: Vec<f64> = Vec::new();
    let mut now = 0.0;
    loop {
        while under_way.len() < at_once
            && let Some(next) = waiting.pop_front()
        {
            under_way.push(next);
        }
        if under_way.is_empty() {
            return now;
        }
        let each = one.min(all / under_way.len() as f64).max(f64::MIN_POSITIVE);
        let least = under_way.iter().copied().fold(f64::INFINITY, f64::min);
        now += least / each;
        // What is within a byte of its end has ended.
        under_way.iter_mut().for_each(|left| *left -= least);
        under_way.retain(|left| *left > 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn copies_share_what_there_is_and_wait_for_each_other() {
        // Alone each takes its own time; two at once do not slow each other down below the ceiling.
        assert!(close(shared(vec![100.0, 100.0], 1, 10.0, 100.0), 20.0));
        assert!(close(shared(vec![100.0, 100.0], 2, 10.0, 100.0), 10.0));
        // At the ceiling nothing is gained by more.
        assert!(close(shared(vec![100.0; 4], 4, 10.0, 20.0), 20.0));
        assert!(close(shared(vec![100.0; 4], 2, 10.0, 20.0), 20.0));
        // The largest one decides, however many there may be.
        assert!(close(shared(vec![1_000.0, 10.0, 10.0], 3, 10.0, 100.0), 100.0));
        assert!(close(shared(Vec::new(), 3, 10.0, 100.0), 0.0));
    }
}
