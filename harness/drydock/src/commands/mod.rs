//! One file a command.

pub(crate) mod bench;
pub(crate) mod clean;
pub(crate) mod compare;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod estimate;
pub(crate) mod explain;
mod exported;
pub(crate) mod help;
pub(crate) mod init;
mod live;
mod login;
mod migrated_store;
pub(crate) mod migration;
pub(crate) mod objects;
pub(crate) mod observe;
pub(crate) mod prove;
pub(crate) mod rehearse;
mod render;
pub(crate) mod report;
mod secret_login;
pub(crate) mod simulate;
pub(crate) mod upgrade_path;
pub(crate) mod values;
pub(crate) mod verify;

use drydock_core::printable::{printable, printable_json, printable_lines};
use drydock_core::{ExitCode, Summary};
use drydock_report::terminal::{Color, render};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Widest screen that is used, in columns; wider lines are hard to read.
const WIDEST: usize = 120;
/// Width where there is no terminal.
const PLAIN_WIDTH: usize = 100;

/// Writes a result to standard output. Nothing in it steers a terminal.
pub(crate) fn print(text: &str) {
    print_painted(&printable_lines(text));
}

/// Writes a text that this program gave its colours, and made everything else in it fit to be shown. A reader that has gone away
/// (`| head`) is no error.
pub(crate) fn print_painted(text: &str) {
    // `anstream` takes the colours off where NO_COLOR or a pipe asks for it.
    let mut out = anstream::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Writes a text of JSON.
pub(crate) fn print_json_text(text: &str) {
    print_painted(&printable_json(text));
}

/// Writes a value as indented JSON. Those that come here hold nothing that JSON cannot.
pub(crate) fn print_value(value: &impl Serialize) {
    print_json_text(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Writes one line to standard error. What it says of files, clusters and arguments cannot steer the terminal.
pub(crate) fn tell(line: &str) {
    anstream::eprintln!("{}", printable(line));
}

/// Writes a report for programs to standard output. A reader that has gone away is no error.
pub(crate) fn print_json(summary: &Summary) {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let _ = drydock_report::json::write(summary, &mut out);
    let _ = out.flush();
}

/// Prints the one screen of a run.
pub(crate) fn print_screen(summary: &Summary, folder: Option<&Path>) {
    print_painted(&render(summary, width(), Color::Ansi, folder.unwrap_or(Path::new(""))));
}

/// Columns to write into.
pub(crate) fn width() -> usize {
    let terminal = std::io::stdout().is_terminal();
    if terminal { terminal_width().unwrap_or(PLAIN_WIDTH).min(WIDEST) } else { PLAIN_WIDTH }
}

/// The exit code of a verdict.
pub(crate) fn exit_of(summary: &Summary) -> ExitCode {
    let code = summary.verdict.exit_code;
    ExitCode::ALL.into_iter().find(|c| c.code() == code).unwrap_or(ExitCode::NotProven)
}

fn terminal_width() -> Option<usize> {
    let (_, width) = console_size()?;
    // Some say nothing, which is no width. What is too narrow to write into is for whoever writes to know.
    (width > 0).then_some(width)
}

/// Rows and columns of the terminal, as `COLUMNS` or the terminal itself tells.
fn console_size() -> Option<(usize, usize)> {
    if let Some(columns) = std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()) {
        return Some((0, columns));
    }
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some((size.ws_row.into(), size.ws_col.into()))
}
