//! The manual ways of moving indices on one pair of real clusters: what each carries, what it loses by itself, and that no
//! half-made snapshot or dump comes through.

use crate::planted::Quiet;
use crate::support::{cannot_run, skip};
use drydock_core::names::checks;
use drydock_core::scenario::{CreateIndices, DumpTool, MigrationSpec, Mover, Repository, RepositoryKind};
use drydock_core::{Action, Component, Finding, Outcome};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Side, Silent};
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext, MigrationError};
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

const ALL: [&str; 5] = ["zeebe-", "operate-", "tasklist-", "optimize-", "acme-"];
const FEW: [&str; 1] = ["acme-"];

struct Pair {
    environment: Embedded,
    context: MigrationContext,
    source: Client,
    target: Client,
    prefixes: Vec<String>,
}

async fn pair(folder: &Path) -> Pair {
    let mut config = EmbeddedConfig::new(format!("manual-{}", std::process::id()), folder);
    for side in [&mut config.source, &mut config.target] {
        (side.elasticsearch_heap_mib, side.postgres) = (512, false);
    }
    let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
    let endpoint = |side| environment.elasticsearch(side).expect("a cluster");
    let (source, target) = (endpoint(Side::Source), endpoint(Side::Target));
    let nowhere = drydock_stores::PostgresEndpoint::from_url("postgres://127.0.0.1:1").expect("an address").0;
    let client = |e| Client::new(e, Timeouts::default()).expect("a client");
    let (from, to) = (client(&source), client(&target));
    let side = |elasticsearch| drydock_stores::StorePair { postgres: nowhere.clone(), elasticsearch };
    let context = MigrationContext {
        source: side(source),
        target: side(target),
        spec: MigrationSpec { components: Some(vec![Component::Elasticsearch]), ..MigrationSpec::default() },
        clients: folder.to_owned(),
        dumps: folder.join("dumps"),
        roles: BTreeMap::new(),
        run_dir: folder.to_owned(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    Pair { environment, context, source: from, target: to, prefixes: Vec::new() }
}

/// Everything that a way may lose: settings, analysis, aliases with a filter, routing, long numbers, a pipeline, a template,
/// a write block, a hidden index and a closed one.
async fn scene(source: &Client) {
    let put = async |path: &str, body: Value| {
        source.put(path, &body).await.unwrap_or_else(|e| panic!("{e}"));
    };
    put("/_ingest/pipeline/acme-pipe", json!({"processors": []})).await;
    put(
        "/_index_template/acme-dated_template",
        json!({"index_patterns": ["acme-dated_*"], "template": {"settings": {"number_of_replicas": 0}}}),
    )
    .await;
    let settings = json!({"number_of_shards": 3, "number_of_replicas": 0, "refresh_interval": "7s", "max_result_window": 777,
        "default_pipeline": "acme-pipe", "analysis": {"normalizer": {"low": {"type": "custom", "filter": ["lowercase"]}}}});
    let mappings = json!({"dynamic": "strict", "properties": {"n": {"type": "long"}, "name": {"type": "keyword", "normalizer": "low"},
        "key": {"type": "long"}, "ratio": {"type": "double"}}});
    let aliases = json!({"acme-few": {"filter": {"term": {"n": 3}}, "routing": "x"}, "acme-all": {"is_write_index": true}});
    put("/acme-live", json!({"settings": settings, "mappings": mappings, "aliases": aliases})).await;
    put("/acme-hidden", json!({"settings": {"hidden": true, "number_of_replicas": 0}})).await;
    put(
        "/acme-empty",
        json!({"settings": {"number_of_replicas": 0}, "mappings": {"properties": {"a": {"type": "ip"}}}}),
    )
    .await;
    put("/acme-blocked", json!({"settings": {"number_of_replicas": 0}})).await;
    let mut body = String::new();
    for n in 0..240_u64 {
        let mut action =
            json!({"index": {"_index": "acme-live", "_id": format!("d/{n} ü"), "pipeline": "_none"}});
        if n % 3 == 0 {
            action["index"]["routing"] = json!(format!("r{}", n / 9));
        }
        let key = 9_007_199_254_740_993 + n * 2;
        body += &format!("{action}\n{{\"n\":{n},\"name\":\"A{n}\",\"key\":{key},\"ratio\":{n}.50}}\n");
    }
    for index in ["acme-hidden", "acme-blocked"] {
        body += &format!("{{\"index\":{{\"_index\":\"{index}\",\"_id\":\"1\"}}}}\n{{\"x\":1}}\n");
    }
    source.bulk(body.into_bytes()).await.unwrap_or_else(|e| panic!("{e}"));
    source.post_empty("/acme-*/_refresh?expand_wildcards=all").await.expect("a refresh");
    put("/acme-blocked/_settings", json!({"index.blocks.write": true})).await;
}

impl Pair {
    async fn perform(&self, action: Action, attempt: Attempt) -> Result<Facts, MigrationError> {
        BuiltinDriver.perform(&self.context, action, &BTreeSet::new(), attempt, &Quiet).await
    }

    async fn does(&self, action: Action) -> Facts {
        self.perform(action, Attempt::First).await.unwrap_or_else(|e| panic!("{action:?}: {e}"))
    }

    async fn fails(&self, action: Action, attempt: Attempt, words: &str) {
        match self.perform(action, attempt).await {
            Err(MigrationError::Migration { attempted, reason, next }) => {
                let told = format!("{attempted}: {reason}; {next}");
                assert!(told.contains(words), "{told:?} lacks {words:?}");
            }
            other => panic!("{action:?} does not fail: {other:?}"),
        }
    }

    /// All steps of a migration that carry indices.
    async fn migrate(&self) -> Facts {
        self.does(Action::PrepareElasticsearch).await;
        self.does(Action::InitialListing).await;
        self.does(Action::FinalListing).await;
        self.does(Action::CopyIndices).await
    }

    async fn findings(&self) -> Vec<Finding> {
        let (source, target) = (&self.context.source.elasticsearch, &self.context.target.elasticsearch);
        let scope = Scope { prefixes: self.prefixes.clone() };
        let results = compare::elasticsearch(source, target, &scope, &Options::default()).await;
        results.into_iter().flat_map(|r| r.findings).filter(|f| f.outcome >= Outcome::NotProven).collect()
    }

    async fn assert_equal(&self, when: &str) {
        let found = self.findings().await;
        assert!(found.is_empty(), "{when}: {found:#?}");
    }

    async fn checks_that_object(&self) -> BTreeSet<String> {
        self.findings().await.iter().map(|f| f.check.as_str().to_owned()).collect()
    }

    /// An empty target and no dump.
    async fn begin_anew(&mut self, prefixes: &[&str], mover: Mover, create: CreateIndices, tool: DumpTool) {
        let names =
            self.target.get("/_cat/indices?format=json&h=index&expand_wildcards=all").await.expect("a list");
        for row in names.as_array().into_iter().flatten() {
            let name = row["index"].as_str().unwrap_or_default();
            if ALL.iter().any(|p| name.starts_with(p)) {
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
        for path in ["/_ingest/pipeline/*", "/_template/*"] {
            let _ = self.target.delete(path).await;
        }
        let _ = std::fs::remove_dir_all(&self.context.dumps);
        self.prefixes = prefixes.iter().map(|p| (*p).to_owned()).collect();
        let spec = &mut self.context.spec;
        (spec.mover, spec.create_indices, spec.tool) = (mover, create, tool);
        spec.index_prefixes.clone_from(&self.prefixes);
        let location = self.environment.snapshot_folder().display().to_string();
        let settings = BTreeMap::from([("location".to_owned(), json!(location))]);
        spec.repository =
            (mover == Mover::Snapshot).then_some(Repository { kind: RepositoryKind::Fs, settings });
    }

    async fn repositories(&self) -> [Value; 2] {
        let of = async |client: &Client| client.get("/_snapshot").await.expect("repositories");
        [of(&self.source).await, of(&self.target).await]
    }
}

/// Files of a kind below a folder.
fn files(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, wanted));
        } else if wanted(&entry.file_name().to_string_lossy()) {
            found.push(path);
        }
    }
    found
}

const LOST_BY_ITSELF: [&str; 3] = [checks::ES_TEMPLATES, checks::ES_FUTURE, checks::ES_CLUSTER];

#[tokio::test(flavor = "multi_thread")]
async fn each_manual_way_carries_everything_or_shows_what_it_loses() {
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
    by_dump(&mut pair).await;
    by_reindex(&mut pair).await;
    with_the_real_tool(&mut pair).await;
    by_snapshot(&mut pair).await;
    pair.environment.stop(Keep::Nothing).await.expect("an end");
}

async fn by_snapshot(pair: &mut Pair) {
    let builtin = DumpTool::Builtin;
    pair.begin_anew(&ALL, Mover::Snapshot, CreateIndices::Complete, builtin).await;
    let facts = pair.migrate().await;
    assert_eq!(facts["repository_removed"], true);
    pair.assert_equal("after a snapshot").await;
    assert_eq!(pair.repositories().await, [json!({}), json!({})], "nothing of it is left");

    // A second run meets what the first one left in the folder, and a closed index stays closed.
    pair.begin_anew(&ALL, Mover::Snapshot, CreateIndices::Bare, builtin).await;
    pair.source.put("/acme-closed", &json!({"settings": {"number_of_replicas": 0}})).await.expect("an index");
    pair.source.post_empty("/acme-closed/_close").await.expect("closed");
    pair.migrate().await;
    let status = pair.target.get("/_cat/indices/acme-closed?format=json&h=status&expand_wildcards=all").await;
    assert_eq!(status.expect("a listing")[0]["status"], "close");
    for client in [&pair.source, &pair.target] {
        client.delete("/acme-closed").await.expect("a deletion");
    }
    let objecting = pair.checks_that_object().await;
    assert_eq!(objecting, LOST_BY_ITSELF.map(ToOwned::to_owned).into(), "a snapshot carries indices alone");

    // A file of the repository is damaged between the snapshot and the restore.
    pair.begin_anew(&FEW, Mover::Snapshot, CreateIndices::Complete, builtin).await;
    pair.does(Action::PrepareElasticsearch).await;
    pair.does(Action::FinalListing).await;
    let blobs = files(&pair.environment.snapshot_folder(), &|n| n.starts_with("__"));
    assert!(!blobs.is_empty());
    for blob in &blobs {
        let length = std::fs::metadata(blob).expect("a blob").len();
        std::fs::File::options().write(true).open(blob).and_then(|f| f.set_len(length / 2)).expect("cut");
    }
    pair.fails(Action::CopyIndices, Attempt::First, "was not restored").await;
    // The run is resumed after the snapshot was taken anew.
    pair.perform(Action::FinalListing, Attempt::Again).await.expect("a snapshot");
    pair.perform(Action::CopyIndices, Attempt::Again).await.expect("a restore");
    pair.assert_equal("after a snapshot was damaged and taken again").await;
    // The run was killed after everything was removed and before that was written down.
    pair.perform(Action::CopyIndices, Attempt::Again).await.expect("a restore");
    pair.assert_equal("after a second restore").await;
    assert_eq!(pair.repositories().await, [json!({}), json!({})]);

    // An index of which a part cannot be read.
    let lost =
        json!({"settings": {"number_of_replicas": 0, "index.routing.allocation.require._name": "nobody"}});
    pair.source.put("/acme-lost?wait_for_active_shards=0", &lost).await.expect("an index");
    pair.begin_anew(&FEW, Mover::Snapshot, CreateIndices::Complete, builtin).await;
    assert!(pair.perform(Action::FinalListing, Attempt::First).await.is_err(), "a partial snapshot is none");
    pair.source.delete("/acme-lost").await.expect("a deletion");

    // Repositories that cannot be.
    let repository = |kind, key: &str, value: &str| Repository {
        kind,
        settings: BTreeMap::from([(key.to_owned(), json!(value))]),
    };
    pair.context.spec.repository = Some(repository(RepositoryKind::Fs, "location", "/nowhere"));
    pair.fails(Action::PrepareElasticsearch, Attempt::First, "path.repo").await;
    pair.context.spec.repository = Some(repository(RepositoryKind::S3, "bucket", "b"));
    pair.fails(Action::PrepareElasticsearch, Attempt::First, "repository-s3").await;
    pair.context.spec.repository = None;
    pair.fails(Action::PrepareElasticsearch, Attempt::First, "add `repository").await;
    for client in [&pair.source, &pair.target] {
        let _ = client.delete("/_snapshot/drydock-*").await;
    }
}

async fn by_dump(pair: &mut Pair) {
    let builtin = DumpTool::Builtin;
    pair.begin_anew(&ALL, Mover::Dump, CreateIndices::Complete, builtin).await;
    pair.migrate().await;
    pair.assert_equal("after a dump").await;

    pair.begin_anew(&FEW, Mover::Dump, CreateIndices::Complete, builtin).await;
    pair.does(Action::FinalListing).await;
    let dump = pair.context.dumps.join("elasticsearch");
    let data = dump.join("acme-live.data.json");
    let whole = std::fs::read(&data).expect("a dump");
    // Cut short at the end of a line: it reads like a smaller index.
    let half = whole[..whole.len() / 2].iter().rposition(|b| *b == b'\n').expect("a line") + 1;
    std::fs::write(&data, &whole[..half]).expect("cut");
    pair.fails(Action::CopyIndices, Attempt::First, "bytes now").await;
    std::fs::remove_file(dump.join("acme-live.seal.json")).expect("a seal");
    pair.fails(Action::CopyIndices, Attempt::Again, "was not finished").await;
    // A document that the target refuses.
    pair.perform(Action::FinalListing, Attempt::Again).await.expect("a dump");
    let definition = dump.join("acme-live.definition.json");
    let text = std::fs::read_to_string(&definition).expect("a definition");
    let other = text.replace("\"ratio\":{\"type\":\"double\"}", "\"ratio\":{\"type\":\"ip\"}");
    assert_ne!(text, other);
    std::fs::write(&definition, other).expect("changed");
    pair.fails(Action::CopyIndices, Attempt::Again, "write document d/").await;
    std::fs::write(&definition, text).expect("changed back");
    pair.perform(Action::CopyIndices, Attempt::Again).await.expect("a copy");
    pair.assert_equal("after faults were mended").await;

    pair.begin_anew(&FEW, Mover::Dump, CreateIndices::Bare, builtin).await;
    pair.migrate().await;
    let objecting = pair.checks_that_object().await;
    for check in [checks::ES_SETTINGS, checks::ES_ALIASES, checks::ES_TEMPLATES, checks::ES_DOCUMENTS] {
        assert!(objecting.contains(check), "{check} is not among {objecting:?}");
    }
    assert!(
        !objecting.contains(checks::ES_COUNTS) && !objecting.contains(checks::ES_MAPPINGS),
        "{objecting:?}"
    );
}

async fn by_reindex(pair: &mut Pair) {
    let builtin = DumpTool::Builtin;
    pair.begin_anew(&ALL, Mover::ReindexByHand, CreateIndices::Complete, builtin).await;
    pair.migrate().await;
    pair.assert_equal("after a reindex by hand").await;
    pair.begin_anew(&FEW, Mover::ReindexByHand, CreateIndices::Complete, builtin).await;
    pair.migrate().await;
    pair.perform(Action::CopyIndices, Attempt::Again).await.expect("a copy");
    pair.assert_equal("after it was taken up again").await;
    pair.begin_anew(&FEW, Mover::ReindexByHand, CreateIndices::Bare, builtin).await;
    pair.migrate().await;
    let objecting = pair.checks_that_object().await;
    for check in [checks::ES_SETTINGS, checks::ES_ALIASES, checks::ES_TEMPLATES] {
        assert!(objecting.contains(check), "{check} is not among {objecting:?}");
    }
    assert!(!objecting.contains(checks::ES_DOCUMENTS), "{objecting:?}");
}

/// What our own tool is said to lose must be what the real one loses.
async fn with_the_real_tool(pair: &mut Pair) {
    let there = std::process::Command::new("elasticdump").arg("--version").output().is_ok();
    if !there {
        return skip("elasticdump is not installed");
    }
    let mut told = Vec::new();
    for tool in [DumpTool::Builtin, DumpTool::Elasticdump] {
        pair.begin_anew(&FEW, Mover::Dump, CreateIndices::Bare, tool).await;
        pair.migrate().await;
        let findings = pair.findings().await;
        let line = |f: &Finding| format!("{} {} {:?} {}", f.check.as_str(), f.subject, f.kind, f.count);
        told.push(findings.iter().map(line).collect::<BTreeSet<_>>());
    }
    assert_eq!(told[0], told[1]);
}
