//! When two texts of one attribute say the same: units, numbers, lists of one.

use serde_json::Value;
use std::collections::BTreeMap;

/// Units of time, in nanoseconds.
const TIME_UNITS: [(&str, u128); 7] = [
    ("nanos", 1),
    ("micros", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Units of size, in bytes.
const SIZE_UNITS: [(&str, u128); 11] = [
    ("b", 1),
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("t", 1 << 40),
    ("tb", 1 << 40),
    ("p", 1 << 50),
    ("pb", 1 << 50),
];

/// JSON with the members of every object in the order of their names, so that equal values give equal texts.
pub(super) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().map(|(k, v)| (k.clone(), canonical(v))).collect();
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(canonical).collect()),
        other => other.clone(),
    }
}

/// The text of an attribute: scalars without quotes, because stores answer the same one as text or as number, depending
/// on who wrote it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => canonical(other).to_string(),
    }
}

/// The texts of one value or of many.
pub(super) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(many) => many.iter().map(text).collect(),
        Value::Null => Vec::new(),
        one => vec![text(one)],
    }
}

/// A set of names, in whichever order and however often they were written.
pub(super) fn set(value: &Value) -> String {
    let mut names = texts(value);
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

/// Whether an attribute holds a length of time.
fn is_duration(name: &str) -> bool {
    const ENDS: [&str; 10] = [
        "_interval",
        "_timeout",
        ".timeout",
        ".after",
        "_deletes",
        ".period",
        "_age",
        "_time",
        "_delay",
        "_retention",
    ];
    ENDS.iter().any(|end| name.ends_with(end)) || name.contains("slowlog.threshold.")
}

/// Whether an attribute holds a size in bytes.
fn is_size(name: &str) -> bool {
    const ENDS: [&str; 6] =
        ["_size", "_segment", "_bytes_per_sec", "flush_after_merge", "limit_bytes", "max_size_in_bytes"];
    ENDS.iter().any(|end| name.ends_with(end)) || name.contains(".watermark.") || name.ends_with(".limit")
}

/// Whether an attribute is free text, in which `1.0` and `1` are two values.
fn is_text(name: &str) -> bool {
    const STARTS: [&str; 6] = [
        "analysis.",
        "similarity.",
        "routing.allocation.",
        "lifecycle.",
        "default_pipeline",
        "final_pipeline",
    ];
    STARTS.iter().any(|start| name.starts_with(start))
}

fn with_unit(text: &str, units: &[(&str, u128)]) -> Option<u128> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = digits.trim_end().parse::<u128>().ok()?;
    let unit = &text[digits.len()..];
    let factor = match units.iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => *factor,
        // Nothing is nothing in every unit.
        None if unit.is_empty() && number == 0 => 1,
        None => return None,
    };
    number.checked_mul(factor)
}

/// A share of the whole, written `85%` or `0.85`, in millionths.
fn share(text: &str) -> Option<i64> {
    let (number, scale) = match text.strip_suffix('%') {
        Some(percent) => (percent, 1e4),
        None => (text, 1e6),
    };
    let value = number.trim().parse::<f64>().ok().filter(|v| v.is_finite() && v.abs() <= 100.0)?;
    // Within ±10^8 after the check above.
    Some((value * scale).round() as i64)
}

fn number(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|v| v.is_finite())
}

/// Whether two values of one attribute say the same: `1s` is `1000ms`, `20` is `20.0`, and a list of one is its only
/// element.
pub(super) fn same_value(name: &str, a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let single = |text: &str| match serde_json::from_str::<Vec<Value>>(text).as_deref() {
        Ok([one]) => super::values::text(one),
        _ => text.to_owned(),
    };
    let (a, b) = (single(a), single(b));
    if a == b {
        return true;
    }
    if is_text(name) {
        return false;
    }
    let never = |text: &str| ["-1", "-1s", "-1ms"].contains(&text);
    if is_duration(name) {
        let times = (with_unit(&a, &TIME_UNITS), with_unit(&b, &TIME_UNITS));
        return (never(&a) && never(&b)) || matches!(times, (Some(a), Some(b)) if a == b);
    }
    if is_size(name) {
        let sizes = (with_unit(&a, &SIZE_UNITS), with_unit(&b, &SIZE_UNITS));
        if matches!(sizes, (Some(a), Some(b)) if a == b) {
            return true;
        }
        if (a.ends_with('%') || b.ends_with('%')) && share(&a).is_some() && share(&a) == share(&b) {
            return true;
        }
    }
    // Whole numbers are compared as texts: beyond 2^53 two of them give one float.
    let whole = |text: &str| text.parse::<i128>().is_ok();
    if whole(&a) && whole(&b) {
        return a.parse::<i128>() == b.parse::<i128>();
    }
    let is_true = |text: &str| text.eq_ignore_ascii_case("true");
    let is_false = |text: &str| text.eq_ignore_ascii_case("false");
    (is_true(&a) && is_true(&b))
        || (is_false(&a) && is_false(&b))
        || matches!((number(&a), number(&b)), (Some(a), Some(b)) if a == b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_value_are_one_value() {
        for (name, a, b) in [
            ("refresh_interval", "1s", "1000ms"),
            ("refresh_interval", "-1", "-1ms"),
            ("gc_deletes", "60s", "1m"),
            ("unassigned.node_left.delayed_timeout", "0", "0s"),
            ("search.slowlog.threshold.query.warn", "2s", "2000ms"),
            ("translog.flush_threshold_size", "512mb", "536870912b"),
            ("merge.policy.max_merged_segment", "5gb", "5120mb"),
            ("merge.policy.deletes_pct_allowed", "20", "20.0"),
            ("cluster.routing.allocation.disk.watermark.low", "85%", "0.85"),
            ("number_of_shards", "3", "[\"3\"]"),
            ("sort.field", "[\"a\"]", "a"),
            ("blocks.write", "TRUE", "true"),
        ] {
            assert!(same_value(name, a, b), "{name}: {a} {b}");
        }
        for (name, a, b) in [
            ("refresh_interval", "30s", "30m"),
            ("refresh_interval", "-1", "1s"),
            ("number_of_shards", "1s", "1000ms"),
            ("translog.flush_threshold_size", "512mb", "512kb"),
            ("analysis.filter.x.pattern", "1", "1.0"),
            ("mapping.total_fields.limit", "9007199254740993", "9007199254740992"),
            ("cluster.routing.allocation.disk.watermark.low", "85%", "0.9"),
            ("sort.field", "[\"a\",\"b\"]", "a"),
            ("codec", "default", "best_compression"),
        ] {
            assert!(!same_value(name, a, b), "{name}: {a} {b}");
        }
    }
}
