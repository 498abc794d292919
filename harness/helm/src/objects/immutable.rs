//! Fields that Kubernetes refuses to change: the upgrade stops at them, or the object must be deleted first.

use super::Objects;
use super::meaning::{differences, plain};
use super::model::Object;
use crate::check::Check;
use crate::values::{Path, same};
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use serde_json::Value;

/// Fields by kind.
const FIELDS: [(&str, &[&[&str]]); 9] = [
    (
        "StatefulSet",
        &[
            &["spec", "selector"],
            &["spec", "serviceName"],
            &["spec", "podManagementPolicy"],
            &["spec", "volumeClaimTemplates"],
        ],
    ),
    ("Deployment", &[&["spec", "selector"]]),
    ("DaemonSet", &[&["spec", "selector"]]),
    ("Job", &[&["spec", "selector"], &["spec", "template"], &["spec", "completionMode"]]),
    (
        "PersistentVolumeClaim",
        &[&["spec", "accessModes"], &["spec", "storageClassName"], &["spec", "selector"]],
    ),
    ("StorageClass", &[&["provisioner"], &["parameters"], &["reclaimPolicy"], &["volumeBindingMode"]]),
    ("RoleBinding", &[&["roleRef"]]),
    ("ClusterRoleBinding", &[&["roleRef"]]),
    ("PriorityClass", &[&["value"]]),
];

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_IMMUTABLE);
    // That no object is there on both sides is told by the contents.
    check.compared = 1;
    for before in objects.before.objects.values().filter(|o| !o.is_derived()) {
        let Some(after) = objects.after.objects.get(&before.key()) else { continue };
        check.compared += 1;
        // Another object under the same name was made anew, not changed.
        let uid = |o: &Object| o.field(&["metadata", "uid"]).as_str().map(str::to_owned);
        if let (Some(was), Some(is)) = (uid(before), uid(after))
            && was != is
        {
            continue;
        }
        let (a, b) = (plain(&before.value), plain(&after.value));
        let fields =
            FIELDS.iter().find(|(kind, _)| *kind == before.kind).map_or(&[][..], |(_, fields)| fields);
        for field in fields {
            let at = |v: &Value| field.iter().fold(v.clone(), |v, key| v[*key].clone());
            let (x, y) = (at(&a), at(&b));
            // What one side leaves to the cluster is not a change.
            let chosen = matches!(field.last(), Some(&"storageClassName" | &"selector"))
                && (x.is_null() || y.is_null());
            if chosen || same(&Path(field.iter().map(|f| (*f).to_owned()).collect()), &x, &y) {
                continue;
            }
            let inside = differences(&x, &y);
            if inside.is_empty() {
                continue;
            }
            let samples: Vec<Sample> = inside
                .iter()
                .map(|d| {
                    let text = |v: &Option<Value>| v.as_ref().map(short);
                    Sample::both(
                        format!(
                            "{}{}{}",
                            field.join("."),
                            if d.field.is_empty() { "" } else { "." },
                            d.field
                        ),
                        text(&d.before),
                        text(&d.after),
                    )
                })
                .collect();
            check.findings.push(refused(before, after, &field.join("."), samples, check.check));
        }
        let frozen = |o: &Object| o.value["immutable"] == Value::Bool(true);
        if matches!(before.kind.as_str(), "Secret" | "ConfigMap") && frozen(before) && a["data"] != b["data"]
        {
            check.findings.push(refused(before, after, "data", Vec::new(), check.check));
        }
        let ip = |o: &Object| o.field(&["spec", "clusterIP"]).as_str().map(str::to_owned);
        if before.kind == "Service"
            && let (x, y) = (ip(before), ip(after))
            && x != y
            && (x.as_deref() == Some("None") || y.as_deref() == Some("None") || (x.is_some() && y.is_some()))
        {
            let sample = Sample::both("spec.clusterIP", x, y);
            check.findings.push(refused(before, after, "spec.clusterIP", vec![sample], check.check));
        }
    }
    check.note = "selectors, claim templates and other fields that are set once and for all".to_owned();
    check
}

fn short(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() > 120 {
        format!("{}…", text.chars().take(120).collect::<String>())
    } else {
        text
    }
}

fn refused(before: &Object, after: &Object, field: &str, samples: Vec<Sample>, check: &str) -> Finding {
    let at = after.place();
    let message =
        format!("{} ({at}): {field} cannot be changed in place; the upgrade is refused", before.title());
    let next = match before.kind.as_str() {
        "StatefulSet" => {
            "delete the StatefulSet and leave its pods and claims (--cascade=orphan), or put the field back"
        }
        "Job" => "delete the finished Job before the upgrade",
        _ => "put the field back, or delete the object before the upgrade",
    };
    let count = samples.len().max(1) as u64;
    Finding::data(check, Kind::Unusable, format!("{} {field}", before.title()), message)
        .items(count, samples)
        .next(next)
        .at(at)
}
