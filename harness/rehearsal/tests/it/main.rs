//! The flow on a fake world, and planted losses on real stores.

mod failures;
mod flow;
mod harmless;
mod manual;
mod manual_databases;
mod misconfigured;
mod planted;
mod stream;
mod support;
mod warm;
mod witness;
