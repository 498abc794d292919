//! `drydock report`: everything again, from the record alone.

use crate::cli::{Format, Report};
use drydock_core::ExitCode;
use drydock_rehearsal::RunFolder;

/// Rebuilds the reports of a run and prints one.
pub(crate) fn run(arguments: &Report) -> ExitCode {
    let folder = match RunFolder::open(&arguments.runs, &arguments.run) {
        Ok(folder) => folder,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            return ExitCode::Usage;
        }
    };
    let summary = match drydock_report::rebuild(folder.path()) {
        Ok(summary) => summary,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            return ExitCode::Usage;
        }
    };
    if let Err(error) = drydock_report::write_all(folder.path(), &summary) {
        anstream::eprintln!("warning: the files in {} were not rebuilt: {error}", folder.path().display());
    }
    match arguments.format {
        Format::Terminal => super::print_screen(&summary, Some(folder.path())),
        Format::Json => super::print(&drydock_report::json::render(&summary)),
        Format::Markdown => {
            super::print(&drydock_report::markdown::render(&summary, drydock_report::markdown::MAX_BYTES))
        }
        Format::Junit => super::print(&drydock_report::junit::render(&summary)),
    }
    super::exit_of(&summary)
}
