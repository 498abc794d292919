//! Finding and removing what dead runs left: processes first, then containers, then data. A run whose owner lives is never touched.

use crate::config::Store;
use crate::containers;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::kind::left_in_contexts;
use crate::machine::Machine;
use crate::procfs::{self, Process};
use crate::workdir::{self, Taken, WorkDir};
use rustix::process::Signal;
use serde::Serialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a dead run left.
#[derive(Debug, Clone, Serialize)]
pub struct Leftover {
    /// Name of the run.
    pub run_id: String,
    /// Its work directory.
    pub work_dir: PathBuf,
    /// Its run folder, if that was noted before it died. Never removed.
    pub run_dir: Option<PathBuf>,
    /// Its processes that still run: pid and program name.
    pub processes: Vec<(u32, String)>,
    /// Its containers, networks and volumes, as far as an engine answers, and its namespaces in clusters of others.
    pub containers: Vec<String>,
    /// Bytes in the work directory.
    pub bytes: u64,
}

impl std::fmt::Display for Leftover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mib = self.bytes / (1 << 20);
        let processes = self.processes.len();
        write!(f, "{}: {processes} processes, {mib} MiB in {}", self.run_id, self.work_dir.display())?;
        if !self.containers.is_empty() {
            write!(f, "; {}", self.containers.join(", "))?;
        }
        Ok(())
    }
}

/// What [`clean`] did.
#[derive(Debug, Default)]
pub struct Report {
    /// Removed, with all processes ended.
    pub removed: Vec<Leftover>,
    /// Runs that live, and were left alone.
    pub live: Vec<String>,
    /// What could not be removed, and why.
    pub failed: Vec<(String, EnvironmentError)>,
    /// Why no container engine was asked for what runs without a work directory have left.
    pub not_asked: Option<EnvironmentError>,
}

/// What [`leftovers`] found.
#[derive(Debug)]
pub struct Leftovers {
    /// Each dead run that left something.
    pub found: Vec<Leftover>,
    /// Why no container engine was asked for what runs without a work directory have left.
    pub not_asked: Option<EnvironmentError>,
}

/// Lists what dead runs left below the work root (`work_root`, else `DRYDOCK_WORK`, else the default).
///
/// # Errors
/// The root belongs to somebody else, or a lock cannot be opened.
pub fn leftovers(work_root: Option<&Path>) -> Result<Leftovers> {
    let root = workdir::root(work_root, &Machine::from_process());
    // Also where the root is gone: then everything that the engine has of it is orphaned.
    let (orphans, not_asked) = orphans(&root);
    let mut found = Vec::new();
    if root.exists() {
        workdir::make_root(&root)?;
        for name in workdir::names(&root) {
            if let Taken::Ours(work) = WorkDir::take(&root, &name)? {
                found.push(describe(&work));
            }
        }
    }
    found.extend(orphans.into_iter().map(|(run, names)| orphan(&root, run, names)));
    Ok(Leftovers { found, not_asked })
}

type Orphans = Vec<(String, Vec<String>)>;

/// What is left of runs at the engine alone, or why nobody knows.
fn orphans(root: &Path) -> (Orphans, Option<EnvironmentError>) {
    match containers::orphans(root) {
        Ok(orphans) => (orphans, None),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// Ends the processes of all dead runs below the work root and removes their work directories. Blocking, up to some
/// seconds for each run.
///
/// # Errors
/// The root belongs to somebody else. What goes wrong with one run is in the report.
pub fn clean(work_root: Option<&Path>) -> Result<Report> {
    let root = workdir::root(work_root, &Machine::from_process());
    let (orphans, not_asked) = orphans(&root);
    let mut report = Report { not_asked, ..Report::default() };
    let mut names = Vec::new();
    if root.exists() {
        workdir::make_root(&root)?;
        names = workdir::names(&root);
    }
    for name in names {
        match WorkDir::take(&root, &name) {
            Ok(Taken::Ours(work)) => {
                let leftover = describe(&work);
                match end_and_remove(work) {
                    Ok(()) => report.removed.push(leftover),
                    Err(error) => report.failed.push((name, error)),
                }
            }
            Ok(Taken::Live(_)) => report.live.push(name),
            Ok(Taken::Absent) => {}
            Err(error) => report.failed.push((name, error)),
        }
    }
    for (run, names) in orphans {
        match containers::remove_orphan(&root, &run) {
            Ok(()) => report.removed.push(orphan(&root, run, names)),
            Err(error) => report.failed.push((run, error)),
        }
    }
    Ok(report)
}

/// A run whose work directory somebody else removed.
fn orphan(root: &Path, run_id: String, containers: Vec<String>) -> Leftover {
    let work_dir = root.join(&run_id);
    Leftover { run_id, work_dir, run_dir: None, processes: Vec::new(), containers, bytes: 0 }
}

/// The same for one run, if it is dead. A run that left nothing is no error; neither is one that lives, which is left alone.
/// Blocking.
///
/// # Errors
/// Its processes do not end, or its data cannot be removed.
pub fn remove_run(work_root: Option<&Path>, run_id: &str) -> Result<()> {
    let root = workdir::root(work_root, &Machine::from_process());
    if !root.exists() {
        return Ok(());
    }
    match WorkDir::take(&root, run_id)? {
        Taken::Ours(work) => end_and_remove(work),
        Taken::Live(_) | Taken::Absent => Ok(()),
    }
}

/// Ends and removes everything of a dead run, whichever environment it had. Blocking.
pub(crate) fn end_and_remove(work: WorkDir) -> Result<()> {
    end_processes(&work, Manner::AtOnce)?;
    containers::remove_of(&work)?;
    left_in_contexts::remove_of(&work)?;
    work.remove()
}

fn describe(work: &WorkDir) -> Leftover {
    Leftover {
        run_id: work.run_id().to_owned(),
        work_dir: work.path().to_owned(),
        run_dir: work.owner().map(|o| o.run_dir),
        processes: work.living().iter().map(|(p, _)| (p.pid, procfs::name(p.pid))).collect(),
        containers: containers::names_of(work).into_iter().chain(left_in_contexts::names_of(work)).collect(),
        bytes: bytes_below(work.path()),
    }
}

/// How processes are ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Their data are needed afterwards.
    Orderly,
    /// Their data are removed afterwards.
    AtOnce,
}

/// Ends every process of a dead run and waits for it. Blocking.
pub(crate) fn end_processes(work: &WorkDir, manner: Manner) -> Result<()> {
    let living = work.living();
    // Gathered before the first signal: a PostgreSQL backend loses its parent, and with it the way to be found.
    let mut all: Vec<Process> = living.iter().flat_map(|(p, _)| procfs::tree(p.pid)).collect();
    all.sort_by_key(|p| p.pid);
    all.dedup();
    for (process, store) in &living {
        // A frozen process hears nothing else.
        procfs::signal(process, Signal::CONT);
        match (manner, store) {
            // PostgreSQL gives back its shared memory only when it ends by itself.
            (Manner::AtOnce, Some(Store::Postgres)) => procfs::signal(process, Signal::QUIT),
            (Manner::AtOnce, _) => procfs::signal(process, Signal::KILL),
            (Manner::Orderly, Some(Store::Postgres)) => procfs::signal(process, Signal::INT),
            (Manner::Orderly, Some(Store::Elasticsearch) | None) => procfs::signal(process, Signal::TERM),
        }
    }
    let limit = match manner {
        Manner::Orderly => Duration::from_secs(30),
        Manner::AtOnce => Duration::from_secs(5),
    };
    if !procfs::wait_ended(&all, limit) {
        for process in &all {
            procfs::signal(process, Signal::KILL);
        }
    }
    // Some may have been born meanwhile.
    let mut rest = work.living().into_iter().map(|(p, _)| p).collect::<Vec<_>>();
    rest.extend(all);
    for process in &rest {
        procfs::signal(process, Signal::KILL);
    }
    if procfs::wait_ended(&rest, Duration::from_secs(10)) {
        return Ok(());
    }
    let pids: Vec<String> =
        rest.iter().filter(|p| procfs::is_running(p)).map(|p| p.pid.to_string()).collect();
    Err(EnvironmentError::new(
        EnvironmentProblem::Permission,
        format!("processes {} of run {} do not end", pids.join(", "), work.run_id()),
        "run `drydock clean` as the user who started the run, or as root",
    ))
}

fn bytes_below(path: &Path) -> u64 {
    let Ok(meta) = fs::symlink_metadata(path) else { return 0 };
    if !meta.is_dir() {
        return meta.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|e| bytes_below(&e.path())).sum()
}
