//! Against a real OpenSearch: `DRYDOCK_TEST_OPENSEARCH` holds the URL of an empty one.

use crate::postgres_server::skip;
use drydock_core::Outcome;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Flavour, Paging, PinnedEs, Scope, Timeouts};
use serde_json::json;
use std::collections::BTreeMap;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_come_exactly_once() {
    let Ok(url) = std::env::var("DRYDOCK_TEST_OPENSEARCH") else {
        return skip("DRYDOCK_TEST_OPENSEARCH names no cluster");
    };
    let endpoint = ElasticsearchEndpoint::plain(url);
    let client = Client::new(&endpoint, Timeouts::default()).expect("a client");
    let flavour = client.flavour().await;
    assert!(matches!(flavour, Flavour::OpenSearch(_)), "{flavour}");
    let nanos = std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos();
    let index = format!("exactly-once-{nanos}");
    let settings = json!({"settings": {"number_of_shards": 3, "number_of_replicas": 0}, "aliases": {format!("{index}-a"): {}}});
    client.put(&format!("/{index}"), &settings).await.expect("made");
    // Several segments a shard, so that documents are numbered anew more than once.
    for round in 0..5 {
        let line = |i: u32| {
            format!(
                "{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"{round}-{i}\"}}}}\n{{\"round\":{round},\"n\":{i}}}\n"
            )
        };
        client.bulk((0..700).map(line).collect::<String>().into_bytes()).await.expect("loaded");
        client.post_empty(&format!("/{index}/_refresh")).await.expect("refreshed");
    }
    let scope = Scope { prefixes: vec![index.clone()] };
    let pinned = PinnedEs::pin(&client, &scope).await.expect("pinned");
    assert_eq!(pinned.indices()[&index].documents, Ok(3_500));
    // Pages by the clause, as a reader of an old OpenSearch would read them.
    assert_eq!(Paging::of(flavour, 3).passes(), if flavour_knows_shard_doc(flavour) { 1 } else { 3 });
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let counted = pinned.for_each(&index, &mut |d| *seen.entry(d.id.to_owned()).or_default() += 1).await;
    assert_eq!(counted.expect("read"), 3_500);
    assert!(seen.len() == 3_500 && seen.values().all(|times| *times == 1));
    pinned.close().await;
    // A store compared with itself: every definition is readable, and nothing differs.
    let results = compare::elasticsearch(&endpoint, &endpoint, &scope, &Options::default()).await;
    let found: Vec<_> =
        results.iter().flat_map(|r| &r.findings).filter(|f| f.outcome > Outcome::NotAsked).collect();
    assert!(found.is_empty(), "{found:#?}");
    client.delete(&format!("/{index}")).await.expect("deleted");
}

fn flavour_knows_shard_doc(flavour: Flavour) -> bool {
    matches!(flavour, Flavour::OpenSearch(v) if (v.major, v.minor) >= (3, 3))
}
