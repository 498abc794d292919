//! Key by key: whether what stood in the old file stands where the new chart reads it.

use super::chart::{ChartKeys, Known};
use super::condition::Effective;
use super::engine::{Fate, Migrated, Migration, combine, last_rule, same_name};
use super::judge::{KeyVerdict, Subject};
use super::path::Path;
use super::report::{finding, place, sample, written};
use super::rules::{Left, Rule};
use super::same::{is_empty, same};
use super::supplied::{Leaf, Supplied};
use crate::check::Check;
use drydock_core::finding::{Finding, Kind, Outcome};
use drydock_core::names::checks;
use serde_json::Value;
use std::collections::BTreeSet;

/// Looks at one key after the other.
pub(super) struct Judge<'s, 'm> {
    pub(super) subject: &'s Subject<'s>,
    pub(super) migration: &'m Migration<'s>,
    pub(super) check: &'m mut Check,
    /// Keys of which nobody knows whether they are still read.
    pub(super) unknown: Vec<Path>,
}

/// What becomes of a key, and whether all is well with it.
type KeyResult = (&'static str, Outcome);

impl Judge<'_, '_> {
    fn new_values(&self) -> &Supplied {
        self.subject.new.unwrap_or(self.subject.old)
    }

    fn tell(
        &mut self,
        key: &Leaf,
        outcome: Outcome,
        kind: Kind,
        message: &str,
        next: String,
        to: Option<&Path>,
    ) -> Outcome {
        let at = place(self.subject.old, &key.place);
        let new = to.and_then(|to| self.new_values().value(to));
        let sample = sample(&key.path, Some(&key.value), new.as_ref());
        let message = format!("{} ({at}) {message}", key.path);
        let told = finding(checks::HELM_KEYS, outcome, kind, &key.path, message)
            .items(1, [sample])
            .next(next)
            .at(at);
        self.check.findings.push(told);
        outcome
    }

    pub(super) fn key(&mut self, index: usize) -> KeyResult {
        let migration = self.migration;
        let key = &migration.keys[index];
        match key.fate {
            Fate::Kept => self.kept(key),
            Fate::Removed => ("removed", self.removed(key)),
            Fate::Undecided => ("undecided", self.undecided(key)),
            fate => (name(fate), self.carried(key)),
        }
    }

    /// No rule speaks of the key.
    fn kept(&mut self, key: &Migrated<'_>) -> KeyResult {
        let leaf = &key.leaf;
        let known = self.subject.chart_to.map(|c| c.knows(&leaf.path));
        if known == Some(Known::No) && !is_empty(&leaf.value) {
            let before = self.subject.chart_from.map(|c| c.knows(&leaf.path));
            let version = self.subject.chart_to.map_or("", |c| c.version.as_str());
            if before == Some(Known::No) {
                let message = format!(
                    "is a key of neither chart: it has no effect before or after, up to chart {version}"
                );
                let next = "mend its spelling, or take it out".to_owned();
                return (
                    "without effect",
                    self.tell(leaf, Outcome::Expected, Kind::OldDirt, &message, next, None),
                );
            }
            if self.subject.new.is_some_and(|new| !new.sets(&leaf.path)) && self.restated(leaf) {
                return ("removed", Outcome::Equal);
            }
            let message = format!("is not a key of chart {version}: it has no effect there");
            let next = "look for its successor in the chart's values, and write that".to_owned();
            return (
                "without effect",
                self.tell(leaf, Outcome::Different, Kind::Missing, &message, next, None),
            );
        }
        if known.is_none() {
            self.unknown.push(leaf.path.clone());
        }
        let outcome = self.arrived(key, &leaf.path, &leaf.value);
        ("kept", outcome)
    }

    /// What the new chart does with a key in its old place.
    fn left(&self, key: &Migrated<'_>) -> Option<Left> {
        let new = Effective { supplied: self.new_values(), renamed: None, chart: self.subject.chart_to };
        let old = Effective { supplied: self.subject.old, renamed: None, chart: self.subject.chart_from };
        let translated = |r: &Rule| !r.read_when.is_empty() && r.read_when.iter().all(|c| c.holds(old, new));
        if key.rules.iter().any(|r| translated(r)) { Some(Left::Accepted) } else { key.left() }
    }

    /// Whether the value only repeats the default of the chart that is left.
    fn restated(&self, leaf: &Leaf) -> bool {
        let default = self.subject.chart_from.and_then(|c| c.default_of(&leaf.path));
        default.is_some_and(|d| same(&leaf.path, d, &leaf.value))
    }

    /// Whether a value stands where the new chart reads it.
    fn arrived(&mut self, key: &Migrated<'_>, target: &Path, value: &Value) -> Outcome {
        if self.stands(key.fate, target, value) {
            return Outcome::Equal;
        }
        let leaf = &key.leaf;
        let actual = self.new_values().value(target).filter(|v| !v.is_null() || value.is_null());
        let note = key.rules.last().map(|r| format!("; {}", r.note)).unwrap_or_default();
        let mend = format!("write `{target}: {}`", written(&leaf.path, value));
        match actual {
            Some(_) if *target == leaf.path => {
                let message = format!("has another value in the new file{note}");
                let next = format!("{mend}, or put the change into a ledger");
                self.tell(leaf, Outcome::Different, Kind::Changed, &message, next, Some(target))
            }
            Some(_) => {
                let message = format!("goes to {target}, which says something else{note}");
                let next = format!("{mend}, or put the change into a ledger");
                self.tell(leaf, Outcome::Different, Kind::Changed, &message, next, Some(target))
            }
            None if *target == leaf.path => {
                let message = "is missing in the new file";
                self.tell(leaf, Outcome::Different, Kind::Missing, message, mend, None)
            }
            None => {
                let left = match (self.new_values().sets(&leaf.path), self.left(key)) {
                    (true, Some(Left::Fails)) => "rendering fails if it stays where it is",
                    (true, Some(Left::Misread)) => "where it stands it is read as something else",
                    (true, _) => "where it stands it has no effect",
                    (false, _) => "it is lost",
                };
                let message = format!("belongs to {target} now: {left}{note}");
                self.tell(leaf, Outcome::Different, Kind::Missing, &message, mend, Some(target))
            }
        }
    }

    /// Whether `target` holds `value`, in the new values or by default.
    fn stands(&self, fate: Fate, target: &Path, value: &Value) -> bool {
        let new = self.new_values();
        match new.value(target) {
            // In a merged list others may stand beside it.
            Some(Value::Array(items)) if fate == Fate::Merged => value.as_array().is_some_and(|wanted| {
                wanted.iter().all(|w| items.iter().any(|i| same_name(i, w) && same(target, i, w)))
            }),
            Some(actual) => {
                // What the schema takes as text only was a number to the old chart.
                let quoted = actual.as_str().and_then(|t| t.parse::<f64>().ok()).filter(|_| {
                    self.subject.chart_to.is_some_and(|c| c.refuses(target, value) == Some("string"))
                });
                same(target, &actual, value) || (quoted.is_some() && quoted == value.as_f64())
            }
            None if is_empty(value) => self.default_of(target).is_none_or(is_empty),
            None => self.default_of(target).is_some_and(|d| same(target, d, value)),
        }
    }

    fn default_of(&self, path: &Path) -> Option<&Value> {
        self.subject.chart_to.and_then(|c| c.default_of(path))
    }

    /// The key has a new place.
    fn carried(&mut self, key: &Migrated<'_>) -> Outcome {
        let leaf = &key.leaf;
        let unknown =
            |chart: Option<&ChartKeys>, path: &Path| chart.is_some_and(|c| c.knows(path) == Known::No);
        let nowhere =
            key.to.iter().all(|(to, _)| unknown(self.subject.chart_to, to) && !self.new_values().sets(to));
        if !key.to.is_empty() && nowhere && unknown(self.subject.chart_from, &leaf.path) {
            let message = "is a key of neither chart: it has no effect before or after";
            let next = "mend its spelling, or take it out".to_owned();
            return self.tell(leaf, Outcome::Expected, Kind::OldDirt, message, next, None);
        }
        let there = self.new_values().value(&leaf.path);
        let stays = key.to.iter().any(|(target, _)| *target == leaf.path || target.is_within(&leaf.path));
        let still_read = self.left(key) == Some(Left::Accepted);
        if still_read && there.as_ref().is_some_and(|v| same(&leaf.path, v, &leaf.value)) {
            return Outcome::Equal;
        }
        // An empty value had nothing to say.
        if is_empty(&leaf.value) && self.subject.new.is_some() && there.is_none() {
            return Outcome::Equal;
        }
        let mut worst = Outcome::Equal;
        for (target, value) in &key.to {
            if is_empty(value) && !self.new_values().sets(target) {
                continue;
            }
            // What only repeats an old default is not missed where the new chart has its own; those are told as defaults.
            let implied =
                self.restated(leaf) && !self.new_values().sets(target) && self.subject.new.is_some();
            if implied && self.default_of(target).is_none() {
                continue;
            }
            worst = worst.max(self.arrived(key, target, value));
        }
        if worst < Outcome::Different && there.is_some() && !stays {
            worst = worst.max(self.left_behind(key, there.as_ref()));
        }
        worst
    }

    /// The key was carried over, and stands in its old place as well.
    fn left_behind(&mut self, key: &Migrated<'_>, there: Option<&Value>) -> Outcome {
        let leaf = &key.leaf;
        let next = format!("take `{}` out of the new file", leaf.path);
        match self.left(key) {
            Some(Left::Fails) => {
                let message = "still stands in its old place: rendering fails";
                self.tell(leaf, Outcome::Different, Kind::Extra, message, next, None)
            }
            Some(Left::Misread) if there.is_some_and(|v| same(&leaf.path, v, &leaf.value)) => {
                let note = key.rules.last().map_or("", |r| r.note.as_str());
                let message =
                    format!("still stands in its old place, where it is read as something else: {note}");
                self.tell(leaf, Outcome::Different, Kind::Changed, &message, next, None)
            }
            Some(Left::Ignored) => {
                let message = "still stands in its old place, where it has no effect";
                self.tell(leaf, Outcome::Expected, Kind::Extra, message, next, None)
            }
            _ => Outcome::Equal,
        }
    }

    /// The key is gone, and nothing is missed.
    fn removed(&mut self, key: &Migrated<'_>) -> Outcome {
        let leaf = &key.leaf;
        if !self.new_values().sets(&leaf.path) {
            return Outcome::Equal;
        }
        let note = key.rules.last().map_or("", |r| r.note.as_str());
        let next = format!("take `{}` out", leaf.path);
        let (outcome, what) = match self.left(key) {
            // The charts stop at these only if they are switched on.
            Some(Left::Fails)
                if leaf.path.last() != "enabled" && leaf.path.keys().iter().any(|k| k == "ingress") =>
            {
                (Outcome::Expected, "it has no effect there")
            }
            Some(Left::Fails) if leaf.value == Value::Bool(false) => {
                (Outcome::Expected, "it has no effect there")
            }
            Some(Left::Fails) => (Outcome::Different, "rendering fails where it stands"),
            Some(Left::Misread) => (Outcome::Different, "where it stands it is read as something else"),
            _ => (Outcome::Expected, "it has no effect there"),
        };
        let message = format!("is gone in the new chart: {what}; {note}");
        self.tell(leaf, outcome, Kind::Extra, &message, next, None)
    }

    /// The key is gone, and a person has to say what takes its place.
    fn undecided(&mut self, key: &Migrated<'_>) -> Outcome {
        let leaf = &key.leaf;
        let note = key.rules.last().map_or("", |r| r.note.as_str());
        let new = self.new_values();
        let refused = new.sets(&leaf.path) && self.left(key) == Some(Left::Fails);
        let off = is_empty(&leaf.value) || leaf.value == Value::Bool(false);
        if !refused && (off || self.restated(leaf)) {
            return Outcome::Equal;
        }
        let carried = self.subject.new.is_some() && key.hints.iter().any(|hint| new.sets(hint));
        if carried && !new.sets(&leaf.path) {
            let to: Vec<String> = key.hints.iter().filter(|h| new.sets(h)).map(Path::to_string).collect();
            let message = format!(
                "was carried over by hand to {}; whether it says the same is not compared: {note}",
                to.join(", ")
            );
            let next = "compare the two by eye once".to_owned();
            return self.tell(leaf, Outcome::Expected, Kind::NotCompared, &message, next, None);
        }
        let what =
            if refused { "rendering fails where it stands" } else { "it has no effect in the new chart" };
        let message = format!("has no successor that a rule could name, and {what}: {note}");
        let next = "decide what takes its place, write it, and put the decision into a ledger".to_owned();
        self.tell(leaf, Outcome::Different, Kind::Missing, &message, next, None)
    }

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

fn name(fate: Fate) -> &'static str {
    match fate {
        Fate::Kept => "kept",
        Fate::Renamed => "renamed",
        Fate::Moved => "moved",
        Fate::Merged => "merged",
        Fate::Rewritten => "rewritten",
        Fate::Removed => "removed",
        Fate::Undecided => "undecided",
    }
}
