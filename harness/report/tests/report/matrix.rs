//! The table of several rehearsals.

use crate::samples;
use drydock_core::ExitCode;
use drydock_core::event::StepOutcome;
use drydock_core::scenario::{Expect, ExpectedVerdict};
use drydock_core::summary::StepReport;
use drydock_report::matrix::{exit, moved_bytes, render};
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
    assert_eq!(lines.len(), 6, "{table}");
    assert!(lines[0].starts_with("scenario"), "{table}");
    assert!(lines[1].contains("EQUAL (0)") && lines[1].contains("4.5 MiB"), "{table}");
    assert!(lines[2].contains("(1)"), "{table}");
    assert!(lines[4].contains("more than") || lines[4].contains("(130)"), "{table}");
    assert!(lines[1].ends_with("yes") && lines[2].contains("NO: it was meant"), "{table}");
    assert_eq!(lines[5], "1 of 4 ended as they are meant to");
    assert!(table.chars().all(|c| c == '\n' || !c.is_control()), "{table:?}");
}

#[test]
fn a_scenario_that_is_meant_to_be_red_counts_as_well_only_if_it_is() {
    let meant = |mut summary: drydock_core::Summary, checks: Option<&[&str]>| {
        let checks = checks.map(|names| names.iter().map(|n| (*n).into()).collect());
        summary.expect = Expect { verdict: ExpectedVerdict::Different, checks };
        summary
    };
    let (green, planted) = (samples::green(), samples::planted());
    assert_eq!(exit(&[green.clone(), planted.clone()]), ExitCode::Different);
    assert_eq!(exit(&[green.clone(), meant(planted.clone(), None)]), ExitCode::Equal);
    // Nobody objected to what was planted: the checks cannot be trusted.
    assert_eq!(exit(&[meant(green, None)]), ExitCode::NotProven);
    // It is red, but elsewhere: the exact list does not let that pass.
    let elsewhere = meant(planted.clone(), Some(&["helm/values-text"]));
    assert_eq!(exit(std::slice::from_ref(&elsewhere)), ExitCode::Different);
    assert!(render(&[elsewhere]).contains("did not object: helm/values-text"));
    let objecting: std::collections::BTreeSet<&str> = planted
        .verdict
        .findings
        .iter()
        .filter(|j| j.finding.outcome >= drydock_core::Outcome::NotProven)
        .map(|j| j.finding.check.as_str())
        .collect();
    let exact: Vec<&str> = objecting.into_iter().collect();
    assert_eq!(exit(&[meant(planted.clone(), Some(&exact))]), ExitCode::Equal);
}
