//! The verdict in plain words, for people who decide and do not read checks.

use crate::choice::{actionable, exit_code};
use drydock_core::{ExitCode, Outcome, Summary};

/// How a verdict looks: never by colour alone, always with a sign and a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubt,
}

impl Tone {
    pub(super) fn of_exit(exit: ExitCode) -> Self {
        match exit {
            ExitCode::Equal => Self::Good,
            ExitCode::Different | ExitCode::RollbackFailed | ExitCode::BudgetMissed => Self::Bad,
            ExitCode::NotProven | ExitCode::CouldNotRun | ExitCode::Interrupted | ExitCode::Usage => {
                Self::Doubt
            }
        }
    }

    pub(super) fn of_outcome(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Equal | Outcome::Expected => Self::Good,
            Outcome::NotAsked | Outcome::NotProven => Self::Doubt,
            Outcome::Different => Self::Bad,
        }
    }

    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }

    pub(super) fn sign(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Bad => "✕",
            Self::Doubt => "?",
        }
    }
}

/// What the verdict means for whoever decides on the migration.
pub(super) fn meaning(summary: &Summary) -> &'static str {
    let planted = !summary.planted.is_empty();
    match exit_code(summary) {
        ExitCode::Equal => {
            "Of everything that was compared, nothing is missing, changed or too much beyond what was expected. \
             This run gives no reason against the migration. What it did not look at is listed below."
        }
        ExitCode::Different if planted => {
            "Losses were planted on purpose in this run, to show that they are noticed. It must end red, and it did. \
             It says nothing against the migration itself beyond what is listed besides the planted losses."
        }
        ExitCode::Different if actionable(summary).all(|j| j.finding.outcome != Outcome::Different) => {
            "A step of the migration failed. Do not migrate in this way before the failure is understood."
        }
        ExitCode::Different => {
            "Something is missing, changed or too much after the migration. \
             Do not migrate in this way before every difference below is explained or mended."
        }
        ExitCode::NotProven => {
            "Something that was asked for could not be compared. This run is no evidence for the migration, \
             and none against it: mend what kept it from being compared, and run it again."
        }
        ExitCode::BudgetMissed => {
            "Everything that was compared arrived, but users would wait longer than allowed. \
             Shorten the outage, or agree on a longer one."
        }
        ExitCode::CouldNotRun => {
            "The rehearsal could not be carried out. It says nothing about the migration: \
             mend its surroundings, and run it again."
        }
        ExitCode::RollbackFailed => {
            "The way back did not restore the state before the cutover. Do not migrate before it does."
        }
        ExitCode::Interrupted => {
            "The run was cut short. What it found until then is listed below; of the rest it says nothing."
        }
        ExitCode::Usage => "The command or an input file was wrong; nothing was done.",
    }
}

/// The name of a group of checks, from the first part of their names.
pub(super) fn group(check: &str) -> &str {
    match check.split_once('/').map_or(check, |(group, _)| group) {
        "elasticsearch" => "Elasticsearch",
        "postgres" => "PostgreSQL",
        "keycloak" => "Keycloak",
        "preflight" => "Before the migration",
        "harmless" => "Harmlessness of the trial",
        "helm" => "Helm values",
        "objects" => "Objects of the cluster",
        "cluster" => "Cluster",
        "scripts" => "Official scripts",
        _ => "Migration as a whole",
    }
}

/// The name of a phase, from the first part of its steps' ids.
pub(super) fn phase(step: &str) -> String {
    let first = step.split_once('/').map_or(step, |(first, _)| first);
    match first {
        "prepare" => "Prepare",
        "estimate" => "Trial",
        "chart" => "Chart upgrade",
        "phase-1" => "1 Deploy targets",
        "phase-2" => "2 First backup",
        "phase-3" => "3 Cutover",
        "phase-4" => "4 Validation",
        "phase-5" => "5 Clean-up",
        "conclude" => "Conclude",
        other => return other.to_owned(),
    }
    .to_owned()
}
