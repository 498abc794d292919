//! Whether what was to go on has gone on, and whether people see it: one result for each check `application/going-on/*`. Pure,
//! so that whatever may go wrong can be planted in what was said and shown.

use super::{Leg, Said, Stuck, Way};
use crate::answers::Answers;
use crate::capability::Capability;
use crate::cause::{because, behind, mend};
use crate::deeds::{Promise, Thing};
use crate::fate::{Fate, fate_of, fates, unknown};
use drydock_core::Finding;
use drydock_core::finding::{Kind, Sample};
use drydock_core::names::checks;
use drydock_stores::compare::CheckResult;
use std::collections::{BTreeMap, BTreeSet};

/// What may explain that something is not shown.
#[derive(Debug, Clone, Copy, Default)]
pub struct Grounds<'a> {
    /// What was found to differ in the stores before.
    pub stores: &'a [Finding],
    /// An importer that its own index stopped. Where nothing in the stores explains it, that proves nothing of the migration.
    pub stuck: Option<&'a Stuck>,
    /// One that stood still on the source already. Where the same index stops it again, no migration did, whatever else was found.
    pub stood: Option<&'a Stuck>,
}

/// Holds what was said to each leg against what is shown, and every promise since the switch as well.
pub fn judge(
    legs: &[Leg],
    owed: &BTreeMap<Thing, Promise>,
    shown: &Answers,
    grounds: Grounds<'_>,
) -> Vec<CheckResult> {
    let mut results: Vec<CheckResult> =
        Way::ALL.into_iter().map(|way| result_of(way, legs, shown, grounds)).collect();
    results.push(visible(owed, shown, grounds));
    results
}

/// The results where nobody could go on.
pub fn not_gone_on(why: &str, next: &str) -> Vec<CheckResult> {
    let checks = checks::GOING_ON.into_iter();
    checks.map(|check| CheckResult::not_compared(check, "application", why, next)).collect()
}

/// Whether everything that was done is shown: there is nothing left to wait for.
pub fn finished(legs: &[Leg], owed: &BTreeMap<Thing, Promise>, shown: &Answers) -> bool {
    let seen = |leg: &Leg| match (&leg.said, &leg.thing) {
        (Said::Done, Some(thing)) => seen(thing, &leg.promise, shown) == Some(Fate::Kept),
        _ => true,
    };
    let all = fates(owed, shown);
    legs.iter().all(seen) && all.broken.is_empty() && all.unknown.is_empty()
}

/// How a thing is shown; nothing where its list is refused.
fn seen(thing: &Thing, promise: &Promise, shown: &Answers) -> Option<Fate> {
    let items = shown.by.get(&thing.kind.list())?.items()?;
    Some(fate_of(promise, items.get(&thing.key.to_string()).map(String::as_str)))
}

fn result_of(way: Way, legs: &[Leg], shown: &Answers, grounds: Grounds<'_>) -> CheckResult {
    let legs: Vec<&Leg> = legs.iter().filter(|leg| leg.way == way).collect();
    let all = legs.len();
    let (what, not_done) = way.not_done();
    let mut findings = Vec::new();
    let mut tell = |finding: Finding, samples: Vec<Sample>, next: String| {
        if !samples.is_empty() {
            findings.push(finding.items(samples.len() as u64, samples).next(next));
        }
    };
    let of_thing = |leg: &Leg| leg.thing.map_or_else(|| way.name().to_owned(), |thing| thing.to_string());

    let refused: Vec<(&Leg, &String)> = legs
        .iter()
        .filter_map(|leg| match &leg.said {
            Said::Refused(why) => Some((*leg, why)),
            Said::Done | Said::Unknown(_) => None,
        })
        .collect();
    if let Some((_, why)) = refused.first() {
        let message = format!("{} of {all} {what} {not_done} on the target: {why}", refused.len());
        let samples =
            refused.iter().map(|(leg, why)| Sample::both(of_thing(leg), None, Some((*why).clone())));
        let next = "look at target-camunda.log, and whether the broker has all data that it stopped with on the source";
        let finding = Finding::access(way.check(), Kind::Unusable, way.name(), message);
        tell(finding, samples.collect(), next.to_owned());
    }

    let done: Vec<(&Leg, Thing)> =
        legs.iter().filter(|leg| leg.said == Said::Done).filter_map(|leg| Some((*leg, leg.thing?))).collect();
    let fated = |wanted: fn(&Fate) -> bool| -> Vec<Thing> {
        let broken = done.iter().filter(|(leg, thing)| {
            seen(thing, &leg.promise, shown).is_some_and(|fate| fate != Fate::Kept && wanted(&fate))
        });
        broken.map(|(_, thing)| *thing).collect()
    };
    let verb = way.done();
    for (kind, broken, so) in [
        (Kind::Missing, fated(|fate| *fate == Fate::Lost), "are not shown"),
        (Kind::Stale, fated(|fate| *fate != Fate::Lost), "are shown as they were before"),
    ] {
        let Cause { because, next, whose } = cause_of(&broken, grounds);
        let message = format!("{} of {all} {what} {verb}, and {so}{because}", broken.len());
        let finding = whose.finding(way.check(), kind, way.name(), message);
        tell(finding, broken.iter().map(|thing| Sample::named(thing.to_string())).collect(), next);
    }

    let hidden = done.iter().filter(|(leg, thing)| seen(thing, &leg.promise, shown).is_none());
    let unknown: Vec<Sample> = legs
        .iter()
        .filter_map(|leg| match &leg.said {
            Said::Unknown(why) => Some(Sample::both(of_thing(leg), None, Some(why.clone()))),
            Said::Done | Said::Refused(_) => None,
        })
        .chain(hidden.map(|(_, thing)| Sample::named(thing.to_string())))
        .collect();
    let compared = (all - unknown.len()) as u64;
    let not_known = match (all, unknown.len()) {
        (0, _) => Some(format!("no {what} were under way before the freeze")),
        (_, 0) => None,
        (_, count) => Some(format!("of {count} of {all} {what} nobody knows whether they went on")),
    };
    findings.extend(not_known.map(|message| {
        Finding::not_compared(way.check(), way.name(), message)
            .items((unknown.len() as u64).max(1), unknown)
            .next("look at target-camunda.log, then rehearse again")
    }));
    let note =
        format!("{all} {what}, each by its key, gone on with on the target and looked for in what is shown");
    CheckResult { check: way.check(), compared, findings, note, millis: 0 }
}

/// Why things are not shown as they are.
struct Cause {
    /// For the end of a message.
    because: String,
    /// What to do.
    next: String,
    whose: Whose,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Migration,
    Application,
}

impl Whose {
    /// What the application does to itself it would have done without a migration too: then nothing is proven.
    fn finding(self, check: &'static str, kind: Kind, subject: &str, message: String) -> Finding {
        match self {
            Self::Migration => Finding::access(check, kind, subject, message),
            Self::Application => Finding::not_compared(check, subject, message),
        }
    }
}

fn cause_of(things: &[Thing], grounds: Grounds<'_>) -> Cause {
    let lists: BTreeSet<Capability> = things.iter().map(|thing| thing.kind.list()).collect();
    let stuck = grounds.stuck.filter(|stuck| lists.iter().all(|list| stuck.holds_up(*list)));
    let again = stuck.filter(|stuck| grounds.stood.is_some_and(|stood| stood.index == stuck.index));
    if let Some(stuck) = again {
        return Cause {
            because: format!("{}, as it did on the source already", stuck.words()),
            next: "rehearse again".to_owned(),
            whose: Whose::Application,
        };
    }
    if let Some(cause) = lists.iter().find_map(|list| behind(*list, grounds.stores)) {
        return Cause { because: because(Some(cause)), next: mend(cause), whose: Whose::Migration };
    }
    if let Some(stuck) = stuck {
        return Cause {
            because: stuck.words(),
            next: "rehearse again; tell those who make the application, with target-camunda.log".to_owned(),
            whose: Whose::Application,
        };
    }
    Cause {
        because: because(None),
        next: "look at the importers in target-camunda.log: the broker has done it".to_owned(),
        whose: Whose::Migration,
    }
}

/// Is everything shown that was acknowledged since the switch?
fn visible(owed: &BTreeMap<Thing, Promise>, shown: &Answers, grounds: Grounds<'_>) -> CheckResult {
    const CHECK: &str = checks::GO_VISIBLE;
    const SUBJECT: &str = "acknowledged";
    let found = fates(owed, shown);
    let mut findings = Vec::new();
    for (kind, what) in [
        (Kind::LostWrite, "are not shown"),
        (Kind::Extra, "have ended and are shown as open"),
        (Kind::Stale, "are shown as they were before"),
    ] {
        let broken: Vec<&(Thing, Fate)> =
            found.broken.iter().filter(|(_, fate)| fate.kind() == Some(kind)).collect();
        if broken.is_empty() {
            continue;
        }
        let things: Vec<Thing> = broken.iter().map(|(thing, _)| *thing).collect();
        let Cause { because, next, whose } = cause_of(&things, grounds);
        let (count, all) = (broken.len() as u64, owed.len());
        let message =
            format!("{count} of {all} things that were acknowledged since the switch {what}{because}");
        let samples = broken.iter().map(|(thing, fate)| fate.sample(thing));
        findings.push(whose.finding(CHECK, kind, SUBJECT, message).items(count, samples).next(next));
    }
    findings.extend(unknown(CHECK, &found.unknown));
    let compared = (owed.len() - found.unknown.len()) as u64;
    if owed.is_empty() {
        let message = "nothing was acknowledged since the switch";
        findings.push(
            Finding::not_compared(CHECK, SUBJECT, message)
                .next("look at target-camunda.log, then rehearse again"),
        );
    }
    let note = format!("{} things that were acknowledged since the switch, each by its key", owed.len());
    CheckResult { check: CHECK, compared, findings, note, millis: 0 }
}
