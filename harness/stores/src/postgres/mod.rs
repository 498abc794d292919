//! PostgreSQL over its wire protocol.

mod catalog;
mod connect;
mod pin;
mod rows;
mod tls;

pub use catalog::{Access, Catalog, Section, Table, TableKind, quote, read_catalog};
pub use connect::{APPLICATION_NAME, Connection, PostgresError, connect};
pub use pin::{PinnedDatabase, PinnedPg};
pub use rows::for_each_row;
