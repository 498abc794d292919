//! One store in its container: readiness, signals, restarts, its log.

use super::engine::{Engine, refused, signal_name};
use super::recipe::{POSTGRES_DATA, inside, start_limit};
use crate::config::{Side, Store};
use crate::door::Door;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::postgres::SUPERUSER;
use crate::supervised::{StoreSignal, last_lines};
use crate::{elasticsearch, postgres};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use testcontainers::{ContainerAsync, GenericImage};
use tokio::task::JoinHandle;

/// Between two looks at a starting store. Each is a new connection.
const LOOK: Duration = Duration::from_millis(200);
/// How long the last lines of a log may take to arrive.
pub(super) const LAST_LINES: Duration = Duration::from_secs(3);

/// Where a store is reached.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    Postgres(PostgresEndpoint),
    Elasticsearch(ElasticsearchEndpoint),
}

impl Endpoint {
    pub(crate) fn postgres(&self) -> Option<PostgresEndpoint> {
        match self {
            Self::Postgres(endpoint) => Some(endpoint.clone()),
            Self::Elasticsearch(_) => None,
        }
    }

    pub(crate) fn elasticsearch(&self) -> Option<ElasticsearchEndpoint> {
        match self {
            Self::Elasticsearch(endpoint) => Some(endpoint.clone()),
            Self::Postgres(_) => None,
        }
    }
}

/// A store of this environment.
pub(super) struct Running {
    pub(super) side: Side,
    pub(super) store: Store,
    pub(super) port: u16,
    /// From the start of its container to its first answer.
    pub(super) start_time: Duration,
    /// None once it is removed with its volume.
    container: Option<ContainerAsync<GenericImage>>,
    endpoint: Endpoint,
    log: PathBuf,
    follower: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Whether the store at this port of the loopback interface answers with all it has.
    pub(crate) async fn answers(&self, port: u16) -> bool {
        match self {
            Self::Postgres(endpoint) => postgres::answers(endpoint).await,
            Self::Elasticsearch(endpoint) => elasticsearch::answers(endpoint, port).await,
        }
    }
}

impl std::fmt::Debug for Running {
    // The container would show its variables, a password among them.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} on port {}", self.side, self.store, self.port)
    }
}

impl Running {
    /// Takes over a container that was just started.
    pub(super) fn new(
        (side, store): (Side, Store),
        container: ContainerAsync<GenericImage>,
        (endpoint, port): (Endpoint, u16),
        log: PathBuf,
        engine: &Engine,
    ) -> Result<Self> {
        let follower = Some(engine.follow(container.id(), &log, 0)?);
        let container = Some(container);
        Ok(Self { side, store, port, start_time: Duration::ZERO, container, endpoint, log, follower })
    }

    pub(super) fn endpoint(&self) -> Endpoint {
        self.endpoint.clone()
    }

    pub(super) fn postgres(&self) -> Option<PostgresEndpoint> {
        self.endpoint.postgres()
    }

    pub(super) fn elasticsearch(&self) -> Option<ElasticsearchEndpoint> {
        self.endpoint.elasticsearch()
    }

    pub(super) fn id(&self) -> Option<&str> {
        self.container.as_ref().map(|c| c.id())
    }

    pub(super) fn has_data(&self) -> bool {
        self.container.is_some()
    }

    /// Waits until the store answers with all it has, and learns its address in the network.
    pub(super) async fn wait(&mut self, engine: &Engine, network: &str, began: Instant) -> Result<()> {
        let (endpoint, port) = (&self.endpoint, self.port);
        let id = self.id().unwrap_or_default();
        let times = (began, start_limit(self.store));
        if let Some(how) = until_it_answers(engine, id, times, || endpoint.answers(port)).await? {
            return Err(self.failed(&how).await);
        }
        let address = match self.id() {
            Some(id) => engine.address(id, network).await,
            None => None,
        };
        if let (Endpoint::Elasticsearch(endpoint), Some(address)) = (&mut self.endpoint, address) {
            let scheme = endpoint.url.split("://").next().unwrap_or("http");
            endpoint.peer_url = Some(format!("{scheme}://{address}:{}", inside(Store::Elasticsearch)));
        }
        self.start_time = began.elapsed();
        Ok(())
    }

    async fn failed(&mut self, how: &str) -> EnvironmentError {
        self.finish_log().await;
        not_started(&format!("the {} {}", self.side, self.store), how, &self.log)
    }

    /// Lets nobody in unencrypted from now on.
    pub(super) async fn close_door(&mut self, door: &Door) -> Result<()> {
        let Endpoint::Postgres(open) = self.endpoint.clone() else { return Ok(()) };
        close_door(self.side, &open, door, &self.log).await?;
        let Some(password) = &open.password else { return Ok(()) };
        self.endpoint = Endpoint::Postgres(postgres::endpoint(password, Some(door), self.port));
        Ok(())
    }

    /// Pauses it, lets it go on, or sends its first process a signal.
    pub(super) async fn signal(&self, engine: &Engine, signal: StoreSignal) -> Result<()> {
        let Some(container) = &self.container else { return Ok(()) };
        match signal {
            StoreSignal::Stop => engine.pause(container.id()).await,
            StoreSignal::Continue => engine.unpause(container.id()).await,
            other => engine.signal(container.id(), signal_name(other)).await,
        }
    }

    /// Ends the store if it runs, and starts its container again: the same port, perhaps another address in the network.
    pub(super) async fn restart(&mut self, engine: &Engine, network: &str) -> Result<()> {
        let Some(container) = &self.container else {
            return Err(EnvironmentError::new(
                EnvironmentProblem::StartFailed,
                format!("the {} {} cannot be started: its volume was removed", self.side, self.store),
                "rehearse again from the beginning",
            ));
        };
        let id = container.id().to_owned();
        if engine.is_running(&id).await? {
            engine.unpause(&id).await?;
            engine.end(&id, Some(self.store)).await?;
            if engine.is_running(&id).await? {
                container.stop_with_timeout(Some(0)).await.map_err(|e| refused("stop", &id, &e))?;
            }
        }
        // Before the start: whoever follows the log now would go on with that of the next life as well.
        self.finish_log().await;
        let Some(container) = &self.container else { return Ok(()) };
        let (began, since) = (Instant::now(), seconds_now());
        container.start().await.map_err(|e| refused("start again", &id, &e))?;
        self.follower = Some(engine.follow(&id, &self.log, since)?);
        self.wait(engine, network, began).await
    }

    /// Removes the container. Its volume can be removed afterwards.
    pub(super) async fn remove_container(&mut self) -> Result<()> {
        if let Some(container) = self.container.take() {
            let name = container.id().to_owned();
            container.rm().await.map_err(|e| refused("remove the container", &name, &e))?;
        }
        self.finish_log().await;
        Ok(())
    }

    /// Waits for the last lines of a container that has ended.
    async fn finish_log(&mut self) {
        finish_following(&mut self.follower).await;
    }

    /// Lets go of the container without ending it: it is gone already, or stays for whoever asked to keep it.
    pub(super) fn leave(self) {
        if let Some(container) = self.container {
            // Dropping it would remove it. This happens at most once for each store of a run.
            std::mem::forget(container);
        }
    }
}

/// Waits until what runs in a container answers. Comes back with how it failed to, if so.
///
/// # Errors
/// The engine does not tell whether it runs.
pub(super) async fn until_it_answers<A: Future<Output = bool>>(
    engine: &Engine,
    id: &str,
    (began, limit): (Instant, Duration),
    answers: impl Fn() -> A,
) -> Result<Option<String>> {
    loop {
        if answers().await {
            return Ok(None);
        }
        if !engine.is_running(id).await? {
            return Ok(Some("ended while starting".to_owned()));
        }
        if began.elapsed() > limit {
            return Ok(Some(format!("did not come up within {} s", limit.as_secs())));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// What became of a start, with the last words of the log.
pub(super) fn not_started(whom: &str, how: &str, log: &Path) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::StartFailed,
        format!("{whom} {how}: {}", last_words(log)),
        format!("read its log: {}", log.display()),
    )
}

pub(super) fn last_words(log: &Path) -> String {
    last_lines(&std::fs::read_to_string(log).unwrap_or_default(), 3)
}

/// Waits for the last lines of a container that has ended.
pub(super) async fn finish_following(follower: &mut Option<JoinHandle<()>>) {
    if let Some(follower) = follower.take() {
        let stop = follower.abort_handle();
        if tokio::time::timeout(LAST_LINES, follower).await.is_err() {
            stop.abort();
        }
    }
}

/// Puts certificate, key and rules into the data of a PostgreSQL that lie in [`POSTGRES_DATA`], so that it lets nobody in
/// unencrypted from now on. They go through the server itself, so that they belong to its user, whoever that is in its image.
pub(crate) async fn close_door(side: Side, open: &PostgresEndpoint, door: &Door, log: &Path) -> Result<()> {
    let failed = |why: &dyn std::fmt::Display| {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("cannot set up TLS of the {side} PostgreSQL: {why}"),
            format!("read its log: {}", log.display()),
        )
    };
    let session =
        drydock_stores::postgres::connect(open, SUPERUSER, "drydock").await.map_err(|e| failed(&e))?;
    let run = async |statement: &str, doing: &str| {
        // The error's own text could repeat the statement, which may hold a key.
        session.batch_execute(statement).await.map_err(|_| failed(&format!("it does not {doing}")))
    };
    run("SET log_min_error_statement = panic", "keep statements out of its log").await?;
    let issued = door.issued(Store::Postgres)?;
    let rules = "hostssl all all all scram-sha-256";
    for (name, text) in [
        ("server.crt", issued.certificate.as_str()),
        ("server.key", issued.key.expose_secret()),
        ("pg_hba.conf", rules),
    ] {
        let lines = text.replace('\'', "''");
        let statement = format!(
            "COPY (SELECT pg_catalog.unnest(pg_catalog.string_to_array('{lines}', E'\\n'))) \
             TO PROGRAM 'umask 077; cat > {POSTGRES_DATA}/{name}'"
        );
        run(&statement, &format!("write {name}")).await?;
    }
    run("ALTER SYSTEM SET ssl = on", "switch TLS on").await?;
    run("SELECT pg_catalog.pg_reload_conf()", "read its configuration again").await
}

/// Waits for the last lines of all logs.
pub(super) async fn finish(stores: &mut [Running]) {
    for running in stores {
        running.finish_log().await;
    }
}

/// Where the log of a store goes.
pub(super) fn log_of(logs: &Path, side: Side, store: Store) -> PathBuf {
    logs.join(format!("{side}-{store}.log"))
}

fn seconds_now() -> i32 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i32::try_from(since.as_secs()).unwrap_or(0)
}
