//! Two PostgreSQL servers of this machine as another user than root, and a context to migrate between them.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use drydock_core::Component;
use drydock_core::scenario::MigrationSpec;
use drydock_migration::{MigrationContext, Reporter};
use drydock_stores::postgres::{Connection, connect};
use drydock_stores::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

pub(crate) const BIN: &str = "/usr/lib/postgresql/15/bin";
const NOBODY: u32 = 65_534;

/// One server; stopped and removed when dropped.
pub(crate) struct Server {
    child: Child,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
}

fn program(name: &str) -> Command {
    let mut command = Command::new(Path::new(BIN).join(name));
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Server {
    /// Starts a server, or says why this machine cannot.
    pub(crate) async fn start() -> Result<Self, String> {
        if !Path::new(BIN).join("postgres").exists() {
            return Err(format!("there is no PostgreSQL in {BIN}"));
        }
        let folder = tempfile::Builder::new().prefix("drydock-migration-").tempdir_in("/var/tmp").unwrap();
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let made = program("initdb")
            .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let port = drydock_ports::free().unwrap();
        let child = program("postgres")
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .args(["-p", &port.to_string()])
            .spawn()
            .unwrap();
        let server = Self { child, folder, port };
        for _ in 0..600 {
            if server.session("postgres").await.is_ok() {
                return Ok(server);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("the server in {} does not answer", server.folder.path().display());
    }

    pub(crate) fn endpoint(&self) -> PostgresEndpoint {
        PostgresEndpoint {
            host: "127.0.0.1".into(),
            port: self.port,
            user: "postgres".into(),
            password: Some("super-secret".to_owned().into()),
            tls: Default::default(),
            transport: Default::default(),
        }
    }

    pub(crate) async fn session(&self, database: &str) -> Result<Connection, String> {
        connect(&self.endpoint(), database, "drydock-test").await.map_err(|e| e.to_string())
    }

    pub(crate) async fn run(&self, database: &str, sql: &str) {
        let session = self.session(database).await.unwrap();
        session.batch_execute("RESET search_path").await.unwrap();
        if let Err(e) = session.batch_execute(sql).await {
            panic!("{sql}: {e:?}");
        }
    }

    /// The first column of the first row as text.
    pub(crate) async fn value(&self, database: &str, sql: &str) -> String {
        let session = self.session(database).await.unwrap();
        let row = session.query_one(&format!("SELECT ({sql})::text"), &[]).await.unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_else(|| "NULL".into())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        }
        let _ = self.child.wait();
    }
}

/// Remembers what the driver tells.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) items: Mutex<Vec<(String, u64)>>,
    pub(crate) notes: Mutex<Vec<String>>,
}

impl Reporter for Told {
    fn item(&self, item: &str, moved: u64) {
        self.items.lock().unwrap().push((item.to_owned(), moved));
    }
    fn progress(&self, _done: u64, _total: Option<u64>, _unit: &str) {}
    fn note(&self, text: &str) {
        self.notes.lock().unwrap().push(text.to_owned());
    }
}

/// A context whose folders lie below `folder`.
pub(crate) fn context(
    source: (PostgresEndpoint, ElasticsearchEndpoint),
    target: (PostgresEndpoint, ElasticsearchEndpoint),
    components: &[Component],
    folder: &Path,
) -> MigrationContext {
    MigrationContext {
        source: StorePair { postgres: source.0, elasticsearch: source.1 },
        target: StorePair { postgres: target.0, elasticsearch: target.1 },
        spec: MigrationSpec { components: Some(components.to_vec()), ..MigrationSpec::default() },
        clients: PathBuf::from(BIN),
        dumps: folder.join("dumps"),
        roles: BTreeMap::from(
            ["identity", "keycloak", "webmodeler"].map(|r| (r.to_owned(), format!("{r}-secret").into())),
        ),
        run_dir: folder.join("run"),
        cancel: Default::default(),
        programs: Default::default(),
    }
}

pub(crate) fn nowhere() -> ElasticsearchEndpoint {
    ElasticsearchEndpoint::plain("http://127.0.0.1:1")
}
