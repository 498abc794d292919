//! What the reports are made of.

use crate::support::Run;
use drydock_core::event::{Ending, ProbeSummary, ServiceState};
use drydock_core::summary::Closure;
use drydock_core::{Event, StepOutcome, Summary};

fn outage(probe: &str, from_ms: u64, until_ms: Option<u64>) -> Event {
    Event::ProbeOutage {
        probe: probe.into(),
        from_ms,
        until_ms,
        failed: 3,
        error: "refused".into(),
        resolution_ms: None,
    }
}

#[test]
fn the_outage_is_measured_by_both_clocks() {
    let service = |state| Event::Service { state };
    // The clock of the tests moves one millisecond an event.
    let run = Run::asking(&[])
        .event(service(ServiceState::OnSource))
        .event(service(ServiceState::Closed))
        .step("phase-3/backup/identity", StepOutcome::Done)
        .event(service(ServiceState::Closed))
        .event(service(ServiceState::OnTarget))
        .event(outage("postgres/read", 1000, Some(1250)))
        .event(outage("elasticsearch/write", 1000, Some(3500)))
        .event(outage("elasticsearch/read", 1000, None))
        .event(Event::ProbeSummary(ProbeSummary {
            probe: "postgres/read".into(),
            interval_ms: 50,
            far_interval_ms: None,
            sent: 1,
            failed: 0,
            p50_us: 1,
            p99_us: 1,
            max_us: 1,
        }));
    let downtime = Summary::of(&run.ends(Ending::Complete)).downtime;
    assert_eq!((downtime.phase_clock_seconds, downtime.still_closed_seconds), (Some(0.004), None));
    let closure = Closure { from_seconds: 0.002, seconds: Some(0.004) };
    assert_eq!(downtime.closures, [closure], "closed twice in a row is closed once");
    assert_eq!(downtime.probe_seconds, Some(2.5));
    assert_eq!(downtime.probe_resolution_seconds, Some(0.05));
    assert_eq!(downtime.outages.iter().filter(|o| o.seconds.is_none()).count(), 1);
    assert_eq!(downtime.budget_seconds, None);
}

#[test]
fn each_outage_is_told_as_finely_as_it_was_seen() {
    let figures = |probe: &str| {
        Event::ProbeSummary(ProbeSummary {
            probe: probe.into(),
            interval_ms: 50,
            far_interval_ms: Some(1000),
            sent: 1,
            failed: 0,
            p50_us: 1,
            p99_us: 1,
            max_us: 1,
        })
    };
    let seen = |probe: &str, (from_ms, until_ms): (u64, u64), resolution| Event::ProbeOutage {
        probe: probe.into(),
        from_ms,
        until_ms: Some(until_ms),
        failed: 3,
        error: "refused".into(),
        resolution_ms: Some(resolution),
    };
    let downtime = |events: Vec<Event>| {
        let run = events.into_iter().fold(Run::asking(&[]), Run::event);
        Summary::of(&run.event(figures("login")).event(figures("task")).ends(Ending::Complete)).downtime
    };
    let planned = seen("login", (1_000, 9_000), 50);
    let unplanned = seen("login", (20_000, 22_000), 980);
    let both = downtime(vec![planned, unplanned.clone()]);
    assert_eq!((both.probe_seconds, both.probe_resolution_seconds), (Some(8.0), Some(0.05)));
    let resolutions: Vec<_> = both.capabilities.iter().map(|c| c.resolution_seconds).collect();
    assert_eq!(resolutions, [Some(0.98), Some(1.0)], "the coarsest of its own, or how finely it looked");
    assert_eq!(downtime(vec![unplanned]).probe_resolution_seconds, Some(0.98));
    let none = downtime(Vec::new());
    assert_eq!((none.probe_seconds, none.probe_resolution_seconds), (None, Some(1.0)));
}

#[test]
fn a_service_that_stays_closed_is_a_lower_bound() {
    let run = Run::asking(&[])
        .event(Event::Service { state: ServiceState::Closed })
        .step("phase-3/backup/identity", StepOutcome::Done);
    let downtime = Summary::of(&run.killed()).downtime;
    assert_eq!((downtime.phase_clock_seconds, downtime.still_closed_seconds), (None, Some(0.002)));
    assert_eq!(downtime.closures.len(), 1);
    assert_eq!(downtime.closures[0].seconds, None);
}

#[test]
fn a_step_that_never_ended_has_no_outcome() {
    let run = Run::asking(&[])
        .step("prepare/provision", StepOutcome::Done)
        .event(Event::StepStarted { step: "prepare/seed".into() });
    let mut record = run.killed();
    record.torn = Some(drydock_core::record::TornLine { line: 5, bytes: 12 });
    let summary = Summary::of(&record);
    assert_eq!(summary.steps.len(), 2);
    assert_eq!(summary.steps[1].outcome, None);
    assert_eq!(summary.steps[0].about, "start source and target stores");
    assert!(summary.torn);
}

#[test]
fn a_summary_survives_json() {
    let summary =
        Summary::of(&Run::asking(&["postgres/rows"]).check("postgres/rows", 1).ends(Ending::Complete));
    let json = serde_json::to_string(&summary).unwrap();
    assert_eq!(serde_json::from_str::<Summary>(&json).unwrap(), summary);
}
