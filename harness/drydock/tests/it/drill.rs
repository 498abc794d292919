//! Ways back on real PostgreSQL and Elasticsearch, small ones.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, json, run_folder, scenario, skip, text, turn,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A tiny scenario with more in it.
fn written(folder: &Path, name: &str, more: &str) -> std::path::PathBuf {
    let tiny = fs::read_to_string(scenario("tiny.yaml")).expect("tiny.yaml");
    let ledger = scenario("../fixtures/expected/standard.yaml");
    let tiny = tiny.replace("../fixtures/expected/standard.yaml", &ledger.to_string_lossy());
    let path = folder.join(format!("{name}.yaml"));
    fs::write(&path, format!("{}\n{more}", tiny.replace("name: tiny", &format!("name: {name}"))))
        .expect("written");
    path
}

fn objecting(report: &Value) -> BTreeSet<String> {
    let findings = report["verdict"]["findings"].as_array().cloned().unwrap_or_default();
    let red = findings.iter().filter(|f| f["outcome"] == "different" || f["outcome"] == "not_proven");
    red.filter_map(|f| f["check"].as_str().map(ToOwned::to_owned)).collect()
}

#[test]
fn going_back_late_loses_exactly_the_acknowledged_writes_and_names_them() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let output =
        drydock(folder.path()).arg("rehearse").arg(scenario("rollback-late.yaml")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let run = run_folder(folder.path());
    let report = json(&run.join("report.json"));
    assert_eq!(objecting(&report), BTreeSet::from(["rollback/writes".to_owned()]), "{}", text(&output));
    let back = &report["rollback"];
    assert_eq!(back["restored"], "yes", "{back}");
    assert!(back["rto_seconds"].as_f64().is_some_and(|s| s < 120.0), "{back}");
    let lost = back["writes"]["lost"].as_array().cloned().unwrap_or_default();
    assert_eq!((lost.len(), back["writes"]["acknowledged"].as_u64()), (137, Some(137)));
    // The log of what clients were told is the judge: what was acknowledged last and on the target is what is listed.
    let log = fs::read_to_string(run.join("acknowledged.jsonl")).expect("the log");
    let first = lost.iter().filter_map(|w| w["ms"].as_u64()).min().unwrap_or_default();
    let last = lost.iter().filter_map(|w| w["ms"].as_u64()).max().unwrap_or_default();
    let between = log
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok())
        // What was only asked for is noted there as well.
        .filter(|w| w["item"].is_object() && w["ms"].as_u64().is_some_and(|ms| (first..=last).contains(&ms)))
        .count();
    assert_eq!(between, 137);
    let finding = report["verdict"]["findings"][0].clone();
    assert_eq!(finding["samples"].as_array().map(Vec::len), Some(10), "{finding}");
    assert!(text(&output).contains("137 writes"), "{}", text(&output));
}

#[test]
fn a_drill_goes_back_from_steps_of_every_stage_and_leaves_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    // Losses are allowed here, so that each cell must be green.
    let file = written(folder.path(), "allowed", "budgets: {rpo: 1h}\n");
    let steps = ["phase-2/backup/identity", "phase-3/restore/keycloak", "phase-5/validate"];
    let mut command = drydock(folder.path());
    command.args(["drill", "--full"]).arg(file);
    for step in steps {
        command.args(["--from", step]);
    }
    let output = command.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let drill = run_folder(folder.path());
    let report = json(&drill.join("drill.json"));
    let cells = report["cells"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = cells.iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(names, steps);
    for cell in &cells {
        assert_eq!(cell["rollback"]["restored"], "yes", "{cell}");
        assert!(cell["rollback"]["rto_seconds"].is_number(), "{cell}");
    }
    assert_eq!(cells[0]["rollback"]["rto_seconds"].as_f64(), Some(0.0));
    assert!(fs::read_to_string(drill.join("drill.md")).is_ok_and(|t| t.contains("phase-5/validate")));
    // Stores are started once; what a cell leaves does not reach the next one.
    assert!(!text(&output).contains("starting new stores"), "{}", text(&output));
    assert_nothing_left(folder.path(), &drill);
}

/// A harm, where it is done, the checks that must object, and the exit code.
type HarmRow = (&'static str, &'static str, &'static [&'static str], i32);

/// One for each check of a way back.
const HARMS: &[HarmRow] = &[
    ("change-password", "phase-3/switch", &["rollback/access"], 6),
    ("duplicate-write", "phase-3/pin", &["freeze", "rollback/restored", "rollback/writes"], 1),
    ("truncate-dump", "phase-3/pin", &["rollback/artefacts"], 1),
];

/// Other ways to the same checks, half a minute each: with `DRYDOCK_TEST_HARMS=all`.
const MORE_HARMS: &[HarmRow] = &[
    ("lose-row", "phase-3/pin", &["freeze", "rollback/restored"], 6),
    ("lose-document", "phase-3/pin", &["freeze", "rollback/restored"], 6),
    ("block-writes", "phase-3/switch", &["rollback/access", "rollback/restored"], 6),
    ("alter-description", "phase-3/pin", &["rollback/artefacts"], 1),
];

#[test]
fn every_harm_to_the_way_back_turns_its_checks_red() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let all = std::env::var("DRYDOCK_TEST_HARMS").is_ok_and(|v| v == "all");
    for &(harm, from, must, code) in HARMS.iter().chain(if all { MORE_HARMS } else { &[] }) {
        let more = format!("rollback: {{from: {from}, harm: {harm}}}\nbudgets: {{rpo: 1h}}\n");
        let file = written(folder.path(), harm, &more);
        // As a drill of one cell, so that the report of the cell is found below the drill's.
        let output = drydock(folder.path())
            .args(["drill", "--full", "--from", from])
            .arg(file)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{harm}: {}", text(&output));
        let drill = run_folder(folder.path());
        let run = json(&drill.join("drill.json"))["cells"][0]["run"].as_str().unwrap_or_default().to_owned();
        let red = objecting(&json(&drill.join("cells").join(run).join("report.json")));
        for check in must {
            assert!(red.contains(*check), "{harm}: {check} is not among {red:?}: {}", text(&output));
        }
        fs::remove_dir_all(drill).expect("removed");
    }
}

#[test]
fn the_plan_of_a_drill_names_every_cell_and_starts_nothing() {
    let folder = folder();
    let plan = |more: &[&str]| {
        let mut command = drydock(folder.path());
        command.args(["drill", "--plan"]).arg(scenario("standard.yaml")).args(more).output().expect("it runs")
    };
    let all = plan(&[]);
    assert_eq!(all.status.code(), Some(0), "{}", text(&all));
    assert!(text(&all).lines().count() > 28, "{}", text(&all));
    assert!(text(&all).contains("phase-5/cleanup while counts differ"), "{}", text(&all));
    let one = plan(&["--from", "phase-3/freeze", "--json"]);
    let listed: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let wrong = plan(&["--from", "phase-3/freez"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong).contains("did you mean `phase-3/freeze`?"), "{}", text(&wrong));
    assert!(!folder.path().join("reports").exists());
}

#[test]
fn the_way_back_is_gone_whatever_went_wrong_before() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let file = written(folder.path(), "crossed", "budgets: {rpo: 1h}\n");
    // Two components are enough, and half the time.
    let whole = fs::read_to_string(&file).expect("the scenario");
    let small = whole.replace("\nmigration:\n", "\nmigration:\n  components: [keycloak, elasticsearch]\n");
    assert_ne!(small, whole);
    fs::write(&file, small).expect("written");
    let output = drydock(folder.path())
        .args(["drill", "--full", "--only-faults"])
        .args(["--from", "phase-4/compare"])
        .args(["--fault", "connection-reset", "--fault", "target-killed", "--fault", "lose-row"])
        .arg(file)
        .output()
        .expect("it runs");
    let drill = run_folder(folder.path());
    let report = json(&drill.join("drill.json"));
    let cells = report["cells"].as_array().cloned().unwrap_or_default();
    let headlines: Vec<String> = cells.iter().map(|c| format!("{}: {}", c["name"], c["headline"])).collect();
    let told = || format!("{}\n{}", headlines.join("\n"), text(&output));
    assert_eq!(cells.len(), 3, "{}", told());
    for cell in &cells {
        assert_eq!(cell["as_meant"], "yes", "{}", told());
        assert_eq!(cell["rollback"]["restored"], "yes", "{}", told());
        assert!(cell["rollback"]["rto_seconds"].is_number(), "{}", told());
        let run = drill.join("cells").join(cell["run"].as_str().unwrap_or_default());
        let red = objecting(&json(&run.join("report.json")));
        let tells = red.contains("postgres/rows");
        let fault = cell["fault"]["fault"].as_str();
        assert_eq!(tells, fault == Some("lose-row"), "{red:?}: {}", told());
        let lives = json(&run.join("report.json"))["lives"].clone();
        let cause = lives[0]["cause"].as_str().unwrap_or_default();
        assert_eq!(fault == Some("target-killed"), !cause.is_empty(), "{lives}: {}", told());
    }
    assert_eq!(output.status.code(), Some(0), "{}", told());
    assert!(fs::read_to_string(drill.join("drill.html")).is_ok_and(|t| t.contains("target-killed")));
}

#[test]
fn faults_are_cells_of_their_own_and_unknown_ones_are_refused() {
    let folder = folder();
    let plan = |more: &[&str]| {
        let mut command = drydock(folder.path());
        command.args(["drill", "--plan"]).arg(scenario("standard.yaml")).args(more).output().expect("it runs")
    };
    let all = plan(&["--fault", "all"]);
    assert_eq!(all.status.code(), Some(0), "{}", text(&all));
    assert!(text(&all).lines().count() > 400, "{}", text(&all));
    let named = "phase-4/compare with target-killed in phase-3/restore/elasticsearch";
    assert!(
        text(&all).contains(named) && text(&all).contains("drydock-killed has no cells"),
        "{}",
        text(&all)
    );
    let one = plan(&["--fault", "lose-row", "--only-faults", "--from", "phase-4/compare", "--json"]);
    let listed: Value = serde_json::from_slice(&one.stdout).expect("JSON");
    assert_eq!(listed[0]["fault"]["fault"], "lose-row", "{listed}");
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    let wrong = plan(&["--fault", "lose-rwo"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(text(&wrong).contains("did you mean `lose-row`?"), "{}", text(&wrong));
}
