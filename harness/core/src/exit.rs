//! Exit codes, in one place, with their meaning.

use serde::{Deserialize, Serialize};

/// How a command ends. Where several apply, [`ExitCode::worst`] decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitCode {
    /// Everything equal, or different as expected and written down in a ledger.
    Equal,
    /// Data or access differs.
    Different,
    /// The command line or an input file is wrong.
    Usage,
    /// Something that was asked for could not be compared.
    NotProven,
    /// A budget (downtime, RTO, RPO) was missed.
    BudgetMissed,
    /// The rehearsal could not run: tools, space, ports, processes.
    CouldNotRun,
    /// A rollback did not restore the state before.
    RollbackFailed,
    /// Interrupted by the user.
    Interrupted,
}

impl ExitCode {
    /// Every code, by number.
    pub const ALL: [Self; 8] = [
        Self::Equal,
        Self::Different,
        Self::Usage,
        Self::NotProven,
        Self::BudgetMissed,
        Self::CouldNotRun,
        Self::RollbackFailed,
        Self::Interrupted,
    ];

    /// Its name, as `drydock explain` takes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Different => "different",
            Self::Usage => "usage",
            Self::NotProven => "not-proven",
            Self::BudgetMissed => "budget-missed",
            Self::CouldNotRun => "could-not-run",
            Self::RollbackFailed => "rollback-failed",
            Self::Interrupted => "interrupted",
        }
    }

    /// The number the process ends with.
    pub const fn code(self) -> u8 {
        match self {
            Self::Equal => 0,
            Self::Different => 1,
            Self::Usage => 2,
            Self::NotProven => 3,
            Self::BudgetMissed => 4,
            Self::CouldNotRun => 5,
            Self::RollbackFailed => 6,
            Self::Interrupted => 130,
        }
    }

    /// One line for people.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Equal => "everything that was asked for is equal, or differs as a ledger expects",
            Self::Different => "data or access differs: something is missing, changed or too much",
            Self::Usage => "the command line or an input file is wrong; nothing was done",
            Self::NotProven => "something that was asked for could not be compared; nothing is said of it",
            Self::BudgetMissed => "data and access are right, but a budget (downtime, RTO, RPO) was missed",
            Self::CouldNotRun => {
                "the rehearsal could not run (tools, space, ports, processes); no verdict on the migration"
            }
            Self::RollbackFailed => "the way back did not restore the state before the cutover",
            Self::Interrupted => "interrupted before the end; the record says how far it came",
        }
    }

    /// Rank for [`ExitCode::worst`]: a proven loss outranks an environment that broke afterwards, and an environment that
    /// broke outranks what it kept from being compared.
    const fn rank(self) -> u8 {
        match self {
            Self::Equal => 0,
            Self::BudgetMissed => 1,
            Self::NotProven => 2,
            Self::CouldNotRun => 3,
            Self::Different => 4,
            Self::RollbackFailed => 5,
            Self::Usage => 6,
            Self::Interrupted => 7,
        }
    }

    /// The one of two that a pipeline must react to first.
    pub const fn worst(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode;

    #[test]
    fn numbers_are_the_documented_ones() {
        assert_eq!(ExitCode::ALL.map(ExitCode::code), [0, 1, 2, 3, 4, 5, 6, 130]);
    }

    #[test]
    fn a_proven_loss_outranks_a_broken_environment() {
        assert_eq!(ExitCode::CouldNotRun.worst(ExitCode::Different), ExitCode::Different);
        assert_eq!(ExitCode::NotProven.worst(ExitCode::CouldNotRun), ExitCode::CouldNotRun);
        assert_eq!(ExitCode::Equal.worst(ExitCode::Equal), ExitCode::Equal);
    }
}
