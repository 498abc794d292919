//! Runs PostgreSQL's client programs: own process group, time limit, cancellation, redacted log.

use crate::context::MigrationContext;
use crate::error::MigrationError;
use crate::programs::{Call, Ended, Programs, log_file, shown};
use drydock_core::Redactor;
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::PostgresTls;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The official scripts' limit for one dump or restore.
const LIMIT: Duration = Duration::from_secs(1800);
/// How soon a cancelled run ends its client programs.
const POLL: Duration = Duration::from_millis(50);

/// A client program that ended by itself.
#[derive(Debug)]
pub(crate) struct Output {
    /// Exit code.
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) seconds: f64,
}

/// Runs `name` with `arguments` and the connection of `endpoint` in its environment, where no other user of the
/// machine can read it. Its output goes to `logs/<log>.log` as well, redacted.
///
/// # Errors
/// The program is missing, took too long, was ended by a signal, or the run was cancelled. An exit code is not an error here.
pub(crate) async fn run(
    cx: &MigrationContext,
    name: &str,
    arguments: Vec<String>,
    endpoint: Option<&PostgresEndpoint>,
    log: &str,
) -> Result<Output, MigrationError> {
    if let Programs::InProcess(programs) = &cx.programs {
        let shown = shown(name, &arguments);
        let ended = programs.run(Call { name: name.to_owned(), arguments, endpoint: endpoint.cloned() });
        let ended = ended.await;
        return conclude(&cx.redactor(), &log_file(&cx.run_dir, log), &shown, ended);
    }
    let environment = match endpoint {
        Some(endpoint) => connection_environment(cx, endpoint)?,
        None => Vec::new(),
    };
    let program = Program {
        path: cx.clients.join(name),
        environment,
        limit: LIMIT,
        missing: "install PostgreSQL's client programs, or point to them with --postgres-home",
    };
    execute(cx, program, arguments, log).await
}

/// A program to run.
pub(crate) struct Program {
    /// Its file.
    pub(crate) path: PathBuf,
    /// Added to the environment of this process.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// It is ended when it takes longer.
    pub(crate) limit: Duration,
    /// What to do where there is no such program.
    pub(crate) missing: &'static str,
}

/// Runs any program, as [`run`] does PostgreSQL's.
///
/// # Errors
/// As [`run`].
pub(crate) async fn execute(
    cx: &MigrationContext,
    program: Program,
    arguments: Vec<String>,
    log: &str,
) -> Result<Output, MigrationError> {
    let Program { path: program, environment, limit, missing } = program;
    let name = program.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let cancel = cx.cancel.clone();
    let shown = shown(&name, &arguments);
    let log_path = log_file(&cx.run_dir, log);
    let redactor = cx.redactor();
    let work = move || -> Result<Output, MigrationError> {
        let begun = Instant::now();
        let mut command = duct::cmd(&program, &arguments)
            .stdin_null()
            .stdout_capture()
            .stderr_capture()
            .unchecked()
            .env("LC_ALL", "C")
            .before_spawn(|c| {
                // A group of its own, so that children holding the pipes end with it.
                c.process_group(0);
                Ok(())
            });
        for variable in ["PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGPASSFILE"] {
            command = command.env_remove(variable);
        }
        for (key, value) in environment {
            command = command.env(key, value);
        }
        let handle = command.start().map_err(|e| {
            MigrationError::environment(format!("start {}", program.display()), e.to_string(), missing)
        })?;
        let output = loop {
            let ended = handle.wait_timeout(POLL).map_err(|e| {
                MigrationError::environment(format!("run {shown}"), e.to_string(), "run it again")
            })?;
            if let Some(output) = ended {
                break output;
            }
            let overdue = begun.elapsed() > limit;
            if overdue || cancel.is_cancelled() {
                for pid in handle.pids() {
                    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
                        // It may have ended a moment ago, which serves as well.
                        let _ = kill_process_group(pid, Signal::KILL);
                    }
                }
                let _ = handle.wait();
                if !overdue {
                    return Err(MigrationError::Interrupted);
                }
                return Err(MigrationError::migration(
                    format!("run {shown}"),
                    format!("it took longer than {} s and was ended", limit.as_secs()),
                    "see what it waits for in pg_stat_activity, then resume the run",
                ));
            }
        };
        use std::os::unix::process::ExitStatusExt;
        let status = output.status;
        let ended = Ended {
            code: status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)),
            signal: status.signal(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            seconds: begun.elapsed().as_secs_f64(),
        };
        conclude(&redactor, &log_path, &shown, ended)
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| MigrationError::Internal(format!("running {name} failed: {e}")))?
}

/// Logs what a program said, and tells one that a signal ended from one that ended by itself.
fn conclude(redactor: &Redactor, log: &Path, shown: &str, ended: Ended) -> Result<Output, MigrationError> {
    let Ended { code, signal, stdout, stderr, seconds } = ended;
    let text = redactor.apply(&format!("$ {shown}\n{stdout}{stderr}exit code {code}\n"));
    append(log, &text).map_err(|e| MigrationError::io("write the log", log, &e))?;
    match signal {
        Some(signal) => Err(MigrationError::environment(
            format!("run {shown}"),
            format!("signal {signal} ended it"),
            "see who ends processes there (the kernel does when memory runs out), then resume the run",
        )),
        None => Ok(Output { code, stdout, stderr, seconds }),
    }
}

fn append(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::OpenOptions::new().create(true).append(true).open(path)?.write_all(text.as_bytes())
}

fn connection_environment(
    cx: &MigrationContext,
    endpoint: &PostgresEndpoint,
) -> Result<Vec<(&'static str, String)>, MigrationError> {
    let mut variables = vec![
        ("PGHOST", endpoint.host.clone()),
        ("PGPORT", endpoint.port.to_string()),
        ("PGUSER", endpoint.user.clone()),
        ("PGPASSWORD", endpoint.password_for_client().to_owned()),
        ("PGAPPNAME", drydock_stores::postgres::APPLICATION_NAME.to_owned()),
        ("PGCONNECT_TIMEOUT", "10".to_owned()),
    ];
    variables.push(("PGSSLMODE", endpoint.tls.sslmode().to_owned()));
    let root = match &endpoint.tls {
        PostgresTls::VerifyCa { ca_pem } | PostgresTls::VerifyFull { ca_pem: Some(ca_pem) } => {
            Some(ca_file(cx, ca_pem)?.to_string_lossy().into_owned())
        }
        PostgresTls::VerifyFull { ca_pem: None } => Some("system".into()),
        PostgresTls::Off | PostgresTls::Allow | PostgresTls::Prefer | PostgresTls::Require => None,
    };
    variables.extend(root.map(|root| ("PGSSLROOTCERT", root)));
    Ok(variables)
}

/// Client programs take an authority only from a file.
pub(crate) fn ca_file(cx: &MigrationContext, pem: &str) -> Result<PathBuf, MigrationError> {
    let path = cx.run_dir.join(format!("ca-{}.pem", &blake3::hash(pem.as_bytes()).to_hex()[..12]));
    std::fs::write(&path, pem).map_err(|e| MigrationError::io("write", &path, &e))?;
    Ok(path)
}

/// `--dbname` of a client program: a connection string, so that no name is taken for one.
pub(crate) fn database_argument(database: &str) -> String {
    format!("--dbname=dbname='{}'", database.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// What a failed program said last: its error lines, or its last line.
pub(crate) fn last_words(output: &Output) -> String {
    let errors: Vec<&str> = output
        .stderr
        .lines()
        .filter(|l| l.contains("error:") || l.contains("FATAL") || l.contains("detail:"))
        .take(3)
        .collect();
    let words = if errors.is_empty() {
        output.stderr.lines().rev().find(|l| !l.trim().is_empty()).unwrap_or("it said nothing").to_owned()
    } else {
        errors.join("; ")
    };
    format!("exit code {}: {words}", output.code)
}
