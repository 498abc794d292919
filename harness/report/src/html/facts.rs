//! Where and how the run was made: stores, machine, data, steps, predictions, and how to make it again.

use super::capped::{Column, LIST, Share, list, table};
use super::outage::STEPS;
use super::page::{code, data, data_within};
use super::timeline::clock;
use crate::choice::{ended, what};
use crate::markdown::predictions::sums;
use crate::text::{count, counted, seconds};
use drydock_core::verdict::Judged;
use drydock_core::{Outcome, StepOutcome, Summary};
use maud::{Markup, html};

/// Facts told of one step.
const FACTS: usize = 16;

/// Stores, machine, digests and notes.
pub(super) fn environment(summary: &Summary) -> Markup {
    let columns = [
        ("side", Column::Text),
        ("store", Column::Text),
        ("version", Column::Text),
        ("how, and how unlike production", Column::Text),
    ];
    html! {
        @if !summary.stores.is_empty() {
            (table("The stores of this run.", &columns, LIST, &summary.stores, "store", |s| html! {
                tr {
                    th scope="row" { (s.side) }
                    td { (s.store) }
                    td { (code(&s.version)) }
                    td { (data(&s.disclosed)) }
                }
            }))
        }
        dl {
            dt { "Drydock" } dd { (data(&summary.drydock)) }
            dt { "Seed" } dd { (code(&summary.seed.to_string())) }
            @for (name, value) in summary.machine.iter().take(20) { dt { (data(name)) } dd { (data(value)) } }
            @for digest in summary.digests.iter().take(20) {
                dt { "Data, " (data(&digest.moment)) }
                dd { (code(&digest.digest)) " (" (counted(digest.documents, "document")) ", " (counted(digest.rows, "row")) ")" }
            }
        }
        @let torn = summary.torn.then_some("the last line of the record is torn, as after a kill, and was left out");
        @if !summary.notes.is_empty() || torn.is_some() {
            h3 { "Notes" }
            (list(summary.notes.iter().map(String::as_str).chain(torn), "note", |n| html! { (data(n)) }))
        }
    }
}

/// Every step with what it took and what it tells.
pub(super) fn steps(summary: &Summary) -> Markup {
    let columns = [
        ("step", Column::Text),
        ("outcome", Column::Text),
        ("began", Column::Number),
        ("took", Column::Number),
        ("what it did", Column::Text),
    ];
    table("Times count from the beginning of the run.", &columns, STEPS, &summary.steps, "step", |s| {
        let class = match s.outcome {
            Some(StepOutcome::Done | StepOutcome::Skipped) => None,
            _ => Some("bad"),
        };
        html! {
            tr {
                th scope="row" { (code(s.step.as_str())) }
                td class=[class] { (ended(s)) }
                td.number { (clock(s.began_seconds)) }
                td.number { (seconds(s.seconds)) }
                td.note-text { (data(&s.about)) (figures(s)) }
            }
        }
    })
}

/// The figures of a step that are single values, in one line.
fn figures(step: &drydock_core::summary::StepReport) -> Markup {
    let told: Vec<String> = step
        .facts
        .iter()
        .filter_map(|(name, value)| {
            let value = match value {
                serde_json::Value::Number(n) => n.as_u64().map_or_else(|| n.to_string(), count),
                serde_json::Value::String(s) => data_within(s, 80),
                serde_json::Value::Bool(b) => b.to_string(),
                _ => return None,
            };
            Some(format!("{} {value}", data_within(&name.replace('_', " "), 40)))
        })
        .take(FACTS)
        .collect();
    html! { @if !told.is_empty() { br; span.faint.small { (told.join(" · ")) } } }
}

/// What a trial predicted for the cutover, beside what it took.
pub(super) fn predictions(summary: &Summary) -> Markup {
    let columns = [("step", Column::Text), ("predicted", Column::Number), ("took", Column::Number)];
    let (predicted, took) = sums(summary);
    let told = |took: Option<f64>| took.map_or_else(|| "not carried out".to_owned(), seconds);
    html! {
        p { "Together: " (seconds(predicted)) " predicted, " (told(took)) " measured." }
        (table("Steps of the cutover, as a trial predicted them.", &columns, LIST, &summary.predictions, "step", |p| html! {
            tr {
                th scope="row" { (code(p.step.as_str())) }
                td.number { (seconds(p.predicted_seconds)) }
                td.number { (told(p.measured_seconds)) }
            }
        }))
    }
}

/// Differences that a ledger line or the state before the migration accounts for.
pub(super) fn expected(all: &[&Judged]) -> Markup {
    let columns = [("object", Column::Text), ("what", Column::Text), ("why it is expected", Column::Text)];
    let share = Share { items: 100, bytes: 48 * 1024 };
    table(
        "Differences that are written down with a reason, or were there before the migration.",
        &columns,
        share,
        all,
        "difference",
        |j| {
            html! {
                tr {
                    th scope="row" { (code(&j.finding.subject)) }
                    td { (what(&j.finding)) }
                    td { (data(j.expected_because.as_deref().unwrap_or(&j.finding.message))) }
                }
            }
        },
    )
}

/// The findings that [`expected`] tells.
pub(super) fn as_expected(summary: &Summary) -> Vec<&Judged> {
    summary.verdict.findings.iter().filter(|j| j.finding.outcome == Outcome::Expected).collect()
}

/// Commands that repeat the run, its report and its proof.
pub(super) fn repeat(summary: &Summary) -> Markup {
    let run = data(summary.run.as_str());
    let (seed, scenario) = (summary.seed, data(&summary.scenario));
    html! {
        p { "The same seed gives the same data, the same faults and the same plan." }
        @if summary.steps.is_empty() {
            p { "This comparison (" (code(&summary.scenario)) ") is repeated with the addresses or files it was given; they are not part of the record." }
        } @else {
            p { "The rehearsal, from the scenario " (code(&summary.scenario)) ":" }
            pre { code { "drydock rehearse scenarios/" (scenario) ".yaml --seed " (seed) } }
        }
        p { "This report, from the record of the run, and everything for the file as one archive:" }
        pre { code { "drydock report " (run) br; "drydock report " (run) " --pack" } }
        p { "Whether an archive is whole and its reports follow from its record:" }
        pre { code { "drydock report --verify-pack ARCHIVE" } }
        @if let Some(proof) = &summary.honesty.proof {
            p { "The proof of the checks:" }
            pre { code { "drydock prove --in-memory --seed " (proof.seed) } }
        }
    }
}
