//! Which promises hold, and which do not.

use crate::{AS_UPSTREAM, EXACT, EXACT_STREAM, EXACT_WHOLE, STANDARD, STREAM, UPSTREAM, WHOLE, setup};
use drydock_simulated::{
    Case, Class, Crashes, Ended, Event, Heard, Promise, Safeguard, Schedule, Side, Tracing, Trouble, What,
    play, run, shorten,
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
        events: vec![Event::Write { at: 1_400, takes: 10, number: 1_000, what, heard: Heard::Answer }],
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

/// Each comes to what is said of it under the official delta. Under the exact one none breaks anything.
#[test]
fn what_was_found_once_stays_known() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/simulated");
    let mut files: Vec<_> =
        std::fs::read_dir(folder).expect("the folder").map(|f| f.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        let case = Case::read(&file).unwrap_or_else(|e| panic!("{e}"));
        if case.scenario.is_some() {
            continue;
        }
        let Case { what, breaks, schedule, .. } = case;
        let upstream = play(&setup(UPSTREAM, None), &schedule, Tracing::On);
        let broken: BTreeSet<Promise> = upstream.broken.iter().map(|(p, _)| *p).collect();
        assert_eq!(broken, breaks, "{what}:\n{}", upstream.text());
        assert_eq!(upstream.ended, Ended::Complete, "{what}");
        for yaml in [EXACT, EXACT_STREAM] {
            let exact = play(&setup(yaml, None), &schedule, Tracing::On);
            let came_to = (&exact.ended, exact.broken.len());
            assert_eq!(came_to, (&Ended::Complete, 0), "{what}:\n{}", exact.text());
        }
    }
}

/// Each broke the promises that stand with it while the driver had a fault.
#[test]
fn what_was_mended_stays_mended() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/simulated");
    let files = std::fs::read_dir(folder).expect("the folder").map(|f| f.expect("a file").path());
    let cases = files.map(|file| Case::read(&file).unwrap_or_else(|e| panic!("{e}")));
    let mut played = 0;
    for case in cases.filter(|case| case.without.is_none()) {
        let Some(scenario) = &case.scenario else { continue };
        let now = play(&setup(whole(scenario), None), &case.schedule, Tracing::On);
        let came_to = (&now.ended, now.broken.len());
        assert_eq!(came_to, (&Ended::Complete, 0), "{}:\n{}", case.what, now.text());
        played += 1;
    }
    assert!(played > 0);
}

/// As `drydock simulate` has it where nothing is left out.
fn whole(scenario: &str) -> &'static str {
    match scenario {
        "standard" => WHOLE,
        "exact" => EXACT_WHOLE,
        other => panic!("no scenario {other}"),
    }
}

fn named(scenario: &str) -> &'static str {
    match scenario {
        "standard" => STANDARD,
        "exact" => EXACT,
        other => panic!("no scenario {other}"),
    }
}

/// Each was found without a safeguard, or before it was there, and breaks nothing with it.
#[test]
fn what_a_safeguard_was_made_for_breaks_without_it_alone() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/simulated");
    let files = std::fs::read_dir(folder).expect("the folder").map(|f| f.expect("a file").path());
    let cases: Vec<Case> = files.map(|file| Case::read(&file).unwrap_or_else(|e| panic!("{e}"))).collect();
    let mut played = 0;
    for case in cases {
        let Case { what, scenario: Some(scenario), without: Some(without), breaks, schedule } = case else {
            continue;
        };
        let scenario = named(&scenario);
        let safeguard = Safeguard::of_name(&without).expect("a safeguard");
        let gone = play(&setup(scenario, Some(safeguard)), &schedule, Tracing::On);
        assert_eq!(
            gone.broken.iter().map(|(p, _)| *p).collect::<BTreeSet<_>>(),
            breaks,
            "{what}:\n{}",
            gone.text()
        );
        let there = play(&setup(scenario, None), &schedule, Tracing::On);
        assert_eq!((&there.ended, there.broken.len()), (&Ended::Complete, 0), "{what}:\n{}", there.text());
        played += 1;
    }
    assert!(played > 1);
}

#[test]
fn where_nothing_is_wanted_or_written_nothing_is_proven() {
    let nowhere =
        "name: x\nmigration: {components: [elasticsearch], index_prefixes: [nothing-of-that-name-]}\n";
    let idle = "name: x\nworkload: {writes_per_second: 0}\n";
    for yaml in [nowhere, idle] {
        let campaign = run(&setup(yaml, None), 1, 4);
        assert!(!campaign.proves() && campaign.proven == 0, "{yaml}: {campaign:?}");
    }
    // Rows are moved whatever is wanted of indices.
    let rows = "name: x\nmigration: {components: [identity, elasticsearch], index_prefixes: [nothing-of-that-name-]}\n";
    for yaml in [STANDARD, rows] {
        let campaign = run(&setup(yaml, None), 1, 4);
        assert!(campaign.proves(), "{yaml}: {campaign:?}");
    }
}

#[test]
fn a_write_without_an_answer_may_have_happened_or_not() {
    let upstream = setup(UPSTREAM, None);
    let with = |heard| {
        let mut schedule = deletion();
        let Some(Event::Write { heard: h, .. }) = schedule.events.first_mut() else { panic!("a write") };
        *h = heard;
        play(&upstream, &schedule, Tracing::On)
    };
    // The target still has it, which may be right; that the source has it no more is told by the counts.
    let done = with(Heard::NothingOfDone);
    let promises: Vec<Promise> = done.broken.iter().map(|(p, _)| *p).collect();
    assert_eq!(promises, [Promise::CountsEqual], "{}", done.text());
    let lost = with(Heard::NothingOfLost);
    assert_eq!(lost.broken, [], "{}", lost.text());
}

#[test]
fn what_its_caller_gave_up_may_be_carried_out_late_and_does_no_harm() {
    let late = |class, nth, ms| Event::Fault { side: Side::Target, class, nth, trouble: Trouble::Late(ms) };
    for yaml in [STANDARD, STREAM, EXACT, EXACT_STREAM] {
        for class in [Class::Copy, Class::Bulk, Class::Change] {
            for (nth, ms) in [(0, 60), (1, 700), (3, 2_000)] {
                let mut schedule = deletion();
                schedule.events.push(late(class, nth, ms));
                let played = play(&setup(yaml, None), &schedule, Tracing::On);
                let told = format!("{yaml} {class:?} {nth} {ms}:\n{}", played.text());
                assert_eq!((&played.ended, played.broken.len()), (&Ended::Complete, 0), "{told}");
            }
        }
    }
    let mut schedule = deletion();
    schedule.events.push(late(Class::Copy, 0, 700));
    let played = play(&setup(STANDARD, None), &schedule, Tracing::On);
    assert!(played.text().contains("late    "), "{}", played.text());
}

#[test]
fn killed_nodes_take_nothing_that_counts() {
    for yaml in [STANDARD, STREAM, EXACT, EXACT_STREAM] {
        let setup = drydock_simulated::Setup { crashes: Crashes::Happen, ..setup(yaml, None) };
        let campaign = run(&setup, 1, SEEDS);
        assert!(campaign.broken.is_empty(), "{yaml}: {:#?}", campaign.broken);
        assert!(campaign.proves(), "{yaml}: {campaign:?}");
    }
}
