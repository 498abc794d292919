//! The simulation from the command line.

use crate::support::{drydock, folder, text};
use std::path::Path;

const UPSTREAM: &str = "name: upstream\nmigration: {reindex: warm, delta: upstream}\n";
const EXACT: &str = "name: exact\nmigration: {reindex: warm, delta: exact}\n";

fn simulate(folder: &Path, yaml: &str, arguments: &[&str]) -> std::process::Output {
    std::fs::write(folder.join("scenario.yaml"), yaml).expect("written");
    drydock(folder).args(["simulate", "scenario.yaml"]).args(arguments).output().expect("it runs")
}

#[test]
fn what_breaks_is_told_with_its_shortest_schedule_and_what_is_left_out_too() {
    let folder = folder();
    let exact = simulate(folder.path(), EXACT, &["--seeds", "12"]);
    let told = text(&exact);
    assert_eq!(exact.status.code(), Some(0), "{told}");
    assert!(told.contains("no promise broken") && told.contains("12 seeds"), "{told}");
    assert!(told.contains("not simulated: second roles, owners and rights of PostgreSQL"), "{told}");
    let upstream = simulate(folder.path(), UPSTREAM, &["--seeds", "12"]);
    let told = text(&upstream);
    assert_eq!(upstream.status.code(), Some(1), "{told}");
    for words in ["BROKEN  no resurrected document (elasticsearch/documents)", "shortest schedule, 1 of "] {
        assert!(told.contains(words), "{words}:\n{told}");
    }
}

#[test]
fn a_seed_is_told_line_by_line_and_the_same_each_time() {
    let folder = folder();
    let trace = || simulate(folder.path(), UPSTREAM, &["--seed", "7", "--trace"]).stdout;
    let told = trace();
    assert_eq!(told, trace());
    let told = String::from_utf8(told).expect("text");
    for words in [
        "seed 7 of upstream",
        "step    phase-2/warm/elasticsearch",
        "target POST /_reindex -> 200",
        "user    write 1000",
    ] {
        assert!(told.contains(words), "{words}:\n{told}");
    }
}

#[test]
fn programs_get_json_and_what_cannot_be_simulated_is_refused() {
    let folder = folder();
    let output = simulate(folder.path(), UPSTREAM, &["--seeds", "12", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (told["seeds"].as_u64(), told["gaps"].as_array().map(Vec::len)),
        (Some(12), Some(0)),
        "{told}"
    );
    assert!(
        told["broken"].as_array().is_some_and(|b| b.iter().any(|b| b["promise"] == "no-ghost")),
        "{told}"
    );
    let refused = simulate(folder.path(), "name: x\nmigration: {mover: snapshot}\n", &[]);
    assert_eq!(refused.status.code(), Some(2), "{}", text(&refused));
    assert!(text(&refused).contains("reindex and stream are simulated"), "{}", text(&refused));
}

#[test]
fn a_safeguard_that_is_gone_is_missed() {
    let folder = folder();
    let output = simulate(folder.path(), EXACT, &["--seeds", "8", "--without", "settings"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert!(text(&output).contains("definitions carried"), "{}", text(&output));
}

#[test]
fn what_proves_nothing_is_not_green() {
    let folder = folder();
    let nowhere =
        "name: x\nmigration: {components: [elasticsearch], index_prefixes: [nothing-of-that-name-]}\n";
    let output = simulate(folder.path(), nowhere, &["--seeds", "4"]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    assert!(text(&output).contains("not proven: 0 of 4 seeds"), "{}", text(&output));
}

#[test]
fn the_table_counts_what_breaks_beside_the_same_seeds_with_every_safeguard() {
    let folder = folder();
    let output = simulate(folder.path(), UPSTREAM, &["--seeds", "3", "--without", "all"]);
    let told = text(&output);
    // Of the exact delta's safeguards this procedure has none.
    assert_eq!(output.status.code(), Some(3), "{told}");
    let row = |name: &str| told.lines().find(|l| l.starts_with(name)).unwrap_or_default().to_owned();
    assert!(row("marks").contains("not tried: it belongs to the exact delta"), "{told}");
    assert!(row("objects").contains(" missed: "), "{told}");
    assert!(row("objects").contains("definitions carried in 3 seeds, first 1"), "{told}");
    assert!(!row("objects").contains("resurrected"), "{told}");
}
