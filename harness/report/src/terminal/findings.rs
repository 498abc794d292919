//! The most telling findings.

use super::paint::Paint;
use crate::choice::{is_echo, what};
use crate::text::{counted, printable, shortened, shortened_within, width as columns, wrapped};
use drydock_core::Finding;
use drydock_core::finding::Sample;
use drydock_core::verdict::Judged;

/// How much is told of each finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Its message, its first item with both sides, and the next step.
    Full,
    /// Its first item, and the next step.
    Item,
    /// One line, the next step only where it is another one than before.
    Line,
    /// One line, no more than the first next step.
    Brief,
}

/// Columns before the text of a finding.
const INDENT: usize = 4;
/// Columns of an item's value on one side.
const MOST_VALUE: usize = 60;
/// Longer items are cut in their middle; ids of Elasticsearch end at 512 bytes.
const MOST_ITEM: usize = 160;

pub(super) fn lines(
    telling: &[&Judged],
    all: usize,
    width: usize,
    paint: Paint,
    detail: Detail,
) -> Vec<String> {
    let room = width.saturating_sub(INDENT);
    let mut lines = Vec::new();
    let echoes = telling.iter().filter(|j| is_echo(&j.finding)).count();
    // One line for all checks that prove nothing.
    if let (Some(first), 0) = (telling.first(), telling.len() - echoes) {
        let verb = if all == 1 { "proves" } else { "prove" };
        let text = format!(
            "{} {verb} nothing; next: {}",
            counted(all as u64, "check"),
            printable(&first.finding.next)
        );
        return wrapped(&text, width);
    }
    let told = telling.iter().filter(|j| !is_echo(&j.finding));
    let mut said = String::new();
    for (number, judged) in (1..).zip(told) {
        let finding = &judged.finding;
        lines.extend(title(number, finding, width, paint, detail));
        if detail == Detail::Full {
            lines.extend(indented(wrapped(&printable(&finding.message), room), 3));
        }
        match finding.samples.first() {
            Some(sample) if detail == Detail::Full => {
                lines.extend(indented(wrapped(&format!("{}{}", item(sample), values(sample)), room), 4));
            }
            Some(sample) if detail == Detail::Item => {
                let (item, values) = (item(sample), values(sample));
                let left = room.saturating_sub(columns(&item));
                // An item is told whole or not at all; its values are cut, or left to the report in the folder.
                let values = if left < 20 { "".into() } else { shortened(&values, left) };
                lines.extend(indented(wrapped(&format!("{item}{values}"), room), 3));
            }
            None if detail == Detail::Item => {
                lines.push(format!("{:INDENT$}{}", "", shortened(&printable(&finding.message), room)));
            }
            _ => {}
        }
        let again = match detail {
            Detail::Full => false,
            Detail::Item | Detail::Line => finding.next == said,
            Detail::Brief => !said.is_empty(),
        };
        if !finding.next.is_empty() && !again {
            said.clone_from(&finding.next);
            let next = format!("next: {}", printable(&finding.next));
            let next = match detail {
                Detail::Full => wrapped(&next, room),
                Detail::Item | Detail::Line | Detail::Brief => vec![shortened(&next, room).into_owned()],
            };
            lines.extend(indented(next, 3).into_iter().map(|l| paint.faint(&l)));
        }
    }
    let shown = telling.len() - echoes;
    if all > shown {
        let more = counted((all - shown) as u64, "more finding");
        let why = if echoes > 0 { ", among them checks that prove nothing for these reasons" } else { "" };
        let more = wrapped(&format!("{more} in report.md{why}"), room);
        lines.extend(indented(more, 2).iter().map(|l| paint.faint(l)));
    }
    lines
}

/// `1  missing 1  operate-list-view-8.3.0_  elasticsearch/documents`, with the first item where there is but one line.
fn title(number: usize, finding: &Finding, width: usize, paint: Paint, detail: Detail) -> Vec<String> {
    let what = what(finding);
    let before = format!("{number:>2}  ");
    let subject = printable(&finding.subject).into_owned();
    let item = match (detail, finding.samples.first()) {
        (Detail::Line | Detail::Brief, Some(sample)) => format!(" › {}", item(sample)),
        _ => String::new(),
    };
    let check = printable(finding.check.as_str());
    let room = width.saturating_sub(columns(&before) + columns(&what) + 2);
    // What else there is to say of it, if the line has room.
    let more = match (detail, finding.samples.first()) {
        (Detail::Line | Detail::Brief, Some(sample)) => values(sample),
        (Detail::Line | Detail::Brief, None) => format!(": {}", printable(&finding.message)),
        _ => String::new(),
    };
    let name = format!("{subject}{item}");
    let what = paint.outcome(finding.outcome, &what);
    let start = format!("{before}{what}  ");
    if columns(&name) <= room {
        let mut line = format!("{start}{}", paint.strong(&name));
        let mut used = columns(&name);
        if used + columns(&more) <= room {
            line.push_str(&more);
            used += columns(&more);
        }
        if used + 2 + columns(&check) <= room && check != subject.as_str() {
            line.push_str(&format!("  {}", paint.faint(&check)));
        }
        return vec![line];
    }
    // A name is not cut as long as two more lines hold it.
    let below = width.saturating_sub(INDENT);
    if columns(&subject) <= room && !item.is_empty() {
        let item = shortened_within(&item, below * 2).into_owned();
        let mut lines = vec![format!("{start}{}", paint.strong(&subject))];
        lines.extend(indented(wrapped(item.trim_start(), below), 2).iter().map(|l| paint.strong(l)));
        return lines;
    }
    let name = shortened_within(&name, below * 2).into_owned();
    let mut lines = vec![start.trim_end().to_owned()];
    lines.extend(indented(wrapped(&name, below), 3).iter().map(|l| paint.strong(l)));
    lines
}

fn item(sample: &Sample) -> String {
    shortened_within(&printable(&sample.item), MOST_ITEM).into_owned()
}

/// `: source 1, target absent`; empty where an item is but a name.
fn values(sample: &Sample) -> String {
    let value = |value: &Option<String>| match value {
        Some(value) => shortened(&printable(value), MOST_VALUE).into_owned(),
        None => "absent".to_owned(),
    };
    if sample.source.is_none() && sample.target.is_none() {
        String::new()
    } else {
        format!(": source {}, target {}", value(&sample.source), value(&sample.target))
    }
}

fn indented(lines: Vec<String>, most: usize) -> Vec<String> {
    let cut = lines.len() > most;
    let mut lines: Vec<String> = lines.into_iter().take(most).map(|l| format!("{:INDENT$}{l}", "")).collect();
    if cut && let Some(last) = lines.last_mut() {
        last.push('…');
    }
    lines
}
