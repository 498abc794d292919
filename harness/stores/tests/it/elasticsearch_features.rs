//! Lifecycle policies, data streams and enrich policies, as the documentation shows the answers: builds that hold the
//! modules behind them are not to be had as artifacts, so a fake answers.

use crate::fake_elasticsearch::FakeElasticsearch;
use drydock_core::names::checks::ES_CLUSTER;
use drydock_core::{Finding, Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::Scope;
use serde_json::{Value, json};
use std::collections::BTreeMap;

type Features = BTreeMap<&'static str, Value>;

const POLICIES: &str = "/_ilm/policy";
const STREAMS: &str = "/_data_stream/*";
const ENRICH: &str = "/_enrich/policy";

fn features() -> Features {
    let policies = json!({
        "zeebe-retention": {"version": 1, "modified_date": "2024-11-01T10:00:00.000Z",
            "policy": {"phases": {
                "hot": {"min_age": "0ms", "actions": {"rollover": {"max_age": "30d", "max_primary_shard_size": "50gb"}}},
                "delete": {"min_age": "90d", "actions": {"delete": {"delete_searchable_snapshot": true}}}}},
            "in_use_by": {"indices": ["zeebe-record_job_8.6_2024-11-01"], "data_streams": [], "composable_templates": ["zeebe"]}},
        "audit": {"version": 3, "modified_date": "2024-11-01T10:00:00.000Z",
            "policy": {"phases": {"delete": {"min_age": "7d", "actions": {"delete": {}}}}}, "in_use_by": {"indices": []}},
    });
    let backing = |n: u32| {
        json!({"index_name": format!(".ds-acme-audit-2024.11.0{n}-00000{n}"), "index_uuid": format!("uuid{n}"),
            "prefer_ilm": true, "ilm_policy": "audit", "managed_by": "Index Lifecycle Management"})
    };
    let streams = json!({"data_streams": [{"name": "acme-audit", "timestamp_field": {"name": "@timestamp"},
        "indices": [backing(1), backing(2)], "generation": 2, "status": "GREEN", "template": "acme-audit", "ilm_policy": "audit",
        "next_generation_managed_by": "Index Lifecycle Management", "prefer_ilm": true, "hidden": false, "system": false,
        "allow_custom_routing": false, "replicated": false, "rollover_on_write": false}]});
    let enrich = json!({"policies": [{"config": {"match": {"name": "users", "indices": ["acme-users"], "match_field": "email",
        "enrich_fields": ["first_name", "city"]}}}]});
    Features::from([(POLICIES, policies), (STREAMS, streams), (ENRICH, enrich)])
}

async fn told(source: Features, target: Features) -> Vec<Finding> {
    let (a, b) = (FakeElasticsearch::start().await, FakeElasticsearch::start().await);
    for (side, features) in [(&a, source), (&b, target)] {
        let mut contents = side.contents();
        contents.indices.insert("acme-users".to_owned(), Vec::new());
        contents.features = features;
    }
    let endpoint = |fake: &FakeElasticsearch| ElasticsearchEndpoint::plain(&fake.url);
    let results =
        compare::elasticsearch(&endpoint(&a), &endpoint(&b), &Scope::default(), &Options::default()).await;
    let cluster = results.into_iter().find(|r| r.check == ES_CLUSTER).expect("the check is made");
    cluster.findings.into_iter().filter(|f| f.outcome == Outcome::Different).collect()
}

fn target(change: impl Fn(&mut Features)) -> Features {
    let mut target = features();
    change(&mut target);
    target
}

fn at<'a>(features: &'a mut Features, path: &str, pointer: &str) -> &'a mut Value {
    let answer = features.get_mut(path).expect("a feature");
    answer.pointer_mut(pointer).unwrap_or_else(|| panic!("nothing at {pointer}"))
}

fn policy_names(features: &mut Features) -> &mut serde_json::Map<String, Value> {
    features.get_mut(POLICIES).and_then(Value::as_object_mut).expect("policies")
}

#[tokio::test]
async fn what_the_store_notes_down_itself_is_no_difference() {
    let renewed = target(|f| {
        *at(f, POLICIES, "/zeebe-retention/version") = json!(9);
        *at(f, POLICIES, "/zeebe-retention/modified_date") = json!("2026-01-01T00:00:00.000Z");
        *at(f, POLICIES, "/zeebe-retention/in_use_by") = json!({"indices": []});
        *at(f, POLICIES, "/zeebe-retention/policy/phases/delete/actions/delete") = json!({});
        *at(f, POLICIES, "/zeebe-retention/policy/phases/hot/actions/rollover/max_age") = json!("720h");
        *at(f, STREAMS, "/data_streams/0/status") = json!("YELLOW");
        *at(f, STREAMS, "/data_streams/0/indices/0/index_uuid") = json!("another");
    });
    for target in [features(), renewed] {
        assert_eq!(told(features(), target).await, []);
    }
}

#[tokio::test]
async fn every_change_is_told_by_its_object() {
    type Change = fn(&mut Features);
    const RETENTION: &str = "lifecycle-policy/zeebe-retention";
    const STREAM: &str = "data-stream/acme-audit";
    let table: [(&str, Kind, Change); 12] = [
        ("lifecycle-policy/audit", Kind::Missing, |f| drop(policy_names(f).remove("audit"))),
        (RETENTION, Kind::Changed, |f| {
            *at(f, POLICIES, "/zeebe-retention/policy/phases/delete/min_age") = json!("9d");
        }),
        (RETENTION, Kind::Changed, |f| {
            let phases = at(f, POLICIES, "/zeebe-retention/policy/phases");
            drop(phases.as_object_mut().expect("phases").remove("delete"));
        }),
        (RETENTION, Kind::Changed, |f| {
            *at(f, POLICIES, "/zeebe-retention/policy/phases/hot/actions") = json!({});
        }),
        ("lifecycle-policy/new", Kind::Extra, |f| {
            let policy = f[POLICIES]["audit"].clone();
            policy_names(f).insert("new".to_owned(), policy);
        }),
        (STREAM, Kind::Missing, |f| *at(f, STREAMS, "/data_streams") = json!([])),
        (STREAM, Kind::Changed, |f| *at(f, STREAMS, "/data_streams/0/generation") = json!(1)),
        (STREAM, Kind::Changed, |f| *at(f, STREAMS, "/data_streams/0/ilm_policy") = json!("zeebe-retention")),
        (STREAM, Kind::Changed, |f| {
            drop(at(f, STREAMS, "/data_streams/0/indices").as_array_mut().expect("a list").pop());
        }),
        (STREAM, Kind::Changed, |f| *at(f, STREAMS, "/data_streams/0/template") = json!("other")),
        ("enrich-policy/users", Kind::Missing, |f| *at(f, ENRICH, "/policies") = json!([])),
        ("enrich-policy/users", Kind::Changed, |f| {
            *at(f, ENRICH, "/policies/0/config/match/match_field") = json!("name");
        }),
    ];
    for (subject, kind, change) in table {
        let found = told(features(), target(change)).await;
        let told: Vec<(&str, Kind)> = found.iter().map(|f| (f.subject.as_str(), f.kind)).collect();
        assert_eq!(told, [(subject, kind)], "{found:#?}");
    }
}

#[tokio::test]
async fn a_target_without_the_feature_has_lost_what_the_source_had() {
    let found = told(features(), Features::new()).await;
    for subject in ["data-stream/acme-audit", "lifecycle-policy/audit", "lifecycle-policy/zeebe-retention"] {
        assert!(
            found.iter().any(|f| f.subject == subject && f.kind == Kind::Missing),
            "{subject}: {found:#?}"
        );
    }
}
