//! Steps keep their ids: records, faults and resumes name them.

use drydock_core::plan::Service;
use drydock_core::{Action, Plan, Scenario};

fn ids(yaml: &str) -> Vec<String> {
    let plan = Plan::of(&Scenario::from_yaml("x.yaml", yaml).unwrap());
    plan.steps.iter().map(|s| s.id.to_string()).collect()
}

#[test]
fn steps_of_the_standard_migration() {
    let expected = "\
prepare/provision prepare/seed prepare/baseline prepare/workload \
phase-1/validate \
phase-1/targets/identity phase-1/targets/keycloak phase-1/targets/webmodeler phase-1/targets/elasticsearch \
phase-2/backup/identity phase-2/backup/keycloak phase-2/backup/webmodeler phase-2/backup/elasticsearch \
phase-3/save phase-3/freeze \
phase-3/backup/identity phase-3/backup/keycloak phase-3/backup/webmodeler phase-3/backup/elasticsearch \
phase-3/wait-targets \
phase-3/restore/identity phase-3/grants/identity phase-3/restore/keycloak phase-3/grants/keycloak \
phase-3/restore/webmodeler phase-3/grants/webmodeler phase-3/restore/elasticsearch phase-3/pin phase-3/switch \
phase-4/validate phase-4/compare phase-5/guard phase-5/cleanup phase-5/validate \
conclude/workload conclude/tear-down";
    assert_eq!(ids("name: x\n"), expected.split(' ').collect::<Vec<_>>());
}

#[test]
fn a_warm_copy_adds_steps_and_keeps_the_ids() {
    let warm = "name: x\nworkload: {writes_between: 9}\nmigration: {reindex: warm}\n";
    let all = ids("name: x\n");
    let more: Vec<String> = ids(warm).into_iter().filter(|id| !all.contains(id)).collect();
    assert_eq!(more, ["phase-2/warm/elasticsearch", "phase-2/between"]);
    assert_eq!(ids(warm).into_iter().filter(|id| all.contains(id)).collect::<Vec<_>>(), all);
    let plan = Plan::of(&Scenario::from_yaml("x.yaml", warm).unwrap());
    let action = |id: &str| plan.step(&id.into()).map(|s| (s.action, s.service));
    assert_eq!(action("phase-2/warm/elasticsearch"), Some((Action::WarmCopy, Service::Up)));
    assert_eq!(action("phase-3/restore/elasticsearch"), Some((Action::CopyDelta, Service::Down)));
    let databases = "name: x\nmigration: {reindex: warm, components: [identity]}\n";
    assert!(ids(databases).iter().all(|id| !id.contains("elasticsearch")));
}

#[test]
fn manual_ways_keep_the_ids_and_roles_are_a_step_of_their_own() {
    let all = ids("name: x\n");
    for mover in ["snapshot", "dump", "reindex-by-hand"] {
        assert_eq!(ids(&format!("name: x\nmigration: {{mover: {mover}}}\n")), all);
    }
    let by_hand = ids("name: x\nmigration: {database_mover: plain}\n");
    let more: Vec<String> = by_hand.into_iter().filter(|id| !all.contains(id)).collect();
    assert_eq!(more, ["phase-3/roles"]);
    let left = ids("name: x\nmigration: {database_mover: custom, grants: leave}\n");
    assert!(left.iter().all(|id| all.contains(id)), "{left:?}");
}

#[test]
fn a_part_of_it_keeps_the_ids() {
    let some = ids("name: x\nmigration:\n  components: [elasticsearch, keycloak]\n  grants: leave\n");
    let all = ids("name: x\n");
    assert!(some.iter().all(|id| all.contains(id)), "{some:?}");
    let left_out: Vec<&String> = all.iter().filter(|id| !some.contains(id)).collect();
    assert_eq!(
        left_out,
        [
            "phase-1/targets/identity",
            "phase-1/targets/webmodeler",
            "phase-2/backup/identity",
            "phase-2/backup/webmodeler",
            "phase-3/backup/identity",
            "phase-3/backup/webmodeler",
            "phase-3/restore/identity",
            "phase-3/grants/identity",
            "phase-3/grants/keycloak",
            "phase-3/restore/webmodeler",
            "phase-3/grants/webmodeler",
        ]
    );
}

#[test]
fn checks_follow_what_is_migrated() {
    let checks = |yaml: &str| -> Vec<String> {
        let plan = Plan::of(&Scenario::from_yaml("x.yaml", yaml).unwrap());
        plan.checks.iter().map(ToString::to_string).collect()
    };
    assert_eq!(checks("name: x\n"), drydock_core::names::checks::all().collect::<Vec<_>>());
    let databases =
        checks("name: x\nmigration: {components: [webmodeler]}\nworkload: {probes_per_second: 0}\n");
    assert!(databases.iter().all(|c| !c.starts_with("elasticsearch/") && c != "downtime"), "{databases:?}");
    assert!(databases.iter().any(|c| c == "acknowledged-writes"));
}

#[test]
fn preflight_asks_for_what_there_is_to_look_at() {
    let asked = |yaml: &str| -> Vec<String> {
        let plan = Plan::of(&Scenario::from_yaml("x.yaml", yaml).unwrap());
        plan.checks.iter().map(ToString::to_string).filter(|c| c.starts_with("preflight/")).collect()
    };
    let without = |yaml: &str| -> Vec<String> {
        let all = asked("name: x\n");
        let some = asked(yaml);
        all.into_iter().filter(|c| !some.contains(c)).collect()
    };
    assert_eq!(asked("name: x\n").len(), 12);
    assert_eq!(without("name: x\nmigration: {mover: stream}\n"), ["preflight/reindex-whitelist"]);
    assert_eq!(
        without("name: x\nmigration: {components: [elasticsearch]}\n"),
        ["preflight/extensions", "preflight/dump-readable"]
    );
    assert_eq!(
        without("name: x\nmigration: {components: [keycloak]}\n"),
        ["preflight/shard-budget", "preflight/reindex-whitelist", "preflight/document-sizes"]
    );
}

#[test]
fn ids_are_unique_and_users_wait_from_the_freeze_to_the_switch() {
    let plan = Plan::of(&Scenario::from_yaml("x.yaml", "name: x\n").unwrap());
    let mut ids: Vec<_> = plan.steps.iter().map(|s| &s.id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), plan.steps.len());
    let down: Vec<&str> =
        plan.steps.iter().filter(|s| s.service == Service::Down).map(|s| s.id.as_str()).collect();
    assert_eq!(down.first(), Some(&"phase-3/freeze"));
    assert_eq!(down.last(), Some(&"phase-3/switch"));
}

fn plan(procedure: &str, more: &str) -> Plan {
    Plan::of(&Scenario::from_yaml("x.yaml", &format!("name: x\nprocedure: {procedure}\n{more}")).unwrap())
}

#[test]
fn a_trial_stands_before_the_cutover_and_changes_none_of_its_steps() {
    let (with, all) = (plan("estimate-then-cutover", ""), ids("name: x\n"));
    let ids: Vec<String> = with.steps.iter().map(|s| s.id.to_string()).collect();
    assert_eq!(ids.iter().filter(|id| !id.starts_with("estimate/")).cloned().collect::<Vec<_>>(), all);
    let more: Vec<&String> = ids.iter().filter(|id| id.starts_with("estimate/")).collect();
    assert_eq!(more.first().map(|s| s.as_str()), Some("estimate/before"));
    assert_eq!(more.last().map(|s| s.as_str()), Some("estimate/after"));
    assert_eq!(more.len(), 9, "{more:?}");
    let at = |id: &str| ids.iter().position(|i| i == id);
    assert!(
        at("estimate/after") < at("phase-3/save")
            && at("phase-2/backup/elasticsearch") < at("estimate/before")
    );
    assert!(
        with.steps
            .iter()
            .filter(|s| s.id.as_str().starts_with("estimate/"))
            .all(|s| s.service == Service::Up)
    );
    assert!(with.checks.iter().any(|c| c.as_str() == "harmless/target"));
    assert!(with.checks.iter().any(|c| c.as_str() == "elasticsearch/documents"));
}

#[test]
fn a_dry_run_tells_every_step_and_carries_out_none_that_changes_anything() {
    let dry = plan("dry-run", "migration: {reindex: warm}\n");
    let told: Vec<&str> = dry.steps.iter().map(|s| s.id.as_str()).collect();
    for id in ids("name: x\nmigration: {reindex: warm}\n") {
        assert!(told.contains(&id.as_str()), "{id} is not told");
    }
    for step in &dry.steps {
        let harmless = matches!(
            step.action,
            Action::Announce
                | Action::MeasureBefore
                | Action::MeasureAfter
                | Action::ValidateTargets
                | Action::PrepareElasticsearch
                | Action::InitialListing
                | Action::FinalListing
                | Action::WaitTargets
        );
        let ours = step.id.as_str().starts_with("prepare/") || step.id.as_str().starts_with("conclude/");
        assert!(harmless || ours, "{} would do {:?}", step.id, step.action);
        assert_eq!(step.service, Service::Up, "{}", step.id);
    }
    assert_eq!(
        dry.checks.iter().map(|c| c.as_str()).collect::<Vec<_>>(),
        ["harmless/source", "harmless/target", "harmless/service"]
    );
}

#[test]
fn an_upgrade_of_the_chart_moves_nothing() {
    let plan = plan("chart-only", "");
    let moves = |s: &drydock_core::Step| s.id.as_str().starts_with("phase-");
    assert!(!plan.steps.iter().any(moves));
    let down: Vec<&str> =
        plan.steps.iter().filter(|s| s.service == Service::Down).map(|s| s.id.as_str()).collect();
    assert_eq!(down, ["chart/freeze", "chart/restart", "chart/open"]);
    assert!(plan.checks.iter().any(|c| c.as_str() == "same-data"));
}

#[test]
fn a_real_camunda_is_asked_before_the_freeze_and_after_the_switch_and_goes_on_and_changes_nothing_else() {
    let (with, all) = (plan("cutover", "engine: camunda\n"), plan("cutover", ""));
    let told = |plan: &Plan| plan.steps.iter().map(|s| s.id.to_string()).collect::<Vec<_>>();
    let asks = ["phase-3/application", "phase-4/application", "phase-4/go-on"];
    assert_eq!(
        told(&with).into_iter().filter(|id| !asks.contains(&id.as_str())).collect::<Vec<_>>(),
        told(&all)
    );
    let at = |id: &str| told(&with).iter().position(|step| step == id).expect(id);
    assert!(
        at("phase-3/application") < at("phase-3/freeze") && at("phase-3/switch") < at("phase-4/application")
    );
    // What was found in the stores explains what people see, so it must be known first; but people do not wait for it.
    assert!(at("phase-4/application") < at("phase-4/compare"));
    // The source is not given up before people are seen to go on.
    assert!(at("phase-4/compare") < at("phase-4/go-on") && at("phase-4/go-on") < at("phase-5/guard"));
    assert!(with.steps.iter().filter(|s| asks.contains(&s.id.as_str())).all(|s| s.service == Service::Up));
    let more = with.checks.iter().filter(|check| !all.checks.contains(check)).map(|check| check.as_str());
    use drydock_core::names::checks::{APPLICATION, GOING_ON};
    assert_eq!(more.collect::<Vec<_>>(), [APPLICATION.as_slice(), &GOING_ON].concat());
    // Without databases nobody but Camunda's people is there: probes and writer would compare nothing.
    let alone = plan("cutover", "engine: camunda\nmigration: {components: [elasticsearch]}\n");
    assert!(alone.checks.iter().all(|c| !matches!(c.as_str(), "downtime" | "acknowledged-writes")));
}

#[test]
fn pods_are_asked_about_where_the_application_is_pods_and_is_stopped() {
    let asked = |yaml: &str| -> Vec<String> {
        let plan = Plan::of(&Scenario::from_yaml("x.yaml", yaml).unwrap());
        plan.checks.iter().map(ToString::to_string).filter(|c| c.starts_with("cluster/")).collect()
    };
    use drydock_core::names::checks::{CL_OPERATORS, CLUSTER};
    let operated = "name: x\nenvironment: kind\ntarget: {managed: operator}\n";
    assert_eq!(asked(operated), CLUSTER);
    let all: Vec<&str> = CLUSTER.into_iter().filter(|check| *check != CL_OPERATORS).collect();
    // Before anything is compared nobody asks them.
    assert_eq!(asked(&format!("{operated}rollback: {{from: phase-3/freeze}}\n")), all);
    for on_pods in [
        "name: x\nenvironment: kind\n",
        "name: x\nenvironment: kind\nprocedure: chart-only\n",
        "name: x\nenvironment: kind\nrollback: {from: phase-3/freeze}\n",
    ] {
        assert_eq!(asked(on_pods), all, "{on_pods}");
    }
    for none in [
        "name: x\n",
        "name: x\nenvironment: containers\n",
        "name: x\nenvironment: kind\nprocedure: dry-run\n",
        "name: x\nenvironment: kind\nrollback: {from: phase-2/backup/identity}\n",
    ] {
        assert_eq!(asked(none), Vec::<String>::new(), "{none}");
    }
}
