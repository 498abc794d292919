//! Ways to the pods of a real release, for whoever works in its applications.

use super::Kind;
use super::applications::OF_RELEASE;
use super::cluster::Cluster;
use super::forward::Forward;
use crate::error::Result;
use crate::ports::{HeldPort, PortChoice};
use crate::workdir::WorkDir;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// In the work directory: the port of each way. Tokens name the address at which they were given, so that it has to stay.
const NOTE: &str = "ways.json";

/// What of a release is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// REST of the Zeebe gateway.
    Gateway,
    /// REST of Operate.
    Operate,
    /// REST of Tasklist.
    Tasklist,
    /// Management of the broker.
    Broker,
    /// REST of Keycloak.
    Keycloak,
}

impl Part {
    /// The component that its pods are labelled as.
    pub(super) fn component(self) -> &'static str {
        match self {
            Self::Gateway => "zeebe-gateway",
            Self::Operate => "operate",
            Self::Tasklist => "tasklist",
            Self::Broker => "zeebe-broker",
            Self::Keycloak => "keycloak",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Broker => 9600,
            Self::Gateway | Self::Operate | Self::Tasklist | Self::Keycloak => 8080,
        }
    }

    pub(super) fn labels(self) -> String {
        format!("{OF_RELEASE},app.kubernetes.io/component={}", self.component())
    }
}

/// The ways that are open. They end with the environment.
#[derive(Debug, Default)]
pub(super) struct Ways {
    open: Mutex<BTreeMap<Part, (u16, Forward)>>,
}

impl Ways {
    fn port_to(&self, part: Part, cluster: &Cluster, work: &WorkDir) -> Result<u16> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((port, _)) = open.get(&part) {
            return Ok(*port);
        }
        let mut known: BTreeMap<String, u16> = work.read_json(NOTE).unwrap_or_default();
        let choice = known.get(part.component()).map_or(PortChoice::Any, |port| PortChoice::Preferred(*port));
        let held = HeldPort::take_for(choice, part.component())?;
        let port = held.port();
        known.insert(part.component().to_owned(), port);
        work.write_json(NOTE, &known)?;
        open.insert(part, (port, Forward::to_ready(cluster, &part.labels(), part.port(), held)?));
        Ok(port)
    }
}

impl Kind {
    /// Port of this machine that leads to a part of the release, to whichever pod of it is ready.
    ///
    /// # Errors
    /// No port can be had, or the work directory cannot be written.
    pub(crate) fn way_to(&self, part: Part) -> Result<u16> {
        self.up.ways.port_to(part, &self.up.cluster, &self.work)
    }

    /// What the pods of a part are made from: the image of their first container, and its tag. Both are empty where there is none.
    ///
    /// # Errors
    /// The API server does not tell.
    pub(crate) async fn image_of(&self, part: Part) -> Result<(String, String)> {
        let cluster = &self.up.cluster;
        let pods = cluster.pods(cluster.release(), &part.labels()).await?;
        let mut containers =
            pods.iter().filter_map(|pod| pod.spec.as_ref()).flat_map(|spec| &spec.containers);
        let image = containers.next().and_then(|c| c.image.clone()).unwrap_or_default();
        let tag = image.rsplit_once(':').map(|(_, tag)| tag.to_owned()).unwrap_or_default();
        Ok((image, tag))
    }

    /// Removes the pods that import for people, and waits until others are ready in their place.
    ///
    /// # Errors
    /// The API server refuses, or they do not come up.
    pub async fn renew_importers(&self) -> Result<()> {
        let cluster = &self.up.cluster;
        for part in [Part::Operate, Part::Tasklist] {
            for pod in cluster.pods(cluster.release(), &part.labels()).await? {
                let name = pod.metadata.name.unwrap_or_default();
                cluster.replace_pod(cluster.release(), &name, super::GOING).await?;
            }
        }
        self.await_applications().await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_told_by_its_own_label_beside_the_releases() {
        let parts = [Part::Gateway, Part::Operate, Part::Tasklist, Part::Broker, Part::Keycloak];
        let labels: std::collections::BTreeSet<String> = parts.into_iter().map(Part::labels).collect();
        assert_eq!(labels.len(), parts.len());
        assert!(labels.iter().all(|l| l.starts_with(OF_RELEASE)), "{labels:?}");
    }
}
