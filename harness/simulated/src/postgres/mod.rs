//! A PostgreSQL server as small as the promises need: databases, tables of keys and values, transactions, sequences, sessions, a crash;
//! the protocol, so that the driver's own client talks to it; and the programs that dump and restore.

mod answers;
mod archive;
mod dump;
mod peer;
mod programs;
mod restore;
mod server;
mod statements;
mod transaction;
mod wire;

pub use peer::{Pair, pair};
pub use server::{Database, Databases, Refusal, Sequence, Server, Table, Tally};
pub use transaction::Write;

pub(crate) use peer::PgPeer;
pub(crate) use programs::Workshop;

/// The role that made the server.
pub(crate) const SUPERUSER: &str = "postgres";
/// The database that is always there.
pub(crate) const MAINTENANCE: &str = "postgres";
/// Names of this program's sessions begin so.
pub(crate) const OWN: &str = "drydock";
