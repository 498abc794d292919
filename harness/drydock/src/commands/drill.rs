//! `drydock drill`: the way back from every step.

use super::rehearse::{TEAR_DOWN, fail, listen};
use crate::cli::Drill;
use crate::terminal::Terminal;
use drydock_core::ExitCode;
use drydock_rehearsal::drill::{
    DrillError, DrillOptions, Extent, Faults, From, NOT_HERE, Shows, Undisturbed, drill, plan_drill,
};
use drydock_rehearsal::flow::Interrupt;
use drydock_rehearsal::{Keep, RehearsalOptions};
use std::sync::Arc;
use std::time::Duration;

/// Drills, and ends with the worst exit code of the cells.
pub(crate) async fn run(arguments: &Drill) -> ExitCode {
    let minutes = |n: u64| Duration::from_secs(n.saturating_mul(60));
    let undisturbed = if arguments.only_faults { Undisturbed::LeftOut } else { Undisturbed::Drilled };
    let faults = match Faults::of_names(&arguments.fault, undisturbed) {
        Ok(faults) => faults,
        Err(why) => return refuse(DrillError::Choice(why)),
    };
    let options = DrillOptions {
        faults,
        from: match arguments.from.iter().any(|f| f == "all") {
            true => From::Every,
            false => From::Steps(arguments.from.clone()),
        },
        extent: if arguments.full { Extent::Full } else { Extent::Within(minutes(arguments.minutes)) },
        deadline: minutes(arguments.deadline.max(1)),
        rehearsal: RehearsalOptions {
            seed: arguments.seed,
            documents: arguments.documents,
            runs: Some(arguments.runs.clone()),
            postgres_home: arguments.homes.postgres_home.clone(),
            elasticsearch_home: arguments.homes.elasticsearch_home.clone(),
            keep: Keep::Nothing,
            ..RehearsalOptions::default()
        },
    };
    if arguments.plan {
        return print_cells(arguments, &options);
    }
    let interrupt = Arc::new(Interrupt::default());
    listen(Arc::clone(&interrupt), TEAR_DOWN);
    let terminal = Arc::new(Terminal::new());
    let drilled = drill(&arguments.scenario, &options, terminal.clone(), &interrupt).await;
    terminal.finish();
    match drilled {
        Ok(drilled) => {
            if arguments.json {
                super::print_json_text(&drilled.report.json());
            } else {
                let folder = drydock_report::text::printable(&drilled.folder.to_string_lossy()).into_owned();
                super::print(&format!("{}folder {folder}\n", drilled.report.render()));
            }
            drilled.report.exit()
        }
        Err(error) => refuse(error),
    }
}

/// The cells, in the order of the steps; those drawn first come first where time is short.
fn print_cells(arguments: &Drill, options: &DrillOptions) -> ExitCode {
    let (scenario, cells) = match plan_drill(&arguments.scenario, options) {
        Ok(planned) => planned,
        Err(error) => return refuse(error),
    };
    let order = options.extent.order(&cells, scenario.seed);
    let place = |at: usize| order.iter().position(|o| *o == at).map_or(0, |place| place + 1);
    if arguments.json {
        let listed: Vec<serde_json::Value> = cells
            .iter()
            .enumerate()
            .map(|(at, cell)| {
                let mut listed =
                    serde_json::json!({"cell": cell.name, "from": cell.from, "drawn": place(at)});
                if let Shows::Fault(disturbed) = &cell.shows {
                    listed["fault"] = serde_json::json!(disturbed);
                }
                listed
            })
            .collect();
        super::print_value(&listed);
        return ExitCode::Equal;
    }
    let mut text = String::new();
    for (at, cell) in cells.iter().enumerate() {
        let where_to = match &cell.shows {
            Shows::Fault(disturbed) => format!(" in {}", disturbed.step),
            Shows::WayBack | Shows::Refusal(_) => String::new(),
        };
        text.push_str(&format!("{:>4}  {}{where_to}\n", place(at), cell.name));
    }
    text.push_str(&format!("{} cells, drilled in the order of the numbers\n", cells.len()));
    if !options.faults.kinds.is_empty() {
        text.push_str(&format!("{NOT_HERE}\n"));
    }
    super::print(&text);
    ExitCode::Equal
}

fn refuse(error: DrillError) -> ExitCode {
    match error {
        DrillError::Rehearsal(error) => fail(error),
        DrillError::Environment(error) => crate::fail_environment(&error),
        DrillError::Choice(_) => {
            super::tell(&format!("error: {error}"));
            ExitCode::Usage
        }
    }
}
