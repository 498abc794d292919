//! Points in time on aliases: what applications see through the names they read, held still as the indices are.

use super::pin::{KEEP_ALIVE, PinnedEs, PinnedIndex};
use super::scope::path_segment;
use super::{Client, ElasticsearchError, ErrorKind, pit};
use drydock_parity::elasticsearch::usage::{Door, doors};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Requests on their way at once while opening.
const CONCURRENT: usize = 8;
/// Partitions of which an importer's own search is held still; no installation has more.
const PARTITIONS: u32 = 64;

/// Every name that is read, and what it shows.
#[derive(Debug, Default)]
pub(super) struct Views {
    doors: BTreeMap<String, Door>,
    /// By alias, and by alias and routing value for records of the exporter.
    pits: BTreeMap<(String, Option<String>), Pit>,
}

/// Id of a point in time, which every answer may renew, or why there is none.
type Pit = Mutex<Result<String, Unopened>>;

/// Why a name is not held still. A refusal (an index behind it is closed, a filter no longer fits) an application meets too.
#[derive(Debug, Clone)]
struct Unopened {
    /// Status of the answer, if there was one.
    status: Option<u16>,
    why: String,
}

impl Unopened {
    fn of(error: &ElasticsearchError) -> Self {
        let why = match &error.kind {
            ErrorKind::Status { reason, .. } => reason.clone(),
            _ => error.to_string(),
        };
        Self { status: error.status(), why }
    }

    fn into_kind(self, name: &str) -> ErrorKind {
        match self.status {
            Some(status) => ErrorKind::Status { status, error_type: String::new(), reason: self.why },
            None => ErrorKind::Malformed(format!("no point in time on {name}: {}", self.why)),
        }
    }
}

impl Views {
    /// Opens a point in time on each alias of the open indices.
    pub(super) async fn open(client: &Client, indices: &BTreeMap<String, PinnedIndex>) -> Self {
        let open = indices.iter().filter(|(_, index)| index.state == super::IndexState::Open);
        let doors = doors(open.map(|(name, index)| (name.as_str(), &index.definition)));
        let aliases: Vec<String> =
            doors.keys().filter(|name| !indices.contains_key(*name)).cloned().collect();
        let mut pits = open_all(client, aliases.into_iter().map(|alias| (alias, None)).collect()).await;
        // Over one shard, routing chooses nothing.
        let routed = doors.values().filter(|door| door.holds_records() && door.shards > 1);
        let mut wanted = Vec::new();
        for door in routed {
            let Some(Ok(id)) = pits.get(&(door.name.clone(), None)) else { continue };
            let partitions = partitions(client, id).await.unwrap_or_default();
            wanted.extend(partitions.into_iter().map(|p| (door.name.clone(), Some(p))));
        }
        pits.extend(open_all(client, wanted).await);
        Self { doors, pits: pits.into_iter().map(|(name, pit)| (name, Mutex::new(pit))).collect() }
    }

    /// Closes the points in time. Errors are ignored: they expire by themselves.
    pub(super) async fn close(&self, client: &Client) {
        let ids: Vec<String> = self.pits.values().filter_map(|pit| held(pit).ok()).collect();
        futures_util::stream::iter(ids)
            .for_each_concurrent(CONCURRENT, |id| async move { pit::close(client, &id).await })
            .await;
    }
}

fn held(pit: &Pit) -> Result<String, Unopened> {
    pit.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

type Opened = BTreeMap<(String, Option<String>), Result<String, Unopened>>;

async fn open_all(client: &Client, wanted: Vec<(String, Option<String>)>) -> Opened {
    futures_util::stream::iter(wanted)
        .map(|(alias, routing)| async move {
            let opened = open(client, &alias, routing.as_deref()).await;
            ((alias, routing), opened.map_err(|e| Unopened::of(&e)))
        })
        .buffer_unordered(CONCURRENT)
        .collect()
        .await
}

async fn open(client: &Client, alias: &str, routing: Option<&str>) -> Result<String, ElasticsearchError> {
    let routing = routing.map(|r| format!("&routing={}", path_segment(r))).unwrap_or_default();
    pit::open_with(client, &path_segment(alias), &routing).await
}

/// The partitions whose records an alias shows, as routing values.
async fn partitions(client: &Client, pit: &str) -> Option<Vec<String>> {
    let body = json!({
        "size": 0, "pit": {"id": pit, "keep_alive": KEEP_ALIVE},
        "aggs": {"p": {"terms": {"field": "partitionId", "size": PARTITIONS, "order": {"_key": "asc"}}}}
    });
    let answer = client.post("/_search?allow_partial_search_results=false", &body).await.ok()?;
    let buckets = answer["aggregations"]["p"]["buckets"].as_array()?;
    Some(buckets.iter().filter_map(|b| Some(b["key"].as_i64()?.to_string())).collect())
}

impl PinnedEs {
    /// The names that are read, with what is behind each.
    pub fn doors(&self) -> &BTreeMap<String, Door> {
        &self.inner.views.doors
    }

    /// The routing values under which an alias is held still besides the whole of it.
    pub fn routings(&self, alias: &str) -> Vec<String> {
        let keys = self.inner.views.pits.keys();
        keys.filter(|(name, _)| name == alias).filter_map(|(_, routing)| routing.clone()).collect()
    }

    /// Whether a name can be searched: an alias or an index.
    pub fn leads_anywhere(&self, name: &str) -> bool {
        self.inner.views.doors.contains_key(name) || self.inner.indices.contains_key(name)
    }

    /// Searches through an alias or an index as it was when the cluster was pinned. Every shard has to answer.
    ///
    /// # Errors
    /// The name is not held still, or the store refuses.
    pub async fn ask(
        &self,
        name: &str,
        routing: Option<&str>,
        body: &Value,
    ) -> Result<Value, ElasticsearchError> {
        match self.ask_once(name, routing, body).await {
            Err(error) if error.is_not_found() && self.revive(name, routing).await.is_some() => {
                self.ask_once(name, routing, body).await
            }
            answer => answer,
        }
    }

    async fn ask_once(
        &self,
        name: &str,
        routing: Option<&str>,
        body: &Value,
    ) -> Result<Value, ElasticsearchError> {
        const PATH: &str = "/_search?allow_partial_search_results=false";
        let unopened = |unopened: Unopened| ElasticsearchError {
            method: "POST".into(),
            path: PATH.into(),
            kind: unopened.into_kind(name),
        };
        let view = self.inner.views.pits.get(&(name.to_owned(), routing.map(ToOwned::to_owned)));
        let index = self.inner.indices.get(name);
        let id = match (view, index) {
            (Some(view), _) => held(view).map_err(unopened)?,
            (None, Some(index)) => match &index.documents {
                Err(why) => return Err(unopened(Unopened { status: None, why: why.clone() })),
                Ok(_) => index.pit(),
            },
            (None, None) => return Err(unopened(Unopened { status: None, why: "it was not there".into() })),
        };
        let mut body = body.clone();
        body["pit"] = json!({"id": id, "keep_alive": KEEP_ALIVE});
        let answer = self.inner.client.post(PATH, &body).await?;
        if let Some(renewed) = answer["pit_id"].as_str() {
            match (view, index) {
                (Some(view), _) => {
                    *view.lock().unwrap_or_else(PoisonError::into_inner) = Ok(renewed.to_owned());
                }
                (None, Some(index)) => index.renew(renewed.to_owned()),
                (None, None) => {}
            }
        }
        Ok(answer)
    }

    /// Opens a lost point in time again, if nothing was written since to what is behind it.
    async fn revive(&self, name: &str, routing: Option<&str>) -> Option<()> {
        let Some(view) = self.inner.views.pits.get(&(name.to_owned(), routing.map(ToOwned::to_owned))) else {
            return self.reopen(name).await.ok();
        };
        let door = self.inner.views.doors.get(name)?;
        let client = &self.inner.client;
        let segment = path_segment(name);
        let health = format!("/_cluster/health/{segment}?wait_for_status=yellow&timeout=60s");
        client.get(&health).await.ok()?;
        let id = open(client, name, routing).await.ok()?;
        let now = super::read_maxima(client, None).await;
        let quiet = |index: &String| {
            let pinned = self.inner.indices.get(index).and_then(PinnedIndex::maxima);
            pinned.is_some() && now.as_ref().and_then(|now| now.get(index)) == pinned
        };
        if !door.members.keys().all(quiet) {
            pit::close(client, &id).await;
            return None;
        }
        *view.lock().unwrap_or_else(PoisonError::into_inner) = Ok(id);
        Some(())
    }
}
