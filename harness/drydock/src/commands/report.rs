//! `drydock report`: everything again, from the record alone; as an archive, and such an archive looked at.

use crate::cli::{Format, Report};
use drydock_core::{ExitCode, Summary};
use drydock_rehearsal::RunFolder;
use drydock_report::{html, junit, markdown, pack, prometheus, sarif, trace};
use std::path::Path;

/// Rebuilds the reports of a run and prints one, or looks at an evidence pack.
pub(crate) fn run(arguments: &Report) -> ExitCode {
    match (&arguments.verify_pack, &arguments.run) {
        (Some(file), _) => verify(file),
        (None, Some(run)) => rebuild(arguments, run).unwrap_or_else(|error| {
            super::tell(&format!("error: {error}"));
            ExitCode::Usage
        }),
        // The arguments are refused before.
        (None, None) => ExitCode::Usage,
    }
}

fn rebuild(arguments: &Report, run: &str) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let folder = RunFolder::open(&arguments.runs, run)?;
    let record = drydock_report::read_record(folder.path())?;
    let summary = Summary::of(&record);
    if let Err(error) = drydock_report::write_all(folder.path(), &summary) {
        super::tell(&format!("warning: the files in {} were not rebuilt: {error}", folder.path().display()));
    }
    if let Some(file) = &arguments.pack {
        let beside = folder.path().join(format!("{}.tar.gz", summary.run));
        let file = file.as_deref().unwrap_or(&beside);
        let made = drydock_report::write_pack(folder.path(), file)?;
        super::tell(&format!("{} files; {} texts of the record redacted", made.files, made.redacted));
        super::print(&format!("{}  {}\n", made.sha256, file.display()));
        return Ok(super::exit_of(&summary));
    }
    match arguments.format {
        Format::Terminal => super::print_screen(&summary, Some(folder.path())),
        Format::Json => super::print_json(&summary),
        Format::Markdown => super::print(&markdown::render(&summary, markdown::MAX_BYTES)),
        Format::Html => super::print(&html::render(&summary)),
        Format::Trace => super::print(&trace::render(&record)),
        Format::Junit => super::print(&junit::render(&summary)),
        Format::Sarif => super::print(&sarif::render(&summary)),
        Format::Prometheus => super::print(&prometheus::render(&summary)),
    }
    Ok(super::exit_of(&summary))
}

/// The exit code of a pack that holds is that of its verdict; one that does not hold proves nothing.
fn verify(file: &Path) -> ExitCode {
    let looked_at = std::fs::read(file)
        .map_err(|error| format!("cannot read {}: {error}", file.display()))
        .and_then(|bytes| pack::verify(&bytes).map_err(|error| format!("{}: {error}", file.display())));
    match looked_at {
        Ok(found) => {
            super::print(&found.told());
            match &found.summary {
                Some(summary) if found.holds() => super::exit_of(summary),
                _ => ExitCode::NotProven,
            }
        }
        Err(error) => {
            super::tell(&format!("error: {error}"));
            ExitCode::Usage
        }
    }
}
