//! What an application shows after a migration, judged: one result for each check `application/*`. Pure, so that whatever may
//! be lost can be planted in answers.

use crate::answers::Answers;
use crate::capability::Capability;
use crate::cause::{Explained, because, causes, mend};
use crate::compare::{Comparison, Difference, How, compare};
use crate::deeds::{Promise, Thing};
use crate::fate::{Fate, fates, old_dirt, unknown};
use crate::going_on::Stuck;
use drydock_core::Finding;
use drydock_core::finding::{Kind, Sample};
use drydock_core::names::checks;
use drydock_stores::compare::CheckResult;
use std::collections::{BTreeMap, BTreeSet};

/// Differences of the stores that nobody sees, told one by one up to so many.
const UNSEEN: usize = 20;

/// What the checks came to.
#[derive(Debug, Clone, Default)]
pub struct Judged {
    /// In the order of [`checks::APPLICATION`].
    pub results: Vec<CheckResult>,
    /// Differences of the stores that nobody sees, one line each.
    pub unseen: Vec<String>,
}

/// Holds what is shown now against what was shown before, and every promise against both. `stores` is what was found to differ
/// in the stores meanwhile, `stuck` an importer that stood still before the freeze: what it had not read then proves nothing.
pub fn judge(
    before: &Answers,
    now: &Answers,
    owed: &BTreeMap<Thing, Promise>,
    stores: &[Finding],
    stuck: Option<&Stuck>,
) -> Judged {
    let Comparison { differences, not_compared, .. } = compare(before, now);
    let found = causes(&one_by_one(differences), stores);
    let mut results = Vec::new();
    for capability in Capability::ALL {
        let mut findings: Vec<Finding> = found
            .explained
            .iter()
            .filter(|explained| explained.difference.capability == capability)
            .map(|explained| (explained, finding_of(explained, before, now)))
            .map(|(explained, finding)| match stuck.filter(|stuck| stuck.holds_up(capability)) {
                Some(stuck) if explained.causes.is_empty() && finding.kind != Kind::Missing => {
                    stuck.excuses(finding)
                }
                _ => finding,
            })
            .collect();
        findings.extend(not_compared.get(&capability).map(|why| {
            let message = format!("{capability} cannot be compared: {why}");
            Finding::not_compared(capability.check(), capability.name(), message)
                .next("give the application more to do before the freeze (`camunda.instances`)")
        }));
        let compared = before.items(capability).len() as u64;
        results.push(CheckResult {
            check: capability.check(),
            compared: if not_compared.contains_key(&capability) { 0 } else { compared },
            findings,
            note: format!(
                "{compared} shown before the freeze ({}s), against what is shown now",
                capability.item()
            ),
            millis: 0,
        });
    }
    results.push(acknowledged(before, now, owed, &found.explained));
    Judged { results, unseen: unseen(&found.unseen) }
}

/// The results where the application could not be asked.
pub fn not_asked(why: &str, next: &str) -> Vec<CheckResult> {
    let checks = checks::APPLICATION.into_iter();
    checks.map(|check| CheckResult::not_compared(check, "application", why, next)).collect()
}

/// A difference for each way in which something differs: what is lost has other causes than what comes back.
fn one_by_one(differences: Vec<Difference>) -> Vec<Difference> {
    let mut single = Vec::new();
    for Difference { capability, before, how } in differences {
        let mut add = |how: How| single.push(Difference { capability, before, how });
        match how {
            How::Refused(words) => add(How::Refused(words)),
            How::Shown { missing, appeared, changed } => {
                let shown = |missing, appeared, changed| How::Shown { missing, appeared, changed };
                if !missing.is_empty() {
                    add(shown(missing, Vec::new(), Vec::new()));
                }
                if !appeared.is_empty() {
                    add(shown(Vec::new(), appeared, Vec::new()));
                }
                if !changed.is_empty() {
                    add(shown(Vec::new(), Vec::new(), changed));
                }
            }
        }
    }
    single
}

fn finding_of(explained: &Explained<'_>, before: &Answers, now: &Answers) -> Finding {
    let Difference { capability, how, .. } = &explained.difference;
    let (before, now) = (before.items(*capability), now.items(*capability));
    let both = |item: &String| Sample::both(item, before.get(item).cloned(), now.get(item).cloned());
    let (kind, items): (Kind, Vec<Sample>) = match how {
        How::Refused(_) => (Kind::Unusable, Vec::new()),
        How::Shown { missing, appeared, changed } => {
            let kind = match (missing.is_empty(), appeared.is_empty()) {
                (false, _) => Kind::Missing,
                (true, false) => Kind::Extra,
                (true, true) => Kind::Changed,
            };
            let names = missing.iter().chain(appeared).chain(changed.iter().map(|(item, ..)| item));
            (kind, names.map(both).collect())
        }
    };
    let count = (items.len() as u64).max(1);
    Finding::access(capability.check(), kind, capability.name(), explained.text())
        .items(count, items)
        .next(next(explained.causes.first().copied()))
}

fn next(cause: Option<&Finding>) -> String {
    match cause {
        Some(cause) => mend(cause),
        None => "look at the application's log on the target: the stores hold the same, or were not compared"
            .into(),
    }
}

/// Where is everything now that somebody was told has happened?
fn acknowledged(
    before: &Answers,
    now: &Answers,
    owed: &BTreeMap<Thing, Promise>,
    explained: &[Explained<'_>],
) -> CheckResult {
    let (then, found) = (fates(owed, before), fates(owed, now));
    let old: BTreeSet<Thing> = then.broken.iter().map(|(thing, _)| *thing).collect();
    let mut findings = Vec::new();
    for (kind, what) in [
        (Kind::LostWrite, "are not shown any more"),
        (Kind::Extra, "had ended and are shown as open again"),
        (Kind::Stale, "are shown as they were before"),
    ] {
        let of_kind = |(thing, fate): &&(Thing, Fate)| fate.kind() == Some(kind) && !old.contains(thing);
        let broken: Vec<&(Thing, Fate)> = found.broken.iter().filter(of_kind).collect();
        if broken.is_empty() {
            continue;
        }
        let lists: BTreeSet<Capability> = broken.iter().map(|(thing, _)| thing.kind.list()).collect();
        let cause = explained
            .iter()
            .filter(|explained| lists.contains(&explained.difference.capability))
            .find_map(|explained| explained.causes.first().copied());
        let because = because(cause);
        let count = broken.len() as u64;
        let message = format!("{count} things that were acknowledged {what}{because}");
        let samples = broken.iter().map(|(thing, fate)| fate.sample(thing));
        findings.push(
            Finding::access(checks::APP_ACKNOWLEDGED, kind, "acknowledged", message)
                .items(count, samples)
                .next(next(cause)),
        );
    }
    findings.extend(unknown(checks::APP_ACKNOWLEDGED, &found.unknown));
    findings.extend(old_dirt(checks::APP_ACKNOWLEDGED, &old.into_iter().collect::<Vec<_>>()));
    CheckResult {
        check: checks::APP_ACKNOWLEDGED,
        compared: owed.len() as u64,
        findings,
        note: format!(
            "{} definitions, instances, flow nodes, tasks and incidents, each by its key",
            owed.len()
        ),
        millis: 0,
    }
}

fn unseen(findings: &[&Finding]) -> Vec<String> {
    let mut lines: Vec<String> = findings
        .iter()
        .take(UNSEEN)
        .map(|finding| {
            format!(
                "{} of {}: people see nothing of it now ({})",
                finding.check, finding.subject, finding.message
            )
        })
        .collect();
    let more = findings.len().saturating_sub(UNSEEN);
    if more > 0 {
        lines.push(format!("{more} more differences of the stores of which people see nothing now"));
    }
    lines
}

#[cfg(test)]
mod tests;
