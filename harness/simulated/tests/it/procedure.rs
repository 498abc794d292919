//! The whole procedure: ways back from every step, resumes, pods that straggle, the clean-up's guard, trials.

use crate::{EXACT, SEEDS, STANDARD, STREAM, UPSTREAM, schedule, setup, write};
use drydock_core::Record;
use drydock_simulated::{
    Depth, Ended, Event, Mishap, Played, Promise, Safeguard, Setup, Stragglers, Tracing, WaysBack, What,
    exhaust, play, run,
};

const INDEX: &str = "operate-list-view-8.3.0_";

fn put(id: &str) -> What {
    What::Put { index: INDEX.into(), id: id.into() }
}

fn back_from(step: &str) -> Event {
    Event::GoBack { from: step.into() }
}

fn befalls(step: &str, mishap: Mishap) -> Event {
    Event::Mishap { step: step.into(), mishap }
}

fn promises(played: &Played) -> Vec<Promise> {
    played.broken.iter().map(|(promise, _)| *promise).collect()
}

#[test]
fn ways_back_from_every_step_keep_every_promise_whatever_goes_wrong() {
    for yaml in [STANDARD, STREAM, EXACT] {
        let setup = Setup { ways_back: WaysBack::Drawn, ..setup(yaml, None) };
        let campaign = run(&setup, 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{yaml}: {:?}", campaign.gaps);
        assert!(campaign.broken.is_empty(), "{yaml}: {:#?}", campaign.broken);
        assert!(campaign.proves(), "{yaml}: {} of {}", campaign.proven, campaign.seeds);
    }
}

#[test]
fn from_each_step_users_end_on_the_source_and_hear_what_is_lost() {
    let setup = setup(STANDARD, None);
    let steps: Vec<String> = setup.plan.ways_back().iter().map(ToString::to_string).collect();
    assert!(steps.len() > 10, "{steps:?}");
    for step in steps {
        // Written before, and by whoever works on the target after the switch.
        let writes = (0..12).map(|n| write(400 * n, 1_000 + n, put(&format!("n{n}"))));
        let played = play(&setup, &schedule(writes.chain([back_from(&step)]).collect()), Tracing::On);
        assert_eq!((&played.ended, played.broken.len()), (&Ended::Complete, 0), "{step}:\n{}", played.text());
        assert!(played.text().contains("users work on the source"), "{step}:\n{}", played.text());
        let record =
            Record::read(played.record.as_bytes()).expect("the record of a simulated run is a record");
        let lost = record.entries.iter().find_map(|entry| match &entry.event {
            drydock_core::Event::WritesFated(fates) => Some(fates.lost.len()),
            _ => None,
        });
        let switched = played.text().contains("done    phase-3/switch");
        assert_eq!(lost.expect("told") > 0, switched, "{step}: {lost:?}\n{}", played.text());
    }
}

#[test]
fn whoever_resumes_a_run_leaves_users_where_the_way_back_left_them() {
    // The run dies when users are back and nobody has noted it, or a later step fails; users go on writing to the source.
    let events = |mishap: Event| {
        let writes = (0..12).map(|n| write(500 * n, 1_000 + n, put(&format!("n{n}"))));
        schedule(writes.chain([back_from("phase-5/guard"), mishap]).collect())
    };
    for mishap in [
        befalls("rollback/compare", Mishap::KilledBefore),
        befalls("rollback/switch", Mishap::KilledAfter),
        befalls("rollback/close", Mishap::KilledAfter),
        befalls("rollback/switch", Mishap::KilledBefore),
        befalls("phase-3/switch", Mishap::KilledAfter),
        befalls("phase-4/validate", Mishap::FailsAfter),
    ] {
        let told = play(&setup(STANDARD, None), &events(mishap.clone()), Tracing::On);
        assert_eq!(told.broken, [], "{mishap}:\n{}", told.text());
        assert!(told.text().contains("users work on the source"), "{mishap}:\n{}", told.text());
    }
    // The planted fault: only the steps of the way there are looked at.
    let gone = setup(STANDARD, Some(Safeguard::Whereabouts));
    let told = play(&gone, &events(befalls("rollback/compare", Mishap::KilledBefore)), Tracing::On);
    assert!(promises(&told).contains(&Promise::NoLostWrite), "{}", told.text());
    let gone = setup(STANDARD, Some(Safeguard::GivenUp));
    let failing = events(befalls("phase-3/restore/elasticsearch", Mishap::FailsAfter));
    assert_ne!(play(&gone, &failing, Tracing::Off).broken, []);
    assert_eq!(play(&setup(STANDARD, None), &failing, Tracing::Off).broken, []);
}

/// Found on a real run: the source was described, users wrote again, and the run was killed before it had noted that.
#[test]
fn what_users_write_after_the_source_was_held_is_not_taken_for_harm_by_who_resumes() {
    let writes = || (0..12).map(|n| write(500 * n, 1_000 + n, put(&format!("n{n}"))));
    let killed = |mishap| {
        let more = [back_from("phase-2/backup/elasticsearch"), befalls("rollback/hold", mishap)];
        schedule(writes().chain(more).collect())
    };
    for mishap in [Mishap::KilledAfter, Mishap::FailsAfter, Mishap::KilledBefore, Mishap::KilledWithin(60)] {
        let told = play(&setup(STANDARD, None), &killed(mishap), Tracing::On);
        assert_eq!((&told.ended, told.broken.len()), (&Ended::Complete, 0), "{mishap:?}:\n{}", told.text());
        assert!(!told.record.contains("\"different\""), "{mishap:?}:\n{}", told.record);
    }
    let gone = setup(STANDARD, Some(Safeguard::SeenBefore));
    let told = play(&gone, &killed(Mishap::KilledAfter), Tracing::On);
    assert_eq!(promises(&told), [Promise::RollbackRestores], "{}", told.text());
}

#[test]
fn a_pod_that_writes_behind_the_freeze_is_told_and_its_write_is_not_cleaned_away() {
    for yaml in [STANDARD, EXACT] {
        let setup = Setup { stragglers: Stragglers::Happen, ..setup(yaml, None) };
        let campaign = run(&setup, 1, SEEDS);
        assert!(campaign.gaps.is_empty() && campaign.broken.is_empty(), "{yaml}: {campaign:#?}");
    }
    let straggles = |after| Event::Straggle { after, number: 9_000, what: put("late") };
    let users = || write(100, 1_000, put("n"));
    let told = play(&setup(STANDARD, None), &schedule(vec![users(), straggles(10)]), Tracing::On);
    assert_eq!((&told.ended, told.broken.len()), (&Ended::Complete, 0), "{}", told.text());
    assert!(told.record.contains("after the freeze"), "{}", told.text());
    assert!(told.record.contains("findings object"), "the clean-up is refused: {}", told.text());
    // What is written after the comparison and before the clean-up is seen by the second look alone.
    let waits = befalls("phase-5/guard", Mishap::KilledBefore);
    let late = |after| schedule(vec![users(), straggles(after), waits.clone()]);
    let noticed = (2_000..8_000).step_by(500).find(|after| {
        let without = play(&setup(STANDARD, Some(Safeguard::SecondLook)), &late(*after), Tracing::Off);
        promises(&without).contains(&Promise::CleanupKeepsACopy)
    });
    let after = noticed.expect("between comparison and guard the run was dead for five seconds");
    let with = play(&setup(STANDARD, None), &late(after), Tracing::On);
    assert_eq!(with.broken, [], "{}", with.text());
    assert!(with.record.contains("cleanup-guard"), "{}", with.text());
}

#[test]
fn the_guard_keeps_the_only_copy_where_the_official_delta_lost_something() {
    let campaign = run(&setup(UPSTREAM, None), 1, SEEDS);
    assert!(campaign.broken.iter().any(|b| b.promise == Promise::NoLostWrite), "{campaign:#?}");
    assert!(campaign.broken.iter().all(|b| b.promise != Promise::CleanupKeepsACopy), "{campaign:#?}");
}

#[test]
fn everything_that_can_befall_a_step_or_a_request_is_borne() {
    let campaign = exhaust(&setup(STANDARD, None), 3, Depth::Single);
    assert!(campaign.seeds > 300, "{}", campaign.seeds);
    assert!(campaign.gaps.is_empty(), "{:?}", campaign.gaps);
    assert!(campaign.broken.is_empty(), "{:#?}", campaign.broken);
    assert!(campaign.struck * 10 > campaign.seeds * 9, "{} of {}", campaign.struck, campaign.seeds);
}

#[test]
fn a_trial_changes_nothing_and_a_dry_run_neither() {
    for yaml in [
        "name: trial\nprocedure: estimate-then-cutover\n",
        "name: trial\nprocedure: estimate-then-cutover\nmigration: {mover: stream}\n",
        "name: dry\nprocedure: dry-run\n",
    ] {
        let campaign = run(&setup(yaml, None), 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{yaml}: {:?}", campaign.gaps);
        assert!(campaign.broken.is_empty(), "{yaml}: {:#?}", campaign.broken);
        assert!(campaign.proves(), "{yaml}: {} of {}", campaign.proven, campaign.seeds);
    }
}

#[test]
fn the_record_of_a_simulated_run_is_the_same_to_the_byte_and_judged_like_any_other() {
    let setup = Setup { ways_back: WaysBack::Drawn, ..setup(STANDARD, None) };
    for seed in 1..6 {
        let schedule = setup.schedule(seed);
        let one = play(&setup, &schedule, Tracing::On);
        assert!(one.record.len() > 5_000 && one.record.ends_with('\n'));
        assert_eq!(one.record, play(&setup, &schedule, Tracing::On).record, "{seed}");
    }
}
