//! Reading realms: from a Keycloak database, and through the admin API. Read-only, but for `changes`, which rehearsals alone use.

mod api;
mod changes;
mod database;
mod definitions;
mod layout;
mod login;
mod served;
mod served_users;
mod session;
mod shown;
mod users;

pub(crate) use api::escape;
pub use api::{Admin, Connections, KeycloakEndpoint, KeycloakError, KeycloakGrant};
pub use database::{Layout, RowError, find_schemas, layout};
pub use definitions::read_definitions;
pub use layout::{is_compared_table, is_known_table, is_user_table};
pub use login::{LoginOutcome, LoginRequest, log_in_as};
pub use served::{Kept, KeptPart, ServedRealm, read_realm};
pub use served_users::read_served_users;
pub use session::{Tokens, asks_for_users, is_active, log_in_and_stay, log_out, renew, signing_keys};
pub use users::{UserTable, read_users, user_tables};
