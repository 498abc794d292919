//! Mappings, settings, aliases, templates and what belongs to the cluster as a whole.

use super::super::result::CheckResult;
use crate::elasticsearch::{PinnedEs, Section};
use drydock_core::names::checks;
use drydock_core::{Class, Finding, Kind, Outcome, Sample};
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{Attributes, Difference, Nesting, Shape, finding};
use serde_json::Value;

/// Mappings of every index that both sides have.
pub(super) fn compare_mappings(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_MAPPINGS;
    let mut findings = undescribed(check, source, target, "mappings");
    let (a, b) = both(source, target, "mappings", parity::mapping);
    for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
        findings.push(
            finding(check, Class::Data, "the mapping of", &object, &difference)
                .next("create the index again with the source's mapping and copy its documents: a mapping cannot be changed in place"),
        );
    }
    result(check, &a, findings, "mappings compared field by field, with every parameter")
}

/// Settings of every index that both sides have; temporary settings that were left behind are told apart.
pub(super) fn compare_settings(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_SETTINGS;
    let mut findings = undescribed(check, source, target, "settings");
    let (a, b) = both(source, target, "settings", parity::settings);
    for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
        let Difference::Changed(mut changed) = difference else { continue };
        parity::keep_real("", &mut changed);
        parity::show_defaults(&mut changed);
        let left = parity::leftovers(&changed);
        if !left.is_empty() {
            changed.retain(|c| !left.iter().any(|l| l.setting == *c));
            let lines: Vec<String> =
                left.iter().map(|l| format!("{} ({})", l.setting.line(), l.effect)).collect();
            let message = format!(
                "temporary migration settings were left behind on index {object}: {}",
                lines.join("; ")
            );
            findings.push(
                Finding::data(check, Kind::Changed, format!("{object}/leftover"), message)
                    .items(left.len() as u64, left.iter().map(|l| l.setting.sample()))
                    .next("put the source's values back"),
            );
        }
        // One finding a setting, so that a ledger can expect one and not the other.
        for setting in changed {
            let subject = format!("{object}/{}", setting.name);
            let difference = Difference::Changed(vec![setting]);
            let mut told = finding(check, Class::Data, "the settings of", &object, &difference)
                .next("set the source's value; analysis settings and shard numbers need a new index");
            told.subject = subject;
            findings.push(told);
        }
    }
    result(
        check,
        &a,
        findings,
        "settings compared without those that the store writes itself; unset counts as the default",
    )
}

/// Aliases with their bodies.
pub(super) fn compare_aliases(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_ALIASES;
    let mut findings = undescribed(check, source, target, "aliases");
    let (a, b) = (aliases(source, target), aliases(target, source));
    for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
        // The name of the alias is the part after the index; an index name holds no slash.
        let alias = object.split_once('/').map_or("", |(_, alias)| alias);
        let next = if matches!(difference, Difference::Extra { .. }) {
            format!("remove alias {alias} from the index, or find out who set it")
        } else {
            format!(
                "set alias {alias} with the source's body: without it the application does not see this index"
            )
        };
        findings.push(finding(check, Class::Access, "alias", &object, &difference).next(next));
    }
    let mut result = result(check, &a, findings, "aliases compared with filter, routing and write flag");
    // An index without aliases on both sides is a thing compared as well.
    result.compared += super::common(source, target).count() as u64;
    result
}

/// Index, component and legacy templates.
pub(super) fn compare_templates(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_TEMPLATES;
    let (a, b) = (source.definitions(), target.definitions());
    let next = "put the source's template: the next dated index is made from it";
    let mut sum = Sum::new(check, next);
    sum.add("index template", &a.index_templates, &b.index_templates);
    sum.add("component template", &a.component_templates, &b.component_templates);
    sum.add("legacy template", &a.legacy_templates, &b.legacy_templates);
    sum.outside(source, target, &["template/", "component-template/", "legacy-template/"]);
    sum.finish("templates compared with patterns, priority, components, settings, mappings and aliases")
}

/// Pipelines, lifecycle policies, stored scripts, data streams, cluster settings.
pub(super) fn compare_cluster(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_CLUSTER;
    let (a, b) = (source.definitions(), target.definitions());
    let mut sum = Sum::new(check, "put the source's definition on the target");
    sum.add("ingest pipeline", &a.pipelines, &b.pipelines);
    sum.add("lifecycle policy", &a.lifecycle_policies, &b.lifecycle_policies);
    sum.add("stored script", &a.scripts, &b.scripts);
    sum.add("data stream", &a.data_streams, &b.data_streams);
    sum.add("the cluster's own settings,", &a.cluster_settings, &b.cluster_settings);
    sum.outside(source, target, &["pipeline/", "lifecycle-policy/", "data-stream/"]);
    sum.finish("pipelines, lifecycle policies, stored scripts, data streams and cluster settings; not users, roles, snapshot repositories")
}

struct Sum {
    check: &'static str,
    next: &'static str,
    compared: u64,
    findings: Vec<Finding>,
}

impl Sum {
    fn new(check: &'static str, next: &'static str) -> Self {
        Self { check, next, compared: 0, findings: Vec::new() }
    }

    fn add(&mut self, what: &str, source: &Section, target: &Section) {
        match (source, target) {
            (Ok(a), Ok(b)) => {
                // That both sides have none of a kind is a thing compared as well.
                self.compared += 1 + a.0.len() as u64;
                for (object, mut difference) in Shape::compare(a, b, Nesting::Slash) {
                    if let Difference::Changed(changed) = &mut difference {
                        if self.check == checks::ES_TEMPLATES {
                            parity::keep_real("setting ", changed);
                        }
                        if changed.is_empty() {
                            continue;
                        }
                    }
                    self.findings
                        .push(finding(self.check, Class::Data, what, &object, &difference).next(self.next));
                }
            }
            (a, b) => {
                for (side, section) in [("source", a), ("target", b)] {
                    if let Err(reason) = section {
                        let message = format!("{what}: the {side}'s definitions could not be read: {reason}");
                        self.findings.push(
                            Finding::not_compared(self.check, format!("elasticsearch/{what}"), message).next(
                                "grant the role the monitor privilege on the cluster, then compare again",
                            ),
                        );
                    }
                }
            }
        }
    }

    /// What exists and was left out, in one finding.
    fn outside(&mut self, source: &PinnedEs, target: &PinnedEs, kinds: &[&str]) {
        let all = source.definitions().outside.iter().chain(&target.definitions().outside);
        let mut names: Vec<&String> =
            all.filter(|name| kinds.iter().any(|kind| name.starts_with(kind))).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return;
        }
        let message = format!(
            "{} definitions are outside of what was asked for, or managed by the store itself, and were not compared",
            names.len()
        );
        let samples: Vec<Sample> = names.iter().map(|n| Sample::named(n.as_str())).collect();
        let mut finding = Finding::data(self.check, Kind::NotAsked, "elasticsearch/outside-scope", message)
            .items(names.len() as u64, samples)
            .next("widen the prefixes if one of them belongs to the installation");
        finding.outcome = Outcome::NotAsked;
        self.findings.push(finding);
    }

    fn finish(self, note: &str) -> CheckResult {
        CheckResult {
            check: self.check,
            compared: self.compared,
            findings: self.findings,
            note: note.to_owned(),
            millis: 0,
        }
    }
}

fn both(source: &PinnedEs, target: &PinnedEs, part: &str, read: fn(&Value) -> Attributes) -> (Shape, Shape) {
    let (mut a, mut b) = (Shape::default(), Shape::default());
    for name in super::common(source, target) {
        let (x, y) = (&source.indices()[name].definition, &target.indices()[name].definition);
        if x[part].is_object() && y[part].is_object() {
            a.insert(name, read(&x[part]));
            b.insert(name, read(&y[part]));
        }
    }
    (a, b)
}

/// The aliases of one side on indices that the other side has as well.
fn aliases(side: &PinnedEs, other: &PinnedEs) -> Shape {
    let mut shape = Shape::default();
    for name in super::common(side, other) {
        let described = &side.indices()[name].definition;
        if !other.indices()[name].definition["aliases"].is_object() {
            continue;
        }
        for (alias, body) in described["aliases"].as_object().into_iter().flatten() {
            shape.insert(format!("{name}/{alias}"), parity::alias(body));
        }
    }
    shape
}

/// Indices whose definition one side did not give out.
fn undescribed(check: &'static str, source: &PinnedEs, target: &PinnedEs, part: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in super::common(source, target) {
        for (side, pinned) in [("source", source), ("target", target)] {
            if !pinned.indices()[name].definition[part].is_object() {
                let message = format!("the {part} of index {name} could not be read on the {side}");
                findings.push(Finding::not_compared(check, name, message).next(
                    "grant the role the view_index_metadata privilege on the index, or take its blocks.metadata off, then compare again",
                ));
            }
        }
    }
    findings
}

fn result(check: &'static str, source: &Shape, findings: Vec<Finding>, note: &str) -> CheckResult {
    CheckResult { check, compared: source.0.len() as u64, findings, note: note.to_owned(), millis: 0 }
}
