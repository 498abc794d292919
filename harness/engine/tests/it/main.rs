//! A real Camunda on real Elasticsearches. With `DRYDOCK_TEST_CAMUNDA=1`: it fetches 330 MB once and takes minutes.

mod lives;
mod losses;
#[path = "../../../environments/tests/support/processes.rs"]
mod processes;
mod support;
