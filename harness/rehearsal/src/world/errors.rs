//! What goes wrong in a step, by who has to act.

use crate::flow::StepError;
use drydock_core::Class;
use drydock_environments::EnvironmentError;
use drydock_migration::MigrationError;

impl From<MigrationError> for StepError {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Migration { attempted, reason, next } => {
                Self { class: Class::Data, message: format!("{attempted}: {reason}"), next }
            }
            MigrationError::Environment { attempted, reason, next } => {
                environment(format!("{attempted}: {reason}"), next)
            }
            MigrationError::Internal(what) => internal(&what),
            MigrationError::Interrupted => {
                environment("interrupted", "run `drydock rehearse --resume` with this run")
            }
        }
    }
}

pub(super) fn of_migration(error: MigrationError) -> StepError {
    error.into()
}

pub(super) fn of_environment(error: EnvironmentError) -> StepError {
    environment(error.what, error.help)
}

pub(super) fn environment(message: impl Into<String>, next: impl Into<String>) -> StepError {
    StepError { class: Class::Environment, message: message.into(), next: next.into() }
}

/// A mistake of this program. It says nothing about the migration, so its class is `environment`.
pub(super) fn internal(what: &str) -> StepError {
    environment(format!("internal error: {what}"), "please report it, with the record")
}

pub(super) fn store_failed(doing: &str, error: &dyn std::fmt::Display) -> StepError {
    environment(format!("{doing}: {error}"), "look at the store's log in the run folder")
}
