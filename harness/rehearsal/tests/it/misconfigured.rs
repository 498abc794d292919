//! Targets that are set up or addressed wrongly, on real stores that are managed elsewhere: each mistake is refused before
//! the freeze, in one line with its mend, and neither side was touched. One set of stores serves them all.

use crate::support::{cannot_run, skip};
use drydock_core::event::{Ending, RECORD_VERSION, RunStarted, ServiceState};
use drydock_core::finding::{Class, Finding, Outcome};
use drydock_core::names::checks;
use drydock_core::{
    Action, Event, ExitCode, Plan, Record, RecordWriter, Redactor, RunId, Scenario, StepId, SystemClock,
    Verdict,
};
use drydock_environments::{EmbeddedConfig, Environment, Keep, Side};
use drydock_migration::freeze::{self, FreezeWitness};
use drydock_rehearsal::flow::{Interrupt, Progress, run};
use drydock_rehearsal::preflight::{Stores, on_stores};
use drydock_rehearsal::recorder::{NoObserver, Recorder};
use drydock_rehearsal::world::{Ownership, RealWorld, WorldConfig};
use drydock_stores::StorePair;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use drydock_stores::postgres::connect;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufReader, Seek};
use std::path::Path;
use std::sync::Arc;

/// Part of the target in the scenario, the scenario's end, a name, and each check that refuses with words of its mend.
type Case = (&'static str, &'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Workload of nobody, so that whatever moves on the source is preflight's doing.
const QUIET: &str = "workload: {writes_per_second: 0, probes_per_second: 0}\n";

/// Stores with little data, reached over TLS.
fn scenario(target: &str, more: &str) -> Scenario {
    let yaml = format!(
        "name: x\nsource: {{elasticsearch: {{heap_mib: 512}}}}\n\
         target: {{elasticsearch: {{heap_mib: 512}}, managed: elsewhere{target}}}\n\
         data: {{profile: tiny}}\nmigration: {{index_prefixes: [zeebe-, operate-, tasklist-, acme-]}}\n{more}"
    );
    Scenario::from_yaml("x.yaml", &yaml).unwrap_or_else(|e| panic!("{e}: {yaml}"))
}

/// One life of the same run on the same stores: some steps of the plan, and what the record says of them.
struct Lives<'a> {
    folder: &'a Path,
    run: RunId,
    environment: Option<Environment>,
    lived: u64,
}

impl Lives<'_> {
    async fn live(&mut self, scenario: Scenario, wanted: fn(&Action) -> bool, done: &[&str]) -> Record {
        self.lived += 1;
        let mut plan = Plan::of(&scenario);
        plan.steps.retain(|s| wanted(&s.action));
        let started = RunStarted {
            record_version: RECORD_VERSION,
            drydock: "0.1.0".into(),
            run: self.run.clone(),
            scenario_file: "x.yaml".into(),
            scenario: scenario.clone(),
            plan: plan.clone(),
            ledger: Vec::new(),
            machine: BTreeMap::new(),
        };
        let path = self.folder.join(format!("record-{}.jsonl", self.lived));
        let file =
            std::fs::File::options().create_new(true).read(true).append(true).open(&path).expect("a record");
        let mut reader = file.try_clone().expect("the same file");
        let clock = SystemClock::resume(self.lived * 1_000_000);
        let recorder =
            Recorder::new(RecordWriter::new(file, 0, Redactor::default()), clock, Arc::new(NoObserver));
        recorder.emit(Event::RunStarted(Box::new(started)));
        let config = WorldConfig {
            run: self.run.clone(),
            scenario,
            plan: plan.clone(),
            ledger: Vec::new(),
            folder: self.folder.to_owned(),
            acknowledged: self.folder.join(format!("acknowledged-{}.jsonl", self.lived)),
            postgres_home: None,
            elasticsearch_home: None,
            keep: drydock_rehearsal::Keep::Nothing,
            stores: Ownership::Own,
            scripts: None,
            chart: None,
            operators: None,
        };
        let mut world = RealWorld::new(config, recorder.clone());
        if let Some(environment) = self.environment.take() {
            world = world.adopt(environment);
        }
        let done = done.iter().map(|id| StepId::from(*id)).collect();
        let progress = Progress { done, ..Progress::default() };
        run(&plan, &mut world, &recorder, &progress, &Interrupt::default()).await;
        self.environment = world.release();
        reader.rewind().expect("rewound");
        Record::read(BufReader::new(reader)).expect("a whole record")
    }

    fn stores(&self, side: Side) -> StorePair {
        self.environment.as_ref().expect("the stores run").pair(side).expect("both stores")
    }
}

/// Everything up to the freeze, and the end of the workload.
fn up_to_the_freeze(action: &Action) -> bool {
    let first = matches!(action, Action::Provision | Action::Seed | Action::Baseline | Action::StartWorkload);
    first || matches!(action, Action::ValidateTargets | Action::Freeze | Action::StopWorkload)
}

/// What there is on the target: databases, roles, indices.
async fn everything_on(target: &StorePair) -> (Vec<String>, Value) {
    let session = connect(&target.postgres, "postgres", "test").await.expect("a session");
    let query =
        "SELECT datname::text FROM pg_database UNION ALL SELECT rolname::text FROM pg_roles ORDER BY 1";
    let rows = session.query(query, &[]).await.expect("names");
    let client = Client::new(&target.elasticsearch, Timeouts::default()).expect("a client");
    let indices =
        client.get("/_cat/indices?format=json&h=index,docs.count&s=index&expand_wildcards=all").await;
    (rows.iter().map(|r| r.get(0)).collect(), indices.expect("indices"))
}

fn refusals(record: &Record) -> Vec<Finding> {
    let findings = record.entries.iter().filter_map(|e| match &e.event {
        Event::Finding(f)
            if f.outcome >= Outcome::NotProven && checks::PREFLIGHT.contains(&f.check.as_str()) =>
        {
            Some(f.clone())
        }
        _ => None,
    });
    findings.collect()
}

/// The run stopped in preflight: users worked on, the class is the environment's, no word is about data.
fn assert_refused(record: &Record, name: &str, secrets: &[String]) {
    let verdict = Verdict::of(record);
    assert_eq!(verdict.exit_code, ExitCode::CouldNotRun.code(), "{name}: {verdict:#?}");
    assert!(verdict.headline.contains("before the freeze"), "{name}: {}", verdict.headline);
    assert!(verdict.findings.iter().all(|j| j.finding.outcome != Outcome::Different), "{name}: {verdict:#?}");
    for entry in &record.entries {
        match &entry.event {
            Event::StepStarted { step } => assert_ne!(step.as_str(), "phase-3/freeze", "{name}"),
            Event::Service { state } => assert_eq!(*state, ServiceState::OnSource, "{name}"),
            Event::ProbeOutage { error, .. } => panic!("{name}: users met an outage: {error}"),
            _ => {}
        }
    }
    assert!(matches!(
        record.entries.last().map(|e| &e.event),
        Some(Event::RunFinished { ending: Ending::Stopped })
    ));
    let text = serde_json::to_string(&record.entries).expect("json");
    assert!(
        secrets.iter().all(|s| !text.contains(s)) && !text.contains("not the password"),
        "{name}: {text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misconfigured_target_is_refused_before_the_freeze_and_nothing_is_touched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    if let Some(why) = cannot_run(&EmbeddedConfig::new("doctor", folder.path())).await {
        return skip(&why);
    }
    let run = RunId::new(format!("misconfigured-{}", std::process::id()));
    let mut lives = Lives { folder: folder.path(), run, environment: None, lived: 0 };
    let prepared = ["prepare/provision", "prepare/seed", "prepare/baseline", "prepare/workload"];

    let first =
        lives.live(scenario("", QUIET), |a| up_to_the_freeze(a) && !matches!(a, Action::Freeze), &[]).await;
    assert_eq!(refusals(&first), [], "a target that fits is let pass");
    let asked = checks::PREFLIGHT.into_iter().filter(|c| *c != checks::PRE_DUMP);
    for check in asked {
        let made = first.entries.iter().any(|e| {
            matches!(&e.event, Event::CheckFinished { check: c, compared, .. } if c.as_str() == check && *compared > 0)
        });
        assert!(made, "{check} was not made");
    }
    let (source, target) = (lives.stores(Side::Source), lives.stores(Side::Target));
    let client = Client::new(&target.elasticsearch, Timeouts::default()).expect("a client");
    let mut secrets = vec![target.postgres.password_for_client().to_owned()];
    if let ElasticsearchAuth::Basic { password, .. } = &target.elasticsearch.auth {
        secrets.push(password.expose_secret().to_owned());
    }
    assert!(secrets.len() == 2 && secrets.iter().all(|s| s.len() > 20));
    let names = ["identity", "keycloak", "webmodeler"].map(String::from);
    let prefixes: Vec<String> = ["zeebe-", "operate-", "tasklist-", "acme-"].map(Into::into).into();
    let marks =
        async || FreezeWitness::capture(&source, &names, &prefixes).await.expect("marks of the source");
    let (source_before, target_before) = (marks().await, everything_on(&target).await);

    // Mistake, workload and budgets beside it, checks that refuse, and words of the mends.
    let cases: [Case; 8] = [
        (
            ", misconfigured: wrong-ca",
            QUIET,
            "wrong-ca",
            &[
                (checks::PRE_REACHABLE, "authority's PEM file"),
                (checks::PRE_REACHABLE, "authority's PEM file"),
            ],
        ),
        (
            ", misconfigured: wrong-password",
            QUIET,
            "wrong-password",
            &[
                (checks::PRE_REACHABLE, "check role and password of the target PostgreSQL"),
                (checks::PRE_REACHABLE, "check user and password"),
            ],
        ),
        (
            ", misconfigured: unreachable-host",
            QUIET,
            "unreachable-host",
            &[(checks::PRE_REACHABLE, "check host and port"), (checks::PRE_REACHABLE, "check host and port")],
        ),
        (
            ", misconfigured: too-few-shards",
            QUIET,
            "too-few-shards",
            &[(checks::PRE_SHARDS, "set cluster.max_shards_per_node to")],
        ),
        (
            ", misconfigured: read-only-block",
            QUIET,
            "read-only-block",
            &[(checks::PRE_BLOCKS, "cluster.blocks.read_only set to null")],
        ),
        (
            "",
            "workload: {writes_per_second: 0, probes_per_second: 0}\nbudgets: {step: 1ms}\n",
            "a step budget below the prediction",
            &[(checks::PRE_TIMEOUTS, "set budgets.step to 1s or more")],
        ),
        (
            "",
            "workload: {writes_per_second: 0, probes_per_second: 0}\nbudgets: {downtime: 1ms}\n",
            "a downtime budget below the prediction",
            &[(checks::PRE_TIMEOUTS, "set budgets.downtime to")],
        ),
        // With users: they notice nothing. Last, because they write.
        (
            ", misconfigured: unreachable-host",
            "workload: {writes_per_second: 5, probes_per_second: 20}\n",
            "unreachable-host with users",
            &[(checks::PRE_REACHABLE, "check host and port"), (checks::PRE_REACHABLE, "check host and port")],
        ),
    ];
    for (target_yaml, more, name, expected) in cases {
        let begun = std::time::Instant::now();
        let with_users = name.ends_with("users");
        if with_users {
            let moved = freeze::compare(&source_before, &marks().await);
            assert_eq!(moved, [], "the source was touched");
        }
        let record = lives.live(scenario(target_yaml, more), up_to_the_freeze, &prepared).await;
        assert_refused(&record, name, &secrets);
        let told = refusals(&record);
        assert_eq!(told.len(), expected.len(), "{name}: {told:#?}");
        for (finding, (check, mend)) in told.iter().zip(expected) {
            assert!(
                finding.check.as_str() == *check && finding.class == Class::Environment,
                "{name}: {finding:#?}"
            );
            assert!(finding.next.contains(mend), "{name}: {finding:#?}");
            assert!(!format!("{}{}", finding.message, finding.next).contains('\n'), "{name}: {finding:#?}");
        }
        // A block has to go before anything else may be set.
        for setting in ["cluster.blocks.read_only", "cluster.max_shards_per_node"] {
            let undo = json!({"persistent": {setting: null}});
            client.put("/_cluster/settings", &undo).await.expect("undone");
        }
        assert_eq!(everything_on(&target).await, target_before, "{name}: the target was touched");
        let seconds = begun.elapsed().as_secs_f64();
        println!("{name}: {seconds:.1} s");
    }
    poor_logins_and_full_databases_are_refused(&source, &target, folder.path()).await;
    let environment = lives.environment.take().expect("the stores run");
    environment.stop(Keep::Nothing).await.expect("it stops");
}

/// The same checks on addresses alone, as `drydock doctor` makes them: a clean twin, then one harm after the other.
async fn poor_logins_and_full_databases_are_refused(source: &StorePair, target: &StorePair, folder: &Path) {
    let whole = Stores {
        postgres: Some((source.postgres.clone(), target.postgres.clone())),
        elasticsearch: Some((source.elasticsearch.clone(), target.elasticsearch.clone())),
    };
    let machine = EmbeddedConfig::new("doctor", folder);
    let told = async |stores: Stores| -> Vec<(String, String)> {
        let found = on_stores(&scenario("", ""), stores, &machine).await;
        found.refusals().iter().map(|f| (f.check.to_string(), f.message.clone())).collect()
    };
    assert_eq!(told(whole.clone()).await, []);

    let secret = || SecretString::from("poor password".to_owned());
    for side in [source, target] {
        let session = connect(&side.postgres, "postgres", "test").await.expect("a session");
        session.batch_execute("CREATE ROLE poor LOGIN PASSWORD 'poor password'").await.expect("a role");
    }
    let client = Client::new(&target.elasticsearch, Timeouts::default()).expect("a client");
    let role = json!({"cluster": ["monitor"], "indices": [{"names": ["*"], "privileges": ["read", "view_index_metadata"]}]});
    client.put("/_security/role/poor", &role).await.expect("a role");
    let user = json!({"password": "poor password", "roles": ["poor"]});
    client.put("/_security/user/poor", &user).await.expect("a user");

    let mut stores = whole.clone();
    stores.postgres = Some((source.postgres.clone(), target.postgres.with_role("poor", Some(secret()))));
    let refused = told(stores).await;
    assert!(refused.len() == 1 && refused[0].0 == checks::PRE_PRIVILEGES, "{refused:?}");
    assert!(refused[0].1.contains("role poor of the target PostgreSQL"), "{refused:?}");

    let mut stores = whole.clone();
    stores.postgres = Some((source.postgres.with_role("poor", Some(secret())), target.postgres.clone()));
    let refused = told(stores.clone()).await;
    assert!(refused.len() == 3 && refused.iter().all(|r| r.0 == checks::PRE_PRIVILEGES), "{refused:?}");
    let session = connect(&source.postgres, "postgres", "test").await.expect("a session");
    session.batch_execute("GRANT CONNECT ON DATABASE identity TO poor").await.expect("granted");
    let refused = told(stores).await;
    assert!(refused.len() == 3 && refused[0].1.contains("identity, so pg_dump fails: "), "{refused:?}");
    assert!(!refused[0].1.contains("as a whole") && refused[1].1.contains("as a whole"), "{refused:?}");

    let mut stores = whole.clone();
    let mut poor = target.elasticsearch.clone();
    poor.auth = ElasticsearchAuth::Basic { user: "poor".into(), password: secret() };
    stores.elasticsearch = Some((source.elasticsearch.clone(), poor));
    let refused = told(stores).await;
    let words = "the login of the target Elasticsearch lacks";
    assert!(refused.iter().any(|r| r.0 == checks::PRE_PRIVILEGES && r.1.contains(words)), "{refused:?}");

    let session = connect(&target.postgres, "postgres", "test").await.expect("a session");
    session.batch_execute("CREATE DATABASE keycloak").await.expect("a database");
    assert_eq!(told(whole.clone()).await, [], "an empty database is no obstacle");
    let session = connect(&target.postgres, "keycloak", "test").await.expect("a session");
    session.batch_execute("CREATE TABLE public.left_over (a int)").await.expect("a table");
    client.put("/operate-left-over", &json!({})).await.expect("an index");
    let refused = told(whole.clone()).await;
    assert!(refused.len() == 2 && refused.iter().all(|r| r.0 == checks::PRE_EMPTY), "{refused:?}");

    // Sides exchanged: what the source holds stands in the way, and nothing is read from a side that knows no names.
    let exchanged =
        Stores { elasticsearch: None, postgres: Some((target.postgres.clone(), source.postgres.clone())) };
    let refused = told(exchanged).await;
    assert!(
        refused.iter().any(|r| r.0 == checks::PRE_EMPTY && r.1.contains("no database identity")),
        "{refused:?}"
    );
}
