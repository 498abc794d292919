//! What of a request is known: parameters and members of bodies. What is not must not be passed over, because it may change what
//! the request means.

use super::Call;
use serde_json::Value;

/// Parameters of every request, which change the form of the answer alone.
const EVERYWHERE: [&str; 5] = ["filter_path", "pretty", "human", "flat_settings", "expand_wildcards"];

/// Parameters of one route; nothing if the route itself is unknown, which is for others to tell.
fn parameters(method: &str, path: &[&str]) -> Option<&'static [&'static str]> {
    Some(match (method, path) {
        ("GET", ["_cluster", "health", ..]) => &["wait_for_status", "timeout"],
        ("GET", ["_cat", ..]) => &["format", "bytes", "h"],
        ("GET", ["_tasks"]) => &["actions", "detailed"],
        ("POST", ["_tasks", _, "_cancel"]) => &["wait_for_completion"],
        ("POST", ["_reindex"]) => {
            &["wait_for_completion", "timeout", "requests_per_second", "scroll", "refresh"]
        }
        ("POST", ["_search"]) => &["allow_partial_search_results"],
        (_, [name, ..]) if name.starts_with('_') => &[],
        ("PUT", [_]) => &["wait_for_active_shards"],
        ("GET" | "DELETE", [_]) => &["ignore_unavailable"],
        ("POST", [_, "_refresh" | "_flush"]) => &["ignore_unavailable", "allow_no_indices"],
        ("GET", [_, "_stats", ..]) => &["level", "forbid_closed_indices", "ignore_unavailable"],
        ("POST", [_, "_pit"]) => &["keep_alive", "preference"],
        ("POST", [_, "_search"]) => {
            &["size", "ignore_unavailable", "allow_no_indices", "allow_partial_search_results"]
        }
        ("POST", [_, "_bulk"]) => &["pipeline", "refresh"],
        (_, [_, "_settings" | "_mapping" | "_alias" | "_count", ..]) => &["ignore_unavailable"],
        _ => return None,
    })
}

/// Values that are known of parameters which mean something here.
fn is_known_value(path: &[&str], name: &str, value: &str) -> bool {
    match (path, name) {
        (_, "pipeline") => value == "_none",
        (["_cat", ..], "h") => {
            value.split(',').all(|column| ["index", "status", "pri.store.size", "alias"].contains(&column))
        }
        (_, "requests_per_second") => value == "-1",
        (["_tasks"], "actions") => ["*reindex", "*write/bulk"].contains(&value),
        (_, "refresh") => ["true", "false", ""].contains(&value),
        _ => true,
    }
}

/// Whether an object has these members at most.
fn only(value: &Value, members: &[&str]) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.keys().all(|key| members.contains(&key.as_str())),
        _ => false,
    }
}

/// A query for everything, or none at all.
fn selects_all(query: &Value) -> bool {
    query.is_null() || (only(query, &["match_all"]) && only(&query["match_all"], &[]))
}

fn is_known_count(body: &Value) -> bool {
    only(body, &["size", "track_total_hits", "query"]) && selects_all(&body["query"])
}

/// Documents by their ids, wherever they are.
fn is_known_lookup(body: &Value) -> bool {
    let ids = &body["query"]["ids"];
    only(body, &["size", "query", "_source"])
        && body["_source"] == true
        && only(&body["query"], &["ids"])
        && only(ids, &["values"])
        && ids["values"].is_array()
}

fn is_known_body(method: &str, path: &[&str], call: &Call<'_>) -> bool {
    if let ("POST", [_, "_bulk"]) = (method, path) {
        // Its lines are looked at one by one.
        return true;
    }
    if let ("POST", ["_msearch"]) = (method, path) {
        let text = String::from_utf8_lossy(call.body);
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
        return (0..).zip(lines).all(|(number, line)| {
            if number % 2 == 0 { only(&line, &["index"]) } else { is_known_count(&line) }
        });
    }
    // One that is no JSON is refused later.
    let Ok(body) = call.json() else { return true };
    match (method, path) {
        ("PUT", [name]) if !name.starts_with('_') => only(&body, &["settings", "mappings", "aliases"]),
        ("POST", [_, "_search"]) => is_known_count(&body) || is_known_lookup(&body),
        ("POST", ["_search"]) => {
            let members = [
                "size",
                "pit",
                "version",
                "sort",
                "track_total_hits",
                "query",
                "search_after",
                "slice",
                "_source",
            ];
            only(&body, &members)
                && only(&body["pit"], &["id", "keep_alive"])
                && only(&body["slice"], &["id", "max"])
        }
        ("DELETE", ["_pit"]) => only(&body, &["id"]),
        ("POST", ["_aliases"]) => {
            only(&body, &["actions"])
                && body["actions"].as_array().into_iter().flatten().all(|action| {
                    let of_one = |body: &Value| body["index"].is_string() && body["alias"].is_string();
                    only(action, &["add", "remove"])
                        && action.as_object().is_some_and(|a| a.values().all(of_one))
                })
        }
        ("POST", ["_reindex"]) => is_known_copy(&body),
        ("PUT", _) => true,
        _ => call.body.is_empty(),
    }
}

/// What is known of the body of a `_reindex`.
pub(crate) fn is_known_copy(body: &Value) -> bool {
    let (source, dest) = (&body["source"], &body["dest"]);
    let query = &source["query"];
    only(body, &["source", "dest", "conflicts", "max_docs"])
        && (body["max_docs"].is_null() || body["max_docs"].is_u64())
        && (body["conflicts"].is_null() || ["abort", "proceed"].iter().any(|c| body["conflicts"] == *c))
        && only(source, &["remote", "index", "size", "query"])
        && only(&source["remote"], &["host", "username", "password", "headers"])
        && source["index"].is_string()
        && (selects_all(query) || (only(query, &["match_none"]) && query["match_none"].is_object()))
        && only(dest, &["index", "version_type"])
        && dest["index"].is_string()
        && (dest["version_type"].is_null()
            || ["internal", "external"].iter().any(|kind| dest["version_type"] == *kind))
}

/// Whether nothing of a request is passed over without being understood.
pub(crate) fn is_known(call: &Call<'_>) -> bool {
    let path: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let method = call.method.as_str();
    let Some(own) = parameters(method, &path) else { return true };
    let named = |name: &str| EVERYWHERE.contains(&name) || own.contains(&name);
    call.query.iter().all(|(name, value)| named(name) && is_known_value(&path, name, value))
        && is_known_body(method, &path, call)
}

#[cfg(test)]
mod tests {
    use super::is_known_copy;
    use serde_json::json;

    #[test]
    fn a_copy_with_more_than_is_simulated_is_a_gap() {
        let plain =
            json!({"source": {"index": "a", "size": 2, "remote": {"host": "h"}}, "dest": {"index": "b"}});
        assert!(is_known_copy(&plain));
        for (place, value) in [
            ("/dest/op_type", json!("create")),
            ("/dest/pipeline", json!("p")),
            ("/dest/version_type", json!("external_gte")),
            ("/source/query", json!({"term": {"x": 1}})),
            ("/source/slice", json!({"id": 0, "max": 2})),
            ("/source/index", json!(["a", "b"])),
            ("/max_docs", json!("3")),
            ("/max_docs", json!(-1)),
            ("/script", json!({"source": "x"})),
            ("/conflicts", json!("ignore")),
        ] {
            let mut body = plain.clone();
            let (parent, member) = place.rsplit_once('/').unwrap_or_default();
            if let Some(parent) = body.pointer_mut(parent) {
                parent[member] = value;
            }
            assert!(!is_known_copy(&body), "{place}");
        }
    }
}
