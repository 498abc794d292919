//! What an environment is asked for.

use crate::camunda::CamundaConfig;
use crate::error::{EnvironmentError, EnvironmentProblem, Result};
use crate::keycloak::KeycloakConfig;
pub use drydock_core::Store;
pub use drydock_core::event::Side;
use drydock_core::scenario::EnvironmentName;
use std::path::PathBuf;

/// Largest heap an embedded Elasticsearch may ask for, MiB. Both sides must fit beside the harness on a small machine.
pub(crate) const MAX_HEAP_MIB: u32 = 1024;
const MIN_HEAP_MIB: u32 = 128;

/// One environment: of local processes or, where a field does not say otherwise, of containers.
#[derive(Debug, Clone)]
pub struct EmbeddedConfig {
    /// Name of the run: letters, digits, `.`, `_` and `-`, at most 64. Names the work directory and marks the processes.
    pub run_id: String,
    /// The run folder; the stores' logs go to `logs/<side>-<store>.log` below it.
    pub run_dir: PathBuf,
    /// Where work directories are made. Default: `DRYDOCK_WORK`, else `/var/tmp/drydock-<user id>`.
    pub work_root: Option<PathBuf>,
    /// A PostgreSQL installation (with `bin/postgres`) for both sides, instead of the machine's own or a fetched one.
    /// Means nothing in containers.
    pub postgres_home: Option<PathBuf>,
    /// An Elasticsearch installation (with `bin/elasticsearch`), instead of the fetched one. Means nothing in containers.
    pub elasticsearch_home: Option<PathBuf>,
    /// A Camunda that is going to run beside the stores: what it needs of them and of the machine is seen to. Off if absent.
    pub camunda: Option<CamundaConfig>,
    /// A Keycloak that is going to run beside the stores, likewise. Off if absent.
    pub keycloak: Option<KeycloakConfig>,
    /// The chart that the release of the source is installed from, in a cluster of the run's own: its pods are the Camunda and the
    /// Keycloak of the run. The chart of this repository if absent.
    pub chart: Option<ChartConfig>,
    /// The source side.
    pub source: SideConfig,
    /// The target side.
    pub target: SideConfig,
    /// Bytes the source is going to hold, for the check of disk space and the choice of JVM flags.
    pub estimated_data_bytes: u64,
}

/// A chart that is not of this repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartConfig {
    /// Where it comes from.
    pub from: ChartSource,
    /// Files of values, in the order of `helm`: a later one counts more.
    pub values: Vec<PathBuf>,
}

/// Where a chart comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChartSource {
    /// A folder with its `Chart.yaml`, dependencies included.
    Folder(PathBuf),
    /// What `helm pull` fetches.
    Named {
        /// `camunda/camunda-platform`, or an address.
        name: String,
        /// The newest if absent.
        version: Option<String>,
    },
}

/// The operators that keep the stores of a side, in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorsConfig {
    /// Manifests that install them, for a cluster of the run's own.
    pub manifests: Vec<PathBuf>,
    /// A file with a `Cluster` of CloudNativePG, whose `spec` the run's is made from.
    pub postgres: Option<PathBuf>,
    /// A file with an `Elasticsearch` of ECK, likewise.
    pub elasticsearch: Option<PathBuf>,
    /// A file with a `Keycloak` of the Keycloak operator, likewise.
    pub keycloak: Option<PathBuf>,
}

/// How a side's stores are reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Access {
    /// Clear text on the loopback interface; Elasticsearch knows no login.
    #[default]
    Open,
    /// TLS alone, with certificates of an authority made for the run, and passwords everywhere.
    Secured,
}

/// From where the target Elasticsearch may read with `_reindex`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReindexWhitelist {
    /// From any port of this machine.
    #[default]
    ThisMachine,
    /// From nowhere, as the setting's own default is.
    Nobody,
}

/// One side of the environment.
#[derive(Debug, Clone)]
pub struct SideConfig {
    /// Major version of PostgreSQL: 14, 15 or 17, or any that the machine or `postgres_home` has.
    pub postgres_version: u16,
    /// Fixed port of PostgreSQL, or a free one.
    pub postgres_port: Option<u16>,
    /// Fixed HTTP port of Elasticsearch, or a free one.
    pub elasticsearch_port: Option<u16>,
    /// Heap of Elasticsearch in MiB, 128 to 1024.
    pub elasticsearch_heap_mib: u32,
    /// Whether the side has an Elasticsearch.
    pub elasticsearch: bool,
    /// Whether the side has a PostgreSQL.
    pub postgres: bool,
    /// How its stores are reached.
    pub access: Access,
    /// From where its Elasticsearch may read; means nothing on the source.
    pub reindex_whitelist: ReindexWhitelist,
    /// Image of PostgreSQL, in containers; `{version}` in it stands for the major version. Default: `postgres:{version}`.
    pub postgres_image: Option<String>,
    /// Image of Elasticsearch, in containers. Default: `elasticsearch` of the pinned version.
    pub elasticsearch_image: Option<String>,
    /// Image of a Keycloak on its PostgreSQL, in containers. Default: `keycloak/keycloak` of the pinned version.
    pub keycloak_image: Option<String>,
    /// The operators that keep its stores; only for the target, and only in a cluster. Nobody but the run itself if absent.
    pub operators: Option<OperatorsConfig>,
}

impl Default for SideConfig {
    fn default() -> Self {
        Self {
            postgres_version: 15,
            postgres_port: None,
            elasticsearch_port: None,
            elasticsearch_heap_mib: 512,
            elasticsearch: true,
            postgres: true,
            access: Access::default(),
            reindex_whitelist: ReindexWhitelist::default(),
            postgres_image: None,
            elasticsearch_image: None,
            keycloak_image: None,
            operators: None,
        }
    }
}

impl EmbeddedConfig {
    /// Both stores on both sides, PostgreSQL 15, heaps of 512 MiB, free ports.
    pub fn new(run_id: impl Into<String>, run_dir: impl Into<PathBuf>) -> Self {
        Self {
            run_id: run_id.into(),
            run_dir: run_dir.into(),
            work_root: None,
            postgres_home: None,
            elasticsearch_home: None,
            camunda: None,
            keycloak: None,
            chart: None,
            source: SideConfig::default(),
            target: SideConfig::default(),
            estimated_data_bytes: 0,
        }
    }

    /// One side's configuration.
    pub fn side(&self, side: Side) -> &SideConfig {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    pub(crate) fn sides(&self) -> [(Side, &SideConfig); 2] {
        [(Side::Source, &self.source), (Side::Target, &self.target)]
    }

    /// Major versions of the wanted PostgreSQL servers, ascending, without repetition.
    pub(crate) fn postgres_majors(&self) -> Vec<u16> {
        let mut majors: Vec<u16> =
            self.sides().iter().filter(|(_, s)| s.postgres).map(|(_, s)| s.postgres_version).collect();
        majors.sort_unstable();
        majors.dedup();
        majors
    }

    /// The images that an environment does not use though a side names them, and the mend. `None` where all are used.
    pub fn unused_images(&self, environment: &EnvironmentName) -> Option<(String, String)> {
        // A Keycloak is a local process beside a cluster as well.
        let (who, stores, mend) = match environment {
            EnvironmentName::Containers => return None,
            EnvironmentName::Kind | EnvironmentName::Context(_) => {
                ("Keycloak runs as a local process", false, "use --on containers")
            }
            EnvironmentName::Embedded => {
                ("the stores run as local processes", true, "use --on containers or --on kind")
            }
        };
        let named = self.sides().into_iter().flat_map(|(side, config)| {
            let images = [
                ("postgres", config.postgres_image.as_ref().filter(|_| stores)),
                ("elasticsearch", config.elasticsearch_image.as_ref().filter(|_| stores)),
                ("keycloak", config.keycloak_image.as_ref()),
            ];
            images
                .into_iter()
                .filter_map(move |(what, image)| Some(format!("{} of the {side} {what}", image?)))
        });
        let named: Vec<String> = named.collect();
        (!named.is_empty()).then(|| {
            (
                format!("{who}, so these images are not used: {}", named.join(", ")),
                format!("{mend}, or leave `image` out"),
            )
        })
    }

    pub(crate) fn wants_elasticsearch(&self) -> bool {
        self.source.elasticsearch || self.target.elasticsearch
    }

    /// Heaps of all wanted Elasticsearch processes, MiB.
    pub(crate) fn heaps_mib(&self) -> u64 {
        self.sides()
            .iter()
            .filter(|(_, s)| s.elasticsearch)
            .map(|(_, s)| u64::from(s.elasticsearch_heap_mib))
            .sum()
    }

    pub(crate) fn validate(&self) -> Result<()> {
        if let Some(camunda) = &self.camunda {
            camunda.validate()?;
        }
        if let Some(keycloak) = &self.keycloak {
            keycloak.validate()?;
        }
        let wrong = |what: String, help: &str| {
            Err(EnvironmentError::new(EnvironmentProblem::Configuration, what, help))
        };
        if !valid_run_id(&self.run_id) {
            return wrong(
                format!("the run's name {:?} cannot name a directory", self.run_id),
                "use at most 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
            );
        }
        for (side, config) in self.sides() {
            let heap = config.elasticsearch_heap_mib;
            if config.elasticsearch && !(MIN_HEAP_MIB..=MAX_HEAP_MIB).contains(&heap) {
                return wrong(
                    format!(
                        "a heap of {heap} MiB for the {side} Elasticsearch is outside {MIN_HEAP_MIB} to {MAX_HEAP_MIB} MiB"
                    ),
                    "set the heap to 512, or to 1024 for more than a million documents",
                );
            }
        }
        let mut fixed: Vec<u16> = self
            .sides()
            .iter()
            .flat_map(|(_, s)| [s.postgres_port, s.elasticsearch_port])
            .flatten()
            .collect();
        fixed.sort_unstable();
        if let Some(pair) = fixed.windows(2).find(|p| p[0] == p[1]) {
            return wrong(
                format!("port {} is asked for twice", pair[0]),
                "give each store its own port, or none",
            );
        }
        Ok(())
    }
}

/// A name that is safe as one path component and as a value in a process environment.
pub(crate) fn valid_run_id(id: &str) -> bool {
    id.len() <= 64
        && id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heap_above_one_gib_and_an_unsafe_name_are_refused() {
        let mut config = EmbeddedConfig::new("a", "/r");
        assert!(config.validate().is_ok());
        config.target.elasticsearch_heap_mib = 2048;
        assert!(config.validate().unwrap_err().what.contains("2048 MiB"));
        for id in ["", "../x", ".x", "a/b", "a b"] {
            assert!(EmbeddedConfig::new(id, "/r").validate().is_err(), "{id:?}");
        }
    }

    #[test]
    fn images_are_told_where_they_are_not_used_and_only_there() {
        let mut config = EmbeddedConfig::new("a", "/r");
        assert_eq!(config.unused_images(&EnvironmentName::Embedded), None);
        config.target.elasticsearch_image = Some("elasticsearch:8.18.0".into());
        let (what, _) = config.unused_images(&EnvironmentName::Embedded).unwrap();
        assert!(what.ends_with("elasticsearch:8.18.0 of the target elasticsearch"), "{what}");
        assert_eq!(config.unused_images(&EnvironmentName::Containers), None);
        assert_eq!(config.unused_images(&EnvironmentName::Kind), None);
        config.source.keycloak_image = Some("keycloak/keycloak:25.0.6".into());
        let (what, mend) = config.unused_images(&EnvironmentName::Kind).unwrap();
        assert!(what.ends_with(": keycloak/keycloak:25.0.6 of the source keycloak"), "{what}");
        assert!(mend.starts_with("use --on containers,"), "{mend}");
        assert_eq!(config.unused_images(&EnvironmentName::Containers), None);
    }

    #[test]
    fn one_port_for_two_stores_is_refused() {
        let mut config = EmbeddedConfig::new("a", "/r");
        config.source.postgres_port = Some(5000);
        config.target.elasticsearch_port = Some(5000);
        assert!(config.validate().unwrap_err().what.contains("5000"));
    }
}
