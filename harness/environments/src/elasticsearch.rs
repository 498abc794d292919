//! An embedded Elasticsearch: its own configuration beside a shared, read-only installation.

use crate::config::{ReindexWhitelist, Side, Store};
use crate::door::{Door, ELASTICSEARCH_USER};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::homes::Home;
use crate::java::Java;
use crate::ports::free_for;
use crate::postgres::make_owned;
use crate::random::random_bytes;
use crate::server::Recipe;
use crate::supervised::Launch;
use crate::user::StoreUser;
use crate::workdir::{WorkDir, write_private};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, Timeouts};
use drydock_stores::endpoint::ElasticsearchAuth;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// From here on the optimising compiler repays the processor time it takes from the start. Measured on two cores with
/// two nodes: without it they answer after 9 s instead of 17 s and index twice 160,000 documents in 10 s instead of
/// 15 s; beyond a few minutes of work it wins.
const OPTIMISE_FROM_BYTES: u64 = 2 << 30;
/// Heap from which on a node looks after its own garbage, in MiB.
const COLLECTS_FROM_MIB: u32 = 1024;

/// One Elasticsearch of this environment.
#[derive(Debug)]
pub(crate) struct ElasticsearchRecipe {
    pub(crate) side: Side,
    pub(crate) home: Home,
    java: Java,
    user: StoreUser,
    heap_mib: u32,
    data_bytes: u64,
    directory: PathBuf,
    repository: PathBuf,
    log: PathBuf,
    door: Option<Arc<Door>>,
    whitelist: ReindexWhitelist,
}

/// What [`ElasticsearchRecipe::prepare`] needs beside the places.
#[derive(Debug, Clone)]
pub(crate) struct NodeOptions {
    pub(crate) heap_mib: u32,
    pub(crate) data_bytes: u64,
    pub(crate) door: Option<Arc<Door>>,
    pub(crate) whitelist: ReindexWhitelist,
}

impl ElasticsearchRecipe {
    /// Makes the node's directories; those that exist are kept with their data.
    pub(crate) fn prepare(
        side: Side,
        home: Home,
        java: Java,
        user: &StoreUser,
        options: NodeOptions,
        work: &WorkDir,
        logs: &Path,
    ) -> Result<Self> {
        let name = format!("{side}-{}", Store::Elasticsearch);
        let directory = work.path().join(&name);
        make_owned(&directory, user, 0o700)?;
        for part in ["config", "config/jvm.options.d", "data", "logs", "tmp"] {
            make_owned(&directory.join(part), user, 0o700)?;
        }
        let repository = repository(work.path());
        make_owned(&repository, user, 0o700)?;
        let recipe = Self {
            side,
            home,
            java,
            user: user.clone(),
            heap_mib: options.heap_mib,
            data_bytes: options.data_bytes,
            log: logs.join(format!("{name}.log")),
            directory,
            repository,
            door: options.door,
            whitelist: options.whitelist,
        };
        recipe.copy_configuration()?;
        recipe.furnish_door()?;
        Ok(recipe)
    }

    pub(crate) fn endpoint(&self, port: u16) -> ElasticsearchEndpoint {
        endpoint(self.door.as_deref(), port)
    }

    /// Puts certificate, key and the only user where the node looks for them.
    fn furnish_door(&self) -> Result<()> {
        let Some(door) = &self.door else { return Ok(()) };
        if !self.home.path.join("modules/x-pack-security").is_dir() {
            return Err(EnvironmentError::new(
                EnvironmentProblem::Configuration,
                format!(
                    "the Elasticsearch at {} cannot speak TLS: it has no x-pack-security",
                    self.home.path.display()
                ),
                "use a home with that module (--elasticsearch-home), or leave `managed: elsewhere` out",
            ));
        }
        for (name, text) in door_files(door)? {
            let path = self.configuration().join(name);
            write_private(&path, text.expose_secret().as_bytes())?;
            self.user.own(&path)?;
        }
        Ok(())
    }

    /// What a reader of a report must know about this node.
    pub(crate) fn deviations(&self) -> String {
        let compiler = if self.optimises() { "" } else { ", TieredStopAtLevel=1" };
        let door = if self.door.is_some() { "TLS and passwords only" } else { "security off" };
        format!("heap {} MiB, {door}, {}{compiler}", self.heap_mib, self.collector())
    }

    fn collector(&self) -> &'static str {
        collector(self.heap_mib)
    }

    fn optimises(&self) -> bool {
        optimises(self.data_bytes)
    }

    fn configuration(&self) -> PathBuf {
        self.directory.join("config")
    }

    /// Copies the installation's configuration except what is written here.
    fn copy_configuration(&self) -> Result<()> {
        let from = self.home.path.join("config");
        let list = fs::read_dir(&from).map_err(|e| EnvironmentError::io("list", &from, &e))?;
        for entry in list.flatten() {
            let name = entry.file_name();
            let own = ["elasticsearch.yml", "jvm.options", "elasticsearch.keystore"];
            let place = self.configuration().join(&name);
            if own.iter().any(|o| name == *o) || !entry.path().is_file() || place.exists() {
                continue;
            }
            // Content only: the original may be closed to the user who runs the store.
            let bytes =
                fs::read(entry.path()).map_err(|e| EnvironmentError::io("read", &entry.path(), &e))?;
            self.write(&place, &bytes)?;
        }
        Ok(())
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        fs::write(path, bytes).map_err(|e| EnvironmentError::io("write", path, &e))?;
        self.user.own(path)
    }

    fn settings(&self, port: u16, transport: u16) -> Result<String> {
        let quoted = |path: PathBuf| {
            // A JSON string is a YAML string.
            serde_json::to_string(&path).map_err(|e| EnvironmentError::io("write down", &path, &e))
        };
        let side = self.side;
        let mut text = format!(
            "cluster.name: drydock-{side}\n\
             node.name: {side}\n\
             discovery.type: single-node\n\
             network.host: 127.0.0.1\n\
             http.port: {port}\n\
             transport.port: {transport}\n\
             path.data: {}\n\
             path.logs: {}\n\
             path.repo: [{}]\n\
             cluster.routing.allocation.disk.threshold_enabled: false\n\
             action.destructive_requires_name: false\n",
            quoted(self.directory.join("data"))?,
            quoted(self.directory.join("logs"))?,
            quoted(self.repository.clone())?,
        );
        // A setting of a module that is not installed stops the start.
        let security = match self.door {
            None => "xpack.security.enabled: false\n",
            Some(_) => {
                "xpack.security.enabled: true\nxpack.security.transport.ssl.enabled: false\n\
                 xpack.security.http.ssl.enabled: true\nxpack.security.http.ssl.certificate: http.pem\n\
                 xpack.security.http.ssl.key: http.key\n"
            }
        };
        for (module, line) in [
            ("x-pack-core", security),
            ("x-pack-ml", "xpack.ml.enabled: false\n"),
            ("ingest-geoip", "ingest.geoip.downloader.enabled: false\n"),
        ] {
            if self.home.path.join("modules").join(module).is_dir() {
                text.push_str(line);
            }
        }
        if side == Side::Target && self.whitelist == ReindexWhitelist::ThisMachine {
            // Any port of this machine: the source may get another one at its start or when a run is taken up again.
            text.push_str("reindex.remote.whitelist: [\"127.0.0.1:*\", \"localhost:*\"]\n");
        }
        Ok(text)
    }

    fn jvm_options(&self) -> String {
        let (heap, collector) = (self.heap_mib, self.collector());
        let mut text = format!(
            "-Xms{heap}m\n-Xmx{heap}m\n-XX:+{collector}\n-XX:-UsePerfData\n-XX:+ExitOnOutOfMemoryError\n\
             -XX:ErrorFile={}/hs_err_pid%p.log\n-Djava.io.tmpdir=${{ES_TMPDIR}}\n\
             20-:--add-modules=jdk.incubator.vector\n\
             23-:-XX:CompileCommand=dontinline,java/lang/invoke/MethodHandle.setAsTypeCache\n\
             23-:-XX:CompileCommand=dontinline,java/lang/invoke/MethodHandle.asTypeUncached\n",
            self.directory.join("logs").display()
        );
        if !self.optimises() {
            text.push_str("-XX:TieredStopAtLevel=1\n");
        }
        text
    }
}

/// The node refuses requests when its heap is full of garbage, and makes room itself only under G1. A small heap never
/// meets documents that fill it, and starts sooner with the plain collector.
pub(crate) fn collector(heap_mib: u32) -> &'static str {
    if heap_mib >= COLLECTS_FROM_MIB { "UseG1GC" } else { "UseSerialGC" }
}

/// Whether there is enough to do for the optimising compiler.
pub(crate) fn optimises(data_bytes: u64) -> bool {
    data_bytes >= OPTIMISE_FROM_BYTES
}

/// Where a node is reached that listens on this port of the loopback interface, and how to get in.
pub(crate) fn endpoint(door: Option<&Door>, port: u16) -> ElasticsearchEndpoint {
    match door {
        None => ElasticsearchEndpoint::plain(format!("http://127.0.0.1:{port}")),
        Some(door) => ElasticsearchEndpoint {
            auth: ElasticsearchAuth::Basic {
                user: ELASTICSEARCH_USER.into(),
                password: door.password.clone(),
            },
            ca_pem: Some(door.ca_pem.clone()),
            ..ElasticsearchEndpoint::plain(format!("https://127.0.0.1:{port}"))
        },
    }
}

/// Certificate, key and the only user, by name in the folder of the node's configuration.
pub(crate) fn door_files(door: &Door) -> Result<[(&'static str, SecretString); 4]> {
    let issued = door.issued(Store::Elasticsearch)?;
    let users = format!("{ELASTICSEARCH_USER}:{}\n", hashed(&door.password)?);
    let roles = format!("superuser:{ELASTICSEARCH_USER}\n");
    Ok([
        ("http.pem", issued.certificate.into()),
        ("http.key", issued.key),
        ("users", users.into()),
        ("users_roles", roles.into()),
    ])
}

/// The folder that the nodes of both sides may keep snapshots in.
pub(crate) fn repository(work: &Path) -> PathBuf {
    work.join("snapshots")
}

/// A password as the node's user file holds it: a salted SHA-256, which suffices for 192 random bits.
fn hashed(password: &SecretString) -> Result<String> {
    let salt = random_bytes::<8>()?;
    let digest = Sha256::new().chain_update(password.expose_secret()).chain_update(salt).finalize();
    Ok(format!("{{SSHA256}}{}{}", BASE64.encode(salt), BASE64.encode(digest)))
}

/// Whether the work directory holds a node's data.
pub(crate) fn has_data(work: &WorkDir, side: Side) -> bool {
    work.path().join(format!("{side}-{}", Store::Elasticsearch)).join("data/_state").is_dir()
}

/// Whether a node answers on this port of the loopback interface, with all data it has.
pub(crate) async fn answers(endpoint: &ElasticsearchEndpoint, port: u16) -> bool {
    // The port opens last. A client for every look would take the processor from the start it waits for.
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
        return false;
    }
    let timeouts = Timeouts { connect: Duration::from_secs(1), read: Duration::from_secs(5) };
    let Ok(client) = Client::new(endpoint, timeouts) else { return false };
    let Ok(health) = client.get("/_cluster/health").await else { return false };
    // Red: the state or a primary shard is not there yet, as after a restart on data; reads would fail.
    matches!(health["status"].as_str(), Some("green" | "yellow"))
        && health["initializing_shards"].as_u64() == Some(0)
}

/// Asks a node for its version number.
pub(crate) async fn version(endpoint: &ElasticsearchEndpoint) -> Option<String> {
    let client = Client::new(endpoint, Timeouts::default()).ok()?;
    Some(client.get("/").await.ok()?["version"]["number"].as_str()?.to_owned())
}

impl Recipe for ElasticsearchRecipe {
    fn name(&self) -> String {
        format!("{} {}", self.side, Store::Elasticsearch)
    }

    fn launch(&self, port: u16) -> Result<Launch> {
        // The node's second port is its own affair; nobody else is told it.
        let transport = free_for(&self.name())?;
        let configuration = self.configuration();
        let settings = self.settings(port, transport)?;
        self.write(&configuration.join("elasticsearch.yml"), settings.as_bytes())?;
        self.write(&configuration.join("jvm.options"), self.jvm_options().as_bytes())?;
        Ok(Launch {
            name: format!("{}-{}", self.side, Store::Elasticsearch),
            store: Some(Store::Elasticsearch),
            program: self.home.path.join("bin/elasticsearch"),
            arguments: Vec::new(),
            environment: vec![
                ("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into()),
                ("HOME".into(), self.directory.clone().into()),
                ("ES_JAVA_HOME".into(), self.java.home.clone().into()),
                ("ES_PATH_CONF".into(), configuration.into()),
                ("ES_TMPDIR".into(), self.directory.join("tmp").into()),
                // The launcher is a short Java program: compiling it well takes longer than running it.
                ("CLI_JAVA_OPTS".into(), "-XX:TieredStopAtLevel=1 -XX:-UsePerfData".into()),
            ],
            directory: self.directory.clone(),
            log: self.log.clone(),
            user: self.user.clone(),
        })
    }

    async fn answers(&self, port: u16) -> bool {
        answers(&self.endpoint(port), port).await
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(240)
    }

    fn stop_limit(&self) -> Duration {
        Duration::from_secs(30)
    }
}
