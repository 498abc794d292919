//! What users could not do, and how long, for the report of one run.

use super::escape::{cell, code, prose};
use crate::choice::without_writes;
use crate::text::{count, seconds, shortened};
use drydock_core::Summary;

/// Capabilities told; there are far fewer, unless the record is not ours.
const MOST: usize = 100;
/// Characters of a name.
const MOST_CHARACTERS: usize = 200;

pub(super) fn section(summary: &Summary, text: &mut String) {
    let all = &summary.downtime.capabilities;
    let without_writes = without_writes(summary);
    if all.is_empty() && without_writes.is_empty() {
        return;
    }
    text.push_str("## Downtime by capability\n\n");
    for phrase in &without_writes {
        text.push_str(&format!("{}.\n\n", prose(phrase)));
    }
    if all.is_empty() {
        return;
    }
    text.push_str("| capability | outages | longest | in all | seen to within |\n|---|--:|--:|--:|--:|\n");
    for capability in all.iter().take(MOST) {
        let (longest, total) = match (capability.outages, capability.without_end) {
            (0, _) => ("none".to_owned(), "none".to_owned()),
            (_, 0) => (seconds(capability.longest_seconds), seconds(capability.total_seconds)),
            _ => ("**not ended**".to_owned(), format!("more than {}", seconds(capability.total_seconds))),
        };
        let resolution = capability.resolution_seconds.map_or_else(|| "not told".to_owned(), seconds);
        text.push_str(&format!(
            "| {} | {} | {longest} | {total} | {resolution} |\n",
            cell(&code(&shortened(&capability.probe, MOST_CHARACTERS))),
            count(capability.outages),
        ));
    }
    if all.len() > MOST {
        text.push_str(&format!(
            "\n{} more are left out here: see `report.json`.\n",
            count((all.len() - MOST) as u64)
        ));
    }
    text.push('\n');
}
