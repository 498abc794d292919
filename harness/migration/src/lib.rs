//! The migration itself: the five phases of the official procedure, the proof that the source is frozen, and losses
//! planted on purpose.
//!
//! PostgreSQL is moved with `pg_dump` and `pg_restore` and the flags of the official scripts, or by hand with roles, owners and
//! rights; Elasticsearch with one server-side `_reindex` from remote for each index, a stream, a snapshot, or files. Every
//! step can be carried out again after it was cut short.

pub mod artefacts;
mod context;
mod driver;
mod elasticsearch;
mod error;
pub mod fault;
pub mod freeze;
mod postgres;
pub mod preflight;
mod program;
pub mod programs;
mod targets;
mod way_back;
mod without;

pub use context::{Attempt, Facts, MigrationContext, Reporter};
pub use driver::BuiltinDriver;
pub use elasticsearch::forget_warm_copy;
pub use error::MigrationError;
pub use without::{Lacking, Without};
