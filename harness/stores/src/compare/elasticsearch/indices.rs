//! The set of indices, their state, and how many documents each holds.

use super::super::result::CheckResult;
use crate::elasticsearch::{IndexState, PinnedEs, PinnedIndex};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome, Sample};

/// Every index of the source exists on the target in the same state, and no other does.
pub(super) fn compare_index_set(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_INDICES;
    let mut findings = Vec::new();
    let mut compared = 0;
    for (name, index) in source.indices() {
        compared += 1;
        match target.indices().get(name) {
            None => {
                let message = format!("index {name} is missing on the target{}", holdings(index));
                findings.push(
                    Finding::data(check, Kind::Missing, name, message)
                        .next("create the index from the source's definition and copy its documents"),
                );
            }
            Some(other) if other.state != index.state => {
                let word = |s: IndexState| if s == IndexState::Open { "open" } else { "closed" };
                let (a, b) = (word(index.state), word(other.state));
                findings.push(
                    Finding::data(
                        check,
                        Kind::Changed,
                        name,
                        format!("index {name} is {a} on the source and {b} on the target"),
                    )
                    .items(1, [Sample::both("state", Some(a.to_owned()), Some(b.to_owned()))])
                    .next("bring the index into the source's state"),
                );
            }
            Some(_) => {}
        }
    }
    for (name, index) in target.indices() {
        if !source.indices().contains_key(name) {
            let message = format!("index {name} is on the target only{}", holdings(index));
            findings.push(
                Finding::data(check, Kind::Extra, name, message)
                    .next("find out who made it; delete it if it is a leftover of an earlier attempt"),
            );
        }
    }
    let mut outside: Vec<&String> = source.outside().iter().chain(target.outside()).collect();
    outside.sort();
    outside.dedup();
    if !outside.is_empty() {
        let message =
            format!("{} indices are outside of what was asked for and were not compared", outside.len());
        let samples: Vec<Sample> = outside.iter().map(|name| Sample::named(name.as_str())).collect();
        let mut finding = Finding::data(check, Kind::NotAsked, "elasticsearch/outside-scope", message)
            .items(outside.len() as u64, samples)
            .next("widen the prefixes if one of them belongs to the installation");
        finding.outcome = Outcome::NotAsked;
        findings.push(finding);
    }
    if compared == 0 {
        findings.push(
            Finding::not_compared(check, "elasticsearch", "the source has no index that was asked for").next(
                "check the prefixes and the role's rights: indices that a role may not see are not listed",
            ),
        );
    }
    let note = format!("{compared} indices on the source, {} on the target", target.indices().len());
    CheckResult { check, compared, findings, note, millis: 0 }
}

fn holdings(index: &PinnedIndex) -> String {
    let aliases = index.definition["aliases"].as_object().map_or(0, serde_json::Map::len);
    let aliases = match aliases {
        0 => String::new(),
        1 => " and 1 alias".to_owned(),
        n => format!(" and {n} aliases"),
    };
    match &index.documents {
        Ok(n) => format!(", with {n} documents{aliases}"),
        Err(reason) => format!("{aliases} (documents not counted: {reason})"),
    }
}

/// Exact numbers of documents in the points in time.
pub(super) fn compare_counts(source: &PinnedEs, target: &PinnedEs) -> CheckResult {
    let check = checks::ES_COUNTS;
    let mut findings = Vec::new();
    let mut compared = 0;
    let (mut on_source, mut on_target) = (0, 0);
    for name in super::common(source, target) {
        let (index, other) = (&source.indices()[name], &target.indices()[name]);
        let not_counted = |side: &str, reason: &str| {
            Finding::not_compared(
                check,
                name,
                format!("the documents of index {name} on the {side} could not be counted: {reason}"),
            )
            .next("open the index or restore its shards, then compare again")
        };
        for (side, pinned) in [("source", index), ("target", other)] {
            if let Err(reason) = &pinned.documents {
                findings.push(not_counted(side, reason));
            } else if let Some(doubt) = &pinned.doubt {
                findings.push(not_counted(side, doubt));
            }
        }
        let (Ok(a), Ok(b)) = (&index.documents, &other.documents) else { continue };
        compared += 1;
        on_source += a;
        on_target += b;
        if a != b {
            let (kind, message) = if a > b {
                (
                    Kind::Missing,
                    format!(
                        "index {name} has {a} documents on the source and {b} on the target: {} are missing",
                        a - b
                    ),
                )
            } else {
                (
                    Kind::Extra,
                    format!(
                        "index {name} has {a} documents on the source and {b} on the target: {} too many",
                        b - a
                    ),
                )
            };
            findings.push(
                Finding::data(check, kind, name, message)
                    .items(
                        a.abs_diff(*b),
                        [Sample::both("documents", Some(a.to_string()), Some(b.to_string()))],
                    )
                    .next(format!("see {} for the documents", checks::ES_DOCUMENTS)),
            );
        }
    }
    let note =
        format!("{compared} indices counted: {on_source} documents on the source, {on_target} on the target");
    CheckResult { check, compared, findings, note, millis: 0 }
}
