//! Restoring the last snapshot on the target, and removing it.

use super::take::{Which, take};
use super::{Access, Names, described, flaw, register, remove};
use crate::context::{Attempt, Facts};
use crate::elasticsearch::copy::Work;
use crate::elasticsearch::inventory::{self, Inventory, SourceIndex, State, index_path};
use crate::error::MigrationError;
use drydock_core::scenario::CreateIndices;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

impl Work<'_> {
    /// Restores every index, as it is defined in the snapshot, and counts what arrived. Beforehand goes what a snapshot
    /// without global state leaves behind, unless the scenario wants to see that.
    pub(in crate::elasticsearch) async fn restore_snapshot(
        &self,
        inventory: &Inventory,
        attempt: Attempt,
    ) -> Result<Facts, MigrationError> {
        // Half a restored index cannot be told from a whole one by its name.
        self.make_room(inventory, &BTreeSet::new(), attempt).await?;
        let mut facts = match self.mode() {
            CreateIndices::Bare => {
                self.reporter.note(
                    "a snapshot without global state leaves templates, pipelines, scripts, policies and cluster settings behind",
                );
                Facts::new()
            }
            _ => self.carry_the_rest(inventory, &[]).await?,
        };
        let wanted: Vec<String> = inventory.indices.iter().map(|i| i.name.clone()).collect();
        if !wanted.is_empty() {
            self.find_snapshot(&wanted).await?;
            self.restore(&wanted).await?;
            self.close_again(inventory).await?;
        }
        let there = self.count_restored(inventory).await?;
        for index in &inventory.indices {
            self.reporter.item(&index.name, index.documents);
        }
        let documents = inventory.documents();
        self.copied.fetch_add(documents, Ordering::Relaxed);
        let removed = remove(self.cx, &self.source, &self.target, self.reporter).await;
        facts.insert("indices".into(), json!(there.len()));
        facts.insert("documents".into(), json!(documents));
        facts.insert("bytes".into(), json!(there.iter().map(|i| i.store_bytes).sum::<u64>()));
        facts.insert("not_copied".into(), json!([]));
        facts.insert("repository_removed".into(), json!(removed));
        Ok(facts)
    }

    /// The last snapshot, whole; taken again where an earlier attempt has removed it already.
    async fn find_snapshot(&self, wanted: &[String]) -> Result<(), MigrationError> {
        let names = Names::of(self.cx);
        register(self.cx, &self.source, Access::Write).await?;
        register(self.cx, &self.target, Access::Read).await?;
        match described(&self.source, &names, &names.last).await? {
            None => {
                self.reporter.note("the snapshot is gone and is taken again");
                take(self.cx, Which::Last, self.reporter).await.map(drop)
            }
            Some(snapshot) => match flaw(&snapshot, wanted) {
                None => Ok(()),
                Some(flaw) => Err(MigrationError::migration(
                    format!("restore snapshot {}", names.last),
                    flaw,
                    "see the log of the source cluster, then rehearse again",
                )),
            },
        }
    }

    async fn restore(&self, wanted: &[String]) -> Result<(), MigrationError> {
        let names = Names::of(self.cx);
        let doing = || format!("restore snapshot {} on the target", names.last);
        let body = json!({
            "indices": wanted,
            "include_global_state": false,
            "include_aliases": true,
            "partial": false,
        });
        self.target
            .post(&format!("{}/_restore?wait_for_completion=false", names.path(&names.last)), &body)
            .await
            .map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
        let mut pause = FIRST_PAUSE;
        loop {
            let state =
                self.target.get("/_cluster/state/customs?filter_path=restore").await.map_err(|e| {
                    MigrationError::elasticsearch("ask the target how far the restore is", &e)
                })?;
            let under_way = shards_of(&state, &names.last);
            if under_way.is_empty() {
                break;
            }
            let done = under_way.iter().filter(|s| *s == "SUCCESS" || *s == "FAILURE").count();
            self.reporter.progress(done as u64, Some(under_way.len() as u64), "shards");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        let rows = self
            .target
            .get("/_cat/shards?format=json&h=index,shard,prirep,state,unassigned.reason,unassigned.details")
            .await
            .map_err(|e| MigrationError::elasticsearch("list the shards of the target", &e))?;
        let Some(lost) = not_restored(&rows, wanted) else { return Ok(()) };
        Err(MigrationError::from_words(
            doing(),
            lost,
            "see the log of the target cluster; its restored indices are incomplete and are removed when the run is resumed",
        ))
    }

    /// A restored index is open; one that was closed on the source must not answer searches now.
    async fn close_again(&self, inventory: &Inventory) -> Result<(), MigrationError> {
        for name in inventory.closed() {
            self.target.post_empty(&format!("{}/_close", index_path(name))).await.map_err(|e| {
                MigrationError::elasticsearch(
                    format!("close index {name} on the target, as it is on the source"),
                    &e,
                )
            })?;
        }
        Ok(())
    }

    async fn count_restored(&self, inventory: &Inventory) -> Result<Vec<SourceIndex>, MigrationError> {
        let there = Inventory::take(&self.target, &self.prefixes).await?;
        let counts: BTreeMap<&str, u64> =
            there.indices.iter().map(|i| (i.name.as_str(), i.documents)).collect();
        for index in inventory.indices.iter().filter(|i| i.state == State::Open) {
            let found = counts.get(index.name.as_str()).copied();
            if found != Some(index.documents) {
                return Err(MigrationError::migration(
                    format!("restore index {}", index.name),
                    format!(
                        "the source counts {} documents, and the target {}",
                        index.documents,
                        found.map_or_else(|| "has no such index".into(), |n| format!("counts {n}"))
                    ),
                    "see that nothing writes to either side, then resume the run",
                ));
            }
        }
        inventory::names(&self.target, &self.prefixes).await
    }
}

/// States of the shards of a restore under way; none when it is over.
fn shards_of(state: &Value, snapshot: &str) -> Vec<String> {
    let restores = state["restore"]["snapshots"].as_array().into_iter().flatten();
    restores
        .filter(|r| r["snapshot"] == snapshot)
        .flat_map(|r| r["shards"].as_array().into_iter().flatten())
        .filter_map(|s| s["state"].as_str().map(ToOwned::to_owned))
        .collect()
}

/// The first thing that a finished restore did not bring, if anything.
fn not_restored(rows: &Value, wanted: &[String]) -> Option<String> {
    let mut begun = BTreeSet::new();
    for row in rows.as_array().into_iter().flatten().filter(|r| r["prirep"] == "p") {
        let Some(index) = row["index"].as_str().filter(|i| wanted.iter().any(|w| w == i)) else { continue };
        if row["state"] != "STARTED" {
            let details = row["unassigned.details"].as_str().or(row["unassigned.reason"].as_str());
            let shard = row["shard"].as_str().unwrap_or("?");
            return Some(format!(
                "shard {shard} of index {index} was not restored: {}",
                details.unwrap_or("no reason given")
            ));
        }
        begun.insert(index);
    }
    wanted.iter().find(|w| !begun.contains(w.as_str())).map(|w| format!("index {w} was not restored"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_did_not_start_and_an_index_without_shards_are_told() {
        let row = |index: &str, prirep: &str, state: &str| json!({"index": index, "shard": "0", "prirep": prirep, "state": state, "unassigned.details": "corrupt"});
        let wanted = ["a".to_owned(), "b".to_owned()];
        let rows = json!([
            row("a", "p", "STARTED"),
            row("a", "r", "UNASSIGNED"),
            row("b", "p", "STARTED"),
            row("x", "p", "UNASSIGNED")
        ]);
        assert_eq!(not_restored(&rows, &wanted), None);
        let rows = json!([row("a", "p", "STARTED"), row("b", "p", "UNASSIGNED")]);
        assert!(
            not_restored(&rows, &wanted).unwrap().contains("shard 0 of index b was not restored: corrupt")
        );
        let rows = json!([row("a", "p", "STARTED")]);
        assert!(not_restored(&rows, &wanted).unwrap().contains("index b"));
    }

    #[test]
    fn only_our_restore_is_waited_for() {
        let state = json!({"restore": {"snapshots": [
            {"snapshot": "mine", "shards": [{"state": "INIT"}, {"state": "SUCCESS"}]}, {"snapshot": "theirs", "shards": [{"state": "INIT"}]}]}});
        assert_eq!(shards_of(&state, "mine"), ["INIT", "SUCCESS"]);
        assert!(shards_of(&json!({}), "mine").is_empty());
    }
}
