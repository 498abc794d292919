//! The page of a drill: from which step, under which fault, the way back was gone, and what it restored.

use super::capped::{Share, list, scrolled};
use super::page::{Page, Section, code, data, data_within};
use super::words::Tone;
use crate::choice::word;
use crate::text::count;
use drydock_core::ExitCode;
use maud::{Markup, html};

/// Everything that the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Drill {
    /// What was drilled: the scenario.
    pub subject: String,
    /// Version of Drydock.
    pub drydock: String,
    /// The code the drill ended with.
    pub exit: ExitCode,
    /// The verdict in one line.
    pub headline: String,
    /// Facts below the title: run, seed, time.
    pub facts: Vec<String>,
    /// Heading of the first column: `way back from`.
    pub corner: String,
    /// Headings of the other columns: the faults.
    pub columns: Vec<String>,
    /// One row for each starting point.
    pub rows: Vec<Row>,
    /// What was not drilled, in phrases.
    pub not_drilled: Vec<String>,
}

/// One starting point.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The step.
    pub name: String,
    /// One cell a column, in their order. Cells that are missing are shown as not drilled.
    pub cells: Vec<Cell>,
}

/// One drill.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// How it ended.
    pub end: End,
    /// A figure or a word: `12.3 s`, `3 findings`.
    pub told: String,
}

/// How one drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The state before was restored, and that was shown.
    Restored,
    /// It was not restored.
    NotRestored,
    /// It could not be shown either way.
    NotProven,
    /// Not drilled.
    NotDrilled,
}

impl End {
    fn tone(self) -> Option<Tone> {
        match self {
            Self::Restored => Some(Tone::Good),
            Self::NotRestored => Some(Tone::Bad),
            Self::NotProven => Some(Tone::Doubt),
            Self::NotDrilled => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Restored => "restored",
            Self::NotRestored => "NOT restored",
            Self::NotProven => "not proven",
            Self::NotDrilled => "not drilled",
        }
    }
}

/// Rows of the matrix; a plan has some forty steps.
const ROWS: Share = Share { items: 200, bytes: 480 * 1024 };
/// Columns of the matrix.
const MOST_COLUMNS: usize = 60;

/// The page.
pub fn render(drill: &Drill) -> String {
    let mut sections = vec![Section::new("matrix", "Every way back that was drilled", matrix(drill))];
    let not_drilled = html! {
        @if drill.not_drilled.is_empty() { p { "Nothing that was asked for was left out." } }
        @else { (list(&drill.not_drilled, "item", |n| html! { (data(n)) })) }
    };
    sections.push(Section::new("not-drilled", "What was not drilled", not_drilled));
    let page = Page {
        kind: "Rollback drill report",
        subject: &drill.subject,
        facts: drill.facts.clone(),
        lead: lead(drill),
        drydock: &drill.drydock,
    };
    page.with(&sections)
}

fn lead(drill: &Drill) -> Markup {
    let tone = Tone::of_exit(drill.exit);
    let all = || drill.rows.iter().flat_map(|r| &r.cells);
    let of = |end: End| all().filter(|c| c.end == end).count() as u64;
    html! {
        section id="verdict" class={ "verdict " (tone.class()) } aria-labelledby="verdict-title" {
            h2 id="verdict-title" {
                span.sign aria-hidden="true" { (tone.sign()) }
                span { (word(drill.exit)) ": " (data(&drill.headline)) }
            }
            p.small { "Exit code " (drill.exit.code()) ": " (drill.exit.meaning()) "." }
        }
        ul.tiles {
            @for (what, end) in [("Restored", End::Restored), ("Not restored", End::NotRestored), ("Not proven", End::NotProven)] {
                li { span.what { (what) } b { (count(of(end))) } span { "of " (count(all().count() as u64)) " drills" } }
            }
        }
    }
}

fn matrix(drill: &Drill) -> Markup {
    let columns: Vec<&String> = drill.columns.iter().take(MOST_COLUMNS).collect();
    let capped = ROWS.of(&drill.rows, |row| html! {
        tr {
            th scope="row" { (code(&row.name)) }
            @for n in 0..columns.len() {
                @if let Some(cell) = row.cells.get(n) { (drawn(cell)) } @else { td.faint { (End::NotDrilled.word()) } }
            }
        }
    });
    html! {
        (scrolled("Matrix of drills", &html! {
            table {
                caption { "Each cell is one drill: whether the state before the cutover was restored, and how long it took or what was found." }
                thead { tr {
                    th scope="col" { (data(&drill.corner)) }
                    @for column in &columns { th scope="col" { (data_within(column, 60)) } }
                } }
                tbody { @for row in &capped.shown { (row) } }
            }
        }))
        (capped.rest("row"))
        @if drill.columns.len() > columns.len() {
            p.rest { (count((drill.columns.len() - columns.len()) as u64)) " more columns in " code { "drill.json" } "." }
        }
    }
}

fn drawn(cell: &Cell) -> Markup {
    html! {
        td class=(cell.end.tone().map_or("faint", Tone::class)) {
            @if let Some(tone) = cell.end.tone() { span aria-hidden="true" { (tone.sign()) " " } }
            (cell.end.word())
            @if !cell.told.is_empty() { br; span.faint.small { (data_within(&cell.told, 120)) } }
        }
    }
}
