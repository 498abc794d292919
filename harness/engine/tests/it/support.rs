//! What the tests share: whether a real Camunda is asked for, places, clean stores.

use drydock_environments::{CamundaConfig, EmbeddedConfig, Progress};
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for an application that starts, on a busy machine.
pub(crate) const START: Duration = Duration::from_secs(180);
/// Longest wait until it has read what its broker wrote.
pub(crate) const SETTLE: Duration = Duration::from_secs(120);

pub(crate) fn asked(test: &str) -> bool {
    let asked = std::env::var_os("DRYDOCK_TEST_CAMUNDA").is_some_and(|v| v == "1");
    if !asked {
        let line = format!("SKIP {test}: DRYDOCK_TEST_CAMUNDA=1 starts a real Camunda\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap_or_default();
    }
    asked
}

/// Words with the time since the start.
pub(crate) struct Notes(pub(crate) Instant);

impl Progress for Notes {
    fn note(&self, message: &str) {
        println!("{:6.1} s  {message}", self.0.elapsed().as_secs_f64());
    }
    fn bytes(&self, _what: &str, _done: u64, _total: Option<u64>) {}
}

/// A directory that the stores' user can enter, unlike the usual temporary ones.
pub(crate) fn open_directory() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("drydock-test-").tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// A source without PostgreSQL and no target.
pub(crate) fn config(dir: &Path, run_id: &str, camunda: &CamundaConfig) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(run_id, dir.join("run"));
    config.work_root = Some(dir.join("work"));
    config.camunda = Some(camunda.clone());
    (config.source.postgres, config.target.postgres, config.target.elasticsearch) = (false, false, false);
    config
}
