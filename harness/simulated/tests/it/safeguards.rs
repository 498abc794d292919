//! The procedure without one of its safeguards: each must be missed.

use crate::{STANDARD, UPSTREAM, setup};
use drydock_migration::Without;
use drydock_simulated::{
    Absence, Arena, DOCUMENTS, Promise, Safeguard, Setup, Tracing, absence, play, run_without_shortening,
    shorten,
};

/// Seeds within which a safeguard must be missed.
const SEEDS: u64 = 240;
/// Seeds that are played at once, until one misses it.
const AT_ONCE: u64 = 20;

/// The first seed that breaks the promise for want of the safeguard alone, and its shortest schedule keeps it with the safeguard.
fn noticed(safeguard: Safeguard) -> Option<String> {
    let arena = Arena::of(safeguard);
    let (promise, check) = (arena.promise, arena.check);
    let without = arena.setup(safeguard, DOCUMENTS).expect("the table is right");
    let whole = without.whole();
    for round in 0..SEEDS / AT_ONCE {
        let first = 1 + round * AT_ONCE;
        let gone = run_without_shortening(&without, first, AT_ONCE);
        assert!(gone.gaps.is_empty(), "{safeguard}: {:?}", gone.gaps);
        let breaking = gone.breaks.iter().filter(|(p, _)| *p == promise);
        for (_, seed) in breaking {
            let schedule = without.schedule(*seed);
            let holds =
                |schedule| !play(&whole, schedule, Tracing::Off).broken.iter().any(|(p, _)| *p == promise);
            if !holds(&schedule) {
                continue;
            }
            let shortest = shorten(&without, &schedule, promise)?;
            let events = shortest.schedule.events.len();
            assert!(events <= 15, "{safeguard}: {events} events");
            assert!(holds(&shortest.schedule), "{safeguard}: {:#?} breaks it anyway", shortest.schedule);
            let told = shortest
                .played
                .broken
                .iter()
                .any(|(p, finding)| *p == promise && finding.check.to_string() == check);
            assert!(told, "{safeguard}: {check} does not tell of it: {:#?}", shortest.played.broken);
            return Some(format!("{safeguard}: {} in seed {seed}, {events} events", promise.as_str()));
        }
    }
    None
}

#[test]
fn every_safeguard_is_missed_when_it_is_gone_and_only_then() {
    let mut missing = Vec::new();
    for safeguard in Safeguard::ALL {
        match noticed(safeguard) {
            Some(words) => println!("{words}"),
            None => missing.push(safeguard),
        }
    }
    assert!(missing.is_empty(), "nothing noticed the absence of {missing:?}");
    assert_eq!(Safeguard::ALL.map(|s| Safeguard::of_name(s.as_str())), Safeguard::ALL.map(Some));
}

#[test]
fn what_breaks_with_a_safeguard_as_well_is_not_its_absence() {
    // The official delta brings deleted documents back with every safeguard, and pipelines are not what it lacks.
    let without = setup(UPSTREAM, Some(Safeguard::Driver(Without::Objects)));
    let baseline = run_without_shortening(&without.whole(), 1, 12);
    assert!(!baseline.breaks.is_empty());
    let Absence::Missed(missed) = absence(&without, &baseline, 1) else { panic!("it is missed") };
    // Not of the same seeds once more; of others it may, because their requests come at other times.
    let again = missed.get(&Promise::NoResurrectedDocument).map_or(0, |(seeds, _)| *seeds);
    assert!(again < baseline.seeds / 4, "{missed:?}");
    assert_eq!(missed[&Promise::DefinitionsCarried], (baseline.seeds, 1));
    assert_eq!(absence(&without.whole(), &baseline, 1), Absence::NotMissed);
    let nowhere =
        "name: x\nmigration: {components: [elasticsearch], index_prefixes: [nothing-of-that-name-]}\n";
    let blind = setup(nowhere, Some(Safeguard::Driver(Without::Objects)));
    let baseline = run_without_shortening(&blind.whole(), 1, 2);
    assert!(matches!(absence(&blind, &baseline, 1), Absence::NotProven(_)));
}

#[test]
fn what_a_procedure_never_had_cannot_be_taken_from_it() {
    let scenario = drydock_core::Scenario::from_yaml("test.yaml", STANDARD).expect("a scenario");
    let gone = Safeguard::Driver(Without::DeletePropagation);
    let cold = Setup::new(&scenario, 12, Some(gone));
    assert!(cold.is_err_and(|why| why.contains("reindex: warm")));
}
