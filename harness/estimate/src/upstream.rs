//! What the upstream guide publishes about its downtime, and where its own figures contradict each other.
//!
//! Source: README and operational guide of the migration scripts (measured by upstream on a kind cluster).

use crate::history::{MeasuredRun, StepTime};
use crate::machine::Machine;
use crate::volumes::Volumes;
use crate::way::Way;
use drydock_core::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Documents a second that the guide gives for its copy.
pub const DOCUMENTS_PER_SECOND: f64 = 2_870.0;
/// Bytes a second that it gives for the same copy.
pub const BYTES_PER_SECOND: f64 = 3_900_000.0;
/// Steps beside the copy, seconds: those it lists for the migration of 6.5 million documents.
const STEPS: [(&str, f64); 5] = [
    ("phase-3/freeze", 10.0),
    ("phase-3/backup/databases", 16.0),
    ("phase-3/backup/elasticsearch", 5.0),
    ("phase-3/restore/databases", 24.0),
    ("phase-3/switch", 120.0),
];
/// The whole cutover with hardly any document, seconds.
const EMPTY: f64 = 240.0;
/// The databases in both published migrations, bytes.
const DATABASES: u64 = 31_000_000;
/// What a document of the large migration takes, bytes: 8.9 GB for 6.5 million.
const BYTES_PER_DOCUMENT: f64 = 8.9e9 / 6.5e6;
const INDICES: u64 = 50;
/// The largest index's share of the bytes.
const LARGEST: f64 = 0.76;

/// A line of the guide's table of volumes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// From, bytes.
    pub from: u64,
    /// To, bytes.
    pub to: u64,
    /// Least that the table says, seconds.
    pub least: f64,
    /// Most that it says, seconds; absent where it is open.
    pub most: Option<f64>,
}

/// The table.
pub const TABLE: [Band; 4] = [
    Band { from: 0, to: 1_000_000_000, least: 0.0, most: Some(300.0) },
    Band { from: 1_000_000_000, to: 10_000_000_000, least: 600.0, most: Some(2_400.0) },
    Band { from: 10_000_000_000, to: 50_000_000_000, least: 2_400.0, most: Some(7_200.0) },
    Band { from: 50_000_000_000, to: u64::MAX, least: 7_200.0, most: None },
];

/// A place where the table says less than the guide's own rate gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contradiction {
    /// The volume, bytes.
    pub bytes: u64,
    /// What the table says at most, seconds.
    pub table_seconds: f64,
    /// What the rate gives, seconds.
    pub rate_seconds: f64,
}

/// What the published rate gives for a volume, seconds.
#[expect(clippy::cast_precision_loss, reason = "bytes for a duration in seconds")]
pub fn by_rate(bytes: u64) -> f64 {
    EMPTY + bytes as f64 / BYTES_PER_SECOND
}

/// The line of the table that a volume falls into.
pub fn band(bytes: u64) -> Band {
    TABLE.into_iter().find(|b| bytes < b.to).unwrap_or(TABLE[TABLE.len() - 1])
}

/// Every upper end of the table that the published rate misses by more than `tolerance` (a share).
pub fn contradictions(tolerance: f64) -> Vec<Contradiction> {
    TABLE
        .into_iter()
        .filter_map(|band| {
            let (table_seconds, rate_seconds) = (band.most?, by_rate(band.to));
            (rate_seconds > table_seconds * (1.0 + tolerance)).then_some(Contradiction {
                bytes: band.to,
                table_seconds,
                rate_seconds,
            })
        })
        .collect()
}

/// Runs as the published rates give them, one a volume: what a model is fed with that has no history but the guide. They
/// carry no noise, so that no interval may be made of more than two of them.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and bytes of an estimate"
)]
pub fn runs(documents: &[u64]) -> Vec<MeasuredRun> {
    let beside: f64 = STEPS.iter().map(|(_, s)| s).sum();
    documents
        .iter()
        .map(|documents| {
            let copy = EMPTY - beside + *documents as f64 / DOCUMENTS_PER_SECOND;
            let mut steps: Vec<StepTime> = STEPS
                .iter()
                .map(|(id, seconds)| StepTime { step: (*id).into(), seconds: *seconds })
                .collect();
            steps.insert(4, StepTime { step: "phase-3/restore/elasticsearch".into(), seconds: copy });
            let bytes = (*documents as f64 * BYTES_PER_DOCUMENT) as u64;
            MeasuredRun {
                format: 1,
                run: format!("published-{documents}"),
                started: String::new(),
                drydock: String::new(),
                scenario: "upstream".into(),
                way: Way::Standard,
                seed: 0,
                seeded_documents: *documents,
                volumes: Volumes {
                    documents: *documents,
                    bytes,
                    indices: INDICES,
                    largest_index_bytes: (bytes as f64 * LARGEST) as u64,
                    row_bytes: DATABASES,
                    ..Volumes::default()
                },
                downtime_seconds: Some(EMPTY + *documents as f64 / DOCUMENTS_PER_SECOND),
                probe_seconds: None,
                run_seconds: 0.0,
                outcome: Outcome::Equal,
                checks: BTreeMap::new(),
                findings: Vec::new(),
                machine: Machine { system: "kind cluster of upstream".into(), ..Machine::default() },
                steps,
            }
        })
        .collect()
}
