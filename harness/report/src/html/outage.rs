//! How long users waited: by both clocks, by capability, and what the time went to.

use super::axis::{Scale, TIME, at, ticks, wide};
use super::capped::{Column, LIST, Share, scrolled, table};
use super::page::{code, data, data_within};
use super::timeline::clock;
use crate::choice::{downtime, without_writes};
use crate::text::{count, seconds};
use drydock_core::Summary;
use drydock_core::event::ProbeSummary;
use drydock_core::summary::{Closure, Outage, StepReport};
use maud::{Markup, html};

/// Steps told one by one of what the closed time went to.
const MOST_STEPS: usize = 24;
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 300.0;
const RIGHT: f64 = 880.0;
const LANE: f64 = 20.0;

/// The section.
pub(super) fn section(summary: &Summary) -> Markup {
    html! {
        ul {
            @for phrase in downtime(summary) { li { (phrase) } }
            @for phrase in without_writes(summary) { li { (data(&phrase)) } }
        }
        @if let Some(closure) = longest(&summary.downtime.closures) { (went_to(summary, closure)) }
        @if !capabilities(summary).is_empty() {
            h3 { "By capability, as probes saw it from outside" }
            (by_capability(summary))
        }
        @if !summary.downtime.outages.is_empty() {
            h3 { "Every outage" }
            (every_outage(&summary.downtime.outages))
        }
    }
}

/// Length of the longest closure, or `None` where users never waited.
pub(super) fn longest(closures: &[Closure]) -> Option<&Closure> {
    closures
        .iter()
        .max_by(|a, b| a.seconds.unwrap_or(f64::INFINITY).total_cmp(&b.seconds.unwrap_or(f64::INFINITY)))
}

/// One probe with what it saw.
struct Capability<'a> {
    name: &'a str,
    outages: Vec<&'a Outage>,
    figures: Option<&'a ProbeSummary>,
    resolution_seconds: Option<f64>,
}

fn capabilities(summary: &Summary) -> Vec<Capability<'_>> {
    let told = |name: &str| {
        summary.downtime.capabilities.iter().find(|c| c.probe == name).and_then(|c| c.resolution_seconds)
    };
    let mut all: Vec<Capability<'_>> = summary
        .probes
        .iter()
        .map(|p| Capability {
            name: &p.probe,
            outages: Vec::new(),
            figures: Some(p),
            resolution_seconds: told(&p.probe),
        })
        .collect();
    for outage in &summary.downtime.outages {
        match all.iter_mut().find(|c| c.name == outage.probe) {
            Some(known) => known.outages.push(outage),
            None => all.push(Capability {
                name: &outage.probe,
                outages: vec![outage],
                figures: None,
                resolution_seconds: None,
            }),
        }
    }
    all
}

fn by_capability(summary: &Summary) -> Markup {
    let (text, number) = (Column::Text, Column::Number);
    let columns = [
        ("capability", text),
        ("outages", number),
        ("longest", number),
        ("in all", number),
        ("seen to within", number),
        ("requests", number),
        ("failed", number),
        ("median", number),
        ("99 %", number),
        ("slowest", number),
    ];
    table(
        "Outages and latencies by probe; latencies count from when a request was due.",
        &columns,
        LIST,
        capabilities(summary),
        "probe",
        |c| {
            let ended: Vec<f64> = c.outages.iter().filter_map(|o| o.seconds).collect();
            let open = c.outages.len() > ended.len();
            let more = if open { "more than " } else { "" };
            html! {
                tr {
                    th scope="row" { (code(c.name)) }
                    td.number { (count(c.outages.len() as u64)) }
                    td.number { @if open { "not ended" } @else if let Some(l) = ended.iter().copied().reduce(f64::max) { (seconds(l)) } @else { "none" } }
                    td.number { @if c.outages.is_empty() { "none" } @else { (more) (seconds(ended.iter().sum())) } }
                    @if let Some(p) = c.figures {
                        td.number { (c.resolution_seconds.map_or_else(|| "not told".to_owned(), seconds)) }
                        td.number { (count(p.sent)) }
                        td.number { (count(p.failed)) }
                        @for us in [p.p50_us, p.p99_us, p.max_us] { td.number { (micros(us)) } }
                    } @else {
                        @for _ in 0..6 { td.number { "not told" } }
                    }
                }
            }
        },
    )
}

fn every_outage(outages: &[Outage]) -> Markup {
    let columns = [
        ("capability", Column::Text),
        ("from", Column::Number),
        ("lasted", Column::Number),
        ("seen to within", Column::Number),
        ("first error", Column::Text),
    ];
    table("Times count from the beginning of the run.", &columns, LIST, outages, "outage", |o| {
        html! {
            tr {
                th scope="row" { (code(&o.probe)) }
                td.number { (clock(o.from_seconds)) }
                td.number { (o.seconds.map_or_else(|| "never ended".to_owned(), seconds)) }
                td.number { (o.resolution_seconds.map_or_else(|| "not told".to_owned(), seconds)) }
                td { (code(&o.error)) }
            }
        }
    })
}

/// The steps of the closed time, as bars one below the other.
fn went_to(summary: &Summary, closure: &Closure) -> Markup {
    let end = closure.seconds.unwrap_or_else(|| (summary.seconds - closure.from_seconds).max(0.0));
    let until = closure.from_seconds + end;
    let within = |s: &StepReport| {
        let (from, to) =
            (s.began_seconds.max(closure.from_seconds), (s.began_seconds + s.seconds).min(until));
        (from - closure.from_seconds, (to - from).max(0.0))
    };
    let mut steps: Vec<(&StepReport, f64, f64)> = summary
        .steps
        .iter()
        .filter(|s| s.began_seconds < until && s.began_seconds + s.seconds > closure.from_seconds)
        .map(|s| (s, within(s).0, within(s).1))
        .collect();
    if steps.is_empty() || end <= 0.0 {
        return html! {};
    }
    let all = steps.len();
    steps.sort_by(|a, b| b.2.total_cmp(&a.2));
    steps.truncate(MOST_STEPS);
    let longest = steps.first().map(|(step, _, took)| (step.step.as_str().to_owned(), *took));
    steps.sort_by(|a, b| a.1.total_cmp(&b.1));
    let left_out = all - steps.len();
    let scale = Scale::linear(0.0, end, LEFT, RIGHT);
    let bottom = 4.0 + steps.len() as f64 * LANE;
    let told = longest
        .map(|(step, took)| format!("{} took {} of {}", data(&step), seconds(took), seconds(end)))
        .unwrap_or_default();
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (at(bottom + 22.0)) } role="img" aria-labelledby="outage-name outage-text" {
            title id="outage-name" { "What the closed time went to" }
            desc id="outage-text" {
                "Longest: " (told) ". "
                @for (step, from, took) in &steps {
                    (data(step.step.as_str())) " from " (clock(*from)) ", " (seconds(*took)) "; "
                }
            }
            @for tick in ticks(end, 6, &TIME) {
                line.grid x1=(at(scale.at(tick))) x2=(at(scale.at(tick))) y1="4" y2=(at(bottom)) {}
                text.tick x=(at(scale.at(tick))) y=(at(bottom + 15.0)) text-anchor="middle" { (clock(tick)) }
            }
            @for (n, (step, from, took)) in steps.iter().enumerate() {
                @let y = 4.0 + n as f64 * LANE;
                text x=(at(LEFT - 8.0)) y=(at(y + 14.0)) text-anchor="end" { (data_within(step.step.as_str(), 42)) }
                rect.bar x=(at(scale.at(*from))) y=(at(y + 4.0)) height="12" width=(wide(scale.at(from + took) - scale.at(*from))) {
                    title { (data(&step.about)) }
                }
                text.tick x=(at(scale.at(from + took) + 6.0)) y=(at(y + 14.0)) { (seconds(*took)) ", " (percent(*took, end)) }
            }
        }
    };
    html! {
        h3 { "What the closed time went to" }
        figure {
            (scrolled("What the closed time went to", &picture))
            figcaption {
                "Seconds since the service was closed. Longest: " (told) "."
                @if left_out > 0 { " " (count(left_out as u64)) " shorter steps are not drawn." }
            }
        }
    }
}

fn percent(part: f64, whole: f64) -> String {
    match 100.0 * part / whole {
        p if p < 1.0 => "under 1 %".to_owned(),
        p => format!("{p:.0} %"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "durations of a run are far below 2^53")]
pub(super) fn millis(ms: u64) -> String {
    seconds(ms as f64 / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53")]
fn micros(us: u64) -> String {
    format!("{:.1} ms", us as f64 / 1000.0)
}

/// The share of findings, for callers that draw tables of their own.
pub(super) const STEPS: Share = Share { items: 150, bytes: 60 * 1024 };
