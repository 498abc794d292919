//! What a world is made for.

use crate::start::Keep;
use drydock_core::{LedgerLine, Plan, RunId, Scenario};
use drydock_environments::{ChartConfig, OperatorsConfig};
use std::path::PathBuf;

/// What a world is made for.
#[derive(Debug, Clone)]
pub struct WorldConfig {
    /// Name of the run.
    pub run: RunId,
    /// The scenario.
    pub scenario: Scenario,
    /// Its plan.
    pub plan: Plan,
    /// Expected differences.
    pub ledger: Vec<LedgerLine>,
    /// The run's folder.
    pub folder: PathBuf,
    /// The log of acknowledged writes.
    pub acknowledged: PathBuf,
    /// A PostgreSQL installation to use.
    pub postgres_home: Option<PathBuf>,
    /// An Elasticsearch installation to use.
    pub elasticsearch_home: Option<PathBuf>,
    /// Whether the stores stay up at the end.
    pub keep: Keep,
    /// Whose stores they are.
    pub stores: Ownership,
    /// The checkout of the official scripts, where they migrate.
    pub scripts: Option<PathBuf>,
    /// The real chart of the release, where the scenario asks for one.
    pub chart: Option<ChartConfig>,
    /// The operators of the target, where the scenario asks for them.
    pub operators: Option<OperatorsConfig>,
}

/// Whose the stores of a run are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ownership {
    /// The run's own: it starts and stops them.
    #[default]
    Own,
    /// Somebody else's, who goes on using them.
    Lent,
}
