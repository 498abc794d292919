//! The three component databases of a Camunda 8 installation (`identity`, `keycloak`, `webmodeler`): their schemas, a
//! deterministic generator of their rows, and the writes of a live application.
//!
//! Equal profile and equal seed give byte-equal rows on every server: no row takes anything from a clock or from the
//! server's random numbers. Everything belongs to the application role of the same name as its database, so that
//! the role restores its own dump without being a superuser.

mod awkward;
mod generator;
mod live;
mod profile;
mod roles;
mod row;
mod schema;
mod seed;
mod tables;
#[cfg(test)]
mod tests;

pub use live::{
    Acknowledged, Operation, delete_session, keep_version, login_event, missing, save_diagram,
    session_of_login, update_user,
};
pub use profile::PostgresProfile;
pub use roles::{REPORTING, RoleSecrets, create_roles_and_databases, create_second_roles};
pub use seed::{DatabaseSummary, Databases, SeedSummary, TableSummary, seed};

/// Database of Camunda's Management Identity.
pub const IDENTITY: &str = "identity";
/// Database of Keycloak.
pub const KEYCLOAK: &str = "keycloak";
/// Database of Web Modeler.
pub const WEBMODELER: &str = "webmodeler";
