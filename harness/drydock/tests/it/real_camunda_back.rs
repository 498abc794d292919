//! The way back of a real Camunda after real work on the target. What became of everything is counted once more here, from the log
//! of acknowledged actions alone, and has to be what the command says. With `DRYDOCK_TEST_CAMUNDA=1`, as in `ci/nightly`.

use crate::real_camunda::{asked, outcome, rehearse};
use crate::support::{assert_nothing_left, folder, json, run_folder, skip, text, turn};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// One line of the log.
struct Deed {
    what: String,
    key: i64,
    instance: Option<i64>,
    ms: u64,
}

fn lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).expect("a file");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn deeds(run: &Path) -> Vec<Deed> {
    let of = |line: &Value| Deed {
        // An action with a detail is an object of one key.
        what: line["what"]
            .as_str()
            .map(ToOwned::to_owned)
            .or_else(|| line["what"].as_object().and_then(|what| what.keys().next().cloned()))
            .expect("an action"),
        key: line["key"].as_i64().expect("a key"),
        instance: line["instance"].as_i64(),
        ms: line["ms"].as_u64().expect("a time"),
    };
    lines(&run.join("deeds.jsonl")).iter().map(of).collect()
}

/// When users were let in on the target, and on the source again.
fn moments(run: &Path) -> (u64, u64) {
    let record = lines(&run.join("record.jsonl"));
    let at = |wanted: &str| {
        let of = |line: &&Value| line.to_string().contains(&format!("\"state\":\"{wanted}\""));
        record.iter().rfind(of).and_then(|line| line["ms"].as_u64()).expect("users were let in")
    };
    (at("on_target"), at("on_source"))
}

fn kind_of(what: &str) -> Option<&'static str> {
    Some(match what {
        "process_deployed" => "process",
        "decision_deployed" => "decision",
        "instance_started" | "instance_cancelled" => "instance",
        "job_completed" | "job_failed" => "flow_node",
        "task_claimed" | "task_completed" => "task",
        "incident_resolved" => "incident",
        _ => return None,
    })
}

fn partition(key: i64) -> i64 {
    key >> 51
}

#[test]
fn what_a_way_back_keeps_loses_and_brings_again_is_what_the_log_proves() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = asked(folder.path()) {
        return skip(&why);
    }
    let (output, report) = rehearse(folder.path(), "real-camunda-rollback.yaml");
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let run = run_folder(folder.path());
    assert_eq!(outcome(&report, "rollback/restored"), "equal", "{report}");
    assert_eq!(outcome(&report, checks::APP_WAY_BACK), "different", "{report}");

    let listed = json(&run.join("way-back-camunda.json"));
    let listed: Vec<(&str, i64, &str)> = listed
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| {
            assert_eq!(line["due"], "way_back", "the source lost nothing that it had: {line}");
            let fate = line["fate"].as_str().unwrap_or("behind");
            (line["kind"].as_str().expect("a kind"), line["key"].as_i64().expect("a key"), fate)
        })
        .collect();
    assert_numbers(&report, &listed);
    let (switched, returned) = moments(&run);
    assert_proven(&deeds(&run), switched, returned, &listed);
    assert_nothing_left(folder.path(), &run);
}

/// What the report counts is what the list holds.
fn assert_numbers(report: &Value, listed: &[(&str, i64, &str)]) {
    let findings = report["verdict"]["findings"].as_array().expect("findings");
    for (kind, fate) in [("lost-write", "lost"), ("extra", "reappeared"), ("stale", "behind")] {
        let told = findings.iter().filter(|f| f["check"] == checks::APP_WAY_BACK && f["kind"] == kind);
        let told: u64 = told.filter_map(|f| f["count"].as_u64()).sum();
        assert_eq!(told, listed.iter().filter(|(.., f)| *f == fate).count() as u64, "{kind}: {report}");
    }
    assert!(
        listed.iter().any(|(.., fate)| *fate == "lost") && listed.iter().any(|(.., f)| *f == "reappeared")
    );
}

/// Each thing that was acted on on the target is lost, open again or kept as its age and the last action about it say.
fn assert_proven(deeds: &[Deed], switched: u64, returned: u64, listed: &[(&str, i64, &str)]) {
    let (before, after): (Vec<&Deed>, Vec<&Deed>) =
        deeds.iter().filter(|deed| deed.ms < returned).partition(|deed| deed.ms < switched);
    let started: BTreeSet<i64> =
        after.iter().filter(|deed| deed.what == "instance_started").map(|deed| deed.key).collect();
    assert!(started.len() > 5, "people worked on the target: {}", started.len());
    // Keys of a partition are given out in their order.
    let (mut newest, mut oldest) = (BTreeMap::<i64, i64>::new(), BTreeMap::<i64, i64>::new());
    for deed in before.iter().filter(|deed| kind_of(&deed.what).is_some()) {
        let of = newest.entry(partition(deed.key)).or_default();
        *of = deed.key.max(*of);
    }
    for key in &started {
        let of = oldest.entry(partition(*key)).or_insert(*key);
        *of = (*key).min(*of);
    }
    let mut touched = BTreeMap::<(&str, i64), Vec<&Deed>>::new();
    for deed in &after {
        if let Some(kind) = kind_of(&deed.what) {
            touched.entry((kind, deed.key)).or_default().push(deed);
            if let Some(instance) = deed.instance {
                touched.entry(("instance", instance)).or_default();
            }
        }
    }
    let told: BTreeMap<(&str, i64), &str> =
        listed.iter().map(|(kind, key, fate)| ((*kind, *key), *fate)).collect();
    assert_eq!(told.len(), listed.len(), "each of them once");
    assert!(told.keys().all(|thing| touched.contains_key(thing)), "nothing else");
    let mut undecided = 0_usize;
    for (thing, actions) in &touched {
        let (kind, key) = *thing;
        let fate = told.get(thing).copied().unwrap_or("kept");
        let did = |what: &str| actions.iter().any(|deed| deed.what == what);
        let undone = match kind {
            // A claim that was not followed by more is undone, and the task is open as it was.
            "task" if did("task_completed") => "reappeared",
            "task" => "behind",
            "flow_node" if did("job_completed") => "reappeared",
            "instance" if did("instance_cancelled") => "reappeared",
            "incident" => "reappeared",
            _ => "kept",
        };
        let instance = actions.iter().find_map(|deed| deed.instance).unwrap_or(key);
        let is_new =
            started.contains(&instance) || oldest.get(&partition(key)).is_some_and(|first| key > *first);
        let is_old = newest.get(&partition(key)).is_some_and(|last| key <= *last) && !is_new;
        // An incident that arose and was resolved on the target is missed by nobody.
        let gone = if kind == "incident" { "kept" } else { "lost" };
        match (is_new, is_old) {
            (true, _) => assert_eq!(fate, gone, "{kind} {key} is the target's"),
            (_, true) => assert_eq!(fate, undone, "{kind} {key} was there at the freeze"),
            // Between the last logged key of before and the first one after it.
            _ => {
                undecided += 1;
                assert!([gone, undone].contains(&fate), "{kind} {key} is {fate}");
            }
        }
    }
    // Otherwise nothing would be decided by age.
    assert!(
        undecided * 20 < touched.len(),
        "{undecided} of {} are of an age that the log does not tell",
        touched.len()
    );
    eprintln!(
        "{} things touched on the target, {} lost, {} open again, {} as before, {undecided} between two logged keys",
        touched.len(),
        listed.iter().filter(|(.., fate)| *fate == "lost").count(),
        listed.iter().filter(|(.., fate)| *fate == "reappeared").count(),
        listed.iter().filter(|(.., fate)| *fate == "behind").count(),
    );
}
