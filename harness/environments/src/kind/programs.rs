//! Running `kind` and `helm` for a run: with its own kubeconfig, never the user's, and marked as its processes, so that what a
//! killed run leaves running is found and ended.

use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::supervised::last_lines;
use crate::workdir::{MARKER, WorkDir};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Name of a run's kubeconfig in its work directory.
pub(super) const KUBECONFIG: &str = "kubeconfig";
/// Variables by which a user's own clusters and releases could get into a run.
const OF_SURROUNDINGS: [&str; 8] = [
    "KUBECONFIG",
    "HELM_NAMESPACE",
    "HELM_KUBECONTEXT",
    "HELM_KUBETOKEN",
    "HELM_KUBEAPISERVER",
    "HELM_KUBECAFILE",
    "HELM_DRIVER",
    "KIND_CLUSTER_NAME",
];

/// The programs that `--on kind` needs, with why.
pub(crate) const NEEDED: [(&str, &str); 3] = [
    ("kind", "makes the cluster: https://kind.sigs.k8s.io"),
    ("helm", "installs the release: https://helm.sh"),
    ("docker", "is called by kind"),
];
/// Programs that are of use to people only.
pub(crate) const USEFUL: [(&str, &str); 1] =
    [("kubectl", "to look into a cluster that was kept; the harness asks it itself")];

/// Finds a program that is needed.
///
/// # Errors
/// It is not on the search path.
pub(crate) fn find(machine: &Machine, program: &str, why: &str) -> Result<PathBuf> {
    machine.find(program).ok_or_else(|| {
        EnvironmentError::new(
            EnvironmentProblem::MissingTool,
            format!("{program} is not on the search path; it {why}"),
            format!("install {program}, or add its folder to PATH"),
        )
    })
}

/// The programs, as one run calls them.
#[derive(Debug, Clone)]
pub(super) struct Programs {
    machine: Machine,
    /// What the caller sees, but for his clusters.
    caller: Machine,
    /// None where no cluster is made.
    kind: Option<PathBuf>,
    helm: PathBuf,
    kubeconfig: PathBuf,
}

impl Programs {
    /// Finds them, and fixes what they may see of the surroundings.
    ///
    /// # Errors
    /// One of them is not there.
    pub(super) fn of(machine: &Machine, work: &WorkDir, network: &str) -> Result<Self> {
        for (program, why) in NEEDED {
            find(machine, program, why)?;
        }
        let own = Self::with_helm(machine, work, Some(network))?;
        let (program, why) = NEEDED[0];
        Ok(Self { kind: Some(find(machine, program, why)?), ..own })
    }

    /// Those for a cluster that is there: `helm` alone.
    ///
    /// # Errors
    /// It is not there.
    pub(super) fn among_others(machine: &Machine, work: &WorkDir) -> Result<Self> {
        Self::with_helm(machine, work, None)
    }

    fn with_helm(machine: &Machine, work: &WorkDir, network: Option<&str>) -> Result<Self> {
        let (program, why) = NEEDED[1];
        let found = find(machine, program, why)?;
        let mut own = machine.clone();
        for name in OF_SURROUNDINGS {
            own = own.with_variable(name, None);
        }
        let kubeconfig = work.path().join(KUBECONFIG);
        let helm = work.path().join("helm");
        let folder = |part: &str| helm.join(part).into_os_string();
        let set: [(&str, OsString); 7] = [
            (MARKER, work.run_id().into()),
            ("KUBECONFIG", kubeconfig.clone().into()),
            ("HELM_CONFIG_HOME", folder("config")),
            ("HELM_CACHE_HOME", folder("cache")),
            ("HELM_DATA_HOME", folder("data")),
            ("LC_ALL", "C".into()),
            ("NO_COLOR", "1".into()),
        ];
        for (name, value) in &set {
            own = own.with_variable(name, Some(value));
        }
        // Clusters share one network unless they are told another one.
        own = own.with_variable("KIND_EXPERIMENTAL_DOCKER_NETWORK", network.map(OsStr::new));
        let caller = machine.clone().with_variable("KUBECONFIG", Some(kubeconfig.as_os_str()));
        Ok(Self { machine: own, caller, kind: None, helm: found, kubeconfig })
    }

    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The whole environment of other programs that work on the run's cluster. Of the caller's variables they see where programs
    /// and home are, and no other: those that migrate take settings from any variable of the right name. What they keep for
    /// themselves goes below `work`.
    pub(super) fn variables(&self, work: &Path) -> BTreeMap<OsString, OsString> {
        let handed = |name: &str| {
            [
                "PATH",
                "HOME",
                "KUBECONFIG",
                "LC_ALL",
                "HELM_CONFIG_HOME",
                "HELM_CACHE_HOME",
                "HELM_DATA_HOME",
                MARKER,
            ]
            .contains(&name)
        };
        let known = self.machine.variables().iter().filter(|(name, _)| name.to_str().is_some_and(handed));
        let mut own: BTreeMap<OsString, OsString> = known.map(|(k, v)| (k.clone(), v.clone())).collect();
        own.insert("KUBECACHEDIR".into(), work.join("kube-cache").into_os_string());
        own
    }

    /// Runs `kind`.
    ///
    /// # Errors
    /// It does not end in time, or not well: its last words.
    pub(super) async fn kind(&self, arguments: &[&OsStr], limit: Duration) -> Result<String> {
        let (program, why) = NEEDED[0];
        match &self.kind {
            Some(kind) => self.run(kind, program, arguments, limit).await,
            None => self.run(&find(&self.machine, program, why)?, program, arguments, limit).await,
        }
    }

    /// Runs `helm`. Its words may repeat values, of which the secret ones are files: they are not told.
    ///
    /// # Errors
    /// As [`Programs::kind`].
    pub(super) async fn helm(&self, arguments: &[&OsStr], limit: Duration) -> Result<String> {
        self.run(&self.helm, "helm", arguments, limit).await
    }

    /// Runs `helm` with the repositories that the caller has, to fetch a chart. Of clusters it sees the run's own, if any.
    ///
    /// # Errors
    /// As [`Programs::kind`].
    pub(super) async fn helm_of_the_caller(&self, arguments: &[&OsStr], limit: Duration) -> Result<String> {
        run_on(&self.caller, &self.helm, "helm", arguments, limit).await
    }

    async fn run(&self, program: &Path, name: &str, arguments: &[&OsStr], limit: Duration) -> Result<String> {
        run_on(&self.machine, program, name, arguments, limit).await
    }
}

async fn run_on(
    machine: &Machine,
    program: &Path,
    name: &str,
    arguments: &[&OsStr],
    limit: Duration,
) -> Result<String> {
    let output = machine.output(program, arguments, None, limit).await.map_err(|e| {
        let what = arguments.first().map(|a| a.to_string_lossy()).unwrap_or_default();
        EnvironmentError { what: format!("{name} {what}: {}", e.what), ..e }
    })?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let words: Vec<String> = arguments.iter().take(2).map(|a| a.to_string_lossy().into_owned()).collect();
    Err(EnvironmentError::new(
        EnvironmentProblem::Cluster,
        format!("`{name} {}` failed: {}", words.join(" "), last_lines(&told, 4)),
        "look into the logs in the run folder; `drydock doctor --on kind` tells what is missing",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Programs of a run that do as `script` says, and the run's work directory.
    fn stand_ins(folder: &Path, script: &str) -> (Programs, WorkDir) {
        let bin = folder.join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for (name, _) in NEEDED {
            let file = bin.join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let path = std::env::join_paths([bin.as_path(), Path::new("/bin"), Path::new("/usr/bin")]).unwrap();
        let machine = Machine::from_process()
            .with_variable("PATH", Some(&path))
            .with_variable("KUBECONFIG", Some(OsStr::new("/home/me/.kube/config")))
            .with_variable("HELM_NAMESPACE", Some(OsStr::new("production")));
        let work = WorkDir::create(&folder.join("work"), "run-1", Path::new("/runs/1")).unwrap();
        (Programs::of(&machine, &work, "net").unwrap(), work)
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn nothing_of_the_users_own_clusters_is_seen_and_the_runs_marker_is() {
        let folder = tempfile::tempdir().unwrap();
        let (programs, work) = stand_ins(folder.path(), "env");
        for told in [programs.kind(&[], LIMIT).await.unwrap(), programs.helm(&[], LIMIT).await.unwrap()] {
            let line = |name: &str| told.lines().find_map(|l| l.strip_prefix(&format!("{name}=")));
            let own = work.path().join(KUBECONFIG);
            assert_eq!(line("KUBECONFIG"), own.to_str(), "{told}");
            assert_eq!(line("HELM_NAMESPACE"), None);
            assert_eq!(line("KIND_EXPERIMENTAL_DOCKER_NETWORK"), Some("net"));
            assert!(told.lines().any(|l| l == work.marker()), "{told}");
        }
        // Who fetches a chart knows the caller's repositories, and no cluster of his.
        let told = programs.helm_of_the_caller(&[], LIMIT).await.unwrap();
        let line = |name: &str| told.lines().find_map(|l| l.strip_prefix(&format!("{name}=")));
        assert_eq!(line("KUBECONFIG"), work.path().join(KUBECONFIG).to_str());
        assert!(!told.contains(&format!("HELM_CONFIG_HOME={}", work.path().display())), "{told}");
    }

    #[tokio::test]
    async fn programs_from_outside_see_the_runs_cluster_and_no_setting_of_the_callers() {
        let folder = tempfile::tempdir().unwrap();
        let (mut programs, work) = stand_ins(folder.path(), "");
        programs.machine = programs.machine.with_variable("PHASE_3_COMPLETED", Some(OsStr::new("true")));
        let told = programs.variables(work.path());
        let of = |name: &str| told.get(OsStr::new(name));
        assert_eq!(of("KUBECONFIG").map(OsString::as_os_str), Some(programs.kubeconfig().as_os_str()));
        assert_eq!(of(MARKER).map(OsString::as_os_str), Some(OsStr::new(work.run_id())));
        assert!(of("PATH").is_some() && of("KUBECACHEDIR").is_some());
        for name in ["PHASE_3_COMPLETED", "HELM_NAMESPACE", "CARGO_MANIFEST_DIR"] {
            assert_eq!(of(name), None, "{name}");
        }
    }

    #[tokio::test]
    async fn a_failure_is_the_clusters_and_repeats_the_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let (programs, _work) =
            stand_ins(folder.path(), "echo one >&2; echo the node is too old >&2; exit 3");
        let error = programs.kind(&["create".as_ref(), "cluster".as_ref()], LIMIT).await.unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Cluster);
        assert!(
            error.what.contains("kind create cluster") && error.what.contains("too old"),
            "{}",
            error.what
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named_with_the_mend() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::from_process().with_variable("PATH", Some(folder.path().as_os_str()));
        let work = WorkDir::create(&folder.path().join("work"), "run-1", Path::new("/runs/1")).unwrap();
        let error = Programs::of(&machine, &work, "net").unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::MissingTool);
        assert!(error.what.contains("kind") && error.help.contains("PATH"), "{error:?}");
    }
}
