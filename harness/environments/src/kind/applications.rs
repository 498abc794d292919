//! The applications of the release: stopping them as a freeze does, and starting them again as they were.
//!
//! A scale to zero is a request. Pods take their time to end, and one that is ending still writes: what counts is that none is
//! left. How many there were is noted once, in the cluster, so that whoever stops them a second time does not note zero.

use super::Kind;
use super::cluster::{Cluster, Standing};
use super::patience::{self, tells_of_absence};
use crate::config::Side;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Labels of everything in the release.
pub(super) const OF_RELEASE: &str = "app.kubernetes.io/instance=camunda";
/// In the cluster: how many replicas each application had before it was stopped.
pub(super) const NOTE: &str = "drydock-replicas";
/// What `helm` notes of an upgrade of the release while it is under way. Nobody but the run upgrades it.
const CUT_OFF: &str = "owner=helm,name=camunda,status=pending-upgrade";
/// How long pods may take to end: their grace, and as much again.
const ENDING: Duration = Duration::from_secs(90);
/// How long applications may take to be ready that only run.
const READY: Duration = Duration::from_secs(180);
/// The same of real ones: some JVMs start at once, and wait for each other.
const REALLY_READY: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);

/// Applications that were stopped or started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applications {
    /// How many replicas each has when it runs: `deployment/camunda-operate` and the like.
    pub replicas: BTreeMap<String, i32>,
    /// Pods that are still there although none should be, each with how it stands.
    pub left: Vec<String>,
    /// From the request until it was so.
    pub took: Duration,
}

impl Kind {
    /// Asks for no replica of any application, and waits until no pod of theirs is left, not even one that is ending.
    ///
    /// # Errors
    /// The API server refuses. Pods that stay are no error but told: that is the migration's affair.
    pub async fn stop_applications(&self) -> Result<Applications> {
        let began = Instant::now();
        let standing = applications(&self.up.cluster).await?;
        let now = counts(&standing);
        let noted = self.up.cluster.note_once(self.up.cluster.release(), NOTE, &as_note(&now)).await?;
        for one in standing.iter().filter(|s| s.replicas != 0) {
            self.up.cluster.scale(&one.workload, 0).await?;
        }
        loop {
            let left = self.left(&standing).await?;
            if left.is_empty() || began.elapsed() > ENDING {
                return Ok(Applications { replicas: of_note(&noted)?, left, took: began.elapsed() });
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Points the applications to a side, starts as many replicas as there were, and waits until all are ready.
    ///
    /// # Errors
    /// The release cannot be upgraded, a pod cannot start, or it takes too long.
    pub async fn start_applications(&self, side: Side) -> Result<Applications> {
        let began = Instant::now();
        let noted = self.up.cluster.noted(self.up.cluster.release(), NOTE).await?;
        if side == Side::Target && self.has_chart() {
            self.keep_stores().await?;
        }
        self.point_to(side).await?;
        if let Some(noted) = &noted {
            let wanted = of_note(noted)?;
            for one in applications(&self.up.cluster).await? {
                if let Some(replicas) = wanted.get(&one.workload.to_string()).filter(|n| **n != one.replicas)
                {
                    self.up.cluster.scale(&one.workload, *replicas).await?;
                }
            }
        }
        self.up.cluster.wait_ready(self.up.cluster.release(), OF_RELEASE, self.readiness()).await?;
        if noted.is_some() {
            self.up.cluster.forget(self.up.cluster.release(), NOTE).await?;
        }
        let replicas = counts(&applications(&self.up.cluster).await?);
        Ok(Applications { replicas, left: Vec::new(), took: began.elapsed() })
    }

    fn readiness(&self) -> Duration {
        if self.has_chart() { REALLY_READY } else { READY }
    }

    /// Waits until all applications are ready that somebody else has started.
    ///
    /// # Errors
    /// A pod cannot start, or it takes too long.
    pub async fn await_applications(&self) -> Result<Applications> {
        let began = Instant::now();
        self.up.cluster.wait_ready(self.up.cluster.release(), OF_RELEASE, self.readiness()).await?;
        Ok(Applications { replicas: self.replicas().await?, left: Vec::new(), took: began.elapsed() })
    }

    /// How many replicas each application is asked to have now.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn replicas(&self) -> Result<BTreeMap<String, i32>> {
        Ok(counts(&applications(&self.up.cluster).await?))
    }

    /// Points the release to a side. An API server that goes away meanwhile is waited for, and so is what a killed life of the run
    /// left half done: `helm` takes an upgrade that was cut off for one that is under way.
    async fn point_to(&self, side: Side) -> Result<()> {
        let began = Instant::now();
        loop {
            self.up.cluster.remove_secrets(self.up.cluster.release(), CUT_OFF).await?;
            let Err(error) = self.up.release.point_to(&self.up.programs, side).await else { return Ok(()) };
            if !tells_of_absence(&error.what) || began.elapsed() > patience::limit() {
                return Err(error);
            }
            tracing::info!(what = error.what, "the API server was away while the release was upgraded");
        }
    }

    async fn left(&self, standing: &[Standing]) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for one in standing {
            let cluster = &self.up.cluster;
            left.extend(cluster.pods(cluster.release(), &one.selector).await?.iter().map(described));
        }
        Ok(left)
    }
}

/// What a freeze stops: everything of the release but its stores.
pub(super) async fn applications(cluster: &Cluster) -> Result<Vec<Standing>> {
    let all = cluster.workloads(cluster.release(), OF_RELEASE).await?;
    Ok(all.into_iter().filter(|one| !is_store(one)).collect())
}

/// What the Bitnami charts call the parts of their stores.
const STORES: [&str; 2] = ["primary", "master"];

/// Whether a workload is one of the Bitnami charts' stores.
fn is_store(one: &Standing) -> bool {
    let labels: Vec<&str> = one.selector.split(',').collect();
    STORES.iter().any(|part| labels.contains(&format!("app.kubernetes.io/component={part}").as_str()))
}

/// Whether a pod is of one of them.
pub(super) fn is_store_pod(pod: &Pod) -> bool {
    let labels = pod.metadata.labels.iter().flatten();
    labels
        .into_iter()
        .any(|(name, part)| name == "app.kubernetes.io/component" && STORES.contains(&part.as_str()))
}

pub(super) fn counts(standing: &[Standing]) -> BTreeMap<String, i32> {
    standing.iter().map(|one| (one.workload.to_string(), one.replicas)).collect()
}

/// A note's keys may hold no `/`.
pub(super) fn as_note(counts: &BTreeMap<String, i32>) -> BTreeMap<String, String> {
    counts.iter().map(|(name, count)| (name.replacen('/', ".", 1), count.to_string())).collect()
}

pub(super) fn of_note(note: &BTreeMap<String, String>) -> Result<BTreeMap<String, i32>> {
    let read = note.iter().map(|(name, count)| Some((name.replacen('.', "/", 1), count.parse().ok()?)));
    read.collect::<Option<_>>().ok_or_else(|| {
        EnvironmentError::new(
            EnvironmentProblem::Cluster,
            format!("the note {NOTE} of the cluster, how many replicas there were, cannot be read"),
            "scale the applications by hand, and remove the note",
        )
    })
}

/// A pod for people: `camunda-operate-6f-x2 (ending since 2026-01-01T00:00:00Z)`.
pub(super) fn described(pod: &Pod) -> String {
    let name = pod.metadata.name.as_deref().unwrap_or("a pod without a name");
    match &pod.metadata.deletion_timestamp {
        Some(since) => format!("{name} (ending since {})", since.0),
        None => {
            let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref()).unwrap_or("in no phase");
            format!("{name} ({phase})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cluster::{Workload, WorkloadKind};
    use super::*;
    use serde_json::json;

    fn standing(name: &str, replicas: i32, selector: &str) -> Standing {
        let workload =
            Workload { kind: WorkloadKind::StatefulSet, namespace: "camunda".into(), name: name.into() };
        Standing {
            workload,
            replicas,
            ready: true,
            mark: super::super::WorkloadMark::default(),
            selector: selector.into(),
        }
    }

    #[test]
    fn stores_are_told_from_applications_by_their_labels() {
        let label = |component: &str| {
            format!("app.kubernetes.io/instance=camunda,app.kubernetes.io/component={component}")
        };
        assert!(is_store(&standing("camunda-postgresql", 1, &label("primary"))));
        assert!(is_store(&standing("camunda-elasticsearch-master", 1, &label("master"))));
        assert!(!is_store(&standing("camunda-zeebe", 3, &label("zeebe-broker"))));
        assert!(!is_store(&standing("camunda-mastermind", 1, &label("mastermind"))));
    }

    #[test]
    fn pods_of_stores_are_told_by_the_same_label() {
        let pod = |component: &str| -> Pod {
            let labels = json!({"app.kubernetes.io/component": component, "other": "master"});
            serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap()
        };
        assert!(is_store_pod(&pod("primary")) && is_store_pod(&pod("master")));
        assert!(!is_store_pod(&pod("operate")) && !is_store_pod(&Pod::default()));
    }

    #[test]
    fn counts_come_back_from_the_note_as_they_were() {
        let counts = counts(&[standing("camunda-zeebe", 3, ""), standing("camunda-my.app", 0, "")]);
        let note = as_note(&counts);
        assert!(note.keys().all(|k| !k.contains('/')), "{note:?}");
        assert_eq!(of_note(&note).unwrap(), counts);
        let broken = BTreeMap::from([("statefulset.camunda-zeebe".to_owned(), "many".to_owned())]);
        assert_eq!(of_note(&broken).unwrap_err().code, EnvironmentProblem::Cluster);
    }

    #[test]
    fn a_pod_that_is_ending_is_told_as_such() {
        let pod = |meta: serde_json::Value| -> Pod {
            serde_json::from_value(json!({"metadata": meta, "status": {"phase": "Running"}})).unwrap()
        };
        assert_eq!(described(&pod(json!({"name": "a"}))), "a (Running)");
        let ending = pod(json!({"name": "a", "deletionTimestamp": "2026-01-01T00:00:00Z"}));
        assert_eq!(described(&ending), "a (ending since 2026-01-01T00:00:00Z)");
    }
}
