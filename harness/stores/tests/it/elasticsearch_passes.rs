//! The ways a comparison takes: bytes or meaning first, documents by id or all of them again, figures alone. Whatever the
//! way, the result is the same, and a store that breaks down on it changes nothing.

use crate::fake_elasticsearch::{Asked, Document, FakeElasticsearch, Fault};
use drydock_core::names::checks::{ES_COUNTS, ES_DOCUMENTS};
use drydock_core::{Finding, Kind, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options, Tier, Versions};
use drydock_stores::elasticsearch::Scope;
use serde_json::json;

const INDEX: &str = "operate-x_";

fn document(i: u64) -> Document {
    let key = 9_007_199_254_740_993_u64 + i;
    let routing = i.is_multiple_of(3).then(|| format!("{}", i % 7));
    (
        format!("{key}"),
        routing,
        Some(format!("{{\"key\":{key},\"n\":{},\"on\":{}}}", i % 50, i.is_multiple_of(2))),
    )
}

/// The same document in other bytes.
fn rewritten((id, routing, source): Document) -> Document {
    let source = source.map(|s| {
        let body = s.trim_matches(['{', '}']).to_owned();
        let (first, rest) = body.split_once(',').map_or((body.as_str(), ""), |parts| parts);
        format!("{{ {rest}, {first} }}")
    });
    (id, routing, source)
}

async fn pair(source: Vec<Document>, target: Vec<Document>) -> (FakeElasticsearch, FakeElasticsearch) {
    let (a, b) = (FakeElasticsearch::start().await, FakeElasticsearch::start().await);
    a.contents().indices.insert(INDEX.into(), source);
    b.contents().indices.insert(INDEX.into(), target);
    (a, b)
}

async fn compare(a: &FakeElasticsearch, b: &FakeElasticsearch, options: &Options) -> Vec<Finding> {
    let endpoint = |fake: &FakeElasticsearch| ElasticsearchEndpoint::plain(&fake.url);
    let results = compare::elasticsearch(&endpoint(a), &endpoint(b), &Scope::default(), options).await;
    results.into_iter().flat_map(|r| r.findings).collect()
}

fn asked(fake: &FakeElasticsearch) -> Vec<Asked> {
    let mut asked = std::mem::take(&mut fake.contents().asked);
    asked.dedup();
    asked
}

#[tokio::test]
async fn one_difference_is_fetched_by_id() {
    let all: Vec<_> = (0..8_000).map(document).collect();
    let mut other = all.clone();
    other[4_321].2 = Some("{\"key\":1}".into());
    other.reverse();
    let (a, b) = pair(all, other).await;
    let found = compare(&a, &b, &Options::default()).await;
    assert_eq!((found.len(), found[0].kind, found[0].count), (1, Kind::Changed, 1), "{found:#?}");
    for fake in [&a, &b] {
        let asked = asked(fake);
        assert_eq!(asked[asked.len() - 3..], [Asked::Documents, Asked::Ids, Asked::ById], "{asked:?}");
    }
}

#[tokio::test]
async fn documents_in_other_bytes_are_equal_and_read_once() {
    let all: Vec<_> = (0..8_000).map(document).collect();
    let (a, b) = pair(all.clone(), all.clone()).await;
    assert_eq!(compare(&a, &b, &Options::default()).await, []);
    let pages = a.contents().asked.len();
    let (a, b) = pair(all.clone(), all.into_iter().map(rewritten).collect()).await;
    assert_eq!(compare(&a, &b, &Options::default()).await, []);
    assert_eq!(a.contents().asked.len(), pages, "one pass, as over equal bytes");
    // A sample on either side, then that pass.
    assert_eq!(asked(&a), [Asked::Documents]);
    assert_eq!(asked(&b), [Asked::ById, Asked::Documents]);
    // A real difference among them.
    b.contents().indices.get_mut(INDEX).expect("there")[77].2 = Some("{}".into());
    let found = compare(&a, &b, &Options::default()).await;
    assert_eq!((found.len(), found[0].kind, found[0].count), (1, Kind::Changed, 1), "{found:#?}");
}

#[tokio::test]
async fn a_wrong_guess_about_bytes_changes_no_result() {
    // The documents looked at first are written alike, the others are not.
    let all: Vec<_> = (0..30_000).map(document).collect();
    for rewritten_from in [100, 29_900] {
        let tail = all[rewritten_from..].iter().cloned().map(rewritten);
        let mut other: Vec<_> = all[..rewritten_from].iter().cloned().chain(tail).collect();
        let (a, b) = pair(all.clone(), other.clone()).await;
        assert_eq!(compare(&a, &b, &Options::default()).await, []);
        other.swap_remove(15_000);
        b.contents().indices.insert(INDEX.into(), other);
        let found = compare(&a, &b, &Options::default()).await;
        let documents: Vec<_> = found.iter().filter(|f| f.check.as_str() == ES_DOCUMENTS).collect();
        assert_eq!(
            (documents.len(), documents[0].kind, documents[0].count),
            (1, Kind::Missing, 1),
            "{found:#?}"
        );
    }
}

#[tokio::test]
async fn slices_add_up() {
    let all: Vec<_> = (0..210_000).map(document).collect();
    let mut other = all.clone();
    other.reverse();
    let (a, b) = pair(all, other).await;
    let options = Options::default();
    assert_eq!(compare(&a, &b, &options).await, []);
    b.contents().indices.get_mut(INDEX).expect("there").remove(100_001);
    b.contents().fault_on = Some((Asked::Ids, Fault::PitLost));
    let found = compare(&a, &b, &options).await;
    let documents: Vec<_> = found.iter().filter(|f| f.check.as_str() == ES_DOCUMENTS).collect();
    assert_eq!((documents.len(), documents[0].kind, documents[0].count), (1, Kind::Missing, 1), "{found:#?}");
    // A slice that ends early is noticed.
    b.contents().fault_on = Some((Asked::Documents, Fault::EmptyPage));
    let found = compare(&a, &b, &options).await;
    let documents: Vec<_> = found.iter().filter(|f| f.check.as_str() == ES_DOCUMENTS).collect();
    assert_eq!((documents.len(), documents[0].outcome), (1, Outcome::NotProven), "{found:#?}");
}

#[tokio::test]
async fn a_store_that_breaks_down_on_any_way_changes_nothing() {
    let all: Vec<_> = (0..4_000).map(document).collect();
    let mut other = all.clone();
    other[10].1 = Some("elsewhere".into());
    for on in [Asked::Documents, Asked::Ids, Asked::ById] {
        for fault in
            [Fault::PitLost, Fault::TooManyRequests, Fault::CutShort, Fault::TimedOut, Fault::PartialShards]
        {
            let (a, b) = pair(all.clone(), other.clone()).await;
            b.contents().fault_on = Some((on, fault));
            let found = compare(&a, &b, &Options::default()).await;
            assert_eq!(
                (found.len(), found[0].kind, found[0].count),
                (1, Kind::Rerouted, 1),
                "{on:?} {fault:?}: {found:#?}"
            );
            assert_eq!(b.contents().fault_on, None, "{on:?} was asked for");
        }
        for fault in [Fault::Forbidden, Fault::PitLostAndWritten, Fault::EmptyPage] {
            let (a, b) = pair(all.clone(), other.clone()).await;
            b.contents().fault_on = Some((on, fault));
            let found = compare(&a, &b, &Options::default()).await;
            let honest = !found.is_empty() && found.iter().all(|f| f.outcome == Outcome::NotProven);
            assert!(honest, "{on:?} {fault:?}: {found:#?}");
        }
    }
}

#[tokio::test]
async fn one_id_under_two_routings_is_two_documents() {
    let mut all: Vec<_> = (0..6_000).map(document).collect();
    let twin =
        |routing: &str, n: u8| ("twin".to_owned(), Some(routing.to_owned()), Some(format!("{{\"n\":{n}}}")));
    all.extend([twin("1", 1), twin("2", 2)]);
    let (a, b) = pair(all.clone(), all.clone()).await;
    assert_eq!(compare(&a, &b, &Options::default()).await, []);
    // Their contents swapped.
    let mut other = all.clone();
    other[6_000].2 = Some("{\"n\":2}".into());
    other[6_001].2 = Some("{\"n\":1}".into());
    b.contents().indices.insert(INDEX.into(), other);
    let found = compare(&a, &b, &Options::default()).await;
    assert_eq!((found.len(), found[0].kind, found[0].count), (1, Kind::Changed, 2), "{found:#?}");
    // One of them lost.
    all.pop();
    b.contents().indices.insert(INDEX.into(), all);
    let found = compare(&a, &b, &Options::default()).await;
    let sample = found.iter().find(|f| f.check.as_str() == ES_DOCUMENTS).map(|f| f.samples[0].item.clone());
    assert_eq!(sample.as_deref(), Some("_id twin, routing 2"), "{found:#?}");
}

#[tokio::test]
async fn versions_count_where_they_are_asked_for() {
    let all: Vec<_> = (0..300).map(document).collect();
    let (a, b) = pair(all.clone(), all.clone()).await;
    let id = |i: usize| all[i].0.clone();
    a.contents().versions = [(id(1), 5), (id(2), 5), (id(3), 7)].into();
    b.contents().versions = [(id(1), 5), (id(2), 2), (id(3), 9)].into();
    assert_eq!(compare(&a, &b, &Options::default()).await, [], "versions do not count by default");
    let strict = Options { versions: Versions::Compared, ..Options::default() };
    let found = compare(&a, &b, &strict).await;
    assert_eq!(
        found.iter().map(|f| (f.kind, f.count)).collect::<Vec<_>>(),
        [(Kind::Stale, 1); 2],
        "{found:#?}"
    );
    assert!(found[0].message.contains("lower version") && found[1].message.contains("higher version"));
    assert!(found[0].samples[0].item.contains("_version 5 -> 2"), "{found:#?}");
    // A changed document tells its versions in any case.
    b.contents().indices.get_mut(INDEX).expect("there")[2].2 = Some("{}".into());
    let found = compare(&a, &b, &Options::default()).await;
    assert_eq!((found[0].kind, found.len()), (Kind::Changed, 1));
    assert!(found[0].samples[0].item.contains("_version 5 -> 2: an older state"), "{found:#?}");
    let found = compare(&a, &b, &strict).await;
    assert!(found[0].message.contains("1 of them with other content"), "{found:#?}");
}

#[tokio::test]
async fn ghosts_are_called_ghosts() {
    let all: Vec<_> = (0..100).map(document).collect();
    let (a, b) = pair(all[..99].to_vec(), all).await;
    let found = compare(&a, &b, &Options::default()).await;
    let extra = found.iter().find(|f| f.check.as_str() == ES_DOCUMENTS).expect("found");
    assert!(extra.kind == Kind::Extra && extra.message.contains("ghosts"), "{extra:#?}");
}

#[tokio::test]
async fn the_fast_tier_says_what_it_left_open_and_locates_what_it_saw() {
    let all: Vec<_> = (0..6_000).map(document).collect();
    let mut other = all.clone();
    other.reverse();
    let (a, b) = pair(all, other).await;
    let mapping = json!({"aliases": {}, "settings": {}, "mappings": {"properties": {
        "key": {"type": "long"}, "n": {"type": "integer"}, "on": {"type": "boolean"}}}});
    for fake in [&a, &b] {
        fake.contents().definitions.insert(INDEX.into(), mapping.clone());
    }
    let fast = Options { tier: Tier::Fast, ..Options::default() };
    let found = compare(&a, &b, &fast).await;
    assert_eq!((found.len(), found[0].outcome), (1, Outcome::NotAsked), "{found:#?}");
    assert!(found[0].message.contains("contents were not compared") && found[0].message.contains("3 fields"));
    assert_eq!(asked(&a), [], "no document travelled");
    // A value that the figures show: the document is named.
    let changed = b.contents().indices[INDEX][9].2.clone().expect("kept").replace("\"n\":", "\"n\":1");
    b.contents().indices.get_mut(INDEX).expect("there")[9].2 = Some(changed);
    let found = compare(&a, &b, &fast).await;
    assert_eq!((found.len(), found[0].kind, found[0].count), (1, Kind::Changed, 1), "{found:#?}");
    // A document less.
    b.contents().indices.get_mut(INDEX).expect("there").remove(0);
    let kinds: Vec<_> = compare(&a, &b, &fast).await.iter().map(|f| (f.check.to_string(), f.kind)).collect();
    assert!(
        kinds.contains(&(ES_COUNTS.into(), Kind::Missing))
            && kinds.contains(&(ES_DOCUMENTS.into(), Kind::Missing))
    );
}
