//! What applications ask, put to both sides through the names they read.

use super::super::describe;
use super::super::result::CheckResult;
use crate::elasticsearch::{ElasticsearchError, IndexState, PinnedEs};
use drydock_core::names::checks;
use drydock_core::{Finding, Outcome};
use drydock_parity::elasticsearch::usage::{
    Answer, Asked, Behind, Door, Figure, List, Questions, figures, judge, page,
};
use futures_util::StreamExt;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

const CHECK: &str = checks::ES_ACCESS;
/// Doors that are asked at once; each has one request on its way to either side.
const CONCURRENT: usize = 4;

/// Every answer, not judged yet: the documents' comparison tells some of the causes.
pub(super) struct Answers {
    doors: Vec<(Door, Vec<Asked>)>,
    millis: u64,
}

/// Puts the questions of every door of the source to both sides.
pub(super) async fn ask(source: &PinnedEs, target: &PinnedEs) -> Answers {
    let began = Instant::now();
    let doors = futures_util::stream::iter(source.doors().values().cloned())
        .map(|door| async move {
            let asked = through(source, target, &door).await;
            (door, asked)
        })
        .buffered(CONCURRENT)
        .collect()
        .await;
    Answers { doors, millis: super::millis(began) }
}

/// Judges the answers. `results` are the other checks of the same comparison.
pub(super) fn conclude(
    source: &PinnedEs,
    target: &PinnedEs,
    answers: Answers,
    results: &[CheckResult],
) -> CheckResult {
    let told = [checks::ES_DOCUMENTS, checks::ES_COUNTS, checks::ES_INDICES];
    let findings = results.iter().filter(|r| told.contains(&r.check)).flat_map(|r| &r.findings);
    let differing: BTreeSet<&str> =
        findings.filter(|f| f.outcome >= Outcome::NotProven).map(|f| f.subject.as_str()).collect();
    let on_target: BTreeSet<&str> = target
        .indices()
        .iter()
        .filter(|(_, index)| index.state == IndexState::Open)
        .map(|(name, _)| name.as_str())
        .collect();
    // A list that both sides gave, and that is empty on both, has been compared.
    let mut compared = 1;
    let mut findings = Vec::new();
    let mut applications: BTreeMap<String, u64> = BTreeMap::new();
    for (door, asked) in &answers.doors {
        compared += asked.len() as u64;
        *applications.entry(door.application().to_string()).or_default() += 1;
        let behind = Behind {
            documents: door
                .members
                .keys()
                .filter_map(|m| Some((m.as_str(), *source.indices().get(m)?.documents.as_ref().ok()?)))
                .collect(),
            on_target: on_target.clone(),
            differing: differing.clone(),
            mapped: mapped(source, target, door),
        };
        findings.extend(judge(door, target_door(target, door).as_ref(), asked, &behind));
    }
    let doors: u64 = applications.values().sum();
    let of: Vec<String> = applications.iter().map(|(name, n)| format!("{n} of {name}")).collect();
    let absent: Vec<&str> = ["Operate", "Tasklist", "Optimize", "the importers"]
        .into_iter()
        .filter(|application| !applications.contains_key(*application))
        .collect();
    let mut note = format!("{} queries put to both sides through {doors} names", compared - 1);
    if !of.is_empty() {
        note.push_str(&format!(": {}", of.join(", ")));
    }
    if !absent.is_empty() {
        note.push_str(&format!(
            "; not compared, because the source has no index of it: {}",
            absent.join(", ")
        ));
    }
    CheckResult { check: CHECK, compared, findings, note, millis: answers.millis }
}

/// Says in the next step where an index behind a door was written to since it was pinned.
pub(super) fn tell_moving(
    source: &PinnedEs,
    finding: &mut Finding,
    moved: (&BTreeSet<String>, &BTreeSet<String>),
) {
    let Some(door) = source.doors().get(&finding.subject) else { return };
    let written = |moved: &BTreeSet<String>| door.members.keys().any(|index| moved.contains(index));
    describe::moving(finding, (written(moved.0), written(moved.1)));
}

/// The same name on the target. An index that has no alias on the source is read by its own name there as well.
fn target_door(target: &PinnedEs, door: &Door) -> Option<Door> {
    let by_name = || {
        let index = target.indices().get(&door.name).filter(|i| i.state == IndexState::Open)?;
        let mut there = door.clone();
        there.members = [(door.name.clone(), Value::Null)].into();
        let window = &index.definition["settings"]["index.max_result_window"];
        there.window = window.as_str().and_then(|w| w.parse().ok()).unwrap_or(10_000);
        Some(there)
    };
    target.doors().get(&door.name).cloned().or_else(by_name)
}

/// Fields that are mapped in another type on the target, or not at all.
fn mapped(source: &PinnedEs, target: &PinnedEs, door: &Door) -> Vec<(String, String)> {
    let mut differ = Vec::new();
    for index in door.members.keys() {
        let (Some(a), Some(b)) = (source.indices().get(index), target.indices().get(index)) else { continue };
        let leaves = |of: &Value| drydock_parity::elasticsearch::usage::leaves(&of["mappings"]);
        let there = leaves(&b.definition);
        for field in leaves(&a.definition) {
            let other = there.iter().find(|f| f.path == field.path);
            let words = match other {
                None => format!("{} on the source and not indexed on the target", field.kind),
                Some(other) if other.kind != field.kind => {
                    format!("{} on the source and {} on the target", field.kind, other.kind)
                }
                Some(other) if other.counted != field.counted => {
                    "held for sorting and counting on one side only".to_owned()
                }
                Some(other) if other.relations != field.relations => {
                    "a join of other relations on the target".to_owned()
                }
                Some(_) => continue,
            };
            differ.push((format!("{} of {index}", field.path), words));
        }
    }
    differ
}

async fn through(source: &PinnedEs, target: &PinnedEs, door: &Door) -> Vec<Asked> {
    let absent = |index: &String| !target.indices().contains_key(index);
    if !door.is_known() && !target.leads_anywhere(&door.name) && door.members.keys().all(absent) {
        // The check of its kind tells of it, and nobody is known to read it.
        return Vec::new();
    }
    let questions = Questions::of(door);
    let mut asked = Vec::new();
    let name = door.name.as_str();
    let both = Both { source, target, name, routing: None };
    let first = both.figures(&questions.figures).await;
    let values = first_values(&questions.figures, &first);
    asked.extend(first);
    if let Some(list) = &questions.list {
        asked.extend(both.list(list).await);
    }
    let searches = Questions::searches(door, &values);
    if !searches.is_empty() {
        asked.extend(both.figures(&searches).await.into_iter().skip(1));
    }
    // Only a smaller window refuses what the source answers.
    if target_door(target, door).is_some_and(|there| there.window < questions.window) {
        asked.push(both.window(questions.window).await);
    }
    for routing in source.routings(name) {
        let both = Both { source, target, name, routing: Some(&routing) };
        asked.push(both.importer(&routing).await);
    }
    asked
}

/// The first value of each field that was grouped by, from the source's answer.
fn first_values(asked: &[Figure], answers: &[Asked]) -> Vec<(String, Value)> {
    let answer = |figure: &Figure| answers.iter().find(|a| a.name == figure.name);
    asked
        .iter()
        .filter_map(|figure| {
            let field = figure.groups.clone()?;
            let Answer::Figures(buckets) = &answer(figure)?.source else { return None };
            let value = buckets.keys().find(|key| !key.is_empty())?;
            Some((field, json!(value)))
        })
        .collect()
}

/// One name on both sides.
struct Both<'a> {
    source: &'a PinnedEs,
    target: &'a PinnedEs,
    name: &'a str,
    routing: Option<&'a str>,
}

impl Both<'_> {
    async fn ask(&self, body: &Value) -> (Result<Value, Answer>, Result<Value, Answer>) {
        let one = |side: &PinnedEs| {
            let side = side.clone();
            async move {
                if !side.leads_anywhere(self.name) {
                    return Err(Answer::Refused(format!("there is no index and no alias {}", self.name)));
                }
                if side.indices().get(self.name).is_some_and(|i| i.state == IndexState::Closed) {
                    return Err(Answer::Refused(format!("the index {} is closed", self.name)));
                }
                // A side that has one shard a record type is not held still by routing: it needs none.
                let routing =
                    self.routing.filter(|r| side.routings(self.name).iter().any(|known| known == r));
                side.ask(self.name, routing, body).await.map_err(|e| refusal(&e))
            }
        };
        tokio::join!(one(self.source), one(self.target))
    }

    /// The total, and every figure; one by one where a side refuses them together.
    async fn figures(&self, figures: &[Figure]) -> Vec<Asked> {
        let (a, b) = self.ask(&request(figures)).await;
        let refused = |answer: &Result<Value, Answer>| matches!(answer, Err(Answer::Refused(_)));
        let gone = !self.target.leads_anywhere(self.name);
        if figures.len() > 1 && (refused(&a) || refused(&b)) && !gone {
            let mut asked = Vec::new();
            for figure in figures {
                let (a, b) = self.ask(&request(std::slice::from_ref(figure))).await;
                let one = read(std::slice::from_ref(figure), a, b);
                asked.extend(one.into_iter().skip(usize::from(!asked.is_empty())));
            }
            return asked;
        }
        read(figures, a, b)
    }

    /// The first two pages.
    async fn list(&self, list: &List) -> Vec<Asked> {
        let read = |answer: Result<Value, Answer>| match answer {
            Ok(answer) => page(&answer, list.sort.len()).map_or_else(Answer::Unknown, Answer::List),
            Err(other) => other,
        };
        let (a, b) = self.ask(&list.request(None)).await;
        let (a, b) = (read(a), read(b));
        let next = |answer: &Answer| match answer {
            Answer::List(page) if page.total > page.hits.len() as u64 => page.next.clone(),
            _ => None,
        };
        // Where the first pages differ the second ones begin elsewhere.
        let after = next(&a).zip(next(&b)).filter(|_| a == b || same_hits(&a, &b));
        let mut asked = vec![Asked { name: list.name.clone(), source: a, target: b }];
        if let Some((from, to)) = after {
            let (a, b) = (list.request(Some(&from)), list.request(Some(&to)));
            let (a, b) =
                tokio::join!(self.source.ask(self.name, None, &a), self.target.ask(self.name, None, &b));
            let name = format!("{}, next page", list.name);
            let (a, b) = (a.map_err(|e| refusal(&e)), b.map_err(|e| refusal(&e)));
            asked.push(Asked { name, source: read(a), target: read(b) });
        }
        asked
    }

    /// As many documents at once as the source allows. That none has this id does not matter: the store checks before it looks.
    async fn window(&self, size: u64) -> Asked {
        let body = json!({"size": size, "_source": false, "query": {"ids": {"values": ["drydock"]}}});
        let (a, b) = self.ask(&body).await;
        let read = |answer: Result<Value, Answer>| match answer {
            Ok(_) => Answer::Figures(BTreeMap::new()),
            Err(other) => other,
        };
        Asked { name: format!("{size} documents at once"), source: read(a), target: read(b) }
    }

    /// What an importer finds of one partition, which it asks for with the partition as routing value.
    async fn importer(&self, partition: &str) -> Asked {
        let number: Value = partition.parse::<i64>().map_or_else(|_| json!(partition), |n| json!(n));
        let body = json!({"size": 0, "track_total_hits": true, "query": {"term": {"partitionId": number}}});
        let (a, b) = self.ask(&body).await;
        let name = format!("records of partition {partition} by its routing value");
        read(&[], a, b).pop().map_or_else(
            || Asked { name: name.clone(), source: nothing(), target: nothing() },
            |asked| Asked { name: name.clone(), ..asked },
        )
    }
}

fn nothing() -> Answer {
    Answer::Unknown("no answer".to_owned())
}

fn same_hits(a: &Answer, b: &Answer) -> bool {
    matches!((a, b), (Answer::List(a), Answer::List(b)) if a.hits == b.hits)
}

fn request(figures: &[Figure]) -> Value {
    let numbered = figures.iter().enumerate().map(|(at, figure)| (at.to_string(), figure.body.clone()));
    let aggregations: Map<String, Value> = numbered.collect();
    let mut body = json!({"size": 0, "track_total_hits": true});
    if !aggregations.is_empty() {
        body["aggs"] = Value::Object(aggregations);
    }
    body
}

/// The total first, then each figure.
fn read(asked: &[Figure], a: Result<Value, Answer>, b: Result<Value, Answer>) -> Vec<Asked> {
    let side = |answer: Result<Value, Answer>| -> Vec<Answer> {
        let failed = |answer: Answer| vec![answer; asked.len() + 1];
        let answer = match answer {
            Ok(answer) => answer,
            Err(other) => return failed(other),
        };
        let total = answer["hits"]["total"]["value"].as_u64();
        let mut all = match (figures(&answer), total) {
            (Ok(all), Some(_)) => all,
            (Err(why), _) => return failed(Answer::Unknown(why)),
            (_, None) => return failed(Answer::Unknown("no total".to_owned())),
        };
        let total = BTreeMap::from([("documents".to_owned(), total.unwrap_or_default().to_string())]);
        let each =
            (0..asked.len()).map(|at| Answer::Figures(all.remove(&at.to_string()).unwrap_or_default()));
        std::iter::once(Answer::Figures(total)).chain(each).collect()
    };
    let names = std::iter::once("all documents".to_owned()).chain(asked.iter().map(|f| f.name.clone()));
    let answers = side(a).into_iter().zip(side(b));
    names.zip(answers).map(|(name, (source, target))| Asked { name, source, target }).collect()
}

/// What a failed request says of the application: a refusal it would meet as well, or nothing. A name that is not there is
/// not asked at all: what answers 404 has gone since it was pinned.
fn refusal(error: &ElasticsearchError) -> Answer {
    match error.status() {
        Some(400 | 405 | 413 | 500 | 501) if !error.is_pressure() => Answer::Refused(reason(error)),
        _ => Answer::Unknown(error.to_string()),
    }
}

fn reason(error: &ElasticsearchError) -> String {
    match &error.kind {
        crate::elasticsearch::ErrorKind::Status { status, reason, .. } => format!("HTTP {status}: {reason}"),
        other => other.to_string(),
    }
}
