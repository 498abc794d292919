//! A PostgreSQL server for one test, on a Unix socket, stopped and removed at the end.

use drydock_stores::PostgresEndpoint;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The server and the clients of the machine's own installation.
const HOME: &str = "/usr/lib/postgresql/15/bin";
/// Where the product unpacks servers of other majors.
const UNPACKED: &str = "/var/cache/drydock";
/// `nobody`: the server refuses to run as root.
pub(crate) const UID: u32 = 65534;
/// Servers started by this process so far: each has a directory of its own.
static STARTED: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

pub(crate) struct Server {
    directory: PathBuf,
    home: PathBuf,
    process: Option<Child>,
    /// Where it listens besides its Unix socket; empty for nowhere.
    addresses: &'static str,
    port: u16,
    /// Settings of its own.
    settings: Vec<&'static str>,
}

/// How a database is carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A custom archive, restored by one process.
    Custom,
    /// A directory, restored by two jobs.
    Directory,
    /// A script, run by the terminal client.
    Plain,
    /// A custom archive without owners, restored by their owner.
    WithoutOwners,
}

impl Server {
    /// Starts a server of the machine's own major, or says why it cannot.
    pub(crate) fn start() -> Result<Self, String> {
        Self::start_in(Path::new(HOME).to_owned(), "", 5432)
    }

    /// Starts a server that programs without Unix sockets reach as well.
    pub(crate) fn start_on_loopback() -> Result<Self, String> {
        let port = drydock_ports::free().map_err(|e| e.to_string())?;
        Self::start_in(Path::new(HOME).to_owned(), "127.0.0.1", port)
    }

    /// Starts a server of another major, or says why it cannot.
    pub(crate) fn start_major(major: u32) -> Result<Self, String> {
        if !Path::new(HOME).join("pg_dump").exists() {
            return Err(format!("no PostgreSQL clients in {HOME}"));
        }
        let unpacked = std::fs::read_dir(UNPACKED).map_err(|e| format!("{UNPACKED}: {e}"))?;
        let prefix = format!("postgresql-{major}.");
        let mut homes: Vec<PathBuf> = unpacked
            .flatten()
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
            .map(|entry| entry.path().join("bin"))
            .filter(|bin| bin.join("initdb").exists())
            .collect();
        homes.sort();
        let home = homes.pop().ok_or_else(|| format!("no PostgreSQL {major} in {UNPACKED}"))?;
        Self::start_in(home, "", 5432)
    }

    fn start_in(home: PathBuf, addresses: &'static str, port: u16) -> Result<Self, String> {
        if !home.join("initdb").exists() {
            return Err(format!("no PostgreSQL in {}", home.display()));
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
        let mut server = Self { directory, home, process: None, addresses, port, settings: Vec::new() };
        let initdb = server
            .program("initdb")
            .args(["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync", "-D"])
            .arg(server.directory.join("data"))
            .output()
            .map_err(|e| e.to_string())?;
        if !initdb.status.success() {
            return Err(String::from_utf8_lossy(&initdb.stderr).into_owned());
        }
        server.run()?;
        Ok(server)
    }

    /// Starts the server in its directory and waits until it answers.
    pub(crate) fn run(&mut self) -> Result<(), String> {
        let log = std::fs::File::options().create(true).append(true).open(self.directory.join("log"));
        let process = self
            .program("postgres")
            .arg("-D")
            .arg(self.directory.join("data"))
            .arg("-k")
            .arg(&self.directory)
            .args(["-p", &self.port.to_string(), "-c", &format!("listen_addresses={}", self.addresses)])
            .args(["-c", "fsync=off", "-c", "max_connections=60"])
            .args(["-c", "autovacuum=off", "-c", "log_statement=all", "-c", "wal_level=logical"])
            .args(["-c", "log_line_prefix=%u|"])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(Stdio::null())
            .stderr(log.map_err(|e| e.to_string())?)
            .spawn()
            .map_err(|e| e.to_string())?;
        self.process = Some(process);
        for _ in 0..400 {
            let ready = self.client("pg_isready").arg("-q").status().is_ok_and(|s| s.success());
            if ready {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err("the server did not become ready".to_owned())
    }

    /// Everything the server has logged so far, each statement of it.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).expect("the log is readable")
    }

    pub(crate) fn endpoint(&self, user: &str) -> PostgresEndpoint {
        PostgresEndpoint {
            host: self.directory.display().to_string(),
            port: self.port,
            user: user.to_owned(),
            password: None,
            tls: Default::default(),
            transport: Default::default(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where the server's files are; the user it runs as may write there.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    fn program(&self, name: &str) -> Command {
        command(&self.home, name, &self.directory)
    }

    fn client(&self, program: &str) -> Command {
        let mut command = command(Path::new(HOME), program, &self.directory);
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
        self.carry_over(from, self, to, Way::Custom);
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
        let mut stop = self.program("pg_ctl");
        stop.args(["stop", "-w", "-m", "fast", "-D"]).arg(&data).output().expect("stopped");
        if let Some(mut process) = self.process.take() {
            process.wait().expect("ended");
        }
        (self.addresses, self.port) = ("127.0.0.1", drydock_ports::free().expect("a port"));
        self.settings = vec!["ssl=on"];
        self.run().expect("the server comes back");
        self.port
    }

    /// Ends every backend at once, as a crash would.
    /// Copies a database to a server, which may be this one.
    pub(crate) fn carry_over(&self, from: &str, target: &Self, to: &str, way: Way) {
        let file = target.directory.join(format!("{to}.dump"));
        let succeeds = |command: &mut Command| {
            let output = command.output().expect("the client runs");
            assert!(output.status.success(), "{way:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        let mut dump = self.client("pg_dump");
        dump.args(["-d", from, "-f"]).arg(&file);
        dump.args(match way {
            Way::Plain => ["-Fp", "--no-sync"],
            Way::Directory => ["-Fd", "--no-sync"],
            Way::Custom | Way::WithoutOwners => ["-Fc", "--no-sync"],
        });
        succeeds(&mut dump);
        target.sql("postgres", &format!("CREATE DATABASE \"{to}\" TEMPLATE template0"));
        let mut restore = match way {
            Way::Plain => {
                let mut psql = target.client("psql");
                psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", to, "-f"]);
                psql
            }
            _ => target.client("pg_restore"),
        };
        match way {
            Way::Plain => {}
            Way::Custom => drop(restore.args(["-e", "-d", to])),
            Way::Directory => drop(restore.args(["-e", "-j", "2", "-d", to])),
            Way::WithoutOwners => drop(restore.args(["-e", "--no-owner", "-d", to])),
        }
        succeeds(restore.arg(&file));
    }

    /// Ends every session of the witness, as an operator would.
    pub(crate) fn terminate_backends(&self) {
        self.sql(
            "postgres",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'drydock'",
        );
    }

    /// Stops the server as a crash would.
    pub(crate) fn crash(&mut self) {
        let mut stop = self.program("pg_ctl");
        let _ = stop.args(["stop", "-m", "immediate", "-D"]).arg(self.directory.join("data")).output();
        if let Some(mut process) = self.process.take() {
            let _ = process.wait();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.crash();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|m| std::os::unix::fs::MetadataExt::uid(&m) == 0)
}

fn command(home: &Path, program: &str, directory: &Path) -> Command {
    let mut command = Command::new(home.join(program));
    if is_root() {
        command.uid(UID).gid(UID);
    }
    command.current_dir(directory).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Says why a test does nothing here.
pub(crate) fn skip(reason: &str) {
    std::io::Write::write_all(&mut std::io::stderr(), format!("SKIP {reason}\n").as_bytes())
        .unwrap_or_default();
}
