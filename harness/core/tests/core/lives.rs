//! What ended the earlier lives of a run, and what failures on purpose do to its verdict.

use crate::support::Run;
use drydock_core::event::Ending::{Complete, Stopped};
use drydock_core::life::LifeEnd;
use drydock_core::{Class, Event, Finding, Kind, Outcome, StepId, StepOutcome, Summary, Verdict};
use std::collections::BTreeMap;

const STEP: &str = "phase-3/restore/keycloak";

fn started(step: &str) -> Event {
    Event::StepStarted { step: StepId::from(step) }
}

fn finished(step: &str, outcome: StepOutcome) -> Event {
    Event::StepFinished { step: StepId::from(step), outcome, millis: 1, facts: BTreeMap::new() }
}

fn cut() -> Finding {
    Finding {
        class: Class::Environment,
        kind: Kind::Environment,
        outcome: Outcome::NotProven,
        ..Finding::data(STEP, Kind::Environment, STEP, "the server was killed")
    }
}

fn resumed() -> Event {
    Event::RunResumed { steps_kept: 3, starts_over: None }
}

fn struck(fault: &str) -> Event {
    Event::FaultPlanted { fault: fault.into(), after: STEP.into(), item: "the store".into() }
}

#[test]
fn the_first_cause_stays_when_the_resumed_run_is_green() {
    let record = Run::asking(&["postgres/rows"])
        .event(started(STEP))
        .event(struck("target-killed"))
        .finding(cut())
        .event(finished(STEP, StepOutcome::EnvironmentFailed))
        .step("conclude/workload", StepOutcome::Failed)
        .event(Event::RunFinished { ending: Stopped })
        .event(resumed())
        .event(started(STEP))
        .event(resumed())
        .step(STEP, StepOutcome::Done)
        .step("conclude/workload", StepOutcome::Done)
        .check("postgres/rows", 5)
        .ends(Complete);
    let summary = Summary::of(&record);
    assert!(summary.verdict.is_green(), "{:?}", summary.verdict);
    let [first, second] = summary.lives.as_slice() else { panic!("{:?}", summary.lives) };
    assert_eq!((first.end, first.class), (LifeEnd::Stopped, Some(Class::Environment)));
    assert_eq!(first.cause.as_deref(), Some("the server was killed"));
    assert_eq!(first.step.as_ref().map(StepId::as_str), Some(STEP));
    assert_eq!((second.end, second.cause.as_ref()), (LifeEnd::Killed, None));
    assert_eq!(second.step.as_ref().map(StepId::as_str), Some(STEP));
    let notes = summary.notes.join("\n");
    for words in ["caused on purpose in phase-3/restore/keycloak: target-killed", "stopped in", "killed in"] {
        assert!(notes.contains(words), "{notes}");
    }
    assert!(summary.planted.is_empty(), "what is borne is no loss");
}

#[test]
fn a_loss_that_nobody_notices_is_not_proven_and_a_failure_that_was_borne_is() {
    let verdict = |fault: &str| {
        let run = Run::asking(&["postgres/rows"]).event(struck(fault)).check("postgres/rows", 5);
        Verdict::of(&run.ends(Complete))
    };
    assert!(verdict("connection-reset").is_green());
    for told in ["lose-row", "passing-session", "of-a-later-version"] {
        assert!(!verdict(told).is_green(), "{told}");
    }
}
