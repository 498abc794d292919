//! Every object and what it says.

use super::meaning::{Difference, differences, plain};
use super::model::{Inventory, Nature, Object};
use super::{Objects, cluster};
use crate::check::Check;
use crate::values::Path;
use drydock_core::finding::{Class, Finding, Kind, Outcome, Sample};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeSet;

/// Fields of one object that are told one by one; a template that was rewritten is told as a whole.
const MOST_FIELDS: usize = 40;

/// Longest value that is shown, in characters.
const MOST_VALUE: usize = 100;

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS);
    let (before, after) = (objects.before, objects.after);
    for (side, set) in [("before", before), ("after", after)] {
        for twice in &set.twice {
            let at = twice.place();
            let outcome = if side == "after" { Outcome::Different } else { Outcome::Expected };
            let mut told = Finding::data(
                check.check,
                Kind::Extra,
                twice.title(),
                format!(
                    "{} ({at}) stands there twice on the side `{side}`; the later one wins",
                    twice.title()
                ),
            );
            told.outcome = outcome;
            check.findings.push(told.next("take one of the two out").at(at));
        }
    }
    let (scope_before, scope_after) = (Scope::of(before), Scope::of(after));
    for object in before.objects.values().filter(|o| scope_before.holds(o)) {
        let Some(other) = after.objects.get(&object.key()) else {
            check.findings.push(lost(object, after, check.check));
            continue;
        };
        check.compared += 1;
        let found = differences(&plain(&without_secrets(object)), &plain(&without_secrets(other)));
        check.findings.extend(changed(object, other, &found, check.check));
    }
    let added = after.objects.values().filter(|o| scope_after.holds(o));
    for object in added.filter(|o| !before.objects.contains_key(&o.key())) {
        check.compared += 1;
        let at = object.place();
        let message = format!("{} ({at}) is new", object.title());
        check.findings.push(
            Finding::data(check.check, Kind::Extra, object.title(), message)
                .next("say in a ledger what it is for, or take it out")
                .at(at),
        );
    }
    let skipped = before.objects.values().filter(|o| !scope_before.holds(o)).count();
    check.note = format!(
        "objects by kind and name; {skipped} that controllers make, or that are the cluster's own, are looked at elsewhere"
    );
    check
}

/// Which objects are compared by name.
struct Scope {
    needed: BTreeSet<(&'static str, String)>,
    nature: Nature,
}

impl Scope {
    fn of(set: &Inventory) -> Self {
        Self { needed: cluster::depended(set), nature: set.nature }
    }

    fn holds(&self, object: &Object) -> bool {
        // Nodes and volumes are another cluster's own; what is bound to what has a check of its own.
        if object.is_derived() || matches!(object.kind.as_str(), "PersistentVolume" | "Node") {
            return false;
        }
        // A cluster holds much that is not the release's business.
        !object.is_cluster_scoped()
            || object.kind == "Namespace"
            || self.nature == Nature::Rendered
            || object.labels().get("app.kubernetes.io/managed-by").is_some_and(|by| by == "Helm")
            || self.needed.iter().any(|(kind, name)| *kind == object.kind && cluster::is_called(object, name))
    }
}

/// Secrets are compared by digest, in a check of their own.
fn without_secrets(object: &Object) -> Value {
    let mut value = object.value.clone();
    if object.kind == "Secret"
        && let Value::Object(map) = &mut value
    {
        map.remove("data");
        map.remove("stringData");
        if map.get("type").is_some_and(|t| t == "Opaque") {
            map.remove("type");
        }
    }
    value
}

fn lost(object: &Object, after: &Inventory, check: &str) -> Finding {
    let at = object.place();
    // The same thing under another name.
    let twin = after.of(&object.kind).find(|o| {
        o.name != object.name
            && plain(&o.value)["spec"] == plain(&object.value)["spec"]
            && !plain(&o.value)["spec"].is_null()
    });
    match twin {
        Some(twin) => Finding::data(
            check,
            Kind::Moved,
            object.title(),
            format!("{} ({at}) is called {} now; what it does is the same", object.title(), twin.name),
        )
        .next("check who calls it by its old name, then put the new one into a ledger")
        .items(1, [Sample::both(object.title(), Some(object.name.clone()), Some(twin.name.clone()))])
        .at(at),
        None => {
            Finding::data(check, Kind::Missing, object.title(), format!("{} ({at}) is gone", object.title()))
                .next("find out what takes its place, and put that into a ledger")
                .at(at)
        }
    }
}

fn changed(before: &Object, after: &Object, found: &[Difference], check: &str) -> Vec<Finding> {
    let at = after.place();
    let samples = |found: &[Difference]| -> Vec<Sample> {
        found
            .iter()
            .map(|d| Sample::both(d.field.clone(), value(d, d.before.as_ref()), value(d, d.after.as_ref())))
            .collect()
    };
    if found.len() > MOST_FIELDS {
        let message = format!("{} ({at}) differs in {} fields", before.title(), found.len());
        return vec![
            Finding::data(check, Kind::Changed, before.title(), message)
                .items(found.len() as u64, samples(found))
                .next("compare the two as a whole: almost nothing of it is as it was")
                .at(at),
        ];
    }
    found
        .iter()
        .map(|difference| {
            let kind = match (&difference.before, &difference.after) {
                (Some(_), None) => Kind::Missing,
                (None, Some(_)) => Kind::Extra,
                _ => Kind::Changed,
            };
            let word = match kind {
                Kind::Missing => "is gone",
                Kind::Extra => "is new",
                _ => "is another one",
            };
            let subject = format!("{} {}", before.title(), difference.field);
            let message = format!("{} ({at}): {} {word}", before.title(), difference.field);
            Finding { class: Class::Data, ..Finding::data(check, kind, subject, message) }
                .items(1, samples(std::slice::from_ref(difference)))
                .next("take it back, or say in a ledger why it changed")
                .at(at.clone())
        })
        .collect()
}

/// A value as it may be told: environment variables and settings that may hold a credential are not.
fn value(difference: &Difference, value: Option<&Value>) -> Option<String> {
    let value = value?;
    let secret =
        ["password", "secret", "token", "credential", "license", "apikey", "accesskey", "privatekey"];
    let field = difference.field.to_ascii_lowercase();
    let named = secret.iter().any(|word| field.contains(word))
        && !field.contains("secretname")
        && !field.contains("secretkeyref");
    let text = match value {
        Value::String(text) if text.contains('\n') => format!("text of {} lines", text.lines().count()),
        _ if named && !value.is_boolean() => "[not shown]".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("list of {}", items.len()),
        Value::Object(map) if map.contains_key("value") || named => {
            format!("{} with a value", map.get("name").and_then(Value::as_str).unwrap_or("item"))
        }
        Value::Object(map) => format!("map of {}", map.keys().cloned().collect::<Vec<_>>().join(", ")),
        other => crate::values::shown(&Path::parse("value"), other),
    };
    Some(if text.chars().count() > MOST_VALUE {
        format!("{}…", text.chars().take(MOST_VALUE).collect::<String>())
    } else {
        text
    })
}
