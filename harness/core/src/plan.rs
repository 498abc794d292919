//! The plan: a scenario unrolled into an ordered list of steps with stable ids. A pure function of the scenario.

mod procedure;
mod rollback;
mod scripts;

pub(crate) use rollback::is_way_back;
pub use scripts::ScriptPhase;

use crate::names::{CheckId, Component, StepId, checks};
use crate::scenario::{DriverName, EnvironmentName, Grants, Mover, Procedure, Reindex, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a step does. A closed list: every driver and every environment knows all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Start the stores.
    Provision,
    /// Fill the source.
    Seed,
    /// Measure what is already wrong with the source.
    Baseline,
    /// Start the live writer and the probes.
    StartWorkload,
    /// Check that the targets are reachable, fit and empty.
    ValidateTargets,
    /// Create role and database of a component on the target.
    PrepareDatabase(Component),
    /// Check the target cluster and its right to read from the source.
    PrepareElasticsearch,
    /// Dump a component's database while the application runs: the safety copy.
    InitialBackup(Component),
    /// List the indices of the source while the application runs.
    InitialListing,
    /// Copy every index while the application runs.
    WarmCopy,
    /// Let the application work on for a while.
    AwaitWrites,
    /// Hold users' writes back and describe both sides.
    MeasureBefore,
    /// Dump a component's database into a file of its own: a trial.
    TrialBackup(Component),
    /// Restore the trial's dump into a database of its own, and remove it.
    TrialRestore(Component),
    /// Copy a part of the documents into an index of its own, and remove it.
    TrialCopy,
    /// Describe both sides again, and let users write.
    MeasureAfter,
    /// Tell what a step would do, and do nothing.
    Announce,
    /// Stop and start the source's stores, as an upgrade of the chart does.
    RestartStores,
    /// Start the application again on the stores it had.
    Reopen,
    /// Save what a way back needs.
    SaveConfiguration,
    /// Let those rest who work in the real application, and note what it shows.
    AskBefore,
    /// Stop the application and prove that nothing writes any more.
    Freeze,
    /// Dump a component's database for good.
    FinalBackup(Component),
    /// List the indices of the frozen source.
    FinalListing,
    /// Wait until the targets are ready.
    WaitTargets,
    /// Carry the roles of the source server, by hand.
    CarryRoles,
    /// Restore a component's database.
    Restore(Component),
    /// Carry grants and second roles over, which the restore leaves behind.
    CarryGrants(Component),
    /// Copy every index.
    CopyIndices,
    /// Copy what has changed since the warm copy.
    CopyDelta,
    /// Hold both sides still for the comparison, without stopping anybody.
    Pin,
    /// Start a real identity provider on the target.
    StartIdentity,
    /// Point the application to the target and start it.
    Switch,
    /// Note what the real application shows on the target, and let people go on working in it.
    AskAfter,
    /// Ask the targets what a health check asks.
    ValidateHealth,
    /// Compare what arrived with what left, and everything else the checks ask.
    Compare,
    /// Bring to its end in the real application what was under way before the freeze, and look for it in what is shown.
    GoOn,
    /// Refuse the clean-up while anything is missing.
    CleanupGuard,
    /// Run one phase of the official scripts, and read what it says of itself.
    RunScript(ScriptPhase),
    /// Stop the source stores and remove the dumps.
    CleanupSource,
    /// Ask the targets again, now alone.
    ValidateAlone,
    /// Describe the frozen source.
    DescribeFrozen,
    /// Look whether what a way back needs is there and can be used.
    CheckArtefacts,
    /// Let users make an exact number of writes on the target.
    WorkOnTarget,
    /// Start the source's stores where the clean-up stopped them.
    StartSource,
    /// Hold the source against its description when it was frozen.
    HoldAgainstBaseline,
    /// Stop the application on the target.
    CloseTarget,
    /// Point the application to the source again and start it.
    SwitchBack,
    /// Tell what users find after going back.
    CompareBack,
    /// Stop writer and probes.
    StopWorkload,
    /// Stop everything that was started.
    TearDown,
}

/// Whether users wait while a step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Users work.
    Up,
    /// Users wait.
    Down,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Stable id.
    pub id: StepId,
    /// What it does.
    pub action: Action,
    /// Whether users wait meanwhile.
    pub service: Service,
    /// One line for people.
    pub about: String,
}

impl Step {
    /// Whether it belongs to the way back rather than to the migration.
    pub fn belongs_to_way_back(&self) -> bool {
        is_way_back(&self.id)
    }
}

/// The ordered steps, and the checks that must have been made at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Steps in order.
    pub steps: Vec<Step>,
    /// Checks without which there is no green verdict.
    pub checks: Vec<CheckId>,
}

impl Plan {
    /// Unrolls a scenario.
    pub fn of(scenario: &Scenario) -> Self {
        let mut plan = match scenario.procedure {
            Procedure::Cutover => {
                let whole = match scenario.driver {
                    DriverName::Builtin => Self::cutover(scenario),
                    DriverName::Scripts => scripts::by_scripts(Self::cutover(scenario)),
                };
                match &scenario.rollback {
                    None => whole,
                    Some(spec) => rollback::back_from(whole, scenario, spec),
                }
            }
            Procedure::EstimateThenCutover => procedure::estimate_then(Self::cutover(scenario), scenario),
            Procedure::DryRun => procedure::dry_run(Self::cutover(scenario), scenario),
            Procedure::ChartOnly => procedure::chart_only(scenario),
        };
        plan.cluster(scenario);
        plan
    }

    /// What is asked of the application's pods, where it has any and the plan stops them.
    fn cluster(&mut self, scenario: &Scenario) {
        if !scenario.environment.has_pods() || self.id_of(Action::Freeze).is_none() {
            return;
        }
        let started = [Action::Switch, Action::SwitchBack, Action::Reopen];
        let starts = started.into_iter().any(|action| self.id_of(action).is_some());
        // They are asked from a node, and among those of others none is the run's.
        let own = scenario.environment == EnvironmentName::Kind;
        let operated = scenario.is_operated() && self.id_of(Action::Compare).is_some();
        self.checks.extend(
            checks::CLUSTER
                .into_iter()
                .filter(|check| starts || *check == checks::CL_STOPPED)
                .filter(|check| own || *check != checks::CL_ANSWERS)
                .filter(|check| operated || *check != checks::CL_OPERATORS)
                .map(CheckId::from),
        );
    }

    fn cutover(scenario: &Scenario) -> Self {
        let mut plan = Self { steps: Vec::new(), checks: Vec::new() };
        let components = scenario.migration.components();
        let databases: Vec<Component> =
            components.iter().copied().filter(|c| c.database().is_some()).collect();
        let indices = components.contains(&Component::Elasticsearch);
        let words = scenario.migration.words();

        plan.up("prepare/provision", Action::Provision, "start source and target stores");
        let seed = match scenario.camunda() {
            Some(_) => "fill the databases, start Camunda on the source and work in it",
            None => "fill the source with Camunda-shaped data",
        };
        plan.up("prepare/seed", Action::Seed, seed);
        plan.up("prepare/baseline", Action::Baseline, "measure what is already wrong with the source");
        plan.up("prepare/workload", Action::StartWorkload, "start the live writer and the probes");

        plan.up(
            "phase-1/validate",
            Action::ValidateTargets,
            "check that the targets are reachable, fit and empty",
        );
        for c in &databases {
            plan.up(
                format!("phase-1/targets/{c}"),
                Action::PrepareDatabase(*c),
                format!("create role and database {c}"),
            );
        }
        if indices {
            plan.up(
                "phase-1/targets/elasticsearch",
                Action::PrepareElasticsearch,
                "check the target cluster and its reindex whitelist",
            );
        }
        for c in &databases {
            plan.up(
                format!("phase-2/backup/{c}"),
                Action::InitialBackup(*c),
                format!("{}, application running", scenario.migration.database_words(*c).0),
            );
        }
        if indices {
            plan.up("phase-2/backup/elasticsearch", Action::InitialListing, words.initial);
        }

        if indices && scenario.migration.reindex == Reindex::Warm {
            let about = match scenario.migration.mover {
                Mover::Stream => "create every index, then stream into it, application running",
                // No other mover copies while users work.
                _ => "create every index, then _reindex from remote, application running",
            };
            plan.up("phase-2/warm/elasticsearch", Action::WarmCopy, about);
        }
        if scenario.workload.writes_between > 0 {
            plan.up(
                "phase-2/between",
                Action::AwaitWrites,
                format!("wait for {} more writes to each store", scenario.workload.writes_between),
            );
        }

        plan.up("phase-3/save", Action::SaveConfiguration, "save what a way back needs");
        if scenario.camunda().is_some() {
            let about = "people rest; what Camunda shows them is noted";
            plan.up("phase-3/application", Action::AskBefore, about);
        }
        plan.down("phase-3/freeze", Action::Freeze, "stop the application, prove that nothing writes");
        for c in &databases {
            plan.down(
                format!("phase-3/backup/{c}"),
                Action::FinalBackup(*c),
                format!("final {}", scenario.migration.database_words(*c).0),
            );
        }
        if indices {
            plan.down("phase-3/backup/elasticsearch", Action::FinalListing, words.last);
        }
        plan.down("phase-3/wait-targets", Action::WaitTargets, "wait until the targets are ready");
        if scenario.migration.carries_roles_by_hand() {
            plan.down("phase-3/roles", Action::CarryRoles, "pg_dumpall --roles-only, then psql");
        }
        for c in &databases {
            let about = scenario.migration.database_words(*c).1;
            plan.down(format!("phase-3/restore/{c}"), Action::Restore(*c), about);
            if scenario.migration.grants == Grants::Carry {
                plan.down(
                    format!("phase-3/grants/{c}"),
                    Action::CarryGrants(*c),
                    format!("second roles and grants of {c}"),
                );
            }
        }
        if indices {
            let action = match scenario.migration.reindex {
                Reindex::Cold => Action::CopyIndices,
                Reindex::Warm => Action::CopyDelta,
            };
            plan.down("phase-3/restore/elasticsearch", action, words.copy);
        }
        plan.down("phase-3/pin", Action::Pin, "snapshot both sides for the comparison");
        if scenario.has_real_keycloak() {
            plan.down("phase-3/identity", Action::StartIdentity, "start Keycloak on the target");
        }
        plan.down("phase-3/switch", Action::Switch, "point the application to the target and start it");

        plan.up("phase-4/validate", Action::ValidateHealth, "health of the targets, as a dashboard sees it");
        if scenario.camunda().is_some() {
            let about = "what Camunda shows on the target; then people go on working in it";
            plan.up("phase-4/application", Action::AskAfter, about);
        }
        plan.up("phase-4/compare", Action::Compare, "compare both sides, item by item");
        if scenario.camunda().is_some() {
            let about = "bring to its end in Camunda what was under way before the freeze, and look for it";
            plan.up("phase-4/go-on", Action::GoOn, about);
        }

        plan.up("phase-5/guard", Action::CleanupGuard, "refuse the clean-up while anything is missing");
        plan.up("phase-5/cleanup", Action::CleanupSource, "stop the source stores, remove the dumps");
        plan.up("phase-5/validate", Action::ValidateAlone, "ask the targets again, now alone");

        plan.up("conclude/workload", Action::StopWorkload, "stop the live writer and the probes");
        plan.up("conclude/tear-down", Action::TearDown, "stop everything that was started");

        plan.preflight(scenario);
        if indices {
            plan.check(&checks::ELASTICSEARCH);
        }
        if !databases.is_empty() {
            plan.check(&checks::POSTGRES);
        }
        if components.contains(&Component::Keycloak) {
            plan.check(&checks::KEYCLOAK);
        }
        if scenario.has_real_keycloak() {
            plan.check(&checks::REAL_KEYCLOAK);
        }
        plan.check(&[checks::FREEZE, checks::TARGETS]);
        // Where a real application has the cluster to itself, users of databases are all that is made.
        let users = !databases.is_empty() || scenario.has_generated_documents();
        if scenario.has_writing_users() {
            plan.check(&[checks::ACKNOWLEDGED]);
        }
        if users && scenario.workload.probes_per_second > 0 {
            plan.check(&[checks::DOWNTIME]);
        }
        if scenario.camunda().is_some() {
            plan.check(&checks::APPLICATION);
            plan.check(&checks::GOING_ON);
        }
        plan
    }

    /// The checks before anything is moved, as far as the steps and the components ask for them.
    fn preflight(&mut self, scenario: &Scenario) {
        let has = |wanted: fn(&Action) -> bool| self.steps.iter().any(|s| wanted(&s.action));
        if !has(|a| matches!(a, Action::ValidateTargets)) {
            return;
        }
        let dumps = has(|a| matches!(a, Action::InitialBackup(_)));
        let indices = scenario.migration.components().contains(&Component::Elasticsearch);
        let databases = scenario.migration.components().iter().any(|c| c.database().is_some());
        let asked = checks::PREFLIGHT.into_iter().filter(|check| match *check {
            checks::PRE_DUMP => dumps,
            checks::PRE_EXTENSIONS => databases,
            checks::PRE_SHARDS | checks::PRE_DOCUMENT_SIZES => indices,
            checks::PRE_WHITELIST => indices && scenario.migration.mover.reads_from_remote(),
            checks::PRE_TIMEOUTS => {
                databases || indices && scenario.migration.mover.is_foreseen(scenario.migration.reindex)
            }
            _ => true,
        });
        self.checks.extend(asked.map(CheckId::from));
    }

    /// Looks a step up by its id.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|s| s.id == *id)
    }

    fn up(&mut self, id: impl Into<String>, action: Action, about: impl Into<String>) {
        self.steps.push(Step { id: StepId(id.into()), action, service: Service::Up, about: about.into() });
    }

    fn down(&mut self, id: impl Into<String>, action: Action, about: impl Into<String>) {
        self.steps.push(Step { id: StepId(id.into()), action, service: Service::Down, about: about.into() });
    }

    fn check(&mut self, ids: &[&str]) {
        self.checks.extend(ids.iter().map(|id| CheckId::from(*id)));
    }
}
