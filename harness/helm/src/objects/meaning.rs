//! Two objects compared by what they mean: without what the cluster adds, with defaults filled, lists by name.

use crate::values::{Path, same};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Fields of metadata that say nothing about what the object does.
const METADATA: [&str; 12] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "namespace",
    "ownerReferences",
    "finalizers",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generateName",
];

/// Labels and annotations that change with every release or every restart.
const NOTES: [&str; 11] = [
    "helm.sh/chart",
    "app.kubernetes.io/version",
    "app.kubernetes.io/app-version",
    "pod-template-hash",
    "controller-revision-hash",
    "statefulset.kubernetes.io/pod-name",
    "apps.kubernetes.io/pod-index",
    "kubectl.kubernetes.io/last-applied-configuration",
    "kubectl.kubernetes.io/restartedAt",
    "deployment.kubernetes.io/revision",
    "meta.helm.sh/release-namespace",
];

/// What the API server fills in where nothing is written.
const DEFAULTS: [(&str, &str); 46] = [
    ("terminationMessagePath", "\"/dev/termination-log\""),
    ("terminationMessagePolicy", "\"File\""),
    ("dnsPolicy", "\"ClusterFirst\""),
    ("restartPolicy", "\"Always\""),
    ("schedulerName", "\"default-scheduler\""),
    ("terminationGracePeriodSeconds", "30"),
    ("protocol", "\"TCP\""),
    ("imagePullPolicy", "\"IfNotPresent\""),
    ("revisionHistoryLimit", "10"),
    ("progressDeadlineSeconds", "600"),
    ("podManagementPolicy", "\"OrderedReady\""),
    ("sessionAffinity", "\"None\""),
    ("type", "\"ClusterIP\""),
    ("internalTrafficPolicy", "\"Cluster\""),
    ("externalTrafficPolicy", "\"Cluster\""),
    ("ipFamilyPolicy", "\"SingleStack\""),
    ("ipFamilies", "[\"IPv4\"]"),
    ("allocateLoadBalancerNodePorts", "true"),
    ("defaultMode", "420"),
    ("successThreshold", "1"),
    ("failureThreshold", "3"),
    ("timeoutSeconds", "1"),
    ("periodSeconds", "10"),
    ("initialDelaySeconds", "0"),
    ("scheme", "\"HTTP\""),
    ("apiVersion", "\"v1\""),
    ("persistentVolumeClaimRetentionPolicy", "{\"whenDeleted\":\"Retain\",\"whenScaled\":\"Retain\"}"),
    ("volumeMode", "\"Filesystem\""),
    ("completionMode", "\"NonIndexed\""),
    ("backoffLimit", "6"),
    ("suspend", "false"),
    ("parallelism", "1"),
    ("completions", "1"),
    ("enableServiceLinks", "true"),
    ("hostNetwork", "false"),
    ("readOnly", "false"),
    ("minReadySeconds", "0"),
    ("replicas", "1"),
    ("publishNotReadyAddresses", "false"),
    ("optional", "false"),
    ("partition", "0"),
    ("maxSurge", "\"25%\""),
    ("podReplacementPolicy", "\"TerminatingOrFailed\""),
    ("reclaimPolicy", "\"Delete\""),
    ("volumeBindingMode", "\"Immediate\""),
    ("manualSelector", "false"),
];

/// Values the cluster chooses where nothing is written: no difference if only one side has one.
const CHOSEN: [&str; 7] = [
    "clusterIP",
    "clusterIPs",
    "nodePort",
    "healthCheckNodePort",
    "storageClassName",
    "secrets",
    "conversion",
];

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    /// `spec.template.spec.containers[zeebe].image`.
    pub(super) field: String,
    /// Before; absent if it was not there.
    pub(super) before: Option<Value>,
    /// After; absent if it is gone.
    pub(super) after: Option<Value>,
}

/// The object without what says nothing about what it does.
pub(super) fn plain(object: &Value) -> Value {
    let mut plain = object.clone();
    if let Value::Object(map) = &mut plain {
        map.remove("status");
        map.remove("apiVersion");
        map.remove("kind");
        // Which volume a claim is bound to is a matter of its own.
        if let Some(Value::Object(spec)) = map.get_mut("spec") {
            spec.remove("volumeName");
        }
        if let Some(Value::Object(metadata)) = map.get_mut("metadata") {
            METADATA.iter().for_each(|key| drop(metadata.remove(*key)));
        }
    }
    simplify(&mut plain, Inside::Object);
    plain
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Fields of Kubernetes, with its defaults.
    Object,
    /// Free text of the user: taken as it is.
    Free,
}

fn simplify(value: &mut Value, inside: Inside) {
    match value {
        Value::Object(map) => {
            for (key, below) in map.iter_mut() {
                let free =
                    matches!(key.as_str(), "data" | "stringData" | "matchLabels" | "selector" | "parameters");
                if matches!(key.as_str(), "labels" | "annotations") {
                    if let Value::Object(notes) = below {
                        notes.retain(|k, _| {
                            !NOTES.contains(&k.as_str())
                                && !k.starts_with("checksum/")
                                && !k.starts_with("pv.kubernetes.io/")
                                && !k.starts_with("volume.")
                        });
                    }
                } else {
                    simplify(below, if free { Inside::Free } else { inside });
                }
            }
            if inside == Inside::Object {
                map.retain(|key, below| !is_default(key, below));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| simplify(item, inside)),
        _ => {}
    }
}

fn is_default(key: &str, value: &Value) -> bool {
    let empty = match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    // An update strategy of nothing but defaults.
    let rolling = matches!(key, "strategy" | "updateStrategy")
        && value["type"] == "RollingUpdate"
        && value["rollingUpdate"].as_object().is_none_or(|r| r.values().all(|v| v == "25%"));
    // An empty source of a volume, and rules that select everything, say something.
    let telling = matches!(key, "emptyDir" | "podSelector" | "namespaceSelector" | "ingress" | "egress");
    (empty && !telling)
        || rolling
        || (key == "maxUnavailable" && value == "25%")
        || DEFAULTS
            .iter()
            .any(|(k, v)| *k == key && serde_json::from_str::<Value>(v).is_ok_and(|d| d == *value))
}

/// Every field in which two plain objects differ.
pub(super) fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(&mut Vec::new(), Some(before), Some(after), &mut found);
    found
}

fn compare(
    path: &mut Vec<String>,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Difference>,
) {
    match (before, after) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => maps(path, a, b, found),
        (Some(Value::Array(a)), Some(Value::Array(b))) => lists(path, a, b, found),
        (Some(a), Some(b)) if a == b => {}
        (Some(a), Some(b)) if same(&Path(path.clone()), a, b) => {}
        // One file of settings within a text.
        (Some(Value::String(a)), Some(Value::String(b))) if settings(path, a, b, found) => {}
        (None, None) => {}
        (a, b) => {
            let last = path.last().map_or("", String::as_str);
            let chosen = CHOSEN.contains(&last) && (a.is_none() || b.is_none());
            if !chosen {
                found.push(Difference { field: shown(path), before: a.cloned(), after: b.cloned() });
            }
        }
    }
}

fn maps(path: &mut Vec<String>, a: &Map<String, Value>, b: &Map<String, Value>, found: &mut Vec<Difference>) {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for key in keys {
        path.push(key.clone());
        compare(path, a.get(key), b.get(key), found);
        path.pop();
    }
}

fn lists(path: &mut Vec<String>, a: &[Value], b: &[Value], found: &mut Vec<Difference>) {
    for key in [
        &["mountPath"][..],
        &["name"],
        &["containerPort", "protocol"],
        &["port"],
        &["host"],
        &["path"],
        &["ip"],
    ] {
        let names = |items: &[Value]| -> Option<Vec<String>> {
            let names: Option<Vec<String>> = items
                .iter()
                .map(|i| {
                    let parts: Vec<String> = key
                        .iter()
                        .filter_map(|k| i.get(*k))
                        .map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned))
                        .collect();
                    (!parts.is_empty()).then(|| parts.join("/"))
                })
                .collect();
            names.filter(|n| n.iter().collect::<BTreeSet<_>>().len() == n.len())
        };
        let (Some(left), Some(right)) = (names(a), names(b)) else { continue };
        if left.is_empty() && right.is_empty() {
            return;
        }
        let all: BTreeSet<&String> = left.iter().chain(&right).collect();
        for name in all {
            let of = |names: &[String], items: &'_ [Value]| {
                names.iter().position(|n| n == name).map(|i| items[i].clone())
            };
            path.push(format!("[{name}]"));
            let (x, y) = (of(&left, a), of(&right, b));
            compare(path, x.as_ref(), y.as_ref(), found);
            path.pop();
        }
        return;
    }
    // What grants or offers several things does so in any order; commands do not.
    let ordered = matches!(path.last().map(String::as_str), Some("command" | "args"));
    if !ordered && a.len() == b.len() && a.iter().all(|i| b.contains(i)) {
        return;
    }
    for i in 0..a.len().max(b.len()) {
        path.push(format!("[{i}]"));
        compare(path, a.get(i), b.get(i), found);
        path.pop();
    }
}

/// Compares two texts as settings, if both are: by key, not by line. Whether they were.
fn settings(path: &mut Vec<String>, a: &str, b: &str, found: &mut Vec<Difference>) -> bool {
    let in_data = path.len() >= 2 && path[path.len() - 2] == "data";
    let yaml =
        |text: &str| crate::yaml::read_one(text).ok().map(|(n, _)| n.to_value()).filter(Value::is_object);
    if !in_data || !(a.contains('\n') || b.contains('\n')) {
        return false;
    }
    let (Some(left), Some(right)) = (yaml(a), yaml(b)) else { return false };
    compare(path, Some(&left), Some(&right), found);
    true
}

fn shown(path: &[String]) -> String {
    let mut out = String::new();
    for key in path {
        if !out.is_empty() && !key.starts_with('[') {
            out.push('.');
        }
        out.push_str(key);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{differences, plain};
    use serde_json::{Value, json};

    fn fields(a: &Value, b: &Value) -> Vec<String> {
        differences(&plain(a), &plain(b)).into_iter().map(|d| d.field).collect()
    }

    #[test]
    fn what_the_cluster_adds_is_no_difference() {
        let rendered = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a", "labels": {"helm.sh/chart": "x-1"}},
            "spec": {"ports": [{"port": 80, "name": "b"}, {"port": 81, "name": "a", "protocol": "TCP"}], "selector": {"a": "b"}}});
        let live = json!({"kind": "Service", "apiVersion": "v1", "metadata": {"name": "a", "uid": "1", "resourceVersion": "3"},
            "spec": {"ports": [{"port": 81, "name": "a", "protocol": "TCP"}, {"port": 80, "name": "b", "protocol": "TCP"}],
                "selector": {"a": "b"}, "type": "ClusterIP", "sessionAffinity": "None", "clusterIP": "10.0.0.1"},
            "status": {"loadBalancer": {}}});
        assert!(fields(&rendered, &live).is_empty(), "{:?}", fields(&rendered, &live));
    }

    #[test]
    fn what_differs_is_named_by_field() {
        let a = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x:1", "args": ["a", "b"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "resources": {"limits": {"cpu": "1000m"}}}]}}}});
        let b = json!({"metadata": {"name": "a"}, "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "x:2", "args": ["b", "a"],
            "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "3"}], "resources": {"limits": {"cpu": 1}}}]}}}});
        let found = fields(&a, &b);
        assert!(found.contains(&"spec.template.spec.containers[c].image".to_owned()), "{found:?}");
        assert!(found.contains(&"spec.template.spec.containers[c].env[A].value".to_owned()));
        assert!(found.iter().any(|f| f.starts_with("spec.template.spec.containers[c].args")));
        assert!(!found.iter().any(|f| f.contains("cpu") || f.contains("env[B]")));
    }

    #[test]
    fn settings_are_compared_by_key() {
        let map = |text: &str| json!({"metadata": {"name": "a"}, "data": {"application.yaml": text}});
        assert!(fields(&map("a: 1\nb: 2\n"), &map("# note\nb: 2\na: 1\n")).is_empty());
        assert_eq!(fields(&map("a: 1\nb: 2\n"), &map("a: 1\nb: 3\n")), ["data.application.yaml.b"]);
        assert_eq!(fields(&map("plain text\nmore"), &map("plain text\nless")), ["data.application.yaml"]);
    }
}
