//! What operators are told of the stores that they are to keep: the user's own description where one is given, with the run's names,
//! passwords and certificates.

use super::Resource;
use crate::config::{OperatorsConfig, Store};
use crate::containers::Image;
use crate::door::{Door, ELASTICSEARCH_USER};
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::kind::objects::{RUN_LABEL, Shared};
use crate::kind::place::{DATA_CLAIM, NODE_SET, Place};
use crate::postgres::SUPERUSER;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value, json};
use std::path::Path;

/// What the run has of its own for a store that an operator keeps.
pub(in crate::kind) struct Given<'a> {
    pub(in crate::kind) operators: &'a OperatorsConfig,
    /// The image, where anybody names one; else it is the operator's choice.
    pub(in crate::kind) image: Option<&'a Image>,
    /// The version of Elasticsearch, which ECK wants to be told.
    pub(in crate::kind) version: &'a str,
    /// Of the superuser of PostgreSQL.
    pub(in crate::kind) password: &'a SecretString,
    pub(in crate::kind) door: &'a Door,
    /// Settings of Elasticsearch, and options of its virtual machine.
    pub(in crate::kind) settings: Vec<(String, String)>,
    pub(in crate::kind) java_options: String,
    pub(in crate::kind) shared: Shared<'a>,
}

/// A store as its operator is told of it: Secrets first, the resource last.
///
/// # Errors
/// The user's own description is none, or certificates cannot be read.
pub(in crate::kind) fn describe(place: Place, given: &Given<'_>) -> Result<Vec<Value>> {
    let resource = Resource::of(place.store);
    let file = match place.store {
        Store::Postgres => given.operators.postgres.as_deref(),
        Store::Elasticsearch => given.operators.elasticsearch.as_deref(),
    };
    let own = file.map_or(Ok(json!({})), |file| spec_in(file, resource))?;
    let (mut objects, spec) = match place.store {
        Store::Postgres => (postgres_secrets(place, given)?, postgres(place, given, own)),
        Store::Elasticsearch => {
            let named = file.unwrap_or(Path::new("nothing"));
            let spec = elasticsearch(place, given, own).map_err(|why| unusable(named, resource, &why))?;
            (elasticsearch_secrets(place, given), spec)
        }
    };
    objects.push(json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind,
        "metadata": metadata(place, place.name(), given),
        "spec": spec,
    }));
    Ok(objects)
}

fn metadata(place: Place, name: &str, given: &Given<'_>) -> Value {
    let Shared { run, namespaces, .. } = given.shared;
    json!({"name": name, "namespace": namespaces.of(place.side), "labels": {RUN_LABEL: run}})
}

fn secret(place: Place, part: &str, kind: &str, data: &Value, given: &Given<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(place, &format!("{}-{part}", place.name()), given),
        "type": kind,
        "stringData": data,
    })
}

fn certificate(place: Place, given: &Given<'_>) -> Result<Value> {
    let issued = given.door.issued(place.store)?;
    Ok(json!({
        "tls.crt": issued.certificate,
        "tls.key": issued.key.expose_secret(),
        "ca.crt": given.door.ca_pem,
    }))
}

// The operator makes an authority of its own for clients, and keeps it as `NAME-ca`.
fn postgres_secrets(place: Place, given: &Given<'_>) -> Result<Vec<Value>> {
    let login = json!({"username": SUPERUSER, "password": given.password.expose_secret()});
    let ca = json!({"ca.crt": given.door.ca_pem});
    Ok(vec![
        secret(place, "superuser", "kubernetes.io/basic-auth", &login, given),
        secret(place, "tls", "kubernetes.io/tls", &certificate(place, given)?, given),
        secret(place, "authority", "Opaque", &ca, given),
    ])
}

fn elasticsearch_secrets(place: Place, given: &Given<'_>) -> Vec<Value> {
    let password = given.door.password.expose_secret();
    let login = json!({"username": ELASTICSEARCH_USER, "password": password, "roles": "superuser"});
    vec![secret(place, "login", "kubernetes.io/basic-auth", &login, given)]
}

fn postgres(place: Place, given: &Given<'_>, own: Value) -> Value {
    let named = |part: &str| format!("{}-{part}", place.name());
    let mut spec = json!({
        "instances": 1,
        "storage": {"size": "4Gi"},
        // Sessions are ended instead of waited for, as the images of the other environments do.
        "smartShutdownTimeout": 1,
        "resources": {"requests": {"cpu": "10m", "memory": "128Mi"}},
    });
    merge(&mut spec, own);
    if let Some(image) = given.image {
        // A catalogue would be asked for another one.
        remove(&mut spec, "imageCatalogRef");
        spec["imageName"] = json!(image.to_string());
    }
    // A rule for those who come unencrypted, before the operator's own that lets everybody in with a password.
    let rules = spec["postgresql"]["pg_hba"].as_array().cloned().unwrap_or_default();
    let closed = [json!("hostnossl all all all reject")];
    spec["postgresql"]["pg_hba"] = closed.into_iter().chain(rules).collect();
    spec["enableSuperuserAccess"] = json!(true);
    spec["superuserSecret"] = json!({"name": named("superuser")});
    spec["certificates"] = json!({"serverTLSSecret": named("tls"), "serverCASecret": named("authority")});
    // Another cluster, or an archive of one, would be a migration of its own.
    remove(&mut spec, "externalClusters");
    let mut first = spec["bootstrap"]["initdb"].take();
    for name in ["database", "owner", "secret", "import"] {
        remove(&mut first, name);
    }
    merge(&mut first, json!({"database": "app", "owner": "app"}));
    spec["bootstrap"] = json!({"initdb": first});
    spec
}

fn elasticsearch(place: Place, given: &Given<'_>, own: Value) -> std::result::Result<Value, String> {
    let named = |part: &str| format!("{}-{part}", place.name());
    let mut spec = json!({"version": given.version});
    merge(&mut spec, own);
    if let Some(image) = given.image {
        spec["version"] = json!(given.version);
        spec["image"] = json!(image.to_string());
    }
    spec["auth"] = json!({"fileRealm": [{"secretName": named("login")}]});
    // With keys of ECK's own: of others it takes RSA alone, and prints what it does not take.
    let names = [
        json!({"ip": "127.0.0.1"}),
        json!({"dns": "localhost"}),
        json!({"dns": place.host(given.shared.namespaces)}),
    ];
    spec["http"]["tls"] = json!({"selfSignedCertificate": {"subjectAltNames": names}});
    let sets = spec["nodeSets"].as_array().cloned().unwrap_or_default();
    let [set] = <[Value; 1]>::try_from(if sets.is_empty() { vec![json!({})] } else { sets })
        .map_err(|sets| format!("it has {} sets of nodes, and one is followed here", sets.len()))?;
    let mut nodes = json!({
        "count": 1,
        "config": {"node.store.allow_mmap": false},
        "volumeClaimTemplates": [{
            "metadata": {"name": DATA_CLAIM},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "4Gi"}}},
        }],
    });
    merge(&mut nodes, set);
    nodes["name"] = json!(NODE_SET);
    for (name, value) in given.settings.iter().filter(|(name, _)| OURS.contains(&name.as_str())) {
        nodes["config"][name] = json!(value);
    }
    let pod = &mut nodes["podTemplate"]["spec"];
    let mut containers = pod["containers"].as_array().cloned().unwrap_or_default();
    let found = containers.iter().position(|c| c["name"] == place.container());
    let at = found.unwrap_or_else(|| {
        containers.push(json!({
            "name": place.container(),
            "resources": {"requests": {"cpu": "10m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}},
        }));
        containers.len() - 1
    });
    let node = &mut containers[at];
    let variables = node["env"].as_array().cloned().unwrap_or_default();
    // The user's own heap counts more: it is what is rehearsed. A pod that is removed serves on for most of a minute by default.
    let ours = [(JAVA, given.java_options.as_str()), (PRE_STOP, "1")];
    let absent = ours.into_iter().filter(|(name, _)| !variables.iter().any(|v| v["name"] == *name));
    let absent: Vec<Value> = absent.map(|(name, value)| json!({"name": name, "value": value})).collect();
    node["env"] = variables.into_iter().chain(absent).collect();
    if let Some(folder) = given.shared.folder {
        push(node, "volumeMounts", json!({"name": "snapshots", "mountPath": folder}));
        push(pod, "volumes", json!({"name": "snapshots", "hostPath": {"path": folder, "type": "Directory"}}));
    }
    pod["containers"] = json!(containers);
    spec["nodeSets"] = json!([nodes]);
    Ok(spec)
}

const JAVA: &str = "ES_JAVA_OPTS";
const PRE_STOP: &str = "PRE_STOP_ADDITIONAL_WAIT_SECONDS";
/// Settings that the run needs; what else a node is told is the operator's.
const OURS: [&str; 4] = [
    "reindex.remote.whitelist",
    "path.repo",
    "action.destructive_requires_name",
    "cluster.routing.allocation.disk.threshold_enabled",
];

fn push(to: &mut Value, list: &str, one: Value) {
    let all = to[list].as_array().cloned().unwrap_or_default();
    to[list] = all.into_iter().chain([one]).collect();
}

pub(super) fn remove(from: &mut Value, name: &str) {
    if let Some(object) = from.as_object_mut() {
        object.remove(name);
    }
}

/// Lays one object over another: what the upper one says counts, lists as a whole.
pub(super) fn merge(under: &mut Value, over: Value) {
    match (under, over) {
        (Value::Object(under), Value::Object(over)) => {
            for (name, value) in over {
                merge(under.entry(name).or_insert(Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

/// The `spec` of the first resource of a kind in a file.
pub(super) fn spec_in(file: &Path, resource: Resource) -> Result<Value> {
    let text = std::fs::read_to_string(file).map_err(|e| EnvironmentError::io("read", file, &e))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|e| unusable(file, resource, &e.to_string()))?;
    let group = |one: &Value| {
        one["apiVersion"]
            .as_str()
            .and_then(|v| v.split_once('/'))
            .is_some_and(|(group, _)| group == resource.group)
    };
    let found = documents.into_iter().find(|one| one["kind"] == resource.kind && group(one));
    let spec = found.map(|mut one| one["spec"].take());
    match spec {
        Some(Value::Object(spec)) => Ok(Value::Object(spec)),
        Some(Value::Null) => Ok(Value::Object(Map::new())),
        Some(_) => Err(unusable(file, resource, "its spec is no mapping")),
        None => Err(unusable(file, resource, &format!("it has no {} of {}", resource.kind, resource.group))),
    }
}

fn unusable(file: &Path, resource: Resource, why: &str) -> EnvironmentError {
    EnvironmentError::new(
        EnvironmentProblem::Configuration,
        format!("{} describes nothing for {}: {why}", file.display(), resource.operator),
        format!("name a file with one resource of kind {}", resource.kind),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Side;
    use crate::kind::place::Namespaces;
    use crate::workdir::WorkDir;
    use std::fs;

    /// What operators are told, where the user gives these descriptions of a store.
    fn told(store: Store, own: Option<&str>, image: Option<&str>) -> Result<Vec<Value>> {
        let folder = tempfile::tempdir().unwrap();
        let work = WorkDir::create(folder.path(), "run-1", Path::new("/runs/1")).unwrap();
        let file = folder.path().join("own.yaml");
        if let Some(own) = own {
            fs::write(&file, own).unwrap();
        }
        let named = own.map(|_| file);
        let operators =
            OperatorsConfig { postgres: named.clone(), elasticsearch: named, ..OperatorsConfig::default() };
        let (door, image) = (Door::provide(&work).unwrap(), image.and_then(Image::parse));
        let namespaces = Namespaces::usual().operated(true);
        let setting = |name: &str| (name.to_owned(), "x:9200".to_owned());
        let given = Given {
            operators: &operators,
            image: image.as_ref(),
            version: "8.16.6",
            password: &SecretString::from("very-secret"),
            door: &door,
            settings: vec![setting("reindex.remote.whitelist"), setting("cluster.name")],
            java_options: "-Xmx512m".into(),
            shared: Shared { run: "run-1", namespaces: &namespaces, folder: Some("/snapshots") },
        };
        describe(namespaces.place(Side::Target, store), &given)
    }

    fn spec(store: Store, own: Option<&str>, image: Option<&str>) -> Value {
        told(store, own, image).unwrap().pop().unwrap()["spec"].take()
    }

    #[test]
    fn passwords_and_keys_stand_in_secrets_and_nowhere_else() {
        for store in [Store::Postgres, Store::Elasticsearch] {
            let objects = told(store, None, None).unwrap();
            assert_eq!(objects.last().unwrap()["kind"], Resource::of(store).kind);
            for object in &objects {
                let text = object.to_string();
                let secret = object["kind"] == "Secret";
                assert!(secret || !text.contains("very-secret") && !text.contains("PRIVATE KEY"), "{text}");
                assert_eq!(object["metadata"]["labels"][RUN_LABEL], "run-1");
            }
            let secrets = [json!("very-secret"), json!("superuser")];
            assert!(objects.iter().any(|o| secrets.contains(&o["stringData"]["password"])
                || secrets.contains(&o["stringData"]["roles"])));
        }
    }

    #[test]
    fn a_description_of_the_users_counts_but_for_what_is_the_runs() {
        let own = "\
apiVersion: v1
kind: Secret
metadata: {name: first}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg-identity}
spec:
  instances: 3
  imageName: theirs:17.9
  superuserSecret: {name: theirs}
  postgresql: {parameters: {lock_timeout: 30s}, pg_hba: [host a b all scram-sha-256]}
  bootstrap: {initdb: {database: identity, secret: {name: theirs}, dataChecksums: true}, recovery: {source: old}}
  externalClusters: [{name: old}]
";
        let made = spec(Store::Postgres, Some(own), None);
        assert_eq!((&made["instances"], &made["imageName"]), (&json!(3), &json!("theirs:17.9")));
        assert_eq!(made["postgresql"]["parameters"], json!({"lock_timeout": "30s"}));
        assert_eq!(
            made["postgresql"]["pg_hba"],
            json!(["hostnossl all all all reject", "host a b all scram-sha-256"])
        );
        assert_eq!(made["superuserSecret"]["name"], "target-pg-superuser");
        assert_eq!(
            made["bootstrap"]["initdb"],
            json!({"database": "app", "owner": "app", "dataChecksums": true})
        );
        assert_eq!((&made["bootstrap"]["recovery"], made.get("externalClusters")), (&Value::Null, None));
        assert_eq!(spec(Store::Postgres, Some(own), Some("ours:15.1"))["imageName"], "ours:15.1");
        assert_eq!(spec(Store::Postgres, None, None).get("imageName"), None, "the operator knows its own");
    }

    #[test]
    fn a_node_of_the_users_keeps_its_heap_and_gets_what_the_run_needs() {
        let own = "\
apiVersion: elasticsearch.k8s.elastic.co/v1
kind: Elasticsearch
metadata: {name: theirs}
spec:
  version: 8.19.20
  http: {tls: {selfSignedCertificate: {disabled: true}}}
  nodeSets:
    - name: masters
      count: 1
      config: {logger.org.elasticsearch.deprecation: 'OFF'}
      podTemplate:
        spec:
          containers:
            - {name: elasticsearch, env: [{name: ES_JAVA_OPTS, value: -Xmx2g}], resources: {limits: {memory: 4Gi}}}
";
        let made = spec(Store::Elasticsearch, Some(own), None);
        assert_eq!(made["version"], "8.19.20");
        let tls = &made["http"]["tls"]["selfSignedCertificate"];
        assert_eq!((&tls["subjectAltNames"][0]["ip"], tls.get("disabled")), (&json!("127.0.0.1"), None));
        let set = &made["nodeSets"][0];
        assert_eq!((&set["name"], &set["count"]), (&json!(NODE_SET), &json!(1)));
        assert_eq!(set["config"]["reindex.remote.whitelist"], "x:9200");
        assert_eq!(set["config"].get("cluster.name"), None, "the operator's own");
        assert_eq!(set["config"]["logger.org.elasticsearch.deprecation"], "OFF");
        let node = &set["podTemplate"]["spec"]["containers"][0];
        assert_eq!(node["env"], json!([{"name": JAVA, "value": "-Xmx2g"}, {"name": PRE_STOP, "value": "1"}]));
        assert_eq!(node["resources"]["limits"]["memory"], "4Gi");
        assert_eq!(node["volumeMounts"][0]["mountPath"], "/snapshots");
        let usual = spec(Store::Elasticsearch, None, Some("ours:8.17.1"));
        assert_eq!((&usual["version"], &usual["image"]), (&json!("8.16.6"), &json!("ours:8.17.1")));
        let node = &usual["nodeSets"][0]["podTemplate"]["spec"]["containers"][0];
        assert_eq!(node["env"][0]["value"], "-Xmx512m");
    }

    #[test]
    fn what_describes_no_store_is_refused_with_the_files_name() {
        let two = "apiVersion: elasticsearch.k8s.elastic.co/v1\nkind: Elasticsearch\nspec: {nodeSets: [{name: a}, {name: b}]}\n";
        for (store, text, words) in [
            (Store::Postgres, "a: [", "own.yaml"),
            (
                Store::Postgres,
                "kind: Cluster\napiVersion: other/v1\nspec: {}\n",
                "no Cluster of postgresql.cnpg.io",
            ),
            (Store::Postgres, "kind: Cluster\napiVersion: postgresql.cnpg.io/v1\nspec: 3\n", "no mapping"),
            (Store::Elasticsearch, two, "2 sets of nodes"),
        ] {
            let error = told(store, Some(text), None).unwrap_err();
            assert_eq!(error.code, EnvironmentProblem::Configuration);
            assert!(error.what.contains(words), "{}", error.what);
        }
    }
}
