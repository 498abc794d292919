//! The way by dump: each index into two files, its definition and its documents, and from there onto the target.
//!
//! Beside them lies a seal with the number of documents and the hash of the file: a file that was cut short reads like a
//! smaller index.

mod numbers;
mod scroll;
#[cfg(test)]
mod tests;
mod tool;

pub(crate) use tool::prepare;

use super::copy::Work;
use super::create::{self, Definition};
use super::inventory::{self, Inventory, SourceIndex, State};
use super::reindex::batch_size;
use super::stream::{Failure, Numbers, Stream, Write};
use super::{Prefixes, bounded, encode, list, settings};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::error::MigrationError;
use drydock_core::scenario::{CreateIndices, DumpTool, Versions};
use drydock_stores::elasticsearch::Client;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub(super) use numbers::as_javascript;

/// What must be found in a file of documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Seal {
    documents: u64,
    bytes: u64,
    blake3: String,
}

/// The files of one index.
#[derive(Debug, Clone)]
struct Files {
    index: String,
    definition: PathBuf,
    documents: PathBuf,
    seal: PathBuf,
}

impl Files {
    fn of(cx: &MigrationContext, index: &str) -> Self {
        let mut name = encode(index);
        if name.len() > 200 {
            // With an ending it would be longer than a file's name may be.
            name = blake3::hash(index.as_bytes()).to_hex().to_string();
        }
        let file = |ending: &str| folder(cx).join(format!("{name}.{ending}"));
        Self {
            index: index.to_owned(),
            definition: file("definition.json"),
            documents: file("data.json"),
            seal: file("seal.json"),
        }
    }

    /// What the seal says, if the file of documents is what was sealed.
    async fn check(&self) -> Result<Seal, MigrationError> {
        let broken = |reason: String| {
            MigrationError::migration(
                format!("read the dump of index {}", self.index),
                reason,
                "rehearse again: the dump is made in phase-3/backup/elasticsearch",
            )
        };
        let text = std::fs::read(&self.seal)
            .map_err(|e| broken(format!("it was not finished: {}: {e}", self.seal.display())))?;
        let seal: Seal =
            serde_json::from_slice(&text).map_err(|e| broken(format!("{}: {e}", self.seal.display())))?;
        let file = self.documents.clone();
        let (bytes, blake3) = tokio::task::spawn_blocking(move || crate::postgres::hash(&file))
            .await
            .map_err(|e| MigrationError::Internal(format!("hashing a dump failed: {e}")))?
            .map_err(|e| MigrationError::io("read", &self.documents, &e))?;
        if bytes != seal.bytes || blake3 != seal.blake3 {
            let shown = self.documents.display();
            return Err(broken(format!(
                "{shown} has {bytes} bytes now, and had {} with other contents when it was written",
                seal.bytes
            )));
        }
        Ok(seal)
    }
}

fn folder(cx: &MigrationContext) -> PathBuf {
    cx.dumps.join("elasticsearch")
}

/// Writes every wanted index of the source into files, and lists the source.
pub(crate) async fn write(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let begun = Instant::now();
    let mut facts = list(cx, reporter).await?;
    let source = cx.source_elasticsearch()?;
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let folder = folder(cx);
    // Files of an earlier attempt would be taken for this one's.
    match std::fs::remove_dir_all(&folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(MigrationError::io("remove an earlier dump in", &folder, &e));
        }
        _ => {}
    }
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|e| MigrationError::io("create the folder for dumps", &folder, &e))?;
    let inventory = Inventory::take(&source, &prefixes).await?;
    let definitions = source
        .get(&format!("/{}?expand_wildcards=all&flat_settings=true", prefixes.pattern()))
        .await
        .map_err(|e| MigrationError::elasticsearch("read the definitions of the source's indices", &e))?;
    let total = inventory.documents();
    let (done, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
    let dumps = inventory
        .indices
        .iter()
        .map(|index| async {
            let files = Files::of(cx, &index.name);
            let definition = &definitions[&index.name];
            let largest = definition["settings"].as_object().map_or(1, settings::largest_page);
            let definition = json!({ index.name.clone(): definition });
            private(&files.definition, definition.to_string().as_bytes())?;
            if index.state == State::Closed {
                return Ok(());
            }
            let seal = one(cx, &source, index, largest, &files).await?;
            bytes.fetch_add(seal.bytes, Ordering::Relaxed);
            let now = done.fetch_add(seal.documents, Ordering::Relaxed) + seal.documents;
            reporter.progress(now, Some(total), "documents");
            Ok(())
        })
        .collect();
    let parallelism = usize::try_from(cx.spec.reindex_parallelism).unwrap_or(usize::MAX);
    bounded(parallelism, dumps).await?;
    facts.insert("dumped".into(), json!(done.into_inner()));
    facts.insert("dump_bytes".into(), json!(bytes.into_inner()));
    facts.insert("dump_seconds".into(), json!(crate::postgres::round(begun.elapsed().as_secs_f64())));
    Ok(facts)
}

/// One index into its file, sealed when every document that the source counts is in it.
async fn one(
    cx: &MigrationContext,
    source: &Client,
    index: &SourceIndex,
    largest: u32,
    files: &Files,
) -> Result<Seal, MigrationError> {
    let documents = match cx.spec.tool {
        DumpTool::Builtin => {
            let page = batch_size(cx.spec.reindex_batch, index.store_bytes, index.documents).min(largest);
            scroll::into_file(source, &index.name, page, &files.documents).await?
        }
        DumpTool::Elasticdump => tool::into_files(cx, files, largest).await?,
    };
    if documents != index.documents {
        return Err(MigrationError::migration(
            format!("dump index {}", index.name),
            format!("the source counts {} documents, and {documents} came", index.documents),
            "see that nothing writes to the source, then resume the run",
        ));
    }
    let file = files.documents.clone();
    let (bytes, blake3) = tokio::task::spawn_blocking(move || crate::postgres::hash(&file))
        .await
        .map_err(|e| MigrationError::Internal(format!("hashing a dump failed: {e}")))?
        .map_err(|e| MigrationError::io("read", &files.documents, &e))?;
    let seal = Seal { documents, bytes, blake3 };
    private(&files.seal, json!(seal).to_string().as_bytes())?;
    Ok(seal)
}

/// Writes a file that is its owner's alone.
fn private(path: &Path, bytes: &[u8]) -> Result<(), MigrationError> {
    let written = open(path).and_then(|mut file| std::io::Write::write_all(&mut file, bytes));
    written.map_err(|e| MigrationError::io("write", path, &e))
}

fn open(path: &Path) -> std::io::Result<std::fs::File> {
    std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)
}

/// Definitions as the dump holds them.
pub(super) fn definitions(
    cx: &MigrationContext,
    inventory: &Inventory,
) -> Result<BTreeMap<String, Definition>, MigrationError> {
    let mut all = BTreeMap::new();
    for index in &inventory.indices {
        let path = Files::of(cx, &index.name).definition;
        let text = std::fs::read(&path).map_err(|e| {
            MigrationError::migration(
                format!("read the dump of index {}", index.name),
                format!("{}: {e}", path.display()),
                "rehearse again: the dump is made in phase-3/backup/elasticsearch",
            )
        })?;
        let answer: Value = serde_json::from_slice(&text).map_err(|e| {
            let reason = format!("{}: {e}", path.display());
            MigrationError::migration(
                format!("read the dump of index {}", index.name),
                reason,
                "rehearse again",
            )
        })?;
        all.extend(create::parse(&answer));
    }
    Ok(all)
}

impl Work<'_> {
    /// Writes the dump of an index into the index on the target, which is empty.
    pub(super) async fn load_dump(&self, index: &SourceIndex, versions: Versions) -> Result<u64, Failure> {
        let files = Files::of(self.cx, &index.name);
        let seal = files.check().await.map_err(Failure::Other)?;
        if self.cx.spec.tool == DumpTool::Elasticdump {
            tool::from_file(self.cx, &files).await.map_err(Failure::Other)?;
            let there = inventory::count_now(&self.target, &index.name).await.map_err(Failure::Other)?;
            if there != seal.documents {
                return Err(Failure::Other(MigrationError::migration(
                    format!("write the dump of index {} with elasticdump", index.name),
                    format!("it holds {} documents, and the target counts {there}", seal.documents),
                    "see logs/elasticdump-*.log for those that the target refused: the program passes over them",
                )));
            }
            return Ok(there);
        }
        let write = if versions == Versions::Keep { Write::CreateVersioned } else { Write::Create };
        let numbers = match self.mode() {
            CreateIndices::Bare => Numbers::AsJavascript,
            _ => Numbers::AsTheyAre,
        };
        Stream::load(&self.stream, &index.name, write, numbers, &files.documents, seal.documents).await
    }

    /// Makes an index as the tool does, if that is to be seen, and tells whether it did.
    pub(super) async fn made_by_tool(&self, name: &str) -> Result<bool, MigrationError> {
        let asked = self.cx.spec.tool == DumpTool::Elasticdump && self.mode() == CreateIndices::Bare;
        if asked {
            tool::make(self.cx, &Files::of(self.cx, name)).await?;
        }
        Ok(asked)
    }
}
