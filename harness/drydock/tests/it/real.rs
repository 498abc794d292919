//! Rehearsals on real PostgreSQL and Elasticsearch, small ones.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, json, run_folder, scenario, skip, small_scenario, text,
    turn,
};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn report(folder: &Path) -> Value {
    json(&run_folder(folder).join("report.json"))
}

/// Digest of what `tiny.yaml` seeds its source with.
const TINY: &str = "2d5a65ab0c1ed791500afe0b91fa25a2";

#[test]
fn a_tiny_rehearsal_is_green_repeatable_and_leaves_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let output = drydock(folder.path()).arg("rehearse").arg(scenario("tiny.yaml")).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let first = report(folder.path());
    assert_eq!(first["verdict"]["outcome"].as_str().map(|o| o == "equal" || o == "expected"), Some(true));
    let run = run_folder(folder.path());
    for file in ["record.jsonl", "report.json", "report.md", "junit.xml"] {
        assert!(run.join(file).is_file(), "{file} is missing");
    }
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
    // The same seed gives the same data: the digest of the seeded source does not change between machines or runs.
    assert_eq!(first["digests"][0]["digest"], TINY, "the data of the tiny profile are others: {first}");
    assert!(first["downtime"]["probe_seconds"].as_f64().is_some_and(|s| s > 0.0), "{first}");
    // Reports follow from the record alone.
    let before = fs::read(run.join("report.json")).expect("report.json");
    for file in ["report.json", "report.md", "junit.xml"] {
        fs::remove_file(run.join(file)).expect("remove");
    }
    let output = drydock(folder.path()).arg("report").arg(&run).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(fs::read(run.join("report.json")).expect("report.json"), before);
}

#[test]
fn planted_losses_are_red_and_named() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let output = drydock(folder.path())
        .arg("rehearse")
        .arg(scenario("planted-loss.yaml"))
        .args(["--documents", "2000"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = report(folder.path());
    let planted = report["planted"].as_array().cloned().unwrap_or_default();
    assert_eq!(planted.len(), 5, "{report}");
    let different: Vec<&Value> = report["verdict"]["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|f| f["outcome"] == "different")
        .collect();
    let told = serde_json::to_string(&different).unwrap_or_default();
    for loss in &planted {
        // Every word of the item that tells it from others must stand in the findings.
        let item = loss["item"].as_str().unwrap_or_default();
        for word in item.split(|c: char| !(c.is_alphanumeric() || "_-".contains(c))) {
            let telling = word.len() > 5 && word.contains(|c: char| c.is_ascii_digit() || "_-".contains(c));
            assert!(!telling || told.contains(word), "{loss} is not named (looked for {word}) in {told}");
        }
    }
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}

/// Items of the findings of one check and kind.
fn counted(report: &Value, check: &str, kind: &str) -> u64 {
    let findings = report["verdict"]["findings"].as_array().cloned().unwrap_or_default();
    let ours =
        findings.iter().filter(|f| f["check"] == check && f["kind"] == kind && f["outcome"] == "different");
    ours.filter_map(|f| f["count"].as_u64()).sum()
}

#[test]
fn upstreams_warm_reindex_loses_what_the_log_says_and_the_exact_one_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let rehearse = |scenario: &Path| {
        let mut command = drydock(folder.path());
        command.arg("rehearse").arg(scenario).args(["--documents", "400"]).output().expect("it runs")
    };
    let upstream = rehearse(&scenario("warm-reindex-upstream.yaml"));
    assert_eq!(upstream.status.code(), Some(1), "{}", text(&upstream));
    let told = report(folder.path());
    for kind in ["extra", "changed"] {
        let (found, logged) =
            (counted(&told, "elasticsearch/documents", kind), counted(&told, "acknowledged-writes", kind));
        assert!(found > 0 && found == logged, "{kind}: found {found}, by the log {logged}: {told}");
    }
    assert_eq!(counted(&told, "elasticsearch/documents", "missing"), 0, "{told}");
    assert!(text(&upstream).contains("live on in another index"), "{}", text(&upstream));
    std::fs::remove_dir_all(run_folder(folder.path())).expect("removed");
    // Nor is anything lost or blamed where the application's clock jumps to another day meanwhile.
    let exact = fs::read_to_string(scenario("warm-reindex.yaml")).expect("the scenario");
    let ledger = scenario("../fixtures/expected/standard.yaml");
    let exact = exact.replace("../fixtures/expected/standard.yaml", &ledger.to_string_lossy());
    let file = folder.path().join("skewed.yaml");
    fs::write(&file, exact + "\nfaults:\n  - {fault: clock-skew}\n").expect("written");
    let exact = rehearse(&file);
    assert_eq!(exact.status.code(), Some(0), "{}", text(&exact));
    let (told, run) = (report(folder.path()), run_folder(folder.path()));
    assert!(told.to_string().contains("hours ahead") || told.to_string().contains("hours behind"), "{told}");
    let written = fs::read_to_string(run.join("acknowledged.jsonl")).expect("the log");
    let today = jiff::Timestamp::now();
    let on = |hours| (today + jiff::SignedDuration::from_hours(hours)).strftime("_%Y-%m-%d\"").to_string();
    assert!([26, -26].iter().any(|h| written.contains(&on(*h))), "nothing was archived under another day");
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}

/// Starts a rehearsal and kills it as soon as its record holds `mark`.
fn killed_at(folder: &Path, mark: &str) {
    let mut child = drydock(folder)
        .arg("rehearse")
        .arg(small_scenario(folder))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(300);
    loop {
        let record = fs::read_to_string(run_folder(folder).join("record.jsonl")).unwrap_or_default();
        if record.contains(mark) {
            break;
        }
        assert!(Instant::now() < deadline, "{mark} never came");
        assert!(child.try_wait().expect("wait").is_none(), "it ended before {mark}: {record}");
        // Polling a file that another process writes: there is nothing to wait on.
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("kill -9");
    child.wait().expect("wait");
}

#[test]
fn a_run_killed_while_its_stores_start_is_resumed_to_green() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    killed_at(folder.path(), r#""type":"step_started","step":"prepare/provision""#);
    let run = run_folder(folder.path());
    let resumed = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}

const IN_PHASE_3: &str = r#""type":"step_started","step":"phase-3/restore/elasticsearch""#;

#[test]
fn a_run_killed_in_phase_3_is_resumed_to_green() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    killed_at(folder.path(), IN_PHASE_3);
    let run = run_folder(folder.path());
    let read = drydock(folder.path()).arg("report").arg(&run).output().expect("it runs");
    assert_eq!(read.status.code(), Some(130), "a killed run is no verdict: {}", text(&read));
    let resumed = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
    assert_eq!(report(folder.path())["resumed"], 1);
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
}

#[test]
fn clean_removes_what_a_killed_run_left_and_the_run_can_still_be_made() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    killed_at(folder.path(), IN_PHASE_3);
    let run = run_folder(folder.path());
    let name = run.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let cleaned = drydock(folder.path()).arg("clean").output().expect("it runs");
    assert!(text(&cleaned).contains(&name), "{}", text(&cleaned));
    assert_nothing_left(folder.path(), &run_folder(folder.path()));
    let resumed = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed));
}

#[test]
fn a_disk_that_is_too_small_is_told_before_anything_starts() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let small = folder.path().join("small");
    fs::create_dir(&small).expect("a mount point");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(&small).output();
    if !mount.is_ok_and(|o| o.status.success()) {
        return skip("a small file system cannot be mounted here");
    }
    let output = drydock(folder.path())
        .arg("rehearse")
        .arg(scenario("tiny.yaml"))
        .env("DRYDOCK_WORK", &small)
        .output()
        .expect("it runs");
    let unmounted = Command::new("umount").arg(&small).output().expect("umount runs");
    assert!(unmounted.status.success());
    assert_eq!(output.status.code(), Some(5), "{}", text(&output));
    assert!(text(&output).lines().any(|l| l.contains("free") && l.contains("MiB")), "{}", text(&output));
}

/// A small scenario of one's own, beside the ledgers it may name.
fn write(folder: &Path, name: &str, more: &str) -> std::path::PathBuf {
    let side = "{elasticsearch: {heap_mib: 512}}";
    let text = format!(
        "name: {name}\nsource: {side}\ntarget: {side}\ndata: {{profile: tiny}}\nmigration:\n  index_prefixes: [zeebe-, \
         operate-, tasklist-, optimize-, connectors-, camunda-, acme-]\nexpected:\n  - {}\n{more}",
        scenario("../fixtures/expected/standard.yaml").display()
    );
    let path = folder.join(format!("{name}.yaml"));
    fs::write(&path, text).expect("a scenario");
    path
}

#[test]
fn what_promises_to_change_nothing_is_held_to_it() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let estimate = "procedure: estimate-then-cutover\n";
    let careless = format!(
        "{estimate}expect: {{verdict: different, checks: [harmless/target, elasticsearch/cluster]}}\nfaults:\n  - {{fault: leave-index, after: \
         estimate/elasticsearch}}\n  - {{fault: leave-database, after: estimate/elasticsearch}}\n  - {{fault: touch-setting, \
         after: estimate/elasticsearch}}\n"
    );
    let scenarios = [
        write(folder.path(), "estimate", estimate),
        write(folder.path(), "careless", &careless),
        write(folder.path(), "dry", "procedure: dry-run\n"),
        write(folder.path(), "chart", "procedure: chart-only\n"),
    ];
    let output = drydock(folder.path()).arg("rehearse").args(&scenarios).output().expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("4 of 4 ended as they are meant to"), "{told}");
    for planted in ["index/drydock-trial-", "database/drydock_trial_", "indices.recovery.max_bytes_per_sec"] {
        assert!(told.contains(planted), "{planted} is not named: {told}");
    }
    assert!(told.contains("predicted") && told.contains("for the predicted steps, took"), "{told}");
}
