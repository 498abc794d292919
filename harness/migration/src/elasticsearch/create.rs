//! Making an index on the target.

use super::inventory::index_path;
use super::settings::{self, SettingsPlan};
use crate::context::Reporter;
use crate::error::MigrationError;
use drydock_core::scenario::CreateIndices;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, ErrorKind};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What the source says an index is.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) mappings: Value,
    pub(crate) aliases: Value,
    pub(crate) settings: Map<String, Value>,
    pub(crate) plan: SettingsPlan,
}

impl Definition {
    /// The same under another name, out of reach of whatever knows the index: no alias, no lifecycle, no block.
    pub(crate) fn apart(&self, name: &str) -> Self {
        let mut apart = Self { name: name.to_owned(), aliases: json!({}), ..self.clone() };
        apart.plan.blocks.clear();
        for settings in [&mut apart.settings, &mut apart.plan.create, &mut apart.plan.restore] {
            settings.retain(|setting, _| !setting.starts_with("index.lifecycle."));
        }
        apart
    }
}

/// Definitions of every wanted index of the source, closed and hidden ones included, by name.
pub(crate) async fn definitions(
    source: &Client,
    pattern: &str,
) -> Result<BTreeMap<String, Definition>, MigrationError> {
    let answer = source
        .get(&format!("/{pattern}?expand_wildcards=all&flat_settings=true"))
        .await
        .map_err(|e| MigrationError::elasticsearch("read the definitions of the source's indices", &e))?;
    Ok(parse(&answer))
}

/// Definitions by name, from an answer with flat settings.
pub(crate) fn parse(answer: &Value) -> BTreeMap<String, Definition> {
    answer
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, body)| {
            let settings = body["settings"].as_object().cloned().unwrap_or_default();
            let definition = Definition {
                name: name.clone(),
                mappings: body["mappings"].clone(),
                aliases: body["aliases"].clone(),
                plan: settings::complete(&settings),
                settings,
            };
            (name.clone(), definition)
        })
        .collect()
}

/// Makes the index on the target; it must not exist.
pub(crate) async fn create(
    target: &Client,
    definition: &Definition,
    mode: CreateIndices,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    match mode {
        CreateIndices::Complete => complete(target, definition).await.map_err(|e| {
            MigrationError::elasticsearch(format!("create index {} on the target", definition.name), &e)
        }),
        CreateIndices::Upstream => upstream(target, definition, reporter).await,
        CreateIndices::Bare => bare(target, definition).await.map_err(|e| failed(definition, &e)),
    }
}

/// With everything that can be carried. Nothing is left out to make it succeed: an index that is not the source's index
/// would be a silent loss.
async fn complete(target: &Client, definition: &Definition) -> Result<(), ElasticsearchError> {
    let body = json!({
        "settings": definition.plan.create,
        "mappings": definition.mappings,
        "aliases": definition.aliases,
    });
    // Without waiting for the shards, which start while the next index is made; writes wait for them by themselves.
    let path = format!("{}?wait_for_active_shards=0", index_path(&definition.name));
    match target.put(&path, &body).await {
        // Nothing was there before: a request that went unanswered has made it, or a copy that went on after its end.
        Err(e) if is_there(&e) => {
            target.delete(&index_path(&definition.name)).await?;
            target.put(&path, &body).await.map(drop)
        }
        made => made.map(drop),
    }
}

fn is_there(error: &ElasticsearchError) -> bool {
    matches!(&error.kind, ErrorKind::Status { error_type, .. } if error_type == "resource_already_exists_exception")
}

/// With its mapping, and of its settings only the analysis without which the mapping is refused.
async fn bare(target: &Client, definition: &Definition) -> Result<(), ElasticsearchError> {
    let body = json!({"settings": settings::upstream(&definition.settings), "mappings": definition.mappings});
    target.put(&index_path(&definition.name), &body).await.map(drop)
}

/// The ladder of the official scripts: mappings with analysis and two limits; the settings first and the mapping after; the
/// mapping alone; an index whose mapping is guessed from the documents.
async fn upstream(
    target: &Client,
    definition: &Definition,
    reporter: &dyn Reporter,
) -> Result<(), MigrationError> {
    let path = index_path(&definition.name);
    let mapping_path = format!("{path}/_mapping");
    let kept = settings::upstream(&definition.settings);
    let stepped = |step: &str, e: &ElasticsearchError| {
        reporter.note(&format!(
            "index {} could not be made {step} ({e}); the next rung of the ladder is tried",
            definition.name
        ));
    };
    let whole = json!({"settings": kept, "mappings": definition.mappings});
    match target.put(&path, &whole).await {
        Ok(_) => return Ok(()),
        Err(e) if e.is_transport() => return Err(failed(definition, &e)),
        Err(e) => stepped("with its mapping and analysis", &e),
    }
    // It may have been made in spite of the error.
    let _ = target.delete(&path).await;
    if let Err(e) = target.put(&path, &json!({"settings": kept})).await {
        stepped("with its analysis alone", &e);
    } else {
        match target.put(&mapping_path, &definition.mappings).await {
            Ok(_) => return Ok(()),
            Err(e) => stepped("with its analysis first and its mapping after", &e),
        }
        let _ = target.delete(&path).await;
    }
    match target.put(&path, &json!({"mappings": definition.mappings})).await {
        Ok(_) => return Ok(()),
        Err(e) => stepped("with its mapping alone", &e),
    }
    let guessed = json!({"mappings": {"date_detection": false, "numeric_detection": false}});
    target.put(&path, &guessed).await.map(drop).map_err(|e| failed(definition, &e))?;
    reporter
        .note(&format!("index {} was made without its mapping: field types are guessed", definition.name));
    Ok(())
}

fn failed(definition: &Definition, error: &ElasticsearchError) -> MigrationError {
    MigrationError::elasticsearch(format!("create index {} on the target", definition.name), error)
}
