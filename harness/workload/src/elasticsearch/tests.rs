//! What holds for every dataset, and loading one into a real cluster.

use super::*;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, Timeouts};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashSet};

fn digest(dataset: &Dataset) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for index in dataset.indices() {
        hasher.update(index.name.as_bytes()).update(index.body.to_string().as_bytes());
        for document in dataset.documents(index) {
            hasher.update(document.id.as_bytes());
            hasher.update(document.routing.unwrap_or_default().as_bytes());
            hasher.update(document.source.as_bytes());
        }
    }
    hasher.finalize()
}

fn spec<'a>(dataset: &'a Dataset, name: &str) -> &'a IndexSpec {
    dataset.indices().iter().find(|i| i.name == name).unwrap_or_else(|| panic!("no index {name}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn the_number_of_documents_is_exact(n in 0_u64..2_000_000, tiny in any::<bool>()) {
        let base = if tiny { Profile::tiny() } else { Profile::medium() };
        let dataset = Dataset::new(&base.with_documents(n), 1);
        prop_assert_eq!(dataset.indices().iter().map(|i| i.documents).sum::<u64>(), n);
    }
}

#[test]
fn profiles_have_their_indices() {
    let tiny = Dataset::new(&Profile::tiny(), 7);
    assert!((33..=40).contains(&tiny.indices().len()), "{}", tiny.indices().len());
    for n in [0, 1, 5_000, 50_000, 500_000] {
        let full = Dataset::new(&Profile::medium().with_documents(n), 7);
        assert!((105..=120).contains(&full.indices().len()), "{}", full.indices().len());
        let dated = |p: &str| {
            full.indices().iter().filter(|i| i.name.starts_with(p) && !i.name.ends_with('_')).count()
        };
        assert!(dated("operate-list-view-8.3.0_") > 10);
        let optimize = full.indices().iter().filter(|i| i.name.starts_with("optimize-")).count();
        assert!(optimize >= 12, "{optimize}");
    }
    for dataset in [tiny, Dataset::new(&Profile::small(), 7)] {
        let names: BTreeSet<&str> = dataset.indices().iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names.len(), dataset.indices().len());
        for expected in [
            "operate-list-view-8.3.0_",
            "operate-list-view-8.3.0_2026-11-19",
            "tasklist-list-view-8.6.0_",
            "zeebe-record_process-instance_8.6.0_2026-11-20",
            "optimize-process-instance-order-process_v8",
            "optimize-metadata_v3",
            "acme-operate-list-view-8.3.0_",
        ] {
            assert!(names.contains(expected), "{expected}");
        }
        assert!(dataset.indices().iter().any(|i| i.documents == 0));
        assert_eq!(
            spec(&dataset, "operate-list-view-8.3.0_").body["aliases"],
            json!({
            "operate-list-view-8.3.0_alias": {"is_write_index": false}})
        );
        assert_eq!(
            spec(&dataset, "operate-variable-8.3.0_2026-11-19").body["aliases"],
            json!({
            "operate-variable-8.3.0_alias": {}})
        );
    }
}

#[test]
fn about_half_of_operates_documents_are_archived() {
    let dataset = Dataset::new(&Profile::medium(), 7);
    let (mut live, mut archived) = (0, 0);
    for index in dataset.indices().iter().filter(|i| i.name.starts_with("operate-")) {
        *if index.name.ends_with('_') { &mut live } else { &mut archived } += index.documents;
    }
    let share = archived * 100 / (live + archived);
    assert!((40..=60).contains(&share), "{share} %");
}

#[test]
fn the_seed_decides() {
    let profile = Profile::small();
    let digests: Vec<_> = [7, 7, 8].map(|seed| digest(&Dataset::new(&profile, seed))).into();
    assert_eq!(digests[0], digests[1]);
    assert_ne!(digests[0], digests[2]);
}

#[test]
fn the_order_of_generation_does_not_matter() {
    let dataset = Dataset::new(&Profile::tiny(), 7);
    let read = |i: &IndexSpec| (i.name.clone(), dataset.documents(i).collect::<Vec<_>>());
    let forward: BTreeMap<_, _> = dataset.indices().iter().map(read).collect();
    let backward: BTreeMap<_, _> = dataset.indices().iter().rev().map(read).collect();
    assert_eq!(forward, backward);
}

#[derive(Deserialize)]
struct Keys {
    key: Option<Box<RawValue>>,
}

#[test]
fn documents_are_sound() {
    for profile in [Profile::tiny(), Profile::small()] {
        let dataset = Dataset::new(&profile, 7);
        let (mut beyond_double, mut bytes, mut large, mut medium) = (0, 0_u64, 0, 0);
        for index in dataset.indices() {
            let mut ids = HashSet::new();
            let mut number = 0;
            for document in dataset.documents(index) {
                let at = format!("{} {}", index.name, document.id);
                number += 1;
                assert!(ids.insert(document.id.clone()), "{at}: twice");
                assert!(document.source.len() <= 1_048_576 + 4_096, "{at}: {}", document.source.len());
                assert!(!document.source.contains('\n'), "{at}: a line break ends a bulk item");
                let value: Value =
                    serde_json::from_str(&document.source).unwrap_or_else(|e| panic!("{at}: {e}"));
                let keys: Keys = serde_json::from_str(&document.source).unwrap();
                if let Some(key) = keys.key.and_then(|k| k.get().parse::<i64>().ok()) {
                    beyond_double += u32::from(key > 1 << 53);
                }
                bytes += document.source.len() as u64;
                large += u32::from(document.source.len() > 1_000_000);
                medium += u32::from((20_000..200_000).contains(&document.source.len()));
                routing_follows_the_rules(&at, index, &document, &value);
            }
            assert_eq!(number, index.documents, "{}", index.name);
        }
        assert!(beyond_double > 50, "{beyond_double}");
        assert_eq!(large, 2);
        assert!(medium > 0 || profile.documents() < 1000);
        let estimate = dataset.estimated_bytes();
        assert!(
            estimate * 10 > bytes * 7 && estimate * 10 < bytes * 14,
            "estimate {estimate}, really {bytes}"
        );
    }
}

fn routing_follows_the_rules(at: &str, index: &IndexSpec, document: &Document, value: &Value) {
    let routing = document.routing.as_deref();
    if index.name.contains("zeebe-record_") {
        let partition = value["partitionId"].to_string();
        assert_eq!(routing, Some(partition.as_str()), "{at}");
        assert_eq!(document.id, format!("{partition}-{}", value["position"]), "{at}");
        assert_eq!(value["sequence"].as_i64().unwrap() >> 51, value["partitionId"].as_i64().unwrap(), "{at}");
        return;
    }
    let join = value.get("joinRelation").or_else(|| value.get("join"));
    let parent = join.and_then(|j| j["parent"].as_i64()).map(|p| p.to_string());
    assert_eq!(routing, parent.as_deref(), "{at}");
    if let Some(id) = value["id"].as_str() {
        assert_eq!(id, document.id, "{at}");
    }
    if index.name.starts_with("operate-list-view") && parent.is_none() {
        let running = index.name.ends_with('_');
        assert_eq!(value["state"] == "ACTIVE", running, "{at}");
        assert_eq!(value["endDate"].is_null(), running, "{at}");
    }
}

#[test]
fn import_positions_agree_with_the_records() {
    for profile in [Profile::tiny(), Profile::small()] {
        let dataset = Dataset::new(&profile, 7);
        let mut last: BTreeMap<(String, i64), (i64, String)> = BTreeMap::new();
        for index in dataset.indices().iter().filter(|i| i.name.starts_with("zeebe-record_")) {
            let record_type = index.name.split('_').nth(1).unwrap();
            for document in dataset.documents(index) {
                let value: Value = serde_json::from_str(&document.source).unwrap();
                let entry = (value["position"].as_i64().unwrap(), index.name.clone());
                let key = (record_type.to_owned(), value["partitionId"].as_i64().unwrap());
                let slot = last.entry(key).or_insert_with(|| entry.clone());
                *slot = slot.clone().max(entry);
            }
        }
        let mut seen = 0;
        for document in dataset.documents(spec(&dataset, "operate-import-position-8.3.0_")) {
            let value: Value = serde_json::from_str(&document.source).unwrap();
            let key =
                (value["aliasName"].as_str().unwrap().to_owned(), value["partitionId"].as_i64().unwrap());
            match last.get(&key) {
                Some((position, index)) => {
                    assert_eq!(value["position"], *position, "{}", document.id);
                    assert_eq!(value["indexName"], *index, "{}", document.id);
                }
                None => assert_eq!(value["position"], 0, "{}", document.id),
            }
            seen += 1;
        }
        assert!(seen >= 20, "{seen}");
    }
}

/// Every member of every document is declared, as far as the mapping is strict.
#[test]
fn strict_mappings_declare_every_member() {
    let dataset = Dataset::new(&Profile::small(), 7);
    for index in dataset.indices() {
        for document in dataset.documents(index) {
            let value: Value = serde_json::from_str(&document.source).unwrap();
            declared(&index.name, &index.body["mappings"]["properties"], &value);
        }
    }
    let at = "2026-11-21T10:00:00Z".parse().unwrap();
    for state in [InstanceState::Active, InstanceState::Completed, InstanceState::Canceled] {
        for (index, document) in operate_instance(live_key(4, 9), 4, state, at) {
            let value: Value = serde_json::from_str(&document.source).unwrap();
            declared(&index, &spec(&dataset, &index).body["mappings"]["properties"], &value);
        }
    }
    let (index, document) = zeebe_record(5, 1 << 40, live_key(5, 9), at);
    assert_eq!(index, "zeebe-record_process-instance_8.6.0_2026-11-21");
    assert_eq!((document.id.as_str(), document.routing.as_deref()), ("5-1099511627776", Some("5")));
    let value: Value = serde_json::from_str(&document.source).unwrap();
    let seeded = spec(&dataset, "zeebe-record_process-instance_8.6.0_2026-11-20");
    declared(&index, &seeded.body["mappings"]["properties"], &value);
    assert_eq!(
        archived_index(OperateIndex::Variable, "2026-11-21".parse().unwrap()),
        "operate-variable-8.3.0_2026-11-21"
    );
}

fn declared(at: &str, properties: &Value, value: &Value) {
    for (name, member) in value.as_object().into_iter().flatten() {
        let field = &properties[name];
        assert!(field.is_object(), "{at}: {name} is not declared");
        if field["type"] == "integer" {
            assert!(
                member.is_null() || member.as_i64().is_some_and(|n| i32::try_from(n).is_ok()),
                "{at}: {name}"
            );
        }
        if field["type"] == "join" || field.get("properties").is_none() {
            continue;
        }
        let members = member.as_array().map_or_else(|| vec![member], |list| list.iter().collect());
        members.iter().for_each(|m| declared(at, &field["properties"], m));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_cluster_takes_everything() {
    let Ok(url) = std::env::var("DRYDOCK_TEST_ELASTICSEARCH") else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIP DRYDOCK_TEST_ELASTICSEARCH is not set to the URL of an empty Elasticsearch\n",
        )
        .unwrap_or_default();
        return;
    };
    let client = Client::new(&ElasticsearchEndpoint::plain(url), Timeouts::default()).unwrap();
    for profile in [Profile::tiny(), Profile::medium()] {
        let dataset = Dataset::new(&profile, 7);
        let summary = seed(&client, &dataset, &|_, _| {}).await.unwrap();
        println!("{}: {summary:?}", profile.name());
        for index in dataset.indices() {
            let count = client.get(&format!("/{}/_count", index.name)).await.unwrap();
            assert_eq!(count["count"], index.documents, "{}", index.name);
        }
        let running =
            client.get("/acme-active-instances/_search?size=0&track_total_hits=true").await.unwrap();
        println!("acme-active-instances: {}", running["hits"]["total"]);
        live_documents_are_taken(&client).await;
        let names: Vec<&str> = dataset.indices().iter().map(|i| i.name.as_str()).collect();
        for few in names.chunks(20) {
            client.delete(&format!("/{}?expand_wildcards=all", few.join(","))).await.unwrap();
        }
    }
}

async fn live_documents_are_taken(client: &Client) {
    let at: jiff::Timestamp = "2027-01-05T10:00:00Z".parse().unwrap();
    let mut all = operate_instance(live_key(4, 1), 4, InstanceState::Active, at);
    let day = "2027-01-05".parse().unwrap();
    let archived = operate_instance(live_key(5, 2), 5, InstanceState::Completed, at);
    for ((_, document), index) in archived.into_iter().zip([
        OperateIndex::ListView,
        OperateIndex::ListView,
        OperateIndex::ListView,
        OperateIndex::FlownodeInstance,
        OperateIndex::Variable,
    ]) {
        all.push((archived_index(index, day), document));
    }
    all.push(zeebe_record(4, 1 << 40, live_key(4, 1), at));
    let mut body = String::new();
    let mut indices = BTreeSet::new();
    for (index, document) in all {
        let mut action = json!({"_index": index, "_id": document.id});
        if let Some(routing) = document.routing {
            action["routing"] = json!(routing);
        }
        body.push_str(&format!("{}\n{}\n", json!({"index": action}), document.source));
        if index.contains("2027") {
            indices.insert(index);
        }
    }
    client.bulk(body.into_bytes()).await.unwrap();
    let made = client.get(&format!("/{}/_alias", archived_index(OperateIndex::ListView, day))).await.unwrap();
    assert!(made.to_string().contains("operate-list-view-8.3.0_alias"), "{made}");
    let names: Vec<String> = indices.into_iter().collect();
    client.delete(&format!("/{}", names.join(","))).await.unwrap();
}
