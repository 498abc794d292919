//! A checkout of the scripts, and a run's own copy of it.

use crate::error::ScriptsError;
use std::fs;
use std::path::{Path, PathBuf};

/// Where the scripts lie in a checkout.
const MIGRATION: &str = "generic/kubernetes/migration";
/// What they refuse to load without.
const OPERATORS: &str = "generic/kubernetes/operator-based";
/// The version that a checkout is made for. The scripts only warn where it is missing.
const VERSION: &str = ".camunda-version";
/// State of an earlier migration, which is nobody else's.
pub(crate) const STATE: &str = ".state";
/// The documented folder of hooks.
pub(crate) const HOOKS: &str = "hooks";
/// Files below [`MIGRATION`] without which the phases cannot do what they document.
const NEEDED: [&str; 12] = [
    "env.sh",
    "lib.sh",
    "1-deploy-targets.sh",
    "2-backup.sh",
    "3-cutover.sh",
    "4-validate.sh",
    "rollback.sh",
    "jobs/pg-backup.job.yml",
    "jobs/pg-restore.job.yml",
    "jobs/es-backup.job.yml",
    "jobs/es-restore.job.yml",
    "manifests/backup-pvc.yml",
];
/// Below [`MIGRATION`], the name by which the scripts ask `helm` for the chart.
const CHART: &str = "camunda/camunda-platform";
/// Deeper than any checkout is. A link that leads to a folder above itself ends there.
const DEPTH: usize = 16;

/// A checkout as somebody has it. Nothing is ever written to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    root: PathBuf,
}

impl Tree {
    /// Looks whether a folder is a checkout with the documented layout.
    ///
    /// # Errors
    /// It is not: which file or folder is missing, or which one to name instead.
    pub fn examine(root: &Path) -> Result<Self, ScriptsError> {
        let help = "name the root of a checkout of camunda-deployment-references that has generic/kubernetes/migration";
        let missing = |what: &str| {
            ScriptsError::new(
                format!("{} is no checkout of the migration scripts: {what} is missing", root.display()),
                help,
            )
        };
        if !root.is_dir() {
            return Err(ScriptsError::new(format!("{} is no folder", root.display()), help));
        }
        if root.join("3-cutover.sh").is_file() && !root.join(MIGRATION).exists() {
            return Err(ScriptsError::new(
                format!("{} is the folder of the scripts, not the root of their checkout", root.display()),
                format!("name the folder in which this one is {MIGRATION}: they need {OPERATORS} beside it"),
            ));
        }
        for folder in [MIGRATION, OPERATORS] {
            if !root.join(folder).is_dir() {
                return Err(missing(folder));
            }
        }
        for file in NEEDED {
            if !root.join(MIGRATION).join(file).is_file() {
                return Err(missing(&format!("{MIGRATION}/{file}")));
            }
        }
        Ok(Self { root: root.to_owned() })
    }

    /// Copies what the scripts need into `folder`, without the state of an earlier migration. What is there already is an earlier
    /// copy, and is replaced.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub fn copy_to(&self, folder: &Path) -> Result<Checkout, ScriptsError> {
        match fs::remove_dir_all(folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(ScriptsError::io("remove", folder, &e));
            }
            _ => {}
        }
        for part in [MIGRATION, OPERATORS] {
            for file in files_below(&self.root.join(part))? {
                copy(&self.root.join(part).join(&file), &folder.join(part).join(&file))?;
            }
        }
        if self.root.join(VERSION).is_file() {
            copy(&self.root.join(VERSION), &folder.join(VERSION))?;
        }
        Ok(Checkout { root: folder.to_owned() })
    }

    /// Digest of every file that the scripts consist of, hooks and state left out: the same for a copy that nobody edited.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digest(&self) -> Result<String, ScriptsError> {
        digest(&self.root)
    }
}

/// A run's own copy. The scripts write their state into it; the scripts themselves stay as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    root: PathBuf,
}

impl Checkout {
    /// The copy that an earlier life of the run made; `None` if there is none.
    pub fn left_at(folder: &Path) -> Option<Self> {
        let kept = Tree::examine(folder).ok()?;
        Some(Self { root: kept.root })
    }

    /// The folder of the scripts.
    pub fn migration(&self) -> PathBuf {
        self.root.join(MIGRATION)
    }

    /// Puts a chart where the scripts' `helm` finds it by the official chart's name, which is looked for as a folder before any
    /// repository is asked: the release is upgraded with the chart that it was installed from, without a network.
    ///
    /// # Errors
    /// The chart cannot be read, or the copy not written.
    pub fn provide_chart(&self, chart: &Path) -> Result<(), ScriptsError> {
        let place = self.migration().join(CHART);
        for file in files_below(chart)? {
            copy(&chart.join(&file), &place.join(&file))?;
        }
        Ok(())
    }

    /// The folder of their state.
    pub fn state_folder(&self) -> PathBuf {
        self.migration().join(STATE)
    }

    /// As [`Tree::digest`].
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digest(&self) -> Result<String, ScriptsError> {
        digest(&self.root)
    }

    /// Where the hooks tell that they were reached.
    pub(crate) fn hook_events(&self) -> PathBuf {
        self.root.join("hook-events")
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), ScriptsError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|e| ScriptsError::io("make the folder", folder, &e))?;
    }
    // With its permissions.
    fs::copy(from, to).map(drop).map_err(|e| ScriptsError::io("copy", from, &e))
}

/// Every file below a folder but those of a state, by its path from there, in order. Links are followed.
fn files_below(folder: &Path) -> Result<Vec<PathBuf>, ScriptsError> {
    let mut found = Vec::new();
    let mut left = vec![(PathBuf::new(), 0)];
    while let Some((part, depth)) = left.pop() {
        let here = folder.join(&part);
        let entries = fs::read_dir(&here).map_err(|e| ScriptsError::io("read the folder", &here, &e))?;
        for entry in entries {
            let entry = entry.map_err(|e| ScriptsError::io("read the folder", &here, &e))?;
            let (name, path) = (part.join(entry.file_name()), entry.path());
            let kind = match fs::metadata(&path) {
                Ok(kind) => kind,
                // A link that leads nowhere, as in a checkout of a part of the repository, holds nothing.
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => continue,
                Err(e) => return Err(ScriptsError::io("look at", &path, &e)),
            };
            if kind.is_dir() {
                if entry.file_name() != STATE && depth < DEPTH {
                    left.push((name, depth + 1));
                }
            } else if kind.is_file() {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn digest(root: &Path) -> Result<String, ScriptsError> {
    let mut hasher = blake3::Hasher::new();
    for part in [MIGRATION, OPERATORS] {
        for file in files_below(&root.join(part))? {
            // What a run adds is no edit.
            if part == MIGRATION && (file.starts_with(HOOKS) || file.starts_with(CHART)) {
                continue;
            }
            let path = root.join(part).join(&file);
            let contents = fs::read(&path).map_err(|e| ScriptsError::io("read", &path, &e))?;
            let name = file.as_os_str().as_encoded_bytes();
            for text in [part.as_bytes(), name, &contents] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text);
            }
        }
    }
    Ok(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(root: &Path) {
        for file in
            NEEDED.iter().map(|f| format!("{MIGRATION}/{f}")).chain([format!("{OPERATORS}/README.md")])
        {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x").unwrap();
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        tree(folder.path());
        assert!(Tree::examine(folder.path()).is_ok());
        for file in NEEDED {
            let path = folder.path().join(MIGRATION).join(file);
            fs::remove_file(&path).unwrap();
            let error = Tree::examine(folder.path()).unwrap_err();
            assert!(error.what.contains(&format!("{MIGRATION}/{file} is missing")), "{error}");
            fs::write(&path, "x").unwrap();
        }
        fs::remove_dir_all(folder.path().join(OPERATORS)).unwrap();
        let error = Tree::examine(folder.path()).unwrap_err();
        assert!(error.what.contains(OPERATORS), "{error}");
        let error = Tree::examine(&folder.path().join(MIGRATION)).unwrap_err();
        assert!(error.what.contains("not the root") && error.help.contains(MIGRATION), "{error:?}");
        assert!(Tree::examine(&folder.path().join("nothing")).unwrap_err().what.contains("is no folder"));
    }

    #[test]
    fn a_copy_has_no_state_of_others_and_tells_when_it_was_edited() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        tree(&from);
        fs::create_dir_all(from.join(MIGRATION).join(".state")).unwrap();
        fs::write(from.join(MIGRATION).join(".state/migration.env"), "export PHASE_3_COMPLETED=\"true\"\n")
            .unwrap();
        std::os::unix::fs::symlink("nowhere", from.join(OPERATORS).join("link")).unwrap();
        let tree = Tree::examine(&from).unwrap();
        let copy = tree.copy_to(&to).unwrap();
        assert!(!copy.state_folder().exists());
        assert_eq!(copy.digest().unwrap(), tree.digest().unwrap());
        // What a run adds is no edit.
        fs::create_dir_all(copy.state_folder()).unwrap();
        fs::write(copy.state_folder().join("migration.env"), "").unwrap();
        fs::create_dir_all(copy.migration().join(HOOKS)).unwrap();
        fs::write(copy.migration().join("hooks/pre-phase-1.sh"), "").unwrap();
        let chart = folder.path().join("chart");
        fs::create_dir_all(chart.join("templates")).unwrap();
        fs::write(chart.join("templates/a.yaml"), "a: 1\n").unwrap();
        copy.provide_chart(&chart).unwrap();
        let there = copy.migration().join("camunda/camunda-platform/templates/a.yaml");
        assert_eq!(fs::read_to_string(there).unwrap(), "a: 1\n");
        assert_eq!(copy.digest().unwrap(), tree.digest().unwrap());
        assert_eq!(Checkout::left_at(&to), Some(copy.clone()));
        fs::write(copy.migration().join("lib.sh"), "y").unwrap();
        assert_ne!(copy.digest().unwrap(), tree.digest().unwrap());
        assert_eq!(Checkout::left_at(folder.path()), None);
    }
}
