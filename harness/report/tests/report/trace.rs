//! The trace: valid, and true to the record.

use crate::samples;
use drydock_core::Record;
use drydock_report::trace::render;
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads a trace and holds it against what the Trace Event Format asks of it; gives the events by track name.
fn read(record: &Record) -> BTreeMap<String, Vec<Value>> {
    let text = render(record);
    assert_eq!(text, render(record), "the same record gives the same trace");
    let document: Value = serde_json::from_str(&text).unwrap();
    let events = document["traceEvents"].as_array().unwrap();
    let mut names: BTreeMap<u64, String> = BTreeMap::new();
    let mut tracks: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        assert!(event["name"].is_string() && event["pid"].is_u64() && event["tid"].is_u64(), "{event}");
        match event["ph"].as_str().unwrap() {
            "M" => {
                assert!(event["args"].is_object(), "{event}");
                if event["name"] == "thread_name" {
                    names.insert(
                        event["tid"].as_u64().unwrap(),
                        event["args"]["name"].as_str().unwrap().to_owned(),
                    );
                }
                continue;
            }
            "X" => assert!(event["ts"].is_u64() && event["dur"].is_u64(), "{event}"),
            "i" => assert!(event["ts"].is_u64() && event["s"] == "t", "{event}"),
            other => panic!("a phase that is not written: {other}"),
        }
        assert!(event["cat"].is_string() && event["args"].is_object(), "{event}");
        let track = &names[&event["tid"].as_u64().unwrap()];
        tracks.entry(track.clone()).or_default().push(event.clone());
    }
    for (track, events) in &tracks {
        // Spans of a track may lie within each other, but not across: viewers draw such ones wrongly.
        let mut open: Vec<u64> = Vec::new();
        let mut last = 0;
        for event in events.iter().filter(|e| e["ph"] == "X") {
            let (from, length) = (event["ts"].as_u64().unwrap(), event["dur"].as_u64().unwrap());
            assert!(from >= last, "{track} is not in order");
            last = from;
            open.retain(|end| *end > from);
            assert!(open.iter().all(|end| from + length <= *end), "{track}: {event} lies across another one");
            open.push(from + length);
        }
    }
    tracks
}

#[test]
fn steps_service_probes_and_checks_have_their_tracks() {
    let record = samples::planted_record();
    let tracks = read(&record);
    let steps = &tracks["steps"];
    assert_eq!(steps.len(), record.started.plan.steps.len());
    assert!(steps.iter().all(|s| s["args"]["outcome"] == "done"));
    let freeze = steps.iter().find(|s| s["name"] == "phase-3/freeze").unwrap();
    assert_eq!(
        freeze["dur"], 901_000,
        "from its beginning to its end, a millisecond of the service in between"
    );
    let service: Vec<&str> = tracks["service"].iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(service, ["closed", "open on the target"]);
    let outage = &tracks["probe elasticsearch/write"][0];
    assert_eq!((outage["ts"].as_u64(), outage["dur"].as_u64()), (Some(12_600_000), Some(17_350_000)));
    assert_eq!(outage["args"]["failed"], 345);
    let checks: usize = tracks.iter().filter(|(t, _)| t.starts_with("checks")).map(|(_, c)| c.len()).sum();
    assert_eq!(checks, drydock_core::names::checks::all().count());
    assert_eq!(tracks["planted losses"].len(), 5);
    assert_eq!(tracks["findings"].len(), 7);
}

#[test]
fn a_run_that_was_killed_shows_what_was_running() {
    let tracks = read(&samples::killed_record());
    let last = tracks["steps"].last().unwrap();
    assert_eq!(last["name"], "phase-3/restore/elasticsearch");
    assert_eq!(last["args"]["outcome"], "was running when the record ended");
    assert!(!tracks.contains_key("findings"));
}

#[test]
fn data_does_no_harm_and_is_not_endless() {
    read(&samples::hostile_record(3));
    let text = render(&samples::hostile_record(25_000));
    assert!(!text.contains('\u{202e}') && !text.contains("\\u001b"));
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["otherData"]["left_out"], 5_001, "what is left out is told");
}

#[test]
fn checks_that_overlap_do_not_share_a_track() {
    use drydock_core::{Event, Outcome};
    let mut record = samples::green_record();
    let last = record.entries.last().unwrap().clone();
    for (at, millis) in [(500, 400), (600, 300), (650, 150)] {
        let mut entry = last.clone();
        entry.ms = last.ms + at;
        entry.event = Event::CheckFinished {
            check: format!("extra/{at}").as_str().into(),
            outcome: Outcome::Equal,
            compared: 1,
            note: String::new(),
            millis,
        };
        record.entries.push(entry);
    }
    let tracks = read(&record);
    let of =
        |check: &str| tracks.iter().find(|(_, c)| c.iter().any(|e| e["name"] == check)).unwrap().0.clone();
    assert_ne!(of("extra/500"), of("extra/600"));
}
