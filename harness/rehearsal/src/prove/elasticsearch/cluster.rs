//! Corruptions of indices, their settings, aliases and mappings, of templates and of the cluster.

use super::hands::{Hands, told};
use super::{InPlace, Request, Undo};
use drydock_core::Kind;
use drydock_core::names::checks::{
    ES_ALIASES, ES_CLUSTER, ES_FUTURE, ES_INDICES, ES_MAPPINGS, ES_SETTINGS, ES_TEMPLATES,
};
use drydock_prove::{Dice, Planted};
use serde_json::{Value, json};

/// What is harmed.
#[derive(Clone, Copy)]
pub(super) enum What {
    /// An index is deleted.
    IndexLost,
    /// An index too much.
    IndexExtra,
    /// An index is closed.
    IndexClosed,
    /// One setting, by name, has this value, and is told under the name or as left behind.
    Setting(&'static str, &'static str, Told),
    /// An index is made with one shard more.
    Shards,
    /// An index has a field more.
    FieldAdded,
    /// An index is made with one field of another type.
    FieldType,
    /// An alias is taken off.
    AliasLost,
    /// An alias too much.
    AliasExtra,
    /// An alias has a filter.
    AliasFilter,
    /// An index template is deleted.
    TemplateLost,
    /// A number in an index template is another one: pointer, name of the attribute.
    Template(&'static str, &'static str),
    /// A component template too much.
    ComponentExtra,
    /// A pipeline too much.
    PipelineExtra,
    /// A setting of the cluster.
    ClusterSetting,
}

/// How a setting is told.
#[derive(Clone, Copy)]
pub(super) enum Told {
    /// Under its own name.
    Itself,
    /// As something that a migration left behind.
    Leftover,
}

/// All of them, with their names.
pub(super) const CORRUPTIONS: &[(&str, What)] = &[
    ("index lost", What::IndexLost),
    ("index too much", What::IndexExtra),
    ("index closed", What::IndexClosed),
    ("refreshed at another pace", What::Setting("refresh_interval", "17s", Told::Itself)),
    ("refresh left off", What::Setting("refresh_interval", "-1", Told::Leftover)),
    ("result window changed", What::Setting("max_result_window", "54321", Told::Itself)),
    ("more replicas", What::Setting("number_of_replicas", "7", Told::Itself)),
    ("write block left behind", What::Setting("blocks.write", "true", Told::Leftover)),
    ("asynchronous translog left behind", What::Setting("translog.durability", "async", Told::Leftover)),
    ("slow log changed", What::Setting("search.slowlog.threshold.query.warn", "77s", Told::Itself)),
    ("limit of fields changed", What::Setting("mapping.total_fields.limit", "4321", Told::Itself)),
    ("another number of shards", What::Shards),
    ("field too much", What::FieldAdded),
    ("field of another type", What::FieldType),
    ("alias lost", What::AliasLost),
    ("alias too much", What::AliasExtra),
    ("filter on an alias", What::AliasFilter),
    ("index template lost", What::TemplateLost),
    ("priority of a template changed", What::Template("/priority", "priority")),
    ("version of a template changed", What::Template("/version", "version")),
    (
        "shards of tomorrow's index",
        What::Template("/template/settings/index/number_of_shards", "number_of_shards"),
    ),
    ("component template too much", What::ComponentExtra),
    ("pipeline too much", What::PipelineExtra),
    ("setting of the cluster", What::ClusterSetting),
];

/// Plants one of them.
pub(super) async fn plant(hands: &Hands, what: What, dice: &mut Dice) -> Result<InPlace, String> {
    match what {
        What::TemplateLost | What::Template(..) => template(hands, what, dice).await,
        What::ComponentExtra | What::PipelineExtra | What::ClusterSetting => of_cluster(hands, what).await,
        _ => of_index(hands, what, dice).await,
    }
}

async fn of_index(hands: &Hands, what: What, dice: &mut Dice) -> Result<InPlace, String> {
    // Blocks of its own would refuse what is planted.
    let mut free = Vec::new();
    for index in &hands.indices {
        let definition = hands.definition(index).await?;
        if definition["settings"]["index"]["blocks"].is_null() {
            free.push((index, definition));
        }
    }
    dice.shuffle(&mut free);
    let aliased = |definition: &Value| definition["aliases"].as_object().is_some_and(|a| !a.is_empty());
    let wants_alias = matches!(what, What::AliasLost | What::AliasFilter);
    let (index, definition) =
        free.into_iter().find(|(_, d)| !wants_alias || aliased(d)).ok_or("no index has a place for it")?;
    let alias = definition["aliases"].as_object().and_then(|a| a.keys().next().cloned()).unwrap_or_default();
    let whole = vec![Undo::Index(index.clone())];
    let changed = |check, told: &str| Planted::new(check, Kind::Changed, index).named(told);
    let (request, planted, undo) = match what {
        What::IndexLost => (
            Request::Delete(format!("/{index}")),
            Planted::new(ES_INDICES, Kind::Missing, index).count(1),
            whole,
        ),
        What::IndexExtra => {
            let name = format!("{index}left-over");
            let undo = vec![Undo::Requests(vec![Request::Delete(format!("/{name}"))])];
            // An alias may come with it from a template, and belongs to it.
            (Request::Put(format!("/{name}"), json!({})), Planted::new(ES_INDICES, Kind::Extra, name), undo)
        }
        What::IndexClosed => (
            Request::Post(format!("/{index}/_close")),
            changed(ES_INDICES, "state"),
            vec![Undo::Requests(vec![Request::Post(format!("/{index}/_open?wait_for_active_shards=1"))])],
        ),
        What::Setting(name, value, told) => {
            let path = format!("/{index}/_settings");
            let mut before = definition["settings"]["index"].clone();
            for step in name.split('.') {
                before = before[step].take();
            }
            let subject = match told {
                Told::Itself => format!("{index}/{name}"),
                Told::Leftover => format!("{index}/leftover"),
            };
            let key = format!("index.{name}");
            let undo = vec![Undo::Requests(vec![Request::Put(path.clone(), json!({&key: before}))])];
            let planted = Planted::new(ES_SETTINGS, Kind::Changed, subject).named(name);
            (Request::Put(path, json!({&key: value})), planted, undo)
        }
        What::Shards | What::FieldType => {
            let mut body = definition.clone();
            let planted = if matches!(what, What::Shards) {
                let now = &body["settings"]["index"]["number_of_shards"];
                let now = now.as_str().and_then(|n| n.parse::<u64>().ok()).unwrap_or(1);
                body["settings"]["index"]["number_of_shards"] = json!(now + 1);
                // One more shard than routing shards allow would be refused.
                if let Some(settings) = body["settings"]["index"].as_object_mut() {
                    settings.remove("number_of_routing_shards");
                }
                Planted::new(ES_SETTINGS, Kind::Changed, format!("{index}/number_of_shards"))
                    .named("number_of_shards")
            } else {
                let fields = body["mappings"]["properties"].as_object_mut().ok_or("no fields")?;
                let (name, field) =
                    fields.iter_mut().find(|(_, f)| f["type"] == "keyword").ok_or("no text field")?;
                let told = format!("field {name}");
                *field = json!({"type": "text"});
                changed(ES_MAPPINGS, &told)
            };
            hands.make_anew(index, &body).await?;
            return Ok(InPlace { planted, scope: vec![index.clone()], undo: whole });
        }
        What::FieldAdded => (
            Request::Put(
                format!("/{index}/_mapping"),
                json!({"properties": {"drydock_added": {"type": "keyword"}}}),
            ),
            changed(ES_MAPPINGS, "field drydock_added"),
            whole,
        ),
        What::AliasLost | What::AliasExtra | What::AliasFilter => {
            let name = if matches!(what, What::AliasExtra) { format!("{index}left-over") } else { alias };
            let subject = format!("{index}/{name}");
            let path = format!("/{index}/_alias/{name}");
            let back = Request::Put(path.clone(), definition["aliases"][&name].clone());
            match what {
                What::AliasLost => (
                    Request::Delete(path),
                    Planted::new(ES_ALIASES, Kind::Missing, subject).count(1),
                    vec![Undo::Requests(vec![back])],
                ),
                What::AliasExtra => (
                    Request::Put(path.clone(), json!({})),
                    Planted::new(ES_ALIASES, Kind::Extra, subject).count(1),
                    vec![Undo::Requests(vec![Request::Delete(path)])],
                ),
                _ => (
                    Request::Put(path, json!({"filter": {"term": {"drydock": "x"}}})),
                    Planted::new(ES_ALIASES, Kind::Changed, subject).named("filter"),
                    vec![Undo::Requests(vec![back])],
                ),
            }
        }
        _ => return Err("belongs to the cluster".to_owned()),
    };
    hands.request(request).await?;
    Ok(InPlace { planted, scope: vec![index.clone()], undo })
}

async fn template(hands: &Hands, what: What, dice: &mut Dice) -> Result<InPlace, String> {
    let answer = hands.source.get("/_index_template").await.map_err(told)?;
    let mut templates: Vec<(String, Value)> = answer["index_templates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|t| Some((t["name"].as_str()?.to_owned(), t["index_template"].clone())))
        .filter(|(name, _)| {
            hands.indices.iter().any(|index| index.starts_with(name.split('_').next().unwrap_or(name)))
        })
        .collect();
    dice.shuffle(&mut templates);
    for (name, body) in templates {
        let path = format!("/_index_template/{name}");
        let undo = vec![Undo::Requests(vec![Request::Put(path.clone(), body.clone())])];
        let scope = vec![name.split('-').next().unwrap_or(&name).to_owned() + "-"];
        let subject = format!("template/{name}");
        match what {
            What::Template(pointer, attribute) => {
                let mut other = body.clone();
                let Some(number) = other.pointer_mut(pointer) else { continue };
                *number = json!(7);
                if other == body {
                    continue;
                }
                hands.request(Request::Put(path, other)).await?;
                let planted = Planted::new(ES_TEMPLATES, Kind::Changed, subject)
                    .named(attribute)
                    .followed_by(ES_FUTURE);
                return Ok(InPlace { planted, scope, undo });
            }
            _ => {
                hands.request(Request::Delete(path)).await?;
                let planted =
                    Planted::new(ES_TEMPLATES, Kind::Missing, subject).count(1).followed_by(ES_FUTURE);
                return Ok(InPlace { planted, scope, undo });
            }
        }
    }
    Err("no template has a place for it".to_owned())
}

async fn of_cluster(hands: &Hands, what: What) -> Result<InPlace, String> {
    let scope = vec!["acme-".to_owned()];
    let (path, body, planted) = match what {
        What::ComponentExtra => (
            "/_component_template/acme-left-over",
            json!({"template": {"settings": {"number_of_shards": 1}}}),
            Planted::new(ES_TEMPLATES, Kind::Extra, "component-template/acme-left-over"),
        ),
        What::PipelineExtra => (
            "/_ingest/pipeline/acme-left-over",
            json!({"description": "left behind", "processors": []}),
            Planted::new(ES_CLUSTER, Kind::Extra, "pipeline/acme-left-over"),
        ),
        _ => {
            let set = |value: Value| json!({"persistent": {"cluster.max_shards_per_node": value}});
            let before = hands.source.get("/_cluster/settings?flat_settings=true").await.map_err(told)?;
            let before = before["persistent"]["cluster.max_shards_per_node"].clone();
            hands.request(Request::Put("/_cluster/settings".to_owned(), set(json!("4711")))).await?;
            let kind = if before.is_null() { Kind::Extra } else { Kind::Changed };
            let planted =
                Planted::new(ES_CLUSTER, kind, "cluster-settings/persistent/cluster.max_shards_per_node")
                    .named("max_shards_per_node");
            let undo = vec![Undo::Requests(vec![Request::Put("/_cluster/settings".to_owned(), set(before))])];
            return Ok(InPlace { planted, scope, undo });
        }
    };
    hands.request(Request::Put(path.to_owned(), body)).await?;
    Ok(InPlace { planted, scope, undo: vec![Undo::Requests(vec![Request::Delete(path.to_owned())])] })
}
