//! What belongs to the cluster as a whole: pipelines, policies, scripts, data streams, settings, snapshots, security.

use super::super::result::CheckResult;
use super::section::Sum;
use crate::elasticsearch::{OptionalReading, PinnedEs, needed_privilege};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{AttributeDifference, Attributes, Shape};

const CHECK: &str = checks::ES_CLUSTER;

/// Pipelines, lifecycle policies, stored scripts, data streams, cluster settings, snapshots and security.
pub(super) fn compare_cluster(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let (a, b) = (source.definitions(), target.definitions());
    let mut sum = Sum::new(CHECK, "put the source's definition on the target");
    let all = |_: &mut Vec<AttributeDifference>| {};
    sum.add("ingest pipeline", &a.pipelines, &b.pipelines, all);
    sum.add("lifecycle policy", &a.lifecycle_policies, &b.lifecycle_policies, parity::keep_real_policy);
    sum.add("stored script", &a.scripts, &b.scripts, all);
    sum.add("data stream", &a.data_streams, &b.data_streams, parity::keep_real_policy);
    let settings = (
        a.cluster_settings.as_ref().map(|shape| effective(shape, &b.cluster_defaults)).map_err(String::clone),
        b.cluster_settings.as_ref().map(|shape| effective(shape, &a.cluster_defaults)).map_err(String::clone),
    );
    sum.add("cluster setting", &settings.0, &settings.1, |changed| parity::keep_real("", changed));
    optional(source, target, &mut sum);
    sum.outside(source, target, &["pipeline/", "lifecycle-policy/", "data-stream/"]);
    sum.finish(
        "pipelines, lifecycle policies, stored scripts, data streams, cluster settings, snapshot repositories and \
         policies, enrich policies, watches, users, roles, role mappings, privileges and names of API keys; where a \
         repository keeps its files, passwords and keys are never compared",
    )
}

/// The cluster settings of one side without those that the other side has as its default, be it the product's or its
/// nodes' configuration.
fn effective(shape: &Shape, others_defaults: &Attributes) -> Shape {
    let same = |attributes: &Attributes| {
        attributes.iter().all(|(name, value)| {
            let mut pair = vec![AttributeDifference {
                name: name.clone(),
                source: Some(value.clone()),
                target: others_defaults.get(name).cloned(),
            }];
            parity::keep_real("", &mut pair);
            pair.is_empty()
        })
    };
    Shape(shape.0.iter().filter(|(_, a)| !same(a)).map(|(name, a)| (name.clone(), a.clone())).collect())
}

/// Kinds that only some builds have and only some roles may read. What one side does not show is told and weighs nothing.
fn optional(source: &PinnedEs, target: &PinnedEs, sum: &mut Sum) {
    let mut unread = Vec::new();
    let mut privileges = Vec::new();
    for (a, b) in source.definitions().optional.iter().zip(&target.definitions().optional) {
        match (&a.reading, &b.reading) {
            (OptionalReading::Unknown, OptionalReading::Unknown) => {}
            (OptionalReading::Read(x), OptionalReading::Read(y)) => {
                sum.shapes(a.what, a.class, x, y, parity::keep_real_policy);
            }
            // A side without the feature has none of it; that matters only where the other side has some.
            (OptionalReading::Read(some), OptionalReading::Unknown)
            | (OptionalReading::Unknown, OptionalReading::Read(some))
                if some.0.is_empty() => {}
            (x, y) => {
                let said = |reading: &OptionalReading| match reading {
                    OptionalReading::Read(shape) => format!("{} read", shape.0.len()),
                    OptionalReading::Unknown => {
                        "the store has no such thing, or it is switched off".to_owned()
                    }
                    OptionalReading::Refused(reason) => {
                        needed_privilege(reason).map_or_else(|| reason.clone(), |p| format!("needs the {p}"))
                    }
                };
                for reading in [x, y] {
                    if let OptionalReading::Refused(reason) = reading {
                        privileges.extend(needed_privilege(reason));
                    }
                }
                unread.push(Sample::both(a.what, Some(said(x)), Some(said(y))));
            }
        }
    }
    if unread.is_empty() {
        return;
    }
    privileges.sort();
    privileges.dedup();
    let names: Vec<&str> = unread.iter().map(|s| s.item.as_str()).collect();
    let message = format!(
        "definitions of these kinds are not readable on both sides and were not compared: {}",
        names.join(", ")
    );
    let next = match privileges.is_empty() {
        true => "compare them by hand where they matter to the installation".to_owned(),
        false => {
            format!("grant the role the {}, if they matter to the installation", privileges.join(" and the "))
        }
    };
    let count = unread.len() as u64;
    sum.not_asked(
        Finding::data(CHECK, Kind::NotAsked, "elasticsearch/not-readable", message)
            .items(count, unread)
            .next(next),
    );
}
