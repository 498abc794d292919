//! The evidence pack on the command line: made, looked at, and refused once it was changed.

use crate::support::{drydock, folder, text};
use drydock_core::event::{Ending, RECORD_VERSION, RunStarted};
use drydock_core::{
    Event, Finding, Kind, Outcome, Plan, RecordWriter, Redactor, RunId, Scenario, SystemClock,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Writes the record of a comparison with one difference.
fn record(folder: &Path) {
    let check = "elasticsearch/documents";
    let started = RunStarted {
        record_version: RECORD_VERSION,
        drydock: env!("CARGO_PKG_VERSION").into(),
        run: RunId::new("packed-1"),
        scenario_file: "/home/ada/packed.yaml".into(),
        scenario: Scenario::from_yaml("packed.yaml", "name: packed").expect("a scenario"),
        plan: Plan { steps: Vec::new(), checks: vec![check.into()] },
        ledger: Vec::new(),
        machine: BTreeMap::new(),
    };
    fs::create_dir_all(folder).expect("a folder");
    let file = fs::File::create(folder.join("record.jsonl")).expect("a record");
    let mut writer = RecordWriter::new(file, 0, Redactor::default());
    let clock = SystemClock::start();
    for event in [
        Event::RunStarted(Box::new(started)),
        Event::Finding(Finding::data(
            check,
            Kind::Missing,
            "operate-list-view-8.3.0_",
            "1 document is missing",
        )),
        Event::CheckFinished {
            check: check.into(),
            outcome: Outcome::Different,
            compared: 5,
            note: String::new(),
            millis: 1,
        },
        Event::RunFinished { ending: Ending::Complete },
    ] {
        writer.append(&clock, event).expect("written");
    }
}

#[test]
fn a_run_is_packed_and_the_pack_is_held_against_its_record() {
    let folder = folder();
    record(&folder.path().join("run"));
    let packed = drydock(folder.path()).args(["report", "run", "--pack"]).output().expect("it runs");
    assert_eq!(packed.status.code(), Some(1), "the code of the verdict: {}", text(&packed));
    let line = String::from_utf8_lossy(&packed.stdout).into_owned();
    let (sha256, path) = line.trim_end().split_once("  ").expect("a digest and a path");
    assert_eq!(sha256.len(), 64, "{line}");
    let beside = ["report.json", "report.md", "report.html", "junit.xml", "trace.json", "packed-1.tar.gz"];
    assert!(beside.iter().all(|name| folder.path().join("run").join(name).is_file()), "{}", text(&packed));

    let whole = drydock(folder.path()).args(["report", "--verify-pack", path]).output().expect("it runs");
    assert_eq!(whole.status.code(), Some(1), "the code of the verdict inside: {}", text(&whole));
    assert!(text(&whole).contains("pack     whole") && text(&whole).contains(sha256), "{}", text(&whole));

    let mut bytes = fs::read(path).expect("the pack");
    bytes.truncate(bytes.len() / 2);
    fs::write(folder.path().join("cut.tar.gz"), bytes).expect("written");
    let cut =
        drydock(folder.path()).args(["report", "--verify-pack", "cut.tar.gz"]).output().expect("it runs");
    assert_eq!(cut.status.code(), Some(2), "{}", text(&cut));
    assert!(text(&cut).contains("cannot read the pack"), "{}", text(&cut));

    // The same pack again, at a place of one's own.
    let again =
        drydock(folder.path()).args(["report", "run", "--pack=mine.tar.gz"]).output().expect("it runs");
    assert!(text(&again).contains(sha256), "{}", text(&again));
    assert_eq!(
        fs::read(folder.path().join("mine.tar.gz")).expect("mine"),
        fs::read(path).expect("the first")
    );

    for (format, begins) in [("html", "<!DOCTYPE html>"), ("trace", "{\"displayTimeUnit\"")] {
        let shown =
            drydock(folder.path()).args(["report", "run", "--format", format]).output().expect("it runs");
        assert!(String::from_utf8_lossy(&shown.stdout).starts_with(begins), "{}", text(&shown));
    }
}

#[test]
fn a_report_of_nothing_is_wrong_usage() {
    let folder = folder();
    let nothing = drydock(folder.path()).arg("report").output().expect("it runs");
    assert_eq!(nothing.status.code(), Some(2), "{}", text(&nothing));
    let absent =
        drydock(folder.path()).args(["report", "--verify-pack", "x.tar.gz"]).output().expect("it runs");
    assert_eq!(absent.status.code(), Some(2), "{}", text(&absent));
    assert!(text(&absent).contains("cannot read x.tar.gz"), "{}", text(&absent));
}
