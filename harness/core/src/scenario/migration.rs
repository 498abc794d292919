//! How a migration is carried out.

use super::manual::{DatabaseMover, DumpTool, Repository};
use crate::names::Component;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the migration is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationSpec {
    /// What is migrated; all four if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub components: Option<Vec<Component>>,
    /// Indices whose names begin so are migrated.
    #[serde(default = "default_prefixes")]
    pub index_prefixes: Vec<String>,
    /// What a new index is given.
    #[serde(default)]
    pub create_indices: CreateIndices,
    /// What happens to second roles and their grants, which `pg_restore --no-owner --no-privileges` leaves behind.
    #[serde(default)]
    pub grants: Grants,
    /// What carries the documents.
    #[serde(default)]
    pub mover: Mover,
    /// What writes and reads the files of `mover: dump`.
    #[serde(default)]
    pub tool: DumpTool,
    /// Where `mover: snapshot` keeps its snapshots; a folder that both embedded clusters share if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// What carries the databases.
    #[serde(default)]
    pub database_mover: DatabaseMover,
    /// When the documents are copied.
    #[serde(default)]
    pub reindex: Reindex,
    /// How a warm copy catches up during the cutover; `exact` if absent. Only with `reindex: warm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    /// What becomes of the documents' versions in a cold copy. A warm one keeps them.
    #[serde(default)]
    pub versions: Versions,
    /// Indices copied at once; with `mover: stream`, readers at once.
    #[serde(default = "default_parallelism")]
    #[schemars(range(min = 1, max = 16))]
    pub reindex_parallelism: u32,
    /// Documents a batch of `_reindex`.
    #[serde(default = "default_batch")]
    #[schemars(range(min = 1, max = 10_000))]
    pub reindex_batch: u32,
    /// How long users must have worked on the target before the source may be cleaned up; at once if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<jiff::SignedDuration>,
}

fn default_prefixes() -> Vec<String> {
    ["zeebe-", "operate-", "tasklist-", "optimize-", "connectors-", "camunda-"].map(Into::into).to_vec()
}

/// Indices copied at once where a scenario does not say how many.
pub const USUAL_PARALLELISM: u32 = 4;

fn default_parallelism() -> u32 {
    USUAL_PARALLELISM
}

fn default_batch() -> u32 {
    5000
}

impl Default for MigrationSpec {
    fn default() -> Self {
        Self {
            components: None,
            index_prefixes: default_prefixes(),
            create_indices: CreateIndices::default(),
            grants: Grants::default(),
            mover: Mover::default(),
            tool: DumpTool::default(),
            repository: None,
            database_mover: DatabaseMover::default(),
            reindex: Reindex::default(),
            delta: None,
            versions: Versions::default(),
            reindex_parallelism: default_parallelism(),
            reindex_batch: default_batch(),
            soak: None,
        }
    }
}

impl MigrationSpec {
    /// The components to migrate, in the migration's order, each once.
    pub fn components(&self) -> Vec<Component> {
        match &self.components {
            None => Component::ALL.to_vec(),
            Some(asked) => Component::ALL.into_iter().filter(|c| asked.contains(c)).collect(),
        }
    }

    /// How a warm copy catches up.
    pub fn delta(&self) -> Delta {
        self.delta.unwrap_or_default()
    }
}

/// What carries the documents of an index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mover {
    /// `_reindex` from remote: the target reads from the source, as in the official scripts.
    #[default]
    Reindex,
    /// Slices of a point in time of the source, read in parallel and written with `_bulk`. The target needs no right to read
    /// from the source.
    Stream,
    /// A snapshot of the source in a repository that both clusters reach, restored by the target.
    Snapshot,
    /// A scroll of each index into a file, and `_bulk` from the file, as elasticdump does it.
    Dump,
    /// One `_reindex` from remote for each index, started as a task and asked after, as the API is used by hand.
    ReindexByHand,
}

/// What becomes of the documents' versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Versions {
    /// They begin at 1 again, as with the official scripts.
    #[default]
    Reset,
    /// The source's, written with `version_type: external`.
    Keep,
}

/// When the documents are copied.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Reindex {
    /// All of them during the cutover.
    #[default]
    Cold,
    /// All of them while users work, and during the cutover what has changed since.
    Warm,
}

/// How a warm copy catches up during the cutover.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Delta {
    /// What the source has written since, found by its sequence numbers, and everything it has deleted, moved, re-created,
    /// dropped or defined anew.
    #[default]
    Exact,
    /// As the official scripts do it: every index again with `version_type=external` and `conflicts=proceed`. Deletes are
    /// not carried, nor documents that were re-created with a lower version.
    Upstream,
}

/// What a new index on the target is given before documents are copied into it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CreateIndices {
    /// Mappings and every setting that can be carried.
    #[default]
    Complete,
    /// Mappings, analysis and the n-gram and shingle limits only, as the official scripts do it; aliases carry no filter,
    /// routing or hidden flag. Shows what that loses.
    Upstream,
    /// What a manual way brings by itself and nothing beside it: a snapshot alone, or mappings with the analysis they need.
    /// No other settings, aliases, templates, pipelines or policies; a dump rounds numbers as JavaScript does. Shows what
    /// that loses.
    Bare,
}

/// What happens to second roles and their grants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Grants {
    /// They are carried over after each restore.
    #[default]
    Carry,
    /// They are left behind, as the official scripts do.
    Leave,
}
