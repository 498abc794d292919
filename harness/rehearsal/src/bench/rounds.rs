//! Which runs a bench makes, in which order, and how long they are going to take.

use drydock_core::scenario::Profile;
use drydock_estimate::order::shuffled;
use drydock_estimate::{Way, slopes};
use std::path::PathBuf;

/// As many documents, copied once, warm the stores up.
pub const WARM: u64 = 200_000;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bench {
    /// Volumes, in documents.
    pub documents: Vec<u64>,
    /// Runs of each volume on each way.
    pub repeat: u32,
    /// Ways; at least one.
    pub ways: Vec<Way>,
    /// Profiles of the databases and the set of indices, taken in turns; the scenario's if empty.
    pub profiles: Vec<Profile>,
    /// Runs that are made first and not kept, at the largest volume up to [`WARM`].
    pub warm_ups: u32,
    /// Seed of the order.
    pub seed: u64,
    /// The history.
    pub history: PathBuf,
}

/// Whether a run counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It does not: it finds caches and stores cold.
    WarmUp,
    /// It does; the number counts the repeats, from 1.
    Measured(u32),
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Round {
    /// Documents.
    pub documents: u64,
    /// The way.
    pub way: Way,
    /// The profile, if it is not the scenario's.
    pub profile: Option<Profile>,
    /// Whether it counts.
    pub turn: Turn,
}

/// Every run, warm-ups first, the others in random order: what happens to the machine meanwhile must not look like an
/// effect of the volume.
pub fn rounds(bench: &Bench) -> Vec<Round> {
    let mut kept = Vec::new();
    for repeat in 1..=bench.repeat {
        for (v, documents) in (0_usize..).zip(&bench.documents) {
            for way in &bench.ways {
                // In turns: every volume meets every profile, without a run more.
                let turn = v + usize::try_from(repeat).unwrap_or_default();
                let profile =
                    (!bench.profiles.is_empty()).then(|| bench.profiles[turn % bench.profiles.len()]);
                kept.push(Round { documents: *documents, way: *way, profile, turn: Turn::Measured(repeat) });
            }
        }
    }
    let volumes = || bench.documents.iter().copied();
    let warming = volumes().filter(|d| *d <= WARM).max().or_else(|| volumes().min()).unwrap_or_default();
    let warm_up = |way: Way| Round {
        documents: warming,
        way,
        profile: bench.profiles.first().copied(),
        turn: Turn::WarmUp,
    };
    let warm_ups = (0..bench.warm_ups).filter_map(|_| bench.ways.first().map(|w| warm_up(*w)));
    let shuffled = shuffled(kept.len(), bench.seed);
    warm_ups.chain(shuffled.into_iter().map(|at| kept[at])).collect()
}

/// About how many seconds `left` will take, from the runs so far (documents, seconds). Nothing before the first one.
#[expect(clippy::cast_precision_loss, reason = "a rough figure for people")]
pub fn seconds_left(took: &[(u64, f64)], left: &[Round]) -> Option<f64> {
    let points: Vec<(f64, f64)> = took.iter().map(|(x, s)| (*x as f64, *s)).collect();
    let slope = middle(slopes(&points, 1.0)).unwrap_or_default().max(0.0);
    let fixed = middle(points.iter().map(|(x, s)| s - slope * x).collect())?.max(0.0);
    Some(left.iter().map(|round| fixed + slope * round.documents as f64).sum())
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bench() -> Bench {
        Bench {
            documents: vec![10, 20, 30],
            repeat: 2,
            ways: vec![Way::Standard, Way::Warm],
            profiles: vec![Profile::Tiny, Profile::Small],
            warm_ups: 1,
            seed: 4,
            history: PathBuf::new(),
        }
    }

    #[test]
    fn every_volume_is_run_as_often_as_asked_in_an_order_that_the_seed_decides() {
        let all = rounds(&bench());
        assert_eq!((all.len(), all[0].turn, all[0].documents), (13, Turn::WarmUp, 30));
        assert_eq!(all, rounds(&bench()));
        assert_ne!(all, rounds(&Bench { seed: 5, ..bench() }));
        for documents in bench().documents {
            for way in bench().ways {
                let same: Vec<&Round> =
                    all[1..].iter().filter(|r| r.documents == documents && r.way == way).collect();
                assert_eq!(same.len(), 2);
                assert_ne!(same[0].profile, same[1].profile, "every volume meets every profile");
            }
        }
    }

    #[test]
    fn a_warm_up_is_as_large_as_it_has_to_be_and_no_larger() {
        let warms =
            |documents: &[u64]| rounds(&Bench { documents: documents.to_vec(), ..bench() })[0].documents;
        assert_eq!(warms(&[10_000, 200_000, 5_000_000]), 200_000);
        assert_eq!(warms(&[3_000_000, 1_000_000]), 1_000_000);
    }

    #[test]
    fn the_time_left_follows_the_volume() {
        let round = |documents| Round { documents, way: Way::Standard, profile: None, turn: Turn::WarmUp };
        assert_eq!(seconds_left(&[], &[round(5)]), None);
        assert_eq!(seconds_left(&[(10, 30.0)], &[round(500), round(10)]), Some(60.0));
        let told = seconds_left(&[(10, 21.0), (20, 22.0), (10, 21.0)], &[round(100)]);
        assert!(told.is_some_and(|s| (s - 30.0).abs() < 1e-6), "{told:?}");
    }
}
