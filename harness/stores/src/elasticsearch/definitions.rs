//! Definitions that belong to the cluster as a whole: templates, pipelines, policies, scripts, settings.

use super::future::{Futures, read_futures};
use super::optional::{Optional, read_optional};
use super::scope::{Scope, is_managed};
use super::{Client, ElasticsearchError, Flavour};
use drydock_parity::elasticsearch as parity;
use drydock_parity::elasticsearch::TemplateSet;
use drydock_parity::shape::{Attributes, Shape};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

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
    /// `lifecycle-policy/NAME`, of either product.
    pub lifecycle_policies: Section,
    /// `script/NAME`.
    pub scripts: Section,
    /// `cluster-settings/persistent/NAME` and `cluster-settings/transient/NAME`.
    pub cluster_settings: Section,
    /// What the cluster's settings are where nobody set them through the API, the nodes' own configuration included.
    pub cluster_defaults: Attributes,
    /// `data-stream/NAME`.
    pub data_streams: Section,
    /// What only some builds have and some roles may read.
    pub optional: Vec<Optional>,
    /// What the coming dated indices would be.
    pub futures: Futures,
    /// Objects that exist and were left out, because they are outside of the scope or managed by the store itself.
    pub outside: Vec<String>,
}

impl Definitions {
    /// Reads all of them. What a cluster does not know (a build without lifecycle management) counts as empty.
    pub async fn read(client: &Client, scope: &Scope) -> Self {
        // Where nobody answers or lets anybody in, every further request would wait for the same.
        if let Err(error) = client.get("/").await
            && (error.is_transport() || error.status() == Some(401))
        {
            return Self::unreadable(&error.to_string());
        }
        let mut outside = Vec::new();
        let state = get(client, STATE).await.map(|mut answer| answer["metadata"].take());
        let templates = Templates::read(client).await;
        let (index_templates, component_templates, legacy_templates) = templates.shapes(scope, &mut outside);
        let pipelines = get_or(client, "/_ingest/pipeline", &state, pipelines_of_state)
            .await
            .map(|answer| named(&answer, "pipeline", parity::pipeline, &mut outside));
        let lifecycle_policies = policies(client, &state)
            .await
            .map(|all| named(&all, "lifecycle-policy", parity::policy, &mut outside));
        let scripts = match &state {
            Ok(state) => {
                let all = state["stored_scripts"].as_object().into_iter().flatten();
                Ok(Shape(all.map(|(name, body)| (format!("script/{name}"), parity::stored(body))).collect()))
            }
            Err(reason) => Err(reason.clone()),
        };
        let mut cluster_defaults = Attributes::new();
        let path = "/_cluster/settings?flat_settings=true&include_defaults=true";
        let cluster_settings = get(client, path).await.map(|answer| {
            parity::flatten("", &answer["defaults"], &mut cluster_defaults);
            let mut shape = Shape::default();
            for kind in ["persistent", "transient"] {
                let mut set = Attributes::new();
                parity::flatten("", &answer[kind], &mut set);
                for (name, value) in set.into_iter().filter(|(name, _)| !name.is_empty()) {
                    shape.set(format!("cluster-settings/{kind}/{name}"), name, value);
                }
            }
            shape
        });
        let data_streams = data_streams(client, scope, &mut outside).await;
        let auto_create = cluster_settings.as_ref().ok().map(|shape| auto_create(shape, &cluster_defaults));
        let futures = read_futures(client, scope, templates.whole(), auto_create.flatten()).await;
        let optional = read_optional(client, &state).await;
        Self {
            index_templates,
            component_templates,
            legacy_templates,
            pipelines,
            lifecycle_policies,
            scripts,
            cluster_settings,
            cluster_defaults,
            data_streams,
            optional,
            futures,
            outside,
        }
    }

    fn unreadable(reason: &str) -> Self {
        let section = || Err(reason.to_owned());
        Self {
            index_templates: section(),
            component_templates: section(),
            legacy_templates: section(),
            pipelines: section(),
            lifecycle_policies: section(),
            scripts: section(),
            cluster_settings: section(),
            cluster_defaults: Attributes::new(),
            data_streams: section(),
            optional: Vec::new(),
            futures: Futures::unreadable(reason),
            outside: Vec::new(),
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

/// What the cluster's state tells to a role that may only monitor, and what no other call tells.
const STATE: &str = "/_cluster/state/metadata?flat_settings=true&filter_path=metadata.stored_scripts,\
    metadata.ingest,metadata.index_lifecycle,metadata.snapshot_lifecycle,metadata.repositories,metadata.enrich";

/// The three kinds of template as they were answered.
struct Templates {
    index: Result<BTreeMap<String, Value>, String>,
    component: Result<BTreeMap<String, Value>, String>,
    legacy: Result<BTreeMap<String, Value>, String>,
}

impl Templates {
    async fn read(client: &Client) -> Self {
        let list = |answer: Value, kind: &str, body: &str| {
            let entries = answer[kind].as_array().cloned().unwrap_or_default();
            let named = |mut entry: Value| Some((entry["name"].as_str()?.to_owned(), entry[body].take()));
            entries.into_iter().filter_map(named).collect()
        };
        let index = get(client, "/_index_template").await;
        let component = get(client, "/_component_template").await;
        let legacy = get(client, "/_template?flat_settings=true").await;
        Self {
            index: index.map(|a| list(a, "index_templates", "index_template")),
            component: component.map(|a| list(a, "component_templates", "component_template")),
            legacy: legacy.map(|a| a.as_object().cloned().unwrap_or_default().into_iter().collect()),
        }
    }

    /// All of them, as far as every kind could be read.
    fn whole(&self) -> Result<TemplateSet, String> {
        Ok(TemplateSet {
            index_templates: self.index.clone()?,
            components: self.component.clone()?,
            legacy: self.legacy.clone()?,
        })
    }

    fn shapes(&self, scope: &Scope, outside: &mut Vec<String>) -> (Section, Section, Section) {
        let mut used: Vec<String> = Vec::new();
        let index = self.index.as_ref().map_err(String::clone).map(|all| {
            let mut shape = Shape::default();
            for (name, body) in all {
                let subject = format!("template/{name}");
                if is_managed(name, body) || !scope.touches(name, &body["index_patterns"]) {
                    outside.push(subject);
                    continue;
                }
                let composed = body["composed_of"].as_array().into_iter().flatten();
                used.extend(composed.filter_map(Value::as_str).map(ToOwned::to_owned));
                shape.insert(subject, parity::index_template(body));
            }
            shape
        });
        let component = self.component.as_ref().map_err(String::clone).map(|all| {
            let mut shape = Shape::default();
            for (name, body) in all {
                let subject = format!("component-template/{name}");
                if used.contains(name) || (!is_managed(name, body) && scope.contains(name)) {
                    shape.insert(subject, parity::component_template(body));
                } else {
                    outside.push(subject);
                }
            }
            shape
        });
        let legacy = self.legacy.as_ref().map_err(String::clone).map(|all| {
            let mut shape = Shape::default();
            for (name, body) in all {
                let subject = format!("legacy-template/{name}");
                if name.starts_with('.') || !scope.touches(name, &body["index_patterns"]) {
                    outside.push(subject);
                } else {
                    shape.insert(subject, parity::legacy_template(body));
                }
            }
            shape
        });
        (index, component, legacy)
    }
}

/// `{name: body}` as a shape, without what the store manages itself.
fn named(answer: &Value, kind: &str, read: fn(&Value) -> Attributes, outside: &mut Vec<String>) -> Shape {
    let mut shape = Shape::default();
    for (name, body) in answer.as_object().into_iter().flatten() {
        let subject = format!("{kind}/{name}");
        if is_managed(name, body) {
            outside.push(subject);
        } else {
            shape.insert(subject, read(body));
        }
    }
    shape
}

fn pipelines_of_state(state: &Value) -> Value {
    let all = state["ingest"]["pipeline"].as_array().into_iter().flatten();
    let one = |entry: &Value| Some((entry["id"].as_str()?.to_owned(), entry["config"].clone()));
    Value::Object(all.filter_map(one).collect())
}

/// Lifecycle policies of either product, by name.
async fn policies(client: &Client, state: &Result<Value, String>) -> Result<Value, String> {
    let from_state = |state: &Value| state["index_lifecycle"]["policies"].clone();
    let answer = get_or(client, "/_ilm/policy", state, from_state).await?;
    let all = answer.as_object().cloned().unwrap_or_default();
    let mut bodies: Map<String, Value> = all
        .into_iter()
        .map(|(name, mut b)| (name, b.get_mut("policy").map(Value::take).unwrap_or_default()))
        .collect();
    if matches!(client.flavour().await, Flavour::OpenSearch(_)) {
        let answer = get(client, "/_plugins/_ism/policies?size=10000").await?;
        for entry in answer["policies"].as_array().into_iter().flatten() {
            let mut body = entry["policy"].clone();
            let templates = body.get_mut("ism_template").and_then(Value::as_array_mut);
            for template in templates.into_iter().flatten() {
                template.as_object_mut().map(|t| t.remove("last_updated_time"));
            }
            if let Some(name) = entry["_id"].as_str() {
                bodies.insert(name.to_owned(), body);
            }
        }
    }
    Ok(Value::Object(bodies))
}

async fn data_streams(client: &Client, scope: &Scope, outside: &mut Vec<String>) -> Section {
    let path = match client.flavour().await {
        Flavour::OpenSearch(_) => "/_data_stream",
        _ => "/_data_stream/*?expand_wildcards=all",
    };
    let answer = get(client, path).await?;
    let mut shape = Shape::default();
    for stream in answer["data_streams"].as_array().into_iter().flatten() {
        let name = stream["name"].as_str().unwrap_or_default();
        let subject = format!("data-stream/{name}");
        if name.starts_with('.') || !scope.contains(name) {
            outside.push(subject);
            continue;
        }
        let mut attributes = Attributes::new();
        // Health is the store's own affair. A generation that starts anew makes the next backing index collide.
        for key in
            ["timestamp_field", "generation", "template", "ilm_policy", "_meta", "lifecycle", "failure_store"]
        {
            if let Some(value) = stream.get(key) {
                parity::flatten(key, value, &mut attributes);
            }
        }
        for key in ["hidden", "replicated", "allow_custom_routing", "system"] {
            if stream[key].as_bool() == Some(true) {
                attributes.insert(key.to_owned(), "true".to_owned());
            }
        }
        attributes.retain(|_, value| !["null", "{}"].contains(&value.as_str()));
        for (at, index) in stream["indices"].as_array().into_iter().flatten().enumerate() {
            let name = index["index_name"].as_str().unwrap_or_default();
            attributes.insert(format!("backing index {at}"), name.to_owned());
        }
        shape.insert(subject, attributes);
    }
    Ok(shape)
}

/// Which indices a first document may make: transient before persistent before the nodes' configuration.
fn auto_create(set: &Shape, defaults: &Attributes) -> Option<String> {
    const NAME: &str = "action.auto_create_index";
    let at = |kind: &str| set.0.get(&format!("cluster-settings/{kind}/{NAME}"))?.get(NAME);
    at("transient").or_else(|| at("persistent")).or_else(|| defaults.get(NAME)).cloned()
}

/// `{}` where the cluster has no such objects or no such feature at all.
pub(super) async fn get(client: &Client, path: &str) -> Result<Value, String> {
    match client.get(path).await {
        Ok(answer) => Ok(answer),
        Err(error) if error.is_not_found() || is_unknown_feature(&error) => Ok(Value::Object(Map::new())),
        Err(error) => Err(error.to_string()),
    }
}

/// The same; a role that may not ask this way is answered from the cluster's state, which it may be allowed to read.
pub(super) async fn get_or(
    client: &Client,
    path: &str,
    state: &Result<Value, String>,
    from_state: fn(&Value) -> Value,
) -> Result<Value, String> {
    match (client.get(path).await, state) {
        (Err(error), Ok(state)) if error.status() == Some(403) => Ok(from_state(state)),
        (Ok(answer), _) => Ok(answer),
        (Err(error), _) if error.is_not_found() || is_unknown_feature(&error) => {
            Ok(Value::Object(Map::new()))
        }
        (Err(error), _) => Err(error.to_string()),
    }
}

/// A build without the feature has no handler for its path, or takes the path for an index that it may only post to.
pub(super) fn is_unknown_feature(error: &ElasticsearchError) -> bool {
    match error.status() {
        Some(400) => error.to_string().contains("no handler found"),
        status => status == Some(405),
    }
}
