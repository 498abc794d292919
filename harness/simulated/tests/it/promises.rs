//! Which promises hold, and which do not.

use crate::{AS_UPSTREAM, EXACT, EXACT_STREAM, STANDARD, STREAM, UPSTREAM, setup};
use drydock_simulated::{Ended, Event, Promise, Schedule, Tracing, What, play, run, shorten};

/// Seeds a test plays. The whole campaigns are run with the command.
const SEEDS: u64 = 60;

#[test]
fn nothing_is_lost_under_faults_without_users_leaving_anything_out() {
    for yaml in [STANDARD, STREAM, EXACT, EXACT_STREAM] {
        let campaign = run(&setup(yaml, None), 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{yaml}: {:?}", campaign.gaps);
        assert!(campaign.broken.is_empty(), "{yaml}: {:#?}", campaign.broken);
        assert!(campaign.struck > SEEDS / 2, "{yaml}: only {} faults happened", campaign.struck);
        assert!(campaign.stopped < SEEDS / 4, "{yaml}: {} stopped: {:?}", campaign.stopped, campaign.first_stopped);
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
            assert!(shortest.schedule.events.len() <= 3, "{yaml} {promise:?}: {:#?}", shortest.schedule.events);
        }
    }
}

#[test]
fn the_same_seed_is_the_same_to_the_byte() {
    for yaml in [STANDARD, STREAM, EXACT, UPSTREAM] {
        let setup = setup(yaml, None);
        for seed in 1..13 {
            let schedule = Schedule::of_seed(seed, setup.documents, true);
            let (one, two) = (play(&setup, &schedule, Tracing::On), play(&setup, &schedule, Tracing::On));
            assert!(one.text().len() > 1_000);
            assert_eq!(one.text(), two.text(), "{yaml} {seed}");
            assert_eq!(one, two);
            let told = play(&setup, &schedule, Tracing::Off);
            assert_eq!((told.millis, told.requests, told.broken), (one.millis, one.requests, one.broken));
        }
        let other = Schedule::of_seed(99, setup.documents, true);
        assert_ne!(
            play(&setup, &other, Tracing::On).text(),
            play(&setup, &Schedule::of_seed(98, setup.documents, true), Tracing::On).text()
        );
    }
}

/// A deletion after the warm copy, and nothing else.
fn deletion() -> Schedule {
    let what = What::Delete { index: "operate-list-view-8.3.0_".into(), id: "i3".into() };
    Schedule { seed: 5, documents: 12, events: vec![Event::Write { at: 1_400, takes: 10, number: 1_000, what }] }
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
