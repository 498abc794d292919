//! A real Keycloak in rehearsals: green as it is, and red with capability and cause for whatever is taken from its accounts. Some
//! minutes a run, hence only with `DRYDOCK_TEST_KEYCLOAK=1`, as in `ci/nightly`.

use crate::support::{assert_nothing_left, drydock, folder, json, run_folder, scenario, skip, text, turn};
use drydock_core::scenario::FaultKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

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

fn cannot_run(folder: &Path) -> Option<String> {
    if std::env::var("DRYDOCK_TEST_KEYCLOAK").is_err() {
        return Some("a real Keycloak in a rehearsal takes minutes: set DRYDOCK_TEST_KEYCLOAK=1".into());
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

#[test]
fn it_is_green_measured_and_leaves_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let output =
        drydock(folder.path()).arg("rehearse").arg(scenario("real-keycloak.yaml")).output().expect("it runs");
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
    assert!(
        fs::read_to_string(run.join("record.jsonl")).expect("the record").contains("\"probe\":\"login\"")
    );
    assert_nothing_left(folder.path(), &run);
    // No password or secret of the realm is in what stays, nor is any token.
    let realm = drydock_workload::realm::Realm::new(16, 20_260_101);
    for entry in fs::read_dir(&run).expect("the run").flatten().filter(|e| e.path().is_file()) {
        let bytes = String::from_utf8_lossy(&fs::read(entry.path()).expect("a file")).into_owned();
        assert!(realm.secrets().all(|secret| !bytes.contains(secret)), "{}", entry.path().display());
        assert!(!bytes.contains("eyJhbGciOi"), "{} holds a token", entry.path().display());
    }
}

#[test]
fn what_is_taken_from_its_accounts_is_told_with_capability_and_cause() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    for (fault, check, words) in TOLD {
        let output = drydock(folder.path())
            .arg("rehearse")
            .arg(with_fault(folder.path(), fault))
            .output()
            .expect("it runs");
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
        assert_nothing_left(folder.path(), &run);
        fs::remove_dir_all(&run).expect("removed");
    }
}
