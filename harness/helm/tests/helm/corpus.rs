//! Awkward values files, each with the findings that are expected of it (`fixtures/helm/values`). The first line of an
//! `expected` file names the charts; then follows a line for each finding. Findings about defaults are left out where the
//! same ones are made for an empty file. `DRYDOCK_BLESS=1` writes the lines anew.

use drydock_helm::values::{Bitnami, ChartKeys, Road, Subject, Supplied, Version, judge, propose};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/helm/values")
}

struct Case {
    charts: (String, String),
    bitnami: Bitnami,
    old: String,
    new: Option<String>,
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

fn case(expected: &Path) -> Case {
    let header = read(expected).unwrap().lines().next().unwrap_or_default().to_owned();
    let mut words = header.split_whitespace().skip(1);
    let charts = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let bitnami = if words.next() == Some("bitnami=leaves") { Bitnami::Leaves } else { Bitnami::Stays };
    let old = read(&expected.with_extension("yaml")).unwrap();
    Case { charts, bitnami, old, new: read(&expected.with_extension("to.yaml")) }
}

fn findings(case: &Case) -> Vec<String> {
    let read = |name: &str, text: &str| Supplied::read(&[(name.to_owned(), text.to_owned())], &[]);
    let (old, new) = match (read("old", &case.old), case.new.as_ref().map(|t| read("new", t)).transpose()) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return vec![format!("error {error}")],
    };
    let road = Road::between(&case.charts.0, &case.charts.1).unwrap();
    let keys = |v: &str| ChartKeys::shipped(&Version::parse(v).unwrap());
    let (chart_from, chart_to) = (keys(&case.charts.0), keys(&case.charts.1));
    let verdict = judge(&Subject {
        old: &old,
        new: new.as_ref(),
        road: &road,
        chart_from: chart_from.as_ref(),
        chart_to: chart_to.as_ref(),
        release: "camunda",
        bitnami: case.bitnami,
    });
    let lines = verdict.checks.iter().flat_map(|c| &c.findings).map(|f| {
        let place =
            f.place.as_ref().map(|p| format!(" {}:{}:{}", p.file, p.line, p.column)).unwrap_or_default();
        assert!(!f.next.is_empty(), "{} says no mend", f.message);
        for secret in
            ["p4ssw0rd-itself", "hunter2hunter2", "changeme-please", "text-is-the-password", "x-y-z-secret"]
        {
            let told = format!("{} {} {:?}", f.message, f.next, f.samples);
            assert!(!told.contains(secret), "a secret is shown: {told}");
        }
        format!("{} {} {} {}{place}", f.outcome, f.check, f.kind, f.subject)
    });
    lines.collect()
}

#[test]
fn every_file_of_the_corpus_gets_its_findings() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "expected"))
        .collect();
    files.sort();
    assert!(files.len() >= 40, "only {} files", files.len());
    let mut wrong = Vec::new();
    for file in &files {
        let case = case(file);
        let empty =
            Case { old: String::new(), new: None, charts: case.charts.clone(), bitnami: case.bitnami };
        let usual: BTreeSet<String> = if file.ends_with("empty.expected") {
            BTreeSet::new()
        } else {
            findings(&empty).into_iter().collect()
        };
        let found: Vec<String> = findings(&case).into_iter().filter(|l| !usual.contains(l)).collect();
        let text = read(file).unwrap();
        let header = text.lines().next().unwrap_or_default();
        let now = format!("{header}\n{}", found.iter().map(|l| format!("{l}\n")).collect::<String>());
        if std::env::var_os("DRYDOCK_BLESS").is_some() {
            std::fs::write(file, &now).unwrap();
        } else if now != text {
            wrong.push(format!("{}:\nexpected\n{text}found\n{now}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is written for a file has nothing against it, and is not written differently a second time.
#[test]
fn every_file_of_the_corpus_is_written_faithfully() {
    for entry in std::fs::read_dir(folder()).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|e| e != "expected") {
            continue;
        }
        let case = case(&file);
        let road = Road::between(&case.charts.0, &case.charts.1).unwrap();
        let keys = |v: &str| ChartKeys::shipped(&Version::parse(v).unwrap());
        let (from, to) = (keys(&case.charts.0), keys(&case.charts.1));
        let write = |text: &str| {
            propose(&[("values.yaml".to_owned(), text.to_owned())], &road, from.as_ref(), to.as_ref())
                .map(|p| p.files[0].1.clone())
        };
        let Ok(_) = Supplied::read(&[("old".into(), case.old.clone())], &[]) else { continue };
        match write(&case.old) {
            Ok(once) => {
                let again = write(&once).unwrap_or_else(|e| panic!("{}: {e}\n{once}", file.display()));
                assert_eq!(once, again, "{}", file.display());
                // Held against the old file, nothing a rule can carry is missing.
                let written = Case { new: Some(once.clone()), ..case };
                let left: Vec<String> = findings(&written)
                    .into_iter()
                    .filter(|l| l.starts_with("different helm/values-keys"))
                    .filter(|l| !l.contains("missing") || !dropped(&once, l))
                    .filter(|l| !l.contains("changed") || !once.contains("# another value for"))
                    .collect();
                assert!(left.is_empty(), "{}:\n{}\n{once}", file.display(), left.join("\n"));
            }
            Err(error) => {
                assert!(error.to_string().contains("stands here again"), "{}: {error}", file.display())
            }
        }
    }
}

/// Whether a key that nobody could carry is kept as a comment.
fn dropped(text: &str, line: &str) -> bool {
    let key = line.split_whitespace().nth(3).unwrap_or_default();
    text.contains(&format!("# {key} ("))
}
