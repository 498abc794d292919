//! `drydock init`: a first scenario, from flags, from the values of a release, or from questions on a terminal.

mod ask;
mod release;
#[cfg(test)]
mod tests;
mod write;

use crate::cli::{Init, TargetStores, Way};
use ask::Asker;
use drydock_core::scenario::Profile;
use drydock_core::{Component, ExitCode, Scenario};
use std::fs::{self, OpenOptions};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use write::{Answers, USUAL_PREFIXES};

/// Differences that every migration by dump shows although nothing is lost.
const STANDARD_LEDGER: &str = include_str!("../../../../../fixtures/expected/standard.yaml");

/// Why nothing was written.
enum Refused {
    /// What was asked for cannot be.
    Usage(String),
    /// The surroundings forbid it.
    CouldNotRun(String),
}

/// Writes a scenario, and its ledger where it needs one.
pub(crate) fn run(arguments: &Init) -> ExitCode {
    let written = prepare(arguments).and_then(|files| write_all(&files, arguments));
    match written {
        Ok(files) => {
            let names: Vec<String> = files.iter().map(|f| f.display().to_string()).collect();
            let scenario = names.first().map_or("", String::as_str);
            super::print(&format!(
                "wrote {}\nnext: drydock doctor {scenario}\n      drydock rehearse --plan {scenario}\n      drydock rehearse {scenario}\n",
                names.join(" and ")
            ));
            ExitCode::Equal
        }
        Err(Refused::Usage(why)) => {
            super::tell(&format!("error: {why}"));
            ExitCode::Usage
        }
        Err(Refused::CouldNotRun(why)) => {
            super::tell(&format!("error: {why}"));
            ExitCode::CouldNotRun
        }
    }
}

/// The files with their contents; the scenario first.
fn prepare(arguments: &Init) -> Result<Vec<(PathBuf, String)>, Refused> {
    let found = release::of(&arguments.release)?;
    let interactive = !arguments.yes && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mut asker = interactive.then(|| Asker::new(std::io::stdin().lock(), std::io::stderr()));
    let answers = answers(arguments, found, asker.as_mut())?;
    let text = write::scenario(&answers);
    // Whatever was answered, a file that cannot be rehearsed is never written.
    if let Err(error) = Scenario::from_yaml(&arguments.output.display().to_string(), &text) {
        let help = error.help.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
        return Err(Refused::Usage(format!("these answers make no scenario: {}{help}", error.message)));
    }
    let mut files = vec![(arguments.output.clone(), text)];
    if answers.needs_ledger() {
        files.push((arguments.output.with_file_name(&answers.ledger), STANDARD_LEDGER.to_owned()));
    }
    Ok(files)
}

/// What the scenario is written from: flags first, then questions if somebody is there, then what was found, then what is
/// usual.
fn answers<R: std::io::BufRead, W: Write>(
    arguments: &Init,
    found: release::Found,
    mut asker: Option<&mut Asker<R, W>>,
) -> Result<Answers, Refused> {
    let given = &arguments.answers;
    let stem = arguments.output.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let mut ask = |flag: Option<String>, question: &str, usual: String| -> Result<String, Refused> {
        match (flag, asker.as_mut()) {
            (Some(flag), _) => Ok(flag),
            (None, Some(asker)) => asker.ask(question, &usual).map_err(|e| {
                Refused::CouldNotRun(format!("cannot ask on this terminal: {e}; give the answers as flags"))
            }),
            (None, None) => Ok(usual),
        }
    };
    let name = ask(given.name.clone(), "name of the scenario", stem.clone())?;
    let way =
        ask(given.way.map(|w| value_of(&w)), &choices::<Way>("way to migrate"), value_of(&Way::Standard))?;
    let target = ask(
        given.target.map(|t| value_of(&t)),
        &choices::<TargetStores>("who runs the target"),
        value_of(&TargetStores::Here),
    )?;
    let all = |components: &[Component]| components.iter().map(|c| c.as_str()).collect::<Vec<_>>().join(",");
    let components = ask(
        (!given.components.is_empty()).then(|| all(&given.components)),
        "components, separated by commas",
        all(&found.components),
    )?;
    let prefixes = ask(
        (!given.prefixes.is_empty()).then(|| given.prefixes.join(",")),
        "index prefixes beside the usual ones, separated by commas",
        found.prefixes.join(","),
    )?;
    let profile = ask(
        given.profile.map(|p| json_word(&p)),
        "size of the data (tiny, small, medium, large)",
        json_word(&Profile::Small),
    )?;
    let downtime =
        ask(given.downtime.clone(), "longest outage that is accepted, or none", "5min".to_owned())?;
    let postgres_source = given.postgres_source.unwrap_or(found.postgres);
    let components = list(&components).map(parsed::<Component>).collect::<Result<Vec<_>, _>>()?;
    let mut prefixes: Vec<String> = list(&prefixes).map(str::to_owned).collect();
    prefixes.retain(|p| !USUAL_PREFIXES.contains(&p.as_str()));
    prefixes.sort();
    prefixes.dedup();
    Ok(Answers {
        name,
        way: choice(&way)?,
        target: choice(&target)?,
        components: Component::ALL.into_iter().filter(|c| components.contains(c)).collect(),
        prefixes,
        profile: parsed(&profile)?,
        downtime: Some(downtime).filter(|d| d != "none"),
        rollback_after: given.rollback_after,
        postgres_source,
        postgres_target: given.postgres_target.unwrap_or(postgres_source),
        ledger: format!("{stem}.expected.yaml"),
        found: found.told,
    })
}

/// Every file is refused or written: nothing is begun where one of them is there already.
fn write_all(files: &[(PathBuf, String)], arguments: &Init) -> Result<Vec<PathBuf>, Refused> {
    if !arguments.force
        && let Some((there, _)) = files.iter().find(|(path, _)| path.symlink_metadata().is_ok())
    {
        return Err(Refused::Usage(format!(
            "{} is there already and stays as it is; name another file with --output, or replace it with --force",
            there.display()
        )));
    }
    for (path, text) in files {
        write_one(path, text, arguments.force).map_err(|error| {
            Refused::CouldNotRun(format!(
                "cannot write {}: {error}; name another file with --output",
                path.display()
            ))
        })?;
    }
    Ok(files.iter().map(|(path, _)| path.clone()).collect())
}

fn write_one(path: &Path, text: &str, force: bool) -> std::io::Result<()> {
    // Without --force a file that somebody made in the meantime is not touched either.
    let new = |path: &Path| OpenOptions::new().create_new(true).write(true).open(path);
    if !force {
        return new(path)?.write_all(text.as_bytes());
    }
    // What a link names is replaced, not the link. A full disk leaves the old file as it was.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let beside = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    let replaced = new(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            if let Ok(old) = fs::metadata(&path) {
                file.set_permissions(old.permissions())?;
            }
            file.sync_all()
        })
        .and_then(|()| fs::rename(&beside, &path));
    if replaced.is_err() {
        // It may never have been made; what is told is why.
        let _ = fs::remove_file(&beside);
    }
    replaced
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// A word of a closed list of scenario files.
fn parsed<T: serde::de::DeserializeOwned>(word: &str) -> Result<T, Refused> {
    serde_json::from_value(word.into()).map_err(|error| Refused::Usage(error.to_string()))
}

/// A word of a closed list of the command line.
fn choice<T: clap::ValueEnum>(word: &str) -> Result<T, Refused> {
    T::from_str(word, true).map_err(|_| {
        let known: Vec<String> = T::value_variants().iter().map(value_of).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let hint = drydock_core::scenario::did_you_mean(word, &known)
            .unwrap_or_else(|| format!("known: {}", known.join(", ")));
        Refused::Usage(format!("{word:?} is not among the answers; {hint}"))
    })
}

fn choices<T: clap::ValueEnum>(question: &str) -> String {
    let known: Vec<String> = T::value_variants().iter().map(value_of).collect();
    format!("{question} ({})", known.join(", "))
}

fn value_of<T: clap::ValueEnum>(value: &T) -> String {
    value.to_possible_value().map(|v| v.get_name().to_owned()).unwrap_or_default()
}

fn json_word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
