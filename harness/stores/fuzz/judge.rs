// What must hold whatever a cluster answers: a comparison with it ends, does not break off, and is not green where the indices were
// not told. Used by the fuzz target and by the tests of `drydock-stores`.

use drydock_core::names::checks;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::compare::{self, Options};
use drydock_stores::elasticsearch::Scope;
use drydock_stores::elasticsearch::transport::{Answer, InProcess, Request, Response, Transport};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Documents of the one index; a page more than one of a small size.
pub(super) const DOCUMENTS: usize = 40;
const INDEX: &str = "operate-list-view-8.3.0_";
/// Longer than any patience, in a time that only passes where everybody waits.
const LIMIT: Duration = Duration::from_secs(24 * 3600);

type Change = dyn Fn(&[u8]) -> (u16, Vec<u8>) + Send + Sync;

/// A small cluster in this process, one of whose answers may be changed.
struct Peer {
    /// The number of the answer that is changed, from 0, and how.
    change: Option<(usize, Box<Change>)>,
    asked: AtomicUsize,
    /// The request whose answer was changed, and the answer that was given.
    changed: Mutex<Option<(String, Vec<u8>)>>,
}

/// What a comparison came to.
#[derive(Debug)]
pub(super) struct Told {
    /// Nothing was found, and every document was compared.
    pub(super) green: bool,
    /// Requests that the target was asked.
    pub(super) requests: usize,
    /// The request whose answer was changed, and the answer that was given.
    pub(super) changed: Option<(String, Vec<u8>)>,
}

impl InProcess for Peer {
    fn answer(&self, request: Request) -> Answer {
        let number = self.asked.fetch_add(1, Ordering::SeqCst);
        let (mut status, mut body) = answer(&request);
        if let Some((_, change)) = self.change.as_ref().filter(|(at, _)| *at == number) {
            (status, body) = change(&body);
            let name = format!("{} {}", request.method, request.path);
            *self.changed.lock().expect("nobody panics with it") = Some((name, body.clone()));
        }
        Box::pin(std::future::ready(Ok(Response { status, body })))
    }
}

/// Compares a healthy cluster with one whose answer to request `which`, from 0, is changed; beyond the last one nothing is.
pub(super) fn compared(
    which: usize,
    change: impl Fn(&[u8]) -> (u16, Vec<u8>) + Send + Sync + 'static,
) -> Told {
    run(Some((which, Box::new(change))))
}

/// Compares two healthy clusters.
pub(super) fn undisturbed() -> Told {
    run(None)
}

fn run(change: Option<(usize, Box<Change>)>) -> Told {
    let peer = |change| Arc::new(Peer { change, asked: AtomicUsize::new(0), changed: Mutex::default() });
    let (source, target) = (peer(None), peer(change));
    let endpoint = |name: &str, peer: &Arc<Peer>| ElasticsearchEndpoint {
        transport: Transport::InProcess(Arc::clone(peer) as Arc<dyn InProcess>),
        ..ElasticsearchEndpoint::plain(format!("http://{name}:9200"))
    };
    let (from, to) = (endpoint("source", &source), endpoint("target", &target));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let results = runtime.expect("a runtime").block_on(async {
        let (scope, options) = (Scope::default(), Options::default());
        tokio::time::timeout(LIMIT, compare::elasticsearch(&from, &to, &scope, &options)).await
    });
    let results = results.expect("a comparison has to end");
    let documents = results.iter().find(|r| r.check == checks::ES_DOCUMENTS).map_or(0, |r| r.compared);
    let changed = target.changed.lock().expect("nobody panics with it").take();
    Told {
        green: results.iter().all(|r| r.findings.is_empty()) && documents == DOCUMENTS as u64,
        requests: target.asked.load(Ordering::SeqCst),
        changed,
    }
}

/// Whether there is nothing to compare without an answer: which indices there are.
fn decides(request: &str) -> bool {
    request.starts_with("GET /_cat/indices?expand_wildcards=all&format=json&h=index,status")
}

/// Asks for one answer to be changed; no list of indices must not end green.
pub(super) fn any_answer(which: usize, change: impl Fn(&[u8]) -> (u16, Vec<u8>) + Send + Sync + 'static) {
    let told = compared(which, change);
    if let Some((request, body)) = &told.changed {
        let answered = serde_json::from_slice::<Value>(body).is_ok();
        assert!(
            answered || !told.green || !decides(request),
            "green, though {request} was answered {:?}",
            String::from_utf8_lossy(body)
        );
    }
}

fn document(number: usize) -> Value {
    json!({"_index": INDEX, "_id": format!("{number}"), "_source": {"key": number, "state": "ACTIVE"}, "sort": [number]})
}

/// What a healthy cluster answers.
fn answer(request: &Request) -> (u16, Vec<u8>) {
    let path = request.path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let body: Value =
        request.body.as_deref().map(|b| serde_json::from_slice(b).unwrap_or_default()).unwrap_or_default();
    let definition = json!({
        "aliases": {"operate-list-view-alias": {"is_write_index": true}},
        "mappings": {"properties": {"key": {"type": "long"}, "state": {"type": "keyword"}}},
        "settings": {"index.number_of_shards": "1", "index.number_of_replicas": "0"},
    });
    let shard = json!([{"routing": {"primary": true}, "seq_no": {"max_seq_no": DOCUMENTS - 1}}]);
    let answer = match (request.method.as_str(), segments.as_slice()) {
        ("GET", [""]) => {
            json!({"version": {"number": "8.16.6", "build_flavor": "default"}, "tagline": "You Know, for Search"})
        }
        ("GET", ["_cat", "indices"]) => json!([{"index": INDEX, "status": "open"}]),
        ("GET", ["*"]) => json!({INDEX: definition}),
        ("GET", [INDEX]) => json!({INDEX: definition}),
        ("GET", ["_stats"] | [_, "_stats"]) => json!({"indices": {INDEX: {"shards": {"0": shard}}}}),
        ("POST", [name, "_pit"]) => json!({"id": format!("pit of {name}")}),
        ("POST", [_, "_refresh"]) | ("DELETE", ["_pit"]) | ("GET", ["_cluster", "health", _]) => json!({}),
        ("POST", ["_search"]) => search(&body),
        _ => {
            let error = json!({"error": {"type": "some_exception", "reason": "no handler found for uri"}, "status": 400});
            return (400, error.to_string().into_bytes());
        }
    };
    (200, answer.to_string().into_bytes())
}

fn search(body: &Value) -> Value {
    let size = usize::try_from(body["size"].as_u64().unwrap_or(10)).unwrap_or(usize::MAX);
    let after = body["search_after"][0]
        .as_u64()
        .map_or(0, |at| usize::try_from(at).unwrap_or(usize::MAX).saturating_add(1));
    let ids = body["query"]["ids"]["values"].as_array();
    let slice = body["slice"]["max"].as_u64().map(|max| (body["slice"]["id"].as_u64().unwrap_or(0), max));
    let hits: Vec<Value> = (after.min(DOCUMENTS)..DOCUMENTS)
        .filter(|n| slice.is_none_or(|(id, max)| *n as u64 % max == id))
        .map(document)
        .filter(|d| ids.is_none_or(|ids| ids.contains(&d["_id"])))
        .take(size)
        .collect();
    let hits = json!({"total": {"value": DOCUMENTS}, "hits": hits});
    json!({"pit_id": body["pit"]["id"], "timed_out": false, "_shards": {"failed": 0}, "hits": hits})
}
