//! What the absence of each safeguard comes to.

use super::{ALL, setup, usage};
use crate::cli::Simulate;
use drydock_core::{ExitCode, Scenario};
use drydock_simulated::{Absence, Arena, Safeguard, absence, run_without_shortening};
use serde_json::{Value, json};
use std::fmt::Write;

/// Seeds that are played at once, until one misses the safeguard.
const AT_ONCE: u64 = 40;

struct Row {
    safeguard: Safeguard,
    place: Option<&'static str>,
    words: String,
    missed: bool,
}

/// Each safeguard away in turn, beside the same seeds with all of them: one whose absence breaks nothing more protects nothing
/// that is looked at.
pub(super) fn table(scenario: &Scenario, arguments: &Simulate) -> ExitCode {
    let (first, seeds) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, 1));
    let whole = match setup(scenario, arguments, None) {
        Ok(setup) => setup,
        Err(error) => return usage(&error),
    };
    let baseline = run_without_shortening(&whole, first, seeds);
    let rows = Safeguard::ALL.map(|safeguard| {
        let absence =
            setup(scenario, arguments, Some(safeguard)).map(|setup| absence(&setup, &baseline, first));
        let (words, missed) = match absence {
            Err(why) => (format!("not tried: {why}"), false),
            Ok(absence) => told(absence, seeds),
        };
        Row { safeguard, place: None, words, missed }
    });
    tell(&scenario.name, &rows, &whole.not_simulated, arguments)
}

/// The same, each in a procedure that relies on it and under events that need it, until it is missed.
pub(super) fn each_in_its_arena(arguments: &Simulate) -> ExitCode {
    let (first, seeds) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, 1));
    let mut rows = Vec::new();
    for safeguard in Safeguard::ALL {
        let arena = Arena::of(safeguard);
        let without = match arena.setup(safeguard, arguments.documents) {
            Ok(setup) => setup,
            Err(error) => return usage(&error),
        };
        let whole = without.whole();
        let mut found = Absence::NotMissed;
        let mut at = 0;
        while at < seeds && found == Absence::NotMissed {
            let part = AT_ONCE.min(seeds - at);
            let baseline = run_without_shortening(&whole, first + at, part);
            found = absence(&without, &baseline, first + at);
            at += part;
        }
        let (words, missed) = told(found, at);
        rows.push(Row { safeguard, place: Some(arena.place()), words, missed });
    }
    tell(ALL, &rows, &[], arguments)
}

fn told(absence: Absence, seeds: u64) -> (String, bool) {
    match absence {
        Absence::NotProven(why) => (format!("not proven: {why}"), false),
        Absence::NotMissed => (format!("NOT MISSED in {seeds} seeds"), false),
        Absence::Missed(promises) => {
            let told = promises.iter().map(|(promise, (seeds, first))| {
                format!("{} in {seeds} seeds, first {first}", promise.as_str())
            });
            (format!("missed: {}", told.collect::<Vec<_>>().join("; ")), true)
        }
    }
}

fn tell(name: &str, rows: &[Row], not_simulated: &[String], arguments: &Simulate) -> ExitCode {
    let missed = rows.iter().filter(|row| row.missed).count();
    if arguments.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({"without": row.safeguard.as_str(), "in": row.place, "result": row.words, "missed": row.missed})
            })
            .collect();
        let all = json!({"scenario": name, "safeguards": rows});
        crate::commands::print(&serde_json::to_string_pretty(&all).unwrap_or_default());
    } else {
        let mut text = String::new();
        for row in rows {
            let place = row.place.map(|place| format!("{place:<22}")).unwrap_or_default();
            let _ = writeln!(text, "{:<20}{place}{}", row.safeguard.as_str(), row.words);
        }
        let _ = writeln!(text, "{missed} of {} safeguards are missed when they are gone", rows.len());
        for left_out in not_simulated {
            let _ = writeln!(text, "not simulated: {left_out}");
        }
        crate::commands::print(&text);
    }
    if missed == rows.len() { ExitCode::Equal } else { ExitCode::NotProven }
}
