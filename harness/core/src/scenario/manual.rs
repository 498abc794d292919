//! What the manual ways of moving data need to be told, and what cannot be combined with them.

use super::migration::{CreateIndices, Delta, Grants, MigrationSpec, Mover, Reindex, Versions};
use crate::names::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A snapshot repository that both clusters can reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Where it keeps its files.
    #[serde(rename = "type")]
    pub kind: RepositoryKind,
    /// Passed on to both clusters as they are, `location` of a file system or `bucket` of S3 among them.
    #[serde(default)]
    pub settings: BTreeMap<String, serde_json::Value>,
}

/// Where a repository keeps its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RepositoryKind {
    /// A folder that every node of both clusters has mounted and lists in `path.repo`.
    Fs,
    /// A bucket. Its keys belong into the keystore of every node.
    S3,
}

impl RepositoryKind {
    /// As the stores name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fs => "fs",
            Self::S3 => "s3",
        }
    }
}

/// What writes and reads the files of `mover: dump`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DumpTool {
    /// A scroll and `_bulk` of our own. Documents travel as the bytes they are stored as.
    #[default]
    Builtin,
    /// The program of that name, which must be installed. It reads and writes numbers as JavaScript does.
    Elasticdump,
}

/// What carries databases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DatabaseMover {
    /// `pg_dump` and `pg_restore` with the flags of the official scripts.
    #[default]
    Scripts,
    /// By hand: `pg_dumpall --roles-only`, `pg_dump --format=custom`, `pg_restore` in one transaction.
    Custom,
    /// By hand: `pg_dumpall --roles-only`, `pg_dump --format=plain`, `psql` in one transaction.
    Plain,
}

impl Mover {
    /// Whether documents reach the target through `_reindex` from remote, which needs the target's right to read from the
    /// source.
    pub fn reads_from_remote(self) -> bool {
        matches!(self, Self::Reindex | Self::ReindexByHand)
    }

    /// Whether the least time of the copy follows from the size of the source. What a delta carries is not known before the
    /// freeze, and movers of files have their own pace.
    pub fn is_foreseen(self, reindex: Reindex) -> bool {
        reindex == Reindex::Cold && matches!(self, Self::Reindex | Self::Stream)
    }
}

/// Keys that would lie open in the cluster's state and in the run folder.
const SECRETS: [&str; 4] = ["access_key", "secret_key", "session_token", "password"];

/// Ways that cannot be combined: where it stands, what is wrong, what to write instead.
pub(super) fn mistake(spec: &MigrationSpec) -> Option<([&'static str; 2], &'static str, &'static str)> {
    let by_hand = !matches!(spec.mover, Mover::Reindex | Mover::Stream);
    if by_hand && spec.reindex == Reindex::Warm {
        return Some((
            ["migration", "reindex"],
            "this mover copies everything during the cutover",
            "leave `reindex` out, or use `mover: reindex` or `mover: stream`",
        ));
    }
    if spec.create_indices == CreateIndices::Bare && !by_hand {
        return Some((
            ["migration", "create_indices"],
            "this mover has no tool of its own that could make indices",
            "use `create_indices: upstream` or `complete` with it",
        ));
    }
    if spec.create_indices == CreateIndices::Upstream && by_hand {
        return Some((
            ["migration", "create_indices"],
            "the official scripts make indices for `_reindex` alone",
            "use `create_indices: bare` for what this way loses, or `complete`",
        ));
    }
    if spec.tool == DumpTool::Elasticdump && spec.mover != Mover::Dump {
        return Some((
            ["migration", "tool"],
            "elasticdump is a tool of `mover: dump`",
            "add `mover: dump`, or leave `tool` out",
        ));
    }
    if spec.tool == DumpTool::Elasticdump && spec.versions == Versions::Keep {
        return Some((
            ["migration", "versions"],
            "elasticdump does not carry versions",
            "leave `versions` out, or use `tool: builtin`",
        ));
    }
    match &spec.repository {
        Some(_) if spec.mover != Mover::Snapshot => Some((
            ["migration", "repository"],
            "only snapshots are kept in a repository",
            "add `mover: snapshot`, or leave `repository` out",
        )),
        Some(r) if r.settings.keys().any(|k| SECRETS.iter().any(|s| k.ends_with(s))) => Some((
            ["migration", "repository"],
            "keys in the settings of a repository can be read by every user of the cluster",
            "put them into the keystore of every node: bin/elasticsearch-keystore add s3.client.default.access_key",
        )),
        Some(r) if !r.settings.contains_key(required(r.kind)) => Some((
            ["migration", "repository"],
            "the repository has no place",
            "give type fs a `location`, and type s3 a `bucket`, below `settings`",
        )),
        _ => None,
    }
}

fn required(kind: RepositoryKind) -> &'static str {
    match kind {
        RepositoryKind::Fs => "location",
        RepositoryKind::S3 => "bucket",
    }
}

impl MigrationSpec {
    /// Whether all roles of the source server are carried as a step of its own.
    pub fn carries_roles_by_hand(&self) -> bool {
        self.database_mover != DatabaseMover::Scripts
            && self.grants == Grants::Carry
            && self.components().iter().any(|c| c.database().is_some())
    }

    /// How documents are made ready while users work, and how they are carried during the cutover, for people.
    pub(crate) fn words(&self) -> Words {
        let copy = match (self.reindex, self.delta()) {
            (Reindex::Warm, Delta::Exact) => "carry what changed, moved and went since the warm copy",
            (Reindex::Warm, Delta::Upstream) => {
                "_reindex every index again, where the source's version is higher"
            }
            (Reindex::Cold, _) => match self.mover {
                Mover::Reindex => "create every index, then _reindex from remote",
                Mover::Stream => "create every index, then stream into it",
                Mover::Snapshot => "restore every index from the snapshot, then remove it",
                Mover::Dump => "create every index, then write its dump into it with _bulk",
                Mover::ReindexByHand => {
                    "create every index, then start one _reindex task for each and wait for it"
                }
            },
        };
        let (initial, last) = match self.mover {
            Mover::Snapshot => {
                ("first snapshot, application running", "snapshot of what changed since the first one")
            }
            Mover::Dump => {
                ("health and listing of the source cluster", "scroll every index into a file, and list them")
            }
            _ => ("health and listing of the source cluster", "list the frozen source cluster"),
        };
        Words { initial, last, copy }
    }

    /// How a database is dumped and how it is restored, for people.
    pub(crate) fn database_words(&self, component: Component) -> (String, String) {
        match self.database_mover {
            DatabaseMover::Scripts => {
                (format!("pg_dump of {component}"), format!("pg_restore of {component}"))
            }
            DatabaseMover::Custom => (
                format!("pg_dump of {component}, by hand, custom format"),
                format!("pg_restore of {component} in one transaction"),
            ),
            DatabaseMover::Plain => (
                format!("pg_dump of {component}, by hand, plain SQL"),
                format!("psql of {component} in one transaction"),
            ),
        }
    }
}

/// What three steps do.
pub(crate) struct Words {
    pub(crate) initial: &'static str,
    pub(crate) last: &'static str,
    pub(crate) copy: &'static str,
}
