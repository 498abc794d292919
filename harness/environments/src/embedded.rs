//! The embedded environment: up to four stores as local processes, owned by one value.

mod starting;

use crate::clean::{self, Manner};
use crate::clients::Clients;
use crate::config::{EmbeddedConfig, Side, Store};
use crate::doctor::fixed_ports;
use crate::elasticsearch::{self, ElasticsearchRecipe};
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::Obtained;
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::postgres::{self, PostgresRecipe};
use crate::server::Server;
use crate::supervised::StoreSignal;
use crate::taking;
use crate::workdir::{self, WorkDir};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use serde::{Deserialize, Serialize};
use starting::{LAYOUT_FILE, Layout, launch, prepare};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What stays when an environment stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing but the logs in the run folder.
    Nothing,
    /// The data, until [`Embedded::reattach`] takes them up or [`crate::clean`] removes them.
    Data,
    /// The running stores with their data; [`crate::clean`] ends and removes them.
    Running,
}

/// What a report says about one store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StoreVersion {
    /// Its side.
    pub side: Side,
    /// Its kind.
    pub store: Store,
    /// Version as the store tells it.
    pub version: String,
    /// Installation it runs from.
    pub home: PathBuf,
    /// How that was obtained.
    pub obtained: Obtained,
    /// Settings that a production system would not have.
    pub deviations: String,
    /// From the start of its process to its first answer.
    pub start_time: Duration,
}

/// The running environment. Dropping it without [`Embedded::stop`] kills the stores and leaves the data, as a crash
/// would.
#[derive(Debug)]
pub struct Embedded {
    // Before `work`: the processes end before the lock on their data goes.
    postgres: BTreeMap<Side, Server<PostgresRecipe>>,
    elasticsearch: BTreeMap<Side, Server<ElasticsearchRecipe>>,
    versions: Vec<StoreVersion>,
    clients: Option<Clients>,
    work: WorkDir,
}

impl Embedded {
    /// Checks the machine, fetches what is missing, and starts all asked stores side by side on empty data.
    ///
    /// Leftovers of a dead run of the same name are removed first. Dropping the future ends what it started.
    ///
    /// # Errors
    /// Every failure is an [`EnvironmentError`]; nothing is left running or on disk but logs and the cache.
    pub async fn start(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Self> {
        Self::start_on(config, &Machine::from_process(), progress).await
    }

    /// As [`Embedded::start`], on a described machine.
    ///
    /// # Errors
    /// As [`Embedded::start`].
    pub async fn start_on(
        config: EmbeddedConfig,
        machine: &Machine,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        config.validate()?;
        let root = workdir::root(config.work_root.as_deref(), machine);
        for (side, store, port) in fixed_ports(&config) {
            HeldPort::take(PortChoice::Fixed(port), side, store)?;
        }
        let ground = prepare(&config, machine, &root, &*progress).await?;
        let work = taking::new_work(&config, &root).await?;
        // Removed with the half-made environment if this future is dropped or fails.
        let mut unfinished = Unfinished { path: Some(work.path().to_owned()) };
        ground.user.can_reach(&work.path().join("processes"))?;
        let started = launch(&config, ground, work, None, &*progress).await?;
        unfinished.path = None;
        Ok(started)
    }

    /// Takes up the data of a run whose process died: ends its leftover processes in good order and starts the stores
    /// again on the same data, on the same ports where they are free. `None` if the data are gone or were never
    /// complete.
    ///
    /// # Errors
    /// The run still lives, or the stores do not come up; the data stay as they are.
    pub async fn reattach(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Option<Self>> {
        Self::reattach_on(config, &Machine::from_process(), progress).await
    }

    /// As [`Embedded::reattach`], on a described machine.
    ///
    /// # Errors
    /// As [`Embedded::reattach`].
    pub async fn reattach_on(
        config: EmbeddedConfig,
        machine: &Machine,
        progress: Arc<dyn Progress>,
    ) -> Result<Option<Self>> {
        config.validate()?;
        let root = workdir::root(config.work_root.as_deref(), machine);
        let Some(work) = taking::left_work(&config, &root)? else { return Ok(None) };
        let Some(layout) = work.read_json::<Layout>(LAYOUT_FILE) else { return Ok(None) };
        let complete = config.sides().iter().all(|(side, c)| {
            (!c.postgres || postgres::has_data(&work, *side))
                && (!c.elasticsearch || elasticsearch::has_data(&work, *side))
        });
        if !complete {
            return Ok(None);
        }
        work.write_owner(&config.run_dir)?;
        progress.note("ending what the dead run left running");
        let work = blocking(move || clean::end_processes(&work, Manner::Orderly).map(|()| work)).await?;
        let ground = prepare(&config, machine, &root, &*progress).await?;
        launch(&config, ground, work, Some(layout), &*progress).await.map(Some)
    }

    /// Both stores of the source; `None` if the configuration left one out.
    pub fn source(&self) -> Option<StorePair> {
        self.pair(Side::Source)
    }

    /// Both stores of the target; `None` if the configuration left one out.
    pub fn target(&self) -> Option<StorePair> {
        self.pair(Side::Target)
    }

    /// Both stores of one side; `None` if the configuration left one out.
    pub fn pair(&self, side: Side) -> Option<StorePair> {
        Some(StorePair { postgres: self.postgres(side)?, elasticsearch: self.elasticsearch(side)? })
    }

    /// The PostgreSQL of one side, with its superuser.
    pub fn postgres(&self, side: Side) -> Option<PostgresEndpoint> {
        self.postgres.get(&side).map(|s| s.recipe().endpoint(s.port()))
    }

    /// The Elasticsearch of one side.
    pub fn elasticsearch(&self, side: Side) -> Option<ElasticsearchEndpoint> {
        self.elasticsearch.get(&side).map(|s| s.recipe().endpoint(s.port()))
    }

    /// Version, origin and peculiarities of every store.
    pub fn versions(&self) -> &[StoreVersion] {
        &self.versions
    }

    /// Directory with `pg_dump`, `pg_restore` and `psql`, at least as new as the source; `None` without PostgreSQL.
    pub fn postgres_clients(&self) -> Option<&Path> {
        self.clients.as_ref().map(|c| c.directory.as_path())
    }

    /// Major version of the client programs.
    pub fn postgres_clients_major(&self) -> Option<u16> {
        self.clients.as_ref().map(|c| c.major)
    }

    pub(crate) fn work(&self) -> &WorkDir {
        &self.work
    }

    /// The work directory, for dumps and other intermediate files. The stores' user may enter it, but not write.
    pub fn work_dir(&self) -> &Path {
        self.work.path()
    }

    /// A folder that the clusters of both sides may keep snapshots in. It goes with the work directory.
    pub fn snapshot_folder(&self) -> PathBuf {
        elasticsearch::repository(self.work.path())
    }

    /// Removes what lies in the folder of snapshots.
    ///
    /// # Errors
    /// A file cannot be removed.
    pub fn remove_snapshots(&self) -> Result<()> {
        let folder = self.snapshot_folder();
        for path in std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|e| e.path()) {
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.map_err(|e| EnvironmentError::io("remove", &path, &e))?;
        }
        Ok(())
    }

    /// Bytes that the disk of all stores has left; `None` where the system does not tell.
    pub fn free_bytes(&self) -> Option<u64> {
        Machine::from_process().disk_available(self.work.path())
    }

    /// Whether a store's process runs. False for a store that the configuration left out.
    pub fn is_running(&mut self, side: Side, store: Store) -> bool {
        match store {
            Store::Postgres => self.postgres.get_mut(&side).is_some_and(Server::is_running),
            Store::Elasticsearch => self.elasticsearch.get_mut(&side).is_some_and(Server::is_running),
        }
    }

    /// Whether a store's data are on the disk, whether it runs or not.
    pub fn has_data(&self, side: Side, store: Store) -> bool {
        match store {
            Store::Postgres => postgres::has_data(&self.work, side),
            Store::Elasticsearch => elasticsearch::has_data(&self.work, side),
        }
    }

    /// Removes the data of a store that has ended, as removing its volume does.
    ///
    /// # Errors
    /// The store runs, or its data cannot be removed.
    pub async fn remove_data(&mut self, side: Side, store: Store) -> Result<()> {
        if self.is_running(side, store) {
            return Err(taking::still_runs("data", side, store));
        }
        let data = self.work.path().join(format!("{side}-{store}")).join("data");
        blocking(move || match std::fs::remove_dir_all(&data) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(EnvironmentError::io("remove", &data, &e))
            }
            _ => Ok(()),
        })
        .await
    }

    /// The process that leads a store's group.
    pub(crate) fn leader(&self, side: Side, store: Store) -> Option<u32> {
        match store {
            Store::Postgres => self.postgres.get(&side)?.leader(),
            Store::Elasticsearch => self.elasticsearch.get(&side)?.leader(),
        }
    }

    /// Sends a signal to a store, to plant a fault.
    ///
    /// # Errors
    /// The environment has no such store.
    pub fn signal(&self, side: Side, store: Store, signal: StoreSignal) -> Result<()> {
        let sent = match store {
            Store::Postgres => self.postgres.get(&side).map(|s| s.signal(signal)),
            Store::Elasticsearch => self.elasticsearch.get(&side).map(|s| s.signal(signal)),
        };
        sent.ok_or_else(|| absent(side, store))
    }

    /// Ends a store if it runs, and starts it again on the same data and port.
    ///
    /// # Errors
    /// The environment has no such store, its port was taken meanwhile, or it does not come up.
    pub async fn restart(&mut self, side: Side, store: Store) -> Result<()> {
        match store {
            Store::Postgres => {
                let server = self.postgres.get_mut(&side).ok_or_else(|| absent(side, store))?;
                server.restart(&self.work).await
            }
            Store::Elasticsearch => {
                let server = self.elasticsearch.get_mut(&side).ok_or_else(|| absent(side, store))?;
                server.restart(&self.work).await
            }
        }
    }

    /// Ends all stores in good order, by force where that takes too long, and removes what is not kept.
    ///
    /// # Errors
    /// A process does not end, or the data cannot be removed. All others are still seen to.
    pub async fn stop(mut self, keep: Keep) -> Result<()> {
        if keep == Keep::Running {
            std::mem::take(&mut self.postgres).into_values().for_each(Server::detach);
            std::mem::take(&mut self.elasticsearch).into_values().for_each(Server::detach);
            return Ok(());
        }
        if keep == Keep::Nothing {
            // Nobody reads the data again, so Elasticsearch need not write it out: an orderly end takes seconds.
            self.elasticsearch.values().for_each(|server| server.signal(StoreSignal::Kill));
        }
        let mut postgres = self.postgres.values_mut();
        let mut elasticsearch = self.elasticsearch.values_mut();
        let results = tokio::join!(
            end(postgres.next()),
            end(postgres.next()),
            end(elasticsearch.next()),
            end(elasticsearch.next())
        );
        let ended = results.0.and(results.1).and(results.2).and(results.3);
        if keep == Keep::Data || ended.is_err() {
            return ended;
        }
        let work = self.work;
        blocking(move || work.remove()).await
    }
}

async fn end<R: crate::server::Recipe>(server: Option<&mut Server<R>>) -> Result<()> {
    match server {
        Some(server) => server.terminate().await,
        None => Ok(()),
    }
}

/// Removes the work directory of an environment that never came up.
struct Unfinished {
    path: Option<PathBuf>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = std::fs::remove_dir_all(path)
        {
            tracing::warn!(path = %path.display(), %error, "a work directory stays; `drydock clean` removes it");
        }
    }
}

/// Does blocking work beside the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|e| {
        EnvironmentError::new(
            EnvironmentProblem::Io,
            format!("a background step broke off: {e}"),
            "run again",
        )
    })?
}

pub(crate) fn absent(side: Side, store: Store) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!("this environment has no {side} {store}"),
        "ask for it in the configuration of the environment",
    )
}
