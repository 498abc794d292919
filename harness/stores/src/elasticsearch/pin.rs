//! A cluster held still: one point in time on every index asked for, and every definition as it was at that moment.

use super::definitions::Definitions;
use super::maxima::{Maxima, read_maxima};
use super::scope::{Scope, path_segment};
use super::views::Views;
use super::{Client, ElasticsearchError, pit};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// How long a point in time survives without being used; every use renews it.
pub(super) const KEEP_ALIVE: &str = "15m";
/// Requests on their way at once while pinning.
const CONCURRENT: usize = 8;

/// Whether an index answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// It does.
    Open,
    /// It is closed: it exists, but its documents cannot be read.
    Closed,
}

/// One index of a pinned cluster.
#[derive(Debug)]
pub struct PinnedIndex {
    /// Open or closed.
    pub state: IndexState,
    /// `aliases`, `mappings` and flat `settings`, as the store answers.
    pub definition: Value,
    /// Exact number of documents in the point in time, or why there is none.
    pub documents: Result<u64, String>,
    /// Something about the point in time that limits what it proves.
    pub doubt: Option<String>,
    maxima: Option<Vec<i64>>,
    /// Sequence numbers just before the point in time was opened, whether or not they moved meanwhile.
    before: Option<Vec<i64>>,
    pit: Mutex<String>,
}

/// By what is told whether two points in time show the same documents of an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedState {
    /// Of the index: another one of the same name has another.
    pub uuid: String,
    /// Highest sequence number of each shard; `None` where they moved while it was pinned, or the store does not tell.
    pub sequence_numbers: Option<Vec<i64>>,
}

impl PinnedState {
    /// Whether it tells anything.
    pub fn is_known(&self) -> bool {
        !self.uuid.is_empty() && self.sequence_numbers.is_some()
    }
}

impl PinnedIndex {
    /// The state that its point in time shows.
    pub fn pinned_state(&self) -> PinnedState {
        let uuid = self.definition["settings"]["index.uuid"].as_str().unwrap_or_default().to_owned();
        PinnedState { uuid, sequence_numbers: self.maxima.clone() }
    }

    pub(super) fn pit(&self) -> String {
        self.pit.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sequence numbers at the point in time, where they did not move meanwhile.
    pub(super) fn maxima(&self) -> Option<&Vec<i64>> {
        self.maxima.as_ref()
    }

    pub(super) fn renew(&self, id: String) {
        *self.pit.lock().unwrap_or_else(PoisonError::into_inner) = id;
    }
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) client: Client,
    pub(super) indices: BTreeMap<String, PinnedIndex>,
    outside: Vec<String>,
    scope: Scope,
    definitions: Definitions,
    pub(super) views: Views,
    /// Set while nobody answers: no reader then waits long for a page.
    pub(super) gone: AtomicBool,
}

/// One cluster held still. Cheap to clone; the points in time stay open until [`PinnedEs::close`] or until 15 minutes
/// have passed without use.
#[derive(Debug, Clone)]
pub struct PinnedEs {
    pub(super) inner: Arc<Inner>,
}

impl PinnedEs {
    /// Refreshes the indices, opens a point in time on each and reads every definition. An index that cannot be opened is
    /// remembered with its reason.
    ///
    /// # Errors
    /// The list of indices or their definitions cannot be read.
    pub async fn pin(client: &Client, scope: &Scope) -> Result<Self, ElasticsearchError> {
        let definitions = Definitions::read(client, scope).await;
        let (listed, described) = list(client).await?;
        let backing = definitions.backing_indices();
        let mut outside = Vec::new();
        let mut asked = Vec::new();
        for (name, state) in listed {
            if scope.contains(&name) || backing.contains(&name.as_str()) {
                asked.push((name, state));
            } else {
                outside.push(name);
            }
        }
        outside.sort();
        let before = read_maxima(client, None).await;
        let pinned: Vec<_> = futures_util::stream::iter(asked.into_iter().map(|(name, state)| {
            let definition = described.get(&name).cloned();
            async move {
                let index = open(client, &name, state, definition).await;
                (name, index)
            }
        }))
        .buffer_unordered(CONCURRENT)
        .collect()
        .await;
        let mut indices: BTreeMap<String, PinnedIndex> = pinned.into_iter().collect();
        let views = Views::open(client, &indices).await;
        let after = read_maxima(client, None).await;
        for (name, index) in &mut indices {
            index.before = before.as_ref().and_then(|all| all.get(name).cloned());
            index.maxima = quiet(name, before.as_ref(), after.as_ref());
        }
        Ok(Self {
            inner: Arc::new(Inner {
                client: client.clone(),
                indices,
                outside,
                scope: scope.clone(),
                definitions,
                views,
                gone: AtomicBool::new(false),
            }),
        })
    }

    /// The indices asked for, by name.
    pub fn indices(&self) -> &BTreeMap<String, PinnedIndex> {
        &self.inner.indices
    }

    /// Indices that exist and were not asked for.
    pub fn outside(&self) -> &[String] {
        &self.inner.outside
    }

    /// Templates, pipelines, policies, scripts and settings of the cluster.
    pub fn definitions(&self) -> &Definitions {
        &self.inner.definitions
    }

    /// Base URL of the cluster, for messages.
    pub fn url(&self) -> &str {
        self.inner.client.url()
    }

    /// Indices that were written to, created or deleted since shortly before they were pinned. Empty where the store does
    /// not tell.
    pub async fn moved(&self) -> BTreeSet<String> {
        let Some(now) = read_maxima(&self.inner.client, None).await else { return BTreeSet::new() };
        let indices = &self.inner.indices;
        let moved = indices.iter().filter(|(name, index)| match (&index.before, now.get(*name)) {
            (Some(before), now) => Some(before) != now,
            (None, _) => false,
        });
        let known = |name: &&String| indices.contains_key(*name) || self.inner.outside.contains(name);
        let created = now.keys().filter(|name| self.inner.scope.contains(name) && !known(name));
        moved.map(|(name, _)| name).chain(created).cloned().collect()
    }

    /// Opens the point in time of an index again after it was lost, if the shards' sequence numbers prove that nothing
    /// was written since the first one. Documents may come in another order: a reader starts over.
    ///
    /// # Errors
    /// Why the new point in time would not show the same documents, in words.
    pub async fn reopen(&self, name: &str) -> Result<(), String> {
        let client = &self.inner.client;
        let Some(index) = self.inner.indices.get(name) else {
            return Err(format!("index {name} was not pinned"));
        };
        let Some(pinned) = &index.maxima else {
            return Err(
                "the point in time was lost, and the index was being written to when it was pinned".into()
            );
        };
        let segment = path_segment(name);
        let health = format!("/_cluster/health/{segment}?wait_for_status=yellow&timeout=60s");
        client.get(&health).await.map_err(|e| format!("the point in time was lost: {e}"))?;
        let id = pit::open(client, &segment).await.map_err(|e| format!("the point in time was lost: {e}"))?;
        let now = read_maxima(client, Some(&segment)).await.and_then(|mut all| all.remove(name));
        if now.as_ref() != Some(pinned) {
            pit::close(client, &id).await;
            return Err("the point in time was lost, and the index was written to since".into());
        }
        index.renew(id);
        Ok(())
    }

    /// Computes aggregations over every document of a pinned index. Returns them together with the exact number of
    /// documents.
    ///
    /// # Errors
    /// The index has no point in time, or a part of it did not answer.
    pub async fn aggregate(
        &self,
        name: &str,
        aggregations: &Value,
    ) -> Result<(u64, Value), ElasticsearchError> {
        let path = "/_search?allow_partial_search_results=false";
        let malformed = |what: &str| ElasticsearchError::malformed("POST", path, what);
        let index = self.inner.indices.get(name).ok_or_else(|| malformed("the index was not pinned"))?;
        let pit = json!({"id": index.pit(), "keep_alive": KEEP_ALIVE});
        let mut body = json!({"size": 0, "track_total_hits": true, "pit": pit});
        if aggregations.as_object().is_some_and(|a| !a.is_empty()) {
            body["aggs"] = aggregations.clone();
        }
        let mut answer = self.inner.client.post(path, &body).await?;
        let complete =
            answer["timed_out"].as_bool() == Some(false) && answer["_shards"]["failed"].as_u64() == Some(0);
        let total = answer["hits"]["total"]["value"].as_u64().filter(|_| complete);
        let total = total.ok_or_else(|| malformed("no complete total of documents"))?;
        Ok((total, answer["aggregations"].take()))
    }

    /// Closes the points in time. Errors are ignored: they expire by themselves.
    pub async fn close(self) {
        let client = &self.inner.client;
        self.inner.views.close(client).await;
        let ids = self.inner.indices.values().map(PinnedIndex::pit).filter(|id| !id.is_empty());
        futures_util::stream::iter(ids)
            .for_each_concurrent(CONCURRENT, |id| async move { pit::close(client, &id).await })
            .await;
    }
}

/// Names and states of all indices, and their definitions by name.
async fn list(client: &Client) -> Result<(Vec<(String, IndexState)>, Value), ElasticsearchError> {
    let path = "/_cat/indices?expand_wildcards=all&format=json&h=index,status";
    let listed = match client.get(path).await {
        // One index whose metadata is blocked makes the store refuse the list of all.
        Err(error) if error.status() == Some(403) => return list_around_blocks(client, error).await,
        listed => listed?,
    };
    let described = client.get("/*?expand_wildcards=all&flat_settings=true").await?;
    let one = |entry: &Value| {
        (entry["index"].as_str().unwrap_or_default().to_owned(), state(entry["status"].as_str()))
    };
    Ok((listed.as_array().into_iter().flatten().map(one).collect(), described))
}

fn state(word: Option<&str>) -> IndexState {
    if word == Some("close") { IndexState::Closed } else { IndexState::Open }
}

/// The same from the cluster's state. Of an index whose metadata is blocked only the settings are known; the others are
/// described one by one.
async fn list_around_blocks(
    client: &Client,
    refused: ElasticsearchError,
) -> Result<(Vec<(String, IndexState)>, Value), ElasticsearchError> {
    let path = "/_cluster/state/metadata?flat_settings=true&filter_path=metadata.indices.*.state,metadata.indices.*.settings";
    let Ok(answer) = client.get(path).await else { return Err(refused) };
    let Some(all) = answer["metadata"]["indices"].as_object() else { return Err(refused) };
    let mut names = Vec::new();
    let mut described = serde_json::Map::new();
    for (name, body) in all {
        names.push((name.clone(), state(body["state"].as_str())));
        let blocked = body["settings"]["index.blocks.metadata"].as_str() == Some("true");
        let definition = if blocked {
            Some(json!({"settings": body["settings"]}))
        } else {
            let path = format!("/{}?expand_wildcards=all&flat_settings=true", path_segment(name));
            client.get(&path).await.ok().and_then(|mut one| one.get_mut(name).map(Value::take))
        };
        described.extend(definition.map(|d| (name.clone(), d)));
    }
    Ok((names, Value::Object(described)))
}

/// The sequence numbers of an index, if they did not move while it was pinned.
fn quiet(name: &str, before: Option<&Maxima>, after: Option<&Maxima>) -> Option<Vec<i64>> {
    let before = before?.get(name)?;
    (after?.get(name)? == before).then(|| before.clone())
}

async fn open(client: &Client, name: &str, state: IndexState, definition: Option<Value>) -> PinnedIndex {
    let described = definition.is_some();
    let mut index = PinnedIndex {
        state,
        definition: definition.unwrap_or_default(),
        documents: Err("it is closed: its documents cannot be read".to_owned()),
        doubt: None,
        maxima: None,
        before: None,
        pit: Mutex::new(String::new()),
    };
    if !described {
        index.doubt = Some("its definition could not be read".to_owned());
    }
    if state == IndexState::Closed {
        return index;
    }
    let segment = path_segment(name);
    if let Err(error) = client.post_empty(&format!("/{segment}/_refresh")).await {
        // Without a refresh only what an earlier one made visible is seen. Unless automatic refreshes are off, that is
        // everything but the last moments.
        let interval = index.definition["settings"]["index.refresh_interval"].as_str().unwrap_or_default();
        if interval.starts_with('-') || !matches!(error.status(), Some(401 | 403)) {
            index.doubt =
                Some(format!("its latest documents may be invisible, because a refresh failed: {error}"));
        }
    }
    index.documents = match pit::open(client, &segment).await {
        Ok(id) => {
            let count = pit::count(client, &id).await;
            index.renew(id);
            count.map_err(|e| e.to_string())
        }
        Err(error) => Err(error.to_string()),
    };
    index
}
