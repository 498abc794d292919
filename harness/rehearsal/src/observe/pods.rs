//! Whether the application runs, as its pods show. They are only listed.

use drydock_cluster::{Server, ServerError};
use drydock_core::observe::{Kubernetes, Workloads};
use std::time::Duration;

/// An API server that has not answered by then does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The release of a cluster.
pub(super) struct Pods {
    server: Server,
    about: Kubernetes,
    /// It was told that they cannot be seen.
    told: bool,
}

impl Pods {
    pub(super) async fn of(about: &Kubernetes) -> Result<Self, ServerError> {
        let server = Server::of_context(&about.context).await?;
        Ok(Self { server, about: about.clone(), told: false })
    }

    /// One look. Beside it why nothing was seen, the first time.
    pub(super) async fn look(&mut self) -> (Workloads, Option<String>) {
        let asked = self.server.application_pods(&self.about.namespace, &self.about.release);
        let why = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(pods)) => {
                self.told = false;
                return (if pods.is_empty() { Workloads::Stopped } else { Workloads::Running }, None);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        let first = !std::mem::replace(&mut self.told, true);
        let line = || {
            format!("the pods of {} cannot be seen, only the stores tell a freeze: {why}", self.about.release)
        };
        (Workloads::Unseen, first.then(line))
    }
}
