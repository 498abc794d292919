//! A drill in one table: from which step it was gone back, how long that took, what came back and what was lost.

mod disturbed;
mod page;

pub use disturbed::{AsMeant, Disturbance};

use crate::markdown::escaped;
use crate::text::{count, printable, seconds, shortened_within, width as columns};
use drydock_core::rollback::{Restored, RollbackReport, Stage};
use drydock_core::{ExitCode, StepId, Summary};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io;
use std::path::Path;

/// Columns of the longest cell of the table on the screen: more is cut.
const WIDEST: usize = 46;
const HEAD: [&str; 11] = [
    "back from",
    "fault",
    "as meant",
    "kind",
    "service back",
    "data",
    "lost",
    "twice",
    "RPO",
    "exit",
    "what it takes",
];
/// Columns that only a drill with faults has.
const OF_FAULTS: std::ops::Range<usize> = 1..3;

/// Everything that a drill came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillReport {
    /// Version of Drydock that ran.
    pub drydock: String,
    /// Name of the drill.
    pub run: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Its seed, which also drew the cells.
    pub seed: u64,
    /// Its length in seconds.
    pub seconds: f64,
    /// Its cells, in the order of the steps.
    pub cells: Vec<CellReport>,
}

/// Why a cell was not drilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Left {
    /// It did not fit into the time.
    NoTime,
    /// The drill was interrupted.
    Interrupted,
}

/// A refusal of the clean-up that a cell is to show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// While what the clean-up is to be refused.
    pub why: String,
    /// Words in the guard's answer by which it is told.
    pub told_by: String,
}

/// What a cell is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// To go back.
    WayBack,
    /// To show a refusal of the clean-up.
    Refusal(Refusal),
    /// To go back although something goes wrong.
    Fault(Disturbance),
}

impl Meant {
    fn parts(self) -> (Option<Refusal>, Option<Disturbance>) {
        match self {
            Self::WayBack => (None, None),
            Self::Refusal(refusal) => (Some(refusal), None),
            Self::Fault(fault) => (None, Some(fault)),
        }
    }
}

/// One way back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CellReport {
    /// What it is called.
    pub name: String,
    /// The last step before going back.
    pub from: StepId,
    /// The refusal that it is to show, if it is made for that.
    pub refusal: Option<Refusal>,
    /// What goes wrong in it, if it is made for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Disturbance>,
    /// Whether it ended as what goes wrong in it is meant to; absent where nothing does, or it was not drilled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_meant: Option<AsMeant>,
    /// Why it was not drilled; absent if it was.
    pub left_out: Option<Left>,
    /// Name of its run.
    pub run: String,
    /// What it adds to the exit code of the drill.
    pub exit_code: u8,
    /// Its verdict in one line.
    pub headline: String,
    /// What going back came to; absent if it was not reached.
    pub rollback: Option<RollbackReport>,
}

impl CellReport {
    /// A cell that was drilled.
    pub fn of(name: &str, from: &StepId, meant: Meant, summary: &Summary) -> Self {
        let own = ExitCode::ALL.into_iter().find(|e| e.code() == summary.verdict.exit_code);
        let own = own.unwrap_or(ExitCode::NotProven);
        let refused = |r: &Refusal| {
            let told = summary.rollback.as_ref().map(|b| b.clean_up_refused.as_slice()).unwrap_or_default();
            told.iter().any(|why| why.contains(&r.told_by))
        };
        let judged = match &meant {
            Meant::Fault(disturbed) => Some(disturbed::judge(disturbed, summary)),
            Meant::WayBack | Meant::Refusal(_) => None,
        };
        let as_meant = judged.as_ref().map(|(as_meant, ..)| *as_meant);
        let (refusal, fault) = meant.parts();
        let (exit, headline) = match (&refusal, judged) {
            (_, Some((_, exit, why))) => (exit, why),
            (None, None) => (own, summary.verdict.headline.clone()),
            // What was planted to be refused is red by itself; only what says that the cell itself failed counts.
            (Some(r), None) if refused(r) => match own {
                ExitCode::RollbackFailed | ExitCode::CouldNotRun | ExitCode::Interrupted => {
                    (own, summary.verdict.headline.clone())
                }
                _ => (ExitCode::Equal, format!("the clean-up was refused while {}", r.why)),
            },
            (Some(r), None) => {
                (own.worst(ExitCode::Different), format!("the clean-up was NOT refused while {}", r.why))
            }
        };
        Self {
            name: name.to_owned(),
            from: from.clone(),
            refusal,
            fault,
            as_meant,
            left_out: None,
            run: summary.run.to_string(),
            exit_code: exit.code(),
            headline,
            rollback: summary.rollback.clone(),
        }
    }

    /// A cell that was not.
    pub fn left_out(name: &str, from: &StepId, meant: Meant, left: Left) -> Self {
        let (refusal, fault) = meant.parts();
        Self {
            name: name.to_owned(),
            from: from.clone(),
            refusal,
            fault,
            as_meant: None,
            left_out: Some(left),
            run: String::new(),
            exit_code: match left {
                Left::NoTime => ExitCode::Equal,
                Left::Interrupted => ExitCode::Interrupted,
            }
            .code(),
            headline: format!("not drilled: {}", left.word()),
            rollback: None,
        }
    }

    fn exit(&self) -> ExitCode {
        ExitCode::ALL.into_iter().find(|e| e.code() == self.exit_code).unwrap_or(ExitCode::NotProven)
    }

    fn row(&self) -> [String; 11] {
        let name = if self.fault.is_some() { self.from.to_string() } else { self.name.clone() };
        let fault = self.fault.as_ref().map_or("", |f| f.fault.as_str()).to_owned();
        let as_meant = self.as_meant.map_or("", AsMeant::word).to_owned();
        let exit = self.exit_code.to_string();
        let Some(back) = &self.rollback else {
            let none = String::new;
            return [
                name,
                fault,
                as_meant,
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                exit,
                self.headline.clone(),
            ];
        };
        let service = match (back.stage, back.rto_seconds) {
            (Stage::OnSource, Some(_)) => "never away".to_owned(),
            (_, Some(rto)) => seconds(rto),
            (_, None) => "NOT BACK".to_owned(),
        };
        let data = match back.restored {
            Restored::Yes => "as before",
            Restored::No => "DIFFERENT",
            Restored::NotProven => "not proven",
        };
        let writes = back.writes.as_ref();
        let figure = |n: Option<usize>| n.map_or_else(|| "?".to_owned(), |n| count(n as u64));
        let takes = match (self.refusal.is_some() || self.fault.is_some(), back.takes.is_empty()) {
            (true, _) => self.headline.clone(),
            (false, true) if back.stage == Stage::OnSource => "nothing: users never left".into(),
            (false, true) => self.headline.clone(),
            (false, false) => back.takes.join("; "),
        };
        [
            name,
            fault,
            as_meant,
            back.kind.to_string(),
            service,
            data.to_owned(),
            figure(writes.map(|w| w.lost.len())),
            figure(writes.map(|w| w.duplicated.len())),
            back.rpo_minutes.map_or_else(|| "?".to_owned(), |m| format!("{m:.2} min")),
            exit,
            takes,
        ]
    }
}

impl Left {
    fn word(self) -> &'static str {
        match self {
            Self::NoTime => "no time",
            Self::Interrupted => "interrupted",
        }
    }
}

impl DrillReport {
    /// The worst of its cells; nothing drilled proves nothing.
    pub fn exit(&self) -> ExitCode {
        let drilled = self.cells.iter().any(|c| c.left_out.is_none());
        let least = if drilled { ExitCode::Equal } else { ExitCode::NotProven };
        self.cells.iter().fold(least, |worst, cell| worst.worst(cell.exit()))
    }

    /// What the cells come to, in one line.
    pub fn headline(&self) -> String {
        let all = self.cells.len();
        let drilled = || self.cells.iter().filter(|c| c.left_out.is_none());
        let backs = || drilled().filter(|c| c.refusal.is_none()).filter_map(|c| c.rollback.as_ref());
        let longest = backs().filter_map(|b| b.rto_seconds).fold(0.0, f64::max);
        let lost = backs().filter_map(|b| b.rpo_items).max().unwrap_or(0);
        let minutes = backs().filter_map(|b| b.rpo_minutes).fold(0.0, f64::max);
        let green = drilled().filter(|c| c.exit_code == ExitCode::Equal.code()).count();
        let left = match all - drilled().count() {
            0 => String::new(),
            n => format!(", {n} of {all} cells NOT drilled"),
        };
        let with_fault = drilled().filter(|c| c.fault.is_some()).count();
        let meant = drilled().filter(|c| c.as_meant == Some(AsMeant::Yes)).count();
        let faults = match with_fault {
            0 => String::new(),
            n => format!(", {meant} of {n} with a fault ended as meant"),
        };
        format!(
            "{} cells drilled in {}{left}: {green} green{faults}; at worst the service is back after {}, and {} writes or {minutes:.2} min of \
             work are lost (exit code {})",
            drilled().count(),
            seconds(self.seconds),
            seconds(longest),
            count(lost),
            self.exit().code()
        )
    }

    /// What was not drilled and why, one phrase for each step that would have been gone back from.
    fn not_drilled(&self) -> Vec<String> {
        let mut steps: Vec<(&StepId, Left, Vec<&str>)> = Vec::new();
        for cell in &self.cells {
            let Some(left) = cell.left_out else { continue };
            let what = cell.fault.as_ref().map_or(cell.name.as_str(), |f| f.fault.as_str());
            match steps.iter_mut().find(|(from, why, _)| **from == cell.from && *why == left) {
                Some((_, _, cells)) => cells.push(what),
                None => steps.push((&cell.from, left, vec![what])),
            }
        }
        steps
            .into_iter()
            .map(|(from, left, cells)| match cells.as_slice() {
                [one] if *one == from.as_str() => format!("{from}: {}", left.word()),
                cells => format!("{from}: {} ({})", cells.join(", "), left.word()),
            })
            .collect()
    }

    /// The rows of the table, heading first, without the columns that it has no use for. Cells that were not drilled have none:
    /// of a sample they are most.
    fn table(&self) -> Vec<Vec<String>> {
        let faults = self.cells.iter().any(|c| c.fault.is_some());
        let kept = |row: [String; 11]| -> Vec<String> {
            let columns = row.into_iter().enumerate();
            columns.filter(|(c, _)| faults || !OF_FAULTS.contains(c)).map(|(_, cell)| cell).collect()
        };
        let mut rows = vec![kept(HEAD.map(Into::into))];
        rows.extend(self.cells.iter().filter(|c| c.left_out.is_none()).map(|c| kept(c.row())));
        rows
    }

    /// The table for the screen.
    pub fn render(&self) -> String {
        let rows = self.table().into_iter();
        let rows: Vec<Vec<String>> =
            rows.map(|row| row.iter().map(|cell| printable(cell).into_owned()).collect()).collect();
        let all = rows.first().map_or(0, Vec::len);
        let cut = |row: &[String], c: usize| match row.get(c) {
            Some(cell) if c + 1 < all => shortened_within(cell, WIDEST).into_owned(),
            cell => cell.cloned().unwrap_or_default(),
        };
        let widths: Vec<usize> =
            (0..all).map(|c| rows.iter().map(|r| columns(&cut(r, c))).max().unwrap_or(0)).collect();
        let mut text = String::new();
        for row in &rows {
            let cells = widths.iter().enumerate().map(|(c, wide)| {
                let cell = cut(row, c);
                let padding = if c + 1 == all { 0 } else { wide.saturating_sub(columns(&cell)) };
                format!("{cell}{}", " ".repeat(padding))
            });
            text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
            text.push('\n');
        }
        let left = self.cells.iter().filter(|c| c.left_out.is_some()).count();
        if left > 0 {
            text.push_str(&format!(
                "not drilled: {left} cells; drill.md names them, --full drills them all\n"
            ));
        }
        text.push_str(&self.headline());
        text.push('\n');
        text
    }

    /// The same for pull requests and wikis, with a section for each cell that is not green.
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "# Drill of {}\n\n{}.\n\nSeed {}, run {}, Drydock {}.\n\n",
            escaped(&self.scenario),
            escaped(&self.headline()),
            self.seed,
            escaped(&self.run),
            escaped(&self.drydock)
        );
        for (n, row) in self.table().iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|c| escaped(c)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if n == 0 {
                text.push_str(&format!("|{}\n", "---|".repeat(row.len())));
            }
        }
        let not_drilled = self.not_drilled();
        if !not_drilled.is_empty() {
            text.push_str("\nNot drilled (`--full` drills them all):\n\n");
            not_drilled.iter().for_each(|step| text.push_str(&format!("- {}\n", escaped(step))));
        }
        let red = self.cells.iter().filter(|c| c.left_out.is_none() && c.exit() != ExitCode::Equal);
        for cell in red {
            text.push_str(&format!("\n## {}\n\n{}.", escaped(&cell.name), escaped(&cell.headline)));
            text.push_str(&format!(" Its reports are in `cells/{}`.\n", cell.run));
            let Some(back) = &cell.rollback else { continue };
            if !back.left_behind.is_empty() {
                text.push_str(&format!("\nLeft on the target: {}.\n", escaped(&back.left_behind.join(", "))));
            }
            let Some(writes) = back.writes.as_ref().filter(|w| !w.lost.is_empty()) else { continue };
            text.push_str(&format!("\nLost writes, the first of {}:\n\n", writes.lost.len()));
            for write in writes.lost.iter().take(drydock_core::finding::MAX_SAMPLES) {
                text.push_str(&format!("- {} ({})\n", escaped(&write.item), escaped(&write.told)));
            }
        }
        text
    }

    /// The table as JSON.
    pub fn json(&self) -> String {
        // A tree of numbers and texts with texts as keys cannot fail to be written.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes `drill.json`, `drill.md` and `drill.html` into a folder.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::write(folder.join("drill.json"), self.json())?;
        fs::write(folder.join("drill.md"), self.markdown())?;
        fs::write(folder.join("drill.html"), self.html())
    }
}

#[cfg(test)]
mod tests;
