//! Every document, in both directions: first digests by bucket, then the documents of buckets that differ.

use super::super::describe::{self, Told, Wording};
use super::super::result::{CheckResult, Options, Tier};
use super::contents::{self, Contents, Form};
use super::fast::{self, Figures};
use super::locate::{Case, FETCHED};
use super::rendering::Rendering;
use super::share;
use crate::elasticsearch::{IndexState, PinnedEs};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome as Weight, Sample};
use drydock_parity::{BucketTable, Located, json_diff, take_moved};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Instant;
use tokio::sync::Semaphore;

const CHECK: &str = checks::ES_DOCUMENTS;

/// What came of one index.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) documents: u64,
    ignored: u64,
    told: Option<Told>,
    pub(super) findings: Vec<Finding>,
    /// Where the fast tier was content: how many fields its figures cover.
    figures: Option<usize>,
}

impl Outcome {
    /// The same with what was located.
    pub(super) fn with(self, told: Told) -> Self {
        Self { told: Some(told), ..self }
    }

    /// Nothing is known of an index.
    pub(super) fn unknown(name: &str, reason: &str) -> Self {
        Self { findings: vec![not_compared(name, reason)], ..Self::default() }
    }
}

/// What is compared, and what all indices of one comparison share.
struct Comparison<'a> {
    source: &'a PinnedEs,
    target: &'a PinnedEs,
    options: &'a Options,
    rendering: Rendering,
    /// Readers of one side that may be at work: an index read in slices takes one for each.
    readers: Semaphore,
}

/// Compares the documents of every index that both sides have.
pub(super) async fn compare_documents(
    source: &PinnedEs,
    target: &PinnedEs,
    options: &Options,
) -> CheckResult {
    let start = Instant::now();
    let Candidates { names, elsewhere, closed } = candidates(source, target);
    let outcomes = match &options.parts {
        Some(parts) => share::taken(parts, source, target, names),
        None => read_all(source, target, names, options).await,
    };
    let result = conclude(outcomes, closed, elsewhere, options.tier);
    CheckResult { millis: super::millis(start), ..result }
}

/// Indices of the source.
pub(super) struct Candidates {
    /// Those whose documents can be compared.
    pub(super) names: Vec<String>,
    /// How many the target lacks.
    elsewhere: u64,
    /// Those that are closed on a side.
    closed: Vec<Finding>,
}

pub(super) fn candidates(source: &PinnedEs, target: &PinnedEs) -> Candidates {
    let mut candidates = Candidates { names: Vec::new(), elsewhere: 0, closed: Vec::new() };
    for (name, index) in source.indices() {
        match target.indices().get(name) {
            None => candidates.elsewhere += 1,
            Some(other) => {
                let closed = [("source", index), ("target", other)]
                    .into_iter()
                    .find(|(_, i)| i.state == IndexState::Closed);
                match closed {
                    Some((side, _)) => candidates.closed.push(
                        Finding::not_compared(
                            CHECK,
                            name,
                            format!("index {name} is closed on the {side}: its documents cannot be read"),
                        )
                        .next("open the index on both sides, then compare again"),
                    ),
                    None => candidates.names.push(name.clone()),
                }
            }
        }
    }
    candidates
}

/// Reads indices on both sides.
pub(super) async fn read_all(
    source: &PinnedEs,
    target: &PinnedEs,
    mut names: Vec<String>,
    options: &Options,
) -> Vec<(String, Outcome)> {
    // The largest first: the slowest index then does not start last.
    names.sort_by_key(|name| std::cmp::Reverse(source.indices()[name].documents.as_ref().ok().copied()));
    let readers = Semaphore::new(options.parallel.max(1));
    let comparison = Comparison { source, target, options, rendering: Rendering::default(), readers };
    let comparison = &comparison;
    futures_util::stream::iter(names.into_iter().map(|name| async move {
        let outcome = comparison.index(&name).await;
        (name, outcome)
    }))
    .buffer_unordered(options.parallel.max(1))
    .collect()
    .await
}

/// The check, from what came of each index, in whatever order and by whomever it was read.
pub(super) fn conclude(
    mut outcomes: Vec<(String, Outcome)>,
    closed: Vec<Finding>,
    elsewhere: u64,
    tier: Tier,
) -> CheckResult {
    outcomes.sort_by(|a, b| a.0.cmp(&b.0));
    let mut findings = closed;
    let (mut compared, mut ignored) = (0, 0);
    let mut content_with_figures = Vec::new();
    let mut told = BTreeMap::new();
    for (name, outcome) in outcomes {
        compared += outcome.documents;
        ignored += outcome.ignored;
        findings.extend(outcome.findings);
        content_with_figures.extend(outcome.figures.map(|fields| (name.clone(), fields)));
        if let Some(found) = outcome.told {
            told.insert(name, found);
        }
    }
    findings.extend(describe_all(told));
    findings.extend(contents_not_compared(&content_with_figures));
    findings.sort_by(|a, b| a.subject.cmp(&b.subject));
    let mut note = match tier {
        Tier::Strict => format!("{compared} documents of the source compared by id, routing and content"),
        Tier::Fast => format!("{compared} documents of the source compared by number and doc values"),
    };
    if elsewhere > 0 {
        note += &format!("; {elsewhere} indices are missing on the target, see {}", checks::ES_INDICES);
    }
    if ignored > 0 {
        note += &format!("; {ignored} documents of the source have values that are stored but not indexed");
    }
    CheckResult { check: CHECK, compared, findings, note, millis: 0 }
}

/// What the fast tier leaves open.
fn contents_not_compared(indices: &[(String, usize)]) -> Option<Finding> {
    if indices.is_empty() {
        return None;
    }
    let fields: usize = indices.iter().map(|(_, fields)| fields).sum();
    let message = format!(
        "the numbers of documents and the doc values of {fields} fields of {} indices agree; contents were not compared \
         (--fast): keyword fields by how many values they have, numbers by range and sum, texts and nested documents not \
         at all",
        indices.len()
    );
    let mut finding = Finding::data(CHECK, Kind::NotAsked, "elasticsearch/contents", message)
        .items(indices.len() as u64, indices.iter().map(|(name, _)| Sample::named(name)))
        .next("compare again without --fast to compare every document");
    finding.outcome = Weight::NotAsked;
    Some(finding)
}

const WORDING: Wording = Wording {
    check: CHECK,
    one: "document",
    many: "documents",
    next: "copy these documents again, or repeat the data step for this index",
};

/// Puts into words what can be told of an index alone.
pub(super) fn tell(name: &str, found: Located) -> Told {
    let diff = |a: &str, b: &str| json_diff(a, b, 4);
    Told::of(&WORDING, name, found, &diff, &drydock_parity::json_diff::masked_text)
}

fn describe_all(told: BTreeMap<String, Told>) -> Vec<Finding> {
    let mut told = told;
    let mut one_sided: BTreeMap<String, Located> =
        told.iter_mut().map(|(name, told)| (name.clone(), std::mem::take(&mut told.one_sided))).collect();
    let mut findings: Vec<Finding> =
        take_moved(&mut one_sided).iter().map(|moved| describe::moved(CHECK, moved)).collect();
    for (name, mut told) in told {
        told.one_sided = one_sided.remove(&name).unwrap_or_default();
        let mut of_index = told.findings(&WORDING, &name);
        for finding in of_index.iter_mut().filter(|f| f.kind == Kind::Extra) {
            finding.message += " (ghosts: deleted on the source after the copy, or written to the target)";
        }
        findings.extend(of_index);
    }
    findings
}

impl Comparison<'_> {
    async fn index(&self, name: &str) -> Outcome {
        let mut outcome = Outcome::default();
        for (side, pinned) in [("source", self.source), ("target", self.target)] {
            if let Some(doubt) = pinned.indices().get(name).and_then(|i| i.doubt.as_ref()) {
                outcome.findings.push(not_compared(name, &format!("on the {side}, {doubt}")));
            }
        }
        let count =
            |side: &PinnedEs| side.indices().get(name).and_then(|i| i.documents.as_ref().ok().copied());
        let documents = count(self.source).max(count(self.target)).unwrap_or(0);
        if self.options.tier == Tier::Fast
            && let Ok(Figures { agree: true, fields }) = fast::figures(self.source, self.target, name).await
        {
            outcome.documents = documents;
            outcome.figures = Some(fields);
            return outcome;
        }
        if let Err(error) = self.strictly(name, documents, &mut outcome).await {
            outcome.findings.push(not_compared(name, &error));
        }
        outcome
    }

    /// Compares by content.
    async fn strictly(&self, name: &str, documents: u64, outcome: &mut Outcome) -> Result<(), String> {
        let slices = PinnedEs::slices(documents, self.options.parallel);
        // The semaphore is never closed.
        let _readers = self.readers.acquire_many(u32::try_from(slices).unwrap_or(1)).await;
        let rendering = &self.rendering;
        let mut form = rendering.form(self.source, self.target, name, documents, self.options.key).await;
        let mut tables = self.read(name, documents, form, slices).await?;
        let all = usize::MAX;
        if form == Form::Raw {
            let selection = BucketTable::differing(&tables[0].table, &tables[1].table, all);
            // So many differing bytes are hardly so many differing documents: their meaning is compared from the start.
            if selection.items() > FETCHED.min(self.options.max_located as u64) {
                form = Form::Canonical;
                tables = self.read(name, documents, form, slices).await?;
                if BucketTable::differing(&tables[0].table, &tables[1].table, all).items()
                    < selection.items() / 2
                {
                    rendering.learn(form);
                }
            }
        }
        let [a, b] = &tables;
        outcome.documents = a.table.total().count;
        outcome.ignored = a.ignored;
        for (side, contents) in [("source", a), ("target", b)] {
            if contents.unreadable > 0 {
                let reason =
                    format!("{} documents of the {side} have no readable _source", contents.unreadable);
                let samples = contents.unreadable_samples.iter().map(Sample::named);
                outcome.findings.push(not_compared(name, &reason).items(contents.unreadable, samples));
            }
        }
        let most = if form == Form::Raw { all } else { self.options.max_located };
        let selection = BucketTable::differing(&a.table, &b.table, most);
        if selection.is_empty() {
            return Ok(());
        }
        let case = Case {
            source: self.source,
            target: self.target,
            index: name,
            form,
            tables: [&a.table, &b.table],
            selection: &selection,
            slices,
            options: self.options,
        };
        match case.locate().await {
            Ok(located) if located.is_empty() && form == Form::Canonical => Err(format!(
                "the digests differ (source {} documents, target {}), but reading again showed no difference",
                a.table.total().count,
                b.table.total().count
            )),
            // Other bytes, the same documents.
            Ok(located) if located.is_empty() => Ok(()),
            Ok(located) => {
                *outcome = std::mem::take(outcome).with(tell(name, located));
                Ok(())
            }
            // Other bytes may still have meant the same.
            Err(error) if form == Form::Raw => Err(format!(
                "the bytes of some documents differ; whether the documents do could not be read: {error}"
            )),
            Err(error) => {
                let message =
                    format!("the documents of index {name} differ; which ones could not be read: {error}");
                let finding = Finding::data(CHECK, Kind::Changed, name, message);
                outcome.findings.push(finding.next("compare again to see which documents differ"));
                Ok(())
            }
        }
    }

    /// Both sides at once.
    async fn read(
        &self,
        name: &str,
        documents: u64,
        form: Form,
        slices: usize,
    ) -> Result<[Contents; 2], String> {
        let buckets = contents::buckets(documents, self.options);
        let one = |side| contents::read(side, name, form, buckets, slices, self.options);
        match tokio::join!(one(self.source), one(self.target)) {
            (Ok(a), Ok(b)) => Ok([a, b]),
            (a, b) => {
                let failed: Vec<_> = [("source", a), ("target", b)]
                    .into_iter()
                    .filter_map(|(side, contents)| Some(format!("{side}: {}", contents.err()?)))
                    .collect();
                Err(failed.join("; "))
            }
        }
    }
}

fn not_compared(name: &str, reason: &str) -> Finding {
    Finding::not_compared(
        CHECK,
        name,
        format!("the documents of index {name} could not be compared: {reason}"),
    )
    .next("compare again once the store answers steadily")
}
