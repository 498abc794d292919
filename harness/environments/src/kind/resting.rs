//! Whether applications that were stopped have stayed so. A pod that came and went between two looks is told by its workload: the
//! cluster counts every change of what is asked for.

use super::Kind;
use super::applications::{OF_RELEASE, applications, described, is_store_pod};
use crate::error::Result;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By what it is told whether anybody has touched a workload since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkloadMark {
    /// Identity of the object: one that is made anew has another.
    pub uid: String,
    /// How often what is asked for was changed.
    pub generation: i64,
}

impl WorkloadMark {
    pub(super) fn of(meta: &ObjectMeta) -> Self {
        Self { uid: meta.uid.clone().unwrap_or_default(), generation: meta.generation.unwrap_or_default() }
    }
}

/// A workload that is to be at rest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestingWorkload {
    /// By what a change is told.
    pub mark: WorkloadMark,
    /// Replicas that are asked for.
    pub replicas: i32,
}

/// Applications that are to be at rest, at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resting {
    /// Workloads of the release but its stores: `deployment/camunda-operate` and the like.
    pub workloads: BTreeMap<String, RestingWorkload>,
    /// Pods of the release but its stores', of whichever controller or of none, each with how it stands.
    pub pods: Vec<String>,
}

impl Kind {
    /// Looks at the applications as they are now.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn resting(&self) -> Result<Resting> {
        let cluster = &self.up.cluster;
        let each = applications(cluster).await?.into_iter().map(|one| {
            (one.workload.to_string(), RestingWorkload { mark: one.mark, replicas: one.replicas })
        });
        let pods = cluster.pods(cluster.release(), OF_RELEASE).await?;
        let pods = pods.iter().filter(|pod| !is_store_pod(pod)).map(described).collect();
        Ok(Resting { workloads: each.collect(), pods })
    }
}
