//! The command line.

mod drill;
mod estimate;
mod everyday;
mod helm;
mod observe;
mod place;
mod sharing;
mod simulate;

pub(crate) use drill::Drill;
pub(crate) use estimate::{Bench, Compare, Estimate, LiveVolumes, Where};
pub(crate) use everyday::{Completions, Explain, Init, InitRelease, Man, TargetStores, Way};
pub(crate) use helm::{
    Bitnami, Migration, Objects, Render, ReportFiles, Source, Staging, Topology, UpgradePath, Values,
};
pub(crate) use observe::Observe;
pub(crate) use sharing::{Depth, Output, Sharing};
pub(crate) use simulate::{DRAWN, Simulate};

use clap::{Args, Parser, Subcommand, ValueEnum};
use drydock_core::scenario::{DriverName, EnvironmentName};
use place::Places;
use std::path::PathBuf;

/// Independent witness for Camunda 8 platform migrations.
///
/// Rehearses a whole migration, compares what arrived with what left, and says how long users wait.
#[derive(Debug, Parser)]
#[command(name = "drydock", version = env!("DRYDOCK_VERSION"), propagate_version = true, disable_help_subcommand = true)]
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
    /// Watch a migration that somebody else carries out, read-only, and judge it
    Observe(Observe),
    /// Go back from every step in turn, and say how long that takes and what it loses
    Drill(Drill),
    /// Play the migration in virtual time, under thousands of schedules and faults
    Simulate(Simulate),
    /// Compare two live stores, two values files or two sets of objects, read-only
    #[command(subcommand)]
    Verify(Verify),
    /// Print what to do from one release to another, and judge what a machine can judge
    UpgradePath(UpgradePath),
    /// Plant corruptions in copies and show that every check fires
    Prove(Prove),
    /// Measure the downtime of a scenario at several volumes, and keep every run in a history
    Bench(Bench),
    /// Say how long users are going to wait, and how sure that is
    Estimate(Box<Estimate>),
    /// Hold one run against an earlier one: slower beyond the noise, new findings, lost checks
    Compare(Compare),
    /// Rebuild the reports of a run from its record
    Report(Report),
    /// Say everything that is missing on this machine, at once
    Doctor(Doctor),
    /// Remove what crashed runs left behind
    Clean(Clean),
    /// Write a first scenario, from answers or from the values of a release
    Init(Box<Init>),
    /// Say what a check, fault, finding or exit code means, how it happens, and what to do
    Explain(Explain),
    /// Print the completion script of a shell
    Completions(Completions),
    /// Print the manual page
    Man(Man),
    /// Explain a topic, or a command
    Help(Help),
}

/// Who migrates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Driver {
    /// The phases as implemented here
    Builtin,
    /// The official scripts of a checkout, as they are; in a cluster only
    Scripts,
    /// Somebody else; `drydock observe` watches
    Observe,
}

impl Driver {
    /// As scenarios name it; none where nobody migrates here.
    pub(crate) fn name(self) -> Option<DriverName> {
        match self {
            Self::Builtin => Some(DriverName::Builtin),
            Self::Scripts => Some(DriverName::Scripts),
            Self::Observe => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rehearse {
    /// Scenario files. Of several, one matrix is printed, and exit code 0 says that each ended as it is meant to (`expect:`)
    #[arg(required_unless_present = "resume", conflicts_with = "resume")]
    pub(crate) scenarios: Vec<PathBuf>,
    /// Go on with a run that was killed or interrupted: its folder, or its name
    #[arg(long, value_name = "RUN")]
    pub(crate) resume: Option<String>,
    /// Print the plan and do nothing
    #[arg(long, conflicts_with = "resume")]
    pub(crate) plan: bool,
    /// Where the stores run, instead of the scenario's environment
    #[arg(long, value_name = "ENV", value_parser = Places, conflicts_with = "resume")]
    pub(crate) on: Option<EnvironmentName>,
    /// Who migrates, instead of the scenario's driver
    #[arg(long, value_name = "DRIVER", value_enum, conflicts_with = "resume")]
    pub(crate) driver: Option<Driver>,
    /// Checkout of the official migration scripts, for --driver scripts: the folder with generic/kubernetes/migration. It is copied
    /// for the run and never changed
    #[arg(long, value_name = "DIR")]
    pub(crate) scripts: Option<PathBuf>,
    /// Folder of the chart that the scenario's `chart` asks for, instead of fetching it. It is never changed
    #[arg(long, value_name = "DIR")]
    pub(crate) chart: Option<PathBuf>,
    /// A file of values for that chart, after those of the scenario; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub(crate) chart_values: Vec<PathBuf>,
    /// Manifests of the operators that keep the target, for a cluster of the run's own; may be given more than once
    #[arg(long, value_name = "FILE")]
    pub(crate) operator: Vec<PathBuf>,
    /// Seed of everything random, instead of the scenario's
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of documents, instead of the profile's: 5000, 10k or 1M
    #[arg(long, value_name = "COUNT", value_parser = drydock_estimate::parse_count)]
    pub(crate) documents: Option<u64>,
    /// Longest outage that is accepted, instead of the scenario's, as in 5min: exit code 4 beyond it
    #[arg(long, value_name = "DURATION", value_parser = everyday::positive_duration)]
    pub(crate) downtime: Option<jiff::SignedDuration>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyStores {
    /// Two Elasticsearch clusters
    Elasticsearch {
        #[command(flatten)]
        elasticsearch: ElasticsearchPair,
        #[command(flatten)]
        depth: Depth,
        #[command(flatten)]
        sharing: Sharing,
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
        sharing: Sharing,
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
        sharing: Sharing,
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
    /// Position up to which the broker counts a partition as exported; may be repeated
    #[arg(long = "exported-position", value_name = "PARTITION=POSITION")]
    pub(crate) exported_positions: Vec<String>,
    /// The same from a file: a saved answer of the broker's /actuator/partitions, or a scrape of its metrics
    #[arg(long, value_name = "FILE")]
    pub(crate) exported_from: Option<PathBuf>,
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
    #[command(flatten)]
    pub(crate) login: LoginArguments,
}

#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Log in as this user on both sides and compare the tokens. The password comes from DRYDOCK_LOGIN_PASSWORD, or as a
    /// line on standard input. Not read-only: each server notes a session and an event, and a refused login counts
    /// towards its protection against guessing
    #[arg(long, value_name = "USER")]
    pub(crate) login: Option<String>,
    /// Client the login goes through; alone, the client itself logs in. Its secret comes from
    /// DRYDOCK_LOGIN_CLIENT_SECRET, for a client that logs in itself also from standard input [with --login: admin-cli]
    #[arg(long, value_name = "CLIENT")]
    pub(crate) login_client: Option<String>,
    /// Realm to log in to
    #[arg(long, value_name = "REALM", default_value = "camunda-platform")]
    pub(crate) login_realm: String,
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
    #[arg(required_unless_present = "verify_pack", conflicts_with = "verify_pack")]
    pub(crate) run: Option<String>,
    /// What to print; the files in the folder are rebuilt in any case
    #[arg(long, value_enum, default_value_t = Format::Terminal)]
    pub(crate) format: Format,
    /// Put the redacted record and all reports into one archive, beside the record unless a file is named, and print its
    /// SHA-256 instead of a report
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, conflicts_with = "format")]
    pub(crate) pack: Option<Option<PathBuf>>,
    /// Say whether such an archive is whole and its reports follow from its record
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pack", "format"])]
    pub(crate) verify_pack: Option<PathBuf>,
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
    /// report.html
    Html,
    /// trace.json
    Trace,
    /// junit.xml
    Junit,
    /// Findings for code scanning, SARIF 2.1.0
    Sarif,
    /// Metrics for the textfile collector of Prometheus' node exporter
    Prometheus,
}

/// Stores to hold the scenario's preflight against. With addresses the machine itself is not examined: nothing is started.
#[derive(Debug, Args)]
pub(crate) struct DoctorStores {
    /// Source server; with it, look whether the migration could be begun. Reads only
    #[arg(long, value_name = "URL", requires = "target_postgres")]
    pub(crate) source_postgres: Option<String>,
    /// Target server
    #[arg(long, value_name = "URL", requires = "source_postgres")]
    pub(crate) target_postgres: Option<String>,
    /// Source cluster
    #[arg(long, value_name = "URL", requires = "target_elasticsearch")]
    pub(crate) source_elasticsearch: Option<String>,
    /// Target cluster
    #[arg(long, value_name = "URL", requires = "source_elasticsearch")]
    pub(crate) target_elasticsearch: Option<String>,
    /// Certification authority (PEM) to trust for the source cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) source_ca: Option<PathBuf>,
    /// Certification authority (PEM) to trust for the target cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) target_ca: Option<PathBuf>,
    /// API key for the source cluster
    #[arg(long, env = "DRYDOCK_SOURCE_API_KEY", hide_env_values = true)]
    pub(crate) source_api_key: Option<String>,
    /// API key for the target cluster
    #[arg(long, env = "DRYDOCK_TARGET_API_KEY", hide_env_values = true)]
    pub(crate) target_api_key: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Check for this scenario instead of the standard one
    pub(crate) scenario: Option<PathBuf>,
    /// Where the stores are to run, instead of the scenario's environment
    #[arg(long, value_name = "ENV", value_parser = Places, conflicts_with_all = ["against", "source_postgres", "source_elasticsearch"])]
    pub(crate) on: Option<EnvironmentName>,
    /// Who is to migrate, instead of the scenario's driver: `scripts` also looks for what the official scripts call
    #[arg(long, value_name = "DRIVER", value_enum, conflicts_with_all = ["against", "source_postgres", "source_elasticsearch"])]
    pub(crate) driver: Option<Driver>,
    /// Also say what a real Camunda beside the stores needs
    #[arg(long, conflicts_with_all = ["against", "source_postgres", "source_elasticsearch"])]
    pub(crate) camunda: bool,
    /// Also say what a real Keycloak beside the stores needs
    #[arg(long, conflicts_with_all = ["against", "source_postgres", "source_elasticsearch"])]
    pub(crate) keycloak: bool,
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
    pub(crate) stores: DoctorStores,
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
