//! One credential, several readers: each of them must be given the same value, whichever Secret it comes from. Values are
//! compared by keyed digest and never told.

use super::Objects;
use super::model::{Inventory, Object};
use super::secrets::Entries;
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::glob::matches;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// Who reads which credential.
const TABLE: &str = include_str!("../../../../fixtures/helm/credentials.yaml");

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    credentials: Vec<Credential>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Credential {
    name: String,
    readers: Vec<ReadBy>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadBy {
    #[serde(default = "any")]
    workload: String,
    #[serde(default)]
    not: Vec<String>,
    #[serde(default = "any")]
    container: String,
    env: Vec<String>,
}

fn any() -> String {
    "*".to_owned()
}

/// The table; empty if it cannot be read, which a test rules out.
fn table() -> &'static [Credential] {
    static TABLE_READ: OnceLock<Vec<Credential>> = OnceLock::new();
    TABLE_READ.get_or_init(|| read(TABLE).map(|t| t.credentials).unwrap_or_default())
}

fn read(text: &str) -> Result<Table, String> {
    serde_saphyr::from_str(text).map_err(|e| e.to_string())
}

impl ReadBy {
    /// Whether it reads the credential from a variable. Pods carry the names of what makes them.
    fn is(&self, workload: &Object, container: &str, variable: &str) -> bool {
        self.env.iter().any(|env| env == variable)
            && matches(&self.container, container)
            && matches(&self.workload, &workload.name)
            && !self.not.iter().any(|not| matches(not, &workload.name))
    }
}

/// Readers of one credential by what they are given.
type Given = BTreeMap<[u8; 32], BTreeSet<String>>;

/// Tells every credential whose readers are not given the same, and every one whose readers in one namespace once were.
pub(super) fn check(objects: &Objects<'_>, before: &Entries, after: &Entries, check: &mut Check) {
    let key = objects.digest_key;
    let was = given(objects.before, before, key);
    for ((namespace, name), now) in given(objects.after, after, key) {
        check.compared += now.values().map(BTreeSet::len).sum::<usize>() as u64;
        if now.len() < 2 {
            continue;
        }
        let groups: Vec<String> = now.values().map(some).collect();
        let message = format!(
            "the credential `{name}` is given to its readers with {} different values: {}",
            now.len(),
            groups.join(" | ")
        );
        let samples = groups.iter().map(|group| Sample::named(group.clone()));
        let mut told = Finding::access(check.check, Kind::Disagreement, format!("credential {name}"), message)
            .items(now.len() as u64, samples)
            .next("let every reader name the same Secret and key, and restart the pods that started with the old value");
        if was.get(&(namespace, name)).is_some_and(|was| same_groups(was, &now)) {
            told.outcome = Outcome::Expected;
            told.kind = Kind::OldDirt;
        }
        check.findings.push(told);
    }
}

/// Whether the same readers disagreed in the same way.
fn same_groups(a: &Given, b: &Given) -> bool {
    let groups = |given: &Given| given.values().cloned().collect::<BTreeSet<_>>();
    groups(a) == groups(b)
}

fn some(readers: &BTreeSet<String>) -> String {
    let shown: Vec<&str> = readers.iter().map(String::as_str).take(3).collect();
    let more = if readers.len() > 3 { format!(" and {} more", readers.len() - 3) } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn given(set: &Inventory, entries: &Entries, key: &[u8; 32]) -> BTreeMap<(String, String), Given> {
    let mut all: BTreeMap<(String, String), Given> = BTreeMap::new();
    for workload in set.workloads().filter(|o| o.kind != "ReplicaSet" && !is_over(o)) {
        for container in workload.containers() {
            let called = container["name"].as_str().unwrap_or_default();
            for env in container["env"].as_array().into_iter().flatten() {
                let variable = env["name"].as_str().unwrap_or_default();
                let of = |c: &&Credential| c.readers.iter().any(|r| r.is(workload, called, variable));
                let Some(credential) = table().iter().find(of) else { continue };
                let Some(digest) = resolve(workload, container, env, entries, key) else { continue };
                let who = format!("{} {called} {variable}", workload.title());
                let name = (workload.namespace.clone(), credential.name.clone());
                all.entry(name).or_default().entry(digest).or_default().insert(who);
            }
        }
    }
    all
}

/// Pods that have ended, and jobs: what they were given once is not read any more.
fn is_over(object: &Object) -> bool {
    let phase = object.field(&["status", "phase"]).as_str().unwrap_or_default();
    object.kind == "Pod" && matches!(phase, "Succeeded" | "Failed")
}

/// Digest of what a variable holds; nothing if that is not known here, which is told with the references.
fn resolve(
    workload: &Object,
    container: &Value,
    env: &Value,
    entries: &Entries,
    key: &[u8; 32],
) -> Option<[u8; 32]> {
    let entry = |secret: &str, key: &str| {
        let at = (workload.namespace.clone(), secret.to_owned(), key.to_owned());
        entries.get(&at).filter(|e| e.length > 0).map(|e| e.digest)
    };
    let from = &env["valueFrom"]["secretKeyRef"];
    if let (Some(secret), Some(key)) = (from["name"].as_str(), from["key"].as_str()) {
        return entry(secret, key);
    }
    let literal = env["value"].as_str().filter(|v| !v.is_empty())?;
    if env["name"].as_str().is_some_and(|n| n.ends_with("_FILE")) {
        let (secret, key) = mounted(workload, container, literal)?;
        return entry(&secret, &key);
    }
    // What is put together from other variables is not followed.
    (!literal.contains("$(")).then(|| *blake3::keyed_hash(key, literal.as_bytes()).as_bytes())
}

/// The Secret and key behind a file of a container.
fn mounted(workload: &Object, container: &Value, file: &str) -> Option<(String, String)> {
    let mounts = container["volumeMounts"].as_array()?;
    let (volume, rest) = mounts
        .iter()
        .filter_map(|mount| {
            let folder = mount["mountPath"].as_str()?.trim_end_matches('/');
            let rest = file.strip_prefix(folder)?.strip_prefix('/')?;
            Some((folder.len(), mount["name"].as_str()?, rest))
        })
        .max_by_key(|(depth, ..)| *depth)
        .map(|(_, volume, rest)| (volume, rest))?;
    let volumes = workload.pod_template()?["spec"]["volumes"].as_array()?;
    let volume = volumes.iter().find(|v| v["name"] == volume)?;
    let direct = [(&volume["secret"], "secretName")];
    let projected = volume["projected"]["sources"].as_array().into_iter().flatten();
    let sources = direct.into_iter().chain(projected.map(|s| (&s["secret"], "name")));
    let mut whole = None;
    for (source, called) in sources {
        let Some(secret) = source[called].as_str() else { continue };
        match source["items"].as_array().filter(|items| !items.is_empty()) {
            Some(items) => {
                if let Some(item) = items.iter().find(|i| i["path"] == rest) {
                    return Some((secret.to_owned(), item["key"].as_str()?.to_owned()));
                }
            }
            // All keys of a Secret; one that is named by its path goes before.
            None => whole = whole.or_else(|| Some((secret.to_owned(), rest.to_owned()))),
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::{TABLE, read};
    use crate::objects::{Inventory, Objects, judge};
    use crate::values::Bitnami;
    use drydock_core::Outcome;
    use drydock_core::finding::Kind;
    use drydock_core::names::checks;

    #[test]
    fn the_table_is_sound() {
        let table = read(TABLE).unwrap();
        assert!(table.credentials.len() > 8 && table.credentials.iter().all(|c| !c.readers.is_empty()));
    }

    /// Identity and Connectors with one client's secret, Keycloak with its database by file and by variable.
    fn objects(connectors: &str, database: &str) -> Inventory {
        let text = format!(
            "apiVersion: v1
kind: Secret
metadata: {{name: client}}
stringData: {{connectors-secret: one-value, spare: {connectors}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: camunda-postgresql}}
stringData: {{password: {database}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: outside}}
stringData: {{db: db-value}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: camunda-identity}}
spec: {{template: {{spec: {{containers: [{{name: identity, env: [{{name: KEYCLOAK_INIT_CONNECTORS_SECRET, valueFrom: {{secretKeyRef: {{name: client, key: connectors-secret}}}}}}]}}]}}}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: camunda-connectors}}
spec: {{template: {{spec: {{containers: [{{name: connectors, env: [{{name: CAMUNDA_IDENTITY_CLIENT_SECRET, valueFrom: {{secretKeyRef: {{name: client, key: spare}}}}}}]}}]}}}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: camunda-keycloak}}
spec: {{template: {{spec: {{volumes: [{{name: s, projected: {{sources: [{{secret: {{name: outside, items: [{{key: db, path: db-password}}]}}}}]}}}}],
  containers: [{{name: keycloak, volumeMounts: [{{name: s, mountPath: /opt/secrets}}], env: [{{name: KEYCLOAK_DATABASE_PASSWORD_FILE, value: /opt/secrets/db-password}}]}}]}}}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: camunda-postgresql}}
spec: {{template: {{spec: {{containers: [{{name: postgresql, env: [{{name: POSTGRES_PASSWORD, valueFrom: {{secretKeyRef: {{name: camunda-postgresql, key: password}}}}}}]}}]}}}}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: camunda-postgresql-web-modeler}}
spec: {{template: {{spec: {{containers: [{{name: postgresql, env: [{{name: POSTGRES_PASSWORD, value: another-database}}]}}]}}}}}}
"
        );
        Inventory::read(&[("o.yaml".into(), text)]).unwrap()
    }

    fn told(before: &Inventory, after: &Inventory) -> Vec<(String, Outcome, Kind)> {
        let subject =
            Objects { before, after, release: "camunda", bitnami: Bitnami::Stays, digest_key: &[7; 32] };
        let check = judge(&subject).into_iter().find(|c| c.check == checks::OBJECTS_SECRETS).unwrap();
        let about = check.findings.into_iter().filter(|f| f.subject.starts_with("credential "));
        about
            .map(|f| {
                assert!(!f.message.contains("value-2") && !f.message.contains("db-value"), "{}", f.message);
                (f.subject, f.outcome, f.kind)
            })
            .collect()
    }

    #[test]
    fn readers_of_one_credential_are_given_one_value() {
        let good = objects("one-value", "db-value");
        assert_eq!(told(&good, &good), []);
        let client = objects("value-2", "db-value");
        let red = ("credential client connectors".to_owned(), Outcome::Different, Kind::Disagreement);
        assert_eq!(told(&good, &client), [red]);
        let old = ("credential client connectors".to_owned(), Outcome::Expected, Kind::OldDirt);
        assert_eq!(told(&client, &client), [old]);
        let file = objects("one-value", "value-2");
        let red = ("credential database user of Keycloak".to_owned(), Outcome::Different, Kind::Disagreement);
        assert_eq!(told(&good, &file), [red]);
    }
}
