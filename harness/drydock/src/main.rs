//! The command `drydock`: arguments, terminal, exit code; nothing else.

mod cli;
mod commands;
#[cfg(test)]
mod reference;
mod terminal;

use clap::Parser;
use cli::{Cli, Command, Verify};
use drydock_core::ExitCode;
use drydock_environments::EnvironmentError;
use tracing_subscriber::EnvFilter;

fn main() -> std::process::ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; everything else is wrong usage.
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Equal };
            let _ = error.print();
            return code.code().into();
        }
    };
    // A way to a pod that is away is refused by the API server; whoever needs the pod tells it.
    let default = if cli.verbose { "drydock=debug,info" } else { "error,kube_client=off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    // The same rule as for everything else that is printed: no colours in a pipe, or where NO_COLOR asks for none.
    let colors = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colors).with_writer(std::io::stderr).init();
    drydock_stores::net::init();
    // A simulation has a runtime of its own for each seed, whose clock stands still: none may be around it.
    if let Command::Simulate(arguments) = &cli.command {
        return commands::simulate::run(arguments).code().into();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            anstream::eprintln!("error: cannot start worker threads: {error}");
            return ExitCode::CouldNotRun.code().into();
        }
    };
    let code = runtime.block_on(dispatch(&cli.command));
    // Requests that hang must not keep a finished command from ending.
    runtime.shutdown_background();
    code.code().into()
}

async fn dispatch(command: &Command) -> ExitCode {
    match command {
        Command::Rehearse(arguments) => commands::rehearse::run(arguments).await,
        Command::Observe(arguments) => commands::observe::run(arguments).await,
        // `main` has seen to it.
        Command::Simulate(arguments) => commands::simulate::run(arguments),
        Command::Drill(arguments) => commands::drill::run(arguments).await,
        Command::Verify(Verify::Stores(command)) => commands::verify::run(command).await,
        Command::Verify(Verify::Values(arguments)) => commands::values::run(arguments),
        Command::Verify(Verify::Objects(arguments)) => commands::objects::run(arguments).await,
        Command::Verify(Verify::Staging(arguments)) => commands::objects::staging(arguments),
        Command::Verify(Verify::Topology(arguments)) => commands::migration::topology(arguments).await,
        Command::Verify(Verify::Migration(arguments)) => commands::migration::run(arguments).await,
        Command::UpgradePath(arguments) => commands::upgrade_path::run(arguments).await,
        Command::Prove(arguments) => commands::prove::run(arguments).await,
        Command::Bench(arguments) => commands::bench::run(arguments).await,
        Command::Estimate(arguments) => commands::estimate::run(arguments).await,
        Command::Compare(arguments) => commands::compare::run(arguments),
        Command::Report(arguments) => commands::report::run(arguments),
        Command::Doctor(arguments) => commands::doctor::run(arguments).await,
        Command::Clean(arguments) => commands::clean::run(arguments),
        Command::Init(arguments) => commands::init::run(arguments),
        Command::Explain(arguments) => commands::explain::run(arguments),
        Command::Completions(arguments) => commands::completions::completions(arguments),
        Command::Man(arguments) => commands::completions::man(arguments),
        Command::Help(arguments) => commands::help::run(arguments.topic.as_deref()),
    }
}

/// Tells an environment failure in one line with its mend.
pub(crate) fn fail_environment(error: &EnvironmentError) -> ExitCode {
    commands::tell(&format!("error: {}; {}", error.what, error.help));
    ExitCode::CouldNotRun
}
