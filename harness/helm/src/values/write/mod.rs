//! Writing migrated values: the user's own text with keys renamed, moved and joined, everything else as it was.

mod items;
mod place;
mod rewrite;

pub use rewrite::{Proposal, WriteError, propose};
