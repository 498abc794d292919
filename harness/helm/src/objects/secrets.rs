//! Secrets by keyed digest, never by value: each one that must survive, and everybody who reads it.

use super::Objects;
use super::model::{Inventory, Object};
use crate::check::Check;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One key of a Secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) digest: [u8; 32],
    /// The same without white space around it.
    trimmed: [u8; 32],
    pub(super) length: usize,
}

/// Keys of Secrets by namespace, name and key.
pub(super) type Entries = BTreeMap<(String, String, String), Entry>;

/// A reference to a key of a Secret; without a key, to all of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reader {
    namespace: String,
    secret: String,
    key: Option<String>,
    who: String,
}

pub(super) fn check(objects: &Objects<'_>) -> Check {
    let mut check = Check::new(checks::OBJECTS_SECRETS);
    let key = objects.digest_key;
    let (before, after) = (entries(objects.before, key), entries(objects.after, key));
    let (old_readers, readers) = (readers(objects.before), readers(objects.after));
    check.compared = (before.len() + readers.len()).max(1) as u64;
    values(objects, &before, &after, &old_readers, &mut check);
    empties(objects, &before, &after, &mut check);
    references(objects, &readers, &old_readers, &mut check);
    super::credentials::check(objects, &before, &after, &mut check);
    check.note = format!("{} keys of Secrets by keyed digest, {} readers", before.len(), readers.len());
    check
}

/// The bytes of a key of a Secret, for whoever logs in with them. They are told nowhere.
///
/// # Errors
/// There is no such Secret or key, or more than one, in words for a message.
pub fn secret_value(set: &Inventory, name: &str, key: &str) -> Result<Vec<u8>, String> {
    let mut found = set.of("Secret").filter(|s| s.name == name);
    let secret = found.next().ok_or_else(|| format!("there is no Secret {name}"))?;
    if let Some(other) = found.next() {
        return Err(format!("there is a Secret {name} in {} and in {}", secret.namespace, other.namespace));
    }
    let plain = secret.value["stringData"][key].as_str().map(|text| text.as_bytes().to_vec());
    let packed = || secret.value["data"][key].as_str().map(decoded);
    plain.or_else(packed).ok_or_else(|| format!("Secret {name} has no key {key}"))
}

/// What a value of `data` stands for. What is no base64 is taken as it stands.
fn decoded(text: &str) -> Vec<u8> {
    let packed: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(&packed).unwrap_or_else(|_| text.as_bytes().to_vec())
}

fn entries(set: &Inventory, key: &[u8; 32]) -> Entries {
    let mut entries = BTreeMap::new();
    for secret in set.of("Secret").filter(|s| !s.is_derived()) {
        let mut add = |name: &str, bytes: &[u8]| {
            let trimmed = bytes.trim_ascii();
            let entry = Entry {
                digest: *blake3::keyed_hash(key, bytes).as_bytes(),
                trimmed: *blake3::keyed_hash(key, trimmed).as_bytes(),
                length: bytes.len(),
            };
            entries.insert((secret.namespace.clone(), secret.name.clone(), name.to_owned()), entry);
        };
        for (name, value) in secret.value["data"].as_object().into_iter().flatten() {
            add(name, &decoded(value.as_str().unwrap_or_default()));
        }
        for (name, value) in secret.value["stringData"].as_object().into_iter().flatten() {
            add(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_bytes());
        }
    }
    entries
}

fn values(
    objects: &Objects<'_>,
    before: &Entries,
    after: &Entries,
    readers: &BTreeSet<Reader>,
    check: &mut Check,
) {
    for ((namespace, secret, key), entry) in before {
        let subject = format!("Secret/{secret} {key}");
        let whom = || {
            let read: Vec<&str> = readers
                .iter()
                .filter(|r| {
                    r.namespace == *namespace
                        && r.secret == *secret
                        && r.key.as_ref().is_none_or(|k| k == key)
                })
                .map(|r| r.who.as_str())
                .take(3)
                .collect();
            if read.is_empty() { "nobody in the manifests".to_owned() } else { read.join(", ") }
        };
        let found = match after.get(&(namespace.clone(), secret.clone(), key.clone())) {
            Some(now) if now.digest == entry.digest => continue,
            Some(now) if now.trimmed == entry.trimmed => {
                let message = format!(
                    "{subject} differs by white space at its ends only, often a line end from `echo`; read by {}",
                    whom()
                );
                Finding::access(check.check, Kind::Changed, subject, message)
                    .next("write it again without the line end (printf '%s')")
            }
            Some(now) if now.length == 0 => {
                let message = format!("{subject} is empty now; read by {}", whom());
                Finding::access(check.check, Kind::Changed, subject, message).next("put the old value back")
            }
            Some(_) => {
                let message = format!(
                    "{subject} has another value: it was made anew or overwritten; read by {}",
                    whom()
                );
                Finding::access(check.check, Kind::Changed, subject, message).next(
                    "put the old value back, or change it where it is checked as well (database, Keycloak)",
                )
            }
            None if entry.length == 0 => continue,
            None => match carried(entry, after, namespace) {
                Some((secret, key)) => {
                    let message = format!("{subject} is gone; its value stands in Secret/{secret} {key} now");
                    let mut told = Finding::access(check.check, Kind::Moved, subject, message)
                        .next("nothing, if every reader names the new one; readers that do not are told on their own");
                    told.outcome = Outcome::Expected;
                    told
                }
                None => {
                    let other = after.keys().any(|(n, s, _)| n == namespace && s == secret);
                    let what = if other { "lacks the key" } else { "is gone" };
                    let message = format!(
                        "{subject} {what}, and its value stands nowhere else; it was read by {}",
                        whom()
                    );
                    let told = Finding::access(check.check, Kind::Missing, subject, message).next(
                        "take the value from the old release and put it into a Secret before the upgrade",
                    );
                    // Rendered manifests leave out Secrets that are made outside of the chart.
                    match objects.after.nature {
                        super::Nature::Rendered if after.is_empty() => {
                            Finding { outcome: Outcome::NotProven, kind: Kind::NotCompared, ..told }
                        }
                        _ => told,
                    }
                }
            },
        };
        let place = objects.before.within("Secret", secret, namespace).map(Object::place);
        check.findings.push(Finding { place, ..found });
    }
}

/// Where the same value stands now.
fn carried<'a>(entry: &Entry, after: &'a Entries, namespace: &str) -> Option<(&'a str, &'a str)> {
    after
        .iter()
        .find(|((n, _, _), e)| n == namespace && e.digest == entry.digest)
        .map(|((_, secret, key), _)| (secret.as_str(), key.as_str()))
}

fn empties(objects: &Objects<'_>, before: &Entries, after: &Entries, check: &mut Check) {
    for ((namespace, secret, key), entry) in after {
        let known = before.get(&(namespace.clone(), secret.clone(), key.clone()));
        // A licence may be empty.
        if entry.length > 0 || known.is_some() || key.to_ascii_lowercase().contains("license") {
            continue;
        }
        let place = objects.after.within("Secret", secret, namespace).map(Object::place);
        let subject = format!("Secret/{secret} {key}");
        let message = format!("{subject} is there and empty");
        let told = Finding::access(check.check, Kind::Unusable, subject, message)
            .next("give it a value, or take the key out");
        check.findings.push(Finding { place, ..told });
    }
}

fn readers(set: &Inventory) -> BTreeSet<Reader> {
    let mut readers = BTreeSet::new();
    for object in set.workloads().filter(|o| o.kind != "ReplicaSet") {
        let mut add = |secret: &Value, key: &Value, optional: &Value, who: String| {
            if let Some(secret) = secret.as_str().filter(|_| *optional != Value::Bool(true)) {
                let key = key.as_str().map(str::to_owned);
                readers.insert(Reader {
                    namespace: object.namespace.clone(),
                    secret: secret.to_owned(),
                    key,
                    who,
                });
            }
        };
        for container in object.containers() {
            let name = container["name"].as_str().unwrap_or_default();
            for env in container["env"].as_array().into_iter().flatten() {
                let from = &env["valueFrom"]["secretKeyRef"];
                let who =
                    format!("{} {name} env {}", object.title(), env["name"].as_str().unwrap_or_default());
                add(&from["name"], &from["key"], &from["optional"], who);
            }
            for env in container["envFrom"].as_array().into_iter().flatten() {
                let from = &env["secretRef"];
                add(
                    &from["name"],
                    &Value::Null,
                    &from["optional"],
                    format!("{} {name} envFrom", object.title()),
                );
            }
        }
        let spec = object.pod_template().map(|t| &t["spec"]).cloned().unwrap_or_default();
        for volume in spec["volumes"].as_array().into_iter().flatten() {
            let who = format!("{} volume {}", object.title(), volume["name"].as_str().unwrap_or_default());
            let from = &volume["secret"];
            let items = from["items"].as_array().filter(|i| !i.is_empty());
            match items {
                Some(items) => items
                    .iter()
                    .for_each(|i| add(&from["secretName"], &i["key"], &from["optional"], who.clone())),
                None => add(&from["secretName"], &Value::Null, &from["optional"], who.clone()),
            }
            for source in volume["projected"]["sources"].as_array().into_iter().flatten() {
                let from = &source["secret"];
                match from["items"].as_array().filter(|i| !i.is_empty()) {
                    Some(items) => items
                        .iter()
                        .for_each(|i| add(&from["name"], &i["key"], &from["optional"], who.clone())),
                    None => add(&from["name"], &Value::Null, &from["optional"], who.clone()),
                }
            }
        }
        for pull in spec["imagePullSecrets"].as_array().into_iter().flatten() {
            add(&pull["name"], &Value::Null, &Value::Null, format!("{} image pull", object.title()));
        }
    }
    readers
}

/// Readers of what is not there.
fn references(objects: &Objects<'_>, readers: &BTreeSet<Reader>, old: &BTreeSet<Reader>, check: &mut Check) {
    let mut told: BTreeMap<(String, Option<String>), Vec<&Reader>> = BTreeMap::new();
    let secret = |set: &'_ Inventory, reader: &Reader| {
        set.within("Secret", &reader.secret, &reader.namespace).map(|s| s.value.clone())
    };
    for reader in readers {
        let lacks = match secret(objects.after, reader) {
            None => Some(None),
            Some(value) => reader
                .key
                .as_ref()
                .filter(|key| {
                    value["data"][key.as_str()].is_null() && value["stringData"][key.as_str()].is_null()
                })
                .map(|k| Some(k.clone())),
        };
        if let Some(lacks) = lacks {
            told.entry((reader.secret.clone(), lacks)).or_default().push(reader);
        }
    }
    for ((name, key), who) in told {
        let names: Vec<&str> = who.iter().map(|r| r.who.as_str()).take(3).collect();
        let more = if who.len() > 3 { format!(" and {} more", who.len() - 3) } else { String::new() };
        let what =
            key.as_ref().map_or_else(|| "is not there".to_owned(), |key| format!("has no key `{key}`"));
        let subject = format!("Secret/{name}{}", key.as_ref().map(|k| format!(" {k}")).unwrap_or_default());
        let message = format!("Secret/{name} {what}; read by {}{more}", names.join(", "));
        let was_there = who.iter().any(|r| secret(objects.before, r).is_some());
        let mut finding = Finding::access(check.check, Kind::Unusable, subject, message)
            .next("make it before the upgrade, or name one that is there");
        finding.count = who.len() as u64;
        // Rendered manifests leave out Secrets that are made by hand: whether they are there is not known.
        if key.is_none() && objects.after.nature == super::Nature::Rendered && !was_there {
            let same_before = who.iter().all(|r| old.iter().any(|o| o.secret == r.secret));
            finding.outcome = if same_before { Outcome::NotAsked } else { Outcome::NotProven };
            finding.kind = Kind::NotCompared;
            finding.next =
                "give a dump of the namespace's Secrets as one more --after, so that it can be looked at"
                    .to_owned();
        }
        check.findings.push(finding);
    }
}
