//! The checks as a table.

use super::paint::Paint;
use crate::choice::is_echo;
use crate::text::{count, printable, seconds, shortened, shortened_within, width as columns, wrapped};
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use drydock_core::verdict::{CheckVerdict, NOT_MADE};
use drydock_core::{Outcome, Summary};

/// Which checks get a row of their own. The others are named by outcome below the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rows {
    /// Every check.
    All,
    /// Those that are not equal.
    Telling,
    /// Those that are different, or have something to say about why they prove nothing.
    Fewest,
    /// None.
    No,
}

/// Wide enough for the note of each check.
const NOTES_FROM: usize = 120;
/// Narrower screens do without the time of each check.
const TIMES_FROM: usize = 70;

pub(super) fn lines(summary: &Summary, width: usize, paint: Paint, rows: Rows) -> Vec<String> {
    let has_row = |check: &CheckVerdict| match rows {
        Rows::No => false,
        // A row of zeros would say no more than the line below the table.
        _ if check.note == NOT_MADE => false,
        Rows::All => true,
        Rows::Telling => check.outcome != Outcome::Equal,
        Rows::Fewest => {
            check.outcome == Outcome::Different
                || (check.outcome == Outcome::NotProven
                    && summary
                        .verdict
                        .findings
                        .iter()
                        .any(|j| j.finding.check == check.check && !is_echo(&j.finding)))
        }
    };
    let (own, folded): (Vec<&CheckVerdict>, Vec<&CheckVerdict>) =
        summary.verdict.checks.iter().partition(|c| has_row(c));
    let mut lines = Vec::new();
    if !own.is_empty() {
        lines.extend(table(&own, width, paint));
    }
    for outcome in
        [Outcome::Different, Outcome::NotProven, Outcome::NotAsked, Outcome::Expected, Outcome::Equal]
    {
        let names: Vec<&CheckVerdict> = folded.iter().copied().filter(|c| c.outcome == outcome).collect();
        if names.is_empty() {
            continue;
        }
        let not_made = if names.iter().all(|c| c.note == NOT_MADE) { " (not made)" } else { "" };
        let text = format!("{}{not_made}", grouped(&names));
        for (i, line) in wrapped(&text, width.saturating_sub(super::LABEL)).into_iter().enumerate() {
            let label = if i == 0 { outcome.to_string() } else { String::new() };
            let label = paint.outcome(outcome, &format!("{label:<0$}", super::LABEL));
            lines.push(format!("{label}{line}"));
        }
    }
    lines
}

/// `elasticsearch/ mappings, settings · postgres/ rows · freeze`.
fn grouped(checks: &[&CheckVerdict]) -> String {
    let mut groups: Vec<(&str, Vec<String>)> = Vec::new();
    for check in checks {
        let (group, name) = check.check.as_str().split_once('/').unwrap_or(("", check.check.as_str()));
        let name = printable(name).into_owned();
        match groups.last_mut() {
            Some((last, names)) if *last == group => names.push(name),
            _ => groups.push((group, vec![name])),
        }
    }
    let shown: Vec<String> = groups
        .iter()
        .map(|(group, names)| match *group {
            "" => names.join(", "),
            group => format!("{}/ {}", printable(group), names.join(", ")),
        })
        .collect();
    shown.join(" · ")
}

fn table(checks: &[&CheckVerdict], width: usize, paint: Paint) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    let mut header = vec!["check", "outcome", "compared", "findings"];
    // What the other columns take with their gaps; the names get the rest, and the notes what these leave.
    let mut others = 2 + 10 + 2 + 11 + 2 + 8;
    let times = width >= TIMES_FROM;
    if times {
        header.push("time");
        others += 2 + 10;
    }
    let notes = width >= NOTES_FROM;
    if notes {
        header.push("note");
    }
    table.set_header(header);
    let names = width.saturating_sub(others).max(16);
    let widest = checks.iter().map(|c| columns(&printable(c.check.as_str()))).max().unwrap_or(0).min(names);
    let note_room = width.saturating_sub(widest + others + 2);
    for check in checks {
        let name = printable(check.check.as_str()).into_owned();
        let mut row = vec![
            Cell::new(shortened_within(&name, names)),
            Cell::new(check.outcome),
            right(count(check.compared)),
            right(count(check.findings)),
        ];
        if times {
            row.push(right(millis(check.millis)));
        }
        if notes {
            row.push(Cell::new(shortened(&printable(&check.note), note_room)));
        }
        table.add_row(row);
    }
    for (i, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if (2..5).contains(&i) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines: Vec<String> = table.lines().collect();
    if let Some(header) = lines.first_mut() {
        *header = paint.faint(header.trim_end());
    }
    for (line, check) in lines.iter_mut().skip(1).zip(checks) {
        // The outcome is the first thing behind the name, which itself holds no two spaces in a row.
        let outcome = format!("  {}", check.outcome);
        *line = line.replacen(&outcome, &paint.outcome(check.outcome, &outcome), 1);
    }
    lines
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

#[expect(clippy::cast_precision_loss, reason = "durations of a run are far below 2^53")]
fn millis(ms: u64) -> String {
    seconds(ms as f64 / 1000.0)
}
