//! The warm copy and its two deltas, and the mover of our own, on one pair of real clusters. Between copy and delta happens
//! everything that applications do to indices.

use crate::planted::Quiet;
use crate::support::{cannot_run, skip};
use drydock_core::names::checks;
use drydock_core::scenario::{Delta, MigrationSpec, Mover, Reindex, Versions};
use drydock_core::{Action, Component, Finding, Kind, Outcome};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, MigrationError, forget_warm_copy};
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const PREFIXES: [&str; 5] = ["zeebe-", "operate-", "tasklist-", "optimize-", "acme-"];

async fn put(client: &Client, path: &str, body: Value) {
    client.put(path, &body).await.unwrap_or_else(|e| panic!("{e}"));
}

/// `(operation, index, id, routing, document)`.
type Line<'a> = (&'a str, &'a str, String, Option<String>, Value);

async fn bulk(client: &Client, lines: Vec<Line<'_>>) {
    let mut body = String::new();
    for (operation, index, id, routing, document) in lines {
        let mut target = json!({"_index": index, "_id": id});
        if let Some(routing) = routing {
            target["routing"] = json!(routing);
        }
        body += &format!("{}\n", json!({ operation: target }));
        if operation != "delete" {
            body += &format!("{document}\n");
        }
    }
    client.bulk(body.into_bytes()).await.unwrap_or_else(|e| panic!("{e}"));
    client.post_empty("/acme-*/_refresh").await.unwrap_or_else(|e| panic!("{e}"));
}

fn routing(n: u32) -> Option<String> {
    n.is_multiple_of(2).then(|| format!("r{}", n / 10))
}

fn live<'a>(operation: &'a str, numbers: impl IntoIterator<Item = u32>, state: &str) -> Vec<Line<'a>> {
    numbers
        .into_iter()
        .map(|n| (operation, "acme-live", format!("d/{n}"), routing(n), json!({"n": n, "state": state})))
        .collect()
}

/// What the source holds before the first copy.
async fn scene(source: &Client) {
    let settings =
        json!({"number_of_shards": 3, "number_of_replicas": 0, "gc_deletes": "0s", "refresh_interval": "7s"});
    let mappings =
        json!({"dynamic": "strict", "properties": {"n": {"type": "long"}, "state": {"type": "keyword"}}});
    put(
        source,
        "/acme-live",
        json!({"settings": settings, "mappings": mappings, "aliases": {"acme-all": {}}}),
    )
    .await;
    put(
        source,
        "/_index_template/acme-dated_template",
        json!({"index_patterns": ["acme-dated_*"], "template": {"settings": {"number_of_replicas": 0}, "aliases": {"acme-all": {}}}}),
    )
    .await;
    put(source, "/_ingest/pipeline/acme-pipe", json!({"processors": [], "description": "one"})).await;
    for name in ["acme-dropped", "acme-again", "acme-fields", "acme-quiet", "acme-blocked", "acme-shards"] {
        put(source, &format!("/{name}"), json!({"settings": {"number_of_replicas": 0}})).await;
        let lines =
            (0..10).map(|n| ("index", name, format!("{n}"), None, json!({"n": n, "of": "the first"})));
        bulk(source, lines.collect()).await;
    }
    put(
        source,
        "/acme-write-1",
        json!({"settings": {"number_of_replicas": 0}, "aliases": {"acme-write": {"is_write_index": true}}}),
    )
    .await;
    put(source, "/acme-blocked/_settings", json!({"index.blocks.write": true})).await;
    for state in ["made", "changed", "changed again"] {
        bulk(source, live("index", 0..60, state)).await;
    }
}

/// Makes a deleted document again with version 1, once the store has forgotten the deletion: until then it refuses.
async fn make_again(source: &Client, n: u32) {
    let routing = routing(n).map_or(String::new(), |r| format!("&routing={r}"));
    let path = format!("/acme-live/_doc/d%2F{n}?version=1&version_type=external{routing}");
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        source.post_empty("/acme-live/_refresh").await.expect("a refresh");
        match source.put(&path, &json!({"n": n, "state": "made again"})).await {
            Ok(_) => return,
            Err(e) if e.status() == Some(409) => assert!(Instant::now() < deadline, "never forgotten: {e}"),
            Err(e) => panic!("{e}"),
        }
        // The store tells nobody when it forgets.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Deletes, moves, changes, additions; three documents again with a lower version.
async fn churn(source: &Client, round: u32) {
    let first = round * 12;
    bulk(source, live("delete", first..first + 5, "")).await;
    let dated = format!("acme-dated_{round}");
    let moved = first + 5..first + 9;
    let copies = live("index", moved.clone(), "archived")
        .into_iter()
        .map(|(o, _, id, r, d)| (o, dated.as_str(), id, r, d));
    bulk(source, copies.collect()).await;
    bulk(source, live("delete", moved, "")).await;
    let again = first + 9..first + 12;
    bulk(source, live("delete", again.clone(), "")).await;
    for n in again {
        make_again(source, n).await;
    }
    bulk(source, live("index", 50..54, &format!("changed in round {round}"))).await;
    bulk(source, live("create", 100 * (round + 1)..100 * (round + 1) + 6, "new")).await;
    // The same name, another index: versions begin anew.
    source.delete("/acme-again").await.expect("a deletion");
    put(source, "/acme-again", json!({"settings": {"number_of_replicas": 0}})).await;
    let lines = (0..10).map(|n| ("index", "acme-again", format!("{n}"), None, json!({"n": n, "of": round})));
    bulk(source, lines.collect()).await;
}

/// Definitions that change, and whatever else only the exact delta carries.
async fn rebuild(source: &Client) {
    source.delete("/acme-dropped").await.expect("a deletion");
    put(source, "/acme-fields/_mapping", json!({"properties": {"later": {"type": "keyword"}}})).await;
    put(
        source,
        "/acme-quiet/_settings",
        json!({"index.max_result_window": 7777, "index.refresh_interval": "3s"}),
    )
    .await;
    source.delete("/acme-shards").await.expect("a deletion");
    put(source, "/acme-shards", json!({"settings": {"number_of_replicas": 0, "number_of_shards": 2}})).await;
    put(source, "/acme-write-2", json!({"settings": {"number_of_replicas": 0}})).await;
    source
        .post(
            "/_aliases",
            &json!({"actions": [
                {"add": {"index": "acme-write-1", "alias": "acme-write", "is_write_index": false}},
                {"add": {"index": "acme-write-2", "alias": "acme-write", "is_write_index": true}},
                {"add": {"index": "acme-quiet", "alias": "acme-few", "filter": {"term": {"n": 3}}, "routing": "x"}},
                {"remove": {"index": "acme-live", "alias": "acme-all"}}]}),
        )
        .await
        .expect("aliases");
    put(source, "/acme-blocked/_settings", json!({"index.blocks.write": false})).await;
    put(source, "/_ingest/pipeline/acme-pipe", json!({"processors": [], "description": "two"})).await;
    put(source, "/_ingest/pipeline/acme-other", json!({"processors": []})).await;
    // Routing that puts the document of the same id into another shard.
    let mut lines = vec![
        ("index", "acme-fields", "late".to_owned(), None, json!({"later": "x"})),
        ("index", "acme-blocked", "3".to_owned(), None, json!({"n": 3, "of": "changed"})),
        ("index", "acme-write-2", "w".to_owned(), None, json!({"n": 1})),
    ];
    for n in 40..46 {
        lines.push(("delete", "acme-live", format!("d/{n}"), routing(n), Value::Null));
        lines.push((
            "index",
            "acme-live",
            format!("d/{n}"),
            Some(format!("other{n}")),
            json!({"n": n, "state": "rerouted"}),
        ));
    }
    bulk(source, lines).await;
    put(source, "/acme-blocked/_settings", json!({"index.blocks.write": true})).await;
}

struct Pair {
    environment: Embedded,
    context: MigrationContext,
    source: Client,
    target: Client,
}

impl Pair {
    async fn perform(&self, action: Action, attempt: Attempt) -> Result<Facts, MigrationError> {
        BuiltinDriver.perform(&self.context, action, &BTreeSet::new(), attempt, &Quiet).await
    }

    async fn does(&self, action: Action) -> Facts {
        self.perform(action, Attempt::First).await.unwrap_or_else(|e| panic!("{action:?}: {e}"))
    }

    async fn findings(&self, options: &Options) -> Vec<Finding> {
        let (source, target) = (&self.context.source.elasticsearch, &self.context.target.elasticsearch);
        let scope = Scope { prefixes: PREFIXES.map(Into::into).to_vec() };
        let results = compare::elasticsearch(source, target, &scope, options).await;
        results.into_iter().flat_map(|r| r.findings).filter(|f| f.outcome >= Outcome::NotProven).collect()
    }

    async fn assert_equal(&self, when: &str) {
        let found = self.findings(&Options::default()).await;
        assert!(found.is_empty(), "{when}: {found:#?}");
    }

    /// An empty target, and no memory of a warm copy.
    async fn begin_anew(&mut self, change: impl FnOnce(&mut MigrationSpec)) {
        let names =
            self.target.get("/_cat/indices?format=json&h=index&expand_wildcards=all").await.expect("a list");
        for row in names.as_array().into_iter().flatten() {
            let name = row["index"].as_str().unwrap_or_default();
            if PREFIXES.iter().any(|p| name.starts_with(p)) {
                self.target.delete(&format!("/{name}")).await.expect("a deletion");
            }
        }
        for (list, path) in
            [("index_templates", "_index_template"), ("component_templates", "_component_template")]
        {
            let found = self.target.get(&format!("/{path}")).await.expect("templates");
            for template in found[list].as_array().into_iter().flatten() {
                let name = template["name"].as_str().unwrap_or_default();
                if !name.starts_with('.') {
                    let _ = self.target.delete(&format!("/{path}/{name}")).await;
                }
            }
        }
        let _ = self.target.delete("/_ingest/pipeline/acme-*").await;
        forget_warm_copy(&self.context.run_dir).expect("forgotten");
        change(&mut self.context.spec);
    }
}

async fn pair(folder: &std::path::Path) -> Pair {
    let mut config = EmbeddedConfig::new(format!("warm-{}", std::process::id()), folder);
    for side in [&mut config.source, &mut config.target] {
        (side.elasticsearch_heap_mib, side.postgres) = (512, false);
    }
    let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
    let endpoint = |side| environment.elasticsearch(side).expect("a cluster");
    let (source, target) =
        (endpoint(drydock_environments::Side::Source), endpoint(drydock_environments::Side::Target));
    let nowhere = drydock_stores::PostgresEndpoint::from_url("postgres://127.0.0.1:1").expect("an address").0;
    let client = |e| Client::new(e, Timeouts::default()).expect("a client");
    let (from, to) = (client(&source), client(&target));
    let side = |elasticsearch| drydock_stores::StorePair { postgres: nowhere.clone(), elasticsearch };
    let spec = MigrationSpec {
        components: Some(vec![Component::Elasticsearch]),
        index_prefixes: PREFIXES.map(Into::into).to_vec(),
        ..MigrationSpec::default()
    };
    let context = MigrationContext {
        source: side(source),
        target: side(target),
        spec,
        clients: folder.to_owned(),
        dumps: folder.join("dumps"),
        roles: BTreeMap::new(),
        run_dir: folder.to_owned(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    Pair { environment, context, source: from, target: to }
}

fn count(findings: &[Finding], kind: Kind) -> u64 {
    findings
        .iter()
        .filter(|f| f.check.as_str() == checks::ES_DOCUMENTS && f.kind == kind)
        .map(|f| f.count)
        .sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exact_delta_loses_nothing_and_upstreams_loses_what_it_says() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(why) = cannot_run(&EmbeddedConfig::new("doctor", folder.path())).await {
        return skip(&why);
    }
    std::fs::create_dir_all(folder.path().join("logs")).expect("logs");
    let mut pair = pair(folder.path()).await;
    documents::seed(&pair.source, &Dataset::new(&documents::Profile::tiny(), 7), &|_, _| {})
        .await
        .expect("documents");
    scene(&pair.source).await;

    // As upstream: five deleted and four moved documents stay, three made again and ten of an index made again are stale.
    pair.begin_anew(|s| (s.reindex, s.delta) = (Reindex::Warm, Some(Delta::Upstream))).await;
    pair.does(Action::WarmCopy).await;
    pair.assert_equal("after the warm copy").await;
    churn(&pair.source, 0).await;
    let delta = pair.does(Action::CopyDelta).await;
    let found = pair.findings(&Options::default()).await;
    assert_eq!(count(&found, Kind::Missing), 0, "{found:#?}");
    assert_eq!(count(&found, Kind::Changed), 3 + 10, "{found:#?}");
    assert_eq!(count(&found, Kind::Extra), 5 + 4, "{found:#?}");
    assert_eq!(
        (&delta["documents_created"], &delta["documents_updated"]),
        (&json!(4 + 6), &json!(4)),
        "{delta:?}"
    );

    // Exactly, with either mover for the warm copy.
    for (round, mover) in [(1, Mover::Stream), (2, Mover::Reindex)] {
        pair.begin_anew(|s| (s.mover, s.delta) = (mover, Some(Delta::Exact))).await;
        let warm = pair.does(Action::WarmCopy).await;
        churn(&pair.source, round).await;
        if round == 1 {
            rebuild(&pair.source).await;
        }
        let before = pair.findings(&Options::default()).await;
        assert!(count(&before, Kind::Extra) > 0, "what the delta is for: {before:#?}");
        let delta = pair.does(Action::CopyDelta).await;
        pair.assert_equal(&format!("after the exact delta, {delta:?}")).await;
        assert!(delta["documents_with_lower_version"].as_u64() >= Some(3), "{delta:?}");
        assert!(delta["documents_removed"].as_u64() >= Some(9), "{delta:?}");
        let (carried, all) = (delta["documents_copied"].as_u64(), warm["documents_copied"].as_u64());
        assert!(carried.map(|c| c * 4) < all, "a delta is no full copy: {delta:?} {warm:?}");
        // A run killed here carries it once more, whatever has happened to the target since.
        if round == 1 {
            pair.target.delete("/acme-quiet").await.expect("a deletion");
            bulk(&pair.target, vec![("index", "acme-fields", "foreign".into(), None, json!({"n": 1}))]).await;
        }
        let mended =
            pair.perform(Action::CopyDelta, Attempt::Again).await.unwrap_or_else(|e| panic!("again: {e}"));
        assert_eq!(mended["documents_removed"], json!(if round == 1 { 1 } else { 0 }), "{mended:?}");
        pair.assert_equal("after the delta was repeated").await;
    }

    // The mover of our own, cold, with versions.
    pair.begin_anew(|s| {
        (s.reindex, s.delta, s.mover, s.versions) = (Reindex::Cold, None, Mover::Stream, Versions::Keep);
    })
    .await;
    let cold = pair.does(Action::CopyIndices).await;
    assert!(cold["bytes_copied"].as_u64() > Some(0), "{cold:?}");
    pair.assert_equal("after a stream").await;
    let versions = |client: &Client| {
        let client = client.clone();
        async move {
            let found = client
                .post("/acme-live/_search", &json!({"size": 500, "version": true}))
                .await
                .expect("a search");
            let hits = found["hits"]["hits"].as_array().cloned().unwrap_or_default();
            hits.iter().map(|h| (h["_id"].to_string(), h["_version"].as_i64())).collect::<BTreeMap<_, _>>()
        }
    };
    let kept = versions(&pair.source).await;
    assert!(kept.values().any(|v| *v > Some(1)));
    assert_eq!(kept, versions(&pair.target).await);
    pair.environment.stop(Keep::Nothing).await.expect("it stops");
}
