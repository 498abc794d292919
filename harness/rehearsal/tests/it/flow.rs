//! The order of prepare, run, conclude and clean-up, on a fake world that does nothing but remember.

use drydock_core::event::Ending;
use drydock_core::event::{RECORD_VERSION, RunStarted};
use drydock_core::{
    Action, Class, Event, ExitCode, Plan, Record, RecordWriter, Redactor, Scenario, Step, StepId,
    StepOutcome, SystemClock, Verdict,
};
use drydock_rehearsal::flow::{
    AfterFailure, Attempt, Facts, Interrupt, Progress, StepError, Whereabouts, World, run,
};
use drydock_rehearsal::recorder::{NoObserver, Recorder};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Seek};
use std::sync::Arc;

/// A world in which every step succeeds unless told otherwise.
#[derive(Default)]
struct FakeWorld<'a> {
    did: RefCell<Vec<String>>,
    fails_at: Option<(&'static str, Class)>,
    interrupts_at: Option<(&'static str, &'a Interrupt)>,
    refuses: Option<Action>,
    after_failure: AfterFailure,
    reattached: RefCell<u32>,
    yaml: Option<&'static str>,
}

impl World for FakeWorld<'_> {
    async fn reattach(&mut self, _: &Progress) -> Result<(), StepError> {
        *self.reattached.borrow_mut() += 1;
        Ok(())
    }

    async fn perform(
        &mut self,
        step: &Step,
        attempt: Attempt,
        items: &BTreeSet<String>,
    ) -> Result<Facts, StepError> {
        let mut line = step.id.to_string();
        if attempt == Attempt::Again {
            line.push_str(" again");
        }
        if !items.is_empty() {
            line.push_str(&format!(" without {}", items.len()));
        }
        self.did.borrow_mut().push(line);
        if let Some((at, interrupt)) = self.interrupts_at
            && step.id.as_str() == at
        {
            interrupt.request();
        }
        match self.fails_at {
            Some((at, class)) if step.id.as_str() == at => {
                Err(StepError { class, message: format!("{at} broke"), next: "mend it".into() })
            }
            _ => Ok(Facts::new()),
        }
    }

    async fn plant(&mut self, _: &StepId) -> Result<(), StepError> {
        Ok(())
    }

    fn after_failure(&self) -> AfterFailure {
        self.after_failure
    }

    fn allows(&self, action: Action) -> Result<(), String> {
        if self.refuses == Some(action) { Err("there is an objection".into()) } else { Ok(()) }
    }
}

fn plan() -> Plan {
    plan_of(None)
}

fn plan_of(yaml: Option<&str>) -> Plan {
    Plan::of(&Scenario::from_yaml("test", yaml.unwrap_or("name: test")).expect("a right scenario"))
}

struct Ran {
    did: Vec<String>,
    ending: Ending,
    record: Record,
    reattached: u32,
}

async fn go(mut world: FakeWorld<'_>, progress: &Progress, interrupt: &Interrupt) -> Ran {
    let plan = plan_of(world.yaml);
    let mut file = tempfile::tempfile().expect("a temporary file");
    let out = file.try_clone().expect("a second handle");
    let recorder = Recorder::new(
        RecordWriter::new(out, 0, Redactor::default()),
        SystemClock::start(),
        Arc::new(NoObserver),
    );
    recorder.emit(Event::RunStarted(Box::new(RunStarted {
        record_version: RECORD_VERSION,
        drydock: "0.0.0".into(),
        run: "test".into(),
        scenario_file: "test.yaml".into(),
        scenario: Scenario::from_yaml("test", "name: test").expect("a name is enough"),
        plan: plan.clone(),
        ledger: Vec::new(),
        machine: BTreeMap::new(),
    })));
    let ending = run(&plan, &mut world, &recorder, progress, interrupt).await;
    file.rewind().expect("rewind");
    let record = Record::read(BufReader::new(file)).expect("the record reads");
    Ran { did: world.did.into_inner(), ending, record, reattached: world.reattached.into_inner() }
}

fn ids() -> Vec<String> {
    plan().steps.iter().map(|s| s.id.to_string()).collect()
}

#[tokio::test]
async fn every_step_is_done_once_and_in_order() {
    let ran = go(FakeWorld::default(), &Progress::default(), &Interrupt::default()).await;
    assert_eq!(ran.did, ids());
    assert_eq!(ran.ending, Ending::Complete);
    assert_eq!(ran.reattached, 0);
    // Nothing was compared, so the run proves nothing, however smoothly it went.
    assert_eq!(Verdict::of(&ran.record).exit_code, ExitCode::NotProven.code());
}

#[tokio::test]
async fn a_failed_step_ends_the_migration_but_not_the_tear_down() {
    for failing in ids() {
        let failing: &'static str = failing.leak();
        let world = FakeWorld { fails_at: Some((failing, Class::Data)), ..FakeWorld::default() };
        let ran = go(world, &Progress::default(), &Interrupt::default()).await;
        let last_two: Vec<&str> = ran.did.iter().rev().take(2).map(String::as_str).collect();
        assert_eq!(last_two, ["conclude/tear-down", "conclude/workload"], "{failing}");
        let position = ids().iter().position(|i| i == failing).unwrap_or_default();
        let expected: Vec<String> = ids()
            .into_iter()
            .enumerate()
            .filter(|(n, id)| *n <= position || id.starts_with("conclude/"))
            .map(|(_, id)| id)
            .collect();
        assert_eq!(ran.did, expected, "{failing}");
        assert_eq!(ran.ending, Ending::Stopped, "{failing}");
        assert_eq!(Verdict::of(&ran.record).exit_code, ExitCode::Different.code(), "{failing}");
    }
}

#[tokio::test]
async fn a_broken_environment_is_neither_a_pass_nor_a_data_fault() {
    for failing in ids() {
        let failing: &'static str = failing.leak();
        let world = FakeWorld { fails_at: Some((failing, Class::Environment)), ..FakeWorld::default() };
        let ran = go(world, &Progress::default(), &Interrupt::default()).await;
        let verdict = Verdict::of(&ran.record);
        assert_eq!(verdict.exit_code, ExitCode::CouldNotRun.code(), "{failing}");
        assert!(
            verdict
                .findings
                .iter()
                .all(|j| j.finding.class != Class::Data
                    || j.finding.outcome < drydock_core::Outcome::Different)
        );
    }
}

#[tokio::test]
async fn an_interrupt_finishes_the_step_and_tears_down() {
    let interrupt = Interrupt::default();
    let world = FakeWorld { interrupts_at: Some(("phase-3/freeze", &interrupt)), ..FakeWorld::default() };
    let ran = go(world, &Progress::default(), &interrupt).await;
    assert_eq!(ran.ending, Ending::Interrupted);
    let tail: Vec<&str> = ran.did.iter().rev().take(3).map(String::as_str).collect();
    assert_eq!(tail, ["conclude/tear-down", "conclude/workload", "phase-3/freeze"]);
    assert_eq!(Verdict::of(&ran.record).exit_code, ExitCode::Interrupted.code());
}

#[tokio::test]
async fn a_refused_step_is_skipped_and_told() {
    let world = FakeWorld { refuses: Some(Action::CleanupSource), ..FakeWorld::default() };
    let ran = go(world, &Progress::default(), &Interrupt::default()).await;
    assert!(!ran.did.iter().any(|d| d == "phase-5/cleanup"));
    assert!(ran.record.entries.iter().any(|e| matches!(
        &e.event,
        Event::StepFinished { step, outcome: StepOutcome::Skipped, facts, .. }
            if step.as_str() == "phase-5/cleanup" && facts.contains_key("refused")
    )));
}

#[tokio::test]
async fn a_resumed_run_keeps_what_is_done_and_repeats_what_was_begun() {
    let all = ids();
    let cut = all.iter().position(|i| i == "phase-3/restore/elasticsearch").unwrap_or_default();
    let step = StepId::from("phase-3/restore/elasticsearch");
    let progress = Progress {
        done: all[..cut].iter().map(|i| StepId::from(i.as_str())).collect(),
        begun: all[..=cut].iter().map(|i| StepId::from(i.as_str())).collect(),
        items: BTreeMap::from([(step, BTreeSet::from(["index-a".to_owned(), "index-b".to_owned()]))]),
        ..Progress::default()
    };
    let ran = go(FakeWorld::default(), &progress, &Interrupt::default()).await;
    assert_eq!(ran.reattached, 1);
    assert_eq!(ran.did[0], "phase-3/restore/elasticsearch again without 2");
    assert_eq!(ran.did[1..], all[cut + 1..]);
}

#[test]
fn progress_is_read_from_the_record_and_forgotten_when_a_run_starts_over() {
    let started = RunStarted {
        record_version: RECORD_VERSION,
        drydock: "0.0.0".into(),
        run: "test".into(),
        scenario_file: String::new(),
        scenario: Scenario::from_yaml("test", "name: test").expect("a name is enough"),
        plan: plan(),
        ledger: Vec::new(),
        machine: BTreeMap::new(),
    };
    let clock = SystemClock::start();
    let mut writer = RecordWriter::new(Vec::new(), 0, Redactor::default());
    let step = StepId::from("phase-3/freeze");
    let events = [
        Event::RunStarted(Box::new(started)),
        Event::StepStarted { step: step.clone() },
        Event::StepFinished { step, outcome: StepOutcome::Done, millis: 1, facts: Facts::new() },
        Event::StepStarted { step: "phase-3/backup/identity".into() },
    ];
    for event in events {
        writer.append(&clock, event).expect("memory takes it");
    }
    let read = |writer: &RecordWriter<Vec<u8>>| {
        Progress::of(&Record::read(writer.get_ref().as_slice()).expect("it reads"))
    };
    let progress = read(&writer);
    assert_eq!((progress.done.len(), progress.begun.len()), (1, 2));
    writer
        .append(&clock, Event::RunResumed { steps_kept: 0, starts_over: Some("gone".into()) })
        .expect("memory takes it");
    assert_eq!(read(&writer), Progress::default());
}

const LATE: &str = "name: test\nrollback: {from: phase-5/cleanup, after_writes: 3}\n";

#[tokio::test]
async fn a_way_back_is_gone_in_its_order() {
    let world = FakeWorld { yaml: Some(LATE), ..FakeWorld::default() };
    let ran = go(world, &Progress::default(), &Interrupt::default()).await;
    let expected: Vec<String> = plan_of(Some(LATE)).steps.iter().map(|s| s.id.to_string()).collect();
    assert_eq!(ran.did, expected);
    assert_eq!(ran.ending, Ending::Complete);
    // Nothing was compared: a way back that went smoothly proves nothing either.
    assert_eq!(Verdict::of(&ran.record).exit_code, ExitCode::NotProven.code());
}

#[tokio::test]
async fn a_migration_that_fails_is_gone_back_from_once_the_source_was_described() {
    let steps = plan_of(Some(LATE)).steps;
    let described = steps.iter().position(|s| s.id.as_str() == "rollback/baseline").unwrap_or_default();
    let returning =
        ["rollback/restart-source", "rollback/hold", "rollback/close", "rollback/switch", "rollback/compare"];
    for (at, step) in steps.iter().enumerate().filter(|(_, s)| !s.id.as_str().starts_with("conclude")) {
        let failing: &'static str = step.id.to_string().leak();
        let world =
            FakeWorld { yaml: Some(LATE), fails_at: Some((failing, Class::Data)), ..FakeWorld::default() };
        let ran = go(world, &Progress::default(), &Interrupt::default()).await;
        let after: Vec<&str> =
            ran.did.iter().map(String::as_str).skip_while(|d| *d != failing).skip(1).collect();
        let mut expected = Vec::new();
        if at > described && !step.belongs_to_way_back() {
            expected.extend(returning);
        }
        expected.extend(["conclude/workload", "conclude/tear-down"]);
        assert_eq!(after, expected, "{failing}");
        assert_eq!(ran.ending, Ending::Stopped, "{failing}");
        let wanted = if step.belongs_to_way_back() { ExitCode::RollbackFailed } else { ExitCode::Different };
        assert_eq!(Verdict::of(&ran.record).exit_code, wanted.code(), "{failing}");
    }
}

#[tokio::test]
async fn a_migration_that_is_going_to_be_mended_is_not_gone_back_from_and_goes_on_where_it_stopped() {
    let failing = "phase-3/restore/elasticsearch";
    let world = FakeWorld {
        yaml: Some(LATE),
        fails_at: Some((failing, Class::Environment)),
        after_failure: AfterFailure::Wait,
        ..FakeWorld::default()
    };
    let stopped = go(world, &Progress::default(), &Interrupt::default()).await;
    assert_eq!(stopped.ending, Ending::Stopped);
    let after: Vec<&str> =
        stopped.did.iter().map(String::as_str).skip_while(|d| *d != failing).skip(1).collect();
    assert_eq!(after, ["conclude/workload", "conclude/tear-down"], "nobody went back");
    let progress = Progress::of(&stopped.record);
    let world = FakeWorld { yaml: Some(LATE), after_failure: AfterFailure::Wait, ..FakeWorld::default() };
    let resumed = go(world, &progress, &Interrupt::default()).await;
    assert_eq!(resumed.ending, Ending::Complete);
    assert_eq!(resumed.did.first().map(String::as_str), Some("phase-3/restore/elasticsearch again"));
    for step in ["rollback/hold", "rollback/switch", "rollback/compare"] {
        assert!(resumed.did.iter().any(|d| d == step), "{step}: {:?}", resumed.did);
    }
}

#[tokio::test]
async fn a_run_that_was_given_up_is_not_gone_on_with_however_often_it_is_resumed() {
    let steps = plan_of(Some(LATE)).steps;
    let described = steps.iter().position(|s| s.id.as_str() == "rollback/baseline").unwrap_or_default();
    let failing = steps.iter().enumerate().filter(|(at, s)| *at > described && !s.belongs_to_way_back());
    for (_, step) in failing.filter(|(_, s)| !s.id.as_str().starts_with("conclude")) {
        let failing: &'static str = step.id.to_string().leak();
        let late = || FakeWorld { yaml: Some(LATE), ..FakeWorld::default() };
        let world = FakeWorld { fails_at: Some((failing, Class::Environment)), ..late() };
        let stopped = go(world, &Progress::default(), &Interrupt::default()).await;
        let plan = plan_of(Some(LATE));
        let progress = Progress::of(&stopped.record);
        assert_eq!(progress.whereabouts(&plan), Whereabouts::OnSource, "{failing}");
        assert!(progress.gave_up(&plan), "{failing}");
        let resumed = go(late(), &progress, &Interrupt::default()).await;
        let did: Vec<&str> = resumed.did.iter().map(String::as_str).collect();
        assert_eq!(did, ["conclude/workload again", "conclude/tear-down again"], "{failing}");
        assert_eq!(resumed.ending, Ending::Stopped, "{failing}");
        // Killed on its way back it goes on with that, and with nothing else.
        let mut halfway = progress.clone();
        halfway
            .done
            .retain(|s| !["rollback/close", "rollback/switch", "rollback/compare"].contains(&s.as_str()));
        halfway.begun.retain(|s| !["rollback/switch", "rollback/compare"].contains(&s.as_str()));
        assert_eq!(halfway.whereabouts(&plan), Whereabouts::Waiting, "{failing}");
        let resumed = go(late(), &halfway, &Interrupt::default()).await;
        let did: Vec<&str> = resumed.did.iter().map(String::as_str).collect();
        let rest = ["rollback/close again", "rollback/switch", "rollback/compare"];
        assert_eq!(did[..3], rest, "{failing}");
    }
    // A way back that was planned is gone on with like any other step, though the clean-up before it was refused.
    let plan = plan_of(Some(LATE));
    let until = steps.iter().position(|s| s.id.as_str() == "rollback/close").unwrap_or_default();
    let ids = |skip: &str| {
        steps[..until].iter().map(|s| s.id.clone()).filter(|s| s.as_str() != skip).collect::<BTreeSet<_>>()
    };
    let planned = Progress {
        done: ids("phase-5/cleanup"),
        begun: ids(""),
        skipped: BTreeSet::from([StepId::from("phase-5/cleanup")]),
        ..Progress::default()
    };
    assert!(!planned.gave_up(&plan));
    // And what was refused before it is not asked for again on the way back.
    let world = FakeWorld { yaml: Some(LATE), ..FakeWorld::default() };
    let resumed = go(world, &planned, &Interrupt::default()).await;
    assert_eq!(resumed.did.first().map(String::as_str), Some("rollback/close"), "{:?}", resumed.did);
    assert_eq!(resumed.ending, Ending::Complete);
    let unsettled = Progress { skipped: BTreeSet::new(), ..planned };
    assert!(unsettled.gave_up(&plan));
}

#[test]
fn users_are_where_the_last_step_that_moved_them_left_them() {
    let plan = plan_of(Some(LATE));
    let all: Vec<StepId> = plan.steps.iter().map(|s| s.id.clone()).collect();
    let at = |step: &str| all.iter().position(|s| s.as_str() == step).unwrap_or_default();
    let whereabouts = |last: &str, finished: bool| {
        let begun: BTreeSet<StepId> = all[..=at(last)].iter().cloned().collect();
        let mut done = begun.clone();
        if !finished {
            done.remove(&StepId::from(last));
        }
        Progress { begun, done, ..Progress::default() }.whereabouts(&plan)
    };
    use Whereabouts::{OnSource, OnTarget, Waiting};
    for (step, begun, done) in [
        ("phase-3/save", OnSource, OnSource),
        ("phase-3/freeze", Waiting, Waiting),
        ("phase-3/pin", Waiting, Waiting),
        ("phase-3/switch", Waiting, OnTarget),
        ("phase-5/guard", OnTarget, OnTarget),
        ("rollback/hold", OnTarget, OnTarget),
        ("rollback/close", Waiting, Waiting),
        ("rollback/switch", Waiting, OnSource),
        ("rollback/compare", OnSource, OnSource),
    ] {
        assert_eq!((whereabouts(step, false), whereabouts(step, true)), (begun, done), "{step}");
    }
}
