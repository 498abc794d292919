//! Objects of a cluster, read from rendered manifests, `helm get manifest` or a dump.

use crate::yaml::{Node, Position, YamlError, read_all};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use thiserror::Error;

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// Group of its API, without the version; empty for the core group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace; empty if none is written.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Everything.
    pub value: Value,
    /// Name of the file.
    pub file: String,
    /// Where in the file it begins.
    pub at: Position,
}

/// What tells objects apart.
pub type Key = (String, String, String, String);

/// A set of objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    /// The objects, by key.
    pub objects: BTreeMap<Key, Object>,
    /// Objects that stand in the files more than once; the last one counts.
    pub twice: Vec<Object>,
    /// What the set is.
    pub nature: Nature,
    /// Keys by kind and name.
    by_name: HashMap<String, HashMap<String, Vec<Key>>>,
}

/// Where a set of objects comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Nature {
    /// Templates: nothing that a cluster adds.
    #[default]
    Rendered,
    /// A cluster: objects have identities.
    Live,
}

/// Why objects cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ObjectsError {
    /// No YAML.
    #[error("{file}:{}:{}: {}", error.at.line, error.at.column, error.reason)]
    Yaml {
        /// The file.
        file: String,
        /// What is wrong where.
        error: YamlError,
    },
    /// A document that is no object.
    #[error("{file}:{}:{}: this is no Kubernetes object: it has no {lacks}", at.line, at.column)]
    NoObject {
        /// The file.
        file: String,
        /// Where.
        at: Position,
        /// The field that is missing.
        lacks: &'static str,
    },
}

/// Kinds that belong to no namespace.
const CLUSTER_SCOPED: [&str; 17] = [
    "Namespace",
    "Node",
    "PersistentVolume",
    "StorageClass",
    "PriorityClass",
    "IngressClass",
    "RuntimeClass",
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "VolumeSnapshotClass",
    "VolumeSnapshotContent",
    "APIService",
    "CSIDriver",
    "ClusterIssuer",
];

/// Kinds that controllers make; they are looked at, and not compared by name.
const DERIVED: [&str; 8] =
    ["Pod", "ReplicaSet", "ControllerRevision", "EndpointSlice", "Endpoints", "Event", "Lease", "PodMetrics"];

impl Object {
    /// What tells it apart.
    pub fn key(&self) -> Key {
        (self.group.clone(), self.kind.clone(), self.namespace.clone(), self.name.clone())
    }

    /// `StatefulSet/camunda-zeebe`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.kind, self.name)
    }

    /// A field by its path.
    pub fn field(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.value, |v, key| &v[*key])
    }

    /// Labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        texts(self.field(&["metadata", "labels"]))
    }

    /// Whether it belongs to no namespace.
    pub fn is_cluster_scoped(&self) -> bool {
        CLUSTER_SCOPED.contains(&self.kind.as_str())
    }

    /// Whether a controller makes it.
    pub fn is_derived(&self) -> bool {
        DERIVED.contains(&self.kind.as_str())
            || (self.kind == "Job" && self.owners().any(|o| o["kind"] == "CronJob"))
            || (self.kind == "Secret"
                && (self.name.starts_with("sh.helm.release.")
                    || self.value["type"] == "kubernetes.io/service-account-token"))
            || (self.kind == "ConfigMap" && self.name == "kube-root-ca.crt")
            || (self.kind == "ServiceAccount" && self.name == "default")
    }

    /// Its owners.
    pub fn owners(&self) -> impl Iterator<Item = &Value> {
        self.field(&["metadata", "ownerReferences"]).as_array().into_iter().flatten()
    }

    /// The template of the pods it makes; of a pod, the pod itself.
    pub fn pod_template(&self) -> Option<&Value> {
        match self.kind.as_str() {
            "Pod" => Some(&self.value),
            "CronJob" => Some(self.field(&["spec", "jobTemplate", "spec", "template"])),
            "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "ReplicationController" => {
                Some(self.field(&["spec", "template"]))
            }
            _ => None,
        }
    }

    /// Labels of the pods it makes.
    pub fn pod_labels(&self) -> BTreeMap<String, String> {
        self.pod_template().map(|t| texts(&t["metadata"]["labels"])).unwrap_or_default()
    }

    /// Containers of its pods, those that start before the others included.
    pub fn containers(&self) -> impl Iterator<Item = &Value> {
        let spec = self.pod_template().map(|t| &t["spec"]);
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |key| spec.and_then(|s| s[key].as_array()).into_iter().flatten())
    }

    /// Where it is written, for reports.
    pub fn place(&self) -> drydock_core::finding::Place {
        drydock_core::finding::Place { file: self.file.clone(), line: self.at.line, column: self.at.column }
    }
}

/// A map of texts; numbers and booleans count as text.
pub(crate) fn texts(value: &Value) -> BTreeMap<String, String> {
    let text = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    value.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), text(v))).collect()
}

impl Inventory {
    /// Reads files of objects. Lists are taken apart; a single namespace counts as none, so that rendered manifests and
    /// dumps of one namespace can be compared.
    ///
    /// # Errors
    /// A file is no YAML, or holds something that is no object.
    pub fn read(files: &[(String, String)]) -> Result<Self, ObjectsError> {
        let mut found = Vec::new();
        for (file, text) in files {
            let (documents, _) =
                read_all(text).map_err(|error| ObjectsError::Yaml { file: file.clone(), error })?;
            for document in &documents {
                collect(document, file, &mut found)?;
            }
        }
        Ok(Self::gathered(found))
    }

    /// The same for objects that were read from a server; `source` is told in place of a file.
    ///
    /// # Errors
    /// One of them is no object.
    pub fn of_values(source: &str, values: Vec<Value>) -> Result<Self, ObjectsError> {
        let objects = values.into_iter().map(|value| object(value, source, Position::default()));
        Ok(Self::gathered(objects.collect::<Result<Vec<_>, _>>()?))
    }

    fn gathered(found: Vec<Object>) -> Self {
        let namespaces: BTreeSet<&str> =
            found.iter().map(|o| o.namespace.as_str()).filter(|n| !n.is_empty()).collect();
        let one = namespaces.len() <= 1;
        let mut set = Self::default();
        for mut object in found {
            if !object.field(&["metadata", "uid"]).is_null() {
                set.nature = Nature::Live;
            }
            if one {
                object.namespace = String::new();
            }
            let keys =
                set.by_name.entry(object.kind.clone()).or_default().entry(object.name.clone()).or_default();
            if !keys.contains(&object.key()) {
                keys.push(object.key());
            }
            if let Some(before) = set.objects.insert(object.key(), object) {
                set.twice.push(before);
            }
        }
        set
    }

    /// Takes out what chance decides: every text that another render of the same chart and values has differently is replaced by
    /// the same words on every side, naming the place. Says how many there were.
    pub fn settle(&mut self, again: &Self) -> u64 {
        let mut settled = 0;
        for (key, object) in &mut self.objects {
            let Some(other) = again.objects.get(key) else { continue };
            let secret = object.kind == "Secret";
            let title = object.title();
            settle(&mut object.value, &other.value, &title, secret, &mut settled);
        }
        settled
    }

    /// Objects of one kind.
    pub fn of<'i>(&'i self, kind: &'i str) -> impl Iterator<Item = &'i Object> {
        self.objects.values().filter(move |o| o.kind == kind)
    }

    /// An object by kind and name, in the namespace of `beside`.
    pub fn named(&self, kind: &str, name: &str, beside: &Object) -> Option<&Object> {
        self.within(kind, name, &beside.namespace)
    }

    /// An object by kind and name, in a namespace or in none.
    pub fn within(&self, kind: &str, name: &str, namespace: &str) -> Option<&Object> {
        let keys = self.by_name.get(kind)?.get(name)?;
        let mut objects = keys.iter().filter_map(|key| self.objects.get(key));
        objects.find(|o| o.is_cluster_scoped() || o.namespace == namespace)
    }

    /// Objects that make pods, and pods that nobody makes.
    pub fn workloads(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().filter(|o| o.pod_template().is_some())
    }
}

fn collect(node: &Node, file: &str, into: &mut Vec<Object>) -> Result<(), ObjectsError> {
    if node.entries().is_empty() {
        // A template that rendered to nothing but comments.
        return Ok(());
    }
    let kind = node.get("kind").and_then(Node::as_str).unwrap_or_default();
    if let Some(items) = node.get("items").filter(|_| kind.ends_with("List")) {
        return items.items().iter().try_for_each(|item| collect(item, file, into));
    }
    into.push(object(node.to_value(), file, node.at)?);
    Ok(())
}

fn object(value: Value, file: &str, at: Position) -> Result<Object, ObjectsError> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => String::new(),
    };
    let kind = text(&value["kind"]);
    let lacks = |lacks| ObjectsError::NoObject { file: file.to_owned(), at, lacks };
    if kind.is_empty() {
        return Err(lacks("kind"));
    }
    let name = text(&value["metadata"]["name"]);
    if name.is_empty() {
        return Err(lacks("metadata.name"));
    }
    let api = text(&value["apiVersion"]);
    let group = api.split_once('/').map_or("", |(group, _)| group).to_owned();
    // Ingresses and others changed their group without changing what they are.
    let group = if group == "extensions" { "networking.k8s.io".to_owned() } else { group };
    let namespace = text(&value["metadata"]["namespace"]);
    let cluster = CLUSTER_SCOPED.contains(&kind.as_str());
    let namespace = if cluster { String::new() } else { namespace };
    Ok(Object { group, kind, namespace, name, value, file: file.to_owned(), at })
}

/// Replaces texts that differ; `at` names the place, so that two of them do not look alike.
fn settle(value: &mut Value, again: &Value, at: &str, secret: bool, settled: &mut u64) {
    match (value, again) {
        (Value::Object(map), Value::Object(other)) => {
            for (key, below) in map {
                if let Some(again) = other.get(key) {
                    settle(below, again, &format!("{at} {key}"), secret, settled);
                }
            }
        }
        (Value::Array(items), Value::Array(other)) => {
            for (number, (below, again)) in items.iter_mut().zip(other).enumerate() {
                settle(below, again, &format!("{at} {number}"), secret, settled);
            }
        }
        (Value::String(text), Value::String(other)) if text != other => {
            *settled += 1;
            let words = format!("made anew on every render: {at}");
            // Data of Secrets stays what it is: base64.
            let packed = secret && STANDARD.decode(text.as_bytes()).is_ok();
            *text = if packed { STANDARD.encode(words) } else { words };
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Inventory, Nature};

    #[test]
    fn lists_and_documents_are_objects() {
        let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: n, uid: x}}\n- {apiVersion: v1, kind: Service, metadata: {name: a, namespace: n}}\n";
        let set = Inventory::read(&[("f".into(), text.into())]).unwrap();
        assert_eq!((set.objects.len(), set.twice.len(), set.nature), (1, 1, Nature::Live));
        assert!(Inventory::read(&[("f".into(), "a: 1".into())]).is_err());
        assert!(Inventory::read(&[("f".into(), "kind: Service".into())]).is_err());
    }

    #[test]
    fn what_chance_decides_is_settled_and_nothing_else() {
        let render = |password: &str| {
            let text = format!(
                "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\ndata: {{p: {password}, q: aGFuZA==}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{key: {password}, port: \"80\"}}\n"
            );
            Inventory::read(&[("f".into(), text)]).unwrap()
        };
        let (mut one, mut two) = (render("YWJj"), render("eHl6"));
        assert_eq!(one.settle(&render("Zm9v")), 2);
        assert_eq!(two.settle(&render("YmFy")), 2);
        let values = |set: &Inventory| set.objects.values().map(|o| o.value.clone()).collect::<Vec<_>>();
        assert_eq!(values(&one), values(&two));
        assert!(values(&one).iter().any(|v| v["data"]["q"] == "aGFuZA=="), "what a person chose stays");
        let mut other = render("YWJj");
        assert_eq!(other.settle(&render("YWJj")), 0);
        assert_ne!(values(&one), values(&other), "a password that is not made anew is another one");
    }
}
