//! SARIF: what code scanning reads, for every sample run.

use crate::samples;
use drydock_core::finding::Place;
use drydock_core::{Outcome, Summary};
use drydock_report::sarif::render;
use serde_json::{Value, json};

fn parsed(summary: &Summary) -> Value {
    serde_json::from_str(&render(summary)).unwrap_or_else(|e| panic!("{e}"))
}

/// What a schema has against a log.
fn complaints(schema: &Value, log: &Value) -> Vec<String> {
    let schema =
        jsonschema::options().should_validate_formats(true).build(schema).unwrap_or_else(|e| panic!("{e}"));
    schema.iter_errors(log).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

/// The schema of the parts a report has, and the whole official one where `DRYDOCK_TEST_SARIF_SCHEMA` names its file.
fn schemas() -> Vec<Value> {
    let mut texts = vec![include_str!("sarif-subset.json").to_owned()];
    match std::env::var_os("DRYDOCK_TEST_SARIF_SCHEMA") {
        Some(file) => texts.push(std::fs::read_to_string(file).unwrap()),
        None => println!(
            "SKIP DRYDOCK_TEST_SARIF_SCHEMA names no schema of SARIF 2.1.0; its parts in use were held against"
        ),
    }
    texts.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[test]
fn every_log_fits_the_schema() {
    let mut placed = samples::planted();
    placed.verdict.findings[0].finding.place = Some(Place { file: "a b/ü.yaml".into(), line: 7, column: 3 });
    for schema in schemas() {
        for summary in [
            placed.clone(),
            samples::green(),
            samples::hostile(40),
            samples::all_red(),
            samples::not_proven(),
            samples::killed(),
        ] {
            let found = complaints(&schema, &parsed(&summary));
            assert!(found.is_empty(), "{}", found.join("\n"));
        }
        // A log that breaks a rule of the standard is refused, so that the look above can fail.
        let broken: [(&str, Value); 6] = [
            ("/version", json!("2.0.0")),
            ("/runs/0/tool/driver/name", json!(7)),
            ("/runs/0/results/0/level", json!("fatal")),
            ("/runs/0/results/0/message", json!({"words": "x"})),
            ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", json!(0)),
            ("/runs/0/results/0/partialFingerprints", json!("x")),
        ];
        for (pointer, wrong) in broken {
            let mut log = parsed(&placed);
            *log.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = wrong;
            assert!(!complaints(&schema, &log).is_empty(), "{pointer}");
        }
    }
}

/// What a reader of the log relies on beyond its schema.
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
    // One that is in no file stands at the scenario, with what it is about.
    let subject = &summary.verdict.findings[1].finding.subject;
    assert_eq!(
        results[1]["locations"],
        json!([{
            "physicalLocation": {"artifactLocation": {"uri": "scenarios/x.yaml"}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": subject}],
        }])
    );
}

/// GitHub refuses a whole file for one result without a location, and two runs of one category in one upload.
#[test]
fn code_scanning_takes_every_log() {
    let mut verified = samples::planted();
    verified.scenario_file.clear();
    verified.verdict.findings[0].finding.place =
        Some(Place { file: "values.yaml".into(), line: 0, column: 0 });
    for summary in
        [verified, samples::planted(), samples::hostile(40), samples::all_red(), samples::not_proven()]
    {
        let run = &parsed(&summary)["runs"][0];
        for result in run["results"].as_array().unwrap() {
            let places = result["locations"].as_array().unwrap();
            assert_eq!(places.len(), 1, "{result}");
            let physical = &places[0]["physicalLocation"];
            assert!(physical["artifactLocation"]["uri"].as_str().is_some_and(|u| !u.is_empty()), "{result}");
            assert!(physical["region"]["startLine"].as_u64().is_some_and(|line| line >= 1), "{result}");
        }
    }
    let id = |summary: &Summary| parsed(summary)["runs"][0]["automationDetails"]["id"].clone();
    let (one, mut other) = (samples::planted(), samples::planted());
    assert_eq!(id(&one), format!("drydock/{}/", one.scenario));
    other.scenario = "a/other".into();
    assert_eq!(id(&other), "drydock/a-other/");
}

#[test]
fn a_log_that_is_cut_keeps_the_gravest_and_says_so() {
    let mut summary = samples::planted();
    let (mut grave, mut light) = (summary.verdict.findings[0].clone(), summary.verdict.findings[0].clone());
    (grave.finding.outcome, light.finding.outcome) = (Outcome::Different, Outcome::Expected);
    summary.verdict.findings = vec![light; 6_000];
    summary.verdict.findings.push(grave);
    let log = parsed(&summary);
    let run = &log["runs"][0];
    assert_eq!(run["results"].as_array().map(Vec::len), Some(5_000));
    assert_eq!(run["results"][0]["level"], "error");
    let told = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(told.as_str().is_some_and(|t| t.starts_with("5000 of 6001 ")), "{told}");
    for schema in schemas() {
        assert_eq!(complaints(&schema, &log), Vec::<String>::new());
    }
    assert!(parsed(&samples::planted())["runs"][0]["invocations"][0]["toolExecutionNotifications"].is_null());
}

#[test]
fn nothing_in_a_log_hides_or_becomes_a_link() {
    let text = render(&samples::hostile(40));
    assert!(text.lines().all(|line| drydock_report::text::printable(line) == line), "{text}");
    for result in parsed(&samples::hostile(40))["runs"][0]["results"].as_array().unwrap() {
        let message = result["message"]["text"].as_str().unwrap();
        assert!(!message.contains("]("), "{message}");
        // What is said of the data is there all the same.
        assert!(!message.contains("![i]") || message.contains("![i] (http://h)"), "{message}");
    }
}
