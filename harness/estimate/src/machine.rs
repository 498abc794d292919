//! The machine that a run was measured on. Figures mean nothing without it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Fingerprint of a machine, and what short probes measured on it just before the run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that the process may use.
    pub cores: u64,
    /// Memory in KiB.
    pub memory_kib: u64,
    /// Operating system and architecture.
    pub system: String,
    /// Processor, as it names itself; empty if it does not.
    #[serde(default)]
    pub processor: String,
    /// Versions of the stores, by side and kind.
    #[serde(default)]
    pub versions: BTreeMap<String, String>,
    /// How often a second a page was written and synced to the disk that the stores write to.
    #[serde(default)]
    pub fsync_per_second: Option<f64>,
    /// MiB a second through one connection over the loopback interface.
    #[serde(default)]
    pub loopback_mib_per_second: Option<f64>,
    /// MiB a second that as many threads as a copy uses, at most one a core, could hash together.
    #[serde(default)]
    pub compute_mib_per_second: Option<f64>,
}

impl Machine {
    /// Whether both are one and the same machine, as far as can be told. Probes and versions may differ from day to day.
    pub fn is(&self, other: &Self) -> bool {
        let near = self.memory_kib.abs_diff(other.memory_kib) <= self.memory_kib / 20;
        self.cores == other.cores && near && self.system == other.system && self.processor == other.processor
    }

    /// One line for people.
    pub fn words(&self) -> String {
        let mut words =
            format!("{} cores, {} GiB, {}", self.cores, self.memory_kib.div_ceil(1 << 20), self.system);
        if !self.processor.is_empty() {
            words.push_str(&format!(", {}", self.processor));
        }
        words
    }
}
