//! Can people go on? Something of every kind is left under way on the source ([`relay`]), what is under way there is noted
//! ([`Left`]), brought to its end on the target ([`Hands`]), and looked for in what the application shows ([`judge()`]).

mod hands;
mod judge;
mod left;
pub mod relay;
mod stuck;

pub use hands::{Hands, Moved};
pub use judge::{Grounds, finished, judge, not_gone_on};
pub use left::Left;
pub use relay::Relay;
pub use stuck::Stuck;

use crate::deeds::{Promise, Thing};
use drydock_core::names::checks;

/// In which way something goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// A person completes a task.
    Tasks,
    /// A worker completes a job.
    Jobs,
    /// A time comes.
    Timers,
    /// A message arrives.
    Messages,
    /// Somebody resolves an incident.
    Incidents,
    /// A new version is deployed, and an instance of it started.
    Definitions,
}

impl Way {
    /// All of them, in report order.
    pub const ALL: [Self; 6] =
        [Self::Tasks, Self::Jobs, Self::Timers, Self::Messages, Self::Incidents, Self::Definitions];

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Jobs => "jobs",
            Self::Timers => "timers",
            Self::Messages => "messages",
            Self::Incidents => "incidents",
            Self::Definitions => "definitions",
        }
    }

    /// The check that asks for it.
    pub fn check(self) -> &'static str {
        match self {
            Self::Tasks => checks::GO_TASKS,
            Self::Jobs => checks::GO_JOBS,
            Self::Timers => checks::GO_TIMERS,
            Self::Messages => checks::GO_MESSAGES,
            Self::Incidents => checks::GO_INCIDENTS,
            Self::Definitions => checks::GO_DEFINITIONS,
        }
    }

    /// What cannot be done where it fails, for people: `3 of 8 open tasks cannot be completed`.
    fn not_done(self) -> (&'static str, &'static str) {
        match self {
            Self::Tasks => ("open tasks", "cannot be completed"),
            Self::Jobs => ("open jobs", "cannot be completed"),
            Self::Timers => ("timers", "do not fire"),
            Self::Messages => ("messages", "reach nobody"),
            Self::Incidents => ("open incidents", "cannot be resolved"),
            Self::Definitions => ("steps with a new version", "cannot be taken"),
        }
    }

    /// What was done, for people: `3 of 8 open tasks were completed`.
    fn done(self) -> &'static str {
        match self {
            Self::Tasks | Self::Jobs => "were completed",
            Self::Timers => "have fired",
            Self::Messages => "have arrived",
            Self::Incidents => "were resolved",
            Self::Definitions => "were taken",
        }
    }
}

/// What the engine said to one attempt to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It is done.
    Done,
    /// It cannot be, and why.
    Refused(String),
    /// Nobody knows: a request of somebody else about it was not answered.
    Unknown(String),
}

/// One thing that was to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leg {
    /// In which way.
    pub way: Way,
    /// What shows that it has; nothing where the engine made nothing that could.
    pub thing: Option<Thing>,
    /// What that must look like once it has.
    pub promise: Promise,
    /// What the engine said.
    pub said: Said,
}

#[cfg(test)]
mod tests;
