//! `drydock verify migration --source` against a stand-in for the store: it answers from a list, notes every request, and knows
//! nothing but GET.

use crate::support::{drydock, folder, text};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Output;
use std::sync::{Arc, Mutex};

/// Answers by the beginning of the path.
type Answers = Vec<(&'static str, String)>;

/// A store that is there until the test ends. Gives back its address and what it was asked.
fn store(answers: Answers) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let (noted, answers) = (asked.clone(), Arc::new(answers));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (noted, answers) = (noted.clone(), answers.clone());
            std::thread::spawn(move || serve(&stream, &answers, &noted));
        }
    });
    (address, asked)
}

/// Answers the requests of one connection.
fn serve(stream: &TcpStream, answers: &Answers, noted: &Mutex<Vec<String>>) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if lines.read_line(&mut request).unwrap_or_default() == 0 {
            return;
        }
        let mut header = String::new();
        while lines.read_line(&mut header).unwrap_or_default() > 2 {
            header.clear();
        }
        noted.lock().expect("the list").push(request.trim().to_owned());
        let path = request.strip_prefix("GET ").unwrap_or_default();
        let answer = answers.iter().find(|(start, _)| path.starts_with(start)).map(|(_, a)| a.clone());
        let (status, body) = answer.map_or(("404 Not Found", "{}".to_owned()), |body| ("200 OK", body));
        let mut out = stream;
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if out.write_all(format!("{head}{body}").as_bytes()).is_err() {
            return;
        }
    }
}

fn positions(open: bool) -> String {
    format!(
        r#"{{"hits": {{"total": {{"value": 2}}, "hits": [
            {{"_id": "1-job", "_source": {{"partitionId": 1, "completed": true}}}},
            {{"_id": "2-job", "_source": {{"partitionId": 2, "completed": {}}}}}]}}}}"#,
        !open
    )
}

/// The answers of a store whose migration is done.
fn done() -> Answers {
    let new = [
        "authorization",
        "correlated-message-subscription",
        "group",
        "mapping-rule",
        "role",
        "tenant",
        "usage-metric",
        "usage-metric-tu",
        "user",
        "web-session",
    ];
    let operate = [
        "batch-operation",
        "decision",
        "decision-instance",
        "decision-requirements",
        "event",
        "flownode-instance",
        "import-position",
        "incident",
        "job",
        "list-view",
        "message",
        "operation",
        "post-importer-queue",
        "process",
        "sequence-flow",
        "variable",
    ];
    let tasklist = ["draft-task-variable", "form", "import-position", "task", "task-variable"];
    let names = new.iter().map(|n| format!("camunda-{n}-8.8.0_"));
    let names = names.chain(operate.iter().map(|n| format!("operate-{n}-8.3.0_")));
    let names = names.chain(tasklist.iter().map(|n| format!("tasklist-{n}-8.8.0_")));
    let names: Vec<String> = names.map(|n| format!("{{\"index\": \"{n}\"}}")).collect();
    vec![
        ("/operate-process-*/_count", r#"{"count": 7, "_shards": {"total": 1, "failed": 0}}"#.to_owned()),
        ("/operate-import-position-*/_search", positions(false)),
        ("/tasklist-import-position-*/_search", positions(false)),
        ("/_cat/indices", format!("[{}]", names.join(","))),
    ]
}

/// The same with one answer changed.
fn with(path: &str, change: impl Fn(&str) -> String) -> Answers {
    let mut answers = done();
    let one = answers.iter_mut().find(|(p, _)| *p == path).expect("an answer");
    one.1 = change(&one.1);
    answers
}

fn look(answers: Answers, migrated: u64, more: &[&str]) -> (Output, Vec<String>) {
    let folder = folder();
    let scrape = format!("camunda_migration_processes_migrated_total {migrated}\n");
    fs::write(folder.path().join("m.txt"), scrape).expect("write");
    let (address, asked) = store(answers);
    let output = drydock(folder.path())
        .args(["verify", "migration", "--metrics", "m.txt", "--source", &address])
        .args(more)
        .output()
        .expect("it runs");
    let asked = asked.lock().expect("the list").clone();
    (output, asked)
}

#[test]
fn a_migration_that_is_done_is_green_and_only_read() {
    let (output, asked) = look(done(), 7, &["--partitions", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(asked.len() >= 4 && asked.iter().all(|r| r.starts_with("GET ")), "{asked:?}");
}

#[test]
fn each_thing_that_is_not_done_is_told() {
    let two = ["--partitions", "2"];
    let faults: [(Answers, u64, &str); 5] = [
        (done(), 6, "6 of 7 processes were migrated"),
        (
            with("/operate-import-position-*/_search", |_| positions(true)),
            7,
            "operate-import-position: on partition 2",
        ),
        (
            with("/tasklist-import-position-*/_search", |_| positions(true)),
            7,
            "tasklist-import-position: on partition 2",
        ),
        (
            with("/_cat/indices", |a| a.replace("camunda-user-8.8.0_", "camunda-user-8.7.0_")),
            7,
            "1 of 31 indices of 8.8",
        ),
        (
            with("/_cat/indices", |a| a.replace("tasklist-task-8.8.0_", "tasklist-task-8.5.0_")),
            7,
            "1 of 31 indices of 8.8",
        ),
    ];
    for (answers, migrated, words) in faults {
        let (output, _) = look(answers, migrated, &two);
        assert_eq!(output.status.code(), Some(1), "{words}: {}", text(&output));
        assert!(text(&output).contains(words), "{words}: {}", text(&output));
    }
}

#[test]
fn what_cannot_be_seen_is_not_green() {
    let two = ["--partitions", "2"];
    let (unknown, _) = look(done(), 7, &[]);
    assert_eq!(unknown.status.code(), Some(3), "{}", text(&unknown));
    assert!(text(&unknown).contains("--partitions"), "{}", text(&unknown));
    let none =
        with("/operate-process-*/_count", |_| r#"{"count": 0, "_shards": {"total": 0, "failed": 0}}"#.into());
    let (output, _) = look(none, 7, &two);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output));
    let (prefix, _) = look(done(), 7, &["--partitions", "2", "--index-prefix", "ours"]);
    assert_eq!(
        prefix.status.code(),
        Some(5),
        "the indices of another prefix are not there: {}",
        text(&prefix)
    );
    let folder = folder();
    let nobody = drydock(folder.path())
        .args(["verify", "migration", "--source", "http://user:hunter2@127.0.0.1:1"])
        .output()
        .expect("it runs");
    assert_eq!(nobody.status.code(), Some(5), "{}", text(&nobody));
    assert!(!text(&nobody).contains("hunter2"), "{}", text(&nobody));
}
