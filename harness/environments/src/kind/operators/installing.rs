//! Installing operators in a cluster of the run's own, from manifests that the user names; asking for them in one that is there.

use super::super::cluster::{Cluster, Workload, WorkloadKind, stuck};
use super::Resource;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::Api;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long definitions may take to be taken in.
const TAKEN_IN: Duration = Duration::from_secs(60);
/// How long an operator may take to be ready; its image may have to be pulled.
const STARTING: Duration = Duration::from_secs(300);
/// How long a hook of an operator that is ready may refuse what it is asked: its certificate is made while it starts.
const HOOKS: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);

/// What operators are installed from.
#[derive(Debug)]
pub(in crate::kind) struct Manifests {
    objects: Vec<Value>,
}

impl Manifests {
    /// Reads files with any number of documents.
    ///
    /// # Errors
    /// One cannot be read, or holds what is no object.
    pub(in crate::kind) fn read(files: &[PathBuf]) -> Result<Self> {
        let mut objects = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(file).map_err(|e| EnvironmentError::io("read", file, &e))?;
            let documents: Vec<Value> =
                serde_saphyr::from_multiple(&text).map_err(|e| no_manifest(file, &e.to_string()))?;
            for one in documents.into_iter().filter(|one| !one.is_null()) {
                // As `kubectl` writes several.
                let each = match one["items"].as_array() {
                    Some(items) if one["kind"] == "List" => items.clone(),
                    _ => vec![one],
                };
                objects.extend(each);
            }
            let named = |one: &Value| {
                let parts = [&one["apiVersion"], &one["kind"], &one["metadata"]["name"]];
                parts.iter().all(|part| part.as_str().is_some_and(|text| !text.is_empty()))
            };
            if !objects.iter().all(named) {
                return Err(no_manifest(file, "a document of it has no apiVersion, kind or name"));
            }
        }
        Ok(Self { objects })
    }

    /// All images that they ask for.
    pub(in crate::kind) fn images(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for one in &self.objects {
            images(&one["spec"]["template"]["spec"], &mut found);
        }
        found
    }

    /// Installs them, and waits until they are ready.
    ///
    /// # Errors
    /// The server refuses something, or an operator does not come up.
    pub(in crate::kind) async fn install(&self, cluster: &Cluster) -> Result<()> {
        let placed = self.placed_in(&cluster.namespaces().targets);
        let (first, rest): (Vec<_>, Vec<_>) = placed.into_iter().partition(comes_first);
        cluster.apply(&first).await?;
        let definitions = first.iter().filter(|one| one["kind"] == DEFINITION);
        let names: Vec<&str> = definitions.filter_map(|one| one["metadata"]["name"].as_str()).collect();
        cluster.await_definitions(&names).await?;
        cluster.apply(&rest).await?;
        let began = Instant::now();
        for one in rest.iter().filter_map(workload) {
            let left = STARTING.saturating_sub(began.elapsed());
            cluster.wait_workload(&one, left).await?;
        }
        Ok(())
    }

    /// The same with what names no namespace in this one, as `kubectl apply --namespace` does, and with the rights of accounts that
    /// come to be there: operators that look after their own namespace alone are installed beside what they keep.
    fn placed_in(&self, namespace: &str) -> Vec<Value> {
        let nowhere = |one: &Value| one["metadata"]["namespace"].is_null() && !of_the_cluster(one);
        let accounts: BTreeSet<String> = self
            .objects
            .iter()
            .filter(|one| one["kind"] == ACCOUNT && nowhere(one))
            .filter_map(|one| one["metadata"]["name"].as_str().map(ToOwned::to_owned))
            .collect();
        let mut objects = self.objects.clone();
        for one in &mut objects {
            if nowhere(one) {
                one["metadata"]["namespace"] = json!(namespace);
            }
            for subject in one.get_mut("subjects").and_then(Value::as_array_mut).into_iter().flatten() {
                let name = subject["name"].as_str().unwrap_or_default();
                if subject["kind"] == ACCOUNT && accounts.contains(name) {
                    subject["namespace"] = json!(namespace);
                }
            }
        }
        objects
    }
}

const ACCOUNT: &str = "ServiceAccount";
/// Kinds that stand in no namespace.
const OF_THE_CLUSTER: [&str; 9] = [
    "Namespace",
    DEFINITION,
    "ClusterRole",
    "ClusterRoleBinding",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "APIService",
    "PriorityClass",
    "StorageClass",
];

fn of_the_cluster(one: &Value) -> bool {
    one["kind"].as_str().is_some_and(|kind| OF_THE_CLUSTER.contains(&kind))
}

const DEFINITION: &str = "CustomResourceDefinition";

/// Whatever other objects need to be there.
fn comes_first(one: &Value) -> bool {
    one["kind"] == DEFINITION || one["kind"] == "Namespace"
}

fn workload(one: &Value) -> Option<Workload> {
    let kind = match one["kind"].as_str()? {
        "Deployment" => WorkloadKind::Deployment,
        "StatefulSet" => WorkloadKind::StatefulSet,
        _ => return None,
    };
    let text = |name: &str| one["metadata"][name].as_str().map(ToOwned::to_owned);
    Some(Workload {
        kind,
        namespace: text("namespace").unwrap_or_else(|| "default".to_owned()),
        name: text("name")?,
    })
}

/// Images of a pod, also those that its programs are told of by a variable: operators put themselves into the pods that they make.
fn images(pod: &Value, found: &mut BTreeSet<String>) {
    for list in ["initContainers", "containers"] {
        for container in pod[list].as_array().into_iter().flatten() {
            let variables = container["env"].as_array().into_iter().flatten();
            let told =
                variables.filter(|v| v["name"].as_str().is_some_and(|name| name.ends_with("_IMAGE_NAME")));
            let all = [&container["image"]].into_iter().chain(told.map(|v| &v["value"]));
            found.extend(all.filter_map(Value::as_str).map(ToOwned::to_owned));
        }
    }
}

fn no_manifest(file: &Path, why: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!("{} is no manifest of an operator: {why}", file.display()),
        "name the files that `kubectl apply` takes",
    )
}

impl Cluster {
    async fn await_definitions(&self, names: &[&str]) -> Result<()> {
        let api: Api<CustomResourceDefinition> = Api::all(self.client());
        let began = Instant::now();
        for name in names {
            loop {
                let found = self.ask("look at the definition", name, || api.get_opt(name)).await?;
                let conditions = found.and_then(|d| d.status?.conditions).unwrap_or_default();
                if conditions.iter().any(|c| c.type_ == "Established" && c.status == "True") {
                    break;
                }
                if began.elapsed() > TAKEN_IN {
                    return Err(stuck(&format!("the definition {name} is not taken in"), TAKEN_IN));
                }
                tokio::time::sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Whether the server knows a kind of resource.
    ///
    /// # Errors
    /// It does not tell.
    pub(super) async fn knows(&self, resource: Resource) -> Result<bool> {
        let client = self.client();
        let group = resource.api_version();
        let told = self.ask("list the kinds of", &group, || async {
            match client.list_api_group_resources(&group).await {
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                other => other.map(Some),
            }
        });
        Ok(told.await?.is_some_and(|all| all.resources.iter().any(|r| r.name == resource.plural)))
    }

    /// Looks whether the operators of these resources are there.
    ///
    /// # Errors
    /// One is not, or the server does not tell.
    pub(in crate::kind) async fn has_operators(&self, resources: &[Resource]) -> Result<()> {
        for resource in resources {
            let known = self.knows(*resource).await?;
            if !known {
                return Err(EnvironmentError::new(
                    EnvironmentProblem::Configuration,
                    format!(
                        "{} is not installed: the cluster knows no {} of {}",
                        resource.operator, resource.plural, resource.group
                    ),
                    "install the operator, or use a cluster that has it",
                ));
            }
        }
        Ok(())
    }

    /// Describes stores to operators. Those that have just come up may refuse for a while: their hooks are not there yet.
    ///
    /// # Errors
    /// They refuse for longer, or what they are told is wrong.
    pub(in crate::kind) async fn describe(&self, objects: &[Value]) -> Result<()> {
        let began = Instant::now();
        loop {
            match self.apply(objects).await {
                Err(error) if error.what.contains("failed calling webhook") && began.elapsed() < HOOKS => {
                    tokio::time::sleep(LOOK).await;
                }
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifests> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("operator.yaml");
        std::fs::write(&file, text).unwrap();
        Manifests::read(&[file])
    }

    const WHOLE: &str = "\
# words
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: controller, namespace: system}
spec:
  template:
    spec:
      initContainers: [{name: first, image: 'helper:1'}]
      containers:
        - {name: manager, image: 'operator:2', env: [{name: OPERATOR_IMAGE_NAME, value: 'operator:3'}, {name: OTHER, value: 'no:1'}]}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: system}}
  - {apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: stores.example}}
";

    #[test]
    fn manifests_of_any_order_are_read_with_all_their_images() {
        let read = read(WHOLE).unwrap();
        assert_eq!(read.objects.len(), 3);
        let images: Vec<String> = read.images().into_iter().collect();
        assert_eq!(images, ["helper:1", "operator:2", "operator:3"]);
        let first: Vec<&str> =
            read.objects.iter().filter(|o| comes_first(o)).filter_map(|o| o["kind"].as_str()).collect();
        assert_eq!(first, ["Namespace", DEFINITION]);
        let workloads: Vec<Workload> = read.objects.iter().filter_map(workload).collect();
        assert_eq!(workloads.len(), 1);
        assert_eq!((workloads[0].name.as_str(), workloads[0].namespace.as_str()), ("controller", "system"));
    }

    #[test]
    fn what_names_no_namespace_is_installed_beside_what_it_keeps() {
        let read = read(
            "{apiVersion: v1, kind: ServiceAccount, metadata: {name: own}}\n---\n\
             {apiVersion: v1, kind: ServiceAccount, metadata: {name: other, namespace: system}}\n---\n\
             {apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRoleBinding, metadata: {name: both}, subjects: \
             [{kind: ServiceAccount, name: own, namespace: theirs}, {kind: ServiceAccount, name: other, namespace: system}]}\n",
        )
        .unwrap();
        let placed = read.placed_in("targets");
        let namespaces: Vec<&Value> = placed.iter().map(|one| &one["metadata"]["namespace"]).collect();
        assert_eq!(namespaces, [&json!("targets"), &json!("system"), &Value::Null]);
        let subjects: Vec<&Value> =
            placed[2]["subjects"].as_array().unwrap().iter().map(|s| &s["namespace"]).collect();
        assert_eq!(subjects, ["targets", "system"]);
        assert_eq!(placed[1], read.objects[1], "nothing else is changed");
    }

    #[test]
    fn what_is_no_manifest_is_refused_by_its_name() {
        for text in ["a: [", "- 1\n", "kind: Deployment\n", "apiVersion: v1\nkind: Secret\nmetadata: {}\n"] {
            let error = read(text).unwrap_err();
            assert_eq!(error.code, EnvironmentProblem::Configuration, "{text}");
            assert!(error.what.contains("operator.yaml"), "{}", error.what);
        }
        assert!(read("").unwrap().objects.is_empty());
    }
}
