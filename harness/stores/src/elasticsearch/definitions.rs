//! Definitions that belong to the cluster as a whole: templates, pipelines, policies, scripts, settings.

use super::scope::{Scope, is_managed};
use super::{Client, ElasticsearchError};
use drydock_parity::elasticsearch as parity;
use drydock_parity::shape::{Attributes, Shape};
use serde_json::Value;

/// One kind of definition: what was read, or why it could not be.
pub type Section = Result<Shape, String>;

/// Every definition of a cluster that does not belong to one index.
#[derive(Debug)]
pub struct Definitions {
    /// `template/NAME`.
    pub index_templates: Section,
    /// `component-template/NAME`.
    pub component_templates: Section,
    /// `legacy-template/NAME`.
    pub legacy_templates: Section,
    /// `pipeline/NAME`.
    pub pipelines: Section,
    /// `lifecycle-policy/NAME`.
    pub lifecycle_policies: Section,
    /// `script/NAME`.
    pub scripts: Section,
    /// `cluster-settings/persistent` and `cluster-settings/transient`.
    pub cluster_settings: Section,
    /// `data-stream/NAME`.
    pub data_streams: Section,
    /// Objects that exist and were left out, because they are outside of the scope or managed by the store itself.
    pub outside: Vec<String>,
}

impl Definitions {
    /// Reads all of them. What a cluster does not know (a build without lifecycle management) counts as empty.
    pub async fn read(client: &Client, scope: &Scope) -> Self {
        let mut outside = Vec::new();
        let mut components = Vec::new();
        let index_templates = get(client, "/_index_template").await.map(|answer| {
            let mut shape = Shape::default();
            for entry in answer["index_templates"].as_array().into_iter().flatten() {
                let (name, body) = (entry["name"].as_str().unwrap_or_default(), &entry["index_template"]);
                let subject = format!("template/{name}");
                if is_managed(name, body) || !scope.touches(name, &body["index_patterns"]) {
                    outside.push(subject);
                    continue;
                }
                let composed = body["composed_of"].as_array().into_iter().flatten();
                components.extend(composed.filter_map(Value::as_str).map(ToOwned::to_owned));
                shape.insert(subject, parity::index_template(body));
            }
            shape
        });
        let component_templates = get(client, "/_component_template").await.map(|answer| {
            let mut shape = Shape::default();
            for entry in answer["component_templates"].as_array().into_iter().flatten() {
                let (name, body) = (entry["name"].as_str().unwrap_or_default(), &entry["component_template"]);
                let subject = format!("component-template/{name}");
                let used = components.iter().any(|c| c == name);
                if used || (!is_managed(name, body) && scope.contains(name)) {
                    shape.insert(subject, parity::component_template(body));
                } else {
                    outside.push(subject);
                }
            }
            shape
        });
        let legacy_templates = get(client, "/_template?flat_settings=true").await.map(|answer| {
            let mut shape = Shape::default();
            for (name, body) in answer.as_object().into_iter().flatten() {
                let subject = format!("legacy-template/{name}");
                if name.starts_with('.') || !scope.touches(name, &body["index_patterns"]) {
                    outside.push(subject);
                } else {
                    shape.insert(subject, parity::legacy_template(body));
                }
            }
            shape
        });
        let pipelines = named(client, "/_ingest/pipeline", "pipeline", |body| body, &mut outside).await;
        let lifecycle_policies =
            named(client, "/_ilm/policy", "lifecycle-policy", |body| &body["policy"], &mut outside).await;
        let scripts =
            get(client, "/_cluster/state/metadata?filter_path=metadata.stored_scripts").await.map(|answer| {
                let mut shape = Shape::default();
                for (name, body) in answer["metadata"]["stored_scripts"].as_object().into_iter().flatten() {
                    shape.insert(format!("script/{name}"), flat(body));
                }
                shape
            });
        let cluster_settings = get(client, "/_cluster/settings?flat_settings=true").await.map(|answer| {
            let mut shape = Shape::default();
            for kind in ["persistent", "transient"] {
                let settings = answer.get(kind).filter(|v| v.as_object().is_some_and(|m| !m.is_empty()));
                shape.insert(format!("cluster-settings/{kind}"), settings.map(flat).unwrap_or_default());
            }
            shape
        });
        let data_streams = get(client, "/_data_stream/*?expand_wildcards=all").await.map(|answer| {
            let mut shape = Shape::default();
            for stream in answer["data_streams"].as_array().into_iter().flatten() {
                let name = stream["name"].as_str().unwrap_or_default();
                let subject = format!("data-stream/{name}");
                if !scope.contains(name) || name.starts_with('.') {
                    outside.push(subject);
                    continue;
                }
                let mut attributes = Attributes::new();
                // Generation and health are the store's own affair; which indices stand behind it is not.
                for key in ["timestamp_field", "template", "ilm_policy", "hidden", "replicated", "_meta"] {
                    if let Some(value) = stream.get(key) {
                        parity::flatten(key, value, &mut attributes);
                    }
                }
                for (at, index) in stream["indices"].as_array().into_iter().flatten().enumerate() {
                    let name = index["index_name"].as_str().unwrap_or_default();
                    attributes.insert(format!("backing index {at}"), name.to_owned());
                }
                shape.insert(subject, attributes);
            }
            shape
        });
        Self {
            index_templates,
            component_templates,
            legacy_templates,
            pipelines,
            lifecycle_policies,
            scripts,
            cluster_settings,
            data_streams,
            outside,
        }
    }

    /// Names of indices that stand behind a data stream asked for.
    pub(super) fn backing_indices(&self) -> Vec<&str> {
        let streams = self.data_streams.iter().flat_map(|shape| shape.0.values());
        streams
            .flat_map(|attributes| attributes.iter())
            .filter(|(name, _)| name.starts_with("backing index "))
            .map(|(_, index)| index.as_str())
            .collect()
    }
}

async fn named(
    client: &Client,
    path: &str,
    kind: &str,
    definition: fn(&Value) -> &Value,
    outside: &mut Vec<String>,
) -> Section {
    let answer = get(client, path).await?;
    let mut shape = Shape::default();
    for (name, body) in answer.as_object().into_iter().flatten() {
        let body = definition(body);
        let subject = format!("{kind}/{name}");
        if is_managed(name, body) {
            outside.push(subject);
        } else {
            // A processor treats 1 and "1" as two values, so texts keep their quotes.
            let members = body.as_object().into_iter().flatten();
            shape.insert(subject, without_dates(members.map(|(k, v)| (k.clone(), v.to_string())).collect()));
        }
    }
    Ok(shape)
}

fn flat(body: &Value) -> Attributes {
    let mut attributes = Attributes::new();
    parity::flatten("", body, &mut attributes);
    without_dates(attributes)
}

/// Without what the store notes down about the definition itself.
fn without_dates(mut attributes: Attributes) -> Attributes {
    for own in ["modified_date", "modified_date_millis", "created_date", "created_date_millis"] {
        attributes.remove(own);
    }
    attributes
}

/// `{}` where the cluster has no such objects or no such feature at all.
async fn get(client: &Client, path: &str) -> Result<Value, String> {
    match client.get(path).await {
        Ok(answer) => Ok(answer),
        Err(error) if error.is_not_found() || is_unknown_feature(&error) => {
            Ok(Value::Object(serde_json::Map::new()))
        }
        Err(error) => Err(error.to_string()),
    }
}

/// A build without the feature has no handler for its path, or takes the path for an index that it may only post to.
fn is_unknown_feature(error: &ElasticsearchError) -> bool {
    match error.status() {
        Some(400) => error.to_string().contains("no handler found"),
        status => status == Some(405),
    }
}
