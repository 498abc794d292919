//! `drydock help`: commands and topics.

use crate::cli::Cli;
use clap::CommandFactory;
use drydock_core::ExitCode;

/// Prints help on a topic.
pub(crate) fn run(topic: Option<&str>) -> ExitCode {
    let mut command = Cli::command();
    match topic {
        None => super::print(&format!("{}\nTopics: exit-codes\n", command.render_long_help())),
        Some("exit-codes") => super::print(&drydock_report::exit_codes()),
        Some(name) => {
            let Some(found) = command.find_subcommand_mut(name) else {
                let names: Vec<String> =
                    Cli::command().get_subcommands().map(|c| c.get_name().to_owned()).collect();
                let known: Vec<&str> = names.iter().map(String::as_str).chain(["exit-codes"]).collect();
                let hint = drydock_core::scenario::did_you_mean(name, &known)
                    .unwrap_or_else(|| format!("known: {}", known.join(", ")));
                super::tell(&format!("error: no help on {name:?}; {hint}"));
                return ExitCode::Usage;
            };
            super::print(&found.render_long_help().to_string());
        }
    }
    ExitCode::Equal
}
