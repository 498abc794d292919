//! Arguments of `drydock simulate`.

use clap::Args;
use clap::builder::PossibleValuesParser;
use drydock_simulated::{DOCUMENTS, Safeguard};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Scenario file; the standard migration if absent. Its Elasticsearch part is simulated
    pub(crate) scenario: Option<PathBuf>,
    /// How many seeds are played
    #[arg(long, default_value_t = 1_000, conflicts_with_all = ["seed", "trace"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seeds: u64,
    /// Play this seed alone
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Print every step, request, fault and write of the seed; the same seed gives the same bytes
    #[arg(long, requires = "seed", conflicts_with = "json")]
    pub(crate) trace: bool,
    /// Documents of the simulated source
    #[arg(long, default_value_t = DOCUMENTS, value_parser = clap::value_parser!(u64).range(6..=10_000))]
    pub(crate) documents: u64,
    /// Go back: from the step that each seed draws, or all from this one
    #[arg(long, value_name = "STEP", num_args = 0..=1, require_equals = true, default_missing_value = DRAWN)]
    pub(crate) rollback: Option<String>,
    /// Let pods that were told to stop write to the source after it was declared frozen
    #[arg(long)]
    pub(crate) stragglers: bool,
    /// Kill a node in every other seed as well: what was not yet synced to its disk is gone
    #[arg(long)]
    pub(crate) crashes: bool,
    /// Instead of many seeds: everything that can go wrong with one, each by itself. Kills and failures at every step, and every fault of every request
    #[arg(long, conflicts_with_all = ["seeds", "trace", "without"])]
    pub(crate) exhaustive: bool,
    /// The same in pairs: of what befalls steps, and with requests that go on when their caller is gone
    #[arg(long, conflicts_with_all = ["seeds", "trace", "without", "exhaustive"])]
    pub(crate) pairs: bool,
    /// Take one safeguard away from the procedure: a promise has to break. `all` tries each in turn
    #[arg(long, value_name = "SAFEGUARD", value_parser = safeguards())]
    pub(crate) without: Option<String>,
    /// Take every safeguard away in turn, each from a procedure that relies on it
    #[arg(long, conflicts_with_all = ["without", "scenario", "trace", "exhaustive", "pairs", "rollback", "stragglers", "crashes"])]
    pub(crate) safeguards: bool,
    /// Keep the shortest schedule of every broken promise as a file in this folder
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["trace", "safeguards"])]
    pub(crate) save: Option<PathBuf>,
    /// Play schedules that were kept, and tell what each breaks in this scenario
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["seeds", "seed", "save", "safeguards", "exhaustive", "pairs"])]
    pub(crate) replay: Vec<PathBuf>,
    /// Instead of a simulation of requests: what installations too large to rehearse come to, from distributions of sizes and
    /// rates. documents=1000000000,partitions=40,indices=200,regions=3,bytes=1370,writes=500,skew=2.3,faster=1
    #[arg(long, value_name = "FIGURES", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["scenario", "seeds", "trace", "documents", "rollback", "stragglers", "crashes", "exhaustive", "pairs", "without", "safeguards", "save", "replay"])]
    pub(crate) scale: Option<String>,
    /// Measured runs that the rates of --scale come from; upstream's published figures if absent
    #[arg(long, value_name = "FILE", requires = "scale")]
    pub(crate) history: Option<PathBuf>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What stands for a step that each seed draws.
pub(crate) const DRAWN: &str = "drawn";

fn safeguards() -> PossibleValuesParser {
    PossibleValuesParser::new(Safeguard::ALL.map(Safeguard::as_str).into_iter().chain(["all"]))
}
