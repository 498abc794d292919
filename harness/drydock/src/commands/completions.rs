//! `drydock completions` and `drydock man`: made from the same description of the command line as the help.

use crate::cli::{Cli, Completions, Man};
use clap::CommandFactory;
use drydock_core::ExitCode;
use std::path::Path;

/// Prints a completion script.
pub(crate) fn completions(arguments: &Completions) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "drydock", &mut script);
    super::print(&String::from_utf8_lossy(&script));
    ExitCode::Equal
}

/// Prints the manual page, or writes one page a command into a folder.
pub(crate) fn man(arguments: &Man) -> ExitCode {
    let done = match &arguments.directory {
        None => main_page().map(|page| super::print(&page)),
        Some(folder) => write_pages(folder),
    };
    match done {
        Ok(()) => ExitCode::Equal,
        Err(error) => {
            let place = arguments.directory.as_deref().unwrap_or(Path::new("the manual page"));
            super::tell(&format!(
                "error: cannot write to {}: {error}; name a folder that can be written to",
                place.display()
            ));
            ExitCode::CouldNotRun
        }
    }
}

fn main_page() -> std::io::Result<String> {
    let mut page = Vec::new();
    clap_mangen::Man::new(Cli::command()).render(&mut page)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn write_pages(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Cli::command(), folder)
}
