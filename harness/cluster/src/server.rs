//! Reading a cluster. The one function that speaks to the API server makes GET requests; there is no other.

use crate::context::kubeconfig_of;
use crate::rights::{Right, Scope};
use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use serde_json::Value;
use std::time::Duration;
use thiserror::Error;

/// How long one request may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Objects asked for in one answer.
const PAGE: usize = 500;

/// How often a list is begun anew because the server forgot where the reader was.
const ANEW: usize = 3;

/// What is listed: group and version, plural name, kind, and where it is.
const LISTED_KINDS: [(&str, &str, &str, Scope); 30] = [
    ("v1", "pods", "Pod", Scope::Namespace),
    ("v1", "services", "Service", Scope::Namespace),
    ("v1", "configmaps", "ConfigMap", Scope::Namespace),
    ("v1", "secrets", "Secret", Scope::Namespace),
    ("v1", "serviceaccounts", "ServiceAccount", Scope::Namespace),
    ("v1", "persistentvolumeclaims", "PersistentVolumeClaim", Scope::Namespace),
    ("v1", "resourcequotas", "ResourceQuota", Scope::Namespace),
    ("v1", "limitranges", "LimitRange", Scope::Namespace),
    ("apps/v1", "deployments", "Deployment", Scope::Namespace),
    ("apps/v1", "statefulsets", "StatefulSet", Scope::Namespace),
    ("apps/v1", "daemonsets", "DaemonSet", Scope::Namespace),
    ("apps/v1", "replicasets", "ReplicaSet", Scope::Namespace),
    ("apps/v1", "controllerrevisions", "ControllerRevision", Scope::Namespace),
    ("batch/v1", "jobs", "Job", Scope::Namespace),
    ("batch/v1", "cronjobs", "CronJob", Scope::Namespace),
    ("networking.k8s.io/v1", "ingresses", "Ingress", Scope::Namespace),
    ("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy", Scope::Namespace),
    ("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget", Scope::Namespace),
    ("rbac.authorization.k8s.io/v1", "roles", "Role", Scope::Namespace),
    ("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding", Scope::Namespace),
    ("v1", "nodes", "Node", Scope::Cluster),
    ("v1", "persistentvolumes", "PersistentVolume", Scope::Cluster),
    ("storage.k8s.io/v1", "storageclasses", "StorageClass", Scope::Cluster),
    ("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", Scope::Cluster),
    ("networking.k8s.io/v1", "ingressclasses", "IngressClass", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", Scope::Cluster),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", Scope::Cluster),
    ("apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", Scope::Cluster),
    (
        "admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        Scope::Cluster,
    ),
    (
        "admissionregistration.k8s.io/v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        Scope::Cluster,
    ),
];

/// What reading a namespace and what lies around it asks for. Kinds that definitions on the server add are not among them: nobody
/// knows them before.
pub fn rights_to_read() -> Vec<Right> {
    let about = Right { scope: Scope::Namespace, group: "", resource: "namespaces", verb: "get" };
    let listed = LISTED_KINDS.iter().map(|(api, resource, _, scope)| Right {
        scope: *scope,
        group: api.split_once('/').map_or("", |(group, _)| group),
        resource,
        verb: "list",
    });
    [about].into_iter().chain(listed).collect()
}

/// An API server that is only read.
#[derive(Clone)]
pub struct Server {
    client: Client,
    limit: Duration,
}

/// Objects of a namespace with what lies around it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Listed {
    /// The objects, each with its `apiVersion` and `kind`.
    pub objects: Vec<Value>,
    /// Kinds that could not be listed: nothing is known of them.
    pub not_listed: Vec<NotListed>,
}

/// A kind that could not be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotListed {
    /// Which.
    pub kind: String,
    /// Why, in one clause.
    pub reason: String,
}

/// Why a cluster cannot be read.
#[derive(Debug, Error)]
pub enum ServerError {
    /// The configuration does not lead to it.
    #[error("cannot use the context {context}: {reason}")]
    Context {
        /// The context.
        context: String,
        /// What is wrong.
        reason: String,
    },
    /// It does not answer, or not with what was asked for.
    #[error("cannot read {what}: {reason}")]
    Request {
        /// What was asked for.
        what: String,
        /// What is wrong.
        reason: String,
    },
}

/// What one request came to.
enum Answer {
    Found(Value),
    /// The server does not serve such a kind.
    Unknown,
    Refused(String),
    /// The place in a list is forgotten.
    Expired,
}

impl Server {
    /// The cluster of a context of the user's configuration (`KUBECONFIG`, else the usual file), or of the pod's own account.
    ///
    /// # Errors
    /// There is no such context, or its credentials cannot be used.
    pub async fn of_context(context: &str) -> Result<Self, ServerError> {
        let failed = |reason: String| ServerError::Context { context: context.to_owned(), reason };
        let known = kubeconfig_of(context)?;
        let config = Config::from_custom_kubeconfig(known, &KubeConfigOptions::default())
            .await
            .map_err(|e| failed(e.to_string()))?;
        Self::of_config(config).map_err(|e| failed(e.to_string()))
    }

    /// The server of a configuration.
    ///
    /// # Errors
    /// The configuration cannot be used.
    pub fn of_config(config: Config) -> Result<Self, kube::Error> {
        Ok(Self { client: Client::try_from(config)?, limit: LIMIT })
    }

    /// Everything in a namespace, and what lies around it.
    ///
    /// # Errors
    /// The server does not answer. A kind that may not be read is no error: it is told in [`Listed::not_listed`].
    pub async fn namespace(&self, namespace: &str) -> Result<Listed, ServerError> {
        let mut listed = Listed::default();
        let about = format!("/api/v1/namespaces/{namespace}");
        match self.get(&about, "the namespace").await? {
            Answer::Found(mut found) => {
                name(&mut found, "v1", "Namespace");
                listed.objects.push(found);
            }
            Answer::Unknown => {
                let reason = format!("there is no namespace {namespace}");
                return Err(ServerError::Request { what: about, reason });
            }
            Answer::Refused(reason) => {
                listed.not_listed.push(NotListed { kind: "Namespace".to_owned(), reason });
            }
            Answer::Expired => {}
        }
        for (api, plural, kind, scope) in LISTED_KINDS {
            self.list(&path(api, plural, scope, namespace), api, kind, &mut listed).await?;
        }
        for (api, plural, kind) in own_kinds(&listed.objects) {
            self.list(&path(&api, &plural, Scope::Namespace, namespace), &api, &kind, &mut listed).await?;
        }
        let elsewhere = |volume: &Value| {
            let claim = volume["spec"]["claimRef"]["namespace"].as_str();
            volume["kind"] == "PersistentVolume" && claim.is_some_and(|n| n != namespace)
        };
        listed.objects.retain(|object| !elsewhere(object));
        Ok(listed)
    }

    /// Every object of one kind, page by page.
    pub(crate) async fn list(
        &self,
        path: &str,
        api: &str,
        kind: &str,
        into: &mut Listed,
    ) -> Result<(), ServerError> {
        let mut tries = 0;
        'anew: loop {
            let (mut found, mut after) = (Vec::new(), String::new());
            loop {
                let next = if after.is_empty() { String::new() } else { format!("&continue={after}") };
                let what = format!("{kind} objects");
                let page = match self.get(&format!("{path}?limit={PAGE}{next}"), &what).await? {
                    Answer::Found(page) => page,
                    // A server without this API has no such objects.
                    Answer::Unknown => return Ok(()),
                    Answer::Refused(reason) => {
                        into.not_listed.push(NotListed { kind: kind.to_owned(), reason });
                        return Ok(());
                    }
                    Answer::Expired if tries < ANEW => {
                        tries += 1;
                        continue 'anew;
                    }
                    Answer::Expired => {
                        let reason = "the list changes faster than it can be read".to_owned();
                        into.not_listed.push(NotListed { kind: kind.to_owned(), reason });
                        return Ok(());
                    }
                };
                let Some(items) = page["items"].as_array() else {
                    let reason = "the answer holds no items".to_owned();
                    return Err(ServerError::Request { what, reason });
                };
                found.extend(items.iter().cloned().map(|mut item| {
                    name(&mut item, api, kind);
                    item
                }));
                match page["metadata"]["continue"].as_str().filter(|c| !c.is_empty()) {
                    Some(more) => after = escaped(more),
                    None => break,
                }
            }
            into.objects.append(&mut found);
            return Ok(());
        }
    }

    /// The one request there is.
    async fn get(&self, path: &str, what: &str) -> Result<Answer, ServerError> {
        let failed = |reason: String| ServerError::Request { what: what.to_owned(), reason };
        let request = http::Request::get(path).body(Vec::new()).map_err(|e| failed(e.to_string()))?;
        let answer = tokio::time::timeout(self.limit, self.client.request::<Value>(request)).await;
        match answer {
            Err(_) => Err(failed(format!("no answer within {} s", self.limit.as_secs()))),
            Ok(Ok(found)) => Ok(Answer::Found(found)),
            Ok(Err(kube::Error::Api(status))) => match status.code {
                404 => Ok(Answer::Unknown),
                410 => Ok(Answer::Expired),
                401 | 403 => {
                    Ok(Answer::Refused(format!("the server refused ({}): {}", status.code, status.message)))
                }
                code => Err(failed(format!("the server answered {code}: {}", status.message))),
            },
            Ok(Err(error)) => Err(failed(error.to_string())),
        }
    }
}

/// Items of a list do not say what they are.
fn name(object: &mut Value, api: &str, kind: &str) {
    if let Value::Object(map) = object {
        map.insert("apiVersion".to_owned(), api.into());
        map.insert("kind".to_owned(), kind.into());
    }
}

fn path(api: &str, plural: &str, scope: Scope, namespace: &str) -> String {
    let root = if api.contains('/') { "apis" } else { "api" };
    match scope {
        Scope::Namespace => format!("/{root}/{api}/namespaces/{namespace}/{plural}"),
        Scope::Cluster => format!("/{root}/{api}/{plural}"),
    }
}

/// Kinds that definitions on the server add, as far as they belong to namespaces.
fn own_kinds(objects: &[Value]) -> Vec<(String, String, String)> {
    let definitions = objects.iter().filter(|o| o["kind"] == "CustomResourceDefinition");
    let kinds = definitions.filter(|d| d["spec"]["scope"] == "Namespaced").filter_map(|definition| {
        let spec = &definition["spec"];
        let version = spec["versions"].as_array()?.iter().find(|v| v["served"] == true)?["name"].as_str()?;
        let group = spec["group"].as_str()?;
        let (plural, kind) = (spec["names"]["plural"].as_str()?, spec["names"]["kind"].as_str()?);
        Some((format!("{group}/{version}"), plural.to_owned(), kind.to_owned()))
    });
    kinds.collect()
}

/// A token as part of an address.
fn escaped(token: &str) -> String {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    token.bytes().map(|b| if plain(&b) { (b as char).to_string() } else { format!("%{b:02X}") }).collect()
}
