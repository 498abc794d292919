//! The migration in virtual time: the builtin driver, unchanged, between two simulated Elasticsearch clusters, with users who
//! write and requests that go wrong. One seed is one schedule and one outcome, byte for byte.
//!
//! The seam is the transport below `drydock_stores::elasticsearch::Client`. What is simulated is as small as the promises
//! need; a request that nobody taught the simulator is refused and told. PostgreSQL and Kubernetes are not simulated.

mod api;
mod campaign;
mod chance;
mod clients;
pub mod cluster;
mod peer;
mod play;
mod promises;
mod safeguard;
mod schedule;
mod script;
mod setup;
mod shrink;

pub use campaign::{Absence, Broken, Campaign, absence, run, run_without_shortening};
pub use peer::alone;
pub use play::{Ended, Played, play};
pub use promises::Promise;
pub use safeguard::Safeguard;
pub use schedule::{Class, Crashes, DOCUMENTS, Event, Heard, Killed, Schedule, Side, Trouble, What};
pub use script::Tracing;
pub use setup::Setup;
pub use shrink::{Shortest, shorten};
