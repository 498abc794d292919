//! `drydock observe` on real stores: the test migrates, by hand as people do, and Drydock only watches.

mod relay;
mod stage;

use crate::fake_api::{Account, FakeApi, TOKEN, writes};
use crate::support::{cannot_run, drydock, folder, scenario, skip, text as text_of, turn};
use drydock_environments::Side;
use serde_json::Value;
use stage::{Observer, Stage};
use std::path::Path;
use std::time::Duration;

/// Findings of a report that are not expected, by check and words.
fn objections(report: &Value) -> Vec<(String, String, String)> {
    let word = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = report["verdict"]["findings"].as_array().cloned().unwrap_or_default();
    findings
        .iter()
        .map(|f| (word(f, "check"), word(f, "outcome"), f.to_string()))
        .filter(|(_, outcome, _)| outcome == "different" || outcome == "not_proven")
        .collect()
}

/// Checks of a report that object.
fn not_green(report: &Value) -> Vec<String> {
    let checks = report["verdict"]["checks"].as_array().cloned().unwrap_or_default();
    // Indices of the other migrations are not asked for.
    let green = |c: &Value| ["equal", "expected", "not_asked"].iter().any(|good| c["outcome"] == *good);
    checks.iter().filter(|c| !green(c)).map(|c| c["check"].as_str().unwrap_or_default().to_owned()).collect()
}

/// What is written nowhere: searches, points in time and what opens and closes them, and making visible what is there.
fn only_reads(request: &str) -> bool {
    let (method, path) = request.split_once(' ').unwrap_or_default();
    let path = path.split('?').next().unwrap_or_default();
    let ends = |words: &[&str]| {
        words.iter().any(|word| path == format!("/{word}") || path.ends_with(&format!("/{word}")))
    };
    match method {
        "GET" | "HEAD" => true,
        "POST" => {
            ends(&["_search", "_msearch", "_count", "_pit", "_refresh", "_mget", "_watcher/_query/watches"])
                || path.contains("/_simulate")
        }
        "DELETE" => ends(&["_pit"]),
        _ => false,
    }
}

async fn clean(stage: &Stage, folder: &Path) {
    stage.fill("clean").await;
    let mut observer = Observer::start(stage, folder, "clean");
    observer.says("is at rest", 2).await;
    stage.migrate("clean", folder).await;
    observer.says("compared at", 1).await;
    // Users work on the target now, and the source is removed as upstream's values do.
    let users = "INSERT INTO people (name) VALUES ('a new one')";
    stage.run(Side::Target, "clean", users).await;
    observer.ways.remove_source();
    observer.says("went away", 2).await;
    let ways = [observer.ways.elasticsearch[0].clone(), observer.ways.elasticsearch[1].clone()];
    let (code, report, told) = observer.over().await;
    assert_eq!((code, not_green(&report)), (Some(0), vec![]), "{told}");
    for way in ways {
        let requests = way.requests();
        assert!(requests.len() > 50, "{} requests were kept", requests.len());
        let writing: Vec<&String> = requests.iter().filter(|request| !only_reads(request)).collect();
        assert!(writing.is_empty(), "{writing:?}");
    }
    for word in ["source-gone", "writes-at-rest", "target-changes", "target-at-rest", "\"after\""] {
        assert!(told.contains(word), "{word}: {told}");
    }
    let outages = report["downtime"]["outages"].to_string();
    assert!(outages.contains("source/postgres") && outages.contains("source/elasticsearch"), "{outages}");
    let compared = report["verdict"]["checks"].as_array().into_iter().flatten();
    let compared: Vec<&Value> = compared.filter(|c| c["compared"].as_u64() == Some(0)).collect();
    assert!(compared.is_empty(), "{compared:?}");
}

async fn loss(stage: &Stage, folder: &Path) {
    stage.fill("loss").await;
    let mut observer = Observer::start(stage, folder, "loss");
    observer.says("is at rest", 2).await;
    stage.migrate("loss", folder).await;
    let target = stage.cluster(Side::Target);
    target.delete("/loss-orders/_doc/loss-77?refresh=true").await.expect("a document");
    stage.run(Side::Target, "loss", "DELETE FROM people WHERE id = 5").await;
    observer.says("compared at", 1).await;
    // Upstream's values remove the source: what was found stays found.
    observer.ways.remove_source();
    let (code, report, told) = observer.over().await;
    assert_eq!(code, Some(1), "{told}");
    let found = objections(&report);
    let names = |check: &str, word: &str| {
        found.iter().any(|(c, outcome, f)| c == check && outcome == "different" && f.contains(word))
    };
    assert!(names("elasticsearch/documents", "loss-77"), "{found:?}");
    assert!(names("postgres/rows", "people"), "{found:?}");
}

/// The source is removed before anything could be compared, or in the middle of it.
async fn gone(stage: &Stage, folder: &Path, name: &str, in_the_middle: bool) {
    stage.fill(name).await;
    let mut observer = Observer::start(stage, folder, name);
    observer.says("is at rest", 2).await;
    if in_the_middle {
        observer.ways.elasticsearch[0].slow(Duration::from_millis(300));
        observer.ways.postgres[0].slow(Duration::from_millis(100));
        stage.migrate(name, folder).await;
        let mut comparing = vec!["elasticsearch", "postgres"];
        while !comparing.is_empty() {
            observer.says("comparing ", 3 - comparing.len()).await;
            let said = observer.said();
            comparing.retain(|store| {
                let begun = said.contains(&format!("comparing {store}"));
                if begun && *store == "elasticsearch" {
                    observer.ways.elasticsearch[0].cut();
                } else if begun {
                    observer.ways.postgres[0].cut();
                }
                !begun
            });
        }
    } else {
        observer.ways.remove_source();
        stage.migrate(name, folder).await;
    }
    observer.says("went away", 2).await;
    let (code, report, told) = observer.over().await;
    assert_eq!(code, Some(3), "{told}");
    // Every check of both stores, and the freeze.
    let all = report["verdict"]["checks"].as_array().map_or(0, Vec::len);
    assert_eq!(not_green(&report).len(), all, "{told}");
    let found = objections(&report);
    assert!(found.iter().all(|(_, outcome, _)| outcome == "not_proven"), "{found:?}");
    assert!(found.iter().any(|(_, _, f)| f.contains("until the line \\\"compared\\\"")), "{found:?}");
}

async fn late(stage: &Stage, folder: &Path) {
    stage.fill("late").await;
    let mut observer = Observer::start(stage, folder, "late");
    observer.says("is at rest", 2).await;
    stage.migrate("late", folder).await;
    observer.says("compared at", 1).await;
    stage.write("late", 1).await;
    observer.says(", after it had been at rest", 2).await;
    let (code, report, told) = observer.over().await;
    // By the time that the source rests again it is compared again: then what came late is missing on the target.
    assert!(matches!(code, Some(1 | 3)), "{code:?}: {told}");
    let found = objections(&report);
    let named = |word: &str| found.iter().any(|(_, _, f)| f.contains(word));
    assert!(named("late-orders") && named("people"), "{found:?}");
}

async fn never_frozen(stage: &Stage, folder: &Path) {
    stage.fill("busy").await;
    let mut observer = Observer::start(stage, folder, "busy");
    stage.migrate("busy", folder).await;
    observer.says("changes: the first change", 1).await;
    for number in 0..16 {
        stage.write("busy", number).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (over, ()) = tokio::join!(observer.over(), async {
        for number in 16..22 {
            stage.write("busy", number).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
    let (code, report, told) = over;
    assert_eq!(code, Some(3), "{told}");
    let found = objections(&report);
    let frozen = |(check, outcome, words): &(String, String, String)| {
        check == "freeze" && outcome == "not_proven" && words.contains("never seen at rest")
    };
    assert!(found.iter().any(frozen), "{found:?}");
}

#[test]
fn migrations_of_somebody_else_are_judged() {
    let (_turn, folder) = (turn(), folder());
    if let Some(why) = cannot_run(folder.path()) {
        return skip(&why);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let place = folder.path();
        let stage = Stage::set(place).await;
        tokio::join!(
            clean(&stage, place),
            loss(&stage, place),
            gone(&stage, place, "gone", false),
            gone(&stage, place, "torn", true),
            late(&stage, place),
            never_frozen(&stage, place),
        );
        stage.strike().await;
    });
}

#[test]
fn whoever_asks_for_the_driver_is_sent_to_the_command() {
    let folder = folder();
    for command in ["rehearse", "doctor"] {
        let mut asked = drydock(folder.path());
        let output = asked.arg(command).arg(scenario("tiny.yaml")).args(["--driver", "observe"]).output();
        let output = output.expect("it runs");
        assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
        assert!(text_of(&output).contains("drydock observe FILE"), "{}", text_of(&output));
    }
    std::fs::write(folder.path().join("o.yaml"), "name: o\nsource: {}\ntarget: {}\n").expect("written");
    let output = drydock(folder.path()).args(["observe", "o.yaml"]).output().expect("it runs");
    assert_eq!(output.status.code(), Some(2), "{}", text_of(&output));
    assert!(text_of(&output).contains("o.yaml:2:1"), "{}", text_of(&output));
}

#[test]
fn of_a_cluster_pods_are_listed_and_nothing_else_is_asked() {
    let (folder, api) = (folder(), FakeApi::start(Account::MayNot(&[])));
    let text = "name: o\nsource: {postgres: {url: 'postgres://eva@127.0.0.1:1'}}\ntarget: {postgres: {url: 'postgres://127.0.0.1:1'}}\n\
        databases: [identity]\nkubernetes: {context: blue, namespace: camunda, release: camunda}\n";
    std::fs::write(folder.path().join("o.yaml"), text).expect("written");
    let observe = || {
        let mut command = drydock(folder.path());
        command.args(["observe", "o.yaml", "--until", "o.yaml"]);
        command.env("KUBECONFIG", api.kubeconfig(folder.path())).output().expect("it runs")
    };
    let output = observe();
    let told = text_of(&output);
    // Nobody answers for the stores: that proves nothing, and is no fault of the migration.
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("never answered") && !told.contains(TOKEN), "{told}");
    let asked = api.taken();
    assert_eq!(writes(&asked), Vec::<String>::new());
    let pods = |(_, target): &(_, String)| target.starts_with("/api/v1/namespaces/camunda/pods?");
    assert!(!asked.is_empty() && asked.iter().all(pods), "{asked:?}");
    // A context that is not there is told before anything is begun.
    std::fs::write(folder.path().join("o.yaml"), text.replace("context: blue", "context: blu"))
        .expect("written");
    let output = observe();
    let told = text_of(&output);
    assert!(output.status.code() == Some(2) && told.contains("blue, green"), "{told}");
}
