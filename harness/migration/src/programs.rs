//! Who runs PostgreSQL's client programs: this machine, or something in this process that does what they do. Which program is run with
//! which arguments, and what its exit code and its words mean, is the driver's either way.

use drydock_stores::PostgresEndpoint;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// One program to run.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name: `pg_dump`, `pg_restore`, `pg_dumpall` or `psql`.
    pub name: String,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The server and the role that its environment names; absent where it reads a file alone.
    pub endpoint: Option<PostgresEndpoint>,
}

/// A program that has ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ended {
    /// Exit code; 128 and the signal's number where a signal ended it.
    pub code: i32,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// Seconds that it took.
    pub seconds: f64,
}

/// The end of a program. It goes on where the future is dropped, as a process does whose parent is killed.
pub type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Something in this process that does what the programs do.
pub trait InProcess: Send + Sync {
    /// Runs one program.
    fn run(&self, call: Call) -> Running;
}

/// Who runs client programs.
#[derive(Clone, Default)]
pub enum Programs {
    /// This machine, from the folder of the context.
    #[default]
    Machine,
    /// Something in this process.
    InProcess(Arc<dyn InProcess>),
}

impl fmt::Debug for Programs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "Machine",
            Self::InProcess(_) => "InProcess",
        })
    }
}

/// How a program is written in logs.
pub(crate) fn shown(name: &str, arguments: &[String]) -> String {
    format!("{name} {}", arguments.join(" "))
}

/// Where the log of a program lies.
pub(crate) fn log_file(run_dir: &std::path::Path, log: &str) -> PathBuf {
    run_dir.join("logs").join(format!("{log}.log"))
}
