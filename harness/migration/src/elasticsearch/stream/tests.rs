//! The mover between a source and a target made for the purpose, the target failing on demand.

use super::*;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::Timeouts;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

/// How the target takes one bulk request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// HTTP 429 for all.
    Busy,
    /// The circuit breaker, for all.
    Breaker,
    /// HTTP 429 for every other document.
    HalfBusy,
    /// HTTP 413, but for a single document.
    TooLong,
    /// Nothing is written, and the connection breaks.
    SilentBefore,
    /// Everything is written, and the connection breaks.
    SilentAfter,
}

const FAULTS: [Fault; 7] = [
    Fault::None,
    Fault::Busy,
    Fault::Breaker,
    Fault::HalfBusy,
    Fault::TooLong,
    Fault::SilentBefore,
    Fault::SilentAfter,
];

/// Routing, version, raw source.
type Stored = (Option<String>, i64, String);

#[derive(Default)]
struct Contents {
    source: Vec<(String, Stored)>,
    target: BTreeMap<String, Stored>,
    faults: VecDeque<Fault>,
    /// What happens when `faults` has run out.
    afterwards: Option<Fault>,
    limit: Option<usize>,
    longest: usize,
}

struct Fake {
    contents: Arc<Mutex<Contents>>,
    client: Client,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Fake {
    async fn start() -> Self {
        let contents = Arc::new(Mutex::new(Contents::default()));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = ElasticsearchEndpoint::plain(format!("http://{}", listener.local_addr().unwrap()));
        let router = Router::new()
            .fallback(answer)
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&contents));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { contents, client: Client::new(&endpoint, Timeouts::default()).unwrap(), server }
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }

    async fn stream(&self) -> Stream {
        let stream = Stream::new(&self.client, &self.client, 3).await;
        let mut stream = Arc::into_inner(stream).unwrap();
        (stream.bulk_bytes, stream.patience) = (2_000, Patience::SHORT);
        stream
    }

    fn arrived(&self) -> bool {
        let contents = self.contents();
        contents.source.iter().cloned().collect::<BTreeMap<_, _>>() == contents.target
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Contents>>>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> Response {
    let mut state = state.lock().unwrap();
    let path = uri.path().trim_start_matches('/').to_owned();
    let segments: Vec<&str> = path.split('/').collect();
    let ok = |text: String| (StatusCode::OK, text).into_response();
    match (method.as_str(), segments.as_slice()) {
        ("POST", [_, "_pit"]) => ok(json!({"id": "p"}).to_string()),
        ("DELETE", ["_pit"]) => ok("{}".into()),
        ("GET", ["_nodes", "http"]) => {
            ok(json!({"nodes": {"n": {"http": {"max_content_length_in_bytes": state.limit}}}}).to_string())
        }
        ("POST", [_, "_refresh"]) => ok("{}".into()),
        ("GET", [_, "_count"]) => {
            ok(json!({"count": state.target.len(), "_shards": {"failed": 0}}).to_string())
        }
        ("POST", ["_search"]) => ok(search(&state, &serde_json::from_slice(&body).unwrap())),
        ("POST", [_, "_bulk"]) => bulk(&mut state, std::str::from_utf8(&body).unwrap()),
        _ => (StatusCode::NOT_FOUND, "{}").into_response(),
    }
}

fn search(state: &Contents, asked: &Value) -> String {
    let number = |v: &Value, or: u64| usize::try_from(v.as_u64().unwrap_or(or)).unwrap();
    let (slice, slices) = (number(&asked["slice"]["id"], 0), number(&asked["slice"]["max"], 1));
    let after = asked["search_after"][0].as_i64().unwrap_or(-1);
    let mine: Vec<usize> = (0..state.source.len()).filter(|n| n % slices == slice).collect();
    let hits: Vec<String> = mine
        .iter()
        .filter(|n| i64::try_from(**n).unwrap() > after)
        .take(number(&asked["size"], 10))
        .map(|n| {
            let (id, (routing, version, source)) = &state.source[*n];
            let routing = routing.as_ref().map_or(String::new(), |r| format!("\"_routing\":{},", json!(r)));
            format!(
                "{{\"_id\":{},{routing}\"_version\":{version},\"_source\":{source},\"sort\":[{n}]}}",
                json!(id)
            )
        })
        .collect();
    format!(
        "{{\"pit_id\":\"p\",\"timed_out\":false,\"_shards\":{{\"failed\":0}},\"hits\":{{\"total\":{{\"value\":{}}},\"hits\":[{}]}}}}",
        mine.len(),
        hits.join(",")
    )
}

fn broken() -> Response {
    let parts = [Ok(Bytes::from("{\"items\":")), Err(std::io::Error::other("cut"))];
    Body::from_stream(futures_util::stream::iter(parts)).into_response()
}

fn bulk(state: &mut Contents, text: &str) -> Response {
    state.longest = state.longest.max(text.len());
    let error = |status: u16, kind: &str| {
        let body = json!({"error": {"type": kind, "reason": "on demand"}, "status": status});
        (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
    };
    if state.limit.is_some_and(|limit| text.len() > limit) {
        return error(413, "content_too_long_exception");
    }
    let fault = state.faults.pop_front().or(state.afterwards).unwrap_or(Fault::None);
    match fault {
        Fault::Busy => return error(429, "es_rejected_execution_exception"),
        Fault::Breaker => return error(429, "circuit_breaking_exception"),
        Fault::TooLong if text.lines().count() > 2 => return error(413, "content_too_long_exception"),
        Fault::SilentBefore => return broken(),
        _ => {}
    }
    let mut lines = text.lines();
    let mut items = Vec::new();
    let mut number = 0;
    while let Some(line) = lines.next() {
        let action: Value = serde_json::from_str(line).unwrap();
        let (operation, named) = action.as_object().unwrap().iter().next().unwrap();
        let source = if operation == "delete" { "" } else { lines.next().unwrap() };
        number += 1;
        let status = if fault == Fault::HalfBusy && number % 2 == 1 {
            429
        } else {
            write(state, operation, named, source)
        };
        items.push(json!({operation: {"status": status, "error": (status >= 400).then_some(json!({"type": "t", "reason": "r"}))}}));
    }
    if fault == Fault::SilentAfter {
        return broken();
    }
    (StatusCode::OK, json!({"items": items}).to_string()).into_response()
}

fn write(state: &mut Contents, operation: &str, named: &Value, source: &str) -> u16 {
    let id = named["_id"].as_str().unwrap().to_owned();
    let there = state.target.get(&id).map(|(_, version, _)| *version);
    let version = match (named["version"].as_i64(), there) {
        (Some(version), Some(there)) if version < there => return 409,
        (Some(version), Some(there)) if version == there && named["version_type"] == "external" => {
            return 409;
        }
        (Some(version), _) => version,
        (None, there) => there.unwrap_or(0) + 1,
    };
    match (operation, there) {
        ("delete", there) => {
            state.target.remove(&id);
            if there.is_some() { 200 } else { 404 }
        }
        ("create", Some(_)) => 409,
        _ => {
            let routing = named["routing"].as_str().map(ToOwned::to_owned);
            state.target.insert(id, (routing, version, source.to_owned()));
            if there.is_some() { 200 } else { 201 }
        }
    }
}

fn seeded(documents: u64) -> Vec<(String, Stored)> {
    (0..documents)
        .map(|n| {
            let routing = n.is_multiple_of(3).then(|| format!("r{}", n / 7));
            let padding = "x".repeat(usize::try_from(n * 37 % 500).unwrap());
            let source = format!("{{\"n\":{n}.10,\"text\":\"{padding}\",\"big\":12345678901234567890123}}");
            (format!("id \"{n}\""), (routing, i64::try_from(n % 5).unwrap() + 1, source))
        })
        .collect()
}

fn job(write: Write, documents: u64) -> Job {
    Job {
        index: "i".into(),
        into: "i".into(),
        done: std::collections::BTreeSet::new(),
        extent: Extent::Whole,
        query: None,
        write,
        // Enough for three slices.
        documents: documents.max(30_000),
        store_bytes: 0,
        page: 20,
    }
}

#[tokio::test]
async fn every_document_arrives_as_it_is_through_every_fault() {
    for seed in 0..40_u64 {
        let fake = Fake::start().await;
        let write = if seed % 2 == 0 { Write::CreateVersioned } else { Write::Create };
        let mut source = seeded(200);
        if write == Write::Create {
            source.iter_mut().for_each(|(_, (_, version, _))| *version = 1);
        }
        fake.contents().source = source;
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        fake.contents().faults = (0..30)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                FAULTS[usize::try_from(state >> 33).unwrap() % FAULTS.len()]
            })
            .collect();
        let stream = Arc::new(fake.stream().await);
        let (read, sent) = stream.copy(job(write, 200)).await.unwrap_or_else(|e| panic!("{seed}: {e:?}"));
        assert_eq!((read, sent.created + sent.repeated), (200, 200), "{seed}");
        assert!(fake.arrived(), "{seed}");
    }
}

#[tokio::test]
async fn bodies_keep_to_their_size_and_a_large_document_travels_alone() {
    let fake = Fake::start().await;
    let mut source = seeded(100);
    source[50].1.2 = format!("{{\"x\":\"{}\"}}", "y".repeat(90_000));
    fake.contents().source = source;
    let stream = Arc::new(fake.stream().await);
    stream.copy(job(Write::CreateVersioned, 100)).await.unwrap();
    assert!(fake.arrived());
    assert!((90_000..90_200).contains(&fake.contents().longest), "{}", fake.contents().longest);
}

#[tokio::test]
async fn a_document_longer_than_the_target_takes_is_named_with_its_size() {
    let fake = Fake::start().await;
    fake.contents().source = seeded(30);
    fake.contents().source[7].1.2 = format!("{{\"x\":\"{}\"}}", "y".repeat(9_000));
    fake.contents().limit = Some(5_000);
    let stream = Arc::new(fake.stream().await);
    let error = MigrationError::from(stream.copy(job(Write::Create, 30)).await.unwrap_err()).to_string();
    assert!(
        error.contains("id \"7\"") && error.contains("9039 bytes") && error.contains("5000 bytes"),
        "{error}"
    );
    assert!(error.contains("http.max_content_length"), "{error}");
}

#[tokio::test]
async fn a_target_that_stays_busy_or_silent_ends_the_copy_with_its_words() {
    for (fault, words) in
        [(Fault::Busy, "on demand"), (Fault::HalfBusy, "refused"), (Fault::SilentBefore, "no answer")]
    {
        let fake = Fake::start().await;
        fake.contents().source = seeded(1);
        fake.contents().afterwards = Some(fault);
        let stream = Arc::new(fake.stream().await);
        let error = MigrationError::from(stream.copy(job(Write::Create, 1)).await.unwrap_err());
        assert!(error.to_string().contains(words), "{fault:?}: {error}");
        let environment = matches!(error, MigrationError::Environment { .. });
        assert_eq!(environment, fault == Fault::SilentBefore, "{fault:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_document_that_is_there_already_is_noticed() {
    for write in [Write::Create, Write::CreateVersioned] {
        let fake = Fake::start().await;
        fake.contents().source = seeded(20);
        fake.contents().target.insert("id \"4\"".into(), (None, 9, "{}".into()));
        let stream = Arc::new(fake.stream().await);
        let error = MigrationError::from(stream.copy(job(write, 20)).await.unwrap_err()).to_string();
        assert!(error.contains("id \"4\"") && error.contains("already"), "{error}");
    }
}

#[tokio::test]
async fn replacing_overrules_higher_versions_and_removing_needs_no_document() {
    let fake = Fake::start().await;
    fake.contents().source = seeded(20);
    let target = seeded(20).into_iter().map(|(id, (routing, _, _))| (id, (routing, 3, "{}".to_owned())));
    fake.contents().target = target.take(10).collect();
    let stream = Arc::new(fake.stream().await);
    let (_, sent) = stream.copy(job(Write::Replace, 20)).await.unwrap();
    // Versions 1 and 2 of 1 to 5 are lower than 3.
    assert_eq!((sent.created, sent.replaced, sent.overruled), (10, 10, 4));
    let sources = |all: Vec<(String, Stored)>| {
        all.into_iter().map(|(id, (_, _, s))| (id, s)).collect::<BTreeMap<_, _>>()
    };
    let arrived = sources(fake.contents().target.clone().into_iter().collect());
    assert_eq!(arrived, sources(seeded(20)));
    let ghosts = [("id \"1\"".to_owned(), None), ("nowhere".to_owned(), Some("r".to_owned()))];
    assert_eq!(stream.remove("i", &ghosts).await.unwrap().deleted, 2);
    assert_eq!(fake.contents().target.len(), 19);
}
