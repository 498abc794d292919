//! The source's release: the chart of this repository, installed and upgraded by `helm`.

use super::chart;
use super::place::{Namespaces, RELEASE};
use super::programs::Programs;
use crate::config::{Access, Side, Store};
use crate::containers::Image;
use crate::error::{EnvironmentError, Result};
use crate::postgres::SETTINGS;
use crate::workdir::{WorkDir, write_private};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long `helm` may take; it waits for nothing.
const LIMIT: Duration = Duration::from_secs(60);
/// What the chart sets by itself.
const OF_THE_CHART: [&str; 4] = ["cluster.name", "discovery.type", "path.data", "ES_JAVA_OPTS"];

macro_rules! chart {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../../../../fixtures/charts/camunda-bitnami/", $name)))),*]
    };
}

/// The chart's files by their place in it.
const CHART: [(&str, &str); 6] = chart!(
    "Chart.yaml",
    "values.yaml",
    "templates/_names.tpl",
    "templates/postgresql.yaml",
    "templates/elasticsearch.yaml",
    "templates/applications.yaml"
);

/// Version of the chart.
fn chart_version() -> &'static str {
    let (_, text) = CHART[0];
    text.lines().find_map(|line| line.strip_prefix("version: ")).unwrap_or_default()
}

/// What the release is made from beside the chart.
#[derive(Debug)]
pub(super) struct Contents<'a> {
    pub(super) postgres: &'a Image,
    pub(super) elasticsearch: &'a Image,
    pub(super) password: &'a SecretString,
    pub(super) java_options: String,
    /// Settings of the Elasticsearch, as its image takes them.
    pub(super) settings: Vec<(String, String)>,
    pub(super) run: &'a str,
    pub(super) namespaces: &'a Namespaces,
    /// How the targets are reached.
    pub(super) target: Access,
    /// A folder of the node, mounted at the same path, for snapshots.
    pub(super) folder: Option<&'a str>,
}

/// Values of the release on the stores of its own.
pub(super) fn values(contents: &Contents<'_>) -> Value {
    let settings: BTreeMap<&str, &str> = contents
        .settings
        .iter()
        .filter(|(name, _)| !OF_THE_CHART.contains(&name.as_str()))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let password = contents.password.expose_secret();
    json!({
        "image": {
            "postgresql": contents.postgres.to_string(),
            "elasticsearch": contents.elasticsearch.to_string(),
            "application": contents.postgres.to_string(),
        },
        "extraLabels": {super::objects::RUN_LABEL: contents.run},
        "auth": {"password": password, "adminPassword": password},
        "databaseSettings": SETTINGS,
        "elasticsearch": {
            "javaOpts": contents.java_options,
            "settings": settings,
            "sharedFolder": contents.folder.unwrap_or_default(),
        },
    })
}

/// Values that point the applications to the targets. The stores of the release stay: they are what a way back needs, and what
/// is compared.
pub(super) fn cutover(namespaces: &Namespaces, access: Access) -> Value {
    let protocol = match access {
        Access::Open => "http",
        Access::Secured => "https",
    };
    let host = |store| namespaces.place(Side::Target, store).host(namespaces);
    let database = json!({"externalDatabase": {"host": host(Store::Postgres)}});
    json!({
        "global": {"elasticsearch": {"external": true, "url": {"protocol": protocol, "host": host(Store::Elasticsearch)}}},
        "identity": database,
        "identityKeycloak": database,
        "webModeler": {"restapi": database},
    })
}

/// The release of a run, on disk.
#[derive(Debug, Clone)]
pub(super) struct Release {
    chart: PathBuf,
    /// Values that go with a chart that is not of this repository.
    given: PathBuf,
    source: PathBuf,
    target: PathBuf,
    namespace: String,
}

impl Release {
    /// The files of an earlier life of the run, or of the life that writes them now.
    pub(super) fn of(work: &WorkDir, namespaces: &Namespaces) -> Self {
        let place = |name: &str| work.path().join(name);
        Self {
            chart: place("chart"),
            given: place("values-given"),
            source: place("values-source.json"),
            target: place("values-target.json"),
            namespace: namespaces.release.clone(),
        }
    }

    /// Where the chart is.
    pub(super) fn chart(&self) -> &Path {
        &self.chart
    }

    /// The folder of the chart, which may lie elsewhere.
    pub(super) fn chart_folder(&self) -> PathBuf {
        self.chart.canonicalize().unwrap_or_else(|_| self.chart.clone())
    }

    /// Version of the chart.
    pub(super) fn version(&self) -> String {
        if self.is_given() { chart::version_of(&self.chart) } else { chart_version().to_owned() }
    }

    /// The folder of the values that go with a chart that is not of this repository.
    pub(super) fn given(&self) -> &Path {
        &self.given
    }

    /// Whether the chart is not of this repository.
    pub(super) fn is_given(&self) -> bool {
        self.given.is_dir()
    }

    /// Writes the chart and the values, which hold passwords.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn write(&self, contents: &Contents<'_>) -> Result<()> {
        for (name, text) in CHART {
            let path = self.chart.join(name);
            let folder = path.parent().unwrap_or(&self.chart);
            fs::create_dir_all(folder).map_err(|e| EnvironmentError::io("make the directory", folder, &e))?;
            fs::write(&path, text).map_err(|e| EnvironmentError::io("write", &path, &e))?;
        }
        self.write_values(&values(contents), &cutover(contents.namespaces, contents.target))
    }

    /// Writes the values of either side, which hold passwords.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn write_values(&self, source: &Value, target: &Value) -> Result<()> {
        write_private(&self.source, source.to_string().as_bytes())?;
        write_private(&self.target, target.to_string().as_bytes())
    }

    /// Installs the release. Nothing is waited for.
    ///
    /// # Errors
    /// `helm` refuses.
    pub(super) async fn install(&self, programs: &Programs) -> Result<()> {
        self.helm(programs, "install", &[&self.source]).await
    }

    /// Points the applications to a side. Nothing is waited for; replicas are those of the values again.
    ///
    /// # Errors
    /// `helm` refuses.
    pub(super) async fn point_to(&self, programs: &Programs, side: Side) -> Result<()> {
        match side {
            Side::Source => self.helm(programs, "upgrade", &[&self.source]).await,
            Side::Target => self.helm(programs, "upgrade", &[&self.source, &self.target]).await,
        }
    }

    /// The manifests on the stores of the release itself, as they would be installed.
    ///
    /// # Errors
    /// `helm` refuses.
    pub(super) async fn render(&self, programs: &Programs) -> Result<String> {
        self.run(programs, "template", &[&self.source]).await
    }

    async fn helm(&self, programs: &Programs, command: &str, values: &[&Path]) -> Result<()> {
        self.run(programs, command, values).await.map(drop)
    }

    async fn run(&self, programs: &Programs, command: &str, values: &[&Path]) -> Result<String> {
        let chart = self.chart_folder();
        let mut arguments: Vec<&OsStr> = vec![
            command.as_ref(),
            RELEASE.as_ref(),
            chart.as_os_str(),
            "--namespace".as_ref(),
            self.namespace.as_ref(),
        ];
        let given = self.given_values();
        for file in given.iter().map(PathBuf::as_path).chain(values.iter().copied()) {
            arguments.extend([OsStr::new("--values"), file.as_os_str()]);
        }
        programs.helm(&arguments, LIMIT).await
    }

    /// Files of values that go with the chart, in the order in which they count.
    fn given_values(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(&self.given).into_iter().flatten().flatten().map(|entry| entry.path());
        let mut files: Vec<PathBuf> = files.filter(|path| path.is_file()).collect();
        files.sort();
        files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_chart_is_carried_along() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/charts/camunda-bitnami");
        let mut there: Vec<String> = Vec::new();
        for part in ["", "templates"] {
            for entry in fs::read_dir(folder.join(part)).unwrap().flatten().filter(|e| e.path().is_file()) {
                let name = entry.file_name().into_string().unwrap();
                there.push(if part.is_empty() { name } else { format!("{part}/{name}") });
            }
        }
        there.sort();
        let mut carried: Vec<&str> = CHART.iter().map(|(name, _)| *name).collect();
        carried.sort_unstable();
        assert_eq!(carried, there);
    }

    #[test]
    fn the_charts_version_is_read_from_the_chart() {
        assert!(CHART[0].0 == "Chart.yaml" && chart_version().split('.').count() == 3, "{}", chart_version());
    }

    #[test]
    fn the_cutover_names_the_targets_and_leaves_the_sources_stores() {
        let values = cutover(&Namespaces::usual(), Access::Open);
        let secured = cutover(&Namespaces::usual(), Access::Secured);
        let protocol = |values: &Value| values["global"]["elasticsearch"]["url"]["protocol"].clone();
        assert_eq!((protocol(&values), protocol(&secured)), (json!("http"), json!("https")));
        assert_eq!(values["global"]["elasticsearch"]["url"]["host"], "target-es.targets.svc.cluster.local");
        for database in [&values["identity"], &values["identityKeycloak"], &values["webModeler"]["restapi"]] {
            assert_eq!(database["externalDatabase"]["host"], "target-pg.targets.svc.cluster.local");
        }
        let told = values.to_string();
        assert!(!told.contains("\"enabled\""), "a way back needs the stores of the release: {told}");
    }
}
