//! Rehearsals on containers. Where no engine answers, or the images are not here, they are skipped: a test pulls nothing.

use crate::support::{drydock, folder, json, run_folder, scenario, skip, text, turn};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Why rehearsals on containers cannot run here, if so.
fn cannot_run(folder: &Path) -> Option<String> {
    cannot_run_scenario(folder, "tiny.yaml")
}

/// Why a scenario cannot run on containers here, if so.
pub(crate) fn cannot_run_scenario(folder: &Path, name: &str) -> Option<String> {
    let doctor =
        drydock(folder).args(["doctor", "--on", "containers"]).arg(scenario(name)).output().expect("it runs");
    let told = text(&doctor);
    let lines = told.lines().filter(|l| l.starts_with("MISSING") || l.starts_with("warning  image"));
    let why = lines.map(ToOwned::to_owned).collect::<Vec<_>>().join("; ");
    (!why.is_empty() || !doctor.status.success()).then(|| format!("containers: {why}"))
}

/// As little as a whole migration can be made of.
pub(crate) fn small(folder: &Path, environment: &str, name: &str, more: &str) -> PathBuf {
    let side = "{elasticsearch: {heap_mib: 512}}";
    let text = format!(
        "name: {name}\nenvironment: {environment}\nsource: {side}\ntarget: {side}\ndata: {{profile: tiny}}\n\
         workload: {{writes_per_second: 5, probes_per_second: 0}}\nmigration:\n  components: [identity, elasticsearch]\n  \
         index_prefixes: [zeebe-, operate-, tasklist-, optimize-, connectors-, camunda-, acme-]\nexpected:\n  - {}\n{more}",
        scenario("../fixtures/expected/standard.yaml").display()
    );
    let path = folder.join(format!("{name}.yaml"));
    fs::write(&path, text).expect("a scenario");
    path
}

/// What the engine lists of a run, of one kind of thing.
pub(crate) fn listed(kind: &[&str], run: &Path) -> Vec<String> {
    let name = run.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let output = Command::new("docker")
        .args(kind)
        .args(["--quiet", "--filter", &format!("label=drydock.run={name}")])
        .output()
        .expect("docker runs");
    assert!(output.status.success(), "{}", text(&output));
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

pub(crate) const KINDS: [&[&str]; 3] = [&["ps", "--all"], &["volume", "ls"], &["network", "ls"]];

pub(crate) fn assert_nothing_left(run: &Path) {
    for kind in KINDS {
        assert_eq!(listed(kind, run), Vec::<String>::new(), "{kind:?} of {} are left", run.display());
    }
}

/// A document and a row that get lost are told, each by a check of its store.
pub(crate) fn assert_losses_are_red(folder: &Path, environment: &str) {
    let losses = "faults:\n  - fault: lose-document\n  - fault: lose-row\n";
    let file = small(folder, environment, "losses", losses);
    let output = drydock(folder).arg("rehearse").arg(&file).output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let run = run_folder(folder);
    let report = json(&run.join("report.json"));
    let findings = report["verdict"]["findings"].as_array().cloned().unwrap_or_default();
    let different: Vec<&Value> = findings.iter().filter(|f| f["outcome"] == "different").collect();
    for store in ["elasticsearch/", "postgres/"] {
        let of_store = |f: &&&Value| f["check"].as_str().is_some_and(|c| c.starts_with(store));
        assert!(different.iter().any(|f| of_store(&f)), "no finding of {store}: {report}");
    }
    assert_nothing_left(&run);
}

/// Each store is told with its image, and its log is kept.
pub(crate) fn assert_stores_are_told(run: &Path, more: &[&str]) {
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    assert_eq!(record.matches("container of ").count(), 4, "each store is told with its image");
    let stores = ["source-postgres", "target-postgres", "source-elasticsearch", "target-elasticsearch"];
    for log in stores.iter().chain(more) {
        let bytes = fs::metadata(run.join(format!("logs/{log}.log"))).map(|m| m.len()).unwrap_or_default();
        assert!(bytes > 0, "{log} is empty");
    }
}

/// What lives is left alone; of what was killed all is told, and then removed. `there` tells of a run how many of its parts the
/// engine has, and `told` is what a dry run has to name.
pub(crate) fn assert_a_killed_run_is_cleaned_away(
    folder: &Path,
    environment: &str,
    (there, complete, limit): (impl Fn(&Path) -> usize, usize, Duration),
    told: [&str; 2],
) {
    let work = folder.join("work");
    let file = small(folder, environment, "killed", "");
    let mut rehearse = drydock(folder);
    rehearse.arg("rehearse").arg(&file).env("DRYDOCK_WORK", &work);
    let mut child = rehearse.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let deadline = Instant::now() + limit;
    while there(&run_folder(folder)) < complete {
        assert!(Instant::now() < deadline, "its parts never were there");
        assert!(child.try_wait().expect("wait").is_none(), "it ended by itself");
        // The engine belongs to another process: there is nothing to wait on.
        std::thread::sleep(Duration::from_millis(200));
    }
    let clean = |dry: &[&str]| {
        drydock(folder).arg("clean").args(dry).env("DRYDOCK_WORK", &work).output().expect("it runs")
    };
    let run = run_folder(folder);
    assert!(text(&clean(&[])).contains("left alone"), "a living run was touched");
    assert_eq!(there(&run), complete);
    child.kill().expect("kill -9");
    child.wait().expect("wait");
    let dry = text(&clean(&["--dry-run"]));
    assert!(told.iter().all(|part| dry.contains(part)), "{dry}");
    assert_eq!(there(&run), complete, "a dry run removes nothing");
    // `kind` itself goes on making its cluster until it is ended.
    let cleaned = clean(&[]);
    assert_eq!(cleaned.status.code(), Some(0), "{}", text(&cleaned));
    assert_nothing_left(&run);
    assert!(text(&clean(&[])).contains("nothing to clean"));
}

#[test]
fn a_tiny_rehearsal_on_containers_is_green_and_leaves_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    // The scenario names another environment: the option decides.
    let output = drydock(folder.path())
        .args(["rehearse", "--on", "containers"])
        .arg(scenario("tiny.yaml"))
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = run_folder(folder.path());
    assert_stores_are_told(&run, &[]);
    assert_nothing_left(&run);
}

#[test]
fn losses_on_containers_are_red_and_named() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    assert_losses_are_red(folder.path(), "containers");
}

#[test]
fn what_a_killed_run_left_at_the_engine_is_cleaned_away() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let containers = |run: &Path| listed(KINDS[0], run).len();
    assert_a_killed_run_is_cleaned_away(
        folder.path(),
        "containers",
        (containers, 4, Duration::from_secs(60)),
        ["container drydock-", "volume drydock-"],
    );
}

#[test]
fn where_no_engine_answers_one_line_says_what_to_do() {
    let folder = folder();
    let nowhere = format!("unix://{}", folder.path().join("no.sock").display());
    let mut rehearse = drydock(folder.path());
    rehearse.args(["rehearse", "--on", "containers"]).arg(scenario("tiny.yaml"));
    let mut doctor = drydock(folder.path());
    doctor.args(["doctor", "--on", "containers"]).arg(scenario("tiny.yaml"));
    for command in [&mut rehearse, &mut doctor] {
        let output = command.env("DOCKER_HOST", &nowhere).output().expect("it runs");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.lines().any(|l| l.contains("no container engine answers")), "{told}");
        assert!(told.contains("systemctl start docker"), "{told}");
    }
    // Nothing was begun, so nothing is there to clean, with or without an engine.
    let work = folder.path().join("work");
    let clean = || {
        let mut command = drydock(folder.path());
        command
            .arg("clean")
            .env("DOCKER_HOST", &nowhere)
            .env("DRYDOCK_WORK", &work)
            .output()
            .expect("it runs")
    };
    let told = text(&clean());
    assert!(told.contains("nothing to clean"), "{told}");
    assert!(told.contains("were not looked for: no container engine answers"), "{told}");
    // What a dead run may have left at an engine is not forgotten because the engine is silent.
    let dead = work.join("dead-run");
    fs::create_dir_all(&dead).expect("a work directory");
    fs::write(dead.join("containers.json"), "{\"ports\": []}").expect("its marker");
    let output = clean();
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(text(&output).contains("no container engine answers"), "{}", text(&output));
    assert!(dead.is_dir(), "the work directory has to stay until the engine was asked");
}

/// A run that was killed once its source was filled, as it lies there while the engine is down.
fn killed_run(folder: &Path, nowhere: &str) -> PathBuf {
    let mut rehearse = drydock(folder);
    rehearse.args(["rehearse", "--on", "containers"]).arg(scenario("tiny.yaml")).env("DOCKER_HOST", nowhere);
    let begun = rehearse.output().expect("it runs");
    assert_eq!(begun.status.code(), Some(5), "{}", text(&begun));
    let run = run_folder(folder);
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    let mut lines = vec![record.lines().next().expect("its first line").to_owned()];
    let first: Value = serde_json::from_str(&lines[0]).expect("a line of JSON");
    for step in ["prepare/provision", "prepare/seed", "prepare/baseline", "prepare/workload"] {
        for event in [
            serde_json::json!({"type": "step_started", "step": step}),
            serde_json::json!({"type": "step_finished", "step": step, "outcome": "done", "millis": 1}),
        ] {
            let entry = serde_json::json!({"seq": lines.len(), "at": first["at"], "ms": 1, "event": event});
            lines.push(entry.to_string());
        }
    }
    fs::write(run.join("record.jsonl"), lines.join("\n") + "\n").expect("the record");
    for file in ["acknowledged.jsonl", "way-back.json"] {
        fs::write(run.join(file), "{}\n").expect("what users were promised");
    }
    run
}

#[test]
fn a_resume_while_the_engine_is_down_leaves_the_run_as_it_was() {
    let folder = folder();
    let nowhere = format!("unix://{}", folder.path().join("no.sock").display());
    let work = folder.path().join("work");
    let run = killed_run(folder.path(), &nowhere);
    let dead = work.join(run.file_name().expect("a name"));
    fs::create_dir_all(&dead).expect("a work directory");
    let marks = serde_json::json!({
        "place": {"root": work, "machine": "here", "folder": null},
        "run": run.file_name().map(|n| n.to_string_lossy()),
    });
    let layout = serde_json::json!({
        "ports": [{"side": "source", "store": "postgres", "port": 1}],
        "marks": marks,
    });
    fs::write(dead.join("containers.json"), layout.to_string()).expect("its marker");
    let files = ["record.jsonl", "acknowledged.jsonl", "way-back.json"];
    let state = || files.map(|file| fs::read(run.join(file)).ok());
    let resume = || {
        let mut command = drydock(folder.path());
        command.args(["rehearse", "--resume"]).arg(&run);
        command.env("DOCKER_HOST", &nowhere).env("DRYDOCK_WORK", &work).output().expect("it runs")
    };
    let before = state();
    for _ in 0..2 {
        let output = resume();
        assert_eq!(output.status.code(), Some(5), "{}", text(&output));
        assert!(text(&output).contains("no container engine answers"), "{}", text(&output));
        assert!(before == state(), "the run was changed: {}", text(&output));
        assert!(dead.join("containers.json").is_file(), "its work directory was touched");
    }
    // Where its data are known to be gone, there is nothing to go on from, with or without an engine.
    fs::remove_dir_all(&dead).expect("removed");
    let output = resume();
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    assert!(record.contains("the data of its stores is gone"), "{record}");
    assert!(!run.join("way-back.json").exists(), "it starts over with what an earlier life left");
}

#[test]
fn images_that_the_embedded_environment_does_not_use_are_told() {
    let folder = folder();
    let write = |name: &str, image: &str| {
        let path = folder.path().join(name);
        fs::write(&path, format!("name: images\ntarget: {{postgres: {{version: 15{image}}}}}\n"))
            .expect("a scenario");
        path
    };
    let (with, without) = (write("with.yaml", ", image: \"team/postgres:15\""), write("without.yaml", ""));
    let told = |file: &Path, on: &[&str]| {
        let output =
            drydock(folder.path()).args(["rehearse", "--plan"]).args(on).arg(file).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        text(&output).contains("images are not used: team/postgres:15 of the target postgres")
    };
    assert!(told(&with, &[]));
    assert!(!told(&with, &["--on", "containers"]));
    assert!(!told(&without, &[]));
}

#[test]
fn where_stores_are_given_there_is_no_environment_to_ask_for() {
    let folder = folder();
    let output = drydock(folder.path())
        .args(["doctor", "--on", "containers"])
        .args([
            "--source-postgres",
            "postgres://u@127.0.0.1:1",
            "--target-postgres",
            "postgres://u@127.0.0.1:1",
        ])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(text(&output).contains("cannot be used with"), "{}", text(&output));
}
