//! Capabilities that the cluster serves.

use crate::acknowledged::content_of;
use crate::elasticsearch::{Document, InstanceState, live_key, operate_instance};
use crate::service::{Backend, ServiceError};
use drydock_stores::elasticsearch::{Client, path_segment};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Partition of the instances that probes start.
const PARTITION: u16 = 1;
/// Numbers of the instances that probes start: above every number that the live writer uses.
const ABOVE_THE_WRITER: u64 = 1 << 43;
/// Numbers of those whose tasks they complete: above the others.
const ABOVE_STARTED: u64 = ABOVE_THE_WRITER + (1 << 42);

fn cluster(backend: &Backend) -> Result<&Client, ServiceError> {
    backend.elasticsearch.as_ref().ok_or_else(|| ServiceError::Absent("elasticsearch".into()))
}

/// The documents of a probe's instance: its own, and its user task's.
fn documents(number: u64, state: InstanceState, at: Timestamp) -> [Option<(String, Document)>; 2] {
    let key = live_key(PARTITION, number);
    let mut documents = operate_instance(key, PARTITION, state, at).into_iter();
    [documents.next(), documents.next()]
}

fn path(index: &str, document: &Document, more: &str) -> String {
    let routing = document.routing.as_ref().map(|r| format!("routing={}", path_segment(r)));
    let parameters: Vec<&str> =
        routing.iter().map(String::as_str).chain(Some(more).filter(|m| !m.is_empty())).collect();
    let parameters = if parameters.is_empty() { String::new() } else { format!("?{}", parameters.join("&")) };
    format!("/{index}/_doc/{}{parameters}", path_segment(&document.id))
}

fn body(document: &Document) -> Value {
    serde_json::from_str(&document.source).unwrap_or_default()
}

/// Writes an instance and reads it back: an acknowledgement alone does not say that it is there.
pub(super) async fn start_process(backend: &Backend, number: u64) -> Result<(), ServiceError> {
    let client = cluster(backend)?;
    let [Some((index, document)), _] =
        documents(ABOVE_THE_WRITER + number, InstanceState::Active, backend.now())
    else {
        return Err(ServiceError::Absent("operate".into()));
    };
    client.put(&path(&index, &document, "op_type=create"), &body(&document)).await?;
    let found = client.get(&path(&index, &document, "")).await?;
    let read = content_of(found["_source"].to_string().as_bytes());
    if found["found"] == true && read == content_of(document.source.as_bytes()) {
        return Ok(());
    }
    Err(ServiceError::NotAsWritten(format!("instance {} in {index}", document.id)))
}

/// Lists instances through the alias, as Operate's first page does.
pub(super) async fn list_instances(backend: &Backend) -> Result<(), ServiceError> {
    let path = "/operate-list-view-8.3.0_alias/_search?ignore_unavailable=false&filter_path=hits.total.value";
    let query =
        json!({"size": 1, "track_total_hits": 1, "query": {"term": {"joinRelation": "processInstance"}}});
    cluster(backend)?.post(path, &query).await?;
    Ok(())
}

/// Writes a task and completes it, on condition that nobody else has touched it.
pub(super) async fn complete_task(backend: &Backend, number: u64) -> Result<(), ServiceError> {
    let client = cluster(backend)?;
    let at = backend.now();
    let [_, Some((index, open))] = documents(ABOVE_STARTED + number, InstanceState::Active, at) else {
        return Err(ServiceError::Absent("operate".into()));
    };
    let [_, Some((_, completed))] = documents(ABOVE_STARTED + number, InstanceState::Completed, at) else {
        return Err(ServiceError::Absent("operate".into()));
    };
    let created = client.put(&path(&index, &open, "op_type=create"), &body(&open)).await?;
    let (Some(sequence), Some(term)) = (created["_seq_no"].as_u64(), created["_primary_term"].as_u64())
    else {
        return Err(ServiceError::NotAsWritten(format!("task {} in {index}", open.id)));
    };
    let condition = format!("if_seq_no={sequence}&if_primary_term={term}");
    client.put(&path(&index, &completed, &condition), &body(&completed)).await?;
    Ok(())
}
