//! Cells crossed with faults: which can happen at or before a step that is gone back from, and where.

use super::cells::Cell;
use drydock_core::names::CheckId;
use drydock_core::rollback::Stage;
use drydock_core::scenario::{Fault, FaultKind, Managed, Moment, component_of, did_you_mean};
use drydock_core::{Action, Component, Plan, Scenario, StepId};
use drydock_report::drill::Disturbance;

/// Why one fault has no cells.
pub const NOT_HERE: &str =
    "drydock-killed has no cells: it would kill the drill itself; kill a rehearsal and resume it instead";

/// Why others have none.
const NOT_IN_CLUSTERS: &str = "happens to a cluster, which a drill does not disturb; rehearse it by itself (`faults:` in a scenario, `--on kind`)";

/// What goes wrong in the cells of a drill.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults {
    /// Each of them in a cell of its own for every step that it can happen at or before.
    pub kinds: Vec<FaultKind>,
    /// Whether a name was given for each of them: a fault that was asked for by name must have a cell.
    pub named: Named,
    /// What happens to the cells in which nothing goes wrong.
    pub undisturbed: Undisturbed,
}

/// How faults were asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Named {
    /// All at once.
    #[default]
    Together,
    /// One by one.
    Each,
}

/// What happens to the cells in which nothing goes wrong.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Undisturbed {
    /// They are drilled: the others are read against them.
    #[default]
    Drilled,
    /// They are left out.
    LeftOut,
}

impl Faults {
    /// Reads names as in scenarios, or `all`.
    ///
    /// # Errors
    /// A name is that of no fault that a drill can cause, with what to write instead.
    pub fn of_names(names: &[String], undisturbed: Undisturbed) -> Result<Self, String> {
        if names.is_empty() && undisturbed == Undisturbed::LeftOut {
            return Err(
                "without faults there is nothing but the cells without; name some with --fault".into()
            );
        }
        if names.iter().any(|n| n == "all") {
            let here = |kind: &FaultKind| *kind != FaultKind::DrydockKilled && !kind.needs_cluster();
            let kinds = FaultKind::ALL.into_iter().filter(here).collect();
            return Ok(Self { kinds, named: Named::Together, undisturbed });
        }
        let mut kinds = Vec::new();
        for name in names {
            let kind = FaultKind::of_name(name).ok_or_else(|| {
                let known = FaultKind::ALL.map(FaultKind::as_str);
                let help = did_you_mean(name, &known)
                    .unwrap_or_else(|| format!("there are: all, {}", known.join(", ")));
                format!("{name} is no fault; {help}")
            })?;
            if kind == FaultKind::DrydockKilled {
                return Err(NOT_HERE.into());
            }
            if kind.needs_cluster() {
                return Err(format!("{name} {NOT_IN_CLUSTERS}"));
            }
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        Ok(Self { kinds, named: Named::Each, undisturbed })
    }
}

/// The cell of a way back in which a fault happens, if it can happen at or before the step gone back from. `plan` is that of
/// the cell, `whole` the same without a way back.
pub(super) fn crossed(undisturbed: &Cell, plan: &Plan, whole: &Plan, kind: FaultKind) -> Option<Cell> {
    let scenario = &undisturbed.scenario;
    if !suits(kind, scenario, whole) {
        return None;
    }
    // What is written to the source on purpose is a user's write where users have not left it.
    let stage = plan.stage_at(&undisturbed.from)?;
    let of_source = matches!(kind, FaultKind::UnrefreshedIndex | FaultKind::RecreatedDocuments);
    if of_source && stage == Stage::OnSource {
        return None;
    }
    let step = match kind.moment() {
        Moment::During => during(kind, plan)?,
        Moment::After => after(whole, plan)?,
    };
    let mut scenario = scenario.clone();
    let (during, after) = match kind.moment() {
        Moment::During => (Some(step.clone()), None),
        Moment::After => (None, Some(step.clone())),
    };
    scenario.faults = vec![Fault { fault: kind, after, during, at: None }];
    if let Some(spec) = &mut scenario.rollback {
        // One thing at a time: a harm turns checks red as well.
        spec.harm = None;
    }
    let red = kind.effect().red;
    let must_tell: Vec<CheckId> =
        plan.checks.iter().filter(|asked| red.contains(&asked.as_str())).cloned().collect();
    let name = format!("{} with {}", undisturbed.from, kind.as_str());
    let shows = super::Shows::Fault(Disturbance { fault: kind, step, must_tell });
    Some(Cell { name, from: undisturbed.from.clone(), shows, scenario })
}

/// Whether a fault can happen to what a scenario migrates, and the whole cutover has the checks that tell of it.
fn suits(kind: FaultKind, scenario: &Scenario, whole: &Plan) -> bool {
    let components = scenario.migration.components();
    let sealed = scenario.target.managed != Managed::Here || scenario.source.managed != Managed::Here;
    if kind == FaultKind::DrydockKilled || kind.needs_cluster() || sealed && kind.reads_requests() {
        return false;
    }
    let has = |wanted: Component| components.contains(&wanted);
    if kind == FaultKind::StaleLock && !has(Component::Keycloak) {
        return false;
    }
    if matches!(kind, FaultKind::UnrefreshedIndex | FaultKind::RecreatedDocuments | FaultKind::PassingIndex)
        && !has(Component::Elasticsearch)
        || kind == FaultKind::PassingSession && !components.iter().any(|c| c.database().is_some())
    {
        return false;
    }
    kind.effect().red.iter().all(|red| whole.checks.iter().any(|asked| asked.as_str() == *red))
}

/// The step in which a failure happens: the copy of all indices if it is there, else the last that it fits, and of the
/// databases the largest: in a small one a failure may find no moment.
fn during(kind: FaultKind, plan: &Plan) -> Option<StepId> {
    let usual = kind.usual_step(plan)?;
    if matches!(usual.action, Action::CopyIndices | Action::CopyDelta) {
        return Some(usual.id.clone());
    }
    // A database that is killed moves its sequences on, which no way back takes back.
    let fits = |action: Action| {
        kind.fits(action) && !(kind == FaultKind::SourceKilled && component_of(action).database().is_some())
    };
    let mut last = plan.steps.iter().rev().filter(|s| fits(s.action));
    let large = last.clone().find(|s| component_of(s.action) == Component::Keycloak);
    large.or_else(|| last.next()).map(|s| s.id.clone())
}

/// The step after which a loss is planted: everything is on the target, nothing was compared.
fn after(whole: &Plan, plan: &Plan) -> Option<StepId> {
    let pin = whole.steps.iter().position(|s| s.action == Action::Pin)?;
    let step = whole.steps.get(pin.checked_sub(1)?)?;
    plan.step(&step.id).map(|s| s.id.clone())
}

#[cfg(test)]
mod tests {
    use super::super::{From, Shows, cells_of, drawn};
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    fn all() -> Faults {
        Faults::of_names(&["all".into()], Undisturbed::Drilled).expect("all")
    }

    fn scenario(more: &str) -> Scenario {
        Scenario::from_yaml("x", &format!("name: x\n{more}")).expect("it is right")
    }

    fn with_fault(cells: &[Cell]) -> Vec<(&Cell, &Disturbance)> {
        let of = |c: &'_ Cell| matches!(c.shows, Shows::Fault(_));
        let disturbed = cells.iter().filter(|c| of(c));
        disturbed.filter_map(|c| if let Shows::Fault(f) = &c.shows { Some((c, f)) } else { None }).collect()
    }

    #[test]
    fn every_cell_can_be_written_down_and_has_its_fault_at_or_before_its_step() {
        let text = include_str!("../../../../scenarios/standard.yaml");
        let standard = Scenario::from_yaml("standard", text).expect("it is right");
        let cells = cells_of(&standard, &From::Every, &all()).expect("cells");
        let names: BTreeSet<&str> = cells.iter().map(|c| c.name.as_str()).collect();
        assert_eq!(names.len(), cells.len(), "names are unique");
        let (mut kinds, mut steps) = (BTreeMap::<&str, usize>::new(), BTreeSet::new());
        let whole = Plan::of(&standard);
        let position = |id: &StepId| whole.steps.iter().position(|s| s.id == *id);
        for (cell, disturbed) in with_fault(&cells) {
            *kinds.entry(disturbed.fault.as_str()).or_default() += 1;
            steps.insert(cell.from.as_str());
            assert!(position(&disturbed.step).is_some(), "{}", cell.name);
            assert!(position(&disturbed.step) <= position(&cell.from), "{}", cell.name);
            let text = serde_json::to_string(&cell.scenario).expect("JSON");
            let back =
                Scenario::from_yaml(&cell.name, &text).unwrap_or_else(|e| panic!("{}: {e}", cell.name));
            assert_eq!(back, cell.scenario);
            let asked = Plan::of(&cell.scenario).checks;
            assert!(disturbed.must_tell.iter().all(|check| asked.contains(check)), "{}", cell.name);
        }
        assert!(kinds.len() >= 20, "{kinds:?}");
        let undisturbed = cells.iter().filter(|c| c.shows == Shows::WayBack).count();
        assert!(undisturbed >= 25 && steps.len() >= 10, "{undisturbed} {steps:?}");
        assert!(!kinds.contains_key("drydock-killed") && !kinds.contains_key("leave-index"), "{kinds:?}");
        // What disturbs every cell after the copy is crossed with each of them.
        assert!(kinds["target-killed"] > kinds["lose-row"] && kinds["lose-row"] >= 5, "{kinds:?}");
    }

    #[test]
    fn a_fault_has_the_step_it_fits_and_the_checks_that_the_cell_makes() {
        let cells = cells_of(&scenario(""), &From::Every, &all()).expect("cells");
        let of = |name: &str| {
            let found = with_fault(&cells).into_iter().find(|(c, _)| c.name == name);
            found.map(|(_, f)| (f.step.to_string(), f.must_tell.len()))
        };
        let told = |step: &str, checks: usize| Some((step.to_owned(), checks));
        assert_eq!(of("phase-3/restore/keycloak with target-killed"), told("phase-3/restore/keycloak", 0));
        assert_eq!(of("phase-4/compare with target-killed"), told("phase-3/restore/elasticsearch", 0));
        assert_eq!(of("phase-2/backup/keycloak with target-killed"), None);
        assert_eq!(of("phase-2/backup/keycloak with client-killed"), told("phase-2/backup/keycloak", 0));
        assert_eq!(of("phase-2/backup/keycloak with source-killed"), None);
        assert_eq!(of("phase-3/freeze with unrefreshed-index").map(|f| f.1), Some(0));
        assert_eq!(of("phase-3/pin with lose-row").map(|f| f.1), Some(0));
        assert_eq!(of("phase-4/compare with lose-row").map(|f| f.1), Some(2));
        // The source is watched from the freeze on, wherever it is gone back from.
        assert_eq!(of("phase-3/pin with late-write").map(|f| f.1), Some(1));
        assert_eq!(of("phase-3/freeze with lose-row"), None);
    }

    #[test]
    fn only_what_fits_the_scenario_has_cells() {
        let kinds = |more: &str| -> BTreeSet<&'static str> {
            let cells = cells_of(&scenario(more), &From::Every, &all()).expect("cells");
            with_fault(&cells).into_iter().map(|(_, f)| f.fault.as_str()).collect()
        };
        let databases = kinds("migration: {components: [identity]}\n");
        for absent in ["lose-document", "stale-lock", "passing-index", "disk-full", "gateway-timeout"] {
            assert!(!databases.contains(absent), "{absent}: {databases:?}");
        }
        assert!(databases.contains("lose-row") && databases.contains("client-killed"), "{databases:?}");
        let cluster = kinds("migration: {components: [elasticsearch]}\n");
        assert!(!cluster.contains("lose-row") && !cluster.contains("passing-session"), "{cluster:?}");
        let elsewhere = kinds("target: {managed: elsewhere}\n");
        assert!(
            !elsewhere.contains("gateway-timeout") && elsewhere.contains("connection-reset"),
            "{elsewhere:?}"
        );
    }

    #[test]
    fn names_are_read_and_what_cannot_be_drilled_is_refused() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            Faults::of_names(&names, Undisturbed::LeftOut)
        };
        assert!(of(&["lose-rwo"]).is_err_and(|e| e.contains("did you mean `lose-row`?")));
        assert!(of(&["drydock-killed"]).is_err_and(|e| e.contains("the drill itself")));
        assert!(of(&["node-cordoned"]).is_err_and(|e| e.contains("--on kind")));
        assert!(!all().kinds.iter().any(|kind| kind.needs_cluster()));
        assert!(of(&[]).is_err());
        let faults = of(&["lose-row", "lose-row"]).expect("faults");
        assert_eq!(faults.kinds, [FaultKind::LoseRow]);
        let cells = cells_of(&scenario(""), &From::Every, &faults).expect("cells");
        assert!(cells.iter().all(|c| matches!(c.shows, Shows::Fault(_))) && !cells.is_empty());
        let early = From::Steps(vec!["phase-1/validate".into()]);
        let none = cells_of(&scenario(""), &early, &faults);
        assert!(none.is_err_and(|e| e.contains("lose-row")));
    }

    #[test]
    fn the_seed_draws_from_all_of_them() {
        let cells = cells_of(&scenario(""), &From::Every, &all()).expect("cells");
        let (one, other) = (drawn(&cells, 1), drawn(&cells, 2));
        assert_eq!(one, drawn(&cells, 1));
        assert_ne!(one, other);
        let early: BTreeSet<bool> =
            one.iter().take(60).map(|at| matches!(cells[*at].shows, Shows::Fault(_))).collect();
        assert!(early.contains(&true));
    }
}
