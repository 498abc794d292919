//! Asking for one page until it comes, under whatever pressure the store is.

use super::pin::{Inner, KEEP_ALIVE};
use super::{ElasticsearchError, ErrorKind};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Documents asked for in the first page: few enough for an index of documents of 1 MiB each.
pub(super) const FIRST_PAGE: usize = 250;
/// Most documents in one page. A page is planned from the average of the one before; where big documents follow small
/// ones this bounds what the store has to build at once.
const LARGEST_PAGE: usize = 2_500;
/// The same where only names travel. More than 10,000 are refused unless an index allows it.
const LARGEST_PAGE_OF_IDS: usize = 10_000;
/// How much larger a page may be than the one before.
const GROWTH: usize = 4;
/// Size of a page aimed at, in bytes of the answer. A reader holds two of them at most.
const PAGE_BYTES: usize = 1 << 20;
/// A longer page is not taken in but asked for again with fewer documents, down to a single one of any length.
const LONGEST_PAGE: usize = 16 * PAGE_BYTES;
/// An answer that takes longer than this is a sign of a store that has too much to do.
const SLOW: Duration = Duration::from_secs(5);
/// How often one page is asked for before giving up: with the pauses between, a good minute.
const ATTEMPTS: u32 = 14;
/// The same once another page was given up because nobody answered: otherwise every further index would take a minute.
const ATTEMPTS_WHEN_GONE: u32 = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What comes with each document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Id, routing and source.
    Documents,
    /// The same, and the version.
    Versions,
    /// Id and routing.
    Ids,
}

/// A series of pages: everything of their request but the place and the size.
#[derive(Debug)]
pub(super) struct Ask {
    /// Members of the body that order and slice the documents.
    pub(super) order: String,
    /// What comes with each document.
    pub(super) reading: Reading,
    /// A query as JSON; without one, every document.
    pub(super) query: Option<String>,
}

impl Ask {
    fn body(&self, pit: &str, after: Option<&str>, size: usize) -> String {
        let pit = serde_json::Value::from(pit);
        let order = &self.order;
        let mut body = format!(
            "{{\"size\":{size},\"pit\":{{\"id\":{pit},\"keep_alive\":\"{KEEP_ALIVE}\"}},{order},\"track_total_hits\":false"
        );
        body += match self.reading {
            Reading::Documents => "",
            Reading::Versions => ",\"version\":true",
            Reading::Ids => ",\"_source\":false",
        };
        for (name, value) in [("query", self.query.as_deref()), ("search_after", after)] {
            if let Some(value) = value {
                body += &format!(",\"{name}\":{value}");
            }
        }
        body + "}"
    }
}

/// How large the next request is, and how often it was tried already.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Documents to ask for.
    pub(super) size: usize,
    attempt: u32,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(size: usize) -> Self {
        Self { size, attempt: 1, pause: FIRST_PAUSE }
    }

    /// For the page after one that came.
    pub(super) fn after(fetched: &Fetched, reading: Reading) -> Self {
        let asked = fetched.patience.size;
        let largest = if reading == Reading::Ids { LARGEST_PAGE_OF_IDS } else { LARGEST_PAGE };
        let average = (fetched.bytes.len() / asked.max(1)).max(1);
        let growth = if fetched.took > SLOW { asked / 2 } else { asked.saturating_mul(GROWTH) };
        Self::new((PAGE_BYTES / average).clamp(1, largest).min(growth).max(1))
    }

    /// Waits before the same place is asked for again with a smaller page.
    ///
    /// # Errors
    /// The error itself, if trying again has no prospect.
    pub(super) async fn again(
        &mut self,
        inner: &Inner,
        error: ElasticsearchError,
    ) -> Result<(), ElasticsearchError> {
        // An index may allow smaller pages than the usual ones.
        let refused = error.to_string().contains("esult window is too large");
        let too_large = error.status() == Some(400) && self.size > 1 && refused;
        let malformed = matches!(error.kind, ErrorKind::Malformed(_));
        let retry = too_large || malformed || error.is_pressure() || error.is_transport();
        if !error.is_transport() {
            inner.gone.store(false, Ordering::Relaxed);
        }
        let attempts = if inner.gone.load(Ordering::Relaxed) { ATTEMPTS_WHEN_GONE } else { ATTEMPTS };
        if !retry || self.attempt >= attempts {
            if error.is_transport() {
                inner.gone.store(true, Ordering::Relaxed);
            }
            return Err(error);
        }
        tracing::debug!(size = self.size, attempt = self.attempt, %error, "page asked for again");
        self.attempt += 1;
        self.size = (self.size / 2).max(1);
        if !too_large {
            tokio::time::sleep(self.pause).await;
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }
}

/// A page as it came, not yet looked into.
pub(super) struct Fetched {
    pub(super) bytes: Vec<u8>,
    /// With which it got through.
    pub(super) patience: Patience,
    took: Duration,
}

/// Asks for one page until an answer comes whole.
///
/// # Errors
/// None came in spite of all patience.
pub(super) async fn fetch(
    inner: Arc<Inner>,
    ask: Arc<Ask>,
    pit: String,
    after: Option<String>,
    mut patience: Patience,
) -> Result<Fetched, ElasticsearchError> {
    loop {
        let body = ask.body(&pit, after.as_deref(), patience.size).into_bytes();
        let path = "/_search?allow_partial_search_results=false";
        let start = Instant::now();
        let limit = if patience.size > 1 { LONGEST_PAGE } else { usize::MAX };
        let body = Some(("application/json", body));
        match inner.client.bytes_within(Method::POST, path, body, limit).await {
            Ok(bytes) => {
                inner.gone.store(false, Ordering::Relaxed);
                return Ok(Fetched { bytes, patience, took: start.elapsed() });
            }
            Err(error) => patience.again(&inner, error).await?,
        }
    }
}

/// A request on its way must not outlive a reader that gave up.
pub(super) struct OnItsWay(pub(super) tokio::task::JoinHandle<Result<Fetched, ElasticsearchError>>);

impl Drop for OnItsWay {
    fn drop(&mut self) {
        self.0.abort();
    }
}
