//! Rehearsals in a cluster that `kind` makes, with `DRYDOCK_TEST_KIND=1`: each takes minutes, and probes that are starved on a busy
//! machine prove no outage. Where there is no engine, no `kind`, no `helm`, or no image, they are skipped: a test pulls nothing.

use crate::containers::{
    assert_a_killed_run_is_cleaned_away, assert_losses_are_red, assert_nothing_left, assert_stores_are_told,
    small,
};
use crate::support::{drydock, folder, json, run_folder, scenario, skip, text, turn};
use drydock_core::scenario::FaultKind;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Why rehearsals in a cluster cannot run here, if so.
fn cannot_run(folder: &Path) -> Option<String> {
    let mut doctor = drydock(folder);
    doctor.args(["doctor", "--on", "kind"]).arg(scenario("tiny.yaml"));
    let output = doctor.output().expect("it runs");
    let told = text(&output);
    let lines = told.lines().filter(|l| l.starts_with("MISSING") || l.starts_with("warning  image"));
    let mut why = lines.map(ToOwned::to_owned).collect::<Vec<_>>().join("; ");
    if why.is_empty() && std::env::var_os("DRYDOCK_IMAGE_NODE").is_none() && !has_nodes_image() {
        why = "no image of a node is here".to_owned();
    }
    (!why.is_empty() || !output.status.success()).then(|| format!("kind: {why}"))
}

/// Whether the engine has an image that `kind` would take by itself, of whatever version.
fn has_nodes_image() -> bool {
    let output = Command::new("docker").args(["image", "ls", "--quiet", "kindest/node"]).output();
    output.is_ok_and(|output| output.status.success() && !output.stdout.is_empty())
}

/// As [`cannot_run`], where it was asked for at all.
pub(crate) fn cannot_run_long(folder: &Path) -> Option<String> {
    match std::env::var_os("DRYDOCK_TEST_KIND") {
        Some(_) => cannot_run(folder),
        None => Some("kind: DRYDOCK_TEST_KIND is not set".into()),
    }
}

/// Nothing of a run is left in the engine.
pub(crate) fn assert_no_cluster(run: &Path) {
    assert_nothing_left(run);
    assert_eq!(nodes(run), Vec::<String>::new());
}

/// Nodes of clusters that are in networks of a run.
fn nodes(run: &Path) -> Vec<String> {
    let name = run.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let networks = Command::new("docker")
        .args(["network", "ls", "--format", "{{.Name}}", "--filter", &format!("label=drydock.run={name}")])
        .output()
        .expect("docker runs");
    let networks = String::from_utf8_lossy(&networks.stdout).into_owned();
    let of = |cluster: &str| {
        let label = format!("label=io.x-k8s.kind.cluster={cluster}");
        let output = Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &label]).output();
        String::from_utf8_lossy(&output.expect("docker runs").stdout).trim().to_owned()
    };
    networks.lines().map(of).filter(|id| !id.is_empty()).collect()
}

/// What was told at the end of a step.
fn facts(run: &Path, step: &str) -> Value {
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    let entries = record.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut events = entries.map(|entry| entry["event"].clone());
    events.find(|e| e["type"] == "step_finished" && e["step"] == step).unwrap_or_default()["facts"].clone()
}

#[test]
fn a_tiny_rehearsal_on_kind_is_green_and_leaves_nothing() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let own = folder.path().join("kubeconfig-of-the-user");
    let mut rehearse = drydock(folder.path());
    rehearse.args(["rehearse", "--on", "kind"]).arg(scenario("tiny.yaml")).env("KUBECONFIG", &own);
    let output = rehearse.output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = run_folder(folder.path());
    assert_stores_are_told(&run, &["events"]);
    let frozen = facts(&run, "phase-3/freeze");
    assert_eq!(frozen["replicas"]["statefulset/camunda-zeebe"], 1, "{frozen}");
    assert_eq!(frozen["replicas"]["deployment/camunda-zeebe-gateway"], 2, "{frozen}");
    assert_eq!(
        frozen["replicas"].get("statefulset/camunda-postgresql"),
        None,
        "a store was stopped: {frozen}"
    );
    assert!(facts(&run, "phase-3/switch")["pods_ready_seconds"].as_f64().is_some_and(|s| s > 0.0));
    assert!(!own.exists(), "the user's own configuration was written");
    assert_no_cluster(&run);
}

#[test]
fn what_a_killed_run_left_of_its_cluster_is_cleaned_away() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    assert_a_killed_run_is_cleaned_away(
        folder.path(),
        "kind",
        (|run: &Path| nodes(run).len(), 1, Duration::from_secs(120)),
        ["-control-plane", "network drydock-"],
    );
    let all =
        Command::new("docker").args(["ps", "--all", "--format", "{{.Names}}"]).output().expect("docker runs");
    let all = String::from_utf8_lossy(&all.stdout).into_owned();
    assert!(!all.lines().any(|name| name.starts_with("drydock-killed-")), "{all}");
}

#[test]
fn losses_on_kind_are_red_and_named() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    assert_losses_are_red(folder.path(), "kind");
}

#[test]
fn a_way_back_on_kind_brings_the_replicas_back() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let back = "rollback: {from: phase-3/restore/elasticsearch}\n";
    let file = small(folder.path(), "kind", "back", back);
    let output = drydock(folder.path()).arg("rehearse").arg(&file).output().expect("it runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = run_folder(folder.path());
    let (frozen, back) = (facts(&run, "phase-3/freeze"), facts(&run, "rollback/switch"));
    assert!(frozen["replicas"].is_object() && frozen["replicas"] == back["replicas"], "{frozen} {back}");
    assert_nothing_left(&run);
}

/// Two runs, because each makes a cluster: what is told, and what is borne. Each fault with the checks that must turn red, and no other.
#[test]
fn faults_of_a_cluster_are_borne_or_told_by_their_checks_alone() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let told = ["scaled-back-up", "service-astray"];
    let borne = [
        "application-pod-killed",
        "api-server-away, during: phase-3/freeze",
        "api-server-away, during: phase-3/switch",
    ];
    for (name, faults, code) in [("told", &told[..], 1), ("borne", &borne[..], 0)] {
        let runs = folder.path().join(name);
        let lines: String = faults.iter().map(|f| format!("  - {{fault: {f}}}\n")).collect();
        let file = small(folder.path(), "kind", name, &format!("faults:\n{lines}"));
        let output = drydock(folder.path())
            .arg("rehearse")
            .arg(&file)
            .arg("--runs")
            .arg(&runs)
            .output()
            .expect("it runs");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output));
        let run = only_entry(&runs);
        assert_eq!(planted(&run).len(), faults.len(), "{}", text(&output));
        let report = json(&run.join("report.json"));
        let findings = report["verdict"]["findings"].as_array().cloned().unwrap_or_default();
        let red: BTreeSet<&str> = findings
            .iter()
            .filter(|f| f["outcome"] == "different" || f["outcome"] == "not-proven")
            .filter_map(|f| f["check"].as_str())
            .collect();
        let kinds = faults.iter().filter_map(|f| FaultKind::of_name(f.split(',').next().unwrap_or_default()));
        let must: BTreeSet<&str> = kinds.flat_map(|kind| kind.effect().red.iter().copied()).collect();
        assert_eq!(red, must, "{}", text(&output));
        assert_nothing_left(&run);
    }
}

#[test]
fn faults_of_a_cluster_that_stop_a_run_are_the_surroundings_and_it_is_resumed_to_a_green_end() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let file = small(
        folder.path(),
        "kind",
        "stops",
        "faults:\n  - {fault: volume-full}\n  - {fault: pod-killed, during: phase-3/backup/identity}\n  - {fault: node-cordoned}\n",
    );
    let mut output = drydock(folder.path()).arg("rehearse").arg(&file).output().expect("it runs");
    let run = run_folder(folder.path());
    for (fault, words) in [
        ("pod-killed", "phase-3/backup/identity"),
        ("volume-full", "phase-3/restore/identity"),
        ("node-cordoned", "no node takes it"),
    ] {
        let told = text(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert_eq!(planted(&run).last().map(String::as_str), Some(fault), "{told}");
        assert!(told.contains(words), "{told}");
        output = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    }
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_no_cluster(&run);
}

/// A scenario whose process kills itself while something of the cluster is broken, once for each of these, `FAULT` and `STEP`.
fn killed_amid(folder: &Path, name: &str, broken: &[(&str, &str)]) -> PathBuf {
    let one = |(fault, step): &(&str, &str)| {
        format!("  - {{fault: {fault}, during: {step}}}\n  - {{fault: drydock-killed, during: {step}}}\n")
    };
    let lines: String = broken.iter().map(one).collect();
    small(folder, "kind", name, &format!("faults:\n{lines}"))
}

#[test]
fn a_run_that_is_killed_while_its_cluster_is_broken_mends_it_and_is_resumed_to_a_green_end() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let broken = [
        ("api-server-away", "phase-3/freeze"),
        ("volume-full", "phase-3/restore/identity"),
        ("node-cordoned", "phase-3/switch"),
    ];
    let file = killed_amid(folder.path(), "broken", &broken);
    let mut output = drydock(folder.path()).arg("rehearse").arg(&file).output().expect("it runs");
    let run = run_folder(folder.path());
    for (fault, step) in broken {
        let told = text(&output);
        assert_eq!(output.status.code(), None, "a signal ends it in {step}: {told}");
        assert_eq!(planted(&run).last().map(String::as_str), Some("drydock-killed"), "{fault}: {told}");
        output = drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    }
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let report = json(&run.join("report.json"));
    let steps: Vec<&Value> = (0..broken.len()).map(|life| &report["lives"][life]["step"]).collect();
    assert_eq!(steps, broken.map(|(_, step)| step), "{report}");
    assert_nothing_left(&run);
    assert_eq!(nodes(&run), Vec::<String>::new());
}

#[test]
fn a_run_that_is_killed_while_its_api_server_stands_still_is_cleaned_away() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let work = folder.path().join("work");
    let file = killed_amid(folder.path(), "still", &[("api-server-away", "phase-3/freeze")]);
    let mut rehearse = drydock(folder.path());
    let output = rehearse.arg("rehearse").arg(&file).env("DRYDOCK_WORK", &work).output().expect("it runs");
    assert_eq!(output.status.code(), None, "a signal ends it: {}", text(&output));
    let run = run_folder(folder.path());
    assert_eq!(planted(&run), ["drydock-killed"], "the API server has not gone on yet");
    assert_eq!(nodes(&run).len(), 1);
    let cleaned = drydock(folder.path()).arg("clean").env("DRYDOCK_WORK", &work).output().expect("it runs");
    assert_eq!(cleaned.status.code(), Some(0), "{}", text(&cleaned));
    assert_nothing_left(&run);
    assert_eq!(nodes(&run), Vec::<String>::new());
}

#[test]
fn faults_of_a_cluster_are_refused_where_there_is_none() {
    let folder = folder();
    let file = small(folder.path(), "embedded", "nowhere", "faults:\n  - {fault: node-cordoned}\n");
    let output = drydock(folder.path()).args(["rehearse", "--plan"]).arg(&file).output().expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("node-cordoned happens to a cluster") && told.contains("--on kind"), "{told}");
    let there = drydock(folder.path()).args(["rehearse", "--plan", "--on", "kind"]).arg(&file).output();
    let there = there.expect("it runs");
    assert_eq!(there.status.code(), Some(0), "{}", text(&there));
}

/// Names of the faults that happened in a run, in order.
fn planted(run: &Path) -> Vec<String> {
    let record = fs::read_to_string(run.join("record.jsonl")).expect("a record");
    let entries = record.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let planted = entries.filter(|entry| entry["event"]["type"] == "fault_planted");
    planted.filter_map(|entry| entry["event"]["fault"].as_str().map(ToOwned::to_owned)).collect()
}

/// The one folder of a run below a folder of runs.
fn only_entry(runs: &Path) -> PathBuf {
    let mut entries = fs::read_dir(runs)
        .expect("runs")
        .flatten()
        .map(|entry| entry.path())
        .filter(|p| p.join("record.jsonl").is_file());
    entries.next().expect("a run")
}

/// The checkout of the official scripts that this machine has, and an image of PostgreSQL under a name that they can read a version
/// from.
fn official_scripts(folder: &Path) -> Result<String, String> {
    let Ok(checkout) = std::env::var("DRYDOCK_TEST_SCRIPTS") else {
        return Err(
            "scripts: DRYDOCK_TEST_SCRIPTS names no checkout of the official migration scripts".to_owned()
        );
    };
    cannot_run_long(folder).map_or(Ok(checkout), Err)
}

/// Folder of a rehearsal with the official scripts, which is to end red and leave nothing in the engine.
fn red_with_scripts(folder: &Path, checkout: &str, name: &str) -> PathBuf {
    let mut rehearse = drydock(folder);
    rehearse.arg("rehearse").arg(scenario(name)).args(["--scripts", checkout]);
    let output = rehearse.output().expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let run = run_folder(folder);
    assert_no_cluster(&run);
    run
}

#[test]
fn the_official_scripts_run_unchanged_and_what_they_leave_behind_is_named() {
    let (_turn, folder) = (turn(), folder());
    let checkout = match official_scripts(folder.path()) {
        Ok(checkout) => checkout,
        Err(why) => return skip(&why),
    };
    let run = red_with_scripts(folder.path(), &checkout, "upstream-scripts.yaml");
    let trees: Vec<Value> = (1..=4)
        .map(|phase| {
            let told = facts(&run, &format!("phase-{phase}/scripts"));
            assert_eq!(
                (&told["ended"], &told["recorded_as_completed"]),
                (&"exit code 0".into(), &true.into()),
                "{told}"
            );
            assert_eq!(told["hooks"].as_array().map(Vec::len), Some(2), "{told}");
            told["tree_blake3"].clone()
        })
        .collect();
    assert!(trees.iter().all(|tree| tree.is_string() && *tree == trees[0]), "{trees:?}");
    let state = Path::new(&checkout).join("generic/kubernetes/migration/.state");
    assert!(!state.exists(), "the checkout itself was written to");
}

/// The migration is not blamed for a cluster without room, and goes on when there is.
#[test]
fn jobs_of_the_official_scripts_that_find_no_node_are_the_surroundings() {
    let (_turn, folder) = (turn(), folder());
    let checkout = match official_scripts(folder.path()) {
        Ok(checkout) => checkout,
        Err(why) => return skip(&why),
    };
    let fixtures = format!("{}/", crate::support::root().join("fixtures").display());
    let text_of = fs::read_to_string(scenario("upstream-scripts.yaml")).expect("a scenario");
    let file = folder.path().join("jobs.yaml");
    let text_of = text_of.replace("../fixtures/", &fixtures).replace("deadline: 15min", "deadline: 2min");
    fs::write(&file, format!("{text_of}faults: [{{fault: job-unschedulable}}]\n")).expect("a scenario");
    let mut command = drydock(folder.path());
    let output = command.arg("rehearse").arg(&file).args(["--scripts", &checkout]).output().expect("it runs");
    let (told, run) = (text(&output), run_folder(folder.path()));
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("never ran: 0/1 nodes are available"), "{told}");
    assert_eq!(planted(&run), ["job-unschedulable"], "{told}");
    let resumed = drydock(folder.path())
        .args(["rehearse", "--resume"])
        .arg(&run)
        .args(["--scripts", &checkout])
        .output()
        .expect("it runs");
    // They lose what they lose: it is told, and nothing of it is put down to the cluster.
    assert_eq!(resumed.status.code(), Some(1), "{}", text(&resumed));
    assert_no_cluster(&run);
}

#[test]
fn what_the_official_scripts_call_successful_is_held_against_what_people_see() {
    let (_turn, folder) = (turn(), folder());
    let checkout = match official_scripts(folder.path()) {
        Ok(checkout) => checkout,
        Err(why) => return skip(&why),
    };
    if let Some(why) = crate::real_camunda::asked(folder.path()) {
        return skip(&why);
    }
    let run = red_with_scripts(folder.path(), &checkout, "real-scripts.yaml");
    let report = crate::support::json(&run.join("report.json"));
    let outcome = |check| crate::real_camunda::outcome(&report, check).clone();
    // They agree with themselves, and not with what is there.
    assert_eq!((outcome("scripts/phases"), outcome("scripts/claims")), ("equal".into(), "different".into()));
    assert_eq!((outcome("freeze"), outcome("postgres/rows")), ("equal".into(), "equal".into()));
    assert_eq!((outcome("keycloak/logins"), outcome("keycloak/tokens")), ("equal".into(), "equal".into()));
    assert_eq!(outcome("elasticsearch/counts"), "different");
    let findings = report["verdict"]["findings"].as_array().expect("findings");
    let seen: Vec<&Value> = findings
        .iter()
        .filter(|f| f["check"].as_str().is_some_and(|c| c.starts_with("application/")))
        .filter(|f| f["outcome"] == "different")
        .collect();
    assert!(!seen.is_empty(), "{report}");
    for finding in seen {
        let message = finding["message"].as_str().unwrap_or_default();
        assert!(message.contains("because elasticsearch/"), "no cause is told: {message}");
    }
}

#[test]
fn two_clusters_at_once_do_not_meet() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let children: Vec<_> = ["one", "two"]
        .map(|name| {
            let file = small(folder.path(), "kind", name, "");
            let mut rehearse = drydock(folder.path());
            rehearse
                .arg("rehearse")
                .arg(&file)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .expect("it starts")
        })
        .into_iter()
        .collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
}

#[test]
fn an_image_that_nobody_has_is_the_surroundings_failure() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run_long(folder.path()) {
        return skip(&why);
    }
    let mut rehearse = drydock(folder.path());
    rehearse.args(["rehearse", "--on", "kind"]).arg(scenario("tiny.yaml"));
    let output =
        rehearse.env("DRYDOCK_IMAGE_ELASTICSEARCH", "drydock.invalid/none:1").output().expect("it runs");
    let told = text(&output);
    assert_eq!(output.status.code(), Some(5), "{told}");
    assert!(told.contains("its image cannot be pulled"), "{told}");
    let run = run_folder(folder.path());
    let events = fs::read_to_string(run.join("logs/events.log")).expect("events are kept");
    assert!(events.contains("drydock.invalid/none:1"), "{events}");
    assert_nothing_left(&run);
}

#[test]
fn where_kind_is_not_there_one_line_says_what_to_do() {
    let folder = folder();
    let empty = folder.path().join("bin");
    fs::create_dir(&empty).expect("a folder");
    let mut rehearse = drydock(folder.path());
    rehearse.args(["rehearse", "--on", "kind"]).arg(scenario("tiny.yaml"));
    let mut doctor = drydock(folder.path());
    doctor.args(["doctor", "--on", "kind"]).arg(scenario("tiny.yaml"));
    for command in [&mut rehearse, &mut doctor] {
        let output = command.env("PATH", &empty).output().expect("it runs");
        let told = text(&output);
        assert_eq!(output.status.code(), Some(5), "{told}");
        assert!(told.lines().any(|l| l.contains("kind is not on the search path")), "{told}");
    }
    let told = text(&doctor.output().expect("it runs"));
    for program in ["helm", "docker", "kubectl"] {
        assert!(told.lines().any(|l| l.contains(&format!("{program} is not on the search path"))), "{told}");
    }
}
