//! First pass over one index of one side: bucketed digests, and what could not be read.

use super::super::result::{Options, Versions};
use crate::elasticsearch::{DocumentRef, PinnedEs, Reading, StreamError};
use drydock_parity::{BucketTable, Digest, Fingerprint, Hasher, Header, Multiset};

/// Names of documents shown where something about them could not be read.
const SHOWN: usize = 10;
/// How often the point in time of an index is opened again in one pass.
const REOPENINGS: u32 = 3;
/// A table has enough buckets for so many documents in each, within [`MOST_BUCKETS`]: fewer documents in a bucket that
/// differs are fewer to read again.
const BUCKET: u64 = 64;
/// 2 MiB a table.
const MOST_BUCKETS: usize = 1 << 16;

/// In which form documents are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As the bytes of `_source`: fast, and equal bytes are equal documents.
    Raw,
    /// By meaning: for stores that render the same document in different bytes.
    Canonical,
}

/// Digests of the documents of one index on one side.
#[derive(Debug)]
pub(super) struct Contents {
    /// Digests by bucket; a document that could not be read is in it with its id alone.
    pub(super) table: BucketTable,
    /// Documents whose content could not be read.
    pub(super) unreadable: u64,
    /// The first of them, with the reason.
    pub(super) unreadable_samples: Vec<String>,
    /// Documents with a field that is not indexed because its value was unfit.
    pub(super) ignored: u64,
}

impl Contents {
    fn new(buckets: usize) -> Self {
        Self { table: BucketTable::new(buckets), unreadable: 0, unreadable_samples: Vec::new(), ignored: 0 }
    }

    fn add(&mut self, document: &DocumentRef<'_>, digested: &Digested) {
        self.ignored += u64::from(document.ignored);
        self.table.insert(digested.item);
        if let Some(reason) = &digested.unreadable {
            self.unreadable += 1;
            if self.unreadable_samples.len() < SHOWN {
                self.unreadable_samples.push(format!("{}: {reason}", label(document.id, document.routing)));
            }
        }
    }

    fn merge(&mut self, other: Self) {
        self.table.merge(&other.table);
        self.unreadable += other.unreadable;
        self.unreadable_samples.extend(other.unreadable_samples);
        self.unreadable_samples.truncate(SHOWN);
        self.ignored += other.ignored;
    }
}

/// How many buckets the tables of an index get.
pub(super) fn buckets(documents: u64, options: &Options) -> usize {
    let wanted = usize::try_from(documents / BUCKET).unwrap_or(usize::MAX).min(MOST_BUCKETS);
    wanted.max(options.buckets)
}

/// A document's digests in a form.
pub(super) struct Digested {
    pub(super) item: Fingerprint,
    /// Why the digests are those of id and routing alone.
    pub(super) unreadable: Option<String>,
}

/// Digests one document, the same way in every pass.
pub(super) fn digest(
    hasher: &mut Hasher,
    form: Form,
    versions: Versions,
    document: &DocumentRef<'_>,
) -> Digested {
    let version = document.version.filter(|_| versions == Versions::Compared);
    let header = Header { id: document.id, routing: document.routing, version };
    let unreadable = match (document.source, form) {
        (None, _) => "no _source is stored".to_owned(),
        (Some(source), Form::Raw) => {
            return Digested { item: hasher.raw(&header, source), unreadable: None };
        }
        (Some(source), Form::Canonical) => match hasher.canonical(&header, source) {
            Ok(item) => return Digested { item, unreadable: None },
            Err(error) => error.to_string(),
        },
    };
    // Text that no source can be: id and routing are still compared.
    Digested { item: hasher.raw(&header, ""), unreadable: Some(unreadable) }
}

/// What has to travel in the first pass.
pub(super) fn reading(options: &Options) -> Reading {
    match options.versions {
        Versions::Ignored => Reading::Documents,
        Versions::Compared => Reading::Versions,
    }
}

/// Reads one index of one side to its end, in slices. Starts over, in a new point in time that is proven to show the same
/// documents, if the old one is lost.
pub(super) async fn read(
    side: &PinnedEs,
    index: &str,
    form: Form,
    buckets: usize,
    slices: usize,
    options: &Options,
) -> Result<Contents, StreamError> {
    let (key, versions) = (options.key, options.versions);
    let parts = persist(side, index, async || {
        let state = || (Hasher::new(key), Contents::new(buckets));
        side.fold(index, reading(options), slices, state, move |(hasher, contents), document| {
            let digested = digest(hasher, form, versions, &document);
            contents.add(&document, &digested);
        })
        .await
    })
    .await?;
    let mut whole = Contents::new(buckets);
    for (_, part) in parts {
        whole.merge(part);
    }
    Ok(whole)
}

/// Order-free digest of an index of one side by meaning, for keeping.
///
/// # Errors
/// A document could not be read.
pub(super) async fn digest_to_keep(
    side: &PinnedEs,
    index: &str,
    documents: u64,
    options: &Options,
) -> Result<Multiset, StreamError> {
    struct Part {
        hasher: Hasher,
        sum: Multiset,
        unreadable: u64,
    }
    let key = options.key;
    let slices = PinnedEs::slices(documents, options.parallel);
    let parts = persist(side, index, async || {
        let state = || Part { hasher: Hasher::new(key), sum: Multiset::default(), unreadable: 0 };
        side.fold(index, Reading::Documents, slices, state, |part, document| {
            let item = document
                .source
                .and_then(|source| part.hasher.document(document.id, document.routing, source).ok());
            part.unreadable += u64::from(item.is_none());
            part.sum.insert(item.map_or(Digest::default(), |item| item.record));
        })
        .await
    })
    .await?;
    let mut sum = Multiset::default();
    let mut unreadable = 0;
    for part in parts {
        sum += part.sum;
        unreadable += part.unreadable;
    }
    if unreadable > 0 {
        let what = format!("{unreadable} documents of index {index} have no readable _source");
        return Err(StreamError::NotPinned(what));
    }
    Ok(sum)
}

/// Reads, and reads again from the start in a new point in time whenever the old one was lost on the way: documents may
/// come in another order then, so no part of a pass is kept.
pub(super) async fn persist<T>(
    side: &PinnedEs,
    index: &str,
    mut pass: impl AsyncFnMut() -> Result<T, StreamError>,
) -> Result<T, StreamError> {
    let mut reopened = 0;
    loop {
        match pass().await {
            Err(error) if is_lost(&error) && reopened < REOPENINGS => {
                reopen(side, index, &error).await?;
                reopened += 1;
            }
            done => return done,
        }
    }
}

/// Whether a new point in time may help.
pub(super) fn is_lost(error: &StreamError) -> bool {
    match error {
        StreamError::Request(error) => !matches!(error.status(), Some(400 | 401 | 403)),
        StreamError::NotPinned(_) | StreamError::Incomplete { .. } => false,
    }
}

/// Opens the point in time of an index again.
///
/// # Errors
/// The error that made it necessary, and why there is no new one.
pub(super) async fn reopen(side: &PinnedEs, index: &str, error: &StreamError) -> Result<(), StreamError> {
    let failed = |reason| StreamError::NotPinned(format!("{error}; {reason}"));
    side.reopen(index).await.map_err(failed)
}

/// A document's name in samples.
pub(super) fn label(id: &str, routing: Option<&str>) -> String {
    match routing {
        Some(routing) => format!("_id {id}, routing {routing}"),
        None => format!("_id {id}"),
    }
}
