//! PostgreSQL: databases made ready, dumped, restored, and the rights that a restore leaves behind.

mod alone;
mod by_hand;
mod dump;
mod grants;
mod owners;
mod restore;
mod roles;
mod server;
mod sql;
mod toc;
mod trial;

pub(crate) use by_hand::carry_roles;
pub(crate) use dump::{DumpKind, dump, hash, hash_of, path, round};
pub(crate) use grants::carry_grants;
pub(crate) use restore::restore;
pub(crate) use server::{contents, prepare};
pub(crate) use sql::{identifier, literal};
pub(crate) use trial::{restore_apart, trial_backup, trial_restore};

use crate::error::MigrationError;
use drydock_core::Component;

/// The database of a component, which is also its role.
pub(crate) fn database_of(component: Component) -> Result<&'static str, MigrationError> {
    component
        .database()
        .ok_or_else(|| MigrationError::Internal(format!("component {component} has no PostgreSQL database")))
}
