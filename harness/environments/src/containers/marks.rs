//! By what the containers, volumes and networks of a run are known: names for people, labels for finding them again.

use crate::config::{Side, Store};
use crate::workdir::WorkDir;
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Label: the run.
pub(crate) const RUN: &str = "drydock.run";
/// Label: the folder of work directories, whose lock tells whether the run lives.
const ROOT: &str = "drydock.root";
/// Label: the machine whose folder that is. Another one may use the same engine and the same path.
const MACHINE: &str = "drydock.machine";

/// The place that runs belong to: a folder of work directories on a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    root: String,
    machine: String,
}

impl Place {
    /// The place of work directories below `root`.
    pub(crate) fn of(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        // Inside of a container it is that container's own name.
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self { root: root.to_string_lossy().into_owned(), machine: machine.trim().to_owned() }
    }

    /// Asks the engine for what belongs to this place.
    pub(crate) fn filter(&self) -> HashMap<String, Vec<String>> {
        let labels = vec![format!("{ROOT}={}", self.root), format!("{MACHINE}={}", self.machine)];
        HashMap::from([("label".to_owned(), labels)])
    }
}

/// What the things of one run are called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    place: Place,
    run: String,
}

impl Marks {
    /// Of the run that owns a work directory.
    pub(crate) fn of(work: &WorkDir) -> Self {
        Self { place: Place::of(work.path().parent().unwrap_or(work.path())), run: work.run_id().to_owned() }
    }

    /// Labels of everything that is made for the run.
    pub(crate) fn labels(&self) -> HashMap<String, String> {
        HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (ROOT.to_owned(), self.place.root.clone()),
            (MACHINE.to_owned(), self.place.machine.clone()),
        ])
    }

    /// Asks the engine for what was made for the run.
    pub(crate) fn filter(&self) -> HashMap<String, Vec<String>> {
        let mut filter = self.place.filter();
        filter.entry("label".to_owned()).or_default().push(format!("{RUN}={}", self.run));
        filter
    }

    /// Name of the network between the stores.
    pub(crate) fn network(&self) -> String {
        format!("drydock-{}", self.run)
    }

    /// Name of a store's container, and of the volume with its data.
    pub(crate) fn store(&self, side: Side, store: Store) -> String {
        format!("drydock-{}-{side}-{store}", self.run)
    }

    /// Name of the volume that both clusters keep snapshots in.
    pub(crate) fn snapshots(&self) -> String {
        format!("drydock-{}-snapshots", self.run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_found_by_its_labels_and_no_other_run_is() {
        let root = tempfile::tempdir().unwrap();
        let make = |run| Marks::of(&WorkDir::create(root.path(), run, Path::new("/runs/1")).unwrap());
        let (one, other) = (make("run-1"), make("run-10"));
        let finds = |filter: &HashMap<String, Vec<String>>, labels: &HashMap<String, String>| {
            filter["label"].iter().all(|wanted| {
                let (name, value) = wanted.split_once('=').unwrap();
                labels.get(name).is_some_and(|v| v == value)
            })
        };
        assert!(finds(&one.filter(), &one.labels()));
        assert!(!finds(&one.filter(), &other.labels()));
        assert!(finds(&Place::of(root.path()).filter(), &one.labels()));
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(!finds(&Place::of(elsewhere.path()).filter(), &one.labels()), "another work root");
        // A path with another spelling is the same place.
        assert_eq!(Place::of(&root.path().join(".")), Place::of(root.path()));
    }

    #[test]
    fn names_are_those_that_an_engine_takes_and_differ() {
        let root = tempfile::tempdir().unwrap();
        let marks = Marks::of(&WorkDir::create(root.path(), "tiny_1.x-2", Path::new("/r")).unwrap());
        let mut names = vec![marks.network(), marks.snapshots()];
        for side in [Side::Source, Side::Target] {
            for store in [Store::Postgres, Store::Elasticsearch] {
                names.push(marks.store(side, store));
            }
        }
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))));
        assert!(names.iter().all(|n| n.starts_with("drydock-tiny_1.x-2")), "{names:?}");
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
