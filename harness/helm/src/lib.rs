//! Helm values, rendered manifests and chart roads of the Camunda platform, compared by meaning. No network and no runtime
//! here: text comes in, findings go out.

pub mod bitnami;
mod check;
pub mod migration;
pub mod objects;
pub mod road;
pub mod topology;
pub mod values;
pub mod yaml;

pub use check::Check;
