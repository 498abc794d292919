//! Schedules that are kept as files, and played again.

use super::exit_of_one;
use drydock_core::ExitCode;
use drydock_simulated::{Campaign, Case, Safeguard, Setup, Tracing, play};
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Keeps the shortest schedule of every broken promise.
pub(super) fn save(setup: &Setup, played: &Campaign, folder: &Path) -> Result<(), String> {
    let without = setup.without.map(Safeguard::as_str);
    for broken in &played.broken {
        let case = Case::of(broken, &setup.scenario.name, without);
        let file = case.save(folder, broken.promise);
        let file = file.map_err(|e| format!("cannot keep a schedule in {}: {e}", folder.display()))?;
        crate::commands::tell(&format!("kept: {}", file.display()));
    }
    Ok(())
}

/// Plays kept schedules. What each breaks here may be another thing than where it was found.
pub(super) fn replay(setup: &Setup, files: &[PathBuf]) -> ExitCode {
    let mut worst = ExitCode::Equal;
    let mut text = String::new();
    for file in files {
        let case = match Case::read(file) {
            Ok(case) => case,
            Err(error) => return super::usage(&error.to_string()),
        };
        let played = play(setup, &case.schedule, Tracing::Off);
        let _ = writeln!(text, "{}: {} events, {}", file.display(), case.schedule.events.len(), case.what);
        for (promise, finding) in &played.broken {
            let _ = writeln!(text, "  BROKEN  {} ({}): {}", promise.as_str(), finding.check, finding.message);
        }
        for gap in &played.gaps {
            let _ = writeln!(text, "  not proven: the simulator does not know {gap}");
        }
        if played.broken.is_empty() {
            let _ = writeln!(text, "  {}", if played.proves() { "no promise broken" } else { "not proven" });
        }
        worst = worst.worst(exit_of_one(&played));
    }
    crate::commands::print(&text);
    worst
}
