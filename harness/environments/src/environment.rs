//! Where the stores of a run are: one closed list, so that whoever uses them need not care.

use crate::config::{EmbeddedConfig, Side, Store};
use crate::containers::Containers;
use crate::embedded::{Embedded, Keep, StoreVersion};
use crate::error::{Progress, Result};
use crate::kind::{Answer, Applications, ClusterFaults, Kind, OperatorState, ReleaseState, Resting};
use crate::signals::StoreProcess;
use crate::supervised::StoreSignal;
use crate::workdir::WorkDir;
use drydock_core::scenario::EnvironmentName;
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The running stores of a run. What each method does is told at [`Embedded`], [`Containers`] and [`Kind`].
#[derive(Debug)]
pub enum Environment {
    /// As local processes.
    Embedded(Box<Embedded>),
    /// As containers of a local engine.
    Containers(Box<Containers>),
    /// As pods of a cluster made for the run, or of somebody else's.
    Kind(Box<Kind>),
}

impl From<Embedded> for Environment {
    fn from(embedded: Embedded) -> Self {
        Self::Embedded(Box::new(embedded))
    }
}

impl From<Containers> for Environment {
    fn from(containers: Containers) -> Self {
        Self::Containers(Box::new(containers))
    }
}

impl From<Kind> for Environment {
    fn from(kind: Kind) -> Self {
        Self::Kind(Box::new(kind))
    }
}

impl Environment {
    /// Starts all asked stores on empty data.
    ///
    /// # Errors
    /// As [`Embedded::start`], [`Containers::start`], [`Kind::start`] and [`Kind::start_in_context`].
    pub async fn start(
        name: EnvironmentName,
        config: EmbeddedConfig,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        Ok(match name {
            EnvironmentName::Embedded => Embedded::start(config, progress).await?.into(),
            EnvironmentName::Containers => Containers::start(config, progress).await?.into(),
            // On the heap: what a cluster takes is much, and threads have small stacks.
            EnvironmentName::Kind => Box::pin(Kind::start(config, progress)).await?.into(),
            EnvironmentName::Context(context) => {
                Box::pin(Kind::start_in_context(&context, config, progress)).await?.into()
            }
        })
    }

    /// Takes up the data of a run whose process died; `None` if they are gone or were never complete.
    ///
    /// # Errors
    /// As [`Embedded::reattach`], [`Containers::reattach`], [`Kind::reattach`] and [`Kind::reattach_in_context`].
    pub async fn reattach(
        name: EnvironmentName,
        config: EmbeddedConfig,
        progress: Arc<dyn Progress>,
    ) -> Result<Option<Self>> {
        Ok(match name {
            EnvironmentName::Embedded => Embedded::reattach(config, progress).await?.map(Into::into),
            EnvironmentName::Containers => Containers::reattach(config, progress).await?.map(Into::into),
            EnvironmentName::Kind => Box::pin(Kind::reattach(config, progress)).await?.map(Into::into),
            EnvironmentName::Context(_) => {
                Box::pin(Kind::reattach_in_context(config, progress)).await?.map(Into::into)
            }
        })
    }

    /// What ties the run's data and processes together.
    pub(crate) fn work(&self) -> &WorkDir {
        match self {
            Self::Embedded(e) => e.work(),
            Self::Containers(c) => c.work(),
            Self::Kind(k) => k.work(),
        }
    }

    /// Both stores of one side; `None` if the configuration left one out.
    pub fn pair(&self, side: Side) -> Option<StorePair> {
        match self {
            Self::Embedded(e) => e.pair(side),
            Self::Containers(c) => c.pair(side),
            Self::Kind(k) => k.pair(side),
        }
    }

    /// The PostgreSQL of one side, with its superuser.
    pub fn postgres(&self, side: Side) -> Option<PostgresEndpoint> {
        match self {
            Self::Embedded(e) => e.postgres(side),
            Self::Containers(c) => c.postgres(side),
            Self::Kind(k) => k.postgres(side),
        }
    }

    /// The Elasticsearch of one side.
    pub fn elasticsearch(&self, side: Side) -> Option<ElasticsearchEndpoint> {
        match self {
            Self::Embedded(e) => e.elasticsearch(side),
            Self::Containers(c) => c.elasticsearch(side),
            Self::Kind(k) => k.elasticsearch(side),
        }
    }

    /// Version, origin and peculiarities of every store.
    pub fn versions(&self) -> &[StoreVersion] {
        match self {
            Self::Embedded(e) => e.versions(),
            Self::Containers(c) => c.versions(),
            Self::Kind(k) => k.versions(),
        }
    }

    /// Directory with `pg_dump`, `pg_restore` and `psql`; `None` without PostgreSQL.
    pub fn postgres_clients(&self) -> Option<&Path> {
        match self {
            Self::Embedded(e) => e.postgres_clients(),
            Self::Containers(c) => c.postgres_clients(),
            Self::Kind(k) => k.postgres_clients(),
        }
    }

    /// The work directory, for dumps and other intermediate files.
    pub fn work_dir(&self) -> &Path {
        match self {
            Self::Embedded(e) => e.work_dir(),
            Self::Containers(c) => c.work_dir(),
            Self::Kind(k) => k.work_dir(),
        }
    }

    /// Where the clusters of both sides may keep snapshots, as they see it.
    pub fn snapshot_folder(&self) -> PathBuf {
        match self {
            Self::Embedded(e) => e.snapshot_folder(),
            Self::Containers(c) => c.snapshot_folder(),
            Self::Kind(k) => k.snapshot_folder(),
        }
    }

    /// Removes what lies in the folder of snapshots.
    ///
    /// # Errors
    /// It cannot be removed.
    pub async fn remove_snapshots(&self) -> Result<()> {
        match self {
            Self::Embedded(e) => e.remove_snapshots(),
            Self::Containers(c) => c.remove_snapshots().await,
            Self::Kind(k) => k.remove_snapshots().await,
        }
    }

    /// Bytes that the disk of all stores has left; `None` where nobody tells.
    pub fn free_bytes(&self) -> Option<u64> {
        match self {
            Self::Embedded(e) => e.free_bytes(),
            Self::Containers(c) => c.free_bytes(),
            Self::Kind(k) => k.free_bytes(),
        }
    }

    /// Whether a store runs. False for one that the configuration left out.
    ///
    /// # Errors
    /// The engine cannot be asked.
    pub async fn is_running(&mut self, side: Side, store: Store) -> Result<bool> {
        match self {
            Self::Embedded(e) => Ok(e.is_running(side, store)),
            Self::Containers(c) => c.is_running(side, store).await,
            Self::Kind(k) => k.is_running(side, store).await,
        }
    }

    /// Whether a store's data are there, whether it runs or not.
    pub fn has_data(&self, side: Side, store: Store) -> bool {
        match self {
            Self::Embedded(e) => e.has_data(side, store),
            Self::Containers(c) => c.has_data(side, store),
            Self::Kind(k) => k.has_data(side, store),
        }
    }

    /// Removes the data of a store that has ended.
    ///
    /// # Errors
    /// The store runs, or its data cannot be removed.
    pub async fn remove_data(&mut self, side: Side, store: Store) -> Result<()> {
        match self {
            Self::Embedded(e) => e.remove_data(side, store).await,
            Self::Containers(c) => c.remove_data(side, store).await,
            Self::Kind(k) => k.remove_data(side, store).await,
        }
    }

    /// A running store, to be killed while somebody else holds the environment.
    pub fn process(&self, side: Side, store: Store) -> Option<StoreProcess> {
        match self {
            Self::Embedded(e) => StoreProcess::of(e, side, store),
            Self::Containers(c) => c.process(side, store),
            Self::Kind(k) => k.process(side, store),
        }
    }

    /// Sends a signal to a store, to plant a fault.
    ///
    /// # Errors
    /// The environment has no such store, or the signal cannot be sent.
    pub async fn signal(&self, side: Side, store: Store, signal: StoreSignal) -> Result<()> {
        match self {
            Self::Embedded(e) => e.signal(side, store, signal),
            Self::Containers(c) => c.signal(side, store, signal).await,
            Self::Kind(k) => k.signal(side, store, signal).await,
        }
    }

    /// Ends a store if it runs, and starts it again on the same data and port.
    ///
    /// # Errors
    /// The environment has no such store, or it does not come up.
    pub async fn restart(&mut self, side: Side, store: Store) -> Result<()> {
        match self {
            Self::Embedded(e) => e.restart(side, store).await,
            Self::Containers(c) => c.restart(side, store).await,
            Self::Kind(k) => k.restart(side, store).await,
        }
    }

    /// Starts again every store of both sides that has ended, on its data and its port.
    ///
    /// # Errors
    /// As [`Environment::restart`], of the first one that does not start.
    pub async fn restart_ended(&mut self) -> Result<()> {
        for side in [Side::Source, Side::Target] {
            for store in [Store::Postgres, Store::Elasticsearch] {
                if !self.is_running(side, store).await? {
                    self.restart(side, store).await?;
                }
            }
        }
        Ok(())
    }

    /// Stops the applications where they are pods, until none is left; `None` where there are none.
    ///
    /// # Errors
    /// As [`Kind::stop_applications`].
    pub async fn stop_applications(&self) -> Result<Option<Applications>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => k.stop_applications().await.map(Some),
        }
    }

    /// Points the applications to a side and starts them, where they are pods; `None` where there are none.
    ///
    /// # Errors
    /// As [`Kind::start_applications`].
    pub async fn start_applications(&self, side: Side) -> Result<Option<Applications>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => k.start_applications(side).await.map(Some),
        }
    }

    /// Describes the release of the applications; `None` where there is none.
    ///
    /// # Errors
    /// As [`Kind::describe`].
    pub async fn describe_release(&self) -> Result<Option<ReleaseState>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => k.describe().await.map(Some),
        }
    }

    /// Looks at the applications that are to be at rest, where they are pods; `None` where there are none.
    ///
    /// # Errors
    /// As [`Kind::resting`].
    pub async fn resting_applications(&self) -> Result<Option<Resting>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => k.resting().await.map(Some),
        }
    }

    /// Asks the stores of a side by the names that pods know; `None` where there are no pods.
    ///
    /// # Errors
    /// As [`Kind::answers`].
    pub async fn store_answers(&self, side: Side) -> Result<Option<Vec<Answer>>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => k.answers(side).await,
        }
    }

    /// What operators say of the stores of a side; nothing where none keeps them.
    ///
    /// # Errors
    /// As [`Kind::operators`].
    pub async fn operators(&self, side: Side, called: Option<&str>) -> Result<Vec<OperatorState>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(Vec::new()),
            Self::Kind(k) => Box::pin(k.operators(side, called)).await,
        }
    }

    /// Asks them for a sign of life.
    ///
    /// # Errors
    /// As [`Kind::call_operators`].
    pub async fn call_operators(&self, side: Side) -> Result<Option<String>> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => Ok(None),
            Self::Kind(k) => Box::pin(k.call_operators(side)).await,
        }
    }

    /// What can go wrong in the cluster of the run; `None` where there is none.
    pub fn cluster_faults(&self) -> Option<ClusterFaults> {
        self.kind().and_then(Kind::faults)
    }

    /// The cluster of the run, where the stores are in one.
    pub fn kind(&self) -> Option<&Kind> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => None,
            Self::Kind(k) => Some(k),
        }
    }

    /// The kubeconfig of the run's cluster, where it has one.
    pub fn kubeconfig(&self) -> Option<&Path> {
        match self {
            Self::Embedded(_) | Self::Containers(_) => None,
            Self::Kind(k) => Some(k.kubeconfig()),
        }
    }

    /// Ends all stores, and removes what is not kept.
    ///
    /// # Errors
    /// A store does not end, or something cannot be removed.
    pub async fn stop(self, keep: Keep) -> Result<()> {
        match self {
            Self::Embedded(e) => e.stop(keep).await,
            Self::Containers(c) => c.stop(keep).await,
            Self::Kind(k) => k.stop(keep).await,
        }
    }
}
