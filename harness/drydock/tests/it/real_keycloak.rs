//! A real Keycloak in rehearsals, as a process and as a container: green as it is, and red with capability and cause for whatever is
//! taken from its accounts. Some minutes a run, hence only with `DRYDOCK_TEST_KEYCLOAK=1`, as in `ci/nightly`; as a container where
//! an engine answers that has the images.

use crate::containers;
use crate::support::{assert_nothing_left, drydock, folder, json, run_folder, scenario, skip, text, turn};
use drydock_core::scenario::FaultKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

/// What the server on the target is asked tells each fault with these words, whatever the database's checks say.
const TOLD: [(FaultKind, &str, &str); 4] = [
    (FaultKind::RegenerateClientSecret, "keycloak/logins", "the secret of the client is another"),
    (
        FaultKind::RotateSigningKey,
        "keycloak/tokens",
        "the key that signed it is not among the keys of the target",
    ),
    (FaultKind::LoseUser, "keycloak/logins", "the user is not there"),
    (FaultKind::LoseRoleMapping, "keycloak/logins", "lacks roles"),
];

const SCENARIO: &str = "real-keycloak.yaml";

fn cannot_run(folder: &Path, on: &str) -> Option<String> {
    if std::env::var("DRYDOCK_TEST_KEYCLOAK").is_err() {
        return Some("a real Keycloak in a rehearsal takes minutes: set DRYDOCK_TEST_KEYCLOAK=1".into());
    }
    if on == "containers" {
        return containers::cannot_run_scenario(folder, SCENARIO);
    }
    let output =
        drydock(folder).arg("doctor").arg(scenario("real-keycloak.yaml")).output().expect("doctor runs");
    (!output.status.success()).then(|| text(&output))
}

fn findings(report: &Value) -> Vec<Value> {
    report["verdict"]["findings"].as_array().cloned().unwrap_or_default()
}

/// The scenario with one fault more.
fn with_fault(folder: &Path, fault: FaultKind) -> PathBuf {
    let yaml = fs::read_to_string(scenario("real-keycloak.yaml")).expect("the scenario");
    let ledger = scenario("../fixtures/expected/standard.yaml");
    let yaml = yaml.replace("../fixtures/expected/standard.yaml", &ledger.to_string_lossy());
    // A role in the realm's own people, whose tokens tell of it.
    let file = folder.join(format!("{}.yaml", fault.as_str()));
    fs::write(&file, format!("{yaml}faults:\n  - {{fault: {}}}\n", fault.as_str())).expect("written");
    file
}

fn rehearse(folder: &Path, on: &str, file: &Path, variable: Option<(&str, &str)>) -> Output {
    let mut command = drydock(folder);
    command.args(["rehearse", "--on", on]).arg(file).envs(variable);
    command.output().expect("it runs")
}

fn assert_all_is_gone(on: &str, folder: &Path, run: &Path) {
    assert_nothing_left(folder, run);
    if on == "containers" {
        containers::assert_nothing_left(run);
    }
}

#[test]
fn as_a_process_it_is_green_measured_and_leaves_nothing() {
    it_is_green_measured_and_leaves_nothing("embedded");
}

#[test]
fn as_a_container_it_is_green_measured_and_leaves_nothing() {
    it_is_green_measured_and_leaves_nothing("containers");
}

fn it_is_green_measured_and_leaves_nothing(on: &str) {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path(), on) {
        return skip(&why);
    }
    let output = rehearse(folder.path(), on, &scenario(SCENARIO), None);
    let run = run_folder(folder.path());
    let report = json(&run.join("report.json"));
    assert_eq!(output.status.code(), Some(0), "{}\n{report}", text(&output));
    let checks = report["verdict"]["checks"].as_array().cloned().unwrap_or_default();
    for name in ["keycloak/logins", "keycloak/tokens", "keycloak/users", "keycloak/clients", "freeze"] {
        let check =
            checks.iter().find(|c| c["check"] == name).unwrap_or_else(|| panic!("no {name}: {report}"));
        // 16 users and 8 clients at least, where accounts are asked.
        let least = if name == "keycloak/tokens" || name == "keycloak/logins" { 20 } else { 1 };
        assert!(check["compared"].as_u64().is_some_and(|n| n >= least), "{check}");
    }
    // How long nobody could log in was measured by logins.
    let record = fs::read_to_string(run.join("record.jsonl")).expect("the record");
    assert!(record.contains("\"probe\":\"login\""));
    let told =
        record.lines().filter(|l| l.contains("\"keycloak\":\"") && l.contains(" container of ")).count();
    assert_eq!(told, if on == "containers" { 2 } else { 0 }, "each side tells what it runs from");
    assert_all_is_gone(on, folder.path(), &run);
    // No password or secret of the realm is in what stays, nor is any token.
    let realm = drydock_workload::realm::Realm::new(16, 20_260_101);
    let logs = fs::read_dir(run.join("logs")).expect("the logs");
    let kept = fs::read_dir(&run).expect("the run").chain(logs).flatten();
    for name in ["source-keycloak", "target-keycloak"] {
        let log = fs::read_to_string(run.join(format!("logs/{name}.log"))).expect("a log");
        assert!(log.contains("Listening on"), "{log}");
    }
    for entry in kept.filter(|e| e.path().is_file()) {
        let bytes = String::from_utf8_lossy(&fs::read(entry.path()).expect("a file")).into_owned();
        assert!(realm.secrets().all(|secret| !bytes.contains(secret)), "{}", entry.path().display());
        assert!(!bytes.contains("eyJhbGciOi"), "{} holds a token", entry.path().display());
    }
}

#[test]
fn what_is_taken_from_its_accounts_is_told_with_capability_and_cause() {
    faults_are_told("embedded");
}

#[test]
fn as_a_container_it_tells_the_same_of_what_is_taken_from_its_accounts() {
    faults_are_told("containers");
}

fn faults_are_told(on: &str) {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path(), on) {
        return skip(&why);
    }
    for (fault, check, words) in TOLD {
        let output = rehearse(folder.path(), on, &with_fault(folder.path(), fault), None);
        let run = run_folder(folder.path());
        let report = json(&run.join("report.json"));
        assert_eq!(output.status.code(), Some(1), "{}: {}", fault.as_str(), text(&output));
        let red: Vec<Value> = findings(&report).into_iter().filter(|f| f["outcome"] == "different").collect();
        let told = red
            .iter()
            .any(|f| f["check"] == check && f["message"].as_str().is_some_and(|m| m.contains(words)));
        assert!(told, "{} is not told by {check} with {words:?}: {red:#?}", fault.as_str());
        let effect = fault.effect();
        let names: BTreeSet<&str> = red.iter().filter_map(|f| f["check"].as_str()).collect();
        for must in effect.red {
            assert!(names.contains(must), "{}: {must} is silent: {red:#?}", fault.as_str());
        }
        let known: BTreeSet<&str> = effect.red.iter().chain(effect.may).copied().collect();
        assert!(names.is_subset(&known), "{}: false alarms in {red:#?}", fault.as_str());
        assert_all_is_gone(on, folder.path(), &run);
        fs::remove_dir_all(&run).expect("removed");
    }
}

#[test]
fn a_way_back_lets_everybody_of_before_in_and_tells_what_was_done_to_accounts_since() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path(), "embedded") {
        return skip(&why);
    }
    let output = rehearse(folder.path(), "embedded", &scenario("real-keycloak-rollback.yaml"), None);
    let run = run_folder(folder.path());
    let report = json(&run.join("report.json"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let checks = report["verdict"]["checks"].as_array().cloned().unwrap_or_default();
    let check = checks.iter().find(|c| c["check"] == "keycloak/way-back");
    let check = check.unwrap_or_else(|| panic!("keycloak/way-back was not made: {report}"));
    let realm = drydock_workload::realm::Realm::new(16, 20_260_101);
    let newcomers: Vec<String> = realm.newcomers().iter().map(|(login, _)| login.who().to_owned()).collect();
    // Sixteen users, eight clients and the administrator, and who joined.
    assert_eq!(check["compared"].as_u64(), Some(25 + newcomers.len() as u64), "{check}");
    let told: Vec<Value> =
        findings(&report).into_iter().filter(|f| f["check"] == "keycloak/way-back").collect();
    let names = |kind: &str| -> Vec<String> {
        let of_kind = told.iter().filter(|f| f["kind"] == kind && f["subject"] == "on the target");
        let samples = of_kind.flat_map(|f| f["samples"].as_array().cloned().unwrap_or_default());
        samples.filter_map(|s| s["item"].as_str()?.split(' ').next().map(ToOwned::to_owned)).collect()
    };
    assert_eq!(names("lost-write"), newcomers, "{told:#?}");
    assert_eq!(names("extra"), [realm.leaver().expect("somebody leaves").who()], "{told:#?}");
    assert_eq!(told.len(), 2, "nobody of before is shut out or let in: {told:#?}");
    let restored = checks.iter().find(|c| c["check"] == "rollback/restored");
    assert!(restored.is_some_and(|c| c["outcome"] == "equal"), "{report}");
    assert_all_is_gone("embedded", folder.path(), &run);
}

#[test]
fn an_image_that_is_not_to_be_had_or_holds_no_keycloak_is_told_and_is_nobodys_loss() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path(), "containers") {
        return skip(&why);
    }
    let other = std::env::var("DRYDOCK_IMAGE_POSTGRES").unwrap_or_else(|_| "postgres:15".into());
    for (image, words) in [
        ("drydock.invalid/none:1", "drydock.invalid/none:1 is not here and cannot be pulled"),
        (other.as_str(), "is no image of keycloak"),
    ] {
        let variable = Some(("DRYDOCK_IMAGE_KEYCLOAK", image));
        let output = rehearse(folder.path(), "containers", &scenario(SCENARIO), variable);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.contains(words) && told.contains("DRYDOCK_IMAGE_KEYCLOAK"), "{words}: {told}");
        let run = run_folder(folder.path());
        containers::assert_nothing_left(&run);
        fs::remove_dir_all(&run).expect("removed");
    }
}

#[test]
fn as_a_container_it_stays_with_keep_and_goes_with_clean_and_a_killed_run_is_resumed() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path(), "containers") {
        return skip(&why);
    }
    let work = folder.path().join("work");
    let command = |arguments: &[&str]| {
        let mut command = drydock(folder.path());
        command.args(arguments).env("DRYDOCK_WORK", &work);
        command
    };
    let file = scenario(SCENARIO);
    let mut child = command(&["rehearse", "--on", "containers"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Killed while users work on the source, where it runs.
    let deadline = Instant::now() + Duration::from_secs(400);
    let finished = |step: &str| {
        let run = run_folder(folder.path());
        let record = fs::read_to_string(run.join("record.jsonl")).ok()?;
        let line = |l: &str| l.contains("step_finished") && l.contains(step);
        record.lines().any(line).then_some(run)
    };
    let run = loop {
        if let Some(run) = finished("prepare/workload") {
            break run;
        }
        assert!(Instant::now() < deadline, "users never worked");
        assert!(child.try_wait().expect("wait").is_none(), "it ended by itself");
        // The record belongs to another process: there is nothing to wait on.
        std::thread::sleep(Duration::from_millis(100));
    };
    child.kill().expect("kill -9");
    child.wait().expect("wait");
    assert_eq!(containers::listed(containers::KINDS[0], &run).len(), 5, "four stores and a Keycloak");
    let output = command(&["rehearse", "--keep", "--resume"]).arg(&run).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // Kept, it answers; it is told where.
    let record = fs::read_to_string(run.join("record.jsonl")).expect("the record");
    assert!(record.contains("kept running: Keycloak http://127.0.0.1:"), "{record}");
    assert_eq!(containers::listed(containers::KINDS[0], &run).len(), 5);
    let told = text(&command(&["clean", "--dry-run"]).output().expect("it runs"));
    assert!(told.contains("-target-keycloak") && !told.contains("-source-keycloak"), "{told}");
    let cleaned = command(&["clean"]).output().expect("it runs");
    assert_eq!(cleaned.status.code(), Some(0), "{}", text(&cleaned));
    containers::assert_nothing_left(&run);
}
