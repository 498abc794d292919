//! What an operator says of a store: waiting for it, asking for it, and having a store end and come back through it.

use super::super::Kind;
use super::super::cluster::{Cluster, Workload, WorkloadKind, stuck};
use super::super::place::Place;
use super::{Resource, kept};
use crate::config::{Side, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::random::{hex, random_bytes};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, Patch, PatchParams};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const LOOK: Duration = Duration::from_millis(500);
/// Has CloudNativePG end a store and keep its volume.
const HIBERNATION: &str = "cnpg.io/hibernation";
/// Has ECK leave a store as it is.
const LEFT_ALONE: &str = "eck.k8s.elastic.co/managed";

/// By what an operator is called for a sign of life.
const CALLED: &str = "drydock.dev/called";
pub(super) const AWAY: &str = "it has not taken up a change since it was asked for a sign of life: it is away, or was told to leave the store alone";

/// What an operator says of what it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorState {
    /// `CloudNativePG`, `ECK` or that of Keycloak.
    pub operator: &'static str,
    /// Kind and name of its resource: `Cluster/target-pg`.
    pub resource: String,
    /// Why it is not in order, in the operator's words; nothing where the operator says that it is.
    pub complaint: Option<String>,
}

impl Kind {
    /// Asks the operators of a side's stores for a sign of life: a change of what they are told that no pod has to be made anew for.
    /// [`Kind::operators`] tells who has not taken it up. Returns what it is known by; nothing where no operator keeps anything.
    ///
    /// # Errors
    /// The API server or an operator's hook refuses.
    pub async fn call_operators(&self, side: Side) -> Result<Option<String>> {
        let cluster = &self.up.cluster;
        if side != Side::Target || !cluster.namespaces().is_operated() {
            return Ok(None);
        }
        let called = hex(&random_bytes::<8>()?);
        for place in cluster.namespaces().places() {
            let Some(resource) = kept(place) else { continue };
            let mark = json!({CALLED: called});
            let spec = match place.store {
                // It hands them on to its pods, as they are.
                Store::Postgres => json!({"inheritedMetadata": {"annotations": mark}}),
                Store::Elasticsearch => json!({"http": {"service": {"metadata": {"annotations": mark}}}}),
            };
            cluster.change(resource, cluster.namespace_of(place), place.name(), &spec).await?;
        }
        self.call_keycloak(&called).await?;
        Ok(Some(called))
    }

    /// What the operators say of the stores of a side; nothing where none keeps them. One that was `called` and has not
    /// answered says nothing that counts.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn operators(&self, side: Side, called: Option<&str>) -> Result<Vec<OperatorState>> {
        let mut told = Vec::new();
        for kept_store in self.up.stores.iter().filter(|s| s.place.side == side) {
            let place = kept_store.place;
            let Some(resource) = kept(place) else { continue };
            told.push(OperatorState {
                operator: resource.operator,
                resource: format!("{}/{}", resource.kind, place.name()),
                complaint: match self.up.cluster.is_away(place, called).await? {
                    true => Some(AWAY.to_owned()),
                    false => self.up.cluster.complaint(place, resource).await?,
                },
            });
        }
        if side == Side::Target && self.up.cluster.namespaces().is_operated() {
            told.extend(self.keycloak_state().await?);
        }
        Ok(told)
    }
}

impl Cluster {
    /// Waits until the operators say that all these stores are in order, and breaks off when a pod tells why it never will be.
    ///
    /// # Errors
    /// A pod cannot start, or it takes longer than `limit`.
    pub(in crate::kind) async fn wait_operated(&self, places: &[Place], limit: Duration) -> Result<()> {
        let began = Instant::now();
        for place in places {
            let Some(resource) = kept(*place) else { continue };
            let mut troubles = Default::default();
            loop {
                let why = match self.complaint(*place, resource).await {
                    Ok(None) => break,
                    Ok(Some(why)) => format!("{} says: {why}", resource.operator),
                    Err(error) => error.what,
                };
                self.break_off(self.namespace_of(*place), &mut troubles).await?;
                if began.elapsed() > limit {
                    let what = format!("{} {} is not in order: {why}", resource.kind, place.name());
                    return Err(stuck(&what, limit));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Why an operator does not hold a store for being in order; `None` if it does.
    async fn complaint(&self, place: Place, resource: Resource) -> Result<Option<String>> {
        let api = resource.api(self, self.namespace_of(place));
        let found = self.ask("look at the resource", place.name(), || api.get_opt(place.name())).await?;
        let Some(found) = found else { return Ok(Some("its resource is gone".to_owned())) };
        let generation = found.metadata.generation;
        Ok(complaint(place.store, generation, &found.data))
    }

    /// The authority that the certificate of a store is signed by, PEM, where its operator has one of its own for it.
    ///
    /// # Errors
    /// The API server does not tell, or the operator has not made it.
    pub(in crate::kind) async fn authority_of(&self, place: Place) -> Result<Option<String>> {
        if kept(place).is_none() || place.store != Store::Elasticsearch {
            return Ok(None);
        }
        let name = format!("{}-es-http-certs-public", place.name());
        let secrets: Api<Secret> = Api::namespaced(self.client(), self.namespace_of(place));
        let found = self.ask("read the certificate of", place.name(), || secrets.get_opt(&name)).await?;
        let pem = found.and_then(|secret| secret.data?.remove("ca.crt"));
        let pem = pem.and_then(|bytes| String::from_utf8(bytes.0).ok());
        pem.map(Some).ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("ECK has no authority for {}: the Secret {name} has no ca.crt", place.name()),
                "look into events.log in the run folder",
            )
        })
    }

    /// Whether an operator has not taken up what it was called by. ECK tells which change it has seen, which is part of what it says;
    /// CloudNativePG hands it on.
    async fn is_away(&self, place: Place, called: Option<&str>) -> Result<bool> {
        let Some(called) = called.filter(|_| place.store == Store::Postgres) else { return Ok(false) };
        let pod = self.pod(self.namespace_of(place), &place.pod()).await?;
        let marks = pod.and_then(|pod| pod.metadata.annotations).unwrap_or_default();
        Ok(marks.get(CALLED).map(String::as_str) != Some(called))
    }

    /// Changes what an operator is told.
    pub(super) async fn change(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
        spec: &Value,
    ) -> Result<()> {
        let api = resource.api(self, namespace);
        let (patch, usual) = (Patch::Merge(json!({"spec": spec})), PatchParams::default());
        self.ask("change the resource", name, || api.patch(name, &usual, &patch)).await.map(drop)
    }

    /// Has a store end and stay ended, on its volume.
    ///
    /// # Errors
    /// The API server refuses.
    pub(in crate::kind) async fn hold_down(&self, place: Place) -> Result<()> {
        match kept(place) {
            Some(resource) if place.store == Store::Postgres => {
                self.annotate(place, resource, HIBERNATION, "on").await
            }
            Some(resource) => {
                self.annotate(place, resource, LEFT_ALONE, "false").await?;
                self.scale(&self.set_of(place)?, 0).await
            }
            None => self.scale(&self.set_of(place)?, 0).await,
        }
    }

    /// Has a store run that was held down; one that runs stays as it is.
    ///
    /// # Errors
    /// The API server refuses.
    pub(in crate::kind) async fn let_run(&self, place: Place) -> Result<()> {
        match kept(place) {
            Some(resource) if place.store == Store::Postgres => {
                self.annotate(place, resource, HIBERNATION, "off").await
            }
            // It brings back what its resource asks for.
            Some(resource) => self.annotate(place, resource, LEFT_ALONE, "true").await,
            None => self.scale(&self.set_of(place)?, 1).await,
        }
    }

    /// Asks the operator of an Elasticsearch for a node more, which no node of the cluster takes.
    ///
    /// # Errors
    /// No operator keeps it, or the API server refuses.
    pub(in crate::kind) async fn ask_for_node_without_room(&self, place: Place) -> Result<()> {
        let Some(resource) = kept(place).filter(|_| place.store == Store::Elasticsearch) else {
            return Err(EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("no operator keeps {}", place.name()),
                "add `managed: operator` to the target",
            ));
        };
        let api = resource.api(self, self.namespace_of(place));
        let now = self.ask("look at the resource", place.name(), || api.get(place.name())).await?;
        let mut sets = now.data["spec"]["nodeSets"].as_array().cloned().unwrap_or_default();
        sets.push(json!({
            "name": "nowhere",
            "count": 1,
            "config": {"node.store.allow_mmap": false, "node.roles": ["data"]},
            "podTemplate": {"spec": {"nodeSelector": {"drydock.dev/nowhere": "true"}}},
        }));
        self.change(resource, self.namespace_of(place), place.name(), &json!({"nodeSets": sets})).await
    }

    /// The StatefulSet of a store.
    ///
    /// # Errors
    /// It has none.
    pub(in crate::kind) fn set_of(&self, place: Place) -> Result<Workload> {
        let name = place.set().ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("the pods of {} are their operator's, and no StatefulSet's", place.name()),
                "please report it",
            )
        })?;
        let namespace = self.namespace_of(place).to_owned();
        Ok(Workload { kind: WorkloadKind::StatefulSet, namespace, name })
    }

    async fn annotate(&self, place: Place, resource: Resource, name: &str, value: &str) -> Result<()> {
        let api = resource.api(self, self.namespace_of(place));
        let patch = Patch::Merge(json!({"metadata": {"annotations": {name: value}}}));
        let usual = PatchParams::default();
        self.ask("annotate", place.name(), || api.patch(place.name(), &usual, &patch)).await?;
        Ok(())
    }
}

/// Reads why a store is not in order from its resource.
fn complaint(store: Store, generation: Option<i64>, resource: &Value) -> Option<String> {
    let status = &resource["status"];
    let text = |name: &str| status[name].as_str().unwrap_or_default().to_owned();
    if status.is_null() {
        return Some("nothing yet".to_owned());
    }
    match store {
        Store::Postgres => {
            let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
            let ready = conditions.iter().find(|c| c["type"] == "Ready");
            let wanted = resource["spec"]["instances"].as_i64().unwrap_or(1);
            if ready.is_some_and(|c| c["status"] == "True")
                && status["readyInstances"].as_i64().unwrap_or_default() >= wanted
            {
                return None;
            }
            let of_condition = ready.and_then(|c| c["message"].as_str()).unwrap_or("not ready");
            let words = [text("phase"), text("phaseReason"), of_condition.to_owned()];
            Some(join(&words))
        }
        Store::Elasticsearch => {
            let seen = status["observedGeneration"].as_i64();
            if seen.is_some() && generation.is_some() && seen < generation {
                return Some(AWAY.to_owned());
            }
            let sets = resource["spec"]["nodeSets"].as_array().into_iter().flatten();
            let wanted: i64 = sets.filter_map(|set| set["count"].as_i64()).sum();
            let there = status["availableNodes"].as_i64().unwrap_or_default();
            // It calls a store ready before its pods are.
            let nodes = format!("{there} of {wanted} nodes are available");
            // Yellow: replicas that one node cannot hold.
            match (text("phase").as_str(), text("health").as_str()) {
                ("Ready", "green" | "yellow") if there >= wanted => None,
                (phase, health) => Some(join(&[format!("phase {phase}"), format!("health {health}"), nodes])),
            }
        }
    }
}

pub(super) fn join(words: &[String]) -> String {
    let mut told: Vec<&str> = words.iter().map(String::as_str).filter(|w| !w.is_empty()).collect();
    told.dedup();
    told.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn postgres(change: impl FnOnce(&mut Value)) -> Option<String> {
        let mut resource = json!({
            "spec": {"instances": 2},
            "status": {
                "phase": "Cluster in healthy state",
                "readyInstances": 2,
                "conditions": [
                    {"type": "ContinuousArchiving", "status": "False"},
                    {"type": "Ready", "status": "True", "message": "Cluster is Ready"},
                ],
            },
        });
        change(&mut resource);
        complaint(Store::Postgres, Some(1), &resource)
    }

    fn elasticsearch(change: impl FnOnce(&mut Value)) -> Option<String> {
        let mut resource = json!({
            "spec": {"nodeSets": [{"count": 1}, {"count": 2}]},
            "status": {"observedGeneration": 3, "phase": "Ready", "health": "yellow", "availableNodes": 3},
        });
        change(&mut resource);
        complaint(Store::Elasticsearch, Some(3), &resource)
    }

    #[test]
    fn what_is_in_order_is_no_complaint_and_everything_else_is_told_in_the_operators_words() {
        assert_eq!(postgres(|_| {}), None);
        assert_eq!(elasticsearch(|_| {}), None);
        let cases: [(&str, Option<String>); 9] = [
            ("nothing yet", postgres(|r| r["status"] = Value::Null)),
            ("not ready", postgres(|r| r["status"]["conditions"] = json!([]))),
            (
                "words of it",
                postgres(|r| {
                    r["status"]["phase"] = json!("words of it");
                    r["status"]["conditions"][1]["status"] = json!("False");
                }),
            ),
            ("healthy state", postgres(|r| r["status"]["readyInstances"] = json!(1))),
            ("nothing yet", elasticsearch(|r| r["status"] = Value::Null)),
            ("phase ApplyingChanges", elasticsearch(|r| r["status"]["phase"] = json!("ApplyingChanges"))),
            ("health red", elasticsearch(|r| r["status"]["health"] = json!("red"))),
            ("2 of 3 nodes", elasticsearch(|r| r["status"]["availableNodes"] = json!(2))),
            ("sign of life", elasticsearch(|r| r["status"]["observedGeneration"] = json!(2))),
        ];
        for (words, told) in cases {
            let told = told.unwrap_or_else(|| panic!("no complaint: {words}"));
            assert!(told.contains(words), "{told}");
        }
    }
}
