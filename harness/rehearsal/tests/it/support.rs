//! Whether real stores can run here, and saying so where they cannot.

use drydock_environments::EmbeddedConfig;
use drydock_environments::doctor::{self, DoctorState};

/// Why an environment cannot run on this machine, if so.
pub(crate) async fn cannot_run(config: &EmbeddedConfig) -> Option<String> {
    let items = doctor::run(config).await.into_iter().filter(|i| i.state == DoctorState::Missing);
    let missing: Vec<String> = items.map(|i| format!("{}: {}", i.name, i.detail)).collect();
    (!missing.is_empty()).then(|| missing.join("; "))
}

/// Tells that a test was not made, past the test runner's capture, so that it is seen.
pub(crate) fn skip(why: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {why}\n").as_bytes()).unwrap_or_default();
}
