//! A way to a store through the API server: each connection to a port of this machine is carried to the pod that has the store's
//! name at that moment, so that who connects again after a pod was replaced meets the new one.

use super::super::cluster::Cluster;
use super::super::configuration::Place;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::ports::HeldPort;
use k8s_openapi::api::core::v1::Pod;
use kube::Client;
use kube::api::Api;
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
pub(in super::super) struct Forward {
    task: JoinHandle<()>,
}

impl Forward {
    /// Opens it at a port of the loopback interface that was held for it.
    ///
    /// # Errors
    /// The system refuses the socket.
    pub(super) fn open(cluster: &Cluster, place: Place, held: HeldPort) -> Result<Self> {
        let port = held.port();
        let listener = held.listen().map_err(|e| {
            EnvironmentError::new(
                EnvironmentProblem::Io,
                format!(
                    "cannot listen at port {port} for the way to the {} {}: {e}",
                    place.side, place.store
                ),
                "run again",
            )
        })?;
        let way = Way {
            client: cluster.client(),
            namespace: cluster.namespace_of(place).to_owned(),
            pod: place.pod(),
            inside: place.port(),
        };
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
    pod: String,
    inside: u16,
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
    let opened = tokio::time::timeout(OPENING, pods.portforward(&way.pod, &[way.inside])).await;
    let mut forwarder = match opened {
        Ok(Ok(forwarder)) => forwarder,
        Ok(Err(error)) => {
            tracing::debug!(pod = way.pod, %error, "the way to a store is closed");
            return;
        }
        Err(_) => {
            tracing::debug!(pod = way.pod, "the way to a store does not open");
            return;
        }
    };
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
        words = told => tracing::debug!(pod = way.pod, words, "the way to a store broke off"),
    }
    forwarder.abort();
}
