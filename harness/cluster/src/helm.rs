//! Running `helm`. It is given files and answers with manifests; it never gets to change a cluster.

use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long one call may take. Charts of this platform render in one to three seconds.
const LIMIT: Duration = Duration::from_secs(120);

/// How often a call is looked at.
const POLL: Duration = Duration::from_millis(20);

/// Variables by which the surroundings could change what is rendered.
const OF_SURROUNDINGS: [&str; 4] = ["HELM_NAMESPACE", "HELM_DEBUG", "HELM_KUBECONTEXT", "HELM_KUBETOKEN"];

/// A `helm` that is there.
#[derive(Debug, Clone)]
pub struct Helm {
    program: PathBuf,
    limit: Duration,
}

/// What is rendered.
#[derive(Debug, Clone, Copy)]
pub struct Rendering<'r> {
    /// The chart: a folder or a packed one.
    pub chart: &'r Path,
    /// Name of the release.
    pub release: &'r str,
    /// Its namespace.
    pub namespace: &'r str,
    /// Values files, later ones win.
    pub values: &'r [PathBuf],
    /// Values of the command line, as for `--set`.
    pub set: &'r [String],
}

/// Why `helm` gave no manifests.
#[derive(Debug, Error)]
pub enum HelmError {
    /// It is not there, or cannot be started.
    #[error("cannot start {}: {reason}", program.display())]
    Start {
        /// What was to be started.
        program: PathBuf,
        /// What the system says.
        reason: std::io::Error,
    },
    /// It took too long and was ended with everything it had started.
    #[error("helm {what} took longer than {} s and was ended", limit.as_secs())]
    TooLong {
        /// Which of its commands.
        what: String,
        /// The time it had.
        limit: Duration,
    },
    /// It refused. The words are its own and may repeat values: whoever tells them takes secrets out before.
    #[error("helm {what} refused (exit code {code})")]
    Refused {
        /// Which of its commands.
        what: String,
        /// Its exit code.
        code: i32,
        /// What it wrote to standard error.
        words: String,
    },
}

/// What a call wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Standard output: the manifests.
    pub manifests: String,
    /// Standard error: warnings, in helm's own words.
    pub warnings: String,
}

impl Helm {
    /// The `helm` on the search path, or the one that `program` names.
    pub fn find(program: Option<&Path>) -> Option<Self> {
        let found = match program {
            Some(program) => Some(program.to_owned()),
            None => std::env::var_os("PATH").and_then(|path| within(&path)),
        };
        found.map(|program| Self { program, limit: LIMIT })
    }

    /// The same with another limit for one call.
    #[must_use]
    pub fn limited(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }

    /// Renders a chart. No cluster is asked.
    ///
    /// # Errors
    /// `helm` cannot be started, takes too long, or refuses the chart or the values.
    pub fn template(&self, rendering: &Rendering<'_>) -> Result<Written, HelmError> {
        let mut arguments: Vec<OsString> =
            vec!["template".into(), rendering.release.into(), rendering.chart.into()];
        arguments.extend(["--namespace".into(), rendering.namespace.into()]);
        for file in rendering.values {
            arguments.extend(["--values".into(), file.into()]);
        }
        for set in rendering.set {
            arguments.extend(["--set".into(), set.into()]);
        }
        self.run("template", &arguments)
    }

    /// The manifests of a release as the cluster keeps them.
    ///
    /// # Errors
    /// `helm` cannot be started, takes too long, or knows no such release.
    pub fn manifest(&self, release: &str, namespace: &str, context: &str) -> Result<Written, HelmError> {
        let arguments = ["get", "manifest", release, "--namespace", namespace, "--kube-context", context];
        self.run("get manifest", &arguments.map(OsString::from))
    }

    /// The values that a release was made with, with the chart's defaults: what `helm get values --all` prints. They hold
    /// secrets, so whoever asks keeps what is no secret and forgets the rest.
    ///
    /// # Errors
    /// `helm` cannot be started, takes too long, or knows no such release.
    pub fn values(
        &self,
        release: &str,
        namespace: &str,
        context: Option<&str>,
    ) -> Result<Written, HelmError> {
        let mut arguments: Vec<&str> =
            vec!["get", "values", release, "--all", "--output", "yaml", "--namespace", namespace];
        arguments.extend(context.iter().flat_map(|context| ["--kube-context", context]));
        self.run("get values", &arguments.into_iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn run(&self, what: &str, arguments: &[OsString]) -> Result<Written, HelmError> {
        let mut command = duct::cmd(&self.program, arguments)
            .stdin_null()
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .env("LC_ALL", "C")
            .before_spawn(|command| {
                // A group of its own, so that what it starts ends with it.
                command.process_group(0);
                Ok(())
            });
        for variable in OF_SURROUNDINGS {
            command = command.env_remove(variable);
        }
        let failed = |reason| HelmError::Start { program: self.program.clone(), reason };
        let began = Instant::now();
        let handle = command.start().map_err(failed)?;
        let output = loop {
            if let Some(output) = handle.wait_timeout(POLL).map_err(failed)? {
                break output;
            }
            if began.elapsed() > self.limit {
                for pid in handle.pids() {
                    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                        // It may have ended a moment ago, which serves as well.
                        let _ = kill_process_group(pid, Signal::KILL);
                    }
                }
                let _ = handle.wait();
                return Err(HelmError::TooLong { what: what.to_owned(), limit: self.limit });
            }
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            return Ok(Written { manifests: text(&output.stdout), warnings: text(&output.stderr) });
        }
        Err(HelmError::Refused {
            what: what.to_owned(),
            code: output.status.code().unwrap_or(-1),
            words: text(&output.stderr),
        })
    }
}

/// The first `helm` in the folders of a search path that may be run.
fn within(path: &OsStr) -> Option<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    std::env::split_paths(path).map(|folder| folder.join("helm")).find(|file| {
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::{Helm, HelmError, Rendering};
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    /// A program in the place of helm that does as `script` says.
    fn stand_in(folder: &Path, script: &str) -> Helm {
        let file = folder.join("helm");
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        Helm::find(Some(&file)).unwrap()
    }

    fn render(helm: &Helm) -> Result<super::Written, HelmError> {
        helm.template(&Rendering {
            chart: Path::new("chart"),
            release: "r",
            namespace: "n",
            values: &[PathBuf::from("a.yaml"), PathBuf::from("b.yaml")],
            set: &["x.y=1".to_owned()],
        })
    }

    #[test]
    fn arguments_and_both_streams() {
        let folder = tempfile::tempdir().unwrap();
        let helm = stand_in(folder.path(), "echo \"$@\"; echo careful >&2");
        let written = render(&helm).unwrap();
        assert_eq!(
            written.manifests.trim(),
            "template r chart --namespace n --values a.yaml --values b.yaml --set x.y=1"
        );
        assert_eq!(written.warnings.trim(), "careful");
    }

    #[test]
    fn values_are_asked_for_with_their_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let helm = stand_in(folder.path(), "echo \"$@\"");
        let asked = |context| helm.values("camunda", "prod", context).unwrap().manifests;
        assert_eq!(asked(None).trim(), "get values camunda --all --output yaml --namespace prod");
        assert!(asked(Some("blue")).trim().ends_with("--namespace prod --kube-context blue"));
    }

    #[test]
    fn refusals_and_absence_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let refused = render(&stand_in(folder.path(), "echo no >&2; exit 3"));
        assert!(matches!(refused, Err(HelmError::Refused { code: 3, words, .. }) if words == "no\n"));
        let absent = Helm::find(Some(&folder.path().join("nothing"))).unwrap();
        assert!(matches!(render(&absent), Err(HelmError::Start { .. })));
    }

    #[test]
    fn one_that_hangs_is_ended_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        // The child holds the pipe: ending the shell alone would leave the reader waiting for it.
        let helm = stand_in(folder.path(), "sleep 60 & sleep 60").limited(Duration::from_millis(100));
        let began = Instant::now();
        assert!(matches!(render(&helm), Err(HelmError::TooLong { .. })));
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
