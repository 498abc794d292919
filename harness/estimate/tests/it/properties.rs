//! What holds for every history.

use crate::synthetic::{Maker, Planted};
use drydock_estimate::{Asked, Model, Question, estimate};
use proptest::prelude::*;

fn planted() -> impl Strategy<Value = Planted> {
    (0.5..20.0, 1e-5..1e-3, 0.0..0.2, 0.01..0.12).prop_map(|(fixed, per_document, per_index, noise)| {
        Planted { fixed, per_document, per_gib: 0.0, per_index, noise }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn more_documents_never_take_less_time(
        planted in planted(),
        seed in 0_u64..10_000,
        mut documents in prop::collection::vec(1_000_u64..20_000_000, 6),
        bytes in prop::option::of(1_000_000_u64..100_000_000_000),
    ) {
        let history = Maker::new(planted, seed).history(&[5_000, 30_000, 150_000], 3);
        documents.sort_unstable();
        let mut before = 0.0;
        for n in documents {
            let asked = Asked { documents: Some(n), bytes, ..Asked::default() };
            let told = estimate(&history, &Question { asked, ..Question::default() });
            let seconds = told.estimates[0].seconds.unwrap_or_default();
            prop_assert!(seconds >= before - 1e-9, "{n}: {seconds} after {before}");
            before = seconds;
        }
    }
}

/// The promise of the interval, over many histories with other rates, noise and questions: within the measured range and
/// up to four times beyond it.
#[test]
fn intervals_hold_in_nine_of_ten_cases() {
    let (mut held, mut asked) = (0, 0);
    for seed in 0..60 {
        let strength = f64::from(u32::try_from(seed % 6).unwrap_or(0));
        let planted = Planted {
            fixed: 1.0 + strength,
            per_document: 1e-4 * (1.0 + strength),
            per_gib: 0.0,
            per_index: 0.02,
            noise: 0.02 + 0.015 * strength,
        };
        let mut maker = Maker::new(planted, seed);
        let history = maker.history(&[10_000, 40_000, 80_000, 200_000], 5);
        let runs: Vec<_> = history.runs.iter().collect();
        let model = Model::fit(&runs, seed).expect("a model");
        for documents in [15_000, 60_000, 180_000, 400_000, 800_000] {
            // A new run, with noise of its own.
            let truth = maker.run(documents, 115).downtime_seconds.expect("it ended");
            let interval =
                model.predict(&Maker::volumes(documents, 115), 0.9).interval.expect("20 runs are enough");
            asked += 1;
            held += usize::from(interval.contains(truth));
        }
    }
    assert!(held * 10 >= asked * 9, "{held} of {asked}");
    // An interval that always holds would be no answer.
    assert!(held < asked, "{held} of {asked}");
}
