//! What goes wrong on purpose: losses planted on the data, so that a check is seen to fire, and failures of what the migration
//! works with. What each of them must come to stands in [`FaultKind::effect`].

use crate::names::StepId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A loss to plant, or a failure to cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is harmed or fails.
    pub fault: FaultKind,
    /// For losses: the step after which it is harmed; the last restoring step if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<StepId>,
    /// For failures: the step in which it happens; the first that it can happen in if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub during: Option<StepId>,
    /// For losses: an index, `database.schema.table`, or a user or client as `realm/name`, in which one is chosen, `*` allowed;
    /// anything by seed if absent. For failures: the number of the request, from 1, or how many indices are done before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<At>")]
    pub at: Option<String>,
}

/// How `at` may be written.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "the schema alone needs it")]
enum At {
    /// The so-manieth.
    Number(u32),
    /// The one of this name.
    Name(String),
}

impl Fault {
    /// The number of `at`, if it is one.
    pub fn number(&self) -> Option<u32> {
        self.at.as_ref()?.parse().ok()
    }
}

/// What can go wrong, on the target unless its name says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// One document is deleted.
    LoseDocument,
    /// One value in one document is changed.
    ChangeDocument,
    /// One document gets another routing value.
    RerouteDocument,
    /// One document too many.
    GhostDocument,
    /// One index is deleted.
    LoseIndex,
    /// One alias is taken off one index.
    LoseAlias,
    /// One index template is deleted.
    LoseTemplate,
    /// One setting of one index is changed.
    ChangeSetting,
    /// One index answers with fewer documents at once than it did.
    NarrowResultWindow,
    /// One importer's position is set beyond the records that are there.
    AdvanceImportPosition,
    /// One row is deleted.
    LoseRow,
    /// One value in one row is changed.
    ChangeRow,
    /// One sequence is set back to its start.
    LoseSequence,
    /// One secondary index of a table is dropped.
    LoseTableIndex,
    /// One grant is revoked.
    LoseGrant,
    /// One large object is changed.
    ChangeLargeObject,
    /// A writer that survived the freeze writes to the source.
    LateWrite,
    /// A trial leaves an index behind.
    LeaveIndex,
    /// A trial leaves a database behind.
    LeaveDatabase,
    /// A trial changes a setting of the cluster and does not change it back.
    TouchSetting,
    /// One index is made again without its mapping: its field types are guessed from the documents.
    DynamicMapping,
    /// Every sequence of one database is set back to its start.
    ResetSequences,
    /// One extension is dropped, with what hangs on it.
    LoseExtension,
    /// The lock of a schema migration that never ended (Liquibase) is left closed.
    StaleLock,
    /// The secret of one client is made anew.
    RegenerateClientSecret,
    /// The keys that a realm signs with are taken away, so that others are made.
    RotateSigningKey,
    /// One user is deleted with everything that belongs to it.
    LoseUser,
    /// One user loses one role.
    LoseRoleMapping,
    /// A connection is reset: on the so-manieth request that copies documents, or in the middle of a restore.
    ConnectionReset,
    /// Every answer comes late.
    SlowAnswers,
    /// A copy is made, and its answer never arrives.
    StuckAnswers,
    /// Requests are refused with 429.
    TooManyRequests,
    /// Requests are refused with 503.
    Unavailable,
    /// A gateway answers 504 while the copy goes on.
    GatewayTimeout,
    /// A timeout shorter than the copy cuts the connection while the copy goes on.
    ShortTimeout,
    /// From one request on, the password is no longer the right one.
    WrongCredentials,
    /// An index with its mapping is refused.
    MappingRefused,
    /// The source forgets the search that a copy reads.
    ScrollExpires,
    /// The source store that the step reads is killed.
    SourceKilled,
    /// The target store that the step writes is killed.
    TargetKilled,
    /// The source store that the step reads stands still for some seconds.
    SourcePaused,
    /// The target store that the step writes stands still for some seconds.
    TargetPaused,
    /// Nobody reaches the target store for some seconds: connections break, and new ones are cut off.
    NetworkCut,
    /// The running `pg_dump` or `pg_restore` is killed.
    ClientKilled,
    /// This program is killed.
    DrydockKilled,
    /// The disk of the target cluster passes its flood stage.
    DiskFull,
    /// The target cluster is made read-only.
    ReadOnly,
    /// The target cluster may hold no more shards.
    ShardLimit,
    /// The rows of one table are refused, which `pg_restore` passes over with exit code 1.
    CopyRefused,
    /// The password of an application's role is changed between two phases.
    SecretChanged,
    /// A second restore of the same dump runs beside the first.
    SecondRestore,
    /// An application is alive on the target while its database is restored, and writes.
    TargetSession,
    /// A session writes to the frozen source and leaves again.
    PassingSession,
    /// An index is made, written and deleted on the frozen source.
    PassingIndex,
    /// An index of the source is made just before the freeze and never refreshed.
    UnrefreshedIndex,
    /// Documents of the source are deleted and made again around the warm copy.
    RecreatedDocuments,
    /// The application's clock jumps by more than a day.
    ClockSkew,
    /// In a cluster: the pod of the store that the step works on is removed at once.
    PodKilled,
    /// In a cluster: a pod of the application is removed at once while users work.
    ApplicationPodKilled,
    /// In a cluster: no node takes pods any more.
    NodeCordoned,
    /// In a cluster: the volume of the target database is full.
    VolumeFull,
    /// In a cluster: the API server answers nobody for some seconds.
    ApiServerAway,
    /// In a cluster: a controller brings a stopped application back.
    ScaledBackUp,
    /// In a cluster: the Service of a store of the target leads nowhere.
    ServiceAstray,
    /// In a cluster: the operator of the target's Elasticsearch is asked for what it cannot do.
    OperatorStuck,
    /// In a cluster, with the official scripts: no node takes the pods of their Jobs.
    JobUnschedulable,
}

impl FaultKind {
    /// Every fault.
    pub const ALL: [Self; 66] = [
        Self::LoseDocument,
        Self::ChangeDocument,
        Self::RerouteDocument,
        Self::GhostDocument,
        Self::LoseIndex,
        Self::LoseAlias,
        Self::LoseTemplate,
        Self::ChangeSetting,
        Self::NarrowResultWindow,
        Self::AdvanceImportPosition,
        Self::LoseRow,
        Self::ChangeRow,
        Self::LoseSequence,
        Self::LoseTableIndex,
        Self::LoseGrant,
        Self::ChangeLargeObject,
        Self::LateWrite,
        Self::LeaveIndex,
        Self::LeaveDatabase,
        Self::TouchSetting,
        Self::DynamicMapping,
        Self::ResetSequences,
        Self::LoseExtension,
        Self::StaleLock,
        Self::RegenerateClientSecret,
        Self::RotateSigningKey,
        Self::LoseUser,
        Self::LoseRoleMapping,
        Self::ConnectionReset,
        Self::SlowAnswers,
        Self::StuckAnswers,
        Self::TooManyRequests,
        Self::Unavailable,
        Self::GatewayTimeout,
        Self::ShortTimeout,
        Self::WrongCredentials,
        Self::MappingRefused,
        Self::ScrollExpires,
        Self::SourceKilled,
        Self::TargetKilled,
        Self::SourcePaused,
        Self::TargetPaused,
        Self::NetworkCut,
        Self::ClientKilled,
        Self::DrydockKilled,
        Self::DiskFull,
        Self::ReadOnly,
        Self::ShardLimit,
        Self::CopyRefused,
        Self::SecretChanged,
        Self::SecondRestore,
        Self::TargetSession,
        Self::PassingSession,
        Self::PassingIndex,
        Self::UnrefreshedIndex,
        Self::RecreatedDocuments,
        Self::ClockSkew,
        Self::PodKilled,
        Self::ApplicationPodKilled,
        Self::NodeCordoned,
        Self::VolumeFull,
        Self::ApiServerAway,
        Self::ScaledBackUp,
        Self::ServiceAstray,
        Self::OperatorStuck,
        Self::JobUnschedulable,
    ];

    /// Name as in scenario files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LoseDocument => "lose-document",
            Self::ChangeDocument => "change-document",
            Self::RerouteDocument => "reroute-document",
            Self::GhostDocument => "ghost-document",
            Self::LoseIndex => "lose-index",
            Self::LoseAlias => "lose-alias",
            Self::LoseTemplate => "lose-template",
            Self::ChangeSetting => "change-setting",
            Self::NarrowResultWindow => "narrow-result-window",
            Self::AdvanceImportPosition => "advance-import-position",
            Self::LoseRow => "lose-row",
            Self::ChangeRow => "change-row",
            Self::LoseSequence => "lose-sequence",
            Self::LoseTableIndex => "lose-table-index",
            Self::LoseGrant => "lose-grant",
            Self::ChangeLargeObject => "change-large-object",
            Self::LateWrite => "late-write",
            Self::LeaveIndex => "leave-index",
            Self::LeaveDatabase => "leave-database",
            Self::TouchSetting => "touch-setting",
            Self::DynamicMapping => "dynamic-mapping",
            Self::ResetSequences => "reset-sequences",
            Self::LoseExtension => "lose-extension",
            Self::StaleLock => "stale-lock",
            Self::RegenerateClientSecret => "regenerate-client-secret",
            Self::RotateSigningKey => "rotate-signing-key",
            Self::LoseUser => "lose-user",
            Self::LoseRoleMapping => "lose-role-mapping",
            Self::ConnectionReset => "connection-reset",
            Self::SlowAnswers => "slow-answers",
            Self::StuckAnswers => "stuck-answers",
            Self::TooManyRequests => "too-many-requests",
            Self::Unavailable => "unavailable",
            Self::GatewayTimeout => "gateway-timeout",
            Self::ShortTimeout => "short-timeout",
            Self::WrongCredentials => "wrong-credentials",
            Self::MappingRefused => "mapping-refused",
            Self::ScrollExpires => "scroll-expires",
            Self::SourceKilled => "source-killed",
            Self::TargetKilled => "target-killed",
            Self::SourcePaused => "source-paused",
            Self::TargetPaused => "target-paused",
            Self::NetworkCut => "network-cut",
            Self::ClientKilled => "client-killed",
            Self::DrydockKilled => "drydock-killed",
            Self::DiskFull => "disk-full",
            Self::ReadOnly => "read-only",
            Self::ShardLimit => "shard-limit",
            Self::CopyRefused => "copy-refused",
            Self::SecretChanged => "secret-changed",
            Self::SecondRestore => "second-restore",
            Self::TargetSession => "target-session",
            Self::PassingSession => "passing-session",
            Self::PassingIndex => "passing-index",
            Self::UnrefreshedIndex => "unrefreshed-index",
            Self::RecreatedDocuments => "recreated-documents",
            Self::ClockSkew => "clock-skew",
            Self::PodKilled => "pod-killed",
            Self::ApplicationPodKilled => "application-pod-killed",
            Self::NodeCordoned => "node-cordoned",
            Self::VolumeFull => "volume-full",
            Self::ApiServerAway => "api-server-away",
            Self::ScaledBackUp => "scaled-back-up",
            Self::ServiceAstray => "service-astray",
            Self::OperatorStuck => "operator-stuck",
            Self::JobUnschedulable => "job-unschedulable",
        }
    }

    /// The fault of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}
