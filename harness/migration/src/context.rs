//! What a migration is given, and how it tells what it does.

use crate::error::MigrationError;
use crate::programs::Programs;
use drydock_core::Redactor;
use drydock_core::scenario::MigrationSpec;
use drydock_stores::elasticsearch::{Client, Retries, Timeouts};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Everything the driver needs to know.
#[derive(Debug, Clone)]
pub struct MigrationContext {
    /// The stores to leave, with their superusers.
    pub source: StorePair,
    /// The stores to arrive at, with their superusers.
    pub target: StorePair,
    /// How to migrate.
    pub spec: MigrationSpec,
    /// Directory with `pg_dump`, `pg_restore` and `psql`.
    pub clients: PathBuf,
    /// Who runs them.
    pub programs: Programs,
    /// Directory for the dumps; created for its owner alone.
    pub dumps: PathBuf,
    /// Passwords of the application roles, by role. They are the same on both sides.
    pub roles: BTreeMap<String, SecretString>,
    /// The run's folder: client programs log to `logs/`, redacted; the way back is described in `way-back.json`.
    pub run_dir: PathBuf,
    /// Cancelled when the user interrupts.
    pub cancel: CancellationToken,
}

impl MigrationContext {
    /// The password of an application role.
    pub(crate) fn secret(&self, role: &str) -> Result<&SecretString, MigrationError> {
        self.roles.get(role).ok_or_else(|| {
            MigrationError::Internal(format!("no password was handed over for the application role {role}"))
        })
    }

    /// The server of `side` with the application role instead of its superuser.
    pub(crate) fn as_role(&self, side: &StorePair, role: &str) -> Result<PostgresEndpoint, MigrationError> {
        Ok(side.postgres.with_role(role, Some(self.secret(role)?.clone())))
    }

    /// Masks every secret this context knows.
    pub(crate) fn redactor(&self) -> Redactor {
        let mut redactor = Redactor::default();
        for secret in self.roles.values() {
            redactor.add(secret.expose_secret());
        }
        for side in [&self.source, &self.target] {
            redactor.add(side.postgres.password_for_client());
            match &side.elasticsearch.auth {
                drydock_stores::endpoint::ElasticsearchAuth::None => {}
                drydock_stores::endpoint::ElasticsearchAuth::Basic { password, .. } => {
                    redactor.add(password.expose_secret());
                }
                drydock_stores::endpoint::ElasticsearchAuth::ApiKey(key) => redactor.add(key.expose_secret()),
            }
        }
        redactor
    }

    /// A client of the source cluster.
    pub(crate) fn source_elasticsearch(&self) -> Result<Client, MigrationError> {
        client(&self.source)
    }

    /// A client of the target cluster.
    pub(crate) fn target_elasticsearch(&self) -> Result<Client, MigrationError> {
        client(&self.target)
    }
}

/// A client for everything that answers soon. What the store refuses for the moment is asked for again.
pub(crate) fn client(side: &StorePair) -> Result<Client, MigrationError> {
    client_of(&side.elasticsearch)
}

/// The same of one cluster alone.
pub(crate) fn client_of(endpoint: &ElasticsearchEndpoint) -> Result<Client, MigrationError> {
    Ok(made(endpoint, Timeouts::default())?.retrying(Retries::Transient))
}

/// A client that waits as long as the longest `_reindex` may stay silent: 35 minutes.
pub(crate) fn patient_client(side: &StorePair) -> Result<Client, MigrationError> {
    made(
        &side.elasticsearch,
        Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(35 * 60) },
    )
}

fn made(endpoint: &ElasticsearchEndpoint, timeouts: Timeouts) -> Result<Client, MigrationError> {
    Client::new(endpoint, timeouts)
        .map_err(|e| MigrationError::elasticsearch("set up a client of Elasticsearch", &e))
}

/// Where the driver tells how far it is.
pub trait Reporter: Send + Sync {
    /// One item (an index) is done and need not be done again on resume; `moved` documents or rows went with it.
    fn item(&self, item: &str, moved: u64);
    /// So many of so many units are done.
    fn progress(&self, done: u64, total: Option<u64>, unit: &str);
    /// One line worth telling.
    fn note(&self, text: &str);
}

/// Figures and facts of a step, by name.
pub type Facts = BTreeMap<String, serde_json::Value>;

/// Whether a step is carried out for the first time, or again after it was cut short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// What is found on the target was there before, and is not ours.
    First,
    /// What is found on the target is what an earlier attempt left, and may be removed.
    Again,
}
