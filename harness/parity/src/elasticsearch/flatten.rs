//! Any JSON definition as dotted paths with text values.

use super::values::text;
use crate::shape::Attributes;
use serde_json::Value;

/// Adds every leaf of `value` under `prefix`. Array order is kept: an array is one leaf. Scalars lose their quotes,
/// because stores answer the same setting as text or as number, depending on who wrote it.
pub fn flatten(prefix: &str, value: &Value, into: &mut Attributes) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                flatten(&path, value, into);
            }
        }
        other => {
            into.insert(prefix.to_owned(), text(other));
        }
    }
}
