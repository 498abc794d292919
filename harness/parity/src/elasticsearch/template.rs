//! Aliases and the three kinds of template.

use super::flatten::flatten;
use super::mapping::mapping;
use super::settings::written_settings;
use crate::shape::Attributes;
use serde_json::Value;

/// The body of an alias. A filter is one attribute; unset, `true` and `false` of `is_write_index` are three states.
pub fn alias(body: &Value) -> Attributes {
    body.as_object()
        .into_iter()
        .flatten()
        .filter(|(name, value)| !(name.as_str() == "is_hidden" && value.as_bool() == Some(false)))
        .map(|(name, value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            (name.clone(), text)
        })
        .collect()
}

/// A composable index template, the `index_template` part of the answer.
pub fn index_template(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    for (name, value) in body.as_object().into_iter().flatten() {
        match name.as_str() {
            "template" => inner(value, &mut into),
            // Patterns are alternatives: their order has no effect. The order of components has.
            "index_patterns" => {
                into.insert(name.clone(), sorted(value));
            }
            _ => flatten(name, value, &mut into),
        }
    }
    into
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
                into.insert(name.clone(), sorted(value));
            }
            _ => flatten(name, value, &mut into),
        }
    }
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
                into.extend(mapping(value).into_iter().map(|(k, v)| (format!("mapping: {k}"), v)));
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

fn sorted(value: &Value) -> String {
    let mut names: Vec<&str> = match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    names.sort_unstable();
    names.join(", ")
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
