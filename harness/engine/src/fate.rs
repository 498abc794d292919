//! Where is everything now that somebody was told has happened?

use crate::answers::Answers;
use crate::capability::Capability;
use crate::deeds::{Promise, Thing, ThingKind};
use drydock_core::Finding;
use drydock_core::finding::{Kind, Outcome, Sample};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of one acknowledged thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is as it was acknowledged, or has gone on from there.
    Kept,
    /// It is not shown.
    Lost,
    /// It had ended, and is shown as open again.
    Reappeared,
    /// It is shown in a state from before the action.
    Behind(String),
}

impl Fate {
    /// How a finding names it; nothing for what is as it should be.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Kept => None,
            Self::Lost => Some(Kind::LostWrite),
            Self::Reappeared => Some(Kind::Extra),
            Self::Behind(_) => Some(Kind::Stale),
        }
    }

    /// How a finding shows the thing that it befell.
    pub(crate) fn sample(&self, thing: &Thing) -> Sample {
        match self {
            Self::Behind(how) => Sample::both(thing.to_string(), None, Some(how.clone())),
            Self::Kept | Self::Lost | Self::Reappeared => Sample::named(thing.to_string()),
        }
    }
}

/// Things whose list is refused: where they are nobody knows.
pub(crate) fn unknown(check: &'static str, things: &[Thing]) -> Option<Finding> {
    let count = things.len() as u64;
    (count > 0).then(|| {
        let message = format!("{count} things were acknowledged, and the application refuses to list them");
        Finding::not_compared(check, "acknowledged", message)
            .items(count, things.iter().map(|thing| Sample::named(thing.to_string())))
            .next("mend what makes the application refuse, then rehearse again")
    })
}

/// Things that the source itself did not show as they were acknowledged.
pub(crate) fn old_dirt(check: &'static str, things: &[Thing]) -> Option<Finding> {
    let count = things.len() as u64;
    (count > 0).then(|| {
        let message = format!(
            "{count} things were not shown as acknowledged before the freeze either; no migration lost them"
        );
        let finding = Finding::data(check, Kind::OldDirt, "source", message)
            .items(count, things.iter().map(|thing| Sample::named(thing.to_string())))
            .next("look at Camunda's log on the source");
        Finding { outcome: Outcome::NotProven, ..finding }
    })
}

/// What became of everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fates {
    /// As acknowledged.
    pub kept: u64,
    /// All others.
    pub broken: Vec<(Thing, Fate)>,
    /// Things whose list the application refused: nobody knows.
    pub unknown: Vec<Thing>,
}

impl Fates {
    /// Things that are not shown.
    pub fn lost(&self) -> u64 {
        self.count(|fate| *fate == Fate::Lost)
    }

    /// Things that had ended and are open again.
    pub fn reappeared(&self) -> u64 {
        self.count(|fate| *fate == Fate::Reappeared)
    }

    fn count(&self, is: impl Fn(&Fate) -> bool) -> u64 {
        self.broken.iter().filter(|(_, fate)| is(fate)).count() as u64
    }
}

/// Holds every promise against what the application shows.
pub fn fates(owed: &BTreeMap<Thing, Promise>, shown: &Answers) -> Fates {
    let mut fates = Fates::default();
    for (thing, promise) in owed {
        let capability = thing.kind.list();
        let Some(items) = shown.by.get(&capability).and_then(crate::Answer::items) else {
            fates.unknown.push(*thing);
            continue;
        };
        match fate_of(promise, items.get(&thing.key.to_string()).map(String::as_str)) {
            Fate::Kept => fates.kept += 1,
            fate => fates.broken.push((*thing, fate)),
        }
    }
    fates
}

impl ThingKind {
    /// The list that shows it.
    pub fn list(self) -> Capability {
        match self {
            Self::Process => Capability::Definitions,
            Self::Decision => Capability::Decisions,
            Self::Instance => Capability::Instances,
            Self::FlowNode => Capability::History,
            Self::Task => Capability::Tasks,
            Self::Incident => Capability::Incidents,
        }
    }
}

/// One promise against what is told about the thing, if it is shown.
pub(crate) fn fate_of(promise: &Promise, told: Option<&str>) -> Fate {
    let Some(told) = told else {
        // An incident that is over need not be shown.
        return if *promise == Promise::Over { Fate::Kept } else { Fate::Lost };
    };
    let state = part(told, "state").or_else(|| part(told, "taskState")).unwrap_or_default();
    let open = matches!(state, "ACTIVE" | "INCIDENT" | "PENDING" | "CREATED");
    match promise {
        Promise::Exists => Fate::Kept,
        Promise::Cancelled if state == "CANCELED" => Fate::Kept,
        Promise::Completed if state == "COMPLETED" => Fate::Kept,
        Promise::Over if state == "RESOLVED" => Fate::Kept,
        Promise::Cancelled | Promise::Completed | Promise::Over if open => Fate::Reappeared,
        // One that has ended since keeps whoever had it.
        Promise::Claimed(by) if part(told, "assignee") == Some(by) => Fate::Kept,
        Promise::Claimed(by) => {
            let has = part(told, "assignee").unwrap_or("nobody");
            Fate::Behind(format!("claimed by {by}, shown as of {has}"))
        }
        Promise::Cancelled | Promise::Completed | Promise::Over => Fate::Behind(format!("shown as {state}")),
    }
}

/// The value of one part of what is told about an item.
pub(crate) fn part<'a>(told: &'a str, name: &str) -> Option<&'a str> {
    told.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Answer;

    #[test]
    fn each_promise_is_held_against_what_is_shown() {
        let kept = [
            (Promise::Exists, Some("state=ACTIVE")),
            (Promise::Cancelled, Some("state=CANCELED bpmnProcessId=x")),
            (Promise::Completed, Some("taskState=COMPLETED assignee=ann")),
            (Promise::Claimed("ann".into()), Some("taskState=CANCELED assignee=ann")),
            (Promise::Over, None),
            (Promise::Over, Some("state=RESOLVED")),
        ];
        for (promise, told) in kept {
            assert_eq!(fate_of(&promise, told), Fate::Kept, "{promise:?} {told:?}");
        }
        assert_eq!(fate_of(&Promise::Exists, None), Fate::Lost);
        assert_eq!(fate_of(&Promise::Cancelled, Some("state=ACTIVE")), Fate::Reappeared);
        assert_eq!(fate_of(&Promise::Completed, Some("taskState=CREATED")), Fate::Reappeared);
        assert_eq!(fate_of(&Promise::Over, Some("state=ACTIVE")), Fate::Reappeared);
        assert_eq!(
            fate_of(&Promise::Cancelled, Some("state=COMPLETED")),
            Fate::Behind("shown as COMPLETED".into())
        );
        let claimed = fate_of(&Promise::Claimed("ann".into()), Some("taskState=CREATED"));
        assert_eq!(claimed, Fate::Behind("claimed by ann, shown as of nobody".into()));
    }

    #[test]
    fn a_list_that_is_refused_leaves_its_things_unknown_and_not_kept() {
        let task = Thing { kind: ThingKind::Task, key: 7 };
        let instance = Thing { kind: ThingKind::Instance, key: 1 };
        let owed = BTreeMap::from([(task, Promise::Completed), (instance, Promise::Exists)]);
        let shown = Answers {
            by: BTreeMap::from([
                (Capability::Tasks, Answer::Refused("status 400".into())),
                (Capability::Instances, Answer::Shown(BTreeMap::new())),
            ]),
        };
        let found = fates(&owed, &shown);
        assert_eq!((found.kept, found.lost(), found.unknown), (0, 1, vec![task]));
    }
}
