//! What the procedure relies on, each of it with a way to take it away. A safeguard whose absence breaks no promise protects
//! nothing, or nothing that is looked at here.

use std::fmt;

/// One safeguard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safeguard {
    /// The application is stopped for the cutover.
    Freeze,
    /// Requests under way are waited for before the source counts as frozen.
    FreezeWait,
    /// What was written is made visible before it is counted and copied.
    Refresh,
    /// Deletes since the warm copy are carried over.
    DeletePropagation,
    /// The target's counts are held against the source's.
    CountComparison,
    /// What was eased for the copy is given back.
    Settings,
    /// Aliases change hands at the end.
    Aliases,
    /// Templates are carried over.
    Templates,
    /// A warm copy is marked before it reads.
    Marks,
    /// What `_bulk` refused of a request is sent again.
    BulkAnswers,
    /// What `_reindex` says of its failures is believed.
    CopyAnswers,
}

impl Safeguard {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Freeze,
        Self::FreezeWait,
        Self::Refresh,
        Self::DeletePropagation,
        Self::CountComparison,
        Self::Settings,
        Self::Aliases,
        Self::Templates,
        Self::Marks,
        Self::BulkAnswers,
        Self::CopyAnswers,
    ];

    /// Name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Freeze => "freeze",
            Self::FreezeWait => "freeze-wait",
            Self::Refresh => "refresh",
            Self::DeletePropagation => "delete-propagation",
            Self::CountComparison => "count-comparison",
            Self::Settings => "settings",
            Self::Aliases => "aliases",
            Self::Templates => "templates",
            Self::Marks => "marks",
            Self::BulkAnswers => "bulk-answers",
            Self::CopyAnswers => "copy-answers",
        }
    }

    /// The safeguard of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

impl fmt::Display for Safeguard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
