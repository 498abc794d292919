//! Which promises hold, and which do not.

use crate::{AS_UPSTREAM, EXACT, EXACT_STREAM, STANDARD, STREAM, UPSTREAM, setup};
use drydock_simulated::{
    Class, Ended, Event, Killed, Promise, Schedule, Side, Tracing, Trouble, What, play, run, shorten,
};
use std::collections::BTreeSet;

/// Seeds a test plays. The whole campaigns are run with the command.
const SEEDS: u64 = 30;

#[test]
fn neither_faults_nor_kills_break_a_promise() {
    for yaml in [STANDARD, STREAM, EXACT, EXACT_STREAM] {
        let campaign = run(&setup(yaml, None), 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{yaml}: {:?}", campaign.gaps);
        assert!(campaign.broken.is_empty(), "{yaml}: {:#?}", campaign.broken);
        assert!(campaign.struck > SEEDS / 2, "{yaml}: only {} faults happened", campaign.struck);
        assert!(
            campaign.stopped < SEEDS / 4,
            "{yaml}: {} stopped: {:?}",
            campaign.stopped,
            campaign.first_stopped
        );
    }
}

#[test]
fn the_official_delta_brings_back_what_users_deleted_and_says_so_in_few_events() {
    for yaml in [UPSTREAM, AS_UPSTREAM] {
        let campaign = run(&setup(yaml, None), 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{yaml}: {:?}", campaign.gaps);
        for promise in [Promise::NoResurrectedDocument, Promise::NoGhost, Promise::CountsEqual] {
            let broken = campaign.broken.iter().find(|b| b.promise == promise);
            let broken = broken.unwrap_or_else(|| panic!("{yaml}: {promise:?} was not broken"));
            let shortest = broken.shortest.as_ref().expect("it was broken, so it can be shortened");
            assert!(
                shortest.schedule.events.len() <= 3,
                "{yaml} {promise:?}: {:#?}",
                shortest.schedule.events
            );
        }
    }
}

#[test]
fn the_same_seed_is_the_same_to_the_byte() {
    for yaml in [STANDARD, STREAM, EXACT, UPSTREAM] {
        let setup = setup(yaml, None);
        for seed in 1..6 {
            let schedule = setup.schedule(seed);
            let (one, two) = (play(&setup, &schedule, Tracing::On), play(&setup, &schedule, Tracing::On));
            assert!(one.text().len() > 1_000);
            assert_eq!(one.text(), two.text(), "{yaml} {seed}");
            assert_eq!(one, two);
            let told = play(&setup, &schedule, Tracing::Off);
            assert_eq!((told.millis, told.requests, told.broken), (one.millis, one.requests, one.broken));
        }
        let other = setup.schedule(99);
        assert_ne!(
            play(&setup, &other, Tracing::On).text(),
            play(&setup, &setup.schedule(98), Tracing::On).text()
        );
    }
}

/// A deletion after the warm copy, and nothing else.
fn deletion() -> Schedule {
    let what = What::Delete { index: "operate-list-view-8.3.0_".into(), id: "i3".into() };
    Schedule {
        seed: 5,
        documents: 12,
        events: vec![Event::Write { at: 1_400, takes: 10, number: 1_000, what }],
    }
}

#[test]
fn one_planted_deletion_is_told_and_its_clean_twin_is_not() {
    let upstream = setup(UPSTREAM, None);
    let told = play(&upstream, &deletion(), Tracing::On);
    assert_eq!(told.ended, Ended::Complete, "{}", told.text());
    let promises: Vec<Promise> = told.broken.iter().map(|(p, _)| *p).collect();
    assert_eq!(promises, [Promise::NoResurrectedDocument, Promise::CountsEqual], "{}", told.text());
    assert!(told.broken[0].1.samples[0].item.ends_with("/i3"));
    let nobody = Schedule { events: Vec::new(), ..deletion() };
    assert_eq!(play(&upstream, &nobody, Tracing::Off).broken, []);
    let exact = play(&setup(EXACT, None), &deletion(), Tracing::On);
    assert_eq!((&exact.ended, exact.broken.len()), (&Ended::Complete, 0), "{}", exact.text());
    // It is as short as it can be.
    let shortest = shorten(&upstream, &deletion(), Promise::NoResurrectedDocument).expect("it is broken");
    assert_eq!(shortest.schedule, deletion());
    assert!(shorten(&upstream, &nobody, Promise::NoResurrectedDocument).is_none());
}

/// Schedules that were found, each with what it comes to under the official delta. Under the exact one none breaks anything.
#[test]
fn what_was_found_once_stays_known() {
    let running = || "operate-list-view-8.3.0_".to_owned();
    let write = |at, number, what| Event::Write { at, takes: 10, number, what };
    let delete = |at, id: &str| write(at, 1_000, What::Delete { index: running(), id: id.into() });
    let put = |at, id: &str| write(at, 1_001, What::Put { index: running(), id: id.into() });
    let to = "operate-list-view-8.3.0_2026-11-19".to_owned();
    let copy = |nth, trouble| Event::Fault { side: Side::Target, class: Class::Copy, nth, trouble };
    let found = [
        (
            "a moved document is there twice",
            vec![Promise::NoGhost, Promise::CountsEqual],
            vec![write(1_300, 1_002, What::Archive { from: running(), to, id: "i4".into() })],
        ),
        // The third write of it made version 3; forgotten and made again it begins at 1, which the target takes for old.
        (
            "what is made again keeps its old state",
            vec![Promise::NoLostWrite],
            vec![delete(1_100, "i2"), put(1_700, "i2")],
        ),
        (
            "a dropped index stays",
            vec![Promise::NoResurrectedDocument, Promise::CountsEqual, Promise::DefinitionsCarried],
            vec![write(1_300, 1_003, What::Drop { index: "operate-list-view-8.3.0_2026-11-18".into() })],
        ),
        (
            "a copy without an answer goes on",
            vec![],
            vec![copy(1, Trouble::Silence), copy(2, Trouble::Gateway)],
        ),
        (
            "a killed warm copy is resumed beside its own copies",
            vec![],
            vec![Event::Kill { during: Killed::Warm, after: 120 }, copy(2, Trouble::CutAfter)],
        ),
    ];
    for (what, promises, events) in found {
        let schedule = Schedule { seed: 5, documents: 24, events };
        let upstream = play(&setup(UPSTREAM, None), &schedule, Tracing::On);
        let broken: BTreeSet<Promise> = upstream.broken.iter().map(|(p, _)| *p).collect();
        assert_eq!(broken, promises.into_iter().collect(), "{what}:\n{}", upstream.text());
        assert_eq!(upstream.ended, Ended::Complete, "{what}");
        for yaml in [EXACT, EXACT_STREAM] {
            let exact = play(&setup(yaml, None), &schedule, Tracing::On);
            assert_eq!(
                (&exact.ended, exact.broken.len()),
                (&Ended::Complete, 0),
                "{what}:\n{}",
                exact.text()
            );
        }
    }
}
