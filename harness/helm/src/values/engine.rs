//! Applying rules: where every value goes.

use super::condition::Effective;
use super::path::{Captures, Path, Pattern};
use super::road::Road;
use super::rules::{Left, Rule, RuleKind, RuleSet};
use super::supplied::{Leaf, Supplied};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fate {
    /// Stays where it is.
    Kept,
    /// The same under another name.
    Renamed,
    /// In another place.
    Moved,
    /// Put together with others.
    Merged,
    /// The same key, written differently from now on.
    Rewritten,
    /// Gone, and nothing is missed.
    Removed,
    /// Gone, and somebody has to decide.
    Undecided,
}

/// One value of the user with everything that becomes of it.
#[derive(Debug, Clone)]
pub struct Migrated<'r> {
    /// What the user wrote.
    pub leaf: Leaf,
    /// What becomes of it.
    pub fate: Fate,
    /// The rules that say so, in order.
    pub rules: Vec<&'r Rule>,
    /// Where it goes; several where one key became several, none where it is gone.
    pub to: Vec<(Path, Value)>,
    /// Where people carry it to by hand, where no rule can.
    pub hints: Vec<Path>,
}

/// What one value brings to a key of the new chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// Index into [`Migration::keys`].
    pub from: usize,
    /// What it brings.
    pub value: Value,
}

/// Every value with its way, and every key of the new chart with what arrives there.
#[derive(Debug, Clone)]
pub struct Migration<'r> {
    /// The user's values, by path.
    pub keys: Vec<Migrated<'r>>,
    /// What arrives at each key.
    pub arrivals: BTreeMap<Path, Vec<Contribution>>,
}

/// What the user's values look like after each step of the road; the last is as the new chart wants them. `whole` is the
/// migration over the whole road.
pub(crate) fn stages(supplied: &Supplied, road: &Road, whole: &Migration<'_>) -> Vec<Supplied> {
    if road.steps.len() == 1 {
        return vec![arrived(supplied, whole)];
    }
    let mut stages: Vec<Supplied> = Vec::with_capacity(road.steps.len());
    for set in &road.steps {
        let before = stages.last().unwrap_or(supplied);
        let one = Road { from: road.from.clone(), to: road.to.clone(), steps: vec![set.clone()] };
        let after = arrived(before, &migrate(before, &one));
        stages.push(after);
    }
    stages
}

/// The values that a migration leads to.
fn arrived(before: &Supplied, migration: &Migration<'_>) -> Supplied {
    let mut after = Supplied { sources: before.sources.clone(), ..Supplied::default() };
    let leaves = migration.arrivals.iter().map(|(path, arriving)| {
        let (value, _) = combine(path, arriving);
        let place = migration.keys[arriving[0].from].leaf.place.clone();
        Leaf { path: path.clone(), value, place }
    });
    // What lies below a path follows it at once in their order.
    let mut pairs = migration.arrivals.keys().zip(migration.arrivals.keys().skip(1));
    if pairs.any(|(path, next)| next.is_within(path)) {
        leaves.for_each(|leaf| after.put(leaf));
    } else {
        after.leaves = leaves.map(|leaf| (leaf.path.clone(), leaf)).collect();
    }
    after
}

/// Where a key of the chart after step `step` is found at the end of the road; nothing if it is gone by then.
pub(crate) fn onward(path: &Path, value: &Value, road: &Road, step: usize) -> Vec<(Path, Value)> {
    let none = Supplied::default();
    let later: Vec<Step<'_>> = road.steps.iter().skip(step + 1).map(|set| Step::of(set, &none)).collect();
    let place = super::supplied::Place { source: 0, at: crate::yaml::Position::default() };
    let leaf = Leaf { path: path.clone(), value: value.clone(), place };
    follow(&leaf, &later).to
}

/// The rule of the road's last step that speaks of a key as one of the old chart.
pub(crate) fn last_rule<'r>(path: &Path, value: &Value, road: &'r Road) -> Option<&'r Rule> {
    let none = Supplied::default();
    Step::of(road.steps.last()?, &none).rule_for(path, value).map(|(rule, _)| rule)
}

/// Applies the rules of a road to what the user supplied.
pub fn migrate<'r>(supplied: &Supplied, road: &'r Road) -> Migration<'r> {
    let steps: Vec<Step<'r>> = road.steps.iter().map(|set| Step::of(set, supplied)).collect();
    let mut keys: Vec<Migrated<'r>> = Vec::with_capacity(supplied.leaves.len());
    let mut arrivals: BTreeMap<Path, Vec<Contribution>> = BTreeMap::new();
    for leaf in supplied.leaves.values() {
        let migrated = follow(leaf, &steps);
        for (path, value) in &migrated.to {
            let from = keys.len();
            arrivals.entry(path.clone()).or_default().push(Contribution { from, value: value.clone() });
        }
        keys.push(migrated);
    }
    // What is written first counts first.
    for arriving in arrivals.values_mut() {
        arriving.sort_by_key(|c| keys[c.from].leaf.place.clone());
    }
    Migration { keys, arrivals }
}

/// The rules of one step that speak of keys, by the first key of their patterns.
struct Step<'r> {
    by_first: HashMap<String, Vec<&'r Rule>>,
    anywhere: Vec<&'r Rule>,
}

impl<'r> Step<'r> {
    fn of(set: &'r RuleSet, supplied: &Supplied) -> Self {
        let mut step = Self { by_first: HashMap::new(), anywhere: Vec::new() };
        let side = Effective { supplied, renamed: None, chart: None };
        for rule in set.rules.iter().filter(|r| r.speaks_of_keys()) {
            if !rule.when.iter().all(|c| c.holds(side, side)) {
                continue;
            }
            for pattern in &rule.old {
                match pattern.first_keys() {
                    Some(keys) => {
                        for key in keys {
                            let rules = step.by_first.entry(key).or_default();
                            if !rules.iter().any(|r| r.id == rule.id) {
                                rules.push(rule);
                            }
                        }
                    }
                    None => step.anywhere.push(rule),
                }
            }
        }
        step
    }

    /// The rule that describes a path best.
    fn rule_for(&self, path: &Path, value: &Value) -> Option<(&'r Rule, Captures)> {
        let first = path.keys().first()?;
        let rules = self.by_first.get(first).into_iter().flatten().chain(&self.anywhere);
        let mut best: Option<(&'r Rule, &'r Pattern, (usize, usize, bool))> = None;
        for rule in rules {
            let Some((pattern, (named, whole))) = rule.speaks_of(path, value) else { continue };
            let weight = (named, whole, rule.form.is_some());
            if best.as_ref().is_none_or(|(_, _, w)| weight > *w) {
                best = Some((rule, pattern, weight));
            }
        }
        let (rule, pattern, _) = best?;
        Some((rule, pattern.matches(path)?))
    }
}

fn follow<'r>(leaf: &Leaf, steps: &[Step<'r>]) -> Migrated<'r> {
    let mut at = vec![(leaf.path.clone(), leaf.value.clone())];
    let (mut rules, mut fate, mut hints) = (Vec::new(), Fate::Kept, Vec::new());
    for step in steps {
        let mut next = Vec::with_capacity(at.len());
        for (path, value) in at {
            let Some((rule, captures)) = step.rule_for(&path, &value) else {
                next.push((path, value));
                continue;
            };
            rules.push(rule);
            fate = fate.max(match rule.kind {
                RuleKind::Rename => Fate::Renamed,
                RuleKind::Relocate => Fate::Moved,
                RuleKind::Merge => Fate::Merged,
                RuleKind::Transform => Fate::Rewritten,
                RuleKind::Remove => Fate::Removed,
                // Rules of the other kinds do not speak of keys.
                RuleKind::Decide | RuleKind::Default | RuleKind::Constraint | RuleKind::Require => {
                    Fate::Undecided
                }
            });
            if matches!(rule.kind, RuleKind::Remove | RuleKind::Decide) {
                hints.extend(rule.new.iter().map(|new| new.fill(&captures)));
                continue;
            }
            if let Some(changed) = rule.transform.apply(&value) {
                next.extend(rule.new.iter().map(|new| (new.fill(&captures), changed.clone())));
            }
        }
        at = next;
    }
    // A key that one step moved and a later one removed is removed; one of two that stays keeps the whole.
    if !at.is_empty() && matches!(fate, Fate::Removed | Fate::Undecided) {
        fate = Fate::Moved;
    }
    Migrated { leaf: leaf.clone(), fate, rules, to: at, hints }
}

impl Migrated<'_> {
    /// What the new chart does with the key if it is left where it was.
    pub fn left(&self) -> Option<Left> {
        self.rules
            .iter()
            .map(|r| r.left)
            .find(|l| *l != Left::Accepted)
            .or_else(|| (!self.rules.is_empty()).then_some(Left::Accepted))
    }
}

/// Puts together what arrives at one key: lists are joined by name, anything else must be the same from everywhere. The
/// second part names contributions that contradict what was there before them.
pub(crate) fn combine(path: &Path, arriving: &[Contribution]) -> (Value, Vec<usize>) {
    let mut whole = Value::Null;
    let mut conflicts = Vec::new();
    for contribution in arriving {
        match (&mut whole, &contribution.value) {
            (Value::Null, value) => whole = value.clone(),
            (Value::Array(items), Value::Array(more)) => {
                for item in more {
                    match items.iter().find(|known| same_name(known, item)) {
                        Some(known) if super::same::same(path, known, item) => {}
                        Some(_) => conflicts.push(contribution.from),
                        None => items.push(item.clone()),
                    }
                }
            }
            (known, value) if super::same::same(path, known, value) => {}
            _ => conflicts.push(contribution.from),
        }
    }
    conflicts.dedup();
    (whole, conflicts)
}

/// Whether two items of a list stand for the same thing: the same name or mount, or the same item.
pub(crate) fn same_name(a: &Value, b: &Value) -> bool {
    for key in ["mountPath", "name"] {
        if let (Some(a), Some(b)) = (a.get(key), b.get(key)) {
            return a == b;
        }
    }
    a == b
}
