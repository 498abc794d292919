//! Index bodies, templates, pipelines and stored scripts.

use super::catalogue::{Catalogue, Component, Kind, Preset, Product, Set, Shape};
use super::fields::properties;
use super::layout::{Age, Place, days_of, index_name};
use super::profile::Extent;
use serde_json::{Map, Value, json};

/// Settings, mappings and aliases for `PUT /<index>`.
pub(super) fn index_body(place: &Place) -> Value {
    let (set, component, shape) = (place.set(), place.component(), place.shape());
    json!({
        "settings": {"index": settings(component.product, shape, place.age)},
        "mappings": mappings(component, shape),
        "aliases": aliases(set, component, shape, place),
    })
}

fn settings(product: Product, shape: &Shape, age: Age) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Value| {
        all.insert(name.to_owned(), value);
    };
    put("number_of_shards", json!(shape.shards));
    put("number_of_replicas", json!(0));
    if product == Product::Zeebe {
        put("queries.cache.enabled", json!(false));
    }
    for preset in &shape.settings {
        match preset {
            Preset::Refresh1sLive if age == Age::Live => put("refresh_interval", json!("1s")),
            Preset::Refresh1sLive => {}
            Preset::Refresh2s => put("refresh_interval", json!("2s")),
            Preset::CaseInsensitive | Preset::PathTree => put("analysis", operate_analysis(shape)),
            Preset::Optimize => {
                put("refresh_interval", json!("2s"));
                put("max_ngram_diff", json!(9));
                put("analysis", optimize_analysis());
            }
            Preset::NestedLimit => {
                put("mapping.nested_objects.limit", json!(20_000));
                put("mapping.total_fields.limit", json!(2_000));
            }
            Preset::WideWindow => put("max_result_window", json!(50_000)),
            Preset::Hidden => put("hidden", json!(true)),
        }
    }
    Value::Object(all)
}

fn operate_analysis(shape: &Shape) -> Value {
    let mut analysis = json!({
        "analyzer": {"ca_path_tree": {"type": "custom", "tokenizer": "ca_path_tree_tokenizer"}},
        "tokenizer": {"ca_path_tree_tokenizer": {"type": "path_hierarchy", "delimiter": "/"}},
    });
    if shape.settings.contains(&Preset::CaseInsensitive) {
        analysis["normalizer"] = json!({"case_insensitive": {"type": "custom", "filter": ["lowercase"]}});
    }
    analysis
}

fn optimize_analysis() -> Value {
    json!({
        "analyzer": {"lowercase_ngram": {"type": "custom", "tokenizer": "ngram_tokenizer", "filter": ["lowercase"]}},
        "normalizer": {"lowercase_normalizer": {"type": "custom", "filter": ["lowercase"]}},
        "tokenizer": {"ngram_tokenizer": {"type": "ngram", "min_gram": 1, "max_gram": 10}},
    })
}

fn mappings(component: &Component, shape: &Shape) -> Value {
    let own = properties(&shape.fields, component.product);
    if component.product != Product::Zeebe {
        return json!({"dynamic": shape.dynamic, "properties": own});
    }
    let mut all = properties(&component.envelope, component.product);
    all["value"] = json!({"dynamic": "strict", "properties": own});
    json!({"dynamic": shape.dynamic, "properties": all})
}

/// The alias that the component reads through.
fn main_alias(set: &Set, component: &Component, shape: &Shape) -> String {
    match component.product {
        Product::Zeebe => format!("{}-{}", set.prefix, shape.name),
        Product::Optimize => format!("{}-{}", set.prefix, shape.name),
        _ => format!("{}alias", index_name(component, &set.prefix, shape, None, None)),
    }
}

fn aliases(set: &Set, component: &Component, shape: &Shape, place: &Place) -> Value {
    let mut all = Map::new();
    // What an installation makes at start says that it is no write index; what a template makes says nothing.
    let body = match (component.product, place.age) {
        (Product::Operate | Product::Tasklist, Age::Live) => json!({"is_write_index": false}),
        _ => json!({}),
    };
    let main = main_alias(set, component, shape);
    if let Some(each) = &place.each {
        all.insert(format!("{main}-{each}"), json!({}));
    }
    all.insert(main, body);
    // Two aliases that no component makes: an operator's own views, with everything an alias can carry.
    if set.family == "acme" && shape.name == "list-view" && place.age == Age::Live {
        all.insert(
            "acme-active-instances".into(),
            json!({"filter": {"term": {"state": "ACTIVE"}}, "index_routing": "7", "search_routing": "3,7"}),
        );
    }
    if set.prefix == "operate" && shape.name == "list-view" && place.age != Age::Live {
        all.insert("acme-finished-instances".into(), json!({"is_hidden": true}));
    }
    Value::Object(all)
}

fn component_template_name(set: &Set) -> String {
    match set.product {
        Product::Zeebe => set.prefix.clone(),
        _ => format!("{}_template", set.prefix),
    }
}

/// Component templates: settings only, except the record envelope.
pub(super) fn component_templates() -> Vec<(String, Value)> {
    let mut templates = Vec::new();
    for set in &Catalogue::get().sets {
        let component = Catalogue::get().component(set.product);
        let body = match set.product {
            Product::Zeebe => json!({"template": {
                "settings": {"index": {
                    "number_of_shards": 1, "number_of_replicas": 0, "queries.cache.enabled": false,
                }},
                "mappings": {
                    "dynamic": "strict",
                    "properties": properties(&component.envelope, component.product),
                },
            }}),
            Product::Operate | Product::Tasklist => json!({"template": {
                "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0}},
            }}),
            Product::Optimize => continue,
        };
        templates.push((component_template_name(set), body));
    }
    templates
}

/// Index templates of everything that is dated or made while the component runs.
pub(super) fn index_templates(extent: Extent) -> Vec<(String, Value)> {
    let mut templates = Vec::new();
    for set in &Catalogue::get().sets {
        let component = Catalogue::get().component(set.product);
        for shape in component.shapes.iter().filter(|s| s.kind != Kind::Static) {
            if days_of(set, shape, extent).is_some() {
                templates.push(index_template(set, component, shape));
            }
        }
    }
    templates
}

fn index_template(set: &Set, component: &Component, shape: &Shape) -> (String, Value) {
    let name = index_name(component, &set.prefix, shape, None, None);
    let alias = main_alias(set, component, shape);
    let mut template = json!({
        // A dated twin is what the template makes, so the template has the dated twin's settings.
        "settings": {"index": settings(component.product, shape, Age::Days(1))},
        "aliases": {alias: {}},
    });
    if component.product == Product::Zeebe {
        let own = properties(&shape.fields, component.product);
        template["mappings"] =
            json!({"dynamic": "strict", "properties": {"value": {"dynamic": "strict", "properties": own}}});
        let trimmed = name.trim_end_matches('_').to_owned();
        let body = json!({
            "index_patterns": [format!("{trimmed}_*")],
            "composed_of": [component_template_name(set)],
            "priority": 20,
            "version": 1,
            "template": template,
        });
        return (trimmed, body);
    }
    template["mappings"] = mappings(component, shape);
    let body = json!({
        "index_patterns": [format!("{name}*")],
        "composed_of": [component_template_name(set)],
        "template": template,
    });
    (format!("{name}template"), body)
}

/// Ingest pipelines. Empty ones: the smallest store builds have no processors, and an empty pipeline still has to arrive.
pub(super) fn pipelines() -> Vec<(String, Value)> {
    vec![(
        "acme-passthrough".into(),
        json!({"description": "Kept for a processor that was retired", "processors": [], "version": 3}),
    )]
}

/// Stored scripts.
pub(super) fn scripts() -> Vec<(String, Value)> {
    vec![
        (
            "acme-age-in-days".into(),
            json!({"script": {"lang": "painless", "source": "(params.now - doc['startDate'].value.millis) / 86400000L"}}),
        ),
        (
            "acme-priority".into(),
            json!({"script": {"lang": "painless", "source": "_score * (doc['priority'].size() == 0 ? 1 : doc['priority'].value)"}}),
        ),
    ]
}
