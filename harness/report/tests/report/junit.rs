//! JUnit: only what the schema of Jenkins knows, and figures that add up.

use crate::samples;
use drydock_core::Summary;
use drydock_report::junit::render;
use std::collections::BTreeMap;

type Names = &'static [&'static str];

/// Element, attributes it may have, attributes it must have, elements it may hold: the schema `junit-10.xsd` of Jenkins'
/// xUnit plugin, as far as elements go that a report may use.
const SCHEMA: &[(&str, Names, Names, Names)] = &[
    ("testsuites", &["name", "time", "tests", "failures", "errors"], &[], &["testsuite"]),
    (
        "testsuite",
        &[
            "name",
            "tests",
            "failures",
            "errors",
            "group",
            "time",
            "skipped",
            "timestamp",
            "hostname",
            "id",
            "package",
            "file",
            "log",
            "url",
        ],
        &["name", "tests", "failures", "errors"],
        &["testsuite", "properties", "testcase", "system-out", "system-err"],
    ),
    ("properties", &[], &[], &["property"]),
    ("property", &["name", "value"], &["name", "value"], &[]),
    (
        "testcase",
        &["name", "time", "classname", "group"],
        &["name"],
        &["skipped", "error", "failure", "system-out", "system-err"],
    ),
    ("failure", &["type", "message"], &[], &[]),
    ("error", &["type", "message"], &[], &[]),
    ("skipped", &["type", "message"], &[], &[]),
    ("system-out", &[], &[], &[]),
    ("system-err", &[], &[], &[]),
];

/// Elements that may hold text.
const TEXT: &[&str] = &["failure", "error", "skipped", "system-out", "system-err"];

#[derive(Debug)]
struct Element {
    name: String,
    attributes: BTreeMap<String, String>,
    children: Vec<Element>,
}

impl Element {
    fn figure(&self, attribute: &str) -> usize {
        self.attributes.get(attribute).map_or(0, |v| v.parse().unwrap())
    }

    fn each<'a>(&'a self, name: &str, found: &mut Vec<&'a Element>) {
        if self.name == name {
            found.push(self);
        }
        self.children.iter().for_each(|c| c.each(name, found));
    }

    fn all(&self, name: &str) -> Vec<&Element> {
        let mut found = Vec::new();
        self.each(name, &mut found);
        found
    }
}

/// A strict reader of the XML that a report may consist of: elements, attributes, text with the five entities and numbered ones.
fn parse(xml: &str) -> Element {
    assert!(xml.chars().all(
        |c| matches!(c, '\n' | '\t' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    ));
    let mut rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap();
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        entities(text);
        assert!(!text.contains("]]>"));
        if let Some(parent) = open.last() {
            assert!(
                text.trim().is_empty() || TEXT.contains(&parent.name.as_str()),
                "text in {}: {text}",
                parent.name
            );
        }
        let end = tag.find('>').unwrap();
        let (inside, closed) = match tag[1..end].strip_suffix('/') {
            Some(inside) => (inside, true),
            None => (&tag[1..end], false),
        };
        rest = &tag[end + 1..];
        if let Some(name) = inside.strip_prefix('/') {
            let element = open.pop().unwrap();
            assert_eq!(element.name, name);
            close(element, &mut open, &mut root);
            continue;
        }
        let (name, mut written) = inside.split_once(' ').unwrap_or((inside, ""));
        let mut element =
            Element { name: name.to_owned(), attributes: BTreeMap::new(), children: Vec::new() };
        while let Some((key, after)) = written.split_once("=\"") {
            let (value, after) = after.split_once('"').unwrap();
            entities(value);
            assert!(
                element.attributes.insert(key.trim().to_owned(), value.to_owned()).is_none(),
                "{key} twice"
            );
            written = after;
        }
        assert!(written.trim().is_empty(), "{written}");
        if closed { close(element, &mut open, &mut root) } else { open.push(element) }
    }
    assert!(open.is_empty() && rest.trim().is_empty());
    root.unwrap()
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => assert!(root.replace(element).is_none(), "two roots"),
    }
}

fn entities(text: &str) {
    for entity in text.split('&').skip(1) {
        let (name, _) = entity.split_once(';').unwrap();
        assert!(matches!(name, "lt" | "gt" | "amp" | "quot" | "apos") || name.starts_with('#'), "{name}");
    }
}

fn valid(element: &Element) {
    let (_, may, must, holds) = SCHEMA
        .iter()
        .find(|(name, ..)| *name == element.name)
        .unwrap_or_else(|| panic!("<{}>", element.name));
    for attribute in element.attributes.keys() {
        assert!(may.contains(&attribute.as_str()), "<{} {attribute}>", element.name);
    }
    for attribute in *must {
        assert!(element.attributes.contains_key(*attribute), "<{}> without {attribute}", element.name);
    }
    if let Some(time) = element.attributes.get("time") {
        // The schema wants groups of digits and a dot, no exponent and no sign.
        assert!(time.chars().all(|c| c.is_ascii_digit() || c == '.'), "{time}");
    }
    for child in &element.children {
        assert!(holds.contains(&child.name.as_str()), "<{}> in <{}>", child.name, element.name);
        valid(child);
    }
}

fn checked(summary: &Summary) -> Element {
    let root = parse(&render(summary));
    valid(&root);
    let mut sums = [0; 3];
    for suite in &root.children {
        let cases = suite.all("testcase");
        let having = |name: &str| cases.iter().filter(|c| c.children.iter().any(|e| e.name == name)).count();
        assert_eq!(suite.figure("tests"), cases.len());
        assert_eq!(suite.figure("failures"), having("failure"));
        assert_eq!(suite.figure("errors"), having("error"));
        assert_eq!(suite.figure("skipped"), having("skipped"));
        for (sum, name) in sums.iter_mut().zip(["tests", "failures", "errors"]) {
            *sum += suite.figure(name);
        }
    }
    assert_eq!(sums, ["tests", "failures", "errors"].map(|name| root.figure(name)));
    root
}

#[test]
fn every_run_is_valid_and_adds_up() {
    for summary in [
        samples::green(),
        samples::planted(),
        samples::hostile(3),
        samples::hostile(300),
        samples::not_proven(),
        samples::killed(),
    ] {
        let root = checked(&summary);
        let red = root.figure("failures") + root.figure("errors");
        assert_eq!(red == 0, summary.verdict.is_green(), "{}", summary.verdict.headline);
    }
}

#[test]
fn one_case_for_each_check_and_step() {
    let summary = samples::green();
    let root = checked(&summary);
    let suites: Vec<&str> = root.children.iter().map(|s| s.attributes["name"].as_str()).collect();
    assert_eq!(
        suites,
        ["preflight", "elasticsearch", "postgres", "keycloak", "rehearsal", "steps", "verdict"]
    );
    assert_eq!(root.figure("tests"), summary.verdict.checks.len() + summary.steps.len() + 1);
}

#[test]
fn losses_are_failures_with_their_items_and_surroundings_are_errors() {
    let root = checked(&samples::planted());
    let messages: Vec<&str> = root.all("failure").iter().map(|f| f.attributes["message"].as_str()).collect();
    assert!(
        messages.iter().any(|m| m.contains("operate-list-view-8.3.0_ › 2251799813685281")),
        "{messages:?}"
    );
    assert!(messages.iter().any(|m| m.contains("tasklist-task-8.5.0_2025-11-30")), "{messages:?}");

    let root = checked(&samples::not_proven());
    assert!(root.all("failure").is_empty(), "an environment that breaks is no failure of the migration");
    let errors = root.all("error");
    assert!(
        errors
            .iter()
            .any(|e| e.attributes["type"] == "environment" && e.attributes["message"].contains("identity"))
    );
    assert!(errors.iter().any(|e| e.attributes["type"] == "not-proven"));
}

#[test]
fn reports_as_dashboards_see_them() {
    insta::assert_snapshot!("junit-planted", render(&samples::planted()));
    insta::assert_snapshot!("junit-hostile", render(&samples::hostile(1)));
}
