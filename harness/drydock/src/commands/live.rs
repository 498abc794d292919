//! Objects of a cluster that runs, read and never changed.

use super::objects::{tell, usage};
use crate::cli::{Output, ReportFiles, Source};
use drydock_cluster::{Helm, Server};
use drydock_core::ExitCode;
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use drydock_helm::objects::{Inventory, staging_against};
use std::time::Instant;

/// One side of a comparison.
pub(super) struct Side {
    /// Its objects.
    pub(super) objects: Inventory,
    /// Kinds that could not be read, each told as not compared.
    pub(super) unread: Vec<Finding>,
}

impl From<Inventory> for Side {
    fn from(objects: Inventory) -> Self {
        Self { objects, unread: Vec::new() }
    }
}

/// Why a side cannot be read.
pub(super) enum Unread {
    /// What was given cannot be used.
    Usage(String),
    /// The surroundings do not answer.
    Surroundings(String),
}

impl Unread {
    /// Tells it.
    pub(super) fn tell(&self) -> ExitCode {
        match self {
            Self::Usage(error) => usage(error),
            Self::Surroundings(error) => {
                super::tell(&format!("error: {error}"));
                ExitCode::CouldNotRun
            }
        }
    }
}

/// Reads a namespace of the cluster of a context, or what helm keeps of a release in it.
pub(super) async fn read(
    context: &str,
    namespace: &str,
    release: &str,
    source: Source,
) -> Result<Side, Unread> {
    let name = format!("{context}/{namespace}");
    if source == Source::Manifest {
        let helm = Helm::find(None).ok_or_else(|| {
            Unread::Surroundings(format!("cannot read the release {release} of {name}: there is no helm on the search path; install it, or compare the objects themselves (--source objects)"))
        })?;
        let written = helm.manifest(release, namespace, context).map_err(|error| {
            // Its words hold no values: it was given none.
            let words = match &error {
                drydock_cluster::HelmError::Refused { words, .. } => format!(": {}", words.trim()),
                _ => String::new(),
            };
            Unread::Surroundings(format!("cannot read the release {release} of {name}: {error}{words}"))
        })?;
        let objects = Inventory::read(&[(name, written.manifests)]);
        return objects.map(Side::from).map_err(|e| Unread::Surroundings(e.to_string()));
    }
    let failed = |error: drydock_cluster::ServerError| Unread::Surroundings(error.to_string());
    let server = Server::of_context(context).await.map_err(failed)?;
    let listed = server.namespace(namespace).await.map_err(failed)?;
    let unread = listed.not_listed.iter().map(|kind| {
        let message = format!("{} objects of {name} were not read: {}", kind.kind, kind.reason);
        Finding::not_compared(checks::OBJECTS, kind.kind.clone(), message)
            .next("give the account the right to list them (get and list are enough), or leave them out by a ledger")
    });
    let unread = unread.collect();
    let objects =
        Inventory::of_values(&name, listed.objects).map_err(|e| Unread::Surroundings(e.to_string()))?;
    Ok(Side { objects, unread })
}

/// What a green rehearsal on one cluster does not prove about another.
pub(super) async fn representative(staging: &str, production: &str, namespace: &str, json: bool) -> ExitCode {
    let began = Instant::now();
    let mut sides = Vec::new();
    for context in [staging, production] {
        match read(context, namespace, "", Source::Objects).await {
            Ok(side) => sides.push(side),
            Err(unread) => return unread.tell(),
        }
    }
    let [here, there] = sides.as_slice() else { return ExitCode::CouldNotRun };
    let mut check = staging_against(&here.objects, &there.objects);
    for finding in here.unread.iter().chain(&there.unread) {
        check.findings.push(Finding { check: checks::REPRESENTATIVE.into(), ..finding.clone() });
    }
    let files = ReportFiles { sarif: None, junit: None };
    let output = Output { expected: Vec::new(), report: None, json };
    tell("staging", &[checks::REPRESENTATIVE], vec![check], began, &files, &output)
}
