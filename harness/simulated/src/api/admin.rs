//! Listings, definitions, templates and tasks.

use super::{Call, Outcome, acknowledged};
use crate::cluster::{Absent, Cluster, Refusal};
use serde_json::{Map, Value, json};

/// The cluster's state, as far as anybody reads it: primary terms and what was deleted.
pub(super) fn state(cluster: &Cluster) -> Value {
    let indices: Map<String, Value> = cluster
        .indices
        .iter()
        .map(|(name, index)| {
            let terms: Map<String, Value> =
                (0..index.shards.len()).map(|n| (n.to_string(), json!(index.term))).collect();
            (name.clone(), json!({"primary_terms": terms}))
        })
        .collect();
    let tombstones: Vec<Value> = cluster
        .graves
        .iter()
        .map(|g| json!({"index": {"index_name": g.index, "index_uuid": g.uuid}, "delete_date_in_millis": g.at}))
        .collect();
    json!({"metadata": {"indices": indices, "index-graveyard": {"tombstones": tombstones}, "stored_scripts": {}}})
}

pub(super) fn cat_indices(cluster: &Cluster, expression: &str) -> Result<Value, Refusal> {
    let names = cluster.resolve(expression, Absent::Refused)?;
    let rows = names.iter().map(|name| {
        let documents = cluster.indices.get(name).map_or(0, |i| i.documents().count());
        json!({"index": name, "status": "open", "health": "green", "pri.store.size": (documents * 100 + 225).to_string()})
    });
    Ok(rows.collect())
}

pub(super) fn cat_aliases(cluster: &Cluster) -> Value {
    let all = cluster.indices.iter();
    all.flat_map(|(name, index)| {
        index.aliases.keys().map(move |alias| json!({"alias": alias, "index": name}))
    })
    .collect()
}

/// Requests under way whose action matches the pattern, which begins with a star.
pub(super) fn tasks(cluster: &Cluster, actions: &str) -> Value {
    let wanted = actions.trim_start_matches('*');
    let tasks: Map<String, Value> = cluster
        .tasks
        .iter()
        .filter(|(_, task)| task.action.name().ends_with(wanted))
        .map(|(number, task)| {
            let body = json!({"action": task.action.name(), "description": task.description,
                              "status": {"created": task.written, "updated": 0}});
            (format!("n:{number}"), body)
        })
        .collect();
    json!({"nodes": {"n": {"tasks": tasks}}})
}

/// Asks a task to end. It writes nothing more from then on.
pub(super) fn cancel(cluster: &mut Cluster, id: &str) -> Result<Value, Refusal> {
    let number = id.strip_prefix("n:").and_then(|n| n.parse().ok());
    match number.and_then(|n: u64| cluster.tasks.get_mut(&n)) {
        Some(task) => {
            task.cancelled = true;
            Ok(json!({"nodes": {}}))
        }
        None => Err(Refusal::new(404, "resource_not_found_exception", format!("task [{id}] is not found"))),
    }
}

pub(super) fn definitions(cluster: &Cluster, names: &[String]) -> Value {
    let found = names.iter().filter_map(|name| {
        let index = cluster.indices.get(name)?;
        let body = json!({"settings": index.settings, "mappings": index.mappings, "aliases": index.aliases});
        Some((name.clone(), body))
    });
    Value::Object(found.collect())
}

/// One part of the definitions.
pub(super) fn part(cluster: &Cluster, names: &[String], part: &str) -> Value {
    let all = definitions(cluster, names);
    let found = names.iter().map(|name| (name.clone(), json!({part: all[name][part]})));
    Value::Object(found.collect())
}

/// Sequence numbers and numbers of operations.
pub(super) fn stats(cluster: &Cluster, names: &[String]) -> Value {
    let found = names.iter().filter_map(|name| {
        let index = cluster.indices.get(name)?;
        let shards: Map<String, Value> = (0..)
            .zip(&index.shards)
            .map(|(number, shard): (u32, _)| {
                let copy = json!({
                    "routing": {"primary": true},
                    "seq_no": {"max_seq_no": shard.max_seq, "local_checkpoint": shard.max_seq, "global_checkpoint": shard.max_seq},
                    "commit": {"user_data": {"history_uuid": format!("history-{}-{number}", index.uuid)}},
                });
                (number.to_string(), json!([copy]))
            })
            .collect();
        let body = json!({
            "uuid": index.uuid,
            "primaries": {"indexing": {"index_total": index.indexed, "delete_total": index.deleted}},
            "shards": shards,
        });
        Some((name.clone(), body))
    });
    let indices: Map<String, Value> = found.collect();
    json!({"indices": indices})
}

/// Templates and other named objects: read all, or write one.
pub(super) fn object(
    cluster: &mut Cluster,
    method: &str,
    family: &str,
    name: Option<&str>,
    call: &Call<'_>,
) -> Result<Outcome, Refusal> {
    let (key, list): (&'static str, Option<&str>) = match family {
        "_index_template" => ("index_template", Some("index_templates")),
        "_component_template" => ("component_template", Some("component_templates")),
        "_template" => ("template", None),
        "pipeline" => ("pipeline", None),
        _ => ("policy", None),
    };
    Ok(match (method, name) {
        ("PUT", Some(name)) if key == "index_template" => {
            cluster.templates.insert(name.to_owned(), call.json()?);
            acknowledged()
        }
        ("PUT", Some(name)) => {
            cluster.objects.insert((key, name.to_owned()), call.json()?);
            acknowledged()
        }
        ("GET", None) => {
            let all: Vec<(&String, &Value)> = if key == "index_template" {
                cluster.templates.iter().collect()
            } else {
                cluster.objects.iter().filter(|((k, _), _)| *k == key).map(|((_, n), b)| (n, b)).collect()
            };
            match list {
                Some(list) => {
                    let rows: Vec<Value> =
                        all.iter().map(|(n, body)| json!({"name": n, key: body})).collect();
                    json!({list: rows}).into()
                }
                None => Value::Object(all.iter().map(|(n, b)| ((*n).clone(), (*b).clone())).collect()).into(),
            }
        }
        _ => Outcome::Gap,
    })
}
