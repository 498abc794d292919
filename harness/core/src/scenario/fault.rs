//! Losses planted on purpose, so that a check is seen to fire.

use crate::names::StepId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A loss to plant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is harmed.
    pub fault: FaultKind,
    /// The step after which it is harmed; the last restoring step if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<StepId>,
    /// Which item: an index or `database.schema.table` in which one is chosen, `*` allowed; anything by seed if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// What can be harmed, on the target unless its name says otherwise.
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
}

impl FaultKind {
    /// Every fault.
    pub const ALL: [Self; 20] = [
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
        }
    }
}
