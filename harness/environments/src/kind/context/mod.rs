//! A rehearsal among others: in namespaces of its own of an existing cluster, which a context of the user's kubeconfig names.
//!
//! The user's kubeconfig is read and never written: the context is copied, alone, into the work directory. Every right is asked
//! for before anything is made. Two namespaces carry a mark of the run, and a file that is written before the first of them names
//! both, so that a killed run's are found and removed by that mark. Images have to be had there: none is carried into a node, and
//! no node is touched. Stores are reached through the API server.

mod claim;
pub(crate) mod leftovers;
mod pod;
mod rights;

pub(super) use claim::Claim;
pub(crate) use pod::PodStore;
pub use rights::{rights_beside_operators, rights_in_own_namespaces};

use super::cluster::Cluster;
use super::configuration::Ports;
use super::footing::Footing;
use super::forward::Forward;
use super::operators::Resource;
use super::place::Namespaces;
use super::programs::{self, KUBECONFIG, Programs};
use super::starting::{FirstLife, Ground, asked};
use super::witness::Witness;
use super::{Kind, taken_up};
use crate::config::EmbeddedConfig;
use crate::containers::{Image, Marks, overridden};
use crate::error::{EnvironmentError, EnvironmentProblem, Progress, Result};
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::preflight;
use crate::taking;
use crate::workdir::{self, WorkDir, write_private};
use drydock_cluster::kubeconfig_of;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// In a work directory: the run may have made namespaces in somebody else's cluster.
const MARKER_FILE: &str = "context.json";
/// How long a connection to the API server may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// How long the API server may take to tell its version.
const ANSWERING: Duration = Duration::from_secs(15);

/// What is noted of a run, before there is anything of it and once it is complete.
#[derive(Debug, Serialize, Deserialize)]
struct Layout {
    context: String,
    claim: Claim,
    /// None until all stores have answered.
    ports: Option<Ports>,
}

impl Kind {
    /// Makes namespaces of the run's own in the cluster of a context, and starts all asked stores and the applications in them.
    ///
    /// Leftovers of a dead run of the same name are removed first.
    ///
    /// # Errors
    /// The context is not there, rights are missing, a namespace is somebody else's, or something does not start; nothing is left
    /// but logs.
    pub async fn start_in_context(
        context: &str,
        config: EmbeddedConfig,
        progress: Arc<dyn Progress>,
    ) -> Result<Self> {
        let machine = Machine::from_process();
        config.validate()?;
        let own = own_kubeconfig(context)?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let work = taking::new_work(&config, &root).await?;
        let begun = async {
            write_private(&work.path().join(KUBECONFIG), own.as_bytes())?;
            let marks = Marks::choose(&work)?;
            let namespaces = Namespaces::among_others(work.run_id(), &root.to_string_lossy())
                .operated(config.target.operators.is_some());
            let claim = Claim::choose(&marks, namespaces)?;
            let programs = Programs::among_others(&machine, &work)?;
            Ok((claim, programs, client_of(&work).await?))
        };
        let (claim, programs, client) = match begun.await {
            Ok(begun) => begun,
            Err(error) => {
                work.give_up();
                return Err(error);
            }
        };
        let ground = Ground::of((&config, &machine, &work), programs, &*progress)
            .among_others(claim.namespaces.clone());
        let mut layout = Layout { context: context.to_owned(), claim: claim.clone(), ports: None };
        let (mut witness, mut made) = (None, false);
        let started = async {
            ground.needs_whole_source()?;
            preflight::dump_space(&config, &machine, work.path())?;
            for told in overridden(&config, &machine) {
                progress.note(&told);
            }
            let rights = rights::ask(&client, &claim.namespaces).await?;
            progress.note(&format!("the context {context} allows all {rights} rights that are needed"));
            work.write_json(MARKER_FILE, &layout)?;
            made = true;
            claim.make(&client).await?;
            let cluster = Cluster::with(client.clone(), claim.namespaces.clone());
            witness = Some(Witness::start(&cluster, &config.run_dir.join("logs")));
            ground.fill(&cluster).await?;
            let (ports, held) = ground.ports()?;
            let footing = footing(&cluster, &claim, &config, held)?;
            let up = ground.ready((cluster, footing, &ports), &mut witness, FirstLife::Yes).await?;
            layout.ports = Some(ports);
            work.write_json(MARKER_FILE, &layout)?;
            Ok(up)
        };
        let error = match started.await {
            Ok(up) => return Ok(Self { up, work }),
            Err(error) => error,
        };
        if let Some(witness) = &mut witness {
            witness.finish().await;
        }
        match if made { claim.remove(client).await } else { Ok(()) } {
            Ok(()) => work.give_up(),
            // The work directory stays: by it whoever clears up knows what to look for.
            Err(left) => tracing::warn!(%left, "namespaces may be left; `drydock clean` removes them"),
        }
        Err(error)
    }

    /// Takes up the namespaces of a run whose process died, and starts its stores anew, as whoever takes them up expects. `None` if
    /// they are gone or were never complete.
    ///
    /// # Errors
    /// The run still lives, the cluster does not answer, or the stores do not come up; the namespaces stay as they are.
    pub async fn reattach_in_context(
        config: EmbeddedConfig,
        progress: Arc<dyn Progress>,
    ) -> Result<Option<Self>> {
        let machine = Machine::from_process();
        config.validate()?;
        let root = workdir::root(config.work_root.as_deref(), &machine);
        let Some(work) = taking::left_work(&config, &root)? else { return Ok(None) };
        let Some(Layout { context, claim, ports: Some(ports) }) = work.read_json::<Layout>(MARKER_FILE)
        else {
            return Ok(None);
        };
        // Tokens end: what the user has now counts, where the context is still there.
        if let Ok(now) = own_kubeconfig(&context) {
            write_private(&work.path().join(KUBECONFIG), now.as_bytes())?;
        }
        let client = client_of(&work).await?;
        if claim.standing(&client).await?.len() < claim.namespaces.both().len() {
            return Ok(None);
        }
        work.write_owner(&config.run_dir)?;
        let programs = Programs::among_others(&machine, &work)?;
        let cluster = Cluster::with(client, claim.namespaces.clone());
        if !taken_up::has_all_claims(&cluster, &config).await? {
            return Ok(None);
        }
        let mut witness = Some(taken_up::start_anew(&cluster, &config, &*progress).await?);
        let ground = Ground::of((&config, &machine, &work), programs, &*progress)
            .among_others(claim.namespaces.clone());
        let held = ports
            .stores
            .iter()
            .map(|(place, port)| HeldPort::take(PortChoice::Preferred(*port), place.side, place.store));
        let held: Vec<HeldPort> = held.collect::<Result<_>>()?;
        let stores = ports.stores.iter().zip(&held).map(|((place, _), held)| (*place, held.port()));
        let ports = Ports { api: ports.api, stores: stores.collect() };
        let footing = footing(&cluster, &claim, &config, held)?;
        let up = ground.ready((cluster, footing, &ports), &mut witness, FirstLife::No).await?;
        work.write_json(MARKER_FILE, &Layout { context, claim, ports: Some(ports) })?;
        Ok(Some(Self { up, work }))
    }

    /// Where the run is in somebody else's cluster: its namespaces. `None` in a cluster of its own.
    pub fn namespaces_among_others(&self) -> Option<[&str; 2]> {
        match &self.up.footing {
            Footing::Own { .. } => None,
            Footing::Lent { claim, .. } => Some(claim.namespaces.both()),
        }
    }
}

/// What went wrong, in the server's own words where it is the server that refuses.
fn words(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => format!("it answered {}: {}", status.code, status.message),
        other => other.to_string(),
    }
}

/// Opens a way to every store, at the ports that were held for them, in the order of [`asked`].
fn footing(
    cluster: &Cluster,
    claim: &Claim,
    config: &EmbeddedConfig,
    held: Vec<HeldPort>,
) -> Result<Footing> {
    let ways = asked(config, cluster.namespaces()).into_iter().zip(held);
    let ways = ways.map(|(place, held)| Forward::to_store(cluster, place, held)).collect::<Result<_>>()?;
    Ok(Footing::Lent { claim: claim.clone(), _ways: ways })
}

/// A context of the user's, alone, as a kubeconfig.
fn own_kubeconfig(context: &str) -> Result<String> {
    let wrong = |why: String| {
        EnvironmentError::new(
            EnvironmentProblem::Configuration,
            why,
            "name one that `kubectl config get-contexts` lists; KUBECONFIG names another file",
        )
    };
    let found = kubeconfig_of(context).map_err(|e| wrong(e.to_string()))?;
    // JSON is YAML.
    serde_json::to_string(&found).map_err(|e| wrong(format!("cannot keep the context {context}: {e}")))
}

/// The API server that the run's own copy of the context leads to.
async fn client_of(work: &WorkDir) -> Result<Client> {
    let path = work.path().join(KUBECONFIG);
    client_at(Kubeconfig::read_from(&path).map_err(|e| e.to_string())).await
}

async fn client_at(known: std::result::Result<Kubeconfig, String>) -> Result<Client> {
    let failed = |why: String| {
        EnvironmentError::new(
            EnvironmentProblem::Cluster,
            format!("cannot use the context: {why}"),
            "look whether kubectl can use it",
        )
    };
    let known = known.map_err(failed)?;
    let made = Config::from_custom_kubeconfig(known, &KubeConfigOptions::default()).await;
    let mut config = made.map_err(|e| failed(e.to_string()))?;
    config.connect_timeout = Some(CONNECTING);
    Client::try_from(config).map_err(|e| failed(e.to_string()))
}

/// Looks for all that a run in the namespaces of a context needs, without making anything there: names of what was looked at,
/// with what was found.
pub(crate) async fn items(
    context: &str,
    config: &EmbeddedConfig,
    machine: &Machine,
) -> Vec<(String, Result<String>)> {
    let helm = programs::NEEDED.into_iter().filter(|(program, _)| *program == "helm");
    let mut items: Vec<(String, Result<String>)> = helm
        .map(|(program, why)| {
            let found = programs::find(machine, program, why).map(|path| path.display().to_string());
            (program.to_owned(), found)
        })
        .collect();
    let client = async {
        let own = own_kubeconfig(context)?;
        let client = client_at(Kubeconfig::from_yaml(&own).map_err(|e| e.to_string())).await?;
        let silent = |why: String| {
            EnvironmentError::new(
                EnvironmentProblem::Cluster,
                format!("the API server of the context {context} does not answer: {why}"),
                "look whether kubectl can use the context",
            )
        };
        let told = tokio::time::timeout(ANSWERING, client.apiserver_version()).await;
        let version = told
            .map_err(|_| silent(format!("nothing within {} s", ANSWERING.as_secs())))?
            .map_err(|e| silent(words(&e)))?;
        Ok((client, version.git_version))
    };
    let name = format!("context {context}");
    let namespaces = Namespaces::among_others(&config.run_id, "").operated(config.target.operators.is_some());
    match client.await {
        Ok((client, version)) => {
            items.push((name, Ok(format!("Kubernetes {version}"))));
            let rights = rights::ask(&client, &namespaces).await;
            items.push(("rights".to_owned(), rights.map(|count| format!("all {count} that are needed"))));
            if namespaces.is_operated() {
                let cluster = Cluster::with(client, namespaces.clone());
                let there = cluster.has_operators(&Resource::of_stores()).await;
                items.push((
                    "operators".to_owned(),
                    there.map(|()| "CloudNativePG and ECK are installed".to_owned()),
                ));
            }
        }
        Err(error) => items.push((name, Err(error))),
    }
    let images: Result<Vec<String>> = asked(config, &namespaces)
        .into_iter()
        .filter_map(|place| {
            let side = config.side(place.side);
            let image = match place.operated {
                true => Image::of_operator(side, place.store, machine).transpose()?,
                false => Image::of(side, place.store, machine),
            };
            Some(image.map(|image| image.to_string()))
        })
        .collect();
    items.push((
        "images".to_owned(),
        images.map(|mut images| {
            images.sort();
            images.dedup();
            format!("the cluster has to have or pull {}", images.join(", "))
        }),
    ));
    items
}
