//! The environment of a cluster: of one that `kind` makes for one run, or of somebody else's ([`context`]). The source is a Bitnami-shaped release, the targets are nobody's
//! release, in a namespace of their own, and applications are pods that stop when they are scaled down.
//!
//! In a cluster of the run's own stores are reached by node ports that the engine maps to this machine, because probes that go through the API server would
//! measure the API server. Everything of a run lies in the node's container, which is found by the label of its network; a file
//! that is written before either says that the engine has to be asked. `kind` is needed to make a cluster, and not to remove it.

mod answers;
mod applications;
mod chart;
mod cluster;
mod configuration;
mod context;
mod faults;
mod footing;
mod forward;
mod furnishing;
mod judge;
mod node;
mod objects;
mod operators;
mod outside;
mod patience;
mod place;
mod programs;
mod release;
mod removing;
mod resting;
mod starting;
mod state;
mod taken_up;
mod waiting;
mod ways;
mod witness;

pub use answers::Answer;
pub use applications::Applications;
pub(crate) use context::{items as context_items, leftovers as left_in_contexts};
pub use context::{rights_beside_operators, rights_in_own_namespaces};
pub use faults::ClusterFaults;
pub(crate) use footing::KindStore;
pub(crate) use operators::OperatedKeycloak;
pub use operators::{OperatorState, examine as examine_operators};
pub use outside::{Moment, Outside};
pub(crate) use programs::{NEEDED, USEFUL, find as find_program};
pub use resting::{Resting, RestingWorkload, WorkloadMark};
pub use state::{ClaimState, PodState, ReleaseState};
pub(crate) use ways::Part;

use crate::clients::Clients;
use crate::config::{EmbeddedConfig, Side, Store as StoreName};
use crate::containers::{Endpoint, Engine, Image, MARKER_FILE, Marks, Remove, start_limit};
use crate::embedded::{Keep, StoreVersion, absent};
use crate::error::{Progress, Result};
use crate::machine::Machine;
use crate::signals::StoreProcess;
use crate::supervised::StoreSignal;
use crate::taking;
use crate::workdir::{self, WorkDir};
use cluster::Cluster;
use configuration::{NodeChoice, Ports, SNAPSHOTS, cluster_name};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use footing::Footing;
use node::Node;
use operators::Operators;
use place::Place;
use programs::Programs;
use release::Release;
use serde::{Deserialize, Serialize};
use starting::{FirstLife, Ground, Own, asked, await_answer, namespaces_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ways::Ways;
use witness::Witness;

/// The image that the node is made from; `None` for the one that `kind` brings.
///
/// # Errors
/// What this machine says about nodes cannot be understood.
pub(crate) fn node_image(machine: &Machine) -> Result<Option<Image>> {
    Ok(NodeChoice::of(machine)?.image)
}

/// How long a pod may take to go.
const GOING: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(200);

/// What is noted of a run, before there is anything of it and once it is complete.
#[derive(Debug, Serialize, Deserialize)]
struct Layout {
    /// By what all that is made for the run is found again.
    marks: Marks,
    cluster: String,
    /// None until all stores have answered.
    #[serde(rename = "cluster_ports")]
    ports: Option<Ports>,
}

/// A store of this environment.
#[derive(Debug)]
struct Store {
    place: Place,
    port: u16,
    endpoint: Endpoint,
    /// Whether its volume was removed.
    gone: bool,
}

/// What runs.
#[derive(Debug)]
struct Up {
    cluster: Cluster,
    footing: Footing,
    stores: Vec<Store>,
    versions: Vec<StoreVersion>,
    clients: Option<Clients>,
    release: Release,
    programs: Programs,
    ways: Ways,
    witness: Option<Witness>,
    /// None where no operator keeps the targets.
    operators: Option<Operators>,
}

/// The running environment. Dropping it without [`Kind::stop`] leaves the cluster, as a crash would.
#[derive(Debug)]
pub struct Kind {
    up: Up,
    work: WorkDir,
}

impl Kind {
    /// Makes a cluster of the run's own, and starts all asked stores and the applications in it.
    ///
    /// Leftovers of a dead run of the same name are removed first.
    ///
    /// # Errors
    /// Every failure is an [`EnvironmentError`](crate::EnvironmentError); after one nothing is left but logs.
    pub async fn start(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Self> {
        let machine = Machine::from_process();
        config.validate()?;
        for (program, why) in NEEDED {
            find_program(&machine, program, why)?;
        }
        let engine = Engine::connect(&machine).await?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let work = taking::new_work(&config, &root).await?;
        let begun =
            begin(&work).and_then(|(marks, name)| Ok((Programs::of(&machine, &work, &name)?, marks, name)));
        let (programs, marks, name) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                work.give_up();
                return Err(error);
            }
        };
        let mut witness = None;
        let ground = Ground::of((&config, &machine, &work), programs, &*progress);
        let own = Own { engine: &engine, marks: &marks, name: &name };
        let started = async {
            let (cluster, footing, ports) = ground.make(own, &mut witness).await?;
            let up = ground.ready((cluster, footing, &ports), &mut witness, FirstLife::Yes).await?;
            note_complete(&work, own, ports)?;
            Ok(up)
        };
        let error = match started.await {
            Ok(up) => return Ok(Self { up, work }),
            Err(error) => error,
        };
        if let Some(witness) = &mut witness {
            witness.finish().await;
        }
        match engine.remove_run(&marks, Remove::Everything).await {
            Ok(()) => work.give_up(),
            // The work directory stays: by it whoever clears up knows that the engine has to be asked again.
            Err(left) => tracing::warn!(%left, "a cluster may be left; `drydock clean` removes it"),
        }
        Err(error)
    }

    /// Takes up the cluster of a run whose process died, and starts its stores anew, as whoever takes them up expects. `None` if
    /// the cluster is gone or was never complete.
    ///
    /// # Errors
    /// The run still lives, no engine answers, or the stores do not come up; the cluster stays as it is.
    pub async fn reattach(config: EmbeddedConfig, progress: Arc<dyn Progress>) -> Result<Option<Self>> {
        let machine = Machine::from_process();
        config.validate()?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let Some(work) = taking::left_work(&config, &root)? else { return Ok(None) };
        let Some(Layout { cluster: name, ports: Some(ports), .. }) = work.read_json::<Layout>(MARKER_FILE)
        else {
            return Ok(None);
        };
        let engine = Engine::connect(&machine).await?;
        let marks = Marks::of(&work);
        if engine.nodes(&name).await?.is_empty() {
            return Ok(None);
        }
        let node = Node::of(&engine, &name).await?;
        if !node.is_running().await? {
            return Ok(None);
        }
        work.write_owner(&config.run_dir)?;
        let programs = Programs::of(&machine, &work, &name)?;
        let cluster = Cluster::of(programs.kubeconfig(), namespaces_of(&config)).await?;
        // A run that was killed while something was broken on purpose has not mended it.
        ClusterFaults::of(&cluster, &node).mend().await?;
        if !taken_up::has_all_claims(&cluster, &config).await? {
            return Ok(None);
        }
        for place in asked(&config, cluster.namespaces()) {
            // One that stands still hears nothing else.
            node.store(place).go_on().await?;
        }
        let mut witness = Some(taken_up::start_anew(&cluster, &config, &*progress).await?);
        let ground = Ground::of((&config, &machine, &work), programs, &*progress);
        let footing = Footing::own(node, &engine);
        let up = ground.ready((cluster, footing, &ports), &mut witness, FirstLife::No).await?;
        note_complete(&work, Own { engine: &engine, marks: &marks, name: &name }, ports)?;
        Ok(Some(Self { up, work }))
    }

    /// Both stores of one side; `None` if the configuration left one out.
    pub fn pair(&self, side: Side) -> Option<StorePair> {
        Some(StorePair { postgres: self.postgres(side)?, elasticsearch: self.elasticsearch(side)? })
    }

    /// The PostgreSQL of one side, with its superuser.
    pub fn postgres(&self, side: Side) -> Option<PostgresEndpoint> {
        self.store(side, StoreName::Postgres)?.endpoint.postgres()
    }

    /// The Elasticsearch of one side, with the address under which pods reach it.
    pub fn elasticsearch(&self, side: Side) -> Option<ElasticsearchEndpoint> {
        self.store(side, StoreName::Elasticsearch)?.endpoint.elasticsearch()
    }

    /// Version, image and peculiarities of every store.
    pub fn versions(&self) -> &[StoreVersion] {
        &self.up.versions
    }

    /// Directory with `pg_dump`, `pg_restore` and `psql` of this machine, at least as new as the source.
    pub fn postgres_clients(&self) -> Option<&Path> {
        self.up.clients.as_ref().map(|c| c.directory.as_path())
    }

    pub(crate) fn work(&self) -> &WorkDir {
        &self.work
    }

    /// The work directory, for dumps and other intermediate files.
    pub fn work_dir(&self) -> &Path {
        self.work.path()
    }

    /// The kubeconfig that leads to the cluster. Nothing is ever written to the user's own.
    pub fn kubeconfig(&self) -> &Path {
        self.up.programs.kubeconfig()
    }

    /// Where both clusters find the folder of the node that they may keep snapshots in.
    pub fn snapshot_folder(&self) -> PathBuf {
        SNAPSHOTS.into()
    }

    /// Removes every snapshot, as by hand. In somebody else's cluster there is no folder that could hold one.
    ///
    /// # Errors
    /// The node refuses.
    pub async fn remove_snapshots(&self) -> Result<()> {
        self.up.footing.remove_snapshots().await
    }

    /// Bytes that the disk of all volumes has left; `None` where the engine keeps them out of sight.
    pub fn free_bytes(&self) -> Option<u64> {
        self.up.footing.free_bytes()
    }

    /// Whether a store's container runs in its pod. False for a store that the configuration left out.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn is_running(&self, side: Side, store: StoreName) -> Result<bool> {
        let Some(&Store { place, .. }) = self.store(side, store) else { return Ok(false) };
        let pod = self.up.cluster.pod(self.up.cluster.namespace_of(place), &place.pod()).await?;
        Ok(pod.is_some_and(|pod| judge::runs(&pod, place.container())))
    }

    /// Whether a store's volume is there, whether the store runs or not.
    pub fn has_data(&self, side: Side, store: StoreName) -> bool {
        self.store(side, store).is_some_and(|kept| !kept.gone)
    }

    /// Removes the claim of a store that has ended, and with it the volume.
    ///
    /// # Errors
    /// The store runs, or the API server refuses.
    pub async fn remove_data(&mut self, side: Side, store: StoreName) -> Result<()> {
        if self.is_running(side, store).await? {
            return Err(taking::still_runs("volume", side, store));
        }
        let cluster = self.up.cluster.clone();
        let mut stores = self.up.stores.iter_mut();
        let Some(kept) = stores.find(|s| s.place.side == side && s.place.store == store) else {
            return Ok(());
        };
        // Its controller would make the pod anew, on a new claim.
        cluster.hold_down(kept.place).await?;
        cluster.remove_claim(cluster.namespace_of(kept.place), &kept.place.claim(), GOING).await?;
        kept.gone = true;
        Ok(())
    }

    /// A store, to be killed while somebody else holds the environment.
    pub fn process(&self, side: Side, store: StoreName) -> Option<StoreProcess> {
        let place = self.store(side, store)?.place;
        Some(StoreProcess::pod(self.up.footing.store(&self.up.cluster, place)))
    }

    /// Sends a signal to a store, to plant a fault: it stands still, goes on or is killed on its node. A store that is to end in
    /// good order and stay ended is scaled to zero: its controller would start it again.
    ///
    /// # Errors
    /// The environment has no such store, or the node or the API server refuses.
    pub async fn signal(&self, side: Side, store: StoreName, signal: StoreSignal) -> Result<()> {
        let place = self.store(side, store).ok_or_else(|| absent(side, store))?.place;
        let on_node = self.up.footing.store(&self.up.cluster, place);
        match signal {
            StoreSignal::Stop => on_node.pause().await,
            StoreSignal::Continue => on_node.go_on().await,
            StoreSignal::Kill => on_node.kill().await,
            StoreSignal::Terminate | StoreSignal::Interrupt | StoreSignal::Quit => {
                self.up.cluster.hold_down(place).await
            }
        }
    }

    /// Ends a store if it runs, and starts it again on the same volume and port.
    ///
    /// # Errors
    /// The environment has no such store, or it does not come up.
    pub async fn restart(&mut self, side: Side, store: StoreName) -> Result<()> {
        let kept = self.store(side, store).ok_or_else(|| absent(side, store))?;
        let (place, cluster) = (kept.place, &self.up.cluster);
        // One that stands still hears nothing else.
        self.up.footing.store(cluster, place).go_on().await?;
        taken_up::start_store_anew(cluster, place).await?;
        let began = Instant::now();
        while !self.is_running(side, store).await? && began.elapsed() < start_limit(store) {
            tokio::time::sleep(LOOK).await;
        }
        await_answer(kept, start_limit(store)).await
    }

    /// Removes the cluster, or the run's namespaces in somebody else's, or leaves it running where its data or stores are kept: what is in a cluster stops with it.
    ///
    /// # Errors
    /// The engine or the API server refuses to remove something.
    pub async fn stop(self, keep: Keep) -> Result<()> {
        let Self { mut up, work } = self;
        if let Some(witness) = &mut up.witness {
            witness.finish().await;
        }
        if keep == Keep::Nothing {
            up.footing.remove(&up.cluster, &work).await?;
            work.remove()?;
        }
        Ok(())
    }

    fn store(&self, side: Side, store: StoreName) -> Option<&Store> {
        self.up.stores.iter().find(|s| s.place.side == side && s.place.store == store)
    }
}

/// Notes that all stores have answered, so that a later life may take them up.
fn note_complete(work: &WorkDir, own: Own<'_>, ports: Ports) -> Result<()> {
    let layout = Layout { marks: own.marks.clone(), cluster: own.name.to_owned(), ports: Some(ports) };
    work.write_json(MARKER_FILE, &layout)
}

/// Chooses marks and name of a new run's cluster, and notes them before there is anything to find.
fn begin(work: &WorkDir) -> Result<(Marks, String)> {
    let marks = Marks::choose(work)?;
    let root = work.path().parent().unwrap_or(work.path());
    let name = cluster_name(work.run_id(), &root.to_string_lossy());
    work.write_json(MARKER_FILE, &Layout { marks: marks.clone(), cluster: name.clone(), ports: None })?;
    Ok((marks, name))
}
