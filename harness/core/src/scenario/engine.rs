//! A real application on the stores, instead of data that look like its own.

use super::rollback::{Mistake, mistake};
use super::{Moment, Procedure, Scenario};
use crate::names::{Component, StepId};
use crate::plan::Plan;
use crate::rollback::Stage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Whose documents the source Elasticsearch holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// Generated ones, and a writer that acts like the application.
    #[default]
    None,
    /// Those of a real Camunda 8.6 in which people and job workers work. Only in the environment `embedded`.
    Camunda,
}

impl EngineName {
    pub(super) fn is_none(&self) -> bool {
        *self == Self::None
    }
}

/// How the real Camunda is set up, and how much is done in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CamundaSpec {
    /// Process instances that are started before the migration begins.
    #[serde(default = "default_instances")]
    #[schemars(range(min = 20, max = 5000))]
    pub instances: u32,
    /// Process instances that are started each second, until the freeze and again after the switch.
    #[serde(default = "default_pace")]
    #[schemars(range(min = 1, max = 50))]
    pub instances_per_second: u32,
    /// Partitions of the broker.
    #[serde(default = "default_partitions")]
    #[schemars(range(min = 1, max = 8))]
    pub partitions: u16,
    /// Java heap in MiB, 256 to 1024.
    #[serde(default = "default_camunda_heap")]
    #[schemars(range(min = 256, max = 1024))]
    pub heap_mib: u32,
    /// How long after its end an instance is moved into a dated index, as in `15s`.
    #[serde(default = "default_archive_after")]
    pub archive_after: jiff::SignedDuration,
}

fn default_instances() -> u32 {
    60
}

fn default_pace() -> u32 {
    4
}

fn default_partitions() -> u16 {
    2
}

fn default_camunda_heap() -> u32 {
    512
}

/// An hour, as Camunda itself has it, would leave a rehearsal without dated indices.
fn default_archive_after() -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(15)
}

impl Default for CamundaSpec {
    fn default() -> Self {
        Self {
            instances: default_instances(),
            instances_per_second: default_pace(),
            partitions: default_partitions(),
            heap_mib: default_camunda_heap(),
            archive_after: default_archive_after(),
        }
    }
}

impl CamundaSpec {
    /// [`CamundaSpec::archive_after`] as the clocks of a run take it.
    pub fn archive_after(&self) -> Duration {
        self.archive_after.unsigned_abs()
    }

    /// A value outside of what can be: its key, and what is allowed.
    fn out_of_range(&self) -> Option<(&'static str, String)> {
        let limits = [
            ("instances", u64::from(self.instances), 20, 5000),
            ("instances_per_second", self.instances_per_second.into(), 1, 50),
            ("partitions", self.partitions.into(), 1, 8),
            ("heap_mib", self.heap_mib.into(), 256, 1024),
        ];
        let found = limits.into_iter().find(|(_, value, least, most)| !(*least..=*most).contains(value));
        if let Some((key, value, least, most)) = found {
            return Some((key, format!("{key} is {value}, outside of {least} to {most}")));
        }
        let shortest = jiff::SignedDuration::from_secs(1);
        (self.archive_after < shortest)
            .then(|| ("archive_after", "archive_after is shorter than a second".to_owned()))
    }
}

/// What every index of Camunda begins with.
const PREFIXES: [&str; 3] = ["zeebe-", "operate-", "tasklist-"];

impl Scenario {
    /// The real Camunda of the scenario, if it has one.
    pub fn camunda(&self) -> Option<CamundaSpec> {
        (self.engine == EngineName::Camunda).then(|| self.camunda.clone().unwrap_or_default())
    }

    /// Whether the documents of the source are generated ones, with a writer that goes on writing such.
    pub fn has_generated_documents(&self) -> bool {
        self.engine.is_none() && self.migration.components().contains(&Component::Elasticsearch)
    }

    /// Whether users of generated data write: documents, or rows of a database that they write to. A real Keycloak has its database to
    /// itself.
    pub fn has_writing_users(&self) -> bool {
        let is_ours = |component| match component {
            Component::Elasticsearch => self.has_generated_documents(),
            Component::Keycloak => !self.has_real_keycloak(),
            Component::Identity | Component::Webmodeler => true,
        };
        let components = self.migration.components();
        let mut written = components.into_iter().filter(|component| component.is_written_by_users());
        self.workload.writes_per_second > 0 && written.any(is_ours)
    }

    /// Whether the application is stopped once this step is done, on the source at least.
    pub(super) fn is_frozen_at(&self, step: &StepId) -> bool {
        let there = Plan::of(&Self { rollback: None, ..self.clone() });
        // A step that is unknown is told elsewhere.
        there.stage_at(step).is_none_or(|stage| stage != Stage::OnSource)
    }

    /// What cannot go together with a real Camunda.
    pub(super) fn engine_mistake(&self) -> Option<Mistake> {
        if self.engine.is_none() {
            self.camunda.as_ref()?;
            return mistake(
                &["camunda"],
                "nothing is to be started that `camunda` could set up",
                "add `engine: camunda`, or leave `camunda` out",
            );
        }
        if let Some((key, message)) = self.camunda.as_ref().and_then(CamundaSpec::out_of_range) {
            return mistake(&["camunda", key], message, "`docs/reference/scenario.md` tells what is allowed");
        }
        if !self.migration.components().contains(&Component::Elasticsearch) {
            return mistake(
                &["engine"],
                "a real Camunda keeps its data in Elasticsearch, which is not migrated",
                "add `elasticsearch` to `components`, or leave `engine` out",
            );
        }
        if !self.target.managed.is_here() || self.target.misconfigured.is_some() {
            return mistake(
                &["target"],
                "a real Camunda is started on the target, and is given neither a certificate nor a login for it",
                "leave `managed` and `misconfigured` out of the target",
            );
        }
        let lacking = PREFIXES.into_iter().find(|wanted| {
            let carried = &self.migration.index_prefixes;
            !carried.iter().any(|prefix| wanted.starts_with(prefix.as_str()))
        });
        if let Some(prefix) = lacking {
            return mistake(
                &["migration", "index_prefixes"],
                format!("indices that begin with {prefix} are not migrated, and Camunda needs them"),
                format!("add {prefix} to `index_prefixes`"),
            );
        }
        if self.procedure != Procedure::Cutover {
            return mistake(
                &["procedure"],
                "a real Camunda takes part in a cutover only",
                "use `procedure: cutover` with it, or leave `engine` out",
            );
        }
        if self.rollback.as_ref().is_some_and(|back| !self.is_frozen_at(&back.from)) {
            return mistake(
                &["rollback", "from"],
                "a real Camunda is not stopped before this step, so that there is nothing to go back from",
                "go back from `phase-3/freeze` or a later step, or leave `engine` out",
            );
        }
        let during = self.faults.iter().find(|fault| fault.fault.moment() == Moment::During)?;
        mistake(
            &["faults", during.fault.as_str()],
            format!(
                "{} strikes a running step, which is not rehearsed with a real Camunda",
                during.fault.as_str()
            ),
            "plant losses (`lose-index`, `lose-alias`) with it, or leave `engine` out",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::checks;

    #[test]
    fn a_promise_is_asked_about_only_where_somebody_was_promised_something() {
        let asked = |more: &str| {
            let scenario = Scenario::from_yaml("test", &format!("name: test\n{more}")).unwrap();
            let asked = Plan::of(&scenario).checks.iter().any(|c| c.as_str() == checks::ACKNOWLEDGED);
            assert_eq!(asked, scenario.has_writing_users(), "{more}");
            asked
        };
        assert!(asked(""));
        assert!(!asked("workload: {writes_per_second: 0}\n"));
        assert!(asked("migration: {components: [elasticsearch]}\n"));
        assert!(asked("migration: {components: [keycloak]}\n"));
        // Users only read Identity's database, a real Keycloak has its own to itself, and a real Camunda its cluster.
        assert!(!asked("migration: {components: [identity]}\n"));
        assert!(!asked("identity: keycloak\nmigration: {components: [identity, keycloak]}\n"));
        assert!(!asked("engine: camunda\nmigration: {components: [identity, elasticsearch]}\n"));
        assert!(asked("engine: camunda\n"));
        let between =
            "engine: camunda\nmigration: {components: [elasticsearch]}\nworkload: {writes_between: 5}\n";
        assert!(!asked(between), "people of the application are waited for");
    }
}
