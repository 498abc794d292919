//! The page of an estimate or of a bench, from the same figures as the text.

use super::{Place, about, beyond, budget, headline, published};
use crate::html::bench::{Bench, Certainty, Part, Point, Predicted, Series, render};
use crate::text::{count, counted};
use drydock_estimate::{CurvePoint, Estimate, Estimates, History, MeasuredRun};
use std::collections::BTreeSet;

/// What a page is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A volume that somebody asked for.
    Estimate,
    /// What a bench measured; its largest volume stands for the others where the page needs one.
    Bench,
}

/// A self-contained page with the downtime against the volume, for each way: measured runs, prediction and interval.
pub fn page(estimates: &Estimates, history: &History, subject: Subject) -> String {
    render(&bench(estimates, history, subject))
}

fn bench(estimates: &Estimates, history: &History, subject: Subject) -> Bench {
    let first = estimates.estimates.first();
    let scenarios: BTreeSet<&str> = estimates.estimates.iter().map(|e| e.scenario.as_str()).collect();
    let used: Vec<&MeasuredRun> =
        history.runs.iter().filter(|r| scenarios.contains(r.scenario.as_str())).collect();
    Bench {
        subject: scenarios.iter().copied().collect::<Vec<_>>().join(", "),
        drydock: env!("CARGO_PKG_VERSION").to_owned(),
        answer: answer(first, subject),
        certainty: first.map_or(Certainty::TooFew, certainty),
        remarks: remarks(estimates),
        series: estimates.estimates.iter().map(series).collect(),
        asked: first.filter(|_| subject == Subject::Estimate).map(|e| float(e.volumes.documents)),
        budget_seconds: estimates.budget_seconds,
        parts: first.map(parts).unwrap_or_default(),
        environment: environment(estimates, &used),
    }
}

fn answer(first: Option<&Estimate>, subject: Subject) -> String {
    match (first, subject) {
        (None, _) => "nothing to estimate from: the history holds no run that came to its end".to_owned(),
        (Some(first), Subject::Estimate) => headline(first, Place::First),
        (Some(first), Subject::Bench) => {
            let documents = count(first.volumes.documents);
            format!("at {documents} documents: {}", headline(first, Place::First))
        }
    }
}

fn certainty(estimate: &Estimate) -> Certainty {
    match estimate {
        e if e.interval.is_none() => Certainty::TooFew,
        e if !e.beyond.is_empty() || e.carry.is_some() => Certainty::Extrapolated,
        _ => Certainty::Measured,
    }
}

/// Everything that the terminal says below its answer, apart from the steps: they have a table of their own.
fn remarks(estimates: &Estimates) -> Vec<String> {
    let mut remarks = Vec::new();
    for (at, estimate) in estimates.estimates.iter().enumerate() {
        let of = if at > 0 { format!("{}: ", estimate.way.title()) } else { String::new() };
        if at > 0 {
            remarks.push(headline(estimate, Place::Further));
        }
        remarks.extend(beyond(estimate).map(|line| format!("{of}{}", line.trim())));
    }
    remarks.extend(budget(estimates));
    for estimate in &estimates.estimates {
        let way = estimate.way.title();
        remarks.extend(about(estimate).into_iter().map(|line| format!("{way}: {}", line.trim())));
    }
    remarks.extend(estimates.left_out.iter().map(|line| format!("left out: {line}")));
    remarks.extend(published(estimates));
    remarks.iter().map(|remark| remark.trim().to_owned()).collect()
}

fn series(estimate: &Estimate) -> Series {
    let point = |p: &CurvePoint| Point { documents: float(p.documents), seconds: p.seconds };
    let predicted = |p: &CurvePoint| Predicted {
        documents: float(p.documents),
        seconds: p.seconds,
        interval: p.interval.map(|i| (i.low, i.high)),
    };
    Series {
        name: estimate.way.title().to_owned(),
        points: estimate.measured.iter().map(point).collect(),
        band: estimate.curve.iter().map(predicted).collect(),
    }
}

fn parts(estimate: &Estimate) -> Vec<Part> {
    let part =
        |s: &drydock_estimate::Share| Part { step: s.step.clone(), seconds: s.seconds, interval: None };
    estimate.steps.iter().map(part).collect()
}

/// What the figures rest on: a figure without its machine means nothing.
fn environment(estimates: &Estimates, runs: &[&MeasuredRun]) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = estimates
        .estimates
        .iter()
        .map(|e| (e.way.title().to_owned(), counted(e.runs as u64, "measured run")))
        .collect();
    let mut list = |name: &str, values: BTreeSet<String>| {
        let values: Vec<String> = values.into_iter().filter(|v| !v.is_empty()).collect();
        if !values.is_empty() {
            facts.push((name.to_owned(), values.join("; ")));
        }
    };
    // Published rates were measured on machines that nobody describes.
    let known = || runs.iter().filter(|r| r.machine.cores > 0);
    list("machine", known().map(|r| r.machine.words()).collect());
    list("Drydock that measured", runs.iter().map(|r| r.drydock.clone()).collect());
    list("seeds of the data", runs.iter().map(|r| r.seed.to_string()).collect());
    let stores =
        runs.iter().flat_map(|r| &r.machine.versions).map(|(store, version)| format!("{store} {version}"));
    list("stores", stores.collect());
    for (name, of) in [
        (
            "pages synced a second",
            (|r: &MeasuredRun| r.machine.fsync_per_second) as fn(&MeasuredRun) -> Option<f64>,
        ),
        ("loopback, MiB a second", |r| r.machine.loopback_mib_per_second),
        ("hashing, MiB a second", |r| r.machine.compute_mib_per_second),
    ] {
        let rates: Vec<f64> = runs.iter().filter_map(|r| of(r)).collect();
        let least = rates.iter().copied().reduce(f64::min);
        let most = rates.iter().copied().reduce(f64::max);
        if let (Some(least), Some(most)) = (least, most) {
            facts.push((name.to_owned(), format!("{least:.0} to {most:.0}, probed before each run")));
        }
    }
    facts
}

#[expect(clippy::cast_precision_loss, reason = "a place on a chart")]
fn float(documents: u64) -> f64 {
    documents as f64
}
