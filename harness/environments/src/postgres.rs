//! An embedded PostgreSQL: making its cluster, starting it, asking whether it answers.

use crate::config::{Side, Store};
use crate::door::Door;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::homes::Home;
use crate::machine::GroupGuard;
use crate::random::{hex, random_bytes};
use crate::server::Recipe;
use crate::supervised::{Launch, last_lines, open_log};
use crate::user::StoreUser;
use crate::workdir::{MARKER, WorkDir, write_private};
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use secrecy::{ExposeSecret, SecretString};
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

/// Name of the superuser.
pub(crate) const SUPERUSER: &str = "postgres";
/// What a reader of a report must know about these servers.
const DEVIATIONS: &str = "fsync=off, shared_buffers=64MB";
/// What every server is started with, wherever it runs.
pub(crate) const SETTINGS: [&str; 5] = [
    // A rehearsal's data are worthless after a power failure; the reports say so.
    "fsync=off",
    "max_connections=100",
    "shared_buffers=64MB",
    // Containers often have 64 MB in /dev/shm, and files there would outlive a killed server.
    "dynamic_shared_memory_type=mmap",
    "log_statement=none",
];
/// Longest path of a Unix socket that the kernel takes.
const SOCKET_PATH_LIMIT: usize = 107;

/// One PostgreSQL of this environment.
#[derive(Debug)]
pub(crate) struct PostgresRecipe {
    pub(crate) side: Side,
    pub(crate) home: Home,
    user: StoreUser,
    directory: PathBuf,
    sockets: PathBuf,
    log: PathBuf,
    password: SecretString,
    door: Option<Arc<Door>>,
}

impl PostgresRecipe {
    /// Prepares a new cluster in the work directory; or takes up the one that is there.
    pub(crate) async fn prepare(
        side: Side,
        home: Home,
        user: &StoreUser,
        door: Option<Arc<Door>>,
        work: &WorkDir,
        logs: &Path,
    ) -> Result<Self> {
        let name = format!("{side}-{}", Store::Postgres);
        let directory = work.path().join(&name);
        let secret_file = work.path().join(format!("{name}.password"));
        let fresh = !has_data(work, side);
        let password = if fresh { random_password()? } else { read_password(&secret_file)? };
        let recipe = Self {
            side,
            home,
            user: user.clone(),
            sockets: work.path().join("s"),
            log: logs.join(format!("{name}.log")),
            directory,
            password,
            door,
        };
        if fresh {
            // The run folder may be copied around; the password stays here.
            write_private(&secret_file, recipe.password.expose_secret().as_bytes())?;
            make_owned(&recipe.directory, user, 0o700)?;
            if !recipe.sockets.is_dir() {
                make_owned(&recipe.sockets, user, 0o700)?;
            }
            recipe.initialise(work).await?;
        }
        recipe.furnish_door()?;
        Ok(recipe)
    }

    pub(crate) fn endpoint(&self, port: u16) -> PostgresEndpoint {
        endpoint(&self.password, self.door.as_deref(), port)
    }

    pub(crate) fn deviations(&self) -> String {
        deviations(self.door.as_deref())
    }

    fn certificate(&self) -> PathBuf {
        self.directory.join("server.pem")
    }

    fn key(&self) -> PathBuf {
        self.directory.join("server.key")
    }

    /// Puts certificate, key and rules where the server looks for them: nobody comes in unencrypted.
    fn furnish_door(&self) -> Result<()> {
        let Some(door) = &self.door else { return Ok(()) };
        let issued = door.issued(Store::Postgres)?;
        let rules = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
        for (path, text) in [
            (self.certificate(), issued.certificate.as_str()),
            (self.key(), issued.key.expose_secret()),
            (self.data().join("pg_hba.conf"), rules),
        ] {
            write_private(&path, text.as_bytes())?;
            self.user.own(&path)?;
        }
        Ok(())
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn environment(&self) -> Vec<(String, OsString)> {
        vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("HOME".into(), self.directory.clone().into()),
            ("TMPDIR".into(), self.directory.clone().into()),
            ("TZ".into(), "UTC".into()),
            ("LC_ALL".into(), "C".into()),
        ]
    }

    async fn initialise(&self, work: &WorkDir) -> Result<()> {
        let password_file = self.directory.join("initial-password");
        write_private(&password_file, self.password.expose_secret().as_bytes())?;
        self.user.own(&password_file)?;
        // The same locale on every system that has it; `C` sorts alike and differs in character classes only.
        let mut result = self.initdb(&password_file, "C.UTF-8", work).await;
        if matches!(&result, Err(e) if e.what.contains("locale")) {
            let _ = fs::remove_dir_all(self.data());
            result = self.initdb(&password_file, "C", work).await;
        }
        fs::remove_file(&password_file).map_err(|e| EnvironmentError::io("remove", &password_file, &e))?;
        result
    }

    async fn initdb(&self, password_file: &Path, locale: &str, work: &WorkDir) -> Result<()> {
        let program = self.home.path.join("bin/initdb");
        let log = open_log(&self.log)?;
        let before = log.metadata().map_or(0, |m| m.len());
        let errors = log.try_clone().map_err(|e| EnvironmentError::io("write", &self.log, &e))?;
        let mut command = tokio::process::Command::new(&program);
        command
            .arg("-D")
            .arg(self.data())
            .args(["--auth=scram-sha-256", "--no-sync", "-E", "UTF8"])
            .arg(format!("--username={SUPERUSER}"))
            .arg(format!("--locale={locale}"))
            .arg("--pwfile")
            .arg(password_file)
            .env_clear()
            .envs(self.environment())
            .env(MARKER, work.run_id())
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .process_group(0)
            .kill_on_drop(true);
        if let Some((uid, gid)) = self.user.ids() {
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn().map_err(|e| EnvironmentError::io("start", &program, &e))?;
        let _group = GroupGuard::new(child.id());
        let status = match tokio::time::timeout(Duration::from_secs(120), child.wait()).await {
            Ok(status) => status.map_err(|e| EnvironmentError::io("wait for", &program, &e))?,
            Err(_) => return Err(self.initdb_failed("no end within 120 s")),
        };
        if status.success() {
            return Ok(());
        }
        let text = fs::read(&self.log).unwrap_or_default();
        let from = usize::try_from(before).unwrap_or(0).min(text.len());
        Err(self.initdb_failed(&last_lines(&String::from_utf8_lossy(&text[from..]), 3)))
    }

    fn initdb_failed(&self, reason: &str) -> EnvironmentError {
        EnvironmentError::new(
            EnvironmentProblem::StartFailed,
            format!("cannot make the {} PostgreSQL cluster with initdb: {reason}", self.side),
            format!("read its log: {}", self.log.display()),
        )
    }
}

/// Whether the work directory holds a finished cluster of this side.
pub(crate) fn has_data(work: &WorkDir, side: Side) -> bool {
    let directory = work.path().join(format!("{side}-{}", Store::Postgres));
    directory.join("data/global/pg_control").is_file()
}

/// Where a server is reached that listens on this port of the loopback interface, and how to get in.
pub(crate) fn endpoint(password: &SecretString, door: Option<&Door>, port: u16) -> PostgresEndpoint {
    PostgresEndpoint {
        host: "127.0.0.1".into(),
        port,
        user: SUPERUSER.into(),
        password: Some(password.clone()),
        tls: match door {
            Some(door) => PostgresTls::VerifyFull { ca_pem: Some(door.ca_pem.clone()) },
            None => PostgresTls::Off,
        },
        transport: Default::default(),
    }
}

/// What a reader of a report must know about a server.
pub(crate) fn deviations(door: Option<&Door>) -> String {
    let door = if door.is_some() { ", TLS and passwords only" } else { "" };
    format!("{DEVIATIONS}{door}")
}

/// Whether a server lets its superuser in and answers.
pub(crate) async fn answers(endpoint: &PostgresEndpoint) -> bool {
    let session = drydock_stores::postgres::connect(endpoint, SUPERUSER, "drydock");
    match tokio::time::timeout(Duration::from_secs(5), session).await {
        Ok(Ok(session)) => session.batch_execute("SELECT 1").await.is_ok(),
        Ok(Err(_)) | Err(_) => false,
    }
}

pub(crate) fn make_owned(path: &Path, user: &StoreUser, mode: u32) -> Result<()> {
    fs::create_dir_all(path).map_err(|e| EnvironmentError::io("make the directory", path, &e))?;
    crate::cache::set_mode(path, mode)?;
    user.own(path)
}

pub(crate) fn random_password() -> Result<SecretString> {
    Ok(SecretString::from(hex(&random_bytes::<24>()?)))
}

/// The superuser's password on one side: kept in the work directory, so that a run that is taken up again knows it.
pub(crate) fn kept_password(work: &WorkDir, side: Side) -> Result<SecretString> {
    let file = work.path().join(format!("{side}-{}.password", Store::Postgres));
    if file.is_file() {
        return read_password(&file);
    }
    let password = random_password()?;
    write_private(&file, password.expose_secret().as_bytes())?;
    Ok(password)
}

pub(crate) fn read_password(path: &Path) -> Result<SecretString> {
    fs::read_to_string(path).map(SecretString::from).map_err(|e| EnvironmentError::io("read", path, &e))
}

impl Recipe for PostgresRecipe {
    fn name(&self) -> String {
        format!("{} {}", self.side, Store::Postgres)
    }

    fn launch(&self, port: u16) -> Result<Launch> {
        let socket = self.sockets.join(format!(".s.PGSQL.{port}.lock"));
        let sockets = if socket.as_os_str().as_bytes().len() <= SOCKET_PATH_LIMIT {
            self.sockets.clone().into_os_string()
        } else {
            OsString::new()
        };
        let mut arguments: Vec<OsString> = vec!["-D".into(), self.data().into(), "-k".into(), sockets];
        arguments.extend(["-p".into(), port.to_string().into()]);
        let here = ["listen_addresses=127.0.0.1", "logging_collector=off", "log_destination=stderr"];
        for setting in here.into_iter().chain(SETTINGS) {
            arguments.extend(["-c".into(), setting.into()]);
        }
        if self.door.is_some() {
            arguments.extend(["-c".into(), "ssl=on".into()]);
            for (name, path) in [("ssl_cert_file", self.certificate()), ("ssl_key_file", self.key())] {
                let mut setting = OsString::from(format!("{name}="));
                setting.push(path);
                arguments.extend(["-c".into(), setting]);
            }
        }
        Ok(Launch {
            name: format!("{}-{}", self.side, Store::Postgres),
            store: Some(Store::Postgres),
            program: self.home.path.join("bin/postgres"),
            arguments,
            environment: self.environment(),
            directory: self.directory.clone(),
            log: self.log.clone(),
            user: self.user.clone(),
        })
    }

    async fn answers(&self, port: u16) -> bool {
        answers(&self.endpoint(port)).await
    }

    fn start_limit(&self) -> Duration {
        Duration::from_secs(90)
    }

    fn stop_limit(&self) -> Duration {
        Duration::from_secs(30)
    }
}
