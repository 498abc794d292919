//! The proof of the checks, by itself and in the reports of a run.

use crate::samples::{self, HOSTILE, proof};
use drydock_report::terminal::{Color, render};
use drydock_report::{junit, markdown, text};
use std::path::Path;

#[test]
fn a_proof_that_holds_is_a_table_and_one_that_does_not_lists_every_miss() {
    let told = drydock_report::proof::render(&[proof(0)], 100, Color::Plain);
    assert!(
        told.starts_with("PROVEN  1,287 of 1,287 planted corruptions caught, 1,287 named exactly"),
        "{told}"
    );
    assert!(told.contains("seed 42") && !told.contains("missed"), "{told}");
    let row: Vec<&str> =
        told.lines().find(|l| l.starts_with("documents")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["documents", "179", "179", "179", "500", "0"]);

    let told = drydock_report::proof::render(&[proof(2)], 100, Color::Plain);
    assert!(told.starts_with("NOT PROVEN  1,285 of 1,287"), "{told}");
    for miss in ["routing dropped 0", "routing dropped 1", "drydock prove --in-memory --seed 42"] {
        assert!(told.contains(miss), "{told}");
    }
    assert!(
        told.lines().all(|line| text::width(line) <= 100 && !line.contains(['\u{1b}', '\u{7}'])),
        "{told}"
    );
    assert!(!drydock_report::proof::hold(&[]), "no proof at all proves nothing");
}

#[test]
fn programs_read_the_same() {
    let told: serde_json::Value = serde_json::from_str(&drydock_report::proof::json(&[proof(1)])).unwrap();
    assert_eq!(told["holds"], false);
    assert_eq!(told["proofs"][0]["seed"], 42);
    assert_eq!(told["proofs"][0]["misses"][0]["variant"], "routing dropped 0");
}

#[test]
fn every_report_of_a_run_tells_its_proof() {
    let (green, unproven) = (samples::green(), samples::unproven_build());
    let screen = |summary| render(summary, 100, Color::Plain, Path::new(""));
    assert!(
        screen(&green).contains("proof       1,287 caught and named of 1,287 planted"),
        "{}",
        screen(&green)
    );
    assert!(markdown::render(&green, markdown::MAX_BYTES).contains("## How far to trust this"));
    assert!(junit::render(&green).contains("name=\"proof of checks\" value=\"1,287 caught and named"));

    assert_eq!(unproven.verdict.exit_code, 3);
    let told = screen(&unproven);
    assert!(told.starts_with("NOT PROVEN (exit code 3)  the checks of this build failed"), "{told}");
    let told = markdown::render(&unproven, markdown::MAX_BYTES);
    assert!(told.contains("**Not as promised**") && told.contains("routing dropped 2"), "{told}");
    assert!(!told.contains(HOSTILE) && !told.contains(" <img"), "{told}");
}
