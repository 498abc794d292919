//! The report for people who decide: one page that needs nothing else, with the verdict in plain words before everything.

mod axis;
mod capped;
mod facts;
mod outage;
mod page;
mod parity;
mod timeline;
mod trust;
mod words;

pub mod bench;
pub mod drill;

pub use page::MAX_BYTES;

use crate::choice::{actionable, ended, exit_code, headline, losses, meant, not_checked, stopped_at, word};
use crate::text::{count, counted, seconds};
use capped::list;
use drydock_core::{Outcome, Summary};
use maud::{Markup, html};
use page::{Page, Section, code, data};
use words::Tone;

/// The page of a run, at most [`MAX_BYTES`] long however much there is to tell.
pub fn render(summary: &Summary) -> String {
    let kind = if summary.steps.is_empty() { "Comparison report" } else { "Migration rehearsal report" };
    let mut facts = vec![
        format!("Run {}", summary.run),
        format!("began {}", summary.started),
        format!("took {}", seconds(summary.seconds)),
        format!("seed {}", summary.seed),
    ];
    if summary.resumed > 0 {
        facts.push(format!("resumed {}", counted(summary.resumed, "time")));
    }
    let page =
        Page { kind, subject: &summary.scenario, facts, lead: lead(summary), drydock: &summary.drydock };
    page.with(&sections(summary))
}

fn sections(summary: &Summary) -> Vec<Section> {
    let mut all = Vec::new();
    if let Some(figure) = timeline::figure(summary) {
        all.push(Section::new("timeline", "Timeline", figure));
    }
    if !summary.steps.is_empty() {
        all.push(Section::new("downtime", "How long users waited", outage::section(summary)));
    }
    all.push(Section::new("checks", "What was compared", trust::checks(summary)));
    all.push(Section::new("differences", "Differences by object", parity::section(summary)));
    all.push(Section::new("not-checked", "What was not checked", trust::not_compared(summary)));
    let expected = facts::as_expected(summary);
    if !expected.is_empty() {
        all.push(Section::new("expected", "Different as expected", facts::expected(&expected)));
    }
    if !summary.predictions.is_empty() {
        all.push(Section::new("predictions", "Predicted and measured", facts::predictions(summary)));
    }
    all.push(Section::new("proof", "Proof of the checks", trust::proof_of_checks(summary)));
    all.push(Section::new("cost", "What the checking cost", trust::cost(summary)));
    all.push(Section::new("environment", "Environment and versions", facts::environment(summary)));
    if !summary.steps.is_empty() {
        all.push(Section::new("steps", "Steps", facts::steps(summary)));
    }
    all.push(Section::new("repeat", "How to repeat this", facts::repeat(summary)));
    all
}

/// The verdict, what it means, and the figures that go with it.
fn lead(summary: &Summary) -> Markup {
    let exit = exit_code(summary);
    let tone = Tone::of_exit(exit);
    html! {
        section id="verdict" class={ "verdict " (tone.class()) } aria-labelledby="verdict-title" {
            h2 id="verdict-title" {
                span.sign aria-hidden="true" { (tone.sign()) }
                span { (word(exit)) ": " (data(headline(summary))) }
            }
            p.meaning { (words::meaning(summary)) }
            p.small { "Exit code " (summary.verdict.exit_code) ": " (exit.meaning()) "." }
        }
        @if let Some(step) = stopped_at(summary) {
            p.note { b { "Not to its end: " } (code(step.step.as_str())) " " (ended(step)) "." }
        }
        @if let Some(meant) = meant(summary) { p.note { b { "Meant " } (data(&meant)) "." } }
        @if !summary.planted.is_empty() {
            div.note {
                p { b { (losses(summary)) " planted on purpose" } ", to show that the checks notice:" }
                (list(&summary.planted, "loss", |p| html! {
                    (code(&p.fault)) " after " (code(p.after.as_str())) ": " (code(&p.item))
                }))
            }
        }
        (tiles(summary))
    }
}

fn tiles(summary: &Summary) -> Markup {
    let checks = &summary.verdict.checks;
    let compared = checks.iter().map(|c| c.compared).fold(0, u64::saturating_add);
    let different = actionable(summary).filter(|j| j.finding.outcome == Outcome::Different).count() as u64;
    let unproven = actionable(summary).filter(|j| j.finding.outcome == Outcome::NotProven).count() as u64;
    let equal = checks.iter().filter(|c| c.outcome <= Outcome::Expected).count() as u64;
    let expected = facts::as_expected(summary).len() as u64;
    let (waited, budget) = waited(summary);
    html! {
        ul.tiles {
            @if !summary.steps.is_empty() {
                li { span.what { "Users waited" } b { (waited) } span { (budget) } }
            }
            li {
                span.what { "Differences" } b { (count(different)) }
                span { @if expected == 0 { "nothing besides" } @else { (count(expected)) " more as expected" } }
            }
            li {
                span.what { "Could not be compared" } b { (count(unproven)) }
                span {
                    a href="#not-checked" {
                        @match not_checked(summary).len() as u64 {
                            0 => "nothing was left out",
                            n => { (counted(n, "part")) " outside of this run" },
                        }
                    }
                }
            }
            li {
                span.what { "Checks" } b { (count(equal)) " of " (count(checks.len() as u64)) " equal" }
                span { (counted(compared, "item")) " compared; " a href="#proof" { "proof" } }
            }
        }
    }
}

/// The outage in a figure and a remark.
fn waited(summary: &Summary) -> (String, String) {
    let downtime = &summary.downtime;
    let measured = downtime.phase_clock_seconds.into_iter().chain(downtime.probe_seconds).reduce(f64::max);
    let never = downtime.outages.iter().any(|o| o.seconds.is_none());
    let waited = match (measured, downtime.still_closed_seconds) {
        (longest, Some(closed)) => format!("over {}", seconds(longest.unwrap_or_default().max(closed))),
        (Some(longest), None) if never => format!("over {}", seconds(longest)),
        (Some(longest), None) => seconds(longest),
        (None, None) if never => "not ended".to_owned(),
        (None, None) if summary.probes.is_empty() => "not measured".to_owned(),
        (None, None) => "not at all".to_owned(),
    };
    // The sentence about the budget is the last one of those that every report tells.
    let budget = crate::choice::downtime(summary).pop().unwrap_or_default();
    (waited, budget)
}
