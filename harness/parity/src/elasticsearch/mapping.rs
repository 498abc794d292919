//! Mappings: fields by path, with every parameter.

use super::flatten::flatten;
use crate::shape::Attributes;
use serde_json::Value;

/// A mapping (`{"properties": …, "dynamic": …}`) as attributes: `state (field).type`, `dynamic`, `_routing.required`.
pub fn mapping(definition: &Value) -> Attributes {
    let mut into = Attributes::new();
    let Some(root) = definition.as_object() else { return into };
    for (key, value) in root {
        match key.as_str() {
            "properties" => fields("", value, "field", &mut into),
            "runtime" => fields("", value, "runtime field", &mut into),
            // The first matching dynamic template wins: their order is part of the definition.
            "dynamic_templates" => {
                for (at, template) in value.as_array().into_iter().flatten().enumerate() {
                    into.insert(format!("dynamic_templates[{at}]"), template.to_string());
                }
            }
            _ => flatten(key, value, &mut into),
        }
    }
    into
}

/// Fields are walked by structure, because a field may itself be called `type` or `properties`.
fn fields(path: &str, definitions: &Value, what: &str, into: &mut Attributes) {
    for (name, definition) in definitions.as_object().into_iter().flatten() {
        let here = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let attribute = |parameter: &str| format!("{what} {here}, {parameter}");
        let Some(parameters) = definition.as_object() else {
            into.insert(attribute("definition"), definition.to_string());
            continue;
        };
        // An object field's type is left out of most answers, but not of all.
        if !parameters.contains_key("type") {
            into.insert(attribute("type"), "object".to_owned());
        }
        for (parameter, value) in parameters {
            match parameter.as_str() {
                "properties" => fields(&here, value, what, into),
                "fields" => fields(&here, value, "multi-field", into),
                "relations" => relations(&attribute("relation"), value, into),
                _ => flatten(&attribute(parameter), value, into),
            }
        }
    }
}

/// Children of a join relation come as one name or as a list, in no particular order.
fn relations(prefix: &str, value: &Value, into: &mut Attributes) {
    for (parent, children) in value.as_object().into_iter().flatten() {
        let mut names: Vec<String> = match children {
            Value::Array(many) => many.iter().map(|c| c.as_str().unwrap_or_default().to_owned()).collect(),
            one => vec![one.as_str().unwrap_or_default().to_owned()],
        };
        names.sort();
        into.insert(format!("{prefix} {parent}"), names.join(", "));
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
