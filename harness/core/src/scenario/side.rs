//! Who runs a side's stores, and mistakes in how a target is set up that are made on purpose.

use super::Scenario;
use crate::names::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who runs the stores of a side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Managed {
    /// This installation itself: clear text, Elasticsearch without a login.
    #[default]
    Here,
    /// Somebody else, as a cloud service does: TLS with an authority made for the run, passwords everywhere. Only for the
    /// target.
    Elsewhere,
    /// Operators of the cluster that the run is in, CloudNativePG and ECK: TLS and passwords likewise. Only for the target.
    Operator,
}

impl Managed {
    pub(super) fn is_here(&self) -> bool {
        *self == Self::Here
    }
}

/// A mistake in how the target is set up or addressed, made on purpose. Preflight has to refuse it before the freeze.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Misconfiguration {
    /// The authority that is handed over is not the one that signed the target's certificates.
    WrongCa,
    /// The passwords that are handed over are not the target's.
    WrongPassword,
    /// Nothing listens at the target's addresses.
    UnreachableHost,
    /// The target Elasticsearch may not read from any remote cluster.
    WhitelistMissing,
    /// The target Elasticsearch may hold fewer shards than the migration needs.
    TooFewShards,
    /// The target Elasticsearch is blocked against writes.
    ReadOnlyBlock,
}

impl Misconfiguration {
    /// Every one of them.
    pub const ALL: [Self; 6] = [
        Self::WrongCa,
        Self::WrongPassword,
        Self::UnreachableHost,
        Self::WhitelistMissing,
        Self::TooFewShards,
        Self::ReadOnlyBlock,
    ];

    /// Name as in scenario files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongCa => "wrong-ca",
            Self::WrongPassword => "wrong-password",
            Self::UnreachableHost => "unreachable-host",
            Self::WhitelistMissing => "whitelist-missing",
            Self::TooFewShards => "too-few-shards",
            Self::ReadOnlyBlock => "read-only-block",
        }
    }

    /// Whether it can be made only where there is a certificate or a password to get wrong.
    fn needs_a_door(self) -> bool {
        matches!(self, Self::WrongCa | Self::WrongPassword)
    }

    fn needs_elasticsearch(self) -> bool {
        matches!(self, Self::WhitelistMissing | Self::TooFewShards | Self::ReadOnlyBlock)
    }
}

impl Scenario {
    /// What the sides ask for and cannot be: where it stands, what is wrong, what to write instead.
    pub(super) fn side_mistake(&self) -> Option<([&'static str; 2], String, &'static str)> {
        if !self.source.managed.is_here() {
            return Some((
                ["source", "managed"],
                "only the target may be managed by others".into(),
                "leave `managed` out of the source",
            ));
        }
        if self.source.misconfigured.is_some() {
            return Some((
                ["source", "misconfigured"],
                "only the target may be misconfigured".into(),
                "move `misconfigured` to the target",
            ));
        }
        let mistake = self.target.misconfigured?;
        let wrong = |why: &str, help: &'static str| {
            Some((["target", "misconfigured"], format!("{} {why}", mistake.as_str()), help))
        };
        if mistake.needs_a_door() && self.target.managed.is_here() {
            return wrong(
                "needs a target that is reached over TLS",
                "add `managed: elsewhere` to the target",
            );
        }
        if mistake.needs_elasticsearch() && !self.migration.components().contains(&Component::Elasticsearch) {
            return wrong(
                "is about Elasticsearch, which is not migrated",
                "add `elasticsearch` to `components`, or use another misconfiguration",
            );
        }
        if mistake == Misconfiguration::WhitelistMissing && !self.migration.mover.reads_from_remote() {
            return wrong(
                "harms only `_reindex` from remote",
                "use `mover: reindex` with it, or another misconfiguration",
            );
        }
        None
    }
}
