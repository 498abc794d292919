//! One simulated server as clients meet it: the way to it, latency, faults, being away.

use super::SUPERUSER;
use super::programs::Workshop;
use super::server::{Databases, Server};
use super::wire::serve;
use crate::schedule::{Class, Event, Schedule, Side, Trouble};
use crate::script::{Script, Tracing};
use drydock_migration::programs::Programs;
use drydock_stores::PostgresEndpoint;
use drydock_stores::postgres::transport::{InProcess, Transport};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;
use tokio::io::DuplexStream;

/// A server that was killed is back after so long.
const RESTART_MS: u64 = 3_000;
/// Bytes on their way at most.
const ON_THE_WAY: usize = 1 << 18;

/// A server and the way to it.
pub(crate) struct PgPeer {
    pub(crate) side: Side,
    server: Mutex<Server>,
    pub(crate) script: Arc<Script>,
    me: Weak<PgPeer>,
    away_until: AtomicU64,
    stopped: AtomicBool,
}

impl PgPeer {
    pub(crate) fn new(side: Side, script: &Arc<Script>) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            side,
            server: Mutex::new(Server::new()),
            script: Arc::clone(script),
            me: me.clone(),
            away_until: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What it holds now, as far as it was committed.
    pub(crate) fn databases(&self) -> Databases {
        self.server().databases.clone()
    }

    /// Whether nobody answers.
    pub(crate) fn is_away(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.script.now() < self.away_until.load(Ordering::Relaxed)
    }

    /// Kills it. It is back after some seconds.
    pub(crate) fn crash(&self) {
        let now = self.script.now();
        self.away_until.store(now + RESTART_MS, Ordering::Relaxed);
        self.server().crash(now + RESTART_MS);
    }

    /// Stops it for good, in order.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        let now = self.script.now();
        self.server().stop(now);
    }

    /// Starts it again.
    pub(crate) fn start(&self) {
        self.stopped.store(false, Ordering::Relaxed);
    }

    pub(super) fn gap(&self, what: String) {
        self.script.tell(|| format!("the simulator does not know {what}"));
        self.script.gap(what);
    }

    /// How long the beginning of a session takes.
    pub(super) fn pause(&self) -> Duration {
        let (number, _) = self.script.arrived(self.side, Class::Session);
        self.script.latency(number, 0)
    }

    /// A statement or a program arrives: how long it takes, and what goes wrong with it.
    pub(super) fn arrived(&self, class: Class, what: &dyn std::fmt::Debug) -> (Duration, Option<Trouble>) {
        let (number, trouble) = self.script.arrived(self.side, class);
        let side = self.side.as_str();
        if let Some(trouble) = trouble {
            self.script.tell(|| format!("request {side} {what:?}: {trouble}"));
        } else {
            self.script.tell(|| format!("request {side} {what:?}"));
        }
        (self.script.latency(number, 0), trouble)
    }

    pub(crate) fn endpoint(&self) -> PostgresEndpoint {
        let transport = self.me.upgrade().map_or_else(Transport::default, |me| Transport::InProcess(me));
        PostgresEndpoint {
            host: self.side.as_str().to_owned(),
            port: 5_432,
            user: SUPERUSER.to_owned(),
            password: None,
            tls: Default::default(),
            transport,
        }
    }
}

impl InProcess for PgPeer {
    fn open(&self) -> io::Result<DuplexStream> {
        let refused = || io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let me = self.me.upgrade().filter(|me| !me.is_away()).ok_or_else(refused)?;
        let (client, server) = tokio::io::duplex(ON_THE_WAY);
        tokio::spawn(serve(me, server));
        Ok(client)
    }
}

/// Two servers and the programs that move databases between them, by themselves: what the real thing is held against in tests.
pub struct Pair {
    servers: [Arc<PgPeer>; 2],
}

/// Makes them. Of the events, faults happen to them.
pub fn pair(events: Vec<Event>) -> Pair {
    let schedule = Schedule { seed: 0, documents: 0, events };
    let script = Arc::new(Script::new(&schedule, None, Tracing::Off));
    Pair { servers: [Side::Source, Side::Target].map(|side| PgPeer::new(side, &script)) }
}

impl Pair {
    fn peer(&self, side: Side) -> &Arc<PgPeer> {
        let [source, target] = &self.servers;
        if side == Side::Source { source } else { target }
    }

    /// The way to one for clients.
    pub fn endpoint(&self, side: Side) -> PostgresEndpoint {
        self.peer(side).endpoint()
    }

    /// One of them.
    pub fn server(&self, side: Side) -> MutexGuard<'_, Server> {
        self.peer(side).server()
    }

    /// Who runs the programs.
    pub fn programs(&self) -> Programs {
        let [source, target] = &self.servers;
        Programs::InProcess(Arc::new(Workshop::new(source, target)))
    }

    /// What they were asked and do not know.
    pub fn gaps(&self) -> Vec<String> {
        self.peer(Side::Source).script.end().3
    }
}
