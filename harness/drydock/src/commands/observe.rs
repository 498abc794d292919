//! `drydock observe`: somebody else migrates; only watching and judging is done here.

use crate::cli::Observe;
use crate::terminal::Terminal;
use drydock_core::ExitCode;
use drydock_rehearsal::flow::Interrupt;
use drydock_rehearsal::observe::{ObserveOptions, observe};
use std::sync::Arc;

/// Where to go instead of `--driver observe`.
pub(crate) const ELSEWHERE: &str = "error: `--driver observe` watches stores that a file of its own names, not a scenario: \
     `drydock observe FILE` (docs/guides/observe.md; an example is fixtures/observe/example.yaml)";

/// Watches until the end is told.
pub(crate) async fn run(arguments: &Observe) -> ExitCode {
    let options = ObserveOptions {
        runs: Some(arguments.runs.clone()),
        until: arguments.until.clone(),
        ..ObserveOptions::default()
    };
    let interrupt = Arc::new(Interrupt::default());
    super::rehearse::listen(
        Arc::clone(&interrupt),
        "the migration is over: looking once more, and comparing what is left to compare; once more to leave at once",
    );
    let terminal = Arc::new(Terminal::new());
    let result = observe(&arguments.file, &options, terminal.clone(), &interrupt).await;
    terminal.finish();
    super::rehearse::conclude(result, arguments.json).0
}
