//! A Keycloak on the target that the Keycloak operator runs, where that operator is installed beside the stores.

use super::super::Kind;
use super::super::cluster::{Cluster, stuck};
use super::super::forward::Forward;
use super::super::objects::{RUN_LABEL, label};
use super::describing::{merge, spec_in};
use super::standing::{AWAY, OperatorState, join};
use super::{KEYCLOAK, Resource};
use crate::config::{OperatorsConfig, Side, Store};
use crate::containers::Image;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::keycloak::{ISSUER, KeycloakAccount};
use crate::ports::{HeldPort, PortChoice};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Its resource, and what the names of everything of it begin with.
const NAME: &str = "target-keycloak";
/// Port of its pods for people.
const PORT: u16 = 8080;
/// How long it may take: its image may have to be pulled and built for the database.
const STARTING: Duration = Duration::from_secs(420);
const STOPPING: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);
/// In the work directory: the port of this machine that leads to it. Tokens name the address at which they were given.
const NOTE: &str = "operated-keycloak.json";

/// What a run knows of its operators.
#[derive(Debug, Clone)]
pub(in crate::kind) struct Operators {
    pub(in crate::kind) config: OperatorsConfig,
    /// None where the operator is to choose.
    pub(in crate::kind) keycloak: Option<Image>,
}

/// One that runs. The way to it ends when this is dropped, and the pods stay.
#[derive(Debug)]
pub(crate) struct OperatedKeycloak {
    cluster: Cluster,
    pub(crate) port: u16,
    pub(crate) image: String,
    /// What its image is tagged with; empty where it has no tag.
    pub(crate) version: String,
    _way: Forward,
}

impl Kind {
    /// Whether the Keycloak of a side is the Keycloak operator's.
    ///
    /// # Errors
    /// The API server does not tell.
    pub(crate) async fn has_keycloak_operator(&self, side: Side) -> Result<bool> {
        let operated = self.up.cluster.namespaces().is_operated();
        Ok(side == Side::Target && operated && self.may_have_keycloak().await?)
    }

    /// Whether there is such an operator. In somebody else's cluster no Keycloak is the run's, and rights to look for one are not asked for.
    async fn may_have_keycloak(&self) -> Result<bool> {
        Ok(self.up.footing.node().is_some() && self.up.cluster.knows(KEYCLOAK).await?)
    }

    /// Has the operator run a Keycloak on the target's PostgreSQL, and waits until it says that it does.
    ///
    /// # Errors
    /// The API server or the operator refuses, or a pod cannot start.
    pub(crate) async fn start_operated_keycloak(
        &self,
        account: &KeycloakAccount,
    ) -> Result<OperatedKeycloak> {
        let cluster = &self.up.cluster;
        let namespace = cluster.namespaces().targets.clone();
        let run = label(self.work.run_id());
        let database = cluster.namespaces().place(Side::Target, Store::Postgres);
        let host = database.host(cluster.namespaces());
        let operators = self.up.operators.as_ref().ok_or_else(|| {
            EnvironmentError::new(
                EnvironmentProblem::Configuration,
                "no operator keeps the target",
                "add `managed: operator` to the target",
            )
        })?;
        let told = described(operators, account, (&namespace, &run), (&host, database.port()))?;
        cluster.describe(&told).await?;
        let (began, mut troubles) = (Instant::now(), Default::default());
        loop {
            let told = cluster.keycloak_complaint().await?;
            let Some(why) = told else { break };
            cluster
                .break_off(&namespace, &mut troubles)
                .await
                .map_err(|e| EnvironmentError::new(EnvironmentProblem::StartFailed, e.what, e.help))?;
            if began.elapsed() > STARTING {
                let what = format!("the Keycloak operator does not hold {NAME} for being in order: {why}");
                let late = stuck(&what, STARTING);
                return Err(EnvironmentError::new(EnvironmentProblem::StartFailed, late.what, late.help));
            }
            tokio::time::sleep(LOOK).await;
        }
        let known = self.work.read_json::<u16>(NOTE).map_or(PortChoice::Any, PortChoice::Preferred);
        let held = HeldPort::take_for(known, "Keycloak")?;
        let port = held.port();
        self.work.write_json(NOTE, &port)?;
        let way = Forward::to_ready_in(cluster, &namespace, &labels(), PORT, held)?;
        let pods = cluster.pods(&namespace, &labels()).await?;
        let image = pods.first().and_then(|pod| pod.spec.as_ref()?.containers.first()?.image.clone());
        let image = image.unwrap_or_default();
        let version = image.rsplit_once(':').map(|(_, tag)| tag.to_owned()).unwrap_or_default();
        Ok(OperatedKeycloak { cluster: cluster.clone(), port, image, version, _way: way })
    }

    /// Asks the operator for a sign of life, if it has a Keycloak: its Ingress is off, and so is what it would be told by it.
    pub(super) async fn call_keycloak(&self, called: &str) -> Result<()> {
        let cluster = &self.up.cluster;
        if !self.may_have_keycloak().await? || cluster.keycloak_resource().await?.is_none() {
            return Ok(());
        }
        let spec = json!({"ingress": {"annotations": {"drydock.dev/called": called}}});
        cluster.change(KEYCLOAK, &cluster.namespaces().targets, NAME, &spec).await
    }

    /// What the operator says of its Keycloak, if it has one.
    pub(super) async fn keycloak_state(&self) -> Result<Option<OperatorState>> {
        let cluster = &self.up.cluster;
        if !self.may_have_keycloak().await? || cluster.keycloak_resource().await?.is_none() {
            return Ok(None);
        }
        Ok(Some(OperatorState {
            operator: KEYCLOAK.operator,
            resource: format!("{}/{NAME}", KEYCLOAK.kind),
            complaint: cluster.keycloak_complaint().await?,
        }))
    }
}

impl OperatedKeycloak {
    /// Has the operator end it, and waits until no pod of it is left: no session of it is on the database then.
    ///
    /// # Errors
    /// The API server refuses, or a pod does not go.
    pub(crate) async fn stop(self) -> Result<()> {
        let namespace = self.cluster.namespaces().targets.clone();
        self.cluster.change(KEYCLOAK, &namespace, NAME, &json!({"instances": 0})).await?;
        let began = Instant::now();
        while !self.cluster.pods(&namespace, &labels()).await?.is_empty() {
            if began.elapsed() > STOPPING {
                return Err(stuck("a pod of Keycloak on the target is still there", STOPPING));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}

impl Cluster {
    async fn keycloak_resource(&self) -> Result<Option<kube::api::DynamicObject>> {
        let api = KEYCLOAK.api(self, &self.namespaces().targets);
        self.ask("look at the resource", NAME, || api.get_opt(NAME)).await
    }

    async fn keycloak_complaint(&self) -> Result<Option<String>> {
        Ok(match self.keycloak_resource().await? {
            Some(found) => complaint(found.metadata.generation, &found.data),
            None => Some("its resource is gone".to_owned()),
        })
    }
}

/// By which its pods are found.
fn labels() -> String {
    format!("app=keycloak,app.kubernetes.io/instance={NAME}")
}

/// What the operator is told, Secrets first.
fn described(
    operators: &Operators,
    account: &KeycloakAccount,
    (namespace, run): (&str, &str),
    (host, port): (&str, u16),
) -> Result<Vec<Value>> {
    let metadata = |name: &str| json!({"name": name, "namespace": namespace, "labels": {RUN_LABEL: run}});
    let secret = |part: &str, user: &str, password: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata(&format!("{NAME}-{part}")),
            "type": "kubernetes.io/basic-auth",
            "stringData": {"username": user, "password": password},
        })
    };
    let own = operators.config.keycloak.as_deref().map_or(Ok(json!({})), |file| spec_in(file, KEYCLOAK))?;
    let mut spec = json!({
        // Whatever its image was built for.
        "startOptimized": false,
        "resources": {"requests": {"cpu": "10m", "memory": "512Mi"}, "limits": {"memory": "1536Mi"}},
    });
    merge(&mut spec, own);
    if let Some(image) = &operators.keycloak {
        spec["image"] = json!(image.to_string());
    }
    spec["instances"] = json!(1);
    let from = |key: &str| json!({"name": format!("{NAME}-database"), "key": key});
    // The certificate names other hosts than this one, which pods know alone.
    spec["db"] = json!({
        "vendor": "postgres",
        "url": format!("jdbc:postgresql://{host}:{port}/{}?sslmode=require", account.database),
        "usernameSecret": from("username"),
        "passwordSecret": from("password"),
        "poolInitialSize": 1,
        "poolMinSize": 1,
        "poolMaxSize": 15,
    });
    merge(&mut spec["http"], json!({"httpEnabled": true, "httpPort": PORT}));
    spec["hostname"] = json!({"hostname": ISSUER, "backchannelDynamic": false});
    spec["ingress"] = json!({"enabled": false});
    // An administrator of its own choice would be one who cannot log in: the database that was moved has its own.
    spec["bootstrapAdmin"] = json!({"user": {"secret": format!("{NAME}-administrator")}});
    let mut options: BTreeMap<String, Value> = spec["additionalOptions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|option| (option["name"].as_str().unwrap_or_default().to_owned(), option.clone()))
        .collect();
    let path = "http-relative-path";
    options.insert(path.to_owned(), json!({"name": path, "value": "/auth"}));
    spec["additionalOptions"] = options.into_values().collect();
    Ok(vec![
        secret("database", &account.role, account.password.expose_secret()),
        secret("administrator", &account.administrator, account.administrator_password.expose_secret()),
        json!({
            "apiVersion": Resource::api_version(KEYCLOAK),
            "kind": KEYCLOAK.kind,
            "metadata": metadata(NAME),
            "spec": spec,
        }),
    ])
}

/// Reads why a Keycloak is not in order from its resource. It calls one ready that has no instance.
fn complaint(generation: Option<i64>, resource: &Value) -> Option<String> {
    let status = &resource["status"];
    let condition = |name: &str| {
        let all = status["conditions"].as_array().into_iter().flatten();
        all.into_iter().find(|c| c["type"] == name).cloned().unwrap_or_default()
    };
    if status.is_null() {
        return Some("nothing yet".to_owned());
    }
    let seen = status["observedGeneration"].as_i64();
    if seen.is_some() && generation.is_some() && seen < generation {
        return Some(AWAY.to_owned());
    }
    let (ready, errors) = (condition("Ready"), condition("HasErrors"));
    let wanted = resource["spec"]["instances"].as_i64().unwrap_or(1);
    let there = status["instances"].as_i64().unwrap_or_default();
    if ready["status"] == "True" && errors["status"] != "True" && there >= wanted && wanted > 0 {
        return None;
    }
    let words = |one: &Value| one["message"].as_str().unwrap_or_default().trim().to_owned();
    let count = format!("{there} of {wanted} instances");
    Some(join(&[words(&errors), words(&ready), count]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    fn account() -> KeycloakAccount {
        KeycloakAccount {
            database: "keycloak".into(),
            role: "keycloak".into(),
            password: SecretString::from("database-s3cret"),
            administrator: "admin".into(),
            administrator_password: SecretString::from("root-s3cret"),
        }
    }

    #[test]
    fn passwords_stand_in_secrets_and_the_users_description_counts_beside_the_runs() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keycloak.yaml");
        let own = "\
apiVersion: k8s.keycloak.org/v2alpha1
kind: Keycloak
metadata: {name: theirs}
spec:
  instances: 3
  image: theirs:26.6
  startOptimized: true
  db: {vendor: postgres, host: elsewhere}
  http: {httpPort: 18080, annotations: {a: b}}
  additionalOptions: [{name: http-relative-path, value: /}, {name: log-level, value: debug}]
";
        std::fs::write(&file, own).unwrap();
        let config = OperatorsConfig { keycloak: Some(file), ..OperatorsConfig::default() };
        let operators = Operators { config, keycloak: None };
        let told = described(&operators, &account(), ("targets", "run-1"), ("pg.targets.svc", 5432)).unwrap();
        for object in &told {
            assert_eq!(object.to_string().contains("s3cret"), object["kind"] == "Secret", "{object}");
        }
        let spec = &told.last().unwrap()["spec"];
        assert_eq!((&spec["image"], &spec["startOptimized"]), (&json!("theirs:26.6"), &json!(true)));
        assert_eq!((&spec["instances"], &spec["http"]["httpPort"]), (&json!(1), &json!(PORT)));
        assert_eq!(spec["http"]["annotations"]["a"], "b");
        assert_eq!(spec["db"].get("host"), None);
        assert_eq!(
            spec["additionalOptions"],
            json!([{"name": "http-relative-path", "value": "/auth"}, {"name": "log-level", "value": "debug"}])
        );
    }

    #[test]
    fn one_without_an_instance_is_not_in_order_whatever_it_is_called() {
        let state = |change: fn(&mut Value)| {
            let mut resource = json!({
                "spec": {"instances": 1},
                "status": {"observedGeneration": 2, "instances": 1, "conditions": [
                    {"type": "Ready", "status": "True", "message": ""},
                    {"type": "HasErrors", "status": "False", "message": ""},
                ]},
            });
            change(&mut resource);
            complaint(Some(2), &resource)
        };
        assert_eq!(state(|_| {}), None);
        for (words, told) in [
            ("nothing yet", state(|r| r["status"] = Value::Null)),
            ("sign of life", state(|r| r["status"]["observedGeneration"] = json!(1))),
            (
                "0 of 0 instances",
                state(|r| {
                    r["spec"]["instances"] = json!(0);
                    r["status"]["instances"] = json!(0);
                }),
            ),
            ("0 of 1 instances", state(|r| r["status"]["instances"] = json!(0))),
            (
                "Waiting for more",
                state(|r| {
                    r["status"]["conditions"][0] =
                        json!({"type": "Ready", "status": "False", "message": "Waiting for more"});
                }),
            ),
            (
                "no such image",
                state(|r| {
                    r["status"]["conditions"][1] =
                        json!({"type": "HasErrors", "status": "True", "message": "no such image"});
                }),
            ),
        ] {
            let told = told.unwrap_or_else(|| panic!("no complaint: {words}"));
            assert!(told.contains(words), "{told}");
        }
    }
}
