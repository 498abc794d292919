//! Up to which position the broker counts each partition as exported, as somebody wrote it down or saved it.

use drydock_helm::migration::read_scrape;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Metric of the broker: one series an exporter and partition.
const METRIC: &str = "zeebe_exporter_last_exported_position";

/// Positions by partition: those of the file, and over them those of the command line.
pub(crate) fn positions(written: &[String], file: Option<&Path>) -> Result<BTreeMap<i64, i64>, String> {
    let mut all = match file {
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| format!("cannot read the exported positions in {}: {e}", path.display()))?;
            saved(&text).map_err(|e| format!("{} holds no exported positions: {e}", path.display()))?
        }
        None => BTreeMap::new(),
    };
    for pair in written {
        let number = |text: &str| text.trim().parse::<i64>().ok();
        let found = pair.split_once('=').and_then(|(a, b)| number(a).zip(number(b)));
        let (partition, position) = found
            .ok_or_else(|| format!("{pair} is no exported position: write PARTITION=POSITION, 1=24948"))?;
        all.insert(partition, position);
    }
    Ok(all)
}

/// Reads what the broker answered: `/actuator/partitions` is JSON, metrics are text.
fn saved(text: &str) -> Result<BTreeMap<i64, i64>, String> {
    let mut all = BTreeMap::new();
    // A partition has several brokers; those that do not lead know an older position, or none.
    let mut put = |partition: i64, position: i64| {
        let known = all.entry(partition).or_insert(position);
        *known = (*known).max(position);
    };
    if text.trim_start().starts_with('{') {
        let answer: Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
        for (partition, body) in answer.as_object().into_iter().flatten() {
            if let (Ok(partition), Some(position)) =
                (partition.parse::<i64>(), body["exportedPosition"].as_i64())
            {
                put(partition, position);
            }
        }
    } else {
        let metrics = read_scrape(text)?;
        let series = metrics.get(METRIC).map(Vec::as_slice).unwrap_or_default();
        let is_elasticsearch =
            |labels: &BTreeMap<String, String>| labels.get("exporter").is_some_and(|e| e.contains("elastic"));
        let named = series.iter().any(|(labels, _)| is_elasticsearch(labels));
        for (labels, value) in series.iter().filter(|(labels, _)| !named || is_elasticsearch(labels)) {
            let partition = labels.get("partition").and_then(|p| p.parse::<i64>().ok());
            #[expect(clippy::cast_possible_truncation, reason = "positions are whole and far below 2^53")]
            if let Some(partition) = partition.filter(|_| value.is_finite()) {
                put(partition, *value as i64);
            }
        }
    }
    if all.is_empty() {
        return Err(format!("neither exportedPosition of a partition nor the metric {METRIC}"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::{positions, saved};
    use std::collections::BTreeMap;

    #[test]
    fn positions_are_read_from_either_answer_and_from_the_command_line() {
        let json = r#"{"1":{"role":"LEADER","exportedPosition":24948},"2":{"role":"FOLLOWER","exportedPosition":null}}"#;
        assert_eq!(saved(json), Ok(BTreeMap::from([(1, 24_948)])));
        let scrape = "zeebe_exporter_last_exported_position{exporter=\"elasticsearch\",partition=\"1\"} 7.0\n\
                      zeebe_exporter_last_exported_position{exporter=\"elasticsearch\",partition=\"1\"} -1\n\
                      zeebe_exporter_last_exported_position{exporter=\"metrics\",partition=\"1\"} 900\n";
        assert_eq!(saved(scrape), Ok(BTreeMap::from([(1, 7)])));
        assert!(saved("jvm_up 1").is_err() && saved("{}").is_err());
        assert_eq!(positions(&["3=12".into()], None), Ok(BTreeMap::from([(3, 12)])));
        assert!(positions(&["3".into()], None).is_err());
    }
}
