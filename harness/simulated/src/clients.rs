//! Users: what they write, through the one gate that a freeze closes, and the log of what was acknowledged to them.

use crate::cluster::{Change, Operation, Versioning};
use crate::peer::Peer;
use crate::schedule::{Event, Heard, Side, What, placed};
use crate::script::Script;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Between two tries of a write that nobody answers.
const AGAIN: Duration = Duration::from_millis(400);

/// How a document came to be gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gone {
    Deleted,
    Moved,
    Dropped,
}

/// What was acknowledged last of one document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    Present(Arc<str>),
    Absent(Gone),
    /// A write was not answered: any of these is right, nothing among them for a document that is not there.
    Unknown(Vec<Option<Arc<str>>>),
}

impl Fate {
    /// States that are right.
    fn states(&self) -> Vec<Option<Arc<str>>> {
        match self {
            Self::Present(source) => vec![Some(Arc::clone(source))],
            Self::Absent(_) => vec![None],
            Self::Unknown(states) => states.clone(),
        }
    }
}

/// The last acknowledged state of every document that ever was, by index and name (see [`placed`]).
pub(crate) type Log = BTreeMap<(String, String), Fate>;

/// What stands between users and stores.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    /// Where requests go, and how many are under way.
    state: Mutex<(Option<Side>, u32)>,
    changed: Notify,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, (Option<Side>, u32)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self, side: Side) {
        self.state().0 = Some(side);
        self.changed.notify_waiters();
    }

    /// Lets nobody in from now on.
    pub(crate) fn close(&self) {
        self.state().0 = None;
    }

    /// Waits until the last request under way has ended.
    pub(crate) async fn emptied(&self) {
        loop {
            let changed = self.changed.notified();
            if self.state().1 == 0 {
                return;
            }
            changed.await;
        }
    }

    async fn enter(&self) -> Side {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if let Some(side) = state.0 {
                    state.1 += 1;
                    return side;
                }
            }
            changed.await;
        }
    }

    fn leave(&self) {
        self.state().1 -= 1;
        self.changed.notify_waiters();
    }
}

/// What users work on.
pub(crate) struct Application {
    pub(crate) gate: Gate,
    pub(crate) source: Arc<Peer>,
    pub(crate) target: Arc<Peer>,
    pub(crate) script: Arc<Script>,
    pub(crate) log: Mutex<Log>,
}

impl Application {
    pub(crate) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn peer(&self, side: Side) -> &Peer {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// Starts every user. Each acts at its time, or as soon as the gate is open.
    pub(crate) fn start(self: &Arc<Self>, events: &[Event]) {
        for event in events {
            let Event::Write { at, takes, number, what, heard } = event.clone() else { continue };
            let application = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(at)).await;
                let side = application.gate.enter().await;
                let half = Duration::from_millis(takes / 2);
                tokio::time::sleep(half).await;
                application.carry_out(side, number, &what, heard).await;
                tokio::time::sleep(half).await;
                if heard == Heard::Answer {
                    application.script.tell(|| format!("user    write {number} is acknowledged"));
                }
                application.gate.leave();
            });
        }
    }

    /// Waits for a node that was killed: until it is back, it acknowledges nothing.
    async fn reach(&self, side: Side) {
        while self.peer(side).is_away() {
            self.script.refused();
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn carry_out(&self, side: Side, number: u64, what: &What, heard: Heard) {
        self.reach(side).await;
        match what {
            What::Put { index, id } => {
                self.put(side, index, id, format!("{{\"write\":{number}}}").into(), number, heard);
            }
            What::Delete { index, id } => self.delete(side, index, id, Gone::Deleted, number, heard),
            What::Archive { from, to, id } => {
                let found = {
                    let cluster = self.peer(side).cluster();
                    let (plain, routing) = placed(id);
                    let mut documents = cluster.indices.get(from).into_iter().flat_map(|i| i.documents());
                    documents
                        .find(|(known, doc)| *known == plain && doc.routing.as_deref() == routing)
                        .map(|(_, doc)| Arc::clone(&doc.source))
                };
                let Some(source) = found else { return };
                // Who does not hear that it was written there does not remove it here.
                self.put(side, to, id, source, number, heard);
                if heard == Heard::Answer {
                    tokio::time::sleep(Duration::from_millis(3)).await;
                    self.reach(side).await;
                    self.delete(side, from, id, Gone::Moved, number, heard);
                }
            }
            What::Drop { index } => {
                let now = self.script.now();
                let mut cluster = self.peer(side).cluster();
                if !cluster.indices.contains_key(index) {
                    return;
                }
                cluster.remove(std::slice::from_ref(index), now);
                for (_, fate) in self.log().iter_mut().filter(|((i, _), _)| i == index) {
                    if !matches!(fate, Fate::Absent(_)) {
                        *fate = Fate::Absent(Gone::Dropped);
                    }
                }
                self.noted(side, number, || format!("{index} is dropped"));
            }
        }
    }

    fn noted(&self, side: Side, number: u64, what: impl FnOnce() -> String) {
        self.script.wrote(side);
        self.script.tell(|| format!("user    write {number} on the {}: {}", side.as_str(), what()));
    }

    /// Writes a document, and logs it if it was taken.
    pub(crate) fn put(
        &self,
        side: Side,
        index: &str,
        name: &str,
        source: Arc<str>,
        number: u64,
        heard: Heard,
    ) {
        let change = Change::Index { create: false, source: Arc::clone(&source) };
        self.write(side, (index, name), change, Fate::Present(source), number, heard);
    }

    fn delete(&self, side: Side, index: &str, name: &str, gone: Gone, number: u64, heard: Heard) {
        self.write(side, (index, name), Change::Delete, Fate::Absent(gone), number, heard);
    }

    fn write(
        &self,
        side: Side,
        (index, name): (&str, &str),
        change: Change,
        fate: Fate,
        number: u64,
        heard: Heard,
    ) {
        let key = (index.to_owned(), name.to_owned());
        let fate = match heard {
            Heard::Answer => fate,
            Heard::NothingOfDone | Heard::NothingOfLost => {
                let mut states = self.log().get(&key).map_or_else(|| vec![None], Fate::states);
                states.extend(fate.states());
                Fate::Unknown(states)
            }
        };
        if heard == Heard::NothingOfLost {
            self.log().insert(key, fate);
            self.script.tell(|| format!("user    write {number} of {index}/{name} is lost on its way"));
            return;
        }
        let (id, routing) = placed(name);
        let operation = Operation {
            id: id.to_owned(),
            routing: routing.map(ToOwned::to_owned),
            versioning: Versioning::Internal,
            change,
        };
        let done = self.peer(side).cluster().write(index, &operation, self.script.now());
        match done {
            Ok(written) => {
                // A delete of what is not there says nothing about how it went.
                if written.status != 404 {
                    self.log().insert(key, fate);
                }
                self.noted(side, number, || {
                    format!("{index}/{name} {}, version {}", written.result, written.version)
                });
            }
            Err(refusal) => {
                self.script.refused();
                self.script.tell(|| {
                    format!("user    write {number} on the {} is refused: {}", side.as_str(), refusal.reason)
                });
            }
        }
    }
}
