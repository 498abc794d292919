//! Definitions of Elasticsearch: mappings, settings, aliases, templates and what belongs to the cluster.

mod indices;
mod templates;
mod world;

pub use world::World;

use crate::dice::Dice;
use crate::family::{Family, Variant};
use drydock_core::names::checks;
use drydock_core::{Class, Finding, Kind};
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{Attributes, Difference, Nesting, Shape, finding};
use serde_json::Value;
use std::collections::BTreeMap;

/// Reads a definition into attributes.
type Read = fn(&Value) -> Attributes;

/// The family of Elasticsearch's definitions.
#[derive(Debug, Clone, Copy)]
pub struct Clusters;

impl Family for Clusters {
    type World = World;
    const NAME: &'static str = "clusters";

    fn source(dice: &mut Dice) -> World {
        World::generated(dice)
    }

    fn rewritten(source: &World, _: &mut Dice) -> World {
        // Each comparison writes both sides anew, in ways of their own.
        source.clone()
    }

    fn variants() -> Vec<Variant<World>> {
        [indices::variants(), templates::variants()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, dice: &mut Dice) -> Vec<Finding> {
        let (a, b) = (source.written(dice), target.written(dice));
        let mut findings = Vec::new();
        mappings(&a, &b, &mut findings);
        settings(&a, &b, &mut findings);
        aliases(&a, &b, &mut findings);
        let templates = |of: &World| {
            let mut shape = Shape::default();
            let kinds: [(&BTreeMap<String, Value>, Read); 3] = [
                (&of.index_templates, parity::index_template),
                (&of.component_templates, parity::component_template),
                (&of.legacy_templates, parity::legacy_template),
            ];
            for (bodies, read) in kinds {
                bodies.iter().for_each(|(name, body)| shape.insert(name, read(body)));
            }
            shape
        };
        for (object, mut difference) in Shape::compare(&templates(&a), &templates(&b), Nesting::Slash) {
            if let Difference::Changed(changed) = &mut difference {
                parity::keep_real("setting ", changed);
                if changed.is_empty() {
                    continue;
                }
            }
            findings.push(finding(checks::ES_TEMPLATES, Class::Data, "template", &object, &difference));
        }
        let cluster = |of: &World| {
            let mut shape = Shape::default();
            for (name, body) in &of.cluster {
                let mut attributes = Attributes::new();
                parity::flatten("", body, &mut attributes);
                shape.insert(name, attributes);
            }
            shape
        };
        for (object, difference) in Shape::compare(&cluster(&a), &cluster(&b), Nesting::Slash) {
            findings.push(finding(checks::ES_CLUSTER, Class::Data, "definition", &object, &difference));
        }
        findings
    }
}

fn both(a: &World, b: &World, part: &str, read: Read) -> (Shape, Shape) {
    let shape =
        |of: &World| Shape(of.indices.iter().map(|(name, body)| (name.clone(), read(&body[part]))).collect());
    (shape(a), shape(b))
}

fn mappings(a: &World, b: &World, findings: &mut Vec<Finding>) {
    let (a, b) = both(a, b, "mappings", parity::mapping);
    for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
        findings.push(finding(checks::ES_MAPPINGS, Class::Data, "the mapping of", &object, &difference));
    }
}

fn settings(a: &World, b: &World, findings: &mut Vec<Finding>) {
    let check = checks::ES_SETTINGS;
    let (a, b) = both(a, b, "settings", parity::settings);
    for (object, difference) in Shape::compare(&a, &b, Nesting::Slash) {
        let Difference::Changed(mut changed) = difference else { continue };
        parity::keep_real("", &mut changed);
        parity::show_defaults(&mut changed);
        let left = parity::leftovers(&changed);
        if !left.is_empty() {
            changed.retain(|c| !left.iter().any(|l| l.setting == *c));
            let lines: Vec<String> = left.iter().map(|l| l.setting.line()).collect();
            findings.push(
                Finding::data(check, Kind::Changed, format!("{object}/leftover"), lines.join("; "))
                    .items(left.len() as u64, left.iter().map(|l| l.setting.sample())),
            );
        }
        for setting in changed {
            let subject = format!("{object}/{}", setting.name);
            let mut told =
                finding(check, Class::Data, "the settings of", &object, &Difference::Changed(vec![setting]));
            told.subject = subject;
            findings.push(told);
        }
    }
}

fn aliases(a: &World, b: &World, findings: &mut Vec<Finding>) {
    let shape = |of: &World| {
        let mut shape = Shape::default();
        for (name, body) in &of.indices {
            for (alias, body) in body["aliases"].as_object().into_iter().flatten() {
                shape.insert(format!("{name}/{alias}"), parity::alias(body));
            }
        }
        shape
    };
    for (object, difference) in Shape::compare(&shape(a), &shape(b), Nesting::Slash) {
        findings.push(finding(checks::ES_ALIASES, Class::Access, "alias", &object, &difference));
    }
}
