//! For whoever migrates the release with programs of his own, as the official scripts do: what those programs may see, the Secrets
//! that they expect, and what their doing looks like from the cluster.

use super::Kind;
use super::applications::{NOTE, OF_RELEASE, applications, as_note, counts, described, is_store_pod};
use super::judge;
use super::objects::RUN_LABEL;
use super::place::RELEASE;
use crate::config::{Side, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::procfs::{self, Process};
use k8s_openapi::api::core::v1::Pod;
use rustix::process::Signal;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Label of the pods of the official scripts' Jobs.
const OF_SCRIPTS: &str = "migration.camunda.io/type";
/// How long a program that an earlier life left may take to die.
const DYING: Duration = Duration::from_secs(5);

/// What programs from outside are told of the cluster.
#[derive(Debug, Clone)]
pub struct Outside {
    /// Their whole environment: the run's own kubeconfig and marker, and of the caller's variables only where programs and home
    /// are.
    pub variables: BTreeMap<OsString, OsString>,
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Version of its chart.
    pub chart_version: String,
    /// The folder that its chart lies in.
    pub chart: PathBuf,
    /// Host and port by which pods find the target PostgreSQL.
    pub postgres: (String, u16),
    /// The same of the target Elasticsearch.
    pub elasticsearch: (String, u16),
}

/// The cluster at one moment of a migration from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moment {
    /// Pods of the migration's own Jobs, by name, with their addresses where they have one yet.
    pub movers: BTreeMap<String, Option<String>>,
    /// What keeps those of them from running that do not, in the cluster's words.
    pub stuck: BTreeMap<String, String>,
    /// Pods of the application that are there, also those that are ending: with how each stands.
    pub applications: Vec<String>,
}

impl Kind {
    /// What programs from outside are told.
    pub fn outside(&self) -> Outside {
        let host = |store| {
            let place = self.up.cluster.namespaces().place(Side::Target, store);
            (place.host(self.up.cluster.namespaces()), place.port())
        };
        Outside {
            variables: self.up.programs.variables(self.work.path()),
            namespace: self.up.cluster.release().to_owned(),
            release: RELEASE.to_owned(),
            chart_version: self.up.release.version(),
            chart: self.up.release.chart_folder(),
            postgres: host(Store::Postgres),
            elasticsearch: host(Store::Elasticsearch),
        }
    }

    /// Makes Secrets beside the release, which is none of theirs: each by its name, with its keys.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn provide_secrets(
        &self,
        secrets: &BTreeMap<String, BTreeMap<String, SecretString>>,
    ) -> Result<()> {
        let made: Vec<_> = secrets
            .iter()
            .map(|(name, keys)| {
                let keys: BTreeMap<&str, &str> =
                    keys.iter().map(|(key, value)| (key.as_str(), value.expose_secret())).collect();
                json!({
                    "apiVersion": "v1",
                    "kind": "Secret",
                    "metadata": {"name": name, "namespace": self.up.cluster.release(), "labels": {RUN_LABEL: super::objects::label(self.work.run_id())}},
                    "type": "Opaque",
                    "stringData": keys,
                })
            })
            .collect();
        self.up.cluster.apply(&made).await
    }

    /// Notes how many replicas each application has, once, for whoever starts them after somebody else has stopped them.
    ///
    /// # Errors
    /// The API server refuses.
    pub async fn note_applications(&self) -> Result<BTreeMap<String, i32>> {
        let now = counts(&applications(&self.up.cluster).await?);
        let noted = self.up.cluster.note_once(self.up.cluster.release(), NOTE, &as_note(&now)).await?;
        super::applications::of_note(&noted)
    }

    /// Looks at the movers first and at the application then: a pod of the application that is seen was there when they were.
    ///
    /// # Errors
    /// The API server does not tell.
    pub async fn moment(&self) -> Result<Moment> {
        let cluster = &self.up.cluster;
        let movers = cluster.pods(cluster.release(), OF_SCRIPTS).await?;
        let all = cluster.pods(cluster.release(), OF_RELEASE).await?;
        let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
        let address = |pod: &Pod| pod.status.as_ref().and_then(|s| s.pod_ip.clone());
        Ok(Moment {
            movers: movers.iter().map(|pod| (name(pod), address(pod))).collect(),
            stuck: movers.iter().filter_map(|pod| Some((name(pod), judge::trouble(pod)?.words))).collect(),
            applications: all.iter().filter(|pod| !is_store_pod(pod)).map(described).collect(),
        })
    }

    /// Ends programs that a killed life of the run left behind; nothing of this life may run yet. Returns their names.
    ///
    /// # Errors
    /// One of them still runs.
    pub async fn end_left_programs(&self) -> Result<Vec<String>> {
        let marker = self.work.marker();
        let left: Vec<Process> =
            procfs::processes().into_iter().filter(|p| procfs::has_variable(p.pid, &marker)).collect();
        let names: BTreeSet<String> = left.iter().map(|p| procfs::name(p.pid)).collect();
        left.iter().for_each(|process| procfs::signal(process, Signal::KILL));
        match tokio::task::spawn_blocking(move || procfs::wait_ended(&left, DYING)).await {
            Ok(true) => Ok(names.into_iter().collect()),
            Ok(false) | Err(_) => Err(EnvironmentError::new(
                EnvironmentProblem::Cluster,
                "a program that the killed life of this run left behind still runs",
                "end it, or run `drydock clean`, then rehearse again",
            )),
        }
    }
}
