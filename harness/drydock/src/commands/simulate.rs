//! `drydock simulate`: the migration in virtual time, under as many schedules as one likes.

use crate::cli::Simulate;
use drydock_core::{ExitCode, Scenario};
use drydock_simulated::{
    Absence, Broken, Campaign, Crashes, Played, Safeguard, Setup, Tracing, absence, play, run as campaign,
    run_without_shortening,
};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::{Duration, Instant};

/// What is simulated where no file is named: everything as it is by default.
const STANDARD: &str = "name: standard\n";
/// The whole table of safeguards.
const ALL: &str = "all";

/// Plays seeds and tells which promises broke. Exit code 0 only if none did and most seeds prove something; with `--without all`
/// only if every absence broke one that holds otherwise.
pub(crate) fn run(arguments: &Simulate) -> ExitCode {
    let scenario = match read(arguments) {
        Ok(scenario) => scenario,
        Err(error) => return usage(&error),
    };
    if arguments.without.as_deref() == Some(ALL) {
        return table(&scenario, arguments);
    }
    let without = arguments.without.as_deref().and_then(Safeguard::of_name);
    let crashes = if arguments.crashes { Crashes::Happen } else { Crashes::Never };
    let setup = match Setup::new(&scenario, arguments.documents, without) {
        Ok(setup) => Setup { crashes, ..setup },
        Err(error) => return usage(&error),
    };
    if arguments.trace {
        return trace(&setup, arguments.seed.unwrap_or_default());
    }
    let (first, seeds) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, 1));
    let begun = Instant::now();
    let played = campaign(&setup, first, seeds);
    let took = begun.elapsed();
    if arguments.json {
        super::print_value(&as_json(&setup, &played, took));
    } else {
        super::print(&screen(&setup, &played, took));
    }
    exit(&played)
}

fn usage(error: &str) -> ExitCode {
    super::tell(&format!("error: {error}"));
    ExitCode::Usage
}

fn read(arguments: &Simulate) -> Result<Scenario, String> {
    let Some(path) = &arguments.scenario else {
        return Scenario::from_yaml("standard", STANDARD).map_err(|e| e.to_string());
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read the scenario {file}: {e}"))?;
    Scenario::from_yaml(&file, &text).map_err(|e| e.to_string())
}

fn exit(played: &Campaign) -> ExitCode {
    if !played.broken.is_empty() {
        ExitCode::Different
    } else if played.proves() {
        ExitCode::Equal
    } else {
        // Where users never came to the target, or nothing was written or wanted, nothing was promised of it.
        ExitCode::NotProven
    }
}

/// One seed, told line by line.
fn trace(setup: &Setup, seed: u64) -> ExitCode {
    let schedule = setup.schedule(seed);
    let mut text = format!("seed {seed} of {}\n", setup.scenario.name);
    for event in &schedule.events {
        let _ = writeln!(text, "  {event}");
    }
    let played = play(setup, &schedule, Tracing::On);
    text.push_str(&played.text());
    super::print(&text);
    exit_of_one(&played)
}

fn exit_of_one(played: &Played) -> ExitCode {
    match (played.broken.is_empty(), played.proves()) {
        (false, _) => ExitCode::Different,
        (true, true) => ExitCode::Equal,
        (true, false) => ExitCode::NotProven,
    }
}

fn screen(setup: &Setup, played: &Campaign, took: Duration) -> String {
    let mut text = String::new();
    let seconds = took.as_secs_f64().max(0.001);
    // Rates for people; the loss of precision is theirs to bear.
    let (a_minute, virtual_seconds) = (played.seeds as f64 * 60.0 / seconds, played.millis as f64 / 1_000.0);
    let without = setup.without.map(|s| format!(" without {s}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{}{without}: {} seeds in {seconds:.1} s ({a_minute:.0} a minute), {virtual_seconds:.0} simulated seconds, {} requests, \
         {} faults",
        setup.scenario.name, played.seeds, played.requests, played.struck
    );
    if let Some((seed, why)) = &played.first_stopped {
        let _ = writeln!(
            text,
            "{} stopped by themselves, users on the source; seed {seed}: {why}",
            played.stopped
        );
    }
    if played.refused > 0 {
        let _ = writeln!(text, "{} tries of writes were refused to users", played.refused);
    }
    match (played.broken.is_empty(), played.proves()) {
        (true, false) if played.gaps.is_empty() => {
            let _ = writeln!(
                text,
                "not proven: in {} of {} seeds users came to the target with something written and something to judge",
                played.proven, played.seeds
            );
        }
        (true, true) => {
            let _ = writeln!(text, "no promise broken, in {} seeds that prove something", played.proven);
        }
        _ => {}
    }
    for broken in &played.broken {
        tell(&mut text, broken);
    }
    for gap in &played.gaps {
        let _ = writeln!(text, "not proven: the simulator does not know {gap}");
    }
    for left_out in &setup.not_simulated {
        let _ = writeln!(text, "not simulated: {left_out}");
    }
    text
}

fn tell(text: &mut String, broken: &Broken) {
    let Broken { promise, seeds, first, finding, shortest } = broken;
    let _ = writeln!(
        text,
        "BROKEN  {} ({}) in {seeds} seeds; seed {first}: {}",
        promise.as_str(),
        finding.check,
        finding.message
    );
    if let Some(shortest) = shortest {
        let events = &shortest.schedule.events;
        let _ = writeln!(text, "        shortest schedule, {} of {} events:", events.len(), shortest.from);
        for event in events {
            let _ = writeln!(text, "          {event}");
        }
    }
}

fn as_json(setup: &Setup, played: &Campaign, took: Duration) -> Value {
    let broken: Vec<Value> = played
        .broken
        .iter()
        .map(|b| {
            let shortest = b.shortest.as_ref().map(|s| json!({"schedule": s.schedule, "from_events": s.from}));
            json!({"promise": b.promise, "seeds": b.seeds, "first_seed": b.first, "finding": b.finding, "shortest": shortest})
        })
        .collect();
    json!({
        "scenario": setup.scenario.name,
        "without": setup.without.map(Safeguard::as_str),
        "documents": setup.documents,
        "seeds": played.seeds,
        "wall_seconds": (took.as_secs_f64() * 1_000.0).round() / 1_000.0,
        "simulated_seconds": played.millis as f64 / 1_000.0,
        "requests": played.requests,
        "faults": played.struck,
        "stopped": played.stopped,
        "proven": played.proven,
        "refused_writes": played.refused,
        "first_stopped": played.first_stopped.as_ref().map(|(seed, why)| json!({"seed": seed, "why": why})),
        "broken": broken,
        "gaps": played.gaps,
        "not_simulated": setup.not_simulated,
    })
}

/// Each safeguard away in turn, beside the same seeds with all of them: one whose absence breaks nothing more protects nothing
/// that is looked at.
fn table(scenario: &Scenario, arguments: &Simulate) -> ExitCode {
    let (first, seeds) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, 1));
    let crashes = if arguments.crashes { Crashes::Happen } else { Crashes::Never };
    let whole = match Setup::new(scenario, arguments.documents, None) {
        Ok(setup) => Setup { crashes, ..setup },
        Err(error) => return usage(&error),
    };
    let baseline = run_without_shortening(&whole, first, seeds);
    let mut worst = ExitCode::Equal;
    let mut rows = Vec::new();
    let mut text = String::new();
    for safeguard in Safeguard::ALL {
        let absence = Setup::new(scenario, arguments.documents, Some(safeguard))
            .map(|setup| absence(&Setup { crashes, ..setup }, &baseline, first));
        let (words, missed) = match absence {
            Err(why) => (format!("not tried: {why}"), false),
            Ok(Absence::NotProven(why)) => (format!("not proven: {why}"), false),
            Ok(Absence::NotMissed) => (format!("NOT MISSED in {seeds} seeds"), false),
            Ok(Absence::Missed(promises)) => {
                let told = promises.iter().map(|(promise, (seeds, first))| {
                    format!("{} in {seeds} seeds, first {first}", promise.as_str())
                });
                (format!("missed: {}", told.collect::<Vec<_>>().join("; ")), true)
            }
        };
        worst = worst.worst(if missed { ExitCode::Equal } else { ExitCode::NotProven });
        let _ = writeln!(text, "{:<20}{words}", safeguard.as_str());
        rows.push(json!({"without": safeguard.as_str(), "result": words, "missed": missed}));
    }
    for left_out in &whole.not_simulated {
        let _ = writeln!(text, "not simulated: {left_out}");
    }
    if arguments.json {
        text = serde_json::to_string_pretty(&json!({"scenario": scenario.name, "safeguards": rows}))
            .unwrap_or_default();
    }
    super::print(&text);
    worst
}
