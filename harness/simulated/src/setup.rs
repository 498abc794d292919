//! What is simulated of a scenario, and what is left out and told.

use crate::safeguard::Safeguard;
use crate::schedule::{Crashes, Schedule};
use drydock_core::scenario::{Delta, Mover, Procedure, Reindex};
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
        if without == Some(Safeguard::DeletePropagation) {
            if scenario.migration.reindex != Reindex::Warm {
                return Err(
                    "deletes are propagated by a warm copy's delta alone: name a scenario with reindex: warm"
                        .into(),
                );
            }
            scenario.migration.delta = Some(Delta::Upstream);
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

    /// What happens in one seed.
    pub fn schedule(&self, seed: u64) -> Schedule {
        let writes = self.scenario.workload.writes_per_second > 0;
        Schedule::of_seed(seed, self.documents, writes, self.crashes)
    }
}
