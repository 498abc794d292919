//! Targets that real operators keep, with `DRYDOCK_TEST_KIND=1` and `DRYDOCK_TEST_OPERATORS` naming manifests with a comma between them (CloudNativePG
//! and ECK, whose images this machine has). What is refused before a cluster is made is tested everywhere.

use crate::kind::{assert_no_cluster, cannot_run_long};
use crate::real_camunda::outcome;
use crate::support::{drydock, folder, json, run_folder, scenario, skip, text, turn};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// Options that name the operators, or why nothing can be rehearsed with them.
fn operators(folder: &Path) -> Result<Vec<String>, String> {
    let named = std::env::var("DRYDOCK_TEST_OPERATORS")
        .map_err(|_| "operators: DRYDOCK_TEST_OPERATORS names no manifests".to_owned())?;
    match cannot_run_long(folder) {
        Some(why) => Err(why),
        None => Ok(named.split(',').map(|file| format!("--operator={file}")).collect()),
    }
}

/// A small scenario with operators and whatever else.
fn written(folder: &Path, more: &str) -> String {
    let ledger = crate::support::root().join("fixtures/expected/standard.yaml");
    let file = folder.join("operators-tiny.yaml");
    let text = format!(
        "name: operators-tiny\nenvironment: kind\ntarget: {{managed: operator}}\ndata: {{profile: tiny}}\n\
         migration:\n  index_prefixes: [zeebe-, operate-, tasklist-, optimize-, connectors-, camunda-, acme-]\n\
         {more}expected: ['{}']\n",
        ledger.display()
    );
    fs::write(&file, text).expect("a scenario");
    file.display().to_string()
}

fn rehearsed(folder: &Path, file: &str, operators: &[String]) -> (Option<i32>, String, Value) {
    let output = drydock(folder).args(["rehearse", file]).args(operators).output().expect("it runs");
    let run = run_folder(folder);
    assert_no_cluster(&run);
    let events = fs::read_to_string(run.join("logs/events.log")).unwrap_or_default();
    assert!(!events.contains("PRIVATE KEY") && !events.contains("private key but got"), "{events}");
    (output.status.code(), text(&output), json(&run.join("report.json")))
}

fn good(outcome: &Value) -> bool {
    outcome == "equal" || outcome == "expected"
}

#[test]
fn what_operators_keep_holds_everything_and_they_say_so() {
    let (_turn, folder) = (turn(), folder());
    let operators = match operators(folder.path()) {
        Ok(operators) => operators,
        Err(why) => return skip(&why),
    };
    let file = written(folder.path(), "");
    let (code, told, report) = rehearsed(folder.path(), &file, &operators);
    assert!(matches!(code, Some(0 | 3)), "{told}");
    for check in [
        "postgres/rows",
        "postgres/access",
        "elasticsearch/documents",
        "cluster/answers",
        "cluster/operators",
    ] {
        assert!(good(outcome(&report, check)), "{check}: {told}");
    }
    assert!(report.to_string().contains("as CloudNativePG sets it up"), "{told}");
}

#[test]
fn a_loss_and_an_operator_that_is_stuck_are_both_named() {
    let (_turn, folder) = (turn(), folder());
    let operators = match operators(folder.path()) {
        Ok(operators) => operators,
        Err(why) => return skip(&why),
    };
    let file = written(folder.path(), "faults: [{fault: operator-stuck}, {fault: lose-row}]\n");
    let (code, told, report) = rehearsed(folder.path(), &file, &operators);
    assert_eq!(code, Some(1), "{told}");
    assert_eq!(outcome(&report, "cluster/operators"), "different", "{told}");
    assert_eq!(outcome(&report, "postgres/rows"), "different", "{told}");
    assert!(good(outcome(&report, "elasticsearch/documents")), "{told}");
    assert!(told.contains("ECK does not hold Elasticsearch/target-es"), "{told}");
}

#[test]
fn operators_that_nobody_named_or_that_are_none_are_refused_before_anything_is_made() {
    let folder = folder();
    let operated = written(folder.path(), "");
    let manifest = folder.path().join("operator.yaml");
    fs::write(&manifest, "kind: [\n").expect("a file");
    let (manifest, plain) = (manifest.display().to_string(), scenario("tiny.yaml").display().to_string());
    for (arguments, words) in [
        (vec![operated.as_str()], "name the manifests"),
        (vec![&operated, "--operator", "absent.yaml"], "cannot read the manifests absent.yaml"),
        (vec![&operated, "--operator", &manifest], "is no manifest of an operator"),
        (vec![&plain, "--on", "kind", "--operator", &manifest], "target has none"),
        (vec![&operated, "--on", "embedded", "--operator", &manifest], "operators keep stores in a cluster"),
    ] {
        let output = drydock(folder.path()).arg("rehearse").args(&arguments).output().expect("it runs");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
        assert!(told.contains(words), "{arguments:?}: {told}");
    }
}
