//! The procedure without one of its safeguards: each must be missed.

use crate::{EXACT, EXACT_STREAM, STANDARD, UPSTREAM, setup};
use drydock_simulated::{Promise, Safeguard, run};

/// Seeds within which a safeguard must be missed.
const SEEDS: u64 = 150;
/// Seeds that are played at once, until one misses it.
const AT_ONCE: u64 = 10;

/// What each one's absence breaks at least, and in which procedure.
const TABLE: [(Safeguard, &str, Promise); 11] = [
    (Safeguard::Freeze, STANDARD, Promise::FreezeHolds),
    (Safeguard::FreezeWait, STANDARD, Promise::FreezeHolds),
    (Safeguard::Refresh, STANDARD, Promise::NoLostWrite),
    (Safeguard::DeletePropagation, EXACT, Promise::NoResurrectedDocument),
    (Safeguard::CountComparison, EXACT, Promise::NoResurrectedDocument),
    (Safeguard::Settings, STANDARD, Promise::DefinitionsCarried),
    (Safeguard::Aliases, EXACT, Promise::DefinitionsCarried),
    (Safeguard::Templates, STANDARD, Promise::DefinitionsCarried),
    (Safeguard::Marks, EXACT, Promise::NoLostWrite),
    (Safeguard::BulkAnswers, EXACT_STREAM, Promise::NoLostWrite),
    (Safeguard::CopyAnswers, STANDARD, Promise::NoLostWrite),
];

#[test]
fn every_safeguard_is_missed_when_it_is_gone() {
    let mut missing = Vec::new();
    for (safeguard, yaml, promise) in TABLE {
        let setup = setup(yaml, Some(safeguard));
        let noticed = (0..SEEDS / AT_ONCE).find_map(|round| {
            let campaign = run(&setup, 1 + round * AT_ONCE, AT_ONCE);
            assert!(campaign.gaps.is_empty(), "{safeguard}: {:?}", campaign.gaps);
            campaign.broken.into_iter().find(|b| b.promise == promise)
        });
        match noticed {
            Some(broken) => {
                let events = broken.shortest.map_or(usize::MAX, |s| s.schedule.events.len());
                println!("{safeguard}: {} in seed {}, {events} events", promise.as_str(), broken.first);
                assert!(events <= 15, "{safeguard}: {events} events");
            }
            None => missing.push(safeguard),
        }
    }
    assert!(missing.is_empty(), "nothing noticed the absence of {missing:?}");
    assert_eq!(TABLE.map(|(s, ..)| s), Safeguard::ALL);
    assert_eq!(Safeguard::ALL.map(|s| Safeguard::of_name(s.as_str())), Safeguard::ALL.map(Some));
}

#[test]
fn what_a_procedure_never_had_cannot_be_taken_from_it() {
    let scenario = drydock_core::Scenario::from_yaml("test.yaml", STANDARD).expect("a scenario");
    let cold = drydock_simulated::Setup::new(&scenario, 12, Some(Safeguard::DeletePropagation));
    assert!(cold.is_err_and(|why| why.contains("reindex: warm")));
    assert!(run(&setup(UPSTREAM, None), 1, 1).gaps.is_empty());
}
