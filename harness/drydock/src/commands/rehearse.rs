//! `drydock rehearse`: the main job.

use crate::cli::{Driver, Rehearse};
use crate::terminal::Terminal;
use drydock_core::{ExitCode, Summary};
use drydock_rehearsal::flow::Interrupt;
use drydock_rehearsal::{
    Keep, RehearsalError, RehearsalOptions, Rehearsed, check_given, check_scripts, plan_of, rehearse, resume,
};
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// Runs each scenario, or resumes one run. One alone ends with its verdict's exit code; several end with 0 if each of them
/// ended as its scenario is meant to, and else with the worst code.
pub(crate) async fn run(arguments: &Rehearse) -> ExitCode {
    tracing::debug!(on = ?arguments.on, driver = ?arguments.driver, "rehearse");
    if arguments.driver == Some(Driver::Observe) {
        super::tell(super::observe::ELSEWHERE);
        return ExitCode::Usage;
    }
    let options = RehearsalOptions {
        on: arguments.on.clone(),
        driver: arguments.driver.and_then(Driver::name),
        scripts: arguments.scripts.clone(),
        chart: arguments.chart.clone(),
        chart_values: arguments.chart_values.clone(),
        operators: arguments.operator.clone(),
        seed: arguments.seed,
        documents: arguments.documents,
        downtime: arguments.downtime,
        runs: Some(arguments.runs.clone()),
        postgres_home: arguments.homes.postgres_home.clone(),
        elasticsearch_home: arguments.homes.elasticsearch_home.clone(),
        keep: if arguments.keep { Keep::Running } else { Keep::Nothing },
        ..RehearsalOptions::default()
    };
    if arguments.plan {
        return print_plans(arguments, &options);
    }
    let interrupt = Arc::new(Interrupt::default());
    listen(Arc::clone(&interrupt), TEAR_DOWN);
    if let Some(run) = &arguments.resume {
        let terminal = Arc::new(Terminal::new());
        let result = resume(run, &options, terminal.clone(), &interrupt).await;
        terminal.finish();
        return conclude(result, arguments.json).0;
    }
    // Every file is read before the first one is run: a mistake in the last must not cost an hour.
    for file in &arguments.scenarios {
        let read = plan_of(file, &options).and_then(|(scenario, _)| {
            check_scripts(&scenario, &options)?;
            check_given(&scenario, file, &options)
        });
        if let Err(error) = read {
            return fail(error);
        }
    }
    let mut exit = ExitCode::Equal;
    let mut summaries = Vec::new();
    for file in &arguments.scenarios {
        if interrupt.requested() {
            exit = ExitCode::Interrupted;
            break;
        }
        let terminal = Arc::new(Terminal::new());
        let result = rehearse(file, &options, terminal.clone(), &interrupt).await;
        terminal.finish();
        match conclude(result, arguments.json) {
            (_, Some(summary)) => summaries.push(summary),
            (failed, None) => exit = exit.worst(failed),
        }
    }
    exit = exit.worst(match summaries.as_slice() {
        // One alone is what it is; of several, each is held against what it is meant to end with.
        [one] if arguments.scenarios.len() == 1 => super::exit_of(one),
        several => drydock_report::matrix::exit(several),
    });
    if arguments.scenarios.len() > 1 && !arguments.json {
        super::print(&drydock_report::matrix::render(&summaries));
    }
    exit
}

/// Prints the report of one run, and hands its summary on.
pub(super) fn conclude(result: Result<Rehearsed, RehearsalError>, json: bool) -> (ExitCode, Option<Summary>) {
    match result {
        Ok(Rehearsed { summary, folder }) => {
            if json {
                super::print_json(&summary);
            } else {
                super::print_screen(&summary, Some(&folder));
            }
            (super::exit_of(&summary), Some(summary))
        }
        Err(error) => (fail(error), None),
    }
}

fn print_plans(arguments: &Rehearse, options: &RehearsalOptions) -> ExitCode {
    for file in &arguments.scenarios {
        match plan_of(file, options) {
            Ok((scenario, plan)) => {
                let unused = drydock_rehearsal::world::environment_of(&scenario, options)
                    .unused_images(&scenario.environment);
                if let Some((what, mend)) = unused {
                    super::tell(&format!("note: {what}; {mend}"));
                }
                if arguments.json {
                    super::print_value(&plan);
                } else {
                    super::print(&drydock_report::plan_text(&plan));
                }
            }
            Err(error) => return fail(error),
        }
    }
    ExitCode::Equal
}

/// Tells why nothing was begun.
pub(crate) fn fail(error: RehearsalError) -> ExitCode {
    match error {
        RehearsalError::Scenario(error) => {
            // One line first, for logs and scripts; the picture of the place below it.
            let help = error.help.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
            super::tell(&format!("error: {error}{help}"));
            anstream::eprintln!("{:?}", miette::Report::new_boxed(error));
            ExitCode::Usage
        }
        RehearsalError::Environment(ref why) => {
            super::tell(&format!("error: {error}; {}; the run is as it was, resume it then", why.help));
            ExitCode::CouldNotRun
        }
        RehearsalError::Unread { .. } => {
            super::tell(&format!("error: {error}"));
            ExitCode::NotProven
        }
        RehearsalError::File { .. }
        | RehearsalError::Record { .. }
        | RehearsalError::Together { .. }
        | RehearsalError::NothingToResume(_) => {
            super::tell(&format!("error: {error}"));
            match error {
                RehearsalError::File { reason, .. } if reason.kind() != std::io::ErrorKind::NotFound => {
                    ExitCode::CouldNotRun
                }
                _ => ExitCode::Usage,
            }
        }
    }
}

/// What the first Ctrl-C does where stores were started.
pub(crate) const TEAR_DOWN: &str =
    "interrupted: finishing this step, then tearing down; once more to leave at once";

/// Once: come to an end in good order, which `words` tell. Twice: leave at once. Ctrl-C and SIGTERM, which clusters and
/// pipelines send, say the same. Needs a runtime around it.
pub(crate) fn listen(interrupt: Arc<Interrupt>, words: &'static str) {
    // Taken over here rather than in the task: until it runs, a signal would end the process and leave its stores behind.
    let (mut ctrl_c, mut ended) = match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(ctrl_c), Ok(ended)) => (ctrl_c, ended),
        (Err(error), _) | (_, Err(error)) => {
            super::tell(&format!(
                "warning: signals cannot be listened to: {error}; after Ctrl-C run `drydock clean`"
            ));
            return;
        }
    };
    tokio::spawn(async move {
        while tokio::select! { came = ctrl_c.recv() => came, came = ended.recv() => came }.is_some() {
            if interrupt.requested() {
                super::tell("left at once; `drydock clean` stops what still runs");
                std::process::exit(ExitCode::Interrupted.code().into());
            }
            interrupt.request();
            super::tell(words);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::{Signal, getpid, kill_process};
    use std::time::Duration;

    #[test]
    fn sigterm_asks_for_an_orderly_end_as_ctrl_c_does() {
        for asked in [Signal::TERM, Signal::INT] {
            // A runtime for each: a second signal to one listener would leave at once.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let heard = runtime.block_on(async {
                let interrupt = Arc::new(Interrupt::default());
                listen(Arc::clone(&interrupt), TEAR_DOWN);
                kill_process(getpid(), asked).unwrap();
                let heard = async {
                    while !interrupt.requested() {
                        tokio::task::yield_now().await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(60), heard).await
            });
            assert!(heard.is_ok(), "{asked:?} was not heard");
        }
    }
}
