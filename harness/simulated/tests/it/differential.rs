//! The same operations on the simulator and on a real Elasticsearch: the same answers, in everything that the migration
//! relies on. `DRYDOCK_TEST_ELASTICSEARCH` holds the address of a cluster that may be written to (of several, with commas
//! between them, the first).

use drydock_simulated::alone;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, ErrorKind, Timeouts};
use reqwest::Method;
use serde_json::{Value, json};

/// One request, and what of its answer is compared.
struct Asked {
    method: Method,
    path: String,
    body: Vec<u8>,
    /// JSON pointers into the answer; whether it was refused and how is compared in any case.
    shown: Vec<String>,
}

fn ask(method: &str, path: impl Into<String>, body: impl Into<String>, shown: &[&str]) -> Asked {
    Asked {
        method: Method::from_bytes(method.as_bytes()).expect("a method"),
        path: path.into(),
        body: body.into().into_bytes(),
        shown: shown.iter().map(|s| (*s).to_owned()).collect(),
    }
}

/// Operations on documents, on indices, and on copies, in an order in which each depends on the ones before.
fn operations(prefix: &str) -> Vec<Asked> {
    let (a, b, c, d) =
        (format!("{prefix}a"), format!("{prefix}b"), format!("{prefix}c"), format!("{prefix}d"));
    let index = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"},
                       "mappings": {"properties": {"write": {"type": "long"}}},
                       "aliases": {format!("{prefix}alias"): {}}});
    let lines = |all: &[&str]| all.iter().flat_map(|l| [*l, "\n"]).collect::<String>();
    let writes = lines(&[
        r#"{"index":{"_id":"a"}}"#,
        r#"{"write":1}"#,
        r#"{"index":{"_id":"a"}}"#,
        r#"{"write":2}"#,
        r#"{"create":{"_id":"a"}}"#,
        r#"{"write":3}"#,
        r#"{"delete":{"_id":"a"}}"#,
        r#"{"index":{"_id":"a"}}"#,
        r#"{"write":4}"#,
        r#"{"delete":{"_id":"never"}}"#,
        r#"{"index":{"_id":"never"}}"#,
        r#"{"write":5}"#,
        r#"{"index":{"_id":"b","version":7,"version_type":"external"}}"#,
        r#"{"write":6}"#,
        r#"{"index":{"_id":"b","version":7,"version_type":"external"}}"#,
        r#"{"write":7}"#,
        r#"{"index":{"_id":"b","version":7,"version_type":"external_gte"}}"#,
        r#"{"write":8}"#,
        r#"{"index":{"_id":"b","version":6,"version_type":"external_gte"}}"#,
        r#"{"write":9}"#,
        r#"{"index":{"_id":"c","routing":"r"}}"#,
        r#"{"write":10}"#,
        r#"{"delete":{"_id":"b"}}"#,
        r#"{"index":{"_id":"b","version":8,"version_type":"external"}}"#,
        r#"{"write":11}"#,
        r#"{"index":{"_id":"b","version":9,"version_type":"external"}}"#,
        r#"{"write":12}"#,
    ]);
    let items: Vec<String> = (0..16)
        .flat_map(|n| {
            ["status", "result", "_version", "_seq_no", "error/type"].map(|f| {
                let action = match n {
                    2 => "create",
                    3 | 5 | 12 => "delete",
                    _ => "index",
                };
                format!("/items/{n}/{action}/{f}")
            })
        })
        .collect();
    let items: Vec<&str> = items.iter().map(String::as_str).chain(["/errors"]).collect();
    let count = ["/count", "/_shards/failed"];
    let copied = ["/total", "/created", "/updated", "/version_conflicts", "/timed_out", "/failures"];
    let copy = |into: &str, more: Value| {
        let mut body = json!({"source": {"index": a, "size": 2}, "dest": {"index": into}});
        for (key, value) in more.as_object().into_iter().flatten() {
            match (key.as_str(), value) {
                ("version_type", value) => body["dest"]["version_type"] = value.clone(),
                (key, value) => body[key] = value.clone(),
            }
        }
        body.to_string()
    };
    let reindex = "/_reindex?wait_for_completion=true";
    let settings = "?flat_settings=true";
    let setting = |index: &str, name: &str| format!("/{index}/settings/index.{name}");
    vec![
        ask("PUT", format!("/{a}"), index.to_string(), &["/acknowledged"]),
        ask("PUT", format!("/{a}"), index.to_string(), &[]),
        ask("POST", format!("/{a}/_bulk"), writes, &items),
        ask("GET", format!("/{a}/_count"), "", &count),
        ask("POST", format!("/{a}/_refresh"), "", &["/_shards/failed"]),
        ask("GET", format!("/{a}/_count"), "", &count),
        ask("GET", format!("/{prefix}alias/_count"), "", &count),
        ask("GET", format!("/{a}/_stats/indexing?level=shards"), "", &[
            &format!("/indices/{a}/shards/0/0/seq_no/max_seq_no"),
            &format!("/indices/{a}/shards/0/0/seq_no/global_checkpoint"),
            &format!("/indices/{a}/primaries/indexing/index_total"),
        ]),
        // A copy keeps versions, passes over what it has, and refuses conflicts unless told otherwise.
        ask("POST", reindex, copy(&b, json!({"version_type": "external"})), &copied),
        ask("POST", reindex, copy(&b, json!({"version_type": "external", "conflicts": "proceed"})), &copied),
        ask("POST", reindex, copy(&b, json!({"version_type": "external"})), &[]),
        ask("POST", reindex, copy(&c, json!({})), &copied),
        ask("POST", reindex, copy(&c, json!({})), &copied),
        // A trial copies a part; whether a copy is allowed is asked with one of nothing.
        ask("POST", reindex, copy(&d, json!({"max_docs": 2})), &copied),
        ask("POST", reindex, copy(&d, json!({"max_docs": 100})), &copied),
        ask("POST", reindex, json!({"source": {"index": a, "query": {"match_none": {}}}, "dest": {"index": d}}).to_string(), &copied),
        ask("POST", format!("/{b},{c},{d}/_refresh"), "", &["/_shards/failed"]),
        ask("GET", format!("/{d}/_count"), "", &count),
        ask("POST", format!("/{d}/_flush?ignore_unavailable=true"), "", &["/_shards/failed"]),
        ask("POST", "/_msearch", counted(&[&a, &d, &format!("{prefix}none")]), &[
            "/responses/0/hits/total/value", "/responses/0/status", "/responses/1/hits/total/value",
            "/responses/2/status", "/responses/2/error/type",
        ]),
        ask("POST", format!("/{prefix}alias/_search?size=1&expand_wildcards=all"), r#"{"query":{"match_all":{}}}"#, &[
            "/hits/total/value", "/_shards/failed",
        ]),
        ask("GET", format!("/{b}/_count"), "", &count),
        // What is not there.
        ask("GET", format!("/{prefix}none/_count"), "", &[]),
        ask("DELETE", format!("/{prefix}none"), "", &[]),
        ask("DELETE", format!("/{prefix}none?ignore_unavailable=true"), "", &["/acknowledged"]),
        ask("GET", format!("/{prefix}none*?expand_wildcards=all"), "", &[""]),
        ask("POST", format!("/{prefix}none/_bulk"), "{\"delete\":{\"_id\":\"x\"}}\n", &["/items/0/delete/status"]),
        // Settings and aliases.
        ask("PUT", format!("/{a}/_settings"), r#"{"index.number_of_shards": 3}"#, &[]),
        ask("PUT", format!("/{a}/_settings"), r#"{"index.refresh_interval": null, "index.priority": "7"}"#, &["/acknowledged"]),
        ask("GET", format!("/{a}/_settings{settings}"), "", &[
            &setting(&a, "refresh_interval"), &setting(&a, "priority"), &setting(&a, "number_of_shards"),
            &setting(&a, "number_of_replicas"),
        ]),
        ask("POST", "/_aliases", json!({"actions": [{"remove": {"index": a, "alias": "nobody"}}]}).to_string(), &[]),
        ask("POST", "/_aliases", json!({"actions": [{"add": {"index": b, "alias": format!("{prefix}two"), "is_write_index": true}},
            {"remove": {"index": a, "alias": format!("{prefix}alias")}}]}).to_string(), &["/acknowledged"]),
        ask("GET", format!("/{a},{b}/_alias"), "", &[""]),
        ask("PUT", format!("/{b}/_settings"), r#"{"index.blocks.write": "true"}"#, &["/acknowledged"]),
        ask("POST", format!("/{b}/_bulk"), "{\"index\":{\"_id\":\"x\"}}\n{}\n", &["/items/0/index/status", "/items/0/index/error/type"]),
        ask("DELETE", format!("/{a},{b}"), "", &["/acknowledged"]),
        ask("DELETE", format!("/{c},{d}"), "", &["/acknowledged"]),
        ask("GET", format!("/{a}/_count"), "", &[]),
    ]
}

/// The body of a request that counts several indices.
fn counted(names: &[&str]) -> String {
    let line = |name: &&str| {
        let (header, body) = (json!({"index": name}), json!({"size": 0, "track_total_hits": true}));
        format!("{header}\n{body}\n")
    };
    names.iter().map(line).collect()
}

async fn answer(client: &Client, asked: &Asked) -> Value {
    let kind = if ["_bulk", "_msearch"].iter().any(|lines| asked.path.contains(lines)) {
        "application/x-ndjson"
    } else {
        "application/json"
    };
    let body = (!asked.body.is_empty()).then(|| (kind, asked.body.clone()));
    match client.bytes(asked.method.clone(), &asked.path, body).await {
        Ok(bytes) => {
            let answer: Value = serde_json::from_slice(&bytes).expect("JSON");
            asked
                .shown
                .iter()
                .map(|at| (at.clone(), answer.pointer(at).cloned().unwrap_or_default()))
                .collect()
        }
        Err(error) => match error.kind {
            ErrorKind::Status { status, error_type, .. } => json!({"status": status, "type": error_type}),
            other => panic!("{} {}: {other}", asked.method, asked.path),
        },
    }
}

/// Ids, versions and documents of a point in time, page by page, and how many it counts; then what a closed one answers.
async fn paged(client: &Client, prefix: &str) -> Vec<Value> {
    let index = format!("{prefix}pit");
    let settings =
        json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"}});
    client.put(&format!("/{index}"), &settings).await.expect("made");
    let write = |ids: std::ops::Range<u32>| {
        let lines = ids.map(|n| format!("{{\"index\":{{\"_id\":\"{}\"}}}}\n{{\"write\":{n}}}\n", n % 9));
        ("application/x-ndjson", lines.collect::<String>().into_bytes())
    };
    let bulk = format!("/{index}/_bulk?refresh=true");
    client.bytes(Method::POST, &bulk, Some(write(0..12))).await.expect("written");
    client.post_empty(&format!("/{index}/_refresh")).await.expect("refreshed");
    let opened = client.post_empty(&format!("/{index}/_pit?keep_alive=1m")).await.expect("opened");
    // Held still: this is not seen.
    client.bytes(Method::POST, &bulk, Some(write(20..25))).await.expect("written");
    client.post_empty(&format!("/{index}/_refresh")).await.expect("refreshed");
    let mut told = Vec::new();
    for query in [
        Value::Null,
        json!({"range": {"_seq_no": {"gt": 4}}}),
        json!({"range": {"_seq_no": {"gte": 2, "lt": 8}}}),
    ] {
        let mut after = Value::Null;
        loop {
            let mut body = json!({"size": 4, "pit": {"id": opened["id"], "keep_alive": "1m"}, "version": true,
                                  "sort": [{"_shard_doc": "asc"}], "track_total_hits": true});
            if !query.is_null() {
                body["query"] = query.clone();
            }
            if !after.is_null() {
                body["search_after"] = after.clone();
            }
            let page =
                client.post("/_search?allow_partial_search_results=false", &body).await.expect("a page");
            let hits = page["hits"]["hits"].as_array().expect("hits").clone();
            told.push(json!([
                page["hits"]["total"]["value"],
                hits.iter().map(|h| json!([h["_id"], h["_version"], h["_source"]])).collect::<Vec<_>>()
            ]));
            match hits.last() {
                Some(last) => after = last["sort"].clone(),
                None => break,
            }
        }
    }
    let body = json!({"id": opened["id"]});
    let _: Value = client.json(Method::DELETE, "/_pit", Some(&body)).await.expect("closed");
    let gone =
        json!({"size": 1, "pit": {"id": opened["id"], "keep_alive": "1m"}, "sort": [{"_shard_doc": "asc"}]});
    let error = client.post("/_search", &gone).await.expect_err("it is closed");
    told.push(json!({"status": error.status()}));
    client.delete(&format!("/{index}")).await.expect("removed");
    told
}

/// How many operations each shard of indices of several sizes has seen: by ids and by routings, in many scripts.
async fn spread(client: &Client, prefix: &str) -> Vec<Value> {
    let mut told = Vec::new();
    for shards in [1, 2, 3, 5, 7] {
        let index = format!("{prefix}spread-{shards}");
        let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
        client.put(&format!("/{index}"), &settings).await.expect("made");
        let keys =
            (0..60).flat_map(|n| [n.to_string(), format!("{n}ä"), format!("€uro-{n}"), format!("{n}𝄞")]);
        let lines: String = keys
            .enumerate()
            .map(|(n, key)| match n % 2 {
                0 => format!("{{\"index\":{{\"_id\":\"{key}\"}}}}\n{{}}\n"),
                _ => format!("{{\"index\":{{\"_id\":\"{n}\",\"routing\":\"{key}\"}}}}\n{{}}\n"),
            })
            .collect();
        let body = ("application/x-ndjson", lines.into_bytes());
        let answer =
            client.bytes(Method::POST, &format!("/{index}/_bulk"), Some(body)).await.expect("written");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["errors"], false, "{answer}");
        let stats: Value = client
            .json(Method::GET, &format!("/{index}/_stats/indexing?level=shards"), None::<&Value>)
            .await
            .expect("told");
        told.push(
            (0..shards)
                .map(|n| stats["indices"][&index]["shards"][n.to_string()][0]["seq_no"]["max_seq_no"].clone())
                .collect(),
        );
        client.delete(&format!("/{index}")).await.expect("removed");
    }
    told
}

/// What is looked up by ids over several indices, as acknowledged writes are after a way back: under every routing, and what the
/// slices of a point in time hold together.
async fn looked_up(client: &Client, prefix: &str) -> Vec<Value> {
    let all = format!("{prefix}found*");
    for (number, name) in [(0, "found-"), (1, "found-2026-11-20")] {
        let index = format!("{prefix}{name}");
        let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
        client.put(&format!("/{index}"), &settings).await.expect("made");
        let lines = format!(
            "{{\"index\":{{\"_id\":\"same\"}}}}\n{{\"write\":{number}}}\n\
             {{\"index\":{{\"_id\":\"same\",\"routing\":\"r{number}\"}}}}\n{{\"write\":9}}\n\
             {{\"index\":{{\"_id\":\"own{number}\"}}}}\n{{\"write\":{number}}}\n\
             {{\"index\":{{\"_id\":\"gone\"}}}}\n{{}}\n{{\"delete\":{{\"_id\":\"gone\"}}}}\n"
        );
        let body = ("application/x-ndjson", lines.into_bytes());
        client
            .bytes(Method::POST, &format!("/{index}/_bulk?refresh=true"), Some(body))
            .await
            .expect("written");
    }
    let refresh = format!("/{all}/_refresh?ignore_unavailable=true&allow_no_indices=true");
    client.post_empty(&refresh).await.expect("refreshed");
    let mut told = Vec::new();
    for ids in [json!(["same", "own0", "gone", "never"]), json!([])] {
        let query = json!({"size": 1000, "query": {"ids": {"values": ids}}, "_source": true});
        let path = format!(
            "/{all}/_search?ignore_unavailable=true&allow_no_indices=true&expand_wildcards=open,hidden"
        );
        let answer = client.post(&path, &query).await.expect("an answer");
        let mut hits: Vec<String> = answer["hits"]["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .map(|h| json!([h["_index"], h["_id"], h["_routing"], h["_source"]]).to_string())
            .collect();
        hits.sort();
        told.push(json!([answer["hits"]["total"]["value"], hits]));
    }
    let index = format!("{prefix}found-");
    let opened = client.post_empty(&format!("/{index}/_pit?keep_alive=1m")).await.expect("opened");
    let mut ids = Vec::new();
    for slice in 0..2 {
        let body = json!({"size": 10, "pit": {"id": opened["id"], "keep_alive": "1m"}, "slice": {"id": slice, "max": 2},
                          "sort": [{"_shard_doc": "asc"}]});
        let page = client.post("/_search?allow_partial_search_results=false", &body).await.expect("a page");
        let hits = page["hits"]["hits"].as_array().expect("hits");
        ids.extend(hits.iter().map(|h| json!([h["_id"], h["_routing"]]).to_string()));
    }
    ids.sort();
    told.push(json!(ids));
    let body = json!({"id": opened["id"]});
    let _: Value = client.json(Method::DELETE, "/_pit", Some(&body)).await.expect("closed");
    client.delete(&format!("/{prefix}found-,{prefix}found-2026-11-20")).await.expect("removed");
    told
}

#[tokio::test]
async fn the_simulator_answers_as_the_store_does() {
    let Ok(urls) = std::env::var("DRYDOCK_TEST_ELASTICSEARCH") else {
        println!("SKIP DRYDOCK_TEST_ELASTICSEARCH names no cluster");
        return;
    };
    let url = urls.split(',').next().unwrap_or_default();
    let real = Client::new(&ElasticsearchEndpoint::plain(url), Timeouts::default()).expect("a client");
    let simulated = Client::new(&alone(), Timeouts::default()).expect("a client");
    let prefix = format!("simulated-{}-", std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_nanos());
    let mut differing = Vec::new();
    for asked in operations(&prefix) {
        let (there, here) = (answer(&real, &asked).await, answer(&simulated, &asked).await);
        if there != here {
            let members =
                there.as_object().into_iter().flatten().filter(|(k, v)| here.get(k.as_str()) != Some(*v));
            let members: Vec<String> =
                members.map(|(k, v)| format!("  {k}: {v}, simulated {}", here[k.as_str()])).collect();
            differing.push(format!(
                "{} {}: {there} / {here}\n{}",
                asked.method,
                asked.path,
                members.join("\n")
            ));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    assert_eq!(paged(&real, &prefix).await, paged(&simulated, &prefix).await);
    assert_eq!(looked_up(&real, &prefix).await, looked_up(&simulated, &prefix).await);
    assert_eq!(spread(&real, &prefix).await, spread(&simulated, &prefix).await);
}

/// The same without a store: everything that is asked is known, so that the comparison above compares something.
#[tokio::test]
async fn every_operation_of_the_comparison_is_known_to_the_simulator() {
    let simulated = Client::new(&alone(), Timeouts::default()).expect("a client");
    for asked in operations("x-") {
        let told = answer(&simulated, &asked).await;
        assert_ne!(told["type"], "simulator_gap", "{} {}", asked.method, asked.path);
        assert!(!told.as_object().is_none_or(|o| o.is_empty()), "{} {}", asked.method, asked.path);
    }
    let pages = paged(&simulated, "x-").await;
    assert_eq!(pages[0][0], 9);
    let found = looked_up(&simulated, "x-").await;
    // Of one id under two routings both are there where they are in two shards.
    assert!(found[0][0].as_u64() > Some(2) && found[1][0] == 0, "{found:?}");
    assert!(found[2].as_array().is_some_and(|ids| ids.len() > 1), "{found:?}");
    assert_eq!(pages.last(), Some(&json!({"status": 404})));
    let spread = spread(&simulated, "x-").await;
    assert!(
        spread[0] == json!([239])
            && spread.iter().flat_map(Value::as_array).flatten().all(|n| n.as_u64() > Some(9)),
        "{spread:?}"
    );
}
