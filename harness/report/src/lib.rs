//! Reports of a run, all made from its summary, which is made from its record: a terminal screen, JSON, Markdown and JUnit.

mod choice;
mod exit_codes;
mod files;
mod plan;

pub mod drill;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod proof;
pub mod sarif;
pub mod terminal;
pub mod text;

pub use exit_codes::exit_codes;
pub use files::{RebuildError, rebuild, write_all};
pub use plan::plan_text;
