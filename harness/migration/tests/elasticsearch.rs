//! The copy, the freeze witness and planted losses between two real Elasticsearch nodes, whose addresses are given in
//! DRYDOCK_TEST_ELASTICSEARCH_SOURCE and DRYDOCK_TEST_ELASTICSEARCH_TARGET. The target may read from the source. Both are
//! used under the prefix `migtest-` and emptied of it before.

mod support;

use drydock_core::plan::Action;
use drydock_core::scenario::{CreateIndices, FaultKind};
use drydock_core::{Component, Kind};
use drydock_migration::freeze::{self, FreezeWitness, Settled};
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, MigrationError, fault};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use support::{Told, context};

const ALL: &str = "expand_wildcards=all";

async fn clear(client: &Client) {
    let found = client.get(&format!("/_cat/indices/migtest-*?format=json&h=index&{ALL}")).await.unwrap();
    for row in found.as_array().unwrap() {
        client.delete(&format!("/{}", row["index"].as_str().unwrap())).await.unwrap();
    }
    for path in [
        "/_index_template/migtest-*",
        "/_component_template/migtest-*",
        "/_ingest/pipeline/migtest-*",
        "/_scripts/migtest-age",
    ] {
        let _ = client.delete(path).await;
    }
}

async fn seed(client: &Client) {
    let settings = json!({"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "2s", "hidden": false,
        "analysis": {"normalizer": {"low": {"type": "custom", "filter": ["lowercase"]}}},
        "mapping": {"total_fields": {"limit": 1500}}, "default_pipeline": "migtest-pipe"});
    let mappings = json!({"dynamic": "strict", "properties": {"id": {"type": "keyword"}, "key": {"type": "long"},
        "name": {"type": "keyword", "normalizer": "low"}, "big": {"type": "text", "index": false},
        "join": {"type": "join", "relations": {"parent": "child"}}}});
    client
        .put("/_ingest/pipeline/migtest-pipe", &json!({"processors": [], "description": "d"}))
        .await
        .unwrap();
    client
        .put("/_scripts/migtest-age", &json!({"script": {"lang": "painless", "source": "1"}}))
        .await
        .unwrap();
    client
        .put(
            "/_component_template/migtest-component",
            &json!({"template": {"settings": {"index.refresh_interval": "5s"}}}),
        )
        .await
        .unwrap();
    client
        .put(
            "/_index_template/migtest-live_template",
            &json!({"index_patterns": ["migtest-live*"], "composed_of": ["migtest-component"],
        "template": {"aliases": {"migtest-from-template": {}}}, "priority": 7}),
        )
        .await
        .unwrap();
    let aliases = json!({"migtest-read": {"filter": {"term": {"name": "a"}}, "index_routing": "1", "search_routing": "1,2"},
        "migtest-write": {"is_write_index": true}, "migtest-hidden": {"is_hidden": true}});
    client
        .put("/migtest-live_", &json!({"settings": settings, "mappings": mappings, "aliases": aliases}))
        .await
        .unwrap();
    client.put("/migtest-dated_2026-11-20", &json!({"settings": {"number_of_replicas": 0, "blocks.write": false},
        "mappings": {"properties": {"id": {"type": "keyword"}}}, "aliases": {"migtest-read": {"is_write_index": false}}})).await.unwrap();
    client
        .put("/migtest-hidden_", &json!({"settings": {"hidden": true, "number_of_replicas": 0}}))
        .await
        .unwrap();
    client.put("/migtest-empty_", &json!({"settings": {"number_of_replicas": 0, "max_result_window": 500}, "aliases": {"migtest-e": {}}})).await.unwrap();
    client.put("/migtest-closed_", &json!({"settings": {"number_of_replicas": 0}})).await.unwrap();
    let mut body = String::new();
    for n in 0..600_u64 {
        let mut action =
            json!({"index": {"_index": "migtest-live_", "_id": format!("{n}"), "pipeline": "_none"}});
        let mut document = json!({"id": format!("{n}"), "key": 9_007_199_254_740_993_u64 + n, "name": "A", "join": {"name": "parent"}});
        if n % 2 == 1 {
            action["index"]["routing"] = json!(format!("{}", n - 1));
            document["join"] = json!({"name": "child", "parent": format!("{}", n - 1)});
        }
        if n % 100 == 0 {
            document["big"] = json!("x".repeat(300_000));
        }
        body += &format!("{action}\n{document}\n");
    }
    for n in 0..40 {
        body += &format!(
            "{{\"index\":{{\"_index\":\"migtest-dated_2026-11-20\",\"_id\":\"d/{n} ü\"}}}}\n{{\"id\":\"{n}\",\"free\":{n}.5}}\n"
        );
    }
    body += "{\"index\":{\"_index\":\"migtest-hidden_\",\"_id\":\"h\"}}\n{\"x\":1}\n";
    body += "{\"index\":{\"_index\":\"migtest-closed_\",\"_id\":\"c\"}}\n{\"x\":1}\n";
    client.bulk(body.into_bytes()).await.unwrap();
    for path in ["/migtest-*/_refresh?expand_wildcards=open,hidden", "/migtest-closed_/_close"] {
        client.bytes(reqwest::Method::POST, path, None).await.unwrap();
    }
    client.put("/migtest-dated_2026-11-20/_settings", &json!({"index.blocks.write": true})).await.unwrap();
}

/// Definitions without what names one index.
async fn definitions(client: &Client) -> Value {
    let mut all = client.get(&format!("/migtest-*?{ALL}&flat_settings=true")).await.unwrap();
    for body in all.as_object_mut().unwrap().values_mut() {
        body["settings"].as_object_mut().unwrap().retain(|k, _| {
            !["index.uuid", "index.creation_date", "index.provided_name"].contains(&k.as_str())
                && !k.starts_with("index.version")
        });
    }
    all.as_object_mut().unwrap().remove("migtest-closed_");
    all
}

async fn documents(client: &Client) -> Value {
    let body = json!({"size": 2000, "sort": ["_doc"]});
    let found =
        client.post("/migtest-live_,migtest-dated_2026-11-20,migtest-hidden_/_search", &body).await.unwrap();
    let mut hits: Vec<String> = found["hits"]["hits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|h| format!("{} {} {} {}", h["_index"], h["_id"], h["_routing"], h["_source"]))
        .collect();
    hits.sort();
    json!(hits)
}

async fn perform(
    cx: &MigrationContext,
    action: Action,
    attempt: Attempt,
    done: &[&str],
    told: &Told,
) -> Result<Facts, MigrationError> {
    let done: BTreeSet<String> = done.iter().map(|d| (*d).to_owned()).collect();
    let facts = BuiltinDriver.perform(cx, action, &done, attempt, told).await;
    eprintln!("{action:?} {attempt:?}: {facts:?}\n{:?}", told.notes.lock().unwrap());
    facts
}

#[tokio::test]
async fn indices_move_whole_and_losses_are_planted() {
    let (Ok(source), Ok(target)) = (
        std::env::var("DRYDOCK_TEST_ELASTICSEARCH_SOURCE"),
        std::env::var("DRYDOCK_TEST_ELASTICSEARCH_TARGET"),
    ) else {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            b"SKIP DRYDOCK_TEST_ELASTICSEARCH_SOURCE and _TARGET are not set\n",
        )
        .unwrap_or_default();
        return;
    };
    let (source, target) = (ElasticsearchEndpoint::plain(source), ElasticsearchEndpoint::plain(target));
    let (from, to) = (
        Client::new(&source, Timeouts::default()).unwrap(),
        Client::new(&target, Timeouts::default()).unwrap(),
    );
    clear(&from).await;
    clear(&to).await;
    seed(&from).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("run")).unwrap();
    let nobody = PostgresEndpoint {
        host: "127.0.0.1".into(),
        port: 1,
        user: "x".into(),
        password: None,
        tls: Default::default(),
        transport: Default::default(),
    };
    let mut cx =
        context((nobody.clone(), source), (nobody, target), &[Component::Elasticsearch], folder.path());
    cx.spec.index_prefixes = vec!["migtest-".into()];
    let told = Told::default();
    for action in [
        Action::ValidateTargets,
        Action::PrepareElasticsearch,
        Action::InitialListing,
        Action::SaveConfiguration,
    ] {
        perform(&cx, action, Attempt::First, &[], &told).await.unwrap();
    }
    let probes = to.get("/_cat/indices/drydock*?format=json").await.unwrap();
    assert_eq!(probes, json!([]), "the read probe makes no index");
    let listed = perform(&cx, Action::FinalListing, Attempt::First, &[], &told).await.unwrap();
    assert_eq!(listed["documents"], 641);
    assert_eq!(listed["closed"], json!(["migtest-closed_"]));
    assert_eq!(listed["hidden"], json!(["migtest-hidden_"]));

    let prefixes = cx.spec.index_prefixes.clone();
    let limit = Duration::from_secs(20);
    let (frozen, settled) = FreezeWitness::settle(&cx.source, &[], &prefixes, limit).await.unwrap();
    assert_eq!((settled, frozen.indices.len()), (Settled::Quiet, 4));

    let copied = perform(&cx, Action::CopyIndices, Attempt::First, &[], &told).await.unwrap();
    assert_eq!(copied["documents_copied"], 641);
    assert_eq!(copied["not_copied"], json!(["migtest-closed_"]));
    assert_eq!(definitions(&from).await, definitions(&to).await);
    assert_eq!(documents(&from).await, documents(&to).await);
    for path in [
        "/_index_template/migtest-*",
        "/_component_template/migtest-*",
        "/_ingest/pipeline/migtest-*",
        "/_scripts/migtest-age",
    ] {
        assert_eq!(from.get(path).await.unwrap(), to.get(path).await.unwrap(), "{path}");
    }
    perform(&cx, Action::ValidateHealth, Attempt::First, &[], &told).await.unwrap();
    perform(&cx, Action::ValidateAlone, Attempt::First, &[], &told).await.unwrap();

    // What is there is refused the first time, and a second attempt keeps what is done and makes the rest anew.
    let refused = perform(&cx, Action::CopyIndices, Attempt::First, &[], &told).await;
    assert!(matches!(refused, Err(MigrationError::Migration { .. })));
    to.put(
        "/migtest-live_/_settings",
        &json!({"index.refresh_interval": "-1", "index.number_of_replicas": 0}),
    )
    .await
    .unwrap();
    let again = Told::default();
    let kept = ["migtest-live_", "migtest-hidden_"];
    let resumed = perform(&cx, Action::CopyIndices, Attempt::Again, &kept, &again).await.unwrap();
    assert_eq!((&resumed["indices_kept"], &resumed["documents_copied"]), (&json!(2), &json!(40)));
    assert_eq!(definitions(&from).await, definitions(&to).await);
    let quiet = FreezeWitness::capture(&cx.source, &[], &prefixes).await.unwrap();
    assert_eq!(freeze::compare(&frozen, &quiet), Vec::new(), "reading is no write");

    losses(&cx, &to).await;

    let late = fault::plant(FaultKind::LateWrite, None, 1, &cx).await.unwrap();
    eprintln!("{late:?}");
    let after = FreezeWitness::capture(&cx.source, &[], &prefixes).await.unwrap();
    let findings = freeze::compare(&frozen, &after);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(
        (findings[0].kind, &findings[0].subject, findings[0].count),
        (Kind::LateWrite, &late[0].subject, 1)
    );

    clear(&to).await;
    cx.spec.create_indices = CreateIndices::Upstream;
    let upstream = Told::default();
    perform(&cx, Action::CopyIndices, Attempt::First, &[], &upstream).await.unwrap();
    let live = &definitions(&to).await["migtest-live_"];
    eprintln!("{live:#}");
    assert_eq!(live["settings"]["index.refresh_interval"], "1s");
    assert_eq!(live["settings"]["index.number_of_shards"], "1");
    assert_eq!(live["settings"]["index.number_of_replicas"], "1");
    assert_eq!(live["aliases"]["migtest-read"], json!({}));
    assert_eq!(live["aliases"]["migtest-write"], json!({"is_write_index": true}));
    assert_eq!(live["mappings"]["dynamic"], "strict");

    clear(&to).await;
    cx.cancel.cancel();
    let stopped = perform(&cx, Action::CopyIndices, Attempt::First, &[], &told).await;
    assert!(matches!(stopped, Err(MigrationError::Interrupted)), "{stopped:?}");
    clear(&from).await;
    clear(&to).await;
}

async fn losses(cx: &MigrationContext, to: &Client) {
    for kind in [
        FaultKind::LoseDocument,
        FaultKind::ChangeDocument,
        FaultKind::RerouteDocument,
        FaultKind::GhostDocument,
        FaultKind::LoseAlias,
        FaultKind::LoseTemplate,
        FaultKind::ChangeSetting,
        FaultKind::LoseIndex,
    ] {
        let (before, defined) = (documents(to).await, definitions(to).await);
        let templates = to.get("/_index_template").await.unwrap();
        let planted = fault::plant(kind, None, 11, cx).await.unwrap();
        eprintln!("{} -> {planted:?}", kind.as_str());
        assert_eq!(planted.len(), 1);
        let same = match kind {
            FaultKind::LoseTemplate => templates == to.get("/_index_template").await.unwrap(),
            FaultKind::LoseAlias | FaultKind::ChangeSetting | FaultKind::LoseIndex => {
                defined == definitions(to).await
            }
            _ => before == documents(to).await,
        };
        assert!(!same, "{}", kind.as_str());
        if kind == FaultKind::LoseDocument {
            let chosen = fault::plant(kind, Some("migtest-live*"), 11, cx).await.unwrap();
            assert!(chosen[0].item.starts_with("migtest-live_ document "), "{chosen:?}");
        }
    }
}
