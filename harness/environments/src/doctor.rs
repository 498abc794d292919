//! Everything that stands in the way of an environment, at once, with a mend for each.

use crate::artifacts::Pins;
use crate::cache::Cache;
use crate::camunda::CamundaConfig;
use crate::camunda::homes as camunda;
use crate::camunda::homes::JavaOrigin;
use crate::clients;
use crate::config::EmbeddedConfig;
use crate::containers::{Engine, Image, Wanted, overridden};
use crate::error::{EnvironmentError, Result};
use crate::homes::{self, Origin};
use crate::java;
use crate::keycloak::homes as keycloak;
use crate::kind;
use crate::machine::Machine;
use crate::maven;
use crate::ports::{HeldPort, PortChoice};
use crate::preflight;
use crate::user::StoreUser;
use crate::workdir;
use crate::{Side, Store};
use drydock_core::scenario::EnvironmentName;
use serde::Serialize;

/// State of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DoctorState {
    /// As it should be.
    Ok,
    /// A run works, with a restriction or after fetching.
    Warning,
    /// A run would fail.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, Serialize)]
pub struct DoctorItem {
    /// What it is.
    pub name: String,
    /// How it stands.
    pub state: DoctorState,
    /// What was found, in one line.
    pub detail: String,
    /// What to do, unless all is well.
    pub mend: Option<String>,
}

/// Looks at this machine, for an environment.
pub async fn run_in(environment: &EnvironmentName, config: &EmbeddedConfig) -> Vec<DoctorItem> {
    let machine = Machine::from_process();
    match environment {
        EnvironmentName::Embedded => run_on(config, &machine).await,
        EnvironmentName::Containers => containers_on(environment, config, &machine).await,
        EnvironmentName::Context(context) => context_on(context, config, &machine).await,
        EnvironmentName::Kind => kind_on(config, &machine).await,
    }
}

/// Looks for a context and its rights, and for what this machine has to have beside it. Makes nothing there.
async fn context_on(context: &str, config: &EmbeddedConfig, machine: &Machine) -> Vec<DoctorItem> {
    let mut items = vec![item("configuration", config.validate().map(|()| "in order".to_owned()))];
    let found = kind::context_items(context, config, machine).await;
    items.extend(found.into_iter().map(|(name, found)| item(&name, found)));
    items.extend(unused_item(config, &EnvironmentName::Context(context.to_owned())));
    items.extend(beside_items(config, machine, false).await);
    items
}

/// Looks for what makes a cluster, and for all that containers need as well. Makes nothing, pulls nothing.
async fn kind_on(config: &EmbeddedConfig, machine: &Machine) -> Vec<DoctorItem> {
    let mut items = Vec::new();
    for (program, why) in kind::NEEDED {
        let found = kind::find_program(machine, program, why);
        items.push(item(program, found.map(|path| path.display().to_string())));
    }
    for (program, why) in kind::USEFUL {
        let found = kind::find_program(machine, program, why);
        let found = found.map(|path| path.display().to_string());
        items.push(match item(program, found) {
            wanting if wanting.state == DoctorState::Missing => {
                DoctorItem { state: DoctorState::Warning, ..wanting }
            }
            found => found,
        });
    }
    items.push(match kind::node_image(machine) {
        Ok(None) => item("image of the node", Ok("the one that kind brings".to_owned())),
        Ok(Some(image)) => match Engine::connect(machine).await {
            Ok(engine) => image_item(&engine, &image.to_string()).await,
            // That none answers is told once, below.
            Err(_) => item("image of the node", Ok(image.to_string())),
        },
        Err(error) => item("image of the node", Err(error)),
    });
    items.extend(unused_item(config, &EnvironmentName::Kind));
    items.extend(containers_on(&EnvironmentName::Kind, config, machine).await);
    items
}

fn unused_item(config: &EmbeddedConfig, environment: &EnvironmentName) -> Option<DoctorItem> {
    config.unused_images(environment).map(|(detail, mend)| DoctorItem {
        name: "images of the scenario".to_owned(),
        state: DoctorState::Warning,
        detail,
        mend: Some(mend),
    })
}

/// Looks for an engine, images, client programs and room. Makes nothing, pulls nothing.
async fn containers_on(
    environment: &EnvironmentName,
    config: &EmbeddedConfig,
    machine: &Machine,
) -> Vec<DoctorItem> {
    let mut items = vec![item("configuration", config.validate().map(|()| "in order".to_owned()))];
    let engine = Engine::connect(machine).await;
    let told = engine.as_ref().map(|e| e.version.clone()).map_err(copy);
    items.push(item("container engine", told));
    // Beside a cluster it is a process of this machine.
    let identity = config.keycloak.is_some() && *environment == EnvironmentName::Containers;
    let mut images = Vec::new();
    for (_, side) in config.sides() {
        let asked = [
            (side.postgres, Wanted::Store(Store::Postgres)),
            (side.elasticsearch, Wanted::Store(Store::Elasticsearch)),
            (side.postgres && identity, Wanted::Keycloak),
        ];
        for (_, wanted) in asked.into_iter().filter(|(asked, _)| *asked) {
            match Image::of(side, wanted, machine) {
                Ok(image) => images.push(image),
                Err(error) => items.push(item(&format!("image of {wanted}"), Err(error))),
            }
        }
    }
    images.sort();
    images.dedup();
    items.extend(overridden(config, machine).into_iter().map(|detail| DoctorItem {
        name: "images of the two sides".to_owned(),
        state: DoctorState::Warning,
        detail,
        mend: Some("put {version} into the variable's tag, or unset it".to_owned()),
    }));
    for image in images.iter().map(ToString::to_string) {
        let Ok(engine) = &engine else { break };
        items.push(image_item(engine, &image).await);
    }
    if let Ok(engine) = &engine {
        let room = preflight::engine_space(config, machine, engine.folder.as_deref());
        items.push(item("disk space of the engine", room));
    }
    items.extend(beside_items(config, machine, identity).await);
    items.push(item("memory", preflight::memory(config, machine)));
    items
}

/// What runs on this machine wherever the stores are; `identity`: a Keycloak does not.
async fn beside_items(config: &EmbeddedConfig, machine: &Machine, identity: bool) -> Vec<DoctorItem> {
    let mut items = Vec::new();
    match (Cache::locate(machine), Pins::load()) {
        (Ok(cache), Ok(pins)) => {
            if !config.postgres_majors().is_empty() {
                items.push(clients_item(config, machine, &cache).await);
            }
            // A Camunda is a process of this machine wherever the stores are.
            let mut beside = Vec::new();
            if let Some(wanted) = &config.camunda {
                beside.push(camunda_items(wanted, machine, &cache, &pins, &mut items).await);
            }
            if config.keycloak.is_some() && !identity {
                beside.push(keycloak_items(machine, &cache, &pins, &mut items).await);
            }
            if !beside.is_empty() {
                let fetched = beside.iter().flatten().any(|o| matches!(o, Origin::Fetch { local: None, .. }));
                items.push(maven_item(machine, fetched));
            }
        }
        (Err(error), _) | (_, Err(error)) => items.push(item("cache", Err(error))),
    }
    let root = workdir::root(config.work_root.as_deref(), machine);
    items.push(item("disk space of the work directory", preflight::dump_space(config, machine, &root)));
    items.extend(port_items(config));
    items
}

async fn image_item(engine: &Engine, image: &str) -> DoctorItem {
    let name = format!("image {image}");
    match engine.has_image(image).await {
        Ok(true) => item(&name, Ok("is here".to_owned())),
        Ok(false) => DoctorItem {
            name,
            state: DoctorState::Warning,
            detail: "is pulled at the first run".to_owned(),
            mend: Some(format!(
                "docker pull {image}; or name another one in DRYDOCK_IMAGE_POSTGRES, DRYDOCK_IMAGE_ELASTICSEARCH, DRYDOCK_IMAGE_KEYCLOAK or DRYDOCK_IMAGE_NODE"
            )),
        },
        Err(error) => item(&name, Err(error)),
    }
}

/// Looks at this machine.
pub async fn run(config: &EmbeddedConfig) -> Vec<DoctorItem> {
    run_on(config, &Machine::from_process()).await
}

/// Looks at a described machine. Starts no store, fetches nothing, makes no directory.
pub async fn run_on(config: &EmbeddedConfig, machine: &Machine) -> Vec<DoctorItem> {
    let mut items = vec![item("configuration", config.validate().map(|()| "in order".to_owned()))];
    items.extend(unused_item(config, &EnvironmentName::Embedded));
    let user = StoreUser::resolve(machine);
    items.push(item(
        "user that runs the stores",
        user.as_ref().map_err(copy).map(|u| match u {
            StoreUser::Caller => "the calling user".to_owned(),
            StoreUser::Other { name, uid, .. } => format!("{name} ({uid}), because root is refused"),
        }),
    ));
    if config.wants_elasticsearch() {
        let found = java::find(machine).await;
        items.push(item("Java", found.map(|j| format!("Java {} at {}", j.major, j.home.display()))));
    }
    let cache = Cache::locate(machine);
    let pins = Pins::load();
    let mut to_fetch = false;
    match (&cache, &pins) {
        (Ok(cache), Ok(pins)) => {
            let mut origins = Vec::new();
            if config.wants_elasticsearch() {
                let origin = homes::elasticsearch_origin(config, machine, cache, pins);
                items.push(origin_item("Elasticsearch", &origin));
                origins.extend(origin);
            }
            for major in config.postgres_majors() {
                let origin = homes::postgres_origin(major, config, machine, cache, pins).await;
                items.push(origin_item(&format!("PostgreSQL {major} server"), &origin));
                origins.extend(origin);
            }
            if let Some(wanted) = &config.camunda {
                origins.extend(camunda_items(wanted, machine, cache, pins, &mut items).await);
            }
            if config.keycloak.is_some() {
                origins.extend(keycloak_items(machine, cache, pins, &mut items).await);
            }
            to_fetch = origins.iter().any(|o| matches!(o, Origin::Fetch { local: None, .. }));
            let origins: Vec<&Origin> = origins.iter().collect();
            items.push(item("disk space of the cache", preflight::cache_space(machine, cache, &origins)));
            if !config.postgres_majors().is_empty() {
                items.push(clients_item(config, machine, cache).await);
            }
        }
        (Err(error), _) | (_, Err(error)) => items.push(item("cache", Err(copy(error)))),
    }
    items.push(maven_item(machine, to_fetch));
    let root = workdir::root(config.work_root.as_deref(), machine);
    items.push(item("disk space of the work directory", preflight::work_space(config, machine, &root)));
    if let (Ok(user), Some(existing)) = (&user, root.ancestors().find(|p| p.exists())) {
        let reach =
            user.can_reach(&existing.join(".")).map(|()| format!("{} can be entered", root.display()));
        items.push(item("way to the work directory", reach));
    }
    items.push(item("memory", preflight::memory(config, machine)));
    items.extend(port_items(config));
    items
}

fn port_items(config: &EmbeddedConfig) -> Vec<DoctorItem> {
    let look = |(side, store, port)| {
        let held = HeldPort::take(PortChoice::Fixed(port), side, store);
        item(&format!("port {port}"), held.map(|_| "free".to_owned()))
    };
    fixed_ports(config).into_iter().map(look).collect()
}

/// The ports that the configuration fixes.
pub(crate) fn fixed_ports(config: &EmbeddedConfig) -> Vec<(Side, Store, u16)> {
    let mut ports = Vec::new();
    for (side, c) in config.sides() {
        if c.postgres {
            ports.extend(c.postgres_port.map(|p| (side, Store::Postgres, p)));
        }
        if c.elasticsearch {
            ports.extend(c.elasticsearch_port.map(|p| (side, Store::Elasticsearch, p)));
        }
    }
    ports
}

fn item(name: &str, found: Result<String>) -> DoctorItem {
    match found {
        Ok(detail) => DoctorItem { name: name.to_owned(), state: DoctorState::Ok, detail, mend: None },
        Err(error) => DoctorItem {
            name: name.to_owned(),
            state: DoctorState::Missing,
            detail: error.what,
            mend: Some(error.help),
        },
    }
}

fn origin_item(name: &str, origin: &Result<Origin>) -> DoctorItem {
    match origin {
        Ok(Origin::Ready(home)) => {
            let detail = format!("{} {} ({})", home.version, home.path.display(), home.obtained);
            item(name, Ok(detail.trim_start().to_owned()))
        }
        Ok(Origin::Fetch { artifact, local: Some(file) }) => item(
            name,
            Ok(format!("{} is unpacked from {} at the first run", artifact.version, file.display())),
        ),
        Ok(Origin::Fetch { artifact, local: None }) => DoctorItem {
            name: name.to_owned(),
            state: DoctorState::Warning,
            detail: format!(
                "{} is fetched at the first run ({}, {})",
                artifact.version,
                artifact.coordinates,
                crate::error::size(artifact.bytes)
            ),
            mend: Some("nothing to do where Maven reaches its repository".to_owned()),
        },
        Err(error) => item(name, Err(copy(error))),
    }
}

/// Adds what a Camunda needs, and hands back where its distribution comes from.
async fn camunda_items(
    wanted: &CamundaConfig,
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
    items: &mut Vec<DoctorItem>,
) -> Option<Origin> {
    let origin = camunda::origin(wanted, machine, cache, pins);
    items.push(origin_item("Camunda", &origin));
    items.push(camunda_java_item(machine, cache, pins).await);
    origin.ok()
}

/// Adds what a Keycloak needs, and hands back where its distribution comes from.
async fn keycloak_items(
    machine: &Machine,
    cache: &Cache,
    pins: &Pins,
    items: &mut Vec<DoctorItem>,
) -> Option<Origin> {
    let origin = keycloak::origin(machine, cache, pins);
    items.push(origin_item("Keycloak", &origin));
    let java = keycloak::find_java(machine).await;
    items.push(item("Java of Keycloak", java.map(|j| format!("Java {} at {}", j.major, j.home.display()))));
    origin.ok()
}

async fn camunda_java_item(machine: &Machine, cache: &Cache, pins: &Pins) -> DoctorItem {
    let name = "Java of Camunda";
    match camunda::java_origin(machine, cache, pins).await {
        Ok(JavaOrigin::Ready(java)) => {
            item(name, Ok(format!("Java {} at {}", java.major, java.home.display())))
        }
        Ok(JavaOrigin::Fetch { reason, .. }) => DoctorItem {
            name: name.to_owned(),
            state: DoctorState::Warning,
            detail: format!(
                "{reason}; {} is fetched at the first run ({}, {})",
                pins.java.version,
                pins.java.requirement,
                crate::error::size(pins.java.bytes)
            ),
            mend: Some(
                "nothing to do where pip reaches its index; else point JAVA_HOME at a JDK 21".to_owned(),
            ),
        },
        Err(error) => item(name, Err(error)),
    }
}

async fn clients_item(config: &EmbeddedConfig, machine: &Machine, cache: &Cache) -> DoctorItem {
    let name = "PostgreSQL client programs".to_owned();
    if let Some(found) = clients::find(config, machine, cache).await {
        return item(&name, Ok(format!("version {} at {}", found.major, found.directory.display())));
    }
    let mend =
        Some("apt-get update && apt-get install postgresql-client (or your system's package)".to_owned());
    let wanted = config.source.postgres_version;
    if machine.find("apt-get").is_some() && machine.find("dpkg-deb").is_some() {
        let detail = format!("none of version {wanted} or newer; apt-get downloads them at the first run");
        return DoctorItem { name, state: DoctorState::Warning, detail, mend };
    }
    let detail = format!("no pg_dump, pg_restore and psql of version {wanted} or newer");
    DoctorItem { name, state: DoctorState::Missing, detail, mend }
}

/// Maven is needed only for what is still to be fetched.
fn maven_item(machine: &Machine, to_fetch: bool) -> DoctorItem {
    match maven::program(machine) {
        Ok(path) => item("Maven", Ok(path.display().to_string())),
        Err(error) if to_fetch => item("Maven", Err(error)),
        Err(error) => DoctorItem {
            name: "Maven".to_owned(),
            state: DoctorState::Warning,
            detail: "not found; nothing needs to be fetched now".to_owned(),
            mend: Some(error.help),
        },
    }
}

fn copy(error: &EnvironmentError) -> EnvironmentError {
    EnvironmentError::new(error.code, error.what.clone(), error.help.clone())
}
