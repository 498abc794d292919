//! `drydock compare`: one run against an earlier one.

use super::bench;
use crate::cli::Compare;
use drydock_core::ExitCode;
use drydock_estimate::MeasuredRun;
use drydock_estimate::regress::compare;
use drydock_rehearsal::RunFolder;
use drydock_rehearsal::bench::{measured_run, read_history};

/// Compares, prints, and ends with what a pipeline must react to.
pub(crate) fn run(arguments: &Compare) -> ExitCode {
    let mut sides = Vec::new();
    for run in [&arguments.before, &arguments.after] {
        let folder = match RunFolder::open(&arguments.runs, run) {
            Ok(folder) => folder,
            Err(error) => {
                super::tell(&format!("error: {error}"));
                return ExitCode::Usage;
            }
        };
        match measured_run(folder.path()) {
            Ok(run) => sides.push(run),
            Err(error) => return super::rehearse::fail(error),
        }
    }
    let [before, after] = sides.as_slice() else { return ExitCode::CouldNotRun };
    let history = match arguments.history.as_deref().map(read_history).transpose() {
        Ok(history) => history.unwrap_or_default(),
        Err(error) => return bench::fail(error),
    };
    // The earlier run counts once, also if the history holds it; the later one tells nothing about the noise before it.
    let known = history.runs.iter().filter(|r| r.is_complete() && r.run != before.run && r.run != after.run);
    let earlier: Vec<&MeasuredRun> = std::iter::once(before).chain(known).collect();
    let comparison = compare(&earlier, &[after]);
    if arguments.json {
        super::print_value(&comparison);
    } else {
        super::print(&drydock_report::estimate::render_comparison(&comparison));
    }
    comparison.exit()
}
