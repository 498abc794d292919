//! Histories made from planted rates, with noise that multiplies, as that of real machines does.

use drydock_core::Outcome;
use drydock_estimate::{History, Machine, MeasuredRun, Volumes, Way};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use std::collections::BTreeMap;

/// Seconds a document, a GiB and an index that are planted into the copy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Planted {
    pub(crate) fixed: f64,
    pub(crate) per_document: f64,
    pub(crate) per_gib: f64,
    pub(crate) per_index: f64,
    /// Standard deviation of the noise, as a share.
    pub(crate) noise: f64,
}

pub(crate) const PLANTED: Planted =
    Planted { fixed: 3.0, per_document: 1.0 / 8000.0, per_gib: 0.0, per_index: 0.05, noise: 0.05 };

pub(crate) struct Maker {
    dice: ChaCha8Rng,
    planted: Planted,
    made: u64,
}

impl Maker {
    pub(crate) fn new(planted: Planted, seed: u64) -> Self {
        Self { dice: ChaCha8Rng::seed_from_u64(seed), planted, made: 0 }
    }

    /// Normal noise around 1, never below a quarter.
    fn factor(&mut self) -> f64 {
        let sum: f64 = (0..12).map(|_| self.dice.random_range(0.0..1.0)).sum();
        (1.0 + (sum - 6.0) * self.planted.noise).max(0.25)
    }

    pub(crate) fn volumes(documents: u64, indices: u64) -> Volumes {
        Volumes {
            documents,
            bytes: documents * 1_400,
            indices,
            largest_index_bytes: documents * 1_400 / 8,
            rows: 10_000,
            row_bytes: 31_000_000,
            tables: 150,
            changed: 0,
        }
    }

    /// The truth without noise.
    pub(crate) fn truth(&self, volumes: &Volumes) -> f64 {
        self.copy(volumes) + 4.0
    }

    fn copy(&self, v: &Volumes) -> f64 {
        let p = self.planted;
        p.fixed
            + p.per_document * v.documents as f64
            + p.per_gib * v.bytes as f64 / f64::from(1 << 30)
            + p.per_index * v.indices as f64
    }

    pub(crate) fn run(&mut self, documents: u64, indices: u64) -> MeasuredRun {
        let volumes = Self::volumes(documents, indices);
        let copy = self.copy(&volumes) * self.factor();
        let steps = [
            ("phase-3/freeze", 0.5 * self.factor()),
            ("phase-3/backup/keycloak", 1.0 * self.factor()),
            ("phase-3/restore/keycloak", 2.0 * self.factor()),
            ("phase-3/restore/elasticsearch", copy),
            ("phase-3/switch", 0.5 * self.factor()),
        ];
        self.made += 1;
        let downtime = steps.iter().map(|(_, s)| s).sum();
        let json: Vec<serde_json::Value> =
            steps.iter().map(|(id, s)| serde_json::json!({"step": id, "seconds": s})).collect();
        MeasuredRun {
            format: 1,
            run: format!("synthetic-{}", self.made),
            started: "2026-01-01T00:00:00Z".into(),
            drydock: "0.1.0".into(),
            scenario: "synthetic".into(),
            way: Way::Standard,
            seed: 1,
            seeded_documents: documents,
            volumes,
            steps: serde_json::from_value(json.into()).expect("steps"),
            downtime_seconds: Some(downtime),
            probe_seconds: Some(downtime),
            run_seconds: downtime * 3.0,
            outcome: Outcome::Equal,
            checks: BTreeMap::from([("postgres/rows".to_owned(), 10_000)]),
            findings: Vec::new(),
            machine: machine(),
        }
    }

    /// `repeats` runs of each volume.
    pub(crate) fn history(&mut self, documents: &[u64], repeats: usize) -> History {
        let mut history = History::default();
        for _ in 0..repeats {
            for n in documents {
                let run = self.run(*n, 115);
                history.runs.push(run);
            }
        }
        history
    }
}

pub(crate) fn machine() -> Machine {
    Machine {
        cores: 2,
        memory_kib: 24_000_000,
        system: "linux x86_64".into(),
        processor: "any".into(),
        compute_mib_per_second: Some(2_000.0),
        loopback_mib_per_second: Some(3_000.0),
        ..Machine::default()
    }
}
