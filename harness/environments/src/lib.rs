//! Where a rehearsal runs: real PostgreSQL and Elasticsearch as local processes of this machine (`embedded`), as containers of
//! its engine (`containers`), or as pods of a cluster (`kind`: one that is
//! made for the run; `context`: somebody else's, in namespaces of the run's own).
//!
//! - [`Environment`] is one of the three, for whoever does not care;
//! - [`Embedded::start`] fetches what is missing, checks the machine, and starts up to four stores side by side;
//! - [`Embedded::reattach`] takes up the data of a run whose process died;
//! - [`Containers`] does the same with images;
//! - [`Kind`] does the same in a cluster, with applications that are pods;
//! - [`Keycloak`] is a real Keycloak on the PostgreSQL of one side;
//! - [`Camunda`] is a real Camunda on the Elasticsearch of one side;
//! - [`doctor`] names everything that stands in the way, at once;
//! - [`Proxy`] stands between a migration and a store, and disturbs on request;
//! - [`clean`] ends and removes what dead runs left, and never touches a live one.
//!
//! A run's data lie in its work directory, which an advisory lock ties to the life of the owning process; its logs lie
//! in the run folder, which outlives it.

mod artifacts;
mod beside;
mod cache;
mod camunda;
pub mod clean;
mod clients;
mod config;
mod containers;
pub mod doctor;
mod door;
mod elasticsearch;
mod embedded;
mod environment;
mod error;
mod homes;
mod java;
mod keycloak;
mod kind;
mod machine;
mod maven;
mod ports;
mod postgres;
mod preflight;
mod procfs;
mod proxy;
mod random;
mod secrets;
mod server;
mod signals;
mod supervised;
mod taking;
mod unpack;
mod user;
mod workdir;

pub use camunda::{Camunda, CamundaAddresses, CamundaConfig};
pub use clients::client_programs;
pub use config::{
    Access, ChartConfig, ChartSource, EmbeddedConfig, OperatorsConfig, ReindexWhitelist, Side, SideConfig,
    Store,
};
pub use containers::Containers;
pub use door::foreign_authority;
pub use embedded::{Embedded, Keep, StoreVersion};
pub use environment::Environment;
pub use error::{EnvironmentError, EnvironmentProblem, Progress, Silent};
pub use homes::Obtained;
pub use keycloak::{ADMINISTRATOR as KEYCLOAK_ADMINISTRATOR, Keycloak, KeycloakAccount, KeycloakConfig};
pub use kind::{
    Answer, Applications, ClaimState, ClusterFaults, Kind, Moment, OperatorState, Outside, PodState,
    ReleaseState, Resting, RestingWorkload, WorkloadMark, examine_operators, rights_beside_operators,
    rights_in_own_namespaces,
};
pub use machine::Machine;
pub use proxy::{Disturbance, Protocol, Proxy, Reply, Rule, Which};
pub use secrets::{administrator_password, role_password};
pub use signals::{ClientProgram, StoreProcess, client_programs_of, end_orphans, kill_this_process};
pub use supervised::StoreSignal;
