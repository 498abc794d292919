//! Reports of a run, all made from its summary, which is made from its record: a terminal screen, JSON, Markdown, JUnit and
//! HTML; a trace of it, and all of them in one archive.

mod choice;
mod exit_codes;
mod files;
mod plan;

pub mod drill;
pub mod estimate;
pub mod html;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod matrix;
pub mod pack;
pub mod prometheus;
pub mod proof;
pub mod sarif;
pub mod terminal;
pub mod text;
pub mod trace;

pub use exit_codes::exit_codes;
pub use files::{RebuildError, WritePackError, read_record, rebuild, write_all, write_pack, write_page};
pub use plan::plan_text;
