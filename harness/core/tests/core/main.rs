//! Scenario, plan, record and verdict, seen from outside.

mod lives;
mod plan;
mod proof;
mod record;
mod rollback;
mod scenario;
mod schema;
mod summary;
mod support;
mod verdict;
