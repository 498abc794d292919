//! Arguments of `drydock drill`.

use super::Homes;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Drill {
    /// Scenario file. Its `rollback`, if it has one, says how much users do before each way back
    pub(crate) scenario: PathBuf,
    /// Step to go back from, or `all`; may be repeated
    #[arg(long, value_name = "STEP", default_value = "all")]
    pub(crate) from: Vec<String>,
    /// Fault that happens in the migration before it is gone back, or `all`; may be repeated. Each is a cell of its own for
    /// every step that it can happen at or before. `drydock-killed` has none: it would kill the drill itself
    #[arg(long, value_name = "FAULT")]
    pub(crate) fault: Vec<String>,
    /// Leave the cells out in which nothing goes wrong
    #[arg(long)]
    pub(crate) only_faults: bool,
    /// Print the cells and do nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Drill as many cells as fit into so many minutes, drawn by the seed
    #[arg(long, value_name = "MINUTES", default_value_t = 30, conflicts_with = "full")]
    pub(crate) minutes: u64,
    /// Drill every cell, however long it takes
    #[arg(long)]
    pub(crate) full: bool,
    /// Longest time of one cell, in minutes; one that does not end is cut off
    #[arg(long, value_name = "MINUTES", default_value_t = 15)]
    pub(crate) deadline: u64,
    /// Seed of everything random, instead of the scenario's; it also draws the cells
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Number of documents, instead of the profile's
    #[arg(long, value_name = "COUNT", value_parser = drydock_estimate::parse_count)]
    pub(crate) documents: Option<u64>,
    #[command(flatten)]
    pub(crate) homes: Homes,
    /// Where the folder of the drill goes
    #[arg(long, value_name = "DIR", default_value = drydock_rehearsal::folder::RUNS)]
    pub(crate) runs: PathBuf,
    /// Print the table as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,
}
