//! Staging against production: what a green rehearsal on staging does not prove.

use super::model::{Inventory, Object};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeMap;

/// Compares the shape of two installations.
pub fn against(staging: &Inventory, production: &Inventory) -> Check {
    let mut check = Check::new(checks::REPRESENTATIVE);
    for there in production.objects.values().filter(|o| o.pod_template().is_some() && !o.is_derived()) {
        check.compared += 1;
        match staging.objects.get(&there.key()) {
            None => check.findings.push(unproven(
                there,
                "",
                &format!("{} runs in production and not on staging", there.title()),
                "nothing about it is proven by a rehearsal there",
                None,
            )),
            Some(here) => workload(here, there, &mut check),
        }
    }
    for here in staging.objects.values().filter(|o| o.pod_template().is_some() && !o.is_derived()) {
        if !production.objects.contains_key(&here.key()) {
            check.findings.push(told(here, "", &format!("{} runs on staging only", here.title()), None));
        }
    }
    claims(staging, production, &mut check);
    nodes(staging, production, &mut check);
    presence(staging, production, &mut check);
    check.note = "replicas, start order, placement, versions, resources, storage and nodes".to_owned();
    check
}

fn unproven(
    object: &Object,
    field: &str,
    what: &str,
    not_proven: &str,
    values: Option<(String, String)>,
) -> Finding {
    let subject = format!("{}{}{field}", object.title(), if field.is_empty() { "" } else { " " });
    let mut finding =
        Finding::not_compared(checks::REPRESENTATIVE, subject.clone(), format!("{what}: {not_proven}"))
            .next("make staging like production in this, or put into a ledger why it does not matter");
    finding.kind = Kind::Disagreement;
    finding.place = Some(object.place());
    match values {
        Some((a, b)) => finding.items(1, [Sample::both(subject, Some(a), Some(b))]),
        None => finding,
    }
}

/// Different by a factor or by design: the report says so beside every figure.
fn told(object: &Object, field: &str, what: &str, values: Option<(String, String)>) -> Finding {
    Finding {
        outcome: Outcome::Expected,
        ..unproven(object, field, what, "timings do not carry over as they are", values)
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn workload(here: &Object, there: &Object, check: &mut Check) {
    let number = |o: &Object| o.field(&["spec", "replicas"]).as_u64().unwrap_or(1);
    let (a, b) = (number(here), number(there));
    if a != b && here.kind != "Job" {
        let what = format!("{} has {a} replicas on staging and {b} in production", there.title());
        let why = if a == 1 && b > 1 {
            "elections, quorum, fail-over and the start of several at once were never tried"
        } else {
            "a cluster of another size behaves differently when it starts or loses a node"
        };
        check.findings.push(unproven(there, "replicas", &what, why, Some((a.to_string(), b.to_string()))));
    }
    let exact: [(&str, &[&str], &str); 2] = [
        ("start order", &["spec", "podManagementPolicy"], "the order in which pods start is another one"),
        ("update strategy", &["spec", "updateStrategy", "type"], "pods are replaced in another way"),
    ];
    for (name, path, why) in exact {
        let default = if name == "start order" { "OrderedReady" } else { "RollingUpdate" };
        let value = |o: &Object| match o.field(path) {
            Value::Null => default.to_owned(),
            other => text(other),
        };
        let (a, b) = (value(here), value(there));
        if a != b && there.kind == "StatefulSet" {
            check.findings.push(unproven(
                there,
                name,
                &format!("{} has another {name}", there.title()),
                why,
                Some((a, b)),
            ));
        }
    }
    let placement = |o: &Object| {
        let affinity =
            o.pod_template().map(|t| t["spec"]["affinity"]["podAntiAffinity"].clone()).unwrap_or_default();
        let list = |key: &str| affinity[key].as_array().is_some_and(|l| !l.is_empty());
        if list("requiredDuringSchedulingIgnoredDuringExecution") {
            "required"
        } else if list("preferredDuringSchedulingIgnoredDuringExecution") {
            "preferred"
        } else {
            "none"
        }
    };
    let (a, b) = (placement(here), placement(there));
    if a != b {
        let what = format!("{} keeps its pods apart differently", there.title());
        let why = "whether every pod finds a node, and what one lost node takes with it, was not tried";
        check.findings.push(unproven(there, "anti-affinity", &what, why, Some((a.to_owned(), b.to_owned()))));
    }
    containers(here, there, check);
}

fn containers(here: &Object, there: &Object, check: &mut Check) {
    let by_name = |o: &Object| -> BTreeMap<String, Value> {
        o.containers().map(|c| (text(&c["name"]), c.clone())).collect()
    };
    let (here_all, there_all) = (by_name(here), by_name(there));
    for (name, b) in &there_all {
        let Some(a) = here_all.get(name) else { continue };
        // Another registry serves the same image; another tag is another program.
        let version = |c: &Value| {
            let image = text(&c["image"]);
            image.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let (x, y) = (version(a), version(b));
        if x != y {
            let what = format!("{} runs another version of {name}", there.title());
            check.findings.push(unproven(
                there,
                &format!("{name} image"),
                &what,
                "the program that is migrated is another one",
                Some((x, y)),
            ));
        }
        for (kind, resource) in
            [("requests", "cpu"), ("requests", "memory"), ("limits", "cpu"), ("limits", "memory")]
        {
            let (x, y) = (&a["resources"][kind][resource], &b["resources"][kind][resource]);
            let (p, q) = (crate::values::amount(x), crate::values::amount(y));
            if let Some(what) = factor(p, q) {
                let what =
                    format!("{} {name} has {what} the {resource} ({kind}) in production", there.title());
                check.findings.push(told(
                    there,
                    &format!("{name} {kind}.{resource}"),
                    &what,
                    Some((text(x), text(y))),
                ));
            }
        }
    }
}

/// `4.0 times`; `None` if there is nothing to tell.
fn factor(here: Option<f64>, there: Option<f64>) -> Option<String> {
    match (here, there) {
        (Some(a), Some(b)) if a > 0.0 && (b / a - 1.0).abs() > 0.01 => Some(format!("{:.1} times", b / a)),
        (Some(_), None) | (None, Some(_)) => Some("not the same limit of".to_owned()),
        _ => None,
    }
}

/// Claims by template or by name: class, access and size.
fn claims(staging: &Inventory, production: &Inventory, check: &mut Check) {
    let claims = |set: &Inventory| -> BTreeMap<String, (Object, Value)> {
        let mut claims = BTreeMap::new();
        for sts in set.of("StatefulSet") {
            for template in sts.field(&["spec", "volumeClaimTemplates"]).as_array().into_iter().flatten() {
                claims.insert(
                    format!("{} {}", sts.title(), text(&template["metadata"]["name"])),
                    (sts.clone(), template["spec"].clone()),
                );
            }
        }
        claims
    };
    let (here, there) = (claims(staging), claims(production));
    for (name, (object, b)) in &there {
        check.compared += 1;
        let Some((_, a)) = here.get(name) else { continue };
        let fields = [
            ("storageClassName", "another disk behaves differently under load and when it is moved"),
            ("accessModes", "volumes are attached in another way"),
        ];
        for (field, why) in fields {
            if a[field] != b[field] {
                let what = format!("{name} has another {field}");
                check.findings.push(unproven(
                    object,
                    &format!("{name} {field}"),
                    &what,
                    why,
                    Some((text(&a[field]), text(&b[field]))),
                ));
            }
        }
        let size = |v: &Value| v["resources"]["requests"]["storage"].clone();
        if let Some(what) = factor(crate::values::amount(&size(a)), crate::values::amount(&size(b))) {
            let what = format!("{name} has {what} the space in production");
            check.findings.push(told(
                object,
                &format!("{name} size"),
                &what,
                Some((text(&size(a)), text(&size(b)))),
            ));
        }
    }
}

fn nodes(staging: &Inventory, production: &Inventory, check: &mut Check) {
    let shape = |set: &Inventory| {
        let nodes: Vec<&Object> = set.of("Node").collect();
        let sum = |resource: &str| -> f64 {
            nodes
                .iter()
                .filter_map(|n| crate::values::amount(n.field(&["status", "allocatable", resource])))
                .sum()
        };
        (nodes.len(), sum("cpu"), sum("memory"))
    };
    let (a, b) = (shape(staging), shape(production));
    let Some(node) = production.of("Node").next() else { return };
    check.compared += b.0 as u64;
    if a.0 == 0 {
        check.findings.push(unproven(
            node,
            "count",
            "the dump of staging holds no nodes",
            "whether they are like those of production is not known",
            None,
        ));
        return;
    }
    if a.0 != b.0 {
        let what = format!("staging has {} nodes and production {}", a.0, b.0);
        check.findings.push(unproven(
            node,
            "count",
            &what,
            "how pods spread, and what one lost node takes with it, was not tried",
            Some((a.0.to_string(), b.0.to_string())),
        ));
    }
    for (name, x, y) in [("cpu", a.1, b.1), ("memory", a.2, b.2)] {
        if let Some(what) = factor(Some(x), Some(y)) {
            check.findings.push(told(
                node,
                name,
                &format!("production's nodes have {what} the {name} in all"),
                None,
            ));
        }
    }
}

/// What is there or not, as a whole.
fn presence(staging: &Inventory, production: &Inventory, check: &mut Check) {
    for (kind, why) in [
        ("NetworkPolicy", "traffic that production forbids was never tried"),
        ("PodDisruptionBudget", "evictions that production refuses were never tried"),
        ("ResourceQuota", "a quota that stops extra pods during the migration was never met"),
        ("Ingress", "the way users come in was not part of it"),
    ] {
        let Some(first) = production.of(kind).next() else { continue };
        check.compared += 1;
        if staging.of(kind).next().is_none() {
            check.findings.push(unproven(
                first,
                "",
                &format!("production has {kind} objects and staging none"),
                why,
                None,
            ));
        }
    }
}
