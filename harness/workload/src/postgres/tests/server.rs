//! A PostgreSQL of the test's own: a unix socket, a data folder that goes away, and the client programs.

use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use rustix::process::{Pid, Signal, kill_process};
use secrecy::SecretString;
use std::fs;
use std::io;
use std::os::unix::{fs::MetadataExt, fs::chown, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where Debian keeps version 15. `DRYDOCK_TEST_POSTGRES_BIN` names another server, `DRYDOCK_TEST_POSTGRES_TARGET_BIN`
/// another one for the target alone; dumps and restores are always made by the programs here.
const DEBIAN: &str = "/usr/lib/postgresql/15/bin";
const TARGET: &str = "DRYDOCK_TEST_POSTGRES_TARGET_BIN";
/// PostgreSQL refuses to run as root; this user exists everywhere.
const NOBODY: u32 = 65_534;
pub(super) const SUPERUSER: &str = "postgres";
pub(super) const PASSWORD: &str = "admin's \\ password";

/// A running server. Dropping it stops it and removes its folder.
#[derive(Debug)]
pub(super) struct Server {
    programs: PathBuf,
    folder: PathBuf,
}

impl Server {
    /// Starts a source, or says why it cannot be.
    pub(super) fn start() -> Option<Self> {
        Self::start_from(&Self::place("DRYDOCK_TEST_POSTGRES_BIN"))
    }

    /// Starts a target.
    pub(super) fn start_target() -> Option<Self> {
        Self::start_from(&Self::place(TARGET))
    }

    /// Whether the target is another server than the source.
    pub(super) fn target_differs() -> bool {
        std::env::var_os(TARGET).is_some()
    }

    fn place(variable: &str) -> PathBuf {
        PathBuf::from(std::env::var(variable).unwrap_or(DEBIAN.to_owned()))
    }

    fn start_from(programs: &Path) -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if !programs.join("initdb").exists() || !Path::new(DEBIAN).join("pg_restore").exists() {
            std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("SKIP no PostgreSQL server in {} or no clients in {DEBIAN}\n", programs.display())
                    .as_bytes(),
            )
            .unwrap_or_default();
            return None;
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(format!("/var/tmp/drydock-seed-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let password_file = folder.join("password");
        fs::write(&password_file, PASSWORD).unwrap();
        for path in [&folder, &password_file] {
            if root() {
                chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
            }
        }
        let mut server = Self { programs: programs.to_owned(), folder };
        let data = server.data();
        let password_file = format!("--pwfile={}", password_file.display());
        server.succeed(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                SUPERUSER,
                "--auth=scram-sha-256",
                &password_file,
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ],
        );
        server.restart();
        Some(server)
    }

    /// Starts the stopped server on its data, and waits until it answers.
    pub(super) fn restart(&mut self) {
        let options = format!(
            "-k {} -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_wal_size=4GB",
            self.folder.display()
        );
        let log = self.folder.join("log").display().to_string();
        self.succeed("pg_ctl", &["-D", &self.data(), "-w", "-l", &log, "-o", &options, "start"]);
    }

    /// Shuts the server down as an administrator does, and waits until it has ended.
    pub(super) fn stop(&mut self) {
        self.succeed("pg_ctl", &["-D", &self.data(), "-w", "-m", "fast", "stop"]);
    }

    /// Every process of the server, the one that starts the others first.
    fn processes(&self) -> Vec<Pid> {
        let file = fs::read_to_string(self.folder.join("data/postmaster.pid")).unwrap();
        let leader: i32 = file.lines().next().unwrap().parse().unwrap();
        let parent = |pid: i32| -> Option<i32> {
            // The name of the program, in parentheses, may hold spaces.
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
            stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = numbers.filter(|pid| parent(*pid) == Some(leader));
        std::iter::once(leader).chain(children).map(|pid| Pid::from_raw(pid).unwrap()).collect()
    }

    fn data(&self) -> String {
        self.folder.join("data").display().to_string()
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server, entered as its superuser.
    pub(super) fn admin(&self) -> PostgresEndpoint {
        PostgresEndpoint {
            host: self.folder.display().to_string(),
            port: 5432,
            user: SUPERUSER.to_owned(),
            password: Some(SecretString::from(PASSWORD)),
            tls: PostgresTls::Off,
            transport: Default::default(),
        }
    }

    /// Runs one of the client programs to its end, towards this server.
    pub(super) fn run(&self, program: &str, arguments: &[&str], password: &str) -> Output {
        let mut command = Command::new(Path::new(DEBIAN).join(program));
        command.args(arguments).current_dir(&self.folder).env("PGPASSWORD", password).env("LC_ALL", "C");
        command
            .env("PGHOST", &self.folder)
            .env("PGPORT", "5432")
            .env_remove("PGUSER")
            .env_remove("PGDATABASE");
        if root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.output().unwrap()
    }

    fn succeed(&self, program: &str, arguments: &[&str]) {
        let status = self.administer(program, arguments);
        let said = fs::read_to_string(self.output(program)).unwrap_or_default();
        assert!(status.is_ok_and(|s| s.success()), "{program} {arguments:?}: {said}");
    }

    /// Runs one of the server's own programs. A started server keeps its parent's output, so that must not be a pipe.
    fn administer(&self, program: &str, arguments: &[&str]) -> io::Result<ExitStatus> {
        let output = fs::File::create(self.output(program))?;
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(&self.folder).env("LC_ALL", "C");
        command.stdout(output.try_clone()?).stderr(output);
        if root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command.status()
    }

    fn output(&self, program: &str) -> PathBuf {
        self.folder.join(format!("{program}.output"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.folder.join("data/postmaster.pid").exists() {
            let data = self.data();
            drop(self.administer("pg_ctl", &["-D", &data, "-w", "-m", "immediate", "stop"]));
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}

/// A server whose processes stand still. Dropping it lets them go on.
#[derive(Debug)]
pub(super) struct Frozen(Vec<Pid>);

impl Frozen {
    /// Stops every process of a server where it stands: who starts others first, so that none is missed.
    pub(super) fn all_of(server: &Server) -> Self {
        let leader = server.processes()[0];
        kill_process(leader, Signal::STOP).unwrap();
        let frozen = Self(server.processes());
        for process in &frozen.0[1..] {
            // One that has just ended serves nobody either.
            let _ = kill_process(*process, Signal::STOP);
        }
        frozen
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        for process in &self.0 {
            let _ = kill_process(*process, Signal::CONT);
        }
    }
}

fn root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}
