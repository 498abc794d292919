//! Properties that hold whatever stands in a values file.

use drydock_core::finding::Outcome;
use drydock_helm::values::{
    Bitnami, ChartKeys, Fate, Known, Left, Path, Road, Subject, Supplied, Version, judge, migrate, propose,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

fn keys(version: &str) -> &'static ChartKeys {
    static KEYS: OnceLock<BTreeMap<&'static str, ChartKeys>> = OnceLock::new();
    let all = KEYS.get_or_init(|| {
        ["12.13.3", "13.12.7"].map(|v| (v, ChartKeys::shipped(&Version::parse(v).unwrap()).unwrap())).into()
    });
    &all[version]
}

fn road() -> &'static Road {
    static ROAD: OnceLock<Road> = OnceLock::new();
    ROAD.get_or_init(|| Road::between("12.13.3", "13.12.7").unwrap())
}

/// Another value than the default.
fn changed(default: Option<&Value>, salt: u32) -> Value {
    match default {
        Some(Value::Bool(b)) => json!(!b),
        Some(Value::Number(n)) => json!(n.as_i64().unwrap_or(0) + 1 + i64::from(salt)),
        Some(Value::Array(_)) => {
            json!([{"name": format!("n{salt}"), "value": "x", "mountPath": format!("/x/{salt}")}])
        }
        Some(Value::String(text)) if text.ends_with("Gi") || text.ends_with("Mi") => {
            json!(format!("{}Gi", 5 + salt))
        }
        _ => json!(format!("changed-{salt}")),
    }
}

fn file(values: impl IntoIterator<Item = (Path, Value)>) -> String {
    fn put(at: &mut Map<String, Value>, keys: &[String], value: Value) {
        match keys {
            [last] => drop(at.insert(last.clone(), value)),
            [first, rest @ ..] => {
                let below = at.entry(first.clone()).or_insert_with(|| json!({}));
                if !below.is_object() {
                    *below = json!({});
                }
                put(below.as_object_mut().unwrap(), rest, value);
            }
            [] => {}
        }
    }
    let mut root = Map::new();
    for (path, value) in values {
        put(&mut root, path.keys(), value);
    }
    // A line for each key, as people write it.
    fn print(map: &Map<String, Value>, indent: usize, out: &mut String) {
        for (key, value) in map {
            let key = if key.contains(['.', '/', ':']) {
                Value::from(key.as_str()).to_string()
            } else {
                key.clone()
            };
            out.push_str(&format!("{}{key}:", " ".repeat(indent)));
            match value {
                Value::Object(below) if !below.is_empty() => {
                    out.push('\n');
                    print(below, indent + 2, out);
                }
                other => out.push_str(&format!(" {other}\n")),
            }
        }
    }
    let mut out = String::new();
    print(&root, 0, &mut out);
    out
}

fn supplied(text: &str) -> Supplied {
    Supplied::read(&[("values.yaml".into(), text.to_owned())], &[]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn written(text: &str) -> String {
    propose(&[("values.yaml".into(), text.to_owned())], road(), Some(keys("12.13.3")), Some(keys("13.12.7")))
        .unwrap_or_else(|e| panic!("{e}\n{text}"))
        .files[0]
        .1
        .clone()
}

fn told(old: &Supplied, new: Option<&Supplied>) -> Vec<(Outcome, String)> {
    let verdict = judge(&Subject {
        old,
        new,
        road: road(),
        chart_from: Some(keys("12.13.3")),
        chart_to: Some(keys("13.12.7")),
        release: "camunda",
        bitnami: Bitnami::Stays,
    });
    let check = verdict.checks.into_iter().find(|c| c.check == "helm/values-keys").unwrap();
    check.findings.into_iter().map(|f| (f.outcome, f.subject)).collect()
}

/// Nothing of what the user wrote is lost: it stands in the new file, or behind a `#`.
fn assert_complete(old: &Supplied, text: &str) {
    let new = supplied(text);
    for key in migrate(old, road()).keys {
        let carried = key.to.iter().any(|(path, _)| new.sets(path));
        let shown = match &key.leaf.value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let commented =
            text.contains(&format!("# {} (", key.leaf.path)) || text.contains(&format!("#   {shown}"));
        assert!(carried || commented || key.leaf.value.is_null(), "{} is lost\n{text}", key.leaf.path);
    }
}

/// A file that sets every key of the old chart to something else than its default: each key that moves, goes or means
/// something else is told, none is told that stays, and what is written leaves nothing to say but decisions.
#[test]
fn every_key_of_the_old_chart_at_once() {
    let chart = keys("12.13.3");
    let every: Vec<(Path, Value)> = chart
        .paths()
        .zip(0..)
        .map(|(path, salt)| (path.clone(), changed(chart.default_of(path), salt % 40)))
        .collect();
    assert!(every.len() > 1000);
    let text = file(every);
    let old = supplied(&text);
    let findings: BTreeMap<String, Outcome> = told(&old, None).into_iter().map(|(o, s)| (s, o)).collect();
    for key in migrate(&old, road()).keys {
        let path = key.leaf.path.to_string();
        let moves = key.fate != Fate::Kept;
        let still_read = key.left() == Some(Left::Accepted);
        let off = key.fate == Fate::Undecided && key.leaf.value == json!(false);
        // A key that says by chance what the new chart does anyway needs no telling.
        let implied = key
            .to
            .iter()
            .all(|(p, v)| keys("13.12.7").default_of(p).is_some_and(|d| drydock_helm::values::same(p, d, v)));
        let silent = still_read || off || (implied && !key.to.is_empty());
        if moves && !silent {
            assert!(findings.contains_key(&path), "{path} is not told");
        }
        if !moves && keys("13.12.7").knows(&key.leaf.path) != Known::No {
            assert!(!findings.contains_key(&path), "{path} is told and stays");
        }
    }
    let new = written(&text);
    if let Some(path) = std::env::var_os("DRYDOCK_WRITE_EVERY_KEY") {
        std::fs::write(path, &new).unwrap();
    }
    assert_complete(&old, &new);
    let decisions: BTreeSet<String> = migrate(&old, road())
        .keys
        .iter()
        .filter(|k| k.fate == Fate::Undecided || new.contains("# another value for"))
        .map(|k| k.leaf.path.to_string())
        .collect();
    for (outcome, subject) in told(&old, Some(&supplied(&new))) {
        assert!(outcome < Outcome::Different || decisions.contains(&subject), "{subject} in what is written");
    }
    assert_eq!(written(&new), new);
}

fn some_values() -> impl Strategy<Value = String> {
    let chart = keys("12.13.3");
    let paths: Vec<Path> = chart.paths().cloned().collect();
    prop::collection::btree_map(prop::sample::select(paths), 0_u32..4, 0..25).prop_map(move |chosen| {
        file(chosen.into_iter().map(|(path, salt)| {
            let value = changed(chart.default_of(&path), salt);
            (path, value)
        }))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_complete_and_the_same_when_written_again(text in some_values()) {
        let once = written(&text);
        assert_complete(&supplied(&text), &once);
        prop_assert_eq!(written(&once), once);
    }

    #[test]
    fn values_held_against_themselves_on_the_same_chart_are_equal(text in some_values()) {
        let all = supplied(&text);
        let none = Road::between("12.13.3", "12.13.3").unwrap();
        let verdict = judge(&Subject {
            old: &all, new: Some(&all), road: &none, chart_from: Some(keys("12.13.3")), chart_to: Some(keys("12.13.3")),
            release: "camunda", bitnami: Bitnami::Stays,
        });
        for finding in verdict.checks.iter().flat_map(|c| &c.findings) {
            prop_assert!(finding.outcome < Outcome::Different || finding.check.as_str() == "helm/values-bitnami", "{}", finding.message);
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in r#"[ \t\n:{}\[\],&*!|>#'"%@`a-c0-9.<~-]{0,60}"#) {
        if let Err(error) = drydock_helm::yaml::read_one(&text) {
            prop_assert!(error.at.line >= 1 && error.at.column >= 1 && !error.reason.is_empty());
        } else if let Ok(all) = Supplied::read(&[("x".into(), text.clone())], &[]) {
            // What can be read can be written, or is refused with a reason.
            let _ = propose(&[("x".into(), text)], road(), None, None);
            prop_assert!(all.leaves.len() < 100);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_hang(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let began = std::time::Instant::now();
        if let Err(error) = drydock_helm::yaml::read_all(&text) {
            prop_assert!(error.at.line >= 1 && !error.reason.is_empty());
        }
        prop_assert!(began.elapsed() < std::time::Duration::from_secs(10));
    }
}
