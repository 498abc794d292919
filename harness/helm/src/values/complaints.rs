//! What `helm` says against values, in its own words: which key is meant, where it is written, and never a secret.

use super::path::Path;
use super::secrecy::is_credential;
use super::supplied::Supplied;
use drydock_core::finding::Place;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeSet;

/// Texts shorter than this are no secrets, and hiding them would hide half of a sentence.
const SHORTEST: usize = 4;

/// Longest passage of helm's words that is repeated, in characters.
const MOST_WORDS: usize = 300;

/// One thing that `helm` says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// The key, where one is named.
    pub path: Option<Path>,
    /// What is said, without secrets.
    pub words: String,
}

/// What helm says: on an error why it refused, else warnings that something written was not used. `supplied` are the values
/// it was given; what in them may be a secret is taken out of its words.
pub fn complaints(words: &str, supplied: &Supplied) -> Vec<Complaint> {
    let words = without_secrets(words, supplied);
    let mut found = BTreeSet::new();
    let mut rest = String::new();
    for line in words.lines().map(str::trim).filter(|l| !l.is_empty()) {
        if let Some(complaint) = overwritten(line) {
            found.insert(complaint);
        } else if let Some(of_schema) = of_schema(line) {
            found.extend(of_schema);
        } else if !is_noise(line) {
            rest.push_str(line.trim_start_matches("Error: "));
            rest.push(' ');
        }
    }
    let rest = rest.trim();
    if !rest.is_empty() {
        let mut words: String = rest.chars().take(MOST_WORDS).collect();
        if rest.chars().count() > MOST_WORDS {
            words.push('…');
        }
        found.insert(Complaint { path: named(rest, supplied), words });
    }
    found.into_iter().collect()
}

/// Where what a complaint is about is written; what holds it, if it is not written itself.
pub fn written_at(path: &Path, supplied: &Supplied) -> Option<Place> {
    let mut path = path.clone();
    while !path.0.is_empty() {
        if let Some(leaf) = supplied.leaves.get(&path).or_else(|| supplied.below(&path).next()) {
            return Some(super::report::place(supplied, &leaf.place));
        }
        path.0.pop();
    }
    None
}

fn is_noise(line: &str) -> bool {
    line.starts_with("Use --debug flag")
        || line.contains("is table. Skipping")
        || line.starts_with("walk.go:")
        || line.contains("don't meet the specifications of the schema")
        || (line.ends_with(':') && !line.contains(' '))
}

/// `coalesce.go:298: warning: cannot overwrite table with non table for CHART.a.b (map[...])`: what is in brackets are values.
fn overwritten(line: &str) -> Option<Complaint> {
    let (_, about) = line.split_once("warning: ")?;
    for (words, what) in [
        ("cannot overwrite table with non table for ", "it stands where the chart has a map"),
        ("destination for ", "the chart has a map there, and the value is ignored"),
        ("skipped value for ", "the chart has a map there, and the value is ignored"),
    ] {
        if let Some(rest) = about.strip_prefix(words) {
            let key = rest.split([' ', ':']).next().unwrap_or_default();
            // The first word is the chart's name.
            let path = key.split_once('.').map(|(_, path)| Path::parse(path));
            return Some(Complaint { path, words: what.to_owned() });
        }
    }
    Some(Complaint { path: None, words: about.split(" (map[").next().unwrap_or_default().to_owned() })
}

/// `- at '/a/b': got number, want string`, or `- a.b: Invalid type. Expected: string, given: integer` of older versions.
fn of_schema(line: &str) -> Option<Vec<Complaint>> {
    let line = line.strip_prefix("- ")?;
    let (path, words) = match line.strip_prefix("at '") {
        Some(rest) => {
            let (pointer, words) = rest.split_once("': ").or_else(|| rest.split_once("':"))?;
            let keys = pointer.split('/').skip(1).map(|k| k.replace("~1", "/").replace("~0", "~"));
            (Path(keys.collect()), words)
        }
        None => {
            let (key, words) = line.split_once(": ")?;
            (if key == "(root)" { Path::default() } else { Path::parse(key) }, words)
        }
    };
    if words.starts_with("validation failed") || words.trim().is_empty() {
        return Some(Vec::new());
    }
    let quoted: Vec<&str> = words.split('\'').skip(1).step_by(2).collect();
    let old = words.strip_prefix("Additional property ").and_then(|w| w.split(' ').next());
    if words.starts_with("additional properties") || old.is_some() {
        let keys = if old.is_some() { old.into_iter().collect() } else { quoted };
        let unknown = |key: &str| Complaint {
            path: Some(path.child(key)),
            words: "the chart's schema knows no such key".to_owned(),
        };
        return Some(keys.into_iter().map(unknown).collect());
    }
    Some(vec![Complaint { path: Some(path), words: words.to_owned() }])
}

/// The key that a sentence of a template names: one that is written, if there is one among them.
fn named(words: &str, supplied: &Supplied) -> Option<Path> {
    // A template's own words put keys in quotes, or write them after `.Values`.
    let keys = Regex::new(r#"(?:"|'|`|\.Values\.|\s)([A-Za-z][\w-]*(?:\.[A-Za-z][\w-]*)+)"#).ok()?;
    let known: BTreeSet<&str> =
        supplied.leaves.keys().filter_map(|p| p.keys().first()).map(String::as_str).collect();
    let paths: Vec<Path> = keys.captures_iter(words).map(|found| Path::parse(&found[1])).collect();
    paths
        .iter()
        .find(|path| supplied.sets(path))
        .or_else(|| paths.iter().find(|path| path.keys().first().is_some_and(|k| known.contains(k.as_str()))))
        .cloned()
}

fn without_secrets(words: &str, supplied: &Supplied) -> String {
    let mut secrets = BTreeSet::new();
    for leaf in supplied.leaves.values() {
        gather(&leaf.value, is_credential(&leaf.path), &mut secrets);
    }
    // Longer ones first: one may be the beginning of another.
    let mut secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    secrets.sort_by_key(|s| std::cmp::Reverse(s.len()));
    secrets.into_iter().fold(words.to_owned(), |words, secret| words.replace(secret, "[not shown]"))
}

/// Texts that may be secrets: below a key that is named so, and the values of lists, whose names are not looked at.
fn gather(value: &Value, secret: bool, into: &mut BTreeSet<String>) {
    match value {
        Value::String(text) if secret && text.len() >= SHORTEST => {
            into.insert(text.clone());
            into.extend(text.lines().filter(|l| l.len() >= SHORTEST).map(str::to_owned));
        }
        Value::Number(number) if secret => {
            into.extend(Some(number.to_string()).filter(|n| n.len() >= SHORTEST));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, secret, into)),
        Value::Object(map) => map.iter().for_each(|(key, value)| {
            let named = key == "value" || is_credential(&Path(vec![key.clone()]));
            gather(value, secret || named, into);
        }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Complaint, complaints, written_at};
    use crate::values::{Path, Supplied};

    fn supplied(text: &str) -> Supplied {
        Supplied::read(&[("v.yaml".into(), text.to_owned())], &[]).unwrap()
    }

    fn told(words: &str, values: &str) -> Vec<(String, String)> {
        let values = supplied(values);
        let told = |c: Complaint| (c.path.map(|p| p.to_string()).unwrap_or_default(), c.words);
        complaints(words, &values).into_iter().map(told).collect()
    }

    #[test]
    fn schema_errors_of_new_and_old_versions() {
        let new = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\ncamunda-platform:\n- at '/orchestration': validation failed\n  - at '/orchestration/clusterSize': got number, want string\n  - at '/orchestration': additional properties 'foo', 'bar' not allowed\n";
        let keys: Vec<String> = told(new, "").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["orchestration.bar", "orchestration.clusterSize", "orchestration.foo"]);
        let old = "Error: values don't meet the specifications of the schema(s) in the following chart(s):\ncamunda-platform:\n- orchestration.clusterSize: Invalid type. Expected: string, given: integer\n- (root): Additional property foo is not allowed\n";
        let keys: Vec<String> = told(old, "").into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["foo", "orchestration.clusterSize"]);
    }

    #[test]
    fn a_template_names_the_key() {
        let words = "Error: execution error at (camunda-platform/templates/common/constraints.tpl:664:3): \n[camunda][error] The Helm values file key \"orchestration.ingress.rest\" has been removed.\n\nUse --debug flag to render out invalid YAML\n";
        let values = supplied("a: 1\norchestration:\n  ingress:\n    rest: {enabled: true}\n");
        let found = complaints(words, &values);
        let path = found[0].path.clone().unwrap();
        assert_eq!((found.len(), path.to_string().as_str()), (1, "orchestration.ingress.rest"));
        assert_eq!(written_at(&path, &values).unwrap().to_string(), "v.yaml:4:12");
        assert_eq!(written_at(&Path::parse("nowhere.x"), &values), None);
    }

    #[test]
    fn warnings_name_the_key_and_no_value() {
        let words = "coalesce.go:298: warning: cannot overwrite table with non table for camunda-platform.zeebe.resources (map[limits:hunter2])\ncoalesce.go:175: key ingress is table. Skipping\n";
        let found = told(words, "zeebe: {resources: 5}");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "zeebe.resources");
        assert!(!found[0].1.contains("hunter2"));
    }

    #[test]
    fn secrets_are_taken_out() {
        let values = "global: {license: {key: \"line-one\\nline-two\"}}\nidentity: {firstUser: {password: hunter2}}\nzeebe: {env: [{name: A, value: open-sesame}]}\n";
        let found = told("Error: cannot use hunter2 or line-two or open-sesame here", values);
        assert_eq!(found[0].1, "cannot use [not shown] or [not shown] or [not shown] here");
        assert_eq!(told("", ""), []);
    }
}
