//! `kill -9` of the command at random moments of a tiny rehearsal: resumed, it ends as an undisturbed one; or `clean` takes
//! away what it left, and nothing of it stays.

use crate::support::{
    assert_nothing_left, cannot_run, drydock, folder, json, run_folder, skip, small_scenario, text, turn,
};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Kills, where the environment asks for no other number.
const KILLS: u64 = 1;
/// One life of a tiny run on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

fn kills() -> u64 {
    std::env::var("DRYDOCK_TEST_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS)
}

fn seed() -> u64 {
    std::env::var("DRYDOCK_TEST_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(20_260_101)
}

/// The next number of a sequence that is the same everywhere.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn lines(run: &Path) -> u64 {
    let record = fs::read(run.join("record.jsonl")).unwrap_or_default();
    record.iter().filter(|b| **b == b'\n').count() as u64
}

/// Starts a rehearsal and kills it once its record has so many lines. Whether it came to its end before.
fn killed_after(folder: &Path, scenario: &Path, wanted: u64) -> bool {
    let mut child = drydock(folder)
        .arg("rehearse")
        .arg(scenario)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + LIMIT;
    while lines(&run_folder(folder)) < wanted {
        assert!(Instant::now() < deadline, "{wanted} lines never came");
        if child.try_wait().expect("wait").is_some() {
            return true;
        }
        // Another process writes the record: there is nothing to wait on.
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().expect("kill -9");
    child.wait().expect("wait");
    false
}

fn report(run: &Path) -> Value {
    json(&run.join("report.json"))
}

#[test]
fn a_run_killed_at_any_moment_is_resumed_or_cleaned_away() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let scenario = small_scenario(folder.path());
    // How long a record is, and what its end is: from a run that nobody disturbs.
    let whole = drydock(folder.path()).arg("rehearse").arg(&scenario).output().expect("it runs");
    assert_eq!(whole.status.code(), Some(0), "{}", text(&whole));
    let undisturbed = run_folder(folder.path());
    let length = lines(&undisturbed);
    let checks = |run: &Path| -> Vec<(String, String)> {
        let checks = report(run)["verdict"]["checks"].as_array().cloned().unwrap_or_default();
        let word = |c: &Value, key: &str| c[key].as_str().unwrap_or_default().to_owned();
        // Whether anything was there to be expected depends on what users wrote until then.
        let outcome = |c: &Value| word(c, "outcome").replace("expected", "equal");
        checks.iter().map(|c| (word(c, "check"), outcome(c))).collect()
    };
    let expected = checks(&undisturbed);
    fs::remove_dir_all(&undisturbed).expect("removed");
    let mut state = seed();
    for number in 0..kills() {
        // Not the last lines: whoever is killed after the comparison has nothing to resume from.
        let wanted = 1 + next(&mut state) % length.saturating_sub(12).max(1);
        let ended = killed_after(folder.path(), &scenario, wanted);
        let run = run_folder(folder.path());
        let what = format!("kill {number} (seed {}) after {wanted} of {length} lines", seed());
        if ended {
            fs::remove_dir_all(&run).expect("removed");
            continue;
        }
        let way_back = fs::read(run.join("way-back.json")).ok();
        let clean_only = next(&mut state).is_multiple_of(4);
        if clean_only {
            let cleaned = drydock(folder.path()).arg("clean").output().expect("clean runs");
            assert_eq!(cleaned.status.code(), Some(0), "{what}: {}", text(&cleaned));
        } else {
            let resumed =
                drydock(folder.path()).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
            let record = fs::read_to_string(run.join("record.jsonl")).unwrap_or_default();
            let switched = record.contains(r#""type":"step_finished","step":"phase-3/switch""#);
            // Between switch and comparison nothing can be proven any more, and that is what it must say.
            let lost = text(&resumed).contains("killed after the switch");
            match resumed.status.code() {
                Some(3) if lost && switched => {}
                Some(5) if record.contains("already cleaned up when the run was killed") => {}
                code => {
                    assert_eq!(code, Some(0), "{what}: {}", text(&resumed));
                    assert_eq!(checks(&run), expected, "{what}");
                }
            }
            let report = report(&run);
            assert_eq!(report["lives"][0]["end"], "killed", "{what}: {report}");
            // A run that starts over describes its new source.
            let over = record.contains(r#""starts_over":""#);
            if !over && let Some(before) = way_back {
                assert_eq!(fs::read(run.join("way-back.json")).expect("way-back.json"), before, "{what}");
            }
        }
        assert_nothing_left(folder.path(), &run);
        fs::remove_dir_all(&run).expect("removed");
    }
}

/// The folder and the report of a run that kills itself at one of these faults, and is resumed to its end with this exit code.
fn killed_and_resumed(folder: &Path, faults: &str, code: i32) -> (PathBuf, Value) {
    let path = small_scenario(folder);
    let yaml = fs::read_to_string(&path).expect("the scenario") + faults;
    fs::write(&path, yaml).expect("the scenario");
    let killed = drydock(folder).arg("rehearse").arg(&path).output().expect("it runs");
    assert_eq!(killed.status.code(), None, "a signal ends it: {}", text(&killed));
    let run = run_folder(folder);
    let resumed = drydock(folder).args(["rehearse", "--resume"]).arg(&run).output().expect("it runs");
    assert_eq!(resumed.status.code(), Some(code), "{}", text(&resumed));
    let report = report(&run);
    (run, report)
}

#[test]
fn a_run_that_kills_itself_in_a_step_is_resumed_and_says_so() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let fault = "faults:\n  - {fault: drydock-killed, during: phase-3/restore/elasticsearch, at: 2}\n";
    let (run, report) = killed_and_resumed(folder.path(), fault, 0);
    assert_eq!(report["lives"][0]["step"], "phase-3/restore/elasticsearch", "{report}");
    assert!(report["notes"].to_string().contains("caused on purpose"), "{report}");
    assert_nothing_left(folder.path(), &run);
}

/// Killed in the switch, with nobody let in: whoever goes on holds both sides still once more, and sees what was lost.
#[test]
fn a_run_that_is_killed_in_the_switch_compares_what_it_pins_anew() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let faults = "faults:\n  - {fault: lose-document}\n  - {fault: drydock-killed, during: phase-3/switch}\n";
    let (run, report) = killed_and_resumed(folder.path(), faults, 1);
    assert_eq!(report["lives"][0]["step"], "phase-3/switch", "{report}");
    assert!(report["notes"].to_string().contains("both sides are held still anew"), "{report}");
    let findings = report["verdict"]["findings"].as_array().expect("findings");
    let told =
        |outcome: &str, check: &str| findings.iter().any(|f| f["outcome"] == outcome && f["check"] == check);
    assert!(told("different", "elasticsearch/documents"), "{report}");
    assert!(!findings.iter().any(|f| f["outcome"] == "not-proven"), "{report}");
    assert_nothing_left(folder.path(), &run);
}
