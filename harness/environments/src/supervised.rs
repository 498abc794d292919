//! A server process that this program owns: it has its own group, its output goes to a file, and it does not outlive
//! the value that stands for it unless that is asked for.

use crate::config::Store;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::procfs::{self, Process};
use crate::user::StoreUser;
use crate::workdir::{MARKER, ProcessRecord, WorkDir};
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Signals for faults and for ending a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreSignal {
    /// `SIGSTOP`: freeze the store with all its processes.
    Stop,
    /// `SIGCONT`: let a frozen store go on.
    Continue,
    /// `SIGTERM`: an orderly end; PostgreSQL waits for its clients.
    Terminate,
    /// `SIGINT`: PostgreSQL's fast shutdown.
    Interrupt,
    /// `SIGQUIT`: PostgreSQL's immediate shutdown.
    Quit,
    /// `SIGKILL`: a crash, of all its processes at once.
    Kill,
}

impl StoreSignal {
    pub(crate) fn raw(self) -> Signal {
        match self {
            Self::Stop => Signal::STOP,
            Self::Continue => Signal::CONT,
            Self::Terminate => Signal::TERM,
            Self::Interrupt => Signal::INT,
            Self::Quit => Signal::QUIT,
            Self::Kill => Signal::KILL,
        }
    }

    /// The signal that ends a store in good order and soon.
    pub(crate) fn orderly(store: Store) -> Self {
        match store {
            Store::Postgres => Self::Interrupt,
            Store::Elasticsearch => Self::Terminate,
        }
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) name: String,
    /// Its kind; none for what is no store.
    pub(crate) store: Option<Store>,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub(crate) environment: Vec<(String, OsString)>,
    pub(crate) directory: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) user: StoreUser,
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Supervised {
    child: Child,
    process: Process,
    store: Option<Store>,
    log: PathBuf,
    /// Length of the log before this start.
    log_start: u64,
    detached: bool,
}

impl Supervised {
    /// Starts a server and notes it in the work directory.
    pub(crate) fn start(launch: &Launch, work: &WorkDir) -> Result<Self> {
        let log = open_log(&launch.log)?;
        let log_start = log.metadata().map_or(0, |m| m.len());
        let errors = log.try_clone().map_err(|e| EnvironmentError::io("write", &launch.log, &e))?;
        let mut command = Command::new(&launch.program);
        command
            .args(&launch.arguments)
            .env_clear()
            .envs(launch.environment.iter().map(|(k, v)| (k, v)))
            .env(MARKER, work.run_id())
            .current_dir(&launch.directory)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0);
        if let Some((uid, gid)) = launch.user.ids() {
            command.uid(uid).gid(gid);
        }
        let failed = |reason: String| {
            EnvironmentError::new(
                EnvironmentProblem::StartFailed,
                format!("cannot start {} ({}): {reason}", launch.name, launch.program.display()),
                "check that the user who runs the stores may execute it; `drydock doctor` looks at this",
            )
        };
        let mut child = command.spawn().map_err(|e| failed(e.to_string()))?;
        // Not reaped yet, so even a child that ended at once is still listed.
        let Some(process) = child.id().and_then(procfs::process) else {
            let _ = child.start_kill();
            return Err(failed("the new process is not listed in /proc".to_owned()));
        };
        let started =
            Self { child, process, store: launch.store, log: launch.log.clone(), log_start, detached: false };
        let record = ProcessRecord {
            name: launch.name.clone(),
            store: launch.store,
            pid: process.pid,
            group: process.pid,
            start_ticks: process.start_ticks,
        };
        // A failure here drops `started`, which ends the process.
        let bytes = serde_json::to_vec(&record).map_err(|e| failed(e.to_string()))?;
        crate::workdir::write_private(&work.record_path(&launch.name), &bytes)?;
        Ok(started)
    }

    /// Leads the store's process group.
    pub(crate) fn leader(&self) -> u32 {
        self.process.pid
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends a signal. Freezing, thawing and killing reach every process of the store: PostgreSQL's backends lead
    /// groups of their own.
    pub(crate) fn signal(&self, signal: StoreSignal) {
        match signal {
            StoreSignal::Stop | StoreSignal::Continue | StoreSignal::Kill => {
                for member in procfs::tree(self.process.pid) {
                    procfs::signal(&member, signal.raw());
                }
            }
            StoreSignal::Terminate | StoreSignal::Interrupt | StoreSignal::Quit => {
                // PostgreSQL's server passes the signal on itself; Elasticsearch's launcher too, but a second one
                // does no harm and saves a launcher that hangs.
                procfs::kill_group(self.process.pid, signal.raw());
            }
        }
    }

    /// Ends the server in good order, by force after `limit`, and waits until all its processes are gone.
    pub(crate) async fn terminate(&mut self, limit: Duration) -> Result<()> {
        if self.is_running() {
            let members = procfs::tree(self.process.pid);
            // A frozen store does not hear anything else.
            self.signal(StoreSignal::Continue);
            self.signal(self.store.map_or(StoreSignal::Terminate, StoreSignal::orderly));
            if tokio::time::timeout(limit, self.child.wait()).await.is_err() {
                tracing::warn!(pid = self.process.pid, "store did not end in time and is killed");
                self.signal(StoreSignal::Kill);
                let _ = tokio::time::timeout(Duration::from_secs(10), self.child.wait()).await;
            }
            for member in &members {
                procfs::signal(member, Signal::KILL);
            }
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        while !procfs::tree(self.process.pid).is_empty() {
            self.signal(StoreSignal::Kill);
            if Instant::now() > deadline {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::StartFailed,
                    format!("processes of group {} do not end even when killed", self.process.pid),
                    "look at them with ps; a hanging file system holds processes like this",
                ));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Leaves the server running when this value goes.
    pub(crate) fn detach(mut self) {
        self.detached = true;
    }

    /// What the server wrote since this start, its last 64 KiB.
    pub(crate) fn log_tail(&self) -> String {
        read_tail(&self.log, self.log_start).unwrap_or_default()
    }

    pub(crate) fn log(&self) -> &Path {
        &self.log
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        if self.detached || !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        let members = procfs::tree(self.process.pid);
        for member in &members {
            procfs::signal(member, Signal::KILL);
        }
        // So that the caller may remove the data afterwards. A killed process ends within milliseconds.
        procfs::wait_ended(&members, Duration::from_secs(5));
    }
}

/// Opens a log for appending: a restarted store goes on in the same file.
pub(crate) fn open_log(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)
            .map_err(|e| EnvironmentError::io("make the directory", parent, &e))?;
    }
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .map_err(|e| EnvironmentError::io("write", path, &e))
}

fn read_tail(path: &Path, from: u64) -> std::io::Result<String> {
    const LIMIT: u64 = 64 * 1024;
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(LIMIT))))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last lines that say something, in one line.
pub(crate) fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let start = lines.len().saturating_sub(count);
    lines[start..].join(" | ")
}
