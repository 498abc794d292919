//! What no single key of the old file tells: keys that meet in one place, keys that only the new file has, and keys that
//! nobody can judge without the chart.

use super::super::chart::Known;
use super::super::engine::{combine, last_rule};
use super::super::path::Path;
use super::super::report::{finding, place, sample};
use super::super::rules::Left;
use super::super::same::is_empty;
use super::super::supplied::Supplied;
use super::{Judge, KeyVerdict};
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use std::collections::BTreeSet;

impl Judge<'_, '_> {
    /// Several old keys that want different things of one new key.
    pub(super) fn conflicts(&mut self) {
        let migration = self.migration;
        for (path, arriving) in &migration.arrivals {
            let (_, conflicts) = combine(path, arriving);
            // Where the new file says one of them on purpose, the keys that it does not repeat were told already.
            for index in conflicts {
                if self.subject.new.is_some_and(|new| new.sets(path)) {
                    continue;
                }
                let first = &migration.keys[arriving[0].from].leaf.path;
                let leaf = &migration.keys[index].leaf;
                let message = format!("and {first} both go to {path} and say different things");
                let next = format!("decide which of them `{path}` shall be");
                self.tell(leaf, Outcome::Different, Kind::Disagreement, &message, next, Some(path));
            }
        }
    }

    /// What stands in the new file and in no old one.
    pub(super) fn added(&mut self, new: &Supplied) -> Vec<KeyVerdict> {
        let mut keys = Vec::new();
        let arrived: BTreeSet<Path> = self.migration.arrivals.keys().cloned().collect();
        for leaf in new.leaves.values() {
            let below = arrived.range(leaf.path.clone()..).next().is_some_and(|p| p.is_within(&leaf.path));
            let above = (1..leaf.path.0.len()).any(|n| arrived.contains(&Path(leaf.path.0[..n].to_vec())));
            if below || above || self.subject.old.sets(&leaf.path) {
                continue;
            }
            let at = place(new, &leaf.place);
            let known = self.subject.chart_to.map(|c| c.knows(&leaf.path));
            let rule = last_rule(&leaf.path, &leaf.value, self.subject.road);
            let version = self.subject.chart_to.map_or("", |c| c.version.as_str());
            let refused = rule.is_some_and(|r| r.left == Left::Fails);
            let (fate, outcome) = if (known == Some(Known::No) || refused) && !is_empty(&leaf.value) {
                let what = match rule {
                    Some(rule) => format!("is a key of the old chart: {}", rule.note),
                    None => format!("is not a key of chart {version}: it has no effect there"),
                };
                let message = format!("{} ({at}) {what}", leaf.path);
                let next = "mend its spelling or its place, or take it out".to_owned();
                self.check.findings.push(
                    finding(checks::HELM_KEYS, Outcome::Different, Kind::Extra, &leaf.path, message)
                        .items(1, [sample(&leaf.path, None, Some(&leaf.value))])
                        .next(next)
                        .at(at.clone()),
                );
                ("without effect", Outcome::Different)
            } else {
                ("added", Outcome::Equal)
            };
            keys.push(KeyVerdict {
                key: leaf.path.to_string(),
                place: at.to_string(),
                fate,
                to: Vec::new(),
                outcome,
                rules: rule.map(|r| r.id.clone()).into_iter().collect(),
            });
        }
        keys
    }

    /// Without the keys of the new chart nobody knows whether a key that no rule speaks of is still read.
    pub(super) fn tell_unknown(&mut self) {
        if self.unknown.is_empty() {
            return;
        }
        let count = self.unknown.len() as u64;
        let samples: Vec<_> =
            self.unknown.iter().map(|p| drydock_core::Sample::named(p.to_string())).collect();
        self.check.findings.push(
            Finding::not_compared(
                checks::HELM_KEYS,
                "keys",
                format!(
                    "no rule speaks of {count} keys, and which keys chart {} knows is not known here",
                    self.subject.road.to
                ),
            )
            .items(count, samples)
            .next("give the chart itself with --chart-to-files (a folder or a .tgz)"),
        );
    }
}
