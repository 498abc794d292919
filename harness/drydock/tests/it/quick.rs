//! What needs no store: mistakes, plans, help.

use crate::support::{drydock, folder, root, scenario, skip, text};
use std::fs;
use std::net::TcpListener;

#[test]
fn a_misspelt_key_is_told_with_its_place_and_the_word_that_was_meant() {
    let folder = folder();
    let file = folder.path().join("wrong.yaml");
    fs::write(&file, "name: wrong\nmigration:\n  index_prefixs: [zeebe-]\n").expect("write");
    let output = drydock(folder.path()).args(["rehearse", "wrong.yaml"]).output().expect("it runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let first = text.lines().next().unwrap_or_default();
    assert!(first.contains("wrong.yaml:3:3: unknown key `index_prefixs`"), "{text}");
    assert!(first.contains("did you mean `index_prefixes`?"), "{text}");
    assert!(!folder.path().join("reports").exists(), "nothing must have been begun");
}

#[test]
fn a_missing_scenario_is_wrong_usage() {
    let folder = folder();
    let output = drydock(folder.path()).args(["rehearse", "absent.yaml"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("cannot read the scenario absent.yaml"), "{}", text(&output));
}

#[test]
fn every_scenario_of_the_repository_has_a_plan() {
    let folder = folder();
    for entry in fs::read_dir(root().join("scenarios")).expect("scenarios").flatten() {
        if entry.path().extension().is_none_or(|e| e != "yaml") {
            continue;
        }
        let output =
            drydock(folder.path()).args(["rehearse", "--plan"]).arg(entry.path()).output().expect("it runs");
        assert!(output.status.success(), "{}", text(&output));
        let opens = ["phase-3/switch", "chart/open"].iter().any(|step| text(&output).contains(step));
        assert!(opens && text(&output).contains("conclude/tear-down"), "{}", text(&output));
    }
}

#[test]
fn help_lists_the_exit_codes() {
    let folder = folder();
    let output = drydock(folder.path()).args(["help", "exit-codes"]).output().expect("it runs");
    let text = text(&output);
    for code in ["0", "1", "2", "3", "4", "5", "6", "130"] {
        assert!(
            text.lines().any(|l| l.split_whitespace().next() == Some(code)),
            "{code} is missing in\n{text}"
        );
    }
    let unknown = drydock(folder.path()).args(["help", "exit-code"]).output().expect("it runs");
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn a_taken_port_is_told_in_one_line() {
    let folder = folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its number").port();
    let yaml = format!(
        "name: taken\ndata: {{profile: tiny}}\nsource: {{elasticsearch: {{heap_mib: 512, port: {port}}}}}\n"
    );
    fs::write(folder.path().join("taken.yaml"), yaml).expect("write");
    if let Some(why) = crate::support::cannot_run(folder.path()) {
        return skip(&why);
    }
    let output = drydock(folder.path()).args(["rehearse", "taken.yaml"]).output().expect("it runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.lines().any(|l| l.contains(&port.to_string()) && l.contains("port")), "{text}");
}

#[test]
fn a_missing_java_is_told_in_one_line() {
    let folder = folder();
    let output = drydock(folder.path())
        .args(["rehearse"])
        .arg(scenario("tiny.yaml"))
        .env("PATH", folder.path())
        .env_remove("JAVA_HOME")
        .env_remove("ES_JAVA_HOME")
        .output()
        .expect("it runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(5), "{text}");
    assert!(text.lines().any(|l| l.to_lowercase().contains("java")), "{text}");
}

#[test]
fn addresses_with_secrets_are_never_repeated() {
    let folder = folder();
    let output = drydock(folder.path())
        .args([
            "verify",
            "postgres",
            "--source",
            "postgres://u:hunter22@127.0.0.1:1/d",
            "--target",
            "postgres://u:hunter22@127.0.0.1:1/d",
        ])
        .output()
        .expect("it runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(!text.contains("hunter22"), "{text}");
}
