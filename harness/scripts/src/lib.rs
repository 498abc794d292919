//! The official migration scripts as a driver: run phase by phase as they are, and held to what they say of themselves.
//!
//! - [`Tree`] is a checkout as somebody has it, looked at and never changed; [`Checkout`] is a run's own copy of it, because the
//!   scripts keep their state beside themselves;
//! - [`Settings`] become the variables that the scripts document;
//! - [`Checkout::watch_hooks`] puts hooks into the documented folder, by which each phase tells where it is;
//! - [`PhaseRun`] runs one phase with a deadline, keeps its output without secrets, and hands on hooks and sections as they come;
//! - [`State`], [`LogLine`] and [`Checkout::summary_of`] read what a phase left behind;
//! - [`judge_phase`] and [`judge_claims`] compare that with what really happened.
//!
//! What the scripts do, and what they do not, is told by their own documentation; nothing of theirs is part of this program.

mod error;
mod hooks;
mod judge;
mod log;
mod run;
mod settings;
mod state;
mod summaries;
mod tail;
mod tools;
mod tree;

pub use error::ScriptsError;
pub use judge::{Judged, judge_claims, judge_phase};
pub use log::{Level, LogLine};
pub use run::{Ended, How, PhaseRun, Told};
pub use settings::{Address, Settings, pg_secret};
pub use state::State;
pub use tools::{TOOLS, Tool, find_tools};
pub use tree::{Checkout, Tree};
