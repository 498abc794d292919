//! A store's pod, disturbed through the API server alone.

use super::super::cluster::Cluster;
use super::super::judge;
use super::super::place::Place;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use std::time::Duration;

/// How long the pod may take to be gone from the server: it is asked not to wait.
const GOING: Duration = Duration::from_secs(20);

/// A store of which only the API server can be told.
#[derive(Debug, Clone)]
pub(crate) struct PodStore {
    cluster: Cluster,
    place: Place,
}

impl PodStore {
    pub(in super::super) fn of(cluster: &Cluster, place: Place) -> Self {
        Self { cluster: cluster.clone(), place }
    }

    /// Removes the pod at once, as somebody does who forces it. Its controller makes another one on the same volume.
    ///
    /// # Errors
    /// It does not run, or the server refuses.
    pub(crate) async fn kill(&self) -> Result<()> {
        let (namespace, name) = (self.cluster.namespace_of(self.place), self.place.pod());
        let pod = self.cluster.pod(namespace, &name).await?;
        if !pod.is_some_and(|pod| judge::runs(&pod, self.place.container())) {
            return Err(self.refused("to be killed", "it does not run"));
        }
        self.cluster.remove_pod_at_once(namespace, &name, GOING).await
    }

    /// Why it cannot stand still.
    pub(crate) fn cannot_pause(&self) -> EnvironmentError {
        self.refused("to stand still", "the nodes of an existing cluster are not the run's")
    }

    fn refused(&self, what: &str, why: &str) -> EnvironmentError {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("the store in the pod {} was {what}: {why}", self.place.pod()),
            "look at the store's log in the run folder",
        )
    }
}
