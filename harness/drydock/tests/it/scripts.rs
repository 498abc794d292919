//! The driver of the official scripts on the command line, as far as no cluster is needed: what is refused, and with which words.

use crate::support::{drydock, folder, root, scenario, text};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

fn fake() -> PathBuf {
    root().join("fixtures/scripts/fake")
}

fn rehearse(folder: &Path, file: &Path, more: &[&str]) -> Output {
    drydock(folder).arg("rehearse").arg(file).args(more).output().expect("it runs")
}

#[test]
fn what_cannot_go_together_is_refused_before_anything_starts() {
    let folder = folder();
    let fake = fake().display().to_string();
    let empty = folder.path().join("empty");
    fs::create_dir_all(empty.join("generic/kubernetes/operator-based")).expect("a folder");
    fs::create_dir_all(empty.join("generic/kubernetes/migration")).expect("a folder");
    let empty = empty.display().to_string();
    for (more, words, help) in [
        (&["--driver", "scripts", "--scripts", &fake][..], "these stores are in none", "--on kind"),
        (&["--on", "kind", "--driver", "scripts"], "nobody said where", "--scripts"),
        (&["--on", "kind", "--scripts", &fake], "the built-in driver does not run them", "--driver scripts"),
        (
            &["--on", "kind", "--driver", "scripts", "--scripts", &empty],
            "generic/kubernetes/migration/env.sh is missing",
            "root of a checkout",
        ),
        (
            &["--on", "kind", "--driver", "scripts", "--scripts", "/nowhere"],
            "is no folder",
            "root of a checkout",
        ),
    ] {
        let output = rehearse(folder.path(), &scenario("tiny.yaml"), more);
        let told = text(&output);
        assert_eq!(output.status.code(), Some(2), "{more:?}: {told}");
        assert!(told.contains(words) && told.contains(help), "{more:?}: {told}");
    }
    assert!(!folder.path().join("reports").exists(), "a run was begun");
}

#[test]
fn in_a_scenario_the_place_is_told() {
    let folder = folder();
    let file = folder.path().join("back.yaml");
    fs::write(&file, "name: back\nenvironment: kind\ndriver: scripts\nrollback: {from: phase-3/freeze}\n")
        .expect("a file");
    let output = rehearse(folder.path(), &file, &["--plan"]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("back.yaml:4:12: the official way back restores"), "{told}");
}

#[test]
fn the_plan_has_the_phases_and_needs_no_checkout() {
    let folder = folder();
    let output =
        rehearse(folder.path(), &scenario("tiny.yaml"), &["--on", "kind", "--driver", "scripts", "--plan"]);
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for phase in ["phase-1/scripts", "phase-2/scripts", "phase-3/scripts", "phase-4/scripts"] {
        assert!(told.contains(phase), "{phase}: {told}");
    }
    assert!(told.contains("3-cutover.sh") && !told.contains("phase-3/restore"), "{told}");
    // And back: a scenario of theirs with the built-in driver.
    let output =
        rehearse(folder.path(), &scenario("upstream-scripts.yaml"), &["--driver", "builtin", "--plan"]);
    let told = text(&output);
    assert!(
        output.status.success() && told.contains("phase-3/restore") && !told.contains("scripts"),
        "{told}"
    );
}

#[test]
fn what_shares_its_stores_refuses_them() {
    let folder = folder();
    let output = drydock(folder.path())
        .args(["drill", "--plan"])
        .arg(scenario("upstream-scripts.yaml"))
        .output()
        .expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("official scripts"), "{told}");
    let output = drydock(folder.path())
        .arg("simulate")
        .arg(scenario("upstream-scripts.yaml"))
        .output()
        .expect("it runs");
    assert!(!output.status.success() && text(&output).contains("cannot be simulated"), "{}", text(&output));
}

#[test]
fn doctor_names_each_program_that_the_scripts_call_with_its_mend() {
    let folder = folder();
    let empty = folder.path().join("bin");
    fs::create_dir(&empty).expect("a folder");
    let doctor = |more: &[&str]| {
        let mut doctor = drydock(folder.path());
        doctor.arg("doctor").args(more).arg(scenario("tiny.yaml")).env("PATH", &empty);
        text(&doctor.output().expect("it runs"))
    };
    let told = doctor(&["--on", "kind", "--driver", "scripts"]);
    for program in ["bash", "jq", "yq", "envsubst", "openssl"] {
        let line = format!("{program} is not on the search path; the migration scripts call it");
        assert!(told.lines().any(|l| l.starts_with("MISSING") && l.contains(&line)), "{program}: {told}");
    }
    assert!(told.contains("gettext-base"), "{told}");
    assert!(!doctor(&["--on", "kind"]).contains("envsubst"));
}
