//! What an environment needs before its first process starts, and the start itself.

use super::{Embedded, StoreVersion};
use crate::artifacts::Pins;
use crate::cache::{Cache, make_open_directory};
use crate::camunda::lifecycle;
use crate::clients::{self, Clients};
use crate::config::{Access, EmbeddedConfig, Side, Store};
use crate::door::Door;
use crate::elasticsearch::{self, ElasticsearchRecipe, NodeOptions};
use crate::error::{EnvironmentError, Progress, Result};
use crate::homes::{self, Contents, Home, Origin};
use crate::java::{self, Java};
use crate::machine::Machine;
use crate::ports::{HeldPort, PortChoice};
use crate::postgres::PostgresRecipe;
use crate::preflight;
use crate::server::Server;
use crate::user::StoreUser;
use crate::workdir::WorkDir;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Ports of the last start, so that a run that is taken up again finds its stores where they were.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Layout {
    postgres: BTreeMap<Side, u16>,
    elasticsearch: BTreeMap<Side, u16>,
}

pub(super) const LAYOUT_FILE: &str = "environment.json";

/// What is settled before the first process starts.
pub(super) struct Ground {
    pub(super) user: StoreUser,
    java: Option<Java>,
    elasticsearch: Option<Home>,
    postgres: BTreeMap<u16, Home>,
    clients: Option<Clients>,
    logs: PathBuf,
}

/// Settles everything that needs no process: the user, Java, installations, client programs, room.
pub(super) async fn prepare(
    config: &EmbeddedConfig,
    machine: &Machine,
    root: &Path,
    progress: &dyn Progress,
) -> Result<Ground> {
    let user = StoreUser::resolve(machine)?;
    let java = if config.wants_elasticsearch() { Some(java::find(machine).await?) } else { None };
    let cache = Cache::locate(machine)?;
    let pins = Pins::load()?;
    let elasticsearch = if config.wants_elasticsearch() {
        Some(homes::elasticsearch_origin(config, machine, &cache, &pins)?)
    } else {
        None
    };
    let mut postgres = BTreeMap::new();
    for major in config.postgres_majors() {
        postgres.insert(major, homes::postgres_origin(major, config, machine, &cache, &pins).await?);
    }
    preflight::work_space(config, machine, root)?;
    let origins: Vec<&Origin> = postgres.values().chain(&elasticsearch).collect();
    preflight::cache_space(machine, &cache, &origins)?;
    preflight::memory(config, machine)?;

    let logs = config.run_dir.join("logs");
    std::fs::create_dir_all(&logs).map_err(|e| EnvironmentError::io("make the directory", &logs, &e))?;
    make_open_directory(cache.root())?;
    let mut homes_by_major = BTreeMap::new();
    for (major, origin) in postgres {
        let home =
            homes::provide(origin, Contents::Postgres, machine, &cache, &pins, &logs, progress).await?;
        user.can_reach(&home.path.join("bin/postgres"))?;
        homes_by_major.insert(major, home);
    }
    let elasticsearch = match elasticsearch {
        Some(origin) => {
            let contents = Contents::Elasticsearch;
            let home = homes::provide(origin, contents, machine, &cache, &pins, &logs, progress).await?;
            let home = match &java {
                Some(java) if config.camunda.is_some() && lifecycle::is_wanted(&home) => {
                    lifecycle::provide(home, java, machine, &cache, &pins, &logs, progress).await?
                }
                _ => home,
            };
            user.can_reach(&home.path.join("bin/elasticsearch"))?;
            Some(home)
        }
        None => None,
    };
    if let Some(java) = &java {
        user.can_reach(&java.home.join("bin/java"))?;
    }
    let clients = if homes_by_major.is_empty() {
        None
    } else {
        Some(clients::provide(config, machine, &cache, progress).await?)
    };
    Ok(Ground { user, java, elasticsearch, postgres: homes_by_major, clients, logs })
}

/// Starts every asked store at the same time; if one fails, the others end.
pub(super) async fn launch(
    config: &EmbeddedConfig,
    ground: Ground,
    work: WorkDir,
    layout: Option<Layout>,
    progress: &dyn Progress,
) -> Result<Embedded> {
    let secured = config.sides().iter().any(|(_, side)| side.access == Access::Secured);
    let door = if secured { Some(Arc::new(Door::provide(&work)?)) } else { None };
    let starter = Starter {
        config,
        ground: &ground,
        work: &work,
        layout: layout.as_ref(),
        door: door.as_ref(),
        progress,
    };
    let (source_postgres, target_postgres, source_elasticsearch, target_elasticsearch) = tokio::try_join!(
        starter.postgres(Side::Source),
        starter.postgres(Side::Target),
        starter.elasticsearch(Side::Source),
        starter.elasticsearch(Side::Target),
    )?;
    let postgres: BTreeMap<_, _> = [(Side::Source, source_postgres), (Side::Target, target_postgres)]
        .into_iter()
        .filter_map(|(side, server)| Some((side, server?)))
        .collect();
    let elasticsearch: BTreeMap<_, _> =
        [(Side::Source, source_elasticsearch), (Side::Target, target_elasticsearch)]
            .into_iter()
            .filter_map(|(side, server)| Some((side, server?)))
            .collect();
    let mut versions = Vec::new();
    for (side, server) in &postgres {
        let home = &server.recipe().home;
        versions.push(StoreVersion {
            side: *side,
            store: Store::Postgres,
            version: home.version.clone(),
            home: home.path.clone(),
            obtained: home.obtained.clone(),
            deviations: server.recipe().deviations(),
            start_time: server.start_time(),
        });
    }
    for (side, server) in &elasticsearch {
        let home = &server.recipe().home;
        let told = elasticsearch::version(&server.recipe().endpoint(server.port())).await;
        versions.push(StoreVersion {
            side: *side,
            store: Store::Elasticsearch,
            version: told.unwrap_or_else(|| home.version.clone()),
            home: home.path.clone(),
            obtained: home.obtained.clone(),
            deviations: server.recipe().deviations(),
            start_time: server.start_time(),
        });
    }
    let layout = Layout {
        postgres: postgres.iter().map(|(side, s)| (*side, s.port())).collect(),
        elasticsearch: elasticsearch.iter().map(|(side, s)| (*side, s.port())).collect(),
    };
    work.write_json(LAYOUT_FILE, &layout)?;
    Ok(Embedded { postgres, elasticsearch, versions, clients: ground.clients, work })
}

struct Starter<'a> {
    config: &'a EmbeddedConfig,
    ground: &'a Ground,
    work: &'a WorkDir,
    layout: Option<&'a Layout>,
    door: Option<&'a Arc<Door>>,
    progress: &'a dyn Progress,
}

impl Starter<'_> {
    fn door(&self, side: Side) -> Option<Arc<Door>> {
        self.door.filter(|_| self.config.side(side).access == Access::Secured).cloned()
    }

    async fn postgres(&self, side: Side) -> Result<Option<Server<PostgresRecipe>>> {
        let wanted = self.config.side(side);
        let Some(home) = self.ground.postgres.get(&wanted.postgres_version).filter(|_| wanted.postgres)
        else {
            return Ok(None);
        };
        let choice = choice(wanted.postgres_port, self.layout.and_then(|l| l.postgres.get(&side)));
        let held = HeldPort::take(choice, side, Store::Postgres)?;
        let Ground { user, logs, .. } = self.ground;
        let recipe =
            PostgresRecipe::prepare(side, home.clone(), user, self.door(side), self.work, logs).await?;
        let server = Server::start(recipe, held, choice, self.work).await?;
        self.ready(side, Store::Postgres, server.start_time());
        Ok(Some(server))
    }

    async fn elasticsearch(&self, side: Side) -> Result<Option<Server<ElasticsearchRecipe>>> {
        let wanted = self.config.side(side);
        let (Some(home), Some(java), true) =
            (&self.ground.elasticsearch, &self.ground.java, wanted.elasticsearch)
        else {
            return Ok(None);
        };
        let choice = choice(wanted.elasticsearch_port, self.layout.and_then(|l| l.elasticsearch.get(&side)));
        let held = HeldPort::take(choice, side, Store::Elasticsearch)?;
        let options = NodeOptions {
            heap_mib: wanted.elasticsearch_heap_mib,
            data_bytes: self.config.estimated_data_bytes,
            door: self.door(side),
            whitelist: wanted.reindex_whitelist,
        };
        let Ground { user, logs, .. } = self.ground;
        let recipe =
            ElasticsearchRecipe::prepare(side, home.clone(), java.clone(), user, options, self.work, logs)?;
        let server = Server::start(recipe, held, choice, self.work).await?;
        self.ready(side, Store::Elasticsearch, server.start_time());
        Ok(Some(server))
    }

    fn ready(&self, side: Side, store: Store, time: Duration) {
        self.progress.note(&format!("{side} {store} answers after {:.1} s", time.as_secs_f64()));
    }
}

/// What the configuration fixes comes first, then where the store was before.
fn choice(fixed: Option<u16>, before: Option<&u16>) -> PortChoice {
    match (fixed, before) {
        (Some(port), _) => PortChoice::Fixed(port),
        (None, Some(port)) => PortChoice::Preferred(*port),
        (None, None) => PortChoice::Any,
    }
}
