//! One rehearsal from beginning to end: the order of things ([`flow`]), the real stores they happen on ([`world`]) and the
//! folder they leave behind ([`folder`]).

pub mod bench;
pub mod clock;
pub mod drill;
pub mod flow;
pub mod folder;
mod given;
pub mod guard;
pub mod judge;
pub mod observe;
mod parts;
pub mod preflight;
pub mod prove;
pub mod recorder;
mod stage;
mod start;
pub mod verify;
mod witness;
pub mod world;

pub use folder::RunFolder;
pub use given::check_given;
pub use recorder::{Observer, Recorder};
pub use start::{
    Keep, RehearsalError, RehearsalOptions, Rehearsed, check_scripts, plan_of, rehearse, resume,
};
pub use witness::Witness;
