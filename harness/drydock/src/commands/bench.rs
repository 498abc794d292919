//! `drydock bench`: downtime per volume, way and step, run by run.

use super::estimate::write_page;
use super::rehearse;
use crate::cli::Bench as Arguments;
use crate::terminal::Terminal;
use drydock_core::{ExitCode, Outcome};
use drydock_estimate::regress::{Comparison, compare};
use drydock_estimate::{Asked, History, MeasuredRun, Question, Way, estimate};
use drydock_rehearsal::bench::{Bench, BenchError, Round, Turn, Watcher, bench, read_history};
use drydock_rehearsal::flow::Interrupt;
use drydock_rehearsal::{Observer, RehearsalOptions, plan_of};
use drydock_report::estimate::{Subject, measured_line, measured_table, render_comparison, span};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};

/// Measures, appends, and compares if asked to.
pub(crate) async fn run(arguments: &Arguments) -> ExitCode {
    let options = RehearsalOptions {
        seed: arguments.seed,
        runs: Some(arguments.runs.clone()),
        postgres_home: arguments.homes.postgres_home.clone(),
        elasticsearch_home: arguments.homes.elasticsearch_home.clone(),
        ..RehearsalOptions::default()
    };
    let scenario = match plan_of(&arguments.scenario, &options) {
        Ok((scenario, _)) => scenario,
        Err(error) => return rehearse::fail(error),
    };
    let earlier = match arguments.against.as_deref().map(read_history).transpose() {
        Ok(earlier) => earlier,
        Err(error) => return fail(error),
    };
    let ways = match arguments.movers.as_slice() {
        [] => vec![Way::of(&scenario.migration)],
        asked => asked.to_vec(),
    };
    let asked = Bench {
        documents: arguments.documents.clone(),
        repeat: arguments.repeat,
        ways,
        profiles: arguments.profiles.clone(),
        warm_ups: arguments.warm_ups,
        seed: arguments.order_seed,
        history: arguments.history.clone(),
    };
    let interrupt = Arc::new(Interrupt::default());
    rehearse::listen(Arc::clone(&interrupt), rehearse::TEAR_DOWN);
    let screen = Screen::default();
    let measured = bench(&arguments.scenario, &asked, &options, &screen, &interrupt).await;
    screen.finish();
    let runs = match measured {
        Ok(runs) => runs,
        Err(error) => return fail(error),
    };
    let comparison = earlier.map(|earlier| against(&earlier, &runs));
    if arguments.json {
        let told = json!({"runs": runs, "comparison": comparison});
        super::print_value(&told);
    } else {
        super::print(&measured_table(&runs));
        if let Some(comparison) = &comparison {
            super::print(&render_comparison(comparison));
        }
    }
    let mut exit = comparison.map_or(ExitCode::Equal, |c| c.exit());
    exit = exit.worst(page(arguments, &scenario.name));
    // A migration that loses something may well be fast.
    for run in &runs {
        exit = exit.worst(match run.outcome {
            Outcome::Different => ExitCode::Different,
            Outcome::NotProven => ExitCode::NotProven,
            _ => ExitCode::Equal,
        });
    }
    if runs.iter().any(|r| !r.is_complete()) {
        exit = exit.worst(ExitCode::CouldNotRun);
    }
    if interrupt.requested() { exit.worst(ExitCode::Interrupted) } else { exit }
}

/// Writes the page of everything that the history knows of the scenario, the runs of other days included: the interval needs
/// more runs than one bench makes. Without a run that came to its end there is nothing to draw.
fn page(arguments: &Arguments, scenario: &str) -> ExitCode {
    let history = match read_history(&arguments.history) {
        Ok(history) => history,
        Err(error) => return fail(error),
    };
    let ended = history.runs.iter().filter(|r| r.is_complete() && r.scenario == scenario);
    let Some(documents) = ended.map(|r| r.volumes.documents).max() else { return ExitCode::Equal };
    let question = Question {
        asked: Asked { documents: Some(documents), ..Asked::default() },
        scenario: Some(scenario.to_owned()),
        ..Question::default()
    };
    let path = arguments.html.clone().unwrap_or_else(|| arguments.history.with_file_name("bench.html"));
    match write_page(&path, &estimate(&history, &question), &history, Subject::Bench) {
        Ok(()) => ExitCode::Equal,
        Err(code) => code,
    }
}

/// The history may be the very file that the runs were appended to.
fn against(earlier: &History, runs: &[MeasuredRun]) -> Comparison {
    let before: Vec<&MeasuredRun> = earlier.runs.iter().filter(|r| r.is_complete()).collect();
    compare(&before, &runs.iter().collect::<Vec<_>>())
}

/// Tells why a bench or a history cannot be used.
pub(super) fn fail(error: BenchError) -> ExitCode {
    match error {
        BenchError::Rehearsal(error) => rehearse::fail(error),
        BenchError::Environment(error) => crate::fail_environment(&error),
        BenchError::File { .. } | BenchError::History { .. } => {
            super::tell(&format!("error: {error}"));
            ExitCode::Usage
        }
    }
}

/// Progress for a person.
#[derive(Default)]
struct Screen {
    current: Mutex<Option<Arc<Terminal>>>,
}

impl Screen {
    fn finish(&self) {
        if let Some(terminal) = self.current.lock().unwrap_or_else(PoisonError::into_inner).take() {
            terminal.finish();
        }
    }
}

impl Watcher for Screen {
    fn begins(&self, round: &Round, number: usize, of: usize, left: Option<f64>) -> Arc<dyn Observer> {
        self.finish();
        let which = match round.turn {
            Turn::WarmUp => "warm-up, not kept".to_owned(),
            Turn::Measured(repeat) => format!("repeat {repeat}"),
        };
        let left = left.map(|s| format!("; about {} left", span(s))).unwrap_or_default();
        super::tell(&format!(
            "run {number} of {of}: {} documents, {} ({which}){left}",
            round.documents,
            round.way.title()
        ));
        let terminal = Arc::new(Terminal::new());
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&terminal));
        terminal
    }

    fn measured(&self, _: &Round, run: &MeasuredRun) {
        self.finish();
        super::tell(&measured_line(run));
    }
}
