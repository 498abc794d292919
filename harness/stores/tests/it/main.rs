//! Comparison against a real PostgreSQL, and against a fake Elasticsearch that behaves badly on purpose.

mod certificates;
mod elasticsearch_access;
mod elasticsearch_killed;
mod elasticsearch_passes;
mod elasticsearch_real;
mod elasticsearch_rights;
mod elasticsearch_server;
mod elasticsearch_tls;
mod fake_elasticsearch;
mod keycloak_corruptions;
mod keycloak_real;
mod opensearch_real;
mod postgres_clean;
mod postgres_corruptions;
mod postgres_majors;
mod postgres_objects;
mod postgres_server;
mod postgres_servers;
mod postgres_tiers;
mod postgres_tls;
mod postgres_witness;
mod pressure;
mod schema;
mod shapes_real;
