//! Users: what they write, through the one gate that a freeze closes, and the log of what was acknowledged to them.

mod rows;

use crate::cluster::{Change, Operation, Versioning};
use crate::peer::Peer;
use crate::postgres::PgPeer;
use crate::promises::Held;
use crate::rows as tables;
use crate::schedule::{Event, Heard, Side, What, placed};
use crate::script::Script;
use drydock_workload::acknowledged::{Acknowledged, Item, Now, content_of};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Between two tries of a write that nobody answers.
pub(super) const AGAIN: Duration = Duration::from_millis(400);

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
    pub(crate) fn states(&self) -> Vec<Option<Arc<str>>> {
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

    /// Where requests go; nowhere if it is closed.
    pub(crate) fn side(&self) -> Option<Side> {
        self.state().0
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

/// What was acknowledged.
#[derive(Debug, Clone, Default)]
pub(crate) struct Acks {
    /// By users, wherever they worked.
    pub(crate) log: Log,
    /// On the source, by whomever.
    pub(crate) on_source: Log,
    /// In order, as clients of real runs note it.
    pub(crate) noted: Vec<Acknowledged>,
    /// Documents that pods wrote after the declared freeze.
    pub(crate) straggled: BTreeSet<(String, String)>,
}

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Users,
    Straggler,
}

/// What users work on.
pub(crate) struct Application {
    pub(crate) gate: Gate,
    pub(crate) source: Arc<Peer>,
    pub(crate) target: Arc<Peer>,
    /// The databases of source and target.
    pub(crate) servers: [Arc<PgPeer>; 2],
    pub(crate) script: Arc<Script>,
    acks: Mutex<Acks>,
    /// Sessions on the source of pods that do not end, by the number of their write.
    pub(super) lasting: Mutex<BTreeMap<u64, i32>>,
}

impl Application {
    pub(crate) fn new(
        source: Arc<Peer>,
        target: Arc<Peer>,
        servers: [Arc<PgPeer>; 2],
        script: Arc<Script>,
    ) -> Self {
        let (acks, lasting) = (Mutex::default(), Mutex::default());
        Self { gate: Gate::default(), source, target, servers, script, acks, lasting }
    }

    pub(crate) fn acks(&self) -> MutexGuard<'_, Acks> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peer(&self, side: Side) -> &Peer {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub(crate) fn server(&self, side: Side) -> &Arc<PgPeer> {
        let [source, target] = &self.servers;
        match side {
            Side::Source => source,
            Side::Target => target,
        }
    }

    /// What a side holds now.
    pub(crate) fn held(&self, side: Side) -> Held {
        Held { cluster: self.peer(side).cluster().clone(), databases: self.server(side).databases() }
    }

    /// Whether a store of a side does not answer.
    pub(crate) fn is_away(&self, side: Side) -> bool {
        self.peer(side).is_away() || self.server(side).is_away()
    }

    /// Starts both stores of the source, where they were stopped.
    pub(crate) fn start_source(&self) {
        self.source.start();
        self.server(Side::Source).start();
    }

    /// Stops both stores of the source.
    pub(crate) fn stop_source(&self) {
        self.source.stop();
        self.server(Side::Source).stop();
    }

    /// Starts every user. Each acts at its time, or as soon as the gate is open.
    pub(crate) fn start(self: &Arc<Self>, events: &[Event]) {
        self.open_lasting(events);
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

    /// Starts the pods that do not end when they are told to. They go past the gate, to the store they know.
    pub(crate) fn straggle(self: &Arc<Self>, events: &[Event]) {
        for event in events {
            let Event::Straggle { after, number, what } = event.clone() else { continue };
            let application = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                let peer = application.peer(Side::Source);
                if what.table().is_none() && peer.is_away() {
                    application.script.tell(|| format!("pod     write {number} finds no source"));
                    return;
                }
                let (index, id, change, fate) = match &what {
                    What::Put { index, id } => {
                        let source: Arc<str> = format!("{{\"write\":{number}}}").into();
                        (
                            index,
                            id,
                            Change::Index { create: false, source: Arc::clone(&source) },
                            Fate::Present(source),
                        )
                    }
                    What::Delete { index, id } => (index, id, Change::Delete, Fate::Absent(Gone::Deleted)),
                    What::Save { .. } | What::Remove { .. } | What::Number { .. } => {
                        application.straggle_row(number, &what).await;
                        return;
                    }
                    What::Archive { .. } | What::Drop { .. } => return,
                };
                let at = (index.as_str(), id.as_str());
                application.write(Side::Source, at, change, &fate, number, Heard::Answer, By::Straggler);
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
        if what.table().is_some() {
            return self.carry_out_row(side, number, what, heard).await;
        }
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
            What::Save { .. } | What::Remove { .. } | What::Number { .. } => {}
            What::Drop { index } => {
                let now = self.script.now();
                let mut cluster = self.peer(side).cluster();
                if !cluster.indices.contains_key(index) {
                    return;
                }
                cluster.remove(std::slice::from_ref(index), now);
                let mut acks = self.acks();
                let acks = &mut *acks;
                for ((_, name), fate) in acks.log.iter_mut().filter(|((i, _), _)| i == index) {
                    if !matches!(fate, Fate::Absent(_)) {
                        *fate = Fate::Absent(Gone::Dropped);
                        acks.noted.push(noted(index, name, fate, now));
                    }
                }
                if side == Side::Source {
                    for (_, fate) in acks.on_source.iter_mut().filter(|((i, _), _)| i == index) {
                        *fate = Fate::Absent(Gone::Dropped);
                    }
                }
                self.noted(side, number, By::Users, || format!("{index} is dropped"));
            }
        }
    }

    pub(super) fn noted(&self, side: Side, number: u64, by: By, what: impl FnOnce() -> String) {
        self.script.wrote(side, by == By::Straggler);
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
        self.write(side, (index, name), change, &Fate::Present(source), number, heard, By::Users);
    }

    fn delete(&self, side: Side, index: &str, name: &str, gone: Gone, number: u64, heard: Heard) {
        self.write(side, (index, name), Change::Delete, &Fate::Absent(gone), number, heard, By::Users);
    }

    #[expect(clippy::too_many_arguments, reason = "one write, and what it is made of has no name of its own")]
    fn write(
        &self,
        side: Side,
        (index, name): (&str, &str),
        change: Change,
        fate: &Fate,
        number: u64,
        heard: Heard,
        by: By,
    ) {
        let key = (index.to_owned(), name.to_owned());
        if heard == Heard::NothingOfLost {
            self.acks().learn(side, key, fate, heard, by, 0);
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
        let now = self.script.now();
        let done = self.peer(side).cluster().write(index, &operation, now);
        match done {
            Ok(written) => {
                // A delete of what is not there says nothing about how it went.
                if written.status != 404 {
                    self.acks().learn(side, key, fate, heard, by, now);
                }
                self.noted(side, number, by, || {
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

impl Acks {
    /// Takes up what became of a write, as far as its writer knows.
    pub(super) fn learn(
        &mut self,
        side: Side,
        key: (String, String),
        fate: &Fate,
        heard: Heard,
        by: By,
        now: u64,
    ) {
        let maybe = |log: &Log| {
            let mut states = log.get(&key).map_or_else(|| vec![None], Fate::states);
            states.extend(fate.states());
            Fate::Unknown(states)
        };
        if side == Side::Source {
            let known = if heard == Heard::Answer { fate.clone() } else { maybe(&self.on_source) };
            self.on_source.insert(key.clone(), known);
        }
        // What a pod wrote behind the freeze is nobody's claim on the target: either state is right there.
        let known = if heard == Heard::Answer && by == By::Users { fate.clone() } else { maybe(&self.log) };
        if by == By::Straggler {
            self.straggled.insert(key.clone());
        } else if heard == Heard::Answer {
            self.noted.push(noted(&key.0, &key.1, fate, now));
        }
        self.log.insert(key, known);
    }
}

/// One acknowledged write as the log of a real run has it.
fn noted(index: &str, name: &str, fate: &Fate, ms: u64) -> Acknowledged {
    let (now, content) = match fate {
        Fate::Present(value) if tables::table_of(index).is_some() => {
            (Now::Stored, Some(format!("value={value}")))
        }
        Fate::Present(source) => (Now::Stored, content_of(source.as_bytes())),
        Fate::Absent(_) | Fate::Unknown(_) => (Now::Gone, None),
    };
    Acknowledged { item: item(index, name), now, content, ms }
}

/// A document or a row as real runs name it.
pub(crate) fn item(index: &str, name: &str) -> Item {
    if let Some(table) = tables::table_of(index) {
        return tables::item(table, name);
    }
    let (id, routing) = placed(name);
    Item::Elasticsearch {
        index: index.to_owned(),
        id: id.to_owned(),
        routing: routing.map(ToOwned::to_owned),
    }
}
