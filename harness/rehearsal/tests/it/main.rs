//! The flow on a fake world, and planted losses on real stores.

mod flow;
mod manual;
mod manual_databases;
mod misconfigured;
mod planted;
mod warm;
mod witness;
