//! Scenario files: what to migrate, how, with what workload, which losses to plant and which budgets to hold.

mod chart;
mod effect;
mod engine;
mod environment;
mod expect;
mod fault;
mod identity;
mod loss;
mod manual;
mod migration;
mod operators;
mod parse;
mod place;
mod procedure;
mod rollback;
mod scripts;
mod side;

pub use chart::ChartSpec;
pub use effect::{Course, Effect, Moment, component_of};
pub use engine::{CamundaSpec, EngineName};
pub use environment::EnvironmentName;
pub use expect::{Expect, Expectation, ExpectedVerdict};
pub use fault::{Fault, FaultKind};
pub use identity::IdentityName;
pub use loss::Loss;
pub use manual::{DatabaseMover, DumpTool, Repository, RepositoryKind};
pub use migration::{
    CreateIndices, Delta, Grants, MigrationSpec, Mover, Reindex, USUAL_PARALLELISM, Versions,
};
pub use operators::OperatorsSpec;
pub(crate) use parse::{Mistaken, read, wrong_at};
pub use parse::{ScenarioError, did_you_mean, ledger_from_yaml};
pub use procedure::Procedure;
pub use rollback::{Harm, RollbackSpec, Volumes};
pub use scripts::{DriverName, ScriptsSpec};
pub use side::{Managed, Misconfiguration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A scenario. Everything has a default, so that an empty mapping with a name is the standard migration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Short name, also part of the run's name.
    pub name: String,
    /// What it shows, for people.
    #[serde(default)]
    pub description: String,
    /// Seed of everything that is random. The same seed gives the same data.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Where the stores run.
    #[serde(default)]
    pub environment: EnvironmentName,
    /// Who migrates.
    #[serde(default)]
    pub driver: DriverName,
    /// How the official scripts are run, with `driver: scripts`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scripts: Option<ScriptsSpec>,
    /// The real chart as the release of the source, whose own pods are the application; the chart of this repository if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<ChartSpec>,
    /// The way through the phases.
    #[serde(default)]
    pub procedure: Procedure,
    /// The stores to leave.
    #[serde(default)]
    pub source: SideSpec,
    /// The stores to arrive at.
    #[serde(default)]
    pub target: SideSpec,
    /// A real identity provider beside the stores; generated rows in its database if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<IdentityName>,
    /// What the source holds.
    #[serde(default)]
    pub data: DataSpec,
    /// What users do meanwhile.
    #[serde(default)]
    pub workload: WorkloadSpec,
    /// A real application on the source, and after the switch on the target.
    #[serde(default, skip_serializing_if = "EngineName::is_none")]
    pub engine: EngineName,
    /// How it is set up, with `engine: camunda`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camunda: Option<CamundaSpec>,
    /// How the migration is carried out.
    #[serde(default)]
    pub migration: MigrationSpec,
    /// Losses planted and failures caused on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// Going back instead of coming to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<RollbackSpec>,
    /// Limits whose miss ends with exit code 4.
    #[serde(default)]
    pub budgets: Budgets,
    /// How it is meant to end. Where several scenarios are rehearsed, the exit code says whether each of them did.
    #[serde(default)]
    pub expect: Expect,
    /// Ledger files with expected differences, relative to the scenario file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<String>,
}

fn default_seed() -> u64 {
    20_260_101
}

/// One side's stores.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SideSpec {
    /// The PostgreSQL server.
    #[serde(default)]
    pub postgres: PostgresSpec,
    /// The Elasticsearch cluster.
    #[serde(default)]
    pub elasticsearch: ElasticsearchSpec,
    /// A real Keycloak on the PostgreSQL server, where `identity` asks for one.
    #[serde(default, skip_serializing_if = "KeycloakSpec::is_default")]
    pub keycloak: KeycloakSpec,
    /// Who runs them.
    #[serde(default, skip_serializing_if = "Managed::is_here")]
    pub managed: Managed,
    /// The operators that keep them, where they are managed by operators.
    #[serde(default, skip_serializing_if = "OperatorsSpec::is_default")]
    pub operators: OperatorsSpec,
    /// A mistake in how they are set up or addressed, made on purpose. Only for the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub misconfigured: Option<Misconfiguration>,
}

/// A PostgreSQL server to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PostgresSpec {
    /// Major version: 14, 15 or 17.
    #[serde(default = "default_postgres")]
    pub version: u16,
    /// TCP port; a free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Image of the environment `containers`; `postgres:VERSION` if absent. `{version}` stands for the major version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

fn default_postgres() -> u16 {
    15
}

impl Default for PostgresSpec {
    fn default() -> Self {
        Self { version: default_postgres(), port: None, image: None }
    }
}

/// An Elasticsearch node to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ElasticsearchSpec {
    /// Java heap in MiB, 256 to 1024.
    #[serde(default = "default_heap")]
    #[schemars(range(min = 256, max = 1024))]
    pub heap_mib: u32,
    /// HTTP port; a free one if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Image of the environment `containers`; Elastic's, of the version that is embedded otherwise, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

fn default_heap() -> u32 {
    1024
}

impl Default for ElasticsearchSpec {
    fn default() -> Self {
        Self { heap_mib: default_heap(), port: None, image: None }
    }
}

/// A real Keycloak to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeycloakSpec {
    /// Image of the environment `containers`; `keycloak/keycloak`, of the version that is a process otherwise, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl KeycloakSpec {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What the source holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// Size and shape.
    #[serde(default)]
    pub profile: Profile,
    /// Exact number of documents, instead of the profile's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

impl Default for DataSpec {
    fn default() -> Self {
        Self { profile: Profile::Medium, documents: None }
    }
}

/// Sizes of generated data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Some hundred documents in some dozen indices: for tests.
    Tiny,
    /// 5,000 documents.
    Small,
    /// 50,000 documents.
    #[default]
    Medium,
    /// 500,000 documents.
    Large,
}

/// What users do meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Writes that the application makes each second to each store until the freeze; 0 for none.
    #[serde(default = "default_writes")]
    #[schemars(range(max = 1000))]
    pub writes_per_second: u32,
    /// Requests that each probe makes each second while an outage is expected or under way, half as many where it writes; 0 for no
    /// probes. The resolution of a planned downtime is its inverse. While users work, each asks once in one or two seconds.
    #[serde(default = "default_probes")]
    #[schemars(range(max = 200))]
    pub probes_per_second: u32,
    /// What the application does with what it wrote.
    #[serde(default)]
    pub churn: Churn,
    /// Writes to each store that are waited for between backup and cutover; 0 to cut over at once.
    #[serde(default)]
    #[schemars(range(max = 10_000))]
    pub writes_between: u32,
}

/// What the application does with what it wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Churn {
    /// Mostly new instances; few are archived or deleted.
    #[default]
    Usual,
    /// Every instance soon ends, and is archived into a dated index, deleted, or deleted and later made again with a lower
    /// version.
    Archiving,
}

fn default_writes() -> u32 {
    20
}

fn default_probes() -> u32 {
    20
}

impl Default for WorkloadSpec {
    fn default() -> Self {
        Self {
            writes_per_second: default_writes(),
            probes_per_second: default_probes(),
            churn: Churn::default(),
            writes_between: 0,
        }
    }
}

/// Limits whose miss ends with exit code 4.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Budgets {
    /// Longest tolerated outage, as in `90s` or `10min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downtime: Option<jiff::SignedDuration>,
    /// Longest time that any one step of the cutover may take, as the official scripts limit it to `30min`. A prediction
    /// above it is refused before the freeze.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<jiff::SignedDuration>,
    /// Longest time from the decision to go back until users work on the source again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto: Option<jiff::SignedDuration>,
    /// How far back the oldest write may lie that going back loses. Without it, and without `rpo_items`, no write may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo: Option<jiff::SignedDuration>,
    /// Most acknowledged writes that going back may lose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_items: Option<u64>,
}
