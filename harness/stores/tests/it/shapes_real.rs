//! Definitions on two real nodes: every planted difference is told under its subject, and equal ones in other words are
//! not told at all.

use crate::elasticsearch_server::{Door, Node, home};
use crate::postgres_server::skip;
use drydock_core::{Finding, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope};
use reqwest::Method;
use std::collections::BTreeSet;
use std::path::Path;

struct Side {
    node: Node,
    client: Client,
}

async fn side(home: &Path) -> Side {
    let mut node = Node::start(home, &Door::Open);
    let endpoint = ElasticsearchEndpoint::plain(&node.url);
    let client = node.ready(endpoint).await;
    Side { node, client }
}

impl Side {
    async fn send(&self, request: &str, body: &str) {
        if body.is_empty() {
            return;
        }
        let path = request.split_once(' ').expect("a method and a path").1;
        let body = body.replace("REPO", &self.node.snapshots());
        let sent = self.client.bytes(Method::PUT, path, Some(("application/json", body.into_bytes()))).await;
        sent.unwrap_or_else(|e| panic!("{request}: {e}"));
    }
}

/// Sends the lines of a table and returns what they expect.
async fn plant(table: &str, source: &Side, target: &Side) -> BTreeSet<String> {
    let mut expected = BTreeSet::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let parts: Vec<&str> = line.split(" | ").map(|p| p.trim().trim_end_matches('|').trim()).collect();
        tokio::join!(source.send(parts[0], parts[1]), target.send(parts[0], parts[2]));
        let told = parts.get(3).copied().unwrap_or_default();
        expected.extend(told.split('|').map(str::trim).filter(|t| !t.is_empty()).map(ToOwned::to_owned));
    }
    expected
}

async fn compare(source: &Side, target: &Side) -> Vec<Finding> {
    let (a, b) = (source.client.endpoint(), target.client.endpoint());
    let results = compare::elasticsearch(a, b, &Scope::default(), &Options::default()).await;
    results.into_iter().flat_map(|r| r.findings).filter(|f| f.outcome > Outcome::NotAsked).collect()
}

fn told(findings: &[Finding]) -> BTreeSet<String> {
    let check = |f: &Finding| f.check.as_str().trim_start_matches("elasticsearch/").to_owned();
    findings.iter().map(|f| format!("{} {} {}", check(f), f.kind, f.subject)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_of_one_major() {
    let home = match home("DRYDOCK_TEST_ELASTICSEARCH_HOME") {
        Ok(home) => home,
        Err(reason) => return skip(&reason),
    };
    let (source, target) = tokio::join!(side(&home), side(&home));
    let nothing = plant(include_str!("shapes_equal.txt"), &source, &target).await;
    assert_eq!(nothing, BTreeSet::new());
    let found = compare(&source, &target).await;
    assert!(found.is_empty(), "{found:#?}");
    // Indices of equal names would refuse to be made again.
    for side in [&source, &target] {
        side.client.delete("/m-*,s-*,a-*,f-*?expand_wildcards=all").await.expect("deleted");
        for kind in ["_index_template/*", "_component_template/c-*", "_template/*", "_ingest/pipeline/*"] {
            side.client.delete(&format!("/{kind}")).await.expect("deleted");
        }
        side.client.delete("/_scripts/q-order").await.expect("deleted");
    }
    let expected = plant(include_str!("shapes_different.txt"), &source, &target).await;
    target.client.put("/i-closed", &serde_json::json!({})).await.expect("made");
    source.client.put("/i-closed", &serde_json::json!({})).await.expect("made");
    target.client.post_empty("/i-closed/_close").await.expect("closed");
    let found = compare(&source, &target).await;
    let mut expected = expected;
    expected.extend(
        ["indices changed i-closed", "counts not compared i-closed", "documents not compared i-closed"]
            .map(ToOwned::to_owned),
    );
    // What these differences come to for an application: an alias that is gone, a join and a page that are refused.
    expected.extend(
        ["access missing a-1", "access unusable m-join", "access unusable s-window"].map(ToOwned::to_owned),
    );
    let found_lines = told(&found);
    let missed: Vec<_> = expected.difference(&found_lines).collect();
    let invented: Vec<_> = found_lines.difference(&expected).collect();
    assert!(missed.is_empty() && invented.is_empty(), "missed {missed:#?}\ninvented {invented:#?}");
    let bomb = found.iter().find(|f| f.subject == "f-bomb_<date>").expect("told");
    assert!(bomb.message.contains("dynamic mapping and no alias"), "{bomb:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn definitions_across_majors() {
    let (old, new) =
        match (home("DRYDOCK_TEST_ELASTICSEARCH_7_HOME"), home("DRYDOCK_TEST_ELASTICSEARCH_HOME")) {
            (Ok(old), Ok(new)) => (old, new),
            (Err(reason), _) | (_, Err(reason)) => return skip(&reason),
        };
    let (source, target) = tokio::join!(side(&old), side(&new));
    for table in [include_str!("shapes_equal.txt")] {
        plant(table, &source, &target).await;
    }
    let found = compare(&source, &target).await;
    assert!(found.is_empty(), "{found:#?}");
}
