//! A PostgreSQL server for one test process, on a Unix socket, stopped and removed at the end.

use drydock_stores::PostgresEndpoint;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HOME: &str = "/usr/lib/postgresql/15/bin";
/// `nobody`: the server refuses to run as root.
const UID: u32 = 65534;
/// Servers started by this process so far: each has a directory of its own.
static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

pub(crate) struct Server {
    directory: PathBuf,
    process: Child,
}

impl Server {
    /// Starts a server, or says why it cannot.
    pub(crate) fn start() -> Result<Self, String> {
        if !Path::new(HOME).join("initdb").exists() {
            return Err(format!("no PostgreSQL 15 in {HOME}"));
        }
        let directory = PathBuf::from(format!(
            "/var/tmp/drydock-parity-{}-{}",
            std::process::id(),
            STARTED.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&directory).map_err(|e| e.to_string())?;
        if is_root() {
            std::os::unix::fs::chown(&directory, Some(UID), Some(UID)).map_err(|e| e.to_string())?;
        }
        let data = directory.join("data");
        let initdb = command("initdb", &directory)
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(&data)
            .output()
            .map_err(|e| e.to_string())?;
        if !initdb.status.success() {
            return Err(String::from_utf8_lossy(&initdb.stderr).into_owned());
        }
        let process = command("postgres", &directory)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&directory)
            .args([
                "-c",
                "listen_addresses=",
                "-c",
                "fsync=off",
                "-c",
                "max_connections=60",
                "-c",
                "autovacuum=off",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let server = Self { directory, process };
        for _ in 0..200 {
            let ready = server.client("pg_isready").arg("-q").status().is_ok_and(|s| s.success());
            if ready {
                return Ok(server);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err("the server did not become ready".to_owned())
    }

    pub(crate) fn endpoint(&self, user: &str) -> PostgresEndpoint {
        PostgresEndpoint {
            host: self.directory.display().to_string(),
            port: 5432,
            user: user.to_owned(),
            password: None,
            tls: Default::default(),
        }
    }

    fn client(&self, program: &str) -> Command {
        let mut command = command(program, &self.directory);
        command.env("PGHOST", &self.directory).env("PGUSER", "postgres");
        command
    }

    /// Runs a script; a failing statement fails the test.
    pub(crate) fn sql(&self, database: &str, script: &str) {
        let mut psql = self.client("psql");
        psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", script]);
        let output = psql.output().expect("psql runs");
        assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Copies a database through a dump, into another physical order and other object identifiers.
    pub(crate) fn dump_and_restore(&self, from: &str, to: &str) {
        let file = self.directory.join(format!("{from}.dump"));
        let dump =
            self.client("pg_dump").args(["-Fc", "-d", from, "-f"]).arg(&file).output().expect("pg_dump runs");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        self.sql("postgres", &format!("CREATE DATABASE \"{to}\" TEMPLATE template0"));
        let restore =
            self.client("pg_restore").args(["-d", to]).arg(&file).output().expect("pg_restore runs");
        assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    }

    /// Ends every backend at once, as a crash would.
    pub(crate) fn terminate_backends(&self) {
        self.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drydock'",
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let mut stop = command("pg_ctl", &self.directory);
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.directory.join("data")).output();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}

fn command(program: &str, directory: &Path) -> Command {
    let mut command = Command::new(Path::new(HOME).join(program));
    if is_root() {
        command.uid(UID).gid(UID);
    }
    command.current_dir(directory).env("LC_ALL", "C").stdin(Stdio::null());
    command
}
