//! What goes wrong in a cluster on purpose: pods that are removed, a node that takes none, an API server that is away, a controller
//! that undoes a freeze, a Service that leads nowhere. Everything that would outlive its step can be put right by whoever comes
//! next, in the same life of the run or in a later one.

use super::applications::{NOTE, OF_RELEASE, applications, is_store_pod, of_note};
use super::cluster::Cluster;
use super::node::Node;
use super::{GOING, Kind};
use crate::config::{Side, Store};
use crate::containers::start_limit;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use k8s_openapi::api::core::v1::{
    Node as ClusterNode, PersistentVolume, PersistentVolumeClaim, Pod, Service,
};
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use serde_json::json;
use std::time::{Duration, Instant};

/// How long a pod that is not waited for may take to end, in seconds: the least that kills it where it runs before its name is free.
const AT_ONCE: u32 = 1;
/// How long a pod that was brought back may take to be there.
const COMING: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(100);
/// What a full volume has left, in KiB: enough for a server to go on, and for no database.
const ROOM_KIB: u32 = 256;
/// A label that no pod carries.
const NOBODYS: &str = "drydock.dev/astray";

/// A cluster, to be harmed while somebody else holds the environment.
#[derive(Debug, Clone)]
pub struct ClusterFaults {
    cluster: Cluster,
    node: Node,
}

impl Kind {
    /// What can go wrong here; nothing in the cluster of others.
    pub fn faults(&self) -> Option<ClusterFaults> {
        self.up.footing.node().map(|node| ClusterFaults::of(&self.up.cluster, node))
    }
}

impl ClusterFaults {
    pub(super) fn of(cluster: &Cluster, node: &Node) -> Self {
        Self { cluster: cluster.clone(), node: node.clone() }
    }

    /// Puts right what would outlive its step: whatever stands still goes on, and the node takes pods again. Of what is in order
    /// nothing changes.
    ///
    /// # Errors
    /// The node or the API server refuses.
    pub async fn mend(&self) -> Result<()> {
        self.node.let_api_server_go_on().await?;
        self.node.widen_volumes().await?;
        self.cordon(false).await
    }

    /// Fills the volume of a store, apart from all others: it holds what it held, and has next to no room beside. The store is ended for
    /// it and started again. Returns what was filled.
    ///
    /// # Errors
    /// The volume is no folder of the node or holds too much, the store does not come up again, or somebody refuses.
    pub async fn fill_volume(&self, side: Side, store: Store) -> Result<String> {
        let cluster = &self.cluster;
        let place = cluster.namespaces().place(side, store);
        let claim = place.claim();
        let folder = folder_of_claim(cluster, cluster.namespace_of(place), &claim).await?;
        let folder =
            folder.ok_or_else(|| nothing(&format!("the claim {claim} is bound to no folder of the node")))?;
        cluster.hold_down(place).await?;
        let apart = async {
            cluster.await_no_pod(cluster.namespace_of(place), &place.pod(), GOING).await?;
            self.node.set_volume_apart(&folder).await
        };
        let apart = apart.await;
        // Whatever came of it, the store has to be there.
        cluster.let_run(place).await?;
        apart?;
        cluster.await_ready_pod(place, start_limit(store)).await?;
        self.node.narrow_volume(&folder, ROOM_KIB).await?;
        Ok(format!("the volume of {claim}: {ROOM_KIB} KiB are left"))
    }

    /// Kills a store and removes its pod at once. Its controller makes another one, on the same volume. Returns the pod's name.
    ///
    /// # Errors
    /// It did not run, or node or API server refuse.
    pub async fn kill_store_pod(&self, side: Side, store: Store) -> Result<String> {
        let place = self.cluster.namespaces().place(side, store);
        // On the node first: whoever is only told to end takes a moment in which it goes on.
        self.node.store(place).kill().await?;
        self.remove_pod(self.cluster.namespace_of(place), &place.pod()).await?;
        Ok(place.pod())
    }

    /// Removes one pod of the application at once; its controller makes another one. Returns its name.
    ///
    /// # Errors
    /// There is none, or the API server refuses.
    pub async fn kill_application_pod(&self, seed: u64) -> Result<String> {
        let pods = self.cluster.pods(self.cluster.release(), OF_RELEASE).await?;
        let wanted = |pod: &&Pod| !is_store_pod(pod) && pod.metadata.deletion_timestamp.is_none();
        let mut names: Vec<String> =
            pods.iter().filter(wanted).filter_map(|pod| pod.metadata.name.clone()).collect();
        names.sort();
        let name = drawn(&names, seed).ok_or_else(|| nothing("no pod of the application is there"))?;
        self.remove_pod(self.cluster.release(), name).await?;
        Ok(name.clone())
    }

    async fn remove_pod(&self, namespace: &str, name: &str) -> Result<()> {
        // Without any grace the name would be free while the old process still runs on the volume.
        let at_once = DeleteParams { grace_period_seconds: Some(AT_ONCE), ..DeleteParams::default() };
        self.cluster.ask_pod_to_go(namespace, name, at_once).await.map(drop)
    }

    /// Has every node take no pods any more, or take them again.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn cordon(&self, closed: bool) -> Result<()> {
        let nodes: Api<ClusterNode> = Api::all(self.cluster.client());
        let (all, usual) = (ListParams::default(), PatchParams::default());
        let patch = Patch::Merge(json!({"spec": {"unschedulable": closed.then_some(true)}}));
        for node in self.cluster.ask("list", "the nodes", || nodes.list(&all)).await? {
            let is_closed = node.spec.as_ref().and_then(|s| s.unschedulable).unwrap_or(false);
            let name = node.metadata.name.unwrap_or_default();
            if is_closed != closed {
                self.cluster
                    .ask("close or open the node", &name, || nodes.patch(&name, &usual, &patch))
                    .await?;
            }
        }
        Ok(())
    }

    /// Lets the API server stand still, and forgets how long it was waited for until now.
    ///
    /// # Errors
    /// It does not run, or the node refuses.
    pub async fn hold_api_server(&self) -> Result<()> {
        self.cluster.patience.longest();
        self.node.hold_api_server().await
    }

    /// Lets the API server go on.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn let_api_server_go_on(&self) -> Result<()> {
        self.node.let_api_server_go_on().await
    }

    /// The longest that anybody has waited for the API server since it stood still.
    pub fn longest_wait(&self) -> Duration {
        self.cluster.patience.longest()
    }

    /// Brings one stopped application back as a controller does that knows nothing of a freeze, and waits until a pod of it runs.
    /// Returns what was brought back.
    ///
    /// # Errors
    /// None was stopped, it does not come, or the API server refuses.
    pub async fn scale_back_up(&self, seed: u64) -> Result<String> {
        let noted = self.cluster.noted(self.cluster.release(), NOTE).await?;
        let noted = of_note(&noted.ok_or_else(|| nothing("no application was stopped"))?)?;
        let had = |name: &str| noted.get(name).copied().unwrap_or_default();
        let mut stopped = applications(&self.cluster).await?;
        stopped.retain(|one| one.replicas == 0 && had(&one.workload.to_string()) > 0);
        let one = drawn(&stopped, seed).ok_or_else(|| nothing("no application was stopped"))?;
        let name = one.workload.to_string();
        let began = Instant::now();
        self.cluster.scale(&one.workload, had(&name)).await?;
        loop {
            let pods = self.cluster.pods(self.cluster.release(), &one.selector).await?;
            let runs = |pod: &Pod| pod.status.as_ref().and_then(|s| s.phase.as_deref()) == Some("Running");
            if pods.iter().any(runs) {
                return Ok(format!("{name}, scaled back to {}", had(&name)));
            }
            if began.elapsed() > COMING {
                return Err(nothing(&format!("{name} was scaled up, and no pod of it came")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Has the Service of a store choose pods that nobody is. Pods stay as they are, and so does every other way to the store.
    /// Returns the Service's name.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn lead_astray(&self, side: Side, store: Store) -> Result<String> {
        let place = self.cluster.namespaces().place(side, store);
        let host = place.host(self.cluster.namespaces());
        let name = host.split('.').next().unwrap_or_default();
        let services: Api<Service> = Api::namespaced(self.cluster.client(), self.cluster.namespace_of(place));
        let patch = Patch::Merge(json!({"spec": {"selector": {NOBODYS: "true"}}}));
        let usual = PatchParams::default();
        self.cluster.ask("change the Service", name, || services.patch(name, &usual, &patch)).await?;
        Ok(format!("the Service {name} in {}", self.cluster.namespace_of(place)))
    }
}

impl ClusterFaults {
    /// Asks the operator of the target's Elasticsearch for a node more, which no node of the cluster takes. Returns what was asked.
    ///
    /// # Errors
    /// No operator keeps the store, or the API server refuses.
    pub async fn ask_too_much(&self) -> Result<String> {
        let place = self.cluster.namespaces().place(Side::Target, Store::Elasticsearch);
        self.cluster.ask_for_node_without_room(place).await?;
        Ok(format!("Elasticsearch/{}: a node that no node of the cluster takes", place.name()))
    }
}

/// The folder of the node that a claim is bound to; `None` if it is bound to anything else, or to nothing.
async fn folder_of_claim(cluster: &Cluster, namespace: &str, name: &str) -> Result<Option<String>> {
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(cluster.client(), namespace);
    let claim = cluster.ask("look at the claim", name, || claims.get_opt(name)).await?;
    let Some(volume) = claim.and_then(|c| c.spec?.volume_name) else { return Ok(None) };
    let volumes: Api<PersistentVolume> = Api::all(cluster.client());
    let found = cluster.ask("look at the volume", &volume, || volumes.get_opt(&volume)).await?;
    Ok(found.and_then(|v| v.spec).and_then(|spec| match (spec.host_path, spec.local) {
        (Some(of_host), _) => Some(of_host.path),
        (None, local) => local.map(|l| l.path),
    }))
}

fn drawn<T>(from: &[T], seed: u64) -> Option<&T> {
    let count = u64::try_from(from.len()).ok().filter(|count| *count > 0)?;
    from.get(usize::try_from(seed % count).ok()?)
}

fn nothing(what: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Cluster,
        what,
        "name another step for the fault with `during`, or look into events.log in the run folder",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_draws_one_and_of_nothing_none_is_drawn() {
        let names = ["a", "b", "c"];
        assert_eq!(
            [0, 1, 2, 3, u64::MAX].map(|seed| *drawn(&names, seed).unwrap()),
            ["a", "b", "c", "a", "a"]
        );
        assert_eq!(drawn::<u8>(&[], 7), None);
    }
}
