//! What in values still refers to a Bitnami chart, image or host.

use super::chart::ChartKeys;
use super::condition::Effective;
use super::path::Path;
use super::supplied::{Leaf, Supplied};
use crate::bitnami::{hosts_in, image_is_bitnami, paths_in};
use serde_json::Value;

/// Switches of the charts within the chart, with the names their services end in.
const SWITCHES: [(&str, &[&str]); 6] = [
    ("elasticsearch.enabled", &["elasticsearch", "elasticsearch-master-hl"]),
    ("identityKeycloak.enabled", &["keycloak", "keycloak-headless"]),
    ("identityKeycloak.postgresql.enabled", &["postgresql", "postgresql-hl"]),
    ("identityPostgresql.enabled", &["identity-postgresql", "identity-postgresql-hl"]),
    ("postgresql.enabled", &["postgresql-web-modeler", "postgresql-web-modeler-hl"]),
    ("webModelerPostgresql.enabled", &["postgresql-web-modeler", "postgresql-web-modeler-hl"]),
];

/// One thing that refers to a Bitnami part.
#[derive(Debug, Clone, PartialEq)]
pub struct BitnamiTrace {
    /// The key.
    pub path: Path,
    /// What it refers to.
    pub what: String,
    /// Whether what it refers to is there at all.
    pub state: TraceState,
}

/// Whether what a value refers to is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceState {
    /// The part is installed by the chart.
    Installed,
    /// The part is switched off, and the value still points at it.
    Dangling,
}

/// Everything in the values that refers to a Bitnami part of the release.
pub fn traces(supplied: &Supplied, chart: Option<&ChartKeys>, release: &str) -> Vec<BitnamiTrace> {
    let side = Effective { supplied, renamed: None, chart };
    let on = |switch: &str| {
        let path = Path::parse(switch);
        // A database within Keycloak's chart is on whenever Keycloak's chart is, unless it is switched off.
        let above = switch.strip_suffix("postgresql.enabled").filter(|a| a.ends_with('.'));
        let default = above.and_then(|a| side.value(&Path::parse(&format!("{a}enabled")), None));
        side.value(&path, default.as_ref()).is_some_and(|v| v == Value::Bool(true))
    };
    let mut found = Vec::new();
    let known = |switch: &str| {
        supplied.sets(&Path::parse(switch))
            || chart.is_none_or(|c| c.paths().any(|p| p.keys().first() == Path::parse(switch).keys().first()))
    };
    let switches: Vec<_> = SWITCHES.iter().filter(|(switch, _)| known(switch)).collect();
    for (switch, _) in &switches {
        if on(switch) {
            found.push(BitnamiTrace {
                path: Path::parse(switch),
                what: "the Bitnami chart is switched on".to_owned(),
                state: TraceState::Installed,
            });
        }
    }
    for leaf in supplied.leaves.values() {
        if let Some(what) = image(leaf, supplied) {
            found.push(BitnamiTrace { path: leaf.path.clone(), what, state: TraceState::Installed });
        }
        let mut seen = Vec::new();
        texts(&leaf.value, &mut |text| {
            for path in paths_in(text) {
                let what = format!("path {path} of a Bitnami image");
                if !seen.contains(&what) {
                    seen.push(what.clone());
                    found.push(BitnamiTrace { path: leaf.path.clone(), what, state: TraceState::Installed });
                }
            }
            for (host, service) in hosts_in(text, release) {
                let providers: Vec<&str> = switches
                    .iter()
                    .filter(|(_, services)| services.contains(&service.as_str()))
                    .map(|(switch, _)| *switch)
                    .collect();
                let installed = providers.iter().any(|s| on(s));
                let what = if installed {
                    format!("host {host} is a service of a Bitnami chart")
                } else {
                    format!("host {host} is a service of a Bitnami chart that is switched off")
                };
                if !seen.contains(&what) {
                    seen.push(what.clone());
                    let state = if installed { TraceState::Installed } else { TraceState::Dangling };
                    found.push(BitnamiTrace { path: leaf.path.clone(), what, state });
                }
            }
        });
    }
    found
}

fn image(leaf: &Leaf, supplied: &Supplied) -> Option<String> {
    let text = leaf.value.as_str()?;
    let keys = leaf.path.keys();
    let of_image = keys.iter().rev().nth(1).is_some_and(|k| k.to_ascii_lowercase().ends_with("image"));
    let whole = match leaf.path.last() {
        "repository" => {
            // A registry may hold a mirror whose path says more than the repository does.
            let mut registry = leaf.path.0.clone();
            registry.pop();
            registry.push("registry".into());
            let registry = supplied.value(&Path(registry)).and_then(|v| v.as_str().map(str::to_owned));
            registry.filter(|r| !r.is_empty()).map_or_else(|| text.to_owned(), |r| format!("{r}/{text}"))
        }
        "image" => text.to_owned(),
        "registry" if of_image => return None,
        _ => return None,
    };
    image_is_bitnami(&whole).then(|| format!("image {whole} is built by or for Bitnami charts"))
}

fn texts(value: &Value, see: &mut dyn FnMut(&str)) {
    match value {
        Value::String(text) => see(text),
        Value::Array(items) => items.iter().for_each(|i| texts(i, see)),
        Value::Object(map) => map.values().for_each(|v| texts(v, see)),
        _ => {}
    }
}
