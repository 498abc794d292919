//! Values held against the schema that a chart brings: everything it says, not types alone.

use super::path::Path;
use super::supplied::{Supplied, insert};
use jsonschema::error::ValidationErrorKind as Broken;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A chart's schema with the values it is applied to where the user writes nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Schema {
    rules: Arc<Value>,
    defaults: Arc<Value>,
}

/// Something that the schema does not take.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Offence {
    /// The key.
    pub(super) path: Path,
    /// What of the schema it breaks: `type`, `enum`, `pattern`.
    pub(super) keyword: String,
    /// What is wrong, without the value: it may be a secret.
    pub(super) reason: String,
}

impl Schema {
    pub(super) fn new(rules: Value, defaults: Value) -> Self {
        Self { rules: Arc::new(rules), defaults: Arc::new(defaults) }
    }

    /// What the schema does not take of the values, over the chart's own defaults. What the defaults break by themselves is the
    /// chart's affair.
    ///
    /// # Errors
    /// The schema itself cannot be used.
    pub(super) fn offences(&self, supplied: &Supplied) -> Result<Vec<Offence>, String> {
        let validator = jsonschema::options()
            .should_validate_formats(true)
            .build(&self.rules)
            .map_err(|e| e.masked().to_string())?;
        let broken = |values: &Value| -> BTreeSet<Offence> {
            validator.iter_errors(values).flat_map(|error| offences_of(&error)).collect()
        };
        let own = broken(&self.defaults);
        let mut offences: Vec<Offence> =
            broken(&over(&self.defaults, supplied)).into_iter().filter(|o| !own.contains(o)).collect();
        // One that encloses another says less.
        let paths: Vec<Path> = offences.iter().map(|o| o.path.clone()).collect();
        offences.retain(|o| {
            !matches!(o.keyword.as_str(), "anyOf" | "oneOf" | "allOf")
                || !paths.iter().any(|p| *p != o.path && p.is_within(&o.path))
        });
        Ok(offences)
    }
}

fn offences_of(error: &jsonschema::ValidationError<'_>) -> Vec<Offence> {
    let path = pointed(error.instance_path().as_str());
    let keyword = error.kind().keyword().to_owned();
    let offence = |path: Path, reason: String| Offence { path, keyword: keyword.clone(), reason };
    match error.kind() {
        Broken::AdditionalProperties { unexpected } | Broken::UnevaluatedProperties { unexpected } => {
            unexpected
                .iter()
                .map(|key| offence(path.child(key), "the chart's schema knows no such key".to_owned()))
                .collect()
        }
        Broken::Enum { options } => {
            let one_of = options.as_array().map(|o| o.iter().map(Value::to_string).collect::<Vec<_>>());
            let list = one_of.unwrap_or_default().join(", ");
            vec![offence(path, format!("the chart's schema takes one of {list}"))]
        }
        Broken::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            vec![offence(path.child(key), "the chart's schema requires it".to_owned())]
        }
        _ => vec![offence(path, format!("the chart's schema does not take it: {}", error.masked()))],
    }
}

/// Path of a JSON pointer.
fn pointed(pointer: &str) -> Path {
    Path(pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

/// What the user supplied over the chart's defaults, as Helm hands it to the schema: a key that is null is gone.
fn over(defaults: &Value, supplied: &Supplied) -> Value {
    let mut all = defaults.clone();
    for leaf in supplied.leaves.values() {
        match &leaf.value {
            Value::Null => remove(&mut all, leaf.path.keys()),
            // An empty map over a map changes nothing.
            Value::Object(map) if map.is_empty() => {
                let mut at = Some(&all);
                for key in leaf.path.keys() {
                    at = at.and_then(|v| v.get(key));
                }
                if !at.is_some_and(Value::is_object) {
                    insert(&mut all, leaf.path.keys(), Value::Object(Map::new()));
                }
            }
            value => insert(&mut all, leaf.path.keys(), value.clone()),
        }
    }
    all
}

fn remove(values: &mut Value, keys: &[String]) {
    let Some((last, above)) = keys.split_last() else { return };
    let mut at = Some(values);
    for key in above {
        at = at.and_then(|v| v.get_mut(key));
    }
    if let Some(Value::Object(map)) = at {
        map.remove(last);
    }
}

#[cfg(test)]
mod tests {
    use super::{Schema, Supplied};
    use serde_json::json;

    fn offences(values: &str) -> Vec<(String, String)> {
        let rules = json!({"type": "object", "additionalProperties": false, "required": ["name"], "properties": {
            "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
            "mode": {"enum": ["fast", "safe"]},
            "port": {"type": "integer", "minimum": 1, "maximum": 65535},
            "mail": {"type": "string", "format": "email"},
            "either": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["x"]}]},
            "list": {"type": "array", "items": {"type": "string"}, "uniqueItems": true},
        }});
        let schema = Schema::new(rules, json!({"name": "a", "mode": "fast", "port": 80}));
        let supplied = Supplied::read(&[("v.yaml".into(), values.to_owned())], &[]).unwrap();
        schema.offences(&supplied).unwrap().into_iter().map(|o| (o.path.to_string(), o.keyword)).collect()
    }

    #[test]
    fn every_rule_of_a_schema_is_applied_and_nothing_else() {
        for (values, key, keyword) in [
            ("name: ABC", "name", "pattern"),
            ("name: abcdef", "name", "maxLength"),
            ("name: null", "name", "required"),
            ("mode: slow", "mode", "enum"),
            ("port: 0", "port", "minimum"),
            ("port: 70000", "port", "maximum"),
            ("port: \"80\"", "port", "type"),
            ("mail: nobody", "mail", "format"),
            ("either: 5", "either", "anyOf"),
            ("list: [a, a]", "list", "uniqueItems"),
            ("list: [a, 5]", "list.1", "type"),
            ("nmae: x", "nmae", "additionalProperties"),
        ] {
            assert_eq!(offences(values), [(key.to_owned(), keyword.to_owned())], "{values}");
        }
        for fine in [
            "",
            "name: abc",
            "mode: safe",
            "port: 443",
            "mail: a@b.example",
            "either: x",
            "list: [a, b]",
            "mail: null",
        ] {
            assert_eq!(offences(fine), [], "{fine}");
        }
    }

    #[test]
    fn values_are_never_repeated() {
        let schema = Schema::new(json!({"properties": {"password": {"pattern": "^x"}}}), json!({}));
        let supplied = Supplied::read(&[("v.yaml".into(), "password: hunter2".into())], &[]).unwrap();
        let offences = schema.offences(&supplied).unwrap();
        assert!(offences.len() == 1 && !offences[0].reason.contains("hunter2"), "{offences:?}");
    }
}
