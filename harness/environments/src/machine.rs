//! What this crate asks about the machine: environment variables, programs, disk, memory. A value, so that tests can
//! describe a machine without Java or with a full disk while the real one stays as it is.

use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::procfs;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

/// A view of the machine.
#[derive(Debug, Clone)]
pub struct Machine {
    variables: BTreeMap<OsString, OsString>,
    disk_available: Option<u64>,
    memory_available: Option<u64>,
}

impl Machine {
    /// The machine as this process sees it.
    pub fn from_process() -> Self {
        Self { variables: std::env::vars_os().collect(), disk_available: None, memory_available: None }
    }

    /// The same machine with one environment variable set, or unset with `None`.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: Option<&OsStr>) -> Self {
        match value {
            Some(value) => self.variables.insert(name.into(), value.into()),
            None => self.variables.remove(OsStr::new(name)),
        };
        self
    }

    /// The same machine with this many bytes free on every file system.
    #[must_use]
    pub fn with_disk_available(mut self, bytes: u64) -> Self {
        self.disk_available = Some(bytes);
        self
    }

    /// The same machine with this many bytes of memory available.
    #[must_use]
    pub fn with_memory_available(mut self, bytes: u64) -> Self {
        self.memory_available = Some(bytes);
        self
    }

    /// An environment variable; an empty one counts as unset.
    pub(crate) fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|v| !v.is_empty())
    }

    /// A variable that holds an absolute path.
    pub(crate) fn path_variable(&self, name: &str) -> Option<PathBuf> {
        self.variable(name).map(PathBuf::from).filter(|p| p.is_absolute())
    }

    /// Home directory of the calling user, from `HOME`.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path_variable("HOME")
    }

    /// First executable of this name on `PATH`.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        std::env::split_paths(self.variable("PATH")?)
            .filter(|dir| dir.is_absolute())
            .map(|dir| dir.join(program))
            .find(|path| is_executable(path))
    }

    /// Bytes that an ordinary user may still write below `path`, which need not exist yet.
    pub(crate) fn disk_available(&self, path: &Path) -> Option<u64> {
        if self.disk_available.is_some() {
            return self.disk_available;
        }
        let existing = path.ancestors().find(|p| p.exists())?;
        let stat = rustix::fs::statvfs(existing).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Bytes of memory that new processes can use: what the kernel calls available, within the control group's limit.
    pub(crate) fn memory_available(&self) -> Option<u64> {
        self.memory_available.or_else(procfs::memory_available)
    }

    /// Runs a short command to its end, with this machine's variables.
    ///
    /// # Errors
    /// The program cannot be started, or does not end within `limit`. A failing exit status is not an error here.
    pub(crate) async fn output<S: AsRef<OsStr>>(
        &self,
        program: &Path,
        arguments: &[S],
        directory: Option<&Path>,
        limit: Duration,
    ) -> Result<Output> {
        let mut command = tokio::process::Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(&self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = directory {
            command.current_dir(directory);
        }
        let failed = |reason: String| {
            EnvironmentError::new(
                EnvironmentProblem::MissingTool,
                format!("cannot run {}: {reason}", program.display()),
                "check that the program works when started by hand",
            )
        };
        let child = command.spawn().map_err(|e| failed(e.to_string()))?;
        // The whole group, because a grandchild that holds the pipe would otherwise keep us waiting.
        let _group = GroupGuard::new(child.id());
        match tokio::time::timeout(limit, child.wait_with_output()).await {
            Ok(output) => output.map_err(|e| failed(e.to_string())),
            Err(_) => Err(failed(format!("no end within {} s", limit.as_secs()))),
        }
    }

    pub(crate) fn variables(&self) -> &BTreeMap<OsString, OsString> {
        &self.variables
    }
}

/// Kills a process group when dropped: what a short command leaves behind, or a long one that is no longer wanted.
pub(crate) struct GroupGuard(Option<u32>);

impl GroupGuard {
    pub(crate) fn new(leader: Option<u32>) -> Self {
        Self(leader)
    }
}

impl Drop for GroupGuard {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            procfs::kill_group(leader, rustix::process::Signal::KILL);
        }
    }
}

pub(crate) fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_path_finds_nothing_and_an_unset_home_is_none() {
        let machine =
            Machine::from_process().with_variable("PATH", Some(OsStr::new(""))).with_variable("HOME", None);
        assert!(machine.find("sh").is_none());
        assert!(machine.home().is_none());
        assert!(Machine::from_process().find("sh").is_some());
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_ended_with_its_children() {
        let machine = Machine::from_process();
        let shell = machine.find("sh").unwrap();
        let arguments = ["-c", "sleep 600 & sleep 600"];
        let error = machine.output(&shell, &arguments, None, Duration::from_millis(200)).await.unwrap_err();
        assert!(error.what.contains("no end within"), "{}", error.what);
    }
}
