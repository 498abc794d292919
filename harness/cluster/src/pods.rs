//! Which pods of a release run its applications: for whoever watches them stop and come back. Only asked.

use crate::server::{Listed, Server, ServerError};
use serde_json::Value;

/// What the Bitnami charts call the parts of their stores.
const STORES: [&str; 2] = ["primary", "master"];

impl Server {
    /// Pods of the release's applications that are there, also such as are ending: what is ending still writes. Left out are the
    /// pods of its Bitnami stores, those of Jobs, and those that have run to their end.
    ///
    /// # Errors
    /// The server does not answer, or the account may not list pods.
    pub async fn application_pods(&self, namespace: &str, release: &str) -> Result<Vec<String>, ServerError> {
        let mut listed = Listed::default();
        let path = format!("/api/v1/namespaces/{namespace}/pods");
        self.list(&path, "v1", "Pod", &mut listed).await?;
        if let Some(refused) = listed.not_listed.into_iter().next() {
            return Err(ServerError::Request { what: path, reason: refused.reason });
        }
        let ours = listed.objects.iter().filter(|pod| is_application(pod, release));
        Ok(ours.map(|pod| pod["metadata"]["name"].as_str().unwrap_or_default().to_owned()).collect())
    }
}

fn is_application(pod: &Value, release: &str) -> bool {
    let labels = &pod["metadata"]["labels"];
    let component = labels["app.kubernetes.io/component"].as_str().unwrap_or_default();
    let owners = pod["metadata"]["ownerReferences"].as_array();
    let of_job = owners.into_iter().flatten().any(|owner| owner["kind"] == "Job");
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    labels["app.kubernetes.io/instance"] == release && !STORES.contains(&component) && !of_job && !ended
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn stores_jobs_strangers_and_what_has_ended_are_no_applications() {
        let pod = |component: &str, owner: &str, phase: &str| {
            json!({
                "metadata": {
                    "name": "p", "ownerReferences": [{"kind": owner}],
                    "labels": {"app.kubernetes.io/instance": "camunda", "app.kubernetes.io/component": component}
                },
                "status": {"phase": phase}
            })
        };
        assert!(is_application(&pod("operate", "ReplicaSet", "Running"), "camunda"));
        assert!(is_application(&pod("zeebe-broker", "StatefulSet", "Pending"), "camunda"));
        assert!(!is_application(&pod("operate", "ReplicaSet", "Running"), "other"));
        for (component, owner, phase) in [
            ("primary", "StatefulSet", "Running"),
            ("master", "StatefulSet", "Running"),
            ("operate", "Job", "Running"),
            ("operate", "ReplicaSet", "Succeeded"),
        ] {
            assert!(!is_application(&pod(component, owner, phase), "camunda"), "{component} {owner} {phase}");
        }
    }
}
