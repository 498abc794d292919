//! Reading one slice of a point in time, page by page, each as large as the store can bear.

use super::Failure;
use crate::elasticsearch::inventory::index_path;
use crate::error::MigrationError;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, ErrorKind};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long a point in time survives without being used; every page renews it.
const KEEP_ALIVE: &str = "10m";
/// Size of a page aimed at, in bytes of the answer.
const PAGE_BYTES: usize = 8 << 20;
/// Most documents of a page: big ones may follow small ones, and the store builds a page as a whole.
const LARGEST_PAGE: usize = 5_000;
/// How much larger a page may be than the one before.
const GROWTH: usize = 4;
/// How often one page is asked for before giving up: with the pauses between, about a minute.
const ATTEMPTS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const SEARCH: &str = "/_search?allow_partial_search_results=false";

/// What of an index a point in time holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// All of it.
    Whole,
    /// One shard.
    Shard(u32),
}

/// One point in time. It expires by itself if it is not closed.
#[derive(Debug)]
pub(crate) struct PointInTime {
    client: Client,
    index: String,
    id: Mutex<String>,
}

impl PointInTime {
    pub(crate) async fn open(client: &Client, index: &str, extent: Extent) -> Result<Self, Failure> {
        let mut path = format!("{}/_pit?keep_alive={KEEP_ALIVE}", index_path(index));
        if let Extent::Shard(number) = extent {
            path.push_str(&format!("&preference=_shards:{number}"));
        }
        let answer =
            client.post_empty(&path).await.map_err(|e| Failure::of(&e, "open a point in time of", index))?;
        let id = answer["id"].as_str().map(ToOwned::to_owned).ok_or_else(|| {
            let error = ElasticsearchError::malformed("POST", path, "no id of a point in time");
            Failure::of(&error, "open a point in time of", index)
        })?;
        Ok(Self { client: client.clone(), index: index.to_owned(), id: Mutex::new(id) })
    }

    fn id(&self) -> String {
        self.id.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Lets go of it; an error is passed over, because it expires by itself.
    pub(crate) async fn close(&self) {
        let body = json!({"id": self.id()});
        let _closed: Result<Value, _> = self.client.json(Method::DELETE, "/_pit", Some(&body)).await;
    }
}

/// What is asked of each document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Everything that makes the document.
    All,
    /// What names it.
    Names,
}

/// Which documents of a point in time are read.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) fields: Fields,
    /// Number of this slice and of all.
    pub(crate) slice: (u32, u32),
    /// Only documents that match it.
    pub(crate) query: Option<Value>,
}

/// One document as it lies in a page.
#[derive(Debug, Deserialize)]
pub(crate) struct Hit<'a> {
    #[serde(rename = "_id", borrow)]
    pub(crate) id: Cow<'a, str>,
    #[serde(rename = "_routing", borrow, default)]
    pub(crate) routing: Option<Cow<'a, str>>,
    #[serde(rename = "_version", default)]
    pub(crate) version: Option<i64>,
    /// Raw text; absent if it was not asked for, or if the index does not keep it.
    #[serde(rename = "_source", borrow, default)]
    pub(crate) source: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sort: Option<&'a RawValue>,
}

impl<'a> Hit<'a> {
    /// A document of which only the name is known.
    pub(crate) fn named(id: &'a str, routing: Option<&'a str>) -> Self {
        Self { id: id.into(), routing: routing.map(Cow::from), version: None, source: None, sort: None }
    }
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

/// What became of the shards that an answer is made of.
#[derive(Deserialize)]
pub(crate) struct Shards {
    pub(crate) failed: u64,
}

/// The documents of one answer.
#[derive(Deserialize)]
pub(crate) struct Hits<'a> {
    pub(crate) total: Option<Total>,
    #[serde(borrow)]
    pub(crate) hits: Vec<Hit<'a>>,
}

/// How many documents there are, where that was asked for.
#[derive(Deserialize)]
pub(crate) struct Total {
    pub(crate) value: u64,
}

/// Reads one slice from its beginning to its end.
pub(crate) struct SliceReader<'a> {
    pit: &'a PointInTime,
    selection: Selection,
    size: usize,
    after: Option<String>,
    /// Documents the store counts in the slice, once the first page has come.
    expected: Option<u64>,
    seen: u64,
}

impl<'a> SliceReader<'a> {
    /// `size`: documents of the first page.
    pub(crate) fn new(pit: &'a PointInTime, selection: Selection, size: usize) -> Self {
        Self { pit, selection, size: size.clamp(1, LARGEST_PAGE), after: None, expected: None, seen: 0 }
    }

    /// Hands the next page to `consume` and returns what it returns; nothing at the end. Every document the store counted
    /// has then been handed over, or this fails.
    pub(crate) async fn next<T>(
        &mut self,
        consume: impl FnOnce(Vec<Hit<'_>>) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if self.expected == Some(self.seen) {
            return Ok(None);
        }
        let bytes = self.fetch().await?;
        let page = parse(&bytes).map_err(|e| self.failed(&e))?;
        if let Some(id) = page.pit_id {
            *self.pit.id.lock().unwrap_or_else(PoisonError::into_inner) = id.into_owned();
        }
        if self.expected.is_none() {
            let total = page.hits.total.map(|t| t.value);
            let missing = || ElasticsearchError::malformed("POST", SEARCH, "no total of documents");
            self.expected = Some(total.ok_or_else(|| self.failed(&missing()))?);
        }
        let expected = self.expected.unwrap_or_default();
        let count = page.hits.hits.len();
        self.seen += count as u64;
        let Some(last) = page.hits.hits.last() else {
            if self.seen == expected {
                return Ok(None);
            }
            return Err(self.incomplete(expected));
        };
        if self.seen > expected {
            return Err(self.incomplete(expected));
        }
        let missing = || ElasticsearchError::malformed("POST", SEARCH, "no sort value");
        self.after = Some(last.sort.ok_or_else(|| self.failed(&missing()))?.get().to_owned());
        let average = (bytes.len() / count).max(1);
        let grown = self.size.saturating_mul(GROWTH).min(LARGEST_PAGE);
        self.size = (PAGE_BYTES / average).clamp(1, grown);
        consume(page.hits.hits).map(Some)
    }

    fn incomplete(&self, expected: u64) -> Failure {
        Failure::Other(MigrationError::migration(
            format!("read index {}", self.pit.index),
            format!("a slice of its point in time holds {expected} documents, and {} came", self.seen),
            "see the log of the source cluster, then resume the run",
        ))
    }

    fn failed(&self, error: &ElasticsearchError) -> Failure {
        Failure::of(error, "read", &self.pit.index)
    }

    fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "size": self.size,
            "pit": {"id": self.pit.id(), "keep_alive": KEEP_ALIVE},
            "sort": [{"_shard_doc": "asc"}],
            "version": true,
            "track_total_hits": self.expected.is_none(),
        });
        if self.selection.fields == Fields::Names {
            body["_source"] = json!(false);
        }
        let (number, slices) = self.selection.slice;
        if slices > 1 {
            body["slice"] = json!({"id": number, "max": slices});
        }
        if let Some(query) = &self.selection.query {
            body["query"] = query.clone();
        }
        let mut text = body.to_string();
        if let Some(after) = &self.after {
            text.truncate(text.len() - 1);
            // As it came: numbers of 64 bits must not pass through floating point.
            text.push_str(&format!(",\"search_after\":{after}}}"));
        }
        text.into_bytes()
    }

    /// Asks for the next page until it comes whole, with ever smaller pages and longer pauses.
    async fn fetch(&mut self) -> Result<Vec<u8>, Failure> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let body = Some(("application/json", self.body()));
            let error = match self.pit.client.bytes(Method::POST, SEARCH, body).await {
                Ok(bytes) => match parse(&bytes) {
                    Ok(page) if page.timed_out || page.shards.failed > 0 => {
                        ElasticsearchError::malformed("POST", SEARCH, "an incomplete page")
                    }
                    Ok(_) => return Ok(bytes),
                    // An answer cut short by a broken connection.
                    Err(error) => error,
                },
                Err(error) => error,
            };
            // A page beyond the index's window is refused, not always in words that say so.
            let too_large = error.status() == Some(400) && self.size > 1;
            let malformed = matches!(error.kind, ErrorKind::Malformed(_));
            let again = too_large || malformed || error.is_pressure() || error.is_transport();
            if !again || attempt >= ATTEMPTS {
                return Err(self.failed(&error));
            }
            self.size = (self.size / 2).max(1);
            if !too_large {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
        Err(Failure::Other(MigrationError::Internal("a page was asked for without an outcome".into())))
    }
}

fn parse(bytes: &[u8]) -> Result<Page<'_>, ElasticsearchError> {
    serde_json::from_slice(bytes).map_err(|e| ElasticsearchError::malformed("POST", SEARCH, e.to_string()))
}
