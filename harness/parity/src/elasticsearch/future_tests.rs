use super::*;
use serde_json::json;

fn camunda() -> TemplateSet {
    let mut set = TemplateSet::default();
    set.components.insert(
        "zeebe-record".into(),
        json!({"template": {"settings": {"index": {"number_of_shards": "1", "queries": {"cache": {"enabled": "false"}}}},
            "mappings": {"dynamic": "strict", "properties": {"key": {"type": "long"},
                "value": {"properties": {"a": {"type": "keyword"}}}}}}}),
    );
    set.index_templates.insert(
        "zeebe-record_job_8.6.0".into(),
        json!({"index_patterns": ["zeebe-record_job_8.6.0_*"], "priority": 20, "composed_of": ["zeebe-record"],
            "template": {"settings": {"index.number_of_shards": 3}, "aliases": {"zeebe-record-job": {}},
                "mappings": {"properties": {"key": {"type": "keyword"}, "value": {"properties": {"b": {"type": "long"}}}}}}}),
    );
    set.index_templates.insert("all".into(), json!({"index_patterns": "zeebe-*", "template": {}}));
    set
}

#[test]
fn composable_templates_add_up_in_order() {
    let future = camunda().resolve("zeebe-record_job_8.6.0_2026-11-22");
    assert_eq!(future.origin, Origin::Composable("zeebe-record_job_8.6.0".into()));
    let found = index_attributes(&future.definition);
    for (name, value) in [
        ("setting number_of_shards", "3"),
        ("setting queries.cache.enabled", "false"),
        ("mapping: dynamic", "strict"),
        ("mapping: field key, type", "keyword"),
        ("mapping: field value.a, type", "keyword"),
        ("mapping: field value.b, type", "long"),
        ("alias zeebe-record-job", "present"),
    ] {
        assert_eq!(found.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!guesses_fields(&future.definition));
    let other = camunda().resolve("zeebe-record_x_2026-11-22");
    assert_eq!(other.origin, Origin::Composable("all".into()));
    assert!(guesses_fields(&other.definition));
    assert_eq!(camunda().resolve("operate-x_2026-11-22").origin, Origin::None);
}

#[test]
fn the_order_of_components_decides() {
    let mut set = camunda();
    set.components.insert("two".into(), json!({"template": {"settings": {"queries.cache.enabled": true}}}));
    let name = "zeebe-record_job_8.6.0_2026-11-22";
    let cached = |set: &TemplateSet| {
        index_attributes(&set.resolve(name).definition).get("setting queries.cache.enabled").cloned()
    };
    let job = |set: &mut TemplateSet, list: Value| {
        if let Some(body) = set.index_templates.get_mut("zeebe-record_job_8.6.0") {
            body["composed_of"] = list;
        }
    };
    job(&mut set, json!(["two", "zeebe-record"]));
    assert_eq!(cached(&set).as_deref(), Some("false"));
    job(&mut set, json!(["zeebe-record", "two"]));
    assert_eq!(cached(&set), None);
}

#[test]
fn legacy_templates_apply_all_and_the_highest_order_wins() {
    let mut set = TemplateSet::default();
    let body = |order: i64, shards: u32, parameter: &str| {
        json!({"order": order, "index_patterns": ["a*"], "settings": {"index.number_of_shards": shards},
            "mappings": {"properties": {"f": {"type": "keyword", parameter: 5}}}, "aliases": {parameter: {}}})
    };
    set.legacy.insert("z".into(), body(1, 2, "x"));
    set.legacy.insert("y".into(), body(7, 4, "ignore_above"));
    set.legacy.insert("other".into(), json!({"index_patterns": ["b*"], "order": 9}));
    let future = set.resolve("a-2026-01-01");
    assert_eq!(future.origin, Origin::Legacy(vec!["z".into(), "y".into()]));
    let found = index_attributes(&future.definition);
    assert_eq!(found["setting number_of_shards"], "4");
    for name in ["mapping: field f, x", "mapping: field f, ignore_above", "alias x", "alias ignore_above"] {
        assert!(found.contains_key(name), "{name}: {found:?}");
    }
    // One composable template, and no legacy one applies any more.
    set.index_templates.insert("c".into(), json!({"index_patterns": ["a*"]}));
    assert_eq!(index_attributes(&set.resolve("a-2026-01-01").definition), Attributes::new());
}

#[test]
fn names_are_split_at_their_date() {
    assert_eq!(
        split_date("zeebe-record_job_8.6.0_2026-11-21"),
        Some(("zeebe-record_job_8.6.0_", "2026-11-21"))
    );
    assert_eq!(split_date("logs-2026.11.21"), Some(("logs-", "2026.11.21")));
    for name in [
        "operate-list-view-8.3.0_",
        "2026-11-21",
        "a-2026-13-21",
        "a-2026-11.21",
        "a12026-11-21",
        "é-026-11-21",
    ] {
        assert_eq!(split_date(name), None, "{name}");
    }
    let names = ["o-a_", "o-a_2026-01-02", "o-a_2026-01-10", "o-b_", "o-c_", "plain"];
    let found = families(names.into_iter(), |base| base == "o-b_");
    assert_eq!(found, BTreeMap::from([("o-a_".into(), Some("2026-01-10".into())), ("o-b_".into(), None)]));
}

#[test]
fn automatic_creation_follows_the_first_pattern_that_fits() {
    for (setting, allowed) in [
        (None, true),
        (Some("true"), true),
        (Some("false"), false),
        (Some("-operate*,+*"), false),
        (Some("+zeebe*"), false),
        (Some("[\"zeebe*\",\"+operate-*\"]"), true),
    ] {
        assert_eq!(may_auto_create(setting, "operate-x_2026-01-01"), allowed, "{setting:?}");
    }
}
