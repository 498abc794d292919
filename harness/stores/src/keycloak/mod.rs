//! Reading realms: from a Keycloak database, and through the admin API. Read-only.

mod database;
mod definitions;
mod layout;
mod users;

pub use database::{Layout, RowError, find_schemas, layout};
pub use definitions::read_definitions;
pub use layout::{is_compared_table, is_known_table, is_user_table};
pub use users::{UserTable, read_users, user_tables};
