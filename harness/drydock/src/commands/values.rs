//! `drydock verify values`: what becomes of every key when the chart changes.

use crate::cli::{Bitnami, ReportFiles, Values};
use drydock_core::names::checks;
use drydock_core::{ExitCode, Summary};
use drydock_helm::Check;
use drydock_helm::values::{self, ChartKeys, KeyVerdict, Road, Subject, Supplied};
use drydock_rehearsal::judge::{CheckMade, judge};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Compares values.
pub(crate) fn run(arguments: &Values) -> ExitCode {
    match compare(arguments) {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("error: {error}");
            ExitCode::Usage
        }
    }
}

fn compare(arguments: &Values) -> Result<ExitCode, String> {
    let began = Instant::now();
    let road = Road::between(&arguments.chart_from, &arguments.chart_to).map_err(|e| e.to_string())?;
    let files = read(&arguments.from)?;
    let old = Supplied::read(&files, &arguments.set).map_err(|e| e.to_string())?;
    let new = if arguments.to.is_empty() {
        None
    } else {
        Some(Supplied::read(&read(&arguments.to)?, &arguments.set_to).map_err(|e| e.to_string())?)
    };
    let chart_from = keys(arguments.chart_from_files.as_deref(), &road.from)?;
    let chart_to = keys(arguments.chart_to_files.as_deref(), &road.to)?;
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
    if let Some(path) = &arguments.write {
        write_proposal(path, &files, &subject)?;
    }
    let verdict = values::judge(&subject);
    let made = made(verdict.checks, began);
    let output = &arguments.output;
    let judged = judge("values", &checks::HELM_VALUES, made, &output.expected, output.report.as_deref());
    let summary = match judged {
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

/// Writes what the new chart should be given: one file, or a folder of them if there are several.
fn write_proposal(path: &Path, files: &[(String, String)], subject: &Subject<'_>) -> Result<(), String> {
    let proposal = values::propose(files, subject.road, subject.chart_from, subject.chart_to)
        .map_err(|e| e.to_string())?;
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
    };
    if let [(_, text)] = proposal.files.as_slice() {
        return write(path, text);
    }
    std::fs::create_dir_all(path).map_err(|e| format!("cannot make the folder {}: {e}", path.display()))?;
    for (number, (name, text)) in (1..).zip(&proposal.files) {
        // The order of the files matters, and two of them may have the same name in different folders.
        let name =
            Path::new(name).file_name().map_or_else(|| name.clone(), |n| n.to_string_lossy().into_owned());
        write(&path.join(format!("{number:02}-{name}")), text)?;
    }
    Ok(())
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
pub(super) fn made(checks: Vec<Check>, began: Instant) -> Vec<CheckMade> {
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let each = millis / checks.len().max(1) as u64;
    checks
        .into_iter()
        .map(|c| CheckMade {
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
    super::print(&format!("{report:#}"));
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
