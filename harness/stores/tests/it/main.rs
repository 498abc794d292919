//! Comparison against a real PostgreSQL, and against a fake Elasticsearch that behaves badly on purpose.

mod elasticsearch_killed;
mod elasticsearch_passes;
mod elasticsearch_real;
mod elasticsearch_rights;
mod fake_elasticsearch;
mod postgres_clean;
mod postgres_corruptions;
mod postgres_server;
mod pressure;
mod schema;
