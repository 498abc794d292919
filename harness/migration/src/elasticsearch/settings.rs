//! Index settings: which are carried to a new index, which are eased while documents are copied into it, and what they
//! must be afterwards.

use serde_json::{Map, Value};

/// Settings that name one particular index, are made by the store, or say how an index came to be.
const NEVER: [&str; 12] = [
    "index.uuid",
    "index.creation_date",
    "index.creation_date_string",
    "index.provided_name",
    "index.history.uuid",
    "index.history_uuid",
    "index.verified_before_close",
    "index.frozen",
    "index.search.throttled",
    "index.source_only",
    "index.lifecycle.indexing_complete",
    "index.store.type",
];
const NEVER_BELOW: [&str; 5] = [
    "index.version.",
    "index.resize.",
    "index.shrink.",
    "index.routing.allocation.initial_recovery.",
    "index.store.snapshot.",
];

/// Always eased during the copy.
const EASED: [(&str, &str); 3] = [
    ("index.refresh_interval", "-1"),
    ("index.number_of_replicas", "0"),
    ("index.translog.durability", "async"),
];
/// Eased where the source has them: replicas would come back by themselves, and a pipeline would change the documents.
const EASED_IF_SET: [(&str, &str); 3] = [
    ("index.auto_expand_replicas", "false"),
    ("index.default_pipeline", "_none"),
    ("index.final_pipeline", "_none"),
];

/// What becomes of the settings of one index. All maps are flat: `index.refresh_interval`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SettingsPlan {
    /// Given when the index is made.
    pub(crate) create: Map<String, Value>,
    /// Given when the copy is over: the source's exact values, null where the source has none.
    pub(crate) restore: Map<String, Value>,
    /// Given last of all, because documents cannot be written any more: `index.blocks.*`.
    pub(crate) blocks: Map<String, Value>,
}

/// Plans everything that can be carried.
pub(crate) fn complete(flat: &Map<String, Value>) -> SettingsPlan {
    let mut plan = SettingsPlan::default();
    for (name, value) in flat {
        if NEVER.contains(&name.as_str()) || NEVER_BELOW.iter().any(|p| name.starts_with(p)) {
            continue;
        }
        if name.starts_with("index.blocks.") {
            plan.blocks.insert(name.clone(), value.clone());
        } else {
            plan.create.insert(name.clone(), value.clone());
        }
    }
    for (name, eased) in EASED {
        plan.restore.insert(name.into(), flat.get(name).cloned().unwrap_or(Value::Null));
        plan.create.insert(name.into(), eased.into());
    }
    for (name, eased) in EASED_IF_SET {
        if let Some(value) = flat.get(name) {
            plan.restore.insert(name.into(), value.clone());
            plan.create.insert(name.into(), eased.into());
        }
    }
    plan
}

/// Most documents that a search or a scroll may ask an index for at once: `max_result_window`, 10,000 where it is not set.
pub(crate) fn largest_page(flat: &Map<String, Value>) -> u32 {
    let window = flat.get("index.max_result_window").and_then(Value::as_str).and_then(|w| w.parse().ok());
    window.unwrap_or(10_000).max(1)
}

/// What the official scripts carry: analysis and two limits, nothing else.
pub(crate) fn upstream(flat: &Map<String, Value>) -> Map<String, Value> {
    flat.iter()
        .filter(|(name, _)| {
            name.starts_with("index.analysis.")
                || matches!(name.as_str(), "index.max_ngram_diff" | "index.max_shingle_diff")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn flat(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn everything_but_identity_is_carried_and_eased_values_come_back() {
        let source = flat(json!({
            "index.uuid": "u", "index.creation_date": "1", "index.provided_name": "n", "index.version.created": "8",
            "index.version.compatibility": "8", "index.resize.source.name": "x",
            "index.routing.allocation.initial_recovery._id": "y", "index.routing.allocation.include._tier_preference": "data_content",
            "index.number_of_shards": "3", "index.number_of_replicas": "1", "index.blocks.write": "true",
            "index.default_pipeline": "p", "index.mapping.total_fields.limit": "2000", "index.hidden": "true",
            "index.analysis.analyzer.a.type": "custom", "index.sort.field": ["a", "b"], "index.lifecycle.name": "l"
        }));
        let plan = complete(&source);
        for gone in [
            "index.uuid",
            "index.creation_date",
            "index.provided_name",
            "index.version.created",
            "index.blocks.write",
        ] {
            assert!(!plan.create.contains_key(gone), "{gone}");
        }
        assert!(!plan.create.keys().any(|k| k.contains("resize") || k.contains("initial_recovery")));
        assert_eq!(plan.create["index.number_of_shards"], "3");
        assert_eq!(plan.create["index.sort.field"], json!(["a", "b"]));
        assert_eq!(plan.create["index.lifecycle.name"], "l");
        assert_eq!(plan.create["index.routing.allocation.include._tier_preference"], "data_content");
        assert_eq!(plan.create["index.refresh_interval"], "-1");
        assert_eq!(plan.create["index.default_pipeline"], "_none");
        assert_eq!(plan.restore["index.default_pipeline"], "p");
        assert_eq!(plan.restore["index.refresh_interval"], Value::Null, "unset stays unset");
        assert_eq!(plan.restore["index.number_of_replicas"], "1");
        assert_eq!(plan.restore["index.translog.durability"], Value::Null);
        assert!(!plan.restore.contains_key("index.final_pipeline"));
        assert_eq!(plan.blocks, flat(json!({"index.blocks.write": "true"})));
    }

    #[test]
    fn the_official_scripts_carry_only_analysis_and_two_limits() {
        let kept = upstream(&flat(json!({
            "index.analysis.normalizer.n.type": "custom", "index.max_ngram_diff": "9", "index.max_shingle_diff": "3",
            "index.number_of_shards": "3", "index.refresh_interval": "2s", "index.max_result_window": "5"
        })));
        assert_eq!(kept.len(), 3);
    }
}
