//! PostgreSQL's client programs (`pg_dump`, `pg_restore`, `psql`), which the fetched servers lack.

use crate::cache::{Cache, set_mode};
use crate::config::EmbeddedConfig;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::{machine_postgres_directories, program_version};
use crate::machine::{Machine, is_executable};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PROGRAMS: [&str; 3] = ["pg_dump", "pg_restore", "psql"];
/// Newest major version that a package is asked for.
const NEWEST: u16 = 18;

/// A directory with all client programs.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    pub(crate) directory: PathBuf,
    pub(crate) major: u16,
}

/// Client programs that are already here and fit, if any.
///
/// `pg_dump` must be at least as new as the source. Of several, the oldest that is as new as both sides wins: a newer
/// dump may hold settings that an older target does not know.
pub(crate) async fn find(config: &EmbeddedConfig, machine: &Machine, cache: &Cache) -> Option<Clients> {
    let mut directories: Vec<PathBuf> = config.postgres_home.iter().map(|home| home.join("bin")).collect();
    directories.extend(machine_postgres_directories(machine).await);
    directories
        .extend((source_major(config)..=NEWEST).filter_map(|m| Some(cache.get(&cache_name(m))?.join("bin"))));
    let mut found: Vec<Clients> = Vec::new();
    for directory in directories {
        if !PROGRAMS.iter().all(|p| is_executable(&directory.join(p))) {
            continue;
        }
        if let Some((major, _)) = program_version(machine, &directory.join("pg_dump")).await {
            found.push(Clients { directory, major });
        }
    }
    choose(found, source_major(config), target_major(config))
}

/// Directory with `pg_dump`, `pg_restore` and `psql` of this machine that fit a configuration; nothing is fetched.
pub async fn client_programs(config: &EmbeddedConfig) -> Option<PathBuf> {
    let machine = Machine::from_process();
    let cache = Cache::locate(&machine).ok()?;
    find(config, &machine, &cache).await.map(|found| found.directory)
}

fn choose(mut found: Vec<Clients>, source: u16, target: u16) -> Option<Clients> {
    found.retain(|c| c.major >= source);
    // Stable: of equal versions, the first place wins.
    found.sort_by_key(|c| c.major);
    let both = found.iter().position(|c| c.major >= source.max(target));
    match both {
        Some(index) => Some(found.swap_remove(index)),
        None => found.pop(),
    }
}

fn source_major(config: &EmbeddedConfig) -> u16 {
    if config.source.postgres { config.source.postgres_version } else { config.target.postgres_version }
}

fn target_major(config: &EmbeddedConfig) -> u16 {
    if config.target.postgres { config.target.postgres_version } else { source_major(config) }
}

fn cache_name(major: u16) -> String {
    format!("postgresql-client-{major}")
}

/// Finds the client programs or, on a machine with Debian's packages, downloads them into the cache without
/// installing anything.
pub(crate) async fn provide(
    config: &EmbeddedConfig,
    machine: &Machine,
    cache: &Cache,
    progress: &dyn Progress,
) -> Result<Clients> {
    if let Some(clients) = find(config, machine, cache).await {
        return Ok(clients);
    }
    let wanted = source_major(config);
    let (Some(apt), Some(dpkg)) = (machine.find("apt-get"), machine.find("dpkg-deb")) else {
        return Err(missing(wanted, "and this machine has no apt-get to download them with"));
    };
    let mut reason = String::new();
    for major in wanted..=NEWEST {
        let name = cache_name(major);
        let lock = cache.lock(&name, progress).await?;
        if cache.get(&name).is_none() {
            progress.note(&format!("downloading the client programs of PostgreSQL {major} with apt-get"));
            match download(machine, cache, &apt, &dpkg, major).await {
                Ok(()) => {}
                Err(error) => {
                    reason = error.what;
                    continue;
                }
            }
        }
        drop(lock);
        let directory = cache.place(&name).join("bin");
        // Libraries that these programs need beyond their own may be missing.
        match program_version(machine, &directory.join("pg_dump")).await {
            Some((major, _)) => return Ok(Clients { directory, major }),
            None => reason = format!("{} does not run here", directory.join("pg_dump").display()),
        }
    }
    Err(missing(wanted, &format!("and downloading them failed: {reason}")))
}

fn missing(major: u16, reason: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::MissingTool,
        format!(
            "there are no client programs (pg_dump, pg_restore, psql) for PostgreSQL {major} or newer, {reason}"
        ),
        "install them: apt-get update && apt-get install postgresql-client (or your system's package)",
    )
}

async fn download(machine: &Machine, cache: &Cache, apt: &Path, dpkg: &Path, major: u16) -> Result<()> {
    let staging = tempfile::Builder::new()
        .prefix(".download-")
        .tempdir_in(cache.root())
        .map_err(|e| EnvironmentError::io("make a directory in", cache.root(), &e))?;
    // apt drops its privileges for downloads and must be able to write here.
    set_mode(staging.path(), 0o777)?;
    let limit = Duration::from_secs(300);
    let packages = ["download".to_owned(), format!("postgresql-client-{major}"), "libpq5".to_owned()];
    let output = machine.output(apt, &packages, Some(staging.path()), limit).await?;
    let failed = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let line = text.lines().find(|l| l.starts_with("E:")).unwrap_or("the command failed").to_owned();
        EnvironmentError::new(EnvironmentProblem::Fetch, line, "apt-get update, then run again")
    };
    if !output.status.success() {
        return Err(failed(&output.stderr));
    }
    let tree = staging.path().join("tree");
    let list = fs::read_dir(staging.path()).map_err(|e| EnvironmentError::io("list", staging.path(), &e))?;
    for package in list.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|x| x == "deb")) {
        let arguments = ["-x".as_ref(), package.as_os_str(), tree.as_os_str()];
        let output = machine.output(dpkg, &arguments, None, limit).await?;
        if !output.status.success() {
            return Err(failed(&output.stderr));
        }
    }
    let name = cache_name(major);
    let place = cache.place(&name);
    cache.install(&name, |home| {
        let moved = home.join("tree");
        fs::rename(&tree, &moved).map_err(|e| EnvironmentError::io("move", &tree, &e))?;
        write_wrappers(home, &place, major)
    })?;
    Ok(())
}

/// Small programs that find the library unpacked beside them. `place` is where `home` ends up.
fn write_wrappers(home: &Path, place: &Path, major: u16) -> Result<()> {
    let bin = home.join("bin");
    fs::create_dir(&bin).map_err(|e| EnvironmentError::io("make the directory", &bin, &e))?;
    let libraries = fs::read_dir(home.join("tree/usr/lib"))
        .into_iter()
        .flatten()
        .flatten()
        .find(|e| e.path().join("libpq.so.5").exists())
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .unwrap_or_default();
    for program in PROGRAMS {
        let wrapper = bin.join(program);
        let place = place.display();
        let text = format!(
            "#!/bin/sh\nLD_LIBRARY_PATH='{place}/tree/usr/lib/{libraries}' exec '{place}/tree/usr/lib/postgresql/{major}/bin/{program}' \"$@\"\n"
        );
        fs::write(&wrapper, text).map_err(|e| EnvironmentError::io("write", &wrapper, &e))?;
        set_mode(&wrapper, 0o755)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(majors: &[u16], source: u16, target: u16) -> Option<u16> {
        let found = majors.iter().map(|m| Clients { directory: "/x".into(), major: *m }).collect();
        choose(found, source, target).map(|c| c.major)
    }

    #[test]
    fn the_oldest_client_that_fits_both_sides_wins() {
        assert_eq!(pick(&[17, 15], 15, 15), Some(15));
        assert_eq!(pick(&[15, 17], 15, 17), Some(17));
        assert_eq!(pick(&[15], 15, 17), Some(15));
        assert_eq!(pick(&[14], 15, 15), None);
    }

    #[tokio::test]
    async fn downloaded_client_programs_run_without_an_installation() {
        let machine = Machine::from_process();
        let dir = tempfile::tempdir().unwrap();
        let machine = machine.with_variable("DRYDOCK_CACHE", Some(dir.path().as_os_str()));
        let cache = Cache::locate(&machine).unwrap();
        let (Some(apt), Some(dpkg)) = (machine.find("apt-get"), machine.find("dpkg-deb")) else {
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIP downloaded clients: no apt-get\n")
                .unwrap_or_default();
            return;
        };
        // Whichever major version this system packages.
        for major in 14..=NEWEST {
            if download(&machine, &cache, &apt, &dpkg, major).await.is_ok() {
                let program = cache.place(&cache_name(major)).join("bin/pg_dump");
                assert_eq!(program_version(&machine, &program).await.unwrap().0, major);
                return;
            }
        }
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIP downloaded clients: apt-get downloads none\n",
        )
        .unwrap_or_default();
    }
}
