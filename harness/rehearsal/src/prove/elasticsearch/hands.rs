//! What is done to the two clusters: looking for victims, harming them, putting them right again.

use super::super::stage::Stage;
use super::{Key, Request, Undo};
use drydock_stores::elasticsearch::{Client, Timeouts};
use reqwest::Method;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// Documents of one index that are looked at.
const LOOKED_AT: usize = 200;

/// Written by the store itself into an index's settings; it refuses them from others.
const OWN: [&str; 5] = ["uuid", "creation_date", "version", "provided_name", "resize"];

/// Both clusters, and the indices in which something can be harmed.
pub(super) struct Hands {
    pub(super) source: Client,
    pub(super) target: Client,
    /// Open indices with some documents, by name.
    pub(super) indices: Vec<String>,
}

/// A document with its content.
#[derive(Debug, Clone)]
pub(super) struct Victim {
    pub(super) key: Key,
    pub(super) source: Map<String, Value>,
    /// The content as it is written: numbers may be longer than any type here.
    pub(super) text: String,
}

#[derive(Deserialize)]
struct Answer {
    hits: Hits,
}

#[derive(Deserialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
    #[serde(rename = "_routing")]
    routing: Option<String>,
    #[serde(rename = "_source")]
    source: Box<RawValue>,
}

pub(super) fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Hands {
    pub(super) async fn new(stage: &Stage) -> Result<Self, String> {
        let source = Client::new(&stage.source.elasticsearch, Timeouts::default()).map_err(told)?;
        let target = Client::new(&stage.target.elasticsearch, Timeouts::default()).map_err(told)?;
        let rows = source.get("/_cat/indices?format=json&h=index,status,docs.count").await.map_err(told)?;
        let mut indices: Vec<String> = rows
            .as_array()
            .into_iter()
            .flatten()
            .filter(|row| row["status"] == "open")
            .filter(|row| row["docs.count"].as_str().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) >= 4)
            .filter_map(|row| row["index"].as_str().map(ToOwned::to_owned))
            .filter(|name| stage.prefixes.iter().any(|p| name.starts_with(p.as_str())))
            .collect();
        indices.sort();
        Ok(Self { source, target, indices })
    }

    /// Some documents of an index of the source, in no particular order.
    pub(super) async fn documents(&self, index: &str) -> Result<Vec<Victim>, String> {
        let simple = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        let victim = |hit: Hit| {
            let plain = simple(&hit.id) && hit.routing.as_deref().is_none_or(simple);
            let source = serde_json::from_str(hit.source.get()).ok()?;
            let key = Key { id: hit.id, routing: hit.routing };
            plain.then(|| Victim { key, source, text: hit.source.get().to_owned() })
        };
        Ok(self.hits(index, LOOKED_AT).await?.into_iter().filter_map(victim).collect())
    }

    async fn hits(&self, index: &str, most: usize) -> Result<Vec<Hit>, String> {
        let body = json!({"size": most, "sort": ["_doc"], "query": {"match_all": {}}});
        let path = format!("/{index}/_search");
        let answer: Answer = self.source.json(Method::POST, &path, Some(&body)).await.map_err(told)?;
        Ok(answer.hits.hits)
    }

    /// What the source says of an index: settings, mappings, aliases.
    pub(super) async fn definition(&self, index: &str) -> Result<Value, String> {
        let mut answer = self.source.get(&format!("/{index}")).await.map_err(told)?;
        let mut definition = answer[index].take();
        if let Some(settings) = definition["settings"]["index"].as_object_mut() {
            settings.retain(|name, _| !OWN.contains(&name.as_str()));
        }
        Ok(definition)
    }

    pub(super) async fn write(&self, index: &str, key: &Key, source: &str) -> Result<(), String> {
        let body = ("application/json", source.as_bytes().to_vec());
        self.target.bytes(Method::PUT, &path(index, key), Some(body)).await.map(drop).map_err(told)
    }

    pub(super) async fn remove(&self, index: &str, key: &Key) -> Result<(), String> {
        self.target.delete(&path(index, key)).await.map(drop).map_err(told)
    }

    pub(super) async fn request(&self, request: Request) -> Result<(), String> {
        let done = match &request {
            Request::Put(path, body) => self.target.put(path, body).await,
            Request::Post(path) => self.target.post_empty(path).await,
            Request::Delete(path) => self.target.delete(path).await,
        };
        done.map(drop).map_err(told)
    }

    /// Makes an index of the target anew, from a definition, with the source's documents.
    pub(super) async fn make_anew(&self, index: &str, definition: &Value) -> Result<(), String> {
        // It may be gone: then there is nothing to delete.
        let _ = self.target.delete(&format!("/{index}")).await;
        let mut body = definition.clone();
        // Blocks would refuse the documents: they come last.
        let blocks = body["settings"]["index"].as_object_mut().and_then(|s| s.remove("blocks"));
        self.target.put(&format!("/{index}"), &body).await.map_err(told)?;
        let mut lines = String::new();
        for hit in self.hits(index, 10_000).await? {
            let mut action = json!({"_index": index, "_id": hit.id});
            if let Some(routing) = hit.routing {
                action["routing"] = routing.into();
            }
            // A line end within a content may only be white space: line ends of texts are escaped.
            let source = hit.source.get().replace(['\n', '\r'], " ");
            lines.push_str(&format!("{}\n{source}\n", json!({"index": action})));
        }
        if !lines.is_empty() {
            let answer = self.target.bulk(lines.into_bytes()).await.map_err(told)?;
            if answer["errors"] == true {
                return Err(format!("documents of {index} were refused"));
            }
            self.target.post_empty(&format!("/{index}/_refresh")).await.map_err(told)?;
        }
        if let Some(blocks) = blocks {
            let body = json!({"index": {"blocks": blocks}});
            self.target.put(&format!("/{index}/_settings"), &body).await.map_err(told)?;
        }
        Ok(())
    }

    pub(super) async fn undo(&self, all: Vec<Undo>) -> Result<(), String> {
        for one in all {
            match one {
                Undo::Index(index) => {
                    let definition = self.definition(&index).await?;
                    self.make_anew(&index, &definition).await?;
                }
                Undo::Document(index, key) => {
                    let path = read_path(&index, &key);
                    let hit: Hit = self.source.json(Method::GET, &path, None).await.map_err(told)?;
                    self.write(&index, &key, hit.source.get()).await?;
                }
                Undo::Requests(requests) => {
                    for request in requests {
                        self.request(request).await?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn routed(key: &Key, first: char) -> String {
    key.routing.as_ref().map(|routing| format!("{first}routing={routing}")).unwrap_or_default()
}

fn path(index: &str, key: &Key) -> String {
    format!("/{index}/_doc/{}?refresh=true{}", key.id, routed(key, '&'))
}

fn read_path(index: &str, key: &Key) -> String {
    format!("/{index}/_doc/{}{}", key.id, routed(key, '?'))
}
