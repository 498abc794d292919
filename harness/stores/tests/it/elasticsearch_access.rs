//! What applications ask, on two real nodes: a clean pair is silent, and each way to lose access is told with its cause.
//! `DRYDOCK_TEST_ELASTICSEARCH` holds two URLs; without it two nodes are started from `DRYDOCK_TEST_ELASTICSEARCH_HOME`.

use crate::elasticsearch_server::{Door, Node, home, skip};
use drydock_core::names::checks::{ES_ACCESS, ES_DOCUMENTS, ES_IMPORTS, ES_MAPPINGS};
use drydock_core::{Finding, Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, CheckResult, Options};
use drydock_stores::elasticsearch::{Client, Scope, Timeouts};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;

const LIVE: &str = "own-list-view-8.3.0_";
const DATED: &str = "own-list-view-8.3.0_2026-11-19";
const LIST: &str = "own-list-view-8.3.0_alias";
const TASKS: &str = "own-task-8.5.0_";
const TASK_ALIAS: &str = "own-task-8.5.0_alias";
const RECORDS: &str = "own-record_job_8.6.0_2026-11-20";
const RECORD_ALIAS: &str = "own-record-job";
const POSITIONS: &str = "own-import-position-8.3.0_";

struct Pair {
    source: Client,
    target: Client,
    /// What was told otherwise than it should, gathered: a start of two nodes is too dear for one failure at a time.
    wrong: Mutex<Vec<String>>,
    _nodes: Vec<Node>,
}

async fn pair() -> Option<Pair> {
    if let Ok(urls) = std::env::var("DRYDOCK_TEST_ELASTICSEARCH") {
        let (source, target) = urls.split_once(',')?;
        let client =
            |url| Client::new(&ElasticsearchEndpoint::plain(url), Timeouts::default()).expect("a client");
        return Some(Pair {
            source: client(source),
            target: client(target),
            wrong: Mutex::default(),
            _nodes: Vec::new(),
        });
    }
    let home = match home("DRYDOCK_TEST_ELASTICSEARCH_HOME") {
        Ok(home) => home,
        Err(reason) => {
            skip(&reason);
            return None;
        }
    };
    let mut nodes = [Node::start(&home, &Door::Open), Node::start(&home, &Door::Open)];
    let urls = [nodes[0].url.clone(), nodes[1].url.clone()];
    let source = nodes[0].ready(ElasticsearchEndpoint::plain(&urls[0])).await;
    let target = nodes[1].ready(ElasticsearchEndpoint::plain(&urls[1])).await;
    Some(Pair { source, target, wrong: Mutex::default(), _nodes: nodes.into() })
}

fn list_mapping() -> Value {
    json!({"dynamic": "strict", "properties": {
        "id": {"type": "keyword"}, "key": {"type": "long"}, "state": {"type": "keyword"}, "bpmnProcessId": {"type": "keyword"},
        "startDate": {"type": "date", "format": "date_time || epoch_millis"}, "activityId": {"type": "keyword"},
        "joinRelation": {"type": "join", "relations": {"processInstance": ["activity", "variable"]}}}})
}

fn task_mapping() -> Value {
    json!({"dynamic": "false", "properties": {
        "id": {"type": "keyword"}, "assignee": {"type": "keyword"}, "candidateGroups": {"type": "keyword"},
        "state": {"type": "keyword"}, "creationTime": {"type": "date", "format": "date_time || epoch_millis"}}})
}

fn definitions() -> Vec<(&'static str, Value)> {
    let body = |mapping: Value, shards: u32, alias: &str| json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}, "mappings": mapping, "aliases": {alias: {}}});
    let records = json!({"dynamic": "strict", "properties": {"partitionId": {"type": "integer"}, "position": {"type": "long"},
        "valueType": {"type": "keyword"}, "intent": {"type": "keyword"}}});
    let positions = json!({"dynamic": "strict", "properties": {"id": {"type": "keyword"}, "aliasName": {"type": "keyword"},
        "indexName": {"type": "keyword"}, "partitionId": {"type": "integer"}, "position": {"type": "long"}}});
    vec![
        (LIVE, body(list_mapping(), 2, LIST)),
        (DATED, body(list_mapping(), 1, LIST)),
        (TASKS, body(task_mapping(), 1, TASK_ALIAS)),
        (RECORDS, body(records, 3, RECORD_ALIAS)),
        (POSITIONS, body(positions, 1, "own-import-position-8.3.0_alias")),
    ]
}

/// Index, id, routing, source.
type Line = (&'static str, String, Option<String>, Value);

fn documents() -> Vec<Line> {
    let mut all = Vec::new();
    for n in 0..120_u64 {
        let (index, state) = if n % 3 == 0 { (DATED, "COMPLETED") } else { (LIVE, "ACTIVE") };
        // Several begin at one time: ties must not matter.
        let start = format!("2026-11-{:02}T10:00:00.000+0000", n % 7 + 10);
        let process = format!("process-{}", n % 4);
        all.push((
            index,
            n.to_string(),
            None,
            json!({"id": n.to_string(), "key": n, "state": state,
            "bpmnProcessId": process, "startDate": start, "joinRelation": {"name": "processInstance"}}),
        ));
        let child = format!("{n}-a");
        all.push((
            index,
            child.clone(),
            Some(n.to_string()),
            json!({"id": child, "key": n + 1_000, "activityId":
            format!("task-{}", n % 5), "joinRelation": {"name": "activity", "parent": n}}),
        ));
        let assignee = if n % 4 == 0 { Value::Null } else { json!(format!("user-{}", n % 6)) };
        all.push((
            TASKS,
            n.to_string(),
            None,
            json!({"id": n.to_string(), "state": "CREATED", "assignee": assignee,
            "candidateGroups": [format!("group-{}", n % 2)], "creationTime": start}),
        ));
        let (partition, position) = (n % 3 + 1, 1_000 + n);
        all.push((
            RECORDS,
            format!("{partition}-{position}"),
            Some(partition.to_string()),
            json!({
            "partitionId": partition, "position": position, "valueType": "JOB", "intent": "CREATED"}),
        ));
    }
    for partition in 1..=3_u64 {
        let id = format!("{partition}-job");
        all.push((
            POSITIONS,
            id.clone(),
            None,
            json!({"id": id, "aliasName": "job", "indexName": RECORDS,
            "partitionId": partition, "position": 1_116 + partition}),
        ));
    }
    all
}

async fn load(client: &Client, lines: &[Line]) {
    let mut body = String::new();
    for (index, id, routing, source) in lines {
        let mut action = json!({"index": {"_index": index, "_id": id}});
        if let Some(routing) = routing {
            action["index"]["routing"] = json!(routing);
        }
        body += &format!("{action}\n{source}\n");
    }
    client.bulk(body.into_bytes()).await.expect("loaded");
    client.post_empty("/own-*/_refresh").await.expect("refreshed");
}

fn of(index: &str) -> Vec<Line> {
    documents().into_iter().filter(|(i, ..)| *i == index).collect()
}

/// Makes one index again, with documents given in the order in which they are written.
async fn again(client: &Client, index: &str, body: &Value, lines: &[Line]) {
    client.delete(&format!("/{index}")).await.expect("deleted");
    client.put(&format!("/{index}"), body).await.expect("made");
    load(client, lines).await;
}

fn body_of(index: &str) -> Value {
    definitions().into_iter().find(|(name, _)| *name == index).expect("known").1
}

impl Pair {
    async fn compare(&self, exported: &[(i64, i64)]) -> Vec<CheckResult> {
        let scope = Scope { prefixes: vec!["own-".into()] };
        let options =
            Options { exported: BTreeMap::from_iter(exported.iter().copied()), ..Options::default() };
        compare::elasticsearch(self.source.endpoint(), self.target.endpoint(), &scope, &options).await
    }

    async fn found(&self) -> Vec<Finding> {
        red(&self.compare(&[]).await)
    }

    fn must(&self, right: bool, why: impl FnOnce() -> String) {
        if !right {
            self.wrong.lock().expect("no test panicked here").push(why());
        }
    }

    async fn must_be_clean(&self, after: &str) {
        let found = self.found().await;
        self.must(found.is_empty(), || format!("after {after}: {found:#?}"));
    }

    /// The finding of a check about a subject, which must be the only one of the check.
    async fn one(&self, check: &str, kind: Kind, subject: &str, words: &[&str]) -> Vec<Finding> {
        let all = self.found().await;
        let ours: Vec<&Finding> = all.iter().filter(|f| f.check.as_str() == check).collect();
        let told = serde_json::to_string(&ours).expect("text");
        let right = ours.len() == 1 && ours[0].kind == kind && ours[0].subject == subject;
        self.must(right && words.iter().all(|word| told.contains(word)), || {
            format!("{check} should tell {kind} of {subject} with {words:?}: {told}")
        });
        all
    }
}

fn red(results: &[CheckResult]) -> Vec<Finding> {
    let all = results.iter().flat_map(|r| &r.findings);
    all.filter(|f| f.outcome >= Outcome::NotProven).cloned().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_way_to_lose_access_is_told_with_its_cause() {
    let Some(pair) = pair().await else { return };
    let all = documents();
    for (client, backwards) in [(&pair.source, false), (&pair.target, true)] {
        for (index, body) in definitions() {
            client.put(&format!("/{index}"), &body).await.expect("made");
        }
        let mut lines = all.clone();
        if backwards {
            lines.reverse();
        }
        load(client, &lines).await;
    }
    let results = pair.compare(&[(1, 1_100), (2, 1_118)]).await;
    assert_eq!(red(&results), Vec::new());
    let access = results.iter().find(|r| r.check == ES_ACCESS).expect("asked");
    assert!(access.compared > 40, "{}", access.note);
    assert!(access.note.contains("Operate") && access.note.contains("Tasklist"), "{}", access.note);

    access_faults(&pair).await;
    import_faults(&pair).await;
    let wrong = pair.wrong.lock().expect("no test panicked here").join("\n\n");
    assert!(wrong.is_empty(), "{wrong}");
    for client in [&pair.source, &pair.target] {
        for (index, _) in definitions() {
            client.delete(&format!("/{index}")).await.expect("deleted");
        }
    }
}

async fn access_faults(pair: &Pair) {
    let target = &pair.target;
    // An alias that is gone from one of two indices: nothing else notices but the check of aliases.
    target.delete(&format!("/{DATED}/_alias/{LIST}")).await.expect("removed");
    let words = ["covers 1 of 2 indices", "40 of 120 documents of its list are invisible", "Operate"];
    pair.one(ES_ACCESS, Kind::Missing, LIST, &words).await;
    target.put(&format!("/{DATED}/_alias/{LIST}"), &json!({})).await.expect("put back");
    pair.must_be_clean("the alias").await;

    // Fields guessed from documents: the field is text, and grouping by it is refused.
    let mut guessed = body_of(TASKS);
    guessed["mappings"]["properties"]["assignee"] = json!({"type": "text"});
    again(target, TASKS, &guessed, &of(TASKS)).await;
    let words = ["documents by assignee", "keyword on the source and text on the target", "refuse"];
    pair.one(ES_ACCESS, Kind::Unusable, TASK_ALIAS, &words).await;

    // A field mapped after the documents were written: mapping and documents are alike, and no search finds them.
    let mut late = body_of(TASKS);
    late["mappings"]["properties"].as_object_mut().expect("fields").remove("candidateGroups");
    again(target, TASKS, &late, &of(TASKS)).await;
    let field = json!({"properties": {"candidateGroups": {"type": "keyword"}}});
    target.put(&format!("/{TASKS}/_mapping"), &field).await.expect("mapped");
    let words = ["candidateGroups", "before a field was mapped", "120"];
    let told = pair.one(ES_ACCESS, Kind::Changed, TASK_ALIAS, &words).await;
    let silent = told.iter().all(|f| ![ES_MAPPINGS, ES_DOCUMENTS].contains(&f.check.as_str()));
    pair.must(silent, || format!("late: {told:#?}"));
    again(target, TASKS, &body_of(TASKS), &of(TASKS)).await;

    // No join: parents and children do not find each other.
    let mut plain = body_of(LIVE);
    plain["mappings"] = json!({"dynamic": "true", "properties": list_mapping()["properties"].clone()});
    plain["mappings"]["properties"]["joinRelation"] =
        json!({"properties": {"name": {"type": "keyword"}, "parent": {"type": "long"}}});
    again(target, LIVE, &plain, &of(LIVE)).await;
    pair.one(ES_ACCESS, Kind::Unusable, LIST, &["joinRelation", "activity"]).await;
    again(target, LIVE, &body_of(LIVE), &of(LIVE)).await;

    // A smaller window.
    let window = |size: Value| json!({"index.max_result_window": size});
    target.put(&format!("/{LIVE}/_settings"), &window(json!(100))).await.expect("set");
    pair.one(ES_ACCESS, Kind::Unusable, LIST, &["10000 documents at once", "max_result_window"]).await;
    target.put(&format!("/{LIVE}/_settings"), &window(Value::Null)).await.expect("set back");

    // Records without their routing: the importer, which asks one shard, finds a part of them.
    let unrouted: Vec<Line> =
        of(RECORDS).into_iter().map(|(i, id, _, source)| (i, id, None, source)).collect();
    again(target, RECORDS, &body_of(RECORDS), &unrouted).await;
    let words = ["by its routing value", "the importers"];
    pair.one(ES_ACCESS, Kind::Changed, RECORD_ALIAS, &words).await;
    again(target, RECORDS, &body_of(RECORDS), &of(RECORDS)).await;
    pair.must_be_clean("every harm was put right").await;
}

async fn import_faults(pair: &Pair) {
    let Pair { source, target, .. } = pair;
    // The last records of one partition.
    let lost = target.delete(&format!("/{RECORDS}/_doc/2-1118?routing=2")).await;
    lost.expect("deleted");
    pair.one(ES_IMPORTS, Kind::LostWrite, POSITIONS, &["ahead of the records", "job of partition 2"]).await;
    let exported = red(&pair.compare(&[(2, 1_118)]).await);
    let told: Vec<&str> =
        exported.iter().filter(|f| f.check.as_str() == ES_IMPORTS).map(|f| f.subject.as_str()).collect();
    pair.must(told == [POSITIONS, "exporter/partition-2"], || format!("exported: {exported:#?}"));
    again(target, RECORDS, &body_of(RECORDS), &of(RECORDS)).await;

    // An unfinished import is old dirt as long as the records came along.
    let behind = json!({"doc": {"position": 1_100}});
    for client in [source, target] {
        client.post(&format!("/{POSITIONS}/_update/1-job?refresh=true"), &behind).await.expect("set");
    }
    let results = pair.compare(&[]).await;
    pair.must(red(&results).is_empty(), || format!("unfinished: {:#?}", red(&results)));
    let dirt: Vec<&Finding> =
        results.iter().flat_map(|r| &r.findings).filter(|f| f.check.as_str() == ES_IMPORTS).collect();
    let right = dirt.len() == 1 && dirt[0].kind == Kind::OldDirt && dirt[0].message.contains("6 records");
    pair.must(right, || format!("unfinished: {dirt:#?}"));
    target.delete(&format!("/{RECORDS}/_doc/1-1114?routing=1")).await.expect("deleted");
    pair.one(ES_IMPORTS, Kind::LostWrite, POSITIONS, &["1 records", "never be imported"]).await;
    again(target, RECORDS, &body_of(RECORDS), &of(RECORDS)).await;
    pair.must_be_clean("every harm was put right").await;
}
