//! A cluster's definitions as Camunda 8 makes them, and the many ways in which a cluster answers the same.

use crate::dice::Dice;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One side.
#[derive(Debug, Clone)]
pub struct World {
    /// `settings`, `mappings` and `aliases` by index.
    pub indices: BTreeMap<String, Value>,
    /// Composable templates by `template/NAME`.
    pub index_templates: BTreeMap<String, Value>,
    /// Component templates by `component-template/NAME`.
    pub component_templates: BTreeMap<String, Value>,
    /// Legacy templates by `legacy-template/NAME`.
    pub legacy_templates: BTreeMap<String, Value>,
    /// Pipelines, policies, scripts, data streams and cluster settings by kind and name.
    pub cluster: BTreeMap<String, Value>,
}

impl World {
    /// Two or three indices, two templates of each kind, and one of everything else.
    pub fn generated(dice: &mut Dice) -> Self {
        let mut indices = BTreeMap::new();
        for number in 0..dice.between(2, 3) {
            indices.insert(format!("operate-index_{number}-8.3.0_"), index(number, dice));
        }
        let named = |kind: &str, body: fn(&str) -> Value| {
            ["operate-list-view", "zeebe-record"].map(|name| (format!("{kind}/{name}"), body(name))).into()
        };
        Self {
            indices,
            index_templates: named("template", index_template),
            component_templates: named("component-template", component_template),
            legacy_templates: named("legacy-template", legacy_template),
            cluster: [
                ("pipeline/enrich".to_owned(), json!({"description": "adds", "version": 3, "processors": [{"set": {"field": "a", "value": "1"}}, {"remove": {"field": "b"}}], "on_failure": [{"set": {"field": "error", "value": "x"}}]})),
                ("lifecycle-policy/camunda".to_owned(), json!({"policy": {"phases": {"hot": {"min_age": "0ms", "actions": {"rollover": {"max_age": "1d"}}}, "delete": {"min_age": "30d", "actions": {"delete": {}}}}}})),
                ("script/score".to_owned(), json!({"script": {"lang": "painless", "source": "doc['n'].value * 2"}})),
                ("data-stream/logs-camunda".to_owned(), json!({"timestamp_field": {"name": "@timestamp"}, "template": "logs", "hidden": false, "ilm_policy": "camunda", "backing index 0": "a", "backing index 1": "b"})),
                ("cluster-settings/persistent".to_owned(), json!({"cluster": {"max_shards_per_node": "2000", "routing": {"allocation": {"enable": "all"}}}, "action": {"auto_create_index": "false"}})),
            ]
            .into(),
        }
    }

    /// The answers of a cluster that holds this.
    pub fn written(&self, dice: &mut Dice) -> Self {
        let mut written = self.clone();
        for body in written.indices.values_mut() {
            body["settings"] = settings_written(&body["settings"], Defaults::Spelled, dice);
            mapping_written(&mut body["mappings"], dice);
            for alias in body["aliases"].as_object_mut().into_iter().flatten().map(|(_, alias)| alias) {
                if alias.get("is_hidden").is_none() && dice.flip() {
                    alias["is_hidden"] = json!(false);
                }
            }
        }
        for body in written.index_templates.values_mut().chain(written.component_templates.values_mut()) {
            // In a template a default that is spelled out counts: it overrides another template's.
            body["template"]["settings"] =
                settings_written(&body["template"]["settings"], Defaults::AsTheyAre, dice);
            mapping_written(&mut body["template"]["mappings"], dice);
            patterns_written(body, dice);
        }
        for body in written.legacy_templates.values_mut() {
            body["settings"] = settings_written(&body["settings"], Defaults::AsTheyAre, dice);
            mapping_written(&mut body["mappings"], dice);
            patterns_written(body, dice);
        }
        written
    }
}

/// Whether values equal to the store's default may be added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Defaults {
    Spelled,
    AsTheyAre,
}

fn settings_written(settings: &Value, defaults: Defaults, dice: &mut Dice) -> Value {
    let mut flat = Map::new();
    flatten("index", settings, &mut flat);
    if defaults == Defaults::Spelled {
        for (name, value) in [
            ("index.translog.durability", json!("request")),
            ("index.max_rescore_window", json!(10_000)),
            ("index.gc_deletes", json!("60000ms")),
            ("index.requests.cache.enable", json!("true")),
            ("index.routing.allocation.enable", json!("all")),
            ("index.codec", json!("default")),
        ] {
            if dice.flip() && !flat.contains_key(name) {
                flat.insert(name.to_owned(), value);
            }
        }
        flat.insert("index.uuid".to_owned(), json!(dice.hex(22)));
        flat.insert("index.creation_date".to_owned(), json!(dice.between(1, 1 << 40).to_string()));
        flat.insert("index.version.created".to_owned(), json!(dice.between(8_000_000, 8_999_999)));
        flat.insert("index.provided_name".to_owned(), json!(dice.hex(8)));
        if dice.flip() {
            flat.insert("index.resize.source.name".to_owned(), json!("old"));
        }
    }
    for (name, value) in &mut flat {
        if let Value::Number(number) = value
            && dice.flip()
        {
            *value = json!(number.to_string());
        } else if name.ends_with("refresh_interval") || name.contains("slowlog.threshold") {
            let seconds =
                value.as_str().and_then(|v| v.strip_suffix('s')).and_then(|v| v.parse::<u64>().ok());
            if let Some(seconds) = seconds.filter(|_| dice.flip()) {
                *value = json!(format!("{}ms", seconds * 1000));
            }
        } else if name.ends_with(".stopwords")
            && let Value::String(one) = value
            && dice.flip()
        {
            *value = json!([one]);
        }
    }
    if dice.flip() { Value::Object(flat) } else { nested(flat) }
}

fn flatten(prefix: &str, value: &Value, into: &mut Map<String, Value>) {
    match value {
        // A cluster answers no empty objects.
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| flatten(&format!("{prefix}.{key}"), value, into));
        }
        Value::Null => {}
        other => drop(into.insert(prefix.to_owned(), other.clone())),
    }
}

fn nested(flat: Map<String, Value>) -> Value {
    let mut root = json!({});
    for (name, value) in flat {
        let mut here = &mut root;
        for step in name.split('.') {
            here = &mut here[step];
        }
        *here = value;
    }
    root
}

fn mapping_written(mapping: &mut Value, dice: &mut Dice) {
    if let Some(dynamic) = mapping.get_mut("dynamic")
        && dynamic == "false"
        && dice.flip()
    {
        *dynamic = json!(false);
    }
    fields_written(&mut mapping["properties"], dice);
}

fn fields_written(fields: &mut Value, dice: &mut Dice) {
    for field in fields.as_object_mut().into_iter().flatten().map(|(_, field)| field) {
        if field.get("properties").is_some() {
            if field.get("type").is_none() && dice.flip() {
                field["type"] = json!("object");
            }
            fields_written(&mut field["properties"], dice);
        }
        if let Some(Value::Array(children)) = field.pointer_mut("/relations/processInstance") {
            dice.shuffle(children);
        }
    }
}

fn patterns_written(body: &mut Value, dice: &mut Dice) {
    if let Some(Value::Array(patterns)) = body.get_mut("index_patterns") {
        dice.shuffle(patterns);
    }
}

fn mapping() -> Value {
    json!({
        "dynamic": "strict", "date_detection": false, "_routing": {"required": true}, "_source": {"excludes": ["big"]}, "_meta": {"made_by": "operate"},
        "dynamic_templates": [{"texts": {"match_mapping_type": "string", "mapping": {"type": "keyword"}}}, {"longs": {"match_mapping_type": "long", "mapping": {"type": "long"}}}],
        "runtime": {"day": {"type": "keyword", "script": {"source": "emit('x')"}}},
        "properties": {
            "id": {"type": "keyword"},
            "key": {"type": "long"},
            "state": {"type": "keyword", "ignore_above": 8191, "fields": {"raw": {"type": "text", "analyzer": "camunda"}}},
            "startDate": {"type": "date", "format": "date_time || epoch_millis", "ignore_malformed": false},
            "message": {"type": "text", "analyzer": "camunda", "search_analyzer": "standard", "index_options": "docs", "norms": false},
            "amount": {"type": "scaled_float", "scaling_factor": 100, "coerce": false, "null_value": 0},
            "value": {"properties": {"elementId": {"type": "keyword", "doc_values": false, "eager_global_ordinals": true}, "payload": {"type": "binary", "store": true}}},
            "variables": {"type": "nested", "include_in_parent": false, "properties": {"name": {"type": "keyword", "normalizer": "lower"}}},
            "joinRelation": {"type": "join", "eager_global_ordinals": true, "relations": {"processInstance": ["activity", "variable"]}},
            "everything": {"type": "text", "copy_to": ["message"]},
            "flat": {"type": "flattened", "depth_limit": 20},
            "hidden": {"type": "object", "enabled": false},
            "shadow": {"type": "alias", "path": "state"}
        }
    })
}

/// What templates hold: the kinds of entry that indices have, few of each.
fn small_mapping() -> Value {
    json!({
        "dynamic": "strict",
        "properties": {"state": {"type": "keyword"}, "key": {"type": "long"}, "value": {"properties": {"a": {"type": "date"}}}}
    })
}

fn index(number: i64, dice: &mut Dice) -> Value {
    json!({
        "settings": {
            "number_of_shards": dice.between(2, 5), "number_of_replicas": 2, "refresh_interval": "2s", "max_result_window": 20_000,
            "priority": 100, "sort": {"field": ["key"], "order": ["asc"]},
            "mapping": {"total_fields": {"limit": 2000}, "nested_objects": {"limit": 20_000}, "depth": {"limit": 30}},
            "lifecycle": {"name": "camunda", "rollover_alias": "operate-write"},
            "search": {"slowlog": {"threshold": {"query": {"warn": "5s"}}}},
            "indexing": {"slowlog": {"threshold": {"index": {"warn": "10s"}}, "source": "1000"}},
            "routing": {"allocation": {"require": {"box": "hot"}, "total_shards_per_node": 3}},
            "default_pipeline": "enrich", "merge": {"policy": {"max_merged_segment": "2gb"}},
            "analysis": {
                "analyzer": {"camunda": {"type": "custom", "tokenizer": "whitespace", "filter": ["lowercase", "stop_de"]}},
                "filter": {"stop_de": {"type": "stop", "stopwords": "_german_"}},
                "normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}
            },
            "similarity": {"default": {"type": "BM25", "b": 0.5}}
        },
        "mappings": mapping(),
        "aliases": {
            format!("operate-{number}_alias"): {},
            "operate-write": {"is_write_index": true},
            "operate-tenant": {"filter": {"term": {"tenantId": "one"}}, "index_routing": "1", "search_routing": "1,2"}
        }
    })
}

fn index_template(name: &str) -> Value {
    json!({
        "index_patterns": [format!("{name}-*"), format!("{name}_archive-*")], "composed_of": [name, "shared"], "priority": 20, "version": 4,
        "_meta": {"made_by": "operate"}, "allow_auto_create": true, "ignore_missing_component_templates": ["optional"],
        "template": {
            "settings": {"number_of_shards": 3, "number_of_replicas": 1, "refresh_interval": "2s"},
            "mappings": small_mapping(),
            "aliases": {"all": {}, "tenant": {"filter": {"term": {"t": 1}}}}
        }
    })
}

fn component_template(_: &str) -> Value {
    json!({
        "version": 2, "_meta": {"made_by": "zeebe"},
        "template": {"settings": {"number_of_replicas": 1, "codec": "best_compression"}, "mappings": small_mapping(), "aliases": {"zeebe": {}}}
    })
}

fn legacy_template(name: &str) -> Value {
    json!({
        "index_patterns": [format!("{name}-*"), "old-*"], "order": 5, "version": 7,
        "settings": {"number_of_shards": 1, "refresh_interval": "30s"}, "mappings": small_mapping(), "aliases": {"legacy": {}}
    })
}
