//! What a pod or a workload tells of itself: whether it is ready, and what keeps it from becoming so. Pure functions, because
//! every word here decides whether a migration or its surroundings are to blame.

use crate::error::{EnvironmentError, EnvironmentProblem};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use std::time::Duration;

/// What keeps a pod from running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) sort: Sort,
    /// In the cluster's own words.
    pub(super) words: String,
}

/// By who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// The image cannot be had.
    Image,
    /// No node takes the pod.
    Scheduling,
    /// Its volume is not there.
    Volume,
    /// What the pod is made from is refused or incomplete.
    Configuration,
    /// What runs in it ends again and again.
    Crash,
}

impl Sort {
    /// How long it may last before it counts: some pass by themselves.
    pub(super) fn patience(self) -> Duration {
        match self {
            Self::Image | Self::Configuration => Duration::from_secs(15),
            Self::Crash => Duration::from_secs(30),
            Self::Scheduling | Self::Volume => Duration::from_secs(45),
        }
    }

    /// The failure of the surroundings that it is, once it has lasted.
    pub(super) fn error(self, pod: &str, words: &str) -> EnvironmentError {
        let (code, what, help) = match self {
            Self::Image => (
                EnvironmentProblem::Fetch,
                "its image cannot be pulled",
                "pull it with the container engine of this machine, or name one that is here in DRYDOCK_IMAGE_POSTGRES or DRYDOCK_IMAGE_ELASTICSEARCH",
            ),
            Self::Scheduling => (
                EnvironmentProblem::Cluster,
                "no node takes it",
                "give the machine more memory or processors, or ask for smaller heaps",
            ),
            Self::Volume => (
                EnvironmentProblem::DiskSpace,
                "its volume cannot be had",
                "look for room on the disk of the container engine, and at the storage class of the node's image",
            ),
            Self::Configuration => (
                EnvironmentProblem::Cluster,
                "the cluster refuses what it is made from",
                "look into events.log in the run folder",
            ),
            Self::Crash => {
                (EnvironmentProblem::StartFailed, "it ends again and again", "read its log in the run folder")
            }
        };
        EnvironmentError::new(code, format!("the pod {pod} does not start: {what}: {words}"), help)
    }
}

/// What keeps a pod from running, if anything that it tells does.
pub(super) fn trouble(pod: &Pod) -> Option<Trouble> {
    let status = pod.status.as_ref()?;
    let statuses = status.init_container_statuses.iter().chain(&status.container_statuses).flatten();
    if let Some(found) = statuses.clone().find_map(of_container) {
        return Some(found);
    }
    let unscheduled =
        status.conditions.iter().flatten().find(|c| c.type_ == "PodScheduled" && c.status == "False")?;
    let words = unscheduled.message.clone().unwrap_or_default();
    // The scheduler waits for claims to be bound, and says so in one sentence with all else that it waits for.
    let sort =
        if words.to_lowercase().contains("persistentvolumeclaim") { Sort::Volume } else { Sort::Scheduling };
    Some(Trouble { sort, words })
}

fn of_container(container: &ContainerStatus) -> Option<Trouble> {
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    let reason = waiting.reason.as_deref().unwrap_or_default();
    let sort = match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable" => Sort::Image,
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => Sort::Configuration,
        "CrashLoopBackOff" => Sort::Crash,
        _ => return None,
    };
    let words = waiting.message.as_deref().unwrap_or_default();
    let last = container.last_state.as_ref().and_then(|s| s.terminated.as_ref());
    let ended = last.map(|t| format!(" (exit code {})", t.exit_code)).unwrap_or_default();
    Some(Trouble { sort, words: format!("{reason}: {words}{ended}") })
}

/// Whether every replica of a StatefulSet is there, new and ready. One with none is ready when no pod is left.
pub(super) fn stateful_set_ready(set: &StatefulSet) -> bool {
    let wanted = set.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let Some(status) = &set.status else { return false };
    let seen = status.observed_generation >= set.metadata.generation;
    // Revisions count only while there are pods.
    let new =
        wanted == 0 || status.update_revision.is_none() || status.current_revision == status.update_revision;
    seen && new && status.replicas == wanted && status.ready_replicas.unwrap_or(0) == wanted
}

/// The same of a Deployment.
pub(super) fn deployment_ready(deployment: &Deployment) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|s| s.replicas).unwrap_or(1);
    let Some(status) = &deployment.status else { return false };
    let seen = status.observed_generation >= deployment.metadata.generation;
    seen && [status.replicas, status.updated_replicas, status.available_replicas]
        .iter()
        .all(|n| n.unwrap_or(0) == wanted)
}

/// Whether a pod takes requests: ready, and not about to end.
pub(super) fn pod_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|s| s.conditions.iter().flatten());
    pod.metadata.deletion_timestamp.is_none() && conditions.any(|c| c.type_ == "Ready" && c.status == "True")
}

/// Whether a container of a pod runs right now.
pub(super) fn runs(pod: &Pod, container: &str) -> bool {
    let mut statuses = pod.status.iter().filter_map(|s| s.container_statuses.as_ref()).flatten();
    statuses.any(|c| c.name == container && c.state.as_ref().is_some_and(|s| s.running.is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn pod(status: &Value) -> Pod {
        serde_json::from_value(json!({"metadata": {"name": "p"}, "status": status})).unwrap()
    }

    fn waiting(reason: &str) -> Pod {
        pod(&json!({"containerStatuses": [{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 1,
            "state": {"waiting": {"reason": reason, "message": "words of the cluster"}},
            "lastState": {"terminated": {"exitCode": 137}},
        }]}))
    }

    fn unschedulable(message: &str) -> Pod {
        pod(&json!({"conditions": [
            {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        ]}))
    }

    #[test]
    fn each_trouble_is_of_the_surroundings_and_of_its_own_sort() {
        let cases = [
            (waiting("ErrImagePull"), Sort::Image, EnvironmentProblem::Fetch),
            (waiting("ImagePullBackOff"), Sort::Image, EnvironmentProblem::Fetch),
            (waiting("CreateContainerConfigError"), Sort::Configuration, EnvironmentProblem::Cluster),
            (waiting("CrashLoopBackOff"), Sort::Crash, EnvironmentProblem::StartFailed),
            (
                unschedulable("0/1 nodes are available: 1 Insufficient memory."),
                Sort::Scheduling,
                EnvironmentProblem::Cluster,
            ),
            (
                unschedulable("0/1 nodes: pod has unbound immediate PersistentVolumeClaims."),
                Sort::Volume,
                EnvironmentProblem::DiskSpace,
            ),
        ];
        for (pod, sort, code) in cases {
            let found = trouble(&pod).unwrap_or_else(|| panic!("no trouble in {pod:?}"));
            assert_eq!(found.sort, sort, "{found:?}");
            let error = sort.error("p", &found.words);
            assert_eq!(error.code, code);
            assert!(error.what.contains(&found.words) && !error.help.is_empty(), "{error:?}");
        }
        let crash = trouble(&waiting("CrashLoopBackOff")).unwrap();
        assert!(crash.words.contains("exit code 137"), "{}", crash.words);
    }

    #[test]
    fn what_is_on_its_way_is_no_trouble() {
        assert_eq!(trouble(&waiting("ContainerCreating")), None);
        assert_eq!(trouble(&waiting("PodInitializing")), None);
        assert_eq!(trouble(&pod(&json!({"conditions": [{"type": "PodScheduled", "status": "True"}]}))), None);
        assert_eq!(trouble(&Pod::default()), None);
    }

    fn set(generation: i64, replicas: i32, status: &Value) -> StatefulSet {
        serde_json::from_value(json!({
            "metadata": {"generation": generation},
            "spec": {"replicas": replicas, "selector": {}, "serviceName": "s", "template": {}},
            "status": status,
        }))
        .unwrap()
    }

    #[test]
    fn a_stateful_set_is_ready_when_all_are_new_and_ready() {
        let told = |generation: i64, pods: i32, ready: i32, update: &str| {
            json!({
                "observedGeneration": generation, "replicas": pods, "readyReplicas": ready,
                "currentRevision": "a", "updateRevision": update,
            })
        };
        assert!(stateful_set_ready(&set(2, 1, &told(2, 1, 1, "a"))));
        for (why, one) in [
            ("the controller has not seen the change", set(2, 1, &told(1, 1, 1, "a"))),
            ("one is not ready", set(2, 1, &told(2, 1, 0, "a"))),
            ("one is old", set(2, 1, &told(2, 1, 1, "b"))),
            ("one is still there", set(2, 0, &told(2, 1, 0, "a"))),
            ("nothing is told", set(2, 1, &json!({"replicas": 0}))),
        ] {
            assert!(!stateful_set_ready(&one), "{why}");
        }
        assert!(stateful_set_ready(&set(2, 0, &told(2, 0, 0, "b"))));
    }

    #[test]
    fn a_deployment_is_ready_when_no_old_pod_is_left() {
        let deployment = |replicas: i32, pods: i32, updated: i32, available: i32| -> Deployment {
            serde_json::from_value(json!({
                "metadata": {"generation": 3},
                "spec": {"replicas": replicas, "selector": {}, "template": {}},
                "status": {
                    "observedGeneration": 3, "replicas": pods, "updatedReplicas": updated, "availableReplicas": available,
                },
            }))
            .unwrap()
        };
        assert!(deployment_ready(&deployment(2, 2, 2, 2)));
        assert!(deployment_ready(&deployment(0, 0, 0, 0)));
        assert!(!deployment_ready(&deployment(2, 3, 2, 2)), "an old one is left");
        assert!(!deployment_ready(&deployment(2, 2, 2, 1)), "one is not available");
        assert!(!deployment_ready(&deployment(0, 1, 0, 0)), "one is left");
    }

    #[test]
    fn only_a_running_container_runs() {
        let with = |state: Value| {
            pod(&json!({"containerStatuses": [
                {"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0, "state": state}
            ]}))
        };
        assert!(runs(&with(json!({"running": {}})), "c"));
        assert!(!runs(&with(json!({"running": {}})), "other"));
        assert!(!runs(&with(json!({"terminated": {"exitCode": 0}})), "c"));
        assert!(!runs(&Pod::default(), "c"));
    }

    #[test]
    fn only_a_pod_that_is_ready_and_stays_is_led_to() {
        let pod = |ready: &str, meta: serde_json::Value| -> Pod {
            let conditions =
                json!([{"type": "Initialized", "status": "True"}, {"type": "Ready", "status": ready}]);
            serde_json::from_value(json!({"metadata": meta, "status": {"conditions": conditions}})).unwrap()
        };
        assert!(pod_ready(&pod("True", json!({}))));
        assert!(!pod_ready(&pod("False", json!({}))) && !pod_ready(&Pod::default()));
        assert!(!pod_ready(&pod("True", json!({"deletionTimestamp": "2026-01-01T00:00:00Z"}))));
    }
}
