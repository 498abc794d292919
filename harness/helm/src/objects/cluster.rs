//! What the release depends on outside of its namespace. A backup of the namespace alone lacks all of it.

use super::Objects;
use super::model::{Inventory, Nature, Object};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Groups that every Kubernetes has; the kinds of others need a definition.
const BUILT_IN: [&str; 16] = [
    "",
    "apps",
    "batch",
    "autoscaling",
    "policy",
    "extensions",
    "networking.k8s.io",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "events.k8s.io",
    "apiextensions.k8s.io",
    "admissionregistration.k8s.io",
    "node.k8s.io",
];

/// Roles and classes that every cluster has.
const EVERYWHERE: [&str; 6] =
    ["system-cluster-critical", "system-node-critical", "cluster-admin", "admin", "edit", "view"];

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_CLUSTER);
    let mut needed = needs(objects.after);
    // A volume of the old side may be replaced; whether it was by the right one is told with the claims.
    for (need, who) in needs(objects.before).into_iter().filter(|((kind, _), _)| *kind != "PersistentVolume")
    {
        needed.entry(need).or_default().extend(who);
    }
    check.compared = (needed.len() as u64).max(1);
    let any = |set: &Inventory| set.objects.values().any(|o| o.is_cluster_scoped() && o.kind != "Namespace");
    // Templates never hold them: nothing was asked, and nothing is said.
    let asked = objects.after.nature == Nature::Live || any(objects.after) || any(objects.before);
    for ((kind, name), who) in needed {
        if has(objects.after, kind, &name) {
            continue;
        }
        let before = has(objects.before, kind, &name);
        let readers: Vec<&str> = who.iter().map(String::as_str).take(3).collect();
        let subject = format!("{kind}/{name}");
        let message = format!("{subject} is not among the objects; {} depends on it", readers.join(", "));
        let mut finding = Finding::data(check.check, Kind::Missing, subject, message)
            .next("back it up and restore it with the namespace, or make it on the target before");
        if !asked {
            finding.outcome = Outcome::NotAsked;
            finding.kind = Kind::NotAsked;
            finding.next =
                "check on the target cluster that it is there; rendered manifests cannot tell".to_owned();
        } else if !before && objects.after.nature == Nature::Rendered {
            finding.outcome = Outcome::NotProven;
            finding.kind = Kind::NotCompared;
        }
        check.findings.push(finding);
    }
    // Roles that somebody outside of the namespace gave to its accounts.
    for binding in objects.before.of("ClusterRoleBinding") {
        let of_release = binding.value["subjects"].as_array().into_iter().flatten().any(|s| {
            s["kind"] == "ServiceAccount"
                && objects.before.of("ServiceAccount").any(|a| s["name"] == a.name.as_str())
        });
        check.compared += 1;
        if of_release && !has(objects.after, "ClusterRoleBinding", &binding.name) {
            let at = binding.place();
            let message = format!(
                "{} ({at}), which gives rights to an account of the release, is not among the objects",
                binding.title()
            );
            check.findings.push(
                Finding::access(check.check, Kind::Missing, binding.title(), message)
                    .next("back it up and restore it with the namespace")
                    .at(at),
            );
        }
    }
    for class in objects.before.objects.values().filter(|o| o.is_cluster_scoped()) {
        let webhook = class.kind.ends_with("WebhookConfiguration");
        if webhook && !has(objects.after, &class.kind, &class.name) && asked {
            let at = class.place();
            let message = format!("{} ({at}) is not among the objects", class.title());
            check.findings.push(
                Finding::data(check.check, Kind::Missing, class.title(), message)
                    .next("install the operator it belongs to on the target before")
                    .at(at),
            );
        }
    }
    check.note = "classes, roles, definitions and volumes that objects of the namespace name".to_owned();
    check
}

type Needs = BTreeMap<(&'static str, String), BTreeSet<String>>;

fn needs(set: &Inventory) -> Needs {
    let mut needs: Needs = BTreeMap::new();
    for object in set.objects.values().filter(|o| !o.is_cluster_scoped() && !o.is_derived()) {
        let mut need = |kind: &'static str, name: &Value| {
            if let Some(name) = name.as_str().filter(|n| !n.is_empty() && !EVERYWHERE.contains(n)) {
                needs.entry((kind, name.to_owned())).or_default().insert(object.title());
            }
        };
        if let Some(template) = object.pod_template() {
            need("PriorityClass", &template["spec"]["priorityClassName"]);
            need("RuntimeClass", &template["spec"]["runtimeClassName"]);
        }
        for template in object.field(&["spec", "volumeClaimTemplates"]).as_array().into_iter().flatten() {
            need("StorageClass", &template["spec"]["storageClassName"]);
        }
        match object.kind.as_str() {
            "PersistentVolumeClaim" => {
                need("StorageClass", object.field(&["spec", "storageClassName"]));
                need("PersistentVolume", object.field(&["spec", "volumeName"]));
            }
            "Ingress" => {
                need("IngressClass", object.field(&["spec", "ingressClassName"]));
                need(
                    "IngressClass",
                    object.field(&["metadata", "annotations", "kubernetes.io/ingress.class"]),
                );
            }
            "RoleBinding" if object.value["roleRef"]["kind"] == "ClusterRole" => {
                need("ClusterRole", &object.value["roleRef"]["name"]);
            }
            "VolumeSnapshot" => {
                need("VolumeSnapshotClass", object.field(&["spec", "volumeSnapshotClassName"]))
            }
            _ => {}
        }
        if !BUILT_IN.contains(&object.group.as_str()) {
            let kind = Value::from(format!("{}.{}", object.kind, object.group));
            need("CustomResourceDefinition", &kind);
        }
    }
    needs
}

/// What objects of the namespace depend on outside of it: kind and name.
pub(super) fn depended(set: &Inventory) -> BTreeSet<(&'static str, String)> {
    needs(set).into_keys().collect()
}

/// Whether an object outside of the namespace is the one that something depends on under a name.
pub(super) fn is_called(object: &Object, name: &str) -> bool {
    if object.kind != "CustomResourceDefinition" {
        return object.name == name;
    }
    name.split_once('.').is_some_and(|(kind, group)| {
        object.field(&["spec", "group"]) == group && object.field(&["spec", "names", "kind"]) == kind
    })
}

fn has(set: &Inventory, kind: &str, name: &str) -> bool {
    if kind == "CustomResourceDefinition" {
        return set.of(kind).any(|object| is_called(object, name));
    }
    set.within(kind, name, "").is_some()
}
