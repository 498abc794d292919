//! Definitions with phases, processors or sources: lifecycle policies, pipelines, stored scripts and their like.

use super::flatten::flatten;
use super::values::{canonical, same_value};
use crate::shape::{AttributeDifference, Attributes};
use serde_json::Value;

/// What the store notes down about a definition itself.
const NOTES: [&str; 10] = [
    "modified_date",
    "modified_date_millis",
    "created_date",
    "created_date_millis",
    "last_updated_time",
    "last_modified",
    "schema_version",
    "policy_id",
    "in_use_by",
    "seq_no",
];

/// An ingest pipeline: every member with its JSON, because a processor treats `1` and `"1"` as two values.
pub fn pipeline(body: &Value) -> Attributes {
    let members = body.as_object().into_iter().flatten();
    let written = members.map(|(name, value)| (name.clone(), canonical(value).to_string()));
    let empty = |value: &str| ["null", "{}", "[]"].contains(&value);
    // A pipeline without processors lists none.
    let idle = |name: &str, value: &str| match name {
        "deprecated" => value == "false",
        "on_failure" | "_meta" | "processors" => empty(value),
        _ => value == "null",
    };
    written.filter(|(name, value)| !NOTES.contains(&name.as_str()) && !idle(name, value)).collect()
}

/// A lifecycle policy, of either product, as paths.
pub fn policy(body: &Value) -> Attributes {
    let mut into = stored(body);
    into.retain(|name, value| {
        let last = name.rsplit('.').next().unwrap_or(name);
        // A phase without an age begins at once; deleting an index deletes its searchable snapshot unless told otherwise.
        let idle = (last == "min_age" && same_value("min_age", value, "0ms"))
            || (last == "delete_searchable_snapshot" && value == "true");
        !idle
    });
    // A phase that does nothing is a phase all the same: its being there moves an index on.
    for (phase, definition) in body["phases"].as_object().into_iter().flatten() {
        into.insert(format!("phase {phase}"), "present".to_owned());
        for action in definition["actions"].as_object().into_iter().flatten().map(|(name, _)| name) {
            into.insert(format!("phase {phase}, {action}"), "present".to_owned());
        }
    }
    into.retain(|name, value| !(name.starts_with("phases.") && value == "{}"));
    into
}

/// Any other definition as paths, without the store's own notes on it.
pub fn stored(body: &Value) -> Attributes {
    let mut into = Attributes::new();
    flatten("", body, &mut into);
    into.retain(|name, value| {
        let last = name.rsplit('.').next().unwrap_or(name);
        let empty = ["null", "{}", "[]"].contains(&value.as_str()) && !name.starts_with("phases.");
        !NOTES.contains(&last) && !empty && !name.is_empty()
    });
    into
}

/// Takes out differences that are two spellings of one value.
pub fn keep_real_policy(differences: &mut Vec<AttributeDifference>) {
    differences.retain(|d| match (&d.source, &d.target) {
        (Some(a), Some(b)) => {
            let last = d.name.rsplit('.').next().unwrap_or(&d.name);
            let size = if last.ends_with("_size") { "max_size" } else { last };
            let texts = ["source", "query", "script"].contains(&last);
            texts || !same_value(size, a, b)
        }
        _ => true,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::compare_attributes;
    use serde_json::json;

    #[test]
    fn policies_are_compared_by_what_they_do() {
        let a = json!({"phases": {"hot": {"min_age": "0ms", "actions": {}}, "delete": {"min_age": "30d",
            "actions": {"delete": {"delete_searchable_snapshot": true}}}}});
        let same = json!({"phases": {"hot": {"actions": {}}, "delete": {"min_age": "720h", "actions": {"delete": {}}}},
            "_meta": {}});
        let differences = |b: &Value| {
            let mut found = compare_attributes(&policy(&a), &policy(b));
            keep_real_policy(&mut found);
            found
        };
        assert_eq!(differences(&same), []);
        for (pointer, value) in [
            ("/phases/delete/min_age", json!("31d")),
            ("/phases/delete/actions", json!({})),
            ("/phases/delete/actions/delete/delete_searchable_snapshot", json!(false)),
            ("/phases/hot/actions", json!({"readonly": {}})),
            ("/phases/hot/actions", json!({"rollover": {"max_primary_shard_size": "50gb"}})),
        ] {
            let mut b = a.clone();
            *b.pointer_mut(pointer).expect("there") = value;
            assert_ne!(differences(&b), [], "{pointer}");
        }
        let mut b = a.clone();
        b["phases"].as_object_mut().expect("phases").remove("hot");
        assert_ne!(differences(&b), []);
    }

    #[test]
    fn a_processor_tells_numbers_from_texts() {
        let with = |value: Value| pipeline(&json!({"processors": [{"set": {"field": "a", "value": value}}]}));
        assert_ne!(with(json!(1)), with(json!("1")));
        assert_eq!(
            pipeline(&json!({"processors": [], "version": 1, "modified_date": 5})),
            pipeline(&json!({"version": 1}))
        );
    }
}
