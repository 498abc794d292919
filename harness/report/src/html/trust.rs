//! What the report does not show, and how far it can be trusted: checks made and not made, their proof, their cost.

use super::capped::{Column, LIST, Share, head, list, scrolled, table};
use super::outage::millis;
use super::page::{code, data};
use super::words::{Tone, group};
use crate::choice::{not_checked, proof};
use crate::text::{count, counted, seconds};
use drydock_core::verdict::{CheckVerdict, NOT_MADE};
use drydock_core::{Outcome, Summary};
use maud::{Markup, html};

/// The share of the checks: there are some seventy of them.
const CHECKS: Share = Share { items: 150, bytes: 64 * 1024 };

/// Every check with its outcome and what it compared.
pub(super) fn checks(summary: &Summary) -> Markup {
    let columns = [
        ("check", Column::Text),
        ("outcome", Column::Text),
        ("compared", Column::Number),
        ("findings", Column::Number),
        ("time", Column::Number),
        ("what was compared", Column::Text),
    ];
    if summary.verdict.checks.is_empty() {
        return html! { p { "No check was made." } };
    }
    let mut last = "";
    let capped = CHECKS.of(&summary.verdict.checks, |check| {
        let name = group(check.check.as_str());
        let begins = name != last;
        last = name;
        html! {
            @if begins { tr.group { th colspan="6" scope="rowgroup" { (name) } } }
            (row(check))
        }
    });
    html! {
        (scrolled("Checks", &html! {
            table {
                caption { "Every check that this run was to make. Nothing compared is never counted as equal." }
                (head(&columns))
                tbody { @for row in &capped.shown { (row) } }
            }
        }))
        (capped.rest("check"))
    }
}

fn row(check: &CheckVerdict) -> Markup {
    let tone = Tone::of_outcome(check.outcome);
    html! {
        tr {
            th scope="row" { (code(check.check.as_str())) }
            td class=(tone.class()) { span aria-hidden="true" { (tone.sign()) " " } (check.outcome) }
            td.number { (count(check.compared)) }
            td.number { (count(check.findings)) }
            td.number { @if check.note == NOT_MADE { "" } @else { (millis(check.millis)) } }
            td.note-text { (data(&check.note)) }
        }
    }
}

/// What no statement is made about.
pub(super) fn not_compared(summary: &Summary) -> Markup {
    let phrases = not_checked(summary);
    let honesty = &summary.honesty;
    let unproven = honesty.not_compared.iter().filter(|n| n.outcome == Outcome::NotProven);
    html! {
        @if phrases.is_empty() {
            p { "Every check that exists for a migration was asked for, and made." }
        } @else {
            p { "This report says nothing of:" }
            (list(&phrases, "item", |phrase| html! { (data(phrase)) }))
        }
        @if honesty.not_compared.iter().any(|n| n.outcome == Outcome::NotProven) {
            h3 { "Asked for, and could not be compared" }
            (list(unproven, "item", |n| html! { (code(&n.subject)) " (" (code(n.check.as_str())) "): " (data(&n.reason)) }))
        }
        @if honesty.sampled.is_empty() {
            p { "Nothing was sampled: every item was compared, and every difference is told." }
        } @else {
            h3 { "Compared in full, told in part" }
            (list(&honesty.sampled, "item", |s| html! { (data(s)) }))
        }
        @if !honesty.environment.is_empty() {
            p {
                "Not shown by any rehearsal: how the migration fares where the stores differ from these; see "
                a href="#environment" { "environment" } "."
            }
        }
    }
}

/// What the checks were held against.
pub(super) fn proof_of_checks(summary: &Summary) -> Markup {
    let columns = [
        ("family", Column::Text),
        ("planted", Column::Number),
        ("caught", Column::Number),
        ("named exactly", Column::Number),
        ("clean pairs", Column::Number),
        ("false alarms", Column::Number),
    ];
    html! {
        p { (proof(summary).join(", ")) "." }
        @if let Some(proof) = &summary.honesty.proof {
            (table(
                "Corruptions planted in copies before the run, and what the checks of this build made of them.",
                &columns, LIST, &proof.families, "family",
                |f| html! {
                    tr {
                        th scope="row" { (data(&f.family)) }
                        @for n in [f.variants, f.caught, f.named, f.clean_pairs, f.false_alarms] { td.number { (count(n)) } }
                    }
                },
            ))
            @if !proof.misses.is_empty() {
                h3 { "Not as promised" }
                (list(&proof.misses, "miss", |m| html! { (data(&m.family)) ": " (data(&m.variant)) ": " (data(&m.why)) }))
            }
        }
    }
}

/// What the checking itself took.
pub(super) fn cost(summary: &Summary) -> Markup {
    let honesty = &summary.honesty;
    let mut longest: Vec<_> = honesty.cost.iter().filter(|c| c.seconds > 0.0).collect();
    longest.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    let share = 100.0 * honesty.seconds_of_checking / summary.seconds.max(0.001);
    let columns = [("check", Column::Text), ("items", Column::Number), ("time", Column::Number)];
    html! {
        p {
            "At most " b { (seconds(honesty.seconds_of_checking)) } " of comparing"
            @if !summary.steps.is_empty() && share <= 100.0 { ", " (format!("{share:.0} %")) " of the run" }
            ". Checks of one store share their reading, so the times of the checks add up to more than was spent."
            @if let Some(requests) = requests(summary) {
                " The probes sent " (counted(requests, "request")) " while they ran."
            }
        }
        @if !longest.is_empty() {
            (table("The checks that took longest.", &columns, Share { items: 8, ..LIST }, longest.iter().take(8), "check", |c| html! {
                tr { th scope="row" { (code(c.check.as_str())) } td.number { (count(c.compared)) } td.number { (seconds(c.seconds)) } }
            }))
        }
    }
}

fn requests(summary: &Summary) -> Option<u64> {
    (!summary.probes.is_empty()).then(|| summary.probes.iter().map(|p| p.sent).sum())
}
