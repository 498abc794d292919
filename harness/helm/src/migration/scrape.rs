//! The metric of the migration job, from a scrape in the text format of Prometheus.

use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Sample};
use drydock_core::names::checks;
use std::collections::BTreeMap;

/// Metric of the processes that the migration job has moved.
const MIGRATED: &str = "camunda_migration_processes_migrated";

/// A sample of a scrape: labels and value.
type Series = Vec<(BTreeMap<String, String>, f64)>;

/// Samples of a scrape in the text format of Prometheus, by metric. A counter's `_total` is left out of its name.
///
/// # Errors
/// A line is no sample; the message names it.
pub fn read_scrape(text: &str) -> Result<BTreeMap<String, Series>, String> {
    let mut metrics: BTreeMap<String, Series> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || {
            format!("line {number} is no sample of a metric: {}", line.chars().take(80).collect::<String>())
        };
        let (name, labels, rest) = match line.split_once('{') {
            Some((name, rest)) => {
                let (labels, rest) = labels(rest).ok_or_else(wrong)?;
                (name, labels, rest)
            }
            None => {
                let (name, rest) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
                (name, BTreeMap::new(), rest)
            }
        };
        let value = rest.split_whitespace().next().and_then(|v| v.parse::<f64>().ok()).ok_or_else(wrong)?;
        let name = name.trim();
        metrics
            .entry(name.strip_suffix("_total").unwrap_or(name).to_owned())
            .or_default()
            .push((labels, value));
    }
    Ok(metrics)
}

/// Labels up to the closing brace, and what follows it.
fn labels(text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    let mut rest = text.trim_start();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let after = after.trim_start().strip_prefix('"')?;
        let (mut value, mut end, mut escaped) = (String::new(), None, false);
        for (i, c) in after.char_indices() {
            match c {
                _ if escaped => {
                    value.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    end = Some(i);
                    break;
                }
                _ => value.push(c),
            }
        }
        labels.insert(name.trim().to_owned(), value);
        rest = &after[end? + 1..];
    }
}

/// Holds the metric of the migration against the documents of the process index. `documents` counts the index as it was
/// before; where processes were deployed meanwhile, those are not part of it.
pub fn migrated(scrape: &str, documents: Option<u64>) -> Check {
    let mut check = Check::new(checks::MIGRATION_DATA);
    let told = |kind, message: String, next: &str| {
        Finding::data(checks::MIGRATION_DATA, kind, MIGRATED, message).next(next)
    };
    let metrics = match read_scrape(scrape) {
        Ok(metrics) => metrics,
        Err(reason) => {
            let message = format!("the scrape cannot be read: {reason}");
            check.findings.push(
                Finding::not_compared(check.check, MIGRATED, message)
                    .next("save it anew from the job's /actuator/prometheus"),
            );
            return check;
        }
    };
    let Some(series) = metrics.get(MIGRATED) else {
        let message = format!(
            "the scrape holds no {MIGRATED}: the migration has not run, or another program was asked"
        );
        check.findings.push(
            Finding::not_compared(check.check, MIGRATED, message)
                .next("scrape the migration job while it runs, or the store that keeps its metrics"),
        );
        return check;
    };
    let moved: f64 = series.iter().map(|(_, value)| value).sum();
    let Some(documents) = documents else {
        let message = format!("{moved} processes were migrated; how many there were is not known here");
        check.findings.push(
            Finding::not_compared(check.check, MIGRATED, message)
                .next("give the documents of the process index with --documents"),
        );
        return check;
    };
    check.compared = documents.max(1);
    check.note = format!("{moved} processes migrated, {documents} in the index");
    let sample = Sample::both("processes", Some(documents.to_string()), Some(moved.to_string()));
    #[expect(
        clippy::cast_precision_loss,
        reason = "metrics are floats; indices of processes hold far fewer than 2^53"
    )]
    let wanted = documents as f64;
    if !moved.is_finite() || moved < wanted {
        let message = format!("{moved} of {documents} processes were migrated");
        check.findings.push(
            told(
                Kind::Missing,
                message,
                "let the job go on; do not switch the migration off before they agree",
            )
            .items(1, [sample]),
        );
    } else if moved > wanted {
        let message = format!(
            "{moved} processes were migrated and the index holds {documents}: the job ran twice, or the count is of another moment"
        );
        check.findings.push(
            told(Kind::Extra, message, "count the index again, and look whether the job was restarted")
                .items(1, [sample]),
        );
    }
    check
}

#[cfg(test)]
mod tests {
    use super::{migrated, read_scrape};
    use drydock_core::Outcome;

    const SCRAPE: &str = "# HELP camunda_migration_processes_migrated done\n# TYPE camunda_migration_processes_migrated counter\ncamunda_migration_processes_migrated_total{app=\"a,b\",x=\"}\\\"\"} 40.0 1700000000\ncamunda_migration_processes_migrated_total{app=\"c\"} 2\njvm_up 1\n";

    #[test]
    fn the_metric_equals_the_index_or_is_told() {
        assert!(migrated(SCRAPE, Some(42)).findings.is_empty());
        assert_eq!(migrated(SCRAPE, Some(42)).compared, 42);
        assert_eq!(migrated(SCRAPE, Some(43)).outcome(), Outcome::Different);
        assert_eq!(migrated(SCRAPE, Some(41)).outcome(), Outcome::Different);
        assert_eq!(migrated(SCRAPE, None).outcome(), Outcome::NotProven);
        assert_eq!(migrated("jvm_up 1", Some(1)).outcome(), Outcome::NotProven);
        assert_eq!(migrated("not a scrape", Some(1)).outcome(), Outcome::NotProven);
        assert_eq!(migrated(&SCRAPE.replace("40.0", "NaN"), Some(42)).outcome(), Outcome::Different);
    }

    #[test]
    fn labels_may_hold_anything() {
        let metrics = read_scrape(SCRAPE).unwrap();
        assert_eq!(metrics["camunda_migration_processes_migrated"][0].0["x"], "}\"");
    }
}
