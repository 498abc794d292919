//! Counting, and reading points in time page by page.

use super::{Call, Outcome};
use crate::cluster::{Absent, Cluster, Doc, Held, Refusal};
use drydock_stores::elasticsearch::transport::Response;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Which of the indices a search comes to, and how many it passes over. Of one that was just made no shard answers: the search
/// goes without it unless that is forbidden, or nothing is left.
fn started<'n>(
    cluster: &Cluster,
    names: &'n [String],
    partial: bool,
    now: u64,
) -> Result<(Vec<&'n String>, usize), Refusal> {
    let (started, starting): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| cluster.indices.get(*name).is_none_or(|index| index.answers(now)));
    if !starting.is_empty() && (started.is_empty() || !partial) {
        let reason = if started.is_empty() { "all shards failed" } else { "Partial shards failure" };
        return Err(Refusal::new(503, "search_phase_execution_exception", reason));
    }
    Ok((started, starting.len()))
}

/// What a search of indices comes to.
pub(super) struct Searched {
    held: Vec<Held>,
    failed: usize,
}

impl Searched {
    pub(super) fn of(
        cluster: &mut Cluster,
        names: &[String],
        partial: bool,
        now: u64,
    ) -> Result<Self, Refusal> {
        let (started, failed) = started(cluster, names, partial, now)?;
        let held: Result<Vec<Held>, Refusal> =
            started.into_iter().map(|name| cluster.hold(name, None, now)).collect();
        Ok(Self { held: held?, failed })
    }

    /// As every answer tells of them.
    pub(super) fn shards(&self) -> Value {
        let answered = self.held.len();
        json!({"total": answered + self.failed, "successful": answered, "failed": self.failed})
    }

    /// Documents that it finds.
    pub(super) fn count(&self) -> u64 {
        self.held.iter().flat_map(|held| &held.shards).map(|(_, docs)| docs.len() as u64).sum()
    }
}

/// Counts by index: pairs of lines, the first naming the index.
pub(super) fn msearch(cluster: &mut Cluster, body: &[u8], now: u64) -> Result<Value, Refusal> {
    let malformed = |e: &dyn std::fmt::Display| Refusal::new(400, "parse_exception", e.to_string());
    let text = std::str::from_utf8(body).map_err(|e| malformed(&e))?;
    let mut responses = Vec::new();
    for line in text.lines().step_by(2) {
        let header: Value = serde_json::from_str(line).map_err(|e| malformed(&e))?;
        let expression = header["index"].as_str().unwrap_or_default();
        let searched = cluster
            .resolve(expression, Absent::Refused)
            .and_then(|names| Searched::of(cluster, &names, true, now));
        responses.push(match searched {
            Ok(all) => json!({"timed_out": false, "status": 200, "_shards": all.shards(),
                              "hits": {"total": {"value": all.count(), "relation": "eq"}, "hits": []}}),
            Err(refusal) => {
                json!({"error": {"type": refusal.kind, "reason": refusal.reason}, "status": refusal.status})
            }
        });
    }
    Ok(json!({"responses": responses}))
}

/// Documents by their ids, as searches see them, in every one of the indices and under every routing.
pub(super) fn by_ids(searched: &Searched, body: &Value) -> Value {
    let wanted: BTreeSet<&str> =
        body["query"]["ids"]["values"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let size = body["size"].as_u64().and_then(|s| usize::try_from(s).ok()).unwrap_or(10);
    let mut hits = Vec::new();
    for held in &searched.held {
        for (_, docs) in &held.shards {
            for (id, doc) in docs.iter().filter(|(id, _)| wanted.contains(id.as_str())) {
                let source: Value = serde_json::from_str(&doc.source).unwrap_or_default();
                let mut hit = json!({"_index": held.index, "_id": id, "_source": source});
                if let Some(routing) = &doc.routing {
                    hit["_routing"] = json!(routing);
                }
                hits.push(hit);
            }
        }
    }
    let total = hits.len();
    hits.truncate(size);
    json!({"timed_out": false, "_shards": searched.shards(),
           "hits": {"total": {"value": total, "relation": "eq"}, "hits": hits}})
}

/// Opens a point in time of one index.
pub(super) fn open(cluster: &mut Cluster, call: &Call<'_>, index: &str, now: u64) -> Result<Value, Refusal> {
    let shard = match call.query.get("preference") {
        None => None,
        Some(text) => {
            let number = text.strip_prefix("_shards:").and_then(|n| n.parse().ok());
            let unknown = || Refusal::new(400, "illegal_argument_exception", format!("preference [{text}]"));
            Some(number.ok_or_else(unknown)?)
        }
    };
    // It answers as a whole or not at all.
    started(cluster, &[index.to_owned()], false, now)?;
    let held = cluster.hold(index, shard, now)?;
    let id = format!("pit-{}", cluster.number());
    cluster.held.insert(id.clone(), held);
    Ok(json!({"id": id, "_shards": {"total": 1, "successful": 1, "failed": 0}}))
}

/// Operations that a query selects, by their sequence numbers: from the first on, below the second.
fn range(query: &Value) -> Option<(i64, i64)> {
    if query.is_null() || query.get("match_all").is_some() {
        return Some((i64::MIN, i64::MAX));
    }
    let bounds = query["range"]["_seq_no"].as_object()?;
    let mut range = (i64::MIN, i64::MAX);
    for (bound, number) in bounds {
        let number = number.as_i64()?;
        match bound.as_str() {
            "gt" => range.0 = number + 1,
            "gte" => range.0 = number,
            "lt" => range.1 = number,
            "lte" => range.1 = number + 1,
            _ => return None,
        }
    }
    Some(range)
}

/// `POST /_search` on a point in time: in the order of `_shard_doc`, from `search_after` on.
pub(super) fn page(cluster: &Cluster, call: &Call<'_>, _now: u64) -> Result<Outcome, Refusal> {
    let body = call.json()?;
    let id = body["pit"]["id"].as_str().unwrap_or_default();
    let Some(held) = cluster.held.get(id) else {
        let reason = format!("No search context found for id [{id}]");
        return Err(Refusal::new(404, "search_context_missing_exception", reason));
    };
    let ordered = body["sort"][0]["_shard_doc"] == "asc" || body["size"] == 0;
    let (Some((from, until)), true) = (range(&body["query"]), ordered) else { return Ok(Outcome::Gap) };
    let (slice, slices) =
        (body["slice"]["id"].as_u64().unwrap_or(0), body["slice"]["max"].as_u64().unwrap_or(1));
    let mut hits: Vec<(u64, &String, &Doc)> = Vec::new();
    for (number, docs) in &held.shards {
        let chosen = docs.iter().filter(|(_, d)| d.seq >= from && d.seq < until);
        let placed = chosen.map(|(id, doc)| {
            let rank = u64::try_from(doc.seq).unwrap_or(0);
            ((u64::from(*number) << 32) + rank, id, doc)
        });
        hits.extend(placed.filter(|(place, ..)| place % slices == slice));
    }
    hits.sort_unstable_by_key(|(place, ..)| *place);
    let total = hits.len();
    let after = body["search_after"][0].as_u64();
    let size = body["size"].as_u64().and_then(|s| usize::try_from(s).ok()).unwrap_or(10);
    let shown = hits.iter().filter(|(place, ..)| after.is_none_or(|a| *place > a)).take(size);
    let with_source = body["_source"] != false;
    let mut text = format!(
        "{{\"pit_id\":{},\"timed_out\":false,\"_shards\":{{\"total\":1,\"failed\":0}},\"hits\":{{",
        Value::from(id)
    );
    if body["track_total_hits"] == true {
        text.push_str(&format!("\"total\":{{\"value\":{total},\"relation\":\"eq\"}},"));
    }
    text.push_str("\"hits\":[");
    for (number, (place, id, doc)) in shown.enumerate() {
        if number > 0 {
            text.push(',');
        }
        text.push_str(&format!(
            "{{\"_index\":{},\"_id\":{},\"_version\":{}",
            Value::from(held.index.as_str()),
            Value::from(id.as_str()),
            doc.version
        ));
        if let Some(routing) = &doc.routing {
            text.push_str(&format!(",\"_routing\":{}", Value::from(routing.as_str())));
        }
        if with_source {
            text.push_str(&format!(",\"_source\":{}", doc.source));
        }
        text.push_str(&format!(",\"sort\":[{place}]}}"));
    }
    text.push_str("]}}");
    Ok(Outcome::Answer(Response { status: 200, body: text.into_bytes() }))
}
