//! Clusters of several regions: every region that the old exporters wrote to is written to by the new one as well, and each
//! store is imported and migrated by one region.

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
    let mut places = Places::default();
    for workload in objects.workloads().filter(|o| o.kind == "StatefulSet") {
        let exporters = exporters(workload);
        if exporters.is_empty() {
            continue;
        }
        layouts += 1;
        places.namespaces.insert(&workload.namespace);
        places.stores.extend(stores(workload));
        judge(workload, &exporters, &mut check);
    }
    importers(objects, &places, &mut check);
    if layouts > 0 {
        check.note = format!("exporters of every region in {layouts} StatefulSets");
    }
    check
}

/// Where brokers run, and which stores they export to.
#[derive(Default)]
struct Places<'o> {
    namespaces: BTreeSet<&'o str>,
    stores: BTreeSet<&'o str>,
}

/// Addresses that the exporters of 8.8 write to, as far as they stand in the manifest.
fn stores(workload: &Object) -> impl Iterator<Item = &str> {
    let env = workload.containers().flat_map(|c| c["env"].as_array().into_iter().flatten());
    let of_region = |e: &&serde_json::Value| {
        let name = e["name"].as_str().unwrap_or_default();
        name.starts_with("ZEEBE_BROKER_EXPORTERS_CAMUNDAREGION") && name.ends_with("_ARGS_CONNECT_URL")
    };
    env.filter(of_region).filter_map(|e| e["value"].as_str()).map(|url| url.trim_end_matches('/'))
}

/// Each region with a store of its own has an importer of its own; a store that is shared has one in all.
fn importers(objects: &Inventory, places: &Places<'_>, check: &mut Check) {
    let with: Vec<&Object> =
        objects.of("Deployment").filter(|d| d.name.ends_with(super::jobs::IMPORTER)).collect();
    if with.is_empty() || places.namespaces.len() < 2 || places.stores.is_empty() {
        return;
    }
    let mut tell = |kind: Kind, subject: String, message: String, next: &str, at| {
        let found = Finding::data(checks::MIGRATION_DATA, kind, subject, message).next(next);
        check.findings.push(match at {
            Some(at) => found.at(at),
            None => found,
        });
    };
    if places.stores.len() == 1 {
        for extra in with.iter().skip(1) {
            let message = format!(
                "{} in namespace {} imports into a store that {} in namespace {} imports into as well",
                extra.title(),
                extra.namespace,
                with[0].title(),
                with[0].namespace
            );
            let subject = format!("{} namespace {}", extra.title(), extra.namespace);
            let next = "migrate a store that the regions share in one region only";
            tell(Kind::Extra, subject, message, next, Some(extra.place()));
        }
        return;
    }
    for namespace in &places.namespaces {
        if !with.iter().any(|d| d.namespace == **namespace) {
            let message = format!(
                "namespace {namespace} has brokers and no importer, and the regions have {} stores: what 8.7 wrote into its store is not imported",
                places.stores.len()
            );
            let next =
                "switch orchestration.migration.data.enabled on in every region that has a store of its own";
            tell(Kind::Missing, format!("importer namespace {namespace}"), message, next, None);
        }
    }
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

    /// Two regions in two namespaces, whose exporters write to `stores`, with importers in `importers`.
    fn regions_told(stores: [&str; 2], importers: &[&str]) -> Vec<String> {
        let mut all = Vec::new();
        for namespace in ["region-0", "region-1"] {
            let env: Vec<_> = (0..2)
                .flat_map(|n| {
                    let old = format!("ZEEBE_BROKER_EXPORTERS_ELASTICSEARCHREGION{n}");
                    let new = format!("ZEEBE_BROKER_EXPORTERS_CAMUNDAREGION{n}");
                    [
                        json!({"name": format!("{old}_CLASSNAME"), "value": "e"}),
                        json!({"name": format!("{old}_ARGS_URL"), "value": stores[n]}),
                        json!({"name": format!("{new}_CLASSNAME"), "value": "c"}),
                        json!({"name": format!("{new}_ARGS_CONNECT_URL"), "value": stores[n]}),
                    ]
                })
                .collect();
            all.push(json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "zeebe", "namespace": namespace},
                "spec": {"template": {"spec": {"containers": [{"name": "orchestration", "env": env}]}}}}));
        }
        all.extend(importers.iter().map(|namespace| {
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "zeebe-migration-importer", "namespace": namespace}})
        }));
        let objects = Inventory::of_values("x", all).unwrap();
        regions(&objects).findings.into_iter().map(|f| f.subject).collect()
    }

    #[test]
    fn each_store_is_imported_once() {
        let none = <[String; 0]>::default();
        let (own, shared) = (["http://a:9200", "http://b:9200/"], ["http://a:9200", "http://a:9200/"]);
        assert_eq!(regions_told(own, &["region-0", "region-1"]), none);
        assert_eq!(regions_told(shared, &["region-1"]), none);
        assert_eq!(regions_told(own, &["region-1"]), ["importer namespace region-0"]);
        assert_eq!(
            regions_told(shared, &["region-0", "region-1"]),
            ["Deployment/zeebe-migration-importer namespace region-1"]
        );
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
