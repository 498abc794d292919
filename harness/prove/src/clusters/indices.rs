//! Corruptions of mappings, settings and aliases of one index.

use super::World;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;
use serde_json::{Value, json};

/// Sets the value at a JSON pointer, or takes it away with `null`; makes the members on the way.
pub(super) fn put(root: &mut Value, pointer: &str, value: &Value) -> Option<()> {
    let before = root.clone();
    let (parent, key) = pointer.rsplit_once('/')?;
    let mut here = &mut *root;
    for step in parent.split('/').filter(|step| !step.is_empty()) {
        here = match step.parse::<usize>() {
            Ok(at) if here.is_array() => here.get_mut(at)?,
            _ => &mut here[step],
        };
    }
    match (key.parse::<usize>(), value) {
        (Ok(at), Value::Null) if here.is_array() => drop(here.as_array_mut()?.remove(at)),
        (Ok(at), value) if here.is_array() => *here.get_mut(at)? = value.clone(),
        (_, Value::Null) => drop(here.as_object_mut()?.remove(key)?),
        (_, value) => here[key] = value.clone(),
    }
    // A change that changes nothing would prove nothing.
    (*root != before).then_some(())
}

/// Changes the mapping of any index; `told` is the attribute that the check must name.
fn mapping(title: &str, pointer: &'static str, value: Value, told: &'static str) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let names: Vec<String> = world.indices.keys().cloned().collect();
        let name = dice.pick(&names)?;
        put(&mut world.indices.get_mut(name)?["mappings"], pointer, &value)?;
        Some(Planted::new(checks::ES_MAPPINGS, Kind::Changed, name).named(told))
    })
}

/// Changes one setting of any index. One that a migration sets for itself is told as left behind.
fn setting(title: &str, setting: &'static str, value: Value) -> Variant<World> {
    changed_setting(title, setting, value, None)
}

/// The same for a setting that a migration sets for its own speed.
fn leftover(title: &str, setting: &'static str, value: Value) -> Variant<World> {
    changed_setting(title, setting, value, Some("leftover"))
}

fn changed_setting(
    title: &str,
    setting: &'static str,
    value: Value,
    subject: Option<&'static str>,
) -> Variant<World> {
    let pointer = format!("/{}", setting.replace('.', "/"));
    Variant::new(title, move |world: &mut World, dice| {
        let names: Vec<String> = world.indices.keys().cloned().collect();
        let name = dice.pick(&names)?;
        put(&mut world.indices.get_mut(name)?["settings"], &pointer, &value)?;
        let subject = format!("{name}/{}", subject.unwrap_or(setting));
        Some(Planted::new(checks::ES_SETTINGS, Kind::Changed, subject).named(setting).count(1))
    })
}

/// Changes an alias of any index.
fn alias(
    title: &str,
    alias: &'static str,
    pointer: &'static str,
    value: Value,
    told: &'static str,
) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let names: Vec<String> = world.indices.keys().cloned().collect();
        let name = dice.pick(&names)?;
        put(&mut world.indices.get_mut(name)?["aliases"], &format!("/{alias}{pointer}"), &value)?;
        Some(Planted::new(checks::ES_ALIASES, Kind::Changed, format!("{name}/{alias}")).named(told).count(1))
    })
}

fn mappings() -> Vec<Variant<World>> {
    let null = || Value::Null;
    vec![
        mapping("field of another type", "/properties/state/type", json!("text"), "field state, type"),
        mapping("long field become a double", "/properties/key/type", json!("double"), "field key, type"),
        mapping("field lost", "/properties/id", null(), "field id, type"),
        mapping("field too much", "/properties/added", json!({"type": "keyword"}), "field added, type"),
        mapping(
            "nested field lost",
            "/properties/value/properties/elementId",
            null(),
            "field value.elementId, type",
        ),
        mapping("field not indexed", "/properties/key/index", json!(false), "field key, index"),
        mapping(
            "field without doc values",
            "/properties/id/doc_values",
            json!(false),
            "field id, doc_values",
        ),
        mapping(
            "doc values where none were",
            "/properties/value/properties/elementId/doc_values",
            null(),
            "field value.elementId, doc_values",
        ),
        mapping(
            "long texts not ignored",
            "/properties/state/ignore_above",
            json!(256),
            "field state, ignore_above",
        ),
        mapping("multi-field lost", "/properties/state/fields", null(), "multi-field state.raw, type"),
        mapping(
            "analyzer of a multi-field changed",
            "/properties/state/fields/raw/analyzer",
            json!("standard"),
            "multi-field state.raw, analyzer",
        ),
        mapping(
            "format of a date changed",
            "/properties/startDate/format",
            json!("epoch_millis"),
            "field startDate, format",
        ),
        mapping(
            "malformed dates ignored",
            "/properties/startDate/ignore_malformed",
            json!(true),
            "field startDate, ignore_malformed",
        ),
        mapping("analyzer lost", "/properties/message/analyzer", null(), "field message, analyzer"),
        mapping(
            "search analyzer changed",
            "/properties/message/search_analyzer",
            json!("camunda"),
            "field message, search_analyzer",
        ),
        mapping(
            "positions not indexed",
            "/properties/message/index_options",
            json!("freqs"),
            "field message, index_options",
        ),
        mapping("norms on", "/properties/message/norms", json!(true), "field message, norms"),
        mapping(
            "scaling factor changed",
            "/properties/amount/scaling_factor",
            json!(10),
            "field amount, scaling_factor",
        ),
        mapping("numbers coerced", "/properties/amount/coerce", json!(true), "field amount, coerce"),
        mapping("null value lost", "/properties/amount/null_value", null(), "field amount, null_value"),
        mapping(
            "nested field become an object",
            "/properties/variables/type",
            json!("object"),
            "field variables, type",
        ),
        mapping(
            "nested field in its parent",
            "/properties/variables/include_in_parent",
            json!(true),
            "field variables, include_in_parent",
        ),
        mapping(
            "normalizer lost",
            "/properties/variables/properties/name/normalizer",
            null(),
            "field variables.name, normalizer",
        ),
        mapping(
            "child of a join lost",
            "/properties/joinRelation/relations/processInstance",
            json!(["activity"]),
            "field joinRelation, relation processInstance",
        ),
        mapping("join lost", "/properties/joinRelation", null(), "field joinRelation"),
        mapping(
            "copied-to field lost",
            "/properties/everything/copy_to",
            null(),
            "field everything, copy_to",
        ),
        mapping(
            "depth of a flattened field changed",
            "/properties/flat/depth_limit",
            json!(5),
            "field flat, depth_limit",
        ),
        mapping("object parsed again", "/properties/hidden/enabled", json!(true), "field hidden, enabled"),
        mapping("field alias points elsewhere", "/properties/shadow/path", json!("id"), "field shadow, path"),
        mapping("unknown fields taken", "/dynamic", json!("true"), "dynamic"),
        mapping("unknown fields ignored", "/dynamic", json!("false"), "dynamic"),
        mapping("strict mapping lost", "/dynamic", null(), "dynamic"),
        mapping("dates guessed", "/date_detection", json!(true), "date_detection"),
        mapping("routing not required", "/_routing/required", json!(false), "_routing.required"),
        mapping("source cut", "/_source/excludes", json!(["big", "value"]), "_source.excludes"),
        mapping("no source at all", "/_source/enabled", json!(false), "_source.enabled"),
        mapping("meta lost", "/_meta", null(), "_meta.made_by"),
        mapping("dynamic template lost", "/dynamic_templates/1", null(), "dynamic_templates[1]"),
        mapping(
            "dynamic template changed",
            "/dynamic_templates/0/texts/mapping/type",
            json!("text"),
            "dynamic_templates[0]",
        ),
        mapping("runtime field lost", "/runtime/day", null(), "runtime field day, type"),
        mapping(
            "script of a runtime field changed",
            "/runtime/day/script/source",
            json!("emit('y')"),
            "runtime field day, script.source",
        ),
        mapping("mapping lost", "/properties", json!({}), "field amount, coerce"),
    ]
}

fn settings() -> Vec<Variant<World>> {
    let null = || Value::Null;
    vec![
        setting("fewer shards", "number_of_shards", json!(1)),
        setting("more replicas", "number_of_replicas", json!(3)),
        leftover("no replicas left behind", "number_of_replicas", json!(0)),
        leftover("refresh left off", "refresh_interval", json!("-1")),
        setting("refreshed at another pace", "refresh_interval", json!("30s")),
        setting("refresh at the default's pace", "refresh_interval", null()),
        leftover("asynchronous translog left behind", "translog.durability", json!("async")),
        leftover("write block left behind", "blocks.write", json!(true)),
        leftover("read-only block left behind", "blocks.read_only", json!("true")),
        leftover("flood-stage block left behind", "blocks.read_only_allow_delete", json!("true")),
        leftover("read block left behind", "blocks.read", json!("true")),
        leftover("metadata block left behind", "blocks.metadata", json!("true")),
        leftover("allocation left off", "routing.allocation.enable", json!("none")),
        setting("result window lost", "max_result_window", null()),
        setting("result window changed", "max_result_window", json!(10_001)),
        setting("limit of fields lost", "mapping.total_fields.limit", null()),
        setting("limit of nested objects changed", "mapping.nested_objects.limit", json!(50)),
        setting("limit of depth changed", "mapping.depth.limit", json!(3)),
        setting("lifecycle policy of an index lost", "lifecycle.name", null()),
        setting("another lifecycle policy", "lifecycle.name", json!("delete-soon")),
        setting("rollover alias lost", "lifecycle.rollover_alias", null()),
        setting("slow log of searches lost", "search.slowlog.threshold.query.warn", null()),
        setting(
            "slow log of searches at another threshold",
            "search.slowlog.threshold.query.warn",
            json!("5ms"),
        ),
        setting("slow log of writes off", "indexing.slowlog.threshold.index.warn", json!("-1")),
        setting("slow log without source", "indexing.slowlog.source", json!("0")),
        setting("bound to another kind of node", "routing.allocation.require.box", json!("cold")),
        setting("shards a node unlimited", "routing.allocation.total_shards_per_node", null()),
        setting("pipeline of an index lost", "default_pipeline", null()),
        setting("another final pipeline", "final_pipeline", json!("drop")),
        setting("merge policy changed", "merge.policy.max_merged_segment", json!("5gb")),
        setting("order of documents changed", "sort.order", json!(["desc"])),
        setting("documents in no order", "sort.field", null()),
        setting("filter of an analyzer lost", "analysis.analyzer.camunda.filter", json!(["lowercase"])),
        setting(
            "filters of an analyzer in another order",
            "analysis.analyzer.camunda.filter",
            json!(["stop_de", "lowercase"]),
        ),
        setting("tokenizer changed", "analysis.analyzer.camunda.tokenizer", json!("standard")),
        setting("stop words changed", "analysis.filter.stop_de.stopwords", json!("_english_")),
        setting("normalizer changed", "analysis.normalizer.lower.filter", json!(["uppercase"])),
        setting("similarity changed", "similarity.default.b", json!(0.75)),
        setting("priority at recovery changed", "priority", json!(1)),
        setting("compression changed", "codec", json!("best_compression")),
        setting("soft deletes off", "soft_deletes.enabled", json!(false)),
        setting("hidden index", "hidden", json!(true)),
        setting("shown to fewer searches", "search.idle.after", json!("5s")),
    ]
}

fn aliases() -> Vec<Variant<World>> {
    let null = || Value::Null;
    vec![
        alias("write index lost", "operate-write", "/is_write_index", null(), "is_write_index"),
        alias("alias refuses writes", "operate-write", "/is_write_index", json!(false), "is_write_index"),
        alias("filter of an alias lost", "operate-tenant", "/filter", null(), "filter"),
        alias(
            "filter of an alias changed",
            "operate-tenant",
            "/filter/term/tenantId",
            json!("two"),
            "filter",
        ),
        alias("routing of an alias lost", "operate-tenant", "/index_routing", null(), "index_routing"),
        alias(
            "search routing of an alias changed",
            "operate-tenant",
            "/search_routing",
            json!("1"),
            "search_routing",
        ),
        alias("alias hidden", "operate-write", "/is_hidden", json!(true), "is_hidden"),
        Variant::new("alias lost", |world: &mut World, dice| {
            let names: Vec<String> = world.indices.keys().cloned().collect();
            let name = dice.pick(&names)?;
            put(&mut world.indices.get_mut(name)?["aliases"], "/operate-tenant", &Value::Null)?;
            Some(Planted::new(checks::ES_ALIASES, Kind::Missing, format!("{name}/operate-tenant")).count(1))
        }),
        Variant::new("alias too much", |world: &mut World, dice| {
            let names: Vec<String> = world.indices.keys().cloned().collect();
            let name = dice.pick(&names)?;
            put(&mut world.indices.get_mut(name)?["aliases"], "/left-over", &json!({}))?;
            Some(Planted::new(checks::ES_ALIASES, Kind::Extra, format!("{name}/left-over")).count(1))
        }),
        Variant::new("alias on another index", |world: &mut World, dice| {
            let names: Vec<String> = world.indices.keys().cloned().collect();
            let (a, b) = dice.two_below(names.len());
            let own = world.indices.get(&names[a])?["aliases"]
                .as_object()?
                .keys()
                .find(|k| k.ends_with("_alias"))?
                .clone();
            put(&mut world.indices.get_mut(&names[a])?["aliases"], &format!("/{own}"), &Value::Null)?;
            put(&mut world.indices.get_mut(&names[b])?["aliases"], &format!("/{own}"), &json!({}))?;
            let other = format!("{}/{own}", names[b]);
            Some(
                Planted::new(checks::ES_ALIASES, Kind::Missing, format!("{}/{own}", names[a]))
                    .also(other)
                    .count(1),
            )
        }),
    ]
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    [mappings(), settings(), aliases()].into_iter().flatten().collect()
}
