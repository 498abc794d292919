//! The four nouns of Drydock: scenario, plan, record and verdict. No I/O happens here: text comes in, values go out, and
//! the record is written to whatever `std::io::Write` the caller opens.

pub mod event;
pub mod exit;
pub mod explain;
pub mod finding;
pub mod glob;
pub mod honesty;
pub mod ledger;
pub mod life;
pub mod names;
pub mod observe;
pub mod plan;
pub mod prediction;
pub mod printable;
pub mod proof;
pub mod record;
pub mod redact;
pub mod rollback;
pub mod scenario;
pub mod summary;
pub mod verdict;

pub use event::{Entry, Event, StepOutcome};
pub use exit::ExitCode;
pub use finding::{Class, Finding, Kind, Outcome, Sample};
pub use honesty::Honesty;
pub use ledger::{Ledger, LedgerLine};
pub use names::{CheckId, Component, RunId, StepId, Store};
pub use plan::{Action, Plan, Step};
pub use proof::{FamilyProof, Ground, Proof, ProofMiss};
pub use record::{Clock, Record, RecordWriter, SystemClock};
pub use redact::Redactor;
pub use scenario::{Scenario, ScenarioError};
pub use summary::Summary;
pub use verdict::Verdict;
