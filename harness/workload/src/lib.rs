//! Camunda-shaped seed data, the live writer that acts like Camunda until the freeze, and the probes that notice what
//! a user would notice.

pub mod acknowledged;
pub mod clock;
pub mod elasticsearch;
pub mod fate;
pub mod lines;
pub mod postgres;
pub mod probe;
pub mod probes;
pub mod realm;
pub mod service;
pub mod verify;
pub mod writer;
