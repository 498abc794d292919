//! Processes that faults end: stores, client programs, and this program itself.

use crate::config::{Side, Store};
use crate::containers::Engine;
use crate::embedded::Embedded;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::procfs::{self, Process};
use crate::supervised::StoreSignal;
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;

/// How long a killed store may take to be gone.
const DYING: Duration = Duration::from_secs(5);

/// A running store, to be sent signals while somebody else holds the environment.
#[derive(Debug, Clone)]
pub struct StoreProcess(Kind);

#[derive(Debug, Clone)]
enum Kind {
    /// The process that leads a group.
    Group(u32),
    Container(Engine, String),
}

impl StoreProcess {
    /// The process group of a store; `None` if it does not run.
    pub fn of(environment: &Embedded, side: Side, store: Store) -> Option<Self> {
        environment.leader(side, store).map(|leader| Self(Kind::Group(leader)))
    }

    /// The container of a store.
    pub(crate) fn container(engine: Engine, id: String) -> Self {
        Self(Kind::Container(engine, id))
    }

    /// Kills the store with all its processes, and waits until none runs: one with much memory takes a moment to die.
    ///
    /// # Errors
    /// It did not run before, it still runs after, or the engine does not tell: nobody may say that it was killed.
    pub async fn kill(self) -> Result<()> {
        let leader = match self.0 {
            Kind::Group(leader) => leader,
            Kind::Container(engine, id) => {
                if !engine.is_running(&id).await? {
                    return Err(not_killed(&format!("container {id}"), "it does not run"));
                }
                engine.signal(&id, "SIGKILL").await?;
                return match engine.ended(&id, DYING).await? {
                    true => Ok(()),
                    false => Err(not_killed(&format!("container {id}"), "it still runs")),
                };
            }
        };
        let members = procfs::tree(leader);
        let lives = |member: &Process| member.pid == leader && procfs::is_running(member);
        if !members.iter().any(lives) {
            return Err(not_killed(&format!("process {leader}"), "it does not run"));
        }
        for member in &members {
            procfs::signal(member, StoreSignal::Kill.raw());
        }
        let waited = tokio::task::spawn_blocking(move || procfs::wait_ended(&members, DYING));
        // One that outlives its signal hangs in the kernel.
        match waited.await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(not_killed(&format!("process {leader}"), "it still runs")),
        }
    }
}

fn not_killed(what: &str, why: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::StartFailed,
        format!("{what}, a store that was to be killed, was not: {why}"),
        "look at the store's log in the run folder",
    )
}

/// A client program that this process started.
#[derive(Debug, Clone)]
pub struct ClientProgram {
    process: Process,
    /// Its name: `pg_dump`.
    pub name: String,
}

impl ClientProgram {
    /// Ends it at once.
    pub fn kill(&self) {
        procfs::signal(&self.process, Signal::KILL);
    }
}

/// Client programs of PostgreSQL that this process started and that work on files below `dumps`.
pub fn client_programs_of(dumps: &Path) -> Vec<ClientProgram> {
    let me = std::process::id();
    let wanted = dumps.as_os_str().as_encoded_bytes().to_vec();
    procfs::processes()
        .into_iter()
        .filter(|p| p.parent == me)
        .filter_map(|process| {
            let name = procfs::name(process.pid);
            let client = ["pg_dump", "pg_restore", "psql"].contains(&name.as_str());
            let line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).ok()?;
            let ours = !wanted.is_empty() && line.windows(wanted.len()).any(|part| part == wanted);
            (client && ours).then_some(ClientProgram { process, name })
        })
        .collect()
}

/// Ends this program as nothing else does: without a word, and without clearing up.
pub fn kill_this_process() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
    // Only a debugger could have kept the signal away.
    std::process::abort()
}
