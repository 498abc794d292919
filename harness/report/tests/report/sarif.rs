//! SARIF: what code scanning reads, for every sample run.

use crate::samples;
use drydock_core::finding::Place;
use drydock_core::{Outcome, Summary};
use drydock_report::sarif::render;
use serde_json::{Value, json};

fn parsed(summary: &Summary) -> Value {
    serde_json::from_str(&render(summary)).unwrap_or_else(|e| panic!("{e}"))
}

/// What the schema of SARIF 2.1.0 asks of the parts a report has.
#[test]
fn every_run_is_a_valid_log() {
    for summary in [
        samples::green(),
        samples::planted(),
        samples::hostile(40),
        samples::all_red(),
        samples::not_proven(),
        samples::killed(),
    ] {
        let log = parsed(&summary);
        assert_eq!(log["version"], "2.1.0");
        let run = &log["runs"][0];
        assert_eq!(run["tool"]["driver"]["name"], "drydock");
        let rules: Vec<&str> = run["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|r| r["id"].as_str())
            .collect();
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), summary.verdict.findings.len());
        for (result, judged) in results.iter().zip(&summary.verdict.findings) {
            assert!(rules.contains(&result["ruleId"].as_str().unwrap()));
            assert!(!result["message"]["text"].as_str().unwrap().is_empty());
            let level = match judged.finding.outcome {
                Outcome::Different => "error",
                Outcome::NotProven => "warning",
                _ => "note",
            };
            assert_eq!(result["level"], level);
            // What is expected is suppressed, and only that.
            assert_eq!(result["suppressions"].is_array(), judged.expected_because.is_some());
        }
    }
}

#[test]
fn a_finding_in_a_file_is_told_at_its_line() {
    let mut summary = samples::planted();
    let first = &mut summary.verdict.findings[0].finding;
    first.place = Some(Place { file: "./my values/old.yaml".into(), line: 7, column: 3 });
    let log = parsed(&summary);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(
        results[0]["locations"],
        json!([{"physicalLocation": {
            "artifactLocation": {"uri": "my%20values/old.yaml"},
            "region": {"startLine": 7, "startColumn": 3},
        }}])
    );
    assert!(results[1]["locations"].is_null());
}
