//! What makes a run green, and what never does.

use crate::support::Run;
use drydock_core::event::Ending::{Complete, Interrupted, Stopped};
use drydock_core::finding::Precision;
use drydock_core::ledger::Seen;
use drydock_core::{
    Class, Event, ExitCode, Finding, Kind, LedgerLine, Outcome, Record, StepOutcome, Verdict,
};
use proptest::prelude::*;

const ROWS: &str = "postgres/rows";
const DOWNTIME: &str = "downtime";

fn missing(subject: &str) -> Finding {
    Finding::data(ROWS, Kind::Missing, subject, "a row is missing")
}

fn environment(outcome: Outcome) -> Finding {
    Finding { class: Class::Environment, kind: Kind::Environment, outcome, ..missing("disk") }
}

fn over_budget() -> Finding {
    Finding { class: Class::Budget, check: DOWNTIME.into(), ..missing("downtime") }
}

fn line(subject: &str, expires: &str, seen: Seen) -> LedgerLine {
    LedgerLine {
        check: "postgres/*".into(),
        subject: subject.into(),
        kind: None,
        reason: "rewritten at every start".into(),
        source: "manual, 4.2".into(),
        expires: expires.into(),
        seen,
    }
}

fn rows() -> Run {
    Run::asking(&[ROWS])
}

#[track_caller]
fn judged(record: &Record, exit: ExitCode, outcome: Outcome) -> Verdict {
    let verdict = Verdict::of(record);
    assert_eq!((verdict.exit_code, verdict.outcome), (exit.code(), outcome), "{verdict:#?}");
    assert_eq!(verdict.is_green(), exit == ExitCode::Equal);
    verdict
}

#[test]
fn equal_is_green() {
    let verdict = judged(&rows().check(ROWS, 7).ends(Complete), ExitCode::Equal, Outcome::Equal);
    assert_eq!(verdict.headline, "equal: 1 check made, nothing is missing, changed or too much");
}

#[test]
fn a_refusal_of_preflight_says_so_and_is_no_finding_about_data() {
    let refusal = |outcome| Finding { check: "preflight/reachable".into(), ..environment(outcome) };
    let refused = rows()
        .check_told("preflight/reachable", 4, Outcome::NotProven)
        .finding(refusal(Outcome::NotProven))
        .step("phase-1/validate", StepOutcome::EnvironmentFailed)
        .ends(Stopped);
    let verdict = judged(&refused, ExitCode::CouldNotRun, Outcome::NotProven);
    assert_eq!(
        verdict.headline,
        "could not run: 1 preflight finding before the freeze; nothing was moved and users did not wait"
    );
    // Something that preflight could not look at stops nobody.
    let told = rows().check("preflight/reachable", 4).finding(refusal(Outcome::NotAsked)).check(ROWS, 7);
    let verdict = Verdict::of(&told.ends(Complete));
    assert_eq!(verdict.exit_code, ExitCode::Equal.code(), "{verdict:#?}");
}

#[test]
fn nothing_compared_proves_nothing() {
    let verdict = judged(&rows().check(ROWS, 0).ends(Complete), ExitCode::NotProven, Outcome::NotProven);
    assert_eq!(
        verdict.findings[0].finding.message,
        "the check postgres/rows compared nothing, so it proves nothing"
    );
    // Not even where the same check compared something elsewhere.
    judged(&rows().check(ROWS, 0).check(ROWS, 5).ends(Complete), ExitCode::NotProven, Outcome::NotProven);
    // A missed budget in the same check does not hide it.
    let run = Run::asking(&[DOWNTIME]).check(DOWNTIME, 0).finding(over_budget());
    judged(&run.ends(Complete), ExitCode::NotProven, Outcome::Different);
}

#[test]
fn a_check_that_was_not_made_proves_nothing() {
    let verdict = judged(&rows().ends(Complete), ExitCode::NotProven, Outcome::NotProven);
    assert_eq!(verdict.checks[0].note, "was not made");
    assert_eq!(verdict.checks[0].findings, 1);
    assert!(!verdict.findings[0].finding.next.is_empty());
    // Neither does a run that made no check at all.
    let verdict = judged(&Run::asking(&[]).ends(Complete), ExitCode::NotProven, Outcome::NotProven);
    assert_eq!(verdict.headline, "not proven: no check was made");
}

#[test]
fn a_check_that_tells_more_than_it_names_proves_nothing() {
    for told in [Outcome::Different, Outcome::NotProven] {
        judged(&rows().check_told(ROWS, 7, told).ends(Complete), ExitCode::NotProven, Outcome::NotProven);
    }
    // What the ledger takes away was named.
    let run = rows().expecting(line("a", "9", Seen::Always)).finding(missing("a"));
    judged(&run.check_told(ROWS, 7, Outcome::Different).ends(Complete), ExitCode::Equal, Outcome::Expected);
}

#[test]
fn the_environment_is_never_a_data_fault_and_never_a_pass() {
    for outcome in [Outcome::NotProven, Outcome::Different] {
        let run = rows().check(ROWS, 7).finding(environment(outcome));
        judged(&run.ends(Complete), ExitCode::CouldNotRun, outcome);
    }
    let run = rows().step("prepare/provision", StepOutcome::EnvironmentFailed);
    judged(&run.ends(Stopped), ExitCode::CouldNotRun, Outcome::NotProven);
    // A run that stopped without saying why is no pass either.
    judged(&rows().check(ROWS, 7).ends(Stopped), ExitCode::CouldNotRun, Outcome::Equal);
}

#[test]
fn a_ledger_line_that_covers_makes_a_difference_expected() {
    let run = rows().expecting(line("k.*", "1.0", Seen::Always)).check(ROWS, 7).finding(missing("k.t"));
    let verdict = judged(&run.ends(Complete), ExitCode::Equal, Outcome::Expected);
    assert_eq!(
        verdict.findings[0].expected_because.as_deref(),
        Some("rewritten at every start (manual, 4.2)")
    );
    assert_eq!(verdict.checks[0].findings, 0);
    assert_eq!(verdict.headline, "equal: 1 check made; 1 difference as expected");
}

#[test]
fn a_ledger_never_covers_what_could_not_be_compared() {
    let run = rows().expecting(line("*", "1.0", Seen::Sometimes)).check(ROWS, 7);
    let run = run.finding(Finding::not_compared(ROWS, "k.t", "no primary key"));
    judged(&run.ends(Complete), ExitCode::NotProven, Outcome::NotProven);
}

#[test]
fn an_expired_ledger_line_covers_nothing_and_is_told() {
    let run = rows().expecting(line("k.*", "0.1.0", Seen::Sometimes)).check(ROWS, 7).finding(missing("k.t"));
    let verdict = judged(&run.ends(Complete), ExitCode::Different, Outcome::Different);
    assert!(verdict.findings.iter().any(|j| j.finding.message.contains("expired with version 0.1.0")));
}

#[test]
fn a_ledger_line_that_matched_nothing_is_told_if_it_should_have() {
    let told = |seen, ending| {
        let record = rows().expecting(line("k.*", "1.0", seen)).check(ROWS, 7).ends(ending);
        Verdict::of(&record).findings.iter().any(|j| j.finding.kind == Kind::LedgerUnused)
    };
    assert!(told(Seen::Always, Complete));
    assert!(!told(Seen::Sometimes, Complete));
    // The check that the line is waiting for may not have been made.
    assert!(!told(Seen::Always, Interrupted));
    assert!(!told(Seen::Always, Stopped));
}

#[test]
fn a_killed_or_interrupted_run_is_never_green() {
    judged(&rows().check(ROWS, 7).killed(), ExitCode::Interrupted, Outcome::Equal);
    judged(&rows().check(ROWS, 7).ends(Interrupted), ExitCode::Interrupted, Outcome::Equal);
    let run = rows().check(ROWS, 7).step("phase-3/freeze", StepOutcome::Interrupted);
    judged(&run.ends(Complete), ExitCode::Interrupted, Outcome::Equal);
}

#[test]
fn a_proven_loss_stays_proven_when_the_environment_breaks() {
    let run = rows().check(ROWS, 7).finding(environment(Outcome::NotProven)).finding(missing("k.t"));
    let verdict = judged(&run.ends(Stopped), ExitCode::Different, Outcome::Different);
    assert_eq!(verdict.findings[0].finding.subject, "k.t");
    assert_eq!(verdict.headline, "different: 1 finding");
}

#[test]
fn a_planted_loss_that_no_check_noticed_is_never_green() {
    let planted = || Event::FaultPlanted {
        fault: "lose-row".into(),
        after: "phase-3/grants/identity".into(),
        item: "identity.public.users id=7".into(),
    };
    let verdict = judged(
        &rows().check(ROWS, 7).event(planted()).ends(Complete),
        ExitCode::NotProven,
        Outcome::NotProven,
    );
    assert!(verdict.findings[0].finding.samples[0].item.contains("id=7"));
    judged(
        &rows().event(planted()).finding(missing("a.b.c")).check(ROWS, 7).ends(Complete),
        ExitCode::Different,
        Outcome::Different,
    );
}

#[test]
fn a_missed_budget_alone_is_its_own_code() {
    let run = || Run::asking(&[ROWS, DOWNTIME]).check(ROWS, 7).check(DOWNTIME, 1).finding(over_budget());
    judged(&run().ends(Complete), ExitCode::BudgetMissed, Outcome::Different);
    judged(&run().finding(missing("k.t")).ends(Complete), ExitCode::Different, Outcome::Different);
}

#[test]
fn a_step_that_failed_and_was_made_good_is_forgiven() {
    let run = rows()
        .step("phase-3/restore/identity", StepOutcome::Failed)
        .event(Event::RunResumed { steps_kept: 9, starts_over: None })
        .step("phase-3/restore/identity", StepOutcome::Done)
        .check(ROWS, 7);
    judged(&run.ends(Complete), ExitCode::Equal, Outcome::Equal);
    let run = rows().step("phase-3/restore/identity", StepOutcome::Failed).check(ROWS, 7);
    let verdict = judged(&run.ends(Stopped), ExitCode::Different, Outcome::Equal);
    assert_eq!(verdict.headline, "failed: a step of the migration failed");
}

#[test]
fn the_worst_comes_first_and_loss_before_anything_else() {
    let run = Run::asking(&[ROWS, DOWNTIME])
        .check(ROWS, 7)
        .check(DOWNTIME, 1)
        .finding(Finding::not_compared(ROWS, "4", ""))
        .finding(over_budget())
        .finding(Finding { class: Class::Access, ..missing("2") })
        .finding(missing("1"));
    let verdict = Verdict::of(&run.ends(Complete));
    let order: Vec<&str> = verdict.findings.iter().map(|j| j.finding.subject.as_str()).collect();
    assert_eq!(order, ["1", "2", "downtime", "4"]);
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let outcome = prop_oneof![
        Just(Outcome::Equal),
        Just(Outcome::Expected),
        Just(Outcome::NotAsked),
        Just(Outcome::NotProven),
        Just(Outcome::Different),
    ];
    let class =
        prop_oneof![Just(Class::Data), Just(Class::Access), Just(Class::Budget), Just(Class::Environment)];
    let kind =
        prop_oneof![Just(Kind::Missing), Just(Kind::Changed), Just(Kind::NotCompared), Just(Kind::LateWrite)];
    let check = prop_oneof![Just(ROWS), Just(DOWNTIME), Just("phase-3/freeze")];
    let subject = prop_oneof![Just("covered.t"), Just("k.t")];
    (check, class, kind, outcome, subject, 0_u64..3).prop_map(
        |(check, class, kind, outcome, subject, count)| Finding {
            check: check.into(),
            class,
            kind,
            outcome,
            subject: subject.into(),
            message: String::new(),
            count,
            precision: Precision::Exact,
            samples: Vec::new(),
            next: String::new(),
            place: None,
        },
    )
}

/// Some run, without its end.
fn any_events() -> impl Strategy<Value = Vec<Event>> {
    let step = prop_oneof![
        Just(StepOutcome::Done),
        Just(StepOutcome::Skipped),
        Just(StepOutcome::Failed),
        Just(StepOutcome::EnvironmentFailed),
        Just(StepOutcome::Interrupted),
    ];
    let events = prop_oneof![
        4 => any_finding().prop_map(|f| vec![Event::Finding(f)]),
        3 => (prop_oneof![Just(ROWS), Just(DOWNTIME)], 0_u64..3).prop_map(|(check, n)| Run::asking(&[]).check(check, n).events),
        1 => step.prop_map(|o| Run::asking(&[]).step("phase-3/freeze", o).events),
    ];
    prop::collection::vec(events, 0..12).prop_map(|e| e.into_iter().flatten().collect())
}

fn record(events: &[Event], ending: Option<drydock_core::event::Ending>) -> Record {
    let mut run = Run::asking(&[ROWS, DOWNTIME]).expecting(line("covered.*", "1.0", Seen::Always));
    run.events = events.to_vec();
    match ending {
        Some(ending) => run.ends(ending),
        None => run.killed(),
    }
}

fn badness(exit: u8) -> usize {
    let exit = ExitCode::ALL.into_iter().find(|e| e.code() == exit).unwrap();
    ExitCode::ALL.into_iter().filter(|other| *other != exit && exit.worst(*other) == exit).count()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn a_difference_that_no_ledger_covers_is_never_green(
        events in any_events(),
        finding in any_finding(),
        ending in prop_oneof![Just(None), Just(Some(Complete)), Just(Some(Stopped)), Just(Some(Interrupted))],
    ) {
        let lost = Finding { outcome: Outcome::Different, subject: "k.t".into(), class: Class::Data, ..finding };
        let mut events = events;
        events.push(Event::Finding(lost));
        let verdict = Verdict::of(&record(&events, ending));
        prop_assert!(!verdict.is_green());
        prop_assert!(matches!(verdict.exit_code, 1 | 130));
        prop_assert_eq!(verdict.outcome, Outcome::Different);
    }

    #[test]
    fn one_more_finding_never_makes_a_verdict_better(events in any_events(), finding in any_finding(), at in 0_usize..12) {
        let before = Verdict::of(&record(&events, Some(Complete)));
        let mut more = events.clone();
        more.insert(at.min(events.len()), Event::Finding(finding));
        let after = Verdict::of(&record(&more, Some(Complete)));
        prop_assert!(badness(after.exit_code) >= badness(before.exit_code), "{} after {}", after.exit_code, before.exit_code);
        prop_assert!(after.outcome >= before.outcome);
    }

    #[test]
    fn only_a_complete_run_whose_every_check_compared_something_is_green(events in any_events()) {
        let verdict = Verdict::of(&record(&events, Some(Complete)));
        if verdict.is_green() {
            prop_assert!(verdict.checks.iter().all(|c| c.compared > 0 && c.outcome <= Outcome::NotAsked));
            prop_assert!(verdict.findings.iter().all(|j| j.finding.outcome <= Outcome::NotAsked));
        }
        prop_assert!(!Verdict::of(&record(&events, None)).is_green());
    }
}
