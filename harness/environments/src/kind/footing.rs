//! Whose cluster a run is in, and what it therefore has its hands on: the node of a cluster of its own, or its namespaces among
//! those of others.

use super::cluster::Cluster;
use super::context::{Claim, PodStore};
use super::forward::Forward;
use super::node::{Node, NodeStore};
use super::place::Place;
use crate::containers::{Engine, Marks, Remove};
use crate::error::Result;
use crate::machine::Machine;
use crate::workdir::WorkDir;

/// What a run has of its cluster.
#[derive(Debug)]
pub(super) enum Footing {
    /// All of it.
    Own {
        /// Its one node.
        node: Node,
        /// The engine that the node is a container of.
        engine: Engine,
    },
    /// Its own namespaces.
    Lent {
        /// What it made there.
        claim: Claim,
        /// Ways to the stores, open for as long as they are kept.
        _ways: Vec<Forward>,
    },
}

impl Footing {
    pub(super) fn own(node: Node, engine: &Engine) -> Self {
        Self::Own { node, engine: engine.clone() }
    }

    /// The node, where it is the run's own.
    pub(super) fn node(&self) -> Option<&Node> {
        match self {
            Self::Own { node, .. } => Some(node),
            Self::Lent { .. } => None,
        }
    }

    /// Removes every snapshot; where there is no folder for any, nothing.
    pub(super) async fn remove_snapshots(&self) -> Result<()> {
        match self {
            Self::Own { node, .. } => node.remove_snapshots().await,
            Self::Lent { .. } => Ok(()),
        }
    }

    /// Bytes that the disk of all volumes has left; `None` where nobody tells.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        match self {
            Self::Own { engine, .. } => Machine::from_process().disk_available(engine.folder.as_deref()?),
            Self::Lent { .. } => None,
        }
    }

    /// A store, to be disturbed.
    pub(super) fn store(&self, cluster: &Cluster, place: Place) -> KindStore {
        match self {
            Self::Own { node, .. } => KindStore::OnNode(node.store(place)),
            Self::Lent { .. } => KindStore::ByApi(PodStore::of(cluster, place)),
        }
    }

    /// Removes everything of the run, but its work directory.
    ///
    /// # Errors
    /// The engine or the API server refuses.
    pub(super) async fn remove(&self, cluster: &Cluster, work: &WorkDir) -> Result<()> {
        match self {
            Self::Own { engine, .. } => engine.remove_run(&Marks::of(work), Remove::Everything).await,
            Self::Lent { claim, .. } => claim.remove(cluster.client()).await,
        }
    }
}

/// A store in a cluster.
#[derive(Debug, Clone)]
pub(crate) enum KindStore {
    /// Whose node can be told.
    OnNode(NodeStore),
    /// Of which only the API server can be told.
    ByApi(PodStore),
}

impl KindStore {
    /// Lets the store stand still: connections stay, and nobody answers.
    ///
    /// # Errors
    /// It does not run, or nobody can have it stand still.
    pub(crate) async fn pause(&self) -> Result<()> {
        match self {
            Self::OnNode(store) => store.pause().await,
            Self::ByApi(store) => Err(store.cannot_pause()),
        }
    }

    /// Lets it go on. One that does not stand still, or has ended, stays as it is.
    ///
    /// # Errors
    /// The node refuses.
    pub(crate) async fn go_on(&self) -> Result<()> {
        match self {
            Self::OnNode(store) => store.go_on().await,
            Self::ByApi(_) => Ok(()),
        }
    }

    /// Kills it. The cluster starts another one.
    ///
    /// # Errors
    /// It did not run before, it still runs after, or nobody tells.
    pub(crate) async fn kill(&self) -> Result<()> {
        match self {
            Self::OnNode(store) => store.kill().await,
            Self::ByApi(store) => store.kill().await,
        }
    }
}
