//! The copy of all indices: made, filled, and given back their settings; then templates and aliases.

use super::create::{self, Definition, definitions};
use super::inventory::{self, Inventory, SourceIndex, State, largest_first};
use super::marks::{self, Ledger};
use super::stream::{Part, Stream};
use super::{Prefixes, bounded, chunks, dump, objects, templates};
use crate::context::{Attempt, Facts, MigrationContext, Reporter, patient_client};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_core::scenario::{CreateIndices, Delta, Mover};
use drydock_stores::elasticsearch::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Indices made at the same time.
pub(super) const CREATE_PARALLELISM: usize = 8;

/// Whether somebody writes to the source meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// Nobody: what is counted is what must arrive.
    Cold,
    /// Users do: indices grow, come and go. What is copied keeps its version, and where it came from is noted for the delta.
    Warm,
}

/// Everything one copy works on.
pub(super) struct Work<'a> {
    pub(super) cx: &'a MigrationContext,
    pub(super) reporter: &'a dyn Reporter,
    pub(super) source: Client,
    pub(super) target: Client,
    /// The target again, for requests that stay unanswered for long.
    pub(super) patient: Client,
    pub(super) prefixes: Prefixes,
    pub(super) pass: Pass,
    pub(super) stream: Arc<Stream>,
    pub(super) definitions: BTreeMap<String, Definition>,
    /// Replicas to give back in the official scripts' way: those the target gave a new index.
    pub(super) remembered: Mutex<BTreeMap<String, Value>>,
    pub(super) copied: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) slowest: Mutex<(f64, String)>,
    /// Parts that an earlier attempt has copied, by index.
    pub(super) parts: Mutex<BTreeMap<String, BTreeSet<Part>>>,
}

/// Copies every index of the source that has one of the prefixes. Indices in `done` are kept as an earlier attempt left
/// them; others that an earlier attempt began are removed and copied anew.
pub(crate) async fn copy_indices(
    cx: &MigrationContext,
    pass: Pass,
    done: &BTreeSet<String>,
    attempt: Attempt,
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let begun = Instant::now();
    let (mut work, inventory) = Work::of(cx, pass, reporter).await?;
    if cx.spec.mover == Mover::Dump {
        work.definitions = dump::definitions(cx, &inventory)?;
    }
    let copied = async {
        match cx.spec.mover {
            Mover::Snapshot => work.restore_snapshot(&inventory, attempt).await,
            _ => work.run(&inventory, done, attempt).await,
        }
    };
    work.to_the_end(begun, attempt, copied).await
}

impl<'a> Work<'a> {
    /// Lists the source and reads its definitions.
    pub(super) async fn of(
        cx: &'a MigrationContext,
        pass: Pass,
        reporter: &'a dyn Reporter,
    ) -> Result<(Self, Inventory), MigrationError> {
        let prefixes = Prefixes::new(&cx.spec.index_prefixes);
        let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
        let inventory = match (pass, Inventory::take(&source, &prefixes).await) {
            // An index that goes between being listed and being counted is no failure while users work.
            (Pass::Warm, Err(_)) => Inventory::take(&source, &prefixes).await?,
            (_, inventory) => inventory?,
        };
        let definitions = definitions(&source, &prefixes.pattern()).await?;
        let stream = Stream::new(&source, &target, cx.spec.reindex_parallelism).await;
        let work = Self {
            cx,
            reporter,
            source,
            target,
            patient: patient_client(&cx.target)?,
            prefixes,
            pass,
            stream,
            definitions,
            remembered: Mutex::new(BTreeMap::new()),
            copied: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            slowest: Mutex::new((0.0, String::new())),
            parts: Mutex::default(),
        };
        Ok((work, inventory))
    }

    /// Waits for the work, or for the user to interrupt it; leaves nothing eased and nothing running in either case.
    pub(super) async fn to_the_end(
        &self,
        begun: Instant,
        attempt: Attempt,
        work: impl Future<Output = Result<Facts, MigrationError>>,
    ) -> Result<Facts, MigrationError> {
        if attempt == Attempt::Again {
            // Whoever made the attempt before was killed, perhaps with requests on their way.
            self.stream.note_unanswered();
        }
        let outcome = self.cx.cancel.run_until_cancelled(work).await;
        let mut facts = match outcome {
            Some(Ok(facts)) => facts,
            failed => {
                // What the target still copies must not run into a later attempt, and what was eased must not stay so.
                // Both are attempts: the first error is the one to tell.
                let tidy = async {
                    let _ = self.stop_copies().await;
                    let _ = self.restore_settings(&self.present().await.unwrap_or_default()).await;
                };
                let _ = tokio::time::timeout(Duration::from_secs(20), tidy).await;
                return match failed {
                    Some(error) => error,
                    None => Err(MigrationError::Interrupted),
                };
            }
        };
        self.let_late_copies_pass().await?;
        let seconds = begun.elapsed().as_secs_f64();
        let copied = self.copied.load(Ordering::Relaxed);
        facts.insert("seconds".into(), json!(crate::postgres::round(seconds)));
        facts.insert("documents_copied".into(), json!(copied));
        // A rate for people; the loss of precision is theirs to bear.
        facts.insert("documents_per_second".into(), json!((copied as f64 / seconds.max(0.001)).round()));
        facts.insert("retries".into(), json!(self.retries.load(Ordering::Relaxed)));
        if self.stream.used() {
            facts.extend(self.stream.facts(seconds));
        }
        let slowest = self.slowest.lock().unwrap_or_else(PoisonError::into_inner).clone();
        facts.insert(
            "slowest".into(),
            json!({"index": slowest.1, "seconds": crate::postgres::round(slowest.0)}),
        );
        Ok(facts)
    }

    pub(super) fn mode(&self) -> CreateIndices {
        self.cx.spec.create_indices
    }

    async fn run(
        &self,
        inventory: &Inventory,
        done: &BTreeSet<String>,
        attempt: Attempt,
    ) -> Result<Facts, MigrationError> {
        let not_copied = self.tell_closed(inventory);
        let ledger = match self.pass {
            Pass::Cold => None,
            Pass::Warm => Some(Ledger::open(&self.cx.run_dir)?),
        };
        let kept = self.make_room(inventory, done, attempt).await?;
        let open: Vec<&SourceIndex> =
            inventory.indices.iter().filter(|i| i.state == State::Open && !kept.contains(&i.name)).collect();
        let (full, empty) = largest_first(open);
        // Those that an earlier attempt made and did not finish are there.
        let begun: BTreeSet<String> = self.parts().keys().cloned().collect();
        let total = inventory.documents();
        let before: u64 =
            inventory.indices.iter().filter(|i| kept.contains(&i.name)).map(|i| i.documents).sum();

        // The order of the official scripts: indices with documents, copy, templates, empty indices, aliases. Made
        // completely, an empty index must not meet the templates either, which could give it what the source's lacks.
        let mut first: Vec<&SourceIndex> = full.clone();
        if self.mode() != CreateIndices::Upstream {
            first.extend(&empty);
        }
        if self.pass == Pass::Cold {
            let new = first.iter().filter(|i| !begun.contains(&i.name));
            bounded(CREATE_PARALLELISM, new.map(|i| self.create(i)).collect()).await?;
            if self.mode() != CreateIndices::Upstream {
                for index in &empty {
                    self.reporter.item(&index.name, 0);
                }
            }
            self.copy_all(&full, before, total, None).await?;
        } else {
            // An index that is empty now may not be so when it is its turn.
            self.copy_all(&first, before, total, ledger.as_ref()).await?;
        }
        self.restore_settings(&self.present().await?).await?;
        // What is on the target now is synced: what a crash has taken before is seen, and none takes anything after.
        let counted = matches!(self.cx.spec.mover, Mover::Stream | Mover::Reindex);
        if self.pass == Pass::Cold && counted && !Without::CountComparison.is_gone() {
            self.copy_again_what_is_short(inventory).await?;
        }

        let nothing_to_copy = full.is_empty() && kept.is_empty();
        let mut facts = if self.pass == Pass::Warm && self.cx.spec.delta() == Delta::Exact {
            // They would shape the indices that the delta still has to make.
            Facts::new()
        } else if self.mode() == CreateIndices::Upstream && nothing_to_copy {
            self.reporter.note("no index of the source holds a document; the official scripts end here, without templates and aliases");
            Facts::new()
        } else {
            self.carry_the_rest(inventory, &empty).await?
        };
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

    /// Templates, and beside them whatever the way of creating indices calls for.
    pub(super) async fn carry_the_rest(
        &self,
        inventory: &Inventory,
        empty: &[&SourceIndex],
    ) -> Result<Facts, MigrationError> {
        if self.mode() == CreateIndices::Bare {
            self.reporter.note("aliases, templates, pipelines, scripts and policies were left behind, as this way does by itself");
            return Ok(Facts::new());
        }
        let names: Vec<String> = inventory.indices.iter().map(|i| i.name.clone()).collect();
        let mut facts =
            templates::carry(&self.source, &self.target, &self.prefixes, self.mode(), &names, self.reporter)
                .await?;
        match self.mode() {
            CreateIndices::Bare => {}
            CreateIndices::Complete => {
                facts.extend(objects::carry(&self.source, &self.target, self.reporter).await?);
            }
            CreateIndices::Upstream => {
                self.create_empty_upstream(empty).await?;
                self.aliases_upstream().await?;
            }
        }
        Ok(facts)
    }

    /// Tells which indices cannot be read, and returns their names.
    pub(super) fn tell_closed(&self, inventory: &Inventory) -> Vec<String> {
        let closed: Vec<String> = inventory.closed().into_iter().map(ToOwned::to_owned).collect();
        for name in &closed {
            self.reporter.note(&format!(
                "index {name} is closed on the source, so it cannot be read and was not copied; open it there, or list it as expected"
            ));
        }
        closed
    }

    /// The first time, nothing may be there. Again, what is not finished is removed, and what is finished is kept if it is
    /// still there. Returns the names of indices kept.
    pub(super) async fn make_room(
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
        let marked = match self.pass {
            Pass::Cold => None,
            // Without its mark an index would be copied a second time by the delta.
            Pass::Warm => Some(marks::recall(&self.cx.run_dir)?),
        };
        let wanted: BTreeSet<&str> = inventory.indices.iter().map(|i| i.name.as_str()).collect();
        let (kept, mut begun): (Vec<String>, Vec<String>) = there.into_iter().partition(|n| {
            let marked = marked.as_ref().is_none_or(|marks| marks.contains_key(n));
            done.contains(n) && wanted.contains(n.as_str()) && marked
        });
        if self.pass == Pass::Cold && self.cx.spec.mover == Mover::Stream {
            self.recall_parts(done, &wanted, &mut begun);
        }
        self.remove(&begun).await?;
        Ok(kept.into_iter().collect())
    }

    /// Removes indices of the target that this migration made.
    pub(super) async fn remove(&self, names: &[String]) -> Result<(), MigrationError> {
        for names in chunks(names) {
            self.target.delete(&format!("/{names}?ignore_unavailable=true")).await.map_err(|e| {
                MigrationError::elasticsearch("remove indices that an earlier copy left on the target", &e)
            })?;
        }
        Ok(())
    }

    /// Names of wanted indices on the target.
    pub(super) async fn present(&self) -> Result<Vec<String>, MigrationError> {
        Ok(inventory::names(&self.target, &self.prefixes).await?.into_iter().map(|i| i.name).collect())
    }

    pub(super) fn definition(&self, name: &str) -> Result<&Definition, MigrationError> {
        self.definitions.get(name).ok_or_else(|| {
            MigrationError::migration(
                format!("read the definition of index {name} on the source"),
                "it was deleted meanwhile",
                "see that nothing writes to the source, then resume the run",
            )
        })
    }

    pub(super) async fn create(&self, index: &SourceIndex) -> Result<(), MigrationError> {
        if self.made_by_tool(&index.name).await? {
            return Ok(());
        }
        let definition = self.definition(&index.name)?;
        create::create(&self.target, definition, self.mode(), self.reporter).await?;
        if self.mode() == CreateIndices::Upstream {
            self.tune_upstream(&index.name).await?;
        }
        Ok(())
    }

    /// Fills indices, some at a time. With a ledger they are made first, each when it is its turn, and noted in it.
    pub(super) async fn copy_all(
        &self,
        full: &[&SourceIndex],
        before: u64,
        total: u64,
        ledger: Option<&Ledger>,
    ) -> Result<(), MigrationError> {
        let parallelism = usize::try_from(self.cx.spec.reindex_parallelism).unwrap_or(usize::MAX);
        self.reporter.progress(before, Some(total), "documents");
        let finished = AtomicU64::new(before);
        let (copied, to_sync) = mpsc::unbounded_channel();
        let copies = full
            .iter()
            .map(|index| async {
                let moved = match ledger {
                    None => Some(self.copy_one(index).await?),
                    Some(ledger) => self.copy_warm(index, ledger).await?,
                };
                let Some(moved) = moved else { return Ok(()) };
                // Nobody is there to take it only when all of this is over.
                let _ = copied.send((index.name.clone(), moved));
                let now = finished.fetch_add(moved, Ordering::Relaxed) + moved;
                self.reporter.item(&index.name, moved);
                self.reporter.progress(now.min(total), Some(total), "documents");
                Ok::<(), MigrationError>(())
            })
            .collect();
        let watch = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let done = match self.cx.spec.mover {
                    Mover::Stream | Mover::Dump | Mover::Snapshot => {
                        before + self.stream.counters.documents.load(Ordering::Relaxed)
                    }
                    Mover::Reindex | Mover::ReindexByHand => match self.running().await {
                        Ok(running) => {
                            finished.load(Ordering::Relaxed) + running.iter().map(|t| t.done).sum::<u64>()
                        }
                        Err(_) => continue,
                    },
                };
                self.reporter.progress(done.min(total), Some(total), "documents");
            }
        };
        // In this order, so that the same schedule always goes the same way.
        tokio::select! {
            biased;
            copied = bounded(parallelism, copies) => copied.map(drop),
            never = watch => never,
            never = self.sync_behind(to_sync) => match never {},
        }
    }
}
