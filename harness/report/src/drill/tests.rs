use super::*;
use drydock_core::event::{RECORD_VERSION, RunStarted};
use drydock_core::finding::{Class, Finding, Kind, Outcome};
use drydock_core::life::{Life, LifeEnd};
use drydock_core::names::{CheckId, checks};
use drydock_core::scenario::FaultKind;
use drydock_core::summary::Planted;
use drydock_core::verdict::{CheckVerdict, Judged};
use drydock_core::{Entry, Event, Plan, Record, RunId, Scenario};
use std::collections::BTreeMap;

fn cell(name: &str, exit: ExitCode) -> CellReport {
    let mut cell = CellReport::left_out(name, &StepId::from(name), Meant::WayBack, Left::NoTime);
    (cell.left_out, cell.exit_code) = (None, exit.code());
    cell
}

fn drill(cells: Vec<CellReport>) -> DrillReport {
    DrillReport {
        drydock: "0.0.0".into(),
        run: "drill-x".into(),
        scenario: "x".into(),
        seed: 1,
        seconds: 1.0,
        cells,
    }
}

#[test]
fn the_worst_cell_decides_and_nothing_drilled_is_no_pass() {
    let left = || CellReport::left_out("a", &StepId::from("a"), Meant::WayBack, Left::NoTime);
    assert_eq!(drill(vec![left()]).exit(), ExitCode::NotProven);
    assert_eq!(drill(vec![left(), cell("b", ExitCode::Equal)]).exit(), ExitCode::Equal);
    let cells = vec![cell("b", ExitCode::Different), cell("c", ExitCode::RollbackFailed), left()];
    assert_eq!(drill(cells.clone()).exit(), ExitCode::RollbackFailed);
    assert!(drill(cells).render().contains("1 of 3 cells NOT drilled"));
    let interrupted = CellReport::left_out("d", &StepId::from("d"), Meant::WayBack, Left::Interrupted);
    assert_eq!(drill(vec![cell("b", ExitCode::Equal), interrupted]).exit(), ExitCode::Interrupted);
}

#[test]
fn what_was_not_drilled_is_named_by_step_and_has_no_row() {
    let left = |from: &str, fault: Option<FaultKind>, why| {
        let step = StepId::from("phase-3/restore/elasticsearch");
        let meant = fault
            .map_or(Meant::WayBack, |fault| Meant::Fault(Disturbance { fault, step, must_tell: Vec::new() }));
        let name = fault.map_or(from.to_owned(), |f| format!("{from} with {}", f.as_str()));
        CellReport::left_out(&name, &StepId::from(from), meant, why)
    };
    let report = drill(vec![
        cell("phase-3/pin", ExitCode::Equal),
        left("phase-3/pin", Some(FaultKind::LoseRow), Left::NoTime),
        left("phase-3/pin", Some(FaultKind::DiskFull), Left::NoTime),
        left("phase-3/pin", Some(FaultKind::LoseAlias), Left::Interrupted),
        left("phase-4/compare", None, Left::NoTime),
    ]);
    let named = [
        "phase-3/pin: lose-row, disk-full (no time)",
        "phase-3/pin: lose-alias (interrupted)",
        "phase-4/compare: no time",
    ];
    assert_eq!(report.not_drilled(), named);
    // Heading, the one cell that was drilled, how many were not, and what it comes to.
    assert_eq!(report.render().lines().count(), 4, "{}", report.render());
    assert!(report.render().contains("not drilled: 4 cells"), "{}", report.render());
    for step in named {
        assert!(report.markdown().contains(&format!("- {}", escaped(step))), "{}", report.markdown());
        assert!(report.html().contains(step), "{step}");
    }
}

#[test]
fn nothing_in_a_name_breaks_the_table() {
    let report = drill(vec![cell("a|b\n\u{1b}[31m", ExitCode::Equal)]);
    assert_eq!(report.render().lines().count(), 3);
    assert_eq!(report.markdown().lines().filter(|l| l.starts_with('|')).count(), 3);
    let back: DrillReport = serde_json::from_str(&report.json()).expect("it reads");
    assert_eq!(back, report);
}

/// What a cell with a fault came to, in the least that is judged.
struct Told {
    fault: FaultKind,
    asked: &'static [&'static str],
    findings: Vec<Finding>,
    restored: Restored,
    ended: ExitCode,
    /// Of the life before the last.
    stopped: Option<(&'static str, Class)>,
    happened: bool,
}

const STEP: &str = "phase-3/restore/elasticsearch";

impl Told {
    fn of(fault: FaultKind) -> Self {
        Self {
            fault,
            asked: &[],
            findings: Vec::new(),
            restored: Restored::Yes,
            ended: ExitCode::Equal,
            stopped: None,
            happened: true,
        }
    }

    fn red(mut self, ended: ExitCode, checks: &[&str]) -> Self {
        self.findings.extend(checks.iter().map(|c| Finding::data(c, Kind::Missing, "x", "x is missing")));
        self.ended = ended;
        self
    }

    fn summary(&self) -> Summary {
        let scenario =
            Scenario::from_yaml("x", "name: x\nrollback: {from: phase-4/compare}\n").expect("it is right");
        let started = Event::RunStarted(Box::new(RunStarted {
            record_version: RECORD_VERSION,
            drydock: "0.0.0".into(),
            run: RunId::new("x"),
            scenario_file: "x".into(),
            plan: Plan::of(&scenario),
            scenario,
            ledger: Vec::new(),
            machine: BTreeMap::new(),
        }));
        let at = jiff::Timestamp::UNIX_EPOCH;
        let line = serde_json::to_string(&Entry { seq: 0, at, ms: 0, event: started }).expect("JSON");
        let record = Record::read(format!("{line}\n").as_bytes()).expect("a record");
        let mut summary = Summary::of(&record);
        let outcome = |check: &str| {
            let of_check = self.findings.iter().filter(|f| f.check.as_str() == check);
            of_check.map(|f| f.outcome).max().unwrap_or(Outcome::Equal)
        };
        summary.verdict.checks = self
            .asked
            .iter()
            .map(|check| CheckVerdict {
                check: CheckId::from(*check),
                outcome: outcome(check),
                compared: 7,
                findings: 0,
                note: String::new(),
                millis: 1,
            })
            .collect();
        summary.verdict.findings =
            self.findings.iter().cloned().map(|finding| Judged { finding, expected_because: None }).collect();
        summary.verdict.exit_code = self.ended.code();
        if self.happened && !self.fault.must_be_told() {
            summary.notes.push(format!("caused on purpose in {STEP}: {} (x)", self.fault.as_str()));
        } else if self.happened {
            summary.planted.push(Planted {
                fault: self.fault.as_str().into(),
                after: STEP.into(),
                item: "x".into(),
            });
        }
        summary.lives.extend(self.stopped.map(|(step, class)| Life {
            end: LifeEnd::Stopped,
            step: Some(step.into()),
            class: Some(class),
            cause: Some("it was killed".into()),
            at_seconds: 1.0,
        }));
        let back = summary.rollback.as_mut().expect("it goes back");
        (back.restored, back.rto_seconds) = (self.restored, Some(1.0));
        summary
    }

    fn cell(&self) -> CellReport {
        let must_tell = self.asked.iter().map(|c| CheckId::from(*c)).collect();
        let disturbed = Disturbance { fault: self.fault, step: STEP.into(), must_tell };
        CellReport::of("x", &StepId::from("phase-4/compare"), Meant::Fault(disturbed), &self.summary())
    }

    fn judged(&self) -> (AsMeant, ExitCode) {
        let cell = self.cell();
        (cell.as_meant.expect("it is judged"), cell.exit())
    }
}

#[test]
fn what_ends_as_it_must_makes_no_drill_red() {
    use FaultKind::{ConnectionReset, LateWrite, LoseRow, MappingRefused, SlowAnswers, TargetKilled};
    let yes = (AsMeant::Yes, ExitCode::Equal);
    assert_eq!(Told::of(ConnectionReset).judged(), yes);
    let stopped = Told { stopped: Some((STEP, Class::Environment)), ..Told::of(TargetKilled) };
    assert_eq!(stopped.judged(), yes);
    let failed = Told { stopped: Some((STEP, Class::Data)), ..Told::of(MappingRefused) };
    assert_eq!(failed.judged(), yes);
    let rows = Told { asked: &[checks::PG_ROWS, checks::PG_COUNTS], ..Told::of(LoseRow) };
    let told = rows.red(ExitCode::Different, &[checks::PG_ROWS, checks::PG_COUNTS, checks::KC_USERS]);
    assert_eq!(told.judged(), yes);
    // Left before anything was compared: nobody was asked.
    assert_eq!(Told::of(LoseRow).red(ExitCode::NotProven, &["planted-losses"]).judged(), yes);
    let late = Told { asked: &[checks::FREEZE], restored: Restored::No, ..Told::of(LateWrite) };
    assert_eq!(late.red(ExitCode::RollbackFailed, &[checks::FREEZE, checks::RB_RESTORED]).judged(), yes);
    let mut slow = Told::of(SlowAnswers).red(ExitCode::BudgetMissed, &[checks::DOWNTIME]);
    (slow.findings[0].kind, slow.findings[0].class) = (Kind::OverBudget, Class::Budget);
    assert_eq!(slow.judged(), yes);
    let report = drill(vec![slow.cell(), stopped.cell()]);
    assert_eq!(report.exit(), ExitCode::Equal);
    assert!(report.render().contains("slow-answers") && report.headline().contains("2 of 2 with a fault"));
    assert!(report.markdown().contains("as meant") && report.html().contains("target-killed"));
}

#[test]
fn what_users_lose_by_going_back_counts_with_a_fault_as_without() {
    let mut lost = Told::of(FaultKind::ConnectionReset).red(ExitCode::Different, &[checks::RB_WRITES]);
    lost.findings[0].kind = Kind::LostWrite;
    assert_eq!(lost.judged(), (AsMeant::Yes, ExitCode::Different));
    // What they had before the cutover is no price of it.
    lost.findings[0].subject = "before the cutover".into();
    assert_eq!(lost.judged(), (AsMeant::Unexpected, ExitCode::Different));
}

#[test]
fn what_is_lost_untold_or_red_for_nothing_makes_it_red() {
    use FaultKind::{ConnectionReset, LoseRow, TargetKilled};
    let two: &[&str] = &[checks::PG_ROWS, checks::PG_COUNTS];
    let silent = Told { asked: two, ..Told::of(LoseRow) };
    assert_eq!(silent.judged(), (AsMeant::Untold, ExitCode::Different));
    let half = Told { asked: two, ..Told::of(LoseRow) }.red(ExitCode::Different, &[checks::PG_ROWS]);
    assert_eq!(half.judged(), (AsMeant::Untold, ExitCode::Different));
    let alarm = Told::of(ConnectionReset).red(ExitCode::Different, &[checks::ES_DOCUMENTS]);
    assert_eq!(alarm.judged(), (AsMeant::Unexpected, ExitCode::Different));
    assert!(alarm.cell().headline.contains("NOT as meant"), "{}", alarm.cell().headline);
    let both = Told { asked: two, ..Told::of(LoseRow) };
    let both = both.red(ExitCode::Different, &[checks::PG_ROWS, checks::PG_COUNTS, checks::ES_SETTINGS]);
    assert_eq!(both.judged(), (AsMeant::Unexpected, ExitCode::Different));
    let changed = Told { restored: Restored::No, ..Told::of(ConnectionReset) };
    let changed = changed.red(ExitCode::RollbackFailed, &[checks::RB_RESTORED]);
    assert_eq!(changed.judged(), (AsMeant::Lost, ExitCode::RollbackFailed));
    // A run that nothing stopped has not suffered what stops runs; one that stopped elsewhere has suffered something else.
    assert_eq!(Told::of(TargetKilled).judged(), (AsMeant::Unexpected, ExitCode::NotProven));
    let elsewhere = Told { stopped: Some(("phase-3/pin", Class::Environment)), ..Told::of(TargetKilled) };
    assert_eq!(elsewhere.judged(), (AsMeant::Unexpected, ExitCode::NotProven));
    let other = Told { stopped: Some((STEP, Class::Data)), ..Told::of(TargetKilled) };
    assert_eq!(other.judged(), (AsMeant::Unexpected, ExitCode::NotProven));
    assert_eq!(drill(vec![alarm.cell(), Told::of(ConnectionReset).cell()]).exit(), ExitCode::Different);
}

#[test]
fn where_only_the_surroundings_failed_the_exit_code_says_so() {
    let never = Told { happened: false, ..Told::of(FaultKind::ConnectionReset) };
    assert_eq!(never.judged(), (AsMeant::Environment, ExitCode::CouldNotRun));
    let mut cut = Told { asked: &[checks::PG_ROWS], ..Told::of(FaultKind::LoseRow) };
    cut = cut.red(ExitCode::CouldNotRun, &["drill"]);
    (cut.findings[0].class, cut.findings[0].outcome) = (Class::Environment, Outcome::NotProven);
    assert_eq!(cut.judged(), (AsMeant::Environment, ExitCode::CouldNotRun));
}
