//! The table of several rehearsals.

use crate::samples;
use drydock_core::event::StepOutcome;
use drydock_core::summary::StepReport;
use drydock_report::matrix::{moved_bytes, render};
use serde_json::json;
use std::collections::BTreeMap;

fn step(id: &str, facts: &[(&str, u64)]) -> StepReport {
    StepReport {
        step: id.into(),
        about: String::new(),
        outcome: Some(StepOutcome::Done),
        began_seconds: 0.0,
        seconds: 1.0,
        facts: facts
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), json!(bytes)))
            .collect::<BTreeMap<_, _>>(),
    }
}

#[test]
fn each_rehearsal_has_its_line_with_what_it_moved() {
    let mut green = samples::green();
    green.steps = vec![
        step("phase-2/backup/identity", &[("bytes", 1 << 30)]),
        step("phase-2/warm/elasticsearch", &[("bytes_copied", 3 << 20), ("bytes", 9 << 20)]),
        step("phase-3/backup/identity", &[("bytes", 1 << 19)]),
        step("phase-3/restore/elasticsearch", &[("bytes", 1 << 20)]),
    ];
    assert_eq!(moved_bytes(&green), (4 << 20) + (1 << 19));
    let table = render(&[green, samples::planted(), samples::hostile(3), samples::killed()]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[0].starts_with("scenario"), "{table}");
    assert!(lines[1].contains("EQUAL (0)") && lines[1].contains("4.5 MiB"), "{table}");
    assert!(lines[2].contains("(1)"), "{table}");
    assert!(lines[4].contains("more than") || lines[4].contains("(130)"), "{table}");
    assert!(table.chars().all(|c| c == '\n' || !c.is_control()), "{table:?}");
}
