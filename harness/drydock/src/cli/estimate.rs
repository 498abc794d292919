//! Arguments of `bench`, `estimate` and `compare`.

use super::Homes;
use clap::Args;
use drydock_core::scenario::Profile;
use drydock_estimate::{Way, parse_bytes, parse_count};
use std::path::PathBuf;

/// Where the history is, unless said otherwise.
const HISTORY: &str = "reports/history.jsonl";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Scenario file
    pub(crate) scenario: PathBuf,
    /// Volumes to measure, in documents: 10k,50k,200k
    #[arg(long, value_name = "COUNTS", value_delimiter = ',', value_parser = parse_count, required = true)]
    pub(crate) documents: Vec<u64>,
    /// Runs of each volume on each way
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: u32,
    /// Ways to measure, as `standard,warm,stream`; the scenario's if absent
    #[arg(long, value_name = "WAYS", value_delimiter = ',')]
    pub(crate) movers: Vec<Way>,
    /// Profiles of the databases and the set of indices (tiny, small, medium, large), taken in turns, so that their cost can
    /// be told from that of documents; the scenario's if absent
    #[arg(long, value_name = "PROFILES", value_delimiter = ',', value_parser = profile)]
    pub(crate) profiles: Vec<Profile>,
    /// Runs that are made first and not kept: they warm the stores up, which all runs share
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) warm_ups: u32,
    /// Seed of the order of the runs
    #[arg(long, default_value_t = 1)]
    pub(crate) order_seed: u64,
    /// File that each run is appended to
    #[arg(long, value_name = "FILE", default_value = HISTORY)]
    pub(crate) history: PathBuf,
    /// Page to write when the runs have ended: every run of the scenario in the history, with prediction and interval;
    /// `bench.html` beside the history if absent
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Hold the runs against those of this history; exit code 1 new findings, 3 lost checks, 4 slower beyond the noise
    #[arg(long, value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Seed of the data, instead of the scenario's
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) homes: Homes,
    /// Where run folders go
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print the new runs, and the comparison if there is one, as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Estimate {
    /// Documents: 250, 10k or 6.5M
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub(crate) documents: Option<u64>,
    /// Bytes of their primaries on disk: 8.9GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) bytes: Option<u64>,
    /// Bytes of the databases: 31MB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) postgres: Option<u64>,
    /// Indices
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub(crate) indices: Option<u64>,
    /// Bytes of the largest index
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) largest_index: Option<u64>,
    /// Documents that change between a warm copy and the cutover
    #[arg(long, value_name = "COUNT", value_parser = parse_count)]
    pub(crate) changed: Option<u64>,
    #[command(flatten)]
    pub(crate) live: LiveVolumes,
    /// History to learn from; `upstream` stands for the rates that the upstream guide publishes
    #[arg(long, value_name = "FILE", default_value = HISTORY)]
    pub(crate) history: PathBuf,
    /// Only runs of this scenario
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
    /// Ways to estimate; all that the history knows if absent
    #[arg(long, value_name = "WAYS", value_delimiter = ',')]
    pub(crate) movers: Vec<Way>,
    /// Longest outage that is accepted, as in 30min: exit code 4 if no way meets it by its estimate
    #[arg(long, value_name = "DURATION")]
    pub(crate) budget: Option<String>,
    /// In how many of 100 cases the interval is to hold
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u8).range(50..=99))]
    pub(crate) level: u8,
    /// The machine the figures are for
    #[arg(long, value_enum, default_value_t = Where::Here)]
    pub(crate) on: Where,
    /// Write a page that needs nothing else: downtime against volume, with the measured runs and the interval
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Print as JSON, with the points and the curve for a plot
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LiveVolumes {
    /// Read the volumes of the documents from this cluster, read-only: `https://user:password@host:port`
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_ELASTICSEARCH", hide_env_values = true)]
    pub(crate) source: Option<String>,
    /// Read the volumes of the databases from this server, read-only: `postgres://user:password@host:port`
    #[arg(long, value_name = "URL", env = "DRYDOCK_SOURCE_POSTGRES", hide_env_values = true)]
    pub(crate) postgres_source: Option<String>,
    /// Indices whose names begin so; those of Camunda if absent. May be repeated
    #[arg(long = "prefix", value_name = "PREFIX")]
    pub(crate) prefixes: Vec<String>,
    /// Databases, separated by commas; that of the address if absent, else all
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    pub(crate) databases: Vec<String>,
    /// Certification authority (PEM) to trust for the cluster
    #[arg(long, value_name = "FILE")]
    pub(crate) source_ca: Option<PathBuf>,
    /// API key for the cluster
    #[arg(long, env = "DRYDOCK_SOURCE_API_KEY", hide_env_values = true)]
    pub(crate) source_api_key: Option<String>,
}

/// The machine an estimate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Where {
    /// This one; a history of another machine is carried over by a short probe, and marked
    Here,
    /// The one that the history was measured on
    Measured,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The earlier run: its folder, or its name
    pub(crate) before: String,
    /// The later run
    pub(crate) after: String,
    /// History that tells the noise of the earlier run's way and volume
    #[arg(long, value_name = "FILE")]
    pub(crate) history: Option<PathBuf>,
    /// Where run folders are
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn profile(text: &str) -> Result<Profile, String> {
    serde_json::from_value(text.into()).map_err(|_| "tiny, small, medium or large".into())
}
