//! The container engine: whether one answers, and what testcontainers leaves to its client: networks and volumes with
//! labels, signals, logs, and removing what carries a label.

use super::marks::{CLUSTER, Marks};
use crate::config::Store;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::supervised::{StoreSignal, open_log};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as DockerError;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};
use testcontainers::bollard::models::{ContainerState, NetworkCreateRequest, VolumeCreateRequest};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, LogsOptionsBuilder, RemoveVolumeOptionsBuilder,
};
use tokio::task::JoinHandle;

/// How long an engine may take to say that it is there.
const HELLO: Duration = Duration::from_secs(10);
/// How long it may take to tell where it keeps volumes, which needs a look at all it has.
const DESCRIPTION: Duration = Duration::from_secs(3);
/// How long a store may take for an orderly end.
const ORDERLY: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// An engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(super) docker: Docker,
    /// Its version and that of its interface, for people.
    pub(crate) version: String,
    /// Where it keeps volumes, if that is a folder of this machine.
    pub(crate) folder: Option<PathBuf>,
}

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or to the usual sockets.
    ///
    /// # Errors
    /// None answers, or it is another machine's, whose ports this one does not have.
    pub(crate) async fn connect(machine: &Machine) -> Result<Self> {
        let host = machine.variable("DOCKER_HOST").map(|h| h.to_string_lossy().into_owned());
        addressed(machine, host.as_deref())?;
        if let Some(host) = host.as_deref().filter(|host| is_elsewhere(host)) {
            return Err(EnvironmentError::new(
                EnvironmentProblem::Engine,
                format!(
                    "the container engine at {host} is another machine's: its ports are not reached here"
                ),
                "unset DOCKER_HOST to use an engine of this machine, or run drydock on that one",
            ));
        }
        let place = host.unwrap_or_else(|| "the usual sockets".to_owned());
        let silent = |why: &dyn Display| {
            EnvironmentError::new(
                EnvironmentProblem::Engine,
                format!("no container engine answers at {place}: {why}"),
                "start one (systemctl start docker), or name its socket in DOCKER_HOST; `drydock doctor --on containers` looks again",
            )
        };
        let connected = async {
            let docker =
                testcontainers::core::client::docker_client_instance().await.map_err(|e| silent(&e))?;
            let version = docker.version().await.map_err(|e| silent(&e))?;
            // Only for the free space: an engine that tells it late, or in words of its own, is as good as any.
            let told = tokio::time::timeout(DESCRIPTION, docker.info()).await.ok().and_then(|told| told.ok());
            let folder = told.and_then(|i| i.docker_root_dir).map(PathBuf::from);
            let (number, interface) =
                (version.version.unwrap_or_default(), version.api_version.unwrap_or_default());
            Ok(Self {
                docker,
                version: format!("version {number}, interface {interface}"),
                folder: folder.filter(|f| f.is_dir()),
            })
        };
        match tokio::time::timeout(HELLO, connected).await {
            Ok(connected) => connected,
            Err(_) => Err(silent(&format!("no answer within {} s", HELLO.as_secs()))),
        }
    }

    /// Whether an image is here; one that is not is pulled when a container of it is made.
    pub(crate) async fn has_image(&self, image: &str) -> Result<bool> {
        match self.docker.inspect_image(image).await {
            // Whatever else an engine of another age tells about it, it has it.
            Ok(_) | Err(DockerError::JsonDataError { .. }) => Ok(true),
            Err(error) if is_status(&error, 404) => Ok(false),
            Err(error) => Err(refused("look for an image", image, &error)),
        }
    }

    /// Makes the network of a run.
    pub(crate) async fn make_network(&self, marks: &Marks) -> Result<()> {
        self.network(marks.network(), marks.labels()).await
    }

    /// Makes the network of a run's cluster, named as the cluster is. By its label the node is found, whose own labels are not ours
    /// to choose.
    pub(crate) async fn make_cluster_network(&self, marks: &Marks, cluster: &str) -> Result<()> {
        let mut labels = marks.labels();
        labels.insert(CLUSTER.to_owned(), cluster.to_owned());
        self.network(cluster.to_owned(), labels).await
    }

    async fn network(&self, name: String, labels: HashMap<String, String>) -> Result<()> {
        let request = NetworkCreateRequest { name: name.clone(), labels: Some(labels), ..Default::default() };
        self.docker.create_network(request).await.map_err(|e| refused("make the network", &name, &e))?;
        Ok(())
    }

    /// Makes a volume, or finds the run's one of that name.
    ///
    /// # Errors
    /// The engine refuses, or a volume of that name is somebody else's.
    pub(crate) async fn make_volume(&self, name: &str, marks: &Marks) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(marks.labels()),
            ..Default::default()
        };
        self.docker.create_volume(request).await.map_err(|e| refused("make the volume", name, &e))?;
        // Asked for a name that it has, an engine returns what is there, whoever made it.
        let volume =
            self.docker.inspect_volume(name).await.map_err(|e| refused("look at the volume", name, &e))?;
        if marks.labels().iter().all(|(label, value)| volume.labels.get(label) == Some(value)) {
            return Ok(());
        }
        Err(EnvironmentError::new(
            EnvironmentProblem::Engine,
            format!("the volume {name} exists and is not this run's"),
            format!("look whose it is (docker volume inspect {name}), and remove it if it is nobody's"),
        ))
    }

    /// Removes a volume that no container uses.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.docker.remove_volume(name, Some(RemoveVolumeOptionsBuilder::default().build())).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 404) => Ok(()),
            Err(error) => Err(refused("remove the volume", name, &error)),
        }
    }

    /// Sends a signal to the first process of a container. One that has ended hears nothing, which is no error.
    pub(crate) async fn signal(&self, id: &str, signal: &str) -> Result<()> {
        let options = KillContainerOptionsBuilder::default().signal(signal).build();
        match self.docker.kill_container(id, Some(options)).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 409) || is_status(&error, 404) => Ok(()),
            Err(error) => Err(refused("send a signal to the container", id, &error)),
        }
    }

    /// Freezes every process of a container; one that is frozen already stays so.
    ///
    /// # Errors
    /// The engine refuses, or the container does not run.
    pub(crate) async fn pause(&self, id: &str) -> Result<()> {
        let Err(error) = self.docker.pause_container(id).await else { return Ok(()) };
        match self.state(id).await? {
            Some(state) if state.paused == Some(true) => Ok(()),
            _ => Err(refused("pause the container", id, &error)),
        }
    }

    /// Lets a paused container go on; one that is not paused stays as it is.
    ///
    /// # Errors
    /// It stays paused, or the engine does not tell.
    pub(crate) async fn unpause(&self, id: &str) -> Result<()> {
        // Refused for one that runs, or has ended: what the refusal means is seen in its state.
        let Err(error) = self.docker.unpause_container(id).await else { return Ok(()) };
        match self.state(id).await? {
            Some(state) if state.paused == Some(true) => Err(refused("let go on the container", id, &error)),
            _ => Ok(()),
        }
    }

    /// Ends a container in good order; one that takes too long is left to be removed by force.
    ///
    /// # Errors
    /// The engine refuses the signal, or does not tell what became of it.
    pub(crate) async fn end(&self, id: &str, store: Option<Store>) -> Result<()> {
        let signal = store.map_or("SIGTERM", |store| signal_name(StoreSignal::orderly(store)));
        self.signal(id, signal).await?;
        if !self.ended(id, ORDERLY).await? {
            tracing::warn!(id, "a container does not end in good order");
        }
        Ok(())
    }

    /// Whether a container ended within a time.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(crate) async fn ended(&self, id: &str, limit: Duration) -> Result<bool> {
        let began = Instant::now();
        loop {
            if !self.is_running(id).await? {
                return Ok(true);
            }
            if began.elapsed() > limit {
                return Ok(false);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether a container runs; a paused one does, and one that is gone does not.
    ///
    /// # Errors
    /// The engine does not tell, which is no answer either way.
    pub(crate) async fn is_running(&self, id: &str) -> Result<bool> {
        match self.state(id).await? {
            None => Ok(false),
            Some(state) => {
                state.running.ok_or_else(|| refused("tell whether a container runs:", id, "no such word"))
            }
        }
    }

    /// Whether a container took more memory than it was given, and the exit code of one that has ended.
    ///
    /// # Errors
    /// The engine does not tell.
    pub(crate) async fn ending(&self, id: &str) -> Result<(bool, Option<i64>)> {
        let state = self.state(id).await?.unwrap_or_default();
        let code = state.exit_code.filter(|_| state.running == Some(false));
        Ok((state.oom_killed == Some(true), code))
    }

    /// State of a container; `None` if there is none.
    async fn state(&self, id: &str) -> Result<Option<ContainerState>> {
        match self.docker.inspect_container(id, None::<InspectContainerOptions>).await {
            Ok(container) => Ok(Some(container.state.unwrap_or_default())),
            Err(error) if is_status(&error, 404) => Ok(None),
            Err(error) => Err(refused("tell the state of the container", id, &error)),
        }
    }

    /// Address of a container in a network.
    pub(crate) async fn address(&self, id: &str, network: &str) -> Option<String> {
        let told = self.docker.inspect_container(id, None::<InspectContainerOptions>).await.ok()?;
        let networks = told.network_settings?.networks?;
        networks.get(network)?.ip_address.clone().filter(|address| !address.is_empty())
    }

    /// Removes what a folder inside of a container holds, which stays.
    pub(crate) async fn empty_folder(&self, id: &str, folder: &str) -> Result<()> {
        let command = format!("rm -rf {folder}/* {folder}/.[!.]*");
        self.run_as_root(id, &["sh", "-c", &command]).await.map(drop)
    }

    /// Runs a short command as root inside of a container, to its end, and tells what it printed.
    pub(crate) async fn run_as_root(&self, id: &str, command: &[&str]) -> Result<String> {
        let failed =
            |e: &dyn Display| refused(&format!("run `{}` in the container", command.join(" ")), id, e);
        let options = CreateExecOptions {
            user: Some("0".to_owned()),
            cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            ..Default::default()
        };
        let exec = self.docker.create_exec(id, options).await.map_err(|e| failed(&e))?.id;
        let mut told = String::new();
        if let StartExecResults::Attached { mut output, .. } =
            self.docker.start_exec(&exec, None).await.map_err(|e| failed(&e))?
        {
            while let Some(part) = output.next().await {
                told.push_str(&part.map_err(|e| failed(&e))?.to_string());
            }
        }
        match self.docker.inspect_exec(&exec).await.map_err(|e| failed(&e))?.exit_code {
            Some(0) => Ok(told),
            code => Err(failed(&format!("exit code {code:?}, {}", told.trim()))),
        }
    }

    /// Writes what a container prints from `since` on (seconds since 1970) behind what the file holds, until it ends.
    pub(crate) fn follow(&self, id: &str, file: &Path, since: i32) -> Result<JoinHandle<()>> {
        let mut out = open_log(file)?;
        let (docker, id) = (self.docker.clone(), id.to_owned());
        let options =
            LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).since(since).build();
        Ok(tokio::spawn(async move {
            let mut parts = std::pin::pin!(docker.logs(&id, Some(options)));
            while let Some(Ok(part)) = parts.next().await {
                // A log that cannot be written must not end a rehearsal; a full disk shows in the record.
                let _ = out.write_all(part.as_ref());
            }
        }))
    }
}

/// What an engine calls a signal.
pub(super) fn signal_name(signal: StoreSignal) -> &'static str {
    match signal {
        StoreSignal::Stop => "SIGSTOP",
        StoreSignal::Continue => "SIGCONT",
        StoreSignal::Terminate => "SIGTERM",
        StoreSignal::Interrupt => "SIGINT",
        StoreSignal::Quit => "SIGQUIT",
        StoreSignal::Kill => "SIGKILL",
    }
}

/// Looks at the variables that the library reads by itself, and breaks off on.
fn addressed(machine: &Machine, host: Option<&str>) -> Result<()> {
    let wrong = |what: &str, help: &str| Err(EnvironmentError::new(EnvironmentProblem::Engine, what, help));
    if machine.variables().get(OsStr::new("DOCKER_HOST")).is_some_and(|h| h.is_empty()) {
        return wrong(
            "DOCKER_HOST is set, and empty",
            "unset it (unset DOCKER_HOST) to use the usual sockets",
        );
    }
    let scheme = host.and_then(|h| h.split_once("://")).map(|(scheme, _)| scheme);
    let verified = machine.variable("DOCKER_TLS_VERIFY").is_some_and(|v| v == "1");
    let encrypted = scheme == Some("https") || verified && matches!(scheme, Some("tcp" | "http"));
    if encrypted && machine.variable("DOCKER_CERT_PATH").is_none() {
        return wrong(
            "the container engine is to be reached with TLS, and DOCKER_CERT_PATH does not say where key.pem, \
             cert.pem and ca.pem are",
            "set DOCKER_CERT_PATH to their folder, or unset DOCKER_TLS_VERIFY",
        );
    }
    Ok(())
}

/// Whether an address names another machine.
fn is_elsewhere(host: &str) -> bool {
    let Some((scheme, rest)) = host.split_once("://") else { return false };
    if matches!(scheme, "unix" | "npipe") {
        return false;
    }
    let authority = rest.split('/').next().unwrap_or(rest);
    let name = authority.rsplit('@').next().unwrap_or(authority);
    let name = match name.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or(six),
        None => name.split(':').next().unwrap_or(name),
    };
    let loopback = name.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    !(loopback || name == "localhost")
}

pub(super) fn is_status(error: &DockerError, status: u16) -> bool {
    matches!(error, DockerError::DockerResponseServerError { status_code, .. } if *status_code == status)
}

pub(crate) fn refused(doing: &str, on: &str, why: &(impl Display + ?Sized)) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Engine,
        format!("the container engine refuses to {doing} {on}: {why}"),
        "look whether it works (docker ps, docker system df), then run again; `drydock clean` removes what is left",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_engines_of_this_machine_map_ports_here() {
        for here in
            ["unix:///var/run/docker.sock", "tcp://127.0.0.1:2375", "http://localhost:2375", "tcp://[::1]:1"]
        {
            assert!(!is_elsewhere(here), "{here}");
        }
        for there in
            ["tcp://10.0.0.7:2376", "ssh://me@build", "https://engine.example", "tcp://127.evil.example"]
        {
            assert!(is_elsewhere(there), "{there}");
        }
    }

    #[test]
    fn variables_that_break_the_library_are_told_before_it_reads_them() {
        let set = |name, value| {
            Machine::from_process()
                .with_variable("DOCKER_TLS_VERIFY", Some(OsStr::new("1")))
                .with_variable("DOCKER_CERT_PATH", None)
                .with_variable(name, Some(OsStr::new(value)))
        };
        let bare = set("DOCKER_TLS_VERIFY", "1");
        assert!(addressed(&bare, Some("tcp://127.0.0.1:1")).unwrap_err().what.contains("DOCKER_CERT_PATH"));
        assert!(addressed(&set("DOCKER_TLS_VERIFY", "0"), Some("https://127.0.0.1:1")).is_err());
        assert!(addressed(&set("DOCKER_CERT_PATH", "/certs"), Some("tcp://127.0.0.1:1")).is_ok());
        assert!(addressed(&set("DOCKER_TLS_VERIFY", "0"), Some("tcp://127.0.0.1:1")).is_ok());
        assert!(addressed(&bare, Some("unix:///x.sock")).is_ok(), "a socket needs no certificate");
        let empty = set("DOCKER_HOST", "");
        assert!(addressed(&empty, None).unwrap_err().help.contains("unset DOCKER_HOST"));
    }

    #[tokio::test]
    async fn where_no_engine_answers_one_line_says_so_with_the_mend() {
        let there =
            Machine::from_process().with_variable("DOCKER_HOST", Some(OsStr::new("tcp://10.0.0.7:2376")));
        let error = Engine::connect(&there).await.unwrap_err();
        assert_eq!(error.code, EnvironmentProblem::Engine);
        assert!(error.what.contains("10.0.0.7") && error.help.contains("DOCKER_HOST"), "{error:?}");
        assert!(!error.what.contains('\n') && !error.help.contains('\n'), "{error:?}");
    }
}
