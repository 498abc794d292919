//! A PostgreSQL of a test's own: a socket in a folder that goes away.

use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::connect;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where Debian keeps version 15.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";
/// PostgreSQL refuses to run as root; this user exists everywhere.
const NOBODY: u32 = 65_534;

/// A running server. Dropping it stops it.
pub(crate) struct Real {
    folder: tempfile::TempDir,
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

impl Real {
    /// Where the programs are.
    pub(crate) fn programs() -> PathBuf {
        std::env::var_os("DRYDOCK_TEST_POSTGRES_BIN").map_or_else(|| DEBIAN.into(), PathBuf::from)
    }

    fn ended(&self, name: &str, arguments: &[&str]) -> bool {
        let mut command = Command::new(Self::programs().join(name));
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.current_dir(self.folder.path()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|ended| ended.success())
    }

    fn run_program(&self, name: &str, arguments: &[&str]) {
        assert!(self.ended(name, arguments), "{name} {arguments:?} failed");
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    /// Starts one; nothing where this machine has none, which is told.
    pub(crate) async fn start() -> Option<Self> {
        if !Self::programs().join("initdb").exists() {
            let words = format!("SKIP no PostgreSQL server in {}\n", Self::programs().display());
            std::io::stderr().write_all(words.as_bytes()).unwrap_or_default();
            return None;
        }
        let folder =
            tempfile::Builder::new().prefix("drydock-twin-").tempdir_in("/var/tmp").expect("a folder");
        if is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("given away");
        }
        let server = Self { folder };
        server.run_program(
            "initdb",
            &[
                "-D",
                &server.data(),
                "-U",
                "postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        );
        let options = format!("-k {} -c listen_addresses= -c fsync=off", server.socket().display());
        server.run_program("pg_ctl", &["-D", &server.data(), "-w", "-l", "log", "-o", &options, "start"]);
        Some(server)
    }

    fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The way in for its superuser.
    pub(crate) fn endpoint(&self) -> PostgresEndpoint {
        PostgresEndpoint {
            host: self.socket().display().to_string(),
            port: 5_432,
            user: "postgres".into(),
            password: None,
            tls: Default::default(),
            transport: Default::default(),
        }
    }

    /// Carries out statements.
    pub(crate) async fn run(&self, database: &str, sql: &str) {
        let session = connect(&self.endpoint(), database, "drydock-test").await.expect("a session");
        session.batch_execute(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// Waits until nobody else is on a database: a session ends a moment after its client has gone.
    pub(crate) async fn left_alone(&self, database: &str) {
        let session = connect(&self.endpoint(), "postgres", "drydock-test").await.expect("a session");
        for _ in 0..400 {
            let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = $1";
            let open: i64 = session.query_one(sql, &[&database]).await.expect("a number").get(0);
            if open == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("sessions stay open on {database}");
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // One that never started has nothing to stop.
        let _ = self.ended("pg_ctl", &["-D", &self.data(), "-w", "-m", "immediate", "stop"]);
    }
}
