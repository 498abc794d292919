//! Component templates and index templates, and the legacy templates of old installations.

use super::{Prefixes, bounded, encode};
use crate::context::{Facts, Reporter};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_core::glob;
use drydock_core::scenario::CreateIndices;
use drydock_stores::elasticsearch::Client;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The official scripts keep templates whose names contain one of these.
const WORDS: [&str; 5] = ["zeebe", "operate", "tasklist", "optimize", "camunda"];
/// Written by newer stores, refused when written back.
const STAMPS: [&str; 4] = ["created_date", "created_date_millis", "modified_date", "modified_date_millis"];

/// Templates by name, as the store prints and takes them.
type Templates = BTreeMap<String, Value>;

/// Carries templates to the target: the components first, then what is composed of them.
pub(crate) async fn carry(
    source: &Client,
    target: &Client,
    prefixes: &Prefixes,
    mode: CreateIndices,
    indices: &[String],
    reporter: &dyn Reporter,
) -> Result<Facts, MigrationError> {
    let components =
        read(source, "/_component_template", "component_templates", "component_template").await?;
    let all = read(source, "/_index_template", "index_templates", "index_template").await?;
    let kept: Templates = all
        .into_iter()
        .filter(|(name, body)| wanted(name, &body["index_patterns"], mode, prefixes, indices))
        .collect();
    let composed: BTreeSet<&str> = kept
        .values()
        .flat_map(|t| t["composed_of"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let components: Templates = components
        .into_iter()
        .filter(|(name, _)| match mode {
            CreateIndices::Upstream => by_word(name),
            CreateIndices::Complete | CreateIndices::Bare => {
                by_word(name) || own(prefixes, name) || composed.contains(name.as_str())
            }
        })
        .collect();
    let mut facts = Facts::from([
        ("component_templates".into(), json!(components.len())),
        ("index_templates".into(), json!(kept.len())),
    ]);
    write(target, "/_component_template", "component template", components).await?;
    if !Without::Templates.is_gone() {
        write(target, "/_index_template", "index template", kept).await?;
    }
    if mode == CreateIndices::Complete {
        let legacy = legacy(source, prefixes, indices).await?;
        if !legacy.is_empty() {
            reporter.note(&format!("{} legacy templates were carried as they are", legacy.len()));
        }
        facts.insert("legacy_templates".into(), json!(legacy.len()));
        write(target, "/_template", "legacy template", legacy).await?;
    }
    Ok(facts)
}

/// Names of the index templates of a cluster that belong to the migration.
pub(crate) async fn names(
    client: &Client,
    prefixes: &Prefixes,
    indices: &[String],
) -> Result<Vec<String>, MigrationError> {
    let all = read(client, "/_index_template", "index_templates", "index_template").await?;
    Ok(all
        .into_iter()
        .filter(|(name, body)| {
            wanted(name, &body["index_patterns"], CreateIndices::Complete, prefixes, indices)
        })
        .map(|(name, _)| name)
        .collect())
}

fn by_word(name: &str) -> bool {
    WORDS.iter().any(|w| name.contains(w))
}

/// Without prefixes every index is wanted, but not every template: the store's own must stay the store's.
fn own(prefixes: &Prefixes, name: &str) -> bool {
    prefixes.is_selective() && prefixes.matches(name)
}

fn wanted(
    name: &str,
    patterns: &Value,
    mode: CreateIndices,
    prefixes: &Prefixes,
    indices: &[String],
) -> bool {
    if by_word(name) {
        return true;
    }
    if mode == CreateIndices::Upstream {
        return false;
    }
    own(prefixes, name)
        || patterns
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .any(|p| indices.iter().any(|i| glob::matches(p, i)))
}

async fn read(client: &Client, path: &str, list: &str, body: &str) -> Result<Templates, MigrationError> {
    let answer = client
        .get(path)
        .await
        .map_err(|e| MigrationError::elasticsearch(format!("read {path} of the source"), &e))?;
    Ok(answer[list]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let mut template = entry[body].clone();
            let object = template.as_object_mut()?;
            object.retain(|key, _| !STAMPS.contains(&key.as_str()));
            Some((entry["name"].as_str()?.to_owned(), template))
        })
        .collect())
}

async fn legacy(
    source: &Client,
    prefixes: &Prefixes,
    indices: &[String],
) -> Result<Templates, MigrationError> {
    match source.get("/_template").await {
        Ok(answer) => Ok(answer
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(name, body)| {
                wanted(name, &body["index_patterns"], CreateIndices::Complete, prefixes, indices)
            })
            .map(|(name, body)| (name.clone(), body.clone()))
            .collect()),
        // Stores of the future have none.
        Err(e) if e.status().is_some() => Ok(Templates::new()),
        Err(e) => Err(MigrationError::elasticsearch("read the legacy templates of the source", &e)),
    }
}

async fn write(target: &Client, path: &str, what: &str, templates: Templates) -> Result<(), MigrationError> {
    let puts =
        templates
            .into_iter()
            .map(|(name, body)| async move {
                target.put(&format!("{path}/{}", encode(&name)), &body).await.map(drop).map_err(|e| {
                    MigrationError::elasticsearch(format!("write {what} {name} to the target"), &e)
                })
            })
            .collect();
    bounded(8, puts).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn complete_takes_what_belongs_and_upstream_what_is_called_so() {
        let prefixes = Prefixes::new(&["acme-".into(), "zeebe-".into()]);
        let indices = vec!["acme-operate-list-view_".to_owned()];
        let check =
            |name: &str, pattern: &str, mode| wanted(name, &json!([pattern]), mode, &prefixes, &indices);
        assert!(check("acme-operate_template", "x*", CreateIndices::Upstream));
        assert!(!check("acme-t", "acme-*", CreateIndices::Upstream));
        assert!(check("acme-t", "x*", CreateIndices::Complete));
        assert!(check("custom", "*-list-view_", CreateIndices::Complete));
        assert!(!check("logs", "logs-*-*", CreateIndices::Complete));
        let all = Prefixes::new(&[]);
        assert!(!wanted("logs", &json!(["logs-*-*"]), CreateIndices::Complete, &all, &indices));
    }
}
