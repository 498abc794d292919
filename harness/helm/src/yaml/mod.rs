//! YAML as Helm reads it, with the place of every key and value.

mod node;
mod read;
mod scalar;

pub use node::{Entry, Hazard, Key, Kind, Node, Origin, Position, Scalar, Style};
pub use read::{YamlError, read_all, read_one};
pub use scalar::resolve;
