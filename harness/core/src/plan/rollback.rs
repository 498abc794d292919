//! A cutover that is gone back from: its steps up to the one it is left at, then the way back.
//!
//! What can be looked at while users work is looked at before the application stops, so that they wait for nothing but the
//! stop and the start.

use super::{Action, Plan, Step};
use crate::names::{CheckId, StepId, checks};
use crate::rollback::Stage;
use crate::scenario::{RollbackSpec, Scenario};

impl Plan {
    /// The steps of a cutover that can be gone back from, in order: those of the phases, without those that only wait.
    pub fn ways_back(&self) -> Vec<&StepId> {
        let phases = self.steps.iter().filter(|s| s.id.as_str().starts_with("phase-"));
        phases.filter(|s| s.action != Action::AwaitWrites).map(|s| &s.id).collect()
    }

    /// Where the application stands once a step of this plan is done.
    pub fn stage_at(&self, step: &StepId) -> Option<Stage> {
        let position = |wanted: &dyn Fn(&Step) -> bool| self.steps.iter().position(wanted);
        let at = position(&|s| s.id == *step)?;
        let reached = |action| position(&|s: &Step| s.action == action).is_some_and(|p| p <= at);
        Some(match (reached(Action::Freeze), reached(Action::Switch)) {
            (_, true) => Stage::OnTarget,
            (true, false) => Stage::Closed,
            (false, false) => Stage::OnSource,
        })
    }
}

/// The cutover up to the step it is left at, then the way back.
pub(super) fn back_from(whole: Plan, scenario: &Scenario, spec: &RollbackSpec) -> Plan {
    let stage = whole.stage_at(&spec.from).unwrap_or(Stage::OnSource);
    let last = whole.steps.iter().position(|s| s.id == spec.from).unwrap_or(whole.steps.len());
    let Plan { steps, checks: asked } = whole;
    let mut plan = Plan { steps: Vec::new(), checks: Vec::new() };
    let mut conclusion = Vec::new();
    for (at, step) in steps.into_iter().enumerate() {
        let action = step.action;
        if matches!(action, Action::StopWorkload | Action::TearDown) {
            conclusion.push(step);
            continue;
        }
        // Before the freeze the source is held against itself while users' writes wait: there is nothing to wait for.
        if at > last || (stage == Stage::OnSource && action == Action::AwaitWrites) {
            continue;
        }
        plan.steps.push(step);
        match (stage, action) {
            (Stage::OnSource, Action::StartWorkload) => {
                let about = "describe the source; users read, their writes wait";
                plan.up("rollback/baseline", Action::MeasureBefore, about);
            }
            (Stage::Closed | Stage::OnTarget, Action::Freeze) => {
                let about = "describe the frozen source: what going back must bring back";
                plan.down("rollback/baseline", Action::DescribeFrozen, about);
            }
            (_, Action::SaveConfiguration) if at < last => {
                let about = "look whether what was saved for the way back can be used";
                plan.up("rollback/captured", Action::CheckArtefacts, about);
            }
            _ => {}
        }
    }
    way_back(&mut plan, stage, spec);
    plan.steps.extend(conclusion);
    plan.checks = asked_of(&plan, asked, scenario, stage);
    plan
}

fn way_back(plan: &mut Plan, stage: Stage, spec: &RollbackSpec) {
    let look = "look whether everything is there that the way back needs";
    let hold = "hold the source against what it was when it was frozen";
    let compare = "users work on the source: what they find, what of their writes is lost";
    match stage {
        Stage::OnSource => {
            plan.up("rollback/artefacts", Action::CheckArtefacts, look);
            let hold = "hold the source against what it was; users write again";
            plan.up("rollback/hold", Action::MeasureAfter, hold);
        }
        Stage::Closed => {
            plan.down("rollback/artefacts", Action::CheckArtefacts, look);
            plan.down("rollback/hold", Action::HoldAgainstBaseline, hold);
            plan.down("rollback/switch", Action::SwitchBack, "start the application on the source again");
        }
        Stage::OnTarget => {
            plan.up("rollback/artefacts", Action::CheckArtefacts, look);
            if spec.after_writes > 0 {
                let about = format!("users make exactly {} writes on the target", spec.after_writes);
                plan.up("rollback/work", Action::WorkOnTarget, about);
            }
            if plan.id_of(Action::CleanupSource).is_some() {
                let about = "start the stores of the source where the clean-up stopped them";
                plan.up("rollback/restart-source", Action::StartSource, about);
            }
            plan.up("rollback/hold", Action::HoldAgainstBaseline, hold);
            plan.down("rollback/close", Action::CloseTarget, "stop the application on the target");
            plan.down("rollback/switch", Action::SwitchBack, "start the application on the source again");
        }
    }
    plan.up("rollback/compare", Action::CompareBack, compare);
}

/// Of the checks of the whole cutover those whose step is still there, and those of the way back.
fn asked_of(plan: &Plan, asked: Vec<CheckId>, scenario: &Scenario, stage: Stage) -> Vec<CheckId> {
    let has = |wanted: fn(&Action) -> bool| plan.steps.iter().any(|s| wanted(&s.action));
    let validated = has(|a| matches!(a, Action::ValidateTargets));
    let dumped = has(|a| matches!(a, Action::InitialBackup(_)));
    let compared = has(|a| matches!(a, Action::Compare));
    let went_on = has(|a| matches!(a, Action::GoOn));
    let mut kept: Vec<CheckId> = asked
        .into_iter()
        .filter(|check| match check.as_str() {
            checks::PRE_DUMP => dumped,
            // Whoever goes back has run some of them.
            checks::SC_PHASES => true,
            checks::FREEZE => stage != Stage::OnSource,
            checks::DOWNTIME => stage == Stage::OnTarget,
            further if checks::GOING_ON.contains(&further) => went_on,
            preflight if checks::PREFLIGHT.contains(&preflight) => validated,
            _ => compared,
        })
        .collect();
    let watched = scenario.workload.probes_per_second > 0;
    let wrote = scenario.has_writing_users();
    let of_way_back = checks::ROLLBACK.into_iter().filter(|check| match *check {
        checks::RB_SERVICE => watched,
        checks::RB_WRITES => wrote,
        _ => true,
    });
    kept.extend(of_way_back.map(CheckId::from));
    let returned = has(|a| matches!(a, Action::SwitchBack));
    if returned && scenario.camunda().is_some() {
        kept.push(CheckId::from(checks::APP_WAY_BACK));
    }
    if returned && scenario.has_real_keycloak() {
        kept.push(CheckId::from(checks::KC_WAY_BACK));
    }
    kept
}

/// Whether a step belongs to the way back.
pub(crate) fn is_way_back(step: &StepId) -> bool {
    step.as_str().starts_with("rollback/")
}
