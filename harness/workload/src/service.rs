//! The service as clients meet it: open on the source, closed, or open on the target. Stands in for the application's
//! pods in environments that have none: closing it waits for every request under way and ends every session, as a scale
//! to zero does; opening it connects to the other side.

use crate::acknowledged::Acknowledgements;
use crate::clock::ApplicationClock;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, Timeouts};
use drydock_stores::keycloak::{KeycloakEndpoint, KeycloakError, LoginRequest};
use drydock_stores::postgres::{Connection, PostgresError, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use jiff::Timestamp;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;
use tokio::sync::{Mutex, RwLock};

/// What an application component needs to start: where the stores are and the roles it logs in with.
#[derive(Debug, Clone)]
pub struct ServiceConfig {
    /// The cluster, if the scenario migrates one.
    pub elasticsearch: Option<ElasticsearchEndpoint>,
    /// The server with the component databases.
    pub postgres: PostgresEndpoint,
    /// Role (which is also the database) and its password.
    pub databases: BTreeMap<String, SecretString>,
    /// A real Keycloak, and the account that logs in there to see whether people can.
    pub identity: Option<(KeycloakEndpoint, LoginRequest)>,
}

/// Sessions and clients of a running application.
#[derive(Debug)]
pub struct Backend {
    /// The cluster.
    pub elasticsearch: Option<Client>,
    databases: BTreeMap<String, Mutex<Connection>>,
    identity: Option<(KeycloakEndpoint, LoginRequest)>,
    clock: ApplicationClock,
}

impl Backend {
    /// Connects as each component does: its own role, its own application name, `camunda-<database>`.
    async fn start(config: &ServiceConfig, clock: ApplicationClock) -> Result<Self, ServiceError> {
        let timeouts = Timeouts { connect: Duration::from_secs(2), read: Duration::from_secs(20) };
        let elasticsearch = match &config.elasticsearch {
            Some(endpoint) => Some(Client::new(endpoint, timeouts)?),
            None => None,
        };
        let mut databases = BTreeMap::new();
        for (database, password) in &config.databases {
            let endpoint = config.postgres.with_role(database, Some(password.clone()));
            let session = connect(&endpoint, database, &format!("camunda-{database}")).await?;
            databases.insert(database.clone(), Mutex::new(session));
        }
        Ok(Self { elasticsearch, databases, identity: config.identity.clone(), clock })
    }

    /// The time by which it dates what it writes.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The session on a component's database.
    ///
    /// # Errors
    /// The component does not run.
    pub fn database(&self, name: &str) -> Result<&Mutex<Connection>, ServiceError> {
        self.databases.get(name).ok_or_else(|| ServiceError::Absent(name.to_owned()))
    }

    /// The real Keycloak, if one runs.
    pub(crate) fn identity(&self) -> Option<&(KeycloakEndpoint, LoginRequest)> {
        self.identity.as_ref()
    }

    /// Names of the component databases that are served.
    pub fn databases(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }
}

/// Why a client was not served.
#[derive(Debug, Error)]
pub enum ServiceError {
    /// The application is stopped.
    #[error("service closed: the application is stopped")]
    Closed,
    /// The component is not part of the scenario.
    #[error("the component {0} does not run")]
    Absent(String),
    /// Elasticsearch did not answer as it should.
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchError),
    /// PostgreSQL did not answer as it should.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// Keycloak did not answer as it should.
    #[error(transparent)]
    Keycloak(#[from] KeycloakError),
    /// Keycloak does not let somebody in whom it let in before.
    #[error("{0} is refused: {1}")]
    Refused(String, String),
    /// It answers, but not with what was written or seeded.
    #[error("{0} is not there as it was written")]
    NotAsWritten(String),
    /// A write was acknowledged, but the note of it could not be kept.
    #[error("cannot write the log of acknowledged writes: {0}")]
    Log(#[from] std::io::Error),
}

/// The gate in front of the application. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Service {
    backend: Arc<RwLock<Option<Backend>>>,
    acknowledged: Arc<Acknowledgements>,
    clock: ApplicationClock,
}

impl Service {
    /// A stopped application whose acknowledged writes go to `acknowledged`.
    pub fn stopped(acknowledged: Arc<Acknowledgements>) -> Self {
        Self { backend: Arc::new(RwLock::new(None)), acknowledged, clock: ApplicationClock::default() }
    }

    /// The application's clock, on whichever side it runs.
    pub fn clock(&self) -> &ApplicationClock {
        &self.clock
    }

    /// Starts the application on the stores of `config`. Until it returns, clients are refused.
    ///
    /// # Errors
    /// A store cannot be reached, or a role cannot log in.
    pub async fn open(&self, config: &ServiceConfig) -> Result<(), ServiceError> {
        let backend = Backend::start(config, self.clock.clone()).await?;
        *self.backend.write().await = Some(backend);
        Ok(())
    }

    /// Stops the application: returns when no request is under way and every session is closed.
    pub async fn close(&self) {
        *self.backend.write().await = None;
    }

    /// Serves one request, or refuses it while the application is stopped. A close waits for the request's end.
    ///
    /// # Errors
    /// [`ServiceError::Closed`], or what the request itself returns.
    pub async fn serve<T>(
        &self,
        request: impl AsyncFnOnce(&Backend, &Acknowledgements) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let guard = self.backend.read().await;
        let backend = guard.as_ref().ok_or(ServiceError::Closed)?;
        request(backend, &self.acknowledged).await
    }
}
