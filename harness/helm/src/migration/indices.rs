//! Indices of the one data model of 8.8: each must be there under the common prefix, and the process index is counted.

use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use semver::Version;
use serde_json::Value;

/// Families of indices under 8.8, and whether their schema is that of 8.8; the others were taken over as they were.
const FAMILIES: &[(&str, bool)] = &[
    ("camunda-authorization", true),
    ("camunda-correlated-message-subscription", true),
    ("camunda-group", true),
    ("camunda-mapping-rule", true),
    ("camunda-role", true),
    ("camunda-tenant", true),
    ("camunda-usage-metric", true),
    ("camunda-usage-metric-tu", true),
    ("camunda-user", true),
    ("camunda-web-session", true),
    ("operate-batch-operation", false),
    ("operate-decision", false),
    ("operate-decision-instance", false),
    ("operate-decision-requirements", false),
    ("operate-event", false),
    ("operate-flownode-instance", false),
    ("operate-import-position", false),
    ("operate-incident", false),
    ("operate-job", false),
    ("operate-list-view", false),
    ("operate-message", false),
    ("operate-operation", false),
    ("operate-post-importer-queue", false),
    ("operate-process", false),
    ("operate-sequence-flow", false),
    ("operate-variable", false),
    ("tasklist-draft-task-variable", false),
    ("tasklist-form", false),
    ("tasklist-import-position", false),
    ("tasklist-task", true),
    ("tasklist-task-variable", false),
];

/// Schema of the release that brought the common model.
const SINCE: Version = Version::new(8, 8, 0);

/// Judges the names of the indices. `answer` is what `GET _cat/indices?format=json&h=index` came back with, `prefix` what all
/// of them begin with (empty by default).
pub fn harmonised(asked: &str, answer: &str, prefix: &str) -> Check {
    let mut check = Check::new(checks::MIGRATION_DATA);
    let names = match names(answer) {
        Ok(names) => names,
        Err(reason) => {
            check.findings.push(
                Finding::not_compared(check.check, asked.to_owned(), format!("{asked} {reason}"))
                    .next("save the answer of `GET _cat/indices?format=json&h=index`"),
            );
            return check;
        }
    };
    let start = if prefix.is_empty() { String::new() } else { format!("{}-", prefix.trim_end_matches('-')) };
    let there = |family: &str, new: bool| {
        names.iter().filter_map(|n| n.strip_prefix(&start)?.strip_prefix(family)?.strip_prefix('-')).any(
            |rest| {
                // An archived index has a date behind it and does not stand for the one that is written.
                let version = rest.strip_suffix('_').and_then(|version| Version::parse(version).ok());
                version.is_some_and(|version| !new || version >= SINCE)
            },
        )
    };
    let missing: Vec<&str> = FAMILIES.iter().filter(|(f, new)| !there(f, *new)).map(|(f, _)| *f).collect();
    check.compared = FAMILIES.len() as u64;
    check.note = format!("{asked}: {} of {} indices of 8.8", FAMILIES.len() - missing.len(), FAMILIES.len());
    if missing.is_empty() {
        return check;
    }
    let message = format!(
        "{asked}: {} of {} indices of 8.8 are not there{}",
        missing.len(),
        FAMILIES.len(),
        elsewhere(&names, &start)
    );
    let samples = missing.iter().map(|family| Sample::named(format!("{start}{family}")));
    check.findings.push(
        Finding::data(check.check, Kind::Missing, "indices of 8.8", message)
            .items(missing.len() as u64, samples)
            .next("start the brokers of 8.8, which make them; all prefixes must be one before, and are given with --index-prefix"),
    );
    check
}

/// A hint where the indices are there under another prefix.
fn elsewhere(names: &[String], start: &str) -> String {
    let other = names.iter().filter_map(|n| n.split_once("operate-list-view-")).find(|(p, _)| *p != start);
    match other {
        Some(("", _)) => "; there are some without a prefix".to_owned(),
        Some((prefix, _)) => format!("; there are some with the prefix {}", prefix.trim_end_matches('-')),
        None => String::new(),
    }
}

fn names(answer: &str) -> Result<Vec<String>, String> {
    let answer: Value = serde_json::from_str(answer).map_err(|e| format!("is no JSON: {e}"))?;
    let list = answer.as_array().ok_or_else(|| "is no list of indices".to_owned())?;
    let name = |entry: &Value| entry["index"].as_str().or_else(|| entry.as_str()).map(str::to_owned);
    list.iter().map(|e| name(e).ok_or_else(|| "holds an entry without a name".to_owned())).collect()
}

/// Documents that `GET <index>/_count` found.
///
/// # Errors
/// No such answer, no index that was counted, or a shard that did not answer: a smaller number would look like success.
pub fn documents(answer: &Value) -> Result<u64, String> {
    let count = answer["count"].as_u64().ok_or("the answer holds no count")?;
    let shards = |key: &str| answer["_shards"][key].as_u64();
    match (shards("total"), shards("failed")) {
        (Some(0) | None, _) => Err("there is no such index".to_owned()),
        (_, Some(0)) => Ok(count),
        (Some(total), failed) => Err(format!("{} of {total} shards did not answer", failed.unwrap_or(total))),
    }
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, documents, harmonised};
    use drydock_core::Outcome;
    use serde_json::{Value, json};

    fn answer(prefix: &str, without: &str) -> String {
        let names = FAMILIES.iter().filter(|(f, _)| *f != without).map(|(family, new)| {
            let version = if *new { "8.8.0" } else { "8.3.0" };
            json!({"index": format!("{prefix}{family}-{version}_")})
        });
        let archived = [
            json!({"index": "operate-variable-8.3.0_2026-01-01"}),
            json!({"index": "zeebe-record_job_8.8.0_2026-01-01"}),
        ];
        Value::from(names.chain(archived).collect::<Vec<_>>()).to_string()
    }

    #[test]
    fn every_index_of_8_8_is_there_or_told() {
        assert!(harmonised("es", &answer("", ""), "").findings.is_empty());
        assert!(harmonised("es", &answer("one-", ""), "one").findings.is_empty());
        for (family, _) in FAMILIES {
            let check = harmonised("es", &answer("", family), "");
            assert_eq!(check.findings.len(), 1, "{family}");
            assert!(
                check.findings.iter().all(|f| f.samples.iter().any(|s| format!("{s:?}").contains(family)))
            );
        }
        let old = answer("", "").replace("tasklist-task-8.8.0", "tasklist-task-8.5.0");
        assert_eq!(
            harmonised("es", &old, "").outcome(),
            Outcome::Different,
            "the tasks of 8.7 are not those of 8.8"
        );
    }

    #[test]
    fn another_prefix_is_hinted_at_and_no_answer_proves_nothing() {
        let check = harmonised("es", &answer("one-", ""), "");
        assert!(check.findings[0].message.contains("prefix one"), "{}", check.findings[0].message);
        let check = harmonised("es", &answer("", ""), "one");
        assert!(check.findings[0].message.contains("without a prefix"));
        for none in ["{}", "no", "[{}]"] {
            assert_eq!(harmonised("es", none, "").outcome(), Outcome::NotProven);
        }
    }

    #[test]
    fn only_a_whole_count_counts() {
        assert_eq!(documents(&json!({"count": 7, "_shards": {"total": 1, "failed": 0}})), Ok(7));
        assert!(documents(&json!({"count": 0, "_shards": {"total": 0, "failed": 0}})).is_err());
        assert!(documents(&json!({"count": 7, "_shards": {"total": 2, "failed": 1}})).is_err());
        assert!(documents(&json!({"count": 7})).is_err() && documents(&json!({})).is_err());
    }
}
