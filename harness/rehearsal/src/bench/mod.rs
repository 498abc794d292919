//! Measuring a scenario at several volumes, several times, in an order that nobody chose, and keeping every run.

mod history;
mod machine;
mod rounds;

pub use history::{BenchError, HistoryFile, read_history};
pub use machine::measure as measure_machine;
pub use rounds::{Bench, Round, Turn, WARM, rounds, seconds_left};

use crate::clock::run_id;
use crate::flow::{AfterFailure, Interrupt, Progress};
use crate::folder::RunFolder;
use crate::recorder::Observer;
use crate::stage::{Age, Stage};
use crate::start::{
    Beginning, Begun, Lent, RehearsalError, RehearsalOptions, Rehearsed, begin, file_error, generated_only,
    go_through, ledger_of, plan_of, read_record, runs_of,
};
use drydock_core::{Action, Plan, Record, RunId, Scenario};
use drydock_estimate::MeasuredRun;
use std::path::Path;
use std::sync::Arc;

/// Somebody who watches a bench.
pub trait Watcher: Send + Sync {
    /// A run begins: number (from 1), how many there are, and about how many seconds all that are left will take. Returns
    /// who watches the run.
    fn begins(&self, round: &Round, number: usize, of: usize, left: Option<f64>) -> Arc<dyn Observer>;
    /// It has ended, and is in the history unless it was a warm-up.
    fn measured(&self, round: &Round, run: &MeasuredRun);
}

/// Runs every round. Each is appended to the history when it has ended, so that a kill loses one run at most. Returns the
/// new runs, without warm-ups.
///
/// All rounds share their stores, which are emptied in between, and their source is not cleaned up: both have run for long when
/// a migration reaches them, and a store that has only just been started spends more time on warming up than on a small volume.
///
/// # Errors
/// The scenario or the history cannot be read, the history cannot be written, or the stores cannot be started.
pub async fn bench(
    file: &Path,
    bench: &Bench,
    options: &RehearsalOptions,
    watcher: &dyn Watcher,
    interrupt: &Interrupt,
) -> Result<Vec<MeasuredRun>, BenchError> {
    let mut history = HistoryFile::open(&bench.history)?;
    // The stores are the same at every volume, so they are those that the largest needs.
    let largest = RehearsalOptions { documents: bench.documents.iter().copied().max(), ..options.clone() };
    let (scenario, _) = plan_of(file, &largest)?;
    generated_only(&scenario, "bench")?;
    let (run, runs) = (run_id(&format!("bench-{}", scenario.name), jiff::Timestamp::now()), runs_of(options));
    let folder = RunFolder::create(&runs, &run)
        .map_err(file_error(format!("cannot make the folder {}", runs.join(run.as_str()).display())))?;
    let mut shared = Shared { stage: Stage::new(run.as_str(), folder.path()), scenario, run, rounds: 0 };
    let measured = measure(file, bench, options, watcher, interrupt, (&mut history, &mut shared)).await;
    // What a bench leaves is seen to in any case; the first failure is the one to tell.
    let struck = shared.stage.strike().await;
    let measured = measured?;
    struck?;
    Ok(measured)
}

/// The stores of all rounds.
struct Shared {
    stage: Stage,
    /// What they are started for.
    scenario: Scenario,
    /// Name of the bench.
    run: RunId,
    /// How many rounds were begun.
    rounds: u32,
}

async fn measure(
    file: &Path,
    bench: &Bench,
    options: &RehearsalOptions,
    watcher: &dyn Watcher,
    interrupt: &Interrupt,
    (history, shared): (&mut HistoryFile, &mut Shared),
) -> Result<Vec<MeasuredRun>, BenchError> {
    let rounds = rounds(bench);
    let (mut measured, mut took) = (Vec::new(), Vec::new());
    let (mut at, mut again) = (0, false);
    while let Some(round) = rounds.get(at).filter(|_| !interrupt.requested()) {
        let left = seconds_left(&took, &rounds[at..]);
        let observer = watcher.begins(round, at + 1, rounds.len(), left);
        let machine = tokio::task::spawn_blocking({
            let folder = bench.history.parent().map(Path::to_owned).unwrap_or_default();
            move || measure_machine(&folder)
        })
        .await
        .unwrap_or_default();
        let options = RehearsalOptions {
            documents: Some(round.documents),
            profile: round.profile.or(options.profile),
            way: Some(round.way),
            ..options.clone()
        };
        let (rehearsed, age) = one(file, &options, shared, observer, interrupt).await?;
        let record = read_record(&rehearsed.folder.join("record.jsonl"))?;
        let run = MeasuredRun::of(&record, &rehearsed.summary, machine);
        took.push((round.documents, run.run_seconds));
        // Half a run says nothing about whole ones.
        if interrupt.requested() {
            break;
        }
        let kept = round.turn != Turn::WarmUp;
        // New stores in the middle are cold where those of the other rounds were warm: this round was their warm-up.
        if kept && !again && age == Age::New && bench.warm_ups > 0 {
            again = true;
            continue;
        }
        if kept {
            history.append(&run)?;
        }
        watcher.measured(round, &run);
        if kept {
            measured.push(run);
        }
        (at, again) = (at + 1, false);
    }
    Ok(measured)
}

/// One round on the stores of the bench.
async fn one(
    file: &Path,
    options: &RehearsalOptions,
    shared: &mut Shared,
    observer: Arc<dyn Observer>,
    interrupt: &Interrupt,
) -> Result<(Rehearsed, Age), BenchError> {
    let (scenario, mut plan) = plan_of(file, options)?;
    keep_source(&scenario, &mut plan);
    let ledger = ledger_of(&scenario, file)?;
    let say = |text: &str| observer.say(text);
    let (stores, blank, age) = shared.stage.lend(&shared.scenario, options, &say).await?;
    shared.rounds += 1;
    // If it cannot be begun, the stage is struck with the stores that were lent.
    let Begun { started, folder, recorder } = begin(
        Beginning {
            run: RunId(format!("{}.{:02}", shared.run, shared.rounds)),
            runs: runs_of(options),
            scenario_file: file.display().to_string(),
            scenario,
            plan,
            ledger,
        },
        observer,
    )?;
    let lent = Lent { stores, after_failure: AfterFailure::default() };
    let (rehearsed, stores) =
        go_through(started, folder, options, recorder, Progress::default(), interrupt, Some(lent)).await;
    if let Some(stores) = stores {
        shared.stage.take_back(stores, blank);
    }
    Ok((rehearsed?, age))
}

/// A source that is cleaned up is a store that has only just been started in the next round: it would be measured at warming up
/// what a real source has had for months. A way back from there on needs it gone.
fn keep_source(scenario: &Scenario, plan: &mut Plan) {
    if scenario.rollback.is_none() {
        plan.steps.retain(|s| !matches!(s.action, Action::CleanupSource | Action::ValidateAlone));
    }
}

/// A run as the history would hold it, without the probes of the machine.
///
/// # Errors
/// There is no such record, or it cannot be used.
pub fn measured_run(folder: &Path) -> Result<MeasuredRun, RehearsalError> {
    let record: Record = read_record(&folder.join("record.jsonl"))?;
    let summary = drydock_core::Summary::of(&record);
    Ok(MeasuredRun::of(&record, &summary, drydock_estimate::Machine::default()))
}
