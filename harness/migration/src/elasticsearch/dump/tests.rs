//! A scroll over a source made for the purpose, which loses it on demand.

use super::scroll::into_file;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, Timeouts};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// What happens to the second page of a scroll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Second {
    Comes,
    /// The scroll has expired.
    Expired,
    /// A shard did not answer.
    Partial,
    /// The answer ends in the middle.
    Torn,
    /// It is empty, though documents are left.
    Empty,
}

struct Source {
    documents: usize,
    /// For each scroll; the last one stays.
    second: Vec<Second>,
    begun: usize,
    at: usize,
    size: usize,
}

async fn answer(State(state): State<Arc<Mutex<Source>>>, method: Method, uri: Uri, body: Bytes) -> Response {
    let mut source = state.lock().unwrap();
    if method == Method::DELETE {
        return json!({}).to_string().into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut shards = json!({"failed": 0});
    if uri.path() == "/_search/scroll" {
        let which = source.begun.min(source.second.len()) - 1;
        match source.second[which] {
            Second::Comes => {}
            Second::Expired => {
                let error = json!({"error": {"type": "search_phase_execution_exception", "reason": "all shards failed",
                    "root_cause": [{"type": "search_context_missing_exception", "reason": "No search context found for id [1]"}]}, "status": 404});
                return (StatusCode::NOT_FOUND, error.to_string()).into_response();
            }
            Second::Partial => shards = json!({"failed": 1}),
            Second::Torn => return "{\"_scroll_id\":\"s\",\"hits\":{\"hits\":[".into_response(),
            Second::Empty => source.at = source.documents,
        }
    } else {
        (source.begun, source.at) = (source.begun + 1, 0);
        source.size = usize::try_from(body["size"].as_u64().unwrap()).unwrap();
    }
    let end = (source.at + source.size).min(source.documents);
    let hits: Vec<Value> = (source.at..end)
        .map(|n| json!({"_id": format!("{n}"), "_version": 1, "_source": {"n": n}}))
        .collect();
    source.at = end;
    json!({"_scroll_id": "s", "timed_out": false, "_shards": shards,
        "hits": {"total": {"value": source.documents, "relation": "eq"}, "hits": hits}})
    .to_string()
    .into_response()
}

/// The outcome, how many scrolls were begun, and the lines of the file.
async fn dump(second: &[Second]) -> (Result<u64, String>, usize, usize) {
    let state =
        Arc::new(Mutex::new(Source { documents: 25, second: second.to_vec(), begun: 0, at: 0, size: 0 }));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = ElasticsearchEndpoint::plain(format!("http://{}", listener.local_addr().unwrap()));
    let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let client = Client::new(&endpoint, Timeouts::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("i.data.json");
    let outcome = into_file(&client, "i", 10, &file).await.map_err(|e| e.to_string());
    server.abort();
    let lines = std::fs::read_to_string(&file).unwrap().lines().count();
    let begun = state.lock().unwrap().begun;
    (outcome, begun, lines)
}

#[tokio::test]
async fn a_scroll_that_is_lost_is_begun_anew_and_never_half_a_dump() {
    assert_eq!(dump(&[Second::Comes]).await, (Ok(25), 1, 25));
    for lost in [Second::Expired, Second::Partial, Second::Torn, Second::Empty] {
        assert_eq!(dump(&[lost, Second::Comes]).await, (Ok(25), 2, 25), "{lost:?} once");
    }
    let (outcome, begun, _) = dump(&[Second::Expired]).await;
    let words = outcome.unwrap_err();
    assert!(words.contains("lost each time") && words.contains("scroll index i"), "{words}");
    assert_eq!(begun, 5);
}
