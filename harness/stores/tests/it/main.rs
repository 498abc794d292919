//! Comparison against a real PostgreSQL, and against a fake Elasticsearch that behaves badly on purpose.

mod elasticsearch_real;
mod fake_elasticsearch;
mod pressure;
mod postgres_corruptions;
mod postgres_server;
mod schema;
