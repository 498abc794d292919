//! The cells of a drill: one way back each. A pure function of scenario, choice and seed.

use super::crossed::{Faults, Named, Undisturbed, crossed};
use drydock_core::scenario::{Fault, FaultKind, Harm, Procedure, RollbackSpec, did_you_mean};
use drydock_core::{Action, Plan, Scenario, StepId};
use drydock_report::drill::{Disturbance, Meant, Refusal};
use jiff::SignedDuration;

/// Longer than any drill takes.
const NEVER: SignedDuration = SignedDuration::from_hours(24);

/// From where it is gone back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// From every step.
    Every,
    /// From these.
    Steps(Vec<String>),
}

/// What a cell shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shows {
    /// Going back from a step.
    WayBack,
    /// That the clean-up of the source is refused.
    Refusal(Refusal),
    /// Going back from a step although something goes wrong before.
    Fault(Disturbance),
}

/// One way back.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// What it is called: the step, and what is special about it.
    pub name: String,
    /// The last step before going back.
    pub from: StepId,
    /// What it shows.
    pub shows: Shows,
    /// The scenario that it is a rehearsal of.
    pub scenario: Scenario,
}

impl Cell {
    /// What it is made for, as its report has it.
    pub(super) fn meant(&self) -> Meant {
        match &self.shows {
            Shows::WayBack => Meant::WayBack,
            Shows::Refusal(refusal) => Meant::Refusal(refusal.clone()),
            Shows::Fault(disturbed) => Meant::Fault(disturbed.clone()),
        }
    }
}

/// The cells in the order of the steps, after each those with a fault. Of a drill from every step also those that show what the
/// guard refuses.
///
/// # Errors
/// Why the scenario cannot be drilled so, with what to write instead.
pub fn cells_of(scenario: &Scenario, from: &From, faults: &Faults) -> Result<Vec<Cell>, String> {
    if scenario.procedure != Procedure::Cutover {
        return Err(
            "only a plain cutover can be gone back from; leave `procedure` out of the scenario".into()
        );
    }
    if scenario.has_real_keycloak() {
        return Err(
            "a drill shares its stores between cells, and a real Keycloak cannot be set back; leave `identity` out of the scenario"
                .into(),
        );
    }
    let whole = Plan::of(&Scenario { rollback: None, ..scenario.clone() });
    let known: Vec<&StepId> = whole.ways_back();
    let steps: Vec<StepId> = match from {
        From::Every => known.into_iter().cloned().collect(),
        From::Steps(asked) => {
            for step in asked {
                if !known.iter().any(|k| k.as_str() == step) {
                    let names: Vec<&str> = known.iter().map(|k| k.as_str()).collect();
                    let help = did_you_mean(step, &names)
                        .unwrap_or_else(|| "`drydock drill --plan` lists the steps".into());
                    return Err(format!("{step} is no step that can be gone back from; {help}"));
                }
            }
            known.into_iter().filter(|k| asked.iter().any(|a| a == k.as_str())).cloned().collect()
        }
    };
    let mut cells = Vec::new();
    for undisturbed in steps.into_iter().map(|step| way_back(scenario, &whole, step)) {
        let plan = Plan::of(&undisturbed.scenario);
        let with_fault: Vec<Cell> =
            faults.kinds.iter().filter_map(|k| crossed(&undisturbed, &plan, &whole, *k)).collect();
        if faults.undisturbed == Undisturbed::Drilled {
            cells.push(undisturbed);
        }
        cells.extend(with_fault);
    }
    let has = |kind: &FaultKind| {
        cells.iter().any(|c| matches!(&c.shows, Shows::Fault(disturbed) if disturbed.fault == *kind))
    };
    if let Some(kind) = faults.kinds.iter().find(|k| faults.named == Named::Each && !has(k)) {
        return Err(format!(
            "{} cannot happen at or before any step that is asked for; name a later one with --from, or leave it out",
            kind.as_str()
        ));
    }
    if *from == From::Every && faults.undisturbed == Undisturbed::Drilled {
        cells.extend(refusals(scenario, &whole));
    }
    Ok(cells)
}

/// What the scenario says of its own way back holds for every step that it can hold for.
fn way_back(scenario: &Scenario, whole: &Plan, from: StepId) -> Cell {
    let position = |id: &StepId| whole.steps.iter().position(|s| s.id == *id);
    let reached = |action| whole.id_of(action).and_then(position) <= position(&from);
    let mut spec = RollbackSpec::from_step(from.clone());
    if let Some(own) = &scenario.rollback {
        if reached(Action::Switch) {
            spec.after_writes = own.after_writes;
        }
        if reached(Action::CleanupSource) {
            spec.volumes = own.volumes;
        }
        spec.harm = own.harm;
    }
    let mut scenario = scenario.clone();
    scenario.rollback = Some(spec);
    // Every cell would have to be meant by itself.
    scenario.expect = drydock_core::scenario::Expect::default();
    Cell { name: from.to_string(), from, shows: Shows::WayBack, scenario }
}

/// One cell for each reason that the guard has.
fn refusals(scenario: &Scenario, whole: &Plan) -> Vec<Cell> {
    let Some(cleanup) = whole.id_of(Action::CleanupSource) else { return Vec::new() };
    let databases = scenario.migration.components().iter().any(|c| c.database().is_some());
    let mut cells = Vec::new();
    let mut refused = |why: &str, told_by: &str, change: &dyn Fn(&mut Scenario)| {
        let mut cell = way_back(scenario, whole, cleanup.clone());
        change(&mut cell.scenario);
        cell.name = format!("{cleanup} while {why}");
        cell.shows = Shows::Refusal(Refusal { why: why.to_owned(), told_by: told_by.to_owned() });
        cells.push(cell);
    };
    refused("counts differ", "counts differ", &|s| {
        let fault = if databases { FaultKind::LoseRow } else { FaultKind::LoseDocument };
        s.faults.push(Fault { fault, after: None, during: None, at: None });
    });
    refused("the soak time has not passed", "that are to pass first", &|s| s.migration.soak = Some(NEVER));
    if databases {
        refused("something points at the source", "still point at the source", &|s| {
            if let Some(spec) = &mut s.rollback {
                spec.harm = Some(Harm::KeepSession);
            }
        });
    }
    cells
}

/// The order in which cells are drilled while time is short: by seed, so that every phase has its chance and the same seed
/// drills the same ones.
pub(super) fn drawn(cells: &[Cell], seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cells.len()).collect();
    order.sort_by_key(|at| {
        let text = format!("{seed}/{}", cells[*at].name);
        *blake3::hash(text.as_bytes()).as_bytes()
    });
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(more: &str) -> Scenario {
        Scenario::from_yaml("x", &format!("name: x\n{more}")).expect("it is right")
    }

    #[test]
    fn every_step_is_a_cell_and_every_refusal() {
        let cells = cells_of(&scenario(""), &From::Every, &Faults::default()).expect("cells");
        let ways: Vec<&Cell> = cells.iter().filter(|c| c.shows == Shows::WayBack).collect();
        assert!(ways.len() >= 25, "{}", ways.len());
        assert_eq!(ways.first().map(|c| c.from.as_str()), Some("phase-1/validate"));
        assert_eq!(ways.last().map(|c| c.from.as_str()), Some("phase-5/validate"));
        assert_eq!(cells.len() - ways.len(), 3);
        for cell in &cells {
            let text = serde_json::to_string(&cell.scenario).expect("JSON");
            // What a cell rehearses could be written down as a scenario.
            let back =
                Scenario::from_yaml(&cell.name, &text).unwrap_or_else(|e| panic!("{}: {e}", cell.name));
            assert_eq!(back, cell.scenario);
        }
    }

    #[test]
    fn what_the_scenario_says_holds_where_it_can() {
        let late = scenario("rollback: {from: phase-4/compare, after_writes: 7}\n");
        let cells = cells_of(
            &late,
            &From::Steps(vec!["phase-3/switch".into(), "phase-3/freeze".into()]),
            &Faults::default(),
        );
        let writes = |cell: &Cell| cell.scenario.rollback.as_ref().map(|r| r.after_writes);
        let told: Vec<_> = cells.expect("cells").iter().map(|c| (c.name.clone(), writes(c))).collect();
        assert_eq!(told, [("phase-3/freeze".into(), Some(0)), ("phase-3/switch".into(), Some(7))]);
        let wrong = cells_of(&late, &From::Steps(vec!["phase-3/freze".into()]), &Faults::default());
        assert!(wrong.is_err_and(|e| e.contains("did you mean `phase-3/freeze`?")));
    }

    #[test]
    fn the_seed_decides_the_order_and_leaves_nothing_out() {
        let cells = cells_of(&scenario(""), &From::Every, &Faults::default()).expect("cells");
        let (one, again, other) = (drawn(&cells, 1), drawn(&cells, 1), drawn(&cells, 2));
        assert_eq!(one, again);
        assert_ne!(one, other);
        let mut sorted = other;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..cells.len()).collect::<Vec<_>>());
    }
}
