//! Corruptions of templates and of what belongs to the cluster as a whole.

use super::World;
use super::indices::put;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Bodies = BTreeMap<String, Value>;

/// One kind of definition of a world, and the check that compares it.
#[derive(Clone, Copy)]
struct Of(&'static str, fn(&mut World) -> &mut Bodies);

const INDEX: Of = Of(checks::ES_TEMPLATES, |world| &mut world.index_templates);
const COMPONENT: Of = Of(checks::ES_TEMPLATES, |world| &mut world.component_templates);
const LEGACY: Of = Of(checks::ES_TEMPLATES, |world| &mut world.legacy_templates);
const CLUSTER: Of = Of(checks::ES_CLUSTER, |world| &mut world.cluster);

impl Of {
    /// Changes the definition whose name begins so; `told` is the attribute that the check must name.
    fn changed(
        self,
        title: &str,
        begins: &'static str,
        pointer: &'static str,
        value: Value,
        told: &'static str,
    ) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice| {
            let bodies = (self.1)(world);
            let names: Vec<String> = bodies.keys().filter(|name| name.starts_with(begins)).cloned().collect();
            let name = dice.pick(&names)?;
            put(bodies.get_mut(name)?, pointer, &value)?;
            Some(Planted::new(self.0, Kind::Changed, name).named(told))
        })
    }

    fn lost(self, title: &str, begins: &'static str) -> Variant<World> {
        Variant::new(title, move |world: &mut World, dice| {
            let bodies = (self.1)(world);
            let names: Vec<String> = bodies.keys().filter(|name| name.starts_with(begins)).cloned().collect();
            let name = dice.pick(&names)?;
            bodies.remove(name)?;
            Some(Planted::new(self.0, Kind::Missing, name).count(1))
        })
    }

    fn extra(self, title: &str, name: &'static str) -> Variant<World> {
        Variant::new(title, move |world: &mut World, _| {
            (self.1)(world).insert(name.to_owned(), json!({"version": 1}));
            Some(Planted::new(self.0, Kind::Extra, name).count(1))
        })
    }
}

fn templates() -> Vec<Variant<World>> {
    let null = || Value::Null;
    let index = |title: &str, pointer, value, told| INDEX.changed(title, "template/", pointer, value, told);
    let legacy =
        |title: &str, pointer, value, told| LEGACY.changed(title, "legacy-template/", pointer, value, told);
    let component = |title: &str, pointer, value, told| {
        COMPONENT.changed(title, "component-template/", pointer, value, told)
    };
    vec![
        INDEX.lost("index template lost", "template/"),
        INDEX.extra("index template too much", "template/left-over"),
        index("pattern of a template lost", "/index_patterns/0", null(), "index_patterns"),
        index("pattern of a template changed", "/index_patterns/0", json!("elsewhere-*"), "index_patterns"),
        index("priority of a template changed", "/priority", json!(0), "priority"),
        index("priority of a template lost", "/priority", null(), "priority"),
        index("component of a template lost", "/composed_of/1", null(), "composed_of"),
        index(
            "components of a template in another order",
            "/composed_of",
            json!(["shared", "operate-list-view"]),
            "composed_of",
        ),
        index("version of a template changed", "/version", json!(3), "version"),
        index("meta of a template lost", "/_meta", null(), "_meta.made_by"),
        index("indices not made on their own", "/allow_auto_create", json!(false), "allow_auto_create"),
        index("template for data streams", "/data_stream", json!({"hidden": true}), "data_stream.hidden"),
        index(
            "shards of tomorrow's index",
            "/template/settings/number_of_shards",
            json!(1),
            "setting number_of_shards",
        ),
        index(
            "replicas of tomorrow's index",
            "/template/settings/number_of_replicas",
            json!(0),
            "setting number_of_replicas",
        ),
        index(
            "default spelled out in a template lost",
            "/template/settings/number_of_replicas",
            null(),
            "setting number_of_replicas",
        ),
        index(
            "refresh of tomorrow's index",
            "/template/settings/refresh_interval",
            json!("-1"),
            "setting refresh_interval",
        ),
        index(
            "field of tomorrow's index",
            "/template/mappings/properties/state/type",
            json!("text"),
            "mapping: field state, type",
        ),
        index(
            "dynamic mapping of tomorrow's index",
            "/template/mappings/dynamic",
            json!("true"),
            "mapping: dynamic",
        ),
        index("alias of tomorrow's index lost", "/template/aliases/all", null(), "alias all"),
        index(
            "filter of tomorrow's alias lost",
            "/template/aliases/tenant/filter",
            null(),
            "alias tenant, filter",
        ),
        index(
            "optional components changed",
            "/ignore_missing_component_templates",
            null(),
            "ignore_missing_component_templates",
        ),
        COMPONENT.lost("component template lost", "component-template/"),
        component("setting of a component lost", "/template/settings/codec", null(), "setting codec"),
        component(
            "field of a component lost",
            "/template/mappings/properties/key",
            null(),
            "mapping: field key, type",
        ),
        component("version of a component changed", "/version", json!(9), "version"),
        LEGACY.lost("legacy template lost", "legacy-template/"),
        legacy("order of a legacy template changed", "/order", json!(0), "order"),
        legacy("pattern of a legacy template lost", "/index_patterns/1", null(), "index_patterns"),
        legacy(
            "setting of a legacy template changed",
            "/settings/refresh_interval",
            json!("30ms"),
            "setting refresh_interval",
        ),
        legacy("alias of a legacy template lost", "/aliases/legacy", null(), "alias legacy"),
    ]
}

fn cluster() -> Vec<Variant<World>> {
    let null = || Value::Null;
    let changed =
        |title: &str, begins, pointer, value, told| CLUSTER.changed(title, begins, pointer, value, told);
    vec![
        CLUSTER.lost("pipeline lost", "pipeline/"),
        CLUSTER.extra("pipeline too much", "pipeline/left-over"),
        changed("processor of a pipeline lost", "pipeline/", "/processors/1", null(), "processors"),
        changed(
            "value in a pipeline become a number",
            "pipeline/",
            "/processors/0/set/value",
            json!(1),
            "processors",
        ),
        changed("pipeline without its way out", "pipeline/", "/on_failure", null(), "on_failure"),
        CLUSTER.lost("lifecycle policy lost", "lifecycle-policy/"),
        changed(
            "kept for a shorter time",
            "lifecycle-policy/",
            "/policy/phases/delete/min_age",
            json!("3d"),
            "policy.phases.delete.min_age",
        ),
        changed(
            "phase of a policy lost",
            "lifecycle-policy/",
            "/policy/phases/delete",
            null(),
            "policy.phases.delete",
        ),
        CLUSTER.lost("stored script lost", "script/"),
        changed(
            "stored script changed",
            "script/",
            "/script/source",
            json!("doc['n'].value"),
            "script.source",
        ),
        CLUSTER.lost("data stream lost", "data-stream/"),
        changed("template of a data stream changed", "data-stream/", "/template", json!("other"), "template"),
        changed("backing index lost", "data-stream/", "/backing index 1", null(), "backing index 1"),
        changed(
            "cluster setting lost",
            "cluster-settings/",
            "/cluster/max_shards_per_node",
            null(),
            "cluster.max_shards_per_node",
        ),
        changed(
            "allocation left off in the cluster",
            "cluster-settings/",
            "/cluster/routing/allocation/enable",
            json!("none"),
            "cluster.routing.allocation.enable",
        ),
        changed(
            "indices made on their own",
            "cluster-settings/",
            "/action/auto_create_index",
            json!("true"),
            "action.auto_create_index",
        ),
    ]
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [templates(), cluster()].into_iter().flatten().collect()
}
