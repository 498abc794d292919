//! Ways back: the plan that leads there, what a scenario may ask for, and what it comes to.

use crate::support::Run;
use drydock_core::event::{Ending, ServiceState};
use drydock_core::finding::{Class, Kind};
use drydock_core::names::checks;
use drydock_core::plan::Service;
use drydock_core::rollback::{FatedWrite, Restored, Return, WriteFates};
use drydock_core::scenario::RollbackSpec;
use drydock_core::{Event, Finding, Outcome, Plan, Scenario, StepOutcome, Summary, Verdict};
use proptest::prelude::*;

fn scenario(more: &str) -> Scenario {
    Scenario::from_yaml("x.yaml", &format!("name: x\n{more}")).unwrap()
}

fn back_from(step: &str) -> Plan {
    let mut scenario = scenario("");
    scenario.rollback = Some(RollbackSpec::from_step(step));
    Plan::of(&scenario)
}

fn tail(plan: &Plan) -> Vec<&str> {
    let from =
        plan.steps.iter().rposition(|s| !s.belongs_to_way_back() && !s.id.as_str().starts_with("conclude"));
    plan.steps[from.unwrap() + 1..].iter().map(|s| s.id.as_str()).collect()
}

#[test]
fn the_way_back_depends_on_where_the_application_stands() {
    let concluded = |steps: &[&'static str]| [steps, &["conclude/workload", "conclude/tear-down"]].concat();
    assert_eq!(
        tail(&back_from("phase-2/backup/keycloak")),
        concluded(&["rollback/artefacts", "rollback/hold", "rollback/compare"])
    );
    assert_eq!(
        tail(&back_from("phase-3/restore/identity")),
        concluded(&["rollback/artefacts", "rollback/hold", "rollback/switch", "rollback/compare"])
    );
    let after =
        ["rollback/artefacts", "rollback/hold", "rollback/close", "rollback/switch", "rollback/compare"];
    assert_eq!(tail(&back_from("phase-4/validate")), concluded(&after));
    let late = Plan::of(&scenario("rollback: {from: phase-5/validate, after_writes: 3}\n"));
    let cleaned = [
        "rollback/artefacts",
        "rollback/work",
        "rollback/restart-source",
        "rollback/hold",
        "rollback/close",
        "rollback/switch",
        "rollback/compare",
    ];
    assert_eq!(tail(&late), concluded(&cleaned));
}

#[test]
fn what_was_there_is_described_before_it_is_needed() {
    let position = |plan: &Plan, id: &str| plan.steps.iter().position(|s| s.id.as_str() == id);
    for step in ["phase-3/freeze", "phase-3/switch", "phase-5/validate"] {
        let plan = back_from(step);
        assert_eq!(position(&plan, "rollback/baseline"), position(&plan, "phase-3/freeze").map(|p| p + 1));
        assert_eq!(position(&plan, "rollback/captured"), position(&plan, "phase-3/save").map(|p| p + 1));
    }
    let early = back_from("phase-1/validate");
    assert_eq!(position(&early, "rollback/baseline"), position(&early, "prepare/workload").map(|p| p + 1));
}

#[test]
fn checks_of_steps_that_are_not_reached_are_not_asked_for() {
    let asked =
        |step: &str| -> Vec<String> { back_from(step).checks.iter().map(ToString::to_string).collect() };
    let has = |step: &str, check: &str| asked(step).iter().any(|c| c == check);
    assert!(has("phase-4/compare", checks::ES_DOCUMENTS) && !has("phase-4/validate", checks::ES_DOCUMENTS));
    assert!(has("phase-3/freeze", checks::FREEZE) && !has("phase-3/save", checks::FREEZE));
    assert!(has("phase-2/backup/identity", checks::PRE_DUMP) && !has("phase-1/validate", checks::PRE_DUMP));
    for step in ["phase-1/validate", "phase-3/pin", "phase-5/cleanup"] {
        assert!(checks::ROLLBACK.iter().all(|check| has(step, check)), "{step}");
    }
}

#[test]
fn a_real_camunda_is_asked_for_everything_it_acknowledged_from_wherever_it_is_taken_back() {
    let back = |step: &str| Plan::of(&scenario(&format!("engine: camunda\nrollback: {{from: {step}}}\n")));
    let asked = |plan: &Plan, check: &str| plan.checks.iter().filter(|c| c.as_str() == check).count();
    for step in ["phase-3/freeze", "phase-3/pin", "phase-3/switch", "phase-4/compare", "phase-5/validate"] {
        let plan = back(step);
        assert_eq!(asked(&plan, checks::APP_WAY_BACK), 1, "{step}");
        assert_eq!(asked(&back_from(step), checks::APP_WAY_BACK), 0, "{step}: nobody is there to be asked");
        // What it showed at the freeze is known, or nobody could say what the way back has to bring again.
        let at = |id: &str| plan.steps.iter().position(|s| s.id.as_str() == id).expect(id);
        assert!(
            at("phase-3/application") < at("phase-3/freeze") && at("phase-3/freeze") < at("rollback/switch")
        );
        // Only what was reached is asked on the target.
        let compared = step == "phase-4/compare" || step == "phase-5/validate";
        assert_eq!(asked(&plan, checks::APP_ACKNOWLEDGED) == 1, compared, "{step}");
        assert_eq!(asked(&plan, checks::GO_TASKS) == 1, step == "phase-5/validate", "{step}");
    }
}

proptest! {
    /// From wherever it is gone back: every step up to there, in order, then the way back; users wait without a gap, and
    /// each check is asked for once.
    #[test]
    fn every_way_back_is_whole(at in 0_usize..40, warm in any::<bool>(), writes in 0_u32..3) {
        let more = if warm { "workload: {writes_between: 2}\nmigration: {reindex: warm}\n" } else { "" };
        let mut scenario = scenario(more);
        let whole = Plan::of(&scenario);
        let ways = whole.ways_back();
        let from = ways[at % ways.len()].clone();
        scenario.rollback = Some(RollbackSpec { after_writes: writes, ..RollbackSpec::from_step(from.clone()) });
        let plan = Plan::of(&scenario);
        let migration: Vec<_> = plan.steps.iter().filter(|s| !s.belongs_to_way_back()).collect();
        let mut known = whole.steps.iter();
        prop_assert!(migration.iter().all(|s| known.any(|k| k == *s)), "in the order of the whole");
        prop_assert!(migration.iter().any(|s| s.id == from));
        prop_assert_eq!(plan.steps.iter().filter(|s| s.id.as_str() == "rollback/compare").count(), 1);
        prop_assert_eq!(plan.steps.last().map(|s| s.id.as_str()), Some("conclude/tear-down"));
        // Service closes and opens as often.
        let edges = plan.steps.windows(2).filter(|w| w[0].service != w[1].service).count();
        prop_assert_eq!(edges % 2, 0);
        prop_assert_eq!(plan.steps.last().map(|s| s.service), Some(Service::Up));
        let mut checks = plan.checks.clone();
        checks.sort();
        checks.dedup();
        prop_assert_eq!(checks.len(), plan.checks.len());
    }
}

#[test]
fn what_cannot_be_gone_back_from_is_told_with_its_place() {
    for (text, place, words) in [
        ("rollback: {from: phase-3/switsch}\n", (2, 18), "is no step of this plan"),
        ("rollback: {from: prepare/seed}\n", (2, 18), "nothing is there to go back from"),
        ("rollback:\n  from: phase-3/freeze\n  after_writes: 5\n", (4, 3), "do not work on the new side"),
        ("rollback: {from: phase-3/switch, volumes: gone}\n", (2, 34), "go with the clean-up"),
        ("procedure: dry-run\nrollback: {from: phase-3/switch}\n", (3, 1), "only a plain cutover"),
        ("budgets: {rto: -3s}\n", (2, 11), "the rto budget is negative"),
        ("migration:\n  soak: -1s\n", (3, 3), "the soak time is negative"),
        ("rollback: {from: phase-3/switch, harm: lose-documnt}\n", (2, 40), "unknown value `lose-documnt`"),
    ] {
        let error = Scenario::from_yaml("x.yaml", &format!("name: x\n{text}")).unwrap_err();
        assert!(error.message.contains(words), "{text}: {error}");
        assert_eq!((error.line, error.column), place, "{text}: {error}");
    }
    let error = Scenario::from_yaml("x.yaml", "name: x\nrollback: {from: phase-3/switsch}\n").unwrap_err();
    assert_eq!(error.help.as_deref(), Some("did you mean `phase-3/switch`?"));
}

#[test]
fn only_what_is_not_restored_ends_with_its_own_exit_code() {
    let code = |finding: Finding| {
        let check = finding.check.to_string();
        let run =
            Run::asking(&[&check]).check_told(&check, 1, finding.outcome).event(Event::Finding(finding));
        Verdict::of(&run.ends(Ending::Complete)).exit_code
    };
    let data = |check: &str, kind| Finding::data(check, kind, "x", "x");
    assert_eq!(code(data(checks::RB_RESTORED, Kind::Missing)), 6);
    assert_eq!(code(data(checks::RB_RESTORED, Kind::Changed)), 6);
    assert_eq!(code(data(checks::RB_RESTORED, Kind::Extra)), 1);
    assert_eq!(code(Finding::access(checks::RB_ACCESS, Kind::Unusable, "x", "x")), 6);
    assert_eq!(code(data(checks::RB_WRITES, Kind::LostWrite)), 1);
    assert_eq!(code(data(checks::RB_ARTEFACTS, Kind::Unusable)), 1);
    let over = Finding { class: Class::Budget, ..data(checks::RB_SERVICE, Kind::OverBudget) };
    assert_eq!(code(over), 4);
    let expected = Finding { outcome: Outcome::Expected, ..data(checks::RB_WRITES, Kind::LostWrite) };
    assert_eq!(code(expected), 0);
    let failed = |step: &str| {
        let run = Run::asking(&["x"]).check("x", 1).step(step, StepOutcome::Failed);
        Verdict::of(&run.ends(Ending::Stopped)).exit_code
    };
    assert_eq!((failed("rollback/switch"), failed("phase-3/switch")), (6, 1));
}

#[test]
fn the_report_follows_from_the_record() {
    let mut run = Run::asking(&[checks::RB_RESTORED]);
    let scenario = scenario("rollback: {from: phase-3/switch, after_writes: 2}\n");
    run.started.plan = Plan::of(&scenario);
    run.started.scenario = scenario;
    let write = |ms| FatedWrite { item: "i/1".into(), told: "stored".into(), ms };
    let fates = WriteFates {
        acknowledged: 2,
        lost: vec![write(1), write(2)],
        window_ms: Some(120_000),
        ..WriteFates::default()
    };
    let service = |state| Event::Service { state };
    let record = run
        .event(service(ServiceState::Closed))
        .event(service(ServiceState::OnTarget))
        .check(checks::RB_RESTORED, 5)
        .event(service(ServiceState::Closed))
        .step("rollback/close", StepOutcome::Done)
        .event(service(ServiceState::OnSource))
        .step("rollback/switch", StepOutcome::Done)
        .event(Event::WritesFated(Box::new(fates)))
        .ends(Ending::Complete);
    let back = Summary::of(&record).rollback.unwrap();
    assert_eq!((back.kind, back.restored), (Return::LateFailback, Restored::Yes));
    assert_eq!((back.rpo_items, back.rpo_minutes), (Some(2), Some(2.0)));
    assert_eq!(back.rto_seconds, Some(0.002), "close and switch, a millisecond each");
    assert_eq!(back.outage_seconds, Some(0.003), "the second time that the service was closed");
    assert!(back.takes.iter().any(|t| t.contains("2 acknowledged writes")), "{:?}", back.takes);
}
