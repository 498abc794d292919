//! Mappings, settings and aliases of the indices that both sides have.

use super::super::result::CheckResult;
use crate::elasticsearch::PinnedEs;
use drydock_core::names::checks;
use drydock_core::{Class, Finding, Kind};
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{Attributes, Difference, Nesting, Shape, finding};
use serde_json::Value;

/// Mappings of every index that both sides have.
pub(super) fn compare_mappings(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_MAPPINGS;
    let mut findings = undescribed(check, source, target, "mappings");
    let mapping = |d: &Value| parity::index_mapping(&d["mappings"], &d["settings"]);
    let (a, b) = both(source, target, "mappings", mapping);
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
    let (a, b) = both(source, target, "settings", |d| parity::settings(&d["settings"]));
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

fn both(
    source: &PinnedEs,
    target: &PinnedEs,
    part: &str,
    read: impl Fn(&Value) -> Attributes,
) -> (Shape, Shape) {
    let (mut a, mut b) = (Shape::default(), Shape::default());
    for name in super::common(source, target) {
        let (x, y) = (&source.indices()[name].definition, &target.indices()[name].definition);
        if x[part].is_object() && y[part].is_object() {
            a.insert(name, read(x));
            b.insert(name, read(y));
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
