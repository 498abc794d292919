//! By what the containers, volumes and networks of a run are known: names for people, labels for finding them again.

use super::MARKER_FILE;
use crate::config::{Side, Store};
use crate::error::Result;
use crate::workdir::{self, WorkDir};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Label: the run.
pub(crate) const RUN: &str = "drydock.run";
/// Label: the folder of work directories, whose lock tells whether the run lives.
const ROOT: &str = "drydock.root";
/// Label: the machine whose folder that is. Another one may use the same engine and the same path.
const MACHINE: &str = "drydock.machine";
/// Label: the random name that the folder carries, under whatever path and machine name it is seen.
const FOLDER: &str = "drydock.folder";
/// Label of a network: the `kind` cluster whose nodes are in it.
pub(crate) const CLUSTER: &str = "drydock.cluster";

/// The place that runs belong to: a folder of work directories on a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    root: String,
    machine: String,
    /// `None` for a folder that is not there, or in which no run had containers yet.
    folder: Option<String>,
}

impl Place {
    /// The place of work directories below `root`, as it is seen now.
    pub(crate) fn of(root: &Path) -> Self {
        let folder = workdir::name_of_root(root);
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        // Inside of a container it is that container's own name.
        let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self { root: root.to_string_lossy().into_owned(), machine: machine.trim().to_owned(), folder }
    }

    /// Asks the engine for what belongs to this place: by the folder's own name, which stays when the machine's changes, and
    /// by path and machine, which stay when the folder was removed.
    pub(crate) fn filters(&self) -> Vec<HashMap<String, Vec<String>>> {
        let of = |labels| HashMap::from([("label".to_owned(), labels)]);
        let seen = of(vec![format!("{ROOT}={}", self.root), format!("{MACHINE}={}", self.machine)]);
        let named = self.folder.iter().map(|folder| of(vec![format!("{FOLDER}={folder}")]));
        named.chain([seen]).collect()
    }
}

/// What the things of one run are called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    place: Place,
    run: String,
}

impl Marks {
    /// Chooses them for a new run, and gives its folder of work directories a name if it has none.
    pub(crate) fn choose(work: &WorkDir) -> Result<Self> {
        let root = work.path().parent().unwrap_or(work.path());
        workdir::give_name(root)?;
        Ok(Self { place: Place::of(root), run: work.run_id().to_owned() })
    }

    /// Of the run that owns a work directory: those that were noted when it began, whatever the machine is called today.
    pub(crate) fn of(work: &WorkDir) -> Self {
        #[derive(Deserialize)]
        struct Noted {
            marks: Marks,
        }
        let place = || Place::of(work.path().parent().unwrap_or(work.path()));
        work.read_json::<Noted>(MARKER_FILE)
            .map(|noted| noted.marks)
            .filter(|marks| marks.run == work.run_id())
            .unwrap_or_else(|| Self { place: place(), run: work.run_id().to_owned() })
    }

    /// Labels of everything that is made for the run.
    pub(crate) fn labels(&self) -> HashMap<String, String> {
        let mut labels = HashMap::from([
            (RUN.to_owned(), self.run.clone()),
            (ROOT.to_owned(), self.place.root.clone()),
            (MACHINE.to_owned(), self.place.machine.clone()),
        ]);
        labels.extend(self.place.folder.iter().map(|folder| (FOLDER.to_owned(), folder.clone())));
        labels
    }

    /// Asks the engine for what was made for the run.
    pub(crate) fn filter(&self) -> HashMap<String, Vec<String>> {
        let labels = self.labels().into_iter().map(|(label, value)| format!("{label}={value}")).collect();
        HashMap::from([("label".to_owned(), labels)])
    }

    /// Name of the network between the stores.
    pub(crate) fn network(&self) -> String {
        format!("drydock-{}", self.run)
    }

    /// Name of a store's container, and of the volume with its data.
    pub(crate) fn store(&self, side: Side, store: Store) -> String {
        self.beside(side, &store.to_string())
    }

    /// Name of the container of what runs beside a side's stores.
    pub(crate) fn beside(&self, side: Side, what: &str) -> String {
        format!("drydock-{}-{side}-{what}", self.run)
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
        let make =
            |run| Marks::choose(&WorkDir::create(root.path(), run, Path::new("/runs/1")).unwrap()).unwrap();
        let (one, other) = (make("run-1"), make("run-10"));
        let finds = |filter: &HashMap<String, Vec<String>>, labels: &HashMap<String, String>| {
            filter["label"].iter().all(|wanted| {
                let (name, value) = wanted.split_once('=').unwrap();
                labels.get(name).is_some_and(|v| v == value)
            })
        };
        assert!(finds(&one.filter(), &one.labels()));
        assert!(!finds(&one.filter(), &other.labels()));
        let belongs = |place: &Place, labels: &HashMap<String, String>| {
            place.filters().iter().any(|filter| finds(filter, labels))
        };
        let here = Place::of(root.path());
        assert!(belongs(&here, &one.labels()));
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(!belongs(&Place::of(elsewhere.path()), &one.labels()), "another work root");
        // A machine that is called otherwise today, and a folder that was removed by hand.
        assert!(belongs(&Place { machine: "other".into(), ..here.clone() }, &one.labels()));
        assert!(belongs(&Place { folder: None, ..here.clone() }, &one.labels()));
        assert!(!belongs(&Place { machine: "other".into(), folder: None, ..here }, &one.labels()));
        // A path with another spelling is the same place.
        assert_eq!(Place::of(&root.path().join(".")), Place::of(root.path()));
    }

    #[test]
    fn a_run_is_known_by_what_was_noted_when_it_began() {
        let root = tempfile::tempdir().unwrap();
        let work = WorkDir::create(root.path(), "run-1", Path::new("/runs/1")).unwrap();
        let mut noted = Marks::choose(&work).unwrap();
        noted.place.machine = "as-it-was-called-then".into();
        work.write_json(MARKER_FILE, &serde_json::json!({"ports": [], "marks": noted})).unwrap();
        assert_eq!(Marks::of(&work), noted);
        assert_eq!(Marks::of(&work).labels().len(), 4);
        // A marker of before marks were noted, or of another run, counts for nothing.
        work.write_json(MARKER_FILE, &serde_json::json!({"ports": []})).unwrap();
        assert_ne!(Marks::of(&work), noted);
        noted.run = "run-2".into();
        work.write_json(MARKER_FILE, &serde_json::json!({"ports": [], "marks": noted})).unwrap();
        assert_eq!(Marks::of(&work).run, "run-1");
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
            names.push(marks.beside(side, "keycloak"));
        }
        assert!(names.iter().all(|n| n.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))));
        assert!(names.iter().all(|n| n.starts_with("drydock-tiny_1.x-2")), "{names:?}");
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
