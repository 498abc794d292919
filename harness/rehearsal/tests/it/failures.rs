//! Each failure that a scenario can cause, one after the other on one pair of real stores: the run bears it, or stops and is
//! resumed to the end of an undisturbed one, or goes on and the checks that must turn red do, and no other. Never green with
//! data missing, never red where only the surroundings broke, and each within its time.

use crate::support::{cannot_run, skip};
use drydock_core::event::{Ending, RECORD_VERSION, RunStarted};
use drydock_core::finding::{Class, Finding, Outcome};
use drydock_core::scenario::{Course, FaultKind, Moment, ledger_from_yaml};
use drydock_core::{
    Action, Event, LedgerLine, Plan, Record, RecordWriter, Redactor, RunId, Scenario, StepId, Summary,
    SystemClock,
};
use drydock_environments::{EmbeddedConfig, Environment, Side};
use drydock_rehearsal::flow::{Interrupt, Progress, run};
use drydock_rehearsal::recorder::{NoObserver, Recorder};
use drydock_rehearsal::world::{Ownership, RealWorld, WorldConfig};
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::postgres::connect;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

const PREFIXES: &str = "operate-, acme-";
/// A run with a failure, and its resume, must have ended by then on any machine.
const LIMIT: Duration = Duration::from_secs(600);

/// A fault as in a scenario, the components that are migrated, and what else the scenario says of the migration.
type Row = (&'static str, &'static str, &'static str);

const CLUSTER: &str = "elasticsearch";
const DATABASE: &str = "keycloak";
const DATABASES: &str = "keycloak, webmodeler, identity";

const NETWORK: &[Row] = &[
    ("{fault: connection-reset, during: phase-3/restore/elasticsearch, at: 3}", CLUSTER, ""),
    ("{fault: connection-reset, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: slow-answers}", CLUSTER, ""),
    ("{fault: stuck-answers, at: 2}", CLUSTER, ""),
    ("{fault: too-many-requests}", CLUSTER, ""),
    ("{fault: unavailable, at: 20}", CLUSTER, ""),
    ("{fault: gateway-timeout, at: 2}", CLUSTER, ""),
    ("{fault: short-timeout}", CLUSTER, ""),
    ("{fault: scroll-expires, at: 2}", CLUSTER, ""),
    ("{fault: wrong-credentials, at: 4}", CLUSTER, ""),
    ("{fault: mapping-refused, at: 3}", CLUSTER, ""),
    ("{fault: connection-reset, at: 2}", CLUSTER, "mover: stream"),
    ("{fault: unavailable, at: 20}", CLUSTER, "mover: stream"),
    ("{fault: network-cut, at: 2}", CLUSTER, ""),
    ("{fault: network-cut, at: 2}", CLUSTER, "mover: stream"),
    ("{fault: network-cut, during: phase-3/restore/keycloak}", DATABASE, ""),
];

const PROCESSES: &[Row] = &[
    ("{fault: client-killed, during: phase-3/backup/keycloak}", DATABASE, ""),
    ("{fault: client-killed, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: source-killed, during: phase-3/backup/keycloak}", DATABASE, ""),
    ("{fault: target-killed, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: source-killed}", CLUSTER, ""),
    ("{fault: target-killed}", CLUSTER, ""),
    ("{fault: target-killed}", CLUSTER, "mover: stream"),
    ("{fault: source-paused}", CLUSTER, ""),
    ("{fault: target-paused}", CLUSTER, ""),
    ("{fault: source-paused, during: phase-3/backup/keycloak}", DATABASE, ""),
    ("{fault: target-paused, during: phase-3/restore/keycloak}", DATABASE, ""),
];

const STORES: &[Row] = &[
    ("{fault: disk-full}", CLUSTER, ""),
    ("{fault: read-only}", CLUSTER, ""),
    ("{fault: shard-limit}", CLUSTER, ""),
    ("{fault: secret-changed, during: phase-3/restore/webmodeler}", "webmodeler", ""),
    ("{fault: second-restore, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: target-session, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: copy-refused, during: phase-3/restore/keycloak}", DATABASE, ""),
    ("{fault: recreated-documents}", CLUSTER, "reindex: warm"),
];

const SOURCE_AND_DATA: &[Row] = &[
    ("{fault: passing-session}", DATABASE, ""),
    ("{fault: passing-index}", CLUSTER, ""),
    ("{fault: unrefreshed-index}", CLUSTER, ""),
    ("{fault: dynamic-mapping}", CLUSTER, ""),
    ("{fault: reset-sequences}", DATABASES, ""),
    ("{fault: lose-extension}", DATABASES, ""),
    ("{fault: stale-lock}", DATABASE, ""),
];

/// Stores that serve one row after the other.
struct Stores {
    folder: PathBuf,
    run: RunId,
    environment: Option<Environment>,
    ledger: Vec<LedgerLine>,
}

fn scenario((fault, components, migration): Row) -> Scenario {
    let more = if migration.is_empty() { String::new() } else { format!("  {migration}\n") };
    let faults = if fault.is_empty() { String::new() } else { format!("faults:\n  - {fault}\n") };
    let yaml = format!(
        "name: x\nsource: {{elasticsearch: {{heap_mib: 512}}}}\ntarget: {{elasticsearch: {{heap_mib: 512}}}}\n\
         data: {{profile: tiny}}\nworkload: {{writes_per_second: 0, probes_per_second: 0}}\n\
         migration:\n  components: [{components}]\n  index_prefixes: [{PREFIXES}]\n{more}{faults}"
    );
    Scenario::from_yaml("x.yaml", &yaml).unwrap_or_else(|e| panic!("{e}: {yaml}"))
}

/// Steps that the rows share, or that end the stores.
fn is_shared(action: Action) -> bool {
    matches!(
        action,
        Action::Provision
            | Action::Seed
            | Action::Baseline
            | Action::StartWorkload
            | Action::CleanupGuard
            | Action::CleanupSource
            | Action::ValidateAlone
            | Action::TearDown
    )
}

/// One run in a folder of its own, life after life.
struct Run<'s> {
    stores: &'s mut Stores,
    folder: PathBuf,
    scenario: Scenario,
    plan: Plan,
}

impl Run<'_> {
    fn config(&self) -> WorldConfig {
        WorldConfig {
            run: self.stores.run.clone(),
            scenario: self.scenario.clone(),
            plan: Plan::of(&self.scenario),
            ledger: self.stores.ledger.clone(),
            folder: self.folder.clone(),
            acknowledged: self.folder.join("acknowledged.jsonl"),
            postgres_home: None,
            elasticsearch_home: None,
            keep: drydock_rehearsal::Keep::Nothing,
            stores: Ownership::Own,
            scripts: None,
            chart: None,
            operators: None,
        }
    }

    /// Goes through the plan, from the beginning or from where the record ends.
    async fn live(&mut self) -> (Ending, Record) {
        let path = self.folder.join("record.jsonl");
        let before = path.exists().then(|| read(&path));
        let file = std::fs::File::options().create(true).append(true).open(&path).expect("a record");
        let (entries, clock) = match &before {
            Some(record) => {
                let last = record.entries.last().map_or(0, |e| e.ms);
                (record.entries.len() as u64, SystemClock::resume(last))
            }
            None => (0, SystemClock::start()),
        };
        let writer = RecordWriter::new(file, entries, Redactor::default());
        let recorder = Recorder::new(writer, clock, Arc::new(NoObserver));
        if before.is_none() {
            recorder.emit(Event::RunStarted(Box::new(RunStarted {
                record_version: RECORD_VERSION,
                drydock: "0.1.0".into(),
                run: self.stores.run.clone(),
                scenario_file: "x.yaml".into(),
                scenario: self.scenario.clone(),
                plan: self.plan.clone(),
                ledger: self.stores.ledger.clone(),
                machine: BTreeMap::new(),
            })));
        }
        let mut world = RealWorld::new(self.config(), recorder.clone());
        if let Some(environment) = self.stores.environment.take() {
            world = world.adopt(environment);
        }
        let mut progress = before.as_ref().map(Progress::of).unwrap_or_default();
        for id in ["prepare/provision", "prepare/seed", "prepare/baseline", "prepare/workload"] {
            progress.done.insert(StepId::from(id));
        }
        if before.is_some() {
            progress = world.take_up(progress).await.expect("its stores are there");
        }
        let ending = run(&self.plan, &mut world, &recorder, &progress, &Interrupt::default()).await;
        self.stores.environment = world.release();
        (ending, read(&path))
    }
}

fn read(path: &Path) -> Record {
    let mut file = std::fs::File::open(path).expect("a record");
    file.rewind().expect("rewound");
    Record::read(BufReader::new(file)).expect("a whole record")
}

/// Checks whose findings forbid a green verdict.
fn red(summary: &Summary) -> BTreeSet<&str> {
    let findings = summary.verdict.findings.iter().map(|j| &j.finding);
    findings.filter(|f| f.outcome >= Outcome::NotProven).map(|f| f.check.as_str()).collect()
}

fn data_findings(record: &Record) -> Vec<&Finding> {
    let findings = record.entries.iter().filter_map(|e| match &e.event {
        Event::Finding(f) if f.outcome == Outcome::Different => Some(f),
        _ => None,
    });
    findings.filter(|f| matches!(f.class, Class::Data | Class::Access)).collect()
}

impl Stores {
    /// Starts and fills them.
    async fn new(folder: &Path) -> Self {
        let text = include_str!("../../../../fixtures/expected/standard.yaml");
        let ledger = ledger_from_yaml("standard.yaml", text).expect("a ledger").expected;
        let run = RunId::new(format!("failures-{}-{:?}", std::process::id(), std::thread::current().id()));
        let run = RunId::new(run.as_str().replace(['(', ')'], "-").to_lowercase());
        let mut stores = Self { folder: folder.to_owned(), run, environment: None, ledger };
        let mut first = stores.run_of(("", "identity, keycloak, webmodeler, elasticsearch", ""), "seed");
        first.plan = Plan::of(&first.scenario);
        first.plan.steps.retain(|s| matches!(s.action, Action::Provision | Action::Seed | Action::Baseline));
        let file = std::fs::File::create(first.folder.join("record.jsonl")).expect("a record");
        let recorder = Recorder::new(
            RecordWriter::new(file, 0, Redactor::default()),
            SystemClock::start(),
            Arc::new(NoObserver),
        );
        let mut world = RealWorld::new(first.config(), recorder.clone());
        let ending = run_all(&first.plan, &mut world, &recorder).await;
        assert_eq!(
            ending,
            Ending::Complete,
            "{}",
            std::fs::read_to_string(first.folder.join("record.jsonl")).unwrap_or_default()
        );
        stores.environment = world.release();
        stores
    }

    fn run_of(&mut self, row: Row, name: &str) -> Run<'_> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(folder.join("logs")).expect("a folder");
        let scenario = scenario(row);
        let mut plan = Plan::of(&scenario);
        plan.steps.retain(|s| !is_shared(s.action));
        Run { stores: self, folder, scenario, plan }
    }

    async fn restart_what_was_killed(&mut self) {
        let environment = self.environment.as_mut().expect("the stores");
        environment.restart_ended().await.expect("they start again");
    }

    /// Takes everything off the target that a migration brought.
    async fn wipe(&mut self) {
        self.restart_what_was_killed().await;
        let target = self.environment.as_ref().and_then(|e| e.pair(Side::Target)).expect("a target");
        let session = connect(&target.postgres, "postgres", "drydock-test").await.expect("a session");
        let names = async |sql: &str| -> Vec<String> {
            session.query(sql, &[]).await.expect("names").iter().map(|r| r.get(0)).collect()
        };
        for name in names("SELECT datname::text FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')").await {
            session.batch_execute(&format!("DROP DATABASE \"{name}\" WITH (FORCE)")).await.expect("dropped");
        }
        let roles = "SELECT rolname::text FROM pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_'";
        for name in names(roles).await {
            session.batch_execute(&format!("DROP ROLE \"{name}\"")).await.expect("dropped");
        }
        let client = Client::new(&target.elasticsearch, Timeouts::default()).expect("a client");
        let patterns: Vec<String> = PREFIXES.split(", ").map(|p| format!("{p}*")).collect();
        let path = format!("/{}?expand_wildcards=all&ignore_unavailable=true", patterns.join(","));
        client.delete(&path).await.expect("indices deleted");
        let listed: [(&str, &str); 4] = [
            ("/_index_template", "index_templates"),
            ("/_template", ""),
            ("/_component_template", "component_templates"),
            ("/_ingest/pipeline", ""),
        ];
        for (path, list) in listed {
            let answer = client.get(path).await.unwrap_or_default();
            let names: Vec<String> = match answer[list].as_array() {
                Some(list) => list.iter().filter_map(|t| t["name"].as_str().map(ToOwned::to_owned)).collect(),
                None => answer.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect(),
            };
            for name in names.iter().filter(|n| PREFIXES.split(", ").any(|p| n.starts_with(p))) {
                client.delete(&format!("{path}/{name}")).await.expect("deleted");
            }
        }
        let settings = client.get("/_cluster/settings?flat_settings=true").await.expect("settings");
        let none: serde_json::Map<String, Value> = settings["persistent"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, _)| (k.clone(), Value::Null))
            .collect();
        if !none.is_empty() {
            client.put("/_cluster/settings", &json!({"persistent": none})).await.expect("settings");
        }
    }

    /// One row of the table.
    async fn try_one(&mut self, number: usize, row: Row) {
        let (fault, _, migration) = row;
        let name = format!("row-{number}");
        let mut run = self.run_of(row, &name);
        let kind = run.scenario.faults[0].fault;
        let effect = kind.effect();
        let what = format!("{fault} {migration}");
        let began = Instant::now();
        let (ending, first) = Box::pin(run.live()).await;
        let told = || format!("{what}\n{}", shown(&first));
        let way_back = std::fs::read(run.folder.join("way-back.json")).ok();
        let mut record = first.clone();
        if matches!(effect.course, Course::Stops | Course::Fails) {
            assert_eq!(ending, Ending::Stopped, "it must stop: {}", told());
            let fails = effect.course == Course::Fails;
            assert_eq!(data_findings(&first).is_empty(), !fails, "nothing was lost: {}", told());
            let code = Summary::of(&first).verdict.exit_code;
            assert_eq!(code, if fails { 1 } else { 5 }, "who has to act: {}", told());
            run.stores.restart_what_was_killed().await;
            let (ending, second) = Box::pin(run.live()).await;
            assert_eq!(ending, Ending::Complete, "resumed: {what}\n{}", shown(&second));
            let summary = Summary::of(&second);
            let life = summary.lives.first().unwrap_or_else(|| panic!("no first cause: {}", shown(&second)));
            let class = if fails { Class::Data } else { Class::Environment };
            assert!(life.cause.is_some() && life.class == Some(class), "{life:?}");
            assert!(summary.notes.iter().any(|n| n.contains("an earlier life")), "{:?}", summary.notes);
            if way_back.is_some() {
                assert_eq!(std::fs::read(run.folder.join("way-back.json")).ok(), way_back, "{what}");
            }
            record = second;
        } else {
            assert_eq!(ending, Ending::Complete, "it must go on: {}", told());
        }
        assert!(began.elapsed() < LIMIT, "{what} took {:?}", began.elapsed());
        let happened = first
            .entries
            .iter()
            .any(|e| matches!(&e.event, Event::FaultPlanted { fault, .. } if fault == kind.as_str()));
        assert!(happened, "it never happened: {}", told());
        let summary = Summary::of(&record);
        let red = red(&summary);
        let must: BTreeSet<&str> = effect.red.iter().copied().collect();
        let may: BTreeSet<&str> = must.iter().chain(effect.may).copied().collect();
        assert!(must.is_subset(&red), "{what}: of {must:?} only {red:?} turned red\n{}", shown(&record));
        assert!(red.is_subset(&may), "{what}: {red:?} turned red, and only {may:?} may\n{}", shown(&record));
        let green = effect.course != Course::Told;
        assert_eq!(summary.verdict.is_green(), green, "{what}\n{}", shown(&record));
        if kind == FaultKind::PassingSession {
            let named = data_findings(&record).iter().any(|f| f.message.contains("camunda-straggler as "));
            assert!(named, "the straggler has no name: {}", shown(&record));
        }
        let line = format!("ok   {:>5.1} s  {what}\n", began.elapsed().as_secs_f64());
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap_or_default();
        self.wipe().await;
    }
}

async fn run_all(plan: &Plan, world: &mut RealWorld, recorder: &Recorder) -> Ending {
    run(plan, world, recorder, &Progress::default(), &Interrupt::default()).await
}

/// What a record tells of steps, findings and faults.
fn shown(record: &Record) -> String {
    let lines = record.entries.iter().filter_map(|e| match &e.event {
        Event::Finding(f) if f.outcome >= Outcome::NotProven => {
            Some(format!("  {} {:?} {}: {}", f.check, f.outcome, f.subject, f.message))
        }
        Event::FaultPlanted { fault, after, item } => Some(format!("  PLANTED {fault} in {after}: {item}")),
        Event::StepFinished { step, outcome, millis, .. } => {
            Some(format!("  {step} {outcome:?} {millis} ms"))
        }
        Event::Note { text, .. } => Some(format!("  note: {text}")),
        _ => None,
    });
    let mut lines: Vec<String> = lines.collect();
    let judged = Summary::of(record).verdict.findings;
    let red = judged.iter().map(|j| &j.finding).filter(|f| f.outcome >= Outcome::NotProven);
    lines.extend(red.map(|f| format!("  verdict: {} {:?} {}: {}", f.check, f.outcome, f.subject, f.message)));
    lines.join("\n")
}

/// The rows that `DRYDOCK_TEST_FAULTS` names, or all.
fn wanted(rows: &[Row]) -> Vec<(usize, Row)> {
    let filter = std::env::var("DRYDOCK_TEST_FAULTS").unwrap_or_default();
    let names: Vec<&str> = filter.split(',').filter(|n| !n.is_empty()).collect();
    let asked = |row: &Row| names.is_empty() || names.iter().any(|n| row.0.contains(n));
    rows.iter().copied().enumerate().filter(|(_, row)| asked(row)).collect()
}

async fn try_all(rows: &[Row]) {
    /// One table at a time: each has four stores.
    static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let rows = wanted(rows);
    let folder = tempfile::tempdir().expect("a temporary folder");
    if rows.is_empty() {
        return skip("not asked for");
    }
    if let Some(why) = cannot_run(&EmbeddedConfig::new("doctor", folder.path())).await {
        return skip(&why);
    }
    let _turn = TURN.lock().await;
    let mut stores = Stores::new(folder.path()).await;
    for (number, row) in rows {
        Box::pin(stores.try_one(number, row)).await;
    }
    let environment = stores.environment.take().expect("the stores");
    environment.stop(drydock_environments::Keep::Nothing).await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_network_are_borne_or_resumed() {
    try_all(NETWORK).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_are_resumed_to_the_same_end() {
    try_all(PROCESSES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stores_that_refuse_stop_the_run_and_lose_nothing() {
    try_all(STORES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_the_source_and_the_data_is_told_by_its_checks() {
    try_all(SOURCE_AND_DATA).await;
}

#[test]
fn every_failure_has_a_row() {
    let rows: Vec<&str> =
        [NETWORK, PROCESSES, STORES, SOURCE_AND_DATA].concat().into_iter().map(|(fault, ..)| fault).collect();
    for kind in FaultKind::ALL.into_iter().filter(|k| k.moment() == Moment::During) {
        // This program itself is killed where it is a process of its own, and clocks are wrong where users write: in the tests
        // of the command. So are those that need a cluster.
        let elsewhere =
            kind.needs_cluster() || matches!(kind, FaultKind::DrydockKilled | FaultKind::ClockSkew);
        let name = format!("fault: {}", kind.as_str());
        let has = rows.iter().any(|r| r.contains(&format!("{name},")) || r.contains(&format!("{name}}}")));
        assert!(has || elsewhere, "{name} has no row");
    }
}
