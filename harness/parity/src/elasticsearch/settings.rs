//! Index settings, flat and without the store's own bookkeeping, and settings that a migration forgot to put back.

use super::defaults::{default_of, is_default};
use super::flatten::flatten;
use super::values::same_value;
use crate::shape::{AttributeDifference, Attributes};
use serde_json::Value;

/// Written by the store itself when an index is made; they never survive a move and mean nothing to an application.
const BOOKKEEPING: [&str; 12] = [
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
    // Without effect since 7.4, and refused by 8.
    "translog.retention.size",
    "translog.retention.age",
];

/// Takes out differences of settings that are only two spellings of one value. `prefix` is what stands before a setting's
/// name: nothing in an index, `setting ` in a template, where other attributes stand beside settings.
pub fn keep_real(prefix: &str, differences: &mut Vec<AttributeDifference>) {
    // The store sets the number of copies by itself where it expands them.
    let expands = format!("{prefix}auto_expand_replicas");
    let expanded = differences.iter().any(|d| d.name == expands);
    let copies = format!("{prefix}number_of_replicas");
    differences.retain(|d| match (&d.source, &d.target, d.name.strip_prefix(prefix)) {
        _ if expanded && d.name == copies => false,
        (Some(a), Some(b), Some(name)) => !same_value(name, a, b),
        _ => true,
    });
}

/// Settings of one index as attributes without the `index.` prefix. Takes both forms of the answer, nested and flat.
pub fn settings(definition: &Value) -> Attributes {
    let mut set = written_settings(definition);
    if set.get("auto_expand_replicas").is_some_and(|range| range != "false") {
        set.remove("number_of_replicas");
    }
    set.retain(|name, value| !is_default(name, value) && !is_custom_chain(name, value));
    set
}

/// Shows the default where a differing setting is unset on one side.
pub fn show_defaults(differences: &mut [AttributeDifference]) {
    for difference in differences {
        if let Some(default) = default_of(&difference.name) {
            for side in [&mut difference.source, &mut difference.target] {
                side.get_or_insert_with(|| default.to_owned());
            }
        }
    }
}

/// Settings as written, also nested by `index`, values equal to the default included.
pub(super) fn written_settings(definition: &Value) -> Attributes {
    let mut flat = Attributes::new();
    flatten("", definition, &mut flat);
    flat.into_iter()
        .map(|(name, value)| (name.strip_prefix("index.").unwrap_or(&name).to_owned(), value))
        // `null` takes a setting back; an empty object holds none.
        .filter(|(name, value)| !is_bookkeeping(name) && value != "null" && value != "{}" && !name.is_empty())
        .collect()
}

/// An analyzer or normalizer with a chain of its own is of type `custom`, said or not.
fn is_custom_chain(name: &str, value: &str) -> bool {
    let chain = name.starts_with("analysis.analyzer.") || name.starts_with("analysis.normalizer.");
    chain && name.ends_with(".type") && value == "custom"
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
        if let Some(rule) = difference.name.strip_prefix("routing.allocation.") {
            // A shrink or an evacuation binds an index to nodes by name.
            let (kind, attribute) = rule.split_once('.').unwrap_or_default();
            let by_node = ["_name", "_id", "_ip", "_host", "_publish_ip", "_host_ip"].contains(&attribute);
            if by_node && ["require", "include", "exclude"].contains(&kind) && !value.is_empty() {
                return Some("its copies may only be placed on certain nodes");
            }
        }
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
            ("routing.rebalance.enable", "none" | "primaries" | "replicas") => {
                Some("copies are not moved to free nodes any more")
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
    }

    #[test]
    fn temporary_settings_are_recognised() {
        let a = settings(&json!({"index.number_of_replicas": "1", "index.refresh_interval": "2s"}));
        let b = settings(&json!({"index.number_of_replicas": "0", "index.refresh_interval": "-1",
            "index.translog.durability": "async", "index.blocks.write": "true"}));
        assert_eq!(leftovers(&compare_attributes(&a, &b)).len(), 4);
        let shrunk = settings(&json!({"index.number_of_replicas": "1", "index.refresh_interval": "2s",
            "index.routing.allocation.require._name": "node-1", "index.routing.allocation.require.zone": "a"}));
        assert_eq!(leftovers(&compare_attributes(&a, &shrunk)).len(), 1);
        assert!(leftovers(&compare_attributes(&b, &a)).is_empty());
    }
}
