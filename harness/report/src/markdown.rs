//! The report for pull requests and wikis: short enough for the places that limit comments, and safe whatever the data says.

mod capabilities;
mod escape;
pub(crate) mod predictions;
mod trust;
mod way_back;

use crate::choice::{
    actionable, downtime, ended, exit_code, headline, losses, most_telling, not_checked, stopped_at, what,
    word,
};
use crate::text::{count, counted, seconds, shortened};
use drydock_core::verdict::Judged;
use drydock_core::{Outcome, Summary};
use escape::{cell, code, prose};

/// Most bytes of a report: below what the common places for comments and job summaries take (1 MiB).
pub const MAX_BYTES: usize = 900 * 1024;
/// Lines of a section other than the findings; the rest is counted.
const MOST_LINES: usize = 100;
/// Characters of one text of a section other than the findings.
const MOST_CHARACTERS: usize = 500;

/// The report in at most `max_bytes` bytes. Findings are cut first, the least telling ones, and their number is told.
pub fn render(summary: &Summary, max_bytes: usize) -> String {
    let mut text = head(summary);
    let tail = tail(summary);
    let findings = findings(summary);
    let (total, mut shown) = (findings.len(), 0);
    if total > 0 {
        text.push_str(&format!("## {}\n\n", counted(total as u64, "finding")));
    }
    for finding in &findings {
        // Room for the line that says how many were left out is kept in any case.
        if text.len() + finding.len() + tail.len() + 200 > max_bytes {
            break;
        }
        text.push_str(finding);
        shown += 1;
    }
    if shown < total {
        text.push_str(&format!(
            "**{} of {} left out here to stay below {} bytes; all of them are in `report.json`.**\n\n",
            counted((total - shown) as u64, "finding"),
            count(total as u64),
            count(max_bytes as u64)
        ));
    }
    text.push_str(&tail);
    if text.len() > max_bytes {
        cut_at_a_line(&mut text, max_bytes);
    }
    text
}

/// Data in a table or a sentence of another report.
pub(crate) fn escaped(text: &str) -> String {
    cell(&prose(text))
}

fn cut_at_a_line(text: &mut String, max_bytes: usize) {
    const NOTICE: &str = "\n**The rest was cut; all of it is in `report.json`.**\n";
    let room = max_bytes.saturating_sub(NOTICE.len());
    // A line end is a whole character, so that cutting behind it never splits one.
    let end = text.as_bytes()[..room].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    text.truncate(end);
    text.push_str(NOTICE);
}

fn head(summary: &Summary) -> String {
    let exit = exit_code(summary);
    let mut text = format!(
        "# {}: {}\n\nExit code {}: {}.\n\n",
        word(exit),
        prose(headline(summary)),
        summary.verdict.exit_code,
        prose(exit.meaning())
    );
    if let Some(step) = stopped_at(summary) {
        text.push_str(&format!("**Not to its end:** {} {}.\n\n", code(step.step.as_str()), ended(step)));
    }
    if !summary.planted.is_empty() {
        text.push_str(&format!(
            "**{} planted on purpose**, so this run is expected to be red:\n\n",
            losses(summary)
        ));
        lines(
            &mut text,
            summary.planted.iter().map(|p| {
                format!("- {} after {}: {}", code(&p.fault), code(p.after.as_str()), code(&cut(&p.item)))
            }),
        );
    }
    text.push_str("| | |\n|---|---|\n");
    let resumed = match summary.resumed {
        0 => String::new(),
        n => format!(", resumed {}", counted(n, "time")),
    };
    for (name, value) in [
        ("Run", cell(&code(summary.run.as_str()))),
        ("Scenario", format!("{}, seed {}", cell(&code(&summary.scenario)), summary.seed)),
        ("Began", format!("{}, took {}{resumed}", cell(&prose(&summary.started)), seconds(summary.seconds))),
        ("Downtime", cell(&prose(&downtime(summary).join(" · ")))),
        ("Drydock", cell(&prose(&summary.drydock))),
    ] {
        text.push_str(&format!("| {name} | {value} |\n"));
    }
    text.push_str(
        "\n## Checks\n\n| check | outcome | compared | findings | time | note |\n|---|---|--:|--:|--:|---|\n",
    );
    for check in &summary.verdict.checks {
        let outcome = match check.outcome {
            Outcome::Equal => "equal".to_owned(),
            other => format!("**{other}**"),
        };
        text.push_str(&format!(
            "| {} | {outcome} | {} | {} | {} | {} |\n",
            cell(&code(check.check.as_str())),
            count(check.compared),
            count(check.findings),
            millis(check.millis),
            cell(&prose(&cut(&check.note)))
        ));
    }
    text.push_str("\n**Not checked:** ");
    let not_checked = not_checked(summary);
    if not_checked.is_empty() {
        text.push_str("nothing that was asked for was left out.\n\n");
    } else {
        text.push('\n');
        lines(&mut text, not_checked.iter().map(|phrase| format!("- {}", prose(&cut(phrase)))));
    }
    text
}

fn findings(summary: &Summary) -> Vec<String> {
    // The most telling ones first, then the rest in the verdict's order.
    let first = most_telling(summary, 10);
    let rest = actionable(summary).filter(|j| !first.iter().any(|f| std::ptr::eq(*f, *j)));
    let all: Vec<&Judged> = first.iter().copied().chain(rest).collect();
    all.iter().enumerate().map(|(i, judged)| finding(i + 1, judged)).collect()
}

fn finding(number: usize, judged: &Judged) -> String {
    let finding = &judged.finding;
    let mut text = format!(
        "### {number}. {}: {}\n\n{}, {}, {}. {}\n\n",
        what(finding),
        code(&finding.subject),
        code(finding.check.as_str()),
        finding.outcome,
        finding.class,
        prose(&finding.message)
    );
    for sample in &finding.samples {
        text.push_str(&format!("- {}", code(&sample.item)));
        for (side, value) in [("source", &sample.source), ("target", &sample.target)] {
            if let Some(value) = value {
                text.push_str(&format!("; {side} {}", code(value)));
            }
        }
        text.push('\n');
    }
    if !finding.samples.is_empty() {
        text.push('\n');
    }
    if !finding.next.is_empty() {
        text.push_str(&format!("Next: {}\n\n", prose(&finding.next)));
    }
    text
}

fn tail(summary: &Summary) -> String {
    let mut text = String::new();
    let expected: Vec<&Judged> =
        summary.verdict.findings.iter().filter(|j| j.finding.outcome == Outcome::Expected).collect();
    if !expected.is_empty() {
        text.push_str("## As expected\n\n");
        lines(
            &mut text,
            expected.iter().map(|j| {
                let because = j.expected_because.as_deref().unwrap_or(&j.finding.message);
                format!(
                    "- {}: {}, {}",
                    code(&cut(&j.finding.subject)),
                    what(&j.finding),
                    prose(&cut(because))
                )
            }),
        );
    }
    way_back::section(summary, &mut text);
    predictions::section(summary, &mut text);
    trust::section(summary, &mut text);
    capabilities::section(summary, &mut text);
    if !summary.downtime.outages.is_empty() {
        text.push_str("## Outages as the probes saw them\n\n");
        lines(
            &mut text,
            summary.downtime.outages.iter().map(|o| {
                let length = o.seconds.map_or_else(|| "never ended".to_owned(), seconds);
                format!(
                    "- {}: from {}, {length}; {}",
                    code(&cut(&o.probe)),
                    seconds(o.from_seconds),
                    code(&cut(&o.error))
                )
            }),
        );
    }
    if !summary.probes.is_empty() {
        text.push_str("## Probes\n\n| probe | every, close | and from far | sent | failed | median | 99 % | longest |\n|---|--:|--:|--:|--:|--:|--:|--:|\n");
        lines(
            &mut text,
            summary.probes.iter().map(|p| {
                format!(
                    "| {} | {} | {} | {} | {} | {} | {} | {} |",
                    cell(&code(&cut(&p.probe))),
                    millis(p.interval_ms),
                    millis(p.far_interval_ms.unwrap_or(p.interval_ms)),
                    count(p.sent),
                    count(p.failed),
                    micros(p.p50_us),
                    micros(p.p99_us),
                    micros(p.max_us)
                )
            }),
        );
    }
    text.push_str("## Steps\n\n| step | outcome | began | took | what |\n|---|---|--:|--:|---|\n");
    lines(
        &mut text,
        summary.steps.iter().map(|s| {
            format!(
                "| {} | {} | {} | {} | {} |",
                cell(&code(s.step.as_str())),
                ended(s),
                seconds(s.began_seconds),
                seconds(s.seconds),
                cell(&prose(&cut(&s.about)))
            )
        }),
    );
    if !summary.stores.is_empty() {
        text.push_str("## Stores\n\n");
        lines(
            &mut text,
            summary.stores.iter().map(|s| {
                format!("- {} {} {}: {}", s.side, s.store, code(&cut(&s.version)), prose(&cut(&s.disclosed)))
            }),
        );
    }
    if !summary.digests.is_empty() {
        text.push_str("## Data\n\n");
        lines(
            &mut text,
            summary.digests.iter().map(|d| {
                format!(
                    "- {}: {} ({}, {})",
                    prose(&cut(&d.moment)),
                    code(&d.digest),
                    counted(d.documents, "document"),
                    counted(d.rows, "row")
                )
            }),
        );
    }
    let torn =
        summary.torn.then_some("the last line of the record is torn, as after a kill, and was left out");
    if !summary.notes.is_empty() || torn.is_some() {
        text.push_str("## Notes\n\n");
        lines(
            &mut text,
            summary.notes.iter().map(String::as_str).chain(torn).map(|n| format!("- {}", prose(&cut(n)))),
        );
    }
    if !summary.machine.is_empty() {
        text.push_str("## Machine\n\n");
        lines(
            &mut text,
            summary.machine.iter().map(|(k, v)| format!("- {}: {}", prose(&cut(k)), prose(&cut(v)))),
        );
    }
    text
}

fn lines(text: &mut String, all: impl Iterator<Item = String>) {
    let mut left_out = 0_u64;
    for (i, line) in all.enumerate() {
        if i < MOST_LINES {
            text.push_str(&line);
            text.push('\n');
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        text.push_str(&format!("\n{} left out here: see `report.json`.\n", counted(left_out, "more line")));
    }
    text.push('\n');
}

fn cut(text: &str) -> String {
    shortened(text, MOST_CHARACTERS).into_owned()
}

#[expect(clippy::cast_precision_loss, reason = "durations of a run are far below 2^53")]
fn millis(ms: u64) -> String {
    seconds(ms as f64 / 1000.0)
}

#[expect(clippy::cast_precision_loss, reason = "latencies are far below 2^53")]
fn micros(us: u64) -> String {
    format!("{:.1} ms", us as f64 / 1000.0)
}
