//! What the application's pods are and live on at one moment, for comparing two moments.

use super::Kind;
use super::applications::{OF_RELEASE, applications, counts};
use super::cluster::{Cluster, Standing};
use super::judge::pod_ready;
use super::place::{Namespaces, Place, RELEASE};
use crate::config::Side;
use crate::error::Result;
use crate::random::hex;
use k8s_openapi::api::core::v1::{Pod, PodSpec, PodTemplateSpec, Secret};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Annotation with the digest of what a pod is configured with.
const CONFIGURATION: &str = "checksum/config";

/// The release at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseState {
    /// Replicas that each application is asked to have.
    pub replicas: BTreeMap<String, i32>,
    /// The applications' pods, by name.
    pub pods: BTreeMap<String, PodState>,
    /// Hosts that applications are configured with, by application; those of the targets without their namespace.
    pub hosts: BTreeMap<String, Vec<String>>,
    /// Volume and phase of each claim of the release.
    pub claims: BTreeMap<String, ClaimState>,
    /// Digest of each key of each Secret of the release. They are of no use without the key they are made under.
    pub secrets: BTreeMap<String, BTreeMap<String, String>>,
}

/// A pod at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodState {
    /// The workload that it is of.
    pub workload: String,
    /// Whether it is ready.
    pub ready: bool,
    /// What it runs that its workload does not ask for any more, in words.
    pub outdated: Vec<String>,
}

/// A claim at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimState {
    /// The volume that it is bound to; empty if none.
    pub volume: String,
    /// `Bound` and the like.
    pub phase: String,
}

impl Kind {
    /// Describes the release. Values of Secrets are digested under a key of the run.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn describe(&self) -> Result<ReleaseState> {
        let cluster = &self.up.cluster;
        let standing = applications(cluster).await?;
        let mut state = ReleaseState { replicas: counts(&standing), ..ReleaseState::default() };
        for one in &standing {
            let workload = one.workload.to_string();
            let template = cluster.template(&one.workload).await?;
            for pod in cluster.pods(cluster.release(), &one.selector).await? {
                let name = pod.metadata.name.clone().unwrap_or_default();
                state.pods.insert(name, of_pod(&workload, &pod, &template));
            }
            state.hosts.insert(workload, hosts_of(cluster, one).await?);
        }
        for claim in cluster.claims(cluster.release()).await? {
            let name = claim.metadata.name.unwrap_or_default();
            let volume = claim.spec.and_then(|s| s.volume_name).unwrap_or_default();
            let phase = claim.status.and_then(|s| s.phase).unwrap_or_default();
            state.claims.insert(name, ClaimState { volume, phase });
        }
        let key = Sha256::new().chain_update(self.digest_key()).finalize();
        for secret in cluster.secrets(cluster.release(), OF_RELEASE).await? {
            let name = secret.metadata.name.clone().unwrap_or_default();
            state.secrets.insert(name, digests(&secret, &key[..]));
        }
        Ok(state)
    }

    /// Something that only this run knows.
    fn digest_key(&self) -> Vec<u8> {
        use secrecy::ExposeSecret;
        let password = self.postgres(Side::Source).and_then(|e| e.password);
        password.map(|p| p.expose_secret().as_bytes().to_vec()).unwrap_or_default()
    }
}

impl ReleaseState {
    /// Hosts of a side's stores, by their short names, as [`ReleaseState::hosts`] tells them.
    pub fn names_of(side: Side) -> Vec<String> {
        match side {
            Side::Target => {
                let targets = Namespaces::usual().places().into_iter().filter(|p| p.side == side);
                targets.map(|place| place.name().to_owned()).collect()
            }
            Side::Source => ["elasticsearch", "postgresql", "identity-postgresql", "postgresql-web-modeler"]
                .map(|part| format!("{RELEASE}-{part}"))
                .to_vec(),
        }
    }
}

async fn hosts_of(cluster: &Cluster, one: &Standing) -> Result<Vec<String>> {
    let note = cluster
        .noted(cluster.release(), &format!("{}-configuration", one.workload.name))
        .await?
        .unwrap_or_default();
    let short = |host: String| {
        let target = |place: &Place| place.side == Side::Target && place.host(cluster.namespaces()) == host;
        let found = cluster.namespaces().places().into_iter().find(target);
        found.map_or(host, |place| place.name().to_owned())
    };
    let mut hosts: Vec<String> = note.values().flat_map(|text| hosts(text)).map(short).collect();
    hosts.sort();
    hosts.dedup();
    Ok(hosts)
}

/// Hosts of all addresses in a text.
fn hosts(text: &str) -> Vec<String> {
    let behind = text.split("://").skip(1);
    let named =
        behind.map(|rest| rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c))).next());
    named.flatten().filter(|host| !host.is_empty()).map(ToOwned::to_owned).collect()
}

fn of_pod(workload: &str, pod: &Pod, template: &PodTemplateSpec) -> PodState {
    let mut outdated = Vec::new();
    let wanted = images(template.spec.as_ref());
    for (container, image) in images(pod.spec.as_ref()) {
        match wanted.get(&container) {
            Some(asked) if *asked == image => {}
            Some(asked) => outdated.push(format!("{container} runs {image}, asked for is {asked}")),
            None => outdated.push(format!("{container} is not asked for any more")),
        }
    }
    let told = |annotations: Option<&BTreeMap<String, String>>| {
        annotations.and_then(|a| a.get(CONFIGURATION)).cloned()
    };
    let asked = template.metadata.as_ref().and_then(|m| told(m.annotations.as_ref()));
    if told(pod.metadata.annotations.as_ref()) != asked {
        outdated.push("it was started with another configuration".to_owned());
    }
    PodState { workload: workload.to_owned(), ready: pod_ready(pod), outdated }
}

fn images(spec: Option<&PodSpec>) -> BTreeMap<String, String> {
    let containers = spec.into_iter().flat_map(|s| &s.containers);
    containers.map(|c| (c.name.clone(), c.image.clone().unwrap_or_default())).collect()
}

fn digests(secret: &Secret, key: &[u8]) -> BTreeMap<String, String> {
    let data = secret.data.iter().flatten();
    data.map(|(name, value)| {
        let digest = Sha256::new()
            .chain_update(key)
            .chain_update(name)
            .chain_update([0])
            .chain_update(&value.0)
            .finalize();
        (name.clone(), hex(&digest[..16]))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn template() -> PodTemplateSpec {
        serde_json::from_value(json!({
            "metadata": {"annotations": {CONFIGURATION: "new"}},
            "spec": {"containers": [{"name": "operate", "image": "operate:2"}]},
        }))
        .unwrap()
    }

    fn pod(image: &str, configuration: &str, ready: &str) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "p", "annotations": {CONFIGURATION: configuration}},
            "spec": {"containers": [{"name": "operate", "image": image}]},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_pod_of_before_is_told_by_image_and_by_configuration() {
        let of = |pod: &Pod| of_pod("deployment/o", pod, &template());
        assert_eq!(of(&pod("operate:2", "new", "True")).outdated, Vec::<String>::new());
        assert!(of(&pod("operate:1", "new", "True")).outdated[0].contains("operate:1"));
        assert!(of(&pod("operate:2", "old", "True")).outdated[0].contains("another configuration"));
        assert!(of(&pod("operate:2", "new", "True")).ready);
        assert!(!of(&pod("operate:2", "new", "False")).ready);
        let mut ending = pod("operate:2", "new", "True");
        ending.metadata.deletion_timestamp = serde_json::from_value(json!("2026-01-01T00:00:00Z")).ok();
        assert!(!of(&ending).ready, "one that ends is not ready, whatever it says");
    }

    #[test]
    fn hosts_are_read_from_addresses_of_every_kind() {
        let text = "elasticsearch: http://camunda-elasticsearch:9200\nidentity: jdbc:postgresql://target-pg.targets.svc:5432/i\n";
        assert_eq!(hosts(text), ["camunda-elasticsearch", "target-pg.targets.svc"]);
        assert_eq!(hosts("{}"), Vec::<String>::new());
    }

    #[test]
    fn secrets_are_told_apart_by_key_and_value_and_say_neither() {
        let secret = |value: &str| -> Secret {
            serde_json::from_value(json!({"data": {"password": value, "postgres-password": value}})).unwrap()
        };
        let (one, same, other) =
            (digests(&secret("YQ=="), b"k"), digests(&secret("YQ=="), b"k"), digests(&secret("Yg=="), b"k"));
        assert_eq!(one, same);
        assert_ne!(one["password"], other["password"]);
        assert_ne!(one["password"], one["postgres-password"]);
        assert_ne!(one["password"], digests(&secret("YQ=="), b"another run")["password"]);
    }
}
