//! Installations of several namespaces: hosts that name a service together with its namespace, as `identity.tools.svc`. A
//! namespace is judged where its services are among the objects; of the others nothing is known.

use super::model::{Inventory, Object};
use super::reach::told;
use super::{Objects, Since};
use crate::check::Check;
use drydock_core::finding::Kind;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Service and namespace.
type Host = (String, String);

/// Looks at every host of workloads and settings after.
pub(super) fn check(objects: &Objects<'_>, check: &mut Check) {
    // Written here, and sound.
    let Ok(host) = Regex::new(r"\b([a-z0-9][a-z0-9-]*)\.([a-z0-9][a-z0-9-]*)\.svc\b") else { return };
    let (before, after) = (services(objects.before), services(objects.after));
    let dangling_before: BTreeSet<Host> =
        dangling(objects.before, &before, &host).into_values().flatten().collect();
    check.compared += after.values().map(|names| names.len() as u64).sum::<u64>();
    for (key, hosts) in dangling(objects.after, &after, &host) {
        let Some(object) = objects.after.objects.get(&key) else { continue };
        for (service, namespace) in hosts {
            let since = Since::of(dangling_before.contains(&(service.clone(), namespace.clone())));
            let what = format!("it names the host {service}.{namespace}.svc, and there is no such service");
            check.findings.push(told(check.check, object, Kind::Unusable, &what, since));
        }
    }
}

/// Names of services by namespace. A namespace is written in the object itself: a set of one namespace counts as having none.
fn services(set: &Inventory) -> BTreeMap<String, BTreeSet<String>> {
    let mut services: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for service in set.of("Service") {
        if let Some(namespace) = service.field(&["metadata", "namespace"]).as_str() {
            services.entry(namespace.to_owned()).or_default().insert(service.name.clone());
        }
    }
    services
}

/// Hosts that lead to no service, by the object that names them.
fn dangling(
    set: &Inventory,
    services: &BTreeMap<String, BTreeSet<String>>,
    host: &Regex,
) -> BTreeMap<super::Key, BTreeSet<Host>> {
    let mut found: BTreeMap<super::Key, BTreeSet<Host>> = BTreeMap::new();
    if services.is_empty() {
        return found;
    }
    for object in set.objects.values().filter(|o| !o.is_derived()) {
        let mut note = |text: &str| {
            for parts in host.captures_iter(text) {
                let (service, namespace) = (&parts[1], &parts[2]);
                if services.get(namespace).is_some_and(|names| !names.contains(service)) {
                    found.entry(object.key()).or_default().insert((service.to_owned(), namespace.to_owned()));
                }
            }
        };
        match said(object) {
            Some(said) => texts(said, &mut note),
            None => continue,
        }
    }
    found
}

/// The part of an object in which hosts are written.
fn said(object: &Object) -> Option<&Value> {
    match object.kind.as_str() {
        "ConfigMap" => Some(object.field(&["data"])),
        _ => object.pod_template(),
    }
}

/// Every text of a value. What is commented out in a file of settings is not read by anybody.
fn texts(value: &Value, note: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) if text.contains(".svc") => {
            text.lines().filter(|l| !l.trim_start().starts_with('#')).for_each(note);
        }
        Value::Array(items) => items.iter().for_each(|item| texts(item, note)),
        Value::Object(map) => map.values().for_each(|item| texts(item, note)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::objects::{Inventory, Objects, judge};
    use crate::values::Bitnami;
    use drydock_core::finding::Outcome;

    /// Identity in one namespace, and a worker in another that asks it at `host`.
    fn set(host: &str) -> Inventory {
        let text = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: identity, namespace: tools}}\nspec: {{ports: [{{port: 80}}]}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: zeebe, namespace: flow}}\nspec: {{ports: [{{port: 26500}}]}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: worker, namespace: flow}}\ndata:\n  application.yaml: |\n    # url: http://gone.tools.svc\n    url: \"http://{host}:80/auth\"\n"
        );
        Inventory::read(&[("f".into(), text)]).unwrap()
    }

    fn told(before: &Inventory, after: &Inventory) -> Vec<(Outcome, String)> {
        let objects =
            Objects { before, after, release: "camunda", bitnami: Bitnami::Stays, digest_key: &[7; 32] };
        let checks = judge(&objects);
        let reach =
            checks.into_iter().find(|c| c.check == drydock_core::names::checks::OBJECTS_REACH).unwrap();
        reach.findings.into_iter().map(|f| (f.outcome, f.message)).collect()
    }

    #[test]
    fn hosts_of_other_namespaces_lead_somewhere_or_are_told() {
        let good = set("identity.tools.svc.cluster.local");
        assert!(told(&good, &good).is_empty());
        // A namespace that nobody has looked into, and a pod of a service.
        for host in ["x.elsewhere.svc", "zeebe-0.zeebe.flow.svc"] {
            assert!(told(&good, &set(host)).is_empty(), "{host}");
        }
        let bad = set("keycloak.tools.svc");
        let found = told(&good, &bad);
        assert!(
            found.iter().any(|(o, m)| *o == Outcome::Different && m.contains("keycloak.tools.svc")),
            "{found:?}"
        );
        assert!(told(&bad, &bad).iter().all(|(o, _)| *o == Outcome::Expected), "it was so before");
    }
}
