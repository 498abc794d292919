//! Scenario, plan, record and verdict, seen from outside.

mod lives;
mod plan;
mod proof;
mod record;
mod scenario;
mod schema;
mod summary;
mod support;
mod verdict;
