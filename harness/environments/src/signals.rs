//! Processes that faults end: stores, client programs, and this program itself.

use crate::config::{Side, Store};
use crate::containers::Engine;
use crate::embedded::Embedded;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::kind::KindStore;
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
    Pod(KindStore),
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

    /// The container of a store in a cluster.
    pub(crate) fn pod(store: KindStore) -> Self {
        Self(Kind::Pod(store))
    }

    /// Lets the store stand still with all its processes: connections stay, and nobody answers.
    ///
    /// # Errors
    /// It does not run, or the engine refuses.
    pub async fn pause(&self) -> Result<()> {
        match &self.0 {
            Kind::Group(leader) => match signal_tree(*leader, StoreSignal::Stop) {
                0 => Err(not_paused(&format!("process {leader}"))),
                _ => Ok(()),
            },
            Kind::Container(engine, id) => {
                if !engine.is_running(id).await? {
                    return Err(not_paused(&format!("container {id}")));
                }
                engine.pause(id).await
            }
            Kind::Pod(store) => store.pause().await,
        }
    }

    /// Lets it go on. One that does not stand still, or has ended, stays as it is.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn go_on(&self) -> Result<()> {
        match &self.0 {
            Kind::Group(leader) => {
                signal_tree(*leader, StoreSignal::Continue);
                Ok(())
            }
            Kind::Container(engine, id) => engine.unpause(id).await,
            Kind::Pod(store) => store.go_on().await,
        }
    }

    /// Kills the store with all its processes, and waits until none runs: one with much memory takes a moment to die.
    ///
    /// # Errors
    /// It did not run before, it still runs after, or the engine does not tell: nobody may say that it was killed.
    pub async fn kill(self) -> Result<()> {
        let leader = match self.0 {
            Kind::Group(leader) => leader,
            Kind::Pod(store) => return store.kill().await,
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

/// Sends a signal to a leader, then to its group and all their children: one that stands still makes no more of them. Returns
/// how many there are.
fn signal_tree(leader: u32, signal: StoreSignal) -> usize {
    if let Some(first) = procfs::process(leader) {
        procfs::signal(&first, signal.raw());
    }
    let members = procfs::tree(leader);
    for member in &members {
        procfs::signal(member, signal.raw());
    }
    members.len()
}

fn not_paused(what: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::StartFailed,
        format!("{what}, a store that was to stand still, does not run"),
        "look at the store's log in the run folder",
    )
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
    working_on(dumps, |process| process.parent == me)
}

/// Ends client programs of PostgreSQL that work on files below `dumps` and that somebody else started: an earlier life of the run,
/// which was killed and left them behind. A `pg_restore` that is still to connect would clean a database that users work on by
/// then, and two `pg_dump` would write into one file. Returns their names, once they have ended.
///
/// # Errors
/// One of them still runs: nobody may work beside it.
pub async fn end_orphans(dumps: &Path) -> Result<Vec<String>> {
    let me = std::process::id();
    let left = working_on(dumps, |process| process.parent != me);
    left.iter().for_each(ClientProgram::kill);
    let names: Vec<String> = left.iter().map(|program| program.name.clone()).collect();
    let processes: Vec<Process> = left.into_iter().map(|program| program.process).collect();
    match tokio::task::spawn_blocking(move || procfs::wait_ended(&processes, DYING)).await {
        Ok(true) => Ok(names),
        Ok(false) | Err(_) => Err(not_killed(&names.join(", "), "it still runs")),
    }
}

fn working_on(dumps: &Path, whose: impl Fn(&Process) -> bool) -> Vec<ClientProgram> {
    let wanted = dumps.as_os_str().as_encoded_bytes().to_vec();
    procfs::processes()
        .into_iter()
        .filter(whose)
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::CommandExt;
    use std::process::{Child, Command, Stdio};

    /// A leader with a child, each of which ends by itself after a while.
    fn family() -> Child {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & wait"]).stdin(Stdio::null()).process_group(0);
        command.spawn().unwrap()
    }

    /// State letters of a leader and its descendants.
    fn states(leader: u32) -> Vec<char> {
        let state = |p: Process| {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", p.pid)).unwrap_or_default();
            stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next())
        };
        procfs::tree(leader).into_iter().filter_map(state).collect()
    }

    fn become_so(leader: u32, wanted: impl Fn(&[char]) -> bool) -> bool {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            wanted(&states(leader))
        })
    }

    #[tokio::test]
    async fn a_program_that_a_killed_life_left_behind_is_ended_and_no_other() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        // It waits for a line that nobody writes.
        std::fs::write(at("pg_restore"), "#!/bin/sh\nread line <> \"$2\"\n").unwrap();
        std::fs::set_permissions(at("pg_restore"), std::fs::Permissions::from_mode(0o755)).unwrap();
        assert!(Command::new("mkfifo").arg(at("nobody")).status().unwrap().success());
        // Their parent has ended, as that of a killed life has.
        for file in ["dumps/a.dump", "others/a.dump"] {
            let words = "\"$0\" \"$1\" \"$2\" </dev/null >/dev/null 2>&1 &";
            let mut parent = Command::new("sh");
            parent.args(["-c", words, &at("pg_restore"), &at(file), &at("nobody")]);
            assert!(parent.status().unwrap().success());
        }
        let left = |name: &str| working_on(&folder.path().join(name), |_| true).len();
        let begun = (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(10));
            left("dumps") == 1 && left("others") == 1
        });
        assert!(begun, "{} {}", left("dumps"), left("others"));
        assert!(client_programs_of(&folder.path().join("dumps")).is_empty(), "it is not this process's");
        assert_eq!(end_orphans(&folder.path().join("dumps")).await.unwrap(), ["pg_restore"]);
        assert_eq!((left("dumps"), left("others")), (0, 1));
        assert_eq!(end_orphans(&folder.path().join("others")).await.unwrap(), ["pg_restore"]);
        assert!(end_orphans(&folder.path().join("others")).await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_store_stands_still_with_its_children_and_goes_on() {
        let mut child = family();
        let leader = child.id();
        assert!(become_so(leader, |s| s.len() == 2), "{:?}", states(leader));
        let store = StoreProcess(Kind::Group(leader));
        store.pause().await.unwrap();
        assert!(become_so(leader, |s| s == ['T', 'T']), "{:?}", states(leader));
        store.go_on().await.unwrap();
        assert!(become_so(leader, |s| s.len() == 2 && !s.contains(&'T')), "{:?}", states(leader));
        // Going on twice does no harm, and what has ended does not stand still.
        store.go_on().await.unwrap();
        store.clone().kill().await.unwrap();
        child.wait().unwrap();
        assert!(store.pause().await.is_err());
        store.go_on().await.unwrap();
    }
}
