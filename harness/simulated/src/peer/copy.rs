//! What a cluster does when it is asked to copy from another: in batches, on and on whoever waits, and broken off as its schedule has it.

use super::{KILLED, Peer};
use crate::api::{self, Call};
use crate::cluster::{Action, Change, Doc, Operation, Refusal, Task, Versioning};
use crate::schedule::Trouble;
use drydock_stores::elasticsearch::transport::{Request, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;

impl Peer {
    /// Begins a `_reindex`. It goes on whether or not anybody waits for its answer.
    pub(super) fn copy(
        self: &Arc<Self>,
        request: &Request,
        number: u64,
        trouble: Option<Trouble>,
    ) -> JoinHandle<Response> {
        let peer = Arc::clone(self);
        let body: Value =
            serde_json::from_slice(request.body.as_deref().unwrap_or_default()).unwrap_or_default();
        let call = Call::of(request);
        let known =
            call.query.get("wait_for_completion").is_some_and(|v| v == "true") && api::is_known(&call);
        if !known {
            self.script.gap(format!("{} {}", request.method, request.path));
        }
        tokio::spawn(async move {
            if !known {
                return api::refused(&Refusal::new(
                    400,
                    "simulator_gap",
                    "of _reindex, what is waited for and has no further options is simulated",
                ));
            }
            peer.reindex(&body, number, trouble).await.unwrap_or_else(|refusal| api::refused(&refusal))
        })
    }

    async fn reindex(
        &self,
        body: &Value,
        number: u64,
        trouble: Option<Trouble>,
    ) -> Result<Response, Refusal> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (from, into) = (text(&body["source"]["index"]), text(&body["dest"]["index"]));
        let nothing = json!({"timed_out": false, "total": 0, "updated": 0, "created": 0, "version_conflicts": 0, "failures": []});
        if body["source"]["query"].get("match_none").is_some() {
            return Ok(api::answer(200, &nothing));
        }
        let size =
            body["source"]["size"].as_u64().and_then(|s| usize::try_from(s).ok()).unwrap_or(1_000).max(1);
        let held = {
            let now = self.script.now();
            match body["source"]["remote"]["host"].as_str() {
                None => self.cluster().hold(&from, None, now)?,
                Some(host) => match self.other() {
                    Some(other) if Self::url(other.side) == host => other.cluster().hold(&from, None, now)?,
                    _ => {
                        let reason = format!("[{host}] not whitelisted in reindex.remote.whitelist");
                        return Err(Refusal::new(400, "illegal_argument_exception", reason));
                    }
                },
            }
        };
        let mut documents: Vec<(u32, String, Doc)> = Vec::new();
        for (shard, docs) in held.shards {
            documents.extend(docs.iter().map(|(id, doc)| (shard, id.clone(), doc.clone())));
        }
        documents.sort_by_key(|(shard, _, doc)| (*shard, doc.seq));
        if let Some(most) = body["max_docs"].as_u64().and_then(|n| usize::try_from(n).ok()) {
            documents.truncate(most);
        }
        let task = {
            let mut cluster = self.cluster();
            let task = cluster.number();
            let description = format!("reindex from [host=source][{from}] to [{into}]");
            cluster.tasks.insert(task, Task { description, ..Task::of(Action::Reindex) });
            task
        };
        if let Some(Trouble::Slow(ms)) = trouble {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let loses_context = trouble == Some(Trouble::ContextLost);
        let done = self.batches(body, &into, task, number, &documents, size, loses_context).await;
        self.cluster().tasks.remove(&task);
        done
    }

    #[expect(clippy::too_many_arguments, reason = "one call, and what it is made of has no name of its own")]
    async fn batches(
        &self,
        body: &Value,
        into: &str,
        task: u64,
        number: u64,
        documents: &[(u32, String, Doc)],
        size: usize,
        loses_context: bool,
    ) -> Result<Response, Refusal> {
        let external = body["dest"]["version_type"] == "external";
        let proceed = body["conflicts"] == "proceed";
        let (mut created, mut updated, mut conflicts) = (0_u64, 0_u64, 0_u64);
        let (mut failures, mut status) = (Vec::new(), 200);
        let batches = documents.len().div_ceil(size);
        for (at, batch) in (2_u64..).zip(documents.chunks(size)) {
            tokio::time::sleep(self.script.latency(number, at)).await;
            if loses_context && at >= 2 + batches as u64 / 2 {
                let reason = json!({"type": "search_context_missing_exception",
                    "reason": "No search context found for id [1]"});
                (status, failures) = (404, vec![json!({"shard": -1, "reason": reason})]);
                break;
            }
            if !body["source"]["remote"].is_null() && self.other().is_some_and(|other| other.is_away()) {
                let cause = json!({"type": "connect_exception", "reason": "Connection refused"});
                (status, failures) = (503, vec![json!({"shard": -1, "reason": cause})]);
                break;
            }
            let mut cluster = self.cluster();
            match cluster.tasks.get(&task) {
                None => return Ok(Response { status: KILLED, body: Vec::new() }),
                Some(task) if task.cancelled => break,
                Some(_) => {}
            }
            let now = self.script.now();
            for (_, id, doc) in batch {
                let operation = Operation {
                    id: id.clone(),
                    routing: doc.routing.clone(),
                    versioning: if external {
                        Versioning::External(doc.version)
                    } else {
                        Versioning::Internal
                    },
                    change: Change::Index { create: false, source: Arc::clone(&doc.source) },
                };
                match cluster.write(into, &operation, now) {
                    Ok(written) if written.status == 201 => created += 1,
                    Ok(_) => updated += 1,
                    Err(refusal) if refusal.status == 409 && proceed => conflicts += 1,
                    // The batch is one `_bulk`: the others of it are carried out all the same, and then the copy ends.
                    Err(refusal) => {
                        conflicts += u64::from(refusal.status == 409);
                        let cause = json!({"type": refusal.kind, "reason": refusal.reason});
                        failures.push(json!({"index": into, "id": id, "cause": cause}));
                        status = status.max(refusal.status);
                    }
                }
            }
            if let Some(task) = cluster.tasks.get_mut(&task) {
                task.written = created + updated;
            }
            if !failures.is_empty() {
                break;
            }
        }
        Ok(api::answer(
            status,
            &json!({"timed_out": false, "total": documents.len(), "updated": updated, "created": created,
                    "version_conflicts": conflicts, "failures": failures}),
        ))
    }
}
