//! Where the stores of a run stand in its cluster, and what things are called there: by who keeps them, a StatefulSet that was made for
//! the run or an operator that makes pods as it likes.

use super::configuration::cluster_name;
use crate::config::{Side, Store};
use serde::{Deserialize, Serialize};

/// The release of the source, and its namespace in a cluster of the run's own.
pub(super) const RELEASE: &str = "camunda";
/// Namespace of the targets in a cluster of the run's own; they are nobody's release.
const TARGETS: &str = "targets";

/// The set of nodes of an Elasticsearch that an operator keeps, and the claims of its pods: what their names are made of.
pub(super) const NODE_SET: &str = "default";
pub(super) const DATA_CLAIM: &str = "elasticsearch-data";

/// The namespaces of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Namespaces {
    /// Of the release.
    pub(super) release: String,
    /// Of the targets.
    pub(super) targets: String,
    /// What stands behind `svc` in the names of hosts: a cluster may have any domain, which its pods search by themselves.
    domain: String,
    /// Whether operators keep the targets.
    #[serde(default)]
    operated: bool,
}

impl Namespaces {
    /// Those of a cluster of the run's own.
    pub(super) fn usual() -> Self {
        Self {
            release: RELEASE.into(),
            targets: TARGETS.into(),
            domain: ".cluster.local".into(),
            operated: false,
        }
    }

    /// Those of one run among others in a cluster.
    pub(super) fn among_others(run: &str, root: &str) -> Self {
        let name = cluster_name(run, root);
        Self {
            release: format!("{name}-source"),
            targets: format!("{name}-target"),
            domain: String::new(),
            operated: false,
        }
    }

    /// The same with targets that operators keep, or do not.
    pub(super) fn operated(self, operated: bool) -> Self {
        Self { operated, ..self }
    }

    /// Whether operators keep the targets.
    pub(super) fn is_operated(&self) -> bool {
        self.operated
    }

    pub(super) fn of(&self, side: Side) -> &str {
        match side {
            Side::Source => &self.release,
            Side::Target => &self.targets,
        }
    }

    pub(super) fn both(&self) -> [&str; 2] {
        [&self.release, &self.targets]
    }

    /// Where a store stands.
    pub(super) fn place(&self, side: Side, store: Store) -> Place {
        Place { side, store, operated: self.operated && side == Side::Target }
    }

    /// Where all four stand.
    pub(super) fn places(&self) -> [Place; 4] {
        [
            self.place(Side::Source, Store::Postgres),
            self.place(Side::Target, Store::Postgres),
            self.place(Side::Source, Store::Elasticsearch),
            self.place(Side::Target, Store::Elasticsearch),
        ]
    }
}

/// A store's place in the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) side: Side,
    pub(super) store: Store,
    /// Whether an operator keeps it.
    #[serde(default)]
    pub(super) operated: bool,
}

impl Place {
    /// Its name: of its StatefulSet, or of the resource that its operator reads.
    pub(super) fn name(self) -> &'static str {
        match (self.side, self.store) {
            (Side::Source, Store::Postgres) => "camunda-postgresql",
            (Side::Source, Store::Elasticsearch) => "camunda-elasticsearch-master",
            (Side::Target, Store::Postgres) => "target-pg",
            (Side::Target, Store::Elasticsearch) => "target-es",
        }
    }

    /// Name of its StatefulSet; `None` where its pods have none, as CloudNativePG's.
    pub(super) fn set(self) -> Option<String> {
        match (self.operated, self.store) {
            (false, _) => Some(self.name().to_owned()),
            (true, Store::Postgres) => None,
            (true, Store::Elasticsearch) => Some(format!("{}-es-{NODE_SET}", self.name())),
        }
    }

    /// Its only pod, or the first of its pods.
    pub(super) fn pod(self) -> String {
        match self.set() {
            Some(set) => format!("{set}-0"),
            None => format!("{}-1", self.name()),
        }
    }

    /// The claim of that pod.
    pub(super) fn claim(self) -> String {
        match (self.operated, self.store) {
            (false, _) => format!("data-{}", self.pod()),
            (true, Store::Postgres) => self.pod(),
            (true, Store::Elasticsearch) => format!("{DATA_CLAIM}-{}", self.pod()),
        }
    }

    pub(super) fn container(self) -> &'static str {
        match (self.store, self.operated) {
            (Store::Postgres, false) => "postgresql",
            (Store::Postgres, true) => "postgres",
            (Store::Elasticsearch, _) => "elasticsearch",
        }
    }

    /// The label by which a Service finds its pod, or whichever of its pods takes writes.
    pub(super) fn selector(self) -> Vec<(&'static str, String)> {
        match (self.operated, self.store) {
            (true, Store::Postgres) => {
                vec![("cnpg.io/cluster", self.name().to_owned()), ("cnpg.io/instanceRole", "primary".into())]
            }
            _ => vec![("statefulset.kubernetes.io/pod-name", self.pod())],
        }
    }

    /// Name of the Service that pods find it by.
    pub(super) fn service(self) -> String {
        match (self.side, self.store, self.operated) {
            (Side::Source, Store::Elasticsearch, _) => "camunda-elasticsearch".to_owned(),
            (_, Store::Postgres, true) => format!("{}-rw", self.name()),
            (_, Store::Elasticsearch, true) => format!("{}-es-http", self.name()),
            _ => self.name().to_owned(),
        }
    }

    /// Name under which pods of every namespace find it.
    pub(super) fn host(self, namespaces: &Namespaces) -> String {
        format!("{}.{}.svc{}", self.service(), namespaces.of(self.side), namespaces.domain)
    }

    /// Port that it listens on in its pod.
    pub(super) fn port(self) -> u16 {
        crate::containers::inside(self.store)
    }

    /// Port of the node by which this machine reaches it without a detour through the API server.
    pub(super) fn node_port(self) -> u16 {
        match (self.side, self.store) {
            (Side::Source, Store::Postgres) => 30_432,
            (Side::Source, Store::Elasticsearch) => 30_920,
            (Side::Target, Store::Postgres) => 31_432,
            (Side::Target, Store::Elasticsearch) => 31_920,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_of_a_run_are_names_and_no_other_runs() {
        let of = |run: &str, root: &str| Namespaces::among_others(run, root);
        let one = of("A_very.long-name-of-a-scenario-20261121T200528Z-11444", "/var/tmp/a");
        for name in one.both() {
            // What a label of a host may be.
            assert!(name.len() <= 63 && name.starts_with("drydock-"), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
        }
        assert_ne!(one.release, one.targets);
        assert_ne!(one, of("A_very.long-name-of-a-scenario-20261121T200528Z-11445", "/var/tmp/a"));
        assert_ne!(one, of("A_very.long-name-of-a-scenario-20261121T200528Z-11444", "/var/tmp/b"));
        let place = one.place(Side::Target, Store::Postgres);
        assert_eq!(place.host(&one), format!("target-pg.{}.svc", one.targets));
        assert_eq!(place.host(&Namespaces::usual()), "target-pg.targets.svc.cluster.local");
    }

    #[test]
    fn what_operators_keep_has_the_names_that_they_give() {
        let usual = Namespaces::usual().operated(true);
        let names = |store| {
            let place = usual.place(Side::Target, store);
            [place.pod(), place.claim(), place.host(&usual), place.container().to_owned()]
        };
        assert_eq!(
            names(Store::Postgres),
            ["target-pg-1", "target-pg-1", "target-pg-rw.targets.svc.cluster.local", "postgres"]
        );
        assert_eq!(
            names(Store::Elasticsearch),
            [
                "target-es-es-default-0",
                "elasticsearch-data-target-es-es-default-0",
                "target-es-es-http.targets.svc.cluster.local",
                "elasticsearch"
            ]
        );
        // Those of the release are nobody else's.
        let plain = Namespaces::usual();
        for store in [Store::Postgres, Store::Elasticsearch] {
            let (one, other) = (usual.place(Side::Source, store), plain.place(Side::Source, store));
            assert_eq!(one, other);
            assert_eq!(one.pod(), format!("{}-0", one.name()));
        }
        // A layout of a run from before there were operators is read still.
        let old: Place = serde_json::from_str(r#"{"side":"target","store":"postgres"}"#).unwrap();
        assert_eq!(old, plain.place(Side::Target, Store::Postgres));
    }
}
