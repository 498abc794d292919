//! What among the objects is a Bitnami part, or points at one.

use super::Objects;
use super::model::{Inventory, Object};
use crate::bitnami::{chart_is_bitnami, hosts_in, image_is_bitnami, paths_in};
use crate::check::Check;
use crate::values::Bitnami;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_BITNAMI);
    let after = objects.after;
    check.compared = (after.objects.len() as u64).max(1);
    for object in after.objects.values() {
        let signs = signs(object, objects.release);
        if !signs.is_empty() {
            let at = object.place();
            let all: Vec<&str> = signs.iter().map(String::as_str).take(4).collect();
            let message =
                format!("{} ({at}) is a Bitnami part or points at one: {}", object.title(), all.join("; "));
            let mut told = Finding::data(check.check, Kind::Extra, object.title(), message)
                .next("nothing, as long as the part shall stay; else take it away once nothing uses it")
                .at(at);
            told.count = signs.len() as u64;
            told.outcome = match objects.bitnami {
                Bitnami::Stays => Outcome::Expected,
                Bitnami::Leaves => Outcome::Different,
            };
            check.findings.push(told);
        }
        for (host, whose) in dangling(object, after, objects.release) {
            let at = object.place();
            let message =
                format!("{} ({at}) points at {host}, a service that is not there: {whose}", object.title());
            check.findings.push(
                Finding::access(check.check, Kind::Unusable, format!("{} {host}", object.title()), message)
                    .next("point it at what takes the part's place")
                    .at(at),
            );
        }
    }
    check.note = "labels, images, paths, variables, claims and hosts of Bitnami's charts".to_owned();
    check
}

fn signs(object: &Object, release: &str) -> BTreeSet<String> {
    let mut signs = BTreeSet::new();
    if let Some(chart) = object.labels().get("helm.sh/chart").filter(|c| chart_is_bitnami(c)) {
        signs.insert(format!("chart {chart}"));
    }
    for container in object.containers() {
        if let Some(image) = container["image"].as_str().filter(|i| image_is_bitnami(i)) {
            signs.insert(format!("image {image}"));
        }
        for env in container["env"].as_array().into_iter().flatten() {
            if env["name"] == "BITNAMI_DEBUG" {
                signs.insert("variable BITNAMI_DEBUG".to_owned());
            }
            for path in env["value"].as_str().map(paths_in).unwrap_or_default() {
                signs.insert(format!("path {path}"));
            }
        }
        for mount in container["volumeMounts"].as_array().into_iter().flatten() {
            for path in mount["mountPath"].as_str().map(paths_in).unwrap_or_default() {
                signs.insert(format!("path {path}"));
            }
        }
    }
    if object.kind == "PersistentVolumeClaim" && claim_is_bitnami(&object.name, release) {
        signs.insert(format!("claim {}", object.name));
    }
    if object.kind == "PersistentVolume"
        && let Some(claim) =
            object.field(&["spec", "claimRef", "name"]).as_str().filter(|c| claim_is_bitnami(c, release))
    {
        signs.insert(format!("volume of claim {claim}"));
    }
    signs
}

/// `data-camunda-postgresql-0`.
fn claim_is_bitnami(claim: &str, release: &str) -> bool {
    let Some(rest) =
        claim.strip_prefix("data-").and_then(|c| c.strip_prefix(release)).and_then(|c| c.strip_prefix('-'))
    else {
        return false;
    };
    let Some((part, ordinal)) = rest.rsplit_once('-') else { return false };
    ordinal.parse::<u32>().is_ok()
        && [
            "elasticsearch-master",
            "elasticsearch-data",
            "postgresql",
            "identity-postgresql",
            "postgresql-web-modeler",
            "keycloak",
        ]
        .contains(&part)
}

/// Hosts of Bitnami services that an object names and that are not among the objects.
fn dangling(object: &Object, set: &Inventory, release: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if set.of("Service").next().is_none() {
        return found;
    }
    let mut see = |text: &str, whose: &str| {
        for (host, service) in hosts_in(text, release) {
            let name = format!("{release}-{service}");
            // In prose and in names of other things the words mean nothing: a host has a port, a scheme or a domain.
            let address = text.contains(&format!("{host}:"))
                || text.contains(&format!("//{host}"))
                || host.contains('.')
                || text == host;
            if address && !set.of("Service").any(|s| s.name == name) {
                found.entry(host).or_insert_with(|| whose.to_owned());
            }
        }
    };
    if object.kind == "ConfigMap" {
        for (key, text) in object.value["data"].as_object().into_iter().flatten() {
            see(text.as_str().unwrap_or_default(), key);
        }
    }
    if object.kind != "Pod" && object.kind != "ReplicaSet" {
        for container in object.containers() {
            for env in container["env"].as_array().into_iter().flatten() {
                let name = env["name"].as_str().unwrap_or_default();
                see(env["value"].as_str().unwrap_or_default(), name);
            }
            for arg in ["command", "args"].iter().flat_map(|k| container[*k].as_array().into_iter().flatten())
            {
                see(arg.as_str().unwrap_or_default(), "its command");
            }
        }
    }
    found
}
