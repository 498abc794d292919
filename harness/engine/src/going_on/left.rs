//! What was under way before the freeze, as the application showed it.

use super::relay::Relay;
use crate::answers::Answers;
use crate::capability::Capability;
use crate::deeds::{Promise, Thing, ThingKind};
use crate::fate::part;
use crate::processes::RELAY_WAITS;
use std::collections::BTreeMap;

/// What was under way, each thing by its key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Left {
    /// Open tasks.
    pub tasks: Vec<OpenTask>,
    /// Flow node instances whose job is open and has not failed.
    pub jobs: Vec<i64>,
    /// Timers of relays.
    pub timers: Vec<Waiting>,
    /// Relays that wait for their message.
    pub messages: Vec<Waiting>,
    /// Incidents about jobs.
    pub incidents: Vec<OpenIncident>,
    /// Version of the relay's definition; none where no relay was set off.
    pub version: Option<i64>,
    /// Relays with the name of their message.
    pub relays: BTreeMap<i64, String>,
}

/// A task that nobody has completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenTask {
    /// Its key.
    pub key: i64,
    /// Its instance.
    pub instance: i64,
}

/// A flow node instance of a relay that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    /// Its key.
    pub element: i64,
    /// The relay.
    pub instance: i64,
}

/// An incident that somebody can resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenIncident {
    /// Its key.
    pub key: i64,
    /// Its instance.
    pub instance: i64,
    /// The job that failed.
    pub job: i64,
}

impl Left {
    /// Reads it from what the application showed.
    pub fn of(before: &Answers, relay: &Relay) -> Self {
        let mut left = Self {
            version: (!relay.runners.is_empty()).then_some(relay.version),
            relays: relay.runners.iter().map(|runner| (runner.instance, runner.name.clone())).collect(),
            ..Self::default()
        };
        for (key, told) in before.items(Capability::Tasks) {
            let open = part(&told, "taskState") == Some("CREATED");
            if let (true, Ok(key), Some(instance)) = (open, key.parse(), number(&told, "processInstanceKey"))
            {
                left.tasks.push(OpenTask { key, instance });
            }
        }
        for (key, told) in before.items(Capability::Incidents) {
            let open = part(&told, "state") == Some("ACTIVE");
            let (instance, job) = (number(&told, "processInstanceKey"), number(&told, "jobKey"));
            if let (true, Ok(key), Some(instance), Some(job)) = (open, key.parse(), instance, job) {
                left.incidents.push(OpenIncident { key, instance, job });
            }
        }
        for (key, told) in before.items(Capability::History) {
            if part(&told, "state") != Some("ACTIVE") {
                continue;
            }
            let (Ok(element), Some(instance)) = (key.parse::<i64>(), number(&told, "processInstanceKey"))
            else {
                continue;
            };
            let failed = part(&told, "incident") == Some("true");
            let node = part(&told, "flowNodeId").filter(|_| left.relays.contains_key(&instance));
            match part(&told, "type") {
                Some("SERVICE_TASK") if !failed => left.jobs.push(element),
                Some("INTERMEDIATE_CATCH_EVENT") if node == Some(RELAY_WAITS.0) => {
                    left.timers.push(Waiting { element, instance });
                }
                Some("INTERMEDIATE_CATCH_EVENT") if node == Some(RELAY_WAITS.1) => {
                    left.messages.push(Waiting { element, instance });
                }
                _ => {}
            }
        }
        left
    }

    /// Without what people were told had ended by then. The application showed it as open all the same, because its importer was
    /// behind or stood still: nobody can end it a second time, and no migration is to blame for that.
    #[must_use]
    pub fn but(mut self, owed: &BTreeMap<Thing, Promise>) -> Self {
        let ended = |kind, key| {
            let promise = owed.get(&Thing { kind, key });
            matches!(promise, Some(Promise::Completed | Promise::Cancelled | Promise::Over))
        };
        let instance = |key| ended(ThingKind::Instance, key);
        self.tasks.retain(|task| !ended(ThingKind::Task, task.key) && !instance(task.instance));
        self.jobs.retain(|job| !ended(ThingKind::FlowNode, *job));
        self.incidents.retain(|one| !ended(ThingKind::Incident, one.key) && !instance(one.instance));
        for waiting in [&mut self.timers, &mut self.messages] {
            waiting.retain(|one| !ended(ThingKind::FlowNode, one.element) && !instance(one.instance));
        }
        self
    }
}

/// A key that is told of an item.
fn number(told: &str, field: &str) -> Option<i64> {
    part(told, field)?.parse().ok().filter(|key| *key > 0)
}

#[cfg(test)]
mod tests {
    use super::super::relay::Runner;
    use super::*;
    use crate::Answer;

    fn shown(items: &[(i64, &str)]) -> Answer {
        Answer::Shown(items.iter().map(|(key, told)| (key.to_string(), (*told).to_owned())).collect())
    }

    #[test]
    fn what_is_open_is_left_and_what_has_ended_or_nobody_can_mend_is_not() {
        let tasks = [
            (10, "taskState=CREATED processInstanceKey=1"),
            (11, "taskState=COMPLETED processInstanceKey=1"),
            (12, "taskState=CANCELED processInstanceKey=1"),
        ];
        let incidents = [
            (20, "state=ACTIVE processInstanceKey=1 jobKey=9007199254740993"),
            (21, "state=RESOLVED processInstanceKey=1 jobKey=5"),
            (22, "state=ACTIVE processInstanceKey=1 jobKey=-1"),
            (23, "state=ACTIVE processInstanceKey=1"),
        ];
        let nodes = [
            (30, "state=ACTIVE type=SERVICE_TASK flowNodeId=carry processInstanceKey=1 incident=false"),
            (31, "state=ACTIVE type=SERVICE_TASK flowNodeId=stumble processInstanceKey=1 incident=true"),
            (32, "state=COMPLETED type=SERVICE_TASK flowNodeId=pack processInstanceKey=2 incident=false"),
            (33, "state=ACTIVE type=SERVICE_TASK flowNodeId=pack processInstanceKey=2 incident=false"),
            (34, "state=ACTIVE type=INTERMEDIATE_CATCH_EVENT flowNodeId=ring processInstanceKey=1"),
            (35, "state=ACTIVE type=INTERMEDIATE_CATCH_EVENT flowNodeId=hear processInstanceKey=1"),
            // Of somebody else: its time is not known, nor the name of its message.
            (36, "state=ACTIVE type=INTERMEDIATE_CATCH_EVENT flowNodeId=ring processInstanceKey=2"),
        ];
        let before = Answers {
            by: [
                (Capability::Tasks, shown(&tasks)),
                (Capability::Incidents, shown(&incidents)),
                (Capability::History, shown(&nodes)),
            ]
            .into(),
        };
        let relay = Relay { runners: vec![Runner { instance: 1, name: "r".into() }], version: 1 };
        let left = Left::of(&before, &relay);
        assert_eq!(left.tasks, [OpenTask { key: 10, instance: 1 }]);
        assert_eq!(left.incidents, [OpenIncident { key: 20, instance: 1, job: 9_007_199_254_740_993 }]);
        assert_eq!(left.jobs, [30, 33]);
        assert_eq!(left.timers, [Waiting { element: 34, instance: 1 }]);
        assert_eq!(left.messages, [Waiting { element: 35, instance: 1 }]);
        assert_eq!(left.version, Some(1));
        assert_eq!(Left::of(&Answers::default(), &Relay::default()), Left::default());

        // What was acknowledged as ended is nobody's any more, whatever a stuck importer shows.
        let owed = |promises: &[(ThingKind, i64, Promise)]| -> BTreeMap<Thing, Promise> {
            promises.iter().map(|(kind, key, p)| (Thing { kind: *kind, key: *key }, p.clone())).collect()
        };
        let some = left.clone().but(&owed(&[
            (ThingKind::Task, 10, Promise::Completed),
            (ThingKind::FlowNode, 30, Promise::Completed),
            (ThingKind::Incident, 20, Promise::Over),
        ]));
        assert_eq!((&some.tasks[..], &some.incidents[..], &some.jobs[..]), (&[][..], &[][..], &[33][..]));
        assert_eq!((&some.timers, &some.messages), (&left.timers, &left.messages));
        let cancelled = left.clone().but(&owed(&[(ThingKind::Instance, 1, Promise::Cancelled)]));
        assert!(cancelled.tasks.is_empty() && cancelled.timers.is_empty() && cancelled.messages.is_empty());
        let open = [
            (ThingKind::Task, 10, Promise::Claimed("ann".into())),
            (ThingKind::Instance, 1, Promise::Exists),
        ];
        assert_eq!(left.clone().but(&owed(&open)), left);
    }
}
