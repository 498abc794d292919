//! The client programs: which one is run on what, and what goes wrong with it. A program goes on when whoever started it is killed.

use super::archive::{Archive, CUT_SHORT};
use super::dump::dump;
use super::peer::PgPeer;
use super::restore::restore;
use crate::schedule::{Class, Trouble};
use drydock_migration::programs::{Call, Ended, InProcess, Running};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// What a look into a file takes.
const LOOK: Duration = Duration::from_millis(4);
const SIGKILL: i32 = 9;

/// The programs of a machine from which both servers are reached.
pub(crate) struct Workshop {
    source: Arc<PgPeer>,
    target: Arc<PgPeer>,
    /// Programs that were started, those that have ended among them.
    started: Mutex<Vec<Started>>,
}

/// A program that was started, and its session once it has one.
struct Started {
    program: AbortHandle,
    session: Arc<Mutex<Option<i32>>>,
    peer: Arc<PgPeer>,
}

/// What a program was asked for.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) database: String,
    pub(super) role: String,
    pub(super) file: PathBuf,
    /// Patterns of tables and sequences whose contents stay behind.
    pub(super) excluded: Vec<String>,
    lists: bool,
}

/// A program at work on a server.
pub(super) struct Work {
    pub(super) peer: Arc<PgPeer>,
    pub(super) session: i32,
    pub(super) trouble: Option<Trouble>,
    pause: Duration,
    pub(super) stderr: String,
}

/// Why a program ends before it has done everything.
pub(super) enum Stop {
    /// A signal ends it.
    Killed,
    /// With words, and exit code 1.
    Failed(String),
}

impl Work {
    /// Takes its time over one part, and tells whether it can go on.
    pub(super) async fn part(&self) -> Result<(), Stop> {
        tokio::time::sleep(self.pause).await;
        if self.peer.is_away() || !self.peer.server().is_open(self.session) {
            return Err(Stop::Failed(
                "FATAL:  terminating connection due to administrator command\nserver closed the connection unexpectedly".into(),
            ));
        }
        Ok(())
    }

    /// What befalls it half way.
    pub(super) fn half_way(&self) -> Result<(), Stop> {
        match self.trouble {
            Some(Trouble::Killed) => Err(Stop::Killed),
            Some(Trouble::CutBefore | Trouble::CutAfter) => {
                self.peer.server().close(self.session);
                Ok(())
            }
            Some(Trouble::Crashed) => {
                self.peer.crash();
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Asked {
    /// Reads the arguments; an option that nobody taught the simulator is told.
    fn of(call: &Call) -> Result<Self, String> {
        let role = call.endpoint.as_ref().map(|e| e.user.clone()).unwrap_or_default();
        let mut asked = Self { role, ..Self::default() };
        let mut arguments = call.arguments.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            match argument.split_once('=') {
                Some(("--dbname", name)) => {
                    let name = name.strip_prefix("dbname='").and_then(|n| n.strip_suffix('\''));
                    asked.database = name.unwrap_or_default().to_owned();
                }
                Some(("--file", file)) => asked.file = file.into(),
                Some(("--exclude-table-data", pattern)) => asked.excluded.push(pattern.to_owned()),
                _ => match argument {
                    "-F" if arguments.next() == Some("custom") => {}
                    "--list" => asked.lists = true,
                    "--clean" | "--if-exists" | "--no-owner" | "--no-privileges" | "--verbose" => {}
                    file if !file.starts_with('-') => asked.file = file.into(),
                    other => return Err(format!("{} {other}", call.name)),
                },
            }
        }
        Ok(asked)
    }
}

fn failed(program: &str, words: &str) -> Ended {
    Ended { code: 1, stderr: format!("{program}: error: {words}\n"), ..Ended::default() }
}

impl Workshop {
    pub(crate) fn new(source: &Arc<PgPeer>, target: &Arc<PgPeer>) -> Self {
        Self { source: Arc::clone(source), target: Arc::clone(target), started: Mutex::default() }
    }

    /// Ends every program that is still there: nobody who started one lives.
    pub(crate) fn end_orphans(&self) {
        let all = std::mem::take(&mut *self.started.lock().unwrap_or_else(PoisonError::into_inner));
        for Started { program, session, peer } in all.into_iter().filter(|s| !s.program.is_finished()) {
            program.abort();
            // A server ends the session of a client that has gone.
            let session = session.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(session) = session {
                peer.server().close(session);
            }
            peer.script.tell(|| "program of a killed life is ended".into());
        }
    }

    fn read(&self, asked: &Asked, whole: Option<&PathBuf>) -> Ended {
        match Archive::read(whole.unwrap_or(&asked.file)) {
            Err(words) => failed("pg_restore", &words),
            Ok(archive) if asked.lists => Ended { stdout: archive.list(), ..Ended::default() },
            Ok(archive) if archive.is_whole() => Ended::default(),
            Ok(_) => failed("pg_restore", CUT_SHORT),
        }
    }

    fn start(&self, call: Call) -> Running {
        let asked = match Asked::of(&call) {
            Ok(asked) => asked,
            Err(gap) => {
                self.source.gap(gap.clone());
                let ended = failed(&call.name, &format!("the simulator does not know {gap}"));
                return Box::pin(std::future::ready(ended));
            }
        };
        let Some(endpoint) = &call.endpoint else {
            // A dump read to its end and thrown away: the last argument is the file.
            let read = call.arguments.last().map(PathBuf::from).filter(|_| !asked.lists);
            let ended = self.read(&asked, read.as_ref());
            return Box::pin(async move {
                tokio::time::sleep(LOOK).await;
                ended
            });
        };
        let peer = if endpoint.host == self.target.side.as_str() { &self.target } else { &self.source };
        let session = Arc::new(Mutex::new(None));
        let work = on_server(Arc::clone(peer), call.name.clone(), asked, Arc::clone(&session));
        let running = tokio::spawn(work);
        let mut started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        started.push(Started { program: running.abort_handle(), session, peer: Arc::clone(peer) });
        drop(started);
        Box::pin(async move { running.await.unwrap_or_else(|e| failed(&call.name, &e.to_string())) })
    }
}

async fn on_server(peer: Arc<PgPeer>, name: String, asked: Asked, known: Arc<Mutex<Option<i32>>>) -> Ended {
    let begun = Instant::now();
    let what = format!("{name} of {}", asked.database);
    let (pause, trouble) = peer.arrived(Class::Program, &what);
    tokio::time::sleep(pause).await;
    if let Some(Trouble::Slow(ms)) = trouble {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    if peer.is_away() {
        return failed(&name, "connection to server failed: Connection refused");
    }
    let opened = peer.server().open(&asked.database, &asked.role, super::OWN);
    let session = match opened {
        Ok(session) => session,
        Err(refusal) => {
            return failed(&name, &format!("connection to server failed: FATAL:  {}", refusal.message));
        }
    };
    *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    let mut work = Work { peer: Arc::clone(&peer), session, trouble, pause, stderr: String::new() };
    let done = match name.as_str() {
        "pg_dump" => dump(&mut work, &asked).await,
        "pg_restore" => {
            peer.server().restores(session);
            restore(&mut work, &asked).await
        }
        other => {
            peer.gap(format!("the program {other}"));
            Err(Stop::Failed(format!("the simulator does not know {other}")))
        }
    };
    peer.server().close(session);
    let mut ended = Ended { seconds: begun.elapsed().as_secs_f64(), stderr: work.stderr, ..Ended::default() };
    match done {
        Ok(code) => ended.code = code,
        Err(Stop::Killed) => (ended.code, ended.signal) = (128 + SIGKILL, Some(SIGKILL)),
        Err(Stop::Failed(words)) => {
            ended.code = 1;
            ended.stderr.push_str(&format!("{name}: error: {words}\n"));
        }
    }
    peer.script.tell(|| format!("program {what} on the {} ends with {}", peer.side.as_str(), ended.code));
    ended
}

impl InProcess for Workshop {
    fn run(&self, call: Call) -> Running {
        self.start(call)
    }
}
