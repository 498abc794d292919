//! What is simulated of a scenario, and what is left out and told.

use crate::draw::Drawing;
use crate::safeguard::Safeguard;
use crate::schedule::{Crashes, Early, Event, Schedule, Stragglers, WaysBack};
use drydock_core::scenario::{CreateIndices, DatabaseMover, Mover, Procedure, RollbackSpec};
use drydock_core::{Component, Plan, Scenario, StepId};

/// Documents a batch: small, so that copies of few documents take several.
const BATCH: u32 = 4;

/// One way of migrating, ready to be played with any seed.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The scenario, with the Elasticsearch part alone, and without a way back: that is an event of schedules.
    pub scenario: Scenario,
    /// Its plan.
    pub plan: Plan,
    /// Documents of the source.
    pub documents: u64,
    /// What the procedure has to do without.
    pub without: Option<Safeguard>,
    /// Whether nodes are killed.
    pub crashes: Crashes,
    /// Whether migrations are gone back from.
    pub ways_back: WaysBack,
    /// Whether pods go on writing after the declared freeze.
    pub stragglers: Stragglers,
    /// Whether applications are started on the target too early.
    pub early: Early,
    /// What of the scenario is left out.
    pub not_simulated: Vec<String>,
}

impl Setup {
    /// Takes the simulated part of a scenario.
    ///
    /// # Errors
    /// Nothing of it can be simulated; in words for people.
    pub fn new(scenario: &Scenario, documents: u64, without: Option<Safeguard>) -> Result<Self, String> {
        let mut scenario = scenario.clone();
        let mut left_out = Vec::new();
        let databases = scenario.migration.components().iter().any(|c| c.database().is_some());
        if !scenario.migration.components().contains(&Component::Elasticsearch) {
            return Err(
                "the scenario migrates no Elasticsearch, and databases alone are not simulated so far".into(),
            );
        }
        if scenario.camunda().is_some() {
            return Err("a real Camunda cannot be simulated: leave `engine` out".into());
        }
        if scenario.scripts().is_some() {
            return Err("the official scripts cannot be simulated: leave `driver` out".into());
        }
        match scenario.migration.mover {
            Mover::Reindex | Mover::Stream => {}
            Mover::Snapshot | Mover::Dump | Mover::ReindexByHand => {
                return Err("of the movers, reindex and stream are simulated so far".into());
            }
        }
        if databases && scenario.migration.database_mover != DatabaseMover::Scripts {
            return Err("of the ways to move databases, that of the official scripts is simulated so far: leave the databases \
                        out (components: [elasticsearch])"
                .into());
        }
        if scenario.procedure == Procedure::ChartOnly {
            return Err("an upgrade of the chart alone moves nothing: it is not simulated".into());
        }
        let ways_back = match scenario.rollback.take() {
            None => WaysBack::Never,
            Some(spec) => {
                if spec.harm.is_some() {
                    left_out.push("the harm that the scenario does to its way back".into());
                }
                WaysBack::From(spec.from.to_string())
            }
        };
        if databases {
            left_out.push("second roles, owners and rights of PostgreSQL: there are none".into());
        }
        if scenario.identity.take().is_some() {
            left_out.push("the real Keycloak".into());
        }
        if !scenario.faults.is_empty() {
            left_out.push("the scenario's own faults (those of the seeds happen instead)".into());
            scenario.faults.clear();
        }
        left_out.push("preflight, Helm, and the requests of comparisons and descriptions of a side".into());
        scenario.migration.reindex_batch = scenario.migration.reindex_batch.min(BATCH);
        if let Some(needs) = without.and_then(|gone| gone.lacking_in(&scenario.migration)) {
            return Err(needs.into());
        }
        let plan = Plan::of(&scenario);
        Ok(Self {
            scenario,
            plan,
            documents: documents.max(6),
            without,
            crashes: Crashes::Never,
            ways_back,
            stragglers: Stragglers::Never,
            early: Early::Never,
            not_simulated: left_out,
        })
    }

    /// Databases that are migrated.
    pub(crate) fn databases(&self) -> Vec<&'static str> {
        self.scenario.migration.components().into_iter().filter_map(Component::database).collect()
    }

    /// The same with every safeguard.
    pub fn whole(&self) -> Self {
        Self { without: None, ..self.clone() }
    }

    /// Whether two documents of one id can stay apart: not where the target's indices have one shard whatever the source's have.
    pub(crate) fn has_twins(&self) -> bool {
        self.scenario.migration.create_indices == CreateIndices::Complete
    }

    /// What happens in one seed.
    pub fn schedule(&self, seed: u64) -> Schedule {
        let writes = self.scenario.has_writing_users();
        let drawing = Drawing {
            documents: self.documents,
            writes,
            twins: self.has_twins(),
            crashes: self.crashes,
            ways_back: &self.ways_back,
            stragglers: self.stragglers,
            databases: self.databases(),
            early: self.early,
            leaving: self.plan.ways_back().into_iter().map(ToString::to_string).collect(),
            steps: self.steps(),
        };
        Schedule::of_seed(seed, &drawing)
    }

    /// Steps that something can befall, those of ways back among them.
    pub fn steps(&self) -> Vec<String> {
        let mut plans = vec![self.plan.clone()];
        if self.ways_back != WaysBack::Never {
            // The longest ways back, before and after the switch.
            for from in ["phase-3/restore/elasticsearch", "phase-5/cleanup"] {
                plans.push(Plan::of(&self.back_from(from)));
            }
        }
        let ids = plans.iter().flat_map(|plan| &plan.steps).map(|step| step.id.to_string());
        let mut steps: Vec<String> = Vec::new();
        for id in ids.filter(|id| !id.starts_with("prepare/") && !id.starts_with("conclude/")) {
            if !steps.contains(&id) {
                steps.push(id);
            }
        }
        steps
    }

    fn back_from(&self, step: &str) -> Scenario {
        let rollback = Some(RollbackSpec::from_step(StepId::from(step)));
        Scenario { rollback, ..self.scenario.clone() }
    }

    /// The scenario of one schedule: with the way back that it has among its events.
    pub(crate) fn scenario_for(&self, schedule: &Schedule) -> Scenario {
        let from = schedule.events.iter().find_map(|event| match event {
            Event::GoBack { from } => Some(from),
            _ => None,
        });
        let known = |from: &&String| self.plan.ways_back().iter().any(|step| step.as_str() == from.as_str());
        from.filter(known).map_or_else(|| self.scenario.clone(), |from| self.back_from(from))
    }
}
