//! Running one phase: a process group of its own, a deadline, output without secrets.

use crate::error::ScriptsError;
use crate::hooks::VARIABLE;
use crate::log::{Level, LogLine};
use crate::state::State;
use crate::tail::{LogTail, Tail};
use crate::tree::Checkout;
use drydock_core::Redactor;
use drydock_core::plan::ScriptPhase;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// `env.sh` is to be sourced by whoever runs the scripts; the phase then takes the place of the shell that did.
const CALL: &str = "set -e; . ./env.sh; exec bash \"./$0\" \"$@\"";
/// Between two looks at hooks and log.
const LOOK: Duration = Duration::from_millis(100);
/// How long a phase gets to end when it is asked to.
const GRACE: Duration = Duration::from_secs(3);
/// How long what a phase has left behind may hold its output open.
const OUTPUT: Duration = Duration::from_secs(2);
/// Lines of output that are kept for a message.
const LAST: usize = 5;

/// One phase, ready to be run.
#[derive(Debug)]
pub struct PhaseRun<'a> {
    /// The run's own copy.
    pub checkout: &'a Checkout,
    /// Which phase.
    pub phase: ScriptPhase,
    /// The whole environment; nothing else of this process's is handed on, since the scripts take settings, and even their
    /// state, from any variable of the right name.
    pub variables: &'a BTreeMap<OsString, OsString>,
    /// It is ended when it takes longer.
    pub deadline: Duration,
    /// Where its output is kept.
    pub log: &'a Path,
    /// Masks secrets in it.
    pub redactor: &'a Redactor,
    /// Cancelled to end it early.
    pub cancel: &'a CancellationToken,
}

/// What a phase tells while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A hook was called.
    Hook(String),
    /// A part of it began.
    Section(String),
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By itself, with this exit code.
    Code(i32),
    /// Somebody else's signal ended it.
    Signal(i32),
    /// It reached its deadline and was ended.
    Overdue,
    /// The run was cancelled and it was ended.
    Cancelled,
}

/// A phase that is over.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Which one.
    pub phase: ScriptPhase,
    /// How.
    pub how: How,
    /// From its start to its end.
    pub took: Duration,
    /// Hooks that were called, in order.
    pub hooks: Vec<String>,
    /// What it logged; secrets are masked.
    pub lines: Vec<LogLine>,
    /// The last lines of its output; secrets are masked.
    pub last_words: Vec<String>,
    /// What the scripts remembered before.
    pub before: State,
    /// What they remember now.
    pub after: Result<State, ScriptsError>,
}

impl PhaseRun<'_> {
    /// Runs the phase to its end. `watch` hears hooks and sections as they come.
    ///
    /// # Errors
    /// It could not be started, or its output could not be kept. A phase that fails is no error here.
    pub async fn run(&self, watch: &mut (dyn FnMut(Told) + Send)) -> Result<Ended, ScriptsError> {
        let before = State::of(self.checkout)?;
        let mut output = Output::open(self.log, self.redactor)?;
        output.line(&format!("$ {}", self.phase.script()))?;
        let mut seen = Seen::from_now(self.checkout);
        let began = Instant::now();
        let (mut child, mut lines) = self.start()?;
        let leader = child.id();
        let deadline = tokio::time::sleep(self.deadline);
        let mut looks = tokio::time::interval(LOOK);
        tokio::pin!(deadline);
        let ended = loop {
            tokio::select! {
                status = child.wait() => break Ok(status),
                Some(line) = lines.recv() => output.line(&line)?,
                _ = looks.tick() => seen.look(watch),
                () = &mut deadline => break Err(How::Overdue),
                () = self.cancel.cancelled() => break Err(How::Cancelled),
            }
        };
        let how = match ended {
            Ok(status) => status.map(how_of).map_err(|e| self.cannot("wait for", &e))?,
            Err(how) => {
                end_group(leader, Signal::TERM);
                let _ = tokio::time::timeout(GRACE, child.wait()).await;
                end_group(leader, Signal::KILL);
                let _ = child.wait().await;
                how
            }
        };
        // What it left behind may still hold its output.
        let drained = tokio::time::timeout(OUTPUT, async {
            while let Some(line) = lines.recv().await {
                output.line(&line)?;
            }
            Ok::<(), ScriptsError>(())
        });
        match drained.await {
            Ok(written) => written?,
            Err(_) => end_group(leader, Signal::KILL),
        }
        seen.look(watch);
        output.line(&format!("{how:?} after {:.1} s", began.elapsed().as_secs_f64()))?;
        let masked = |line: LogLine| LogLine { text: self.redactor.apply(&line.text), ..line };
        Ok(Ended {
            phase: self.phase,
            how,
            took: began.elapsed(),
            hooks: seen.hooks,
            lines: seen.lines.into_iter().map(masked).collect(),
            last_words: output.last,
            before,
            after: State::of(self.checkout),
        })
    }

    fn start(&self) -> Result<(Child, mpsc::Receiver<String>), ScriptsError> {
        let mut command = Command::new("bash");
        command
            .args(["-c", CALL, self.phase.script(), "--yes", "--no-color"])
            .current_dir(self.checkout.migration())
            .env_clear()
            .envs(self.variables)
            .env(VARIABLE, self.checkout.hook_events())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, so that everything it starts ends with it.
            .process_group(0)
            .kill_on_drop(true);
        let mut child = command.spawn().map_err(|e| self.cannot("start", &e))?;
        let (sender, lines) = mpsc::channel(256);
        if let Some(out) = child.stdout.take() {
            pump(out, sender.clone());
        }
        if let Some(err) = child.stderr.take() {
            pump(err, sender);
        }
        Ok((child, lines))
    }

    fn cannot(&self, doing: &str, error: &std::io::Error) -> ScriptsError {
        ScriptsError::new(
            format!("cannot {doing} {}: {error}", self.phase.script()),
            "`drydock doctor --on kind --driver scripts` tells what is missing",
        )
    }
}

fn how_of(status: ExitStatus) -> How {
    status.code().map_or_else(|| How::Signal(status.signal().unwrap_or(0)), How::Code)
}

fn end_group(leader: Option<u32>, signal: Signal) {
    if let Some(group) = leader.and_then(|l| i32::try_from(l).ok()).and_then(Pid::from_raw) {
        // It may have ended a moment ago, which serves as well.
        let _ = kill_process_group(group, signal);
    }
}

/// Reads lines, whatever bytes they hold, until nobody writes any more.
fn pump(from: impl AsyncRead + Unpin + Send + 'static, to: mpsc::Sender<String>) {
    tokio::spawn(async move {
        let mut reader = BufReader::new(from);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(n) if n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            bytes.clear();
            if to.send(line).await.is_err() {
                break;
            }
        }
    });
}

/// What was heard of hooks and log so far.
struct Seen {
    events: Tail,
    log: LogTail,
    hooks: Vec<String>,
    lines: Vec<LogLine>,
}

impl Seen {
    fn from_now(checkout: &Checkout) -> Self {
        Self {
            events: Tail::from_end(checkout.hook_events()),
            log: LogTail::from_now(checkout.state_folder()),
            hooks: Vec::new(),
            lines: Vec::new(),
        }
    }

    fn look(&mut self, watch: &mut (dyn FnMut(Told) + Send)) {
        for hook in self.events.lines() {
            watch(Told::Hook(hook.clone()));
            self.hooks.push(hook);
        }
        for line in self.log.lines() {
            if line.level == Level::Section {
                watch(Told::Section(line.text.clone()));
            }
            self.lines.push(line);
        }
    }
}

/// The kept output of a phase.
struct Output<'a> {
    path: PathBuf,
    file: File,
    redactor: &'a Redactor,
    last: Vec<String>,
}

impl<'a> Output<'a> {
    fn open(path: &Path, redactor: &'a Redactor) -> Result<Self, ScriptsError> {
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let file = folder.and_then(|()| OpenOptions::new().create(true).append(true).open(path));
        let file = file.map_err(|e| ScriptsError::io("write", path, &e))?;
        Ok(Self { path: path.to_owned(), file, redactor, last: Vec::new() })
    }

    fn line(&mut self, line: &str) -> Result<(), ScriptsError> {
        let line = self.redactor.apply(line);
        writeln!(self.file, "{line}").map_err(|e| ScriptsError::io("write", &self.path, &e))?;
        if !line.trim().is_empty() {
            self.last.push(line);
            if self.last.len() > LAST {
                self.last.remove(0);
            }
        }
        Ok(())
    }
}
