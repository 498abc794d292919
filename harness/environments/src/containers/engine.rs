//! The container engine: whether one answers, and what testcontainers leaves to its client: networks and volumes with
//! labels, signals, logs, and removing what carries a label.

use super::marks::{Marks, RUN};
use crate::config::Store;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::machine::Machine;
use crate::supervised::{StoreSignal, open_log};
use futures_util::StreamExt;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use testcontainers::bollard::Docker;
use testcontainers::bollard::errors::Error as DockerError;
use testcontainers::bollard::exec::{CreateExecOptions, StartExecResults};
use testcontainers::bollard::models::{NetworkCreateRequest, VolumeCreateRequest};
use testcontainers::bollard::query_parameters::{
    InspectContainerOptions, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveVolumeOptionsBuilder,
};
use tokio::task::JoinHandle;

/// How long an engine may take to say that it is there.
const HELLO: Duration = Duration::from_secs(10);
/// How long containers, volumes and networks may take to be gone.
const REMOVAL: Duration = Duration::from_secs(60);
/// How long a store may take for an orderly end.
const ORDERLY: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// An engine that answers.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    docker: Docker,
    /// Its version and that of its interface, for people.
    pub(crate) version: String,
    /// Where it keeps volumes, if that is a folder of this machine.
    pub(crate) folder: Option<PathBuf>,
}

/// What carries labels of runs.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Identifiers with names.
    containers: Vec<(String, String)>,
    networks: Vec<String>,
    volumes: Vec<String>,
}

impl Found {
    pub(crate) fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }

    /// Names and identifiers of the containers.
    pub(crate) fn containers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.containers.iter().map(|(id, name)| (name.as_str(), id.as_str()))
    }

    /// Forgets everything but one container.
    pub(crate) fn keep_only(&mut self, name: &str) {
        self.containers.retain(|(_, n)| n == name);
        (self.networks, self.volumes) = (Vec::new(), Vec::new());
    }

    pub(crate) fn has_volume(&self, name: &str) -> bool {
        self.volumes.iter().any(|v| v == name)
    }

    /// Names, with what each is.
    pub(crate) fn names(&self) -> Vec<String> {
        let containers = self.containers.iter().map(|(_, name)| format!("container {name}"));
        let networks = self.networks.iter().map(|name| format!("network {name}"));
        containers.chain(networks).chain(self.volumes.iter().map(|name| format!("volume {name}"))).collect()
    }
}

/// What of it is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remove {
    /// Everything.
    Everything,
    /// Containers and networks; the volumes hold the data of a run that goes on.
    AllButVolumes,
}

impl Engine {
    /// Connects to the engine that `DOCKER_HOST` names, or to the usual sockets.
    ///
    /// # Errors
    /// None answers, or it is another machine's, whose ports this one does not have.
    pub(crate) async fn connect(machine: &Machine) -> Result<Self> {
        let host = machine.variable("DOCKER_HOST").map(|h| h.to_string_lossy().into_owned());
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
            // Only for the free space: an engine that tells it in words of its own is as good as any.
            let folder = docker.info().await.ok().and_then(|i| i.docker_root_dir).map(PathBuf::from);
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
        let name = marks.network();
        let request =
            NetworkCreateRequest { name: name.clone(), labels: Some(marks.labels()), ..Default::default() };
        self.docker.create_network(request).await.map_err(|e| refused("make the network", &name, &e))?;
        Ok(())
    }

    /// Makes a volume, or finds the one of that name.
    pub(crate) async fn make_volume(&self, name: &str, marks: &Marks) -> Result<()> {
        let request = VolumeCreateRequest {
            name: Some(name.to_owned()),
            labels: Some(marks.labels()),
            ..Default::default()
        };
        self.docker.create_volume(request).await.map_err(|e| refused("make the volume", name, &e))?;
        Ok(())
    }

    /// Removes a volume that no container uses.
    pub(crate) async fn remove_volume(&self, name: &str) -> Result<()> {
        match self.docker.remove_volume(name, Some(RemoveVolumeOptionsBuilder::default().build())).await {
            Ok(()) => Ok(()),
            Err(error) if is_status(&error, 404) => Ok(()),
            Err(error) => Err(refused("remove the volume", name, &error)),
        }
    }

    /// Everything that carries the labels of a filter, by run.
    pub(crate) async fn find(
        &self,
        filter: &HashMap<String, Vec<String>>,
    ) -> Result<BTreeMap<String, Found>> {
        let list = |e: DockerError| refused("list", "what runs have left", &e);
        let mut runs: BTreeMap<String, Found> = BTreeMap::new();
        let run = |labels: Option<HashMap<String, String>>| labels.and_then(|mut l| l.remove(RUN));
        let options = ListContainersOptionsBuilder::default().all(true).filters(filter).build();
        for container in self.docker.list_containers(Some(options)).await.map_err(list)? {
            let (Some(run), Some(id)) = (run(container.labels), container.id) else { continue };
            let name = container.names.into_iter().flatten().next().unwrap_or_else(|| id.clone());
            let name = name.trim_start_matches('/').to_owned();
            runs.entry(run).or_default().containers.push((id, name));
        }
        let options = ListNetworksOptionsBuilder::default().filters(filter).build();
        for network in self.docker.list_networks(Some(options)).await.map_err(list)? {
            let (Some(run), Some(name)) = (run(network.labels), network.name) else { continue };
            runs.entry(run).or_default().networks.push(name);
        }
        let options = ListVolumesOptionsBuilder::default().filters(filter).build();
        let volumes = self.docker.list_volumes(Some(options)).await.map_err(list)?;
        for volume in volumes.volumes.into_iter().flatten() {
            if let Some(run) = run(Some(volume.labels)) {
                runs.entry(run).or_default().volumes.push(volume.name);
            }
        }
        Ok(runs)
    }

    /// What was made for one run.
    pub(crate) async fn found(&self, marks: &Marks) -> Result<Found> {
        Ok(self.find(&marks.filter()).await?.into_values().next().unwrap_or_default())
    }

    /// Removes what was made for a run, and looks that it is gone.
    ///
    /// # Errors
    /// Something is still there after a minute.
    pub(crate) async fn remove(&self, found: Found, what: Remove) -> Result<()> {
        let began = Instant::now();
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let mut left = found;
        loop {
            let mut removing = tokio::task::JoinSet::new();
            for (id, name) in std::mem::take(&mut left.containers) {
                let (docker, options) = (self.docker.clone(), options.clone());
                removing.spawn(async move { (docker.remove_container(&id, Some(options)).await, id, name) });
            }
            let mut last = None;
            while let Some(Ok((removed, id, name))) = removing.join_next().await {
                if let Err(error) = removed
                    && !is_status(&error, 404)
                {
                    last = Some(refused("remove the container", &name, &error));
                    left.containers.push((id, name));
                }
            }
            // Both are refused for as long as a container uses them.
            if left.containers.is_empty() {
                for name in std::mem::take(&mut left.networks) {
                    if let Err(error) = self.docker.remove_network(&name).await
                        && !is_status(&error, 404)
                    {
                        last = Some(refused("remove the network", &name, &error));
                        left.networks.push(name);
                    }
                }
                let volumes = std::mem::take(&mut left.volumes);
                for name in volumes.into_iter().filter(|_| what == Remove::Everything) {
                    if let Err(error) = self.remove_volume(&name).await {
                        last = Some(error);
                        left.volumes.push(name);
                    }
                }
            }
            match last {
                None => return Ok(()),
                Some(error) if began.elapsed() > REMOVAL => return Err(error),
                Some(_) => tokio::time::sleep(LOOK * 4).await,
            }
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

    /// Lets a paused container go on; one that is not paused stays as it is.
    pub(crate) async fn unpause(&self, id: &str) {
        // Refused for one that runs.
        let _ = self.docker.unpause_container(id).await;
    }

    /// Ends a container in good order; one that takes too long is left to be removed by force.
    pub(crate) async fn end(&self, id: &str, store: Option<Store>) {
        let signal = store.map_or("SIGTERM", |store| signal_name(StoreSignal::orderly(store)));
        if self.signal(id, signal).await.is_ok() && !self.ended(id, ORDERLY).await {
            tracing::warn!(id, "a container does not end in good order");
        }
    }

    /// Whether a container ended within a time.
    pub(crate) async fn ended(&self, id: &str, limit: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < limit {
            if !self.is_running(id).await {
                return true;
            }
            tokio::time::sleep(LOOK).await;
        }
        false
    }

    /// Whether a container runs; a paused one does.
    pub(crate) async fn is_running(&self, id: &str) -> bool {
        let told = self.docker.inspect_container(id, None::<InspectContainerOptions>).await;
        told.ok().and_then(|c| c.state?.running).unwrap_or(false)
    }

    /// Address of a container in a network.
    pub(crate) async fn address(&self, id: &str, network: &str) -> Option<String> {
        let told = self.docker.inspect_container(id, None::<InspectContainerOptions>).await.ok()?;
        let networks = told.network_settings?.networks?;
        networks.get(network)?.ip_address.clone().filter(|address| !address.is_empty())
    }

    /// Runs a short command as root inside of a container, to its end.
    pub(crate) async fn run_as_root(&self, id: &str, command: &[&str]) -> Result<()> {
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
            Some(0) => Ok(()),
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

fn is_status(error: &DockerError, status: u16) -> bool {
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
    use std::ffi::OsStr;

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
