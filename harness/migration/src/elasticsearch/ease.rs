//! Settings eased during a copy, and given back after it.

use super::chunks;
use super::copy::Work;
use super::inventory::index_path;
use crate::error::MigrationError;
use crate::without::Without;
use drydock_core::scenario::{CreateIndices, Mover};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use tokio::sync::mpsc::UnboundedReceiver;

/// Documents from which it pays to have what was copied synced before the end, of however many indices. To sync each small one by
/// itself takes more of the store than it saves at the end: measured with 121 indices of 10,000 documents together, the copy took
/// longer.
const WORTH_A_HEAD_START: u64 = 10_000;

impl Work<'_> {
    /// Remembers the replicas that the new index got and eases it, as the official scripts do.
    pub(super) async fn tune_upstream(&self, name: &str) -> Result<(), MigrationError> {
        let path = index_path(name);
        let doing = || format!("ease the settings of index {name} on the target");
        let found = self
            .target
            .get(&format!(
                "{path}/_settings/index.number_of_replicas,index.translog.durability?flat_settings=true"
            ))
            .await
            .map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
        let settings = &found[name]["settings"];
        // One that a killed attempt has left eased has no replicas to remember.
        if settings["index.translog.durability"] != "async" {
            self.remembered
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(name.to_owned(), settings["index.number_of_replicas"].clone());
        }
        let eased = json!({"index.refresh_interval": "-1", "index.number_of_replicas": 0, "index.translog.durability": "async"});
        self.target
            .put(&format!("{path}/_settings"), &eased)
            .await
            .map(drop)
            .map_err(|e| MigrationError::elasticsearch(doing(), &e))
    }

    /// Gives every index the settings it must have after the copy, many indices with equal ones a request, and has everything
    /// written to them synced.
    pub(super) async fn restore_settings(&self, names: &[String]) -> Result<(), MigrationError> {
        if !self.eases() || Without::Settings.is_gone() {
            return Ok(());
        }
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut blocked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            let Some(definition) = self.definitions.get(name) else { continue };
            let settings = match self.mode() {
                CreateIndices::Complete => Value::Object(definition.plan.restore.clone()),
                CreateIndices::Upstream | CreateIndices::Bare if Without::Replicas.is_gone() => {
                    json!({"index.refresh_interval": "1s", "index.translog.durability": "request"})
                }
                CreateIndices::Upstream | CreateIndices::Bare => json!({
                    "index.refresh_interval": "1s",
                    "index.translog.durability": "request",
                    "index.number_of_replicas": self.remembered_replicas(name),
                }),
            };
            groups.entry(settings.to_string()).or_default().push(name.clone());
            if self.mode() == CreateIndices::Complete && !definition.plan.blocks.is_empty() {
                let blocks = Value::Object(definition.plan.blocks.clone()).to_string();
                blocked.entry(blocks).or_default().push(name.clone());
            }
        }
        self.put_settings(groups).await?;
        self.sync(names).await?;
        // Blocks last: an index that is read-only takes no other setting.
        self.put_settings(blocked).await
    }

    /// Whether this way of copying eases settings at all.
    fn eases(&self) -> bool {
        self.mode() != CreateIndices::Bare && self.cx.spec.mover != Mover::Snapshot
    }

    /// Has indices synced as they come in, copied, with the number of their documents, beside the copies of others: all of it at
    /// the end is time in which nobody can work. A mere head start, which no copy waits for and whose answers nobody reads: what
    /// counts is the answer for all indices, after their settings are back. Never ends.
    pub(super) async fn sync_behind(&self, mut copied: UnboundedReceiver<(String, u64)>) -> Infallible {
        let mut came = Vec::new();
        // What came in during a request goes with the next one: a slow store is asked less often.
        while copied.recv_many(&mut came, usize::MAX).await > 0 {
            if came.iter().map(|(_, documents)| documents).sum::<u64>() < WORTH_A_HEAD_START {
                continue;
            }
            let names: Vec<String> = came.drain(..).map(|(name, _)| name).collect();
            if self.eases() && !Without::Flush.is_gone() {
                for path in chunks(&names) {
                    let _ = self.target.post_empty(&format!("/{path}/_flush?ignore_unavailable=true")).await;
                }
            }
        }
        std::future::pending().await
    }

    async fn put_settings(&self, groups: BTreeMap<String, Vec<String>>) -> Result<(), MigrationError> {
        for (settings, names) in groups {
            let settings: Map<String, Value> = serde_json::from_str(&settings)
                .map_err(|e| MigrationError::Internal(format!("settings of {names:?}: {e}")))?;
            let settings = Value::Object(settings);
            for path in chunks(&names) {
                self.target.put(&format!("/{path}/_settings"), &settings).await.map_err(|e| {
                    MigrationError::elasticsearch(
                        format!("give {} indices back their settings, {} among them", names.len(), names[0]),
                        &e,
                    )
                })?;
            }
        }
        Ok(())
    }

    /// Has what was written with asynchronous durability synced to disk. The store does not by itself when that setting goes: it
    /// would be lost with the next crash of the node.
    async fn sync(&self, names: &[String]) -> Result<(), MigrationError> {
        if Without::Flush.is_gone() {
            return Ok(());
        }
        for path in chunks(names) {
            let doing = || format!("flush {} indices of the target", names.len());
            match self.target.post_empty(&format!("/{path}/_flush?ignore_unavailable=true")).await {
                Ok(answer) => match answer["_shards"]["failed"].as_u64() {
                    Some(0) => {}
                    failed => {
                        return Err(MigrationError::migration(
                            doing(),
                            format!("{} shards failed", failed.map_or_else(|| "unknown".into(), |n| n.to_string())),
                            "see the log of the target cluster, then resume the run",
                        ));
                    }
                },
                // Managed services may forbid it.
                Err(e) if matches!(e.status(), Some(401 | 403)) => self.reporter.note(
                    "the target cluster does not let its indices be flushed: a crash of a node in the next minutes may lose documents",
                ),
                Err(e) => return Err(MigrationError::elasticsearch(doing(), &e)),
            }
        }
        Ok(())
    }

    /// An index kept from an earlier attempt has its eased value now; it was made with the default.
    fn remembered_replicas(&self, name: &str) -> Value {
        let remembered = self.remembered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        remembered.get(name).cloned().unwrap_or_else(|| json!("1"))
    }
}
