//! Documents under pressure, lost points in time, other orders, and every kind of difference.

use crate::fake_elasticsearch::{Document, FakeElasticsearch, Fault};
use drydock_core::names::checks::{
    ES_ALIASES, ES_COUNTS, ES_DOCUMENTS, ES_INDICES, ES_MAPPINGS, ES_SETTINGS,
};
use drydock_core::{Finding, Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, CheckResult, Options};
use drydock_stores::elasticsearch::Scope;
use serde_json::json;

fn documents(count: u64) -> Vec<Document> {
    let one = |i: u64| {
        let key = 9_007_199_254_740_993_u64 + i;
        let routing = i.is_multiple_of(3).then(|| format!("{}", i % 7));
        (
            format!("{key}"),
            routing,
            Some(format!("{{\"key\":{key},\"state\":\"ACTIVE\",\"n\":[{i},1.0,null]}}")),
        )
    };
    (0..count).map(one).collect()
}

async fn pair(count: u64) -> (FakeElasticsearch, FakeElasticsearch) {
    let (a, b) = (FakeElasticsearch::start().await, FakeElasticsearch::start().await);
    a.contents().indices.insert("operate-x_".into(), documents(count));
    let mut other = documents(count);
    other.reverse();
    b.contents().indices.insert("operate-x_".into(), other);
    (a, b)
}

async fn compare(a: &FakeElasticsearch, b: &FakeElasticsearch) -> Vec<CheckResult> {
    let endpoint = |fake: &FakeElasticsearch| ElasticsearchEndpoint::plain(&fake.url);
    compare::elasticsearch(&endpoint(a), &endpoint(b), &Scope::default(), &Options::default()).await
}

fn findings(results: &[CheckResult]) -> Vec<Finding> {
    results.iter().flat_map(|r| r.findings.clone()).collect()
}

fn of<'a>(all: &'a [Finding], check: &str) -> Vec<&'a Finding> {
    all.iter().filter(|f| f.check.as_str() == check).collect()
}

#[tokio::test]
async fn another_order_is_no_difference() {
    let (a, b) = pair(5_000).await;
    let results = compare(&a, &b).await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
    let documents = results.iter().find(|r| r.check == ES_DOCUMENTS).expect("compared");
    assert_eq!(documents.compared, 5_000);
}

#[tokio::test]
async fn pressure_loses_and_repeats_nothing() {
    let (a, b) = pair(9_000).await;
    use Fault::{CutShort, None as Fine, PartialShards, TimedOut, TooManyRequests, Unavailable};
    a.contents().faults = [TooManyRequests, Unavailable, Fine, CutShort, Fine, TimedOut, Fine].into();
    b.contents().faults = [Fine, PartialShards, Fine, TooManyRequests, CutShort, Fine].into();
    let results = compare(&a, &b).await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));
    let sizes = a.contents().sizes.clone();
    assert!(sizes[1] < sizes[0] && sizes[2] < sizes[1], "pages shrink: {sizes:?}");
    assert!(sizes.last() > sizes.get(2), "and grow again: {sizes:?}");
}

#[tokio::test]
async fn a_lost_point_in_time_is_opened_again_only_if_nothing_was_written() {
    let (a, b) = pair(3_000).await;
    a.contents().faults = [Fault::None, Fault::PitLost].into();
    let results = compare(&a, &b).await;
    assert!(findings(&results).is_empty(), "{:#?}", findings(&results));

    a.contents().faults = [Fault::None, Fault::PitLostAndWritten].into();
    let all = findings(&compare(&a, &b).await);
    assert_eq!(of(&all, ES_DOCUMENTS)[0].outcome, Outcome::NotProven, "{all:#?}");
    assert_eq!(all.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_read_is_not_proven() {
    for fault in [Fault::Forbidden, Fault::EmptyPage] {
        let (a, b) = pair(100).await;
        b.contents().faults = [fault; 10].into();
        let all = findings(&compare(&a, &b).await);
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((all[0].outcome, all[0].subject.as_str()), (Outcome::NotProven, "operate-x_"));
    }
    // Without a stored source, ids and routing are all there is.
    let (a, b) = pair(10).await;
    for fake in [&a, &b] {
        for document in fake.contents().indices.get_mut("operate-x_").expect("index") {
            document.2 = None;
        }
    }
    let all = findings(&compare(&a, &b).await);
    assert!(all.iter().all(|f| f.outcome == Outcome::NotProven && f.count == 10), "{all:#?}");
    assert_eq!(all.len(), 2);
    // Nothing listens there.
    let gone = FakeElasticsearch::start().await;
    let endpoint = ElasticsearchEndpoint::plain(gone.url.clone());
    drop(gone);
    let live = ElasticsearchEndpoint::plain(&a.url);
    let results = compare::elasticsearch(&live, &endpoint, &Scope::default(), &Options::default()).await;
    assert!(
        results.len() == drydock_core::names::checks::ELASTICSEARCH.len()
            && results.iter().all(|r| r.findings[0].outcome == Outcome::NotProven)
    );
}

#[tokio::test]
async fn every_difference_is_named() {
    let (a, b) = pair(2_000).await;
    a.contents().indices.insert("operate-y_2026-01-01".into(), Vec::new());
    b.contents().indices.insert("operate-y_2026-01-01".into(), Vec::new());
    {
        let mut target = b.contents();
        let documents = target.indices.get_mut("operate-x_").expect("index");
        let at = |documents: &Vec<Document>, i: u64| {
            let id = format!("{}", 9_007_199_254_740_993_u64 + i);
            documents.iter().position(|d| d.0 == id).expect("there")
        };
        let gone = at(documents, 10);
        documents.remove(gone);
        let changed = at(documents, 20);
        documents[changed].2 = documents[changed].2.as_ref().map(|s| s.replace("ACTIVE", "COMPLETED"));
        let rerouted = at(documents, 30);
        documents[rerouted].1 = None;
        let moved = at(documents, 40);
        let moved = documents.remove(moved);
        let (x, y) = (at(documents, 50), at(documents, 51));
        let kept = documents[x].2.clone();
        documents[x].2 = documents[y].2.clone();
        documents[y].2 = kept;
        documents.push(("new".into(), None, Some("{\"password\":\"hunter2\"}".into())));
        target.indices.get_mut("operate-y_2026-01-01").expect("index").push(moved);
    }
    let all = findings(&compare(&a, &b).await);
    let found = |kind: Kind| {
        let of: Vec<_> = of(&all, ES_DOCUMENTS).into_iter().filter(|f| f.kind == kind).collect();
        assert_eq!(of.len(), 1, "{kind}: {all:#?}");
        (of[0].count, of[0].samples[0].clone())
    };
    assert_eq!(found(Kind::Missing).1.item, "_id 9007199254741003");
    assert_eq!(found(Kind::Changed).0, 3);
    assert_eq!(found(Kind::Changed).1.source.as_deref(), Some("state: \"ACTIVE\""));
    assert_eq!(found(Kind::Rerouted).1.item, "_id 9007199254741023, routing 2 -> _id 9007199254741023");
    assert_eq!(found(Kind::Moved).1.item, "_id 9007199254741033");
    assert_eq!(found(Kind::Extra).1.item, "_id new");
    assert!(!format!("{all:?}").contains("hunter2"));
    assert_eq!(of(&all, ES_COUNTS).len(), 2);
    assert_eq!(all.len(), 7, "{all:#?}");
}

#[tokio::test]
async fn shapes_and_missing_indices() {
    let (a, b) = pair(10).await;
    let define = |fake: &FakeElasticsearch, definition| {
        fake.contents().definitions.insert("operate-x_".into(), definition);
    };
    define(
        &a,
        json!({"aliases": {"operate-xalias": {"is_write_index": false}}, "mappings": {"properties": {"k": {"type": "keyword"}}},
        "settings": {"index.number_of_replicas": "1", "index.uuid": "1"}}),
    );
    define(
        &b,
        json!({"aliases": {"operate-xalias": {}}, "mappings": {"properties": {"k": {"type": "text"}}},
        "settings": {"index.number_of_replicas": "0", "index.refresh_interval": "-1", "index.uuid": "2"}}),
    );
    a.contents().indices.insert("operate-gone_".into(), documents(7));
    b.contents().indices.insert("operate-new_".into(), documents(3));
    b.contents().indices.insert(".security".into(), Vec::new());
    let all = findings(&compare(&a, &b).await);
    for (check, kind, subject, word) in [
        (ES_INDICES, Kind::Missing, "operate-gone_", "7 documents"),
        (ES_INDICES, Kind::Extra, "operate-new_", "3 documents"),
        (ES_INDICES, Kind::NotAsked, "elasticsearch/outside-scope", "1 indices"),
        (ES_MAPPINGS, Kind::Changed, "operate-x_", "field k, type: keyword -> text"),
        (ES_SETTINGS, Kind::Changed, "operate-x_/leftover", "left behind"),
        (ES_ALIASES, Kind::Changed, "operate-x_/operate-xalias", "is_write_index: false -> unset"),
    ] {
        let hit = of(&all, check).into_iter().find(|f| f.kind == kind && f.subject == subject);
        assert!(hit.is_some_and(|f| f.message.contains(word)), "{check} {subject}: {all:#?}");
    }
    assert_eq!(all.len(), 6, "{all:#?}");
}
