//! What a simulated server is made of: roles, databases, tables, sequences, and the sessions that are open on it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use tokio::sync::Notify;

/// Numbers that `nextval` logs in advance, and that a crash therefore takes.
const LOGGED_AHEAD: i64 = 32;

/// Why something is refused, as the server words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Of a session that is no more.
    pub(super) fn gone() -> Self {
        Self::new("57P01", "terminating connection due to administrator command")
    }

    /// Of a transaction of which a statement failed before.
    pub(super) fn aborted() -> Self {
        let words = "current transaction is aborted, commands ignored until end of transaction block";
        Self::new("25P02", words)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (SQLSTATE {})", self.message, self.code)
    }
}

/// How often rows were written: as the server counts them, those of undone transactions among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows inserted.
    pub inserted: i64,
    /// Rows updated.
    pub updated: i64,
    /// Rows deleted.
    pub deleted: i64,
}

impl Tally {
    pub(super) fn add(&mut self, other: Self) {
        self.inserted += other.inserted;
        self.updated += other.updated;
        self.deleted += other.deleted;
    }
}

/// A table: rows of a key and a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    /// Identity, another one for each table ever made.
    pub oid: u32,
    /// What was committed: without a primary key one key may stand there several times.
    pub rows: BTreeMap<String, Vec<Arc<str>>>,
    /// Whether its primary key is there, which a restore makes last.
    pub keyed: bool,
    /// What was written since the server's figures were reset.
    pub tally: Tally,
}

/// A sequence. It takes no part in transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// The last number, or the first one where none was given out.
    pub last: i64,
    /// Whether that number was given out.
    pub called: bool,
    /// Up to where the log allows numbers to have been given out.
    logged: i64,
}

impl Default for Sequence {
    fn default() -> Self {
        Self::set(1, false)
    }
}

impl Sequence {
    /// One that was set to a number.
    pub fn set(last: i64, called: bool) -> Self {
        Self { last, called, logged: if called { last } else { last - 1 } }
    }

    /// The next number.
    pub fn next(&self) -> i64 {
        if self.called { self.last + 1 } else { self.last }
    }

    /// Gives out the next number, and tells whether the log was written to.
    pub(super) fn take(&mut self) -> (i64, bool) {
        let next = self.next();
        (self.last, self.called) = (next, true);
        let logs = self.logged < next;
        if logs {
            self.logged = next + LOGGED_AHEAD;
        }
        (next, logs)
    }

    fn recover(&mut self) {
        if self.called {
            self.last = self.last.max(self.logged);
        }
        self.logged = self.last;
    }
}

/// A database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Database {
    /// The role that owns it.
    pub owner: String,
    /// Tables of the schema `public`.
    pub tables: BTreeMap<String, Table>,
    /// Sequences of the schema `public`.
    pub sequences: BTreeMap<String, Sequence>,
}

/// What a server holds, by name.
pub type Databases = BTreeMap<String, Database>;

/// A transaction that is open.
#[derive(Debug, Clone, Default)]
pub(super) struct Transaction {
    /// What it wrote, by table and key; nothing for a row that it removed.
    pub(super) writes: BTreeMap<(String, String), Option<Arc<str>>>,
    pub(super) tallies: BTreeMap<String, Tally>,
    /// Whether one of its statements failed.
    pub(super) failed: bool,
    /// Whether it was given a number.
    pub(super) numbered: bool,
}

/// A session of a client.
#[derive(Debug, Clone)]
pub(super) struct Backend {
    pub(super) database: String,
    pub(super) role: String,
    pub(super) application: String,
    /// Whether a program restores a dump on it.
    pub(super) restores: bool,
    pub(super) transaction: Option<Transaction>,
    /// Told when the session is ended from elsewhere.
    pub(super) ended: Arc<Notify>,
}

/// One server.
#[derive(Debug, Default)]
pub struct Server {
    /// What was committed.
    pub databases: Databases,
    pub(super) roles: BTreeSet<String>,
    pub(super) backends: BTreeMap<i32, Backend>,
    last_pid: i32,
    last_oid: u32,
    /// Transactions that were given a number.
    pub(super) transactions: i64,
    /// Bytes of its log.
    pub(super) wal: i64,
    /// When it was started, in microseconds of the simulation.
    pub(super) started: i64,
}

impl Server {
    /// A server with its first role and its own database.
    pub fn new() -> Self {
        let mut server = Self { last_oid: 16_383, ..Self::default() };
        server.roles.insert(super::SUPERUSER.into());
        server.databases.insert(super::MAINTENANCE.into(), Database::default());
        server
    }

    /// Opens a session. It is known by the number that comes back until it is closed, or ended by somebody else.
    ///
    /// # Errors
    /// There is no such role, or no such database.
    pub fn open(&mut self, database: &str, role: &str, application: &str) -> Result<i32, Refusal> {
        if !self.roles.contains(role) {
            return Err(Refusal::new("28P01", format!("password authentication failed for user \"{role}\"")));
        }
        if !self.databases.contains_key(database) {
            return Err(Refusal::new("3D000", format!("database \"{database}\" does not exist")));
        }
        self.last_pid += 1;
        let backend = Backend {
            database: database.to_owned(),
            role: role.to_owned(),
            application: application.to_owned(),
            restores: false,
            transaction: None,
            ended: Arc::new(Notify::new()),
        };
        self.backends.insert(self.last_pid, backend);
        Ok(self.last_pid)
    }

    /// Closes a session; its open transaction is undone.
    pub fn close(&mut self, session: i32) {
        if self.is_open(session) {
            self.undo(session);
            self.backends.remove(&session);
        }
    }

    /// A dump is restored on a session from now on, until it is closed.
    pub(super) fn restores(&mut self, session: i32) {
        if let Some(backend) = self.backends.get_mut(&session) {
            backend.restores = true;
        }
    }

    /// Whether a session is open.
    pub fn is_open(&self, session: i32) -> bool {
        self.backends.contains_key(&session)
    }

    /// Told when the session is ended from elsewhere.
    pub(super) fn ended(&self, session: i32) -> Option<Arc<Notify>> {
        self.backends.get(&session).map(|b| Arc::clone(&b.ended))
    }

    pub(super) fn backend(&self, session: i32) -> Result<&Backend, Refusal> {
        self.backends.get(&session).ok_or_else(Refusal::gone)
    }

    /// The database of a session.
    pub(super) fn database_of(&mut self, session: i32) -> Result<&mut Database, Refusal> {
        let name = self.backend(session)?.database.clone();
        self.databases.get_mut(&name).ok_or_else(Refusal::gone)
    }

    /// Makes a role; one that is there stays.
    pub fn make_role(&mut self, role: &str) {
        self.roles.insert(role.to_owned());
    }

    /// Makes an empty database.
    ///
    /// # Errors
    /// It is there, or its owner is not.
    pub fn make_database(&mut self, name: &str, owner: &str) -> Result<(), Refusal> {
        if self.databases.contains_key(name) {
            return Err(Refusal::new("42P04", format!("database \"{name}\" already exists")));
        }
        if !self.roles.contains(owner) {
            return Err(Refusal::new("42704", format!("role \"{owner}\" does not exist")));
        }
        self.databases.insert(name.to_owned(), Database { owner: owner.to_owned(), ..Database::default() });
        Ok(())
    }

    /// Drops a database, if it is there, and ends the sessions on it.
    pub fn drop_database(&mut self, name: &str) {
        let on: Vec<i32> =
            self.backends.iter().filter(|(_, b)| b.database == name).map(|(pid, _)| *pid).collect();
        for session in on {
            self.end(session);
        }
        self.databases.remove(name);
    }

    /// Ends a session from elsewhere.
    pub(super) fn end(&mut self, session: i32) {
        let ended = self.ended(session);
        self.close(session);
        if let Some(ended) = ended {
            ended.notify_one();
        }
    }

    /// Makes a table without rows and without a key, in the database of a session; an earlier one of that name is dropped with what is
    /// in it.
    ///
    /// # Errors
    /// The session was ended.
    pub fn make_table(&mut self, session: i32, name: &str) -> Result<(), Refusal> {
        self.last_oid += 1;
        let oid = self.last_oid;
        self.database_of(session)?.tables.insert(name.to_owned(), Table { oid, ..Table::default() });
        self.log(64);
        Ok(())
    }

    pub(super) fn log(&mut self, bytes: i64) {
        self.wal += bytes;
    }

    /// The server is killed, and recovers from its log: what was not committed is gone, sessions have ended, figures begin at zero
    /// again, and sequences go on behind the numbers that were logged in advance.
    pub fn crash(&mut self, now_ms: u64) {
        self.stop(now_ms);
        for database in self.databases.values_mut() {
            database.sequences.values_mut().for_each(Sequence::recover);
            database.tables.values_mut().for_each(|table| table.tally = Tally::default());
        }
    }

    /// The server is stopped in order: sessions end, what was committed stays, figures as well.
    pub fn stop(&mut self, now_ms: u64) {
        let all: Vec<i32> = self.backends.keys().copied().collect();
        for session in all {
            self.end(session);
        }
        self.started = i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    }
}
