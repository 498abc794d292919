//! The mover of our own when things go wrong: Drydock killed between two parts of an index, the target killed in
//! mid-copy, a document of nearly the longest body a node takes. On one pair of real clusters.

use crate::support::{cannot_run, skip};
use drydock_core::scenario::{MigrationSpec, Mover};
use drydock_core::{Action, Component, Finding, Outcome};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Side, Silent, Store, StoreSignal};
use drydock_migration::{Attempt, BuiltinDriver, MigrationContext, MigrationError, Reporter};
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_stores::{PostgresEndpoint, StorePair};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

const LARGE: &str = "acme-large";
const DOCUMENTS: u64 = 45_000;
/// Below `http.max_content_length` as it is delivered, 100 MiB, with little to spare.
const LONGEST: usize = 95 << 20;

/// Remembers what is done, as a record does, and rings when the first part of an index is.
#[derive(Default)]
struct Record {
    items: Mutex<BTreeSet<String>>,
    first_part: Notify,
}

impl Record {
    fn items(&self) -> BTreeSet<String> {
        self.items.lock().expect("a lock").clone()
    }
}

impl Reporter for Record {
    fn item(&self, item: &str, _: u64) {
        self.items.lock().expect("a lock").insert(item.to_owned());
        if item.contains('#') {
            self.first_part.notify_one();
        }
    }
    fn progress(&self, _: u64, _: Option<u64>, _: &str) {}
    fn note(&self, _: &str) {}
}

async fn fill(client: &Client) {
    let index = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "7s"},
        "mappings": {"dynamic": "strict", "properties": {"n": {"type": "long"}, "text": {"type": "keyword", "index": false, "doc_values": false}}},
        "aliases": {"acme-all": {}},
    });
    client.put(&format!("/{LARGE}"), &index).await.expect("an index");
    client.put("/acme-small", &json!({"settings": {"number_of_replicas": 0}})).await.expect("an index");
    for first in (0..DOCUMENTS).step_by(5_000) {
        let lines = (first..first + 5_000).map(|n| {
            let action = json!({"index": {"_index": LARGE, "_id": format!("d/{n}"), "routing": format!("r{}", n % 7)}});
            format!("{action}\n{}\n", json!({"n": n, "text": format!("{n} ").repeat(20)}))
        });
        client.bulk(lines.collect::<String>().into_bytes()).await.expect("a bulk");
    }
    // Holes in the sequence numbers, and documents that were written more than once.
    let changes = (0..3_000).map(|n| {
        let target = json!({"_index": LARGE, "_id": format!("d/{n}"), "routing": format!("r{}", n % 7)});
        match n % 3 {
            0 => format!("{}\n", json!({"delete": target})),
            _ => format!("{}\n{}\n", json!({"index": target}), json!({"n": n, "text": "again"})),
        }
    });
    client.bulk(changes.collect::<String>().into_bytes()).await.expect("a bulk");
    client.put("/acme-small/_doc/1", &json!({"n": 1})).await.expect("a document");
    client.post_empty("/acme-*/_refresh").await.expect("a refresh");
}

struct Pair {
    environment: Embedded,
    context: MigrationContext,
    source: Client,
    target: Client,
}

impl Pair {
    async fn start(folder: &std::path::Path) -> Self {
        let mut config = EmbeddedConfig::new(format!("stream-{}", std::process::id()), folder);
        for side in [&mut config.source, &mut config.target] {
            (side.elasticsearch_heap_mib, side.postgres) = (1024, false);
        }
        let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
        let endpoint = |side| environment.elasticsearch(side).expect("a cluster");
        let (source, target) = (endpoint(Side::Source), endpoint(Side::Target));
        let client = |e| Client::new(e, Timeouts::default()).expect("a client");
        let (from, to) = (client(&source), client(&target));
        let postgres = PostgresEndpoint::from_url("postgres://127.0.0.1:1").expect("an address").0;
        let side = |elasticsearch| StorePair { postgres: postgres.clone(), elasticsearch };
        let context = MigrationContext {
            source: side(source),
            target: side(target),
            spec: MigrationSpec {
                components: Some(vec![Component::Elasticsearch]),
                index_prefixes: vec!["acme-".into()],
                mover: Mover::Stream,
                // One part after the other, so that some are left whenever the first is done.
                reindex_parallelism: 1,
                ..MigrationSpec::default()
            },
            programs: Default::default(),
            clients: folder.to_owned(),
            dumps: folder.join("dumps"),
            roles: BTreeMap::new(),
            run_dir: folder.to_owned(),
            cancel: CancellationToken::new(),
        };
        Self { environment, context, source: from, target: to }
    }

    async fn assert_equal(&self, when: &str) {
        let (source, target) = (&self.context.source.elasticsearch, &self.context.target.elasticsearch);
        let scope = Scope { prefixes: vec!["acme-".into()] };
        let results = compare::elasticsearch(source, target, &scope, &Options::default()).await;
        let found: Vec<Finding> = results.into_iter().flat_map(|r| r.findings).collect();
        let found: Vec<&Finding> = found.iter().filter(|f| f.outcome >= Outcome::NotProven).collect();
        assert!(found.is_empty(), "{when}: {found:#?}");
    }

    async fn refresh_interval(&self) -> Value {
        let path = format!("/{LARGE}/_settings?flat_settings=true");
        let mut found = self.target.get(&path).await.expect("settings");
        found[LARGE]["settings"]["index.refresh_interval"].take()
    }

    async fn empty_target(&self) {
        self.target
            .delete("/acme-large,acme-small,acme-long?ignore_unavailable=true")
            .await
            .expect("a deletion");
    }
}

async fn copy(
    cx: &MigrationContext,
    attempt: Attempt,
    record: &Record,
) -> Result<drydock_migration::Facts, MigrationError> {
    BuiltinDriver.perform(cx, Action::CopyIndices, &record.items(), attempt, record).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_survives_kills_on_either_end_and_carries_the_longest_document() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut probe = EmbeddedConfig::new("doctor", folder.path());
    (probe.source.postgres, probe.target.postgres) = (false, false);
    if let Some(why) = cannot_run(&probe).await {
        return skip(&why);
    }
    std::fs::create_dir_all(folder.path().join("logs")).expect("logs");
    let mut pair = Pair::start(folder.path()).await;
    fill(&pair.source).await;

    // Drydock is killed: what it did stops where it is, and nobody tidies up.
    let record = Record::default();
    tokio::select! {
        ended = copy(&pair.context, Attempt::First, &record) => panic!("it ended before it was killed: {ended:?}"),
        () = record.first_part.notified() => {}
    }
    let parts = record.items().iter().filter(|i| i.starts_with("acme-large#")).count();
    assert!(parts >= 1 && !record.items().contains(LARGE));
    assert_eq!(pair.refresh_interval().await, json!("-1"), "the kill left the index eased");
    let facts = copy(&pair.context, Attempt::Again, &record).await.expect("the resumed copy");
    // What was done was not read again.
    assert!(facts["documents_copied"].as_u64() < Some(DOCUMENTS - 5_000), "{facts:?}");
    assert_eq!(pair.refresh_interval().await, json!("7s"));
    pair.assert_equal("after a kill of Drydock").await;

    // Killed again, and the target loses a part that was done: it is noticed, and the index is copied anew.
    pair.empty_target().await;
    let record = Record::default();
    tokio::select! {
        ended = copy(&pair.context, Attempt::First, &record) => panic!("it ended before it was killed: {ended:?}"),
        () = record.first_part.notified() => {}
    }
    let everything = json!({"query": {"range": {"n": {"gte": 10_000, "lt": 10_100}}}});
    let nothing = json!({"query": {"match_all": {}}});
    pair.target.post_empty(&format!("/{LARGE}/_refresh")).await.expect("a refresh");
    for query in [everything, nothing] {
        let path = format!("/{LARGE}/_delete_by_query?refresh=true&conflicts=proceed&max_docs=50");
        pair.target.post(&path, &query).await.expect("a deletion");
    }
    copy(&pair.context, Attempt::Again, &record).await.expect("the resumed copy");
    pair.assert_equal("after the target had lost what was done").await;

    // The target is killed in mid-copy and started again.
    pair.empty_target().await;
    let record = Record::default();
    let context = pair.context.clone();
    let (ended, restarted) = tokio::join!(copy(&context, Attempt::First, &record), async {
        record.first_part.notified().await;
        pair.environment.signal(Side::Target, Store::Elasticsearch, StoreSignal::Kill)?;
        pair.environment.restart(Side::Target, Store::Elasticsearch).await
    });
    restarted.expect("the target starts again");
    match ended {
        Ok(facts) => {
            assert!(facts["retries"].as_u64() > Some(0) || facts.contains_key("documents"), "{facts:?}")
        }
        // A machine so slow that the target was away for longer than is waited for: told, and resumed.
        Err(MigrationError::Environment { next, .. }) => {
            assert!(next.contains("resume"), "{next}");
            copy(&pair.context, Attempt::Again, &record).await.expect("the resumed copy");
        }
        Err(other) => panic!("{other}"),
    }
    pair.assert_equal("after a kill of the target").await;

    // A document of nearly the longest body, beside others.
    pair.empty_target().await;
    let mapping = json!({"settings": {"number_of_replicas": 0}, "mappings": {"enabled": false}});
    pair.source.put("/acme-long", &mapping).await.expect("an index");
    let text: String = "0123456789abcdef".repeat(LONGEST / 16);
    let put = pair.source.put("/acme-long/_doc/long?refresh=true", &json!({"text": text})).await;
    put.expect("a long document");
    pair.source.put("/acme-long/_doc/short?refresh=true", &json!({"n": 1})).await.expect("a document");
    copy(&pair.context, Attempt::First, &Record::default()).await.expect("the copy");
    pair.assert_equal("with a long document").await;
    pair.environment.stop(Keep::Nothing).await.expect("it stops");
}
