//! The ways through the phases besides the plain one: a trial before it, everything told and nothing done, and an upgrade of
//! the chart over the same data.

use super::{Action, Plan, Service, Step};
use crate::names::{CheckId, Component, StepId, checks};
use crate::scenario::Scenario;

/// The trial stands between the backups and the cutover. Users read all the while; their writes wait, so that whatever
/// differs afterwards is the trial's doing.
pub(super) fn estimate_then(mut plan: Plan, scenario: &Scenario) -> Plan {
    let components = scenario.migration.components();
    let mut trial = Plan { steps: Vec::new(), checks: Vec::new() };
    trial.up("estimate/before", Action::MeasureBefore, "describe both sides; users read, their writes wait");
    for c in components.iter().filter(|c| c.database().is_some()) {
        trial.up(
            format!("estimate/backup/{c}"),
            Action::TrialBackup(*c),
            format!("trial pg_dump of {c}, to predict the final one"),
        );
        trial.up(
            format!("estimate/restore/{c}"),
            Action::TrialRestore(*c),
            format!("trial pg_restore of {c} into a database of its own, removed again"),
        );
    }
    if components.contains(&Component::Elasticsearch) {
        trial.up(
            "estimate/elasticsearch",
            Action::TrialCopy,
            "trial copy of a part of the documents into an index of its own, removed again",
        );
    }
    trial.up("estimate/after", Action::MeasureAfter, "describe both sides again; users go on writing");
    let save = plan.steps.iter().position(|s| s.action == Action::SaveConfiguration);
    let at = save.unwrap_or(plan.steps.len());
    plan.steps.splice(at..at, trial.steps);
    plan.checks.splice(0..0, harmless(scenario));
    plan
}

/// Steps that read are carried out; every other one is told. Nothing is compared but both sides with themselves.
pub(super) fn dry_run(plan: Plan, scenario: &Scenario) -> Plan {
    let mut dry = Plan { steps: Vec::new(), checks: harmless(scenario) };
    for step in plan.steps {
        match step.action {
            Action::Provision | Action::Seed | Action::Baseline | Action::StartWorkload => {
                let last = step.action == Action::StartWorkload;
                dry.steps.push(step);
                if last {
                    let about = "describe both sides; users read, their writes wait";
                    dry.up("dry-run/before", Action::MeasureBefore, about);
                }
            }
            Action::StopWorkload => {
                let about = "describe both sides again; users go on writing";
                dry.up("dry-run/after", Action::MeasureAfter, about);
                dry.steps.push(step);
            }
            Action::TearDown => dry.steps.push(step),
            action if reads(action) => dry.steps.push(Step { service: Service::Up, ..step }),
            _ => dry.steps.push(Step {
                action: Action::Announce,
                service: Service::Up,
                about: format!("not carried out: {}", step.about),
                ..step
            }),
        }
    }
    dry
}

/// Steps that change nothing anywhere.
fn reads(action: Action) -> bool {
    matches!(
        action,
        Action::ValidateTargets
            | Action::PrepareElasticsearch
            | Action::InitialListing
            | Action::FinalListing
            | Action::WaitTargets
    )
}

/// The chart's upgrade stops the application and the stores and starts them on the volumes they had.
pub(super) fn chart_only(scenario: &Scenario) -> Plan {
    let mut plan = Plan { steps: Vec::new(), checks: Vec::new() };
    plan.up("prepare/provision", Action::Provision, "start the stores");
    plan.up("prepare/seed", Action::Seed, "fill them with Camunda-shaped data");
    plan.up("prepare/baseline", Action::Baseline, "measure what is already wrong with them");
    plan.up("prepare/workload", Action::StartWorkload, "start the live writer and the probes");
    if scenario.workload.writes_between > 0 {
        let about = format!("wait for {} writes to each store", scenario.workload.writes_between);
        plan.up("chart/between", Action::AwaitWrites, about);
    }
    plan.up("chart/before", Action::MeasureBefore, "describe the stores; users read, their writes wait");
    plan.down("chart/freeze", Action::Freeze, "stop the application, prove that nothing writes");
    plan.down("chart/restart", Action::RestartStores, "stop the stores and start them on the same data");
    plan.down("chart/open", Action::Reopen, "start the application on the same stores");
    plan.up("chart/after", Action::MeasureAfter, "describe the stores again; users go on writing");
    plan.up("chart/compare", Action::Compare, "what users can do, and what they were promised");
    plan.up("conclude/workload", Action::StopWorkload, "stop the live writer and the probes");
    plan.up("conclude/tear-down", Action::TearDown, "stop everything that was started");
    plan.check(&[checks::SAME_DATA, checks::TARGETS]);
    if scenario.has_writing_users() {
        plan.check(&[checks::ACKNOWLEDGED]);
    }
    if scenario.workload.probes_per_second > 0 {
        plan.check(&[checks::DOWNTIME]);
    }
    plan
}

fn harmless(scenario: &Scenario) -> Vec<CheckId> {
    let mut asked = vec![checks::HARMLESS_SOURCE, checks::HARMLESS_TARGET];
    if scenario.workload.probes_per_second > 0 {
        asked.push(checks::HARMLESS_SERVICE);
    }
    asked.into_iter().map(CheckId::from).collect()
}

impl Plan {
    /// The step of an action, wherever the procedure has it.
    pub fn id_of(&self, action: Action) -> Option<&StepId> {
        self.steps.iter().find(|s| s.action == action).map(|s| &s.id)
    }
}
