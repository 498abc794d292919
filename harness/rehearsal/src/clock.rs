//! Names of runs.

use drydock_core::RunId;
use jiff::Timestamp;

/// A name that sorts by time and is not used twice on one machine: scenario, UTC time, process id.
pub fn run_id(scenario: &str, at: Timestamp) -> RunId {
    let short: String = scenario.chars().take(36).collect();
    RunId(format!("{short}-{}-{}", at.strftime("%Y%m%dT%H%M%SZ"), std::process::id()))
}
