//! Starting the containers of an environment side by side.

use super::engine::{Engine, refused};
use super::found::Remove;
use super::images::{self, Image, Wanted};
use super::marks::Marks;
use super::recipe::Recipe;
use super::store::{Endpoint, Running, log_of};
use super::{Containers, MARKER_FILE, beside};
use crate::cache::Cache;
use crate::clients;
use crate::config::{Access, EmbeddedConfig, Side, Store};
use crate::door::Door;
use crate::elasticsearch;
use crate::embedded::StoreVersion;
use crate::error::{EnvironmentError, Progress, Result};
use crate::homes::Obtained;
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::postgres::{self, SUPERUSER, kept_password};
use crate::preflight;
use crate::workdir::WorkDir;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Instant;
use testcontainers::core::client::ClientError;
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, Image as _, TestcontainersError};

/// How often another port is tried when one was snatched away.
const ATTEMPTS: usize = 4;

/// What is noted of a run: the ports of its last start, none until all stores have answered, and its marks.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Layout {
    pub(super) ports: Vec<Place>,
    /// By what all that is made for the run is found again.
    pub(super) marks: Marks,
}

/// Where a store listens.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) side: Side,
    pub(super) store: Store,
    port: u16,
}

struct Starter<'a> {
    config: &'a EmbeddedConfig,
    machine: &'a Machine,
    engine: &'a Engine,
    marks: &'a Marks,
    work: &'a WorkDir,
    layout: Option<&'a Layout>,
    door: Option<&'a Door>,
    logs: PathBuf,
    progress: &'a dyn Progress,
}

/// Starts every asked store at the same time. What fails comes back with what is to be cleared up.
pub(super) async fn launch(
    config: &EmbeddedConfig,
    machine: &Machine,
    engine: Engine,
    (work, marks): (WorkDir, Marks),
    layout: Option<Layout>,
    progress: &dyn Progress,
) -> std::result::Result<Containers, Box<(EnvironmentError, Engine, WorkDir)>> {
    let started = start_all(config, machine, (&engine, &marks), &work, layout.as_ref(), progress).await;
    match started {
        Ok((stores, versions, clients)) => {
            let config = config.clone();
            Ok(Containers { stores, engine, marks, versions, clients, config, work })
        }
        Err(error) => Err(Box::new((error, engine, work))),
    }
}

type Started = (Vec<Running>, Vec<StoreVersion>, Option<clients::Clients>);

async fn start_all(
    config: &EmbeddedConfig,
    machine: &Machine,
    (engine, marks): (&Engine, &Marks),
    work: &WorkDir,
    layout: Option<&Layout>,
    progress: &dyn Progress,
) -> Result<Started> {
    preflight::memory(config, machine)?;
    // What is taken up has its room already.
    if layout.is_none() {
        preflight::engine_space(config, machine, engine.folder.as_deref())?;
    }
    preflight::dump_space(config, machine, work.path())?;
    for told in images::overridden(config, machine) {
        progress.note(&told);
    }
    beside::fetch_images(config, machine, engine, progress).await?;
    let secured = config.sides().iter().any(|(_, side)| side.access == Access::Secured);
    let door = if secured { Some(Door::provide(work)?) } else { None };
    engine.make_network(marks).await?;
    if config.wants_elasticsearch() {
        engine.make_volume(&marks.snapshots(), marks).await?;
    }
    let logs = config.run_dir.join("logs");
    let starter =
        Starter { config, machine, engine, marks, work, layout, door: door.as_ref(), logs, progress };
    // All of them to their end: a request to make a container goes on at the engine when nobody waits for it any more, and what
    // it makes would come after the clearing up.
    let made = tokio::join!(
        starter.make(Side::Source, Store::Postgres),
        starter.make(Side::Target, Store::Postgres),
        starter.make(Side::Source, Store::Elasticsearch),
        starter.make(Side::Target, Store::Elasticsearch),
    );
    let (source_postgres, target_postgres, source_elasticsearch, target_elasticsearch) = tokio::try_join!(
        starter.ready(made.0?),
        starter.ready(made.1?),
        starter.ready(made.2?),
        starter.ready(made.3?),
    )?;
    let started = [source_postgres, target_postgres, source_elasticsearch, target_elasticsearch];
    let (stores, versions): (Vec<Running>, Vec<StoreVersion>) = started.into_iter().flatten().unzip();
    let clients = match clients_for(config, &versions) {
        Some(wanted) => Some(clients::provide(&wanted, machine, &Cache::locate(machine)?, progress).await?),
        None => None,
    };
    let ports = stores.iter().map(|s| Place { side: s.side, store: s.store, port: s.port }).collect();
    work.write_json(MARKER_FILE, &Layout { ports, marks: marks.clone() })?;
    Ok((stores, versions, clients))
}

/// The configuration with the major versions that the images really have: a client must be as new as its server.
pub(crate) fn clients_for(config: &EmbeddedConfig, versions: &[StoreVersion]) -> Option<EmbeddedConfig> {
    let mut wanted = config.clone();
    let mut any = false;
    for told in versions.iter().filter(|v| v.store == Store::Postgres) {
        let side = match told.side {
            Side::Source => &mut wanted.source,
            Side::Target => &mut wanted.target,
        };
        let digits: String = told.version.chars().take_while(char::is_ascii_digit).collect();
        side.postgres_version = digits.parse().unwrap_or(side.postgres_version);
        any = true;
    }
    any.then_some(wanted)
}

/// A store whose container was started, and who has not answered yet.
struct Made<'a> {
    running: Running,
    began: Instant,
    image: Image,
    door: Option<&'a Door>,
    /// Whether its volume held data of an earlier life.
    filled: bool,
}

impl<'a> Starter<'a> {
    /// Makes and starts the container of a store, if it is asked for.
    async fn make(&self, side: Side, store: Store) -> Result<Option<Made<'a>>> {
        let wanted = self.config.side(side);
        let (asked, fixed) = match store {
            Store::Postgres => (wanted.postgres, wanted.postgres_port),
            Store::Elasticsearch => (wanted.elasticsearch, wanted.elasticsearch_port),
        };
        if !asked {
            return Ok(None);
        }
        let image = Image::of(wanted, store, self.machine)?;
        if !self.engine.has_image(&image.to_string()).await? {
            self.progress.note(&format!("pulling {image}"));
        }
        let door = self.door.filter(|_| wanted.access == Access::Secured);
        let recipe = Recipe { side, image: &image, marks: self.marks, config: wanted, door };
        let volume = self.marks.store(side, store);
        self.engine.make_volume(&volume, self.marks).await?;
        let before = self.layout.and_then(|l| l.ports.iter().find(|p| p.side == side && p.store == store));
        let choice = match (fixed, before) {
            (Some(port), _) => PortChoice::Fixed(port),
            (None, Some(place)) => PortChoice::Preferred(place.port),
            (None, None) => PortChoice::Any,
        };
        let (running, began) = match store {
            Store::Postgres => {
                let password = kept_password(self.work, side)?;
                // Its door is closed from inside, once it runs.
                let closed = door.filter(|_| before.is_some());
                let at = |port| Endpoint::Postgres(postgres::endpoint(&password, closed, port));
                self.run((side, store), choice, at, |port| Ok(recipe.postgres(port, &password))).await?
            }
            Store::Elasticsearch => {
                let at = |port| Endpoint::Elasticsearch(elasticsearch::endpoint(door, port));
                let bytes = self.config.estimated_data_bytes;
                self.run((side, store), choice, at, |port| recipe.elasticsearch(port, bytes)).await?
            }
        };
        Ok(Some(Made { running, began, image, door, filled: before.is_some() }))
    }

    /// Waits until a store answers with all it has.
    async fn ready(&self, made: Option<Made<'a>>) -> Result<Option<(Running, StoreVersion)>> {
        let Some(Made { mut running, began, image, door, filled }) = made else { return Ok(None) };
        let (side, store, network) = (running.side, running.store, self.marks.network());
        running.wait(self.engine, &network, began).await?;
        match store {
            Store::Postgres => {
                if let Some(door) = door.filter(|_| !filled) {
                    running.close_door(door).await?;
                    running.wait(self.engine, &network, began).await?;
                }
            }
            Store::Elasticsearch => {
                // A new volume belongs to root, and only the image knows its own user. After the first answer: one that ends
                // at once is told by its own log.
                let id = running.id().unwrap_or_default();
                self.engine.run_as_root(id, &["chmod", "0777", super::recipe::SNAPSHOTS]).await?;
            }
        }
        let config = self.config.side(side);
        let told = StoreVersion {
            side,
            store,
            version: version(&running.endpoint()).await,
            home: PathBuf::new(),
            obtained: Obtained::Image(image.to_string()),
            deviations: match store {
                Store::Postgres => postgres::deviations(door),
                Store::Elasticsearch => Recipe { side, image: &image, marks: self.marks, config, door }
                    .deviations(self.config.estimated_data_bytes),
            },
            start_time: running.start_time,
        };
        self.progress.note(&format!("{side} {store} answers after {:.1} s", told.start_time.as_secs_f64()));
        Ok(Some((running, told)))
    }

    /// Makes and starts a container, on another port if the chosen one was snatched away.
    async fn run(
        &self,
        (side, store): (Side, Store),
        choice: PortChoice,
        at: impl Fn(u16) -> Endpoint,
        request: impl Fn(u16) -> Result<ContainerRequest<GenericImage>>,
    ) -> Result<(Running, Instant)> {
        let whom = format!("{side} {store}");
        let of = (self.engine, self.marks);
        let made = start_on_a_port(of, (store.into(), &whom), choice, request).await?;
        let (container, port, began) = made;
        let log = log_of(&self.logs, side, store);
        let running = Running::new((side, store), container, (at(port), port), log, self.engine)?;
        Ok((running, began))
    }
}

/// Makes and starts a container for `whom`, on another port if the chosen one was snatched away. Comes back with the port and
/// the time of the start.
pub(super) async fn start_on_a_port(
    (engine, marks): (&Engine, &Marks),
    (wanted, whom): (Wanted, &str),
    choice: PortChoice,
    request: impl Fn(u16) -> Result<ContainerRequest<GenericImage>>,
) -> Result<(ContainerAsync<GenericImage>, u16, Instant)> {
    let mut choice = choice;
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let held = HeldPort::take_for(choice, whom)?;
        let request = request(held.port())?;
        let image = format!("{}:{}", request.image().name(), request.image().tag());
        let name = request.container_name().clone().unwrap_or_default();
        let port = held.release();
        let began = Instant::now();
        let error = match request.start().await {
            Ok(container) => return Ok((container, port, began)),
            Err(TestcontainersError::Client(error @ ClientError::PullImage { .. })) => {
                return Err(images::not_pulled(&image, wanted, &error));
            }
            Err(error) => error.to_string(),
        };
        let snatched = error.contains("already allocated") || error.contains("address already in use");
        if !snatched || left == 0 || matches!(choice, PortChoice::Fixed(_)) {
            return Err(refused("start a container of", &image, &error));
        }
        tracing::info!(port, "the port was taken between choice and start");
        choice = PortChoice::Any;
        // It was made before it was refused its port.
        let mut found = engine.found(marks).await?;
        found.keep_only(&name);
        engine.remove(found, Remove::AllButVolumes).await?;
    }
}

/// What the store says about itself; empty where it does not.
pub(crate) async fn version(of: &Endpoint) -> String {
    let endpoint = match of {
        Endpoint::Elasticsearch(endpoint) => {
            return elasticsearch::version(endpoint).await.unwrap_or_default();
        }
        Endpoint::Postgres(endpoint) => endpoint,
    };
    let Ok(session) = drydock_stores::postgres::connect(endpoint, SUPERUSER, "drydock").await else {
        return String::new();
    };
    let told = session.query_one("SELECT pg_catalog.current_setting('server_version')", &[]).await;
    told.map(|row| row.get(0)).unwrap_or_default()
}
