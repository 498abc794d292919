//! Every command that a page or a pipeline of this repository shows is one that this program takes.

use super::{root, shown};
use crate::cli::Cli;
use clap::{CommandFactory, Parser};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pages for people.
fn pages() -> Vec<PathBuf> {
    let mut pages = shown::files(&root().join("docs"), &["md"]);
    pages.extend(
        ["README.md", "CONTRIBUTING.md", "ci/README.md", "reports/README.md"].map(|name| root().join(name)),
    );
    pages
}

/// Files that machines read.
pub(super) fn pipelines() -> Vec<PathBuf> {
    let mut files = shown::files(&root().join(".github"), &["yml", "yaml"]);
    files.extend(shown::files(&root().join("ci/github"), &["yml", "yaml"]));
    files.extend(["ci/gitlab.yml", "ci/kubernetes.yaml", "ci/rehearse"].map(|name| root().join(name)));
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn every_command_that_is_shown_is_taken() {
    let (mut wrong, mut taken) = (Vec::new(), 0);
    let shown = pages().into_iter().map(|p| (shown::in_page(&read(&p)), p));
    let shown = shown.chain(pipelines().into_iter().map(|p| (shown::in_script(&read(&p)), p)));
    for (commands, path) in shown {
        for command in commands {
            match Cli::try_parse_from(&command.words) {
                Err(error) if error.use_stderr() => wrong.push(format!(
                    "{}:{}: {:?}: {error}",
                    path.display(),
                    command.line,
                    command.words.join(" ")
                )),
                _ => taken += 1,
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(taken > 40, "only {taken} commands were found");
}

#[test]
fn commands_named_in_sentences_exist_with_their_options() {
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in pages() {
        for span in in_sentences(&read(&path)) {
            if let Err(why) = known(&span) {
                wrong.push(format!("{}: `{span}`: {why}", path.display()));
            }
            seen.insert(span);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() > 15, "{seen:?}");
}

/// Spans of code within the sentences of a page that begin with this program's name.
fn in_sentences(text: &str) -> Vec<String> {
    let mut outside = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            outside.push_str(line);
            outside.push('\n');
        }
    }
    let spans = outside.split('`').skip(1).step_by(2);
    spans
        .filter(|s| s.starts_with("drydock "))
        .map(|s| s.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

/// Whether the command exists and knows each option, whatever else a sentence leaves out.
fn known(span: &str) -> Result<(), String> {
    let mut command = Cli::command();
    command.build();
    let mut here = &command;
    for word in span.split(' ').skip(1) {
        if let Some(inner) = here.find_subcommand(word) {
            here = inner;
            continue;
        }
        if here.get_subcommands().next().is_some() && word.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(format!("no command {word}"));
        }
        if let Some(option) = word.strip_prefix("--") {
            let name = option.split('=').next().unwrap_or_default();
            let found = here.get_arguments().any(|a| {
                a.get_long() == Some(name) || a.get_all_aliases().is_some_and(|all| all.contains(&name))
            });
            if !found && !["help", "version"].contains(&name) {
                return Err(format!("no option --{name}"));
            }
        }
    }
    Ok(())
}

#[test]
fn every_scenario_that_is_named_is_there() {
    let (mut missing, mut named) = (Vec::new(), 0);
    for path in pages().into_iter().chain(pipelines()) {
        let text = read(&path);
        for (at, _) in text.match_indices("scenarios/") {
            let name: String = text[at + "scenarios/".len()..]
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c))
                .collect();
            let Some(stem) = name.strip_suffix(".yaml") else { continue };
            named += 1;
            if !root().join("scenarios").join(format!("{stem}.yaml")).exists() {
                missing.push(format!("{}: scenarios/{name}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?}");
    assert!(named > 20, "only {named} were found");
}

#[test]
fn a_wrong_command_would_be_told() {
    let page =
        "```sh\n$ drydock rehearse --plam scenarios/standard.yaml\n```\nand `drydock rehears --plan`\n";
    let commands = shown::in_page(page);
    assert_eq!(commands.len(), 1);
    assert!(Cli::try_parse_from(&commands[0].words).is_err());
    assert!(known(&in_sentences(page)[0]).is_err());
    let script = "if x=$(drydock report \"$run\" --format sarif 2>/dev/null); then\n  - drydock clean # all\n# drydock no\n";
    let commands: Vec<String> = shown::in_script(script).into_iter().map(|c| c.words.join(" ")).collect();
    assert_eq!(commands, ["drydock report $run --format sarif", "drydock clean"]);
    let long = "cargo run --release -- verify all \\\n  --source-postgres 'a b' | tee x\n";
    assert_eq!(shown::in_script(long)[0].words, ["drydock", "verify", "all", "--source-postgres", "a b"]);
}
