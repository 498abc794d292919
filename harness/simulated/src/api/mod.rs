//! The requests that the driver makes, answered from a [`Cluster`]. What nobody taught the simulator is answered with 400
//! and told as a gap, so that it is never taken for a success.
//!
//! `filter_path` is passed over: an answer may say more than was asked for. So is every other parameter or member of a body that
//! is known ([`known`]) and changes nothing here; one that is not known is a gap.

mod admin;
mod documents;
mod known;
mod search;

use crate::cluster::{Cluster, Refusal};
use drydock_stores::elasticsearch::transport::{Request, Response};
pub(crate) use known::is_known;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A request taken apart.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) method: &'a Method,
    /// Decoded segments of the path.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: &'a [u8],
}

impl<'a> Call<'a> {
    pub(crate) fn of(request: &'a Request) -> Self {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let pairs = query.split('&').filter(|p| !p.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        });
        Self {
            method: &request.method,
            path: path.split('/').filter(|s| !s.is_empty()).map(decode).collect(),
            query: pairs.collect(),
            body: request.body.as_deref().unwrap_or_default(),
        }
    }

    pub(crate) fn json(&self) -> Result<Value, Refusal> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(self.body)
            .map_err(|e| Refusal::new(400, "parse_exception", format!("the body is no JSON: {e}")))
    }

    pub(crate) fn is_set(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|v| v != "false")
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| tail.get(..2)).flatten();
        let escaped = escaped.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What a request came to.
pub(crate) enum Outcome {
    Answer(Response),
    /// The simulator does not know such a request.
    Gap,
}

impl From<Value> for Outcome {
    fn from(body: Value) -> Self {
        Self::Answer(answer(200, &body))
    }
}

pub(crate) fn answer(status: u16, body: &Value) -> Response {
    Response { status, body: body.to_string().into_bytes() }
}

/// A refusal in the store's form.
pub(crate) fn refused(refusal: &Refusal) -> Response {
    let cause = json!({"type": refusal.kind, "reason": refusal.reason});
    let mut error = cause.clone();
    error["root_cause"] = json!([cause]);
    answer(refusal.status, &json!({"error": error, "status": refusal.status}))
}

/// Answers everything but `_reindex`, which takes time.
pub(crate) fn respond(cluster: &mut Cluster, call: &Call<'_>, now: u64) -> Outcome {
    match route(cluster, call, now) {
        Ok(outcome) => outcome,
        Err(refusal) => Outcome::Answer(refused(&refusal)),
    }
}

fn route(cluster: &mut Cluster, call: &Call<'_>, now: u64) -> Result<Outcome, Refusal> {
    if !known::is_known(call) {
        return Ok(Outcome::Gap);
    }
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    Ok(match (method, path.as_slice()) {
        ("GET", []) => {
            json!({"name": "simulated", "version": {"number": "8.18.0", "build_flavor": "default"}, "tagline": "You Know, for Search"})
                .into()
        }
        ("GET", ["_cluster", "health"]) => {
            json!({"status": "green", "timed_out": false, "number_of_nodes": 1}).into()
        }
        ("GET", ["_cluster", "state", "metadata", ..]) => admin::state(cluster).into(),
        ("GET", ["_nodes", "http"]) => {
            json!({"nodes": {"n": {"http": {"max_content_length_in_bytes": 100 << 20}}}}).into()
        }
        ("GET", ["_cat", "indices", expression]) => admin::cat_indices(cluster, expression)?.into(),
        ("GET", ["_cat", "aliases"]) => admin::cat_aliases(cluster).into(),
        ("GET", ["_tasks"]) => admin::tasks(cluster, call.query.get("actions").map_or("*", String::as_str)).into(),
        ("POST", ["_tasks", id, "_cancel"]) => admin::cancel(cluster, id)?.into(),
        ("POST", ["_aliases"]) => {
            cluster.change_aliases(&call.json()?["actions"])?;
            acknowledged()
        }
        ("POST", ["_msearch"]) => search::msearch(cluster, call.body, now)?.into(),
        ("POST", ["_search"]) => return search::page(cluster, call, now),
        ("DELETE", ["_pit"]) => {
            let body = call.json()?;
            cluster.held.remove(body["id"].as_str().unwrap_or_default());
            json!({"succeeded": true, "num_freed": 1}).into()
        }
        (_, [family @ ("_index_template" | "_component_template" | "_template"), name @ ..])
        | (_, ["_ingest", family @ "pipeline", name @ ..])
        | (_, ["_ilm", family @ "policy", name @ ..]) => {
            admin::object(cluster, method, family, name.first().copied(), call)?
        }
        (_, [name, ..]) if name.starts_with('_') => Outcome::Gap,
        (_, [expression, rest @ ..]) => return of_index(cluster, call, expression, rest, now),
        _ => Outcome::Gap,
    })
}

fn acknowledged() -> Outcome {
    json!({"acknowledged": true}).into()
}

fn of_index(
    cluster: &mut Cluster,
    call: &Call<'_>,
    expression: &str,
    rest: &[&str],
    now: u64,
) -> Result<Outcome, Refusal> {
    use crate::cluster::Absent;
    let absent = if call.is_set("ignore_unavailable") { Absent::PassedOver } else { Absent::Refused };
    Ok(match (call.method.as_str(), rest) {
        ("PUT", []) => {
            cluster.create(expression, &call.json()?, now)?;
            if call.query.get("wait_for_active_shards").is_none_or(|number| number != "0")
                && let Some(index) = cluster.indices.get_mut(expression)
            {
                index.starts = now;
            }
            json!({"acknowledged": true, "shards_acknowledged": true, "index": expression}).into()
        }
        ("DELETE", []) => {
            let names = cluster.resolve(expression, absent)?;
            cluster.remove(&names, now);
            acknowledged()
        }
        ("GET", []) => admin::definitions(cluster, &cluster.resolve(expression, absent)?).into(),
        ("GET", ["_settings", ..]) => {
            admin::part(cluster, &cluster.resolve(expression, absent)?, "settings").into()
        }
        ("GET", ["_mapping"]) => {
            admin::part(cluster, &cluster.resolve(expression, absent)?, "mappings").into()
        }
        ("GET", ["_alias"]) => admin::part(cluster, &cluster.resolve(expression, absent)?, "aliases").into(),
        ("PUT", ["_settings"]) => {
            let names = cluster.resolve(expression, absent)?;
            cluster.put_settings(&names, &call.json()?)?;
            acknowledged()
        }
        ("PUT", ["_mapping"]) => {
            let body = call.json()?;
            for name in cluster.resolve(expression, absent)? {
                if let Some(index) = cluster.indices.get_mut(&name) {
                    crate::cluster::merge(&mut index.mappings, &body);
                }
            }
            acknowledged()
        }
        ("PUT", ["_alias", alias]) => {
            let body = call.json()?;
            for name in cluster.resolve(expression, absent)? {
                if let Some(index) = cluster.indices.get_mut(&name) {
                    let with = if body.is_object() { body.clone() } else { json!({}) };
                    index.aliases.insert((*alias).to_owned(), with);
                }
            }
            acknowledged()
        }
        ("POST", ["_flush"]) => {
            let names = cluster.resolve(expression, absent)?;
            let shards = cluster.flush(&names);
            json!({"_shards": {"total": shards, "successful": shards, "failed": 0}}).into()
        }
        ("POST", ["_refresh"]) => {
            let names = cluster.resolve(expression, absent)?;
            let shards = cluster.refresh(&names);
            json!({"_shards": {"total": shards, "successful": shards, "failed": 0}}).into()
        }
        ("GET", ["_stats", ..]) => admin::stats(cluster, &cluster.resolve(expression, absent)?).into(),
        ("GET", ["_count"]) => {
            let names = cluster.resolve(expression, absent)?;
            let all = search::Searched::of(cluster, &names, true, now)?;
            json!({"count": all.count(), "_shards": all.shards()}).into()
        }
        ("POST", ["_search"]) => {
            let names = cluster.resolve(expression, absent)?;
            let body = call.json()?;
            let partial = call.query.get("allow_partial_search_results").is_none_or(|v| v != "false");
            let all = search::Searched::of(cluster, &names, partial, now)?;
            if body["query"]["ids"].is_object() {
                return Ok(search::by_ids(&all, &body).into());
            }
            json!({"timed_out": false, "_shards": all.shards(),
                   "hits": {"total": {"value": all.count(), "relation": "eq"}, "hits": []}})
            .into()
        }
        ("POST", ["_pit"]) => search::open(cluster, call, expression, now)?.into(),
        ("POST", ["_bulk"]) => {
            let done = documents::bulk(cluster, expression, call.body, now)?;
            if call.is_set("refresh") {
                let names = cluster.resolve(expression, Absent::PassedOver)?;
                cluster.refresh(&names);
            }
            done.into()
        }
        _ => Outcome::Gap,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_taught_is_a_gap_and_no_success() {
        let mut cluster = Cluster::default();
        for (method, path) in [
            (Method::GET, "/_security/user"),
            (Method::POST, "/a/_forcemerge"),
            (Method::PUT, "/_snapshot/x"),
            (Method::POST, "/_tasks"),
            (Method::POST, "/a/_refresh?force=true"),
            (Method::GET, "/a/_count?q=x"),
            (Method::POST, "/a/_bulk?routing=x"),
            (Method::POST, "/a/_bulk?pipeline=p"),
            (Method::PUT, "/a/_settings?preserve_existing=true"),
            (Method::GET, "/_cat/indices/a?h=docs.count"),
        ] {
            let request = Request { method, path: path.into(), body: None };
            let outcome = respond(&mut cluster, &Call::of(&request), 0);
            assert!(matches!(outcome, Outcome::Gap), "{path}");
        }
    }

    #[test]
    fn a_search_passes_over_an_index_that_was_just_made_unless_that_is_forbidden() {
        let mut cluster = Cluster::default();
        cluster.create("a-old", &json!({}), 0).unwrap_or_default();
        cluster.create("a-new", &json!({}), 1_000).unwrap_or_default();
        let mut asked = |path: &str, now| {
            let body = path.contains("_search").then(|| b"{\"size\":0}".to_vec());
            let request = Request { method: Method::POST, path: path.into(), body };
            let Outcome::Answer(response) = respond(&mut cluster, &Call::of(&request), now) else {
                panic!("{path} is a gap");
            };
            let answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
            (response.status, answer["_shards"]["failed"].as_u64())
        };
        assert_eq!(asked("/a-*/_search", 1_050), (200, Some(1)));
        assert_eq!(asked("/a-*/_search?allow_partial_search_results=false", 1_050), (503, None));
        assert_eq!(asked("/a-new/_search", 1_050), (503, None));
        assert_eq!(asked("/a-new/_pit?keep_alive=1m", 1_050), (503, None));
        assert_eq!(asked("/a-*/_search?allow_partial_search_results=false", 1_100), (200, Some(0)));
    }

    #[test]
    fn what_a_body_asks_for_beyond_the_known_is_a_gap() {
        let mut cluster = Cluster::default();
        cluster.create("a", &json!({}), 0).unwrap_or_default();
        let mut outcome = |method: Method, path: &str, body: &str| {
            let request = Request { method, path: path.into(), body: Some(body.as_bytes().to_vec()) };
            matches!(respond(&mut cluster, &Call::of(&request), 0), Outcome::Gap)
        };
        for (method, path, body) in [
            (Method::POST, "/a/_search", r#"{"query": {"term": {"x": 1}}}"#),
            (Method::POST, "/a/_refresh", "{}"),
            (Method::PUT, "/b", r#"{"settings": {}, "warmers": {}}"#),
            (Method::POST, "/_aliases", r#"{"actions": [{"remove_index": {"index": "a"}}]}"#),
            (Method::POST, "/_aliases", r#"{"actions": [{"add": {"indices": ["a"], "alias": "x"}}]}"#),
            (Method::POST, "/_msearch", "{\"index\":\"a\"}\n{\"size\":0,\"query\":{\"term\":{\"x\":1}}}\n"),
            (
                Method::POST,
                "/_search",
                r#"{"pit": {"id": "x"}, "sort": [{"_shard_doc": "asc"}], "collapse": {}}"#,
            ),
        ] {
            assert!(outcome(method, path, body), "{path} {body}");
        }
        assert!(!outcome(Method::POST, "/a/_search?size=1", r#"{"query": {"match_all": {}}}"#));
        assert!(!outcome(
            Method::POST,
            "/_msearch",
            "{\"index\":\"a\"}\n{\"size\":0,\"track_total_hits\":true}\n"
        ));
    }

    #[test]
    fn requests_are_taken_apart() {
        let request = Request {
            method: Method::GET,
            path: "/a%2Fb,c*/_stats/x?level=shards&flag&v=%3D".into(),
            body: None,
        };
        let call = Call::of(&request);
        assert_eq!(call.path, ["a/b,c*", "_stats", "x"]);
        assert_eq!(call.query["v"], "=");
        assert!(call.is_set("flag"));
    }
}
