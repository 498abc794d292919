//! Every document, in both directions: first digests by bucket, then the documents of buckets that differ.

use super::super::describe::{self, Wording};
use super::super::result::{CheckResult, Options};
use super::contents::{self, Contents, label};
use crate::elasticsearch::{DocumentRef, IndexState, PinnedEs, StreamError};
use drydock_core::names::checks;
use drydock_core::{Finding, Sample};
use drydock_parity::{
    BucketTable, Detail, Fingerprint, Hasher, Located, Locator, Selection, Side, json_diff, take_moved,
};
use futures_util::StreamExt;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

const CHECK: &str = checks::ES_DOCUMENTS;

/// What came of one index.
struct Outcome {
    documents: u64,
    ignored: u64,
    located: Option<Located>,
    findings: Vec<Finding>,
}

/// Compares the documents of every index that both sides have.
pub(super) async fn compare_documents(
    source: &PinnedEs,
    target: &PinnedEs,
    options: &Options,
) -> CheckResult {
    let start = Instant::now();
    let mut findings = Vec::new();
    let mut names = Vec::new();
    let mut elsewhere = 0_u64;
    for (name, index) in source.indices() {
        match target.indices().get(name) {
            None => elsewhere += 1,
            Some(other) => {
                let closed = [("source", index), ("target", other)]
                    .into_iter()
                    .find(|(_, i)| i.state == IndexState::Closed);
                match closed {
                    Some((side, _)) => findings.push(
                        Finding::not_compared(
                            CHECK,
                            name,
                            format!("index {name} is closed on the {side}: its documents cannot be read"),
                        )
                        .next("open the index on both sides, then compare again"),
                    ),
                    None => names.push(name.clone()),
                }
            }
        }
    }
    // The largest first: the slowest index then does not start last.
    names.sort_by_key(|name| std::cmp::Reverse(source.indices()[name].documents.as_ref().ok().copied()));
    let mut compared = 0;
    let mut ignored = 0;
    let mut located = BTreeMap::new();
    let mut outcomes = futures_util::stream::iter(names.into_iter().map(|name| async move {
        let outcome = compare_index(source, target, &name, options).await;
        (name, outcome)
    }))
    .buffer_unordered(options.parallel.max(1));
    while let Some((name, outcome)) = outcomes.next().await {
        compared += outcome.documents;
        ignored += outcome.ignored;
        findings.extend(outcome.findings);
        if let Some(found) = outcome.located {
            located.insert(name, found);
        }
    }
    findings.extend(describe_all(located));
    findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    let mut note = format!("{compared} documents of the source compared by id, routing and content");
    if elsewhere > 0 {
        note += &format!("; {elsewhere} indices are missing on the target, see {}", checks::ES_INDICES);
    }
    if ignored > 0 {
        note += &format!("; {ignored} documents of the source have values that are stored but not indexed");
    }
    CheckResult { check: CHECK, compared, findings, note, millis: super::millis(start) }
}

fn describe_all(mut located: BTreeMap<String, Located>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for moved in take_moved(&mut located) {
        findings.push(describe::moved(CHECK, &moved));
    }
    let wording = Wording {
        check: CHECK,
        one: "document",
        many: "documents",
        next: "copy these documents again, or repeat the data step for this index",
    };
    for (name, found) in &located {
        let diff = |a: &str, b: &str| json_diff(a, b, 4);
        findings.extend(describe::located(
            &wording,
            name,
            found,
            &diff,
            &drydock_parity::json_diff::masked_text,
        ));
    }
    findings
}

async fn compare_index(source: &PinnedEs, target: &PinnedEs, name: &str, options: &Options) -> Outcome {
    let mut outcome = Outcome { documents: 0, ignored: 0, located: None, findings: Vec::new() };
    let not_compared = |reason: String| {
        Finding::not_compared(
            CHECK,
            name,
            format!("the documents of index {name} could not be compared: {reason}"),
        )
        .next("compare again once the store answers steadily")
    };
    for (side, pinned) in [("source", source), ("target", target)] {
        if let Some(doubt) = pinned.indices().get(name).and_then(|i| i.doubt.as_ref()) {
            outcome.findings.push(not_compared(format!("on the {side}, {doubt}")));
        }
    }
    let (a, b) = tokio::join!(read(source, name, options), read(target, name, options));
    let (a, b) = match (a, b) {
        (Ok(a), Ok(b)) => (a, b),
        (a, b) => {
            for (side, contents) in [("source", a), ("target", b)] {
                if let Err(error) = contents {
                    outcome.findings.push(not_compared(format!("{side}: {error}")));
                }
            }
            return outcome;
        }
    };
    outcome.documents = a.table.total().count;
    outcome.ignored = a.ignored;
    for (side, contents) in [("source", &a), ("target", &b)] {
        if contents.unreadable > 0 {
            let finding = not_compared(format!(
                "{} documents of the {side} have no readable _source",
                contents.unreadable
            ));
            let samples = contents.unreadable_samples.iter().map(Sample::named);
            outcome.findings.push(finding.items(contents.unreadable, samples));
        }
    }
    let selection = BucketTable::differing(&a.table, &b.table, options.max_located);
    if selection.is_empty() {
        return outcome;
    }
    let expected = (a.table.total(), b.table.total());
    match locate(source, target, name, &selection, options).await {
        Ok(located) if located.is_empty() => {
            outcome.findings.push(not_compared(format!(
                "the digests differ (source {} documents, target {}), but reading again showed no difference",
                expected.0.count, expected.1.count
            )));
        }
        Ok(located) => outcome.located = Some(located),
        Err(error) => {
            outcome.findings.push(
                Finding::data(
                    CHECK,
                    drydock_core::Kind::Changed,
                    name,
                    format!("the documents of index {name} differ; which ones could not be read: {error}"),
                )
                .next("compare again to see which documents differ"),
            );
        }
    }
    outcome
}

/// One side in a task of its own, so that both are digested at the same time.
async fn read(side: &PinnedEs, name: &str, options: &Options) -> Result<Contents, StreamError> {
    let (side, index, options) = (side.clone(), name.to_owned(), options.clone());
    let task = tokio::spawn(async move { contents::read(&side, &index, &options).await });
    task.await.unwrap_or_else(|e| Err(StreamError::NotPinned(format!("reading {name} was interrupted: {e}"))))
}

/// Second pass, started over once if a point in time is lost on the way.
async fn locate(
    source: &PinnedEs,
    target: &PinnedEs,
    name: &str,
    selection: &Selection,
    options: &Options,
) -> Result<Located, StreamError> {
    match locate_once(source, target, name, selection.clone(), options).await {
        Err((side, StreamError::Request(error))) => {
            let side = if side == Side::Source { source } else { target };
            side.reopen(name).await.map_err(|reason| StreamError::NotPinned(format!("{error}; {reason}")))?;
            locate_once(source, target, name, selection.clone(), options).await.map_err(|(_, e)| e)
        }
        done => done.map_err(|(_, e)| e),
    }
}

async fn locate_once(
    source: &PinnedEs,
    target: &PinnedEs,
    name: &str,
    selection: Selection,
    options: &Options,
) -> Result<Located, (Side, StreamError)> {
    let locator = Arc::new(Mutex::new(Locator::new(selection)));
    let one = |side: &PinnedEs, which: Side| {
        let (side, index, key, locator) = (side.clone(), name.to_owned(), options.key, Arc::clone(&locator));
        tokio::spawn(async move {
            let mut hasher = Hasher::new(key);
            let mut consume = |document: DocumentRef<'_>| {
                let source = document.source.unwrap_or("null");
                let Some((item, traits)) = fingerprints(&mut hasher, &document, source) else { return };
                let mut locator = locator.lock().unwrap_or_else(PoisonError::into_inner);
                if locator.wants(item.id) {
                    locator.insert(which, item, traits, || Detail {
                        label: label(document.id, document.routing),
                        text: source.to_owned(),
                    });
                }
            };
            side.for_each(&index, &mut consume).await
        })
    };
    let (a, b) = tokio::join!(one(source, Side::Source), one(target, Side::Target));
    for (side, done) in [(Side::Source, a), (Side::Target, b)] {
        let interrupted = |e| StreamError::NotPinned(format!("reading {name} was interrupted: {e}"));
        done.map_err(interrupted).and_then(|read| read).map_err(|e| (side, e))?;
    }
    let mut locator = locator.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(locator.take().finish())
}

/// The same digests as in the first pass: a document that cannot be read counts by id and routing alone there and here.
fn fingerprints(
    hasher: &mut Hasher,
    document: &DocumentRef<'_>,
    source: &str,
) -> Option<(Fingerprint, drydock_parity::Traits)> {
    for text in [source, "null"] {
        if let Ok(item) = hasher.document(document.id, document.routing, text) {
            return hasher.document_traits(document.routing, text).ok().map(|traits| (item, traits));
        }
    }
    None
}
