//! What all parts of one simulation share: the faults to come, the clock, and what is told.

use crate::chance::drawn;
use crate::safeguard::Safeguard;
use crate::schedule::{Class, Event, Schedule, Side, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Numbers of PostgreSQL's requests begin here.
const OF_POSTGRES: u64 = 1 << 40;

/// Whether every request is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// Step by step, request by request.
    On,
    /// Nothing: for many seeds.
    Off,
}

#[derive(Debug, Default)]
struct State {
    trace: Vec<String>,
    requests: u64,
    /// Those of PostgreSQL, which have numbers of their own.
    statements: u64,
    of_class: BTreeMap<(Side, Class), u32>,
    struck: u64,
    gaps: BTreeSet<String>,
    frozen: bool,
    /// Writes carried out on the frozen source: by users, and by pods that do not end.
    late: (u64, u64),
    written: u64,
    refused: u64,
}

/// One simulation's script.
#[derive(Debug)]
pub(crate) struct Script {
    seed: u64,
    faults: Vec<(Side, Class, u32, Trouble)>,
    pub(crate) without: Option<Safeguard>,
    tracing: Tracing,
    begun: Instant,
    state: Mutex<State>,
}

impl Script {
    /// To be made inside of the runtime whose clock it reads.
    pub(crate) fn new(schedule: &Schedule, without: Option<Safeguard>, tracing: Tracing) -> Self {
        let faults = schedule.events.iter().filter_map(|event| match event {
            Event::Fault { side, class, nth, trouble } => Some((*side, *class, *nth, *trouble)),
            _ => None,
        });
        Self {
            seed: schedule.seed,
            faults: faults.collect(),
            without,
            tracing,
            begun: Instant::now(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn lacks(&self, safeguard: Safeguard) -> bool {
        self.without == Some(safeguard)
    }

    /// When the simulation began.
    pub(crate) fn begun(&self) -> Instant {
        self.begun
    }

    /// Milliseconds since the beginning.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Tells one line, made only where somebody reads it.
    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        if self.tracing == Tracing::On {
            let now = self.now();
            let text = format!("{:>6}.{:03}  {}", now / 1_000, now % 1_000, line());
            self.state().trace.push(text);
        }
    }

    /// A request of the migration arrives: its number, and what goes wrong with it.
    pub(crate) fn arrived(&self, side: Side, class: Class) -> (u64, Option<Trouble>) {
        let mut state = self.state();
        let number = if class.is_postgres() {
            state.statements += 1;
            OF_POSTGRES + state.statements
        } else {
            state.requests += 1;
            state.requests
        };
        let seen = state.of_class.entry((side, class)).or_default();
        let nth = *seen;
        *seen += 1;
        let fault = self.faults.iter().find(|(s, c, n, _)| (*s, *c, *n) == (side, class, nth));
        state.struck += u64::from(fault.is_some());
        (number, fault.map(|(_, _, _, trouble)| *trouble))
    }

    /// How long something takes: so many milliseconds of one range, by the number of the request and of the wait within it.
    pub(crate) fn latency(&self, request: u64, wait: u64) -> Duration {
        Duration::from_millis(1 + drawn(self.seed, request.wrapping_mul(64) + wait) % 14)
    }

    pub(crate) fn gap(&self, request: String) {
        self.state().gaps.insert(request);
    }

    pub(crate) fn set_frozen(&self, frozen: bool) {
        self.state().frozen = frozen;
    }

    /// Notes that a user's write was carried out, and whether the source should have been frozen.
    pub(crate) fn wrote(&self, side: Side, straggles: bool) {
        let mut state = self.state();
        state.written += u64::from(!straggles);
        if state.frozen && side == Side::Source {
            let of = if straggles { &mut state.late.1 } else { &mut state.late.0 };
            *of += 1;
        }
    }

    /// Something befell a step.
    pub(crate) fn befell(&self) {
        self.state().struck += 1;
    }

    /// Notes that a user's write was refused.
    pub(crate) fn refused(&self) {
        self.state().refused += 1;
    }

    /// Writes of users that were carried out, and that were refused.
    pub(crate) fn writes(&self) -> (u64, u64) {
        let state = self.state();
        (state.written, state.refused)
    }

    /// Faults that happened so far.
    pub(crate) fn struck(&self) -> u64 {
        self.state().struck
    }

    /// Writes carried out on the frozen source, by whomever.
    pub(crate) fn late(&self) -> u64 {
        let (users, pods) = self.state().late;
        users + pods
    }

    /// Of these, those of users, who were told that they have to wait.
    pub(crate) fn late_users(&self) -> u64 {
        self.state().late.0
    }

    /// Requests so far, by cluster and kind.
    pub(crate) fn of_class(&self) -> BTreeMap<(Side, Class), u32> {
        self.state().of_class.clone()
    }

    /// Lines told, faults that happened, requests made, requests nobody taught the simulator.
    pub(crate) fn end(&self) -> (Vec<String>, u64, u64, Vec<String>) {
        let mut state = self.state();
        let gaps = std::mem::take(&mut state.gaps).into_iter().collect();
        (std::mem::take(&mut state.trace), state.struck, state.requests + state.statements, gaps)
    }
}
