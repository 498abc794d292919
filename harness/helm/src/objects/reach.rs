//! Who is reached under which name: services and what they select, ingresses and where they lead, policies that hold for
//! nobody.

use super::model::{Inventory, Object, texts};
use super::{Objects, Since};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_REACH);
    check.compared = 1;
    let (before, after) = (objects.before, objects.after);
    let (pods_before, pods) = (pods_of(before), pods_of(after));
    for service in after.of("Service") {
        check.compared += 1;
        let was = before.named("Service", &service.name, service);
        if let Some(wrong) = service_wrong(service, &pods) {
            let already = was.is_some_and(|was| service_wrong(was, &pods_before).is_some());
            check.findings.push(told(check.check, service, Kind::Unusable, &wrong, Since::of(already)));
        }
    }
    for kind in ["PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"] {
        for object in after.of(kind) {
            check.compared += 1;
            let selects = |object: &Object, set: &Inventory| {
                let selector =
                    if kind == "NetworkPolicy" { &["spec", "podSelector"] } else { &["spec", "selector"] };
                let wanted = texts(&object.field(selector)["matchLabels"]);
                let candidates: Vec<BTreeMap<String, String>> = if kind == "ServiceMonitor" {
                    set.of("Service").map(Object::labels).collect()
                } else {
                    set.workloads().map(Object::pod_labels).collect()
                };
                wanted.is_empty() || candidates.is_empty() || candidates.iter().any(|l| holds(&wanted, l))
            };
            if !selects(object, after) {
                let already =
                    before.named(kind, &object.name, object).is_some_and(|was| !selects(was, before));
                let what = "its selector matches nothing".to_owned();
                check.findings.push(told(check.check, object, Kind::Unusable, &what, Since::of(already)));
            }
        }
    }
    for object in after.of("HorizontalPodAutoscaler") {
        let target = object.field(&["spec", "scaleTargetRef"]);
        let (kind, name) =
            (target["kind"].as_str().unwrap_or_default(), target["name"].as_str().unwrap_or_default());
        check.compared += 1;
        if after.named(kind, name, object).is_none() {
            let already = before.named("HorizontalPodAutoscaler", &object.name, object).is_some()
                && before.named(kind, name, object).is_none();
            check.findings.push(told(
                check.check,
                object,
                Kind::Unusable,
                &format!("it scales {kind}/{name}, which is not there"),
                Since::of(already),
            ));
        }
    }
    ingresses(objects, &mut check);
    super::hosts::check(objects, &mut check);
    check.note =
        "selectors, named ports, ingress paths and their services, hosts in other namespaces".to_owned();
    check
}

pub(super) fn told(check: &str, object: &Object, kind: Kind, what: &str, since: Since) -> Finding {
    let at = object.place();
    let mut finding =
        Finding::access(check, kind, object.title(), format!("{} ({at}): {what}", object.title()))
            .next("mend the selector, the port or the name it refers to")
            .at(at);
    if since == Since::Before {
        finding.outcome = Outcome::Expected;
        finding.kind = Kind::OldDirt;
    }
    finding
}

fn holds(wanted: &BTreeMap<String, String>, labels: &BTreeMap<String, String>) -> bool {
    wanted.iter().all(|(k, v)| labels.get(k) == Some(v))
}

/// What makes pods, by namespace, with the labels of its pods.
type Pods<'i> = BTreeMap<&'i str, Vec<(&'i Object, BTreeMap<String, String>)>>;

fn pods_of(set: &Inventory) -> Pods<'_> {
    let mut pods = Pods::new();
    for workload in set.workloads() {
        pods.entry(workload.namespace.as_str()).or_default().push((workload, workload.pod_labels()));
    }
    pods
}

/// What is wrong with a service within its set.
fn service_wrong(service: &Object, pods: &Pods<'_>) -> Option<String> {
    let selector = texts(service.field(&["spec", "selector"]));
    if selector.is_empty() || service.field(&["spec", "type"]) == "ExternalName" {
        return None;
    }
    let workloads = pods.get(service.namespace.as_str())?;
    let selected: Vec<&Object> =
        workloads.iter().filter(|(_, labels)| holds(&selector, labels)).map(|(w, _)| *w).collect();
    if selected.is_empty() {
        return Some("its selector matches no pods".to_owned());
    }
    for port in service.field(&["spec", "ports"]).as_array().into_iter().flatten() {
        let Some(name) = port["targetPort"].as_str().filter(|n| n.parse::<u16>().is_err()) else { continue };
        let offers = selected.iter().any(|w| {
            w.containers().any(|c| c["ports"].as_array().into_iter().flatten().any(|p| p["name"] == name))
        });
        if !offers {
            return Some(format!(
                "port {} leads to `{name}`, which no container of the pods has",
                port["port"]
            ));
        }
    }
    None
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Route {
    host: String,
    path: String,
}

fn routes(set: &Inventory) -> BTreeMap<Route, (&Object, String, Value)> {
    let mut routes = BTreeMap::new();
    for ingress in set.of("Ingress") {
        for rule in ingress.field(&["spec", "rules"]).as_array().into_iter().flatten() {
            for path in rule["http"]["paths"].as_array().into_iter().flatten() {
                let text = path["path"].as_str().unwrap_or("/");
                let trimmed = text.trim_end_matches('/');
                let route = Route {
                    host: rule["host"].as_str().unwrap_or("*").to_owned(),
                    path: if trimmed.is_empty() { "/".to_owned() } else { trimmed.to_owned() },
                };
                let backend = &path["backend"];
                // The older form of the API.
                let service = backend["service"]["name"]
                    .as_str()
                    .or_else(|| backend["serviceName"].as_str())
                    .unwrap_or_default();
                let port = match &backend["service"]["port"] {
                    Value::Null => backend["servicePort"].clone(),
                    port if port["name"].is_string() => port["name"].clone(),
                    port => port["number"].clone(),
                };
                routes.insert(route, (ingress, service.to_owned(), port));
            }
        }
    }
    routes
}

fn ingresses(objects: &Objects<'_>, check: &mut Check) {
    let (before, after) = (routes(objects.before), routes(objects.after));
    check.compared += after.len() as u64;
    for (route, (ingress, service, _)) in &before {
        if after.contains_key(route) {
            continue;
        }
        // A path that another one of the same host leads to as well is served, though perhaps by somebody else.
        let above: BTreeSet<&String> = after
            .iter()
            .filter(|(r, _)| {
                r.host == route.host && (r.path == "/" || route.path.starts_with(&format!("{}/", r.path)))
            })
            .map(|(r, _)| &r.path)
            .collect();
        let at = ingress.place();
        let subject = format!("Ingress {}{}", route.host, route.path);
        let caught = above.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ");
        let message = if above.is_empty() {
            format!("{subject} ({at}), which led to {service}, leads nowhere now")
        } else {
            format!("{subject} ({at}), which led to {service}, is caught by {caught} now")
        };
        check.findings.push(
            Finding::access(check.check, Kind::Missing, subject.clone(), message)
                .items(1, [Sample::both(subject, Some(service.clone()), None)])
                .next("route the path again, or tell everybody who has a link to it, and put that into a ledger")
                .at(at),
        );
    }
    for (route, (ingress, service, port)) in &after {
        let title = format!("Ingress {}{}", route.host, route.path);
        let found = objects.after.named("Service", service, ingress);
        let wrong = match found {
            None if service.is_empty() => None,
            None => Some(format!("leads to service {service}, which is not there")),
            Some(found) => {
                let ports = found.field(&["spec", "ports"]).as_array().cloned().unwrap_or_default();
                let offered =
                    port.is_null() || ports.iter().any(|p| p["name"] == *port || p["port"] == *port);
                (!offered)
                    .then(|| format!("leads to port {port} of service {service}, which has no such port"))
            }
        };
        if let Some(wrong) = wrong {
            let at = ingress.place();
            check.findings.push(
                Finding::access(
                    check.check,
                    Kind::Unusable,
                    title.clone(),
                    format!("{title} ({at}) {wrong}"),
                )
                .next("name a service and a port that are there")
                .at(at),
            );
        }
    }
}
