//! The report for programs. Its schema is `reports/schema.json`.

use drydock_core::Summary;

/// The whole summary, `report_version` included, as indented JSON with a line end.
pub fn render(summary: &Summary) -> String {
    // Strings, numbers and maps with string keys: there is nothing in a summary that JSON cannot hold.
    let mut text =
        serde_json::to_string_pretty(summary).unwrap_or_else(|e| format!("{{\"error\": \"{e}\"}}"));
    text.push('\n');
    text
}
