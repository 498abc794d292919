//! Comparison against a real PostgreSQL, and against a fake Elasticsearch that behaves badly on purpose.

mod elasticsearch_real;
mod elasticsearch_rights;
mod fake_elasticsearch;
mod postgres_clean;
mod postgres_corruptions;
mod postgres_majors;
mod postgres_objects;
mod postgres_server;
mod postgres_servers;
mod postgres_tiers;
mod postgres_witness;
mod pressure;
mod schema;
