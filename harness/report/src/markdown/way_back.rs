//! What going back came to, for the report of one run.

use super::escape::{cell, code, prose};
use crate::choice::way_back;
use crate::text::seconds;
use drydock_core::Summary;

/// Lost writes named; `report.json` has all of them.
const MOST: usize = 10;

pub(super) fn section(summary: &Summary, text: &mut String) {
    let Some(back) = &summary.rollback else { return };
    text.push_str(&format!("## The way back from {}\n\n", code(back.from.as_str())));
    text.push_str(&format!("{}.\n\n", prose(&way_back(back).join(", "))));
    if !back.capabilities.is_empty() {
        text.push_str("| capability | away |\n|---|--:|\n");
        for capability in &back.capabilities {
            let away = capability.seconds.map_or_else(|| "never came back".to_owned(), seconds);
            text.push_str(&format!("| {} | {away} |\n", cell(&code(&capability.probe))));
        }
        text.push('\n');
    }
    for (what, list) in [("It takes", &back.takes), ("Left on the target", &back.left_behind)] {
        if !list.is_empty() {
            text.push_str(&format!("{what}:\n\n"));
            list.iter().for_each(|line| text.push_str(&format!("- {}\n", prose(line))));
            text.push('\n');
        }
    }
    for why in &back.clean_up_refused {
        text.push_str(&format!("The clean-up of the source was refused: {}.\n\n", prose(why)));
    }
    let Some(writes) = back.writes.as_ref().filter(|w| !w.lost.is_empty()) else { return };
    let shown = writes.lost.len().min(MOST);
    text.push_str(&format!(
        "Lost writes, {shown} of {} (all of them in `report.json`):\n\n",
        writes.lost.len()
    ));
    for write in writes.lost.iter().take(MOST) {
        text.push_str(&format!("- {} ({})\n", code(&write.item), prose(&write.told)));
    }
    text.push('\n');
}
