//! The copy of all indices: made, filled, and given back their settings; then templates and aliases.

use super::create::{self, Definition, definitions};
use super::inventory::{self, Inventory, SourceIndex, State, index_path};
use super::reindex::{CopyFailure, batch_size, copy};
use super::{Prefixes, bounded, chunks, objects, templates};
use crate::context::{Attempt, Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::scenario::CreateIndices;
use drydock_stores::elasticsearch::Client;
use serde_json::{Map, Value, json};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Indices made at the same time.
const CREATE_PARALLELISM: usize = 8;
/// Tries of one index, each with a quarter of the batch before.
const TRIES: u32 = 5;

/// Everything one copy works on.
struct Work<'a> {
    cx: &'a MigrationContext,
    reporter: &'a dyn Reporter,
    source: Client,
    target: Client,
    prefixes: Prefixes,
    definitions: BTreeMap<String, Definition>,
    /// Replicas to give back in the official scripts' way: those the target gave a new index.
    remembered: Mutex<BTreeMap<String, Value>>,
    copied: AtomicU64,
    retries: AtomicU64,
    slowest: Mutex<(f64, String)>,
}

/// Copies every index of the source that has one of the prefixes. Indices in `done` are kept as an earlier attempt left
/// them; others that an earlier attempt began are removed and copied anew.
pub(crate) async fn copy_indices(
    cx: &MigrationContext,
    done: &BTreeSet<String>,
    attempt: Attempt,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
    let begun = Instant::now();
    let inventory = Inventory::take(&source, &prefixes).await?;
    let definitions = definitions(&source, &prefixes.pattern()).await?;
    let work = Work {
        cx,
        reporter,
        source,
        target,
        prefixes,
        definitions,
        remembered: Mutex::new(BTreeMap::new()),
        copied: AtomicU64::new(0),
        retries: AtomicU64::new(0),
        slowest: Mutex::new((0.0, String::new())),
    };
    let outcome = cx.cancel.run_until_cancelled(work.run(&inventory, done, attempt)).await;
    let mut facts = match outcome {
        Some(Ok(facts)) => facts,
        failed => {
            // What the target still copies must not run into a later attempt, and what was eased must not stay so. Both
            // are attempts: the first error is the one to tell.
            let tidy = async {
                let _ = work.stop_copies().await;
                let _ = work.restore_settings(&work.present().await.unwrap_or_default()).await;
            };
            let _ = tokio::time::timeout(Duration::from_secs(20), tidy).await;
            return match failed {
                Some(error) => error,
                None => Err(MigrationError::Interrupted),
            };
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let copied = work.copied.load(Ordering::Relaxed);
    facts.insert("seconds".into(), json!(crate::postgres::round(seconds)));
    facts.insert("documents_copied".into(), json!(copied));
    // A rate for people; the loss of precision is theirs to bear.
    facts.insert("documents_per_second".into(), json!((copied as f64 / seconds.max(0.001)).round()));
    facts.insert("retries".into(), json!(work.retries.load(Ordering::Relaxed)));
    let slowest = work.slowest.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    facts.insert("slowest".into(), json!({"index": slowest.1, "seconds": crate::postgres::round(slowest.0)}));
    Ok(facts)
}

impl Work<'_> {
    fn mode(&self) -> CreateIndices {
        self.cx.spec.create_indices
    }

    async fn run(
        &self,
        inventory: &Inventory,
        done: &BTreeSet<String>,
        attempt: Attempt,
    ) -> Result<Facts, MigrationError> {
        let not_copied: Vec<String> = inventory.closed().into_iter().map(ToOwned::to_owned).collect();
        for name in &not_copied {
            self.reporter.note(&format!(
                "index {name} is closed on the source, so it cannot be read and was not copied; open it there, or list it as expected"
            ));
        }
        let kept = self.make_room(inventory, done, attempt).await?;
        let open: Vec<&SourceIndex> =
            inventory.indices.iter().filter(|i| i.state == State::Open && !kept.contains(&i.name)).collect();
        let (mut full, empty): (Vec<&SourceIndex>, Vec<&SourceIndex>) =
            open.into_iter().partition(|i| i.documents > 0);
        // Largest first; sizes on disk lag behind, and then the documents decide.
        full.sort_by_key(|i| (Reverse(i.store_bytes), Reverse(i.documents), i.name.clone()));
        let total = inventory.documents();
        let before: u64 =
            inventory.indices.iter().filter(|i| kept.contains(&i.name)).map(|i| i.documents).sum();

        // The order of the official scripts: indices with documents, copy, templates, empty indices, aliases. Made
        // completely, an empty index must not meet the templates either, which could give it what the source's lacks.
        let mut first: Vec<&SourceIndex> = full.clone();
        if self.mode() == CreateIndices::Complete {
            first.extend(&empty);
        }
        bounded(CREATE_PARALLELISM, first.iter().map(|i| self.create(i)).collect()).await?;
        if self.mode() == CreateIndices::Complete {
            for index in &empty {
                self.reporter.item(&index.name, 0);
            }
        }
        self.copy_all(&full, before, total).await?;
        self.restore_settings(&self.wanted(&kept, &first)).await?;

        let nothing_to_copy = full.is_empty() && kept.is_empty();
        let mut facts = if self.mode() == CreateIndices::Upstream && nothing_to_copy {
            self.reporter.note("no index of the source holds a document; the official scripts end here, without templates and aliases");
            Facts::new()
        } else {
            let names: Vec<String> = inventory.indices.iter().map(|i| i.name.clone()).collect();
            templates::carry(&self.source, &self.target, &self.prefixes, self.mode(), &names, self.reporter)
                .await?
        };
        match self.mode() {
            CreateIndices::Complete => {
                facts.extend(objects::carry(&self.source, &self.target, self.reporter).await?)
            }
            CreateIndices::Upstream if nothing_to_copy => {}
            CreateIndices::Upstream => {
                self.create_empty_upstream(&empty).await?;
                self.aliases_upstream().await?;
            }
        }
        inventory::refresh(&self.target, &self.prefixes).await?;
        let there = inventory::names(&self.target, &self.prefixes).await?;
        facts.insert("indices".into(), json!(there.len()));
        facts.insert("indices_kept".into(), json!(kept.len()));
        facts.insert("indices_empty".into(), json!(empty.len()));
        facts.insert("documents".into(), json!(total));
        facts.insert("bytes".into(), json!(there.iter().map(|i| i.store_bytes).sum::<u64>()));
        facts.insert("not_copied".into(), json!(not_copied));
        Ok(facts)
    }

    /// The first time, nothing may be there. Again, what is not finished is removed, and what is finished is kept if it is
    /// still there. Returns the names of indices kept.
    async fn make_room(
        &self,
        inventory: &Inventory,
        done: &BTreeSet<String>,
        attempt: Attempt,
    ) -> Result<BTreeSet<String>, MigrationError> {
        let there = self.present().await?;
        if attempt == Attempt::First {
            if let Some(name) = there.first() {
                return Err(MigrationError::migration(
                    "copy the indices",
                    format!(
                        "the target holds {} indices with the wanted prefixes already, {name} among them",
                        there.len()
                    ),
                    "remove them or name another target; nothing was changed in them",
                ));
            }
            return Ok(BTreeSet::new());
        }
        self.stop_copies().await?;
        let wanted: BTreeSet<&str> = inventory.indices.iter().map(|i| i.name.as_str()).collect();
        let (kept, begun): (Vec<String>, Vec<String>) =
            there.into_iter().partition(|n| done.contains(n) && wanted.contains(n.as_str()));
        for names in chunks(&begun) {
            self.target.delete(&format!("/{names}?ignore_unavailable=true")).await.map_err(|e| {
                MigrationError::elasticsearch("remove what an earlier attempt left on the target", &e)
            })?;
        }
        Ok(kept.into_iter().collect())
    }

    /// Names of wanted indices on the target.
    async fn present(&self) -> Result<Vec<String>, MigrationError> {
        Ok(inventory::names(&self.target, &self.prefixes).await?.into_iter().map(|i| i.name).collect())
    }

    fn wanted(&self, kept: &BTreeSet<String>, made: &[&SourceIndex]) -> Vec<String> {
        kept.iter().cloned().chain(made.iter().map(|i| i.name.clone())).collect()
    }

    fn definition(&self, name: &str) -> Result<&Definition, MigrationError> {
        self.definitions.get(name).ok_or_else(|| {
            MigrationError::migration(
                format!("read the definition of index {name} on the source"),
                "it was deleted meanwhile",
                "see that nothing writes to the source, then resume the run",
            )
        })
    }

    async fn create(&self, index: &SourceIndex) -> Result<(), MigrationError> {
        let definition = self.definition(&index.name)?;
        create::create(&self.target, definition, self.mode(), self.reporter).await?;
        if self.mode() == CreateIndices::Upstream {
            self.tune_upstream(&index.name).await?;
        }
        Ok(())
    }

    /// Remembers the replicas that the new index got and eases it, as the official scripts do.
    async fn tune_upstream(&self, name: &str) -> Result<(), MigrationError> {
        let path = index_path(name);
        let doing = || format!("ease the settings of index {name} on the target");
        let found = self
            .target
            .get(&format!("{path}/_settings/index.number_of_replicas?flat_settings=true"))
            .await
            .map_err(|e| MigrationError::elasticsearch(doing(), &e))?;
        let replicas = found[name]["settings"]["index.number_of_replicas"].clone();
        self.remembered
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .insert(name.to_owned(), replicas);
        let eased = json!({"index.refresh_interval": "-1", "index.number_of_replicas": 0, "index.translog.durability": "async"});
        self.target
            .put(&format!("{path}/_settings"), &eased)
            .await
            .map(drop)
            .map_err(|e| MigrationError::elasticsearch(doing(), &e))
    }

    async fn copy_all(&self, full: &[&SourceIndex], before: u64, total: u64) -> Result<(), MigrationError> {
        let parallelism = usize::try_from(self.cx.spec.reindex_parallelism).unwrap_or(usize::MAX);
        self.reporter.progress(before, Some(total), "documents");
        let finished = AtomicU64::new(before);
        let copies = full
            .iter()
            .map(|index| async {
                let moved = self.copy_one(index).await?;
                let now = finished.fetch_add(moved, Ordering::Relaxed) + moved;
                self.reporter.item(&index.name, moved);
                self.reporter.progress(now, Some(total), "documents");
                Ok::<(), MigrationError>(())
            })
            .collect();
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if let Ok(running) = self.running().await {
                    let done = finished.load(Ordering::Relaxed) + running.iter().map(|t| t.done).sum::<u64>();
                    self.reporter.progress(done.min(total), Some(total), "documents");
                }
            }
        };
        tokio::select! {
            copied = bounded(parallelism, copies) => copied.map(drop),
            never = watch => never,
        }
    }

    /// Copies one index; under pressure again with a smaller batch, into an index made anew.
    async fn copy_one(&self, index: &SourceIndex) -> Result<u64, MigrationError> {
        let begun = Instant::now();
        let mut size = batch_size(self.cx.spec.reindex_batch, index.store_bytes, index.documents);
        for attempt in 1..=TRIES {
            let failure =
                match copy(&self.target, &self.cx.source.elasticsearch, &index.name, size, index.documents)
                    .await
                {
                    Ok(moved) => {
                        self.copied.fetch_add(moved, Ordering::Relaxed);
                        let mut slowest =
                            self.slowest.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                        let seconds = begun.elapsed().as_secs_f64();
                        if seconds > slowest.0 {
                            *slowest = (seconds, index.name.clone());
                        }
                        return Ok(moved);
                    }
                    Err(CopyFailure::Other(error)) => return Err(error),
                    Err(CopyFailure::Pressure(words)) => words,
                };
            if attempt == TRIES || size == 1 {
                return Err(MigrationError::migration(
                    format!("copy index {}", index.name),
                    format!("even with {size} documents a batch: {failure}"),
                    "give the clusters more heap, or lower reindex_parallelism",
                ));
            }
            size = (size / 4).max(1);
            self.retries.fetch_add(1, Ordering::Relaxed);
            self.reporter
                .note(&format!("index {}: {failure}; copied anew with {size} documents a batch", index.name));
            self.target.delete(&index_path(&index.name)).await.map_err(|e| {
                MigrationError::elasticsearch(format!("remove the incomplete index {}", index.name), &e)
            })?;
            self.create(index).await?;
        }
        Err(MigrationError::Internal(format!("index {} was tried without an outcome", index.name)))
    }

    /// Gives every index the settings it must have after the copy, many indices with equal ones a request.
    async fn restore_settings(&self, names: &[String]) -> Result<(), MigrationError> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut blocked: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            let Some(definition) = self.definitions.get(name) else { continue };
            let settings = match self.mode() {
                CreateIndices::Complete => Value::Object(definition.plan.restore.clone()),
                CreateIndices::Upstream => json!({
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
        // Blocks last: an index that is read-only takes no other setting.
        for (settings, names) in groups.into_iter().chain(blocked) {
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

    /// An index kept from an earlier attempt has its eased value now; it was made with the default.
    fn remembered_replicas(&self, name: &str) -> Value {
        let remembered = self.remembered.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        remembered.get(name).cloned().unwrap_or_else(|| json!("1"))
    }

    /// Empty indices after the templates, errors passed over, as the official scripts do.
    async fn create_empty_upstream(&self, empty: &[&SourceIndex]) -> Result<(), MigrationError> {
        let made = empty
            .iter()
            .map(|index| async {
                match create::create(&self.target, self.definition(&index.name)?, self.mode(), self.reporter)
                    .await
                {
                    Err(MigrationError::Migration { reason, .. }) => {
                        self.reporter.note(&format!("empty index {} was not made: {reason}", index.name));
                    }
                    other => other?,
                }
                self.reporter.item(&index.name, 0);
                Ok(())
            })
            .collect();
        bounded(CREATE_PARALLELISM, made).await.map(drop)
    }

    /// Aliases with nothing but the write flag where it is set, as the official scripts do.
    async fn aliases_upstream(&self) -> Result<(), MigrationError> {
        for definition in self.definitions.values().filter(|d| self.prefixes.matches(&d.name)) {
            for (alias, body) in definition.aliases.as_object().into_iter().flatten() {
                let mut kept = json!({});
                if body["is_write_index"] == true {
                    kept["is_write_index"] = json!(true);
                }
                let path = format!("{}/_alias/{}", index_path(&definition.name), super::encode(alias));
                if let Err(e) = self.target.put(&path, &kept).await {
                    if e.is_transport() {
                        return Err(MigrationError::elasticsearch(
                            format!("set alias {alias} on the target"),
                            &e,
                        ));
                    }
                    self.reporter
                        .note(&format!("alias {alias} of index {} was not set: {e}", definition.name));
                }
            }
        }
        Ok(())
    }

    /// Copies under way on the target into wanted indices.
    async fn running(&self) -> Result<Vec<Running>, MigrationError> {
        let answer = self
            .target
            .get("/_tasks?actions=*reindex&detailed=true")
            .await
            .map_err(|e| MigrationError::elasticsearch("list the copies under way on the target", &e))?;
        Ok(running_of(&answer, &self.definitions))
    }

    /// Ends copies of an earlier attempt, which the target goes on with when nobody waits for their answer.
    async fn stop_copies(&self) -> Result<(), MigrationError> {
        for task in self.running().await? {
            let path = format!("/_tasks/{}/_cancel?wait_for_completion=true", super::encode(&task.id));
            self.target
                .post_empty(&path)
                .await
                .map_err(|e| MigrationError::elasticsearch("end a copy of an earlier attempt", &e))?;
        }
        Ok(())
    }
}

/// One `_reindex` under way.
struct Running {
    id: String,
    done: u64,
}

fn running_of(answer: &Value, wanted: &BTreeMap<String, Definition>) -> Vec<Running> {
    let mut found = Vec::new();
    for node in answer["nodes"].as_object().into_iter().flatten().map(|(_, n)| n) {
        for (id, task) in node["tasks"].as_object().into_iter().flatten() {
            let description = task["description"].as_str().unwrap_or_default();
            let ours = description
                .rsplit_once(" to [")
                .and_then(|(_, rest)| rest.split(']').next())
                .is_some_and(|index| wanted.contains_key(index));
            if ours {
                let number = |name: &str| task["status"][name].as_u64().unwrap_or(0);
                found.push(Running { id: id.clone(), done: number("created") + number("updated") });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_copies_into_wanted_indices_are_ours() {
        let task = |index: &str| {
            json!({"description": format!("reindex from [host=127.0.0.1 port=9200 query={{}}][a to [b]] to [{index}]"),
                   "status": {"created": 3, "updated": 1}})
        };
        let answer = json!({"nodes": {"n": {"tasks": {"n:1": task("mine_"), "n:2": task("theirs_")}}}});
        let definition = Definition {
            name: "mine_".into(),
            mappings: json!({}),
            aliases: json!({}),
            settings: Map::new(),
            plan: super::super::settings::complete(&Map::new()),
        };
        let found = running_of(&answer, &BTreeMap::from([("mine_".to_owned(), definition)]));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].id.as_str(), found[0].done), ("n:1", 4));
    }
}
