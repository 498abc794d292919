//! Fetching a pinned artifact with the machine's own Maven, which knows its mirrors and proxies.

use crate::artifacts::{Artifact, MavenPins};
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::machine::{GroupGuard, Machine};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Own setting for the local repository, handed to Maven too.
const REPOSITORY_VARIABLE: &str = "DRYDOCK_MAVEN_REPO";
/// A fetch that brings no byte for this long has failed.
const STALL: Duration = Duration::from_secs(300);

/// The artifact's file in the local repository, if it is there. Asks no other program.
pub(crate) fn local(machine: &Machine, artifact: &Artifact) -> Result<Option<PathBuf>> {
    let Some(repository) = usual_repository(machine) else { return Ok(None) };
    Ok(Some(repository.join(artifact.repository_path()?)).filter(|p| p.is_file()))
}

fn usual_repository(machine: &Machine) -> Option<PathBuf> {
    machine
        .path_variable(REPOSITORY_VARIABLE)
        .or_else(|| machine.home().map(|home| home.join(".m2/repository")))
}

/// Fetches the artifact into the local repository and returns its file, unchecked. `log` receives Maven's words.
pub(crate) async fn fetch(
    machine: &Machine,
    pins: &MavenPins,
    artifact: &Artifact,
    log: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf> {
    let maven = program(machine)?;
    let own = machine.path_variable(REPOSITORY_VARIABLE);
    let repository = match own.clone().or_else(|| usual_repository(machine)) {
        Some(path) => path,
        None => ask_repository(machine, &maven).await?,
    };
    let relative = artifact.repository_path()?;
    progress.note(&format!("fetching {} with Maven", artifact.coordinates));
    let output = File::create(log).map_err(|e| EnvironmentError::io("write", log, &e))?;
    let errors = output.try_clone().map_err(|e| EnvironmentError::io("write", log, &e))?;
    let mut command = tokio::process::Command::new(&maven);
    command
        .args(["-q", "-B", &format!("{}:get", pins.plugin)])
        .args([format!("-Dartifact={}", artifact.coordinates), "-Dtransitive=false".to_owned()])
        .args(own.iter().map(|path| format!("-Dmaven.repo.local={}", path.display())))
        .env_clear()
        .envs(machine.variables())
        // Away from any project file in the current directory, which Maven would read.
        .current_dir(log.parent().unwrap_or(Path::new("/")))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .kill_on_drop(true);
    let mut child = command.spawn().map_err(|e| EnvironmentError::io("start", &maven, &e))?;
    let _group = GroupGuard::new(child.id());
    let target = repository.join(&relative);
    let (mut last, mut since) = (0, Instant::now());
    let status = loop {
        match tokio::time::timeout(Duration::from_millis(500), child.wait()).await {
            Ok(status) => break status.map_err(|e| EnvironmentError::io("wait for", &maven, &e))?,
            Err(_) => {
                let here = bytes_here(&target);
                if here != last {
                    (last, since) = (here, Instant::now());
                    progress.bytes(&artifact.coordinates, here.min(artifact.bytes), Some(artifact.bytes));
                } else if since.elapsed() > STALL {
                    return Err(failed(artifact, log, "no byte arrived for five minutes"));
                }
            }
        }
    };
    if !status.success() {
        return Err(failed(artifact, log, &first_error(log)));
    }
    if target.is_file() {
        return Ok(target);
    }
    // Maven's settings name another repository.
    let elsewhere = ask_repository(machine, &maven).await?.join(&relative);
    if elsewhere.is_file() {
        return Ok(elsewhere);
    }
    Err(failed(artifact, log, &format!("Maven succeeded, but {} is not there", target.display())))
}

/// The Maven program.
pub(crate) fn program(machine: &Machine) -> Result<PathBuf> {
    machine.find("mvn").ok_or_else(|| {
        EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            "Maven is needed to fetch the stores, and there is no mvn on PATH",
            "install Maven (Debian, Ubuntu: apt-get install maven), or name installed stores with --elasticsearch-home and --postgres-home",
        )
    })
}

async fn ask_repository(machine: &Machine, maven: &Path) -> Result<PathBuf> {
    let arguments = ["-q", "-B", "help:evaluate", "-Dexpression=settings.localRepository", "-DforceStdout"];
    let directory = std::env::temp_dir();
    let output = machine.output(maven, &arguments, Some(&directory), Duration::from_secs(120)).await?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&text).is_absolute() {
        return Ok(PathBuf::from(text));
    }
    Err(EnvironmentError::new(
        EnvironmentProblem::Fetch,
        "Maven does not tell where its local repository is",
        format!("set {REPOSITORY_VARIABLE} to a directory for it"),
    ))
}

/// Bytes of the artifact that have arrived: the largest file of its name, finished or partial.
fn bytes_here(target: &Path) -> u64 {
    let (Some(directory), Some(name)) = (target.parent(), target.file_name().and_then(|n| n.to_str())) else {
        return 0;
    };
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| e.file_name().to_string_lossy().contains(name))
        .filter_map(|e| Some(e.metadata().ok()?.len()))
        .max()
        .unwrap_or(0)
}

/// Maven's first word of an error, without the terminal's colour codes before it.
fn first_error(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let line =
        text.lines().find(|l| l.contains("ERROR")).or_else(|| text.lines().find(|l| !l.trim().is_empty()));
    line.map_or_else(
        || "Maven failed without a word".to_owned(),
        |l| l.rsplit("[ERROR]").next().unwrap_or(l).trim_end_matches("-> [Help 1]").trim().to_owned(),
    )
}

fn failed(artifact: &Artifact, log: &Path, reason: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Fetch,
        format!("cannot fetch {}: {reason}", artifact.coordinates),
        format!("check Maven's network access and settings (its words: {}), then run again", log.display()),
    )
}
