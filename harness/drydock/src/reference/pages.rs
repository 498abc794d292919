//! Pages of checks, faults, findings, exit codes and commands, from the texts of `drydock explain` and from the help.

use super::MADE;
use crate::cli::Cli;
use clap::CommandFactory;
use drydock_core::ExitCode;
use drydock_core::explain::{Sort, Topic};
use drydock_core::scenario::FaultKind;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One page a check, and a list of all.
pub(super) fn checks() -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let mut list = format!(
        "{MADE}# Checks\n\nWhat Drydock asks of a migration. A check that was asked for and not made, or compared nothing, is \
         *not proven* and never green. `drydock explain NAME` prints the same texts.\n"
    );
    let mut group = None;
    for topic in Topic::all().filter(|t| t.sort() == Sort::Check) {
        let name = topic.name();
        let of = name.split_once('/').map_or("the migration as a whole", |(of, _)| of).to_owned();
        if group.as_ref() != Some(&of) {
            let _ = write!(list, "\n## {of}\n\n");
            group = Some(of);
        }
        let words = topic.explanation().means;
        let first = words.split_once(". ").map_or(words, |(first, _)| first).trim_end_matches('.');
        let _ = writeln!(list, "- [`{name}`]({name}.md): {first}.");
        pages.insert(format!("checks/{name}.md"), check(topic));
    }
    pages.insert("checks/README.md".into(), list);
    pages
}

fn check(topic: Topic) -> String {
    let name = topic.name();
    let words = topic.explanation();
    let up = "../".repeat(1 + name.matches('/').count());
    let mut text = format!(
        "{MADE}# `{name}`\n\n{}\n\n## How it happens\n\n{}\n\n## What to do\n\n{}\n",
        words.means, words.happens, words.act
    );
    let faults = topic.related();
    if !faults.is_empty() {
        text.push_str("\n## Faults that it must tell of\n\n");
        for fault in faults {
            let _ = writeln!(text, "- [`{fault}`]({up}reference/faults.md#{fault})");
        }
    }
    text
}

/// All faults on one page.
pub(super) fn faults() -> String {
    let mut text = format!(
        "{MADE}# Faults\n\nWhat `faults:` in a scenario can break on purpose, what a rehearsal must make of it, and where the \
         same happens by itself.\n"
    );
    for fault in FaultKind::ALL {
        let topic = Topic::Fault(fault);
        let words = topic.explanation();
        let _ = write!(text, "\n## {}\n\n{}\n\n", topic.name(), words.means);
        let _ = writeln!(text, "- In a rehearsal: {}.", topic.course().expect("a fault has a course"));
        let told: Vec<String> =
            topic.related().iter().map(|check| format!("[`{check}`](../checks/{check}.md)")).collect();
        if !told.is_empty() {
            let _ = writeln!(text, "- Told by: {}.", told.join(", "));
        }
        let _ = writeln!(text, "- In the wild: {}", words.happens);
        let _ = writeln!(text, "- What to do: {}", words.act);
    }
    text
}

/// All kinds of findings on one page.
pub(super) fn findings() -> String {
    let mut text = format!(
        "{MADE}# Findings\n\nWhat a check can find. These are the names that a ledger's `kind:` takes and that stand in \
         `report.json`.\n\n| kind | means | how it happens | what to do |\n|---|---|---|---|\n"
    );
    for topic in Topic::all().filter(|t| t.sort() == Sort::Finding) {
        let words = topic.explanation();
        let _ =
            writeln!(text, "| `{}` | {} | {} | {} |", topic.name(), words.means, words.happens, words.act);
    }
    text
}

/// All exit codes on one page.
pub(super) fn exit_codes() -> String {
    let mut text = format!(
        "{MADE}# Exit codes\n\nWhere several apply, the one that must be acted on first is given. Of several scenarios in one \
         command each is held against its `expect:`: 0 if all of them ended as they are meant to, 3 if one that is meant to \
         object did not, otherwise the code of the worst.\n\n| code | name | means | what to do |\n|--:|---|---|---|\n"
    );
    for exit in ExitCode::ALL {
        let words = Topic::Exit(exit).explanation();
        let _ = writeln!(text, "| {} | `{}` | {} | {} |", exit.code(), exit.as_str(), words.means, words.act);
    }
    text
}

/// The help of every command.
pub(super) fn commands() -> String {
    let mut text =
        format!("{MADE}# Commands\n\nThe help of every command; `drydock man` has it as a manual page.\n");
    let mut root = plain(Cli::command());
    root.build();
    helps(&root, "drydock", &mut text);
    text
}

fn helps(command: &clap::Command, name: &str, text: &mut String) {
    let help = command.clone().term_width(100).render_long_help().to_string();
    let _ = write!(text, "\n## {name}\n\n```text\n");
    for line in help.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push_str("```\n");
    for inner in command.get_subcommands() {
        helps(inner, &format!("{name} {}", inner.get_name()), text);
    }
}

/// Without the values that variables have on this machine.
fn plain(command: clap::Command) -> clap::Command {
    command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(plain)
}
