//! Values that use every key of 12.x that has another name, another place or no place at all in 13.x
//! (`fixtures/helm/every-key`, several files because some exclude each other). An `expected` file names for each key what
//! becomes of it, by which rule, and where it goes; `DRYDOCK_BLESS=1` writes it anew.

use drydock_core::finding::Outcome;
use drydock_core::names::checks;
use drydock_helm::values::{
    Bitnami, ChartKeys, Fate, Known, Left, Migrated, Path, Road, Subject, Supplied, Version, judge, migrate,
    propose,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const FROM: &str = "12.13.3";
const TO: &str = "13.12.7";

/// Files that exclude others: the same credential or address in its other form, or another store.
const APART: [&str; 8] = [
    "address-as-text",
    "clients-of-another-issuer",
    "clients-with-passwords",
    "older-spellings",
    "opensearch-password",
    "opensearch-secret",
    "passwords",
    "passwords-of-the-modeler",
];

/// What 12.x refuses as well.
const REFUSED_BEFORE: &str = "refused-already";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/helm/every-key")
}

fn keys(version: &str) -> ChartKeys {
    ChartKeys::shipped(&Version::parse(version).unwrap()).unwrap()
}

fn road() -> Road {
    Road::between(FROM, TO).unwrap()
}

/// Name and text of every file.
fn files() -> BTreeMap<String, String> {
    let names = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path());
    let yaml = names.filter(|p| p.extension().is_some_and(|e| e == "yaml"));
    yaml.map(|p| {
        (p.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(&p).unwrap())
    })
    .collect()
}

/// The files that can be used at once, as one would give them to helm, and each of them by itself.
fn sets() -> Vec<(String, Vec<(String, String)>)> {
    let all = files();
    let mut sets: Vec<_> =
        all.iter().map(|(n, t)| (n.clone(), vec![(format!("{n}.yaml"), t.clone())])).collect();
    let together = all.into_iter().filter(|(n, _)| !APART.contains(&n.as_str()) && n != REFUSED_BEFORE);
    sets.push(("all at once".to_owned(), together.map(|(n, t)| (format!("{n}.yaml"), t)).collect()));
    sets
}

/// What every key of a set is told as.
fn told(old: &Supplied, new: Option<&Supplied>) -> BTreeMap<String, Outcome> {
    let (from, to, road) = (keys(FROM), keys(TO), road());
    let verdict = judge(&Subject {
        old,
        new,
        road: &road,
        chart_from: Some(&from),
        chart_to: Some(&to),
        release: "camunda",
        bitnami: Bitnami::Stays,
    });
    let check = verdict.checks.into_iter().find(|c| c.check == checks::HELM_KEYS).unwrap();
    for finding in &check.findings {
        assert!(
            !finding.next.is_empty() && finding.place.is_some(),
            "{} has no mend or place",
            finding.message
        );
        assert!(
            !finding.message.contains("text-is-the-password")
                && !finding.next.contains("text-is-the-password")
        );
    }
    check.findings.into_iter().map(|f| (f.subject, f.outcome)).collect()
}

fn line(key: &Migrated<'_>) -> String {
    let rules: Vec<&str> = key.rules.iter().map(|r| r.id.as_str()).collect();
    let to: Vec<String> = key.to.iter().map(|(path, _)| path.to_string()).collect();
    let hints: Vec<String> = key.hints.iter().map(Path::to_string).collect();
    let mut line = format!("{} {:?} {}", key.leaf.path, key.fate, rules.join(","));
    if !to.is_empty() {
        line.push_str(&format!(" -> {}", to.join(", ")));
    }
    if !hints.is_empty() {
        line.push_str(&format!(" ?> {}", hints.join(", ")));
    }
    line.trim_end().to_owned()
}

#[test]
fn each_key_goes_where_it_is_expected() {
    let mut wrong = Vec::new();
    for (name, text) in files() {
        let old = Supplied::read(&[(name.clone(), text)], &[]).unwrap_or_else(|e| panic!("{e}"));
        let road = road();
        let now: String = migrate(&old, &road).keys.iter().map(|key| line(key) + "\n").collect();
        let file = folder().join(format!("{name}.expected"));
        if std::env::var_os("DRYDOCK_BLESS").is_some() {
            std::fs::write(&file, &now).unwrap();
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(&now) {
            wrong.push(format!("{}: found\n{now}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// No rule and no key of the old chart that it speaks of is left out of the files.
#[test]
fn every_rule_and_every_key_it_changes_is_used() {
    let (road, old) = (road(), keys(FROM));
    let mut rules: BTreeSet<&str> = BTreeSet::new();
    let mut used: BTreeSet<String> = BTreeSet::new();
    for text in files().into_values() {
        let supplied = Supplied::read(&[("x".into(), text)], &[]).unwrap();
        for key in migrate(&supplied, &road).keys {
            rules.extend(key.rules.iter().map(|r| r.id.as_str()));
            used.insert(key.leaf.path.to_string());
        }
    }
    let unused: Vec<&str> = road
        .rules()
        .filter(|r| !r.old.is_empty() && !rules.contains(r.id.as_str()))
        .map(|r| r.id.as_str())
        .collect();
    assert!(unused.is_empty(), "no key of the files is spoken of by {}", unused.join(", "));
    // A file with every key of the chart that has a default of its own.
    let shipped = old.paths().filter(|p| old.default_of(p).is_some());
    let every: Vec<String> = shipped.map(|p| format!("{p}=x")).collect();
    assert!(every.len() > 1000);
    let all = Supplied::read(&[], &every).unwrap_or_else(|e| panic!("{e}"));
    let within = |path: &str| used.iter().any(|u| u == path || u.starts_with(&format!("{path}.")));
    let missed: Vec<String> = migrate(&all, &road)
        .keys
        .iter()
        .filter(|key| key.fate != Fate::Kept)
        .map(|key| key.leaf.path.to_string())
        .filter(|path| !within(path))
        .collect();
    assert!(missed.is_empty(), "{} keys are in no file:\n{}", missed.len(), missed.join("\n"));
}

/// None missed, none invented: a key that the new chart does not know is told, and one that stays is not.
#[test]
fn what_changes_is_told_and_nothing_else() {
    let (road, to) = (road(), keys(TO));
    for (name, files) in sets() {
        let old = Supplied::read(&files, &[]).unwrap();
        let findings = told(&old, None);
        for key in migrate(&old, &road).keys {
            let path = key.leaf.path.to_string();
            let unknown = to.knows(&key.leaf.path) == Known::No;
            // Switched off before and without a place now: there is nothing to lose. Some are read in the old place.
            let silent = key.left() == Some(Left::Accepted)
                || key.leaf.value == serde_json::json!(false)
                || findings.is_empty()
                || key.rules.iter().any(|r| !r.read_when.is_empty());
            if unknown && !silent {
                assert!(findings.contains_key(&path) || stays_as_it_was(&key), "{name}: {path} is not told");
            }
            if key.fate == Fate::Kept {
                assert!(!unknown && !findings.contains_key(&path), "{name}: {path} stays and is told");
            }
        }
    }
}

/// Whether a key without a place says what the old chart did anyway.
fn stays_as_it_was(key: &Migrated<'_>) -> bool {
    let default = keys(FROM);
    default
        .default_of(&key.leaf.path)
        .is_some_and(|d| drydock_helm::values::same(&key.leaf.path, d, &key.leaf.value))
}

/// What is written holds no key that the new chart does not know, and the real charts render it.
#[test]
fn what_is_written_is_known_and_rendered() {
    let (road, from, to) = (road(), keys(FROM), keys(TO));
    let real = super::charts::real();
    for (name, files) in sets() {
        let proposal =
            propose(&files, &road, Some(&from), Some(&to)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let new = Supplied::read(&proposal.files, &[]).unwrap();
        let unknown: Vec<String> =
            new.leaves.keys().filter(|path| to.knows(path) == Known::No).map(Path::to_string).collect();
        assert!(unknown.is_empty(), "{name}: {}", unknown.join(", "));
        let again = propose(&proposal.files, &road, Some(&from), Some(&to)).unwrap();
        assert_eq!(again.files, proposal.files, "{name} is written differently a second time");
        let Some(real) = &real else { continue };
        if name != REFUSED_BEFORE {
            real.render(FROM, &files).unwrap_or_else(|e| panic!("{name} on {FROM}: {e}"));
        }
        real.render(TO, &proposal.files).unwrap_or_else(|e| panic!("{name} on {TO}: {e}"));
    }
}
