// What must hold for whatever stands in the place of a scenario, a ledger or a record. Used by the fuzz targets and by the
// tests of `drydock-core`.

use drydock_core::printable::printable;
use drydock_core::scenario::ledger_from_yaml;
use drydock_core::{Event, Finding, Kind, Plan, Record, Scenario, ScenarioError, Summary};
use std::collections::BTreeSet;

/// A scenario with a plan that can be written down, or a mistake with its place.
pub(super) fn any_scenario(text: &str) {
    match Scenario::from_yaml("scenario.yaml", text) {
        Err(error) => assert_told(&error, text),
        Ok(scenario) => {
            let plan = Plan::of(&scenario);
            let steps: BTreeSet<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
            assert!(!steps.is_empty() && steps.len() == plan.steps.len(), "steps without names of their own");
            // A record holds it, and what is read back is the same.
            let written = serde_json::to_string(&scenario).expect("a scenario can be written");
            let read: Scenario = serde_json::from_str(&written).expect("what was written can be read");
            assert_eq!(read, scenario);
        }
    }
}

/// A ledger whose lines can be asked, or a mistake with its place.
pub(super) fn any_ledger(text: &str) {
    match ledger_from_yaml("ledger.yaml", text) {
        Err(error) => assert_told(&error, text),
        Ok(ledger) => {
            for line in &ledger.expected {
                let finding = Finding::data(&line.check, Kind::Missing, line.subject.as_str(), "");
                // Words without stars mean themselves.
                let plain = !line.check.contains('*') && !line.subject.contains('*');
                let covers = line.covers(&finding);
                assert!(covers || !plain || line.kind.is_some_and(|k| k != Kind::Missing), "{line:?}");
                // Whatever is written there, it does not stand for ever.
                assert!(line.is_expired(&line.expires), "{line:?}");
            }
        }
    }
}

/// A record and its verdict, or words that say why there is none. What was cut short is never green.
pub(super) fn any_record(bytes: &[u8]) {
    match Record::read(bytes) {
        Err(error) => {
            assert!(!error.to_string().is_empty());
        }
        Ok(record) => {
            assert!(record.whole_bytes <= bytes.len() as u64);
            assert_eq!(record.torn.is_some(), record.whole_bytes < bytes.len() as u64);
            let summary = Summary::of(&record);
            assert_eq!(summary, Summary::of(&record), "a verdict follows from the record alone");
            let ended = matches!(record.entries.last().map(|e| &e.event), Some(Event::RunFinished { .. }));
            assert!(ended || !summary.verdict.is_green(), "green without an end");
            assert!(summary.torn == record.torn.is_some());
            // Reports are made from it.
            serde_json::to_string(&summary).expect("a summary can be written");
            // Where a resumed run goes on, the same stands before.
            let whole = usize::try_from(record.whole_bytes).expect("no longer than what was read");
            let again = Record::read(&bytes[..whole]).expect("whole lines are a record");
            assert_eq!(again.entries, record.entries);
        }
    }
}

/// A mistake has words, a place in the text, and nothing in it that steers a terminal.
fn assert_told(error: &ScenarioError, text: &str) {
    assert!(!error.message.is_empty(), "no words");
    let lines = text.lines().count() as u64 + 1;
    assert!(error.line <= lines, "line {} of {lines}", error.line);
    let told = format!("{error} {}", error.help.as_deref().unwrap_or_default());
    assert_eq!(printable(&told), told, "the mistake steers a terminal");
    // The picture of the place, as people see it.
    let mut picture = String::new();
    let drawn = miette::NarratableReportHandler::new().render_report(&mut picture, error);
    assert!(drawn.is_ok(), "the place cannot be shown");
    let shown = |line: &str| {
        printable(line.trim_end_matches('\r').replace('\t', " ").as_str())
            == line.trim_end_matches('\r').replace('\t', " ")
    };
    assert!(picture.split('\n').all(shown), "the picture steers a terminal: {picture:?}");
}
