//! How far a report can be trusted: the proof of its checks, what was left out, what was cut short, what it cost.

use super::escape::{cell, code, prose};
use super::{cut, lines};
use crate::choice::proof;
use crate::text::{count, counted, seconds};
use drydock_core::Summary;

/// The section, at the end of `text`.
pub(super) fn section(summary: &Summary, text: &mut String) {
    let honesty = &summary.honesty;
    text.push_str("## How far to trust this\n\n");
    text.push_str(&format!("**Proof of the checks:** {}.\n\n", prose(&proof(summary).join(", "))));
    if let Some(proof) = &honesty.proof {
        text.push_str(
            "| family | planted | caught | named | clean pairs | false alarms |\n|---|--:|--:|--:|--:|--:|\n",
        );
        lines(
            text,
            proof.families.iter().map(|f| {
                format!(
                    "| {} | {} | {} | {} | {} | {} |",
                    cell(&prose(&cut(&f.family))),
                    count(f.variants),
                    count(f.caught),
                    count(f.named),
                    count(f.clean_pairs),
                    count(f.false_alarms)
                )
            }),
        );
        if !proof.misses.is_empty() {
            let again = format!("drydock prove --in-memory --seed {}", proof.seed);
            text.push_str(&format!("**Not as promised** (again with {}):\n\n", code(&again)));
            lines(
                text,
                proof.misses.iter().map(|m| {
                    format!(
                        "- {}: {}: {}",
                        prose(&cut(&m.family)),
                        prose(&cut(&m.variant)),
                        prose(&cut(&m.why))
                    )
                }),
            );
        }
    }
    let left_out = match honesty.not_compared.len() as u64 {
        0 => "nothing".to_owned(),
        n => format!("{}, listed above or in `report.json`", counted(n, "item")),
    };
    text.push_str(&format!("**Not compared:** {left_out}.\n\n"));
    match honesty.sampled.len() {
        0 => text.push_str("**Sampled:** nothing; every difference is told.\n\n"),
        _ => {
            text.push_str("**Sampled:** every item was compared, but not every difference is told:\n\n");
            lines(text, honesty.sampled.iter().map(|s| format!("- {}", prose(&cut(s)))));
        }
    }
    let slowest = honesty.cost.iter().max_by(|a, b| a.seconds.total_cmp(&b.seconds));
    let slowest = slowest
        .map(|c| format!("; the longest check was {} with {}", code(c.check.as_str()), seconds(c.seconds)))
        .unwrap_or_default();
    text.push_str(&format!(
        "**Cost of checking:** at most {} in all{slowest}.\n\n",
        seconds(honesty.seconds_of_checking)
    ));
}
