//! Metrics: read by a strict reader of the text format.

use crate::samples;
use drydock_core::Summary;
use drydock_core::scenario::{Expect, ExpectedVerdict};
use drydock_report::prometheus::render;
use std::collections::{BTreeMap, BTreeSet};

type Labels = BTreeMap<String, String>;

/// Every sample by name and labels. Panics where the format is violated: a family is one block with HELP and TYPE first, names
/// are names, values are numbers, no series stands there twice, and the last line ends.
fn read(text: &str) -> BTreeMap<(String, Labels), f64> {
    assert!(text.ends_with('\n'), "the last line does not end");
    let (mut families, mut samples) = (BTreeSet::new(), BTreeMap::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let (family, help) = line.strip_prefix("# HELP ").and_then(|l| l.split_once(' ')).expect(line);
        assert!(!help.is_empty() && families.insert(family), "{line}");
        assert_eq!(lines.next(), Some(&*format!("# TYPE {family} gauge")));
        assert!(lines.peek().is_some_and(|l| !l.starts_with('#')), "{family} has no sample");
        while let Some(line) = lines.next_if(|l| !l.starts_with('#')) {
            let (name, rest) = line.split_once('{').expect(line);
            assert_eq!(name, family, "a sample outside of its family");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            let (labels, value) = labels(rest);
            let value: f64 = value.strip_prefix(' ').expect(line).parse().expect(line);
            assert!(value.is_finite(), "{line}");
            assert!(samples.insert((name.to_owned(), labels), value).is_none(), "twice: {line}");
        }
    }
    samples
}

/// Labels up to the closing brace, with their escapes resolved, and what follows.
fn labels(text: &str) -> (Labels, &str) {
    let (mut found, mut rest) = (Labels::new(), text);
    loop {
        let (name, after) = rest.split_once("=\"").expect(rest);
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next().expect("a label that does not end") {
                (at, '"') => break at + 1,
                (_, '\\') => match chars.next().expect("an escape that does not end").1 {
                    c @ ('\\' | '"') => value.push(c),
                    'n' => value.push('\n'),
                    c => panic!("escape of {c:?}"),
                },
                (_, c) => value.push(c),
            }
        };
        assert!(found.insert(name.to_owned(), value).is_none(), "label {name} twice");
        match after.as_bytes()[end] {
            b',' => rest = &after[end + 1..],
            b'}' => return (found, &after[end + 1..]),
            other => panic!("{:?} behind a label", char::from(other)),
        }
    }
}

fn value(summary: &Summary, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let mut wanted: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    wanted.insert("scenario".into(), summary.scenario.clone());
    read(&render(summary)).get(&(name.to_owned(), wanted)).copied()
}

#[test]
fn verdict_downtime_and_findings_are_those_of_the_report() {
    for summary in
        [samples::green(), samples::planted(), samples::all_red(), samples::not_proven(), samples::killed()]
    {
        assert_eq!(value(&summary, "drydock_run_exit_code", &[]), Some(summary.verdict.exit_code.into()));
        assert_eq!(
            value(&summary, "drydock_downtime_seconds", &[("clock", "phases")]),
            summary.downtime.phase_clock_seconds
        );
        assert_eq!(
            value(&summary, "drydock_downtime_seconds", &[("clock", "probes")]),
            summary.downtime.probe_seconds
        );
        let samples = read(&render(&summary));
        let sum =
            |family: &str| samples.iter().filter(|((n, _), _)| n == family).map(|(_, v)| v).sum::<f64>();
        assert_eq!(sum("drydock_findings"), summary.verdict.findings.len() as f64);
        assert_eq!(sum("drydock_checks"), summary.verdict.checks.len() as f64);
    }
    let (green, red) = (samples::green(), samples::planted());
    let different = |summary| value(summary, "drydock_findings", &[("outcome", "different")]).unwrap();
    assert_eq!(different(&green), 0.0);
    assert!(different(&red) >= 1.0);
}

#[test]
fn a_run_is_held_against_what_it_is_meant_to_end_with() {
    let told = |mut summary: Summary, verdict| {
        summary.expect = Expect { verdict, checks: None };
        value(&summary, "drydock_run_as_expected", &[])
    };
    assert_eq!(told(samples::green(), ExpectedVerdict::Equal), Some(1.0));
    assert_eq!(told(samples::planted(), ExpectedVerdict::Equal), Some(0.0));
    assert_eq!(told(samples::planted(), ExpectedVerdict::Different), Some(1.0));
    // Meant to be red and green: its checks do not see what they should.
    assert_eq!(told(samples::green(), ExpectedVerdict::Different), Some(0.0));
}

#[test]
fn what_was_not_measured_is_no_zero() {
    let mut summary = samples::green();
    summary.downtime = drydock_core::summary::Downtime::default();
    summary.started = "never".into();
    let text = render(&summary);
    read(&text);
    assert!(!text.contains("drydock_downtime") && !text.contains("timestamp"), "{text}");
}

#[test]
fn names_from_outside_cannot_add_a_series() {
    let mut summary = samples::hostile(20);
    summary.scenario = "a\"} 0\ndrydock_run_exit_code{scenario=\"b\\".into();
    summary.drydock = "\u{202e}\u{1b}[31m\\".into();
    let samples = read(&render(&summary));
    let scenarios: BTreeSet<&str> = samples.keys().map(|(_, labels)| &*labels["scenario"]).collect();
    assert_eq!(scenarios.into_iter().collect::<Vec<_>>(), ["a\"} 0\\ndrydock_run_exit_code{scenario=\"b\\"]);
}
