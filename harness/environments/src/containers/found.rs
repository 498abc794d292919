//! What runs have at the engine: finding it by labels, and removing it until nothing is left.

use super::engine::{Engine, is_status, refused};
use super::marks::{CLUSTER, Marks, RUN};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use testcontainers::bollard::errors::Error as DockerError;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder,
    RemoveContainerOptionsBuilder,
};

/// How long containers, volumes and networks may take to be gone.
const REMOVAL: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// What `kind` labels its nodes with: the name of their cluster.
const NODE_OF: &str = "io.x-k8s.kind.cluster";
/// What stands still on a node is not ended by ending the node, where the kernel holds it by cgroups of the first version: neither
/// it nor the node's container would ever be gone.
const GO_ON: &str = "for t in $(ctr --namespace k8s.io tasks list | awk '$3 == \"PAUSED\" {print $1}'); \
     do ctr --namespace k8s.io tasks resume \"$t\"; done";
/// How long a node may take for that.
const GOING_ON: Duration = Duration::from_secs(20);

/// What carries labels of runs: identifiers with names.
#[derive(Debug, Default)]
pub(crate) struct Found {
    containers: Vec<(String, String)>,
    /// Identifiers of those that are nodes of a cluster.
    nodes: Vec<String>,
    networks: Vec<(String, String)>,
    /// A volume has no identifier but its name.
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
        let networks = self.networks.iter().map(|(_, name)| format!("network {name}"));
        containers.chain(networks).chain(self.volumes.iter().map(|name| format!("volume {name}"))).collect()
    }

    /// Adds what another search found and this one did not.
    pub(crate) fn join(&mut self, other: Self) {
        fn add<T: PartialEq>(to: &mut Vec<T>, from: Vec<T>) {
            for one in from {
                if !to.contains(&one) {
                    to.push(one);
                }
            }
        }
        add(&mut self.containers, other.containers);
        add(&mut self.nodes, other.nodes);
        add(&mut self.networks, other.networks);
        add(&mut self.volumes, other.volumes);
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
            let cluster = network.labels.as_ref().and_then(|labels| labels.get(CLUSTER)).cloned();
            let (Some(run), Some(id)) = (run(network.labels), network.id) else { continue };
            let name = network.name.unwrap_or_else(|| id.clone());
            let found = runs.entry(run).or_default();
            found.networks.push((id, name));
            if let Some(cluster) = cluster {
                let containers = self.nodes(&cluster).await?;
                let nodes = containers.iter().map(|(id, _)| id.clone()).collect();
                found.join(Found { containers, nodes, ..Found::default() });
            }
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

    /// Identifiers and names of the containers that are nodes of a cluster.
    pub(crate) async fn nodes(&self, cluster: &str) -> Result<Vec<(String, String)>> {
        let filter = HashMap::from([("label".to_owned(), vec![format!("{NODE_OF}={cluster}")])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filter).build();
        let listed = self.docker.list_containers(Some(options)).await;
        let listed = listed.map_err(|e| refused("list the nodes of", cluster, &e))?;
        let named = listed.into_iter().filter_map(|container| {
            let id = container.id?;
            let name = container.names.into_iter().flatten().next().unwrap_or_else(|| id.clone());
            Some((id, name.trim_start_matches('/').to_owned()))
        });
        Ok(named.collect())
    }

    /// What was made for one run.
    pub(crate) async fn found(&self, marks: &Marks) -> Result<Found> {
        Ok(self.find(&marks.filter()).await?.into_values().next().unwrap_or_default())
    }

    /// Removes what was made for a run, and looks again until nothing is found: what was under way at the first look has
    /// come by then.
    ///
    /// # Errors
    /// It cannot be listed, or something is still there after a minute.
    pub(crate) async fn remove_run(&self, marks: &Marks, what: Remove) -> Result<()> {
        let began = Instant::now();
        loop {
            let mut found = self.found(marks).await?;
            if what == Remove::AllButVolumes {
                found.volumes.clear();
            }
            if found.is_empty() {
                return Ok(());
            }
            if began.elapsed() > REMOVAL {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::Engine,
                    format!(
                        "the container engine lists again what was removed: {}",
                        found.names().join(", ")
                    ),
                    "see that nobody else uses these names, then run `drydock clean`",
                ));
            }
            self.remove(found, what).await?;
        }
    }

    /// Removes what was found, and looks that it is gone.
    ///
    /// # Errors
    /// Something is still there after a minute.
    pub(crate) async fn remove(&self, found: Found, what: Remove) -> Result<()> {
        for node in &found.nodes {
            let going_on = self.run_as_root(node, &["bash", "-c", GO_ON]);
            // A node that does not run, or answers nobody, has to go all the same.
            if let Ok(Err(error)) = tokio::time::timeout(GOING_ON, going_on).await {
                tracing::debug!(%error, "what stands still on the node was not let go on");
            }
        }
        let began = Instant::now();
        let mut left = found;
        loop {
            let mut last = self.remove_containers(&mut left).await;
            // Both are refused for as long as a container uses them.
            if left.containers.is_empty() {
                for (id, name) in std::mem::take(&mut left.networks) {
                    // Several may have the name.
                    if let Err(error) = self.docker.remove_network(&id).await
                        && !is_status(&error, 404)
                    {
                        last = Some(refused("remove the network", &name, &error));
                        left.networks.push((id, name));
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
                Some(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }

    /// Removes the containers side by side. Leaves those that the engine refuses, and returns why it refused the last one.
    async fn remove_containers(&self, left: &mut Found) -> Option<EnvironmentError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
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
        last
    }
}
