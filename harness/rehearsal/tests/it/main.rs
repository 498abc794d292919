//! The flow on a fake world, and planted losses on real stores.

mod flow;
mod planted;
mod warm;
mod witness;
