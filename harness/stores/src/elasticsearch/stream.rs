//! Every document of a pinned index, page by page, under whatever pressure the store is.

use super::pin::{Inner, KEEP_ALIVE, PinnedEs};
use super::{ElasticsearchError, ErrorKind};
use reqwest::Method;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use thiserror::Error;

/// Documents asked for in the first page: few enough for an index of documents of 1 MiB each.
const FIRST_PAGE: usize = 250;
/// Most documents in one page. A page is planned from the average of the one before; where big documents follow small
/// ones this bounds what the store has to build at once.
const LARGEST_PAGE: usize = 1_000;
/// How much larger a page may be than the one before.
const GROWTH: usize = 4;
/// Size of a page aimed at, in bytes of the answer.
const PAGE_BYTES: usize = 4 << 20;
/// How often one page is asked for before giving up: with the pauses between, about a minute.
const ATTEMPTS: u32 = 12;
/// The same once another page was given up because nobody answered: otherwise every further index would take a minute.
const ATTEMPTS_WHEN_GONE: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// One document as it lies in a page.
#[derive(Debug, Clone, Copy)]
pub struct DocumentRef<'a> {
    /// `_id`.
    pub id: &'a str,
    /// `_routing`, where the document was written with one.
    pub routing: Option<&'a str>,
    /// Raw JSON text of `_source`; `None` where the index does not keep it.
    pub source: Option<&'a str>,
    /// Whether a field of it is not indexed because its value was unfit (`_ignored`).
    pub ignored: bool,
}

/// Why a stream ended early.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The index has no point in time.
    #[error("{0}")]
    NotPinned(String),
    /// A request failed for good.
    #[error(transparent)]
    Request(#[from] ElasticsearchError),
    /// The store said it was done before all documents came, or sent more.
    #[error("the point in time holds {expected} documents, but {seen} came")]
    Incomplete {
        /// Documents that came.
        seen: u64,
        /// Documents counted when the point in time was opened.
        expected: u64,
    },
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    pit_id: Option<Cow<'a, str>>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Deserialize)]
struct Hit<'a> {
    #[serde(borrow, rename = "_id")]
    id: Cow<'a, str>,
    #[serde(borrow, default, rename = "_routing")]
    routing: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "_source")]
    source: Option<&'a RawValue>,
    #[serde(default, rename = "_ignored")]
    ignored: Option<IgnoredAny>,
    #[serde(borrow)]
    sort: &'a RawValue,
}

impl PinnedEs {
    /// Hands every document of a pinned index to `consume`, each exactly once, in no particular order. Returns how many.
    ///
    /// # Errors
    /// The stream could not be read to its end; what `consume` has seen then is a part of the index only.
    pub async fn for_each(
        &self,
        index: &str,
        consume: &mut (impl FnMut(DocumentRef<'_>) + Send),
    ) -> Result<u64, StreamError> {
        let pinned = self.inner.indices.get(index);
        let pinned = pinned.ok_or_else(|| StreamError::NotPinned(format!("index {index} was not pinned")))?;
        let expected = *pinned.documents.as_ref().map_err(|e| StreamError::NotPinned(e.clone()))?;
        let mut size = FIRST_PAGE;
        let mut seen = 0_u64;
        if expected == 0 {
            return Ok(0);
        }
        let mut fetched = fetch(Arc::clone(&self.inner), pinned.pit(), None, size).await?;
        loop {
            let page = parse(&fetched.bytes)?;
            let Some(last) = page.hits.hits.last() else {
                return Err(StreamError::Incomplete { seen, expected });
            };
            if let Some(id) = &page.pit_id {
                pinned.renew(id.clone().into_owned());
            }
            let count = page.hits.hits.len();
            let so_far = seen + count as u64;
            // The next page travels while this one is digested.
            let next = (so_far < expected).then(|| {
                let average = (fetched.bytes.len() / count).max(1);
                size = (PAGE_BYTES / average)
                    .clamp(1, LARGEST_PAGE)
                    .min(fetched.size.saturating_mul(GROWTH))
                    .max(1);
                let inner = Arc::clone(&self.inner);
                AbortOnDrop(tokio::spawn(fetch(inner, pinned.pit(), Some(last.sort.get().to_owned()), size)))
            });
            for hit in &page.hits.hits {
                consume(DocumentRef {
                    id: &hit.id,
                    routing: hit.routing.as_deref(),
                    source: hit.source.map(RawValue::get),
                    ignored: hit.ignored.is_some(),
                });
            }
            seen = so_far;
            match next {
                Some(mut next) => {
                    fetched = (&mut next.0).await.map_err(|e| {
                        StreamError::NotPinned(format!("reading {index} was interrupted: {e}"))
                    })??;
                }
                None if seen == expected => return Ok(seen),
                None => return Err(StreamError::Incomplete { seen, expected }),
            }
        }
    }
}

/// A request on its way must not outlive a reader that gave up.
struct AbortOnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Fetched {
    bytes: Vec<u8>,
    /// Page size that got through.
    size: usize,
}

/// Asks for one page until it comes whole, with ever smaller pages and longer pauses.
async fn fetch(
    inner: Arc<Inner>,
    pit: String,
    after: Option<String>,
    size: usize,
) -> Result<Fetched, ElasticsearchError> {
    let mut size = size;
    let mut pause = FIRST_PAUSE;
    let mut attempt = 1;
    loop {
        let after = after.as_ref().map(|a| format!(",\"search_after\":{a}")).unwrap_or_default();
        let pit = serde_json::Value::from(pit.as_str());
        let body = format!(
            "{{\"size\":{size},\"pit\":{{\"id\":{pit},\"keep_alive\":\"{KEEP_ALIVE}\"}},\
             \"sort\":[{{\"_shard_doc\":\"asc\"}}],\"track_total_hits\":false{after}}}"
        );
        let path = "/_search?allow_partial_search_results=false";
        let answer =
            inner.client.bytes(Method::POST, path, Some(("application/json", body.into_bytes()))).await;
        let error = match answer {
            Ok(bytes) => match parse(&bytes) {
                Ok(page) if page.timed_out || page.shards.failed > 0 => {
                    ElasticsearchError::malformed("POST", path, "an incomplete page")
                }
                Ok(_) => {
                    inner.gone.store(false, Ordering::Relaxed);
                    return Ok(Fetched { bytes, size });
                }
                // An answer cut short by a broken connection.
                Err(error) => error,
            },
            Err(error) => error,
        };
        let too_large =
            error.status() == Some(400) && error.to_string().contains("esult window is too large");
        let malformed = matches!(error.kind, ErrorKind::Malformed(_));
        let retry = too_large || malformed || error.is_pressure() || error.is_transport();
        if !error.is_transport() {
            inner.gone.store(false, Ordering::Relaxed);
        }
        let attempts = if inner.gone.load(Ordering::Relaxed) { ATTEMPTS_WHEN_GONE } else { ATTEMPTS };
        if !retry || attempt >= attempts {
            if error.is_transport() {
                inner.gone.store(true, Ordering::Relaxed);
            }
            return Err(error);
        }
        tracing::debug!(size, attempt, %error, "page asked for again");
        attempt += 1;
        size = (size / 2).max(1);
        if !too_large {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Page<'_>, ElasticsearchError> {
    serde_json::from_slice(bytes)
        .map_err(|e| ElasticsearchError::malformed("POST", "/_search", e.to_string()))
}
