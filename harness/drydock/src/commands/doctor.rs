//! `drydock doctor`: everything that is missing, at once.

use crate::cli::Doctor;
use drydock_core::{ExitCode, Scenario};
use drydock_environments::doctor::{DoctorState, run as examine};
use drydock_rehearsal::{RehearsalOptions, plan_of};

/// Examines the machine.
pub(crate) async fn run(arguments: &Doctor) -> ExitCode {
    if let (Some(staging), Some(production)) = (&arguments.staging, &arguments.against) {
        return super::live::representative(staging, production, &arguments.namespace, arguments.json).await;
    }
    let scenario = match &arguments.scenario {
        Some(file) => match plan_of(file, &RehearsalOptions::default()) {
            Ok((scenario, _)) => scenario,
            Err(error) => return super::rehearse::fail(error),
        },
        None => match Scenario::from_yaml("standard", "name: standard") {
            Ok(scenario) => scenario,
            Err(error) => return super::rehearse::fail(error.into()),
        },
    };
    let options = RehearsalOptions {
        postgres_home: arguments.homes.postgres_home.clone(),
        elasticsearch_home: arguments.homes.elasticsearch_home.clone(),
        ..RehearsalOptions::default()
    };
    let items = examine(&drydock_rehearsal::world::environment_of(&scenario, &options)).await;
    if arguments.json {
        super::print(&serde_json::to_string_pretty(&items).unwrap_or_default());
    } else {
        for item in &items {
            let mark = match item.state {
                DoctorState::Ok => "ok     ",
                DoctorState::Warning => "warning",
                DoctorState::Missing => "MISSING",
            };
            super::print(&format!("{mark}  {:<22} {}", item.name, item.detail));
            if let Some(mend) = &item.mend {
                super::print(&format!("         {:<22} mend: {mend}", ""));
            }
        }
    }
    if items.iter().any(|i| i.state == DoctorState::Missing) {
        ExitCode::CouldNotRun
    } else {
        ExitCode::Equal
    }
}
