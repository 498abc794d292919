//! Clients of the two kinds of store: Elasticsearch over HTTP and PostgreSQL over its wire protocol.
//!
//! Everything above (seeding, moving, comparing, probing) speaks to a store through this crate, so that redaction,
//! time limits and the wording of errors exist once.

pub mod compare;
pub mod elasticsearch;
pub mod endpoint;
pub mod keycloak;
pub mod net;
pub mod postgres;
pub mod transport;
pub mod volumes;

pub use endpoint::{ElasticsearchEndpoint, PostgresEndpoint, StorePair};
