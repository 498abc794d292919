//! Mappings: fields by path, with every parameter.

use super::flatten::flatten;
use super::mapping_defaults::{parameter_default, root_default};
use super::settings::written_settings;
use super::values::{canonical, set, text, texts};
use crate::shape::Attributes;
use serde_json::{Map, Value};

/// Which parameters are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    /// All, as written: in a template every one may override another template's.
    Written,
    /// Those that have an effect: neither a default nor inherited.
    Effective,
}

/// What holds for a field unless it says otherwise.
#[derive(Debug, Clone)]
struct Inherited {
    dynamic: String,
    ignore_malformed: String,
    coerce: String,
}

/// The mapping of an index (`{"properties": …, "dynamic": …}`) as attributes: `field state, type`, `dynamic`,
/// `_routing.required`. Parameters that only spell out what holds anyway are left out.
pub fn mapping(definition: &Value) -> Attributes {
    index_mapping(definition, &Value::Null)
}

/// The same for an index with these settings, two of which are defaults of fields.
pub fn index_mapping(definition: &Value, settings: &Value) -> Attributes {
    let set = written_settings(settings);
    let setting = |name: &str, default: &str| set.get(name).cloned().unwrap_or_else(|| default.to_owned());
    let inherited = Inherited {
        dynamic: String::new(),
        ignore_malformed: setting("mapping.ignore_malformed", "false"),
        coerce: setting("mapping.coerce", "true"),
    };
    read(definition, Keep::Effective, inherited)
}

/// A mapping as a template holds it, with every parameter that is written down.
pub(super) fn written_mapping(definition: &Value) -> Attributes {
    let nothing =
        Inherited { dynamic: String::new(), ignore_malformed: String::new(), coerce: String::new() };
    read(definition, Keep::Written, nothing)
}

fn read(definition: &Value, keep: Keep, mut inherited: Inherited) -> Attributes {
    let mut into = Attributes::new();
    let Some(root) = definition.as_object() else { return into };
    inherited.dynamic = root.get("dynamic").map_or_else(|| "true".to_owned(), text);
    for (key, value) in root {
        match key.as_str() {
            "properties" => fields("", value, "field", &inherited, keep, &mut into),
            "runtime" => fields("", value, "runtime field", &inherited, keep, &mut into),
            // The first matching dynamic template wins: their order is part of the definition.
            "dynamic_templates" => {
                for (at, template) in value.as_array().into_iter().flatten().enumerate() {
                    into.insert(format!("dynamic_templates[{at}]"), dynamic_template(template));
                }
            }
            "_source" => {
                for (parameter, value) in value.as_object().into_iter().flatten() {
                    let list = ["includes", "excludes", "include", "exclude"].contains(&parameter.as_str());
                    let value = if list { set(value) } else { text(value) };
                    into.insert(format!("_source.{parameter}"), value);
                }
            }
            _ => flatten(key, value, &mut into),
        }
    }
    into.retain(|name, value| {
        let empty = ["{}", "[]", "null"].contains(&value.as_str());
        (!empty || name.contains(", "))
            && (keep == Keep::Written || root_default(name) != Some(value.as_str()))
    });
    into
}

/// Fields are walked by structure, because a field may itself be called `type` or `properties`. `outer` is what holds
/// around them.
fn fields(path: &str, definitions: &Value, what: &str, outer: &Inherited, keep: Keep, into: &mut Attributes) {
    for (name, definition) in definitions.as_object().into_iter().flatten() {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let attribute = |parameter: &str| format!("{what} {here}, {parameter}");
        let Some(parameters) = definition.as_object() else {
            into.insert(attribute("definition"), definition.to_string());
            continue;
        };
        let mut inner = outer.clone();
        if let Some(dynamic) = parameters.get("dynamic") {
            inner.dynamic = text(dynamic);
        }
        // An object field's type is left out of most answers, but not of all.
        let kind = parameters.get("type").map_or_else(|| "object".to_owned(), text);
        into.insert(attribute("type"), kind.clone());
        for (parameter, value) in parameters {
            match parameter.as_str() {
                "type" => {}
                "properties" => fields(&here, value, what, &inner, keep, into),
                "fields" => fields(&here, value, "multi-field", &inner, keep, into),
                "relations" => relations(&attribute("relation"), value, into),
                "copy_to" => {
                    let targets = set(value);
                    if !targets.is_empty() {
                        into.insert(attribute("copy_to"), targets);
                    }
                }
                "dynamic" if keep == Keep::Effective && inner.dynamic == outer.dynamic => {}
                "ignore_malformed" if keep == Keep::Effective && text(value) == outer.ignore_malformed => {}
                "coerce" if keep == Keep::Effective && text(value) == outer.coerce => {}
                _ if keep == Keep::Effective && is_idle(&kind, parameter, value, parameters) => {}
                _ => flatten(&attribute(parameter), value, into),
            }
        }
    }
}

/// Whether a parameter only says what holds without it.
fn is_idle(kind: &str, parameter: &str, value: &Value, all: &Map<String, Value>) -> bool {
    let value_text = text(value);
    let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
    // Searches use the index's analyzer, and phrases that of searches, unless told otherwise.
    let other = match parameter {
        "search_analyzer" => all.get("analyzer").map_or_else(|| "default".to_owned(), text),
        "search_quote_analyzer" => all
            .get("search_analyzer")
            .or_else(|| all.get("analyzer"))
            .map_or_else(|| "default".to_owned(), text),
        _ => return empty || parameter_default(kind, parameter) == Some(value_text.as_str()),
    };
    value_text == other
}

/// A dynamic template, with lists of one and defaults in one form.
fn dynamic_template(template: &Value) -> String {
    let mut template = canonical(template);
    for body in
        template.as_object_mut().into_iter().flat_map(|t| t.values_mut()).filter_map(Value::as_object_mut)
    {
        if body.get("match_pattern").and_then(Value::as_str) == Some("simple") {
            body.remove("match_pattern");
        }
        for key in
            ["match", "unmatch", "path_match", "path_unmatch", "match_mapping_type", "unmatch_mapping_type"]
        {
            if let Some(value) = body.get_mut(key) {
                let names = texts(value);
                if let [one] = names.as_slice() {
                    *value = Value::String(one.clone());
                }
            }
        }
    }
    template.to_string()
}

/// Children of a join relation come as one name or as a list, in no particular order.
fn relations(prefix: &str, value: &Value, into: &mut Attributes) {
    for (parent, children) in value.as_object().into_iter().flatten() {
        into.insert(format!("{prefix} {parent}"), set(children));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_walked_by_structure() {
        let found = mapping(&json!({
            "dynamic": "strict", "_routing": {"required": true}, "_source": {"excludes": ["x"]},
            "dynamic_templates": [{"a": {"mapping": {"type": "keyword"}}}],
            "properties": {
                "type": {"type": "keyword", "ignore_above": 8191, "fields": {"raw": {"type": "text"}}},
                "properties": {"properties": {"type": {"type": "long"}}},
                "empty": {"type": "object"},
                "join": {"type": "join", "relations": {"p": ["b", "a"]}}
            }
        }));
        assert_eq!(found["field type, type"], "keyword");
        assert_eq!(found["field properties, type"], "object");
        assert_eq!(found["field properties.type, type"], "long");
        assert_eq!(found["multi-field type.raw, type"], "text");
        assert_eq!(found["field join, relation p"], "a, b");
        assert_eq!(found["_routing.required"], "true");
        assert_eq!(found["dynamic_templates[0]"], r#"{"a":{"mapping":{"type":"keyword"}}}"#);
        assert_eq!(mapping(&json!({"dynamic": false})), mapping(&json!({"dynamic": "false"})));
    }
}
