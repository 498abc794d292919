//! New-types for the names that travel through plan, record and report, and the closed lists behind them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $type(pub String);

        impl $type {
            /// Wraps a name.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $type {
            fn from(name: &str) -> Self {
                Self(name.to_owned())
            }
        }
    };
}

name! {
    /// Identifier of one run; also the name of its folder.
    RunId
}
name! {
    /// Stable identifier of a step, `phase-3/restore/identity`. The same scenario always gives the same ids.
    StepId
}
name! {
    /// Identifier of a check, `elasticsearch/documents`.
    CheckId
}

/// A part of the installation that can be migrated on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Management Identity: one PostgreSQL database.
    Identity,
    /// Keycloak: one PostgreSQL database.
    Keycloak,
    /// Web Modeler: one PostgreSQL database.
    Webmodeler,
    /// The Elasticsearch cluster of Zeebe, Operate, Tasklist and Optimize.
    Elasticsearch,
}

impl Component {
    /// Every component, in the order in which the migration treats them.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Keycloak, Self::Webmodeler, Self::Elasticsearch];

    /// Name as in scenario files and step ids.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Keycloak => "keycloak",
            Self::Webmodeler => "webmodeler",
            Self::Elasticsearch => "elasticsearch",
        }
    }

    /// The PostgreSQL database of the component, which is also the name of its role; `None` for Elasticsearch.
    pub fn database(self) -> Option<&'static str> {
        (self != Self::Elasticsearch).then(|| self.as_str())
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The two kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Store {
    /// PostgreSQL.
    Postgres,
    /// Elasticsearch or OpenSearch.
    Elasticsearch,
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Postgres => "postgres",
            Self::Elasticsearch => "elasticsearch",
        })
    }
}

/// Names of the checks, in report order. A check that a plan asks for and a record lacks counts as not proven.
pub mod checks {
    /// The index set: every index of the source exists on the target, and no other.
    pub const ES_INDICES: &str = "elasticsearch/indices";
    /// Exact refreshed counts.
    pub const ES_COUNTS: &str = "elasticsearch/counts";
    /// Document contents by (index, routing, id), in both directions.
    pub const ES_DOCUMENTS: &str = "elasticsearch/documents";
    /// Mappings.
    pub const ES_MAPPINGS: &str = "elasticsearch/mappings";
    /// Index settings.
    pub const ES_SETTINGS: &str = "elasticsearch/settings";
    /// Aliases with filter, routing and write flag.
    pub const ES_ALIASES: &str = "elasticsearch/aliases";
    /// Index and component templates.
    pub const ES_TEMPLATES: &str = "elasticsearch/templates";
    /// Pipelines, lifecycle policies, stored scripts, data streams, snapshots, cluster settings, security.
    pub const ES_CLUSTER: &str = "elasticsearch/cluster";
    /// What the templates would make of tomorrow's dated indices.
    pub const ES_FUTURE: &str = "elasticsearch/future-indices";
    /// Schema objects of every schema.
    pub const PG_SCHEMA: &str = "postgres/schema";
    /// Row counts.
    pub const PG_COUNTS: &str = "postgres/counts";
    /// Row contents, in both directions.
    pub const PG_ROWS: &str = "postgres/rows";
    /// Sequences: parameters, last value, is_called, owner.
    pub const PG_SEQUENCES: &str = "postgres/sequences";
    /// Owners, grants, default privileges, roles, row security.
    pub const PG_ACCESS: &str = "postgres/access";
    /// Large objects: contents and owner.
    pub const PG_LARGE_OBJECTS: &str = "postgres/large-objects";
    /// The planner's statistics are there, and what indexes rely on is as it was recorded.
    pub const PG_STATISTICS: &str = "postgres/statistics";
    /// One row can be inserted into every table that is numbered by a sequence. Compared only where it is asked for:
    /// it writes, though what it writes is rolled back.
    pub const PG_WRITES: &str = "postgres/writes";
    /// Realms: settings, keys, flows, roles, groups, identity providers, federation.
    pub const KC_REALMS: &str = "keycloak/realms";
    /// Users: credentials present and equal, roles, groups, attributes.
    pub const KC_USERS: &str = "keycloak/users";
    /// Clients with secrets and redirect addresses, client roles, client scopes, mappers.
    pub const KC_CLIENTS: &str = "keycloak/clients";
    /// Nothing moved on the source after the declared freeze.
    pub const FREEZE: &str = "freeze";
    /// Every write acknowledged before the freeze is on the target.
    pub const ACKNOWLEDGED: &str = "acknowledged-writes";
    /// Probes and phase clock agree on the outage.
    pub const DOWNTIME: &str = "downtime";
    /// Targets answer, and applications can work on them.
    pub const TARGETS: &str = "targets-usable";

    /// The checks of two clusters, in report order.
    pub const ELASTICSEARCH: [&str; 9] = [
        ES_INDICES,
        ES_COUNTS,
        ES_DOCUMENTS,
        ES_MAPPINGS,
        ES_SETTINGS,
        ES_ALIASES,
        ES_TEMPLATES,
        ES_CLUSTER,
        ES_FUTURE,
    ];

    /// The checks of two servers, in report order.
    pub const POSTGRES: [&str; 7] =
        [PG_SCHEMA, PG_COUNTS, PG_ROWS, PG_SEQUENCES, PG_ACCESS, PG_LARGE_OBJECTS, PG_STATISTICS];

    /// The checks of two Keycloak databases, or two Keycloak servers, in report order.
    pub const KEYCLOAK: [&str; 3] = [KC_REALMS, KC_USERS, KC_CLIENTS];

    /// The checks of a migration as a whole, in report order.
    pub const MIGRATION: [&str; 4] = [FREEZE, TARGETS, ACKNOWLEDGED, DOWNTIME];

    /// Values files: nothing that stands there is read as something else, or lost within the file.
    pub const HELM_YAML: &str = "helm/values-text";
    /// Values: every key of the old values has its place in the new ones.
    pub const HELM_KEYS: &str = "helm/values-keys";
    /// Values: defaults that changed and that nobody wrote down.
    pub const HELM_DEFAULTS: &str = "helm/values-defaults";
    /// Values: combinations that the chart refuses or misreads.
    pub const HELM_CONSTRAINTS: &str = "helm/values-constraints";
    /// Values: what still points at a Bitnami chart, image or host.
    pub const HELM_BITNAMI: &str = "helm/values-bitnami";
    /// Values: what `helm` itself makes of both sides.
    pub const HELM_RENDERED: &str = "helm/rendered";
    /// Objects: every object and what it says.
    pub const OBJECTS: &str = "objects/contents";
    /// Objects: fields that Kubernetes refuses to change.
    pub const OBJECTS_IMMUTABLE: &str = "objects/immutable";
    /// Objects: services, ingresses and what they select.
    pub const OBJECTS_REACH: &str = "objects/reach";
    /// Objects: claims, volumes and what is bound to what.
    pub const OBJECTS_STORAGE: &str = "objects/storage";
    /// Objects: secrets and everything that reads them.
    pub const OBJECTS_SECRETS: &str = "objects/secrets";
    /// Objects: what the namespace depends on outside of it.
    pub const OBJECTS_CLUSTER: &str = "objects/cluster-scoped";
    /// Objects: pods and the controllers that own them.
    pub const OBJECTS_CONTROLLERS: &str = "objects/controllers";
    /// Objects: what still is, or points at, a Bitnami part.
    pub const OBJECTS_BITNAMI: &str = "objects/bitnami";
    /// Staging against production: what a green rehearsal there does not prove.
    pub const REPRESENTATIVE: &str = "objects/representative";
    /// Brokers: one leader for each partition, and one cluster.
    pub const TOPOLOGY: &str = "cluster/topology";
    /// The data migration of 8.8: importers and jobs have finished, counts agree.
    pub const MIGRATION_DATA: &str = "helm/migration-data";

    /// The checks of two values files, in report order.
    pub const HELM_VALUES: [&str; 5] = [HELM_YAML, HELM_KEYS, HELM_DEFAULTS, HELM_CONSTRAINTS, HELM_BITNAMI];

    /// The checks of two sets of objects, in report order.
    pub const HELM_OBJECTS: [&str; 8] = [
        OBJECTS,
        OBJECTS_IMMUTABLE,
        OBJECTS_REACH,
        OBJECTS_STORAGE,
        OBJECTS_SECRETS,
        OBJECTS_CLUSTER,
        OBJECTS_CONTROLLERS,
        OBJECTS_BITNAMI,
    ];

    /// Every check of a rehearsal, in report order.
    pub fn all() -> impl Iterator<Item = &'static str> {
        ELASTICSEARCH.into_iter().chain(POSTGRES).chain(KEYCLOAK).chain(MIGRATION)
    }
}
