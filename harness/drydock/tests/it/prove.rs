//! The proof of the checks from the command line, and in what a verification tells.

use crate::support::{drydock, folder, text};

#[test]
fn in_memory_every_corruption_is_caught_in_a_moment() {
    let folder = folder();
    let output = drydock(folder.path()).args(["prove", "--in-memory"]).output().expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.starts_with("PROVEN  "), "{told}");
    for family in ["documents", "rows", "schemas", "access", "clusters", "realms"] {
        assert!(told.lines().any(|l| l.starts_with(family)), "{family} is missing in\n{told}");
    }
    assert!(!told.contains('\u{1b}'), "NO_COLOR was set:\n{told}");
    assert!(!folder.path().join("reports").exists(), "nothing is left behind");
}

#[test]
fn programs_get_json_and_a_seed_repeats_the_proof() {
    let folder = folder();
    let run = || {
        let output = drydock(folder.path())
            .args(["prove", "--in-memory", "--json", "--seed", "77"])
            .output()
            .expect("it runs");
        let mut told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        told["proofs"][0]["millis"] = 0.into();
        told
    };
    let told = run();
    assert_eq!(told["holds"], true, "{told}");
    assert_eq!(told["proofs"][0]["seed"], 77);
    assert_eq!(told, run());
}

#[test]
fn a_verification_tells_how_far_it_can_be_trusted() {
    let folder = folder();
    let address = "postgres://u:p@127.0.0.1:1/d";
    let output = drydock(folder.path())
        .args(["verify", "postgres", "--json", "--source", address, "--target", address])
        .output()
        .expect("it runs");
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(output.status.code(), Some(3), "{told}");
    let honesty = &told["honesty"];
    assert!(honesty["proof"]["families"][0]["variants"].as_u64() > Some(0), "{honesty}");
    assert!(honesty["not_compared"].as_array().is_some_and(|all| !all.is_empty()), "{honesty}");
}
