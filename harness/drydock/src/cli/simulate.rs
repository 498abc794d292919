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
    /// Kill a node in every other seed as well: what was not yet synced to its disk is gone
    #[arg(long)]
    pub(crate) crashes: bool,
    /// Take one safeguard away from the procedure: a promise has to break. `all` tries each in turn
    #[arg(long, value_name = "SAFEGUARD", value_parser = safeguards())]
    pub(crate) without: Option<String>,
    /// Print as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

fn safeguards() -> PossibleValuesParser {
    PossibleValuesParser::new(Safeguard::ALL.map(Safeguard::as_str).into_iter().chain(["all"]))
}
