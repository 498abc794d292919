//! What differs between two objects that belong together.

use super::model::{Aspect, Facts, ObjectKind, Realms, Value};
use super::pairing::{Names, Pairing, Place};
use std::collections::BTreeSet;

/// One fact of one object that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What the object is.
    pub kind: ObjectKind,
    /// Where it is.
    pub place: Place,
    /// What the fact is about.
    pub aspect: Aspect,
    /// How it is called; empty where the aspect says it all.
    pub name: String,
    /// Values on the source only.
    pub lost: Vec<Value>,
    /// Values on the target only.
    pub gained: Vec<Value>,
    /// How many values of this name both sides share.
    pub kept: usize,
}

/// Everything that differs between objects that are on both sides.
pub fn compare_objects(source: &Realms, target: &Realms, pairing: &Pairing) -> Vec<Difference> {
    let mut found = Vec::new();
    for pair in &pairing.pairs {
        let (a, b) = (&source.objects[pair.source], &target.objects[pair.target]);
        if a.name != b.name {
            found.push(Difference {
                kind: pair.kind,
                place: pair.place.clone(),
                aspect: Aspect::Setting,
                name: "name".to_owned(),
                lost: vec![Value::Text(a.name.clone())],
                gained: vec![Value::Text(b.name.clone())],
                kept: 0,
            });
        }
        let (a, b) = (resolved(&a.facts, &pairing.source), resolved(&b.facts, &pairing.target));
        compare_facts(pair.kind, &pair.place, &a, &b, &mut found);
    }
    found
}

/// Facts with names in the place of identifiers.
fn resolved(facts: &Facts, names: &Names) -> Facts {
    let mut out = Facts::default();
    for ((aspect, name), values) in &facts.0 {
        for value in values {
            out.add(*aspect, name.clone(), names.resolve(value.clone()));
        }
    }
    out
}

/// Adds what differs between two sets of facts whose references are resolved.
pub(super) fn compare_facts(
    kind: ObjectKind,
    place: &Place,
    source: &Facts,
    target: &Facts,
    found: &mut Vec<Difference>,
) {
    let none = Vec::new();
    let names: BTreeSet<&(Aspect, String)> = source.0.keys().chain(target.0.keys()).collect();
    for key in names {
        let (a, b) = (source.0.get(key).unwrap_or(&none), target.0.get(key).unwrap_or(&none));
        let (lost, gained) = split(a, b);
        if !lost.is_empty() || !gained.is_empty() {
            let kept = a.len() - lost.len();
            let (aspect, name) = key.clone();
            found.push(Difference { kind, place: place.clone(), aspect, name, lost, gained, kept });
        }
    }
}

/// The values that only one of two multisets holds.
fn split(source: &[Value], target: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let (mut a, mut b) = (source.to_vec(), target.to_vec());
    a.sort();
    b.sort();
    let (mut lost, mut gained) = (Vec::new(), Vec::new());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    loop {
        let order = match (a.peek(), b.peek()) {
            (None, None) => return (lost, gained),
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(x), Some(y)) => x.cmp(y),
        };
        match order {
            std::cmp::Ordering::Less => lost.extend(a.next()),
            std::cmp::Ordering::Greater => gained.extend(b.next()),
            std::cmp::Ordering::Equal => {
                a.next();
                b.next();
            }
        }
    }
}

/// Takes out what an upgrade of Keycloak adds by itself: definitions of its own, and settings without a value before.
/// Never what gives anybody access: users, keys, secrets, addresses, roles of users. Returns how much was taken out.
pub fn take_added_by_upgrade(differences: &mut Vec<Difference>, pairing: &mut Pairing) -> u64 {
    let before = differences.len() + pairing.extra.len();
    differences.retain(|d| !(d.lost.is_empty() && is_added_by_upgrade(d.kind, d.aspect)));
    pairing.extra.retain(|lonely| {
        use ObjectKind::{
            ClientScope, Component, Execution, ExecutionConfig, Flow, Mapper, RequiredAction, Role,
        };
        let own = matches!(
            lonely.kind,
            Role | ClientScope | Mapper | Flow | Execution | ExecutionConfig | RequiredAction | Component
        );
        !own
    });
    (before - differences.len() - pairing.extra.len()) as u64
}

fn is_added_by_upgrade(kind: ObjectKind, aspect: Aspect) -> bool {
    match aspect {
        Aspect::Setting | Aspect::Attribute | Aspect::Config | Aspect::Scopes | Aspect::Flows => {
            kind != ObjectKind::User && kind != ObjectKind::Group
        }
        Aspect::Composites => true,
        _ => false,
    }
}

/// Takes out defaults that Keycloak writes down when it imports a realm, where the source leaves them unsaid. `imported`
/// names the realms that carry another identifier on the target. Returns how much was taken out.
pub fn take_written_by_import(differences: &mut Vec<Difference>, imported: &BTreeSet<String>) -> u64 {
    let before = differences.len();
    differences.retain(|d| !(imported.contains(&d.place.realm) && d.lost.is_empty() && is_default(d)));
    (before - differences.len()) as u64
}

fn is_default(difference: &Difference) -> bool {
    // These two clients are entered by nobody; an import gives them a secret all the same.
    let built_in = matches!(difference.place.path.as_str(), "broker" | "realm-management");
    match (difference.kind, difference.aspect) {
        (ObjectKind::Client, Aspect::Secret) => built_in,
        (ObjectKind::Realm | ObjectKind::Client | ObjectKind::Mapper, Aspect::Attribute | Aspect::Config) => {
            difference.name == "realm_client"
                || difference.name.ends_with(".token.claim")
                || difference.gained.iter().all(is_nothing)
        }
        _ => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    let Value::Text(text) = value else { return *value == Value::Null };
    matches!(text.as_str(), "" | "false" | "0" | "+" | "{\"policies\":[]}" | "{\"profiles\":[]}")
}
