//! Hooks in the documented folder: each notes that its point was reached, and nothing else.

use crate::error::ScriptsError;
use crate::tree::{Checkout, HOOKS};
use drydock_core::plan::ScriptPhase;
use std::fs;
use std::path::Path;

/// Variable with the file that the hooks write to.
pub(crate) const VARIABLE: &str = "DRYDOCK_HOOK_EVENTS";

/// The points of a phase: before it and after it.
pub(crate) fn points(phase: ScriptPhase) -> [String; 2] {
    ["pre", "post"].map(|when| format!("{when}-{}", phase.label()))
}

impl Checkout {
    /// Puts hooks into the copy. One that its owner has there goes on being called, beside ours.
    ///
    /// # Errors
    /// The folder cannot be written to.
    pub fn watch_hooks(&self) -> Result<(), ScriptsError> {
        let folder = self.migration().join(HOOKS);
        fs::create_dir_all(&folder).map_err(|e| ScriptsError::io("make the folder", &folder, &e))?;
        for point in ScriptPhase::ALL.into_iter().chain([ScriptPhase::WayBack]).flat_map(points) {
            place(&folder, &point)?;
        }
        Ok(())
    }
}

fn place(folder: &Path, point: &str) -> Result<(), ScriptsError> {
    let (hook, own) = (folder.join(format!("{point}.sh")), folder.join(format!("{point}.own.sh")));
    let ours = || fs::read_to_string(&hook).is_ok_and(|text| text.contains(VARIABLE));
    if hook.is_file() && !ours() {
        fs::rename(&hook, &own).map_err(|e| ScriptsError::io("move aside", &hook, &e))?;
    }
    let note = format!("printf '%s\\n' '{point}' >>\"${{{VARIABLE}:-/dev/null}}\"\n");
    let call = match own.is_file() {
        true => "source \"${BASH_SOURCE[0]%.sh}.own.sh\"\n",
        false => "",
    };
    // A phase is over only once its owner's hook has returned.
    let body = if point.starts_with("pre") { format!("{note}{call}") } else { format!("{call}{note}") };
    let text = format!("# Written by Drydock into its own copy: notes that this point was reached.\n{body}");
    fs::write(&hook, text).map_err(|e| ScriptsError::io("write", &hook, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn hooks_tell_their_points_and_call_those_of_the_owner() {
        let folder = tempfile::tempdir().unwrap();
        let (hooks, events) = (folder.path().join("hooks"), folder.path().join("events"));
        fs::create_dir(&hooks).unwrap();
        fs::write(hooks.join("post-phase-2.sh"), "echo own >>\"$EVENTS\"\n").unwrap();
        for point in ScriptPhase::ALL.into_iter().flat_map(points) {
            // Twice, as a resumed run does.
            place(&hooks, &point).unwrap();
            place(&hooks, &point).unwrap();
        }
        let script =
            "set -euo pipefail; for p in pre-phase-1 pre-phase-2 post-phase-2; do source \"$H/$p.sh\"; done";
        let status = Command::new("bash")
            .args(["-c", script])
            .env("H", &hooks)
            .env("EVENTS", &events)
            .env(VARIABLE, &events)
            .status()
            .unwrap();
        assert!(status.success());
        let told = fs::read_to_string(&events).unwrap();
        assert_eq!(told, "pre-phase-1\npre-phase-2\nown\npost-phase-2\n");
        // Without the variable a hook does nothing, under strict mode as well.
        let alone = Command::new("bash")
            .args(["-c", "set -euo pipefail; source \"$H/pre-phase-1.sh\""])
            .env("H", &hooks)
            .env_remove(VARIABLE)
            .status()
            .unwrap();
        assert!(alone.success());
    }
}
