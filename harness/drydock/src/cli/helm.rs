//! Arguments of what is said about charts, values, objects and brokers.

use super::Output;
use clap::{ArgGroup, Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Topology {
    /// Saved answer of GET /v2/topology; may be repeated, one for each broker that was asked
    #[arg(long, value_name = "FILE", required_unless_present = "address")]
    pub(crate) file: Vec<PathBuf>,
    /// Address of a broker or gateway to ask (http://HOST:8080); may be repeated. Ask each broker, not the service in front
    #[arg(long, value_name = "URL")]
    pub(crate) address: Vec<String>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
#[command(group(
    ArgGroup::new("looks").required(true).multiple(true)
        .args(["metrics", "metrics_url", "objects", "positions", "indices", "source"])
))]
pub(crate) struct Migration {
    /// Scrape of the migration job's metrics (/actuator/prometheus), saved
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Address of the metrics (http://HOST:9600/actuator/prometheus), read once
    #[arg(long, value_name = "URL", conflicts_with = "metrics")]
    pub(crate) metrics_url: Option<String>,
    /// Documents of Operate's process index, counted before; without it they are counted in --source
    #[arg(long, value_name = "N")]
    pub(crate) documents: Option<u64>,
    #[command(flatten)]
    pub(crate) store: MigratedStore,
    /// Objects of the namespace (`kubectl get jobs,deployments,pods -o yaml`): the migration jobs must have completed; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) objects: Vec<PathBuf>,
    /// Search answer with every document of an import-position index (size 10000), saved: importers must have finished on
    /// every partition; may be repeated, one for Operate and one for Tasklist
    #[arg(long, value_name = "FILE", requires = "partitions")]
    pub(crate) positions: Vec<PathBuf>,
    /// Names of all indices (`GET _cat/indices?format=json&h=index`), saved: those of 8.8 must be there
    #[arg(long, value_name = "FILE")]
    pub(crate) indices: Option<PathBuf>,
    /// Partitions of the cluster
    #[arg(long, value_name = "N")]
    pub(crate) partitions: Option<u64>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct MigratedStore {
    /// Elasticsearch or OpenSearch with the indices of Operate and Tasklist (https://USER:PASSWORD@HOST:PORT), only read: the
    /// process index is counted, importers must have finished, and the indices of 8.8 must be there
    #[arg(long, value_name = "URL")]
    pub(crate) source: Option<String>,
    /// Certification authority (PEM) to trust for it
    #[arg(long, value_name = "FILE", requires = "source")]
    pub(crate) source_ca: Option<PathBuf>,
    /// API key for it
    #[arg(long, env = "DRYDOCK_SOURCE_API_KEY", hide_env_values = true)]
    pub(crate) source_api_key: Option<String>,
    /// What the names of all indices begin with, where it is not nothing
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub(crate) index_prefix: String,
}

#[derive(Debug, Args)]
pub(crate) struct UpgradePath {
    /// Version that runs: 8.4 for an application, 9.3.7 for a chart
    #[arg(long, value_name = "VERSION")]
    pub(crate) from: String,
    /// Version to go to
    #[arg(long, value_name = "VERSION")]
    pub(crate) to: String,
    /// Name of the release
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) release: String,
    /// Its namespace
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) namespace: String,
    /// Values that are to be used, to judge the steps about them; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) values: Vec<PathBuf>,
    /// Dump of the release's objects, to judge the steps about them; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "context")]
    pub(crate) objects: Vec<PathBuf>,
    /// Read the objects from the cluster of this context of the kubeconfig instead; it is never changed
    #[arg(long, value_name = "CONTEXT")]
    pub(crate) context: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Objects {
    /// Objects before: output of `helm template`, `helm get manifest` or `kubectl get -o yaml`; may be repeated
    #[arg(long, value_name = "FILE", required_unless_present = "before_context")]
    pub(crate) before: Vec<PathBuf>,
    /// Objects after; may be repeated
    #[arg(long, value_name = "FILE", required_unless_present = "after_context")]
    pub(crate) after: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) live: LiveObjects,
    /// Name of the release, for the hosts of its services
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) release: String,
    /// Whether parts built by Bitnami may stay
    #[arg(long, value_enum, default_value_t = Bitnami::Stays)]
    pub(crate) bitnami: Bitnami,
    /// Log in once with the value of a Secret after: SECRET/KEY=postgres://USER@HOST:PORT/DATABASE, or
    /// SECRET/KEY=https://CLIENT@HOST/realms/REALM (with ?user=NAME for a user); may be repeated. Not read-only: a server
    /// notes a session, and a refused login counts towards its protection against guessing
    #[arg(long, value_name = "SECRET/KEY=ADDRESS")]
    pub(crate) login: Vec<String>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct LiveObjects {
    /// Read the objects before from the cluster of this context of the kubeconfig; it is asked for, and never changed
    #[arg(long, value_name = "CONTEXT", conflicts_with = "before")]
    pub(crate) before_context: Option<String>,
    /// Read the objects after from the cluster of this context
    #[arg(long, value_name = "CONTEXT", conflicts_with = "after")]
    pub(crate) after_context: Option<String>,
    /// Namespace in both clusters
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) namespace: String,
    /// Namespace in the cluster after, if it is another one
    #[arg(long, value_name = "NAME")]
    pub(crate) after_namespace: Option<String>,
    /// What is read of a cluster
    #[arg(long, value_enum, default_value_t = Source::Objects)]
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The objects themselves
    Objects,
    /// What helm keeps of the release (`helm get manifest`)
    Manifest,
}

#[derive(Debug, Args)]
pub(crate) struct Staging {
    /// Objects of staging (with `kubectl get nodes -o yaml` as one more file); may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) staging: Vec<PathBuf>,
    /// Objects of production; may be repeated
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) production: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Args)]
pub(crate) struct Values {
    /// Values file for the chart that is left; may be repeated, later ones win
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) from: Vec<PathBuf>,
    /// Values file for the chart that is migrated to; may be repeated. Without it: what happens if the old ones are used
    /// unchanged
    #[arg(long, value_name = "FILE")]
    pub(crate) to: Vec<PathBuf>,
    /// The chart that is left: its version (12.13.3, or 12.x), or the chart itself, a folder or a .tgz
    #[arg(long, value_name = "VERSION|PATH")]
    pub(crate) chart_from: String,
    /// The chart that is migrated to
    #[arg(long, value_name = "VERSION|PATH")]
    pub(crate) chart_to: String,
    /// The chart that is left itself, where --chart-from names a version
    #[arg(long, value_name = "PATH")]
    pub(crate) chart_from_files: Option<PathBuf>,
    /// The chart that is migrated to itself, where --chart-to names a version
    #[arg(long, value_name = "PATH")]
    pub(crate) chart_to_files: Option<PathBuf>,
    /// Whether `helm template` renders both sides, and the objects are compared
    #[arg(long, value_enum, num_args = 0..=1, default_value_t = Render::Auto, default_missing_value = "always")]
    pub(crate) render: Render,
    /// The helm to use, instead of the one on the search path
    #[arg(long, value_name = "FILE", env = "DRYDOCK_HELM")]
    pub(crate) helm: Option<PathBuf>,
    /// Namespace to render for
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) namespace: String,
    /// Value of the command line, as for `helm --set`, over the old files; may be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The same over the new files
    #[arg(long, value_name = "KEY=VALUE", requires = "to")]
    pub(crate) set_to: Vec<String>,
    /// Name of the release, for the hosts of its services
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) release: String,
    /// Whether parts built by Bitnami may stay
    #[arg(long, value_enum, default_value_t = Bitnami::Stays)]
    pub(crate) bitnami: Bitnami,
    /// Write the migrated values here; a folder if there are several old files, or --set beside one
    #[arg(long, value_name = "PATH")]
    pub(crate) write: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Render {
    /// Where both charts are given as folders or .tgz files and helm is there
    Auto,
    /// It must
    Always,
    /// It does not
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Bitnami {
    /// They are told
    Stays,
    /// Each that is left is a difference
    Leaves,
}

#[derive(Debug, Args)]
pub(crate) struct ReportFiles {
    /// Write findings for code scanning into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Write a JUnit report into this file
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}
