//! The API server of the cluster that a run is in: making objects and scaling them. What removes them is
//! [`removing`](super::removing), and what waits for them [`waiting`](super::waiting).

use super::judge;
use super::patience::Patience;
use super::place::{Namespaces, Place};
use super::removing::gone;
use super::resting::WorkloadMark;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ConfigMap, Node, PersistentVolumeClaim, Pod, PodTemplateSpec, Secret};
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::{ApiResource, GroupVersionKind};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::future::Future;
use std::path::Path;
use std::time::{Duration, Instant};

/// Between two looks at what is waited for.
pub(super) const LOOK: Duration = Duration::from_millis(300);
/// Who owns the fields that the harness sets.
const MANAGER: &str = "drydock";

/// A workload of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Workload {
    pub(super) kind: WorkloadKind,
    pub(super) namespace: String,
    pub(super) name: String,
}

/// The two kinds of workload that are stopped and started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WorkloadKind {
    Deployment,
    StatefulSet,
}

impl WorkloadKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
        }
    }
}

impl Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.name)
    }
}

/// How a workload stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) workload: Workload,
    /// Replicas that are asked for.
    pub(super) replicas: i32,
    pub(super) ready: bool,
    /// By what it is told whether anybody has touched it since.
    pub(super) mark: WorkloadMark,
    /// Labels by which its pods are selected, as the server takes them.
    pub(super) selector: String,
}

/// An API server that answers, or will again.
#[derive(Clone)]
pub(super) struct Cluster {
    client: Client,
    namespaces: Namespaces,
    /// How its silences were borne.
    pub(super) patience: Patience,
}

impl std::fmt::Debug for Cluster {
    // The client would show credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cluster")
    }
}

impl Cluster {
    /// The cluster of a kubeconfig with one context, which has to be of this machine.
    ///
    /// # Errors
    /// The file cannot be read or leads nowhere.
    pub(super) async fn of(kubeconfig: &Path, namespaces: Namespaces) -> Result<Self> {
        let failed = |e: &dyn Display| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("cannot use the kubeconfig of the run, {}: {e}", kubeconfig.display()),
                "rehearse again from the beginning",
            )
        };
        let known = Kubeconfig::read_from(kubeconfig).map_err(|e| failed(&e))?;
        let mut config = Config::from_custom_kubeconfig(known, &KubeConfigOptions::default())
            .await
            .map_err(|e| failed(&e))?;
        // Nobody between this machine and itself.
        config.proxy_url = None;
        config.connect_timeout = Some(Duration::from_secs(5));
        Ok(Self {
            client: Client::try_from(config).map_err(|e| failed(&e))?,
            namespaces,
            patience: Patience::default(),
        })
    }

    /// The same of a client that is known to lead somewhere.
    pub(super) fn with(client: Client, namespaces: Namespaces) -> Self {
        Self { client, namespaces, patience: Patience::default() }
    }

    /// The run's namespaces.
    pub(super) fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// Namespace of the release.
    pub(super) fn release(&self) -> &str {
        &self.namespaces.release
    }

    /// Namespace of a store.
    pub(super) fn namespace_of(&self, place: Place) -> &str {
        self.namespaces.of(place.side)
    }

    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// One request, as often as it takes until it is answered, with an end. What may have been carried out is made again:
    /// every request here does no harm when it is.
    ///
    /// # Errors
    /// The server refuses, or is away for too long.
    pub(super) async fn ask<T, A: Future<Output = kube::Result<T>>>(
        &self,
        doing: &str,
        on: &str,
        request: impl Fn() -> A,
    ) -> Result<T> {
        self.patience.answered(request).await.map_err(|why| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("the API server of the cluster does not {doing} {on}: {why}"),
                "look whether the node's container runs (docker ps), then run again; `drydock clean` removes what is left",
            )
        })
    }

    /// Waits until every node is ready to take pods.
    ///
    /// # Errors
    /// It takes longer than `limit`.
    pub(super) async fn wait_nodes(&self, limit: Duration) -> Result<()> {
        let nodes: Api<Node> = Api::all(self.client());
        let (began, all) = (Instant::now(), ListParams::default());
        loop {
            let told = self.ask("list", "the nodes", || nodes.list(&all)).await;
            let ready = |node: &Node| {
                let mut conditions = node.status.iter().flat_map(|s| s.conditions.iter().flatten());
                conditions.any(|c| c.type_ == "Ready" && c.status == "True")
            };
            let why = match told {
                Ok(nodes) if !nodes.items.is_empty() && nodes.iter().all(ready) => return Ok(()),
                Ok(_) => "its node is not ready".to_owned(),
                Err(error) => error.what,
            };
            if began.elapsed() > limit {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::Cluster,
                    format!("the cluster did not come up within {} s: {why}", limit.as_secs()),
                    "where the node's image brings its own network, set DRYDOCK_KIND_CNI=image; else look at events.log in the run folder",
                ));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Makes objects, or makes them so: each a manifest with `apiVersion`, `kind` and `metadata`.
    ///
    /// # Errors
    /// The server refuses one of them.
    pub(super) async fn apply(&self, objects: &[Value]) -> Result<()> {
        for object in objects {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let (api, kind) = (text(&object["apiVersion"]), text(&object["kind"]));
            let (group, version) = api.split_once('/').unwrap_or(("", &api));
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, &kind));
            let (name, namespace) =
                (text(&object["metadata"]["name"]), text(&object["metadata"]["namespace"]));
            let of: Api<DynamicObject> = match namespace.as_str() {
                "" => Api::all_with(self.client(), &resource),
                namespace => Api::namespaced_with(self.client(), namespace, &resource),
            };
            let parameters = PatchParams::apply(MANAGER).force();
            let patch = Patch::Apply(object);
            self.ask("make", &format!("{kind} {name}"), || of.patch(&name, &parameters, &patch)).await?;
        }
        Ok(())
    }

    /// Every workload of a namespace that carries all these labels, in order of their names.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn workloads(&self, namespace: &str, labels: &str) -> Result<Vec<Standing>> {
        let wanted = ListParams::default().labels(labels);
        let deployments: Api<Deployment> = Api::namespaced(self.client(), namespace);
        let sets: Api<StatefulSet> = Api::namespaced(self.client(), namespace);
        let deployments = self.ask("list", "the Deployments", || deployments.list(&wanted)).await?;
        let sets = self.ask("list", "the StatefulSets", || sets.list(&wanted)).await?;
        let workload = |kind, name: &Option<String>| Workload {
            kind,
            namespace: namespace.to_owned(),
            name: name.clone().unwrap_or_default(),
        };
        let of_deployments = deployments.iter().map(|d| Standing {
            workload: workload(WorkloadKind::Deployment, &d.metadata.name),
            replicas: d.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
            ready: judge::deployment_ready(d),
            mark: WorkloadMark::of(&d.metadata),
            selector: selector(d.spec.as_ref().and_then(|s| s.selector.match_labels.as_ref())),
        });
        let of_sets = sets.iter().map(|s| Standing {
            workload: workload(WorkloadKind::StatefulSet, &s.metadata.name),
            replicas: s.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1),
            ready: judge::stateful_set_ready(s),
            mark: WorkloadMark::of(&s.metadata),
            selector: selector(s.spec.as_ref().and_then(|s| s.selector.match_labels.as_ref())),
        });
        let mut all: Vec<Standing> = of_deployments.chain(of_sets).collect();
        all.sort_by(|a, b| a.workload.cmp(&b.workload));
        Ok(all)
    }

    /// Asks for so many replicas.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn scale(&self, workload: &Workload, replicas: i32) -> Result<()> {
        let patch = Patch::Merge(json!({"spec": {"replicas": replicas}}));
        let (parameters, name) = (PatchParams::default(), workload.name.as_str());
        let doing = "scale";
        match workload.kind {
            WorkloadKind::Deployment => {
                let api: Api<Deployment> = Api::namespaced(self.client(), &workload.namespace);
                self.ask(doing, name, || api.patch_scale(name, &parameters, &patch)).await?;
            }
            WorkloadKind::StatefulSet => {
                let api: Api<StatefulSet> = Api::namespaced(self.client(), &workload.namespace);
                self.ask(doing, name, || api.patch_scale(name, &parameters, &patch)).await?;
            }
        }
        Ok(())
    }

    /// Pods with these labels; those that are ending are pods.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<Pod>> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        let wanted = ListParams::default().labels(labels);
        Ok(self.ask("list", "the pods", || api.list(&wanted)).await?.items)
    }

    /// A pod, if there is one of that name.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>> {
        let api: Api<Pod> = Api::namespaced(self.client(), namespace);
        self.ask("look at the pod", name, || api.get_opt(name)).await
    }

    /// What the pods of a workload are made from now.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn template(&self, workload: &Workload) -> Result<PodTemplateSpec> {
        let name = workload.name.as_str();
        let template = match workload.kind {
            WorkloadKind::Deployment => {
                let api: Api<Deployment> = Api::namespaced(self.client(), &workload.namespace);
                self.ask("look at the Deployment", name, || api.get(name)).await?.spec.map(|s| s.template)
            }
            WorkloadKind::StatefulSet => {
                let api: Api<StatefulSet> = Api::namespaced(self.client(), &workload.namespace);
                self.ask("look at the StatefulSet", name, || api.get(name)).await?.spec.map(|s| s.template)
            }
        };
        Ok(template.unwrap_or_default())
    }

    /// Every claim of a namespace.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn claims(&self, namespace: &str) -> Result<Vec<PersistentVolumeClaim>> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client(), namespace);
        let all = ListParams::default();
        Ok(self.ask("list", "the claims", || api.list(&all)).await?.items)
    }

    /// Secrets with these labels.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn secrets(&self, namespace: &str, labels: &str) -> Result<Vec<Secret>> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let wanted = ListParams::default().labels(labels);
        Ok(self.ask("list", "the Secrets", || api.list(&wanted)).await?.items)
    }

    /// Whether a claim is there.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn has_claim(&self, namespace: &str, name: &str) -> Result<bool> {
        let api: Api<PersistentVolumeClaim> = Api::namespaced(self.client(), namespace);
        Ok(self.ask("look at the claim", name, || api.get_opt(name)).await?.is_some())
    }

    /// Keeps a note in the cluster unless there is one: what it holds from then on.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn note_once(
        &self,
        namespace: &str,
        name: &str,
        note: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let api: Api<ConfigMap> = Api::namespaced(self.client(), namespace);
        let mut wanted = ConfigMap { data: Some(note.clone()), ..ConfigMap::default() };
        wanted.metadata.name = Some(name.to_owned());
        let usual = PostParams::default();
        let made = self.ask("keep the note", name, || async {
            match api.create(&usual, &wanted).await {
                Err(kube::Error::Api(status)) if status.code == 409 => api.get(name).await,
                other => other,
            }
        });
        Ok(made.await?.data.unwrap_or_default())
    }

    /// What a note holds; `None` if there is none.
    ///
    /// # Errors
    /// The server does not tell.
    pub(super) async fn noted(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let api: Api<ConfigMap> = Api::namespaced(self.client(), namespace);
        let note = self.ask("read the note", name, || api.get_opt(name)).await?;
        Ok(note.map(|note| note.data.unwrap_or_default()))
    }

    /// Forgets a note.
    ///
    /// # Errors
    /// The server refuses.
    pub(super) async fn forget(&self, namespace: &str, name: &str) -> Result<()> {
        let api: Api<ConfigMap> = Api::namespaced(self.client(), namespace);
        let usual = DeleteParams::default();
        self.ask("forget the note", name, || async { gone(api.delete(name, &usual).await) }).await
    }
}

/// Labels as the server takes them.
fn selector(labels: Option<&BTreeMap<String, String>>) -> String {
    let each = labels.into_iter().flatten().map(|(name, value)| format!("{name}={value}"));
    each.collect::<Vec<_>>().join(",")
}

/// Something that should have come to an end by itself has not.
pub(super) fn stuck(what: &str, limit: Duration) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Cluster,
        format!("{what} after {} s", limit.as_secs()),
        "look into events.log and the logs of the pods in the run folder",
    )
}
