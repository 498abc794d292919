//! Starting a cluster with the stores of both sides in it.

use super::applications::OF_RELEASE;
use super::chart;
use super::cluster::Cluster;
use super::configuration::{self, NodeChoice, Ports, SNAPSHOTS};
use super::footing::Footing;
use super::node::Node;
use super::objects;
use super::operators::{Manifests, Operators, Resource};
use super::place::{Namespaces, Place};
use super::programs::Programs;
use super::release::Release;
use super::ways::Ways;
use super::witness::Witness;
use super::{Store as Kept, Up};
use crate::cache::Cache;
use crate::clients;
use crate::config::{Access, EmbeddedConfig, Side, Store};
use crate::containers::{
    Endpoint, Engine, Image, Marks, Wanted, clients_for, close_door, inside, overridden, start_limit, version,
};
use crate::door::Door;
use crate::elasticsearch;
use crate::embedded::StoreVersion;
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::homes::Obtained;
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::postgres::{self, kept_password};
use crate::preflight;
use crate::workdir::{WorkDir, write_private};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long `kind` may take to make a cluster, the image of its node being here or not.
const CREATION: Duration = Duration::from_secs(300);
/// How long images may take into the node.
const LOADING: Duration = Duration::from_secs(300);
/// How long the node may take to be ready after that.
const NODE: Duration = Duration::from_secs(180);
/// How long pods of stores may take to be ready: their images may have to be pulled.
const PODS: Duration = Duration::from_secs(420);
/// The same of a real release: some JVMs start at once, and wait for each other.
const REAL_PODS: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_millis(200);
/// How often other ports are tried when one was snatched away.
const ATTEMPTS: usize = 3;

/// A cluster that is to be made for a run.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own<'a> {
    pub(super) engine: &'a Engine,
    pub(super) marks: &'a Marks,
    /// Name of the cluster.
    pub(super) name: &'a str,
}

/// All that is known of a run before there is anything of it in a cluster.
pub(super) struct Ground<'a> {
    pub(super) config: &'a EmbeddedConfig,
    pub(super) machine: &'a Machine,
    pub(super) work: &'a WorkDir,
    pub(super) programs: Programs,
    pub(super) progress: &'a dyn Progress,
    /// The run as labels of the cluster can hold it.
    pub(super) run: String,
    pub(super) namespaces: Namespaces,
    /// A folder of the node for snapshots, where the node is the run's.
    pub(super) folder: Option<&'static str>,
}

/// The namespaces of a cluster of the run's own.
pub(super) fn namespaces_of(config: &EmbeddedConfig) -> Namespaces {
    Namespaces::usual().operated(config.target.operators.is_some())
}

/// The stores that a configuration asks for.
pub(super) fn asked(config: &EmbeddedConfig, namespaces: &Namespaces) -> Vec<Place> {
    let wants = |place: &Place| match place.store {
        Store::Postgres => config.side(place.side).postgres,
        Store::Elasticsearch => config.side(place.side).elasticsearch,
    };
    namespaces.places().into_iter().filter(wants).collect()
}

impl<'a> Ground<'a> {
    pub(super) fn of(
        (config, machine, work): (&'a EmbeddedConfig, &'a Machine, &'a WorkDir),
        programs: Programs,
        progress: &'a dyn Progress,
    ) -> Self {
        let (run, namespaces) = (objects::label(&config.run_id), namespaces_of(config));
        Self { config, machine, work, programs, progress, run, namespaces, folder: Some(SNAPSHOTS) }
    }

    /// The same in namespaces of the run's own among those of others, whose nodes are none of its business.
    pub(super) fn among_others(self, namespaces: Namespaces) -> Self {
        Self { namespaces, folder: None, ..self }
    }

    /// What a release in a cluster cannot do without.
    ///
    /// # Errors
    /// The configuration leaves it out.
    pub(super) fn needs_whole_source(&self) -> Result<()> {
        if self.config.source.postgres && self.config.source.elasticsearch {
            return Ok(());
        }
        Err(EnvironmentError::new(
            EnvironmentProblem::Configuration,
            "the release on a cluster has both stores; a source without one of them is not made there",
            "use --on embedded or --on containers",
        ))
    }

    /// Makes the cluster and everything in it. The witness is handed out as soon as there is something to watch, so that a start
    /// that fails is told as well.
    pub(super) async fn make(
        &self,
        own: Own<'_>,
        witness: &mut Option<Witness>,
    ) -> Result<(Cluster, Footing, Ports)> {
        preflight::memory(self.config, self.machine)?;
        preflight::engine_space(self.config, self.machine, own.engine.folder.as_deref())?;
        preflight::dump_space(self.config, self.machine, self.work.path())?;
        for told in overridden(self.config, self.machine) {
            self.progress.note(&told);
        }
        self.needs_whole_source()?;
        let choice = NodeChoice::of(self.machine)?;
        own.engine.make_cluster_network(own.marks, own.name).await?;
        let ports = self.create(own, &choice).await?;
        let cluster = Cluster::of(self.programs.kubeconfig(), self.namespaces.clone()).await?;
        *witness = Some(Witness::start(&cluster, &self.logs()));
        let node = Node::of(own.engine, own.name).await?;
        let prepared = tokio::join!(self.load_images(own), cluster.wait_nodes(NODE), node.make_snapshots());
        prepared.0?;
        prepared.1?;
        prepared.2?;
        self.furnish(&cluster).await?;
        Ok((cluster, Footing::own(node, own.engine), ports))
    }

    /// Where logs go.
    fn logs(&self) -> PathBuf {
        self.config.run_dir.join("logs")
    }

    /// Has `kind` make the cluster, on other ports where one was snatched away.
    async fn create(&self, own: Own<'_>, choice: &NodeChoice) -> Result<Ports> {
        let mut left = ATTEMPTS;
        loop {
            left -= 1;
            let (ports, held) = self.ports()?;
            let config = configuration::cluster(own.name, &ports, choice.cni)?;
            let file = self.work.path().join("kind.json");
            write_private(&file, config.to_string().as_bytes())?;
            let image = choice.image.as_ref().map(ToString::to_string);
            let mut arguments: Vec<&OsStr> =
                ["create", "cluster", "--name", own.name].map(OsStr::new).to_vec();
            arguments.extend([OsStr::new("--config"), file.as_os_str()]);
            arguments.extend([OsStr::new("--kubeconfig"), self.programs.kubeconfig().as_os_str()]);
            if let Some(image) = &image {
                arguments.extend([OsStr::new("--image"), OsStr::new(image)]);
            }
            drop(held);
            let began = Instant::now();
            self.progress.note(&format!("making the cluster {}", own.name));
            let error = match self.programs.kind(&arguments, CREATION).await {
                Ok(_) => {
                    self.progress
                        .note(&format!("the cluster is made after {:.1} s", began.elapsed().as_secs_f64()));
                    return Ok(ports);
                }
                Err(error) => error,
            };
            let snatched =
                error.what.contains("already allocated") || error.what.contains("address already in use");
            if !snatched || left == 0 {
                return Err(error);
            }
            // `kind` removes what it made before it gave up.
            tracing::info!(what = error.what, "a port was taken between choice and start");
        }
    }

    pub(super) fn ports(&self) -> Result<(Ports, Vec<HeldPort>)> {
        let api = HeldPort::take_for(PortChoice::Any, "API server")?;
        let (mut stores, mut held) = (Vec::new(), Vec::new());
        for place in asked(self.config, &self.namespaces) {
            let side = self.config.side(place.side);
            let fixed = match place.store {
                Store::Postgres => side.postgres_port,
                Store::Elasticsearch => side.elasticsearch_port,
            };
            let choice = fixed.map_or(PortChoice::Any, PortChoice::Fixed);
            let port = HeldPort::take(choice, place.side, place.store)?;
            stores.push((place, port.port()));
            held.push(port);
        }
        let ports = Ports { api: api.port(), stores };
        held.push(api);
        Ok((ports, held))
    }

    pub(super) fn image(&self, place: Place) -> Result<Image> {
        Image::of(self.config.side(place.side), place.store, self.machine)
    }

    /// The image of a store; none where an operator chooses it.
    pub(super) fn image_of(&self, place: Place) -> Result<Option<Image>> {
        match place.operated {
            true => Image::of_operator(self.config.side(place.side), place.store, self.machine),
            false => self.image(place).map(Some),
        }
    }

    /// What is known of the operators of the target, if it has any.
    pub(super) fn operators(&self) -> Result<Option<Operators>> {
        let target = &self.config.target;
        let Some(config) = target.operators.clone() else { return Ok(None) };
        let keycloak = Image::of_operator(target, Wanted::Keycloak, self.machine)?;
        Ok(Some(Operators { config, keycloak }))
    }

    /// What the operators of a cluster of the run's own are installed from.
    pub(super) fn manifests(&self) -> Result<Manifests> {
        let named = self.config.target.operators.as_ref().map(|o| o.manifests.as_slice());
        Manifests::read(named.unwrap_or_default())
    }

    /// Carries the images that this machine has into the node. Others are pulled by the node itself.
    async fn load_images(&self, own: Own<'_>) -> Result<()> {
        let mut wanted = self.take_chart().await?;
        for place in self.own_stores() {
            wanted.extend(self.image_of(place)?.map(|image| image.to_string()));
        }
        wanted.extend(self.manifests()?.images());
        if self.config.keycloak.is_some() {
            wanted.extend(self.operators()?.and_then(|o| o.keycloak).map(|image| image.to_string()));
        }
        let mut here = BTreeSet::new();
        for image in wanted {
            if own.engine.has_image(&image).await? {
                here.insert(image);
            } else {
                self.progress.note(&format!("{image} is not here: the node pulls it"));
            }
        }
        if here.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let mut arguments: Vec<&OsStr> =
            ["load", "docker-image", "--name", own.name].map(OsStr::new).to_vec();
        arguments.extend(here.iter().map(OsStr::new));
        self.programs.kind(&arguments, LOADING).await?;
        let (count, seconds) = (here.len(), began.elapsed().as_secs_f64());
        self.progress.note(&format!("{count} images are in the node after {seconds:.1} s"));
        Ok(())
    }

    /// Takes a chart that is not of this repository to where the run keeps it, and tells the images that it asks for.
    async fn take_chart(&self) -> Result<BTreeSet<String>> {
        let Some(config) = &self.config.chart else { return Ok(BTreeSet::new()) };
        let release = Release::of(self.work, &self.namespaces);
        chart::take(&release, config, self.config.camunda.as_ref(), &self.programs).await?;
        let superuser = kept_password(self.work, Side::Source)?;
        let source = chart::source_values(&self.config.run_id, &superuser);
        release.write_values(&source, &chart::target_values(&self.namespaces))?;
        release.images(&self.programs).await
    }

    /// The stores whose images are chosen here: a chart that is not of this repository chooses those of the source.
    fn own_stores(&self) -> Vec<Place> {
        asked(self.config, &self.namespaces).into_iter().filter(|place| !self.is_of_chart(*place)).collect()
    }

    fn is_of_chart(&self, place: Place) -> bool {
        self.config.chart.is_some() && place.side == Side::Source
    }

    /// Certificates of a side that is managed elsewhere.
    pub(super) fn door(&self, side: Side) -> Result<Option<Door>> {
        match self.config.side(side).access {
            Access::Secured => Door::provide(self.work).map(Some),
            Access::Open => Ok(None),
        }
    }

    /// Waits until every store answers at its port of this machine, and the applications of the release run.
    pub(super) async fn ready(
        &self,
        (cluster, footing, ports): (Cluster, Footing, &Ports),
        witness: &mut Option<Witness>,
        first: FirstLife,
    ) -> Result<Up> {
        if asked(self.config, &self.namespaces).iter().any(|place| place.side == Side::Target) {
            match self.namespaces.is_operated() {
                true => cluster.wait_operated(&self.namespaces.places(), PODS).await?,
                false => cluster.wait_ready(&self.namespaces.targets, "", PODS).await?,
            }
        }
        let limit = if self.config.chart.is_some() { REAL_PODS } else { PODS };
        cluster.wait_ready(&self.namespaces.release, OF_RELEASE, limit).await?;
        let (mut stores, mut versions) = (Vec::new(), Vec::new());
        for place in asked(self.config, &self.namespaces) {
            let Some(port) = ports.of(place) else { continue };
            let (kept, told) = self.answering((&cluster, place), port, first).await?;
            stores.push(kept);
            versions.push(told);
        }
        let clients = match clients_for(self.config, &versions) {
            Some(wanted) => Some(
                clients::provide(&wanted, self.machine, &Cache::locate(self.machine)?, self.progress).await?,
            ),
            None => None,
        };
        let release = Release::of(self.work, &self.namespaces);
        let programs = self.programs.clone();
        let (ways, witness) = (Ways::default(), witness.take());
        let operators = self.operators()?;
        Ok(Up { cluster, footing, stores, versions, clients, release, programs, ways, witness, operators })
    }

    /// Waits for one store's own answer.
    async fn answering(
        &self,
        (cluster, place): (&Cluster, Place),
        port: u16,
        first: FirstLife,
    ) -> Result<(Kept, StoreVersion)> {
        let began = Instant::now();
        let mut door = self.door(place.side)?;
        if let (Some(door), Some(authority)) = (&mut door, cluster.authority_of(place).await?) {
            door.ca_pem = authority;
        }
        let mut kept = Kept { place, port, endpoint: self.endpoint(place, port, None)?, gone: false };
        match (place.store, &door) {
            (Store::Postgres, Some(door)) => {
                // An operator's is closed from the beginning.
                if first == FirstLife::Yes && !place.operated {
                    await_answer(&kept, start_limit(place.store)).await?;
                    if let Endpoint::Postgres(open) = &kept.endpoint {
                        close_door(place.side, open, door, &self.logs()).await?;
                    }
                }
                kept.endpoint = self.endpoint(place, port, Some(door))?;
            }
            (_, door) => kept.endpoint = self.endpoint(place, port, door.as_ref())?,
        }
        await_answer(&kept, start_limit(place.store)).await?;
        let side = self.config.side(place.side);
        let of_chart = self.is_of_chart(place);
        let image = match of_chart || place.operated {
            true => image_in(cluster, place).await?,
            false => self.image(place)?.to_string(),
        };
        let told = StoreVersion {
            side: place.side,
            store: place.store,
            version: version(&kept.endpoint).await,
            home: PathBuf::new(),
            obtained: Obtained::Image(image),
            deviations: match place.store {
                _ if of_chart => format!("as the chart sets it up; pod {}", place.pod()),
                store if place.operated => {
                    let from: Vec<String> = self.manifests()?.images().into_iter().collect();
                    let from = if from.is_empty() {
                        String::new()
                    } else {
                        format!(", operators run from {}", from.join(", "))
                    };
                    format!(
                        "as {} sets it up, TLS and passwords only{from}; pod {}",
                        Resource::of(store).operator,
                        place.pod()
                    )
                }
                Store::Postgres => format!("{}; pod {}", postgres::deviations(door.as_ref()), place.pod()),
                Store::Elasticsearch => {
                    let heap = side.elasticsearch_heap_mib;
                    let door = if door.is_some() { "TLS and passwords only" } else { "security off" };
                    format!(
                        "heap {heap} MiB, {door}, {}; pod {}",
                        elasticsearch::collector(heap),
                        place.pod()
                    )
                }
            },
            start_time: began.elapsed(),
        };
        self.progress.note(&format!("{} {} answers", place.side, place.store));
        Ok((kept, told))
    }

    fn endpoint(&self, place: Place, port: u16, door: Option<&Door>) -> Result<Endpoint> {
        Ok(match place.store {
            Store::Postgres => {
                Endpoint::Postgres(postgres::endpoint(&kept_password(self.work, place.side)?, door, port))
            }
            Store::Elasticsearch => {
                let mut endpoint = elasticsearch::endpoint(door, port);
                let scheme = if door.is_some() { "https" } else { "http" };
                endpoint.peer_url =
                    Some(format!("{scheme}://{}:{}", place.host(&self.namespaces), inside(place.store)));
                Endpoint::Elasticsearch(endpoint)
            }
        })
    }
}

/// What a store runs whose image was not chosen here.
async fn image_in(cluster: &Cluster, place: Place) -> Result<String> {
    let pod = cluster.pod(cluster.namespace_of(place), &place.pod()).await?;
    let containers = pod.and_then(|pod| pod.spec).map(|spec| spec.containers).unwrap_or_default();
    let own = containers.into_iter().find(|container| container.name == place.container());
    Ok(own.and_then(|container| container.image).unwrap_or_default())
}

/// Whether the volumes are new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstLife {
    /// They are.
    Yes,
    /// They hold the data of an earlier life of the run.
    No,
}

/// Waits until a store answers at its port.
///
/// # Errors
/// It does not within `limit`.
pub(super) async fn await_answer(kept: &Kept, limit: Duration) -> Result<()> {
    let began = Instant::now();
    while !kept.endpoint.answers(kept.port).await {
        if began.elapsed() > limit {
            let Place { side, store, .. } = kept.place;
            return Err(EnvironmentError::new(
                EnvironmentProblem::StartFailed,
                format!(
                    "the {side} {store} did not answer at port {} within {} s",
                    kept.port,
                    limit.as_secs()
                ),
                "read its log and events.log in the run folder",
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
