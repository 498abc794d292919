//! Databases among what is migrated: their promises, and what goes wrong with them.

use crate::{SEEDS, WHOLE, schedule, setup, write};
use drydock_simulated::{
    Class, Crashes, Depth, Early, Ended, Event, Mishap, Played, Promise, Schedule, Setup, Side, Stragglers,
    Tracing, Trouble, WaysBack, What, exhaust, play, run,
};

const USERS: &str = "identity.users";
const REVISIONS: &str = "webmodeler.revisions";

fn save(key: &str) -> What {
    What::Save { table: USERS.into(), key: key.into() }
}

/// A user who writes one row and removes another, and a diagram with a number.
fn users() -> Vec<Event> {
    vec![
        write(100, 1_000, save("new")),
        write(200, 1_001, What::Remove { table: USERS.into(), key: "k1".into() }),
        write(300, 1_002, What::Number { table: REVISIONS.into() }),
    ]
}

fn with(event: Event) -> Schedule {
    let mut events = users();
    events.push(event);
    schedule(events)
}

fn program(side: Side, nth: u32, trouble: Trouble) -> Event {
    Event::Fault { side, class: Class::Program, nth, trouble }
}

fn promises(played: &Played) -> Vec<Promise> {
    played.broken.iter().map(|(promise, _)| *promise).collect()
}

#[test]
fn rows_keep_every_promise_whatever_goes_wrong() {
    let whole = setup(WHOLE, None);
    for setup in [
        whole.clone(),
        Setup { crashes: Crashes::Happen, ..whole.clone() },
        Setup { ways_back: WaysBack::Drawn, ..whole.clone() },
        Setup { stragglers: Stragglers::Happen, early: Early::Happen, ..whole },
    ] {
        let campaign = run(&setup, 1, SEEDS);
        assert!(campaign.gaps.is_empty(), "{:?}", campaign.gaps);
        assert!(campaign.broken.is_empty(), "{:#?}", campaign.broken);
        assert!(campaign.proves(), "{} of {}: {campaign:?}", campaign.proven, campaign.seeds);
        assert!(campaign.struck > SEEDS, "only {} faults happened", campaign.struck);
    }
}

#[test]
fn rows_and_numbers_of_users_arrive_and_are_judged() {
    let told = play(&setup(WHOLE, None), &schedule(users()), Tracing::On);
    assert_eq!((&told.ended, told.broken.len()), (&Ended::Complete, 0), "{}", told.text());
    for words in ["pg_dump of identity", "pg_restore of webmodeler", "identity.users/new is committed"] {
        assert!(told.text().contains(words), "{words}:\n{}", told.text());
    }
    assert!(told.record.contains("postgres/rows"), "{}", told.text());
}

#[test]
fn the_same_seed_is_the_same_to_the_byte_with_databases_as_well() {
    let whole = setup(WHOLE, None);
    let whole =
        Setup { ways_back: WaysBack::Drawn, stragglers: Stragglers::Happen, early: Early::Happen, ..whole };
    for seed in 1..9 {
        let schedule = whole.schedule(seed);
        let (one, two) = (play(&whole, &schedule, Tracing::On), play(&whole, &schedule, Tracing::On));
        assert_eq!(one.text(), two.text(), "{seed}");
        assert_eq!(one, two);
        assert!(one.record.contains("phase-3/restore/keycloak") || one.record.contains("rollback/"));
    }
}

#[test]
fn a_restore_that_ends_half_way_or_lacks_a_table_is_made_again() {
    for trouble in [Trouble::CutBefore, Trouble::Killed, Trouble::TableFails, Trouble::Slow(8_000)] {
        for nth in 0..3 {
            let told = play(&setup(WHOLE, None), &with(program(Side::Target, nth, trouble)), Tracing::On);
            let came_to = (&told.ended, told.broken.len(), told.struck);
            assert_eq!(came_to, (&Ended::Complete, 0, 1), "{trouble} {nth}:\n{}", told.text());
        }
    }
}

#[test]
fn a_server_that_is_killed_takes_nothing_that_was_committed() {
    for side in [Side::Source, Side::Target] {
        for nth in [3, 20, 45, 70] {
            let fault = Event::Fault { side, class: Class::Statement, nth, trouble: Trouble::Crashed };
            let told = play(&setup(WHOLE, None), &with(fault), Tracing::On);
            assert_eq!(told.broken, [], "{side:?} {nth}:\n{}", told.text());
        }
    }
}

#[test]
fn a_session_that_outlives_the_freeze_is_told_with_what_it_writes() {
    let late = |after| Event::Straggle { after, number: 9_000, what: save("late") };
    let told = play(&setup(WHOLE, None), &with(late(10)), Tracing::On);
    assert_eq!((&told.ended, told.broken.len()), (&Ended::Complete, 0), "{}", told.text());
    for words in
        ["camunda-straggler", "identity.public.users on the source after the freeze", "findings object"]
    {
        assert!(told.record.contains(words), "{words}:\n{}", told.text());
    }
}

#[test]
fn an_application_that_starts_while_its_database_is_restored_leaves_nothing() {
    let whole = setup(WHOLE, None);
    // Into a table that arrives, and into one that it makes itself and no dump knows.
    for table in [USERS, "identity.schema_history"] {
        let worked = [0, 40, 70, 100].map(|after| {
            let early = Event::Early { after, number: 31_000, table: table.into() };
            let told = play(&whole, &with(early), Tracing::On);
            assert_eq!((&told.ended, told.broken.len()), (&Ended::Complete, 0), "{}", told.text());
            let text = told.text();
            // Whoever made a row was seen, and the database made anew.
            assert_eq!(
                text.contains("early31000 is made"),
                text.contains("somebody else works on it"),
                "{text}"
            );
            text.contains("somebody else works on it")
        });
        assert!(worked.contains(&true), "{table}: nobody came in time");
    }
}

#[test]
fn a_trial_whose_restore_did_not_end_well_is_made_again() {
    let trial = setup("name: trial\nprocedure: estimate-then-cutover\n", None);
    let step = "estimate/restore/identity";
    let mishaps = [Mishap::KilledWithin(150), Mishap::KilledAfter, Mishap::FailsAfter];
    let befall = mishaps.map(|mishap| Event::Mishap { step: step.into(), mishap });
    let faults = [Trouble::CutBefore, Trouble::Killed].map(|trouble| program(Side::Target, 0, trouble));
    for event in befall.into_iter().chain(faults) {
        let told = play(&trial, &with(event.clone()), Tracing::On);
        let came_to = (&told.ended, told.broken.len(), told.struck);
        assert_eq!(came_to, (&Ended::Complete, 0, 1), "{event}:\n{}", told.text());
    }
}

#[test]
fn a_run_that_was_killed_beside_its_own_programs_does_not_meet_them_again() {
    // The program goes on, or begins to, when its run is dead and resumed.
    for ms in [1, 40, 8_000] {
        for step in ["phase-2/backup/identity", "phase-3/backup/identity", "phase-3/restore/identity"] {
            let kill = Event::Mishap { step: step.into(), mishap: Mishap::KilledWithin(60) };
            let side = if step.contains("restore") { Side::Target } else { Side::Source };
            let nth = if step.starts_with("phase-3/backup") { 3 } else { 0 };
            let mut schedule = with(kill);
            schedule.events.push(program(side, nth, Trouble::Slow(ms)));
            let told = play(&setup(WHOLE, None), &schedule, Tracing::On);
            assert_eq!(promises(&told), [], "{step} {ms}:\n{}", told.text());
        }
    }
}

#[test]
fn everything_that_can_befall_a_step_a_statement_or_a_program_is_borne() {
    // Some thousand cases: for the night.
    if std::env::var_os("DRYDOCK_TEST_EXHAUSTIVE").is_none() {
        let words = "SKIP every fault of every statement: DRYDOCK_TEST_EXHAUSTIVE is not set\n";
        std::io::Write::write_all(&mut std::io::stderr(), words.as_bytes()).unwrap_or_default();
        return;
    }
    let yaml = "name: small\nmigration: {components: [identity, elasticsearch]}\n";
    let campaign = exhaust(&setup(yaml, None), 3, Depth::Single);
    assert!(campaign.gaps.is_empty(), "{:?}", campaign.gaps);
    assert!(campaign.broken.is_empty(), "{:#?}", campaign.broken);
}
