//! A chart that is not of this repository: what it is given to be the source of a run, what it renders, and what of it outlives the
//! cutover.
//!
//! The official values of a cutover switch the subcharts of the stores off, and `helm` then removes their StatefulSets, Services
//! and Secrets: with them what is compared, and what a way back needs. It leaves alone what carries its own annotation for that.

use super::Kind;
use super::objects::RUN_LABEL;
use super::place::Namespaces;
use super::programs::Programs;
use super::release::Release;
use crate::camunda::CamundaConfig;
use crate::config::{ChartConfig, ChartSource, Side, Store};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::keycloak::ADMINISTRATOR;
use crate::secrets::{administrator_password, role_password};
use crate::workdir::write_private;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

/// How long a chart may take to be fetched.
const FETCHING: Duration = Duration::from_secs(120);
/// Role and database of Keycloak, as everywhere in a run.
const KEYCLOAK: &str = "keycloak";
/// Secret with the password of Keycloak's role on the target.
const DATABASE_SECRET: &str = "drydock-keycloak-database";
/// The subcharts that hold what is moved, as their objects are labelled.
const OF_STORES: &str =
    "app.kubernetes.io/instance=camunda,app.kubernetes.io/name in (postgresql,elasticsearch)";
/// By which `helm` leaves an object where it is.
const KEEP: (&str, &str) = ("helm.sh/resource-policy", "keep");
/// Kinds of objects that these subcharts have.
const KINDS: [(&str, &str, &str); 7] = [
    ("apps", "v1", "StatefulSet"),
    ("", "v1", "Service"),
    ("", "v1", "Secret"),
    ("", "v1", "ConfigMap"),
    ("", "v1", "ServiceAccount"),
    ("networking.k8s.io", "v1", "NetworkPolicy"),
    ("policy", "v1", "PodDisruptionBudget"),
];

/// Puts the chart and its files of values where the run keeps them, so that a later life needs neither.
///
/// # Errors
/// One of them cannot be read, or the chart cannot be fetched.
pub(super) async fn take(
    release: &Release,
    config: &ChartConfig,
    camunda: Option<&CamundaConfig>,
    programs: &Programs,
) -> Result<()> {
    let given = release.given();
    let _ = fs::remove_dir_all(given);
    fs::create_dir_all(given).map_err(|e| EnvironmentError::io("make the directory", given, &e))?;
    write_private(&given.join("00-usual.json"), usual(camunda).to_string().as_bytes())?;
    for (number, file) in (1..).zip(&config.values) {
        let text = fs::read(file).map_err(|e| EnvironmentError::io("read the values", file, &e))?;
        write_private(&given.join(format!("{number:02}.yaml")), &text)?;
    }
    let chart = release.chart();
    let _ = fs::remove_file(chart);
    let folder = match &config.from {
        ChartSource::Folder(folder) => folder.clone(),
        ChartSource::Named { name, version } => {
            let into = given.with_file_name("chart-fetched");
            let _ = fs::remove_dir_all(&into);
            let mut arguments: Vec<&OsStr> = ["pull", name, "--untar", "--untardir"].map(OsStr::new).to_vec();
            arguments.push(into.as_os_str());
            if let Some(version) = version {
                arguments.extend([OsStr::new("--version"), OsStr::new(version)]);
            }
            programs.helm_of_the_caller(&arguments, FETCHING).await.map_err(|e| EnvironmentError {
                help: format!("add the repository of {name} with `helm repo add`, or name the chart's folder with --chart"),
                ..e
            })?;
            into.join(name.rsplit('/').next().unwrap_or(name))
        }
    };
    let named = folder.join("Chart.yaml");
    if !named.is_file() {
        return Err(EnvironmentError::new(
            EnvironmentProblem::Configuration,
            format!("{} is no folder of a chart: it has no Chart.yaml", folder.display()),
            "name the folder of an unpacked chart with --chart",
        ));
    }
    let folder = folder.canonicalize().map_err(|e| EnvironmentError::io("find", &folder, &e))?;
    symlink(&folder, chart).map_err(|e| EnvironmentError::io("link", chart, &e))
}

/// Version of a chart, from its own file; empty where that says none.
pub(super) fn version_of(chart: &Path) -> String {
    let text = fs::read_to_string(chart.join("Chart.yaml")).unwrap_or_default();
    let told = text.lines().find_map(|line| line.strip_prefix("version:"));
    told.map(|v| v.trim().trim_matches(['"', '\'']).to_owned()).unwrap_or_default()
}

/// What a run asks of any release, unless its own files of values say otherwise.
fn usual(camunda: Option<&CamundaConfig>) -> Value {
    let variable = |name: &str, value: String| json!({"name": name, "value": value});
    let archiver = |application: &str| -> Vec<Value> {
        let after = camunda.and_then(|c| c.archive_after);
        let name = format!("CAMUNDA_{application}_ARCHIVER_WAITPERIODBEFOREARCHIVING");
        after.map(|after| variable(&name, format!("{}s", after.as_secs().max(1)))).into_iter().collect()
    };
    json!({
        // So that timers of half an hour can be seen to fire. Nothing moves until somebody asks.
        "zeebe": {"env": [
            variable("ZEEBE_CLOCK_CONTROLLED", "true".into()),
            variable("MANAGEMENT_ENDPOINT_CLOCK_ENABLED", "true".into()),
        ]},
        "operate": {"env": archiver("OPERATE")},
        "tasklist": {"env": archiver("TASKLIST")},
    })
}

/// Passwords of the release, which a run has to know.
pub(super) fn source_values(run: &str, superuser: &SecretString) -> Value {
    let role = role_password(run, KEYCLOAK, superuser.expose_secret());
    json!({"identityKeycloak": {
        "auth": {"adminUser": ADMINISTRATOR, "adminPassword": administrator_password(&role).expose_secret()},
        "postgresql": {"auth": {
            "username": KEYCLOAK,
            "database": KEYCLOAK,
            "password": role.expose_secret(),
            "postgresPassword": superuser.expose_secret(),
        }},
    }})
}

/// The official values of a cutover to stores outside of the release.
pub(super) fn target_values(namespaces: &Namespaces) -> Value {
    let place = |store| namespaces.place(Side::Target, store);
    let (postgres, elasticsearch) = (place(Store::Postgres), place(Store::Elasticsearch));
    let url =
        json!({"protocol": "http", "host": elasticsearch.host(namespaces), "port": elasticsearch.port()});
    json!({
        "global": {"elasticsearch": {"external": true, "url": url}},
        "elasticsearch": {"enabled": false},
        "identityKeycloak": {
            "postgresql": {"enabled": false},
            "externalDatabase": {
                "host": postgres.host(namespaces),
                "port": postgres.port(),
                "user": KEYCLOAK,
                "database": KEYCLOAK,
                "existingSecret": DATABASE_SECRET,
                "existingSecretPasswordKey": "password",
            },
        },
    })
}

/// The Secret that the values of the cutover name.
pub(super) fn database_secret(
    run: &str,
    label: &str,
    superuser: &SecretString,
    namespaces: &Namespaces,
) -> Value {
    let password = role_password(run, KEYCLOAK, superuser.expose_secret());
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": DATABASE_SECRET, "namespace": namespaces.release, "labels": {RUN_LABEL: label}},
        "type": "Opaque",
        "stringData": {"password": password.expose_secret()},
    })
}

/// Every image that manifests name.
pub(super) fn images(manifests: &str) -> BTreeSet<String> {
    let named = manifests.lines().filter_map(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        let image = line.strip_prefix("image:")?.trim().trim_matches(['"', '\'']);
        (!image.is_empty() && !image.contains(char::is_whitespace)).then(|| image.to_owned())
    });
    named.collect()
}

impl Kind {
    /// Whether the release is made from a chart that is not of this repository, so that its pods are real applications.
    pub fn has_chart(&self) -> bool {
        self.up.release.is_given()
    }

    /// Has `helm` leave the stores of the release where they are when it is upgraded without them.
    pub(super) async fn keep_stores(&self) -> Result<()> {
        let cluster = &self.up.cluster;
        let wanted = ListParams::default().labels(OF_STORES);
        let patch = Patch::Merge(json!({"metadata": {"annotations": {KEEP.0: KEEP.1}}}));
        let usual = PatchParams::default();
        for (group, version, kind) in KINDS {
            let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
            let of: Api<DynamicObject> = Api::namespaced_with(cluster.client(), cluster.release(), &resource);
            let found = cluster.ask("list", kind, || of.list(&wanted)).await?;
            for name in found.items.into_iter().filter_map(|object| object.metadata.name) {
                cluster
                    .ask("annotate", &format!("{kind} {name}"), || of.patch(&name, &usual, &patch))
                    .await?;
            }
        }
        Ok(())
    }
}

impl Release {
    /// Every image that the release asks for, before it is installed.
    ///
    /// # Errors
    /// `helm` refuses.
    pub(super) async fn images(&self, programs: &Programs) -> Result<BTreeSet<String>> {
        self.render(programs).await.map(|manifests| images(&manifests))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_given_the_passwords_that_the_run_uses_and_only_values_hold_them() {
        let superuser = SecretString::from("super");
        let values = source_values("run-1", &superuser);
        let role = role_password("run-1", "keycloak", "super");
        let auth = &values["identityKeycloak"]["postgresql"]["auth"];
        assert_eq!(auth["password"], role.expose_secret());
        assert_eq!(auth["postgresPassword"], "super");
        let secret = database_secret("run-1", "run-1", &superuser, &Namespaces::usual());
        assert_eq!(secret["stringData"]["password"], role.expose_secret());
        let target = target_values(&Namespaces::usual());
        assert_eq!(
            target["identityKeycloak"]["externalDatabase"]["existingSecret"],
            secret["metadata"]["name"]
        );
        assert!(!target.to_string().contains(role.expose_secret()));
    }

    #[test]
    fn the_cutover_switches_the_subcharts_off_and_names_the_targets() {
        let values = target_values(&Namespaces::usual());
        assert_eq!(values["elasticsearch"]["enabled"], false);
        assert_eq!(values["identityKeycloak"]["postgresql"]["enabled"], false);
        assert_eq!(values["global"]["elasticsearch"]["url"]["host"], "target-es.targets.svc.cluster.local");
        let database = &values["identityKeycloak"]["externalDatabase"];
        assert_eq!(
            (&database["host"], &database["port"]),
            (&json!("target-pg.targets.svc.cluster.local"), &json!(5432))
        );
    }

    #[test]
    fn images_are_found_however_they_are_quoted() {
        let text = "a:\n  - image: \"x/y:1\"\n    image: 'z:2'\n  image: w:3 \n  # image: no:1\n  imagePullPolicy: Always\n  image:\n  text: image: q:1\n";
        let found: Vec<String> = images(text).into_iter().collect();
        assert_eq!(found, ["w:3", "x/y:1", "z:2"]);
    }

    #[test]
    fn archives_wait_as_long_as_the_scenario_says() {
        let config =
            CamundaConfig { archive_after: Some(Duration::from_secs(15)), ..CamundaConfig::default() };
        let told = usual(Some(&config));
        assert_eq!(told["operate"]["env"][0]["value"], "15s");
        assert_eq!(usual(None)["tasklist"]["env"], json!([]));
    }

    #[test]
    fn the_version_is_the_charts_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Chart.yaml"), "name: x\nversion: \"12.13.3\"\nappVersion: 8.7.x\n")
            .unwrap();
        assert_eq!(version_of(folder.path()), "12.13.3");
        assert_eq!(version_of(Path::new("/nowhere")), "");
    }
}
