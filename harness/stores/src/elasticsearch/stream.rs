//! Every document of a pinned index, each exactly once, in slices side by side.

use super::fetch::{Ask, FIRST_PAGE, Fetched, OnItsWay, Patience, fetch};
use super::page::{self, DocumentRef, last_place};
use super::pin::{Inner, PinnedEs, PinnedIndex};
use super::{ElasticsearchError, Paging, Reading};
use std::sync::Arc;
use thiserror::Error;
use tokio::task::JoinSet;

/// Fewer documents than this are read in one piece: a slice costs the store a pass over the index's structures.
const SLICED_FROM: u64 = 200_000;
/// A slice has at least so many documents.
const SLICE: u64 = 100_000;
/// Ids in one request by id, and their bytes.
const IDS: usize = 1_000;
const IDS_BYTES: usize = 256 << 10;

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

/// When a series of pages is at its end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// After so many documents, or with an empty page.
    Count(u64),
    /// With a page that is not full.
    ShortPage,
}

impl PinnedEs {
    /// In how many slices an index of `documents` is read when at most `most` may be on their way at once.
    pub fn slices(documents: u64, most: usize) -> usize {
        let fit = if documents < SLICED_FROM { 1 } else { documents / SLICE };
        usize::try_from(fit).unwrap_or(usize::MAX).clamp(1, most.max(1))
    }

    /// Hands every document of a pinned index to `consume`, each exactly once, in no particular order. Returns how many.
    ///
    /// # Errors
    /// As [`PinnedEs::fold`].
    pub async fn for_each(
        &self,
        index: &str,
        consume: &mut (impl FnMut(DocumentRef<'_>) + Send),
    ) -> Result<u64, StreamError> {
        let (_, expected) = self.counted(index)?;
        let mut seen = 0;
        for order in self.orders(index, 1).await {
            let ask = Ask { order, reading: Reading::Documents, query: None };
            seen += read(&self.inner, index, ask, End::ShortPage, consume).await?;
        }
        complete(seen, expected)
    }

    /// Hands every document of a pinned index to `consume`, each exactly once, in no particular order, in up to `slices`
    /// tasks at once. Each task has a state of its own; all of them are returned.
    ///
    /// # Errors
    /// The index could not be read to its end, or not exactly as many documents came as were counted.
    pub async fn fold<S, C>(
        &self,
        index: &str,
        reading: Reading,
        slices: usize,
        state: impl Fn() -> S,
        consume: C,
    ) -> Result<Vec<S>, StreamError>
    where
        S: Send + 'static,
        C: Fn(&mut S, DocumentRef<'_>) + Clone + Send + Sync + 'static,
    {
        let (_, expected) = self.counted(index)?;
        let mut states = Vec::new();
        if expected == 0 {
            return Ok(states);
        }
        let mut orders = self.orders(index, slices).await;
        let end = if orders.len() == 1 { End::Count(expected) } else { End::ShortPage };
        let mut tasks = JoinSet::new();
        let mut seen = 0;
        orders.reverse();
        loop {
            while tasks.len() < slices.max(1)
                && let Some(order) = orders.pop()
            {
                let (inner, index) = (Arc::clone(&self.inner), index.to_owned());
                let (mut state, consume) = (state(), consume.clone());
                tasks.spawn(async move {
                    let ask = Ask { order, reading, query: None };
                    let seen = read(&inner, &index, ask, end, &mut |d| consume(&mut state, d)).await?;
                    Ok::<_, StreamError>((seen, state))
                });
            }
            let Some(done) = tasks.join_next().await else { break };
            let interrupted = |e| StreamError::NotPinned(format!("reading {index} was interrupted: {e}"));
            let (more, state) = done.map_err(interrupted)??;
            seen += more;
            states.push(state);
        }
        complete(seen, expected)?;
        Ok(states)
    }

    /// Hands the documents of these ids to `consume`: of every routing, where one id exists under several. Returns how
    /// many.
    ///
    /// # Errors
    /// A request failed.
    pub async fn by_ids(
        &self,
        index: &str,
        reading: Reading,
        ids: &[String],
        consume: &mut (impl FnMut(DocumentRef<'_>) + Send),
    ) -> Result<u64, StreamError> {
        self.counted(index)?;
        let orders = self.orders(index, 1).await;
        let mut seen = 0;
        let mut rest = ids;
        while !rest.is_empty() {
            let mut bytes = 0;
            let within = rest.iter().take(IDS).take_while(|id| {
                bytes += id.len();
                bytes <= IDS_BYTES
            });
            let (batch, later) = rest.split_at(within.count().max(1));
            rest = later;
            let query = serde_json::json!({"ids": {"values": batch}}).to_string();
            for order in &orders {
                let ask = Ask { order: order.clone(), reading, query: Some(query.clone()) };
                seen += read(&self.inner, index, ask, End::ShortPage, consume).await?;
            }
        }
        Ok(seen)
    }

    /// Hands about `count` documents from the beginning of an index to `consume`.
    ///
    /// # Errors
    /// The request failed.
    pub async fn sample(
        &self,
        index: &str,
        count: usize,
        consume: &mut (impl FnMut(DocumentRef<'_>) + Send),
    ) -> Result<(), StreamError> {
        let (pinned, _) = self.counted(index)?;
        let order = self.orders(index, 1).await.into_iter().next().unwrap_or_default();
        let ask = Arc::new(Ask { order, reading: Reading::Documents, query: None });
        let fetched = fetch(Arc::clone(&self.inner), ask, pinned.pit(), None, Patience::new(count)).await?;
        for hit in &page::read(&fetched.bytes, count)?.hits {
            consume(hit.document());
        }
        Ok(())
    }

    /// Asks for the pages of an index as [`PinnedEs::fold`] does and throws them away unread: no comparison can be faster.
    /// Returns their bytes.
    ///
    /// # Errors
    /// A request failed.
    pub async fn drain(&self, index: &str, reading: Reading, slices: usize) -> Result<u64, StreamError> {
        let (_, expected) = self.counted(index)?;
        if expected == 0 {
            return Ok(0);
        }
        let orders = self.orders(index, slices).await;
        let least = if orders.len() == 1 { expected } else { u64::MAX };
        let mut tasks = JoinSet::new();
        for order in orders {
            let (inner, index) = (Arc::clone(&self.inner), index.to_owned());
            tasks.spawn(async move {
                let ask = Arc::new(Ask { order, reading, query: None });
                let pinned = counted(&inner, &index)?.0;
                let (mut after, mut patience) = (None, Patience::new(FIRST_PAGE));
                let (mut seen, mut bytes) = (0, 0);
                while seen < least {
                    let (inner, ask) = (Arc::clone(&inner), Arc::clone(&ask));
                    let fetched = fetch(inner, ask, pinned.pit(), after, patience).await?;
                    bytes += fetched.bytes.len() as u64;
                    seen += fetched.patience.size as u64;
                    patience = Patience::after(&fetched, reading);
                    after = last_place(&fetched.bytes).map(ToOwned::to_owned);
                    if after.is_none() {
                        break;
                    }
                }
                Ok::<_, StreamError>(bytes)
            });
        }
        let mut bytes = 0;
        while let Some(done) = tasks.join_next().await {
            bytes +=
                done.map_err(|e| StreamError::NotPinned(format!("reading {index} was interrupted: {e}")))??;
        }
        Ok(bytes)
    }

    fn counted(&self, index: &str) -> Result<(&PinnedIndex, u64), StreamError> {
        counted(&self.inner, index)
    }

    /// One clause a series of pages; together they make up the index.
    async fn orders(&self, index: &str, slices: usize) -> Vec<String> {
        let settings = self.inner.indices.get(index).map(|i| &i.definition["settings"]);
        let shards = settings.and_then(|s| s["index.number_of_shards"].as_str()?.parse().ok()).unwrap_or(1);
        let paging = Paging::of(self.inner.client.flavour().await, shards);
        match paging {
            Paging::ShardDoc if slices > 1 => (0..slices)
                .map(|i| format!("{},\"slice\":{{\"id\":{i},\"max\":{slices}}}", paging.clause(0)))
                .collect(),
            _ => (0..paging.passes()).map(|pass| paging.clause(pass)).collect(),
        }
    }
}

fn counted<'a>(inner: &'a Inner, index: &str) -> Result<(&'a PinnedIndex, u64), StreamError> {
    let pinned = inner.indices.get(index);
    let pinned = pinned.ok_or_else(|| StreamError::NotPinned(format!("index {index} was not pinned")))?;
    let expected = *pinned.documents.as_ref().map_err(|e| StreamError::NotPinned(e.clone()))?;
    Ok((pinned, expected))
}

fn complete(seen: u64, expected: u64) -> Result<u64, StreamError> {
    if seen == expected { Ok(seen) } else { Err(StreamError::Incomplete { seen, expected }) }
}

/// Reads one series of pages to its end. Returns how many documents came.
async fn read(
    inner: &Arc<Inner>,
    index: &str,
    ask: Ask,
    end: End,
    consume: &mut (impl FnMut(DocumentRef<'_>) + Send),
) -> Result<u64, StreamError> {
    let (pinned, _) = counted(inner, index)?;
    let ask = Arc::new(ask);
    let mut after: Option<String> = None;
    let mut seen = 0_u64;
    let ask_for = |after: Option<String>, patience: Patience| {
        fetch(Arc::clone(inner), Arc::clone(&ask), pinned.pit(), after, patience)
    };
    let mut fetched = ask_for(None, Patience::new(FIRST_PAGE)).await?;
    loop {
        let asked = fetched.patience.size as u64;
        let patience = Patience::after(&fetched, ask.reading);
        // The next page travels while this one is read. A full page is followed by another one, unless all have come.
        let more = match end {
            End::Count(all) => seen + asked < all,
            End::ShortPage => ask.query.is_none(),
        };
        let ahead = last_place(&fetched.bytes).filter(|_| more).map(|place| {
            let task = tokio::spawn(ask_for(Some(place.to_owned()), patience));
            (place.to_owned(), OnItsWay(task))
        });
        let page = match page::read(&fetched.bytes, fetched.patience.size) {
            Ok(page) => page,
            Err(error) => {
                drop(ahead);
                let mut patience = fetched.patience;
                patience.again(inner, error).await?;
                fetched = ask_for(after.clone(), patience).await?;
                continue;
            }
        };
        if let Some(id) = &page.pit {
            pinned.renew(id.clone().into_owned());
        }
        for hit in &page.hits {
            consume(hit.document());
        }
        let count = page.hits.len() as u64;
        seen += count;
        let Some(last) = page.hits.last() else { return Ok(seen) };
        let ended = match end {
            End::Count(all) => seen >= all,
            End::ShortPage => count < asked,
        };
        if ended {
            return Ok(seen);
        }
        let place = last.place.to_owned();
        fetched = match ahead {
            Some((guessed, mut task)) if guessed == place => arrived((&mut task.0).await, index)?,
            _ => ask_for(Some(place.clone()), patience).await?,
        };
        after = Some(place);
    }
}

fn arrived(
    done: Result<Result<Fetched, ElasticsearchError>, tokio::task::JoinError>,
    index: &str,
) -> Result<Fetched, StreamError> {
    let fetched =
        done.map_err(|e| StreamError::NotPinned(format!("reading {index} was interrupted: {e}")))?;
    Ok(fetched?)
}
