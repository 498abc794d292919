//! After a way back: where is everything now that was acknowledged? The broker keeps what it did while it worked on the target;
//! the indices of the source were told of it only as far as its exporter sent it once more. Pure, as [`crate::judge()`] is.

use crate::answers::{Answer, Answers};
use crate::deeds::{Deed, Promise, Thing, promises};
use crate::fate::{Fate, fate_of, old_dirt, unknown};
use drydock_core::Finding;
use drydock_core::finding::Kind;
use drydock_core::names::checks;
use drydock_core::scenario::Budgets;
use drydock_stores::compare::CheckResult;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const CHECK: &str = checks::APP_WAY_BACK;
/// The list of all that is broken, in the run's folder.
pub const LIST: &str = "way-back-camunda.json";

/// To whom it is due that something is not shown as it was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// To the way back: it was acknowledged on the target, and the source stands where it stood at the freeze.
    WayBack,
    /// To the source, or to what was done to it since: it was shown at the freeze, and that is gone as well.
    Source,
    /// To neither: it was not shown at the freeze either.
    Before,
}

/// One thing that is not shown as it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// What it is.
    #[serde(flatten)]
    pub thing: Thing,
    /// What became of it.
    pub fate: Fate,
    /// To whom that is due.
    pub due: Due,
    /// When the first action about it was acknowledged on the target, or else the first of all: milliseconds of the run's clock.
    pub ms: u64,
}

/// What became of everything that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Returned {
    /// Things with an action that was acknowledged on the target.
    pub on_target: u64,
    /// Of these, how many are shown as they were acknowledged.
    pub kept: u64,
    /// Things that were acknowledged on the source alone.
    pub on_source: u64,
    /// All that are not shown as they were acknowledged.
    pub broken: Vec<Broken>,
    /// Things whose list the application refuses.
    pub unknown: Vec<Thing>,
}

impl Returned {
    /// Holds every promise against what the source shows again. `before` is what it showed at the freeze; from `switched_ms` on
    /// people worked on the target.
    pub fn of(deeds: &[Deed], switched_ms: u64, before: &Answers, now: &Answers) -> Self {
        let (later, earlier): (Vec<Deed>, Vec<Deed>) =
            deeds.iter().cloned().partition(|deed| deed.ms >= switched_ms);
        let (since, until) = (first_of(&later), first_of(&earlier));
        let promised = promises(&earlier);
        let mut returned = Self::default();
        for (thing, promise) in promises(deeds) {
            let on_target = since.contains_key(&thing);
            *(if on_target { &mut returned.on_target } else { &mut returned.on_source }) += 1;
            let Some(items) = shown(&thing, now) else {
                returned.unknown.push(thing);
                continue;
            };
            let fate = fate_of(&promise, items);
            if fate == Fate::Kept {
                returned.kept += u64::from(on_target);
                continue;
            }
            let then = shown(&thing, before).flatten();
            // What the source owes: the last promise that was made there, or that it goes on showing what it showed.
            let owed = promised.get(&thing).cloned().or_else(|| then.map(|_| Promise::Exists));
            let due = match owed {
                Some(owed) if fate_of(&owed, then) != Fate::Kept => Due::Before,
                Some(owed) if fate_of(&owed, items) != Fate::Kept => Due::Source,
                _ => Due::WayBack,
            };
            let ms = since.get(&thing).or_else(|| until.get(&thing)).copied().unwrap_or_default();
            returned.broken.push(Broken { thing, fate, due, ms });
        }
        returned
    }

    /// Those that are due to somebody.
    fn due(&self, due: Due) -> Vec<&Broken> {
        self.broken.iter().filter(|broken| broken.due == due).collect()
    }

    /// How many of the target's work became of this kind.
    fn count(&self, kind: Kind) -> usize {
        of_kind(&self.due(Due::WayBack), kind).len()
    }
}

/// What is told about a thing now, if it is shown; nothing where its list is refused.
fn shown<'a>(thing: &Thing, answers: &'a Answers) -> Option<Option<&'a str>> {
    let items = answers.by.get(&thing.kind.list()).and_then(Answer::items)?;
    Some(items.get(&thing.key.to_string()).map(String::as_str))
}

/// When each thing was first acted on.
fn first_of(deeds: &[Deed]) -> BTreeMap<Thing, u64> {
    let mut first = BTreeMap::new();
    for deed in deeds {
        for thing in promises(std::slice::from_ref(deed)).into_keys() {
            first.entry(thing).or_insert(deed.ms);
        }
    }
    first
}

const KINDS: [(Kind, &str); 3] = [
    (Kind::LostWrite, "are not shown on the source"),
    (Kind::Extra, "had ended and are open again on the source"),
    (Kind::Stale, "are shown on the source as they were before"),
];

fn of_kind<'a>(broken: &[&'a Broken], kind: Kind) -> Vec<&'a Broken> {
    broken.iter().filter(|broken| broken.fate.kind() == Some(kind)).copied().collect()
}

/// Makes the check of it. Users could write to the target until `closed_ms`.
pub fn judge(returned: &Returned, budgets: &Budgets, closed_ms: u64) -> CheckResult {
    let (target, source) = (returned.due(Due::WayBack), returned.due(Due::Source));
    let oldest = target.iter().map(|broken| broken.ms).min().unwrap_or(closed_ms);
    let window = Duration::from_millis(closed_ms.saturating_sub(oldest));
    let loss = budgets.loss(target.len() as u64, window);
    let again = format!("have it done again: {LIST} in the run folder lists all of it by key");
    let mut findings = Vec::new();
    for (kind, what) in KINDS {
        let broken = of_kind(&target, kind);
        let told =
            format!("{} of {} things acknowledged on the target {what}", broken.len(), returned.on_target);
        findings
            .extend(told_of(&broken, kind, "on the target", told).map(|finding| loss.weigh(finding, &again)));
    }
    for (kind, what) in KINDS {
        let broken = of_kind(&source, kind);
        let told = format!("{} things that were there at the freeze {what}", broken.len());
        let next = "look what was done to the source since the freeze";
        findings.extend(told_of(&broken, kind, "before the cutover", told).map(|finding| finding.next(next)));
    }
    findings.extend(unknown(CHECK, &returned.unknown));
    let old: Vec<Thing> = returned.due(Due::Before).iter().map(|broken| broken.thing).collect();
    findings.extend(old_dirt(CHECK, &old));
    let all = returned.on_target + returned.on_source;
    if all == 0 {
        let message = "nothing was acknowledged of which one could ask where it is";
        let finding = Finding::not_compared(CHECK, "source", message);
        findings.push(finding.next("rehearse again with people who work in Camunda"));
    }
    let note = format!(
        "of {} things acknowledged on the target {} are kept, {} lost, {} open again and {} as they were before; \
         {} of before the cutover alone",
        returned.on_target,
        returned.kept,
        returned.count(Kind::LostWrite),
        returned.count(Kind::Extra),
        returned.count(Kind::Stale),
        returned.on_source,
    );
    CheckResult { check: CHECK, compared: all - returned.unknown.len() as u64, findings, note, millis: 0 }
}

fn told_of(broken: &[&Broken], kind: Kind, subject: &str, message: String) -> Option<Finding> {
    let count = broken.len() as u64;
    let samples = broken.iter().map(|broken| broken.fate.sample(&broken.thing));
    (count > 0).then(|| Finding::access(CHECK, kind, subject, message).items(count, samples))
}

#[cfg(test)]
mod tests;
