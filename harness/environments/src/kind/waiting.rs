//! Waiting by condition for what controllers bring about, with an end, and breaking off when a pod tells why it never will be.

use super::cluster::{Cluster, LOOK, Workload, stuck};
use super::judge::{self, Sort};
use super::place::Place;
use crate::error::{EnvironmentError, Result};
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

impl Cluster {
    /// Waits until workloads are ready, and breaks off when a pod tells why it never will be. An API server that is away for a
    /// while is waited for as well.
    ///
    /// # Errors
    /// A pod cannot start, or it takes longer than `limit`.
    pub(super) async fn wait_ready(&self, namespace: &str, labels: &str, limit: Duration) -> Result<()> {
        let began = Instant::now();
        let mut troubles = Troubles::new();
        loop {
            let why = match self.not_ready(namespace, labels, &mut troubles).await {
                Ok(left) if left.is_empty() => return Ok(()),
                Ok(left) => format!("not ready: {}", left.join(", ")),
                Err(Seen::Lasting(error)) => return Err(error),
                Err(Seen::Silent(error)) => error.what,
            };
            if began.elapsed() > limit {
                return Err(stuck(&format!("the namespace {namespace} is not ready: {why}"), limit));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Names of workloads that are not ready.
    async fn not_ready(
        &self,
        namespace: &str,
        labels: &str,
        troubles: &mut Troubles,
    ) -> std::result::Result<Vec<String>, Seen> {
        let standing = self.workloads(namespace, labels).await.map_err(Seen::Silent)?;
        let left: Vec<String> =
            standing.iter().filter(|s| !s.ready).map(|s| s.workload.to_string()).collect();
        if left.is_empty() && !standing.is_empty() {
            return Ok(left);
        }
        let pods = self.pods(namespace, labels).await.map_err(Seen::Silent)?;
        lasting(&pods, troubles).map_err(Seen::Lasting)?;
        // A namespace in which nothing was made yet is not ready.
        if standing.is_empty() { Ok(vec!["nothing is there yet".to_owned()]) } else { Ok(left) }
    }

    /// Waits until one workload is ready, and breaks off when a pod beside it tells why it never will be.
    ///
    /// # Errors
    /// A pod of the namespace cannot start, or it takes longer than `limit`.
    pub(super) async fn wait_workload(&self, wanted: &Workload, limit: Duration) -> Result<()> {
        let began = Instant::now();
        let mut troubles = Troubles::new();
        loop {
            let standing = self.workloads(&wanted.namespace, "").await?;
            if standing.iter().any(|one| one.workload == *wanted && one.ready) {
                return Ok(());
            }
            self.break_off(&wanted.namespace, &mut troubles).await?;
            if began.elapsed() > limit {
                return Err(stuck(&format!("{wanted} in {} is not ready", wanted.namespace), limit));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the pod of a store is ready, whoever keeps it.
    ///
    /// # Errors
    /// It cannot start, or it takes longer than `limit`.
    pub(super) async fn await_ready_pod(&self, place: Place, limit: Duration) -> Result<()> {
        let (namespace, name, began) = (self.namespace_of(place), place.pod(), Instant::now());
        let mut troubles = Troubles::new();
        while !self.pod(namespace, &name).await?.is_some_and(|pod| judge::pod_ready(&pod)) {
            self.break_off(namespace, &mut troubles).await?;
            if began.elapsed() > limit {
                return Err(stuck(&format!("the pod {name} is not ready"), limit));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    /// Looks whether a pod of a namespace tells why it will never run. An API server that is away tells nothing.
    ///
    /// # Errors
    /// One does.
    pub(super) async fn break_off(&self, namespace: &str, troubles: &mut Troubles) -> Result<()> {
        match self.pods(namespace, "").await {
            Ok(pods) => lasting(&pods, troubles),
            Err(_) => Ok(()),
        }
    }
}

/// What has kept pods from running, by pod and sort, since when.
pub(super) type Troubles = BTreeMap<(String, String), Instant>;

/// Breaks off where a pod has been in trouble for longer than such trouble takes to pass.
fn lasting(pods: &[Pod], troubles: &mut Troubles) -> Result<()> {
    let mut now = Troubles::new();
    for pod in pods {
        let Some(found) = judge::trouble(pod) else { continue };
        let name = pod.metadata.name.clone().unwrap_or_default();
        let key = (name.clone(), format!("{:?}", found.sort));
        let since = troubles.get(&key).copied().unwrap_or_else(Instant::now);
        if since.elapsed() > Sort::patience(found.sort) {
            return Err(found.sort.error(&name, &found.words));
        }
        now.insert(key, since);
    }
    // A pod that got over its trouble gets all the patience again.
    *troubles = now;
    Ok(())
}

/// Why a look did not tell what is left.
enum Seen {
    /// Nobody answered; that may pass.
    Silent(EnvironmentError),
    /// A pod cannot start.
    Lasting(EnvironmentError),
}
