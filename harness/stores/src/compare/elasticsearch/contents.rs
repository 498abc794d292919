//! First pass over one index of one side: bucketed digests, and what could not be read.

use super::super::result::Options;
use crate::elasticsearch::{DocumentRef, PinnedEs, StreamError};
use drydock_parity::{BucketTable, Hasher};

/// Names of documents shown where something about them could not be read.
const SHOWN: usize = 10;

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

/// Reads one index of one side to its end. Starts over, in a new point in time that is proven to show the same documents,
/// if the old one is lost.
pub(super) async fn read(side: &PinnedEs, index: &str, options: &Options) -> Result<Contents, StreamError> {
    match read_once(side, index, options).await {
        Err(StreamError::Request(error)) => {
            side.reopen(index)
                .await
                .map_err(|reason| StreamError::NotPinned(format!("{error}; {reason}")))?;
            read_once(side, index, options).await
        }
        done => done,
    }
}

async fn read_once(side: &PinnedEs, index: &str, options: &Options) -> Result<Contents, StreamError> {
    let mut hasher = Hasher::new(options.key);
    let mut contents = Contents {
        table: BucketTable::new(options.buckets),
        unreadable: 0,
        unreadable_samples: Vec::new(),
        ignored: 0,
    };
    let mut consume = |document: DocumentRef<'_>| {
        contents.ignored += u64::from(document.ignored);
        let read = document.source.ok_or_else(|| "no _source is stored".to_owned());
        let read = read.and_then(|source| {
            hasher.document(document.id, document.routing, source).map_err(|e| e.to_string())
        });
        match read {
            Ok(fingerprint) => contents.table.insert(fingerprint),
            Err(reason) => {
                contents.unreadable += 1;
                if contents.unreadable_samples.len() < SHOWN {
                    let label = label(document.id, document.routing);
                    contents.unreadable_samples.push(format!("{label}: {reason}"));
                }
                // `null` is valid, so this cannot fail: id and routing are still compared.
                if let Ok(fingerprint) = hasher.document(document.id, document.routing, "null") {
                    contents.table.insert(fingerprint);
                }
            }
        }
    };
    side.for_each(index, &mut consume).await?;
    Ok(contents)
}

/// A document's name in samples.
pub(super) fn label(id: &str, routing: Option<&str>) -> String {
    match routing {
        Some(routing) => format!("_id {id}, routing {routing}"),
        None => format!("_id {id}"),
    }
}
