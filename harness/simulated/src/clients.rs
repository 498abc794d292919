//! Users: what they write, through the one gate that a freeze closes, and the log of what was acknowledged to them.

use crate::cluster::{Change, Operation, Versioning};
use crate::peer::Peer;
use crate::schedule::{Event, Side, What};
use crate::script::Script;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

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
}

/// The last acknowledged state of every document that ever was, by index and id.
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
            let Event::Write { at, takes, number, what } = event.clone() else { continue };
            let application = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(at)).await;
                let side = application.gate.enter().await;
                let half = Duration::from_millis(takes / 2);
                tokio::time::sleep(half).await;
                application.carry_out(side, number, &what).await;
                tokio::time::sleep(half).await;
                application.script.tell(|| format!("user    write {number} is acknowledged"));
                application.gate.leave();
            });
        }
    }

    async fn carry_out(&self, side: Side, number: u64, what: &What) {
        match what {
            What::Put { index, id } => {
                self.put(side, index, id, format!("{{\"write\":{number}}}").into(), number);
            }
            What::Delete { index, id } => self.delete(side, index, id, Gone::Deleted, number),
            What::Archive { from, to, id } => {
                let found = {
                    let cluster = self.peer(side).cluster();
                    let documents = cluster.indices.get(from).into_iter().flat_map(|i| i.documents());
                    documents
                        .into_iter()
                        .find(|(known, _)| *known == id)
                        .map(|(_, doc)| Arc::clone(&doc.source))
                };
                let Some(source) = found else { return };
                self.put(side, to, id, source, number);
                tokio::time::sleep(Duration::from_millis(3)).await;
                self.delete(side, from, id, Gone::Moved, number);
            }
            What::Drop { index } => {
                let now = self.script.now();
                let mut cluster = self.peer(side).cluster();
                if !cluster.indices.contains_key(index) {
                    return;
                }
                cluster.remove(std::slice::from_ref(index), now);
                for (_, fate) in self.log().iter_mut().filter(|((i, _), _)| i == index) {
                    if matches!(fate, Fate::Present(_)) {
                        *fate = Fate::Absent(Gone::Dropped);
                    }
                }
                self.noted(side, number, || format!("{index} is dropped"));
            }
        }
    }

    fn noted(&self, side: Side, number: u64, what: impl FnOnce() -> String) {
        if side == Side::Source {
            self.script.wrote_on_source();
        }
        self.script.tell(|| format!("user    write {number} on the {}: {}", side.as_str(), what()));
    }

    /// Writes a document, and logs it if it was taken.
    pub(crate) fn put(&self, side: Side, index: &str, id: &str, source: Arc<str>, number: u64) {
        let operation = Operation {
            id: id.to_owned(),
            routing: None,
            versioning: Versioning::Internal,
            change: Change::Index { create: false, source: Arc::clone(&source) },
        };
        let done = self.peer(side).cluster().write(index, &operation, self.script.now());
        if let Ok(written) = done {
            self.log().insert((index.to_owned(), id.to_owned()), Fate::Present(source));
            self.noted(side, number, || {
                format!("{index}/{id} {}, version {}", written.result, written.version)
            });
        }
    }

    fn delete(&self, side: Side, index: &str, id: &str, gone: Gone, number: u64) {
        let operation = Operation {
            id: id.to_owned(),
            routing: None,
            versioning: Versioning::Internal,
            change: Change::Delete,
        };
        let done = self.peer(side).cluster().write(index, &operation, self.script.now());
        if let Ok(written) = done {
            if written.status == 200 {
                self.log().insert((index.to_owned(), id.to_owned()), Fate::Absent(gone));
            }
            self.noted(side, number, || {
                format!("{index}/{id} {}, version {}", written.result, written.version)
            });
        }
    }
}
