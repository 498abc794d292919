//! PostgreSQL over its wire protocol.

mod activity;
mod catalog;
mod connect;
mod pin;
mod rows;
mod tls;
pub mod transport;

pub use activity::{Activity, Movement};
pub use catalog::{
    Access, Catalog, ChangedCollation, Column, Passwords, Place, Section, SequenceUse, Statistics, Table,
    TableKind, quote, read_catalog,
};
pub use connect::{APPLICATION_NAME, Connection, PostgresError, connect};
pub use pin::{DatabaseState, PinnedDatabase, PinnedPg};
pub use rows::for_each_row;
