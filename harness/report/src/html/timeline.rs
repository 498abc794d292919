//! The run as a picture: phases and steps, the service, and what each probe saw, on one axis.

use super::axis::{Scale, TIME, at, ticks, wide};
use super::capped::scrolled;
use super::page::{data, data_within};
use super::words::phase;
use crate::choice::ended;
use crate::text::{counted, seconds};
use drydock_core::event::StepOutcome;
use drydock_core::summary::{Closure, StepReport};
use drydock_core::{Summary, summary::Outage};
use maud::{Markup, html};

/// Width of the picture, in its own units.
const WIDTH: f64 = 1000.0;
/// Where the axis begins and ends.
const LEFT: f64 = 190.0;
const RIGHT: f64 = 985.0;
/// Height of a lane, and of a bar within.
const LANE: f64 = 24.0;
const BAR: f64 = 12.0;
/// Room above the lanes, for the length of the closure.
const TOP: f64 = 22.0;
/// Probes drawn; a scenario has a handful.
const MOST_PROBES: usize = 16;
/// Steps and outages drawn in one lane.
const MOST_BARS: usize = 200;
/// Characters of the name of a lane.
const NAME: usize = 26;

/// The picture with its description; nothing for a comparison without steps.
pub(super) fn figure(summary: &Summary) -> Option<Markup> {
    if summary.steps.is_empty() {
        return None;
    }
    let phases = phases(&summary.steps);
    let mut probes: Vec<&str> = Vec::new();
    let outages = summary.downtime.outages.iter().map(|o| o.probe.as_str());
    for probe in summary.probes.iter().map(|p| p.probe.as_str()).chain(outages) {
        if !probes.contains(&probe) && probes.len() < MOST_PROBES {
            probes.push(probe);
        }
    }
    let end = end_of(summary);
    let scale = Scale::linear(0.0, end, LEFT, RIGHT);
    let lanes = phases.len() + 1 + probes.len();
    let bottom = TOP + lanes as f64 * LANE;
    let watched = watched(summary, end);
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (at(bottom + 34.0)) } role="img" aria-labelledby="timeline-name timeline-text" {
            title id="timeline-name" { "Timeline of phases, service and probes" }
            desc id="timeline-text" { (described(summary, &phases)) }
            @for lane in 0..lanes {
                @if lane % 2 == 0 {
                    rect.lane x="0" y=(at(TOP + lane as f64 * LANE)) width=(WIDTH) height=(LANE) {}
                }
            }
            @for tick in ticks(end, 7, &TIME) {
                line.grid x1=(at(scale.at(tick))) x2=(at(scale.at(tick))) y1=(TOP) y2=(at(bottom)) {}
                text.tick x=(at(scale.at(tick))) y=(at(bottom + 15.0)) text-anchor="middle" { (clock(tick)) }
            }
            @for closure in &summary.downtime.closures { (shade(closure, scale, end, bottom)) }
            @for (n, (name, steps)) in phases.iter().enumerate() {
                (label(n, name))
                @for step in steps.iter().take(MOST_BARS) { (step_bar(step, scale, y_of(n), end)) }
            }
            (service(summary, scale, phases.len(), watched))
            @for (n, probe) in probes.iter().enumerate() {
                @let lane = phases.len() + 1 + n;
                (label(lane, &format!("probe {probe}")))
                rect.up x=(at(scale.at(watched.0))) y=(at(y_of(lane) + 3.0)) height="6"
                    width=(wide(scale.at(watched.1) - scale.at(watched.0))) {}
                @for outage in summary.downtime.outages.iter().filter(|o| o.probe == *probe).take(MOST_BARS) {
                    (outage_bar(outage, scale, y_of(lane), end))
                }
            }
            line.axis x1=(LEFT) x2=(RIGHT) y1=(at(bottom)) y2=(at(bottom)) {}
            text.unit x=(RIGHT) y=(at(bottom + 30.0)) text-anchor="end" { "minutes:seconds since the run began" }
        }
    };
    Some(html! {
        figure {
            (scrolled("Timeline", &picture))
            figcaption {
                "Shaded: the service was closed to its users. Blue: steps, pale where skipped. Green: the service was open, or a probe was answered. Red: closed, or a probe failed; also a step that failed."
            }
        }
    })
}

/// Steps by phase, in the order in which the phases began.
fn phases(steps: &[StepReport]) -> Vec<(String, Vec<&StepReport>)> {
    let mut phases: Vec<(String, Vec<&StepReport>)> = Vec::new();
    for step in steps {
        let name = phase(step.step.as_str());
        match phases.iter().position(|(known, _)| *known == name) {
            Some(at) => phases[at].1.push(step),
            // Ids are a closed list; more first parts than this are not ours.
            None if phases.len() < 12 => phases.push((name, vec![step])),
            None => {}
        }
    }
    phases
}

fn end_of(summary: &Summary) -> f64 {
    let steps = summary.steps.iter().map(|s| s.began_seconds + s.seconds);
    let outages = summary.downtime.outages.iter().map(|o| o.from_seconds + o.seconds.unwrap_or(0.0));
    steps.chain(outages).chain([summary.seconds]).filter(|s| s.is_finite()).fold(0.001, f64::max)
}

/// From when to when the probes ran.
fn watched(summary: &Summary, end: f64) -> (f64, f64) {
    let step = |id: &str| summary.steps.iter().find(|s| s.step.as_str() == id);
    let from = step("prepare/workload").map_or(0.0, |s| s.began_seconds + s.seconds);
    let until = step("conclude/workload").map_or(end, |s| s.began_seconds);
    (from, until.max(from))
}

fn y_of(lane: usize) -> f64 {
    TOP + lane as f64 * LANE + (LANE - BAR) / 2.0
}

fn label(lane: usize, name: &str) -> Markup {
    html! { text x="8" y=(at(y_of(lane) + 10.0)) { (data_within(name, NAME)) } }
}

fn step_bar(step: &StepReport, scale: Scale, y: f64, end: f64) -> Markup {
    let until = if step.outcome.is_some() { step.began_seconds + step.seconds } else { end };
    let class = match step.outcome {
        Some(StepOutcome::Done) => "bar",
        Some(StepOutcome::Skipped) => "bar skipped",
        _ => "bar failed",
    };
    let (from, until) = (scale.at(step.began_seconds), scale.at(until));
    html! {
        rect class=(class) x=(at(from)) y=(at(y)) width=(wide(until - from - 0.5)) height=(BAR) {
            title { (data(step.step.as_str())) ": " (data(&step.about)) ", " (ended(step)) ", " (seconds(step.seconds)) }
        }
    }
}

fn shade(closure: &Closure, scale: Scale, end: f64, bottom: f64) -> Markup {
    let until = closure.seconds.map_or(end, |s| closure.from_seconds + s);
    let (from, to) = (scale.at(closure.from_seconds), scale.at(until));
    let told = closure.seconds.map_or_else(
        || format!("closed for more than {}", seconds((end - closure.from_seconds).max(0.0))),
        |s| format!("closed for {}", seconds(s)),
    );
    let middle = ((from + to) / 2.0).clamp(LEFT + 60.0, RIGHT - 60.0);
    html! {
        rect.shade x=(at(from)) y=(TOP) width=(wide(to - from)) height=(at(bottom - TOP)) { title { (told) } }
        @for x in [from, to] { line.edge x1=(at(x)) x2=(at(x)) y1=(TOP) y2=(at(bottom)) {} }
        text.strong x=(at(middle)) y="14" text-anchor="middle" { (told) }
    }
}

fn service(summary: &Summary, scale: Scale, lane: usize, watched: (f64, f64)) -> Markup {
    let bar = |class: &str, from: f64, to: f64, told: &str| {
        let (from, to) = (scale.at(from), scale.at(to));
        html! {
            rect class=(class) x=(at(from)) y=(at(y_of(lane))) width=(wide(to - from)) height=(BAR) { title { (told) } }
        }
    };
    html! {
        (label(lane, "Service"))
        (bar("up", watched.0, watched.1, "open to users"))
        @for closure in summary.downtime.closures.iter().take(MOST_BARS) {
            @let until = closure.seconds.map_or(watched.1, |s| closure.from_seconds + s);
            (bar("out", closure.from_seconds, until, "closed to users"))
        }
    }
}

fn outage_bar(outage: &Outage, scale: Scale, y: f64, end: f64) -> Markup {
    let until = outage.seconds.map_or(end, |s| outage.from_seconds + s);
    let (from, to) = (scale.at(outage.from_seconds), scale.at(until));
    let length = outage.seconds.map_or_else(|| "never ended".to_owned(), seconds);
    html! {
        rect.out x=(at(from)) y=(at(y)) width=(wide(to - from)) height=(BAR) {
            title { "no answer from " (seconds(outage.from_seconds)) ", " (length) ": " (data(&outage.error)) }
        }
    }
}

/// What the picture shows, in words.
fn described(summary: &Summary, phases: &[(String, Vec<&StepReport>)]) -> String {
    let mut told: Vec<String> = phases
        .iter()
        .map(|(name, steps)| {
            let from = steps.iter().map(|s| s.began_seconds).fold(f64::INFINITY, f64::min);
            let until = steps.iter().map(|s| s.began_seconds + s.seconds).fold(0.0, f64::max);
            format!("{}: from {} to {}", data(name), clock(from), clock(until))
        })
        .collect();
    for closure in summary.downtime.closures.iter().take(5) {
        let length = closure
            .seconds
            .map_or_else(|| "until the record ended".to_owned(), |s| format!("for {}", seconds(s)));
        told.push(format!("the service was closed from {} {length}", clock(closure.from_seconds)));
    }
    told.push(match summary.downtime.outages.len() as u64 {
        0 => "no probe failed".to_owned(),
        n => format!("the probes saw {}, listed below", counted(n, "outage")),
    });
    format!("{}.", told.join("; "))
}

/// Seconds as on a stopwatch: `1:05`, `0:47`, `2:03:00`.
pub(super) fn clock(s: f64) -> String {
    if s > 0.0 && s < 1.0 {
        return format!("{s}");
    }
    let whole = s.max(0.0).round();
    let (hours, minutes, rest) = ((whole / 3600.0).floor(), (whole % 3600.0 / 60.0).floor(), whole % 60.0);
    if hours > 0.0 { format!("{hours}:{minutes:02}:{rest:02}") } else { format!("{minutes}:{rest:02}") }
}
