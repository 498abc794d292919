//! Scenario, plan, record and verdict, seen from outside.

mod dice;
mod fuzzed;
mod lives;
mod older;
mod plan;
mod proof;
mod record;
mod rollback;
mod scenario;
mod schema;
mod summary;
mod support;
mod verdict;
