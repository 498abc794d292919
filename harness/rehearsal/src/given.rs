//! Files that are given beside a scenario: a chart with its values, manifests of operators and what their stores are made from.

use crate::start::{RehearsalError, RehearsalOptions, file_error};
use drydock_core::Scenario;
use drydock_core::scenario::EnvironmentName;
use drydock_environments::{ChartConfig, ChartSource, OperatorsConfig, examine_operators};
use std::fs::{self, File};
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

/// The same from copies in the run folder, which a run that is resumed finds again, whatever became of the files and of the
/// command line.
///
/// # Errors
/// A copy cannot be made.
pub(crate) fn kept_operators(
    operators: Option<OperatorsConfig>,
    folder: &Path,
) -> Result<Option<OperatorsConfig>, RehearsalError> {
    let Some(OperatorsConfig { manifests, postgres, elasticsearch, keycloak }) = operators else {
        return Ok(None);
    };
    let kept = folder.join("operators");
    let one = |file: &Path, name: String| -> Result<PathBuf, RehearsalError> {
        let copy = kept.join(name);
        // Of a resumed run the copy counts: what was begun is gone on with.
        if !copy.is_file() {
            let made = fs::create_dir_all(&kept).and_then(|()| fs::copy(file, &copy));
            made.map_err(file_error(format!("cannot keep a copy of {}", file.display())))?;
        }
        Ok(copy)
    };
    for (number, file) in manifests.iter().enumerate() {
        one(file, format!("manifest-{number:02}.yaml"))?;
    }
    let own =
        |file: Option<PathBuf>, name: &str| file.map(|file| one(&file, format!("{name}.yaml"))).transpose();
    let (postgres, elasticsearch) = (own(postgres, "postgres")?, own(elasticsearch, "elasticsearch")?);
    let keycloak = own(keycloak, "keycloak")?;
    let files = fs::read_dir(&kept).map(|all| all.flatten().map(|entry| entry.path()).collect::<Vec<_>>());
    let is_manifest =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("manifest-"));
    let mut manifests: Vec<PathBuf> = files.unwrap_or_default().into_iter().filter(is_manifest).collect();
    manifests.sort();
    Ok(Some(OperatorsConfig { manifests, postgres, elasticsearch, keycloak }))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_resumed_finds_its_operators_whatever_became_of_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let (file, run) = (folder.path().join("cnpg.yaml"), folder.path().join("run"));
        fs::write(&file, "first").unwrap();
        let given = OperatorsConfig {
            manifests: vec![file.clone()],
            postgres: Some(file.clone()),
            ..OperatorsConfig::default()
        };
        let kept = kept_operators(Some(given.clone()), &run).unwrap().unwrap();
        fs::remove_file(&file).unwrap();
        let nothing = OperatorsConfig { postgres: Some(file), ..OperatorsConfig::default() };
        let again = kept_operators(Some(nothing), &run).unwrap().unwrap();
        assert_eq!(again, kept);
        assert_eq!(again.manifests.len(), 1);
        assert!(again.manifests[0].starts_with(&run) && again.postgres.is_some_and(|p| p.starts_with(&run)));
        assert_eq!(fs::read_to_string(&kept.manifests[0]).unwrap(), "first");
        // Of a run that has begun nothing is lost, and of one that has not nothing is hidden.
        assert!(kept_operators(Some(given), &folder.path().join("other")).is_err());
        assert_eq!(kept_operators(None, &run).unwrap(), None);
    }
}
