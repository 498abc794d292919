//! Targets that are managed elsewhere, from the scenario file to the exit code.

use crate::support::{cannot_run, drydock, folder, run_folder, scenario, skip, text, turn};
use serde_json::Value;
use std::fs;

/// The scenario of the repository with a mistake in its target.
fn misconfigured(folder: &std::path::Path, mistake: &str) -> std::path::PathBuf {
    let text = fs::read_to_string(scenario("external-targets.yaml")).expect("the scenario");
    let with = text.replace("  # misconfigured: wrong-ca", &format!("  misconfigured: {mistake}"));
    assert_ne!(text, with, "the scenario shows where a mistake is written");
    let ledgers = scenario("../fixtures").display().to_string();
    let path = folder.join("misconfigured.yaml");
    fs::write(&path, with.replace("../fixtures", &ledgers)).expect("written");
    path
}

#[test]
fn targets_behind_tls_and_passwords_get_everything() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let mut command = drydock(folder.path());
    let command = command.arg("rehearse").arg(scenario("external-targets.yaml"));
    let output = command.args(["--documents", "400"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = run_folder(folder.path());
    let report: Value =
        serde_json::from_slice(&fs::read(run.join("report.json")).expect("report.json")).expect("JSON");
    let checks = report["verdict"]["checks"].as_array().cloned().unwrap_or_default();
    let preflight: Vec<&Value> =
        checks.iter().filter(|c| c["check"].as_str().is_some_and(|c| c.starts_with("preflight/"))).collect();
    assert_eq!(preflight.len(), 12, "{checks:?}");
    assert!(preflight.iter().all(|c| c["compared"].as_u64() > Some(0)), "{preflight:?}");
    let stores = report["stores"].to_string();
    assert!(stores.matches("TLS and passwords only").count() == 2, "{stores}");
    // Keys stay in the work directory, which is gone.
    for entry in fs::read_dir(&run).expect("the run").flatten().filter(|e| e.path().is_file()) {
        let content = String::from_utf8_lossy(&fs::read(entry.path()).expect("readable")).into_owned();
        assert!(!content.contains("PRIVATE KEY"), "{}", entry.path().display());
    }
}

#[test]
fn a_target_that_may_not_read_from_the_source_is_refused_before_the_freeze() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let mut command = drydock(folder.path());
    let command = command.arg("rehearse").arg(misconfigured(folder.path(), "whitelist-missing"));
    let output = command.args(["--documents", "400"]).output().expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("preflight/reindex-whitelist"), "{told}");
    assert!(told.contains("reindex.remote.whitelist in elasticsearch.yml"), "{told}");
    assert!(told.contains("before the freeze"), "{told}");
    let record = fs::read_to_string(run_folder(folder.path()).join("record.jsonl")).expect("the record");
    assert!(!record.contains("\"step_started\",\"step\":\"phase-3/"), "{record}");
    let closed = record.lines().any(|l| l.contains("\"type\":\"service\"") && l.contains("closed"));
    assert!(!closed && record.contains("\"on_source\""), "{record}");
}
