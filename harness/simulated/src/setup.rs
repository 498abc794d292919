//! What is simulated of a scenario, and what is left out and told.

use crate::safeguard::Safeguard;
use crate::schedule::{Crashes, Schedule};
use drydock_core::scenario::{CreateIndices, Mover, Procedure};
use drydock_core::{Component, Plan, Scenario};

/// Documents a batch: small, so that copies of few documents take several.
const BATCH: u32 = 4;

/// One way of migrating, ready to be played with any seed.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The scenario, with the Elasticsearch part alone.
    pub scenario: Scenario,
    /// Its plan.
    pub plan: Plan,
    /// Documents of the source.
    pub documents: u64,
    /// What the procedure has to do without.
    pub without: Option<Safeguard>,
    /// Whether nodes are killed.
    pub crashes: Crashes,
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
        let databases: Vec<&str> =
            scenario.migration.components().into_iter().filter_map(Component::database).collect();
        if !scenario.migration.components().contains(&Component::Elasticsearch) {
            return Err("the scenario migrates no Elasticsearch, and nothing else is simulated so far".into());
        }
        match scenario.migration.mover {
            Mover::Reindex | Mover::Stream => {}
            Mover::Snapshot | Mover::Dump | Mover::ReindexByHand => {
                return Err("of the movers, reindex and stream are simulated so far".into());
            }
        }
        if scenario.procedure != Procedure::Cutover || scenario.rollback.is_some() {
            return Err("of the procedures, the cutover without a way back is simulated so far".into());
        }
        if !databases.is_empty() {
            left_out.push(format!("PostgreSQL ({})", databases.join(", ")));
        }
        if !scenario.faults.is_empty() {
            left_out.push("the scenario's own faults (those of the seeds happen instead)".into());
            scenario.faults.clear();
        }
        left_out
            .push("preflight, pods and Helm, the comparison's own requests, clean-up and going back".into());
        scenario.migration.components = Some(vec![Component::Elasticsearch]);
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
            not_simulated: left_out,
        })
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
        let writes = self.scenario.workload.writes_per_second > 0;
        Schedule::of_seed(seed, self.documents, writes, self.has_twins(), self.crashes)
    }
}
