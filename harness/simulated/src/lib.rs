//! The migration in virtual time: the builtin driver, unchanged, between two simulated sides, each an Elasticsearch cluster and a PostgreSQL server, with users who
//! write and requests that go wrong. One seed is one schedule and one outcome, byte for byte.
//!
//! The seams are `drydock_rehearsal::flow::World`, so that the order of steps, kills and resumes is that of real runs, and the
//! transports below the clients of both stores, and whoever runs PostgreSQL's client programs. What is simulated is as small as the promises need; a request that
//! nobody taught the simulator is refused and told. Helm is not simulated.

mod aftermath;
mod api;
mod arena;
mod campaign;
mod chance;
mod clients;
mod clock;
pub mod cluster;
mod corpus;
mod draw;
mod exhaustive;
mod lives;
mod peer;
mod play;
pub mod postgres;
mod promises;
mod rows;
mod safeguard;
pub mod scale;
mod schedule;
mod script;
mod setup;
mod shrink;
mod world;

pub use arena::Arena;
pub use campaign::{Absence, Broken, Campaign, absence, run, run_without_shortening};
pub use corpus::Case;
pub use exhaustive::{Depth, exhaust};
pub use peer::alone;
pub use play::{Ended, Played, play};
pub use promises::Promise;
pub use safeguard::Safeguard;
pub use schedule::{
    Class, Crashes, DOCUMENTS, Early, Event, Heard, Killed, Mishap, Schedule, Side, Stragglers, Trouble,
    WaysBack, What,
};
pub use script::Tracing;
pub use setup::Setup;
pub use shrink::{Shortest, shorten};
