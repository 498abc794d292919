//! Clusters of several regions: every region that the old exporters wrote to is written to by the new one as well.

use crate::check::Check;
use crate::objects::{Inventory, Object};
use drydock_core::finding::{Finding, Kind};
use drydock_core::names::checks;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};

/// Gateway settings that are still read after the gateway has moved into the broker: by the migration jobs.
const STILL_READ: &str = "ZEEBE_GATEWAY_CLUSTER_MESSAGECOMPRESSION";

/// Which exporters a workload has: by kind and region, the settings that are there.
type Exporters = BTreeMap<(&'static str, u32), BTreeSet<String>>;

/// Judges the environment of the brokers among `objects`. Where no exporter is named after a region there is nothing to say.
pub fn regions(objects: &Inventory) -> Check {
    let mut check = Check::new(checks::MIGRATION_DATA);
    let mut layouts = 0;
    for workload in objects.workloads().filter(|o| o.kind == "StatefulSet") {
        let exporters = exporters(workload);
        if exporters.is_empty() {
            continue;
        }
        layouts += 1;
        judge(workload, &exporters, &mut check);
    }
    if layouts > 0 {
        check.note = format!("exporters of every region in {layouts} StatefulSets");
    }
    check
}

fn names(workload: &Object) -> impl Iterator<Item = &str> {
    let env = workload.containers().flat_map(|c| c["env"].as_array().into_iter().flatten());
    env.filter_map(|e| e["name"].as_str())
}

fn exporters(workload: &Object) -> Exporters {
    let mut found = Exporters::new();
    let Ok(name) =
        Regex::new(r"^ZEEBE_BROKER_EXPORTERS_(ELASTICSEARCH|OPENSEARCH|CAMUNDA)REGION(\d+)_(\w+)$")
    else {
        return found;
    };
    for parts in names(workload).filter_map(|n| name.captures(n)) {
        let kind = if &parts[1] == "CAMUNDA" { "new" } else { "old" };
        let Ok(region) = parts[2].parse() else { continue };
        found.entry((kind, region)).or_default().insert(parts[3].to_owned());
    }
    found
}

fn judge(workload: &Object, exporters: &Exporters, check: &mut Check) {
    let at = workload.place();
    let mut tell = |kind: Kind, subject: String, what: String, next: &str| {
        let message = format!("{} ({at}): {what}", workload.title());
        check
            .findings
            .push(Finding::data(checks::MIGRATION_DATA, kind, subject, message).next(next).at(at.clone()));
    };
    let of = |kind: &str| -> BTreeSet<u32> {
        exporters.keys().filter(|(k, _)| *k == kind).map(|(_, region)| *region).collect()
    };
    let (old, new) = (of("old"), of("new"));
    for region in old.difference(&new) {
        let what =
            format!("region {region} has no exporter of 8.8: nothing that happens from now on is seen there");
        tell(
            Kind::Missing,
            format!("{} region {region}", workload.title()),
            what,
            "add ZEEBE_BROKER_EXPORTERS_CAMUNDAREGION<N>_CLASSNAME and _ARGS_CONNECT_URL for it",
        );
    }
    for region in new.difference(&old).filter(|_| !old.is_empty()) {
        let what = format!(
            "region {region} has an exporter of 8.8 and none of 8.7: its importer never finishes, and Optimize there stands still"
        );
        tell(
            Kind::Missing,
            format!("{} region {region}", workload.title()),
            what,
            "keep the old exporter of the region until its import has finished",
        );
    }
    for ((kind, region), settings) in exporters {
        let address = if *kind == "new" { "ARGS_CONNECT_URL" } else { "ARGS_URL" };
        for setting in ["CLASSNAME", address].iter().filter(|s| !settings.contains(**s)) {
            let what = format!("the exporter of region {region} lacks its {setting}");
            tell(
                Kind::Missing,
                format!("{} region {region} {setting}", workload.title()),
                what,
                "add the variable: without it the broker does not start, or exports to nowhere",
            );
        }
    }
    let brokers_of_8_8 = !new.is_empty();
    let left: BTreeSet<&str> =
        names(workload).filter(|n| n.starts_with("ZEEBE_GATEWAY_") && *n != STILL_READ).collect();
    if brokers_of_8_8 && let Some(first) = left.first() {
        let what = format!("{} variables such as {first} are not read any more", left.len());
        tell(
            Kind::Unusable,
            format!("{} {first}", workload.title()),
            what,
            "call them ZEEBE_BROKER_GATEWAY_…",
        );
    }
    check.compared += exporters.len() as u64;
}

#[cfg(test)]
mod tests {
    use super::regions;
    use crate::objects::Inventory;
    use serde_json::json;

    fn told(names: &[&str]) -> Vec<String> {
        let env: Vec<_> = names.iter().map(|n| json!({"name": n, "value": "x"})).collect();
        let broker = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "zeebe"},
            "spec": {"template": {"spec": {"containers": [{"name": "orchestration", "env": env}]}}}});
        let objects = Inventory::of_values("x", vec![broker]).unwrap();
        regions(&objects).findings.into_iter().map(|f| f.subject).collect()
    }

    #[test]
    fn each_region_is_exported_by_both_or_told() {
        let old = |n: u32| {
            [
                format!("ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION{n}_CLASSNAME"),
                format!("ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION{n}_ARGS_URL"),
            ]
        };
        let new = |n: u32| {
            [
                format!("ZEEBE_BROKER_EXPORTERS_CAMUNDAREGION{n}_CLASSNAME"),
                format!("ZEEBE_BROKER_EXPORTERS_CAMUNDAREGION{n}_ARGS_CONNECT_URL"),
            ]
        };
        let all: Vec<String> = [old(0), old(1), new(0), new(1)].concat();
        let mut names: Vec<&str> = all.iter().map(String::as_str).collect();
        names.push("ZEEBE_GATEWAY_CLUSTER_MESSAGECOMPRESSION");
        assert_eq!(told(&names), <[String; 0]>::default());
        assert_eq!(told(&names[..6]), ["StatefulSet/zeebe region 1"], "an exporter of 8.8 is missing");
        assert_eq!(told(&names[2..8]), ["StatefulSet/zeebe region 0"], "an exporter of 8.7 is missing");
        assert_eq!(told(&names[..7]), ["StatefulSet/zeebe region 1 ARGS_CONNECT_URL"]);
        names.push("ZEEBE_GATEWAY_CLUSTER_HOST");
        assert_eq!(told(&names), ["StatefulSet/zeebe ZEEBE_GATEWAY_CLUSTER_HOST"]);
        assert_eq!(
            told(&["ZEEBE_GATEWAY_X", "OTHER"]),
            <[String; 0]>::default(),
            "one region is no layout of regions"
        );
    }
}
