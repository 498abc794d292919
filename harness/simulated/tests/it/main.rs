//! The simulation as a whole: promises kept and broken, seeds that repeat themselves, safeguards that are missed.

mod databases;
mod differential;
mod differential_postgres;
mod procedure;
mod promises;
mod safeguards;
mod server;

use drydock_core::Scenario;
use drydock_simulated::{DOCUMENTS, Event, Heard, Safeguard, Schedule, Setup, What};

/// Seeds a test plays. The whole campaigns are run with the command.
pub(crate) const SEEDS: u64 = 40;

pub(crate) const STANDARD: &str = "name: standard\nmigration: {components: [elasticsearch]}\n";
/// Both stores.
pub(crate) const WHOLE: &str = "name: whole\n";
pub(crate) const STREAM: &str = "name: stream\nmigration: {components: [elasticsearch], mover: stream}\n";
pub(crate) const EXACT: &str =
    "name: exact\nmigration: {components: [elasticsearch], reindex: warm, delta: exact}\n";
/// Both stores.
pub(crate) const EXACT_WHOLE: &str = "name: exact\nmigration: {reindex: warm, delta: exact}\n";
pub(crate) const EXACT_STREAM: &str =
    "name: exact\nmigration: {components: [elasticsearch], mover: stream, reindex: warm, delta: exact}\n";
pub(crate) const UPSTREAM: &str =
    "name: upstream\nmigration: {components: [elasticsearch], reindex: warm, delta: upstream}\n";
pub(crate) const AS_UPSTREAM: &str = "name: scripts\nmigration: {components: [elasticsearch], create_indices: upstream, reindex: warm, delta: upstream}\n";

pub(crate) fn setup(yaml: &str, without: Option<Safeguard>) -> Setup {
    let scenario = Scenario::from_yaml("test.yaml", yaml).expect("a scenario");
    Setup::new(&scenario, DOCUMENTS, without).expect("it can be simulated")
}

/// A write that takes 10 ms and is answered.
pub(crate) fn write(at: u64, number: u64, what: What) -> Event {
    Event::Write { at, takes: 10, number, what, heard: Heard::Answer }
}

pub(crate) fn schedule(events: Vec<Event>) -> Schedule {
    Schedule { seed: 5, documents: 12, events }
}
