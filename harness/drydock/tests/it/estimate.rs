//! Benches, estimates and comparisons, from the arguments to the exit code.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, run_folder, scenario, skip, text, turn,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn estimate(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = drydock(folder).arg("estimate").args(arguments).output().expect("it runs");
    (output.status.code(), text(&output))
}

#[test]
fn published_rates_give_the_published_pair_and_no_interval() {
    let folder = folder();
    let heavy = ["--history", "upstream", "--documents", "6.5M", "--bytes", "8.9GB", "--postgres", "31MB"];
    let (code, told) = estimate(folder.path(), &heavy);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("42 min, of which Elasticsearch copy 9"), "{told}");
    assert!(told.contains("2 runs are too few") && told.contains("7 more are needed"), "{told}");
    assert!(
        told.contains("the guide contradicts itself: at most 120 min for 50.0 GB by its table, 3.6 h"),
        "{told}"
    );
    let (code, told) =
        estimate(folder.path(), &["--history", "upstream", "--documents", "0", "--postgres", "31MB"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.starts_with("4.0 min"), "{told}");
}

#[test]
fn a_budget_that_no_way_meets_ends_with_its_own_code() {
    let folder = folder();
    let of = |budget| {
        estimate(folder.path(), &["--history", "upstream", "--documents", "6.5M", "--budget", budget])
    };
    let (code, told) = of("30min");
    assert_eq!(code, Some(4), "{told}");
    assert!(told.contains("budget 30 min: missed by the estimate"), "{told}");
    assert_eq!(of("2h").0, Some(0));
    assert_eq!(of("soon").0, Some(2));
}

#[test]
fn an_estimate_is_drawn_in_the_terminal_and_on_a_page() {
    let folder = folder();
    let heavy = ["--history", "upstream", "--documents", "6.5M", "--html"];
    let (code, told) = estimate(folder.path(), &[&heavy[..], &["pages/estimate.html"]].concat());
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("X asked") && told.contains("page: pages/estimate.html"), "{told}");
    let page = fs::read_to_string(folder.path().join("pages/estimate.html")).expect("a page");
    assert!(page.contains("6.5 M asked") && page.contains("42 min, of which Elasticsearch copy"), "{page}");
    assert_eq!(
        fs::read_dir(folder.path().join("pages")).expect("a folder").count(),
        1,
        "nothing half is left"
    );
    // A page that cannot be written is told, and never takes the place of the answer.
    fs::write(folder.path().join("file"), "").expect("written");
    let (code, told) = estimate(folder.path(), &[&heavy[..], &["file/estimate.html"]].concat());
    assert_eq!(code, Some(2), "{told}");
    assert!(
        told.starts_with("42 min") && told.contains("cannot write the page file/estimate.html"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_estimated_is_told_in_one_line() {
    let folder = folder();
    let (code, told) = estimate(folder.path(), &["--documents", "10k"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("cannot read the history") && told.contains("drydock bench"), "{told}");
    let (code, told) = estimate(folder.path(), &["--history", "upstream"]);
    assert_eq!(code, Some(2), "{told}");
    let address = "http://user:hunter22@127.0.0.1:1";
    let (code, told) = estimate(folder.path(), &["--history", "upstream", "--source", address]);
    assert_eq!(code, Some(3), "{told}");
    assert!(
        told.contains("cannot read the volumes of the source cluster") && !told.contains("hunter22"),
        "{told}"
    );
    fs::write(folder.path().join("damaged.jsonl"), "{}\n{}\n").expect("written");
    let (code, told) = estimate(folder.path(), &["--history", "damaged.jsonl", "--documents", "1"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("line 1"), "{told}");
}

#[test]
fn a_bench_on_real_stores_fills_a_history_that_estimates_and_compares() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let bench = |more: &[&str]| {
        let mut command = drydock(folder.path());
        command.arg("bench").arg(scenario("tiny.yaml")).args(["--repeat", "1", "--warm-ups", "0"]);
        command.args(["--history", "history.jsonl"]).args(more).output().expect("it runs")
    };
    let output = bench(&["--documents", "300,3k", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let runs = told["runs"].as_array().cloned().unwrap_or_default();
    assert_eq!(runs.len(), 2, "{told}");
    for run in &runs {
        for figure in ["documents", "bytes", "indices", "largest_index_bytes", "row_bytes", "tables", "rows"]
        {
            assert!(run["volumes"][figure].as_u64() > Some(0), "{figure} in {run}");
        }
        for figure in ["fsync_per_second", "loopback_mib_per_second", "compute_mib_per_second"] {
            assert!(run["machine"][figure].as_f64() > Some(0.0), "{figure} in {run}");
        }
        let downtime = run["downtime_seconds"].as_f64().unwrap_or_default();
        let steps: f64 =
            run["steps"].as_array().into_iter().flatten().filter_map(|s| s["seconds"].as_f64()).sum();
        assert!(steps > downtime * 0.8 && steps < downtime * 1.2, "{steps} of {downtime}");
    }
    assert!(text(&output).contains("run 1 of 2") && text(&output).contains("left"), "{}", text(&output));
    // Both used the stores of the bench, which have gone with it.
    let benches: BTreeSet<&str> =
        runs.iter().filter_map(|r| Some(r["run"].as_str()?.rsplit_once('.')?.0)).collect();
    assert_eq!(benches.len(), 1, "{benches:?}");
    for bench in benches {
        assert_nothing_left(folder.path(), &folder.path().join(bench));
    }
    let page = fs::read_to_string(folder.path().join("bench.html")).expect("a page beside the history");
    assert!(page.contains("2 measured runs") && page.contains("Too few runs for an interval"), "{page}");
    // A kill may tear the last line: the next run cuts it off.
    let path = folder.path().join("history.jsonl");
    let whole = fs::read_to_string(&path).expect("a history");
    fs::write(&path, format!("{whole}{{\"format\":1,\"ru")).expect("written");
    let (code, told) = estimate(folder.path(), &["--history", "history.jsonl", "--documents", "30k"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("7 more are needed") && told.contains("torn"), "{told}");
    assert!(told.contains("beyond the measured range by"), "{told}");
    fs::copy(&path, folder.path().join("earlier.jsonl")).expect("copied");
    let output = bench(&["--documents", "300", "--against", "earlier.jsonl"]);
    // On a busy machine it may be slower; it is never different.
    assert!(matches!(output.status.code(), Some(0 | 4)), "{}", text(&output));
    assert!(text(&output).contains("the noise is not known"), "{}", text(&output));
    let lines = fs::read_to_string(&path).expect("a history");
    assert!(lines.starts_with(&whole) && lines.lines().count() == 3, "{lines}");
    let names: Vec<&str> = runs.iter().filter_map(|r| r["run"].as_str()).collect();
    let other = drydock(folder.path()).arg("compare").args(&names).output().expect("it runs");
    assert_eq!(other.status.code(), Some(3), "{}", text(&other));
    assert!(text(&other).contains("never measured before"), "{}", text(&other));
    let same = drydock(folder.path()).args(["compare", names[0], names[0]]).output().expect("it runs");
    assert_eq!(same.status.code(), Some(0), "{}", text(&same));
}

/// The password file of the source's PostgreSQL below a work directory.
fn password_of(work: &Path) -> Option<String> {
    let files = fs::read_dir(work).ok()?.flatten().map(|e| e.path());
    let is_source = |p: &PathBuf| {
        p.file_name().is_some_and(|n| n.to_string_lossy().contains("source"))
            && p.extension().is_some_and(|e| e == "password")
            && p.to_string_lossy().contains("postgres")
    };
    fs::read_to_string(files.into_iter().find(is_source)?).ok()
}

#[test]
fn volumes_are_read_from_live_stores() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let output = drydock(folder.path())
        .arg("rehearse")
        .arg(scenario("tiny.yaml"))
        .arg("--keep")
        .output()
        .expect("it runs");
    let run = run_folder(folder.path());
    let told = live(folder.path(), &run);
    let cleaned = drydock(folder.path()).arg("clean").output().expect("it runs");
    assert!(cleaned.status.success(), "{}", text(&cleaned));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let told = told.expect("an estimate");
    let asked = &told["asked"];
    assert!(asked["documents"].as_u64() > Some(600), "{told}");
    for figure in ["bytes", "indices", "largest_index_bytes", "row_bytes", "tables"] {
        assert!(asked[figure].as_u64() > Some(0), "{figure} in {told}");
    }
    assert!(told["estimates"][0]["seconds"].as_f64() > Some(200.0), "{told}");
}

/// Asks while the stores are kept running.
fn live(folder: &Path, run: &Path) -> Option<Value> {
    let report: Value = serde_json::from_slice(&fs::read(run.join("report.json")).ok()?).ok()?;
    let notes = report["notes"].as_array()?.iter().filter_map(Value::as_str);
    let kept = notes.into_iter().find(|n| n.contains("kept running: source"))?.to_owned();
    let after = |word: &str| {
        let rest = kept.split_once(word)?.1;
        Some(rest.split([',', ';', ' ']).next()?.to_owned())
    };
    let (port, cluster) = (after("PostgreSQL 127.0.0.1:")?, after("Elasticsearch ")?);
    let listed = drydock(folder).args(["clean", "--dry-run", "--json"]).output().ok()?;
    let listed: Value = serde_json::from_slice(&listed.stdout).ok()?;
    let name = run.file_name()?.to_string_lossy().into_owned();
    let work =
        listed.as_array()?.iter().find(|l| l.to_string().contains(&name))?["work_dir"].as_str()?.to_owned();
    let password = password_of(Path::new(&work))?;
    let server = format!("postgres://postgres:{}@127.0.0.1:{port}", password.trim());
    let output = drydock(folder)
        .args(["estimate", "--history", "upstream", "--json", "--source", &cluster, "--prefix", "operate-"])
        .args(["--prefix", "zeebe-", "--postgres-source", &server, "--databases", "keycloak,identity"])
        .output()
        .ok()?;
    serde_json::from_slice(&output.stdout).ok()
}
