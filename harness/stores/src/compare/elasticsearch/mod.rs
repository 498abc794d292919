//! Elasticsearch, side by side.

mod access;
mod cluster;
mod contents;
mod documents;
mod fast;
mod floor;
mod future;
mod imports;
mod indices;
mod locate;
mod rendering;
mod section;
mod shapes;
mod share;
mod templates;

use super::describe;
use super::result::{CheckResult, Options, Pinned};
use crate::elasticsearch::{Client, IndexState, PinnedEs, Scope, StreamError, Timeouts};
use crate::endpoint::ElasticsearchEndpoint;
use drydock_core::Outcome;
use drydock_core::names::checks;
use drydock_parity::{Digest, Multiset};
pub use floor::drain;
pub(super) use share::IndexPart;
pub use share::part_of_elasticsearch;
use std::time::Instant;

/// Compares two pinned clusters, definitions first, then every document in both directions. Never fails: what cannot be
/// read is a finding.
pub async fn compare_elasticsearch(
    source: &PinnedEs,
    target: &PinnedEs,
    options: &Options,
) -> Vec<CheckResult> {
    let mut results = vec![
        timed(|| indices::compare_index_set(source, target)),
        timed(|| indices::compare_counts(source, target)),
    ];
    // First of all: points in time that nobody uses expire.
    let answers = access::ask(source, target).await;
    let imports = imports::compare_imports(source, target, options).await;
    let documents = documents::compare_documents(source, target, options).await;
    results.push(documents);
    results.push(timed(|| shapes::compare_mappings(source, target)));
    results.push(timed(|| shapes::compare_settings(source, target)));
    results.push(timed(|| shapes::compare_aliases(source, target)));
    results.push(timed(|| templates::compare_templates(source, target)));
    results.push(timed(|| cluster::compare_cluster(source, target)));
    results.push(timed(|| future::compare_futures(source, target)));
    results.push(access::conclude(source, target, &answers, &results));
    results.push(imports);
    if options.pinned == Pinned::InUse {
        tell_moving(source, target, &mut results).await;
    }
    results
}

/// Where documents differ, or an index is on one side only, and a side was written to since it was pinned, the next step
/// says so: the difference may be newer than the copy.
async fn tell_moving(source: &PinnedEs, target: &PinnedEs, results: &mut [CheckResult]) {
    let told =
        [checks::ES_INDICES, checks::ES_COUNTS, checks::ES_DOCUMENTS, checks::ES_ACCESS, checks::ES_IMPORTS];
    let documents = |r: &&mut CheckResult| told.contains(&r.check);
    let findings = results.iter_mut().filter(documents).flat_map(|r| &mut r.findings);
    let different: Vec<_> = findings.filter(|f| f.outcome == Outcome::Different).collect();
    if different.is_empty() {
        return;
    }
    let (on_source, on_target) = tokio::join!(source.moved(), target.moved());
    for finding in different {
        if finding.check.as_str() == checks::ES_ACCESS {
            access::tell_moving(source, finding, (&on_source, &on_target));
            continue;
        }
        let written = (on_source.contains(&finding.subject), on_target.contains(&finding.subject));
        describe::moving(finding, written);
    }
}

fn timed(check: impl FnOnce() -> CheckResult) -> CheckResult {
    let start = Instant::now();
    let mut result = check();
    result.millis = millis(start);
    result
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Indices that are open on both sides and of which both have a point in time.
fn common<'a>(source: &'a PinnedEs, target: &'a PinnedEs) -> impl Iterator<Item = &'a str> {
    source.indices().keys().filter(|name| target.indices().contains_key(*name)).map(String::as_str)
}

/// Documents of one side and an order-free digest over (index, id, routing, content). Equal data gives equal digests,
/// whatever the number of shards and the order.
///
/// # Errors
/// A document could not be read.
pub async fn digest_elasticsearch(side: &PinnedEs, options: &Options) -> Result<(u64, Digest), StreamError> {
    let mut documents = 0;
    let mut all = Multiset::default();
    for (name, index) in side.indices() {
        if index.state == IndexState::Closed {
            return Err(StreamError::NotPinned(format!(
                "index {name} is closed: its documents cannot be read"
            )));
        }
        let counted = *index.documents.as_ref().map_err(|e| StreamError::NotPinned(e.clone()))?;
        let total = contents::digest_to_keep(side, name, counted, options).await?;
        documents += total.count;
        let named = format!("{name}\n{}", total.digest(&options.key));
        all.insert(options.key.digest(named.as_bytes()));
    }
    Ok((documents, all.digest(&options.key)))
}

/// Documents of one index, and a digest of them.
pub(super) async fn digest_of_index(
    side: &PinnedEs,
    name: &str,
    options: &Options,
) -> Result<(u64, Digest), StreamError> {
    let index = side.indices().get(name).ok_or_else(|| StreamError::NotPinned(name.to_owned()))?;
    let counted = *index.documents.as_ref().map_err(|e| StreamError::NotPinned(e.clone()))?;
    let total = contents::digest_to_keep(side, name, counted, options).await?;
    Ok((total.count, total.digest(&options.key)))
}

/// Pins both clusters, compares them and lets go. A cluster that cannot be pinned makes every check not compared.
pub async fn elasticsearch(
    source: &ElasticsearchEndpoint,
    target: &ElasticsearchEndpoint,
    scope: &Scope,
    options: &Options,
) -> Vec<CheckResult> {
    let pin = |endpoint| async move {
        let client = Client::new(endpoint, Timeouts::default())?;
        PinnedEs::pin(&client, scope).await
    };
    let (a, b) = tokio::join!(pin(source), pin(target));
    match (a, b) {
        (Ok(a), Ok(b)) => {
            let results = compare_elasticsearch(&a, &b, options).await;
            tokio::join!(a.close(), b.close());
            results
        }
        (a, b) => {
            let mut reasons = Vec::new();
            for (side, endpoint, pinned) in [("source", source, a), ("target", target, b)] {
                match pinned {
                    Ok(pinned) => pinned.close().await,
                    Err(error) => reasons.push(format!("{side} {}: {error}", endpoint.url)),
                }
            }
            let reason = format!("could not read {}", reasons.join("; "));
            let next = "make the cluster reachable for this role (monitor and read), then compare again";
            checks::ELASTICSEARCH
                .iter()
                .map(|check| CheckResult::not_compared(check, "elasticsearch", &reason, next))
                .collect()
        }
    }
}
