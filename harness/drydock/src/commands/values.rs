//! `drydock verify values`: what becomes of every key when the chart changes.

use super::render::{Side, rendered};
use crate::cli::{Bitnami, ReportFiles, Values};
use drydock_core::names::checks;
use drydock_core::{ExitCode, Summary};
use drydock_helm::Check;
use drydock_helm::values::{self, ChartKeys, KeyVerdict, Road, Subject, Supplied};
use drydock_rehearsal::judge::{Ledgers, judge};
use drydock_stores::compare::CheckResult;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Compares values.
pub(crate) fn run(arguments: &Values) -> ExitCode {
    match compare(arguments) {
        Ok(code) => code,
        Err(error) => {
            super::tell(&format!("error: {error}"));
            ExitCode::Usage
        }
    }
}

fn compare(arguments: &Values) -> Result<ExitCode, String> {
    let began = Instant::now();
    let (from, from_files) = chart(&arguments.chart_from, arguments.chart_from_files.as_deref())?;
    let (to, to_files) = chart(&arguments.chart_to, arguments.chart_to_files.as_deref())?;
    let road = Road::between(&from, &to).map_err(|e| e.to_string())?;
    let files = read(&arguments.from)?;
    let old = Supplied::read(&files, &arguments.set).map_err(|e| e.to_string())?;
    let new = if arguments.to.is_empty() {
        None
    } else {
        Some(Supplied::read(&read(&arguments.to)?, &arguments.set_to).map_err(|e| e.to_string())?)
    };
    let chart_from = keys(from_files, &road.from)?;
    let chart_to = keys(to_files, &road.to)?;
    let subject = Subject {
        old: &old,
        new: new.as_ref(),
        road: &road,
        chart_from: chart_from.as_ref(),
        chart_to: chart_to.as_ref(),
        release: &arguments.release,
        bitnami: match arguments.bitnami {
            Bitnami::Stays => values::Bitnami::Stays,
            Bitnami::Leaves => values::Bitnami::Leaves,
        },
    };
    let written = match &arguments.write {
        Some(path) => {
            // What was given on the command line is written as well, as the last file.
            let set = old.set_as_file().map(|text| ("set.yaml".to_owned(), text));
            let files: Vec<_> = files.iter().cloned().chain(set).collect();
            write_proposal(path, &files, &subject)?
        }
        None => Vec::new(),
    };
    let verdict = values::judge(&subject);
    // What is used with the new chart: its own files, else what was written for it, else the old ones as they are.
    let proposed = if arguments.to.is_empty() && !written.is_empty() {
        Some(Supplied::read(&read(&written)?, &[]).map_err(|e| e.to_string())?)
    } else {
        None
    };
    let (new_files, new_set) = match (&proposed, arguments.to.is_empty()) {
        (Some(_), _) => (written, &[][..]),
        (None, true) => (arguments.from.clone(), &arguments.set[..]),
        (None, false) => (arguments.to.clone(), &arguments.set_to[..]),
    };
    let rendered = rendered(
        arguments,
        &road,
        &Side {
            name: "old",
            chart: from_files,
            files: arguments.from.clone(),
            set: &arguments.set,
            supplied: &old,
        },
        &Side {
            name: "new",
            chart: to_files,
            files: new_files,
            set: new_set,
            supplied: proposed.as_ref().or(new.as_ref()).unwrap_or(&old),
        },
    );
    let mut asked = checks::HELM_VALUES.to_vec();
    asked.extend(rendered.asked());
    let made = made(verdict.checks.into_iter().chain(rendered.checks).collect(), began);
    let output = &arguments.output;
    let ledgers = Ledgers { files: &output.expected, built_in: &rendered.ledgers };
    let summary = match judge("values", &asked, made, ledgers, output.report.as_deref()) {
        Ok(summary) => summary,
        Err(error) => return Ok(super::rehearse::fail(error)),
    };
    write_reports(&arguments.files, &summary)?;
    if output.json {
        print_json(&summary, &verdict.keys)?;
    } else {
        print_keys(&verdict.keys);
        super::print_screen(&summary, output.report.as_deref());
    }
    Ok(super::exit_of(&summary))
}

/// Version of a chart and the chart itself: one argument may be either.
fn chart<'a>(given: &'a str, files: Option<&'a Path>) -> Result<(String, Option<&'a Path>), String> {
    let path = Path::new(given);
    let is_chart = path.join("Chart.yaml").is_file() || (given.ends_with(".tgz") && path.is_file());
    if files.is_none() && is_chart {
        let version = ChartKeys::read(path).map_err(|e| e.to_string())?.version;
        return Ok((version, Some(path)));
    }
    Ok((given.to_owned(), files))
}

/// Writes what the new chart should be given: one file, or a folder of them if there are several. Says which files.
fn write_proposal(
    path: &Path,
    files: &[(String, String)],
    subject: &Subject<'_>,
) -> Result<Vec<PathBuf>, String> {
    let proposal = values::propose(files, subject.road, subject.chart_from, subject.chart_to)
        .map_err(|e| e.to_string())?;
    let write = |path: PathBuf, text: &str| match std::fs::write(&path, text) {
        Ok(()) => Ok(path),
        Err(e) => Err(format!("cannot write {}: {e}", path.display())),
    };
    if let [(_, text)] = proposal.files.as_slice() {
        return Ok(vec![write(path.to_owned(), text)?]);
    }
    std::fs::create_dir_all(path).map_err(|e| format!("cannot make the folder {}: {e}", path.display()))?;
    let numbered = (1..).zip(&proposal.files).map(|(number, (name, text))| {
        // The order of the files matters, and two of them may have the same name in different folders.
        let name =
            Path::new(name).file_name().map_or_else(|| name.clone(), |n| n.to_string_lossy().into_owned());
        write(path.join(format!("{number:02}-{name}")), text)
    });
    numbered.collect()
}

/// Reads text files.
pub(super) fn read(paths: &[PathBuf]) -> Result<Vec<(String, String)>, String> {
    paths
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {name}: {e}"))?;
            Ok((name, text))
        })
        .collect()
}

fn keys(files: Option<&Path>, version: &values::Version) -> Result<Option<ChartKeys>, String> {
    match files {
        Some(path) => ChartKeys::read(path).map(Some).map_err(|e| e.to_string()),
        None => Ok(ChartKeys::shipped(version)),
    }
}

/// Checks as the record tells them.
pub(super) fn made(checks: Vec<Check>, began: Instant) -> Vec<CheckResult> {
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let each = millis / checks.len().max(1) as u64;
    checks
        .into_iter()
        .map(|c| CheckResult {
            check: c.check,
            compared: c.compared,
            note: c.note,
            findings: c.findings,
            millis: each,
        })
        .collect()
}

/// Writes the single reports that were asked for.
pub(super) fn write_reports(files: &ReportFiles, summary: &Summary) -> Result<(), String> {
    let reports = [
        (&files.sarif, drydock_report::sarif::render as fn(&Summary) -> String),
        (&files.junit, drydock_report::junit::render),
    ];
    for (path, render) in reports {
        if let Some(path) = path {
            std::fs::write(path, render(summary))
                .map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        }
    }
    Ok(())
}

/// The report with the list of keys beside it.
fn print_json(summary: &Summary, keys: &[KeyVerdict]) -> Result<(), String> {
    let failed = |e: serde_json::Error| format!("cannot write the report: {e}");
    let mut report: serde_json::Value =
        serde_json::from_str(&drydock_report::json::render(summary)).map_err(failed)?;
    report["keys"] = serde_json::to_value(keys).map_err(failed)?;
    super::print_value(&report);
    Ok(())
}

fn print_keys(keys: &[KeyVerdict]) {
    let mut text = String::new();
    for key in keys {
        let to = if key.to.is_empty() { String::new() } else { format!(" -> {}", key.to.join(", ")) };
        let place = if key.place.is_empty() { "default" } else { &key.place };
        text.push_str(&format!(
            "{:<15} {:<10} {place}  {}{to}\n",
            key.fate,
            key.outcome.to_string(),
            key.key
        ));
    }
    super::print(&text);
}
