//! A real Camunda in the loop: work in it as people and job workers do, ask it what it shows, and hold both against each
//! other before and after a migration.
//!
//! - [`Session`] is one login at its REST interfaces;
//! - [`processes`] are the models that the work happens in;
//! - [`Worker`] deploys, starts, completes, cancels, claims and resolves at a stated rate, and notes every acknowledged
//!   action with its key ([`deeds`]);
//! - [`answers`] are what the application shows, capability by capability;
//! - [`compare`] holds the answers of two moments against each other, [`cause`] ties what differs to what was found in the
//!   stores, [`fate`] says where each acknowledged key is now, and [`judge()`] makes of all this the checks `application/*`;
//! - [`going_on`] leaves something of every kind under way on the source, brings it to its end on the target, and judges
//!   whether that is shown: the checks `application/going-on/*`;
//! - [`way_back`] says where everything is once people are back on the source: the check `application/way-back`. What the
//!   broker exports once more there is decided by its [`partitions`].
//!
//! Starting a Camunda is the affair of `drydock_environments::Camunda`.

pub mod answers;
pub mod capability;
pub mod cause;
pub mod clock;
pub mod commands;
pub mod compare;
pub mod deeds;
pub mod error;
pub mod fate;
pub mod going_on;
pub mod judge;
mod lists;
pub mod partitions;
pub mod processes;
mod questions;
pub mod session;
mod show;
pub mod way_back;
pub mod worker;

pub use answers::{Answer, Answers};
pub use capability::Capability;
pub use error::EngineError;
pub use judge::{Judged, judge};
pub use questions::Questions;
pub use session::{Doors, Session};
pub use worker::{Pace, Worker};
