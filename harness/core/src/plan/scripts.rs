//! The plan of a migration that the official scripts carry out: their phases in the place of the built-in steps that do the
//! same, and everything that only looks where it was.

use super::{Action, Plan, Service, Step};
use crate::names::{StepId, checks};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A phase of the official scripts that a rehearsal runs. The fifth, the clean-up, stays with the guard of the rehearsal: it
/// removes what is compared and what a way back needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ScriptPhase {
    /// Make or check the targets, application running.
    Deploy,
    /// First dumps and, if asked for, a first copy of the documents, application running.
    Backup,
    /// Stop the application, dump and copy for good.
    Cutover,
    /// The scripts' own look at the result.
    Validate,
    /// The scripts' own way back: the values of before. It is no phase of the way there, and records nothing in their state.
    WayBack,
}

impl ScriptPhase {
    /// Those of the way there, in order.
    pub const ALL: [Self; 4] = [Self::Deploy, Self::Backup, Self::Cutover, Self::Validate];

    /// What hooks, logs and findings call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Deploy => "phase-1",
            Self::Backup => "phase-2",
            Self::Cutover => "phase-3",
            Self::Validate => "phase-4",
            Self::WayBack => "rollback",
        }
    }

    /// Its number, from 1, as the state names it; the way back has none.
    pub fn number(self) -> Option<u8> {
        let place = Self::ALL.iter().position(|phase| *phase == self)?;
        u8::try_from(place + 1).ok()
    }

    /// The script that is the phase.
    pub fn script(self) -> &'static str {
        match self {
            Self::Deploy => "1-deploy-targets.sh",
            Self::Backup => "2-backup.sh",
            Self::Cutover => "3-cutover.sh",
            Self::Validate => "4-validate.sh",
            Self::WayBack => "rollback.sh",
        }
    }

    fn step(self) -> Step {
        let (about, service) = match self {
            Self::Deploy => ("make or check the targets", Service::Up),
            Self::Backup => {
                ("first dumps and, if asked for, the warm copy, application running", Service::Up)
            }
            Self::Cutover => ("stop the pods, final dumps, restores, copy", Service::Down),
            Self::Validate => ("the scripts' own look at the result", Service::Up),
            Self::WayBack => ("restore the values of before", Service::Down),
        };
        Step {
            id: StepId(format!("{}/scripts", self.label())),
            action: Action::RunScript(self),
            service,
            about: format!("{}: {about}", self.script()),
        }
    }
}

/// Puts the phases of the scripts in the place of the steps that they carry out themselves.
pub(super) fn by_scripts(plan: Plan) -> Plan {
    let mut theirs = Plan { steps: Vec::new(), checks: plan.checks };
    for step in plan.steps {
        // Each phase stands where the built-in one has done what the scripts leave to whoever runs them.
        let before: &[ScriptPhase] = match step.action {
            Action::AwaitWrites | Action::SaveConfiguration => &[ScriptPhase::Deploy, ScriptPhase::Backup],
            Action::Pin => &[ScriptPhase::Cutover],
            Action::ValidateHealth => &[ScriptPhase::Validate],
            _ => &[],
        };
        for phase in before {
            if theirs.id_of(Action::RunScript(*phase)).is_none() {
                theirs.steps.push(phase.step());
            }
        }
        if !is_theirs(step.action) {
            theirs.steps.push(step);
        }
    }
    theirs.checks.retain(|check| check.as_str() != checks::PRE_DUMP);
    theirs.check(&checks::SCRIPTS);
    theirs
}

/// Whether the scripts carry a step out themselves.
fn is_theirs(action: Action) -> bool {
    matches!(
        action,
        Action::InitialBackup(_)
            | Action::InitialListing
            | Action::WarmCopy
            | Action::FinalBackup(_)
            | Action::FinalListing
            | Action::WaitTargets
            | Action::CarryRoles
            | Action::Restore(_)
            | Action::CarryGrants(_)
            | Action::CopyIndices
            | Action::CopyDelta
    )
}
