//! Points in time in the words of each product, and how the documents in one are paged through.

use super::flavour::{Flavour, PitApi};
use super::pin::KEEP_ALIVE;
use super::{Client, ElasticsearchError};
use reqwest::Method;
use serde_json::{Value, json};

/// How the documents of a point in time are put in an order in which every one has its own place, so that
/// `search_after` neither leaves one out nor gives one twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By `_shard_doc`, which numbers documents across the shards of a point in time.
    ShardDoc,
    /// By `_doc`, one shard after the other. `_doc` numbers the documents of a single shard only: over several shards,
    /// documents of equal number are lost where a page ends between them. A slice out of as many slices as there are
    /// shards is exactly one shard.
    DocByShard {
        /// Primary shards of the index.
        shards: u32,
    },
}

impl Paging {
    /// The order for an index of so many primary shards.
    pub fn of(flavour: Flavour, shards: u32) -> Self {
        if flavour.sorts_by_shard_doc() { Self::ShardDoc } else { Self::DocByShard { shards: shards.max(1) } }
    }

    /// How many passes make up the whole index. Each begins without `search_after` and ends with an empty page.
    pub fn passes(self) -> u32 {
        match self {
            Self::ShardDoc => 1,
            Self::DocByShard { shards } => shards,
        }
    }

    /// Members of a search body, without a comma at either end: the sort, and the slice where there is one. Hits carry one
    /// sort value, which goes into `search_after` as it came.
    pub fn clause(self, pass: u32) -> String {
        match self {
            Self::ShardDoc => r#""sort":[{"_shard_doc":"asc"}]"#.to_owned(),
            Self::DocByShard { shards: 0 | 1 } => r#""sort":[{"_doc":"asc"}]"#.to_owned(),
            Self::DocByShard { shards } => {
                format!(r#""sort":[{{"_doc":"asc"}}],"slice":{{"id":{pass},"max":{shards}}}"#)
            }
        }
    }
}

/// Times that a point in time is asked for again: a second and a half in all.
const TRIES: usize = 4;

/// Opens a point in time on an index (a URL path segment).
pub(super) async fn open(client: &Client, segment: &str) -> Result<String, ElasticsearchError> {
    open_with(client, segment, "").await
}

/// The same with more parameters, each with an ampersand before it.
pub(super) async fn open_with(
    client: &Client,
    segment: &str,
    parameters: &str,
) -> Result<String, ElasticsearchError> {
    let api = client.flavour().await.pit_api();
    let (path, key) = match api.map_err(|why| ElasticsearchError::unsupported("OPEN", "_pit", why))? {
        PitApi::Elasticsearch => (format!("/{segment}/_pit?keep_alive={KEEP_ALIVE}{parameters}"), "id"),
        PitApi::OpenSearch => {
            (format!("/{segment}/_search/point_in_time?keep_alive={KEEP_ALIVE}{parameters}"), "pit_id")
        }
    };
    // An index that was just made is there, and yellow, before its shards answer.
    let mut pauses = super::repeat::pauses().take(TRIES);
    let answer = loop {
        let error = match client.post_empty(&path).await {
            Ok(answer) => break answer,
            Err(error) => error,
        };
        match pauses.next().filter(|_| error.status() == Some(503)) {
            Some(pause) => tokio::time::sleep(pause).await,
            None => return Err(error),
        }
    };
    let failed = answer["_shards"]["failed"].as_u64().unwrap_or(0);
    if failed > 0 {
        // OpenSearch opens one on the shards that answer.
        if let Some(id) = answer[key].as_str() {
            close(client, id).await;
        }
        let what = format!("the point in time lacks {failed} shards");
        return Err(ElasticsearchError::malformed("POST", path, what));
    }
    let id = answer[key].as_str().map(ToOwned::to_owned);
    id.ok_or_else(|| ElasticsearchError::malformed("POST", path, "no id of a point in time"))
}

/// Closes a point in time. It expires by itself if this fails.
pub(super) async fn close(client: &Client, id: &str) {
    let (path, body) = match client.flavour().await.pit_api() {
        Ok(PitApi::Elasticsearch) => ("/_pit", json!({ "id": id })),
        Ok(PitApi::OpenSearch) => ("/_search/point_in_time", json!({ "pit_id": [id] })),
        Err(_) => return,
    };
    let _ignored: Result<Value, _> = client.json(Method::DELETE, path, Some(&body)).await;
}

/// The exact number of documents in a point in time.
pub(super) async fn count(client: &Client, pit: &str) -> Result<u64, ElasticsearchError> {
    let path = "/_search?allow_partial_search_results=false";
    let body = json!({"size": 0, "track_total_hits": true, "pit": {"id": pit, "keep_alive": KEEP_ALIVE}});
    let answer = client.post(path, &body).await?;
    let complete =
        answer["timed_out"].as_bool() == Some(false) && answer["_shards"]["failed"].as_u64() == Some(0);
    let total = answer["hits"]["total"]["value"].as_u64().filter(|_| complete);
    total.ok_or_else(|| ElasticsearchError::malformed("POST", path, "no complete total of documents"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_a_shard_where_documents_are_numbered_by_shard() {
        assert_eq!(Paging::DocByShard { shards: 3 }.passes(), 3);
        let one = Paging::DocByShard { shards: 1 };
        assert_eq!((one.passes(), one.clause(0).contains("slice")), (1, false));
        for paging in [Paging::ShardDoc, one, Paging::DocByShard { shards: 3 }] {
            let body = format!("{{{}}}", paging.clause(paging.passes() - 1));
            let body: Value = serde_json::from_str(&body).expect("an object");
            assert_eq!(body["sort"].as_array().map(Vec::len), Some(1));
            assert_eq!(body["slice"].is_object(), paging.passes() > 1);
        }
    }
}
