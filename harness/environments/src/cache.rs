//! The cache of unpacked installations, shared by all runs of this user and safe under two of them at once.
//!
//! An installation is one directory. It is made under a temporary name beside its place and renamed when complete, so
//! its existence says that it is whole; a lock file beside it lets one process at a time make it.

use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::machine::Machine;
use std::fs::{self, File, Permissions, TryLockError};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Cache of a drydock that runs as root: root's home is closed to the user that runs the stores.
const SYSTEM_CACHE: &str = "/var/cache/drydock";

/// The cache directory.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `DRYDOCK_CACHE`, else the system's cache for root, else `XDG_CACHE_HOME` or `~/.cache`. Makes nothing.
    pub(crate) fn locate(machine: &Machine) -> Result<Self> {
        let root = if let Some(path) = machine.path_variable("DRYDOCK_CACHE") {
            path
        } else if rustix::process::geteuid().is_root() {
            PathBuf::from(SYSTEM_CACHE)
        } else if let Some(path) = machine.path_variable("XDG_CACHE_HOME") {
            path.join("drydock")
        } else if let Some(home) = machine.home() {
            home.join(".cache/drydock")
        } else {
            return Err(EnvironmentError::new(
                EnvironmentProblem::Configuration,
                "no place for the cache: DRYDOCK_CACHE, XDG_CACHE_HOME and HOME are all unset",
                "set DRYDOCK_CACHE to a directory with 1.2 GiB of room",
            ));
        };
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Place of an installation, whether it is there or not.
    pub(crate) fn place(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The installation, if it is there and whole.
    pub(crate) fn get(&self, name: &str) -> Option<PathBuf> {
        Some(self.place(name)).filter(|p| p.is_dir())
    }

    /// Locks the making of one installation, waiting for another process that does the same. The lock goes with the
    /// returned file.
    pub(crate) async fn lock(&self, name: &str, progress: &dyn Progress) -> Result<File> {
        make_open_directory(&self.root)?;
        let path = self.root.join(format!("{name}.lock"));
        let file = File::create(&path).map_err(|e| EnvironmentError::io("open the lock", &path, &e))?;
        let mut told = false;
        loop {
            // Asked again and again instead of blocking a thread, so that Ctrl-C ends the wait.
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        progress.note(&format!("waiting for another drydock that prepares {name}"));
                        told = true;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(TryLockError::Error(e)) => return Err(EnvironmentError::io("lock", &path, &e)),
            }
        }
    }

    /// Makes an installation by `fill`ing an empty directory. The caller holds the lock; blocking.
    pub(crate) fn install(&self, name: &str, fill: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
        if let Some(home) = self.get(name) {
            return Ok(home);
        }
        make_open_directory(&self.root)?;
        let prefix = format!(".unpack-{name}-");
        // What an earlier process left when it was killed; nobody else writes here while we hold the lock.
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let staging = tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(&self.root)
            .map_err(|e| EnvironmentError::io("make a directory in", &self.root, &e))?;
        fill(staging.path())?;
        open_to_all(staging.path())?;
        let place = self.place(name);
        let staging = staging.keep();
        fs::rename(&staging, &place).map_err(|e| {
            let _ = fs::remove_dir_all(&staging);
            EnvironmentError::io("move an installation to", &place, &e)
        })?;
        Ok(place)
    }
}

/// Makes a directory and the missing ones above it, all of them passable for other users whatever the umask.
pub(crate) fn make_open_directory(path: &Path) -> Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|p| !p.exists()).collect();
    for directory in missing.into_iter().rev() {
        match fs::create_dir(directory) {
            Ok(()) => set_mode(directory, 0o755)?,
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(EnvironmentError::io("make the directory", directory, &e)),
        }
    }
    Ok(())
}

/// Lets every user read and pass, and execute what is executable for its owner. Links are left alone.
fn open_to_all(path: &Path) -> Result<()> {
    let meta = fs::symlink_metadata(path).map_err(|e| EnvironmentError::io("inspect", path, &e))?;
    if meta.is_dir() {
        set_mode(path, 0o755)?;
        for entry in fs::read_dir(path).map_err(|e| EnvironmentError::io("list", path, &e))? {
            let entry = entry.map_err(|e| EnvironmentError::io("list", path, &e))?;
            open_to_all(&entry.path())?;
        }
    } else if meta.is_file() {
        set_mode(path, if meta.permissions().mode() & 0o100 == 0 { 0o644 } else { 0o755 })?;
    }
    Ok(())
}

pub(crate) fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|e| EnvironmentError::io("set the mode of", path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Silent;
    use std::ffi::OsStr;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_makers_at_once_give_one_whole_installation() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { root: dir.path().join("cache") };
        let fills = AtomicU32::new(0);
        let make = async || {
            let _lock = cache.lock("thing", &Silent).await.unwrap();
            let home = cache
                .install("thing", |staging| {
                    fills.fetch_add(1, Ordering::SeqCst);
                    fs::create_dir(staging.join("bin")).unwrap();
                    fs::write(staging.join("bin/tool"), "#!/bin/sh\n").unwrap();
                    set_mode(&staging.join("bin/tool"), 0o700)
                })
                .unwrap();
            assert!(home.join("bin/tool").is_file());
        };
        tokio::join!(make(), make());
        assert_eq!(fills.load(Ordering::SeqCst), 1);
        let mode = fs::metadata(cache.place("thing").join("bin/tool")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn a_failed_making_leaves_nothing_that_looks_whole() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache { root: dir.path().to_owned() };
        let failed = cache.install("thing", |staging| {
            fs::write(staging.join("half"), "x").unwrap();
            Err(EnvironmentError::new(EnvironmentProblem::Io, "no", "no"))
        });
        assert!(failed.is_err());
        assert!(cache.get("thing").is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn without_a_home_the_cache_is_elsewhere_or_an_error_that_says_so() {
        let machine = ["HOME", "XDG_CACHE_HOME", "DRYDOCK_CACHE"]
            .iter()
            .fold(Machine::from_process(), |m, name| m.with_variable(name, None));
        match Cache::locate(&machine) {
            Ok(cache) => assert_eq!(cache.root(), Path::new(SYSTEM_CACHE)),
            Err(error) => assert!(error.help.contains("DRYDOCK_CACHE"), "{}", error.help),
        }
        let machine = machine.with_variable("DRYDOCK_CACHE", Some(OsStr::new("/some/where")));
        assert_eq!(Cache::locate(&machine).unwrap().root(), Path::new("/some/where"));
    }
}
