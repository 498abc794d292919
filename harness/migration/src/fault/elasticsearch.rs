//! Harm to documents, indices, aliases, templates and settings of the target.

use super::{Choice, PlantedItem};
use crate::context::MigrationContext;
use crate::elasticsearch::{Inventory, Prefixes, State, encode, refresh, template_names};
use crate::error::MigrationError;
use drydock_core::scenario::FaultKind;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

pub(super) type Planted = Result<Option<PlantedItem>, ElasticsearchError>;

/// Documents of one index that are looked at before the next index is tried.
const DOCUMENTS_TRIED: usize = 20;

/// Harms one item and makes it visible.
pub(super) async fn plant(
    cx: &MigrationContext,
    choice: &Choice<'_>,
) -> Result<Option<PlantedItem>, MigrationError> {
    let client = cx.target_elasticsearch()?;
    let prefixes = Prefixes::new(&cx.spec.index_prefixes);
    let inventory = Inventory::take(&client, &prefixes).await?;
    let all: Vec<String> = inventory.indices.iter().map(|i| i.name.clone()).collect();
    let filled: Vec<String> = inventory
        .indices
        .into_iter()
        .filter(|i| i.state == State::Open && i.documents > 0 && choice.allows(&i.name))
        .map(|i| i.name)
        .collect();
    let filled = choice.order(filled, Clone::clone);
    let planted = match choice.kind {
        FaultKind::LoseAlias => lose_alias(&client, choice, &prefixes).await?,
        FaultKind::LoseTemplate => {
            let names = template_names(&client, &prefixes, &all).await?;
            let names = names.into_iter().filter(|n| choice.allows(n)).collect();
            match choice.order(names, Clone::clone).into_iter().next() {
                Some(name) => {
                    request(&client, Method::DELETE, &format!("/_index_template/{}", encode(&name)), None)
                        .await
                        .map_err(|e| failed(choice, &e))?;
                    let subject = format!("template/{name}");
                    Some(PlantedItem { item: subject.clone(), subject })
                }
                None => None,
            }
        }
        _ => {
            let mut planted = None;
            for index in &filled {
                match harm(&client, choice, index).await {
                    Ok(None) => {}
                    Ok(found) => {
                        planted = found;
                        break;
                    }
                    // A block or a small result window: the next index may be kinder.
                    Err(e) if matches!(e.status(), Some(400 | 403 | 404 | 409)) => {}
                    Err(e) => return Err(failed(choice, &e)),
                }
            }
            planted
        }
    };
    refresh(&client, &prefixes).await?;
    Ok(planted)
}

pub(super) fn failed(choice: &Choice<'_>, error: &ElasticsearchError) -> MigrationError {
    MigrationError::environment(
        format!("plant {}", choice.kind.as_str()),
        error.to_string(),
        "see the log of Elasticsearch",
    )
}

async fn harm(client: &Client, choice: &Choice<'_>, index: &str) -> Planted {
    match choice.kind {
        FaultKind::LoseIndex => {
            request(client, Method::DELETE, &format!("/{}", encode(index)), None).await?;
            Ok(Some(PlantedItem { item: index.to_owned(), subject: index.to_owned() }))
        }
        FaultKind::ChangeSetting => change_setting(client, index).await.map(Some),
        FaultKind::NarrowResultWindow => narrow_window(client, index).await.map(Some),
        FaultKind::AdvanceImportPosition => advance_position(client, choice, index).await,
        FaultKind::DynamicMapping => super::guessed::guess_mapping(client, index).await,
        FaultKind::RerouteDocument => {
            let documents = documents(client, choice, index).await?;
            // Where routing is in use, it is what finds the document.
            let routed = documents.iter().find(|d| d.routing.is_some()).or(documents.first());
            match routed {
                Some(key) => reroute(client, index, key).await.map(Some),
                None => Ok(None),
            }
        }
        _ => {
            for key in documents(client, choice, index).await?.iter().take(DOCUMENTS_TRIED) {
                let done = match choice.kind {
                    FaultKind::LoseDocument => {
                        request(client, Method::DELETE, &key.path(index, "_doc"), None).await?;
                        Some(key.item(index))
                    }
                    FaultKind::GhostDocument => copy_as(client, index, key, "-ghost").await?,
                    _ => change(client, index, key).await?,
                };
                if done.is_some() {
                    return Ok(done);
                }
            }
            Ok(None)
        }
    }
}

/// Identity of a document.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Key {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_routing")]
    routing: Option<String>,
}

impl Key {
    fn path(&self, index: &str, endpoint: &str) -> String {
        let routing = self.routing.as_ref().map(|r| format!("?routing={}", encode(r))).unwrap_or_default();
        format!("/{}/{endpoint}/{}{routing}", encode(index), encode(&self.id))
    }

    fn item(&self, index: &str) -> PlantedItem {
        PlantedItem { item: format!("{index} document {}", self.id), subject: index.to_owned() }
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "_source")]
    source: Box<RawValue>,
}

#[derive(Deserialize)]
struct Answer {
    hits: Hits,
}

#[derive(Deserialize, Default)]
struct Hits {
    #[serde(default)]
    hits: Vec<Key>,
}

/// Up to ten thousand documents of an index, in the order of the choice.
pub(super) async fn documents(
    client: &Client,
    choice: &Choice<'_>,
    index: &str,
) -> Result<Vec<Key>, ElasticsearchError> {
    let path = format!("/{}/_search", encode(index));
    let body =
        |size: u32| json!({"size": size, "_source": false, "sort": ["_doc"], "query": {"match_all": {}}});
    let answer: Answer = match client.json(Method::POST, &path, Some(&body(10_000))).await {
        Err(e) if e.status() == Some(400) => client.json(Method::POST, &path, Some(&body(100))).await?,
        other => other?,
    };
    Ok(choice.order(answer.hits.hits, |key| {
        format!("{index}/{}/{}", key.routing.as_deref().unwrap_or(""), key.id)
    }))
}

async fn source_of(client: &Client, index: &str, key: &Key) -> Result<Box<RawValue>, ElasticsearchError> {
    let document: Document = client.json(Method::GET, &key.path(index, "_doc"), None).await?;
    Ok(document.source)
}

async fn request(
    client: &Client,
    method: Method,
    path: &str,
    body: Option<&str>,
) -> Result<(), ElasticsearchError> {
    client.bytes(method, path, body.map(|b| ("application/json", b.as_bytes().to_vec()))).await.map(drop)
}

/// Writes the document a second time under another id, byte for byte.
pub(super) async fn copy_as(client: &Client, index: &str, key: &Key, suffix: &str) -> Planted {
    let source = source_of(client, index, key).await?;
    let copy = Key { id: format!("{}{suffix}", key.id), routing: key.routing.clone() };
    if copy.id.len() > 512 {
        return Ok(None);
    }
    request(client, Method::PUT, &copy.path(index, "_create"), Some(source.get())).await?;
    Ok(Some(copy.item(index)))
}

/// Takes the document away and writes it again, byte for byte, with another routing value.
async fn reroute(client: &Client, index: &str, key: &Key) -> Result<PlantedItem, ElasticsearchError> {
    let source = source_of(client, index, key).await?;
    let other = Key {
        id: key.id.clone(),
        routing: Some(match key.routing.as_deref() {
            Some("drydock") => "drydock-2".to_owned(),
            _ => "drydock".to_owned(),
        }),
    };
    // First away: on the same shard the second write would replace the first.
    request(client, Method::DELETE, &key.path(index, "_doc"), None).await?;
    if let Err(e) = request(client, Method::PUT, &other.path(index, "_doc"), Some(source.get())).await {
        request(client, Method::PUT, &key.path(index, "_doc"), Some(source.get())).await?;
        return Err(e);
    }
    Ok(key.item(index))
}

/// Changes one value of the document, by a partial update, so that no other value is written again by us.
async fn change(client: &Client, index: &str, key: &Key) -> Planted {
    let source = source_of(client, index, key).await?;
    let Ok(source) = serde_json::from_str::<Map<String, Value>>(source.get()) else { return Ok(None) };
    let mapping = client.get(&format!("/{}/_mapping", encode(index))).await?;
    let properties = &mapping[index]["mappings"]["properties"];
    let Some((field, value)) = changed_value(&source, properties) else { return Ok(None) };
    let body = json!({"doc": {field: value}}).to_string();
    request(client, Method::POST, &key.path(index, "_update"), Some(&body)).await?;
    Ok(Some(key.item(index)))
}

/// The first text, else number, else truth value of the document's top level that can take another value.
fn changed_value(source: &Map<String, Value>, properties: &Value) -> Option<(String, Value)> {
    let of_type = |types: &[&str]| {
        let types: Vec<String> = types.iter().map(|t| (*t).to_owned()).collect();
        source.iter().filter(move |(field, _)| {
            let kind = properties[field.as_str()]["type"].as_str().unwrap_or("");
            field.as_str() != "id" && types.iter().any(|t| t == kind)
        })
    };
    let text = of_type(&["keyword", "text"])
        .find_map(|(f, v)| Some((f.clone(), json!(format!("{}~", v.as_str()?)))));
    let number = || {
        of_type(&["long", "integer"]).find_map(|(f, v)| {
            Some((f.clone(), json!(if v.as_i64()? > 0 { v.as_i64()? - 1 } else { v.as_i64()? + 1 })))
        })
    };
    let truth = || of_type(&["boolean"]).find_map(|(f, v)| Some((f.clone(), json!(!v.as_bool()?))));
    text.or_else(number).or_else(truth)
}

async fn change_setting(client: &Client, index: &str) -> Result<PlantedItem, ElasticsearchError> {
    const SETTING: &str = "index.refresh_interval";
    let path = format!("/{}/_settings", encode(index));
    let found = client.get(&format!("{path}?flat_settings=true")).await?;
    let other = if found[index]["settings"][SETTING] == "17s" { "19s" } else { "17s" };
    client.put(&path, &json!({SETTING: other})).await?;
    Ok(PlantedItem {
        item: format!("{index} {}", SETTING.trim_start_matches("index.")),
        subject: index.to_owned(),
    })
}

/// Small enough for any application to notice.
const NARROW_WINDOW: u32 = 100;

async fn narrow_window(client: &Client, index: &str) -> Result<PlantedItem, ElasticsearchError> {
    const SETTING: &str = "index.max_result_window";
    client.put(&format!("/{}/_settings", encode(index)), &json!({SETTING: NARROW_WINDOW})).await?;
    Ok(PlantedItem { item: format!("{index} {SETTING}"), subject: index.to_owned() })
}

/// Far beyond any position that the seeded data or a short workload reaches.
const BEYOND: i64 = 1_000_000_000;

async fn advance_position(client: &Client, choice: &Choice<'_>, index: &str) -> Planted {
    let mapping = client.get(&format!("/{}/_mapping", encode(index))).await?;
    let fields = &mapping[index]["mappings"]["properties"];
    if ["aliasName", "indexName", "position"].iter().any(|name| fields.get(name).is_none()) {
        return Ok(None);
    }
    for key in documents(client, choice, index).await? {
        let source = source_of(client, index, &key).await?;
        let Ok(source) = serde_json::from_str::<Map<String, Value>>(source.get()) else { continue };
        let has_read = source.get("indexName").is_some_and(Value::is_string);
        let Some(position) = source.get("position").and_then(Value::as_i64).filter(|_| has_read) else {
            continue;
        };
        let mut ahead = Map::from_iter([("position".to_owned(), json!(position + BEYOND))]);
        // Newer importers go by the number that the exporter gave the record, where they have noted one.
        if let Some(sequence) = source.get("sequence").and_then(Value::as_i64).filter(|n| *n > 0) {
            ahead.insert("sequence".to_owned(), json!(sequence.saturating_add(BEYOND)));
        }
        let body = json!({"doc": ahead}).to_string();
        request(client, Method::POST, &key.path(index, "_update"), Some(&body)).await?;
        return Ok(Some(key.item(index)));
    }
    Ok(None)
}

async fn lose_alias(
    client: &Client,
    choice: &Choice<'_>,
    prefixes: &Prefixes,
) -> Result<Option<PlantedItem>, MigrationError> {
    let rows = client
        .get("/_cat/aliases?format=json&h=alias,index&expand_wildcards=all")
        .await
        .map_err(|e| failed(choice, &e))?;
    let pairs: Vec<(String, String)> = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|r| Some((r["index"].as_str()?.to_owned(), r["alias"].as_str()?.to_owned())))
        .filter(|(index, _)| prefixes.matches(index) && choice.allows(index))
        .collect();
    let Some((index, alias)) = choice.order(pairs, |(i, a)| format!("{i}/{a}")).into_iter().next() else {
        return Ok(None);
    };
    request(client, Method::DELETE, &format!("/{}/_alias/{}", encode(&index), encode(&alias)), None)
        .await
        .map_err(|e| failed(choice, &e))?;
    let subject = format!("{index}/{alias}");
    Ok(Some(PlantedItem { item: subject.clone(), subject }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_changed_before_a_number_and_the_id_never() {
        let properties = json!({"id": {"type": "keyword"}, "a": {"type": "long"}, "s": {"type": "keyword"}, "d": {"type": "date"}});
        let source = |v: Value| v.as_object().cloned().unwrap_or_default();
        assert_eq!(
            changed_value(&source(json!({"id": "1", "a": 9_007_199_254_740_993_i64, "s": "x"})), &properties),
            Some(("s".into(), json!("x~")))
        );
        assert_eq!(
            changed_value(
                &source(json!({"id": "1", "a": 9_007_199_254_740_993_i64, "s": null})),
                &properties
            ),
            Some(("a".into(), json!(9_007_199_254_740_992_i64)))
        );
        assert_eq!(changed_value(&source(json!({"id": "1", "d": "2026"})), &properties), None);
    }
}
