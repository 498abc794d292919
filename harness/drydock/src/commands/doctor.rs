//! `drydock doctor`: everything that is missing, at once: of this machine, or of stores that can be reached.

use crate::cli::{Doctor, DoctorStores, Driver};
use drydock_core::finding::Outcome;
use drydock_core::scenario::DriverName;
use drydock_core::{ExitCode, Scenario};
use drydock_environments::doctor::{DoctorItem, DoctorState, run_in as examine};
use drydock_environments::{CamundaConfig, KeycloakConfig};
use drydock_rehearsal::preflight::{Stores, on_stores};
use drydock_rehearsal::{RehearsalOptions, plan_of};
use drydock_scripts::find_tools;
use drydock_stores::PostgresEndpoint;
use drydock_stores::endpoint::AddressError;

/// Examines the machine, or the stores whose addresses are given.
pub(crate) async fn run(arguments: &Doctor) -> ExitCode {
    if let (Some(staging), Some(production)) = (&arguments.staging, &arguments.against) {
        return super::live::representative(staging, production, &arguments.namespace, arguments.json).await;
    }
    if arguments.driver == Some(Driver::Observe) {
        super::tell(super::observe::ELSEWHERE);
        return ExitCode::Usage;
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
    let mut machine = drydock_rehearsal::world::environment_of(&scenario, &options);
    if arguments.camunda {
        machine.camunda.get_or_insert_with(CamundaConfig::default);
    }
    if arguments.keycloak {
        machine.keycloak = Some(KeycloakConfig::default());
    }
    let stores = match stores_of(&arguments.stores) {
        Ok(stores) => stores,
        Err(error) => {
            super::tell(&format!("error: {error}"));
            return ExitCode::Usage;
        }
    };
    let items = if stores.postgres.is_none() && stores.elasticsearch.is_none() {
        let mut items = examine(arguments.on.as_ref().unwrap_or(&scenario.environment), &machine).await;
        let driver = arguments.driver.and_then(Driver::name).unwrap_or(scenario.driver);
        if driver == DriverName::Scripts {
            items.extend(script_items());
        }
        items
    } else {
        preflight_items(&scenario, stores, &machine).await
    };
    if arguments.json {
        super::print_value(&items);
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

/// One item for each program that the official scripts call. Those that the cluster needs as well are told once, with it.
fn script_items() -> Vec<DoctorItem> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let tools = find_tools(&path).into_iter().filter(|(tool, _)| tool.name != "helm");
    tools
        .map(|(tool, found)| match found {
            Some(at) => DoctorItem {
                name: format!("{} (scripts)", tool.name),
                state: DoctorState::Ok,
                detail: at.display().to_string(),
                mend: None,
            },
            None => DoctorItem {
                name: format!("{} (scripts)", tool.name),
                state: DoctorState::Missing,
                detail: format!("{} is not on the search path; the migration scripts call it", tool.name),
                mend: Some(tool.mend.to_owned()),
            },
        })
        .collect()
}

fn stores_of(given: &DoctorStores) -> Result<Stores, AddressError> {
    let mut stores = Stores::default();
    if let (Some(source), Some(target)) = (&given.source_postgres, &given.target_postgres) {
        let server = |url: &str| PostgresEndpoint::from_url(url).map(|(endpoint, _)| endpoint);
        stores.postgres = Some((server(source)?, server(target)?));
    }
    if let (Some(source), Some(target)) = (&given.source_elasticsearch, &given.target_elasticsearch) {
        stores.elasticsearch = Some((
            super::verify::cluster(source, given.source_ca.as_deref(), given.source_api_key.as_deref())?,
            super::verify::cluster(target, given.target_ca.as_deref(), given.target_api_key.as_deref())?,
        ));
    }
    Ok(stores)
}

/// One item a finding, or one a check that has none.
async fn preflight_items(
    scenario: &Scenario,
    stores: Stores,
    machine: &drydock_environments::EmbeddedConfig,
) -> Vec<DoctorItem> {
    let found = on_stores(scenario, stores, machine).await;
    let mut items = Vec::new();
    for check in found.checks {
        if check.findings.is_empty() {
            let detail = if check.note.is_empty() { "in order".to_owned() } else { check.note };
            let state = if check.compared == 0 { DoctorState::Warning } else { DoctorState::Ok };
            items.push(DoctorItem { name: check.check.to_owned(), state, detail, mend: None });
            continue;
        }
        for finding in check.findings {
            items.push(DoctorItem {
                name: check.check.to_owned(),
                state: if finding.outcome >= Outcome::NotProven {
                    DoctorState::Missing
                } else {
                    DoctorState::Warning
                },
                detail: finding.message,
                mend: Some(finding.next).filter(|next| !next.is_empty()),
            });
        }
    }
    items
}
