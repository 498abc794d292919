//! Measuring a scenario at several volumes, several times, in an order that nobody chose, and keeping every run.

mod history;
mod machine;
mod rounds;

pub use history::{BenchError, HistoryFile, read_history};
pub use machine::measure as measure_machine;
pub use rounds::{Bench, Round, Turn, rounds, seconds_left};

use crate::flow::Interrupt;
use crate::recorder::Observer;
use crate::start::{RehearsalError, RehearsalOptions, read_record, rehearse};
use drydock_core::Record;
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
/// # Errors
/// The scenario or the history cannot be read, or the history cannot be written.
pub async fn bench(
    file: &Path,
    bench: &Bench,
    options: &RehearsalOptions,
    watcher: &dyn Watcher,
    interrupt: &Interrupt,
) -> Result<Vec<MeasuredRun>, BenchError> {
    let mut history = HistoryFile::open(&bench.history)?;
    let rounds = rounds(bench);
    let (mut measured, mut took) = (Vec::new(), Vec::new());
    for (at, round) in rounds.iter().enumerate() {
        if interrupt.requested() {
            break;
        }
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
        let rehearsed = rehearse(file, &options, observer, interrupt).await?;
        let record = read_record(&rehearsed.folder.join("record.jsonl"))?;
        let run = MeasuredRun::of(&record, &rehearsed.summary, machine);
        took.push((round.documents, run.run_seconds));
        // Half a run says nothing about whole ones.
        if interrupt.requested() {
            break;
        }
        if round.turn != Turn::WarmUp {
            history.append(&run)?;
        }
        watcher.measured(round, &run);
        if round.turn != Turn::WarmUp {
            measured.push(run);
        }
    }
    Ok(measured)
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
