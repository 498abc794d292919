//! `drydock simulate`: the migration in virtual time, under as many schedules as one likes.

mod kept;
mod safeguards;
mod scale;
mod screen;

use crate::cli::{DRAWN, Simulate};
use drydock_core::{ExitCode, Scenario};
use drydock_simulated::{
    Campaign, Crashes, Depth, Early, Played, Safeguard, Setup, Stragglers, Tracing, WaysBack, exhaust, play,
    run as campaign,
};
use std::fmt::Write;
use std::time::Instant;

/// What is simulated where no file is named: everything as it is by default.
const STANDARD: &str = "name: standard\n";
/// The whole table of safeguards.
const ALL: &str = "all";

/// Plays seeds and tells which promises broke. Exit code 0 only if none did and most seeds prove something; with `--without all`
/// and `--safeguards` only if every absence broke one that holds otherwise.
pub(crate) fn run(arguments: &Simulate) -> ExitCode {
    if let Some(asked) = &arguments.scale {
        return scale::run(asked, arguments);
    }
    if arguments.safeguards {
        return safeguards::each_in_its_arena(arguments);
    }
    let scenario = match read(arguments) {
        Ok(scenario) => scenario,
        Err(error) => return usage(&error),
    };
    if arguments.without.as_deref() == Some(ALL) {
        return safeguards::table(&scenario, arguments);
    }
    let without = arguments.without.as_deref().and_then(Safeguard::of_name);
    let setup = match setup(&scenario, arguments, without) {
        Ok(setup) => setup,
        Err(error) => return usage(&error),
    };
    if !arguments.replay.is_empty() {
        return kept::replay(&setup, &arguments.replay);
    }
    if arguments.trace {
        return trace(&setup, arguments.seed.unwrap_or_default());
    }
    let of = if arguments.exhaustive || arguments.pairs { "cases" } else { "seeds" };
    let begun = Instant::now();
    let played = if arguments.exhaustive || arguments.pairs {
        let depth = if arguments.pairs { Depth::Pairs } else { Depth::Single };
        exhaust(&setup, arguments.seed.unwrap_or(1), depth)
    } else {
        let (first, seeds) = arguments.seed.map_or((1, arguments.seeds), |seed| (seed, 1));
        campaign(&setup, first, seeds)
    };
    let took = begun.elapsed();
    if arguments.json {
        let told = screen::as_json(&setup, &played, took);
        super::print_value(&told);
    } else {
        super::print(&screen::screen(&setup, &played, took, of));
    }
    if let Some(folder) = &arguments.save
        && let Err(error) = kept::save(&setup, &played, folder)
    {
        return usage(&error);
    }
    exit(&played)
}

fn usage(error: &str) -> ExitCode {
    super::tell(&format!("error: {error}"));
    ExitCode::Usage
}

fn read(arguments: &Simulate) -> Result<Scenario, String> {
    let Some(path) = &arguments.scenario else {
        return Scenario::from_yaml("standard", STANDARD).map_err(|e| e.to_string());
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read the scenario {file}: {e}"))?;
    Scenario::from_yaml(&file, &text).map_err(|e| e.to_string())
}

/// What of a scenario is simulated, with what the command line adds to it.
fn setup(scenario: &Scenario, arguments: &Simulate, without: Option<Safeguard>) -> Result<Setup, String> {
    let setup = Setup::new(scenario, arguments.documents, without)?;
    let ways_back = match arguments.rollback.as_deref() {
        None => setup.ways_back.clone(),
        Some(DRAWN) => WaysBack::Drawn,
        Some(step) => {
            let known: Vec<&str> = setup.plan.ways_back().into_iter().map(|s| s.as_str()).collect();
            if !known.contains(&step) {
                return Err(format!("{step} is no step to go back from; these are: {}", known.join(", ")));
            }
            WaysBack::From(step.to_owned())
        }
    };
    let crashes = if arguments.crashes { Crashes::Happen } else { Crashes::Never };
    let (stragglers, early) = match arguments.stragglers {
        true => (Stragglers::Happen, Early::Happen),
        false => (Stragglers::Never, Early::Never),
    };
    Ok(Setup { crashes, ways_back, stragglers, early, ..setup })
}

fn exit(played: &Campaign) -> ExitCode {
    if !played.broken.is_empty() {
        ExitCode::Different
    } else if played.proves() {
        ExitCode::Equal
    } else {
        // Where nothing came to its end, or nothing was written or wanted, nothing was promised of it.
        ExitCode::NotProven
    }
}

/// One seed, told line by line.
fn trace(setup: &Setup, seed: u64) -> ExitCode {
    let schedule = setup.schedule(seed);
    let mut text = format!("seed {seed} of {}\n", setup.scenario.name);
    for event in &schedule.events {
        let _ = writeln!(text, "  {event}");
    }
    let played = play(setup, &schedule, Tracing::On);
    text.push_str(&played.text());
    super::print(&text);
    exit_of_one(&played)
}

fn exit_of_one(played: &Played) -> ExitCode {
    match (played.broken.is_empty(), played.proves()) {
        (false, _) => ExitCode::Different,
        (true, true) => ExitCode::Equal,
        (true, false) => ExitCode::NotProven,
    }
}
