//! Claims and volumes: none left behind, none empty in the place of a full one, none bound to the wrong side.

use super::Objects;
use super::model::{Inventory, Object};
use crate::check::Check;
use crate::values::{Path, same};
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_STORAGE);
    check.compared = 1;
    templates(objects, &mut check);
    claims(objects, &mut check);
    volumes(objects, &mut check);
    check.note =
        "claims that StatefulSets make, claims and volumes that are there, and what is bound to what"
            .to_owned();
    check
}

/// Names of the claims that StatefulSets make, with the set and the template.
fn expected(set: &Inventory) -> BTreeMap<(String, String), (&Object, &Value)> {
    let mut claims = BTreeMap::new();
    for sts in set.of("StatefulSet") {
        let replicas = sts.field(&["spec", "replicas"]).as_u64().unwrap_or(1).min(1000);
        for template in sts.field(&["spec", "volumeClaimTemplates"]).as_array().into_iter().flatten() {
            let name = template["metadata"]["name"].as_str().unwrap_or_default();
            for ordinal in 0..replicas {
                let claim = format!("{name}-{}-{ordinal}", sts.name);
                claims.insert((sts.namespace.clone(), claim), (sts, template));
            }
        }
    }
    claims
}

fn templates(objects: &Objects<'_>, check: &mut Check) {
    let (before, after) = (expected(objects.before), expected(objects.after));
    check.compared += after.len() as u64;
    for ((namespace, claim), (sts, _)) in &before {
        if after.contains_key(&(namespace.clone(), claim.clone())) {
            continue;
        }
        let at = sts.place();
        let subject = format!("PersistentVolumeClaim/{claim}");
        // Fewer replicas of the same set are another matter than a set that is gone.
        let still = objects.after.named("StatefulSet", &sts.name, sts).is_some();
        let why = if still {
            "has fewer replicas or another claim template"
        } else {
            "is gone or has another name"
        };
        check.findings.push(
            Finding::data(
                check.check,
                Kind::Missing,
                subject,
                format!("the claim {claim} is left behind with its data: {} ({at}) {why}", sts.title()),
            )
            .next("keep the StatefulSet's name and templates, or move the data first; put what is meant into a ledger")
            .at(at),
        );
    }
    for ((namespace, claim), (sts, _)) in &after {
        if before.contains_key(&(namespace.clone(), claim.clone())) || before.is_empty() {
            continue;
        }
        let there =
            objects.after.of("PersistentVolumeClaim").any(|c| c.name == *claim && c.namespace == *namespace);
        let at = sts.place();
        let what = if there { "was not one of this release before" } else { "is made anew, and is empty" };
        check.findings.push(
            Finding::data(
                check.check,
                Kind::Extra,
                format!("PersistentVolumeClaim/{claim}"),
                format!("{} ({at}) starts with the claim {claim}, which {what}", sts.title()),
            )
            .next("make sure that it shall start without data, and put that into a ledger")
            .at(at),
        );
    }
}

fn claims(objects: &Objects<'_>, check: &mut Check) {
    for claim in objects.before.of("PersistentVolumeClaim") {
        check.compared += 1;
        let Some(now) = objects.after.named("PersistentVolumeClaim", &claim.name, claim) else { continue };
        let volume = |c: &Object| {
            c.field(&["spec", "volumeName"]).as_str().filter(|v| !v.is_empty()).map(str::to_owned)
        };
        if let (Some(was), Some(is)) = (volume(claim), volume(now))
            && was != is
            && !same_volume(objects, &was, &is)
        {
            let at = now.place();
            check.findings.push(
                Finding::data(
                    check.check,
                    Kind::Changed,
                    claim.title(),
                    format!("{} ({at}) is bound to another volume than before", claim.title()),
                )
                .items(1, [Sample::both(claim.title(), Some(was), Some(is))])
                .next("bind it to the volume that holds its data (spec.claimRef of the volume)")
                .at(at),
            );
        }
        let size = |c: &Object| c.field(&["spec", "resources", "requests", "storage"]).clone();
        if !same(&Path::parse("storage"), &size(claim), &size(now)) {
            let at = now.place();
            let text = |v: Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            check.findings.push(
                Finding::data(
                    check.check,
                    Kind::Changed,
                    format!("{} size", claim.title()),
                    format!("{} ({at}) has another size", claim.title()),
                )
                .items(1, [Sample::both(claim.title(), Some(text(size(claim))), Some(text(size(now))))])
                .next("a claim can grow where its class allows it, and never shrink")
                .at(at),
            );
        }
    }
    for claim in objects.after.of("PersistentVolumeClaim") {
        let phase = claim.field(&["status", "phase"]).as_str().unwrap_or("Bound");
        let was = objects.before.named("PersistentVolumeClaim", &claim.name, claim);
        let before = was.map(|c| c.field(&["status", "phase"]).as_str().unwrap_or("Bound").to_owned());
        if phase != "Bound" && before.as_deref() != Some(phase) {
            let at = claim.place();
            check.findings.push(
                Finding::data(
                    check.check,
                    Kind::Unusable,
                    claim.title(),
                    format!("{} ({at}) is {phase}", claim.title()),
                )
                .next("look at its events; a claim that is Lost has lost its volume")
                .at(at),
            );
        }
    }
}

/// Volumes of two clusters that hold the same data: restored from the same snapshot or on the same disk.
fn same_volume(objects: &Objects<'_>, was: &str, is: &str) -> bool {
    let handle = |set: &Inventory, name: &str| {
        let volume = set.of("PersistentVolume").find(|v| v.name == name)?;
        let spec = &volume.value["spec"];
        let handle = spec["csi"]["volumeHandle"].as_str().or_else(|| spec["nfs"]["path"].as_str());
        handle.map(str::to_owned)
    };
    let (a, b) = (handle(objects.before, was), handle(objects.after, is));
    a.is_some() && a == b
}

fn volumes(objects: &Objects<'_>, check: &mut Check) {
    for volume in objects.before.of("PersistentVolume") {
        check.compared += 1;
        let Some(now) = objects.after.objects.get(&volume.key()) else { continue };
        let policy = |v: &Object| {
            v.field(&["spec", "persistentVolumeReclaimPolicy"]).as_str().unwrap_or("Retain").to_owned()
        };
        let (was, is) = (policy(volume), policy(now));
        if was != is && is == "Delete" {
            let at = now.place();
            check.findings.push(
                Finding::data(
                    check.check,
                    Kind::Changed,
                    format!("{} reclaim policy", volume.title()),
                    format!("{} ({at}) is deleted with its claim now", volume.title()),
                )
                .items(1, [Sample::both(volume.title(), Some(was), Some(is))])
                .next("set persistentVolumeReclaimPolicy back to Retain until the migration is accepted")
                .at(at),
            );
        }
    }
    for volume in objects.after.of("PersistentVolume") {
        let claim = volume.field(&["spec", "claimRef"]);
        let (name, phase) = (claim["name"].as_str(), volume.field(&["status", "phase"]).as_str());
        let was = objects.before.objects.get(&volume.key());
        let released = matches!(phase, Some("Released" | "Failed"));
        let orphan = name.is_some_and(|name| {
            let namespace = claim["namespace"].as_str().unwrap_or_default();
            !objects
                .after
                .of("PersistentVolumeClaim")
                .any(|c| c.name == name && (c.namespace.is_empty() || c.namespace == namespace))
        });
        let already = was.is_some_and(|w| {
            w.field(&["status", "phase"]).as_str() == phase
                && w.field(&["spec", "claimRef", "name"]).as_str() == name
                && released
        });
        if released || orphan {
            let at = volume.place();
            let claim = name.unwrap_or("no claim");
            let mut finding = Finding::data(
                check.check,
                Kind::Extra,
                volume.title(),
                format!("{} ({at}) holds the data of {claim}, and no claim is bound to it", volume.title()),
            )
            .next("bind the claim to it again, or say in a ledger that its data is not needed")
            .at(at);
            if already {
                finding.outcome = Outcome::Expected;
                finding.kind = Kind::OldDirt;
            }
            check.findings.push(finding);
        }
    }
}
