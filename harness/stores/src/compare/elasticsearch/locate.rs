//! Second pass: the documents of differing buckets, by reading ids and then those documents alone, or everything again.

use super::super::result::{Options, Versions};
use super::contents::{self, Form, digest, is_lost, label};
use crate::elasticsearch::{DocumentRef, PinnedEs, Reading, StreamError};
use drydock_parity::{BucketTable, Detail, Hasher, Located, Locator, Selection, Side};
use std::sync::{Arc, Mutex, PoisonError};

/// How many documents of both sides together are fetched by id; more of them are cheaper to find by reading everything.
pub(super) const FETCHED: u64 = 40_000;
/// Fetching by id costs about so many times what reading in order costs.
const COST_BY_ID: u64 = 4;
/// How often a pass that lost a point in time starts over.
const RESTARTS: u32 = 3;

/// One index whose tables differ.
pub(super) struct Case<'a> {
    pub(super) source: &'a PinnedEs,
    pub(super) target: &'a PinnedEs,
    pub(super) index: &'a str,
    /// The form the tables are in.
    pub(super) form: Form,
    /// Tables of the source and of the target.
    pub(super) tables: [&'a BucketTable; 2],
    pub(super) selection: &'a Selection,
    pub(super) slices: usize,
    pub(super) options: &'a Options,
}

/// Which documents are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Everything,
    ById,
}

impl Case<'_> {
    /// Says which documents differ by meaning, started over if a point in time is lost on the way.
    ///
    /// # Errors
    /// A side could not be read, or showed other documents than in the first pass.
    pub(super) async fn locate(&self) -> Result<Located, StreamError> {
        let documents = self.tables.iter().map(|t| t.total().count).sum::<u64>();
        let items = self.selection.items();
        let way = if items <= FETCHED && items.saturating_mul(COST_BY_ID) <= documents {
            Way::ById
        } else {
            Way::Everything
        };
        let mut restarts = 0;
        loop {
            match self.once(way).await {
                Err((side, error)) if is_lost(&error) && restarts < RESTARTS => {
                    let pinned = if side == Side::Source { self.source } else { self.target };
                    contents::reopen(pinned, self.index, &error).await?;
                    restarts += 1;
                }
                done => return done.map_err(|(_, e)| e),
            }
        }
    }

    async fn once(&self, way: Way) -> Result<Located, (Side, StreamError)> {
        let locator = Locator::new(self.selection.clone());
        let locator = Arc::new(Mutex::new(match self.options.versions {
            Versions::Ignored => locator,
            Versions::Compared => locator.with_versions(),
        }));
        let one = |which: Side| {
            let (side, first) = match which {
                Side::Source => (self.source, self.tables[0]),
                Side::Target => (self.target, self.tables[1]),
            };
            let reader = Reader {
                which,
                form: self.form,
                options: self.options.clone(),
                selection: self.selection.clone(),
                locator: Arc::clone(&locator),
            };
            async move {
                let again = match way {
                    Way::Everything => reader.everything(side, self.index, self.slices, first.len()).await,
                    Way::ById => reader.by_id(side, self.index, self.slices, first.len()).await,
                };
                let again = again.map_err(|e| (which, e))?;
                if first.agrees(&again, self.selection) {
                    return Ok(());
                }
                let what = "reading again showed other documents than the first time".to_owned();
                Err((which, StreamError::NotPinned(what)))
            }
        };
        let (a, b) = tokio::join!(one(Side::Source), one(Side::Target));
        a?;
        b?;
        let mut locator = locator.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(locator.take().finish())
    }
}

/// Hands the documents of one side to the locator that both sides share.
#[derive(Clone)]
struct Reader {
    which: Side,
    form: Form,
    options: Options,
    selection: Selection,
    locator: Arc<Mutex<Locator>>,
}

/// What a reader keeps between documents.
struct State {
    hasher: Hasher,
    again: BucketTable,
}

impl Reader {
    fn state(&self, buckets: usize) -> State {
        State { hasher: Hasher::new(self.options.key), again: BucketTable::new(buckets) }
    }

    fn take(&self, state: &mut State, document: &DocumentRef<'_>) {
        let hasher = &mut state.hasher;
        if !self.selection.contains(hasher.identity(document.id)) {
            return;
        }
        let versions = self.options.versions;
        state.again.insert(digest(hasher, self.form, versions, document).item);
        let item = digest(hasher, Form::Canonical, versions, document).item;
        let text = document.source.unwrap_or("null");
        let traits = hasher
            .document_traits(document.routing, text)
            .or_else(|_| hasher.document_traits(document.routing, "null"));
        // `null` is JSON, so this cannot fail.
        let Ok(traits) = traits else { return };
        let mut locator = self.locator.lock().unwrap_or_else(PoisonError::into_inner);
        locator.insert_version(self.which, item, traits, document.version, || Detail {
            label: label(document.id, document.routing),
            text: text.to_owned(),
        });
    }

    async fn everything(
        self,
        side: &PinnedEs,
        index: &str,
        slices: usize,
        buckets: usize,
    ) -> Result<BucketTable, StreamError> {
        let reader = self.clone();
        let consume = move |state: &mut State, document: DocumentRef<'_>| reader.take(state, &document);
        let parts = side.fold(index, Reading::Versions, slices, || self.state(buckets), consume).await?;
        let mut again = BucketTable::new(buckets);
        for part in parts {
            again.merge(&part.again);
        }
        Ok(again)
    }

    async fn by_id(
        self,
        side: &PinnedEs,
        index: &str,
        slices: usize,
        buckets: usize,
    ) -> Result<BucketTable, StreamError> {
        let selection = self.selection.clone();
        let state = || (Hasher::new(self.options.key), Vec::new());
        let parts = side
            .fold(index, Reading::Ids, slices, state, move |(hasher, ids), document| {
                if selection.contains(hasher.identity(document.id)) {
                    ids.push(document.id.to_owned());
                }
            })
            .await?;
        let mut ids: Vec<String> = parts.into_iter().flat_map(|(_, ids)| ids).collect();
        // One id under several routings is asked for once and answered with all of them.
        ids.sort_unstable();
        ids.dedup();
        let mut state = self.state(buckets);
        let mut consume = |document: DocumentRef<'_>| self.take(&mut state, &document);
        side.by_ids(index, Reading::Versions, &ids, &mut consume).await?;
        Ok(state.again)
    }
}
