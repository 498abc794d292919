//! Aliases and the three kinds of template.

use super::flatten::flatten;
use super::mapping::written_mapping;
use super::settings::written_settings;
use super::values::{set, text, texts};
use super::{defaults, mapping_defaults};
use crate::shape::{AttributeDifference, Attributes, Shape};
use serde_json::Value;

/// The body of an alias. A filter is one attribute; unset, `true` and `false` of `is_write_index` are three states.
pub fn alias(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "is_hidden" if text(value) == "false" => {}
            "filter" if value.as_object().is_some_and(serde_json::Map::is_empty) => {}
            // One word for both directions; answers hold the two.
            "routing" => {
                for direction in ["index_routing", "search_routing"] {
                    into.entry(direction.to_owned()).or_insert_with(|| routing(value));
                }
            }
            "search_routing" | "index_routing" => {
                into.insert(name.clone(), routing(value));
            }
            _ if value.is_null() => {}
            _ => {
                into.insert(name.clone(), text(value));
            }
        }
    }
    into
}

/// Several routing values stand in one text, in no particular order.
fn routing(value: &Value) -> String {
    let all = text(value);
    let mut values: Vec<&str> = all.split(',').map(str::trim).collect();
    values.sort_unstable();
    values.dedup();
    values.join(",")
}

/// A composable index template, the `index_template` part of the answer.
pub fn index_template(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "template" => inner(value, &mut into),
            // Patterns are alternatives: their order has no effect. The order of components has.
            "index_patterns" | "ignore_missing_component_templates" => {
                into.insert(name.clone(), set(value));
            }
            "composed_of" => {
                into.insert(name.clone(), texts(value).join(", "));
            }
            // Its being there makes data streams of the indices, whatever it holds.
            "data_stream" if value.is_object() => {
                into.insert(name.clone(), "present".to_owned());
                flatten(name, value, &mut into);
            }
            _ => flatten(name, value, &mut into),
        }
    }
    without_idle(&mut into);
    into
}

/// Takes out what a template says without effect, and what the store notes down about it.
fn without_idle(into: &mut Attributes) {
    into.retain(|name, value| {
        let idle = match name.as_str() {
            "priority" | "order" => value == "0",
            "data_stream.hidden" | "data_stream.allow_custom_routing" | "deprecated" => value == "false",
            "created_date" | "created_date_millis" | "modified_date" | "modified_date_millis" => true,
            "composed_of" | "ignore_missing_component_templates" => value.is_empty(),
            _ => ["null", "{}", "[]"].contains(&value.as_str()) && !name.contains(", "),
        };
        !idle
    });
}

/// A component template, the `component_template` part of the answer.
pub fn component_template(body: &Value) -> Attributes {
    index_template(body)
}

/// A legacy template (`_template`).
pub fn legacy_template(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    inner(body, &mut into);
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "settings" | "mappings" | "aliases" => {}
            "index_patterns" => {
                into.insert(name.clone(), set(value));
            }
            _ => flatten(name, value, &mut into),
        }
    }
    without_idle(&mut into);
    into
}

fn inner(template: &Value, into: &mut Attributes) {
    let Some(template) = template.as_object() else { return };
    for (name, value) in template {
        match name.as_str() {
            // Values equal to the default included: they override another template's.
            "settings" => {
                into.extend(written_settings(value).into_iter().map(|(k, v)| (format!("setting {k}"), v)));
            }
            "mappings" => {
                into.extend(written_mapping(value).into_iter().map(|(k, v)| (format!("mapping: {k}"), v)));
            }
            "aliases" => {
                for (alias_name, body) in value.as_object().into_iter().flatten() {
                    into.insert(format!("alias {alias_name}"), "present".to_owned());
                    into.extend(
                        alias(body).into_iter().map(|(k, v)| (format!("alias {alias_name}, {k}"), v)),
                    );
                }
            }
            _ => {}
        }
    }
    // `lifecycle`, `data_stream_options` and whatever later versions add.
    for (name, value) in template {
        let known = ["settings", "mappings", "aliases"].contains(&name.as_str());
        let legacy = ["index_patterns", "order", "version"].contains(&name.as_str());
        if !known && !legacy {
            flatten(name, value, into);
        }
    }
}

/// Drops the differences of templates that have no effect: a default that one side spells out, which overrides nothing,
/// because none of the templates of either side that it adds up with, `beneath`, sets the same thing to anything else.
pub fn drop_idle_defaults(differences: &mut Vec<AttributeDifference>, beneath: &[&Shape]) {
    let is_default = |name: &str, value: &str| match name.strip_prefix("setting ") {
        Some(setting) => defaults::is_default(setting, value),
        None => {
            name.strip_prefix("mapping: ").is_some_and(|m| mapping_defaults::root_default(m) == Some(value))
        }
    };
    differences.retain(|d| {
        let ((Some(value), None) | (None, Some(value))) = (&d.source, &d.target) else { return true };
        if !is_default(&d.name, value) {
            return true;
        }
        let templates = beneath.iter().flat_map(|shape| shape.0.values());
        templates.filter_map(|t| t.get(&d.name)).any(|other| !is_default(&d.name, other))
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_write_flag_has_three_states() {
        let states =
            [json!({}), json!({"is_write_index": false}), json!({"is_write_index": true})].map(|b| alias(&b));
        assert!(states[0] != states[1] && states[1] != states[2] && states[0] != states[2]);
    }

    #[test]
    fn templates_are_compared_by_what_they_do() {
        let a = json!({"index_patterns": ["a*", "b*"], "composed_of": ["x", "y"], "priority": 20,
            "template": {"settings": {"index": {"number_of_shards": "1"}}, "aliases": {"z": {}},
            "mappings": {"properties": {"f": {"type": "keyword"}}}}});
        let mut b = a.clone();
        b["index_patterns"] = json!(["b*", "a*"]);
        assert_eq!(index_template(&a), index_template(&b));
        for (pointer, value) in [
            ("/composed_of", json!(["y", "x"])),
            ("/priority", json!(21)),
            ("/template/settings/index/number_of_shards", json!("2")),
            ("/template/aliases", json!({})),
            ("/template/mappings/properties/f/type", json!("text")),
        ] {
            let mut b = a.clone();
            *b.pointer_mut(pointer).unwrap() = value;
            assert_ne!(index_template(&a), index_template(&b), "{pointer}");
        }
    }
}
