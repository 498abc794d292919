//! Taking a snapshot of the source, and waiting for its end.

use super::{Access, Names, described, flaw, register};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::elasticsearch::{Prefixes, index_names, list};
use crate::error::MigrationError;
use drydock_stores::elasticsearch::Client;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Which of a run's snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    /// While users work: it is never restored, but the next one carries only what changed since.
    Initial,
    /// Of the frozen source.
    Last,
}

/// Lists the source and takes a snapshot of every wanted index, closed and hidden ones included. One of the same name that
/// an earlier attempt left is removed before.
pub(crate) async fn take(
    cx: &MigrationContext,
    which: Which,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let mut facts = list(cx, reporter).await?;
    let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
    let names = Names::of(cx);
    let name = match which {
        Which::Initial => &names.initial,
        Which::Last => &names.last,
    };
    register(cx, &source, Access::Write).await?;
    register(cx, &target, Access::Read).await?;
    let failed =
        |what: &str, e| MigrationError::elasticsearch(format!("{what} snapshot {name} of the source"), &e);
    match source.delete(&names.path(name)).await {
        Ok(_) => {}
        Err(e) if e.is_not_found() => {}
        Err(e) => return Err(failed("remove an earlier", e)),
    }
    let wanted: Vec<String> = index_names(&source, &Prefixes::new(&cx.spec.index_prefixes))
        .await?
        .into_iter()
        .map(|i| i.name)
        .collect();
    if wanted.is_empty() {
        facts.insert("snapshot".into(), json!("none: the source has no index to migrate"));
        return Ok(facts);
    }
    let begun = Instant::now();
    let body = json!({
        "indices": wanted,
        "include_global_state": false,
        // Users may drop an index between its listing and the first snapshot.
        "ignore_unavailable": which == Which::Initial,
        "partial": false,
    });
    source
        .put(&format!("{}?wait_for_completion=false", names.path(name)), &body)
        .await
        .map_err(|e| failed("take", e))?;
    let snapshot = ended(&source, &names, name, reporter).await?;
    match (flaw(&snapshot, &wanted), which) {
        (None, _) => {}
        (Some(flaw), Which::Initial) => {
            reporter.note(&format!(
                "the first snapshot is not whole, because users changed indices meanwhile: {flaw}"
            ));
        }
        (Some(flaw), Which::Last) => {
            return Err(MigrationError::from_words(
                format!("take snapshot {name} of the source"),
                flaw,
                "see the log of the source cluster; nothing was restored from it",
            ));
        }
    }
    seen_by_target(&target, &names, name, &snapshot).await?;
    let (written, total) = sizes(&source, &names, name).await;
    facts.insert("snapshot".into(), json!(name));
    facts.insert("snapshot_state".into(), snapshot["state"].clone());
    facts.insert("snapshot_shards".into(), snapshot["shards"]["total"].clone());
    facts.insert("snapshot_bytes".into(), json!(total));
    facts.insert("snapshot_bytes_written".into(), json!(written));
    facts.insert("snapshot_seconds".into(), json!(crate::postgres::round(begun.elapsed().as_secs_f64())));
    Ok(facts)
}

/// Waits until a snapshot is no longer in progress, and returns its description.
async fn ended(
    source: &Client,
    names: &Names,
    name: &str,
    reporter: &dyn Reporter,
) -> Result<Value, MigrationError> {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(snapshot) = described(source, names, name).await? else {
            return Err(MigrationError::migration(
                format!("take snapshot {name} of the source"),
                "somebody removed it while it was taken",
                "see that nobody else works in the repository, then resume the run",
            ));
        };
        if snapshot["state"] != "IN_PROGRESS" {
            return Ok(snapshot);
        }
        if let Ok(status) = source.get(&format!("{}/_status", names.path(name))).await {
            let shards = &status["snapshots"][0]["shards_stats"];
            reporter.progress(shards["done"].as_u64().unwrap_or(0), shards["total"].as_u64(), "shards");
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Both clusters must see the same place: a folder of the same name may be another one on another machine.
async fn seen_by_target(
    target: &Client,
    names: &Names,
    name: &str,
    snapshot: &Value,
) -> Result<(), MigrationError> {
    let there = described(target, names, name).await?;
    if there.is_some_and(|t| t["uuid"] == snapshot["uuid"]) {
        return Ok(());
    }
    Err(MigrationError::migration(
        format!("read snapshot {name} with {}", target.url()),
        "the target does not see it: its repository is another place than the source's",
        "mount the same storage at the same location on every node of both clusters, or use a bucket",
    ))
}

/// Bytes that this snapshot added to the repository, and bytes it holds.
async fn sizes(source: &Client, names: &Names, name: &str) -> (Option<u64>, Option<u64>) {
    let status = source.get(&format!("{}/_status", names.path(name))).await.unwrap_or_default();
    let stats = &status["snapshots"][0]["stats"];
    (stats["incremental"]["size_in_bytes"].as_u64(), stats["total"]["size_in_bytes"].as_u64())
}
