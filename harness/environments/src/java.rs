//! The Java runtimes that Elasticsearch and Camunda need.

use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::{Machine, is_executable};
use std::path::PathBuf;
use std::time::Duration;

/// Oldest Java that Elasticsearch 8 runs on.
pub(crate) const OLDEST: u16 = 17;

/// Where systems put the Javas that are not on the path.
const INSTALLED: &str = "/usr/lib/jvm";

/// A usable Java installation.
#[derive(Debug, Clone)]
pub(crate) struct Java {
    /// Its home directory; `bin/java` is inside.
    pub(crate) home: PathBuf,
    pub(crate) major: u16,
}

/// Finds a Java of at least [`OLDEST`]: `JAVA_HOME` first, then `java` on `PATH`.
pub(crate) async fn find(machine: &Machine) -> Result<Java> {
    match look(machine, preferred(machine), OLDEST).await {
        Ok(java) => Ok(java),
        Err(seen) => Err(EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            format!("Elasticsearch needs Java {OLDEST} or newer: {seen}"),
            format!(
                "install a JDK {OLDEST} or newer (Debian, Ubuntu: apt-get install openjdk-{OLDEST}-jre-headless) or point JAVA_HOME at one"
            ),
        )),
    }
}

/// Finds a Java of at least this major version, also among those that are installed beside the usual one; else what was
/// looked at.
pub(crate) async fn find_at_least(machine: &Machine, oldest: u16) -> std::result::Result<Java, String> {
    let mut places = preferred(machine);
    let installed = std::fs::read_dir(INSTALLED).into_iter().flatten().flatten();
    let mut installed: Vec<PathBuf> = installed.map(|entry| entry.path().join("bin/java")).collect();
    installed.sort();
    // Not every folder there is a Java.
    places.extend(installed.into_iter().filter(|p| is_executable(p)).map(|p| (INSTALLED, p)));
    look(machine, places, oldest).await
}

fn preferred(machine: &Machine) -> Vec<(&'static str, PathBuf)> {
    let from_home = machine.path_variable("JAVA_HOME").map(|h| ("JAVA_HOME", h.join("bin/java")));
    let from_path = machine.find("java").map(|p| ("PATH", p));
    [from_home, from_path].into_iter().flatten().collect()
}

/// The first of `places` that is new enough.
async fn look(
    machine: &Machine,
    places: Vec<(&'static str, PathBuf)>,
    oldest: u16,
) -> std::result::Result<Java, String> {
    let mut seen = Vec::new();
    let mut asked = Vec::new();
    for (origin, program) in places {
        // The program on PATH is usually a chain of links; the home is where they end.
        let Ok(program) = program.canonicalize() else {
            seen.push(format!("{origin} names {}, which does not exist", program.display()));
            continue;
        };
        if asked.contains(&program) {
            continue;
        }
        asked.push(program.clone());
        let Some(home) = program.parent().and_then(|bin| bin.parent()).filter(|_| is_executable(&program))
        else {
            seen.push(format!("{} is not executable", program.display()));
            continue;
        };
        let output = match machine.output(&program, &["-version"], None, Duration::from_secs(30)).await {
            Ok(output) => output,
            Err(error) => {
                seen.push(error.what);
                continue;
            }
        };
        match parse_major(&String::from_utf8_lossy(&output.stderr)) {
            Some(major) if major >= oldest => return Ok(Java { home: home.to_owned(), major }),
            Some(major) => seen.push(format!("{} ({origin}) is Java {major}", program.display())),
            None => seen.push(format!("{} ({origin}) does not tell its version", program.display())),
        }
    }
    if seen.is_empty() {
        seen.push("JAVA_HOME is not set and there is no java on PATH".to_owned());
    }
    Err(seen.join("; "))
}

/// Major version in the first line of `java -version`: `"17.0.15"` is 17, `"1.8.0_292"` is 8.
fn parse_major(text: &str) -> Option<u16> {
    let version = text.split('"').nth(1)?;
    let mut parts = version.split(['.', '-', '_', '+']);
    match parts.next()?.parse().ok()? {
        1 => parts.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;

    #[test]
    fn old_and_new_version_schemes() {
        assert_eq!(parse_major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(parse_major("java version \"1.8.0_292\""), Some(8));
        assert_eq!(parse_major("openjdk version \"25-ea\" 2025-09-16"), Some(25));
        assert_eq!(parse_major("nothing"), None);
    }

    #[tokio::test]
    async fn a_machine_without_java_says_what_was_looked_at() {
        let machine = Machine::from_process()
            .with_variable("PATH", Some(OsStr::new("")))
            .with_variable("JAVA_HOME", Some(OsStr::new("/nowhere")));
        let error = find(&machine).await.unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::MissingTool);
        assert!(error.what.contains("/nowhere/bin/java"), "{}", error.what);
        let error = find(&machine.with_variable("JAVA_HOME", None)).await.unwrap_err();
        assert!(error.what.contains("no java on PATH"), "{}", error.what);
    }
}
