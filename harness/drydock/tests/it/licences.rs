//! What `cargo deny` asks in releases, asked wherever tests run: the licence of every crate is one that `deny.toml` allows, no
//! banned crate is among them, and all come from the registry.

use crate::support::{root, skip, text};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// Texts in quotes in the list of that name.
fn list(file: &str, name: &str) -> BTreeSet<String> {
    let rest = file.split_once(&format!("\n{name} = [")).unwrap_or_else(|| panic!("{name} is no list")).1;
    let inside = rest.split(']').next().unwrap_or_default();
    inside.split('"').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// Whether an SPDX expression can be met with what is allowed. `/` is how older crates write OR.
fn is_met(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let (met, end) = any_of(&words, 0, allowed);
    assert_eq!(end, words.len(), "{expression}");
    met
}

fn any_of(words: &[&str], from: usize, allowed: &BTreeSet<String>) -> (bool, usize) {
    let (mut met, mut at) = all_of(words, from, allowed);
    while words.get(at) == Some(&"OR") {
        let (next, end) = all_of(words, at + 1, allowed);
        (met, at) = (met | next, end);
    }
    (met, at)
}

fn all_of(words: &[&str], from: usize, allowed: &BTreeSet<String>) -> (bool, usize) {
    let (mut met, mut at) = one(words, from, allowed);
    while words.get(at) == Some(&"AND") {
        let (next, end) = one(words, at + 1, allowed);
        (met, at) = (met & next, end);
    }
    (met, at)
}

fn one(words: &[&str], at: usize, allowed: &BTreeSet<String>) -> (bool, usize) {
    if words[at] == "(" {
        let (met, end) = any_of(words, at + 1, allowed);
        assert_eq!(words.get(end), Some(&")"));
        return (met, end + 1);
    }
    match words.get(at + 1..at + 3) {
        Some(["WITH", exception]) => (allowed.contains(&format!("{} WITH {exception}", words[at])), at + 3),
        _ => (allowed.contains(words[at]), at + 1),
    }
}

#[test]
fn every_crate_may_be_used() {
    let deny = fs::read_to_string(root().join("deny.toml")).expect("deny.toml");
    let (allowed, banned) = (list(&deny, "allow"), list(&deny, "deny"));
    assert!(allowed.contains("MIT") && banned.contains("openssl-sys"), "{allowed:?} {banned:?}");
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--all-features"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    if !output.status.success() {
        return skip(&format!("cargo metadata: {}", text(&output).lines().next().unwrap_or_default()));
    }
    let told: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    // Packages are listed for every platform, and resolved for one.
    let used: BTreeSet<&str> =
        told["resolve"]["nodes"].as_array().into_iter().flatten().filter_map(|n| n["id"].as_str()).collect();
    assert!(used.len() > 300, "{}", used.len());
    let mut wrong = Vec::new();
    for package in told["packages"].as_array().into_iter().flatten() {
        if !package["id"].as_str().is_some_and(|id| used.contains(id)) {
            continue;
        }
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or("nothing");
        if !is_met(licence, &allowed) {
            wrong.push(format!("{name}: {licence} is not allowed"));
        }
        if banned.contains(name) {
            wrong.push(format!("{name} is banned"));
        }
        let source = package["source"].as_str().unwrap_or("path");
        if source != "path" && !source.starts_with("registry+") {
            wrong.push(format!("{name} comes from {source}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn expressions_are_met_as_they_mean() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(ToOwned::to_owned));
    for (expression, met) in [
        ("MIT", true),
        ("MIT/GPL-3.0", true),
        ("GPL-3.0", false),
        ("MIT AND GPL-3.0", false),
        ("GPL-3.0 OR MIT AND ISC", true),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("(GPL-3.0 OR MIT) AND Zlib", false),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(is_met(expression, &allowed), met, "{expression}");
    }
}
