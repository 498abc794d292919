//! The report for code scanning: SARIF 2.1.0, one result a finding, at the file and line where there is
//! one, else at the first line of the scenario: GitHub refuses a file with a result that has no location.

use crate::text::printable;
use drydock_core::printable::printable_json;
use drydock_core::verdict::Judged;
use drydock_core::{Outcome, Summary};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Findings that are told; viewers refuse files with more.
const MOST_RESULTS: usize = 5000;

/// The findings of a run as SARIF. What a ledger expects is there as suppressed. Of more than viewers take the gravest
/// are there, with how many there are.
pub fn render(summary: &Summary) -> String {
    let mut findings: Vec<&Judged> = summary.verdict.findings.iter().collect();
    if findings.len() > MOST_RESULTS {
        // Stable: what is equally grave stays in the report's order.
        findings.sort_by_key(|j| std::cmp::Reverse(j.finding.outcome));
    }
    let scenario = scenario_uri(summary);
    let rules: BTreeSet<&str> = findings.iter().map(|j| j.finding.check.as_str()).collect();
    let results: Vec<Value> = findings.iter().take(MOST_RESULTS).map(|j| result(j, &scenario)).collect();
    let told = results.len();
    let mut document = json!({
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "drydock",
                "version": summary.drydock,
                "rules": rules.iter().map(|id| json!({"id": id})).collect::<Vec<_>>(),
            }},
            // What code scanning takes as the category: it refuses two runs of one category in one upload.
            "automationDetails": {"id": format!("drydock/{}/", printable(&summary.scenario).replace('/', "-"))},
            "invocations": [{
                // Whether the comparison itself was made, not whether it was green.
                "executionSuccessful": summary.verdict.outcome != Outcome::NotProven,
                "exitCode": summary.verdict.exit_code,
            }],
            "properties": {"run": summary.run.as_str(), "headline": summary.verdict.headline},
            "results": results,
        }],
    });
    if told < findings.len() {
        let text =
            format!("{told} of {} findings are told here, the gravest; report.json has all", findings.len());
        document["runs"][0]["invocations"][0]["toolExecutionNotifications"] =
            json!([{"level": "warning", "message": {"text": text}}]);
    }
    format!("{}\n", printable_json(&format!("{document:#}")))
}

/// Where findings are shown that are in no file: the scenario's, and for a comparison without one its name.
fn scenario_uri(summary: &Summary) -> String {
    uri(if summary.scenario_file.is_empty() { &summary.scenario } else { &summary.scenario_file })
}

fn result(judged: &Judged, scenario: &str) -> Value {
    let finding = &judged.finding;
    let level = match finding.outcome {
        Outcome::Different => "error",
        Outcome::NotProven => "warning",
        Outcome::Equal | Outcome::Expected | Outcome::NotAsked => "note",
    };
    let next = if finding.next.is_empty() { String::new() } else { format!(" Next: {}", finding.next) };
    let mut result = json!({
        "ruleId": finding.check.as_str(),
        "level": level,
        "message": {"text": plain(&format!("{}{next}", finding.message))},
        "partialFingerprints": {"subject/v1": format!("{} {} {}", finding.check, finding.kind, finding.subject)},
        "properties": {"kind": finding.kind, "class": finding.class, "subject": finding.subject, "count": finding.count},
    });
    result["locations"] = match finding.place.as_ref().filter(|place| place.line > 0) {
        Some(place) => json!([{
            "physicalLocation": {
                "artifactLocation": {"uri": uri(&place.file)},
                "region": {"startLine": place.line, "startColumn": place.column.max(1)},
            },
        }]),
        None => json!([{
            "physicalLocation": {"artifactLocation": {"uri": scenario}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": printable(&finding.subject)}],
        }]),
    };
    if let Some(because) = &judged.expected_because {
        result["suppressions"] = json!([{"kind": "external", "justification": plain(because)}]);
    }
    result
}

/// A text that is shown as it is: viewers make a link of `[words](address)` in what is plain otherwise.
fn plain(text: &str) -> String {
    printable(text).replace("](", "] (")
}

/// A path as a relative or absolute reference: what a reference may not hold is written as `%20`.
fn uri(path: &str) -> String {
    let path = path.replace('\\', "/");
    let mut out = String::with_capacity(path.len());
    for byte in path.trim_start_matches("./").bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                out.push(byte.into())
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    if out.starts_with('/') { format!("file://{out}") } else { out }
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn paths_become_references() {
        assert_eq!(uri("./a b/values-12.yaml"), "a%20b/values-12.yaml");
        assert_eq!(uri("/x/ü.yaml"), "file:///x/%C3%BC.yaml");
    }
}
