//! Manifests that the harness makes itself: namespaces, the targets, and the services by which this machine reaches stores.

use super::place::{Namespaces, Place};
use crate::config::Store;
use crate::containers::Image;
use crate::door::Door;
use crate::elasticsearch::door_files;
use crate::error::Result;
use crate::postgres::SETTINGS;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Label of what the harness makes: the run that it is of.
pub(super) const RUN_LABEL: &str = "drydock.run";

/// What all objects of a run share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shared<'a> {
    /// The run, as a label can hold it.
    pub(super) run: &'a str,
    pub(super) namespaces: &'a Namespaces,
    /// A folder of the node, mounted at the same path, that the clusters of both sides keep snapshots in.
    pub(super) folder: Option<&'a str>,
}

/// A run's name as a label can hold it.
pub(super) fn label(run: &str) -> String {
    let begin: String = run.chars().take(63).collect();
    begin.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned()
}

pub(super) fn namespace(name: &str, run: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {RUN_LABEL: run}}})
}

/// The service by which this machine reaches a store, whether it is ready or not: a probe has to see an outage itself.
pub(super) fn way_in(place: Place, of: Shared<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": format!("drydock-{}", place.name()),
            "namespace": of.namespaces.of(place.side),
            "labels": {RUN_LABEL: of.run},
        },
        "spec": {
            "type": "NodePort",
            "publishNotReadyAddresses": true,
            "selector": place.selector().into_iter().collect::<BTreeMap<_, _>>(),
            "ports": [{"name": "store", "port": place.port(), "targetPort": place.port(), "nodePort": place.node_port()}],
        },
    })
}

/// What a target PostgreSQL is made from.
pub(super) fn postgres(place: Place, image: &Image, password: &SecretString, of: Shared<'_>) -> Vec<Value> {
    let (run, namespace) = (of.run, of.namespaces.of(place.side));
    let secret = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": place.name(), "namespace": namespace, "labels": {RUN_LABEL: run}},
        "type": "Opaque",
        "stringData": {"password": password.expose_secret()},
    });
    let mut args = vec!["postgres".to_owned()];
    args.extend(SETTINGS.iter().flat_map(|setting| ["-c".to_owned(), (*setting).to_owned()]));
    let container = json!({
        "name": place.container(),
        "image": image.to_string(),
        "imagePullPolicy": "IfNotPresent",
        "args": args,
        "env": variables([
            ("PGDATA", "/drydock/data".to_owned()),
            ("POSTGRES_USER", "postgres".to_owned()),
            ("POSTGRES_PASSWORD_FILE", "/drydock-secret/password".to_owned()),
            ("POSTGRES_INITDB_ARGS", "--no-sync --encoding=UTF8 --locale=C.UTF-8 --auth-host=scram-sha-256".to_owned()),
            ("TZ", "UTC".to_owned()),
        ]),
        "volumeMounts": [
            {"name": "data", "mountPath": "/drydock"},
            {"name": "secret", "mountPath": "/drydock-secret", "readOnly": true},
        ],
        // Ends sessions instead of waiting for them, as the official image's own stop signal does.
        "lifecycle": {"preStop": {"exec": {"command": ["sh", "-c", "kill -INT 1"]}}},
    });
    let volumes = json!([{"name": "secret", "secret": {"secretName": place.name()}}]);
    [secret].into_iter().chain(served(place, container, &volumes, of)).collect()
}

/// What a target Elasticsearch is made from.
///
/// # Errors
/// Certificate and users of its door cannot be made.
pub(super) fn elasticsearch(
    place: Place,
    image: &Image,
    settings: &[(String, String)],
    data: &str,
    door: Option<&Door>,
    of: Shared<'_>,
) -> Result<Vec<Value>> {
    let (run, namespace) = (of.run, of.namespaces.of(place.side));
    let mut mounts = vec![json!({"name": "data", "mountPath": data})];
    let mut volumes = Vec::new();
    if let Some(folder) = of.folder {
        mounts.push(json!({"name": "snapshots", "mountPath": folder}));
        volumes.push(json!({"name": "snapshots", "hostPath": {"path": folder, "type": "Directory"}}));
    }
    let mut objects = Vec::new();
    if let Some(door) = door {
        let files: BTreeMap<&str, String> = door_files(door)?
            .into_iter()
            .map(|(name, text)| (name, text.expose_secret().to_owned()))
            .collect();
        for name in files.keys() {
            let path = format!("/usr/share/elasticsearch/config/{name}");
            mounts.push(json!({"name": "door", "mountPath": path, "subPath": name, "readOnly": true}));
        }
        volumes.push(json!({"name": "door", "secret": {"secretName": place.name()}}));
        objects.push(json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": place.name(), "namespace": namespace, "labels": {RUN_LABEL: run}},
            "type": "Opaque",
            "stringData": files,
        }));
    }
    let container = json!({
        "name": place.container(),
        "image": image.to_string(),
        "imagePullPolicy": "IfNotPresent",
        "env": variables(settings.iter().map(|(name, value)| (name.as_str(), value.clone()))),
        "volumeMounts": mounts,
    });
    objects.extend(served(place, container, &json!(volumes), of));
    Ok(objects)
}

/// A service, and a StatefulSet with one pod of one container on a claim of its own.
fn served(place: Place, container: Value, volumes: &Value, of: Shared<'_>) -> [Value; 2] {
    let (run, namespace) = (of.run, of.namespaces.of(place.side));
    let (name, port) = (place.name(), place.port());
    let labels =
        json!({"app.kubernetes.io/name": name, "app.kubernetes.io/instance": namespace, RUN_LABEL: run});
    let selector = json!({"app.kubernetes.io/name": name});
    let memory = match place.store {
        Store::Postgres => "64Mi",
        Store::Elasticsearch => "256Mi",
    };
    let mut container = container;
    container["ports"] = json!([{"name": "store", "containerPort": port}]);
    container["resources"] = json!({"requests": {"cpu": "10m", "memory": memory}});
    container["readinessProbe"] = json!({"tcpSocket": {"port": "store"}, "periodSeconds": 2, "timeoutSeconds": 5, "failureThreshold": 150});
    let service = json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"selector": selector, "ports": [{"name": "store", "port": port, "targetPort": "store"}]},
    });
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "replicas": 1,
            "serviceName": name,
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "terminationGracePeriodSeconds": 30,
                    "securityContext": {"fsGroup": 1001},
                    "containers": [container],
                    "volumes": volumes,
                },
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "4Gi"}}},
            }],
        },
    });
    [service, set]
}

fn variables<'a>(of: impl IntoIterator<Item = (&'a str, String)>) -> Value {
    of.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Side;

    fn place(store: Store) -> Place {
        Namespaces::usual().place(Side::Target, store)
    }

    #[test]
    fn passwords_stand_in_secrets_and_nowhere_else() {
        let image = Image::parse("postgres:17").unwrap();
        let namespaces = Namespaces::usual();
        let of = Shared { run: "run-1", namespaces: &namespaces, folder: None };
        let objects = postgres(place(Store::Postgres), &image, &SecretString::from("very-secret"), of);
        for object in &objects {
            let told = object.to_string().contains("very-secret");
            assert_eq!(told, object["kind"] == "Secret", "{object}");
        }
        assert_eq!(objects.len(), 3);
    }

    #[test]
    fn a_target_is_found_by_its_service_and_by_its_node_port() {
        let image = Image::parse("elasticsearch:8.16.6").unwrap();
        let place = place(Store::Elasticsearch);
        let settings = [("cluster.name".to_owned(), "x".to_owned())];
        let namespaces = Namespaces::usual();
        let shared = Shared { run: "run-1", namespaces: &namespaces, folder: Some("/snapshots") };
        let objects = elasticsearch(place, &image, &settings, "/data", None, shared).unwrap();
        assert!(json!(objects).to_string().contains("hostPath"));
        let of = |kind: &str| objects.iter().find(|o| o["kind"] == kind).unwrap();
        let labels = &of("StatefulSet")["spec"]["template"]["metadata"]["labels"];
        for (name, value) in of("Service")["spec"]["selector"].as_object().unwrap() {
            assert_eq!(&labels[name], value);
        }
        assert_eq!(of("StatefulSet")["spec"]["selector"]["matchLabels"], of("Service")["spec"]["selector"]);
        assert!(place.host(&namespaces).starts_with(of("Service")["metadata"]["name"].as_str().unwrap()));
        let way = way_in(place, shared);
        assert_eq!(way["spec"]["ports"][0]["nodePort"], 31_920);
        assert_eq!(way["spec"]["selector"]["statefulset.kubernetes.io/pod-name"], "target-es-0");
        // An outage must not hide behind a readiness probe.
        assert_eq!(way["spec"]["publishNotReadyAddresses"], true);
        // Nothing of somebody else's nodes is mounted.
        let apart = Shared { folder: None, ..shared };
        let objects = elasticsearch(place, &image, &settings, "/data", None, apart).unwrap();
        assert!(!json!(objects).to_string().contains("hostPath"));
    }
}
