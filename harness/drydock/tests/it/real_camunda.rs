//! Rehearsals with a real Camunda. With `DRYDOCK_TEST_CAMUNDA=1`: it fetches 330 MB once, and each of them takes minutes.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, json, run_folder, scenario, skip, text, turn,
};
use drydock_core::names::checks::{APPLICATION, GOING_ON};
use serde_json::Value;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

/// What a user is told that `real-camunda` takes at most on two cores. Only a build for release is held to it.
const AT_MOST: Duration = Duration::from_secs(8 * 60);

pub(crate) fn asked(folder: &Path) -> Option<String> {
    let asked = std::env::var_os("DRYDOCK_TEST_CAMUNDA").is_some_and(|v| v == "1");
    if asked { cannot_run(folder) } else { Some("DRYDOCK_TEST_CAMUNDA=1 starts a real Camunda".into()) }
}

/// A rehearsal and its report. One in which an application did not show what it had is repeated, once: Tasklist 8.6.0 stops at a task that
/// was made at a whole second, and then what people see proves nothing. Where all was proven nothing is asked again.
pub(crate) fn rehearse(folder: &Path, name: &str) -> (Output, Value) {
    let once = || {
        let output = drydock(folder).arg("rehearse").arg(scenario(name)).output().expect("it runs");
        let report = json(&run_folder(folder).join("report.json"));
        (output, report)
    };
    let (output, report) = once();
    let stood_still = |check: &Value| {
        check["outcome"] == "not_proven"
            && check["check"].as_str().is_some_and(|c| c.starts_with("application/"))
    };
    if !report["verdict"]["checks"].as_array().is_some_and(|checks| checks.iter().any(stood_still)) {
        return (output, report);
    }
    println!("once more: {name} could not compare something: {}", text(&output));
    std::fs::rename(folder.join("reports"), folder.join("reports-of-the-first")).expect("put aside");
    once()
}

pub(crate) fn outcome<'a>(report: &'a Value, check: &str) -> &'a Value {
    let checks = report["verdict"]["checks"].as_array().expect("checks");
    let found = checks.iter().find(|c| c["check"] == check).unwrap_or_else(|| panic!("{check} was not made"));
    assert!(found["compared"].as_u64().is_some_and(|n| n > 0), "{check} compared nothing: {found}");
    &found["outcome"]
}

#[test]
fn people_find_everything_again_after_the_migration() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = asked(folder.path()) {
        return skip(&why);
    }
    let began = Instant::now();
    let (output, report) = rehearse(folder.path(), "real-camunda.yaml");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for check in APPLICATION.into_iter().chain(GOING_ON) {
        assert_eq!(outcome(&report, check), "equal", "{report}");
    }
    if !cfg!(debug_assertions) {
        assert!(began.elapsed() < AT_MOST, "{:?}", began.elapsed());
    }
    // The freeze was proven on the cluster that Camunda worked on, and only databases have users of our making.
    assert_eq!(outcome(&report, "freeze"), "equal", "{report}");
    let probes: Vec<&str> =
        report["probes"].as_array().expect("probes").iter().filter_map(|p| p["probe"].as_str()).collect();
    assert!(!probes.is_empty(), "{report}");
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}

/// Its indices are copied while people work in it and its archiver moves what has ended.
#[test]
fn a_copy_made_while_people_work_loses_nothing_either() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = asked(folder.path()) {
        return skip(&why);
    }
    let (output, report) = rehearse(folder.path(), "real-camunda-warm.yaml");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    for check in APPLICATION.into_iter().chain(GOING_ON) {
        assert_eq!(outcome(&report, check), "equal", "{report}");
    }
}

#[test]
fn what_people_lose_is_named_with_the_capability_and_the_cause() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = asked(folder.path()) {
        return skip(&why);
    }
    let (output, report) = rehearse(folder.path(), "real-camunda-planted.yaml");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let findings = report["verdict"]["findings"].as_array().expect("findings");
    for (check, cause) in [
        ("application/instances", "elasticsearch/aliases"),
        ("application/variables", "elasticsearch/indices"),
    ] {
        assert_eq!(outcome(&report, check), "different", "{report}");
        let told = findings.iter().find(|f| f["check"] == check && f["kind"] == "missing");
        let told = told.unwrap_or_else(|| panic!("{check} is not told: {report}"));
        let message = told["message"].as_str().expect("a message");
        assert!(message.contains(&format!("because {cause}")), "{message}");
        let named = told["samples"].as_array().expect("items").len() as u64;
        assert!(named > 0 && told["count"].as_u64().is_some_and(|count| count >= named), "{told}");
    }
    let lost =
        findings.iter().find(|f| f["check"] == "application/acknowledged" && f["kind"] == "lost-write");
    let lost = lost.unwrap_or_else(|| panic!("no acknowledged key is told as lost: {report}"));
    assert!(lost["samples"][0]["item"].as_str().is_some_and(|item| item.starts_with("instance ")), "{lost}");
    // What is healthy stays so: one loss is no reason to suspect everything.
    for check in ["application/definitions", "application/forms", "application/tasks"] {
        assert_eq!(outcome(&report, check), "equal", "{report}");
    }
}

#[test]
fn what_is_done_after_the_switch_and_never_shown_is_named_with_the_positions_as_the_cause() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = asked(folder.path()) {
        return skip(&why);
    }
    let (output, report) = rehearse(folder.path(), "real-camunda-standstill.yaml");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    // At the moment of the switch nothing is to be seen of it.
    for check in APPLICATION {
        assert_eq!(outcome(&report, check), "equal", "{report}");
    }
    let findings = report["verdict"]["findings"].as_array().expect("findings");
    for check in ["application/going-on/tasks", "application/going-on/jobs", "application/going-on/visible"] {
        let told = findings.iter().find(|f| f["check"] == check && f["outcome"] == "different");
        let told = told.unwrap_or_else(|| panic!("{check} is not told: {report}"));
        let message = told["message"].as_str().expect("a message");
        assert!(message.contains("because elasticsearch/import-positions"), "{message}");
    }
}
