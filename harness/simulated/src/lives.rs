//! The lives of a simulated run: one after the other until it has come to its end, each with the flow of real runs and the record of
//! the ones before.

use crate::clock::VirtualClock;
use crate::play::Ended;
use crate::promises::Promise;
use crate::schedule::Side;
use crate::world::{SimWorld, Stage};
use drydock_core::event::{Ending, RECORD_VERSION, RunStarted};
use drydock_core::finding::{Finding, Kind};
use drydock_core::{Event, Record, RecordWriter, Redactor, RunId};
use drydock_rehearsal::Recorder;
use drydock_rehearsal::flow::{self, Interrupt, Progress, Whereabouts};
use drydock_rehearsal::recorder::NoObserver;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a run that stopped is resumed.
const RESUMES: u32 = 6;
/// Between the end of a life and its resumption.
const MENDING: Duration = Duration::from_secs(5);
/// A migration that has not ended after so long does not end.
const FOR_EVER: Duration = Duration::from_secs(6 * 3_600);
/// Users work on so long after the end.
const AFTERWARDS: Duration = Duration::from_secs(6);

/// Lives all lives of a run, and lets users work on for a while wherever they are then.
pub(crate) async fn live(stage: &Stage) -> Ended {
    let ended = match tokio::time::timeout(FOR_EVER, lives(stage)).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => Ended::Broken(format!("the record cannot be kept: {error}")),
        Err(_) => {
            let message = format!("the migration has not ended after {} h", FOR_EVER.as_secs() / 3_600);
            stage.broke(Promise::ComesToAnEnd, stops(message));
            Ended::Stopped("it does not end".into())
        }
    };
    tokio::time::sleep(AFTERWARDS).await;
    ended
}

fn stops(message: String) -> Finding {
    Finding::data("simulation", Kind::StillActive, "migration", message)
}

fn path(stage: &Stage) -> PathBuf {
    stage.folder.join("record.jsonl")
}

/// The record so far; nothing before the first life.
pub(crate) fn read(stage: &Stage) -> io::Result<Record> {
    Record::read(BufReader::new(File::open(path(stage))?)).map_err(io::Error::other)
}

/// Opens the record for one life: with its first line, or where the life before left it.
fn begin(stage: &Stage, first: bool) -> io::Result<(Recorder, Progress)> {
    let file = OpenOptions::new().create(true).append(true).open(path(stage))?;
    let record = if first { None } else { Some(read(stage)?) };
    file.set_len(record.as_ref().map_or(0, |r| r.whole_bytes))?;
    let next = record.as_ref().map_or(0, |r| r.entries.len() as u64);
    let clock = VirtualClock::new(stage.script.begun());
    let recorder =
        Recorder::new(RecordWriter::new(file, next, Redactor::default()), clock, Arc::new(NoObserver));
    let Some(record) = record else {
        recorder.emit(Event::RunStarted(Box::new(RunStarted {
            record_version: RECORD_VERSION,
            drydock: env!("CARGO_PKG_VERSION").to_owned(),
            run: RunId(format!("simulated-{}", stage.schedule.seed)),
            scenario_file: String::new(),
            scenario: stage.scenario.clone(),
            plan: stage.plan.clone(),
            ledger: Vec::new(),
            machine: BTreeMap::new(),
        })));
        return Ok((recorder, Progress::default()));
    };
    let progress = Progress::of(&record);
    let steps_kept = progress.done.len() as u64;
    recorder.emit(Event::RunResumed { steps_kept, starts_over: None });
    Ok((recorder, progress))
}

async fn lives(stage: &Stage) -> io::Result<Ended> {
    let interrupt = Interrupt::default();
    let (mut first, mut failures, mut given_up) = (true, 0, false);
    loop {
        let (recorder, progress) = begin(stage, first)?;
        first = false;
        let progress = stage.as_resumed(progress);
        let struck = stage.script.struck();
        let mut world = SimWorld::new(stage, recorder.clone());
        let ending = tokio::select! {
            biased;
            () = stage.death.notified() => None,
            ending = flow::run(&stage.plan, &mut world, &recorder, &progress, &interrupt) => Some(ending),
        };
        recorder.check()?;
        let why = std::mem::take(&mut world.last_error);
        drop(world);
        match ending {
            Some(Ending::Complete) => return Ok(Ended::Complete),
            None => {}
            Some(_) => {
                let now = Progress::of(&read(stage)?);
                // Users are back, or on their way: a resume must not change that, and is tried to see that it does not.
                if now.gave_up(&stage.plan) && std::mem::replace(&mut given_up, true) {
                    operate(stage, &now);
                    return Ok(Ended::Stopped("the migration was given up and gone back from".into()));
                }
                failures += 1;
                if failures > RESUMES {
                    // Nothing here stays wrong for long: what stops though nothing went wrong stops for ever.
                    if stage.script.struck() == struck {
                        let message = format!(
                            "the migration stops though it was resumed and nothing stood in its way: {why}"
                        );
                        stage.broke(Promise::ComesToAnEnd, stops(message));
                    }
                    operate(stage, &now);
                    return Ok(Ended::Stopped(stage.shown(&why)));
                }
            }
        }
        tokio::time::sleep(MENDING).await;
    }
}

/// What people do with a run that stopped for good while users wait: they let them in where they were.
fn operate(stage: &Stage, progress: &Progress) {
    stage.script.tell(|| "stopped for good".into());
    if stage.application.gate.side().is_some() {
        return;
    }
    let on_target =
        progress.opened_ms.is_some() && progress.whereabouts(&stage.plan) != Whereabouts::OnSource;
    stage.let_in(if on_target { Side::Target } else { Side::Source });
}
