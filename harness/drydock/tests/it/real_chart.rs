//! The real chart as the source, with `DRYDOCK_TEST_KIND=1` and `DRYDOCK_TEST_CHART` naming the folder of a `camunda-platform` 8.7 whose images
//! this machine has; the official scripts as well where `DRYDOCK_TEST_SCRIPTS` names a checkout of them. Each run takes a quarter of an hour.

use crate::kind::{assert_no_cluster, cannot_run_long};
use crate::real_camunda::outcome;
use crate::support::{drydock, folder, json, run_folder, scenario, skip, text, turn};
use serde_json::Value;
use std::path::Path;

/// The folder of the chart, or why nothing can be rehearsed with it.
fn chart(folder: &Path) -> Result<String, String> {
    let named = std::env::var("DRYDOCK_TEST_CHART")
        .map_err(|_| "real chart: DRYDOCK_TEST_CHART names no folder of a chart".to_owned())?;
    cannot_run_long(folder).map_or(Ok(named), Err)
}

/// Rehearses, and reads the report; nothing is left of the cluster.
fn report(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, Value) {
    let output = drydock(folder).arg("rehearse").args(arguments).output().expect("it runs");
    let run = run_folder(folder);
    assert_no_cluster(&run);
    (output.status.code(), text(&output), json(&run.join("report.json")))
}

/// What people see on either side is asked of the pods, and nothing is blamed on a migration that lost nothing.
#[test]
fn the_pods_of_the_real_chart_show_on_the_target_what_they_showed_on_the_source() {
    let (_turn, folder) = (turn(), folder());
    let chart = match chart(folder.path()) {
        Ok(chart) => chart,
        Err(why) => return skip(&why),
    };
    let text_of = std::fs::read_to_string(scenario("real-chart.yaml")).expect("a scenario");
    let fixtures = format!("{}/", crate::support::root().join("fixtures").display());
    let scripts = text_of.find("scripts:").expect("settings of the scripts");
    let end = text_of.find("expected:").expect("a ledger");
    let builtin = format!("{}{}", &text_of[..scripts], &text_of[end..])
        .replace("driver: scripts", "driver: builtin")
        .replace("  delta: upstream\n", "")
        .replace("  - ../fixtures/expected/upstream.yaml\n", "")
        .replace("../fixtures/", &fixtures);
    let file = folder.path().join("real-chart-builtin.yaml");
    std::fs::write(&file, builtin).expect("a scenario");
    let (code, told, report) = report(folder.path(), &[&file.display().to_string(), "--chart", &chart]);
    // A starved probe is no proof of an outage; a difference would be one of the migration.
    assert!(matches!(code, Some(0 | 3)), "{told}");
    for check in [
        "application/instances",
        "application/tasks",
        "application/acknowledged",
        "application/going-on/tasks",
        "keycloak/logins",
        "keycloak/tokens",
        "elasticsearch/documents",
        "postgres/rows",
        "freeze",
        "cluster/stopped",
        "cluster/replicas",
        "cluster/pods",
        "cluster/claims",
        "cluster/secrets",
    ] {
        assert_eq!(outcome(&report, check), "equal", "{check}: {told}");
    }
}

#[test]
fn what_the_official_scripts_leave_behind_of_the_real_chart_is_named() {
    let (_turn, folder) = (turn(), folder());
    let chart = match chart(folder.path()) {
        Ok(chart) => chart,
        Err(why) => return skip(&why),
    };
    let Ok(scripts) = std::env::var("DRYDOCK_TEST_SCRIPTS") else {
        return skip("real chart: DRYDOCK_TEST_SCRIPTS names no checkout of the official migration scripts");
    };
    let file = scenario("real-chart.yaml").display().to_string();
    let (code, told, report) = report(folder.path(), &[&file, "--chart", &chart, "--scripts", &scripts]);
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(outcome(&report, "scripts/phases"), "equal", "{told}");
    assert_eq!(outcome(&report, "scripts/claims"), "different", "{told}");
    assert_eq!(outcome(&report, "elasticsearch/counts"), "different", "{told}");
    for check in ["freeze", "postgres/rows", "keycloak/logins", "cluster/stopped", "cluster/replicas"] {
        assert_eq!(outcome(&report, check), "equal", "{check}: {told}");
    }
}

#[test]
fn a_chart_is_named_only_where_one_is_asked_for_and_has_to_be_one() {
    let folder = folder();
    let plain = scenario("tiny.yaml").display().to_string();
    let real = scenario("real-chart.yaml").display().to_string();
    let here = folder.path().display().to_string();
    let nowhere = folder.path().join("nowhere.yaml").display().to_string();
    for (arguments, words) in [
        (vec![&*plain, "--chart", &*here], "the scenario asks for none"),
        (vec![&*real, "--driver", "builtin", "--chart", &*here], "no Chart.yaml"),
        (vec![&*real, "--driver", "builtin", "--chart-values", &*nowhere], "cannot read the values"),
    ] {
        let output = drydock(folder.path()).arg("rehearse").args(&arguments).output().expect("it runs");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}
