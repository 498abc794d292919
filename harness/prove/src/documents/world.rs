//! Indices with documents as Camunda 8 writes them, small and with everything that a copy may damage.

use super::Written;
use crate::dice::Dice;
use crate::json::{Json, object, text};
use std::collections::BTreeMap;

/// Index that holds documents under a routing value.
pub(super) const ROUTED: &str = "operate-list-view-8.3.0_";
/// Index of the archiver, same kind of documents.
pub(super) const DATED: &str = "operate-list-view-8.3.0_2026-11-20";
/// Index of the exporter.
pub(super) const RECORDS: &str = "zeebe-record_process-instance_8.6.0_2026-11-20";

/// One side: documents by index.
#[derive(Debug, Clone)]
pub struct World {
    /// Documents by the name of their index.
    pub indices: BTreeMap<String, Vec<Document>>,
}

/// One document.
#[derive(Debug, Clone)]
pub struct Document {
    /// `_id`.
    pub id: String,
    /// `_routing`.
    pub routing: Option<String>,
    /// `_source`.
    pub source: Json,
}

impl World {
    /// Three indices with some documents each.
    pub fn generated(dice: &mut Dice) -> Self {
        // Partition 4: keys are beyond 2^53 and neighbours fall together as doubles.
        let base = 9_007_199_254_740_993_i128 + i128::from(dice.between(0, 1 << 40)) * 2;
        let mut indices = BTreeMap::new();
        let mut number = 0_i128;
        for (index, most) in [(ROUTED, 6), (DATED, 5), (RECORDS, 7)] {
            let documents = (0..dice.between(4, most))
                .map(|_| {
                    number += 1;
                    document(base + number - 1, index, dice)
                })
                .collect();
            indices.insert(index.to_owned(), documents);
        }
        // One id under two routing values, as parent and child may have it, and a document with a key twice.
        let routed: &mut Vec<Document> = indices.entry(ROUTED.to_owned()).or_default();
        if let Some(mut twin) = routed.first().cloned() {
            twin.routing = Some("second".to_owned());
            routed.push(twin);
        }
        World { indices }
    }

    /// What readers get, each document written in a way of its own.
    pub fn written(&self, dice: &mut Dice) -> BTreeMap<String, Vec<Written>> {
        let mut all = BTreeMap::new();
        for (index, documents) in &self.indices {
            let written = documents.iter().map(|d| (d.id.clone(), d.routing.clone(), d.source.written(dice)));
            all.insert(index.clone(), written.collect());
        }
        all
    }

    /// Any document, as index and position. The twin under a second routing value is left out: what happens to it is told
    /// of two documents.
    pub fn any(&self, dice: &mut Dice) -> Option<(String, usize)> {
        let all: Vec<(String, usize)> = self
            .indices
            .iter()
            .flat_map(|(index, documents)| {
                let single =
                    move |at: &usize| documents.iter().filter(|d| d.id == documents[*at].id).count() == 1;
                (0..documents.len()).filter(single).map(|at| (index.clone(), at))
            })
            .collect();
        dice.pick(&all).cloned()
    }
}

/// A document that holds every kind of value.
fn document(key: i128, index: &str, dice: &mut Dice) -> Document {
    let number = |dice: &mut Dice, most: i64| Json::Integer(dice.between(1, most).into());
    let variables = (0..3).map(|n| {
        let quoted = format!("\"{}\"", dice.hex(12));
        object([("name", text(format!("var{n}"))), ("value", text(quoted)), ("isPreview", Json::Bool(false))])
    });
    let variables = Json::Array(variables.collect());
    let source = object([
        ("id", text(key.to_string())),
        ("key", Json::Integer(key)),
        ("partitionId", number(dice, 9)),
        ("position", Json::Integer(9_007_199_254_740_993 + i128::from(dice.between(0, 1 << 50)))),
        ("bpmnProcessId", text(format!("order-process-{}", dice.hex(4)))),
        ("processName", text("Bestellung pr\u{fc}fen & Gr\u{f6}\u{df}e I\u{307}")),
        ("state", text(*dice.pick(&["ACTIVE", "COMPLETED", "CANCELED"]).unwrap_or(&"ACTIVE"))),
        (
            "startDate",
            text(format!("2026-11-{:02}T10:11:12.{:03}+0000", dice.between(12, 28), dice.between(1, 999))),
        ),
        ("endDate", Json::Null),
        ("timestamp", Json::Integer(1_763_600_000_000 + i128::from(dice.between(1, 99_999_999)))),
        // Sevenths end in neither base: a float or two places lose some of it.
        ("duration", Json::Double((dice.between(1, 99_999) * 7 + dice.between(1, 6)) as f64 / 7.0)),
        ("rate", Json::Double(dice.between(1, 99) as f64)),
        ("tiny", Json::Double(1.5e-7)),
        ("offset", Json::Double(-0.0)),
        ("balance", Json::Integer(-i128::from(dice.between(2, 999)))),
        ("huge", Json::Integer(100_000_000_000_000_000_000 + i128::from(dice.between(1, 1 << 50)))),
        ("unsigned", Json::Integer(18_446_744_073_709_551_615 - i128::from(dice.between(0, 999)))),
        ("retries", Json::Integer(1)),
        ("incident", Json::Bool(dice.flip())),
        ("version", text(dice.between(2, 9).to_string())),
        ("empty", text("")),
        ("emptyList", Json::Array(Vec::new())),
        ("emptyObject", Json::Object(Vec::new())),
        (
            "tags",
            Json::Array(["alpha", "beta", "gamma"].map(|t| text(format!("{t}-{}", dice.hex(3)))).into()),
        ),
        ("single", Json::Array(vec![number(dice, 99)])),
        (
            "matrix",
            Json::Array(vec![
                Json::Array(vec![Json::Integer(1), Json::Integer(2)]),
                Json::Array(vec![Json::Integer(3)]),
            ]),
        ),
        ("variables", variables),
        (
            "value",
            object([
                ("elementId", text(format!("Activity_{}", dice.hex(7)))),
                ("nested", object([("deep", number(dice, 1 << 40)), ("note", Json::Null)])),
                ("payload", text(format!("{}w==", dice.hex(86)))),
            ]),
        ),
        ("treePath", text(format!("PI_{key}/FN_{}", dice.hex(8)))),
        (
            "message",
            text(format!("line one\nline\ttwo\r\n\"quoted\" \\ back/slash <b>&amp;</b> {}", dice.hex(300))),
        ),
        ("customer", text("Zoe\u{308} \u{1F600} \u{6771}\u{4eac} a\u{a0}b ")),
        ("control", text("before\u{0}after\u{1b}")),
        ("pair", Json::Object(vec![("k".to_owned(), Json::Integer(1)), ("k".to_owned(), Json::Integer(2))])),
    ]);
    let routing = (index != RECORDS).then(|| dice.between(1, 4).to_string());
    Document { id: key.to_string(), routing, source }
}
