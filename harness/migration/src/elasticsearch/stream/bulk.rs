//! Sending batches with backpressure: what the target refuses for lack of room is sent again, smaller and later.

use super::batch::{Batch, Write};
use super::{Failure, Stream};
use crate::elasticsearch::inventory::index_path;
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::elasticsearch::{ElasticsearchError, ErrorKind};
use reqwest::Method;
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How much of refusal and silence is borne.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Tries without any document getting through.
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
}

impl Patience {
    /// About a minute and a half.
    pub(super) const USUAL: Self = Self {
        attempts: 16,
        first_pause: Duration::from_millis(100),
        longest_pause: Duration::from_secs(10),
    };
    /// For stores made for a test.
    #[cfg(test)]
    pub(super) const SHORT: Self = Self {
        attempts: 40,
        first_pause: Duration::from_micros(100),
        longest_pause: Duration::from_millis(1),
    };
}

/// `_none`: an index's own pipeline has already made the documents what they are.
const QUERY: &str =
    "?pipeline=_none&filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

/// What became of the documents sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Written for the first time.
    pub(crate) created: u64,
    /// Written over an older state.
    pub(crate) replaced: u64,
    /// Of these, over one with a higher version.
    pub(crate) overruled: u64,
    /// Removed.
    pub(crate) deleted: u64,
    /// Found there after a request that was never answered.
    pub(crate) repeated: u64,
}

impl Sent {
    pub(crate) fn add(&mut self, other: Self) {
        self.created += other.created;
        self.replaced += other.replaced;
        self.overruled += other.overruled;
        self.deleted += other.deleted;
        self.repeated += other.repeated;
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    items: Vec<Item<'a>>,
}

/// `{"create": {…}}`, `{"index": {…}}` or `{"delete": {…}}`.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow, alias = "index", alias = "delete")]
    create: Outcome<'a>,
}

#[derive(Deserialize)]
struct Outcome<'a> {
    status: u16,
    #[serde(borrow, default)]
    error: Option<Refusal<'a>>,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    reason: Cow<'a, str>,
}

/// What one request came to.
enum Round {
    /// Answered; what was refused for lack of room, and what has a higher version on the target.
    Answered { sent: Sent, refused: Batch, words: String, higher: Batch },
    /// Refused as a whole for lack of room.
    Refused(String),
    /// Longer than the target takes in one request.
    TooLong(String),
    /// Nobody answered.
    Silence(ElasticsearchError),
}

impl Stream {
    /// Sends a batch until every document of it is where it belongs.
    pub(super) async fn send(&self, index: &str, write: Write, batch: Batch) -> Result<Sent, Failure> {
        let mut sent = Sent::default();
        let mut waiting = vec![batch];
        let patience = self.patience;
        let mut pause = patience.first_pause;
        let mut attempts = 0;
        while let Some(mut batch) = waiting.pop() {
            if batch.is_empty() {
                continue;
            }
            let before = batch.len();
            let (words, rest) = match self.round(index, write, &batch).await? {
                Round::Answered { sent: now, refused, words, higher } => {
                    sent.add(now);
                    if !higher.is_empty() {
                        let plain = higher.unversioned();
                        if plain.body == higher.body {
                            let words = format!("index {index}: a conflict of versions without versions");
                            return Err(Failure::Other(MigrationError::Internal(words)));
                        }
                        let mut overruled = Box::pin(self.send(index, write, plain)).await?;
                        overruled.overruled = overruled.replaced + overruled.created;
                        sent.add(overruled);
                    }
                    if refused.len() < before {
                        (attempts, pause) = (0, patience.first_pause);
                    }
                    if refused.is_empty() {
                        continue;
                    }
                    self.counters.refused.fetch_add(refused.len() as u64, Ordering::Relaxed);
                    (words, refused)
                }
                Round::TooLong(_) if batch.len() > 1 => {
                    waiting.extend(batch.halves().into_iter().rev());
                    continue;
                }
                Round::TooLong(words) => return Err(self.too_long(index, &batch, &words)),
                Round::Refused(words) => {
                    self.counters.refused.fetch_add(batch.len() as u64, Ordering::Relaxed);
                    (words, batch)
                }
                // A store may hang up on a body that is longer than it takes, without a word.
                Round::Silence(error) if batch.len() == 1 && self.exceeds_limit(&batch) => {
                    return Err(self.too_long(index, &batch, &error.to_string()));
                }
                Round::Silence(error) => {
                    self.note_unanswered();
                    if attempts + 1 >= patience.attempts {
                        return Err(Failure::of(&error, "write to", index));
                    }
                    batch.unanswered = true;
                    (error.to_string(), batch)
                }
            };
            attempts += 1;
            if attempts >= patience.attempts {
                return Err(refused_for_good(index, &rest, attempts, &words));
            }
            self.counters.retries.fetch_add(1, Ordering::Relaxed);
            if rest.len() > 1 {
                waiting.extend(rest.halves().into_iter().rev());
            } else {
                waiting.push(rest);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(patience.longest_pause);
        }
        Ok(sent)
    }

    /// One request and what its answer means.
    async fn round(&self, index: &str, write: Write, batch: &Batch) -> Result<Round, Failure> {
        let _room = self.room_for(batch.body.len()).await?;
        let path = format!("{}/_bulk{QUERY}", index_path(index));
        let body = Some(("application/x-ndjson", batch.body.clone()));
        let bytes = match self.target.bytes(Method::POST, &path, body).await {
            Ok(bytes) => bytes,
            Err(error) if error.status() == Some(413) => return Ok(Round::TooLong(error.to_string())),
            Err(error) if error.is_pressure() => {
                // A gateway's word, not the store's: what it passed on goes on.
                if matches!(error.status(), Some(502 | 504)) {
                    self.note_unanswered();
                }
                return Ok(Round::Refused(error.to_string()));
            }
            Err(error) if error.is_transport() => return Ok(Round::Silence(error)),
            Err(error) => return Err(Failure::of(&error, "write to", index)),
        };
        let answer: Answer<'_> = match serde_json::from_slice(&bytes) {
            Ok(answer) => answer,
            // Cut short by a broken connection.
            Err(e) => return Ok(Round::Silence(ElasticsearchError::malformed("POST", path, e.to_string()))),
        };
        if answer.items.len() != batch.len() {
            let words = format!("{} of {} documents answered", answer.items.len(), batch.len());
            return Ok(Round::Silence(ElasticsearchError::malformed("POST", path, words)));
        }
        judge(index, write, batch, &answer)
    }

    fn exceeds_limit(&self, batch: &Batch) -> bool {
        self.limit.is_some_and(|limit| batch.body.len() as u64 > limit)
    }

    fn too_long(&self, index: &str, batch: &Batch, words: &str) -> Failure {
        let limit = match self.limit {
            Some(limit) => format!("the target takes {limit} bytes a request"),
            None => words.to_owned(),
        };
        Failure::Other(MigrationError::migration(
            format!("write document {} of index {index}", batch.id(0)),
            format!("it is {} bytes long, and {limit}", batch.item_bytes(0)),
            "raise http.max_content_length in elasticsearch.yml of every target node and restart it, then resume the run",
        ))
    }
}

fn judge(index: &str, write: Write, batch: &Batch, answer: &Answer<'_>) -> Result<Round, Failure> {
    let mut sent = Sent::default();
    let (mut refused, mut higher) = (Vec::new(), Vec::new());
    let mut words = String::new();
    for (number, item) in answer.items.iter().enumerate() {
        let outcome = &item.create;
        let fresh = matches!(write, Write::Create | Write::CreateVersioned);
        match (outcome.status, write) {
            (429 | 502..=504, _) if Without::BulkAnswers.is_gone() => sent.created += 1,
            (409, Write::Replace) if Without::LowerVersions.is_gone() => sent.replaced += 1,
            (429 | 502..=504, _) => {
                if let (true, Some(error)) = (refused.is_empty(), &outcome.error) {
                    words = format!("{}: {}", error.kind, error.reason);
                }
                refused.push(number);
            }
            (200 | 404, Write::Delete) => sent.deleted += 1,
            (201, _) => sent.created += 1,
            (200, Write::Replace) => sent.replaced += 1,
            (409, Write::Replace) => higher.push(number),
            (200 | 409, _) if fresh && batch.unanswered => sent.repeated += 1,
            (200 | 409, _) if fresh => {
                return Err(Failure::Other(MigrationError::migration(
                    format!("write document {} of index {index}", batch.id(number)),
                    "it is on the target already: the source gave it twice, or somebody else writes to the target",
                    "see that nobody writes to the target, then resume the run",
                )));
            }
            (status, _) => {
                let (kind, reason) = outcome
                    .error
                    .as_ref()
                    .map_or((Cow::from(""), Cow::from("")), |e| (e.kind.clone(), e.reason.clone()));
                return Err(Failure::Other(MigrationError::from_words(
                    format!("write document {} of index {index}", batch.id(number)),
                    format!("HTTP {status}: {reason} ({kind})"),
                    "see the log of the target cluster",
                )));
            }
        }
    }
    Ok(Round::Answered { sent, refused: batch.only(refused), words, higher: batch.only(higher) })
}

fn refused_for_good(index: &str, rest: &Batch, attempts: u32, words: &str) -> Failure {
    let what = match rest.len() {
        1 => format!("document {} of {} bytes", rest.id(0), rest.item_bytes(0)),
        many => format!("{many} documents"),
    };
    Failure::Other(MigrationError::migration(
        format!("write {what} to index {index}"),
        format!("the target has refused it {attempts} times: {words}"),
        "give the target more heap (a document may take a tenth of it), or lower reindex_parallelism, then resume the run",
    ))
}

/// Whether a failed request is about something that is no longer there.
pub(super) fn is_lost(error: &ElasticsearchError) -> bool {
    matches!(&error.kind, ErrorKind::Status { status: 404, .. })
}
