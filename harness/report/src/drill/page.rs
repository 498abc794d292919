//! A drill as a page: steps down, faults across.

use super::{AsMeant, CellReport, DrillReport};
use crate::html::drill::{self, Cell, Drill, End, Row};
use crate::text::seconds;
use drydock_core::rollback::{Restored, RollbackReport, Stage};

/// Heading of the column of cells in which nothing goes wrong.
const UNDISTURBED: &str = "no fault";

impl DrillReport {
    /// The same as a page that needs nothing else.
    pub fn html(&self) -> String {
        drill::render(&self.page())
    }

    fn page(&self) -> Drill {
        let mut columns = vec![UNDISTURBED.to_owned()];
        let mut names: Vec<&str> = Vec::new();
        for cell in &self.cells {
            let (row, column) = place(cell);
            if !names.contains(&row) {
                names.push(row);
            }
            if !columns.iter().any(|c| c == column) {
                columns.push(column.to_owned());
            }
        }
        let of = |row: &str, column: &str| {
            let found = self.cells.iter().find(|c| place(c) == (row, column));
            found.map_or(Cell { end: End::NotDrilled, told: String::new() }, drawn)
        };
        let rows = names
            .into_iter()
            .map(|name| Row { name: name.to_owned(), cells: columns.iter().map(|c| of(name, c)).collect() })
            .collect();
        Drill {
            subject: self.scenario.clone(),
            drydock: self.drydock.clone(),
            exit: self.exit(),
            headline: self.headline(),
            facts: vec![
                format!("run {}", self.run),
                format!("seed {}", self.seed),
                format!("took {}", seconds(self.seconds)),
            ],
            corner: "way back from".into(),
            columns,
            rows,
            not_drilled: self.not_drilled(),
        }
    }
}

/// Row and column of a cell.
fn place(cell: &CellReport) -> (&str, &str) {
    match &cell.fault {
        Some(disturbed) => (cell.from.as_str(), disturbed.fault.as_str()),
        None => (&cell.name, UNDISTURBED),
    }
}

fn drawn(cell: &CellReport) -> Cell {
    if cell.left_out.is_some() {
        return Cell { end: End::NotDrilled, told: String::new() };
    }
    let restored = cell.rollback.as_ref().map(|b| b.restored);
    let end = match (cell.as_meant, restored) {
        (Some(AsMeant::Lost), _) => End::NotRestored,
        (Some(AsMeant::Untold | AsMeant::Unexpected | AsMeant::Environment), _) => End::NotProven,
        // What was written to the source behind everybody's back stays there, and was told.
        (Some(AsMeant::Yes), _) | (None, Some(Restored::Yes)) => End::Restored,
        (None, Some(Restored::No)) => End::NotRestored,
        (None, Some(Restored::NotProven) | None) => End::NotProven,
    };
    let told = match (cell.as_meant, &cell.refusal) {
        (None, None) => String::new(),
        (None, Some(_)) | (Some(_), _) => cell.headline.clone(),
    };
    let back = cell.rollback.as_ref().map(service_back).unwrap_or_default();
    let words: Vec<String> = [back, told].into_iter().filter(|w| !w.is_empty()).collect();
    Cell { end, told: words.join("; ") }
}

fn service_back(back: &RollbackReport) -> String {
    match (back.stage, back.rto_seconds) {
        (Stage::OnSource, Some(_)) => "users never left".into(),
        (_, Some(rto)) => format!("back after {}", seconds(rto)),
        (_, None) => "users did NOT come back".into(),
    }
}
