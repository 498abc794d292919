//! Files that are given beside a scenario: a chart with its values, manifests of operators and what their stores are made from.

use crate::start::{RehearsalError, RehearsalOptions, file_error};
use drydock_core::Scenario;
use drydock_core::scenario::EnvironmentName;
use drydock_environments::{ChartConfig, ChartSource, OperatorsConfig, examine_operators};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Looks whether what is given beside a scenario is what it asks for, and whether all files are there.
///
/// # Errors
/// It is not so: what to name.
pub fn check_given(
    scenario: &Scenario,
    file: &Path,
    options: &RehearsalOptions,
) -> Result<(), RehearsalError> {
    check_chart(scenario, file, options)?;
    check_operators(scenario, file, options)
}

fn together(message: String, help: &str) -> Result<(), RehearsalError> {
    Err(RehearsalError::Together { message, help: help.to_owned() })
}

fn readable<'a>(files: impl IntoIterator<Item = &'a PathBuf>, what: &str) -> Result<(), RehearsalError> {
    for file in files {
        File::open(file).map_err(file_error(format!("cannot read {what} {}", file.display())))?;
    }
    Ok(())
}

/// The chart that a scenario asks for, as the command line has it. Files of values in the scenario stand beside its own file.
pub(crate) fn chart_of(scenario: &Scenario, file: &Path, options: &RehearsalOptions) -> Option<ChartConfig> {
    let spec = scenario.chart.as_ref()?;
    let beside = file.parent().unwrap_or(Path::new("."));
    let from = match &options.chart {
        Some(folder) => ChartSource::Folder(folder.clone()),
        None => ChartSource::Named { name: spec.name.clone(), version: spec.version.clone() },
    };
    let values = spec.values.iter().map(|name| beside.join(name)).chain(options.chart_values.iter().cloned());
    Some(ChartConfig { from, values: values.collect() })
}

/// Looks whether a chart is named only where one is asked for, and whether its files are there.
///
/// # Errors
/// It is not so: what to name.
fn check_chart(scenario: &Scenario, file: &Path, options: &RehearsalOptions) -> Result<(), RehearsalError> {
    let Some(chart) = chart_of(scenario, file, options) else {
        return match options.chart.is_some() || !options.chart_values.is_empty() {
            true => together(
                "a chart is named, and the scenario asks for none".into(),
                "add `chart: {}` to the scenario, or leave --chart and --chart-values out",
            ),
            false => Ok(()),
        };
    };
    if let ChartSource::Folder(folder) = &chart.from
        && !folder.join("Chart.yaml").is_file()
    {
        return together(
            format!("{} is no folder of a chart: it has no Chart.yaml", folder.display()),
            "name the folder of an unpacked chart with --chart",
        );
    }
    readable(&chart.values, "the values")
}

/// The operators of a scenario's target, as the command line has them. Files of the scenario stand beside its own file.
pub(crate) fn operators_of(
    scenario: &Scenario,
    file: &Path,
    options: &RehearsalOptions,
) -> Option<OperatorsConfig> {
    if !scenario.is_operated() {
        return None;
    }
    let (spec, beside) = (&scenario.target.operators, file.parent().unwrap_or(Path::new(".")));
    let named = spec.manifests.iter().map(|name| beside.join(name));
    Some(OperatorsConfig {
        manifests: named.chain(options.operators.iter().cloned()).collect(),
        postgres: spec.postgres.as_ref().map(|name| beside.join(name)),
        elasticsearch: spec.elasticsearch.as_ref().map(|name| beside.join(name)),
        keycloak: spec.keycloak.as_ref().map(|name| beside.join(name)),
    })
}

fn check_operators(
    scenario: &Scenario,
    file: &Path,
    options: &RehearsalOptions,
) -> Result<(), RehearsalError> {
    let Some(operators) = operators_of(scenario, file, options) else {
        return match options.operators.is_empty() {
            true => Ok(()),
            false => together(
                "operators are named, and the scenario's target has none".into(),
                "add `managed: operator` to the target, or leave --operator out",
            ),
        };
    };
    if operators.manifests.is_empty() && scenario.environment == EnvironmentName::Kind {
        return together(
            "operators keep the target, and a cluster of the run's own has none before they are installed"
                .into(),
            "name the manifests of CloudNativePG and of ECK with --operator FILE, or under `operators` in the scenario",
        );
    }
    readable(&operators.manifests, "the manifests")?;
    let own = [&operators.postgres, &operators.elasticsearch, &operators.keycloak];
    readable(own.into_iter().flatten(), "the resource")?;
    examine_operators(&operators)
        .map_err(|error| RehearsalError::Together { message: error.what, help: error.help })
}
