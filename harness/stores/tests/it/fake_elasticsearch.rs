//! An Elasticsearch that answers the requests of a comparison from memory, and fails on demand.

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

/// How one search request goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// All is well.
    None,
    /// HTTP 429.
    TooManyRequests,
    /// HTTP 503.
    Unavailable,
    /// The answer ends in the middle.
    CutShort,
    /// HTTP 200, but the store gave up before it had looked everywhere.
    TimedOut,
    /// HTTP 200, but a shard did not answer.
    PartialShards,
    /// The point in time is gone, as after a restart.
    PitLost,
    /// The same, and a document was written in between.
    PitLostAndWritten,
    /// HTTP 403, for good.
    Forbidden,
    /// An empty page before the end.
    EmptyPage,
}

/// What a search request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Documents in order.
    Documents,
    /// Ids in order.
    Ids,
    /// Documents by their ids.
    ById,
}

/// Id, routing, raw `_source` (`None`: not stored).
pub(crate) type Document = (String, Option<String>, Option<String>);

#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) indices: BTreeMap<String, Vec<Document>>,
    pub(crate) definitions: BTreeMap<String, Value>,
    /// What happens to the coming page requests, in order.
    pub(crate) faults: VecDeque<Fault>,
    /// What happens to the next request of a kind, once.
    pub(crate) fault_on: Option<(Asked, Fault)>,
    /// Versions of documents by id, where they are not 1.
    pub(crate) versions: BTreeMap<String, i64>,
    /// Page sizes that were asked for.
    pub(crate) sizes: Vec<u64>,
    /// Kinds of page requests, in order.
    pub(crate) asked: Vec<Asked>,
    /// Highest sequence number of every index.
    pub(crate) written: i64,
    /// An index whose metadata is blocked: the store then refuses to list any.
    pub(crate) blocked: Option<String>,
    /// Whether refreshes are forbidden.
    pub(crate) no_refresh: bool,
    /// Features of the store besides indices: what it answers, by path. It has no others.
    pub(crate) features: BTreeMap<&'static str, Value>,
    pits: u64,
    lost: Vec<String>,
}

pub(crate) struct FakeElasticsearch {
    contents: Arc<Mutex<Contents>>,
    pub(crate) url: String,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for FakeElasticsearch {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl FakeElasticsearch {
    pub(crate) async fn start() -> Self {
        let contents = Arc::new(Mutex::new(Contents::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&contents));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("serving") });
        Self { contents, url, server }
    }

    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().expect("no test panicked here")
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Contents>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut state = state.lock().expect("no test panicked here");
    let path = uri.path().to_owned();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let ok = |value: Value| (StatusCode::OK, value.to_string()).into_response();
    match (method.as_str(), segments.as_slice()) {
        ("GET", ["_cat", "indices"] | ["*"]) if state.blocked.is_some() => {
            failed(StatusCode::FORBIDDEN, "blocked by: [FORBIDDEN/9/index metadata (api)]")
        }
        ("GET", ["_cluster", "state", "metadata"]) => {
            let one = |i: &String| {
                let blocked = (state.blocked.as_ref() == Some(i)).to_string();
                (i.clone(), json!({"state": "open", "settings": {"index.blocks.metadata": blocked}}))
            };
            ok(json!({"metadata": {"indices": Value::Object(state.indices.keys().map(one).collect())}}))
        }
        ("GET", _) if state.features.contains_key(path.as_str()) => ok(state.features[path.as_str()].clone()),
        ("GET", [index]) if state.indices.contains_key(*index) => {
            let empty = json!({"aliases": {}, "mappings": {}, "settings": {}});
            ok(json!({*index: state.definitions.get(*index).unwrap_or(&empty)}))
        }
        ("POST", [_, "_refresh"]) if state.no_refresh => failed(StatusCode::FORBIDDEN, "not allowed"),
        ("GET", ["_cat", "indices"]) => {
            ok(state.indices.keys().map(|i| json!({"index": i, "status": "open"})).collect())
        }
        ("GET", ["*"]) => {
            let empty = json!({"aliases": {}, "mappings": {}, "settings": {}});
            let describe = |i: &String| (i.clone(), state.definitions.get(i).unwrap_or(&empty).clone());
            ok(Value::Object(state.indices.keys().map(describe).collect()))
        }
        ("GET", ["_stats"] | [_, "_stats"]) => {
            let shard = json!({"shards": {"0": [{"routing": {"primary": true}, "seq_no": {"max_seq_no": state.written}}]}});
            let indices = state.indices.keys().map(|i| (i.clone(), shard.clone())).collect();
            ok(json!({"indices": Value::Object(indices)}))
        }
        ("POST", [index, "_pit"]) => {
            state.pits += 1;
            ok(json!({"id": format!("{index} {}", state.pits)}))
        }
        ("POST", [_, "_refresh"]) | ("DELETE", ["_pit"]) | ("GET", ["_cluster", "health", _]) => {
            ok(json!({}))
        }
        ("POST", ["_search"]) => search(&mut state, &body),
        _ => failed(StatusCode::BAD_REQUEST, "no handler found for uri"),
    }
}

fn failed(status: StatusCode, reason: &str) -> Response {
    let body = json!({"error": {"type": "some_exception", "reason": reason}, "status": status.as_u16()});
    (status, body.to_string()).into_response()
}

fn search(state: &mut Contents, body: &Value) -> Response {
    let pit = body["pit"]["id"].as_str().unwrap_or_default().to_owned();
    let name = pit.split(' ').next().unwrap_or_default();
    let behind =
        |index: &&String| state.definitions.get(*index).is_some_and(|d| d["aliases"][name].is_object());
    let index = state.indices.keys().find(behind).map_or_else(|| name.to_owned(), Clone::clone);
    let size = body["size"].as_u64().unwrap_or(0);
    let Some(total) = state.indices.get(&index).map(Vec::len) else {
        return failed(StatusCode::NOT_FOUND, "no such index");
    };
    if size == 0 {
        let aggregations = aggregations(&state.indices[&index], &body["aggs"]);
        let answer = json!({"timed_out": false, "_shards": {"failed": 0}, "hits": {"total": {"value": total}, "hits": []},
            "aggregations": aggregations});
        return (StatusCode::OK, answer.to_string()).into_response();
    }
    state.sizes.push(size);
    let ids: Option<BTreeSet<String>> = body["query"]["ids"]["values"]
        .as_array()
        .map(|ids| ids.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect());
    let asked = match (&ids, body["_source"] == json!(false)) {
        (Some(_), _) => Asked::ById,
        (None, true) => Asked::Ids,
        (None, false) => Asked::Documents,
    };
    // An application's list, which is no reading of all documents.
    let by = body["sort"][0].as_object().and_then(|sort| sort.keys().next());
    let view = by.filter(|field| !field.starts_with('_'));
    if view.is_none() {
        state.asked.push(asked);
    }
    let planted = state.fault_on.take_if(|(on, _)| *on == asked).map(|(_, fault)| fault);
    let fault = planted.or_else(|| state.faults.pop_front()).unwrap_or(Fault::None);
    if matches!(fault, Fault::PitLost | Fault::PitLostAndWritten) {
        state.lost.push(pit.clone());
        state.written += i64::from(fault == Fault::PitLostAndWritten);
    }
    if state.lost.contains(&pit) {
        return failed(StatusCode::NOT_FOUND, "No search context found");
    }
    match fault {
        Fault::TooManyRequests => return failed(StatusCode::TOO_MANY_REQUESTS, "rejected execution"),
        Fault::Unavailable => return failed(StatusCode::SERVICE_UNAVAILABLE, "all shards failed"),
        Fault::Forbidden => return failed(StatusCode::FORBIDDEN, "not allowed"),
        _ => {}
    }
    let from = body["search_after"][0].as_u64().map_or(0, |a| a + 1);
    let skip = usize::try_from(from).expect("small");
    let take = if fault == Fault::EmptyPage { 0 } else { usize::try_from(size).expect("small") };
    let slice = body["slice"]["max"].as_u64().map(|max| (body["slice"]["id"].as_u64().unwrap_or(0), max));
    let mut sorted: Vec<_> = state.indices[&index].iter().collect();
    if let Some(field) = view {
        sorted.sort_by_cached_key(|(_, _, source)| {
            let source: Option<Value> = serde_json::from_str(source.as_deref().unwrap_or_default()).ok();
            source.and_then(|source| source[field].as_i64())
        });
    }
    let hits: Vec<String> = sorted
        .into_iter()
        .enumerate()
        .skip(skip)
        .filter(|(at, _)| slice.is_none_or(|(id, max)| *at as u64 % max == id))
        .filter(|(_, document)| ids.as_ref().is_none_or(|ids| ids.contains(&document.0)))
        .take(take)
        .map(|(at, (id, routing, source))| {
            let routing = routing.as_ref().map(|r| format!(",\"_routing\":{}", json!(r))).unwrap_or_default();
            let source = source.as_ref().filter(|_| asked != Asked::Ids);
            let source = source.map(|s| format!(",\"_source\":{s}")).unwrap_or_default();
            let version = state.versions.get(id).unwrap_or(&1);
            let version = if body["version"] == json!(true) {
                format!(",\"_version\":{version}")
            } else {
                String::new()
            };
            format!(
                "{{\"_index\":\"{index}\",\"_id\":{}{version}{routing}{source},\"sort\":[{at}]}}",
                json!(id)
            )
        })
        .collect();
    let timed_out = fault == Fault::TimedOut;
    let failed_shards = u8::from(fault == Fault::PartialShards);
    let hits = hits.join(",");
    let mut answer = format!(
        "{{\"pit_id\":\"{pit}\",\"timed_out\":{timed_out},\"_shards\":{{\"failed\":{failed_shards}}},\"hits\":{{\"total\":{{\"value\":{total}}},\"hits\":[{hits}]}}}}"
    );
    if fault == Fault::CutShort {
        answer.truncate(answer.len() / 2);
    }
    (StatusCode::OK, answer).into_response()
}

/// `stats` and `value_count` over fields at the root; other aggregations have no answer.
fn aggregations(documents: &[Document], asked: &Value) -> Value {
    let one = |(name, body): (&String, &Value)| {
        let kind = body.as_object().and_then(|b| b.keys().next().cloned()).unwrap_or_default();
        let field = body[&kind]["field"].as_str().unwrap_or_default();
        let values: Vec<Value> = documents
            .iter()
            .filter_map(|(_, _, source)| {
                serde_json::from_str::<Value>(source.as_ref()?).ok()?.get(field).cloned()
            })
            .collect();
        let numbers: Vec<f64> = values.iter().filter_map(Value::as_f64).collect();
        let edge = |pick: fn(f64, f64) -> f64| numbers.iter().copied().reduce(pick);
        let answer = match kind.as_str() {
            "stats" => json!({"count": numbers.len(), "min": edge(f64::min), "max": edge(f64::max),
                "sum": numbers.iter().sum::<f64>()}),
            "value_count" => json!({"value": values.len()}),
            _ => Value::Null,
        };
        (name.clone(), answer)
    };
    Value::Object(asked.as_object().into_iter().flatten().map(one).collect())
}
