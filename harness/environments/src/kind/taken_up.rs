//! Taking up what a dead run left in a cluster: whether its volumes are there, and a new life of its stores on them.

use super::GOING;
use super::cluster::Cluster;
use super::place::Place;
use super::starting::asked;
use super::witness::Witness;
use crate::config::EmbeddedConfig;
use crate::error::{Progress, Result};

/// Whether every store that the configuration asks for has its volume still.
///
/// # Errors
/// The API server does not tell.
pub(super) async fn has_all_claims(cluster: &Cluster, config: &EmbeddedConfig) -> Result<bool> {
    for place in asked(config, cluster.namespaces()) {
        if !cluster.has_claim(cluster.namespace_of(place), &place.claim()).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Starts every store anew, and writes down from before that what happens in the cluster.
///
/// # Errors
/// The API server refuses, or a pod does not go.
pub(super) async fn start_anew(
    cluster: &Cluster,
    config: &EmbeddedConfig,
    progress: &dyn Progress,
) -> Result<Witness> {
    progress.note("starting the stores that the dead run left anew");
    let witness = Witness::start(cluster, &config.run_dir.join("logs"));
    for place in asked(config, cluster.namespaces()) {
        start_store_anew(cluster, place).await?;
    }
    Ok(witness)
}

/// Gives a store another pod, on the same volume, whether it runs or not. One that stands still has to go on before.
///
/// # Errors
/// The API server refuses, or the pod does not go.
pub(super) async fn start_store_anew(cluster: &Cluster, place: Place) -> Result<()> {
    cluster.let_run(place).await?;
    let (namespace, pod) = (cluster.namespace_of(place), place.pod());
    match place.operated {
        // Operators let a pod wait for its sessions, and for whoever might still look for it.
        true => cluster.remove_pod_at_once(namespace, &pod, GOING).await,
        false => cluster.replace_pod(namespace, &pod, GOING).await,
    }
}
