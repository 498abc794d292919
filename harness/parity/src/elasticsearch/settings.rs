//! Index settings, flat and without the store's own bookkeeping, and settings that a migration forgot to put back.

use super::flatten::flatten;
use crate::shape::{AttributeDifference, Attributes};
use serde_json::Value;

/// Written by the store itself when an index is made; they never survive a move and mean nothing to an application.
const BOOKKEEPING: [&str; 10] = [
    "uuid",
    "history.uuid",
    "creation_date",
    "creation_date_string",
    "provided_name",
    "version.",
    "routing.allocation.initial_recovery.",
    "resize.",
    "verified_before_close",
    "replication.type",
];

/// What unset means. A setting equal to its default has no effect and counts as unset.
const DEFAULTS: [(&str, &str); 43] = [
    ("number_of_shards", "1"),
    ("number_of_replicas", "1"),
    ("refresh_interval", "1s"),
    ("translog.durability", "request"),
    ("translog.sync_interval", "5s"),
    ("max_result_window", "10000"),
    ("max_inner_result_window", "100"),
    ("max_rescore_window", "10000"),
    ("max_ngram_diff", "1"),
    ("max_shingle_diff", "3"),
    ("max_terms_count", "65536"),
    ("max_regex_length", "1000"),
    ("mapping.total_fields.limit", "1000"),
    ("mapping.depth.limit", "20"),
    ("mapping.nested_fields.limit", "50"),
    ("mapping.nested_objects.limit", "10000"),
    ("mapping.ignore_malformed", "false"),
    ("mapping.coerce", "true"),
    ("mapper.dynamic", "true"),
    ("codec", "default"),
    ("auto_expand_replicas", "false"),
    ("queries.cache.enabled", "true"),
    ("requests.cache.enable", "true"),
    ("blocks.read_only", "false"),
    ("blocks.read", "false"),
    ("blocks.write", "false"),
    ("blocks.metadata", "false"),
    ("blocks.read_only_allow_delete", "false"),
    ("hidden", "false"),
    ("priority", "1"),
    ("gc_deletes", "60s"),
    ("routing.allocation.enable", "all"),
    ("routing.rebalance.enable", "all"),
    ("routing.allocation.include._tier_preference", "data_content"),
    ("soft_deletes.enabled", "true"),
    ("mode", "standard"),
    ("routing_partition_size", "1"),
    ("default_pipeline", "_none"),
    ("final_pipeline", "_none"),
    ("lifecycle.name", ""),
    ("lifecycle.rollover_alias", ""),
    ("search.idle.after", "30s"),
    ("unassigned.node_left.delayed_timeout", "1m"),
];

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

/// Whether a setting holds a length of time.
fn is_duration(name: &str) -> bool {
    const NAMES: [&str; 3] = ["gc_deletes", "search.idle.after", "unassigned.node_left.delayed_timeout"];
    NAMES.contains(&name) || name.ends_with("_interval") || name.contains("slowlog.threshold.")
}

/// A length of time in nanoseconds; every negative one means "never". `None` for any other text.
fn nanoseconds(text: &str) -> Option<u128> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number = digits.parse::<u128>().ok()?;
    let (_, unit) = TIME_UNITS.iter().find(|(unit, _)| *unit == &text[digits.len()..])?;
    number.checked_mul(*unit)
}

/// Whether two values of one setting say the same: `1s` is `1000ms`, and a list of one is its only element.
fn same_value(name: &str, a: &str, b: &str) -> bool {
    let single = |text: &str| match serde_json::from_str::<Vec<String>>(text).as_deref() {
        Ok([one]) => one.clone(),
        _ => text.to_owned(),
    };
    let never = |text: &str| ["-1", "-1s", "-1ms"].contains(&text);
    if a == b || (is_duration(name) && never(a) && never(b)) {
        return true;
    }
    match (nanoseconds(a), nanoseconds(b)) {
        (Some(a), Some(b)) if is_duration(name) => a == b,
        _ => single(a) == single(b),
    }
}

/// Takes out differences of settings that are only two spellings of one value. `prefix` is what stands before a setting's
/// name: nothing in an index, `setting ` in a template, where other attributes stand beside settings.
pub fn keep_real(prefix: &str, differences: &mut Vec<AttributeDifference>) {
    differences.retain(|d| match (&d.source, &d.target, d.name.strip_prefix(prefix)) {
        (Some(a), Some(b), Some(name)) => !same_value(name, a, b),
        _ => true,
    });
}

/// Settings of one index as attributes without the `index.` prefix. Takes both forms of the answer, nested and flat.
pub fn settings(definition: &Value) -> Attributes {
    let default = |name: &str, value: &str| {
        DEFAULTS.iter().any(|(known, unset)| *known == name && same_value(name, unset, value))
    };
    written_settings(definition).into_iter().filter(|(name, value)| !default(name, value)).collect()
}

/// Shows the default where a differing setting is unset on one side.
pub fn show_defaults(differences: &mut [AttributeDifference]) {
    for difference in differences {
        if let Some((_, default)) = DEFAULTS.iter().find(|(name, _)| *name == difference.name) {
            for side in [&mut difference.source, &mut difference.target] {
                side.get_or_insert_with(|| (*default).to_owned());
            }
        }
    }
}

/// Settings as written, values equal to the default included.
pub(super) fn written_settings(definition: &Value) -> Attributes {
    let mut flat = Attributes::new();
    flatten("", definition, &mut flat);
    flat.into_iter()
        .map(|(name, value)| (name.strip_prefix("index.").unwrap_or(&name).to_owned(), value))
        // `null` takes a setting back; an empty object holds none.
        .filter(|(name, value)| !is_bookkeeping(name) && value != "null" && !name.is_empty())
        .collect()
}

fn is_bookkeeping(name: &str) -> bool {
    BOOKKEEPING.iter().any(|own| if own.ends_with('.') { name.starts_with(own) } else { name == *own })
}

/// A setting that a migration changes for its own speed or safety and has to put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leftover {
    /// The setting, with both values.
    pub setting: AttributeDifference,
    /// What it does to the application as long as it stays.
    pub effect: &'static str,
}

/// Which of the differing settings look like a migration's temporary ones, left behind on the target.
pub fn leftovers(differences: &[AttributeDifference]) -> Vec<Leftover> {
    let effect = |difference: &AttributeDifference| {
        let value = difference.target.as_deref().unwrap_or_default();
        match (difference.name.as_str(), value) {
            ("refresh_interval", "-1" | "-1s" | "-1ms") => {
                Some("new documents never become visible to searches")
            }
            ("number_of_replicas", "0") => Some("the data has no second copy"),
            ("translog.durability", "async") => Some("acknowledged writes can be lost in a crash"),
            ("blocks.write", "true") => Some("every write is refused"),
            ("blocks.read_only" | "blocks.read_only_allow_delete", "true") => {
                Some("every write and every change of definition is refused")
            }
            ("blocks.metadata", "true") => Some("every change of definition is refused"),
            ("blocks.read", "true") => Some("every search is refused"),
            ("routing.allocation.enable", "none" | "primaries" | "new_primaries") => {
                Some("copies are not placed any more")
            }
            _ => None,
        }
    };
    differences
        .iter()
        .filter_map(|d| effect(d).map(|effect| Leftover { setting: d.clone(), effect }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::compare_attributes;
    use serde_json::json;

    #[test]
    fn bookkeeping_and_defaults_do_not_count() {
        let a = settings(
            &json!({"index.uuid": "x", "index.version.created": "8", "index.refresh_interval": "1s",
            "index.number_of_replicas": "1", "index.routing.allocation.initial_recovery._id": "n"}),
        );
        assert!(a.is_empty(), "{a:?}");
        let b = settings(
            &json!({"index": {"number_of_shards": 3, "analysis": {"analyzer": {"x": {"filter": ["b", "a"]}}}}}),
        );
        assert_eq!(b["number_of_shards"], "3");
        assert_eq!(b["analysis.analyzer.x.filter"], r#"["b","a"]"#);
    }

    #[test]
    fn spellings_of_one_value_are_no_difference() {
        let a = settings(&json!({"refresh_interval": "30s", "gc_deletes": "1m", "lifecycle.name": "",
            "search.slowlog.threshold.query.warn": "2s", "analysis.analyzer.x.filter": "lowercase"}));
        let b = settings(&json!({"refresh_interval": "30000ms",
            "search.slowlog.threshold.query.warn": "2000ms", "analysis.analyzer.x.filter": ["lowercase"]}));
        let mut differences = compare_attributes(&a, &b);
        keep_real("", &mut differences);
        assert!(differences.is_empty(), "{differences:?}");
        let c = settings(&json!({"refresh_interval": "30m", "search.slowlog.threshold.query.warn": "-1",
            "analysis.analyzer.x.filter": ["lowercase", "stop"]}));
        let mut differences = compare_attributes(&a, &c);
        keep_real("", &mut differences);
        assert_eq!(differences.len(), 3, "{differences:?}");
        assert!(!same_value("number_of_shards", "1s", "1000ms"));
    }

    #[test]
    fn temporary_settings_are_recognised() {
        let a = settings(&json!({"index.number_of_replicas": "1", "index.refresh_interval": "2s"}));
        let b = settings(&json!({"index.number_of_replicas": "0", "index.refresh_interval": "-1",
            "index.translog.durability": "async", "index.blocks.write": "true"}));
        assert_eq!(leftovers(&compare_attributes(&a, &b)).len(), 4);
        assert!(leftovers(&compare_attributes(&b, &a)).is_empty());
    }
}
