//! The judgement: what the user wrote for one chart against what he wrote, or would use unchanged, for another.

use super::chart::ChartKeys;
use super::engine::{migrate, stages};
use super::keys::Judge;
use super::path::Path;
use super::report::place;
use super::road::Road;
use super::supplied::Supplied;
use super::{aside, defaults};
use crate::check::Check;
use drydock_core::finding::Outcome;
use drydock_core::names::checks;
use serde::Serialize;

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'s> {
    /// The values for the chart that is left.
    pub old: &'s Supplied,
    /// The values for the chart that is migrated to; `None` to judge the old ones as if they were used unchanged.
    pub new: Option<&'s Supplied>,
    /// The rules between the charts.
    pub road: &'s Road,
    /// Keys of the chart that is left.
    pub chart_from: Option<&'s ChartKeys>,
    /// Keys of the chart that is migrated to.
    pub chart_to: Option<&'s ChartKeys>,
    /// Name of the release, for the hosts of its services.
    pub release: &'s str,
    /// Whether parts built by Bitnami may stay.
    pub bitnami: Bitnami,
}

/// Whether parts built by Bitnami may stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bitnami {
    /// They are told, and do no harm.
    #[default]
    Stays,
    /// Each one that is left is a difference.
    Leaves,
}

/// One line of the list of keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyVerdict {
    /// The key as written.
    pub key: String,
    /// Where: `values.yaml:12:3`; empty for a default that nobody wrote.
    pub place: String,
    /// What becomes of it: kept, renamed, moved, merged, rewritten, removed, undecided, without effect, added, new default.
    pub fate: &'static str,
    /// Its new places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Whether all is well with it.
    pub outcome: Outcome,
    /// The rules that speak of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
}

/// The judgement of two values files.
#[derive(Debug, Clone, PartialEq)]
pub struct ValuesVerdict {
    /// Every key, in the order of the files.
    pub keys: Vec<KeyVerdict>,
    /// The checks, in report order.
    pub checks: Vec<Check>,
}

/// Judges values.
pub fn judge(subject: &Subject<'_>) -> ValuesVerdict {
    let migration = migrate(subject.old, subject.road);
    let mut keys = Vec::new();
    let mut check = Check::new(checks::HELM_KEYS);
    check.compared = subject.old.leaves.len() as u64;
    let mut judge = Judge { subject, migration: &migration, check: &mut check, unknown: Vec::new() };
    for index in 0..migration.keys.len() {
        let (fate, outcome) = judge.key(index);
        let key = &migration.keys[index];
        keys.push((
            key.leaf.place.clone(),
            KeyVerdict {
                key: key.leaf.path.to_string(),
                place: place(subject.old, &key.leaf.place).to_string(),
                fate,
                to: key
                    .to
                    .iter()
                    .map(|(p, _)| p)
                    .filter(|p| **p != key.leaf.path)
                    .map(Path::to_string)
                    .collect(),
                outcome,
                rules: key.rules.iter().map(|r| r.id.clone()).collect(),
            },
        ));
    }
    keys.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut keys: Vec<KeyVerdict> = keys.into_iter().map(|(_, key)| key).collect();
    judge.conflicts();
    if let Some(new) = subject.new {
        keys.extend(judge.added(new));
    }
    judge.tell_unknown();
    check.note = note(subject);
    let stages = stages(subject.old, subject.road, &migration);
    let (defaults, told) = defaults::changed(subject, &migration, &stages);
    keys.extend(told);
    let checks = vec![
        aside::texts(subject),
        check,
        defaults,
        defaults::constraints(subject, &stages),
        aside::bitnami(subject),
    ];
    ValuesVerdict { keys, checks }
}

fn note(subject: &Subject<'_>) -> String {
    let list = |chart: Option<&ChartKeys>, side: &str| match chart {
        Some(chart) => format!("{side} keys of chart {}", chart.version),
        None => format!("{side} keys unknown"),
    };
    let steps: Vec<&str> = subject.road.steps.iter().map(|s| s.name.as_str()).collect();
    format!(
        "rules {}; {}, {}",
        if steps.is_empty() { "none needed".to_owned() } else { steps.join(", ") },
        list(subject.chart_from, "old"),
        list(subject.chart_to, "new")
    )
}
