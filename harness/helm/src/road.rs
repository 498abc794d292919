//! The way from one release to another as a checklist, with the steps a machine can judge judged.

use crate::objects::{Inventory, Object};
use crate::values::{Path, Supplied};
use drydock_core::glob;
use semver::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use thiserror::Error;

/// The releases and their steps. Part of the program; a test reads it.
const ROADS: &str = include_str!("../../../fixtures/helm/roads/upgrade-path.yaml");

/// Why there is no checklist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoadError {
    /// Not a version there are releases for.
    #[error(
        "`{given}` is no release there are steps for; application versions are {known}, and charts are written in full (9.3.7)"
    )]
    Unknown {
        /// As given.
        given: String,
        /// The application versions there are.
        known: String,
    },
    /// Nothing lies between.
    #[error("{from} is not older than {to}; there are steps for upgrades only")]
    Backwards {
        /// As given.
        from: String,
        /// As given.
        to: String,
    },
    /// The list that comes with the program is damaged.
    #[error("the list of releases cannot be read: {0}")]
    List(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    sources: BTreeMap<String, String>,
    applications: BTreeMap<String, String>,
    releases: Vec<Release>,
    always: Vec<Written>,
    steps: Vec<Written>,
}

/// A release on the road.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Version of the chart.
    pub chart: String,
    /// Version of the application.
    pub app: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default)]
    at: Option<String>,
    phase: Phase,
    r#do: String,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    check: Option<Condition>,
    source: String,
}

/// When a step is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Before the upgrade.
    Before,
    /// While it runs.
    During,
    /// Once it has run.
    After,
}

/// What a machine can look at.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Condition {
    /// Volumes of these claims stay when the claim goes.
    volumes_retained: Option<String>,
    /// Claims have these labels.
    claims_labelled: Option<Labelled>,
    /// Claims are bound.
    claims_bound: Option<String>,
    /// `Secret/key` exist and are not empty.
    secrets: Vec<String>,
    /// An object with which `secrets` are not needed.
    unless: Option<String>,
    /// `Kind/name` exists.
    present: Option<String>,
    /// `Kind/name` does not.
    absent: Option<String>,
    /// `Job/name` has completed.
    completed: Option<String>,
    /// Workloads have no environment variables of a kind.
    no_env: Option<NoEnv>,
    /// The values say something at a path.
    value: Option<String>,
    /// The values say nothing at a path.
    no_value: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Labelled {
    claims: String,
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct NoEnv {
    /// Name of the workloads, as a pattern.
    of: String,
    /// What the names of the variables begin with.
    prefix: String,
    /// The one that may stay.
    but: String,
}

/// One step of the checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RoadStep {
    /// Identifier.
    pub id: String,
    /// Chart it belongs to; empty for what every upgrade asks for.
    pub chart: String,
    /// Application version of that chart.
    pub app: String,
    /// When it is due.
    pub phase: Phase,
    /// What to do.
    pub what: String,
    /// A command for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Who can say whether it is done.
    pub judged: Judged,
    /// Where it is written.
    pub source: String,
}

/// Whether a step is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state", content = "why")]
pub enum Judged {
    /// A machine has looked: it is.
    Done,
    /// A machine has looked: it is not.
    Open(String),
    /// A machine could look, but was not given what it needs.
    NotLooked(String),
    /// Only a person can say.
    ByHand,
}

/// What a machine may look at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Evidence<'e> {
    /// Objects of the release.
    pub objects: Option<&'e Inventory>,
    /// The values that are to be used.
    pub values: Option<&'e Supplied>,
}

/// The first chart of an application, where `given` is one: which of its charts runs is not known then, and the steps of every
/// later one are part of the road.
pub fn first_chart(given: &str) -> Option<String> {
    let file: File = serde_saphyr::from_str(ROADS).ok()?;
    file.applications.get(given.trim()).cloned()
}

/// The steps between two versions: `8.4` is an application, `9.3.7` a chart.
///
/// # Errors
/// A version is not known, or the road leads nowhere.
pub fn upgrade_path(
    from: &str,
    to: &str,
    release: &str,
    namespace: &str,
    evidence: &Evidence<'_>,
) -> Result<Vec<RoadStep>, RoadError> {
    let file: File = serde_saphyr::from_str(ROADS).map_err(|e| RoadError::List(e.to_string()))?;
    let end = find(&file, to)?;
    let start = match file.applications.get(from.trim()) {
        Some(first) => Version::parse(first).map_err(|e| RoadError::List(e.to_string()))?,
        None => find(&file, from)?,
    };
    if start >= end || from.trim() == to.trim() {
        return Err(RoadError::Backwards { from: from.to_owned(), to: to.to_owned() });
    }
    let fill = |text: &str| text.replace("{release}", release).replace("{namespace}", namespace);
    let step = |written: &Written, on: Option<&Release>| RoadStep {
        id: written.id.clone(),
        chart: on.map(|r| r.chart.clone()).unwrap_or_default(),
        app: on.map(|r| r.app.clone()).unwrap_or_default(),
        phase: written.phase,
        what: fill(&written.r#do),
        run: written.run.as_deref().map(fill),
        judged: written.check.as_ref().map_or(Judged::ByHand, |c| c.judge(&fill, evidence)),
        source: file.sources.get(&written.source).cloned().unwrap_or_default(),
    };
    let mut steps: Vec<RoadStep> =
        file.always.iter().filter(|w| w.phase == Phase::Before).map(|w| step(w, None)).collect();
    for on in &file.releases {
        let chart = Version::parse(&on.chart).map_err(|e| RoadError::List(e.to_string()))?;
        if chart <= start || chart > end {
            continue;
        }
        let mut own: Vec<&Written> =
            file.steps.iter().filter(|w| w.at.as_deref() == Some(&on.chart)).collect();
        own.sort_by_key(|w| w.phase);
        steps.extend(own.into_iter().map(|w| step(w, Some(on))));
    }
    steps.extend(file.always.iter().filter(|w| w.phase != Phase::Before).map(|w| step(w, None)));
    Ok(steps)
}

/// The chart that is meant: of an application version, the last one there is a step for.
fn find(file: &File, given: &str) -> Result<Version, RoadError> {
    let known = || {
        let mut apps: Vec<&str> = file.releases.iter().map(|r| r.app.as_str()).collect();
        apps.dedup();
        RoadError::Unknown { given: given.to_owned(), known: apps.join(", ") }
    };
    let of_app = |app: &str| file.releases.iter().rev().find(|r| r.app == app).map(|r| r.chart.clone());
    let chart = match given.trim().split('.').collect::<Vec<_>>().as_slice() {
        [_, _] => of_app(given.trim()).ok_or_else(known)?,
        [_, _, _] => given.trim().to_owned(),
        _ => return Err(known()),
    };
    let version = Version::parse(&chart).map_err(|_| known())?;
    let versions: Vec<Version> = file.releases.iter().filter_map(|r| Version::parse(&r.chart).ok()).collect();
    // A chart beyond the newest line is not known here.
    let covered = versions.iter().any(|v| v.major == version.major);
    if covered { Ok(version) } else { Err(known()) }
}

impl Condition {
    fn judge(&self, fill: &dyn Fn(&str) -> String, evidence: &Evidence<'_>) -> Judged {
        if let Some(path) = self.value.as_ref().or(self.no_value.as_ref()) {
            let Some(values) = evidence.values else {
                return Judged::NotLooked("give the values with --values".to_owned());
            };
            let set = values.sets(&Path::parse(path));
            return match (self.value.is_some(), set) {
                (true, false) => Judged::Open(format!("the values say nothing at {path}")),
                (false, true) => Judged::Open(format!("the values still have {path}")),
                _ => Judged::Done,
            };
        }
        let Some(objects) = evidence.objects else {
            return Judged::NotLooked("give a dump of the objects with --objects".to_owned());
        };
        let open: Vec<String> = self.open(fill, objects);
        if open.is_empty() { Judged::Done } else { Judged::Open(open.join("; ")) }
    }

    fn open(&self, fill: &dyn Fn(&str) -> String, objects: &Inventory) -> Vec<String> {
        let mut open = Vec::new();
        let claim_of =
            |v: &Object| v.field(&["spec", "claimRef", "name"]).as_str().unwrap_or_default().to_owned();
        if let Some(claims) = self.volumes_retained.as_deref().map(fill) {
            let volumes: Vec<&Object> =
                objects.of("PersistentVolume").filter(|v| glob::matches(&claims, &claim_of(v))).collect();
            if volumes.is_empty() {
                open.push(format!("the dump holds no volume of {claims}"));
            }
            let deleted =
                volumes.iter().filter(|v| v.field(&["spec", "persistentVolumeReclaimPolicy"]) != "Retain");
            open.extend(deleted.map(|v| format!("{} is deleted with its claim", v.title())));
        }
        let claims = |pattern: &str| -> Vec<&Object> {
            objects.of("PersistentVolumeClaim").filter(|c| glob::matches(pattern, &c.name)).collect()
        };
        if let Some(wanted) = &self.claims_labelled {
            let found = claims(&fill(&wanted.claims));
            if found.is_empty() {
                open.push(format!("the dump holds no claim {}", fill(&wanted.claims)));
            }
            for claim in found {
                let labels = claim.labels();
                let lacks: Vec<&str> = wanted
                    .labels
                    .iter()
                    .filter(|(k, v)| labels.get(*k) != Some(&fill(v)))
                    .map(|(k, _)| k.as_str())
                    .collect();
                if !lacks.is_empty() {
                    open.push(format!("{} lacks {}", claim.title(), lacks.join(", ")));
                }
            }
        }
        if let Some(pattern) = self.claims_bound.as_deref().map(fill) {
            let found = claims(&pattern);
            if found.is_empty() {
                open.push(format!("the dump holds no claim {pattern}"));
            }
            let loose = found.iter().filter(|c| c.field(&["status", "phase"]) != "Bound");
            open.extend(loose.map(|c| format!("{} is not bound", c.title())));
        }
        let there = |title: &str| {
            title.split_once('/').is_some_and(|(kind, name)| objects.of(kind).any(|o| o.name == name))
        };
        if !self.unless.as_deref().map(fill).is_some_and(|u| there(&u)) {
            for secret in self.secrets.iter().map(|s| fill(s)) {
                let Some((name, key)) = secret.split_once('/') else { continue };
                let value = objects.of("Secret").find(|s| s.name == name).map(|s| &s.value);
                let text =
                    value.and_then(|v| v["data"][key].as_str().or_else(|| v["stringData"][key].as_str()));
                if text.is_none_or(str::is_empty) {
                    open.push(format!("Secret {name} has no key {key}"));
                }
            }
        }
        if let Some(title) = self.completed.as_deref().map(fill) {
            let name = title.split_once('/').map_or(title.as_str(), |(_, name)| name);
            let conditions =
                objects.of("Job").find(|j| j.name == name).map(|j| j.field(&["status", "conditions"]));
            let complete = |c: &serde_json::Value| c["type"] == "Complete" && c["status"] == "True";
            match conditions {
                None => open.push(format!("{title} is not there")),
                Some(all) if !all.as_array().is_some_and(|all| all.iter().any(complete)) => {
                    open.push(format!("{title} has not completed"));
                }
                Some(_) => {}
            }
        }
        if let Some(wanted) = &self.no_env {
            let of = fill(&wanted.of);
            let mut found = 0;
            for workload in objects.workloads().filter(|w| glob::matches(&of, &w.name)) {
                found += 1;
                let env = workload.containers().flat_map(|c| c["env"].as_array().into_iter().flatten());
                let mut names = env.filter_map(|e| e["name"].as_str());
                let left = names.find(|n| n.starts_with(&wanted.prefix) && **n != wanted.but);
                open.extend(left.map(|name| format!("{} still has {name}", workload.title())));
            }
            if found == 0 {
                open.push(format!("the dump holds no workload {of}"));
            }
        }
        if let Some(title) = self.present.as_deref().map(fill).filter(|t| !there(t)) {
            open.push(format!("{title} is not there"));
        }
        if let Some(title) = self.absent.as_deref().map(fill).filter(|t| there(t)) {
            open.push(format!("{title} is there"));
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use super::{Evidence, Judged, RoadError, upgrade_path};
    use crate::objects::Inventory;
    use crate::values::Supplied;

    fn path(from: &str, to: &str, evidence: &Evidence<'_>) -> Vec<super::RoadStep> {
        upgrade_path(from, to, "camunda", "prod", evidence).unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn a_road_holds_every_release_between() {
        let steps = path("8.4", "8.8", &Evidence::default());
        let charts: Vec<&str> = steps.iter().map(|s| s.chart.as_str()).filter(|c| !c.is_empty()).collect();
        assert!(charts.contains(&"10.0.0") && charts.contains(&"13.0.0"));
        // Which chart of 8.4 runs is not known, so its later ones are part of the road; with the chart given, they are not.
        assert!(charts.contains(&"9.3.0") && charts.contains(&"9.3.7"));
        assert!(!charts.contains(&"9.0.0") && !charts.contains(&"14.0.0"));
        assert!(!path("9.3.7", "8.8", &Evidence::default()).iter().any(|s| s.chart.starts_with("9.")));
        assert!(
            steps.iter().any(|s| s.what.contains("camunda-zeebe")
                || s.run.as_deref().is_some_and(|r| r.contains("-n prod")))
        );
        let all = path("8.0.12", "8.9", &Evidence::default());
        for chart in ["8.0.13", "8.2.0", "8.2.3", "8.2.9", "8.3.0", "8.3.1", "9.0.0", "9.3.0", "9.3.7"] {
            assert!(all.iter().any(|s| s.chart == chart), "{chart}");
        }
        let ids: std::collections::BTreeSet<&str> = all.iter().map(|s| s.id.as_str()).collect();
        assert_eq!(ids.len(), all.len(), "an id stands there twice");
        assert!(all.iter().all(|s| !s.source.is_empty()));
    }

    /// Releases that the upgrade guide has a chapter for.
    const GUIDE: [&str; 9] =
        ["8.0.13", "8.2.0", "8.2.3", "8.2.9", "8.3.0", "8.3.1", "9.0.0", "9.3.0", "9.3.7"];

    #[test]
    fn every_release_of_the_guide_has_steps_and_rules() {
        let steps = path("8.0", "8.8", &Evidence::default());
        let road = crate::values::Road::between("8.0.0", "13.x").unwrap();
        for chart in GUIDE {
            let of_guide = steps.iter().filter(|s| s.chart == chart && s.source.contains("guide")).count();
            assert!(of_guide > 0, "{chart} has no step");
            assert!(road.rules().any(|r| r.at.to_string() == chart), "{chart} has no rule");
        }
        // A machine looks at something on most of them.
        let looked =
            |chart: &&&str| steps.iter().any(|s| s.chart == **chart && !matches!(s.judged, Judged::ByHand));
        assert!(GUIDE.iter().filter(looked).count() >= 6);
    }

    #[test]
    fn jobs_and_variables_are_judged() {
        let dump = |status: &str, name: &str| {
            let text = format!(
                "apiVersion: batch/v1\nkind: Job\nmetadata: {{name: camunda-zeebe-migration-data}}\nstatus: {{conditions: [{{type: {status}, status: \"True\"}}]}}\n---\napiVersion: apps/v1\nkind: StatefulSet\nmetadata: {{name: camunda-zeebe}}\nspec: {{template: {{spec: {{containers: [{{name: b, env: [{{name: {name}, value: x}}, {{name: ZEEBE_GATEWAY_CLUSTER_MESSAGECOMPRESSION, value: y}}]}}]}}}}}}\n"
            );
            Inventory::read(&[("d".into(), text)]).unwrap()
        };
        let judged = |objects: &Inventory, id: &str| {
            let evidence = Evidence { objects: Some(objects), values: None };
            path("8.7", "8.8", &evidence).into_iter().find(|s| s.id == id).map(|s| s.judged).unwrap()
        };
        let good = dump("Complete", "ZEEBE_BROKER_GATEWAY_X");
        let bad = dump("Failed", "ZEEBE_GATEWAY_X");
        assert_eq!((judged(&good, "P1304"), judged(&good, "P1307")), (Judged::Done, Judged::Done));
        assert!(matches!(judged(&bad, "P1304"), Judged::Open(why) if why.contains("has not completed")));
        assert!(matches!(judged(&bad, "P1307"), Judged::Open(why) if why.contains("ZEEBE_GATEWAY_X")));
        assert!(matches!(judged(&Inventory::default(), "P1307"), Judged::Open(_)));
    }

    #[test]
    fn wrong_versions_are_told() {
        for (from, to) in [("8.8", "8.4"), ("8.4", "8.4")] {
            let error = upgrade_path(from, to, "c", "n", &Evidence::default()).unwrap_err();
            assert!(matches!(error, RoadError::Backwards { .. }));
        }
        let error = upgrade_path("7.9", "8.8", "c", "n", &Evidence::default()).unwrap_err();
        assert!(error.to_string().contains("8.0, 8.1"));
        assert!(upgrade_path("8.4", "99.1.0", "c", "n", &Evidence::default()).is_err());
    }

    #[test]
    fn steps_that_a_machine_can_judge_are_judged() {
        let dump = |policy: &str| {
            let text = format!(
                "kind: PersistentVolume\nmetadata: {{name: a}}\nspec: {{persistentVolumeReclaimPolicy: {policy}, claimRef: {{name: elasticsearch-master-elasticsearch-master-0}}}}\n"
            );
            Inventory::read(&[("d".into(), text)]).unwrap()
        };
        let (kept, lost) = (dump("Retain"), dump("Delete"));
        let judged = |objects: &Inventory| {
            let evidence = Evidence { objects: Some(objects), values: None };
            path("8.0.12", "8.1", &evidence).into_iter().find(|s| s.id == "P0801").map(|s| s.judged)
        };
        assert_eq!(judged(&kept), Some(Judged::Done));
        assert!(matches!(judged(&lost), Some(Judged::Open(why)) if why.contains("deleted with its claim")));
        let values = Supplied::read(&[("v".into(), "zeebe: {clusterSize: 3}".into())], &[]).unwrap();
        let evidence = Evidence { objects: None, values: Some(&values) };
        let steps = path("8.7", "8.8", &evidence);
        let of = |id: &str| steps.iter().find(|s| s.id == id).map(|s| s.judged.clone()).unwrap();
        assert!(matches!(of("P1300"), Judged::Open(why) if why.contains("still have zeebe")));
        assert!(matches!(of("P1301"), Judged::NotLooked(_)));
        assert_eq!(of("P1302"), Judged::ByHand);
    }
}
