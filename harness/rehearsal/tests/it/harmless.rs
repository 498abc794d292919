//! A trial leaves both sides as they were, and whatever a careless one leaves behind is named: on real stores.

use crate::planted::Quiet;
use crate::support::{cannot_run, skip};
use drydock_core::names::checks;
use drydock_core::prediction::PREDICTED;
use drydock_core::scenario::{FaultKind, Mover};
use drydock_core::{Action, Component, Scenario};
use drydock_environments::{Embedded, EmbeddedConfig, Keep, Silent};
use drydock_migration::fault::plant;
use drydock_migration::{Attempt, BuiltinDriver, Facts, MigrationContext};
use drydock_stores::compare::{
    Fingerprint, Options, fingerprint_elasticsearch, fingerprint_postgres, unchanged,
};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::{APPLICATION_NAME, connect};
use drydock_stores::{PostgresEndpoint, StorePair};
use drydock_workload::elasticsearch::{self as documents, Dataset};
use drydock_workload::postgres::{self as rows, Databases, PostgresProfile, RoleSecrets};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

struct Both {
    source: Fingerprint,
    target: Fingerprint,
}

async fn one(pair: &StorePair) -> Fingerprint {
    let mut all =
        fingerprint_elasticsearch(&pair.elasticsearch, &Options::default()).await.expect("a cluster");
    all.extend(fingerprint_postgres(&pair.postgres).await.expect("a server"));
    all
}

async fn both(cx: &MigrationContext) -> Both {
    let (source, target) = tokio::join!(one(&cx.source), one(&cx.target));
    Both { source, target }
}

/// Subjects told, those of the source first.
fn told(before: &Both, after: &Both) -> Vec<String> {
    let source = unchanged(checks::HARMLESS_SOURCE, "source", "the trial", &before.source, &after.source);
    let target = unchanged(checks::HARMLESS_TARGET, "target", "the trial", &before.target, &after.target);
    assert!(source.compared > 0 && target.compared > 0);
    let all = source.findings.into_iter().chain(target.findings);
    all.map(|f| format!("{} {}", f.check, f.subject)).collect()
}

async fn sql(endpoint: &PostgresEndpoint, database: &str, statement: &str) {
    let session = connect(endpoint, database, APPLICATION_NAME).await.expect("a session");
    session.batch_execute(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
}

async fn put(client: &Client, path: &str, body: Value) {
    client.put(path, &body).await.unwrap_or_else(|e| panic!("{path}: {e}"));
}

async fn prepare(environment: &Embedded, folder: &std::path::Path) -> MigrationContext {
    let yaml =
        "name: harmless\nmigration:\n  index_prefixes: [zeebe-, operate-, tasklist-, optimize-, acme-]\n";
    let scenario = Scenario::from_yaml("harmless", yaml).expect("the scenario is right");
    let (source, target) = (environment.source().expect("source"), environment.target().expect("target"));
    let databases = Databases::new(&PostgresProfile::TINY, 7);
    let names = databases.names().iter();
    let roles: BTreeMap<String, SecretString> =
        names.map(|n| ((*n).to_owned(), SecretString::from(format!("secret of {n}")))).collect();
    let secrets = roles.iter().fold(RoleSecrets::default(), |s, (r, p)| s.with(r, p.clone()));
    rows::create_roles_and_databases(&source.postgres, databases.names(), &secrets).await.expect("roles");
    rows::create_second_roles(&source.postgres, databases.names()).await.expect("second roles");
    rows::seed(&source.postgres, &databases, &secrets, &|_, _| {}).await.expect("rows");
    let client = Client::new(&source.elasticsearch, Timeouts::default()).expect("client");
    documents::seed(&client, &Dataset::new(&documents::Profile::tiny(), 7), &|_, _| {})
        .await
        .expect("documents");
    let context = MigrationContext {
        source,
        target,
        spec: scenario.migration,
        clients: environment.postgres_clients().expect("clients").to_owned(),
        dumps: environment.work_dir().join("dumps"),
        roles,
        run_dir: folder.to_owned(),
        cancel: CancellationToken::new(),
        programs: Default::default(),
    };
    for component in Component::ALL.into_iter().filter(|c| c.database().is_some()) {
        perform(&context, Action::PrepareDatabase(component)).await;
    }
    context
}

async fn perform(cx: &MigrationContext, action: Action) -> Facts {
    BuiltinDriver
        .perform(cx, action, &BTreeSet::new(), Attempt::First, &Quiet)
        .await
        .unwrap_or_else(|e| panic!("{action:?}: {e}"))
}

/// The whole trial, with what it predicted.
async fn trial(cx: &MigrationContext) -> BTreeSet<String> {
    let mut actions = Vec::new();
    for component in Component::ALL.into_iter().filter(|c| c.database().is_some()) {
        actions.extend([Action::TrialBackup(component), Action::TrialRestore(component)]);
    }
    actions.push(Action::TrialCopy);
    let mut predicted = BTreeSet::new();
    for action in actions {
        let facts = perform(cx, action).await;
        for (step, seconds) in facts[PREDICTED].as_object().expect("a prediction") {
            assert!(seconds.as_f64() > Some(0.0), "{action:?}: {facts:?}");
            predicted.insert(step.clone());
        }
    }
    predicted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_leaves_nothing_and_what_a_careless_one_leaves_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let probe = EmbeddedConfig::new("doctor", folder.path());
    if let Some(why) = cannot_run(&probe).await {
        return skip(&why);
    }
    std::fs::create_dir_all(folder.path().join("logs")).expect("logs");
    let mut config = EmbeddedConfig::new(format!("harmless-{}", std::process::id()), folder.path());
    config.source.elasticsearch_heap_mib = 512;
    config.target.elasticsearch_heap_mib = 512;
    let environment = Embedded::start(config, Arc::new(Silent)).await.expect("the stores start");
    let mut cx = prepare(&environment, folder.path()).await;
    let clients =
        [&cx.source, &cx.target].map(|p| Client::new(&p.elasticsearch, Timeouts::default()).expect("client"));
    let [from, to] = &clients;

    // The clean twin: the trial itself, and what reading and housekeeping do to a store.
    let mut known = both(&cx).await;
    assert!(known.source.unread.is_empty(), "{:?}", known.source.unread);
    for mover in [Mover::Reindex, Mover::Stream] {
        cx.spec.mover = mover;
        let predicted = trial(&cx).await;
        assert_eq!(predicted.len(), 7, "{predicted:?}");
        let now = both(&cx).await;
        assert_eq!(told(&known, &now), Vec::<String>::new(), "after a trial with {mover:?}");
        assert_eq!(
            (now.source.digest(), now.target.digest()),
            (known.source.digest(), known.target.digest())
        );
    }
    from.post_empty("/_all/_forcemerge?max_num_segments=1").await.expect("a merge");
    from.post_empty("/_all/_flush?force=true").await.expect("a flush");
    sql(&cx.source.postgres, "keycloak", "VACUUM ANALYZE").await;
    assert_eq!(told(&known, &both(&cx).await), Vec::<String>::new(), "after housekeeping");

    // Planted: each is named, on its side, and nothing else is.
    for (number, kind) in
        [FaultKind::LeaveIndex, FaultKind::LeaveDatabase, FaultKind::TouchSetting].into_iter().enumerate()
    {
        let items = plant(kind, None, number as u64, &cx).await.expect("planted");
        let now = both(&cx).await;
        let all = told(&known, &now);
        let wanted = format!("{} {}", checks::HARMLESS_TARGET, items[0].subject);
        assert_eq!(all, [wanted], "{}", kind.as_str());
        known = now;
    }
    let late = plant(FaultKind::LateWrite, None, 5, &cx).await.expect("planted");
    let now = both(&cx).await;
    let all = told(&known, &now);
    assert!(all.len() >= late.len() && all.iter().all(|t| t.starts_with(checks::HARMLESS_SOURCE)), "{all:?}");
    known = now;

    // Whatever else a trial could do to a cluster.
    let index = "operate-list-view-8.3.0_";
    let doc = format!("/{index}/_doc/drydock-there-and-gone");
    type Touch<'a> = (&'a str, &'a str, &'a str, Value);
    let touches: [Touch<'_>; 6] = [
        ("index/operate-list-view", "PUT", &doc, json!({})),
        ("index/operate-list-view", "DELETE", &doc, json!({})),
        ("index/operate-list-view", "PUT", "/operate-list-view-8.3.0_/_alias/drydock", json!({})),
        (
            "index/operate-list-view",
            "PUT",
            "/operate-list-view-8.3.0_/_settings",
            json!({"index.refresh_interval": "17s"}),
        ),
        (
            "drydock-left",
            "PUT",
            "/_index_template/drydock-left",
            json!({"index_patterns": ["drydock-left-*"]}),
        ),
        ("drydock-left", "PUT", "/_ingest/pipeline/drydock-left", json!({"processors": []})),
    ];
    for (named, method, path, body) in touches {
        match method {
            "PUT" => put(from, path, body).await,
            _ => drop(from.delete(path).await.expect("a deletion")),
        }
        let now = both(&cx).await;
        let all = told(&known, &now);
        assert!(!all.is_empty() && all.iter().all(|t| t.contains(named)), "{method} {path}: {all:?}");
        known = now;
    }
    put(to, "/_cluster/settings", json!({"transient": {"cluster.max_shards_per_node": 1234}})).await;
    let now = both(&cx).await;
    assert_eq!(
        told(&known, &now),
        ["harmless/target cluster-settings/transient/cluster.max_shards_per_node"]
    );
    known = now;

    // And to a server.
    for (statement, named) in [
        ("CREATE ROLE drydock_left", "role/drydock_left"),
        ("ALTER ROLE keycloak CONNECTION LIMIT 7", "keycloak"),
        ("ALTER DATABASE keycloak SET work_mem = '7MB'", "keycloak"),
        ("ALTER SYSTEM SET work_mem = '9MB'", "setting/"),
        ("CREATE TABLE public.drydock_left (x int)", "drydock_left"),
        ("INSERT INTO public.drydock_left VALUES (1)", "rows of keycloak.public.drydock_left"),
        ("COMMENT ON TABLE public.drydock_left IS 'seen'", "drydock_left"),
        ("GRANT SELECT ON public.drydock_left TO drydock_left", "drydock_left"),
        ("CREATE SEQUENCE public.drydock_counts", "drydock_counts"),
        ("SELECT nextval('public.drydock_counts')", "drydock_counts"),
        ("SELECT lo_from_bytea(0, 'seen')", "large objects of keycloak"),
    ] {
        sql(&cx.source.postgres, "keycloak", statement).await;
        let now = both(&cx).await;
        let all = told(&known, &now);
        assert!(all.iter().any(|t| t.contains(named)), "{statement}: {all:?}");
        assert!(all.iter().all(|t| t.starts_with(checks::HARMLESS_SOURCE)), "{statement}: {all:?}");
        known = now;
    }
    environment.stop(Keep::Nothing).await.expect("it stops");
}
