//! What Keycloak runs from: its distribution, built once for PostgreSQL, and a Java.
//!
//! A distribution of Keycloak settles database, paths and features when it is built, which takes longer than a start. What is
//! kept in the cache is therefore the built one, and no run changes it.

use crate::artifacts::Pins;
use crate::cache::{Cache, make_open_directory};
use crate::embedded::blocking;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::{self, Home, Obtained, Origin};
use crate::java::{self, Java};
use crate::machine::Machine;
use crate::supervised::{last_lines, open_log};
use crate::unpack;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Oldest Java that Keycloak 26 runs on.
pub(crate) const OLDEST_JAVA: u16 = 17;
/// What is settled when it is built: as Camunda's chart has it, without a cluster.
pub(super) const BUILT_FOR: [&str; 3] = ["--db=postgres", "--http-relative-path=/auth", "--cache=local"];

/// Everything that is needed to start one.
#[derive(Debug, Clone)]
pub(crate) struct Distribution {
    pub(crate) home: Home,
    pub(crate) java: Java,
}

/// What the cache calls the built distribution.
const NAME: &str = "keycloak-postgres";

/// Decides where the distribution comes from, and fetches nothing.
pub(crate) fn origin(machine: &Machine, cache: &Cache, pins: &Pins) -> Result<Origin> {
    homes::cached_or_fetch(NAME, &pins.keycloak, machine, cache)
}

/// Finds a Java that is new enough.
pub(crate) async fn find_java(machine: &Machine) -> Result<Java> {
    java::find_at_least(machine, OLDEST_JAVA).await.map_err(|seen| {
        EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            format!("Keycloak needs Java {OLDEST_JAVA} or newer: {seen}"),
            format!(
                "install a JDK {OLDEST_JAVA} or newer (Debian, Ubuntu: apt-get install openjdk-{OLDEST_JAVA}-jre-headless) or point JAVA_HOME at one"
            ),
        )
    })
}

/// Finds, or fetches and builds, all of it.
pub(crate) async fn provide(machine: &Machine, logs: &Path, progress: &dyn Progress) -> Result<Distribution> {
    let cache = Cache::locate(machine)?;
    let pins = Pins::load()?;
    std::fs::create_dir_all(logs).map_err(|e| EnvironmentError::io("make the directory", logs, &e))?;
    make_open_directory(cache.root())?;
    let java = find_java(machine).await?;
    if let Origin::Ready(home) = origin(machine, &cache, &pins)? {
        return Ok(Distribution { home, java });
    }
    let name = homes::cache_name(NAME, &pins.keycloak);
    let lock = cache.lock(&name, progress).await?;
    let artifact = pins.keycloak.clone();
    let log = logs.join(format!("fetch-{name}.log"));
    let file = homes::checked_file(&artifact, machine, &pins, &log, progress).await?;
    progress.note(&format!("unpacking Keycloak {} and building it for PostgreSQL", artifact.version));
    let (runtime, words) = (java.home.clone(), logs.join(format!("build-{name}.log")));
    let path = blocking(move || {
        let home = cache.install(&name, |staging| {
            unpack::tarball(&file, staging)?;
            build(staging, &runtime, &words)
        });
        drop(lock);
        home
    })
    .await?;
    let home =
        Home { path, obtained: Obtained::Fetched(artifact.coordinates.clone()), version: artifact.version };
    Ok(Distribution { home, java })
}

/// Lets Keycloak settle what it settles at build time, in place.
fn build(home: &Path, java: &Path, log: &Path) -> Result<()> {
    let program = home.join("bin/kc.sh");
    let out = open_log(log)?;
    let errors = out.try_clone().map_err(|e| EnvironmentError::io("write", log, &e))?;
    let status = Command::new(&program)
        .arg("build")
        .args(BUILT_FOR)
        .arg("--health-enabled=false")
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", home)
        .env("JAVA_HOME", java)
        .env("JAVA_OPTS_KC_HEAP", "-Xms64m -Xmx512m")
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(errors)
        .status()
        .map_err(|e| EnvironmentError::io("start", &program, &e))?;
    if status.success() && home.join("lib/quarkus-run.jar").is_file() {
        return Ok(());
    }
    let words = std::fs::read_to_string(log).unwrap_or_default();
    Err(EnvironmentError::new(
        EnvironmentProblem::StartFailed,
        format!("Keycloak cannot be built for PostgreSQL: {}", last_lines(&words, 3)),
        format!("read its log: {}", log.display()),
    ))
}

/// Where a distribution keeps what it is started from.
pub(crate) fn runner(home: &Path) -> PathBuf {
    home.join("lib/quarkus-run.jar")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[tokio::test]
    async fn what_is_missing_is_told_and_the_cache_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::from_process()
            .with_variable("PATH", Some(OsStr::new("")))
            .with_variable("JAVA_HOME", Some(OsStr::new("/nowhere")))
            .with_variable("DRYDOCK_CACHE", Some(dir.path().as_os_str()));
        // One may be installed beside the path.
        if let Err(error) = find_java(&machine).await {
            assert_eq!(error.code, EnvironmentProblem::MissingTool);
            assert!(error.what.contains("Keycloak needs Java 17"), "{}", error.what);
        }
        let cache = Cache::locate(&machine).unwrap();
        let pins = Pins::load().unwrap();
        assert!(matches!(origin(&machine, &cache, &pins), Ok(Origin::Fetch { .. })));
        std::fs::create_dir_all(dir.path().join(homes::cache_name(NAME, &pins.keycloak))).unwrap();
        assert!(matches!(origin(&machine, &cache, &pins), Ok(Origin::Ready(_))));
    }

    #[test]
    fn a_distribution_that_cannot_be_built_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (home, log) = (dir.path().join("home"), dir.path().join("log"));
        std::fs::create_dir_all(home.join("bin")).unwrap();
        std::fs::write(home.join("bin/kc.sh"), "#!/bin/sh\necho the words of $1\n").unwrap();
        crate::cache::set_mode(&home.join("bin/kc.sh"), 0o755).unwrap();
        // It says that it is done, and there is nothing to start.
        let error = build(&home, Path::new("/nowhere"), &log).unwrap_err();
        assert!(error.what.contains("the words of build"), "{}", error.what);
        std::fs::create_dir_all(home.join("lib")).unwrap();
        std::fs::write(runner(&home), "").unwrap();
        build(&home, Path::new("/nowhere"), &log).unwrap();
    }
}
