//! `drydock prove`: the witness proves itself.

use crate::cli::Prove;
use drydock_core::ExitCode;
use drydock_rehearsal::Keep;
use drydock_rehearsal::prove::{ProveError, ProveOptions, in_memory, real_stores};
use drydock_report::proof;
use drydock_report::terminal::Color;

/// Plants corruptions and tells the score. Exit code 0 only if every one was caught and named, without a false alarm.
pub(crate) async fn run(arguments: &Prove) -> ExitCode {
    let mut proofs = vec![in_memory(arguments.seed)];
    if !arguments.in_memory {
        let options = ProveOptions {
            seed: arguments.seed,
            runs: arguments.runs.clone(),
            postgres_home: arguments.homes.postgres_home.clone(),
            elasticsearch_home: arguments.homes.elasticsearch_home.clone(),
            keep: if arguments.keep { Keep::Running } else { Keep::Nothing },
        };
        let say = super::tell;
        match real_stores(&options, &say).await {
            Ok(made) => proofs.push(made),
            Err(ProveError::Environment(error)) => return crate::fail_environment(&error),
            Err(error) => {
                super::tell(&format!("error: {error}"));
                return ExitCode::CouldNotRun;
            }
        }
    }
    if arguments.json {
        super::print_json_text(&proof::json(&proofs));
    } else {
        // `anstream` takes the colours off where NO_COLOR or a pipe asks for it.
        super::print_painted(&proof::render(&proofs, super::width(), Color::Ansi));
    }
    if proof::hold(&proofs) { ExitCode::Equal } else { ExitCode::Different }
}
