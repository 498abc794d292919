//! Users' rows: each in a transaction of its own, on a session that ends with it; pods that keep their session beyond the freeze;
//! and an application that is started on the target too early.

use super::{AGAIN, Application, By, Fate, Gone};
use crate::postgres::{PgPeer, Refusal, Write};
use crate::rows::{place, sequence_of};
use crate::schedule::{Event, Heard, Side, What};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// A transaction is open so long between its statement and its commit.
const THINKING: Duration = Duration::from_millis(3);
/// Tries of a write that is not answered, or kept waiting.
const TRIES: u32 = 60;
/// What a pod keeps its session open after the freeze.
const GRACE: Duration = Duration::from_secs(30);
/// An application that was started too early works so long.
const EARLY: Duration = Duration::from_secs(2);
/// It waits so long at most for the restore.
const RESTORED_SOON_MS: u64 = 1_000;
/// Between two looks whether there is one.
const MOMENT: Duration = Duration::from_millis(5);
/// Between two tries of it.
const SOON: Duration = Duration::from_millis(40);

/// Why a row was not written.
enum Miss {
    /// Nobody answers, or somebody else holds the row: again in a moment.
    Again,
    /// It is refused for good.
    Refused(Refusal),
}

/// The database of a table written as `database.table`, and its name.
fn parts(table: &str) -> (&str, &str) {
    table.split_once('.').unwrap_or(("", table))
}

/// Writes what is asked in the open transaction of a session. Returns the key, and what it became; nothing if there was nothing to do.
fn statement(
    peer: &PgPeer,
    session: i32,
    number: u64,
    what: &What,
) -> Result<Option<(String, Fate)>, Refusal> {
    let mut server = peer.server();
    let value: Arc<str> = format!("write {number}").into();
    let (table, key, write) = match what {
        What::Save { table, key } => {
            let name = parts(table).1;
            let there = server.read(session, name, key)?.is_some();
            let value = Arc::clone(&value);
            (name, key.clone(), if there { Write::Update(value) } else { Write::Insert(value) })
        }
        What::Number { table } => {
            let name = parts(table).1;
            let key = server.nextval(session, &sequence_of(name))?.to_string();
            (name, key, Write::Insert(Arc::clone(&value)))
        }
        What::Remove { table, key } => (parts(table).1, key.clone(), Write::Delete),
        What::Put { .. } | What::Delete { .. } | What::Archive { .. } | What::Drop { .. } => return Ok(None),
    };
    let fate = match write {
        Write::Delete => Fate::Absent(Gone::Deleted),
        Write::Insert(_) | Write::Update(_) => Fate::Present(value),
    };
    let rows = server.write(session, table, &key, &write)?;
    Ok((rows > 0).then_some((key, fate)))
}

impl Application {
    /// One try of a user's write.
    async fn one_row(&self, side: Side, number: u64, what: &What, heard: Heard) -> Result<(), Miss> {
        let Some(table) = what.table() else { return Ok(()) };
        let database = parts(table).0;
        let peer = self.server(side);
        if peer.is_away() {
            return Err(Miss::Again);
        }
        if heard == Heard::NothingOfLost {
            self.script.tell(|| format!("user    write {number} of {table} is lost on its way"));
            return Ok(());
        }
        let opened = peer.server().open(database, database, &format!("camunda-{database}"));
        let session = opened.map_err(|_| Miss::Again)?;
        let done = {
            let begun = peer.server().begin(session);
            begun.and_then(|()| statement(peer, session, number, what))
        };
        let done = match done {
            Ok(done) => done,
            Err(refusal) => {
                peer.server().close(session);
                return Err(if refusal.code == "55P03" { Miss::Again } else { Miss::Refused(refusal) });
            }
        };
        tokio::time::sleep(THINKING).await;
        // A server that was killed meanwhile took the transaction along.
        let committed = peer.server().commit(session);
        peer.server().close(session);
        match committed {
            Ok(true) => self.learn_row(side, number, table, done, heard, By::Users),
            Ok(false) | Err(_) => return Err(Miss::Again),
        }
        Ok(())
    }

    fn learn_row(
        &self,
        side: Side,
        number: u64,
        table: &str,
        done: Option<(String, Fate)>,
        heard: Heard,
        by: By,
    ) {
        // A delete of what is not there wrote nothing.
        let Some((key, fate)) = done else { return };
        let now = self.script.now();
        self.acks().learn(side, (place(table), key.clone()), &fate, heard, by, now);
        self.noted(side, number, by, || format!("{table}/{key} is committed"));
    }

    pub(super) async fn carry_out_row(&self, side: Side, number: u64, what: &What, heard: Heard) {
        for _ in 0..TRIES {
            match self.one_row(side, number, what, heard).await {
                Ok(()) => return,
                Err(Miss::Again) => {
                    self.script.refused();
                    tokio::time::sleep(AGAIN).await;
                }
                Err(Miss::Refused(refusal)) => {
                    self.script.refused();
                    let side = side.as_str();
                    self.script
                        .tell(|| format!("user    write {number} on the {side} is refused: {refusal}"));
                    return;
                }
            }
        }
    }

    /// Fills one row before users come.
    pub(crate) fn seed_row(&self, number: u64, what: &What) {
        let Some(table) = what.table() else { return };
        let database = parts(table).0;
        let peer = self.server(Side::Source);
        let opened = peer.server().open(database, database, "seed");
        let Ok(session) = opened else { return };
        let done = statement(peer, session, number, what);
        peer.server().close(session);
        self.learn_row(Side::Source, number, table, done.ok().flatten(), Heard::Answer, By::Users);
    }

    /// Opens the sessions of pods that will not end when they are told to.
    pub(super) fn open_lasting(&self, events: &[Event]) {
        for event in events {
            let Event::Straggle { number, what, .. } = event else { continue };
            let Some(table) = what.table() else { continue };
            let database = parts(table).0;
            let opened = self.server(Side::Source).server().open(database, database, "camunda-straggler");
            if let Ok(session) = opened {
                self.lasting.lock().unwrap_or_else(PoisonError::into_inner).insert(*number, session);
            }
        }
    }

    /// Whether a pod's session is open on the source.
    pub(crate) fn lasting_sessions(&self) -> Vec<i32> {
        let sessions = self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        let server = self.server(Side::Source).server();
        sessions.values().copied().filter(|session| server.is_open(*session)).collect()
    }

    /// A pod writes on the session it kept, and is ended some time later.
    pub(super) async fn straggle_row(&self, number: u64, what: &What) {
        let Some(table) = what.table() else { return };
        let session = self.lasting.lock().unwrap_or_else(PoisonError::into_inner).get(&number).copied();
        let peer = self.server(Side::Source);
        let Some(session) = session.filter(|session| peer.server().is_open(*session)) else {
            self.script.tell(|| format!("pod     write {number} finds its session ended"));
            return;
        };
        match statement(peer, session, number, what) {
            Ok(done) => self.learn_row(Side::Source, number, table, done, Heard::Answer, By::Straggler),
            Err(refusal) => self.script.tell(|| format!("pod     write {number} is refused: {refusal}")),
        }
        tokio::time::sleep(GRACE).await;
        peer.server().close(session);
    }

    /// An application is started on the target while its database is restored: it makes a row of its own, in a table that arrives or in
    /// one of its own, and is stopped again.
    pub(crate) fn start_early(self: &Arc<Self>, database: &str, events: &[Event]) {
        for event in events {
            let Event::Early { after, number, table } = event.clone() else { continue };
            if parts(&table).0 != database {
                continue;
            }
            let application = Arc::clone(self);
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(after)).await;
                application.work_early(number, &table).await;
            });
        }
    }

    async fn work_early(&self, number: u64, table: &str) {
        let (database, name) = parts(table);
        let peer = self.server(Side::Target);
        // What is there while the database is restored is what the driver promises to notice: who comes later finds a whole
        // database, as users do, and is told by the comparison alone.
        let come = self.script.now();
        while !peer.server().is_restored(database) {
            if self.script.now() > come + RESTORED_SOON_MS {
                return;
            }
            tokio::time::sleep(MOMENT).await;
        }
        let opened = peer.server().open(database, database, "camunda-early");
        let Ok(session) = opened else { return };
        self.script.tell(|| format!("early   an application works on {database} of the target"));
        let key = format!("early{number}");
        let begun = self.script.now();
        while self.script.now() < begun + 2_000 {
            let value = Write::Insert(format!("write {number}").into());
            let done = {
                let mut server = peer.server();
                // What the source has not, its application makes on the target when it starts.
                let made =
                    if crate::rows::is_known(table) { Ok(()) } else { server.make_table(session, name) };
                made.and_then(|()| server.write(session, name, &key, &value))
            };
            if done.is_ok() {
                self.script.tell(|| format!("early   {table}/{key} is made"));
                break;
            }
            tokio::time::sleep(SOON).await;
        }
        tokio::time::sleep(EARLY).await;
        peer.server().close(session);
    }
}
