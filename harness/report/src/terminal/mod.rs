//! One screen for people: the verdict first, then the outage, the checks, the most telling findings and what was left out.

mod checks;
mod findings;
mod paint;

pub use paint::Color;
pub(crate) use paint::Paint;

use crate::choice::{
    actionable, capabilities, downtime, ended, exit_code, headline, losses, meant, most_telling, not_checked,
    predictions, proof, stopped_at, way_back, what, without_writes, word,
};
use crate::text::{
    count, counted, printable, seconds, shortened, shortened_within, width as columns, wrapped,
};
use checks::Rows;
use drydock_core::event::Side;
use drydock_core::{ExitCode, Outcome, Summary};
use findings::Detail;
use std::path::Path;

/// Lines of the screen at 100 columns and more; narrower ones may be longer.
const LINES: usize = 40;
/// Findings told on the screen.
const MOST_FINDINGS: usize = 10;
/// Lines of what users could not do.
const MOST_AWAY: usize = 4;
/// Columns of the names of the lines around the tables.
const LABEL: usize = 12;
/// Narrower terminals are written to as if they were this wide.
const NARROWEST: usize = 40;

/// The report as one screen of at most 40 lines at 100 columns, readable from 60 columns on. `folder` is the run's folder,
/// to be named at the end.
pub fn render(summary: &Summary, width: usize, color: Color, folder: &Path) -> String {
    let width = width.max(NARROWEST);
    let screen = Screen { summary, width, paint: Paint(color) };
    let limit = LINES + 100_usize.saturating_sub(width) / 2;
    let mut around = screen.head();
    around.push(String::new());
    around.extend(screen.downtime());
    let away = screen.away();
    around.extend(away.iter().cloned());
    around.push(String::new());
    let tail = screen.tail(folder);
    let telling = most_telling(summary, MOST_FINDINGS);
    let all = actionable(summary).count();

    let used = around.len() + tail.len() + 1;
    let (mut checks, mut findings) = screen.fitting(&telling, all, limit.saturating_sub(used));
    // What differs comes before who waited longest.
    let gap = usize::from(!findings.is_empty());
    if used + checks.len() + findings.len() + gap > limit && !away.is_empty() {
        let kept = around.len() - 1 - away.len();
        around.drain(kept..kept + away.len());
        (checks, findings) = screen.fitting(&telling, all, limit.saturating_sub(used - away.len()));
    }
    let mut lines = around;
    lines.extend(checks);
    if !findings.is_empty() {
        lines.push(String::new());
        lines.extend(findings);
    }
    lines.push(String::new());
    lines.extend(tail);
    let mut text = String::new();
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

struct Screen<'a> {
    summary: &'a Summary,
    width: usize,
    paint: Paint,
}

impl Screen<'_> {
    /// The fullest form of checks and findings that fits into so many lines.
    fn fitting(
        &self,
        telling: &[&drydock_core::verdict::Judged],
        all: usize,
        room: usize,
    ) -> (Vec<String>, Vec<String>) {
        let forms = [
            (Rows::All, Detail::Full),
            (Rows::Telling, Detail::Full),
            (Rows::All, Detail::Item),
            (Rows::Telling, Detail::Item),
            (Rows::Fewest, Detail::Item),
            (Rows::Telling, Detail::Line),
            (Rows::Fewest, Detail::Line),
            (Rows::No, Detail::Line),
            (Rows::Fewest, Detail::Brief),
            (Rows::No, Detail::Brief),
        ];
        let mut shown = telling.len();
        loop {
            for (rows, detail) in forms {
                let checks = checks::lines(self.summary, self.width, self.paint, rows);
                let findings = findings::lines(&telling[..shown], all, self.width, self.paint, detail);
                let gap = usize::from(!findings.is_empty());
                // Fewer than three findings are told in any case.
                if checks.len() + findings.len() + gap <= room || (shown <= 3 && detail == Detail::Brief) {
                    return (checks, findings);
                }
            }
            shown = shown.saturating_sub(1);
        }
    }

    fn head(&self) -> Vec<String> {
        let summary = self.summary;
        let exit = exit_code(summary);
        let verdict = format!("{} (exit code {})", word(exit), summary.verdict.exit_code);
        let headline = printable(headline(summary));
        let room = self.width.saturating_sub(columns(&verdict) + 2);
        let mut lines = Vec::new();
        if columns(&headline) <= room {
            lines.push(format!("{}  {headline}", self.paint.verdict(exit, &verdict)));
        } else {
            lines.push(self.paint.verdict(exit, &verdict));
            lines.extend(wrapped(&headline, self.width));
        }
        let mut about = vec![
            format!("run {}", printable(summary.run.as_str())),
            format!("scenario {}", printable(&summary.scenario)),
            format!("seed {}", summary.seed),
            seconds(summary.seconds),
        ];
        if summary.resumed > 0 {
            about.push(format!("resumed {}", counted(summary.resumed, "time")));
        }
        lines.extend(self.phrases(&about, 0).into_iter().map(|l| self.paint.faint(&l)));
        if let Some(step) = stopped_at(summary) {
            let what =
                format!("{} {} ({})", printable(step.step.as_str()), ended(step), printable(&step.about));
            lines.extend(self.labelled("cut short", &[what]).into_iter().map(|l| self.paint.warning(&l)));
        } else if exit == ExitCode::Interrupted {
            lines.extend(self.labelled("cut short", &["the record ends before the run did".to_owned()]));
        }
        if summary.torn {
            let text = "the last line of the record is torn, as after a kill, and was left out".to_owned();
            lines.extend(self.labelled("torn", &[text]));
        }
        if !summary.planted.is_empty() {
            let mut phrases = vec![format!("{} on purpose", losses(summary))];
            phrases.extend(summary.planted.iter().map(|p| {
                let item = printable(&p.item).into_owned();
                format!(
                    "{} {}",
                    printable(&p.fault),
                    shortened_within(&item, self.width.saturating_sub(LABEL + 24))
                )
            }));
            if exit == ExitCode::Equal {
                phrases.push("NO CHECK NOTICED".to_owned());
            }
            let mut planted = self.labelled("planted", &phrases);
            // At most five: with more losses than that, the report in the folder names the rest.
            if planted.len() > 5 {
                planted.truncate(4);
                planted.push(format!("{}… all of them in report.md", " ".repeat(LABEL)));
            }
            lines.extend(planted.into_iter().map(|l| self.paint.warning(&l)));
        }
        lines
    }

    fn downtime(&self) -> Vec<String> {
        let mut lines = self.labelled("downtime", &downtime(self.summary));
        if let Some(back) = &self.summary.rollback {
            let phrases: Vec<String> = way_back(back).iter().map(|p| printable(p).into_owned()).collect();
            lines.extend(self.labelled("way back", &phrases));
        }
        if !self.summary.predictions.is_empty() {
            lines.extend(self.labelled("predicted", &predictions(self.summary)));
        }
        if let Some(meant) = meant(self.summary) {
            lines.extend(self.labelled("meant", &[meant]));
        }
        lines
    }

    /// What users could not do, by capability and by store.
    fn away(&self) -> Vec<String> {
        let all = capabilities(self.summary).into_iter().chain(without_writes(self.summary));
        let all: Vec<String> = all.map(|p| printable(&p).into_owned()).collect();
        if all.is_empty() {
            return Vec::new();
        }
        let mut lines = self.labelled("away", &all);
        if lines.len() > MOST_AWAY {
            lines.truncate(MOST_AWAY - 1);
            lines.push(format!("{}… all of them in report.md", " ".repeat(LABEL)));
        }
        lines
    }

    fn tail(&self, folder: &Path) -> Vec<String> {
        let summary = self.summary;
        let mut lines = Vec::new();
        let expected: Vec<String> = summary
            .verdict
            .findings
            .iter()
            .filter(|j| j.finding.outcome == Outcome::Expected)
            .map(|j| {
                let because = j.expected_because.as_deref().unwrap_or(&j.finding.message);
                let subject = printable(&j.finding.subject).into_owned();
                let text = format!(
                    "{} {}: {}",
                    shortened_within(&subject, 60),
                    what(&j.finding),
                    printable(because)
                );
                shortened(&text, self.width.saturating_sub(LABEL)).into_owned()
            })
            .collect();
        self.first_of(&mut lines, "expected", &expected, 2);
        let not_checked: Vec<String> =
            not_checked(summary).iter().map(|p| printable(p).into_owned()).collect();
        if not_checked.is_empty() {
            lines.extend(
                self.labelled("not checked", &["nothing that was asked for was left out".to_owned()]),
            );
        } else {
            let cut = |p: &String| shortened(p, self.width.saturating_sub(LABEL)).into_owned();
            self.first_of(&mut lines, "not checked", &not_checked.iter().map(cut).collect::<Vec<_>>(), 3);
        }
        if let Some(made) = &summary.honesty.proof {
            let told = self.labelled("proof", &proof(summary));
            lines.extend(told.into_iter().map(|l| if made.holds() { l } else { self.paint.warning(&l) }));
        }
        let notes: Vec<String> = summary
            .notes
            .iter()
            .map(|n| shortened(&printable(n), self.width.saturating_sub(LABEL)).into_owned())
            .collect();
        self.first_of(&mut lines, "notes", &notes, 2);
        for (i, digest) in summary.digests.iter().enumerate().take(3) {
            let text = format!(
                "{} {}",
                shortened(&printable(&digest.moment), 20),
                shortened(&printable(&digest.digest), 64)
            );
            let figures =
                format!("{}, {}", counted(digest.documents, "document"), counted(digest.rows, "row"));
            lines.extend(self.labelled(if i == 0 { "data" } else { "" }, &[text, figures]));
        }
        let stores = |side: Side| {
            let names: Vec<String> = summary
                .stores
                .iter()
                .filter(|s| s.side == side)
                .map(|s| format!("{} {}", s.store, shortened(&printable(&s.version), 24)))
                .collect();
            names.join(", ")
        };
        let (source, target) = (stores(Side::Source), stores(Side::Target));
        let stores = match (source.is_empty(), target.is_empty()) {
            (true, true) => Vec::new(),
            _ if source == target => vec![format!("{source} on both sides")],
            (false, true) => vec![format!("source {source}")],
            (true, false) => vec![format!("target {target}")],
            (false, false) => vec![format!("source {source}"), format!("target {target}")],
        };
        if !stores.is_empty() {
            lines.extend(self.labelled("stores", &stores));
        }
        // Never cut: people copy it.
        if !folder.as_os_str().is_empty() {
            lines.push(format!("{}{}", self.label("folder"), printable(&folder.display().to_string())));
        }
        lines
    }

    /// The first few of some lines, and how many there are besides.
    fn first_of(&self, lines: &mut Vec<String>, label: &str, all: &[String], most: usize) {
        for (i, text) in all.iter().take(most).enumerate() {
            lines.push(format!("{}{text}", self.label(if i == 0 { label } else { "" })));
        }
        if all.len() > most {
            let more = format!("{} more in report.md", count((all.len() - most) as u64));
            lines.push(format!("{}{}", self.label(""), self.paint.faint(&more)));
        }
    }

    fn label(&self, name: &str) -> String {
        self.paint.faint(&format!("{name:<LABEL$}"))
    }

    fn labelled(&self, name: &str, phrases: &[String]) -> Vec<String> {
        let lines = self.phrases(phrases, LABEL);
        lines
            .iter()
            .enumerate()
            .map(|(i, line)| format!("{}{line}", self.label(if i == 0 { name } else { "" })))
            .collect()
    }

    /// Phrases one after the other, broken between them where possible.
    fn phrases(&self, phrases: &[String], indent: usize) -> Vec<String> {
        let room = self.width.saturating_sub(indent);
        let (mut lines, mut line) = (Vec::new(), String::new());
        for phrase in phrases {
            if line.is_empty() {
                line = phrase.clone();
            } else if columns(&line) + 3 + columns(phrase) <= room {
                line.push_str(" · ");
                line.push_str(phrase);
            } else {
                lines.extend(wrapped(&line, room));
                line = phrase.clone();
            }
        }
        lines.extend(wrapped(&line, room));
        lines
    }
}
