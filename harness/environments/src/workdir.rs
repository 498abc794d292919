//! The work directory of a run: data, sockets, passwords, and the proof of who owns it.
//!
//! `owner.lock` is held by the living process; the kernel lets go of it however the process ends, so whoever gets the
//! lock knows that the owner is dead. The root's own lock covers the moment in which a directory exists and its lock
//! is not yet held.

use crate::cache::{make_open_directory, set_mode};
use crate::config::{Store, valid_run_id};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::procfs::{self, Process};
use crate::random::{hex, random_bytes};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Environment variable that marks every process of a run.
pub(crate) const MARKER: &str = "DRYDOCK_RUN";

/// In a root: its random name.
const NAME_FILE: &str = ".name";
const NAME_BYTES: usize = 16;
/// In a work directory: the lock of its owner.
const LOCK_FILE: &str = "owner.lock";

/// Who owns a work directory.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Owner {
    pub(crate) pid: u32,
    pub(crate) start_ticks: u64,
    pub(crate) run_dir: PathBuf,
}

/// A process that a run started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    pub(crate) name: String,
    pub(crate) store: Option<Store>,
    pub(crate) pid: u32,
    pub(crate) group: u32,
    pub(crate) start_ticks: u64,
}

/// Where work directories are made.
pub(crate) fn root(configured: Option<&Path>, machine: &Machine) -> PathBuf {
    configured
        .map(Path::to_owned)
        .or_else(|| machine.path_variable("DRYDOCK_WORK"))
        .unwrap_or_else(|| PathBuf::from(format!("/var/tmp/drydock-{}", rustix::process::geteuid().as_raw())))
}

/// Makes the root, or checks that an existing one is ours: its usual parent is open to everybody.
pub(crate) fn make_root(root: &Path) -> Result<()> {
    make_open_directory(root)?;
    let meta = fs::symlink_metadata(root).map_err(|e| EnvironmentError::io("inspect", root, &e))?;
    if meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(EnvironmentError::new(
        EnvironmentProblem::Permission,
        format!("{} is not a directory of the calling user", root.display()),
        "remove it, or set DRYDOCK_WORK to a directory of your own",
    ))
}

/// What became of an attempt to take a work directory.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is ours now; nobody else owned it.
    Ours(WorkDir),
    /// A living process owns it.
    Live(Option<Owner>),
    /// There is none.
    Absent,
}

/// An owned work directory. Dropping it lets go of the lock and leaves the files.
#[derive(Debug)]
pub(crate) struct WorkDir {
    path: PathBuf,
    run_id: String,
    _lock: File,
}

impl WorkDir {
    /// Makes and owns a new work directory.
    ///
    /// # Errors
    /// One of that name exists: the caller takes it first and removes it or goes on with it.
    pub(crate) fn create(root: &Path, run_id: &str, run_dir: &Path) -> Result<Self> {
        make_root(root)?;
        let _moment = root_lock(root)?;
        let path = root.join(run_id);
        fs::create_dir(&path).map_err(|e| EnvironmentError::io("make the directory", &path, &e))?;
        set_mode(&path, 0o755)?;
        let lock = open_lock(&path)?;
        lock.lock().map_err(|e| EnvironmentError::io("lock", &path, &e))?;
        let dir = Self { path, run_id: run_id.to_owned(), _lock: lock };
        dir.write_owner(run_dir)?;
        let processes = dir.path.join("processes");
        fs::create_dir(&processes).map_err(|e| EnvironmentError::io("make the directory", &processes, &e))?;
        Ok(dir)
    }

    /// Takes an existing work directory whose owner is dead.
    pub(crate) fn take(root: &Path, run_id: &str) -> Result<Taken> {
        let path = root.join(run_id);
        if !path.is_dir() {
            return Ok(Taken::Absent);
        }
        let _moment = root_lock(root)?;
        if !path.is_dir() {
            return Ok(Taken::Absent);
        }
        let lock = open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => Ok(Taken::Ours(Self { path, run_id: run_id.to_owned(), _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(Taken::Live(read_json(&path.join("owner.json")))),
            Err(TryLockError::Error(e)) => Err(EnvironmentError::io("lock", &path, &e)),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn run_id(&self) -> &str {
        &self.run_id
    }

    /// `NAME=value` that marks the run's processes.
    pub(crate) fn marker(&self) -> String {
        format!("{MARKER}={}", self.run_id)
    }

    pub(crate) fn owner(&self) -> Option<Owner> {
        read_json(&self.path.join("owner.json"))
    }

    /// Notes this process as the owner, for people: the lock alone decides.
    pub(crate) fn write_owner(&self, run_dir: &Path) -> Result<()> {
        let pid = std::process::id();
        let start_ticks = procfs::process(pid).map_or(0, |p| p.start_ticks);
        self.write_json("owner.json", &Owner { pid, start_ticks, run_dir: run_dir.to_owned() })
    }

    pub(crate) fn record_path(&self, name: &str) -> PathBuf {
        self.path.join("processes").join(format!("{name}.json"))
    }

    /// The processes that were noted.
    pub(crate) fn records(&self) -> Vec<ProcessRecord> {
        let entries = fs::read_dir(self.path.join("processes")).into_iter().flatten().flatten();
        entries.filter_map(|e| read_json(&e.path())).collect()
    }

    /// The run's living processes that can be told for certain: noted ones with the same start time that carry the
    /// run's marker or a path of it, and any that carry the marker but were not noted in time. Leaders of groups first.
    pub(crate) fn living(&self) -> Vec<(Process, Option<Store>)> {
        let marker = self.marker();
        let records = self.records();
        let me = std::process::id();
        procfs::processes()
            .into_iter()
            .filter(|p| p.pid != me)
            .filter_map(|p| {
                let noted = records.iter().find(|r| r.pid == p.pid && r.start_ticks == p.start_ticks);
                let marked = procfs::has_variable(p.pid, &marker)
                    || (noted.is_some() && procfs::has_argument_below(p.pid, &self.path));
                marked.then(|| (p, noted.and_then(|r| r.store)))
            })
            .collect()
    }

    /// Removes the directory of a start that failed. That it did not is no word on why the start failed.
    pub(crate) fn give_up(self) {
        if let Err(left) = self.remove() {
            tracing::warn!(%left, "a work directory is left; `drydock clean` removes it");
        }
    }

    pub(crate) fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<()> {
        let path = self.path.join(name);
        let bytes = serde_json::to_vec_pretty(value).map_err(|e| EnvironmentError::io("write", &path, &e))?;
        write_private(&path, &bytes)
    }

    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        read_json(&self.path.join(name))
    }

    /// Removes the directory with all data. The lock goes last, and nobody looks meanwhile: whoever came upon a directory without
    /// it would take it for a dead run's.
    pub(crate) fn remove(self) -> Result<()> {
        let fail = |e: std::io::Error| EnvironmentError::io("remove", &self.path, &e);
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if entry.file_name() == LOCK_FILE {
                continue;
            }
            let path = entry.path();
            match entry.file_type().map_err(fail)?.is_dir() {
                true => fs::remove_dir_all(&path),
                false => fs::remove_file(&path),
            }
            .map_err(|e| EnvironmentError::io("remove", &path, &e))?;
        }
        let _moment = self.path.parent().map(root_lock).transpose()?;
        fs::remove_dir_all(&self.path).map_err(fail)
    }
}

/// The random name that a root carries, if it was given one.
pub(crate) fn name_of_root(root: &Path) -> Option<String> {
    let name = fs::read_to_string(root.join(NAME_FILE)).ok()?;
    let whole = name.len() == NAME_BYTES * 2 && name.bytes().all(|b| b.is_ascii_hexdigit());
    whole.then_some(name)
}

/// Gives a root a random name, unless it has one.
pub(crate) fn give_name(root: &Path) -> Result<()> {
    let _moment = root_lock(root)?;
    if name_of_root(root).is_some() {
        return Ok(());
    }
    let name = hex(&random_bytes::<NAME_BYTES>()?);
    write_private(&root.join(NAME_FILE), name.as_bytes())
}

/// Names below a root that may be work directories.
pub(crate) fn names(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter(|e| e.file_type().is_ok_and(|t| t.is_dir()))
        .filter_map(|e| e.file_name().into_string().ok())
        .filter(|n| valid_run_id(n))
        .collect();
    names.sort();
    names
}

/// Writes a file that only the calling user can read, in one step: a reader sees the old content or the new one.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e: std::io::Error| EnvironmentError::io("write", path, &e);
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    drop(file);
    fs::rename(&temporary, path).map_err(fail)
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn root_lock(root: &Path) -> Result<File> {
    let path = root.join(".lock");
    let file = File::create(&path).map_err(|e| EnvironmentError::io("open the lock", &path, &e))?;
    // Held for milliseconds only, by any process: waiting is safe.
    file.lock().map_err(|e| EnvironmentError::io("lock", &path, &e))?;
    Ok(file)
}

fn open_lock(directory: &Path) -> Result<File> {
    let path = directory.join(LOCK_FILE);
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|e| EnvironmentError::io("open the lock", &path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owned_directory_is_live_until_the_lock_goes() {
        let root = tempfile::tempdir().unwrap();
        let dir = WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap();
        match WorkDir::take(root.path(), "run-1").unwrap() {
            Taken::Live(Some(owner)) => assert_eq!(owner.pid, std::process::id()),
            other => panic!("{other:?}"),
        }
        drop(dir);
        assert!(matches!(WorkDir::take(root.path(), "run-1").unwrap(), Taken::Ours(_)));
        assert!(matches!(WorkDir::take(root.path(), "run-2").unwrap(), Taken::Absent));
    }

    #[test]
    fn a_directory_that_is_being_removed_is_nobody_elses() {
        let root = tempfile::tempdir().unwrap();
        for _ in 0..20 {
            let dir = WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap();
            for part in 0..20 {
                let part = dir.path().join(format!("part-{part}"));
                fs::create_dir(&part).unwrap();
                (0..20).for_each(|file| fs::write(part.join(file.to_string()), "x").unwrap());
            }
            std::thread::scope(|scope| {
                let others = scope.spawn(|| {
                    loop {
                        match WorkDir::take(root.path(), "run-1").unwrap() {
                            Taken::Live(_) => {}
                            Taken::Absent => return true,
                            Taken::Ours(_) => return false,
                        }
                    }
                });
                dir.remove().unwrap();
                assert!(others.join().unwrap(), "it was taken for a dead run's");
            });
            assert_eq!(names(root.path()), Vec::<String>::new());
        }
    }

    #[test]
    fn a_root_is_named_once_and_no_two_alike() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(name_of_root(one.path()), None);
        for root in [&one, &other, &one] {
            let before = name_of_root(root.path());
            give_name(root.path()).unwrap();
            assert!(before.is_none_or(|before| Some(before) == name_of_root(root.path())));
        }
        assert_ne!(name_of_root(one.path()), name_of_root(other.path()));
        assert_eq!(names(one.path()), Vec::<String>::new(), "its name is no work directory");
    }

    #[test]
    fn a_root_that_is_a_link_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert_eq!(make_root(&link).unwrap_err().code, EnvironmentProblem::Permission);
    }
}
