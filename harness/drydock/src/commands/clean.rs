//! `drydock clean`: what crashed runs left behind.

use crate::cli::Clean;
use drydock_core::ExitCode;
use drydock_environments::{EnvironmentError, clean};
use serde_json::json;

/// Removes, or lists, leftovers.
pub(crate) fn run(arguments: &Clean) -> ExitCode {
    if arguments.dry_run {
        return match clean::leftovers(None) {
            Ok(clean::Leftovers { found, not_asked }) => {
                tell_not_asked(not_asked.as_ref());
                if arguments.json {
                    super::print_value(&found);
                } else if found.is_empty() {
                    super::print("nothing to clean");
                } else {
                    for leftover in found {
                        super::print(&format!("would remove {leftover}"));
                    }
                }
                ExitCode::Equal
            }
            Err(error) => crate::fail_environment(&error),
        };
    }
    match clean::clean(None) {
        Ok(report) => {
            tell_not_asked(report.not_asked.as_ref());
            if arguments.json {
                let failed: Vec<String> =
                    report.failed.iter().map(|(run, why)| format!("{run}: {why}")).collect();
                let not_asked = report.not_asked.as_ref().map(ToString::to_string);
                let told = json!({
                    "removed": report.removed,
                    "live": report.live,
                    "failed": failed,
                    "engine_not_asked": not_asked,
                });
                super::print_value(&told);
            } else {
                tell(&report);
            }
            if report.failed.is_empty() { ExitCode::Equal } else { ExitCode::CouldNotRun }
        }
        Err(error) => crate::fail_environment(&error),
    }
}

/// On standard error: what nobody could look for is not what is not there.
fn tell_not_asked(why: Option<&EnvironmentError>) {
    if let Some(why) = why {
        super::tell(&format!(
            "note: containers of runs without a work directory were not looked for: {}",
            why.what
        ));
    }
}

fn tell(report: &clean::Report) {
    for leftover in &report.removed {
        super::print(&format!("removed {leftover}"));
    }
    for run in &report.live {
        super::print(&format!("left alone {run}: it is running"));
    }
    for (run, why) in &report.failed {
        super::tell(&format!("error: {run} could not be removed: {}; {}", why.what, why.help));
    }
    if report.removed.is_empty() && report.failed.is_empty() {
        super::print("nothing to clean");
    }
}
