//! The environment of containers: the same stores as the embedded one, from images, through testcontainers.
//!
//! Containers can be replaced, volumes hold the data. A run that died has its containers made anew on its volumes; what
//! nobody takes up again is found by labels and removed by `drydock clean`. Nothing of the library ends containers behind
//! the back of a run: its watchdog would take the stores from under a tear-down at the first Ctrl-C, and nothing inside
//! of a process helps against `kill -9`.

mod beside;
mod engine;
mod found;
mod images;
mod leftovers;
mod marks;
mod product;
mod recipe;
mod starting;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use beside::{Beside, Wish};
pub(crate) use engine::Engine;
pub(crate) use found::Remove;
pub(crate) use images::{Image, Wanted, overridden};
pub(crate) use leftovers::{MARKER_FILE, names_of, orphans, remove_of, remove_orphan};
pub(crate) use marks::Marks;
pub(crate) use product::Product;
pub(crate) use recipe::{inside, java_options, node_settings, start_limit};
pub(crate) use starting::{clients_for, version};
pub(crate) use store::{Endpoint, close_door};

use crate::clients::Clients;
use crate::config::{EmbeddedConfig, Side, Store};
use crate::embedded::{Keep, StoreVersion, absent};
use crate::error::{Progress, Result};
use crate::machine::Machine;
use crate::signals::StoreProcess;
use crate::supervised::StoreSignal;
use crate::taking;
use crate::workdir::{self, WorkDir};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use starting::{Layout, launch};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Running;

/// The running environment. Dropping it without [`Containers::stop`] removes the containers and leaves the volumes, as a
/// crash of the machine would.
#[derive(Debug)]
pub struct Containers {
    stores: Vec<Running>,
    engine: Engine,
    marks: Marks,
    versions: Vec<StoreVersion>,
    clients: Option<Clients>,
    config: EmbeddedConfig,
    work: WorkDir,
}

impl Containers {
    /// Looks for an engine, and starts all asked stores side by side on empty volumes.
    ///
    /// Leftovers of a dead run of the same name are removed first.
    ///
    /// # Errors
    /// Every failure is an [`EnvironmentError`](crate::EnvironmentError); after one nothing is left but logs.
    pub async fn start(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Self> {
        let machine = Machine::from_process();
        config.validate()?;
        let engine = Engine::connect(&machine).await?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let work = taking::new_work(&config, &root).await?;
        let marks = match begin(&work) {
            Ok(marks) => marks,
            Err(error) => {
                work.give_up();
                return Err(error);
            }
        };
        match launch(&config, &machine, engine, (work, marks.clone()), None, &*progress).await {
            Ok(started) => Ok(started),
            Err(failed) => {
                let (error, engine, work) = *failed;
                match engine.remove_run(&marks, Remove::Everything).await {
                    Ok(()) => work.give_up(),
                    // The work directory stays: by it whoever clears up knows that the engine has to be asked again.
                    Err(left) => {
                        tracing::warn!(%left, "containers may be left; `drydock clean` removes them")
                    }
                }
                Err(error)
            }
        }
    }

    /// Takes up the volumes of a run whose process died: removes its containers in good order and makes new ones, on the
    /// same ports where they are free. `None` if volumes are gone or were never all there.
    ///
    /// # Errors
    /// The run still lives, no engine answers, or the stores do not come up; the volumes stay as they are.
    pub async fn reattach(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Option<Self>> {
        let machine = Machine::from_process();
        config.validate()?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let Some(work) = taking::left_work(&config, &root)? else { return Ok(None) };
        let Some(layout) = work.read_json::<Layout>(MARKER_FILE).filter(|l| !l.ports.is_empty()) else {
            return Ok(None);
        };
        let engine = Engine::connect(&machine).await?;
        let marks = Marks::of(&work);
        let found = engine.found(&marks).await?;
        if layout.ports.iter().any(|p| !found.has_volume(&marks.store(p.side, p.store))) {
            return Ok(None);
        }
        work.write_owner(&config.run_dir)?;
        progress.note("ending the containers that the dead run left");
        let store_of =
            |name: &str| layout.ports.iter().find(|p| marks.store(p.side, p.store) == name).map(|p| p.store);
        let mut ending: Vec<_> = found.containers().map(|(name, id)| (store_of(name), id)).collect();
        // What works on a store before the store.
        ending.sort_by_key(|(store, _)| store.is_some());
        for (store, id) in ending {
            // Frozen ones hear nothing else.
            engine.unpause(id).await?;
            engine.end(id, store).await?;
        }
        engine.remove_run(&marks, Remove::AllButVolumes).await?;
        launch(&config, &machine, engine, (work, marks), Some(layout), &*progress)
            .await
            .map(Some)
            .map_err(|f| f.0)
    }

    /// Both stores of one side; `None` if the configuration left one out.
    pub fn pair(&self, side: Side) -> Option<StorePair> {
        Some(StorePair { postgres: self.postgres(side)?, elasticsearch: self.elasticsearch(side)? })
    }

    /// The PostgreSQL of one side, with its superuser.
    pub fn postgres(&self, side: Side) -> Option<PostgresEndpoint> {
        self.store(side, Store::Postgres).and_then(Running::postgres)
    }

    /// The Elasticsearch of one side, with the address under which that of the other side reaches it.
    pub fn elasticsearch(&self, side: Side) -> Option<ElasticsearchEndpoint> {
        self.store(side, Store::Elasticsearch).and_then(Running::elasticsearch)
    }

    /// Version, image and peculiarities of every store.
    pub fn versions(&self) -> &[StoreVersion] {
        &self.versions
    }

    /// Directory with `pg_dump`, `pg_restore` and `psql` of this machine, at least as new as the source.
    pub fn postgres_clients(&self) -> Option<&Path> {
        self.clients.as_ref().map(|c| c.directory.as_path())
    }

    pub(crate) fn work(&self) -> &WorkDir {
        &self.work
    }

    /// The work directory, for dumps and other intermediate files.
    pub fn work_dir(&self) -> &Path {
        self.work.path()
    }

    /// Where both clusters find the volume that they may keep snapshots in.
    pub fn snapshot_folder(&self) -> PathBuf {
        recipe::SNAPSHOTS.into()
    }

    /// Removes every snapshot, as by hand.
    ///
    /// # Errors
    /// No Elasticsearch runs to do it.
    pub async fn remove_snapshots(&self) -> Result<()> {
        let mounted = self.stores.iter().filter(|s| s.store == Store::Elasticsearch).find_map(Running::id);
        let Some(id) = mounted else { return Err(absent(Side::Source, Store::Elasticsearch)) };
        self.engine.empty_folder(id, recipe::SNAPSHOTS).await
    }

    /// Bytes that the disk of all volumes has left; `None` where the engine keeps them out of sight.
    pub fn free_bytes(&self) -> Option<u64> {
        Machine::from_process().disk_available(self.engine.folder.as_deref()?)
    }

    /// Whether a store's container runs. False for a store that the configuration left out.
    ///
    /// # Errors
    /// The engine does not tell.
    pub async fn is_running(&self, side: Side, store: Store) -> Result<bool> {
        match self.store(side, store).and_then(Running::id) {
            Some(id) => self.engine.is_running(id).await,
            None => Ok(false),
        }
    }

    /// Whether a store's volume is there, whether the store runs or not.
    pub fn has_data(&self, side: Side, store: Store) -> bool {
        self.store(side, store).is_some_and(Running::has_data)
    }

    /// Removes container and volume of a store that has ended.
    ///
    /// # Errors
    /// The store runs, or the engine refuses.
    pub async fn remove_data(&mut self, side: Side, store: Store) -> Result<()> {
        if self.is_running(side, store).await? {
            return Err(taking::still_runs("volume", side, store));
        }
        let volume = self.marks.store(side, store);
        if let Some(running) = self.store_mut(side, store) {
            running.remove_container().await?;
        }
        self.engine.remove_volume(&volume).await
    }

    /// A store, to be killed while somebody else holds the environment.
    pub fn process(&self, side: Side, store: Store) -> Option<StoreProcess> {
        let id = self.store(side, store)?.id()?;
        Some(StoreProcess::container(self.engine.clone(), id.to_owned()))
    }

    /// Sends a signal to a store, to plant a fault: the container is paused, goes on, or its first process gets the signal.
    ///
    /// # Errors
    /// The environment has no such store, or the engine refuses.
    pub async fn signal(&self, side: Side, store: Store, signal: StoreSignal) -> Result<()> {
        let running = self.store(side, store).ok_or_else(|| absent(side, store))?;
        running.signal(&self.engine, signal).await
    }

    /// Ends a store if it runs, and starts it again on the same volume and port.
    ///
    /// # Errors
    /// The environment has no such store, or it does not come up.
    pub async fn restart(&mut self, side: Side, store: Store) -> Result<()> {
        let (engine, network) = (self.engine.clone(), self.marks.network());
        let running = self.store_mut(side, store).ok_or_else(|| absent(side, store))?;
        running.restart(&engine, &network).await
    }

    /// Ends all stores, in good order where their data are kept, and removes what is not kept.
    ///
    /// # Errors
    /// The engine refuses to remove something.
    pub async fn stop(self, keep: Keep) -> Result<()> {
        let Self { mut stores, engine, marks, work, .. } = self;
        match keep {
            Keep::Running => stores.into_iter().for_each(Running::leave),
            Keep::Data => {
                let mut ending = tokio::task::JoinSet::new();
                for running in &stores {
                    if let Some(id) = running.id().map(ToOwned::to_owned) {
                        let (engine, store) = (engine.clone(), running.store);
                        ending.spawn(async move { engine.end(&id, Some(store)).await });
                    }
                }
                let ended: Result<Vec<()>> = ending.join_all().await.into_iter().collect();
                if let Err(error) = ended {
                    // Dropped, they would be ended by force.
                    stores.into_iter().for_each(Running::leave);
                    return Err(error);
                }
                store::finish(&mut stores).await;
                stores.into_iter().for_each(Running::leave);
                engine.remove_run(&marks, Remove::AllButVolumes).await?;
            }
            Keep::Nothing => {
                // Removed by force: nobody reads the data again.
                engine.remove_run(&marks, Remove::Everything).await?;
                store::finish(&mut stores).await;
                stores.into_iter().for_each(Running::leave);
                work.remove()?;
            }
        }
        Ok(())
    }

    fn store(&self, side: Side, store: Store) -> Option<&Running> {
        self.stores.iter().find(|s| s.side == side && s.store == store)
    }

    fn store_mut(&mut self, side: Side, store: Store) -> Option<&mut Running> {
        self.stores.iter_mut().find(|s| s.side == side && s.store == store)
    }
}

/// Chooses the marks of a new run, and notes them before there is anything to find: whoever clears up knows by them that the
/// engine has to be asked, and for what.
fn begin(work: &WorkDir) -> Result<Marks> {
    let marks = Marks::choose(work)?;
    work.write_json(MARKER_FILE, &Layout { ports: Vec::new(), marks: marks.clone() })?;
    Ok(marks)
}
