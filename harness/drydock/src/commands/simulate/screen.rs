//! What a campaign came to, for people and for programs.

use drydock_simulated::{Broken, Campaign, Safeguard, Setup};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// `of` is what was counted: seeds, or cases of one.
pub(super) fn screen(setup: &Setup, played: &Campaign, took: Duration, of: &str) -> String {
    let mut text = String::new();
    let seconds = took.as_secs_f64().max(0.001);
    // Rates for people; the loss of precision is theirs to bear.
    let (a_minute, virtual_seconds) = (played.seeds as f64 * 60.0 / seconds, played.millis as f64 / 1_000.0);
    let without = setup.without.map(|s| format!(" without {s}")).unwrap_or_default();
    let _ = writeln!(
        text,
        "{}{without}: {} {of} in {seconds:.1} s ({a_minute:.0} a minute), {virtual_seconds:.0} simulated seconds, {} requests, \
         {} faults",
        setup.scenario.name, played.seeds, played.requests, played.struck
    );
    if let Some((seed, why)) = &played.first_stopped {
        let _ = writeln!(text, "{} stopped by themselves; seed {seed}: {why}", played.stopped);
    }
    if played.refused > 0 {
        let _ = writeln!(text, "{} tries of writes were refused to users", played.refused);
    }
    match (played.broken.is_empty(), played.proves()) {
        (true, false) if played.gaps.is_empty() => {
            let _ = writeln!(
                text,
                "not proven: {} of {} seeds came to their end with something written and something to judge",
                played.proven, played.seeds
            );
        }
        (true, true) => {
            let _ = writeln!(text, "no promise broken, in {} {of} that prove something", played.proven);
        }
        _ => {}
    }
    for broken in &played.broken {
        tell(&mut text, broken, of);
    }
    for gap in &played.gaps {
        let _ = writeln!(text, "not proven: the simulator does not know {gap}");
    }
    for left_out in &setup.not_simulated {
        let _ = writeln!(text, "not simulated: {left_out}");
    }
    text
}

fn tell(text: &mut String, broken: &Broken, of: &str) {
    let Broken { promise, seeds, first, finding, shortest, .. } = broken;
    let _ = writeln!(
        text,
        "BROKEN  {} ({}) in {seeds} {of}; {} {first}: {}",
        promise.as_str(),
        finding.check,
        of.trim_end_matches('s'),
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

pub(super) fn as_json(setup: &Setup, played: &Campaign, took: Duration) -> Value {
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
