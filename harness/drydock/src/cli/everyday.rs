//! Arguments of what helps with the tool itself: words, completions, manual pages, a first scenario.

use clap::{Args, ValueEnum};
use drydock_core::Component;
use drydock_core::scenario::Profile;
use serde::de::DeserializeOwned;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Check, fault, kind of finding or exit code (name or number); a list of all if absent. The end of a check's name
    /// will do
    pub(crate) name: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell to complete in
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write one page a command into this folder instead
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// File to write; expected differences go beside it, into a file of the same name that ends in .expected.yaml
    #[arg(long, short, value_name = "FILE", default_value = "drydock.yaml")]
    pub(crate) output: PathBuf,
    /// Replace files that are there already
    #[arg(long)]
    pub(crate) force: bool,
    /// Take what is usual for everything that is not said, and ask nothing
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) release: InitRelease,
    #[command(flatten)]
    pub(crate) answers: InitAnswers,
}

/// Where the parts to migrate are read from. Nothing is changed there, and nothing but switches, index prefixes and versions is
/// taken.
#[derive(Debug, Args)]
pub(crate) struct InitRelease {
    /// Values file of the release, to tell which parts it brings along; may be repeated, later ones win
    #[arg(long, value_name = "FILE", requires = "chart", conflicts_with = "from_release")]
    pub(crate) values: Vec<PathBuf>,
    /// Version of the chart behind --values, for what the files leave to it: 12.13.3, or 12.x
    #[arg(long, value_name = "VERSION", requires = "values")]
    pub(crate) chart: Option<String>,
    /// Read the values of this live release with `helm get values --all`, which changes nothing
    #[arg(long, value_name = "NAME")]
    pub(crate) from_release: Option<String>,
    /// Namespace of the release
    #[arg(long, value_name = "NAME", default_value = "camunda")]
    pub(crate) namespace: String,
    /// Context of the kubeconfig; the current one if absent
    #[arg(long, value_name = "CONTEXT", requires = "from_release")]
    pub(crate) context: Option<String>,
    /// The helm to use, instead of the one on the search path
    #[arg(long, value_name = "FILE", env = "DRYDOCK_HELM")]
    pub(crate) helm: Option<PathBuf>,
}

/// What a scenario says. On a terminal, what is not given here is asked for.
#[derive(Debug, Args)]
pub(crate) struct InitAnswers {
    /// Name of the scenario; letters, digits, - and _ [default: the file's]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The way to migrate [default: standard]
    #[arg(long, value_enum)]
    pub(crate) way: Option<Way>,
    /// Who runs the target's stores [default: here]
    #[arg(long, value_enum)]
    pub(crate) target: Option<TargetStores>,
    /// Components to migrate: identity, keycloak, webmodeler, elasticsearch [default: all, or what the release brings along]
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = word::<Component>)]
    pub(crate) components: Vec<Component>,
    /// Prefixes of index names beside the usual ones, separated by commas
    #[arg(long, value_name = "PREFIXES", value_delimiter = ',')]
    pub(crate) prefixes: Vec<String>,
    /// Size of the generated data: tiny, small, medium, large [default: small]
    #[arg(long, value_name = "PROFILE", value_parser = word::<Profile>)]
    pub(crate) profile: Option<Profile>,
    /// Longest outage that is accepted, as in 5min; `none` for no limit [default: 5min]
    #[arg(long, value_name = "DURATION")]
    pub(crate) downtime: Option<String>,
    /// Go back after so many writes on the target
    #[arg(long, value_name = "WRITES")]
    pub(crate) rollback_after: Option<u32>,
    /// Major version of the source's PostgreSQL: 14, 15 or 17 [default: 15, or what the release's image says]
    #[arg(long, value_name = "MAJOR")]
    pub(crate) postgres_source: Option<u16>,
    /// Major version of the target's PostgreSQL [default: the source's]
    #[arg(long, value_name = "MAJOR")]
    pub(crate) postgres_target: Option<u16>,
}

/// A way through the migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Way {
    /// Everything is copied while users wait; nothing is lost
    Standard,
    /// As the official scripts do it, to see what they leave behind; ends red
    Upstream,
    /// Copied while users work; users wait for what changed since
    Warm,
    /// Read in parallel and written with _bulk; the target needs no right to read from the source
    Stream,
    /// A snapshot repository that both clusters reach
    Snapshot,
    /// Files, written and read again
    Dump,
    /// A trial beside the targets first, then the standard way, held against the trial's prediction
    Estimate,
    /// Everything is announced, nothing is changed
    DryRun,
    /// A new chart over the same data
    ChartOnly,
}

/// Who runs the target's stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TargetStores {
    /// Clear text, as within one cluster
    Here,
    /// TLS and passwords everywhere, as a managed service
    Elsewhere,
}

/// A word of a closed list, as it stands in scenario files.
fn word<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

/// A length of time as scenario files write it.
pub(super) fn positive_duration(text: &str) -> Result<jiff::SignedDuration, String> {
    match text.parse::<jiff::SignedDuration>() {
        Ok(duration) if duration.is_positive() => Ok(duration),
        _ => Err("write a number with its unit: 90s, 10min, 1h 30min".to_owned()),
    }
}
