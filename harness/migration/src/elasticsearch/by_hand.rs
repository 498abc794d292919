//! One `_reindex` as the API is used by hand: started as a task that outlives the connection, and asked after until it ends.

use super::encode;
use super::reindex::{CopyFailure, body, is_forgotten, is_pressure, judge, refused};
use crate::error::MigrationError;
use drydock_core::scenario::Versions;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::Client;
use serde_json::{Value, json};
use std::time::Duration;

/// Slices are left out: the target refuses them when it reads from remote.
const START: &str = "/_reindex?wait_for_completion=false&requests_per_second=-1&scroll=15m";
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// How often a task is asked after in vain before giving up: about a minute.
const SILENCES: u32 = 30;

/// Copies one index and returns the number of documents. `expected`: how many the source counts.
pub(super) async fn copy(
    target: &Client,
    source: &ElasticsearchEndpoint,
    index: &str,
    size: u32,
    versions: Versions,
    expected: Option<u64>,
) -> Result<u64, CopyFailure> {
    let mut request = body(source, index, size);
    if versions == Versions::Keep {
        request["dest"]["version_type"] = json!("external");
    }
    let started = target.post(START, &request).await.map_err(|e| refused(&e, index))?;
    let Some(task) = started["task"].as_str() else {
        return Err(CopyFailure::Other(MigrationError::migration(
            format!("copy index {index}"),
            format!("_reindex gave no task: {started}"),
            "see the log of the target cluster",
        )));
    };
    let ended = wait(target, task, index).await?;
    // The target keeps the answer of every task; nobody asks for this one again.
    let _ = target.delete(&format!("/.tasks/_doc/{}", encode(task))).await;
    judge(outcome(&ended, index)?, index, expected)
}

/// Asks after a task until it has ended.
async fn wait(target: &Client, task: &str, index: &str) -> Result<Value, CopyFailure> {
    let path = format!("/_tasks/{}", encode(task));
    let (mut pause, mut silences) = (FIRST_PAUSE, 0);
    loop {
        match target.get(&path).await {
            Ok(answer) if answer["completed"] == true => return Ok(answer),
            Ok(_) => silences = 0,
            // The task goes on while nobody hears of it.
            Err(e) if (e.is_transport() || e.is_pressure()) && silences < SILENCES => silences += 1,
            Err(e) if e.is_not_found() => {
                return Err(CopyFailure::Other(MigrationError::migration(
                    format!("copy index {index}"),
                    format!("the target does not know task {task} any more, as after a restart"),
                    "see that the target cluster runs, then resume the run",
                )));
            }
            Err(e) => {
                return Err(CopyFailure::Other(MigrationError::elasticsearch(
                    format!("ask after the copy of index {index}"),
                    &e,
                )));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The answer that the call would have had, or why there is none.
fn outcome<'a>(ended: &'a Value, index: &str) -> Result<&'a Value, CopyFailure> {
    let error = &ended["error"];
    if error.is_null() {
        return Ok(&ended["response"]);
    }
    let words = error.to_string();
    if is_pressure(&words) {
        return Err(CopyFailure::Pressure(words));
    }
    if is_forgotten(&words) {
        return Err(CopyFailure::Lost(words));
    }
    let reason = error["caused_by"]["reason"].as_str().or(error["reason"].as_str()).unwrap_or(&words);
    Err(CopyFailure::Other(MigrationError::from_words(
        format!("copy index {index}"),
        format!("its task failed: {reason}"),
        "see the log of the target cluster",
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_failed_is_no_copy() {
        let good =
            json!({"completed": true, "response": {"total": 2, "created": 2, "updated": 0, "failures": []}});
        assert_eq!(judge(outcome(&good, "i").ok().unwrap(), "i", Some(2)).ok(), Some(2));
        let failed = json!({"completed": true, "error": {"type": "exception", "reason": "gone"}});
        assert!(
            matches!(outcome(&failed, "i"), Err(CopyFailure::Other(e)) if e.to_string().contains("gone"))
        );
        let pressed = json!({"completed": true, "error": {"type": "circuit_breaking_exception"}});
        assert!(matches!(outcome(&pressed, "i"), Err(CopyFailure::Pressure(_))));
        let cut = json!({"completed": true, "response": {"total": 2, "created": 1, "updated": 0,
            "failures": [{"id": "1", "cause": {"type": "document_parsing_exception"}}]}});
        assert!(judge(outcome(&cut, "i").ok().unwrap(), "i", Some(2)).is_err());
        assert!(judge(outcome(&json!({"completed": true}), "i").ok().unwrap(), "i", Some(0)).is_err());
    }
}
