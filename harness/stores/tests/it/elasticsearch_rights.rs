//! What a store refuses, and what moves while it is compared.

use crate::fake_elasticsearch::{Document, FakeElasticsearch};
use drydock_core::names::checks::{ES_ALIASES, ES_COUNTS, ES_DOCUMENTS, ES_MAPPINGS, ES_SETTINGS};
use drydock_core::{Finding, Outcome};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::{Client, PinnedEs, Scope, Timeouts};
use serde_json::json;

fn documents(count: u64) -> Vec<Document> {
    (0..count).map(|i| (format!("{i}"), None, Some(format!("{{\"i\":{i}}}")))).collect()
}

async fn store(count: u64) -> FakeElasticsearch {
    let fake = FakeElasticsearch::start().await;
    for name in ["operate-x_", "operate-y_"] {
        fake.contents().indices.insert(name.into(), documents(count));
    }
    fake
}

async fn compare(a: &FakeElasticsearch, b: &FakeElasticsearch) -> Vec<Finding> {
    let endpoint = |fake: &FakeElasticsearch| ElasticsearchEndpoint::plain(&fake.url);
    let results =
        compare::elasticsearch(&endpoint(a), &endpoint(b), &Scope::default(), &Options::default()).await;
    results.into_iter().flat_map(|r| r.findings).collect()
}

async fn pin(fake: &FakeElasticsearch) -> PinnedEs {
    let client =
        Client::new(&ElasticsearchEndpoint::plain(&fake.url), Timeouts::default()).expect("a client");
    PinnedEs::pin(&client, &Scope::default()).await.expect("pinned")
}

#[tokio::test]
async fn one_index_with_blocked_metadata_hides_no_other() {
    let (a, b) = (store(10).await, store(10).await);
    b.contents().blocked = Some("operate-x_".into());
    b.contents().indices.get_mut("operate-y_").expect("there").pop();
    let all = compare(&a, &b).await;
    let found: Vec<_> = all.iter().map(|f| (f.check.as_str(), f.subject.as_str(), f.outcome)).collect();
    assert!(found.contains(&(ES_DOCUMENTS, "operate-y_", Outcome::Different)), "{found:?}");
    assert!(found.contains(&(ES_SETTINGS, "operate-x_/leftover", Outcome::Different)), "{found:?}");
    for check in [ES_MAPPINGS, ES_ALIASES] {
        assert!(found.contains(&(check, "operate-x_", Outcome::NotProven)), "{found:?}");
    }
}

#[tokio::test]
async fn a_reader_that_may_not_refresh_is_told_only_where_it_matters() {
    let (a, b) = (store(10).await, store(10).await);
    a.contents().no_refresh = true;
    assert_eq!(compare(&a, &b).await, []);
    let settings = json!({"aliases": {}, "mappings": {}, "settings": {"index.refresh_interval": "-1"}});
    for side in [&a, &b] {
        side.contents().definitions.insert("operate-x_".into(), settings.clone());
    }
    let all = compare(&a, &b).await;
    assert!(all.iter().all(|f| f.subject == "operate-x_" && f.outcome == Outcome::NotProven), "{all:#?}");
    assert!(all.iter().any(|f| f.check.as_str() == ES_COUNTS), "{all:#?}");
}

#[tokio::test]
async fn a_difference_on_a_moving_side_is_told_as_such() {
    let (a, b) = (store(10).await, store(10).await);
    b.contents().indices.get_mut("operate-x_").expect("there").pop();
    for moving in [false, true] {
        let (source, target) = (pin(&a).await, pin(&b).await);
        a.contents().written += i64::from(moving);
        let results = compare::compare_elasticsearch(&source, &target, &Options::default()).await;
        let found: Vec<_> = results.iter().flat_map(|r| &r.findings).collect();
        assert_eq!(found.len(), 2, "{found:#?}");
        assert!(
            found.iter().all(|f| f.next.starts_with("the source was written to") == moving),
            "{found:#?}"
        );
    }
}

#[tokio::test]
async fn an_index_that_comes_or_goes_meanwhile_is_told_as_such() {
    for created in [true, false] {
        let (a, b) = (store(10).await, store(10).await);
        // The other side was copied earlier or later than the source was pinned.
        let holder = if created { &b } else { &a };
        holder.contents().indices.insert("operate-z_".into(), documents(3));
        let (source, target) = (pin(&a).await, pin(&b).await);
        let before = compare::compare_elasticsearch(&source, &target, &Options::default()).await;
        if created {
            a.contents().indices.insert("operate-z_".into(), documents(3));
        } else {
            a.contents().indices.remove("operate-z_");
        }
        let after = compare::compare_elasticsearch(&source, &target, &Options::default()).await;
        for (results, moving) in [(before, false), (after, true)] {
            let found: Vec<_> = results.iter().flat_map(|r| &r.findings).collect();
            assert_eq!((found.len(), found[0].subject.as_str()), (1, "operate-z_"), "{found:#?}");
            assert_eq!(found[0].next.starts_with("the source was written to"), moving, "{found:#?}");
        }
    }
}
