//! What applications ask of a cluster, derived from the indices that are there, and how two answers are held against each
//! other. Nothing here depends on a version: names are told apart by their aliases, queries follow from mappings.

mod answers;
mod doors;
mod fields;
mod judge;
mod questions;

pub use answers::{Answer, Hit, Page, figures, page};
pub use doors::{Application, Door, doors};
pub use fields::{Leaf, leaves};
pub use judge::{Asked, Behind, judge, unreadable};
pub use questions::{Figure, List, Questions};
