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

    /// Whether users of an installation write to it. Identity's database they only read.
    pub fn is_written_by_users(self) -> bool {
        self != Self::Identity
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
    /// What applications ask of the indices: lists, pages, joins, distributions and searches answer alike.
    pub const ES_ACCESS: &str = "elasticsearch/access";
    /// What importers have read, against the records that are there.
    pub const ES_IMPORTS: &str = "elasticsearch/import-positions";
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
    /// What Keycloak, Identity and Web Modeler ask of their databases answers alike.
    pub const PG_QUERIES: &str = "postgres/queries";
    /// One row can be inserted into every table that is numbered by a sequence. Compared only where it is asked for:
    /// it writes, though what it writes is rolled back.
    pub const PG_WRITES: &str = "postgres/writes";
    /// Realms: settings, keys, flows, roles, groups, identity providers, federation.
    pub const KC_REALMS: &str = "keycloak/realms";
    /// Users: credentials present and equal, roles, groups, attributes.
    pub const KC_USERS: &str = "keycloak/users";
    /// Clients with secrets and redirect addresses, client roles, client scopes, mappers.
    pub const KC_CLIENTS: &str = "keycloak/clients";
    /// Accounts log in on both sides, and their tokens say the same. Compared only where it is asked for, and with a real
    /// Keycloak: a login makes a session and an event on the server.
    pub const KC_LOGINS: &str = "keycloak/logins";
    /// Tokens and sessions that were given before the freeze are still good on the target. Compared only with a real Keycloak.
    pub const KC_TOKENS: &str = "keycloak/tokens";
    /// After a way back: everybody who could log in before the freeze still can, and what was done to accounts on the target is told.
    pub const KC_WAY_BACK: &str = "keycloak/way-back";
    /// Nothing moved on the source after the declared freeze.
    pub const FREEZE: &str = "freeze";
    /// Every write acknowledged before the freeze is on the target.
    pub const ACKNOWLEDGED: &str = "acknowledged-writes";
    /// Probes and phase clock agree on the outage.
    pub const DOWNTIME: &str = "downtime";
    /// A trial or a dry run left the source as it was.
    pub const HARMLESS_SOURCE: &str = "harmless/source";
    /// A trial or a dry run left the target as it was.
    pub const HARMLESS_TARGET: &str = "harmless/target";
    /// No user noticed a trial or a dry run.
    pub const HARMLESS_SERVICE: &str = "harmless/service";
    /// After an upgrade of the chart alone, the stores hold what they held before.
    pub const SAME_DATA: &str = "same-data";
    /// After going back, the source holds what it held when it was frozen.
    pub const RB_RESTORED: &str = "rollback/restored";
    /// After going back: every acknowledged write, kept, lost or there twice.
    pub const RB_WRITES: &str = "rollback/writes";
    /// What a way back needs is there, unchanged, and can be used: looked at before it is needed.
    pub const RB_ARTEFACTS: &str = "rollback/artefacts";
    /// How long users waited for the way back, by probes and clock.
    pub const RB_SERVICE: &str = "rollback/service";
    /// After going back, applications log in to the source and may write there.
    pub const RB_ACCESS: &str = "rollback/access";
    /// Nothing forbids removing the source: asked before it is.
    pub const CLEANUP_GUARD: &str = "cleanup-guard";
    /// Targets answer, and applications can work on them.
    pub const TARGETS: &str = "targets-usable";

    /// A real Camunda shows every process definition, with its diagram.
    pub const APP_DEFINITIONS: &str = "application/definitions";
    /// It shows every decision definition, with its diagram.
    pub const APP_DECISIONS: &str = "application/decisions";
    /// It lists every instance, in its state.
    pub const APP_INSTANCES: &str = "application/instances";
    /// Instances are found by state, flow node, process and variable.
    pub const APP_SEARCH: &str = "application/search";
    /// Variables have the values they had.
    pub const APP_VARIABLES: &str = "application/variables";
    /// It shows what each instance went through.
    pub const APP_HISTORY: &str = "application/history";
    /// It lists every incident.
    pub const APP_INCIDENTS: &str = "application/incidents";
    /// It shows how each decision came about.
    pub const APP_DECISION_INSTANCES: &str = "application/decision-instances";
    /// It lists every task.
    pub const APP_TASKS: &str = "application/tasks";
    /// Tasks are found by person and group.
    pub const APP_TASKS_BY_USER: &str = "application/tasks-by-user";
    /// Forms of tasks open.
    pub const APP_FORMS: &str = "application/forms";
    /// The figures of the dashboard are what they were.
    pub const APP_STATISTICS: &str = "application/statistics";
    /// Everything that was acknowledged is shown as it was acknowledged, by its key.
    pub const APP_ACKNOWLEDGED: &str = "application/acknowledged";
    /// After a way back: everything that was acknowledged, on the target or before, is where it was, lost or open again.
    pub const APP_WAY_BACK: &str = "application/way-back";
    /// After the switch tasks are completed that were open before it, and shown so.
    pub const GO_TASKS: &str = "application/going-on/tasks";
    /// Jobs are done that were open.
    pub const GO_JOBS: &str = "application/going-on/jobs";
    /// Timers fire that were set.
    pub const GO_TIMERS: &str = "application/going-on/timers";
    /// Messages reach those who waited for them.
    pub const GO_MESSAGES: &str = "application/going-on/messages";
    /// Incidents are resolved that were open.
    pub const GO_INCIDENTS: &str = "application/going-on/incidents";
    /// A new version of a definition is deployed and started.
    pub const GO_DEFINITIONS: &str = "application/going-on/definitions";
    /// Everything that was acknowledged since the switch is shown, by its key.
    pub const GO_VISIBLE: &str = "application/going-on/visible";

    /// Preflight: every store answers at its address, with its certificate and its login.
    pub const PRE_REACHABLE: &str = "preflight/reachable";
    /// Preflight: no target is older than its source, no client program older than what it reads.
    pub const PRE_VERSIONS: &str = "preflight/versions";
    /// Preflight: the targets hold nothing where the migration is going to write.
    pub const PRE_EMPTY: &str = "preflight/targets-empty";
    /// Preflight: the targets have room for the source and its growth.
    pub const PRE_SPACE: &str = "preflight/space";
    /// Preflight: the roles may do what the migration does on either side.
    pub const PRE_PRIVILEGES: &str = "preflight/privileges";
    /// Preflight: nothing forbids writes to the targets.
    pub const PRE_BLOCKS: &str = "preflight/write-blocks";
    /// Preflight: every extension that the source uses is there for the target.
    pub const PRE_EXTENSIONS: &str = "preflight/extensions";
    /// Preflight: each dump can be read again.
    pub const PRE_DUMP: &str = "preflight/dump-readable";
    /// Preflight: the target cluster may hold as many shards as it is going to get.
    pub const PRE_SHARDS: &str = "preflight/shard-budget";
    /// Preflight: the target cluster may read from the source.
    pub const PRE_WHITELIST: &str = "preflight/reindex-whitelist";
    /// Preflight: no document is bigger than what carries it.
    pub const PRE_DOCUMENT_SIZES: &str = "preflight/document-sizes";
    /// Preflight: no step is predicted to take longer than it may.
    pub const PRE_TIMEOUTS: &str = "preflight/timeouts";

    /// What is checked before anything is moved, in report order.
    pub const PREFLIGHT: [&str; 12] = [
        PRE_REACHABLE,
        PRE_VERSIONS,
        PRE_EMPTY,
        PRE_BLOCKS,
        PRE_PRIVILEGES,
        PRE_SPACE,
        PRE_SHARDS,
        PRE_EXTENSIONS,
        PRE_WHITELIST,
        PRE_DOCUMENT_SIZES,
        PRE_TIMEOUTS,
        PRE_DUMP,
    ];

    /// The checks of two clusters, in report order.
    pub const ELASTICSEARCH: [&str; 11] = [
        ES_INDICES,
        ES_COUNTS,
        ES_DOCUMENTS,
        ES_MAPPINGS,
        ES_SETTINGS,
        ES_ALIASES,
        ES_TEMPLATES,
        ES_CLUSTER,
        ES_FUTURE,
        ES_ACCESS,
        ES_IMPORTS,
    ];

    /// The checks of two servers, in report order.
    pub const POSTGRES: [&str; 8] =
        [PG_SCHEMA, PG_COUNTS, PG_ROWS, PG_SEQUENCES, PG_ACCESS, PG_LARGE_OBJECTS, PG_STATISTICS, PG_QUERIES];

    /// The checks of two Keycloak databases, or two Keycloak servers, in report order.
    pub const KEYCLOAK: [&str; 3] = [KC_REALMS, KC_USERS, KC_CLIENTS];

    /// What a real Keycloak is asked beside its database, in report order.
    pub const REAL_KEYCLOAK: [&str; 2] = [KC_LOGINS, KC_TOKENS];

    /// Those whose items are what users did while a run lasted: a slower machine has fewer of them, and they are looked at no worse.
    pub const OF_WORK: [&str; 5] = [ACKNOWLEDGED, RB_WRITES, APP_ACKNOWLEDGED, APP_WAY_BACK, GO_VISIBLE];

    /// The checks of a migration as a whole, in report order.
    pub const MIGRATION: [&str; 4] = [FREEZE, TARGETS, ACKNOWLEDGED, DOWNTIME];

    /// The checks of a real application on the stores, in report order. Asked only where one runs.
    pub const APPLICATION: [&str; 13] = [
        APP_DEFINITIONS,
        APP_DECISIONS,
        APP_INSTANCES,
        APP_SEARCH,
        APP_VARIABLES,
        APP_HISTORY,
        APP_INCIDENTS,
        APP_DECISION_INSTANCES,
        APP_TASKS,
        APP_TASKS_BY_USER,
        APP_FORMS,
        APP_STATISTICS,
        APP_ACKNOWLEDGED,
    ];

    /// Whether people can go on in a real application on the target, in report order. Asked only where one runs.
    pub const GOING_ON: [&str; 7] =
        [GO_TASKS, GO_JOBS, GO_TIMERS, GO_MESSAGES, GO_INCIDENTS, GO_DEFINITIONS, GO_VISIBLE];

    /// The checks of a way back, in report order.
    pub const ROLLBACK: [&str; 5] = [RB_RESTORED, RB_WRITES, RB_ACCESS, RB_SERVICE, RB_ARTEFACTS];

    /// The checks of a trial or a dry run, in report order.
    pub const HARMLESS: [&str; 3] = [HARMLESS_SOURCE, HARMLESS_TARGET, HARMLESS_SERVICE];

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
    /// Pods: none of the application is left when it was stopped, not even one that is ending.
    pub const CL_STOPPED: &str = "cluster/stopped";
    /// Pods: as many replicas as before.
    pub const CL_REPLICAS: &str = "cluster/replicas";
    /// Pods: each runs what its workload asks for now, on the side that users are on.
    pub const CL_PODS: &str = "cluster/pods";
    /// Stores: each answers behind the name that pods know it by.
    pub const CL_ANSWERS: &str = "cluster/answers";
    /// Targets that operators keep: the operators hold them for being in order.
    pub const CL_OPERATORS: &str = "cluster/operators";
    /// Claims: each is bound to the volume that it had.
    pub const CL_CLAIMS: &str = "cluster/claims";
    /// Secrets: each is there, with the keys and values that it had.
    pub const CL_SECRETS: &str = "cluster/secrets";
    /// Official scripts: exit code, state, hooks and log of each phase say one and the same.
    pub const SC_PHASES: &str = "scripts/phases";
    /// Official scripts: what they call migrated was found on the target.
    pub const SC_CLAIMS: &str = "scripts/claims";
    /// The data migration of 8.8: importers and jobs have finished, counts agree.
    pub const MIGRATION_DATA: &str = "helm/migration-data";

    /// The checks of a migration whose application is pods, in report order.
    pub const CLUSTER: [&str; 7] =
        [CL_STOPPED, CL_REPLICAS, CL_PODS, CL_ANSWERS, CL_OPERATORS, CL_CLAIMS, CL_SECRETS];

    /// The checks of a migration that the official scripts carry out, in report order.
    pub const SCRIPTS: [&str; 2] = [SC_PHASES, SC_CLAIMS];

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

    /// Every check of a migration that is carried out, in report order.
    pub fn all() -> impl Iterator<Item = &'static str> {
        PREFLIGHT.into_iter().chain(ELASTICSEARCH).chain(POSTGRES).chain(KEYCLOAK).chain(MIGRATION)
    }
}
