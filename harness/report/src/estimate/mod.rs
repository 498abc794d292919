//! Text of estimates, benches and comparisons of runs.

mod bench;
mod compare;
mod page;
mod plot;
mod units;

pub use bench::{measured_line, measured_table};
pub use compare::render as render_comparison;
pub use page::{Subject, page};
pub use units::{around, bytes, factor, short, span};

use crate::text::{count, counted, printable};
use drydock_estimate::carry::CarriedBy;
use drydock_estimate::upstream;
use drydock_estimate::{Estimate, Estimates, Measure, Meets};

/// Steps that are listed by name.
const STEPS: usize = 6;
/// How far the guide's table may be off before it is called a contradiction, a share.
const TABLE_TOLERANCE: f64 = 0.25;

/// The answer first, one line a way; then on what each of them rests.
pub fn render(estimates: &Estimates) -> String {
    let mut lines: Vec<String> = Vec::new();
    for (at, estimate) in estimates.estimates.iter().enumerate() {
        lines.push(headline(estimate, if at == 0 { Place::First } else { Place::Further }));
        lines.extend(beyond(estimate));
    }
    lines.extend(budget(estimates));
    let plot = estimates.estimates.first().map(plot::lines).unwrap_or_default();
    if !plot.is_empty() {
        lines.push(String::new());
        lines.extend(plot);
    }
    for estimate in &estimates.estimates {
        lines.push(String::new());
        lines.extend(basis(estimate));
    }
    if !estimates.left_out.is_empty() {
        lines.push(String::new());
        lines.extend(estimates.left_out.iter().map(|l| format!("left out: {}", printable(l))));
    }
    lines.push(String::new());
    lines.extend(published(estimates));
    lines.join("\n") + "\n"
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Further,
}

fn headline(estimate: &Estimate, place: Place) -> String {
    let way = estimate.way.title();
    let Some(seconds) = estimate.seconds else {
        return format!(
            "{way}: no estimate: {}",
            estimate.refused.as_deref().unwrap_or("nothing was measured")
        );
    };
    let copy = estimate.steps.iter().find(|s| s.step == "phase-3/restore/elasticsearch");
    match (place, estimate.interval) {
        (Place::First, interval) => {
            let mut line = span(seconds);
            if let Some(i) = interval {
                let (low, high) = around(seconds, i.low, i.high);
                line.push_str(&format!(", {:.0} % between {low} and {high}", i.level * 100.0));
            }
            if let Some(copy) = copy {
                line.push_str(&format!(", of which Elasticsearch copy {:.0} %", copy.share * 100.0));
            }
            line.push_str(&format!(" ({way})"));
            with_refusal(line, estimate)
        }
        (Place::Further, Some(i)) => {
            let (low, high) = around(seconds, i.low, i.high);
            format!("{way}: {} ({low} to {high})", span(seconds))
        }
        (Place::Further, None) => with_refusal(format!("{way}: {}", span(seconds)), estimate),
    }
}

fn with_refusal(line: String, estimate: &Estimate) -> String {
    match &estimate.refused {
        Some(why) => format!("{line}; {why}"),
        None => line,
    }
}

fn beyond(estimate: &Estimate) -> Option<String> {
    let furthest = estimate.beyond.first()?;
    let figure = |value: f64| match furthest.measure {
        Measure::Bytes | Measure::LargestIndexBytes | Measure::RowBytes => bytes(value),
        _ => count(units::whole(value)),
    };
    Some(format!(
        "  beyond the measured range by {}: marked ({}: {} asked, at most {} measured)",
        factor(furthest.factor),
        furthest.measure,
        figure(furthest.asked),
        figure(furthest.measured)
    ))
}

fn budget(estimates: &Estimates) -> Option<String> {
    let budget = estimates.budget_seconds?;
    let of = |wanted: Meets| {
        let ways: Vec<&str> = estimates
            .estimates
            .iter()
            .filter(|e| e.meets.is_some_and(|m| m.meets == wanted))
            .map(|e| e.way.title())
            .collect();
        (!ways.is_empty()).then(|| ways.join(", "))
    };
    let told: Vec<String> = [
        (Meets::Surely, "met with the whole interval by"),
        (Meets::Perhaps, "met by the estimate, though not surely, by"),
        (Meets::Hardly, "missed by the estimate, though not surely, with"),
        (Meets::Never, "missed with"),
    ]
    .into_iter()
    .filter_map(|(meets, words)| Some(format!("{words} {}", of(meets)?)))
    .collect();
    let told = if told.is_empty() { "nothing to hold against it".to_owned() } else { told.join("; ") };
    Some(format!("budget {}: {told}", span(budget)))
}

fn basis(estimate: &Estimate) -> Vec<String> {
    let mut about = about(estimate).into_iter();
    let mut lines: Vec<String> =
        about.next().map(|first| format!("{}: {first}", estimate.way.title())).into_iter().collect();
    for share in estimate.steps.iter().take(STEPS).filter(|s| s.share >= 0.005) {
        lines.push(format!(
            "  {:>9}  {:>3.0} %  {}",
            short(share.seconds),
            share.share * 100.0,
            printable(&share.step)
        ));
    }
    lines.extend(about);
    lines
}

/// For what an estimate is, how its model did before, and everything that makes it less certain.
fn about(estimate: &Estimate) -> Vec<String> {
    let mut lines = vec![format!(
        "{} of the scenario {}, for {} documents ({}) in {} indices and {} of databases",
        counted(estimate.runs as u64, "run"),
        printable(&estimate.scenario),
        count(estimate.volumes.documents),
        bytes(Measure::Bytes.of(&estimate.volumes)),
        count(estimate.volumes.indices),
        bytes(Measure::RowBytes.of(&estimate.volumes)),
    )];
    match &estimate.backtest {
        Some(test) => {
            let mut line = format!(
                "  back-test: {} left out in turn, median error {:.1} %",
                counted(test.runs as u64, "run"),
                test.median_error * 100.0
            );
            if let Some(coverage) = test.coverage() {
                line.push_str(&format!(
                    "; {} of {} within the interval ({:.0} %, {:.0} % asked)",
                    test.covered,
                    test.with_interval,
                    coverage * 100.0,
                    test.level * 100.0
                ));
            } else {
                line.push_str("; too few runs for intervals");
            }
            lines.push(line);
        }
        None => lines.push("  back-test: none, fewer than three runs".into()),
    }
    if let Some(carry) = &estimate.carry {
        let by = match carry.by {
            CarriedBy::Probes => "short probes of processor and loopback".to_owned(),
            CarriedBy::Runs(n) => counted(n as u64, "run") + " here",
        };
        lines.push(format!(
            "  marked: carried over from another machine ({}) to this one ({}): times {:.2}, between {:.2} and {:.2}, by {by}",
            printable(&carry.from), printable(&carry.to), carry.factor, carry.low, carry.high
        ));
    }
    lines.extend(estimate.marks.iter().map(|m| format!("  marked: {}", printable(m))));
    let assumed: Vec<_> = estimate.assumed.iter().filter(|a| a.value > 0).collect();
    if !assumed.is_empty() {
        let told: Vec<String> =
            assumed.iter().map(|a| format!("{} {} ({})", count(a.value), a.measure, a.because)).collect();
        lines.push(format!("  assumed: {}", told.join("; ")));
    }
    lines
}

/// What the upstream guide says for this volume, by its table and by its own rates.
fn published(estimates: &Estimates) -> Vec<String> {
    let Some(first) = estimates.estimates.first() else { return Vec::new() };
    let band = upstream::band(first.volumes.bytes);
    let table = match band.most {
        Some(most) if band.least > 0.0 => format!("{} to {}", span(band.least), span(most)),
        Some(most) => format!("up to {}", span(most)),
        None => format!("{} or more", span(band.least)),
    };
    let mut lines = vec![format!(
        "the upstream guide for {} (on its own machines): {table} by its table, {} by its rate of {}/s",
        bytes(Measure::Bytes.of(&first.volumes)),
        span(upstream::by_rate(first.volumes.bytes)),
        bytes(upstream::BYTES_PER_SECOND),
    )];
    for c in upstream::contradictions(TABLE_TOLERANCE) {
        lines.push(format!(
            "the guide contradicts itself: at most {} for {} by its table, {} by its own rate",
            span(c.table_seconds),
            bytes(units::float(c.bytes)),
            span(c.rate_seconds)
        ));
    }
    lines
}
