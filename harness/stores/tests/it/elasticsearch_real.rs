//! Against two real clusters: `DRYDOCK_TEST_ELASTICSEARCH` holds two URLs, source and target, with a comma between them.

use crate::postgres_server::skip;
use drydock_core::names::checks::{
    ES_ACCESS, ES_ALIASES, ES_COUNTS, ES_DOCUMENTS, ES_FUTURE, ES_INDICES, ES_MAPPINGS, ES_SETTINGS,
    ES_TEMPLATES,
};
use drydock_core::{Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, CheckResult, Options};
use drydock_stores::elasticsearch::{Client, PinnedEs, Scope, Timeouts};
use serde_json::json;
use std::collections::BTreeSet;

struct Clusters {
    source: Client,
    target: Client,
    prefix: String,
}

impl Clusters {
    fn open() -> Option<Self> {
        let urls = std::env::var("DRYDOCK_TEST_ELASTICSEARCH").ok()?;
        let (source, target) = urls.split_once(',')?;
        let client =
            |url| Client::new(&ElasticsearchEndpoint::plain(url), Timeouts::default()).expect("a client");
        let nanos = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
        Some(Self { source: client(source), target: client(target), prefix: format!("parity-{nanos}-") })
    }

    async fn compare(&self) -> Vec<CheckResult> {
        let scope = Scope { prefixes: vec![self.prefix.clone()] };
        let (a, b) = (self.source.endpoint(), self.target.endpoint());
        compare::elasticsearch(a, b, &scope, &Options::default()).await
    }

    async fn found(&self) -> BTreeSet<(String, Kind, String)> {
        let results = self.compare().await;
        let all = results.iter().flat_map(|r| &r.findings).filter(|f| f.outcome > Outcome::NotAsked);
        all.map(|f| (f.check.to_string(), f.kind, f.subject.clone())).collect()
    }
}

fn bulk(index: &str, from: u64, to: u64) -> Vec<u8> {
    let mut lines = String::new();
    for i in from..to {
        let key = 9_007_199_254_740_993_u64 + i;
        lines += &format!(
            "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{key}\",\"routing\":\"{}\"}}}}\n",
            i % 5
        );
        lines += &format!(
            "{{\"key\":{key},\"state\":\"A\",\"x\":[{i},{{\"y\":null}}],\"text\":\"é {}\"}}\n",
            "z".repeat((i % 300) as usize)
        );
    }
    lines.into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_clusters() {
    let Some(clusters) = Clusters::open() else {
        return skip("DRYDOCK_TEST_ELASTICSEARCH does not name two clusters");
    };
    let Clusters { source, target, prefix } = &clusters;
    let (live, dated, closed) =
        (format!("{prefix}list_"), format!("{prefix}list_2026-01-01"), format!("{prefix}closed"));
    let alias = format!("{prefix}listalias");
    let definition = json!({
        "settings": {"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "2s"},
        "mappings": {"dynamic": "strict", "properties": {"key": {"type": "long"}, "state": {"type": "keyword"},
            "x": {"type": "object", "enabled": false}, "text": {"type": "keyword", "ignore_above": 100}}},
        "aliases": {&alias: {"is_write_index": false}}
    });
    let template = json!({"index_patterns": [format!("{prefix}list_*")], "template": {"settings": {"number_of_shards": 2}}});
    for client in [source, target] {
        for index in [&live, &dated, &closed] {
            client.put(&format!("/{index}"), &definition).await.expect("created");
        }
        client.put(&format!("/_index_template/{prefix}t"), &template).await.expect("put");
    }
    // The same documents in another order and in other segments.
    for part in [(0, 4_000), (4_000, 12_000)] {
        source.bulk(bulk(&live, part.0, part.1)).await.expect("loaded");
    }
    for part in [(8_000, 12_000), (0, 5_000), (5_000, 8_000)] {
        target.bulk(bulk(&live, part.0, part.1)).await.expect("loaded");
    }
    assert_eq!(clusters.found().await, BTreeSet::new());
    let scope = Scope { prefixes: vec![prefix.clone()] };
    let (a, b) = (
        PinnedEs::pin(source, &scope).await.expect("pinned"),
        PinnedEs::pin(target, &scope).await.expect("pinned"),
    );
    let digest = compare::digest_elasticsearch(&a, &Options::default()).await.expect("readable");
    assert_eq!(digest.0, 12_000);
    assert_eq!(digest, compare::digest_elasticsearch(&b, &Options::default()).await.expect("readable"));

    // A pinned side does not see what is written later.
    let id = 9_007_199_254_740_993_u64 + 17;
    target.delete(&format!("/{live}/_doc/{id}?routing=2")).await.expect("deleted");
    let quiet = compare::compare_elasticsearch(&a, &b, &Options::default()).await;
    assert!(quiet.iter().all(|r| r.findings.iter().all(|f| f.outcome <= Outcome::NotAsked)), "{quiet:#?}");
    a.close().await;
    b.close().await;

    // Another routing, another content, a missing document, a moved one, definitions.
    let moved = 9_007_199_254_740_993_u64 + 18;
    target.delete(&format!("/{live}/_doc/{moved}?routing=3")).await.expect("deleted");
    let body = String::from_utf8(bulk(&dated, 18, 19)).expect("text");
    target.bulk(body.into_bytes()).await.expect("moved");
    let update = json!({"doc": {"state": "B"}});
    target.post(&format!("/{live}/_update/{}?routing=4", id + 2), &update).await.expect("updated");
    target
        .put(
            &format!("/{dated}/_settings"),
            &json!({"index.refresh_interval": "-1", "index.blocks.write": true}),
        )
        .await
        .expect("set");
    target.delete(&format!("/{dated}/_alias/{alias}")).await.expect("removed");
    target
        .put(&format!("/{dated}/_mapping"), &json!({"properties": {"late": {"type": "long"}}}))
        .await
        .expect("mapped");
    target.delete(&format!("/_index_template/{prefix}t")).await.expect("deleted");
    target.bytes(reqwest::Method::POST, &format!("/{closed}/_close"), None).await.expect("closed");
    let found = clusters.found().await;
    let expected: BTreeSet<_> = [
        (ES_DOCUMENTS, Kind::Missing, live.clone()),
        (ES_DOCUMENTS, Kind::Moved, live.clone()),
        (ES_DOCUMENTS, Kind::Changed, live.clone()),
        (ES_COUNTS, Kind::Missing, live.clone()),
        (ES_COUNTS, Kind::Extra, dated.clone()),
        (ES_SETTINGS, Kind::Changed, format!("{dated}/leftover")),
        (ES_ALIASES, Kind::Missing, format!("{dated}/{alias}")),
        (ES_MAPPINGS, Kind::Changed, dated.clone()),
        (ES_TEMPLATES, Kind::Missing, format!("template/{prefix}t")),
        (ES_FUTURE, Kind::Missing, format!("{live}<date>")),
        // It lost an index, and one of those it still leads to is closed: searches through it are refused.
        (ES_ACCESS, Kind::Missing, alias.clone()),
        (ES_INDICES, Kind::Changed, closed.clone()),
        (ES_COUNTS, Kind::NotCompared, closed.clone()),
        (ES_DOCUMENTS, Kind::NotCompared, closed.clone()),
    ]
    .into_iter()
    .map(|(check, kind, subject)| (check.to_owned(), kind, subject))
    .collect();
    assert_eq!(found, expected);
    for client in [source, target] {
        for index in [&live, &dated, &closed] {
            client.delete(&format!("/{index}")).await.expect("deleted");
        }
    }
    source.delete(&format!("/_index_template/{prefix}t")).await.expect("deleted");
}
