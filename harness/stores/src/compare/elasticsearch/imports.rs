//! What importers have read, against the records that are there.

use super::super::result::{CheckResult, Options};
use crate::elasticsearch::{IndexState, PinnedEs};
use drydock_core::Finding;
use drydock_core::names::checks;
use drydock_parity::elasticsearch::positions::{Imports, Reader, Standing, Stream, compare};
use drydock_parity::elasticsearch::usage::leaves;
use serde_json::{Map, Value, json};
use std::time::Instant;

const CHECK: &str = checks::ES_IMPORTS;
/// Positions in one index at most: record types by partitions.
const POSITIONS: u32 = 10_000;

/// Reads both sides and compares them.
pub(super) async fn compare_imports(source: &PinnedEs, target: &PinnedEs, options: &Options) -> CheckResult {
    let began = Instant::now();
    let (a, b) = tokio::join!(read(source), read(target));
    let mut result =
        CheckResult { check: CHECK, compared: 1, findings: Vec::new(), note: String::new(), millis: 0 };
    match (a, b) {
        (Ok(a), Ok(b)) => {
            result.compared += (a.readers.len() + a.newest.len()) as u64;
            result.note = format!(
                "{} positions of importers held against the newest records of {} streams",
                a.readers.len(),
                a.newest.len()
            );
            result.findings = compare(&a, &b, &options.exported);
        }
        (a, b) => {
            let why = [("source", a.err()), ("target", b.err())]
                .into_iter()
                .filter_map(|(side, why)| why.map(|why| format!("{side}: {why}")))
                .collect::<Vec<_>>()
                .join("; ");
            let message = format!("positions of importers and records could not be read: {why}");
            let finding = Finding::not_compared(CHECK, "elasticsearch/import-positions", message);
            result.findings.push(
                finding.next("make the exporter's and the importers' indices readable, then compare again"),
            );
        }
    }
    result.millis = super::millis(began);
    result
}

async fn read(side: &PinnedEs) -> Result<Imports, String> {
    let mut imports = Imports { indices: side.indices().keys().cloned().collect(), ..Imports::default() };
    let mut positions = Vec::new();
    let mut records: Vec<(String, String, String)> = Vec::new();
    for (name, index) in side.indices() {
        let fields = leaves(&index.definition["mappings"]);
        let has = |all: &[&str]| all.iter().all(|name| fields.iter().any(|f| f.path == *name));
        let is_record = has(&["partitionId", "position", "valueType", "intent"]);
        let is_position = has(&["partitionId", "position", "aliasName", "indexName"]);
        if !is_record && !is_position {
            continue;
        }
        if index.state == IndexState::Closed {
            return Err(format!("{name} is closed"));
        }
        if is_position {
            positions.push(name.as_str());
        } else if let Some((exporter, record_type)) = split(name) {
            records.push((name.clone(), exporter, record_type));
        }
    }
    for (index, exporter, record_type) in &records {
        for (partition, newest) in newest(side, index).await? {
            let stream = Stream { exporter: exporter.clone(), record_type: record_type.clone(), partition };
            let known = imports.newest.entry(stream).or_insert(newest);
            *known = (*known).max(newest);
        }
    }
    for index in positions {
        add_positions(side, index, &records, &mut imports).await?;
    }
    let waiting: Vec<(Reader, i64)> = imports
        .readers
        .iter()
        .filter(|(reader, at)| imports.newest.get(&reader.stream).is_some_and(|n| *n > at.position))
        .map(|(reader, at)| (reader.clone(), at.position))
        .collect();
    for (reader, position) in waiting {
        let mut beyond = 0;
        for (index, exporter, record_type) in &records {
            if *exporter == reader.stream.exporter && *record_type == reader.stream.record_type {
                beyond += records_beyond(side, index, reader.stream.partition, position).await?;
            }
        }
        if let Some(standing) = imports.readers.get_mut(&reader) {
            standing.waiting = beyond;
        }
    }
    Ok(imports)
}

/// Exporter and record type of an index: `zeebe-record_job_8.6.0_2026-11-20`.
fn split(index: &str) -> Option<(String, String)> {
    let (rest, _date) = index.rsplit_once('_')?;
    let (rest, _version) = rest.rsplit_once('_')?;
    let (exporter, record_type) = rest.rsplit_once('_')?;
    Some((exporter.to_owned(), record_type.to_owned()))
}

/// Position of the newest record of each partition. Positions count up from 1 and stay far below 2^53.
async fn newest(side: &PinnedEs, index: &str) -> Result<Vec<(i64, i64)>, String> {
    let aggregations = json!({"p": {
        "terms": {"field": "partitionId", "size": POSITIONS}, "aggs": {"newest": {"max": {"field": "position"}}}
    }});
    let (_, answer) = side.aggregate(index, &aggregations).await.map_err(|e| e.to_string())?;
    let buckets = answer["p"]["buckets"].as_array().into_iter().flatten();
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the store computes with doubles, positions are whole"
    )]
    let one = |b: &Value| Some((b["key"].as_i64()?, b["newest"]["value"].as_f64()? as i64));
    Ok(buckets.filter_map(one).collect())
}

async fn records_beyond(side: &PinnedEs, index: &str, partition: i64, position: i64) -> Result<u64, String> {
    let beyond = json!({"bool": {"filter": [
        {"term": {"partitionId": partition}}, {"range": {"position": {"gt": position}}}
    ]}});
    let body = json!({"size": 0, "track_total_hits": true, "query": beyond});
    let answer = side.ask(index, None, &body).await.map_err(|e| e.to_string())?;
    answer["hits"]["total"]["value"].as_u64().ok_or_else(|| format!("no total of {index}"))
}

/// Adds what one index of positions holds. A position that names no record index belongs to the exporter of the others.
async fn add_positions(
    side: &PinnedEs,
    index: &str,
    records: &[(String, String, String)],
    into: &mut Imports,
) -> Result<(), String> {
    let fields = ["aliasName", "partitionId", "position", "indexName"];
    let body = json!({"size": POSITIONS, "track_total_hits": true, "_source": fields});
    let answer = side.ask(index, None, &body).await.map_err(|e| e.to_string())?;
    let hits = answer["hits"]["hits"].as_array().ok_or_else(|| format!("no hits in {index}"))?;
    let found: Vec<&Map<String, Value>> = hits.iter().filter_map(|hit| hit["_source"].as_object()).collect();
    let record_index = |of: &Map<String, Value>| of.get("indexName")?.as_str().map(ToOwned::to_owned);
    let named = found.iter().filter_map(|of| Some(split(&record_index(of)?)?.0)).next();
    let mut exporters: Vec<&String> = records.iter().map(|(_, exporter, _)| exporter).collect();
    exporters.sort();
    exporters.dedup();
    let only = || (exporters.len() == 1).then(|| exporters[0].clone());
    let usual = named.or_else(only);
    for of in found {
        let number = |name: &str| of.get(name).and_then(Value::as_i64);
        let (Some(partition), Some(position)) = (number("partitionId"), number("position")) else { continue };
        let Some(record_type) = of.get("aliasName").and_then(Value::as_str) else { continue };
        let record_index = record_index(of);
        let own = record_index.as_deref().and_then(split).map(|(exporter, _)| exporter);
        let Some(exporter) = own.or_else(|| usual.clone()) else { continue };
        let stream = Stream { exporter, record_type: record_type.to_owned(), partition };
        let reader = Reader { index: index.to_owned(), stream };
        into.readers.insert(reader, Standing { position, record_index, waiting: 0 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn a_record_index_names_exporter_and_type() {
        let found = split("acme-zeebe-record_process-instance_8.6.0_2026-11-20");
        assert_eq!(found, Some(("acme-zeebe-record".into(), "process-instance".into())));
        assert_eq!(split("operate-list-view-8.3.0_"), None);
    }
}
