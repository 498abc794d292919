//! The fast tier: each store counts and aggregates its doc values by itself, and only figures travel.
//!
//! Only figures are compared that are the same for the same documents in whatever shards and order: numbers of values,
//! smallest and largest ones, sums that a double holds exactly, and the distribution of booleans.

use crate::elasticsearch::{ElasticsearchError, PinnedEs};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Fields with numbers, dates or booleans that are looked at, and fields of any kind.
const NUMERIC_FIELDS: usize = 12;
const FIELDS: usize = 24;
/// Every integer up to here is a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// What the stores figured out about one index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Figures {
    /// Whether all of it is the same on both sides.
    pub(super) agree: bool,
    /// How many fields were looked at.
    pub(super) fields: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Values {
    Integer,
    Fraction,
    Boolean,
    Keyword,
}

/// Asks both sides at once.
///
/// # Errors
/// One did not answer.
pub(super) async fn figures(
    source: &PinnedEs,
    target: &PinnedEs,
    index: &str,
) -> Result<Figures, ElasticsearchError> {
    let mapped = |side: &PinnedEs| {
        let mut fields = BTreeMap::new();
        if let Some(index) = side.indices().get(index) {
            collect("", &index.definition["mappings"], &mut fields);
        }
        fields
    };
    let (here, there) = (mapped(source), mapped(target));
    let both = here.into_iter().filter(|(path, values)| there.get(path) == Some(values));
    let (keywords, numeric): (Vec<_>, Vec<_>) = both.partition(|(_, values)| *values == Values::Keyword);
    let chosen: Vec<_> = numeric.into_iter().take(NUMERIC_FIELDS).chain(keywords).take(FIELDS).collect();
    let asked: Map<_, _> =
        chosen.iter().enumerate().map(|(at, f)| (at.to_string(), aggregation(f))).collect();
    let asked = Value::Object(asked);
    let (a, b) = tokio::join!(source.aggregate(index, &asked), target.aggregate(index, &asked));
    let ((count, a), (other_count, b)) = (a?, b?);
    let same = |(at, (_, values)): (usize, &(String, Values))| {
        let at = at.to_string();
        alike(*values, &a[&at], &b[&at])
    };
    let agree = count == other_count && chosen.iter().enumerate().all(same);
    Ok(Figures { agree, fields: chosen.len() })
}

fn aggregation((path, values): &(String, Values)) -> Value {
    match values {
        Values::Integer | Values::Fraction => json!({"stats": {"field": path}}),
        Values::Boolean => json!({"terms": {"field": path, "size": 2}}),
        Values::Keyword => json!({"value_count": {"field": path}}),
    }
}

/// Whether two answers to the same question say the same, as far as they are exact. An answer that is missing on both
/// sides says nothing: the number of documents still does.
fn alike(values: Values, a: &Value, b: &Value) -> bool {
    let same = |name: &str| a[name] == b[name];
    match values {
        Values::Keyword => same("value"),
        Values::Boolean => {
            let counts = |side: &Value| -> BTreeMap<String, Value> {
                let buckets = side["buckets"].as_array().into_iter().flatten();
                buckets.map(|bucket| (bucket["key"].to_string(), bucket["doc_count"].clone())).collect()
            };
            counts(a) == counts(b)
        }
        Values::Fraction => same("count") && same("min") && same("max"),
        Values::Integer => {
            let number = |name: &str| a[name].as_f64().unwrap_or(0.0);
            let largest = number("min").abs().max(number("max").abs());
            let exact = largest * number("count") < EXACT;
            same("count") && same("min") && same("max") && (!exact || same("sum"))
        }
    }
}

/// Fields with doc values by path. Those of nested documents are left out: from outside they have no values.
fn collect(path: &str, mapping: &Value, fields: &mut BTreeMap<String, Values>) {
    for (name, body) in mapping["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let values = match body["type"].as_str() {
            None | Some("object") => {
                collect(&path, body, fields);
                continue;
            }
            Some("long" | "integer" | "short" | "byte" | "date") => Values::Integer,
            Some("double" | "float") => Values::Fraction,
            Some("boolean") => Values::Boolean,
            Some("keyword") => Values::Keyword,
            Some(_) => continue,
        };
        if body["doc_values"].as_bool() != Some(false) {
            fields.insert(path, values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_exact_figures_count() {
        let stats =
            |count: u64, max: f64, sum: f64| json!({"count": count, "min": 1.0, "max": max, "sum": sum});
        assert!(!alike(Values::Integer, &stats(3, 9.0, 12.0), &stats(3, 9.0, 13.0)));
        // A sum beyond 2^53 depends on the order of the summands.
        assert!(alike(Values::Integer, &stats(3, 9e15, 1.2e16), &stats(3, 9e15, 1.3e16)));
        assert!(alike(Values::Fraction, &stats(3, 0.5, 1.1), &stats(3, 0.5, 1.2)));
        assert!(!alike(Values::Fraction, &stats(3, 0.5, 1.1), &stats(4, 0.5, 1.1)));
        let empty = json!({"count": 0, "min": null, "max": null, "sum": 0.0});
        assert!(
            alike(Values::Integer, &empty, &empty) && !alike(Values::Integer, &empty, &stats(1, 1.0, 1.0))
        );
        let terms =
            |t: u64, f: u64| json!({"buckets": [{"key": 1, "doc_count": t}, {"key": 0, "doc_count": f}]});
        let turned = json!({"buckets": [{"key": 0, "doc_count": 2}, {"key": 1, "doc_count": 5}]});
        assert!(
            alike(Values::Boolean, &terms(5, 2), &turned) && !alike(Values::Boolean, &terms(4, 3), &turned)
        );
    }

    #[test]
    fn fields_with_doc_values_are_found_at_any_depth() {
        let mapping = json!({"properties": {
            "key": {"type": "long"}, "hidden": {"type": "long", "doc_values": false}, "text": {"type": "text"},
            "value": {"properties": {"state": {"type": "keyword"}}},
            "inner": {"type": "nested", "properties": {"x": {"type": "long"}}}
        }});
        let mut fields = BTreeMap::new();
        collect("", &mapping, &mut fields);
        let expected = [("key", Values::Integer), ("value.state", Values::Keyword)];
        assert_eq!(fields, expected.map(|(p, v)| (p.to_owned(), v)).into());
    }
}
