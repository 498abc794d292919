//! The official migration scripts as the driver of a rehearsal: what can be set, and what cannot go together with them.

use super::rollback::{Mistake, mistake};
use super::{DatabaseMover, Delta, EnvironmentName, FaultKind, Moment, Mover, Procedure, Reindex, Scenario};
use crate::names::StepId;
use crate::plan::{Action, Plan, ScriptPhase};
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who migrates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DriverName {
    /// The five phases as implemented here.
    #[default]
    Builtin,
    /// A checkout of the official migration scripts, driven phase by phase and never edited. In a cluster only; the checkout is
    /// named on the command line.
    Scripts,
}

/// How the official scripts are run, with `driver: scripts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptsSpec {
    /// Longest time that one phase may take; it is ended then, with everything it started.
    #[serde(default = "default_deadline")]
    pub deadline: SignedDuration,
    /// Size of the volume that keeps the dumps (`BACKUP_STORAGE_SIZE`), as a cluster writes it.
    #[serde(default = "default_storage")]
    pub backup_storage: String,
}

/// Beyond what the scripts themselves wait for in any one of their Jobs, which is 90 minutes.
fn default_deadline() -> SignedDuration {
    SignedDuration::from_mins(120)
}

fn default_storage() -> String {
    "1Gi".to_owned()
}

impl Default for ScriptsSpec {
    fn default() -> Self {
        Self { deadline: default_deadline(), backup_storage: default_storage() }
    }
}

impl ScriptsSpec {
    fn mistake(&self) -> Option<(&'static str, String, &'static str)> {
        if self.deadline.is_negative() || self.deadline.is_zero() {
            return Some(("deadline", "the deadline is not positive".into(), "write it as `90s` or `10min`"));
        }
        let digits = self.backup_storage.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let unit = &self.backup_storage[digits.len()..];
        let whole = digits.parse::<u32>().is_ok_and(|n| n > 0) && ["Mi", "Gi", "Ti"].contains(&unit);
        (!whole).then(|| {
            let message = format!("{:?} is no size of a volume", self.backup_storage);
            ("backup_storage", message, "write a whole number with Mi, Gi or Ti: `1Gi`")
        })
    }
}

impl Scenario {
    /// How the official scripts are run, where they migrate.
    pub fn scripts(&self) -> Option<ScriptsSpec> {
        (self.driver == DriverName::Scripts).then(|| self.scripts.clone().unwrap_or_default())
    }

    /// What cannot go together with the driver.
    pub(super) fn driver_mistake(&self) -> Option<Mistake> {
        if self.driver == DriverName::Builtin {
            if let Some(fault) = self.faults.iter().find(|f| f.fault == FaultKind::JobUnschedulable) {
                return mistake(
                    &["faults", fault.fault.as_str()],
                    "the built-in driver makes no Jobs that could find no node",
                    "use `driver: scripts` with it, or `node-cordoned` for the application's pods",
                );
            }
            self.scripts.as_ref()?;
            return mistake(
                &["scripts"],
                "no official scripts run that `scripts` could set up",
                "add `driver: scripts`, or leave `scripts` out",
            );
        }
        if let Some((key, message, help)) = self.scripts.as_ref().and_then(ScriptsSpec::mistake) {
            return mistake(&["scripts", key], message, help);
        }
        if self.environment != EnvironmentName::Kind {
            return mistake(
                &["driver"],
                match self.environment {
                    EnvironmentName::Context(_) => {
                        "the official scripts are run in a cluster of the run's own only: they ask for more rights than a run in an existing one"
                    }
                    _ => "the official scripts migrate a release in a cluster, and these stores are in none",
                },
                "use `environment: kind` with them (or `--on kind`)",
            );
        }
        if self.procedure != Procedure::Cutover {
            return mistake(
                &["procedure"],
                "the official scripts are driven through a plain cutover only",
                "leave `procedure` out, or use `driver: builtin`",
            );
        }
        if let Some(from) = self.rollback.as_ref().map(|back| &back.from) {
            let whole = Plan::of(&Self { rollback: None, ..self.clone() });
            let at = |step: Option<&StepId>| whole.steps.iter().position(|s| Some(&s.id) == step);
            let saved = at(whole.id_of(Action::RunScript(ScriptPhase::Cutover)));
            // A step that is unknown is told elsewhere.
            if at(Some(from)).is_some_and(|at| Some(at) < saved) {
                return mistake(
                    &["rollback", "from"],
                    "the official way back restores values that the cutover's script saves, which comes after this step",
                    "go back from `phase-3/scripts` or a later step, or use `driver: builtin`",
                );
            }
        }
        let migration = &self.migration;
        if migration.mover != Mover::Reindex || migration.database_mover != DatabaseMover::default() {
            let key = if migration.mover == Mover::Reindex { "database_mover" } else { "mover" };
            return mistake(
                &["migration", key],
                "the official scripts move in one way only: `pg_dump`, `pg_restore` and `_reindex` from remote",
                format!("leave `{key}` out, or use `driver: builtin`"),
            );
        }
        if migration.reindex == Reindex::Warm && migration.delta == Some(Delta::Exact) {
            return mistake(
                &["migration", "delta"],
                "the official scripts know one delta only: every index again",
                "use `delta: upstream`, or leave `delta` out",
            );
        }
        let during = self.faults.iter().find(|fault| {
            fault.fault.moment() == Moment::During && fault.fault != FaultKind::JobUnschedulable
        })?;
        mistake(
            &["faults", during.fault.as_str()],
            format!(
                "{} stands between the migration and its stores, and the scripts' Jobs go past it",
                during.fault.as_str()
            ),
            "plant losses (`lose-index`, `lose-row`) with them, or use `driver: builtin`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::checks;
    use crate::plan::Service;

    const DRIVER: &str = "name: test\nenvironment: kind\ndriver: scripts\n";

    fn read(more: &str) -> Result<Scenario, String> {
        Scenario::from_yaml("test", &format!("{DRIVER}{more}")).map_err(|e| e.to_string())
    }

    #[test]
    fn phases_are_steps_and_stand_where_the_builtin_ones_would() {
        let plan =
            Plan::of(&read("migration: {reindex: warm, components: [identity, elasticsearch]}\n").unwrap());
        let ids: Vec<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
        let asked = [
            "prepare/provision",
            "prepare/seed",
            "prepare/baseline",
            "prepare/workload",
            "phase-1/validate",
            "phase-1/targets/identity",
            "phase-1/targets/elasticsearch",
            "phase-1/scripts",
            "phase-2/scripts",
            "phase-3/save",
            "phase-3/freeze",
            "phase-3/scripts",
            "phase-3/pin",
            "phase-3/switch",
            "phase-4/scripts",
            "phase-4/validate",
            "phase-4/compare",
            "phase-5/guard",
            "phase-5/cleanup",
            "phase-5/validate",
            "conclude/workload",
            "conclude/tear-down",
        ];
        assert_eq!(ids, asked);
        let down: Vec<&str> =
            plan.steps.iter().filter(|s| s.service == Service::Down).map(|s| s.id.as_str()).collect();
        assert_eq!(down, ["phase-3/freeze", "phase-3/scripts", "phase-3/pin", "phase-3/switch"]);
        assert!(plan.id_of(Action::RunScript(ScriptPhase::Cutover)).is_some());
        let checks: Vec<&str> = plan.checks.iter().map(|c| c.as_str()).collect();
        for check in ["scripts/phases", "scripts/claims", "freeze", "postgres/rows", "cluster/stopped"] {
            assert!(checks.contains(&check), "{check}: {checks:?}");
        }
        // The scripts' own dumps are theirs to read again.
        assert!(!checks.contains(&"preflight/dump-readable"), "{checks:?}");
    }

    #[test]
    fn the_official_way_back_can_be_gone_once_the_cutover_has_saved_the_values() {
        for (from, action) in
            [("phase-3/scripts", Action::SwitchBack), ("phase-4/compare", Action::CloseTarget)]
        {
            let plan = Plan::of(&read(&format!("rollback: {{from: {from}, after_writes: 0}}\n")).unwrap());
            let at = |id: &str| plan.steps.iter().position(|s| s.id.as_str() == id);
            assert!(plan.id_of(action).is_some() && at(from) < at("rollback/switch"), "{plan:?}");
            assert!(at("rollback/compare").is_some() && at("phase-5/cleanup").is_none(), "{plan:?}");
            assert!(plan.checks.iter().any(|c| c.as_str() == checks::SC_PHASES), "{plan:?}");
        }
        assert_eq!(ScriptPhase::ALL.map(ScriptPhase::number), [Some(1), Some(2), Some(3), Some(4)]);
        assert_eq!((ScriptPhase::WayBack.number(), ScriptPhase::WayBack.label()), (None, "rollback"));
    }

    #[test]
    fn writes_between_are_awaited_before_the_cutover() {
        let plan = Plan::of(&read("workload: {writes_between: 5}\n").unwrap());
        let at = |id: &str| plan.steps.iter().position(|s| s.id.as_str() == id).unwrap();
        assert!(at("phase-2/scripts") < at("phase-2/between") && at("phase-2/between") < at("phase-3/save"));
    }

    #[test]
    fn what_the_scripts_cannot_do_is_refused_where_it_stands() {
        for (more, place, words) in [
            ("procedure: dry-run\n", "test:4:1", "plain cutover only"),
            ("rollback: {from: phase-3/freeze}\n", "test:4:12", "comes after this step"),
            ("migration: {mover: stream}\n", "test:4:13", "in one way only"),
            ("migration: {database_mover: plain}\n", "test:4:13", "in one way only"),
            ("migration: {reindex: warm, delta: exact}\n", "test:4:28", "one delta only"),
            ("faults: [{fault: network-cut, during: phase-3/pin}]\n", "test:4:18", "go past it"),
            ("scripts: {deadline: 0s}\n", "test:4:11", "not positive"),
            ("scripts: {backup_storage: 1GB}\n", "test:4:11", "no size of a volume"),
            ("scripts: {backup_storage: Gi}\n", "test:4:11", "no size of a volume"),
        ] {
            let error = read(more).unwrap_err();
            assert!(error.starts_with(place) && error.contains(words), "{more}: {error}");
        }
        let spec = read("scripts: {deadline: 90s, backup_storage: 20Gi}\n").unwrap().scripts().unwrap();
        assert_eq!((spec.deadline.as_secs(), spec.backup_storage.as_str()), (90, "20Gi"));
    }

    #[test]
    fn without_a_cluster_or_without_the_driver_the_place_is_told() {
        let refused = |text: &str| Scenario::from_yaml("test", text).unwrap_err().to_string();
        let error = refused("name: test\ndriver: scripts\n");
        assert!(error.starts_with("test:2:1") && error.contains("in a cluster"), "{error}");
        let error = refused("name: test\nscripts: {deadline: 1min}\n");
        assert!(error.starts_with("test:2:1") && error.contains("no official scripts run"), "{error}");
        assert_eq!(Scenario::from_yaml("test", "name: test\n").unwrap().scripts(), None);
    }
}
