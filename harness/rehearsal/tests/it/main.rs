//! The flow on a fake world, and planted losses on real stores.

mod flow;
mod manual;
mod manual_databases;
mod misconfigured;
mod harmless;
mod planted;
mod stream;
mod warm;
mod witness;
