//! A way to a pod through the API server: each connection to a port of this machine is carried to the pod that has the name, or
//! that is ready, at that moment, so that who connects again after a pod was replaced meets the new one.

use super::cluster::Cluster;
use super::judge;
use super::place::Place;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::ports::HeldPort;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::{Api, ListParams};
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long the server may take to reach the pod.
const OPENING: Duration = Duration::from_secs(10);
/// After an error of the listening socket, which is out of descriptors at worst.
const REST: Duration = Duration::from_millis(50);

/// An open way. It ends when it is dropped, with everybody who uses it.
#[derive(Debug)]
pub(super) struct Forward {
    task: JoinHandle<()>,
}

impl Forward {
    /// Opens one to a store, at a port of the loopback interface that was held for it.
    ///
    /// # Errors
    /// The system refuses the socket.
    pub(super) fn to_store(cluster: &Cluster, place: Place, held: HeldPort) -> Result<Self> {
        let way = Way {
            client: cluster.client(),
            namespace: cluster.namespace_of(place).to_owned(),
            to: To::Named(place.pod()),
            inside: place.port(),
        };
        Self::open(way, &format!("{} {}", place.side, place.store), held)
    }

    /// Opens one to whichever pod of the release carries all these labels and is ready.
    ///
    /// # Errors
    /// As [`Forward::to_store`].
    pub(super) fn to_ready(cluster: &Cluster, labels: &str, inside: u16, held: HeldPort) -> Result<Self> {
        Self::to_ready_in(cluster, cluster.release(), labels, inside, held)
    }

    /// The same of any namespace.
    ///
    /// # Errors
    /// As [`Forward::to_store`].
    pub(super) fn to_ready_in(
        cluster: &Cluster,
        namespace: &str,
        labels: &str,
        inside: u16,
        held: HeldPort,
    ) -> Result<Self> {
        let (client, namespace) = (cluster.client(), namespace.to_owned());
        let way = Way { client, namespace, to: To::Ready(labels.to_owned()), inside };
        Self::open(way, labels, held)
    }

    fn open(way: Way, whom: &str, held: HeldPort) -> Result<Self> {
        let port = held.port();
        let listener = held.listen().map_err(|e| {
            EnvironmentError::new(
                EnvironmentProblem::Io,
                format!("cannot listen at port {port} for the way to the {whom}: {e}"),
                "run again",
            )
        })?;
        Ok(Self { task: tokio::spawn(carry_all(listener, way)) })
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Way {
    client: Client,
    namespace: String,
    to: To,
    inside: u16,
}

/// The pod at the other end.
#[derive(Clone)]
enum To {
    /// Of this name, ready or not.
    Named(String),
    /// Any that carries all these labels and is ready.
    Ready(String),
}

impl To {
    /// Its name at this moment; `None` where there is none, or nobody tells.
    async fn now(&self, pods: &Api<Pod>) -> Option<String> {
        match self {
            Self::Named(name) => Some(name.clone()),
            Self::Ready(labels) => {
                let all = pods.list(&ListParams::default().labels(labels)).await.ok()?;
                all.items.into_iter().find(judge::pod_ready)?.metadata.name
            }
        }
    }
}

async fn carry_all(listener: TcpListener, way: Way) {
    // They end with this task.
    let mut carried = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((here, _)) => {
                    carried.spawn(carry(here, way.clone()));
                }
                Err(error) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    tokio::time::sleep(REST).await;
                }
            },
            Some(_) = carried.join_next() => {}
        }
    }
}

/// Carries one connection. Whoever made it sees it end where the pod is not there, as with a port that nobody listens on.
async fn carry(mut here: TcpStream, way: Way) {
    let pods: Api<Pod> = Api::namespaced(way.client, &way.namespace);
    let opening = async {
        let pod = way.to.now(&pods).await?;
        match pods.portforward(&pod, &[way.inside]).await {
            Ok(forwarder) => Some((pod, forwarder)),
            Err(error) => {
                tracing::debug!(pod, %error, "the way to a pod is closed");
                None
            }
        }
    };
    let Ok(Some((pod, mut forwarder))) = tokio::time::timeout(OPENING, opening).await else { return };
    let Some(mut there) = forwarder.take_stream(way.inside) else { return };
    let failed = forwarder.take_error(way.inside);
    // Answers are waited for: small ones must not wait for more to come.
    let _ = here.set_nodelay(true);
    let told = async {
        match failed {
            // The other end may tell that it failed, or that it ended well.
            Some(failed) => match failed.await {
                Some(words) => words,
                None => std::future::pending().await,
            },
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = copy_bidirectional(&mut here, &mut there) => {}
        words = told => tracing::debug!(pod, words, "the way to a pod broke off"),
    }
    forwarder.abort();
}
