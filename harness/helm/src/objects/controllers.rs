//! Pods and who makes them: none restored without its controller, no name with two controllers, as many as there should be.

use super::model::{Inventory, Object, texts};
use super::{Objects, Since};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeMap;

const CONTROLLERS: [&str; 4] = ["StatefulSet", "Deployment", "DaemonSet", "ReplicationController"];

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_CONTROLLERS);
    let after = objects.after;
    check.compared = 1 + after.workloads().count() as u64;
    for pod in after.of("Pod") {
        let was = objects.before.named("Pod", &pod.name, pod);
        if let Some(wrong) = orphan(pod, after) {
            let already = was.is_some_and(|was| orphan(was, objects.before).is_some());
            check.findings.push(told(check.check, pod, Kind::Extra, &wrong, Since::of(already), ORPHAN));
        }
        if let Some((wrong, sample)) = wrong_claim(pod) {
            let already = was.is_some_and(|was| wrong_claim(was).is_some());
            check.findings.push(
                told(check.check, pod, Kind::Changed, &wrong, Since::of(already), CLAIM).items(1, [sample]),
            );
        }
    }
    for (first, second) in overlaps(after) {
        let already =
            overlaps(objects.before).iter().any(|(a, b)| a.key() == first.key() && b.key() == second.key());
        let what = format!("and {} want the same pods: their selectors both match", second.title());
        check.findings.push(told(check.check, first, Kind::Disagreement, &what, Since::of(already), OVERLAP));
    }
    replicas(objects, &mut check);
    check.note = "owners of pods, selectors that overlap, numbers of replicas".to_owned();
    check
}

const ORPHAN: &str =
    "delete the pod and let its controller make it; restore controllers and volumes, never pods";
const CLAIM: &str = "delete the pod and let the StatefulSet make it with its own claim";
const OVERLAP: &str =
    "take one of the two away; two controllers for one set of pods start and stop each other's";

fn told(check: &str, object: &Object, kind: Kind, what: &str, since: Since, next: &str) -> Finding {
    let at = object.place();
    let mut finding = Finding::data(check, kind, object.title(), format!("{} ({at}) {what}", object.title()))
        .next(next)
        .at(at);
    if since == Since::Before {
        finding.outcome = Outcome::Expected;
        finding.kind = Kind::OldDirt;
    }
    finding
}

/// Why nobody answers for a pod.
fn orphan(pod: &Object, set: &Inventory) -> Option<String> {
    let Some(owner) = pod.owners().find(|o| o["controller"] != Value::Bool(false)) else {
        return Some(
            "has no controller: it was made or restored directly, and nobody brings it back".to_owned(),
        );
    };
    let (kind, name) =
        (owner["kind"].as_str().unwrap_or_default(), owner["name"].as_str().unwrap_or_default());
    // Owners of other kinds may lie outside of the dump.
    if !["StatefulSet", "ReplicaSet", "DaemonSet", "Job"].contains(&kind) {
        return None;
    }
    match set.named(kind, name, pod) {
        None if set.of(kind).next().is_none() && kind == "ReplicaSet" => None,
        None => Some(format!("names {kind}/{name} as its controller, which is not there")),
        Some(found) => {
            let (has, wants) = (found.field(&["metadata", "uid"]), &owner["uid"]);
            (!has.is_null() && !wants.is_null() && has != wants)
                .then(|| format!("belongs to an earlier {kind}/{name}, not to the one that is there"))
        }
    }
}

/// A pod of a StatefulSet with the claim of another one.
fn wrong_claim(pod: &Object) -> Option<(String, Sample)> {
    let owner = pod.owners().find(|o| o["kind"] == "StatefulSet")?["name"].as_str()?.to_owned();
    let ordinal = pod.name.strip_prefix(&format!("{owner}-"))?;
    for volume in pod.field(&["spec", "volumes"]).as_array()? {
        let (name, claim) = (
            volume["name"].as_str().unwrap_or_default(),
            volume["persistentVolumeClaim"]["claimName"].as_str(),
        );
        let wanted = format!("{name}-{owner}-{ordinal}");
        // Claims that do not follow the pattern belong to the template of the pod.
        if let Some(claim) = claim.filter(|c| c.starts_with(&format!("{name}-{owner}-")) && *c != wanted) {
            let sample = Sample::both(pod.title(), Some(wanted), Some(claim.to_owned()));
            return Some((format!("uses the claim {claim} of another pod"), sample));
        }
    }
    None
}

fn overlaps(set: &Inventory) -> Vec<(&Object, &Object)> {
    // Only controllers that share a label of their selectors can overlap.
    let mut by_label: BTreeMap<(String, String, String), Vec<&Object>> = BTreeMap::new();
    let selector = |o: &Object| texts(&o.field(&["spec", "selector"])["matchLabels"]);
    let controllers: Vec<&Object> =
        set.objects.values().filter(|o| CONTROLLERS.contains(&o.kind.as_str())).collect();
    for object in &controllers {
        for (key, value) in object.pod_labels() {
            by_label.entry((object.namespace.clone(), key, value)).or_default().push(object);
        }
    }
    let mut found = Vec::new();
    for one in &controllers {
        let wanted = selector(one);
        // The rarest label leaves the fewest to look at.
        let candidates = wanted
            .iter()
            .map(|(k, v)| {
                by_label.get(&(one.namespace.clone(), k.clone(), v.clone())).map_or(&[][..], Vec::as_slice)
            })
            .min_by_key(|c| c.len());
        for other in candidates.unwrap_or_default() {
            let labels = other.pod_labels();
            let taken = wanted.iter().all(|(k, v)| labels.get(k) == Some(v));
            let pair = if one.key() < other.key() { (*one, *other) } else { (*other, *one) };
            if taken
                && one.key() != other.key()
                && !found
                    .iter()
                    .any(|(a, b): &(&Object, &Object)| a.key() == pair.0.key() && b.key() == pair.1.key())
            {
                found.push(pair);
            }
        }
    }
    found
}

fn replicas(objects: &Objects<'_>, check: &mut Check) {
    // Without pods in the set nobody knows how many there are.
    if objects.after.of("Pod").next().is_none() {
        return;
    }
    for sts in objects.after.of("StatefulSet") {
        let wanted = sts.field(&["spec", "replicas"]).as_u64().unwrap_or(1);
        let pods = objects.after.of("Pod").filter(|p| {
            p.namespace == sts.namespace
                && p.owners().any(|o| o["kind"] == "StatefulSet" && o["name"] == sts.name.as_str())
        });
        let there = pods.count() as u64;
        if there != wanted {
            let sample =
                Sample::both(sts.title(), Some(format!("{wanted} wanted")), Some(format!("{there} there")));
            let what = format!("wants {wanted} pods and has {there}");
            let next = "wait until it has brought up its pods, or look why it cannot";
            check
                .findings
                .push(told(check.check, sts, Kind::Changed, &what, Since::Now, next).items(1, [sample]));
        }
    }
}
