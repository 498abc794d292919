//! A PostgreSQL server for one test process, on a Unix socket, stopped and removed at the end.

use drydock_stores::PostgresEndpoint;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const HOME: &str = "/usr/lib/postgresql/15/bin";
/// `nobody`: the server refuses to run as root.
pub(crate) const UID: u32 = 65534;
/// Servers started by this process so far: each has a directory of its own.
static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

pub(crate) struct Server {
    directory: PathBuf,
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server, or says why it cannot.
    pub(crate) fn start() -> Result<Self, String> {
        Self::start_on("", 5432)
    }

    /// Starts a server that programs without Unix sockets reach as well.
    pub(crate) fn start_on_loopback() -> Result<Self, String> {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        Self::start_on("127.0.0.1", free.map_err(|e| e.to_string())?.port())
    }

    fn start_on(addresses: &str, port: u16) -> Result<Self, String> {
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
                "-p",
                &port.to_string(),
                "-c",
                &format!("listen_addresses={addresses}"),
                "-c",
                "fsync=off",
                "-c",
                "max_connections=60",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| e.to_string())?;
        let server = Self { directory, process, port };
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
            port: self.port,
            user: user.to_owned(),
            password: None,
            tls: Default::default(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server's files are; the user it runs as may write there.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn client(&self, program: &str) -> Command {
        let mut command = command(program, &self.directory);
        command.env("PGHOST", &self.directory).env("PGPORT", self.port.to_string()).env("PGUSER", "postgres");
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

    /// Starts the server anew on a TCP port of its own, with TLS and these lines of `pg_hba.conf`.
    pub(crate) fn listen(&mut self, certificate: &str, key: &str, rules: &str) -> u16 {
        use std::os::unix::fs::PermissionsExt;
        let data = self.directory.join("data");
        let files = [("server.crt", certificate), ("server.key", key), ("pg_hba.conf", rules)];
        for (name, text) in files {
            let path = data.join(name);
            std::fs::write(&path, text).expect("written");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed");
            if is_root() {
                std::os::unix::fs::chown(&path, Some(UID), Some(UID)).expect("given away");
            }
        }
        let mut stop = command("pg_ctl", &self.directory);
        stop.args(["stop", "-w", "-m", "fast", "-D"]).arg(&data).output().expect("stopped");
        self.process.wait().expect("ended");
        let port =
            std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port").port();
        let shown = port.to_string();
        let settings = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "ssl=on", "-p", &shown];
        self.process = command("postgres", &self.directory)
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&self.directory)
            .args(settings)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        for _ in 0..600 {
            let ready = self.client("pg_isready").args(["-q", "-p", &shown]).status();
            if ready.is_ok_and(|s| s.success()) {
                return port;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the server did not come back");
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

pub(crate) fn is_root() -> bool {
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
