//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Independent witness for Camunda 8 platform migrations.
///
/// Rehearses a whole migration, compares what arrived with what left, and says how long users wait.
#[derive(Debug, Parser)]
#[command(name = "drydock", version, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Show what happens inside; RUST_LOG overrides it.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Rehearse a migration on stores made for it: the main job
    Rehearse(Rehearse),
    /// Compare two live stores, two values files or two sets of objects, read-only
    #[command(subcommand)]
    Verify(Verify),
    /// Print what to do from one release to another, and judge what a machine can judge
    UpgradePath(UpgradePath),
    /// Plant corruptions in copies and show that every check fires
    Prove(Prove),
    /// Rebuild the reports of a run from its record
    Report(Report),
    /// Say everything that is missing on this machine, at once
    Doctor(Doctor),
    /// Remove what crashed runs left behind
    Clean(Clean),
    /// Explain a topic, or a command
    Help(Help),
}

#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Scenario files
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) scenarios: Vec<PathBuf>,
    /// Go on with a run that was killed or interrupted: its folder, or its name
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// Print the plan and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub(crate) plan: bool,
    /// Where the stores run; so far only as local processes
    #[arg(long, value_name = "ENV", value_parser = ["embedded"], default_value = "embedded")]
    pub(crate) on: String,
    /// Who migrates; so far only the phases as implemented here
    #[arg(long, value_name = "DRIVER", value_parser = ["builtin"], default_value = "builtin")]
    pub(crate) driver: String,
    /// Seed of everything random, instead of the scenario's
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of documents, instead of the profile's
    #[arg(long)]
    pub(crate) documents: Option<u64>,
    /// Leave the stores running at the end; `drydock clean` removes them
    #[arg(long)]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) homes: Homes,
    /// Where run folders go
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Homes {
    /// PostgreSQL installation to use (the folder that holds bin/postgres)
    #[arg(long, value_name = "DIR", env = "DRYDOCK_POSTGRES_HOME")]
    pub(crate) postgres_home: Option<PathBuf>,
    /// Elasticsearch installation to use (the folder that holds bin/elasticsearch)
    #[arg(long, value_name = "DIR", env = "DRYDOCK_ELASTICSEARCH_HOME")]
    pub(crate) elasticsearch_home: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    #[command(flatten)]
    Stores(VerifyStores),
    /// Helm values for one chart against those for another
    Values(Box<Values>),
    /// Rendered manifests or dumps of a cluster, before against after
    Objects(Objects),
    /// What a green rehearsal on staging does not prove about production
    Staging(Staging),
    /// Brokers and partitions as each of them tells: one leader a partition, and one cluster
    Topology(Topology),
    /// The data migration of 8.8: metrics, jobs and importers, live or saved
    Migration(Migration),
}

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
pub(crate) struct Migration {
    /// Scrape of the migration job's metrics (/actuator/prometheus), saved
    #[arg(long, value_name = "FILE", required_unless_present_any = ["metrics_url", "objects", "positions"])]
    pub(crate) metrics: Option<PathBuf>,
    /// Address of the metrics (http://HOST:9600/actuator/prometheus), read once
    #[arg(long, value_name = "URL", conflicts_with = "metrics")]
    pub(crate) metrics_url: Option<String>,
    /// Documents of Operate's process index
    #[arg(long, value_name = "N")]
    pub(crate) documents: Option<u64>,
    /// Objects of the namespace (`kubectl get jobs,deployments,pods -o yaml`): the migration jobs must have completed; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) objects: Vec<PathBuf>,
    /// Search answer with every document of an import-position index (size 10000), saved: importers must have finished on
    /// every partition; may be repeated, one for Operate and one for Tasklist
    #[arg(long, value_name = "FILE", requires = "partitions")]
    pub(crate) positions: Vec<PathBuf>,
    /// Partitions of the cluster
    #[arg(long, value_name = "N")]
    pub(crate) partitions: Option<u64>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
    #[command(flatten)]
    pub(crate) output: Output,
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
    #[arg(long, value_name = "FILE")]
    pub(crate) objects: Vec<PathBuf>,
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
    /// Write the migrated values here; a folder if there are several old files
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

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyStores {
    /// Two Elasticsearch clusters
    Elasticsearch {
        #[command(flatten)]
        elasticsearch: ElasticsearchPair,
        #[command(flatten)]
        depth: Depth,
        #[command(flatten)]
        output: Output,
    },
    /// Two PostgreSQL servers
    Postgres {
        #[command(flatten)]
        postgres: PostgresPair,
        #[command(flatten)]
        depth: Depth,
        #[command(flatten)]
        output: Output,
    },
    /// Two Keycloaks: in their databases, or through the admin API
    Keycloak {
        #[command(flatten)]
        keycloak: KeycloakArguments,
        #[command(flatten)]
        output: Output,
    },
    /// Both kinds of store
    All {
        #[command(flatten)]
        stores: AllStores,
        #[command(flatten)]
        depth: Depth,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ElasticsearchPair {
    /// Address of the source, `https://user:password@host:port`
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_ELASTICSEARCH", hide_env_values = true)]
    pub(crate) source: String,
    /// Address of the target
    #[arg(long, value_name = "URL", env = "DRYDOCK_TARGET_ELASTICSEARCH", hide_env_values = true)]
    pub(crate) target: String,
    #[command(flatten)]
    pub(crate) scope: IndexScope,
}

#[derive(Debug, Args)]
pub(crate) struct IndexScope {
    /// Compare indices whose names begin so; all but system indices if absent. May be repeated
    #[arg(long = "prefix", value_name = "PREFIX")]
    pub(crate) prefixes: Vec<String>,
    /// Compare the documents' version numbers as well: after a snapshot, or a copy with external versions
    #[arg(long)]
    pub(crate) versions: bool,
    /// Certification authority (PEM) to trust for the source
    #[arg(long, value_name = "FILE")]
    pub(crate) source_ca: Option<PathBuf>,
    /// Certification authority (PEM) to trust for the target
    #[arg(long, value_name = "FILE")]
    pub(crate) target_ca: Option<PathBuf>,
    /// API key for the source
    #[arg(long, env = "DRYDOCK_SOURCE_API_KEY", hide_env_values = true)]
    pub(crate) source_api_key: Option<String>,
    /// API key for the target
    #[arg(long, env = "DRYDOCK_TARGET_API_KEY", hide_env_values = true)]
    pub(crate) target_api_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct PostgresPair {
    /// Address of the source, `postgres://user:password@host:port/database`
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_POSTGRES", hide_env_values = true)]
    pub(crate) source: String,
    /// Address of the target
    #[arg(long, value_name = "URL", env = "DRYDOCK_TARGET_POSTGRES", hide_env_values = true)]
    pub(crate) target: String,
    /// Databases to compare, NAME or SOURCE=TARGET, separated by commas; those of the addresses if absent, else all
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) databases: Vec<String>,
    /// Insert one row into every table of the target that a sequence numbers, and roll it back. Not read-only: sequences
    /// go on, and triggers fire
    #[arg(long)]
    pub(crate) probe_writes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct KeycloakArguments {
    /// The source: `postgres://user:password@host:port/database` reads its database, `https://admin:password@host/auth` the
    /// admin API
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_KEYCLOAK", hide_env_values = true)]
    pub(crate) source: String,
    /// The target, in the same way as the source
    #[arg(long, value_name = "URL", env = "DRYDOCK_TARGET_KEYCLOAK", hide_env_values = true)]
    pub(crate) target: String,
    /// Realms to compare; all if absent. May be repeated
    #[arg(long = "realm", value_name = "REALM")]
    pub(crate) realms: Vec<String>,
    /// Admin API: how the name and secret in the addresses log in
    #[arg(long, value_enum, default_value_t = Grant::Password)]
    pub(crate) grant: Grant,
    /// Admin API: realm to log in to
    #[arg(long, value_name = "REALM", default_value = "master")]
    pub(crate) admin_realm: String,
    /// Certification authority (PEM) to trust for the source's admin API
    #[arg(long, value_name = "FILE")]
    pub(crate) source_ca: Option<PathBuf>,
    /// Certification authority (PEM) to trust for the target's admin API
    #[arg(long, value_name = "FILE")]
    pub(crate) target_ca: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grant {
    /// As a user, through the client admin-cli
    Password,
    /// As a client with a service account
    ClientCredentials,
}

#[derive(Debug, Args)]
pub(crate) struct AllStores {
    /// Source cluster
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_ELASTICSEARCH", hide_env_values = true)]
    pub(crate) source_elasticsearch: String,
    /// Target cluster
    #[arg(long, value_name = "URL", env = "DRYDOCK_TARGET_ELASTICSEARCH", hide_env_values = true)]
    pub(crate) target_elasticsearch: String,
    /// Source server
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_POSTGRES", hide_env_values = true)]
    pub(crate) source_postgres: String,
    /// Target server
    #[arg(long, value_name = "URL", env = "DRYDOCK_TARGET_POSTGRES", hide_env_values = true)]
    pub(crate) target_postgres: String,
    /// Databases to compare, as for `verify postgres`
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) databases: Vec<String>,
    /// Insert and roll back one row a table, as for `verify postgres`
    #[arg(long)]
    pub(crate) probe_writes: bool,
    #[command(flatten)]
    pub(crate) scope: IndexScope,
}

#[derive(Debug, Args)]
pub(crate) struct Depth {
    /// Let the stores count and digest by themselves; read in full only what then differs
    #[arg(long)]
    pub(crate) fast: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Ledger file with expected differences (of stores: besides those that every migration shows); may be repeated
    #[arg(long, visible_alias = "ledger", value_name = "FILE")]
    pub(crate) expected: Vec<PathBuf>,
    /// Also write record.jsonl, report.json, report.md and junit.xml into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) report: Option<PathBuf>,
    /// Print the report as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Prove {
    /// Only in memory, in a second; no stores are started
    #[arg(long)]
    pub(crate) in_memory: bool,
    /// Seed of everything random; the same one repeats the proof
    #[arg(long, default_value_t = drydock_rehearsal::prove::DEFAULT_SEED)]
    pub(crate) seed: u64,
    /// Leave the stores running at the end; `drydock clean` removes them
    #[arg(long, conflicts_with = "in_memory")]
    pub(crate) keep: bool,
    #[command(flatten)]
    pub(crate) homes: Homes,
    /// Where the folder with the logs of the stores goes
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print the proof as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folder, its record, or the name of a run
    pub(crate) run: String,
    /// What to print; the files in the folder are rebuilt in any case
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(crate) format: Format,
    /// Where run folders are
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One screen
    Terminal,
    /// report.json
    Json,
    /// report.md
    Markdown,
    /// junit.xml
    Junit,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Check for this scenario instead of the standard one
    pub(crate) scenario: Option<PathBuf>,
    /// Context of the production cluster: say what a green rehearsal on --staging does not prove about it
    #[arg(long, value_name = "CONTEXT", conflicts_with = "scenario", requires = "staging")]
    pub(crate) against: Option<String>,
    /// Context of the staging cluster, for --against
    #[arg(long, value_name = "CONTEXT", requires = "against")]
    pub(crate) staging: Option<String>,
    /// Namespace in both clusters, for --against
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) namespace: String,
    #[command(flatten)]
    pub(crate) homes: Homes,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Clean {
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Help {
    /// `exit-codes`, or the name of a command
    pub(crate) topic: Option<String>,
}
