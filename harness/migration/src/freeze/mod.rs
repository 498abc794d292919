//! The proof that nothing writes to the source any more.
//!
//! Two captures of the positions of both stores, one at the freeze and one after the copy, must agree: sequence numbers
//! of every shard, write counters, files and sequences of every table. Sessions of the application that are still open
//! are told as well, because what is open can write. Between the two a [`Watch`] looks at short intervals, so that whoever wrote
//! and left again has a name and a time.

mod capture;
mod compare;
mod elasticsearch;
mod postgres;
mod watch;

pub use capture::{FreezeWitness, Settled};
pub use compare::{background_work, compare, still_active};
pub use postgres::sessions;
pub use watch::{Seen, Watch};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Positions of both stores of the source at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// By index name.
    pub indices: BTreeMap<String, IndexMark>,
    /// By `database.schema.table`.
    pub tables: BTreeMap<String, TableMark>,
    /// By `database.schema.sequence`: last value and whether it was handed out; no value if it was never used.
    pub sequences: BTreeMap<String, Option<i64>>,
    /// The server's write-ahead log and transactions.
    pub server: Option<ServerMark>,
    /// Open sessions of others than this program.
    pub sessions: Vec<Session>,
    /// Indices that were deleted, as the cluster remembers its last 500, by their identity.
    #[serde(default)]
    pub deleted: BTreeMap<String, Tombstone>,
}

/// What a cluster remembers of a deleted index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Its name.
    pub index: String,
    /// When it was deleted, in milliseconds since 1970 by the cluster's clock.
    pub at_ms: i64,
}

/// Positions of one index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexMark {
    /// Identity of the index: another one under the same name is another index.
    pub uuid: String,
    /// Highest sequence number of each primary shard, by shard number. Every write takes one.
    pub sequence_numbers: BTreeMap<u32, i64>,
    /// Documents indexed since the shards were started.
    pub indexed: u64,
    /// Documents deleted since the shards were started.
    pub deleted: u64,
}

/// Positions of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableMark {
    /// Identity of the table.
    pub oid: u32,
    /// Its file, which a truncation or a rewrite replaces.
    pub file: u32,
    /// Rows inserted since the statistics were reset.
    pub inserted: i64,
    /// Rows updated likewise.
    pub updated: i64,
    /// Rows deleted likewise.
    pub deleted: i64,
}

/// Positions of the whole server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerMark {
    /// Byte position in the write-ahead log.
    pub wal: i64,
    /// The next transaction number.
    pub next_transaction: i64,
    /// When the server was started, in microseconds since 1970: a restart may reset the write counters.
    pub started: i64,
}

/// One open session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Session {
    /// Process number on the server.
    pub pid: i32,
    /// `application_name`.
    pub application: String,
    /// Database.
    pub database: String,
    /// Role.
    pub role: String,
    /// `active`, `idle`, `idle in transaction`…
    pub state: String,
    /// Where its client is: an address, or `a local socket`.
    #[serde(default)]
    pub address: String,
    /// Whether its transaction has written something.
    #[serde(default)]
    pub writes: bool,
}
