//! Estimates as text and as a page: the same figures, nothing drawn that is not known.

use crate::dom::assert_sound;
use crate::samples::HOSTILE;
use drydock_core::Outcome;
use drydock_estimate::{
    Asked, Estimates, History, Machine, MeasuredRun, Question, Volumes, Way, estimate, upstream,
};
use drydock_report::estimate::{Subject, page, render};
use std::collections::BTreeMap;

/// A run whose copy takes a second for 5000 documents, `off` times as long as it should.
fn run(way: Way, documents: u64, off: f64) -> MeasuredRun {
    let rate = if way == Way::Standard { 5_000.0 } else { 50_000.0 };
    let copy = (3.0 + documents as f64 / rate) * off;
    let steps = serde_json::json!([
        {"step": "phase-3/freeze", "seconds": 1.0},
        {"step": "phase-3/restore/elasticsearch", "seconds": copy},
    ]);
    MeasuredRun {
        format: 1,
        run: format!("run-{documents}-{off}"),
        started: "2026-01-01T00:00:00Z".into(),
        drydock: "0.1.0".into(),
        scenario: "standard".into(),
        way,
        seed: 7,
        seeded_documents: documents,
        volumes: Volumes {
            documents,
            bytes: documents * 1_400,
            indices: 100,
            largest_index_bytes: documents * 200,
            rows: 10_000,
            row_bytes: 31_000_000,
            tables: 150,
            changed: 0,
        },
        steps: serde_json::from_value(steps).expect("steps"),
        downtime_seconds: Some(copy + 1.0),
        probe_seconds: Some(copy + 1.0),
        run_seconds: copy * 3.0,
        outcome: Outcome::Equal,
        checks: BTreeMap::new(),
        findings: Vec::new(),
        machine: Machine {
            cores: 2,
            memory_kib: 24_000_000,
            system: "linux x86_64".into(),
            ..Machine::default()
        },
    }
}

/// Four runs of each of three volumes, on each way.
fn history(ways: &[Way]) -> History {
    let mut history = History::default();
    for way in ways {
        for (n, documents) in [10_000, 50_000, 200_000].into_iter().cycle().take(12).enumerate() {
            history.runs.push(run(*way, documents, 0.97 + 0.02 * (n % 4) as f64));
        }
    }
    history
}

fn asked(history: &History, documents: u64) -> Estimates {
    let asked = Asked { documents: Some(documents), ..Asked::default() };
    estimate(history, &Question { asked, budget_seconds: Some(60.0), ..Question::default() })
}

/// The lines of the plot in a text.
fn plot(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    let Some(axis) = lines.iter().position(|l| l.contains("+----")) else { return Vec::new() };
    let first = lines[..axis].iter().rposition(|l| !l.contains('|')).map_or(0, |n| n + 1);
    let last = lines[axis..].iter().position(|l| l.is_empty()).map_or(lines.len(), |n| axis + n);
    lines[first..last].to_vec()
}

#[test]
fn the_page_of_an_estimate_says_what_the_text_says() {
    let history = history(&[Way::Standard, Way::Warm]);
    let estimates = asked(&history, 1_000_000);
    let (text, html) = (render(&estimates), page(&estimates, &history, Subject::Estimate));
    let found = assert_sound(&html);
    let of = |class: &str| {
        found.elements().iter().filter(|e| e.attribute("class").as_deref() == Some(class)).count()
    };
    assert_eq!((of("point"), of("band"), of("line beyond")), (24, 2, 2));
    let told = found.text();
    for sentence in [text.lines().next().expect("an answer"), "beyond the measured range by 5.0x"] {
        assert!(
            text.contains(sentence.trim()) && told.contains(sentence.trim()),
            "{sentence} of {text} in {told}"
        );
    }
    for fact in [
        "1 M asked",
        "Beyond what was measured",
        "2 cores, 23 GiB, linux x86_64",
        "12 measured runs",
        "budget",
    ] {
        assert!(told.contains(fact), "{fact} is missing: {told}");
    }
    assert!(
        told.contains("phase-3/restore/elasticsearch") && told.contains("the upstream guide for"),
        "{told}"
    );
}

#[test]
fn without_enough_runs_there_is_no_band_and_no_machine_is_made_up() {
    let history = History { runs: upstream::runs(&[0, 6_500_000]), torn: false };
    let estimates = asked(&history, 6_500_000);
    let found = assert_sound(&page(&estimates, &history, Subject::Estimate));
    let told = found.text();
    assert!(!found.elements().iter().any(|e| e.attribute("class").as_deref() == Some("band")));
    assert!(told.contains("Too few runs for an interval") && told.contains("7 more are needed"), "{told}");
    assert!(told.contains("the guide contradicts itself") && !told.contains("0 cores"), "{told}");
    let nothing = History::default();
    let empty = assert_sound(&page(&asked(&nothing, 1), &nothing, Subject::Estimate)).text();
    assert!(
        empty.contains("holds no run that came to its end") && empty.contains("Nothing was measured yet")
    );
}

#[test]
fn the_page_of_a_bench_asks_for_nothing() {
    let history = history(&[Way::Standard]);
    let told = assert_sound(&page(&asked(&history, 200_000), &history, Subject::Bench)).text();
    assert!(told.contains("at 200,000 documents: ") && !told.contains("200 k asked"), "{told}");
    assert!(told.contains("Within what was measured"), "{told}");
}

#[test]
fn a_name_from_a_history_stays_text() {
    let mut history = history(&[Way::Standard]);
    for run in &mut history.runs {
        (run.scenario, run.machine.system, run.drydock) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
    }
    assert_sound(&page(&asked(&history, 1_000_000), &history, Subject::Estimate));
}

#[test]
fn the_plot_of_the_terminal_is_small_and_rises() {
    let history = history(&[Way::Standard]);
    let text = render(&asked(&history, 1_000_000));
    let lines = plot(&text);
    assert_eq!(lines.len(), 12, "{text}");
    insta::assert_snapshot!("estimate-plot", lines.join("\n"));
    // What is asked is the largest and slowest: it stands to the right of and above every measured run.
    let place = |sign: char| lines.iter().take(9).enumerate().find_map(|(n, l)| Some((n, l.find(sign)?)));
    let (wanted, measured) = (place('X').expect("asked"), place('o').expect("measured"));
    assert!(wanted.0 < measured.0 && wanted.1 > measured.1, "{text}");
    // No estimate, no plot.
    let mut alike = history;
    alike.runs.retain(|r| r.seeded_documents == 10_000);
    assert!(plot(&render(&asked(&alike, 1_000_000))).is_empty());
}
