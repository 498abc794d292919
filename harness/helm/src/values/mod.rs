//! Values parity: what the user supplied for one chart, held against what another chart makes of it.

mod aside;
mod bitnami;
mod chart;
mod complaints;
mod condition;
mod defaults;
mod engine;
mod files;
mod judge;
mod keys;
mod logins;
mod parts;
mod path;
mod report;
mod road;
mod rules;
mod same;
mod schema;
mod secrecy;
mod set;
mod supplied;
mod write;

pub use bitnami::{BitnamiTrace, TraceState, traces};
pub use chart::{ChartError, ChartKeys, Known};
pub use complaints::{Complaint, complaints, written_at};
pub use engine::{Contribution, Fate, Migrated, Migration, migrate};
pub use judge::{Bitnami, KeyVerdict, Subject, ValuesVerdict, judge};
pub use parts::{Provider, StoreParts};
pub use path::{Captures, Path, Pattern, Template};
pub use road::{Road, RoadError, Version};
pub use rules::{Left, Rule, RuleKind, RuleSet, RulesError, Severity};
pub use same::{amount, is_empty, same};
pub(crate) use secrecy::shown;
pub use supplied::{Leaf, Place, SET, Supplied, SuppliedError, Surprise};
pub use write::{Proposal, WriteError, propose};
