//! The log of acknowledged actions: what somebody was told has happened, with the key by which the application shows it. Each
//! line is written before the next request is made.

use drydock_workload::lines::{self, Growing, Lines};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Instant;

/// One acknowledged action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// What happened.
    pub what: What,
    /// Key of what it happened to.
    pub key: i64,
    /// The process instance that belongs to, where it is another key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<i64>,
    /// Milliseconds since the run began.
    pub ms: u64,
}

/// Kinds of action. What a message did is seen in what it correlated with; it has no page of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A process was deployed.
    ProcessDeployed,
    /// A decision was deployed.
    DecisionDeployed,
    /// A form was deployed.
    FormDeployed,
    /// An instance was started.
    InstanceStarted,
    /// An instance was cancelled.
    InstanceCancelled,
    /// A job was completed; the key is that of its flow node instance, which people see.
    JobCompleted,
    /// A job failed for good; the key is that of its flow node instance.
    JobFailed,
    /// A message was published.
    MessagePublished,
    /// A task was claimed.
    TaskClaimed {
        /// By whom.
        assignee: String,
    },
    /// A task was completed.
    TaskCompleted,
    /// An incident was resolved.
    IncidentResolved,
}

/// Identity of something that the application shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Thing {
    /// Its kind.
    pub kind: ThingKind,
    /// Its key.
    pub key: i64,
}

/// Kinds of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThingKind {
    /// A process definition.
    Process,
    /// A decision definition.
    Decision,
    /// A process instance.
    Instance,
    /// A flow node instance.
    FlowNode,
    /// A user task.
    Task,
    /// An incident.
    Incident,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            ThingKind::Process => "process definition",
            ThingKind::Decision => "decision definition",
            ThingKind::Instance => "instance",
            ThingKind::FlowNode => "flow node instance",
            ThingKind::Task => "task",
            ThingKind::Incident => "incident",
        };
        write!(f, "{kind} {}", self.key)
    }
}

/// What the latest acknowledged action promises about a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promise {
    /// It is there, in whatever state.
    Exists,
    /// An instance is there and cancelled.
    Cancelled,
    /// A flow node instance, or a task, is there and completed.
    Completed,
    /// A task is there, and this is who has it.
    Claimed(String),
    /// An incident is over: it is not listed, or as resolved.
    Over,
}

/// The log, open for appending.
#[derive(Debug)]
pub struct Deeds {
    lines: Lines,
}

impl Deeds {
    /// Opens (or goes on with) the log at `path`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: Lines::open(path)? })
    }

    /// Notes acknowledged actions.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, deeds: &[Deed]) -> io::Result<()> {
        self.lines.note(deeds)
    }

    /// Notes an action that was acknowledged just now. `epoch` is when the run's clock stood at nought.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note_now(&self, epoch: Instant, what: What, key: i64, instance: Option<i64>) -> io::Result<()> {
        let ms = u64::try_from(epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.note(&[Deed { what, key, instance, ms }])
    }
}

/// Every acknowledged action up to `until_ms`, in the order of the log.
///
/// # Errors
/// The file cannot be read.
pub fn read(path: &Path, until_ms: u64) -> io::Result<Vec<Deed>> {
    let mut deeds = lines::read::<Deed>(path)?;
    deeds.retain(|deed| deed.ms <= until_ms);
    Ok(deeds)
}

/// How many more actions are acknowledged: each look reads only what the log has gained.
#[derive(Debug)]
pub struct More {
    log: Growing,
}

impl More {
    /// Counts from now on, in the log at `path`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn than_now(path: &Path) -> io::Result<Self> {
        let mut log = Growing::of(path);
        log.added::<Deed>()?;
        Ok(Self { log })
    }

    /// Actions since the last look.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn since(&mut self) -> io::Result<u64> {
        Ok(self.log.added::<Deed>()?.len() as u64)
    }
}

/// What the application owes by these actions: the latest about a thing counts, except that nothing comes after an end.
pub fn promises(deeds: &[Deed]) -> BTreeMap<Thing, Promise> {
    let mut owed = BTreeMap::new();
    for deed in deeds {
        let Some((kind, promise)) = promise_of(&deed.what) else { continue };
        // Several workers write one log: a claim may be noted after the completion that followed it.
        let entry = owed.entry(Thing { kind, key: deed.key }).or_insert(Promise::Exists);
        if !matches!(entry, Promise::Cancelled | Promise::Completed | Promise::Over) {
            *entry = promise;
        }
        if let Some(instance) = deed.instance {
            owed.entry(Thing { kind: ThingKind::Instance, key: instance }).or_insert(Promise::Exists);
        }
    }
    owed
}

fn promise_of(what: &What) -> Option<(ThingKind, Promise)> {
    Some(match what {
        What::ProcessDeployed => (ThingKind::Process, Promise::Exists),
        What::DecisionDeployed => (ThingKind::Decision, Promise::Exists),
        What::InstanceStarted => (ThingKind::Instance, Promise::Exists),
        What::InstanceCancelled => (ThingKind::Instance, Promise::Cancelled),
        What::JobCompleted => (ThingKind::FlowNode, Promise::Completed),
        What::JobFailed => (ThingKind::FlowNode, Promise::Exists),
        What::TaskClaimed { assignee } => (ThingKind::Task, Promise::Claimed(assignee.clone())),
        What::TaskCompleted => (ThingKind::Task, Promise::Completed),
        What::IncidentResolved => (ThingKind::Incident, Promise::Over),
        // Shown by no list: a form through the task that uses it, a message through its effect.
        What::FormDeployed | What::MessagePublished => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(what: What, key: i64, instance: Option<i64>) -> Deed {
        Deed { what, key, instance, ms: 1 }
    }

    #[test]
    fn the_latest_action_counts_and_an_end_is_final() {
        let claimed = What::TaskClaimed { assignee: "ann".into() };
        let deeds = [
            deed(What::InstanceStarted, 1, None),
            deed(What::TaskCompleted, 7, Some(1)),
            deed(claimed.clone(), 7, Some(1)),
            deed(claimed, 8, Some(2)),
            deed(What::InstanceCancelled, 1, None),
            deed(What::MessagePublished, 9, None),
        ];
        let owed = promises(&deeds);
        let of = |kind, key| owed.get(&Thing { kind, key });
        assert_eq!(of(ThingKind::Task, 7), Some(&Promise::Completed));
        assert_eq!(of(ThingKind::Task, 8), Some(&Promise::Claimed("ann".into())));
        assert_eq!(of(ThingKind::Instance, 1), Some(&Promise::Cancelled));
        assert_eq!(of(ThingKind::Instance, 2), Some(&Promise::Exists), "told by the task that belongs to it");
        assert_eq!(owed.len(), 4, "a message has no page");
    }

    #[test]
    fn the_log_is_read_back_up_to_a_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deeds.jsonl");
        let log = Deeds::open(&path).unwrap();
        let late =
            Deed { ms: 99, ..deed(What::TaskClaimed { assignee: "b".into() }, 9_007_199_254_740_993, None) };
        log.note(&[deed(What::InstanceStarted, 1, None), late.clone()]).unwrap();
        assert_eq!(read(&path, 50).unwrap().len(), 1);
        let mut more = More::than_now(&path).unwrap();
        assert_eq!(more.since().unwrap(), 0);
        log.note(&[deed(What::InstanceStarted, 3, None)]).unwrap();
        assert_eq!((more.since().unwrap(), more.since().unwrap()), (1, 0));
        assert_eq!(read(&path, 99).unwrap()[1], late);
    }
}
