//! The published JSON Schemas are the ones that the types make. `DRYDOCK_BLESS=1` rewrites them.

use drydock_core::observe::Observation;
use drydock_core::{Scenario, Summary};
use std::path::PathBuf;

fn committed(path: &str, schema: &serde_json::Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    let made = format!("{}\n", serde_json::to_string_pretty(schema).unwrap());
    if std::env::var_os("DRYDOCK_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &made).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == made, "{} is out of date: run this test with DRYDOCK_BLESS=1", path.display());
}

#[test]
fn the_scenario_schema_is_up_to_date() {
    committed("scenarios/schema.json", &Scenario::json_schema());
}

#[test]
fn the_report_schema_is_up_to_date() {
    committed("reports/schema.json", &Summary::json_schema());
}

#[test]
fn the_observation_schema_is_up_to_date() {
    committed("fixtures/observe/schema.json", &Observation::json_schema());
}

#[test]
fn the_example_of_an_observation_can_be_read() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/observe/example.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    Observation::from_yaml("example.yaml", &text).unwrap();
}
