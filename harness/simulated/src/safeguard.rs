//! What the procedure relies on, each of it with a way to take it away. A safeguard whose absence breaks no promise protects
//! nothing, or nothing that is looked at here.

use drydock_core::scenario::{CreateIndices, Delta, MigrationSpec, Mover};
use drydock_migration::Without;
use std::fmt;

/// One safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safeguard {
    /// The application is stopped for the cutover.
    Freeze,
    /// Requests under way are waited for before the source counts as frozen.
    FreezeWait,
    /// The guard in front of the clean-up: what it refuses is not done.
    CleanupGuard,
    /// The guard looks at the source again instead of believing what was compared.
    SecondLook,
    /// Who resumes a run lets users in where the way back left them.
    Whereabouts,
    /// A run that was given up is not gone on with.
    GivenUp,
    /// A way back tells which writes it loses.
    Fates,
    /// What was seen before users were let in is not looked at again by who resumes the run.
    SeenBefore,
    /// Client programs that a killed life left behind are ended before the run goes on.
    Orphans,
    /// One of the driver's own.
    Driver(Without),
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Self; 31] = [
        Self::Freeze,
        Self::FreezeWait,
        Self::CleanupGuard,
        Self::SecondLook,
        Self::Whereabouts,
        Self::GivenUp,
        Self::Fates,
        Self::SeenBefore,
        Self::Orphans,
        Self::Driver(Without::Refresh),
        Self::Driver(Without::DeletePropagation),
        Self::Driver(Without::DropPropagation),
        Self::Driver(Without::Operations),
        Self::Driver(Without::LowerVersions),
        Self::Driver(Without::CountComparison),
        Self::Driver(Without::Settings),
        Self::Driver(Without::Flush),
        Self::Driver(Without::Replicas),
        Self::Driver(Without::Aliases),
        Self::Driver(Without::Templates),
        Self::Driver(Without::Objects),
        Self::Driver(Without::Marks),
        Self::Driver(Without::BulkAnswers),
        Self::Driver(Without::CopyAnswers),
        Self::Driver(Without::LateCopies),
        Self::Driver(Without::ExitCodes),
        Self::Driver(Without::PartialTables),
        Self::Driver(Without::Alone),
        Self::Driver(Without::Anew),
        Self::Driver(Without::Sequences),
        Self::Driver(Without::Sessions),
    ];

    /// Name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::FreezeWait => "freeze-wait",
            Self::CleanupGuard => "cleanup-guard",
            Self::SecondLook => "second-look",
            Self::Whereabouts => "whereabouts",
            Self::GivenUp => "given-up",
            Self::Fates => "fates",
            Self::SeenBefore => "seen-before",
            Self::Orphans => "orphans",
            Self::Driver(Without::Refresh) => "refresh",
            Self::Driver(Without::DeletePropagation) => "delete-propagation",
            Self::Driver(Without::DropPropagation) => "drop-propagation",
            Self::Driver(Without::Operations) => "operations",
            Self::Driver(Without::LowerVersions) => "lower-versions",
            Self::Driver(Without::CountComparison) => "count-comparison",
            Self::Driver(Without::Settings) => "settings",
            Self::Driver(Without::Flush) => "flush",
            Self::Driver(Without::Replicas) => "replicas",
            Self::Driver(Without::Aliases) => "aliases",
            Self::Driver(Without::Templates) => "templates",
            Self::Driver(Without::Objects) => "objects",
            Self::Driver(Without::Marks) => "marks",
            Self::Driver(Without::BulkAnswers) => "bulk-answers",
            Self::Driver(Without::CopyAnswers) => "copy-answers",
            Self::Driver(Without::LateCopies) => "late-copies",
            Self::Driver(Without::ExitCodes) => "exit-codes",
            Self::Driver(Without::PartialTables) => "partial-tables",
            Self::Driver(Without::Alone) => "alone",
            Self::Driver(Without::Anew) => "anew",
            Self::Driver(Without::Sequences) => "sequences",
            Self::Driver(Without::Sessions) => "sessions",
        }
    }

    /// The safeguard of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Why a procedure never had it; nothing if it has.
    pub(crate) fn lacking_in(self, spec: &MigrationSpec) -> Option<&'static str> {
        let Self::Driver(without) = self else {
            // What ways back and stragglers need is asked for with them.
            return None;
        };
        let exact = spec.reindex == drydock_core::scenario::Reindex::Warm && spec.delta() == Delta::Exact;
        let streams = spec.mover == Mover::Stream;
        let official = spec.create_indices == CreateIndices::Upstream;
        let warm = spec.reindex == drydock_core::scenario::Reindex::Warm;
        let databases = spec.components().iter().any(|c| c.database().is_some());
        match without {
            Without::DeletePropagation
            | Without::DropPropagation
            | Without::Operations
            | Without::LowerVersions
            | Without::Marks
                if !exact =>
            {
                Some("it belongs to the exact delta: name a scenario with reindex: warm and delta: exact")
            }
            Without::BulkAnswers if !exact && !streams => {
                Some("nothing is written with _bulk: name a scenario with mover: stream or delta: exact")
            }
            Without::CopyAnswers | Without::LateCopies if streams => {
                Some("nothing is copied with _reindex: name mover: reindex")
            }
            Without::Replicas if !official => {
                Some("replicas are remembered in the official way alone: name create_indices: upstream")
            }
            Without::Aliases if !warm || official => {
                Some("aliases change hands after a warm copy: name reindex: warm with complete indices")
            }
            Without::Objects if spec.create_indices != CreateIndices::Complete => Some(
                "pipelines and policies are carried with complete indices alone: name create_indices: complete",
            ),
            Without::Settings | Without::Flush | Without::Templates
                if spec.create_indices == CreateIndices::Bare =>
            {
                Some("bare indices are neither eased nor given templates")
            }
            Without::CountComparison if warm && !exact => {
                Some("the official delta compares no counts: name delta: exact or reindex: cold")
            }
            Without::ExitCodes
            | Without::PartialTables
            | Without::Alone
            | Without::Anew
            | Without::Sequences
            | Without::Sessions
                if !databases =>
            {
                Some("it belongs to databases: name a scenario whose components have some")
            }
            _ => None,
        }
    }
}

impl fmt::Display for Safeguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
