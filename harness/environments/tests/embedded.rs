//! The embedded environment against real processes.

#[path = "support/processes.rs"]
mod processes;

use drydock_environments::{
    Embedded, EmbeddedConfig, EnvironmentProblem, Keep, Machine, Progress, Side, Silent, Store, StoreSignal,
    clean, doctor,
};
use drydock_stores::elasticsearch::{Client, Timeouts};
use processes::processes_of;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A directory that the stores' user can enter, unlike the usual temporary ones.
fn open_directory() -> tempfile::TempDir {
    let dir = tempfile::Builder::new().prefix("drydock-test-").tempdir_in("/var/tmp").unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

fn config(dir: &Path, run_id: &str) -> EmbeddedConfig {
    let mut config = EmbeddedConfig::new(run_id, dir.join("run"));
    config.work_root = Some(dir.join("work"));
    config
}

fn start_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().parse().unwrap()
}

/// Why the heavy tests cannot run here, if they cannot.
async fn obstacle(config: &EmbeddedConfig) -> Option<String> {
    let items = doctor::run(config).await;
    let fetch = items.iter().find(|i| i.name == "Elasticsearch" && i.state != doctor::DoctorState::Ok);
    let missing = items.iter().find(|i| i.state == doctor::DoctorState::Missing);
    missing.or(fetch).map(|i| format!("{}: {}", i.name, i.detail))
}

/// Notes with the time since the start, for the measurement that the test prints.
struct Notes(Instant, Mutex<Vec<String>>);

impl Progress for Notes {
    fn note(&self, message: &str) {
        self.1.lock().unwrap().push(format!("{:6.2} s  {message}", self.0.elapsed().as_secs_f64()));
    }
    fn bytes(&self, _what: &str, _done: u64, _total: Option<u64>) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_stores_start_answer_survive_faults_and_leave_nothing() {
    let dir = open_directory();
    let run_id = format!("test-four-{}", std::process::id());
    let config = config(dir.path(), &run_id);
    if let Some(reason) = obstacle(&config).await {
        std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP four stores: {reason}\n").as_bytes())
            .unwrap_or_default();
        return;
    }
    let begin = Instant::now();
    let notes = Arc::new(Notes(begin, Mutex::new(Vec::new())));
    let mut environment = Embedded::start(config.clone(), notes.clone()).await.unwrap();
    println!("four stores after {:.1} s", begin.elapsed().as_secs_f64());
    for note in notes.1.lock().unwrap().iter() {
        println!("{note}");
    }
    for version in environment.versions() {
        println!("{version:?}");
    }
    for side in [Side::Source, Side::Target] {
        assert_eq!(health(&environment, side).await, "green");
        assert_eq!(select(&environment, side, "SELECT 1").await, 1);
    }
    let source = environment.source().unwrap();
    let session = drydock_stores::postgres::connect(&source.postgres, "postgres", "test").await.unwrap();
    session.batch_execute("CREATE TABLE public.kept AS SELECT 7 AS n").await.unwrap();
    drop(session);
    let client = Client::new(&source.elasticsearch, Timeouts::default()).unwrap();
    client.put("/kept/_doc/1?refresh=true", &serde_json::json!({"n": 7})).await.unwrap();

    // The target may read from the source by itself.
    let target = Client::new(&environment.target().unwrap().elasticsearch, Timeouts::default()).unwrap();
    let body = serde_json::json!({
        "source": {"remote": {"host": source.elasticsearch.url}, "index": "kept"}, "dest": {"index": "kept"}
    });
    assert_eq!(target.post("/_reindex", &body).await.unwrap()["created"], 1);

    // Client programs.
    let psql = environment.postgres_clients().unwrap().join("psql");
    let output = Command::new(psql)
        .args(["-h", "127.0.0.1", "-U", "postgres", "-Atc", "SELECT n FROM public.kept"])
        .args(["-p", &source.postgres.port.to_string()])
        .env("PGPASSWORD", source.postgres.password_for_client())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "7", "{output:?}");

    // A crash and a restart on the same data and port.
    environment.signal(Side::Source, Store::Postgres, StoreSignal::Kill).unwrap();
    environment.restart(Side::Source, Store::Postgres).await.unwrap();
    assert_eq!(select(&environment, Side::Source, "SELECT n FROM public.kept").await, 7);

    // The run's process dies: its stores go on, and the run is taken up again.
    let url = source.elasticsearch.url.clone();
    environment.stop(Keep::Running).await.unwrap();
    assert!(!processes_of(&run_id).is_empty());
    let begin = Instant::now();
    let environment = Embedded::reattach(config.clone(), Arc::new(Silent)).await.unwrap().unwrap();
    println!("taken up again after {:.1} s", begin.elapsed().as_secs_f64());
    assert_eq!(environment.source().unwrap().elasticsearch.url, url);
    assert_eq!(select(&environment, Side::Source, "SELECT n FROM public.kept").await, 7);
    assert_eq!(client.get("/kept/_count").await.unwrap()["count"], 1);

    // A second owner is refused while the first one lives.
    let refused = Embedded::start(config.clone(), Arc::new(Silent)).await.unwrap_err();
    assert_eq!(refused.code, EnvironmentProblem::Interrupted);

    let begin = Instant::now();
    let work = environment.work_dir().to_owned();
    environment.stop(Keep::Nothing).await.unwrap();
    println!("stopped after {:.1} s", begin.elapsed().as_secs_f64());
    assert!(!work.exists());
    assert_eq!(processes_of(&run_id), Vec::<u32>::new());
    for log in ["source-postgres", "target-postgres", "source-elasticsearch", "target-elasticsearch"] {
        assert!(dir.path().join(format!("run/logs/{log}.log")).metadata().unwrap().len() > 0, "{log}");
    }
    assert!(Embedded::reattach(config, Arc::new(Silent)).await.unwrap().is_none());
}

async fn health(environment: &Embedded, side: Side) -> String {
    let endpoint = environment.elasticsearch(side).unwrap();
    let client = Client::new(&endpoint, Timeouts::default()).unwrap();
    client.get("/_cluster/health").await.unwrap()["status"].as_str().unwrap().to_owned()
}

async fn select(environment: &Embedded, side: Side, statement: &str) -> i32 {
    let endpoint = environment.postgres(side).unwrap();
    let session = drydock_stores::postgres::connect(&endpoint, "postgres", "test").await.unwrap();
    session.query_one(statement, &[]).await.unwrap().get(0)
}

/// PostgreSQL alone, so that the test is quick.
fn postgres_only(dir: &Path, run_id: &str) -> EmbeddedConfig {
    let mut config = config(dir, run_id);
    config.source.elasticsearch = false;
    config.target.elasticsearch = false;
    config.target.postgres = false;
    config
}

#[tokio::test]
async fn a_dead_run_with_running_stores_is_cleaned() {
    let dir = open_directory();
    let run_id = format!("test-dead-{}", std::process::id());
    let config = postgres_only(dir.path(), &run_id);
    if let Some(reason) = obstacle(&config).await {
        std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP dead run: {reason}\n").as_bytes())
            .unwrap_or_default();
        return;
    }
    let environment = Embedded::start(config.clone(), Arc::new(Silent)).await.unwrap();
    // Alive: nothing to clean.
    let root = config.work_root.clone().unwrap();
    assert!(clean::leftovers(Some(&root)).unwrap().found.is_empty());
    assert_eq!(clean::clean(Some(&root)).unwrap().live, std::slice::from_ref(&run_id));
    assert_eq!(select(&environment, Side::Source, "SELECT 1").await, 1);

    environment.stop(Keep::Running).await.unwrap();
    let left = clean::leftovers(Some(&root)).unwrap().found;
    assert_eq!(left.len(), 1);
    assert!(left[0].processes.iter().any(|(_, name)| name == "postgres"), "{left:?}");
    assert!(left[0].bytes > 1 << 20);
    let report = tokio::task::spawn_blocking(move || clean::clean(Some(&root))).await.unwrap().unwrap();
    assert_eq!((report.removed.len(), report.failed.len()), (1, 0), "{report:?}");
    assert_eq!(processes_of(&run_id), Vec::<u32>::new());
    assert!(!left[0].work_dir.exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_major_versions_stand_side_by_side() {
    let dir = open_directory();
    let mut config = postgres_only(dir.path(), &format!("test-majors-{}", std::process::id()));
    config.source.postgres_version = 14;
    config.target.postgres_version = 17;
    config.target.postgres = true;
    let items = doctor::run(&config).await;
    if let Some(item) = items.iter().find(|i| i.state != doctor::DoctorState::Ok) {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("SKIP two major versions: {}: {}\n", item.name, item.detail).as_bytes(),
        )
        .unwrap_or_default();
        return;
    }
    let environment = Embedded::start(config, Arc::new(Silent)).await.unwrap();
    for (side, major) in [(Side::Source, 14), (Side::Target, 17)] {
        let statement = "SELECT current_setting('server_version_num')::int / 10000";
        assert_eq!(select(&environment, side, statement).await, major);
        let extension = "SELECT count(*)::int FROM pg_available_extensions WHERE name = 'pgcrypto'";
        assert_eq!(select(&environment, side, extension).await, 1);
    }
    assert!(environment.postgres_clients_major().unwrap() >= 14);
    assert!(environment.source().is_none());
    environment.stop(Keep::Nothing).await.unwrap();
}

#[tokio::test]
async fn a_dropped_start_leaves_nothing() {
    let dir = open_directory();
    let run_id = format!("test-dropped-{}", std::process::id());
    let config = postgres_only(dir.path(), &run_id);
    if let Some(reason) = obstacle(&config).await {
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("SKIP dropped start: {reason}\n").as_bytes(),
        )
        .unwrap_or_default();
        return;
    }
    let work = config.work_root.clone().unwrap().join(&run_id);
    let start = Embedded::start(config, Arc::new(Silent));
    let seen = async {
        // Interrupt as soon as the work directory has processes to lose.
        while !work.join("source-postgres/data").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        result = start => panic!("started before it could be dropped: {:?}", result.err()),
        () = seen => {}
    }
    assert!(!work.exists());
    assert_eq!(processes_of(&run_id), Vec::<u32>::new());
}

#[tokio::test]
async fn what_is_missing_is_one_line_with_a_mend() {
    let dir = open_directory();
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = held.local_addr().unwrap().port();
    let real = Machine::from_process();
    let silent = || Arc::new(Silent);

    let mut taken = config(dir.path(), "test-missing");
    taken.target.elasticsearch_port = Some(port);
    let error = Embedded::start(taken.clone(), silent()).await.unwrap_err();
    assert_eq!(error.code, EnvironmentProblem::PortTaken);
    assert!(error.what.contains(&format!("port {port}")), "{}", error.what);
    assert!(error.what.contains(&std::process::id().to_string()), "{}", error.what);

    let bare = real.with_variable("PATH", Some(OsStr::new(""))).with_variable("JAVA_HOME", None);
    let plain = config(dir.path(), "test-missing");
    let error = Embedded::start_on(plain.clone(), &bare, silent()).await.unwrap_err();
    assert_eq!(error.code, EnvironmentProblem::MissingTool);
    assert!(error.what.contains("Java 17") && !error.what.contains('\n'), "{}", error.what);

    let full = Machine::from_process().with_disk_available(5 << 20);
    let error = Embedded::start_on(plain.clone(), &full, silent()).await.unwrap_err();
    // A machine without Java says that first.
    if error.code != EnvironmentProblem::MissingTool {
        assert_eq!(error.code, EnvironmentProblem::DiskSpace);
        assert!(error.help.contains("drydock clean"), "{}", error.help);
    }
    assert!(!dir.path().join("work/test-missing").exists());

    // The doctor says all of it at once.
    let all = bare.with_disk_available(5 << 20).with_memory_available(5 << 20);
    let items = doctor::run_on(&taken, &all).await;
    let missing: Vec<&str> = items
        .iter()
        .filter(|i| i.state == doctor::DoctorState::Missing)
        .inspect(|i| assert!(i.mend.is_some(), "{i:?}"))
        .map(|i| i.name.as_str())
        .collect();
    let port = format!("port {port}");
    for name in ["Java", "disk space of the work directory", "memory", &port] {
        assert!(missing.contains(&name), "{name} is not among {missing:?}");
    }
}

/// A stand-in for a store of a dead run: it leads its own group and carries the run's mark.
fn sleeper(run_id: &str) -> Child {
    Command::new("sleep")
        .arg("600")
        .env("DRYDOCK_RUN", run_id)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn note_process(work: &Path, pid: u32, ticks: u64) {
    fs::create_dir_all(work.join("processes")).unwrap();
    let record = serde_json::json!({
        "name": "x", "store": "elasticsearch", "pid": pid, "group": pid, "start_ticks": ticks
    });
    fs::write(work.join("processes/x.json"), record.to_string()).unwrap();
}

fn work(root: &Path, run_id: &str) -> PathBuf {
    let work = root.join(run_id);
    fs::create_dir_all(&work).unwrap();
    work
}

/// Cleans in another thread while this one reaps the child, as init would.
fn clean_and_reap(root: &Path, child: &mut Child) -> clean::Report {
    std::thread::scope(|scope| {
        let cleaning = scope.spawn(|| clean::clean(Some(root)).unwrap());
        child.wait().unwrap();
        cleaning.join().unwrap()
    })
}

#[test]
fn clean_ends_noted_and_unnoted_processes_of_dead_runs() {
    let dir = open_directory();
    let root = dir.path().join("work");
    let (noted, unnoted) =
        (format!("noted-{}", std::process::id()), format!("unnoted-{}", std::process::id()));
    let mut child = sleeper(&noted);
    note_process(&work(&root, &noted), child.id(), start_ticks(child.id()));
    let report = clean_and_reap(&root, &mut child);
    assert_eq!(report.removed.len(), 1, "{report:?}");
    assert_eq!(report.removed[0].processes, [(child.id(), "sleep".to_owned())]);

    // Killed between starting a process and noting it: the mark alone tells.
    work(&root, &unnoted);
    let mut child = sleeper(&unnoted);
    let report = clean_and_reap(&root, &mut child);
    assert_eq!(report.removed.len(), 1, "{report:?}");
    assert!(!root.join(&unnoted).exists());

    // Killed before anything was written.
    work(&root, "empty");
    assert_eq!(clean::clean(Some(&root)).unwrap().removed[0].run_id, "empty");
}

#[test]
fn clean_spares_live_runs_and_strangers_with_a_recycled_pid() {
    let dir = open_directory();
    let root = dir.path().join("work");
    let live = work(&root, "live");
    let lock = File::create(live.join("owner.lock")).unwrap();
    lock.lock().unwrap();
    let mut of_live = sleeper("live");
    note_process(&live, of_live.id(), start_ticks(of_live.id()));

    // The same pid, but another start time, and the mark of another run.
    let dead = work(&root, "dead");
    let mut stranger = sleeper("somebody-else");
    note_process(&dead, stranger.id(), start_ticks(stranger.id()) + 1);
    // The same pid and start time, but neither mark nor path of the run.
    let dead_too = work(&root, "dead-too");
    note_process(&dead_too, stranger.id(), start_ticks(stranger.id()));

    let report = clean::clean(Some(&root)).unwrap();
    assert_eq!(report.live, ["live"]);
    assert_eq!(report.removed.len(), 2, "{report:?}");
    assert!(live.exists());
    for child in [&mut of_live, &mut stranger] {
        assert!(child.try_wait().unwrap().is_none(), "a process was ended that is none of ours");
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

fn can_be_spawned<F: Future + Send + 'static>(_: F) {}

#[test]
fn callers_may_spawn_every_long_operation() {
    let config = || EmbeddedConfig::new("r", "/r");
    can_be_spawned(Embedded::start(config(), Arc::new(Silent)));
    can_be_spawned(Embedded::reattach(config(), Arc::new(Silent)));
    can_be_spawned(async move { doctor::run(&config()).await });
    let _stop: fn(Embedded) = |environment| can_be_spawned(environment.stop(Keep::Nothing));
}
