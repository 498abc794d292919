//! What an index that does not exist yet would become: which templates apply to its name, and what they add up to.

use super::mapping::index_mapping;
use super::settings::{settings, written_settings};
use super::template::alias;
use super::values::{text, texts};
use crate::shape::Attributes;
use drydock_core::glob::matches;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Every template of a cluster with its body as the store answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateSet {
    /// Composable index templates by name.
    pub index_templates: BTreeMap<String, Value>,
    /// Component templates by name.
    pub components: BTreeMap<String, Value>,
    /// Legacy templates by name.
    pub legacy: BTreeMap<String, Value>,
}

/// Where a name's definition would come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// One composable template.
    Composable(String),
    /// Legacy templates, weakest first.
    Legacy(Vec<String>),
    /// Nothing: an index with the store's defaults, whose fields are guessed from the first documents.
    None,
}

/// What an index would become.
#[derive(Debug, Clone, PartialEq)]
pub struct FutureIndex {
    /// Where it comes from.
    pub origin: Origin,
    /// `settings`, `mappings` and `aliases`.
    pub definition: Value,
    /// Whether a first document would make a data stream instead of an index.
    pub data_stream: bool,
    /// What the template itself says on being made by a first document.
    pub allow_auto_create: Option<bool>,
}

impl TemplateSet {
    /// The templates that apply to a name, and what they add up to.
    pub fn resolve(&self, name: &str) -> FutureIndex {
        let matching = |body: &Value| texts(&body["index_patterns"]).iter().any(|p| matches(p, name));
        let priority = |body: &Value| text(&body["priority"]).parse::<i64>().unwrap_or(0);
        let best = self.index_templates.iter().filter(|(_, body)| matching(body));
        if let Some((winner, body)) = best.max_by_key(|(_, body)| priority(body)) {
            let mut sum = json!({"settings": {}, "mappings": {}, "aliases": {}});
            for component in texts(&body["composed_of"]) {
                if let Some(component) = self.components.get(&component) {
                    add(&mut sum, &component["template"], Merge::Fields);
                }
            }
            add(&mut sum, &body["template"], Merge::Fields);
            return FutureIndex {
                origin: Origin::Composable(winner.clone()),
                definition: sum,
                data_stream: body["data_stream"].is_object(),
                allow_auto_create: body["allow_auto_create"].as_bool(),
            };
        }
        let order = |body: &Value| text(&body["order"]).parse::<i64>().unwrap_or(0);
        let mut legacy: Vec<_> = self.legacy.iter().filter(|(_, body)| matching(body)).collect();
        legacy.sort_by_key(|(_, body)| order(body));
        let mut sum = json!({"settings": {}, "mappings": {}, "aliases": {}});
        for (_, body) in &legacy {
            add(&mut sum, body, Merge::Deep);
        }
        let names: Vec<String> = legacy.into_iter().map(|(name, _)| name.clone()).collect();
        FutureIndex {
            origin: if names.is_empty() { Origin::None } else { Origin::Legacy(names) },
            definition: sum,
            data_stream: false,
            allow_auto_create: None,
        }
    }
}

/// How mappings add up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// A later field takes the place of an earlier one; only objects add up. Composable templates.
    Fields,
    /// Parameter by parameter. Legacy templates.
    Deep,
}

/// Adds one template's part to what the weaker ones gave.
fn add(sum: &mut Value, part: &Value, merge: Merge) {
    for (name, value) in written_settings(&part["settings"]) {
        sum["settings"][name] = Value::String(value);
    }
    merge_mapping(&mut sum["mappings"], &part["mappings"], merge);
    for (name, body) in part["aliases"].as_object().into_iter().flatten() {
        sum["aliases"][name.as_str()] = body.clone();
    }
}

fn merge_mapping(into: &mut Value, from: &Value, merge: Merge) {
    let Some(from) = from.as_object() else { return };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    for (key, value) in from {
        match key.as_str() {
            "properties" | "runtime" => {
                let fields = &mut into[key.as_str()];
                for (name, definition) in value.as_object().into_iter().flatten() {
                    let object = |d: &Value| {
                        d["properties"].is_object()
                            || d["type"].is_null()
                            || d["type"].as_str() == Some("object")
                    };
                    let known = fields.get(name).cloned().unwrap_or(Value::Null);
                    let adds_up = merge == Merge::Deep || (object(&known) && object(definition));
                    if known.is_object() && adds_up {
                        merge_mapping(&mut fields[name.as_str()], definition, merge);
                    } else {
                        fields[name.as_str()] = definition.clone();
                    }
                }
            }
            // By name: a later one takes the place of an earlier one, others come behind.
            "dynamic_templates" => {
                let mut all = into[key.as_str()].as_array().cloned().unwrap_or_default();
                for template in value.as_array().into_iter().flatten() {
                    let name = |t: &Value| t.as_object().and_then(|t| t.keys().next().cloned());
                    match all.iter_mut().find(|known| name(known) == name(template)) {
                        Some(known) => *known = template.clone(),
                        None => all.push(template.clone()),
                    }
                }
                into[key.as_str()] = Value::Array(all);
            }
            _ if value.is_object() && into[key.as_str()].is_object() => {
                merge_mapping(&mut into[key.as_str()], value, Merge::Deep);
            }
            _ => into[key.as_str()] = value.clone(),
        }
    }
}

/// What an index is, as attributes of one object: `setting x`, `mapping: field y, type`, `alias z`.
pub fn index_attributes(definition: &Value) -> Attributes {
    let mut into = Attributes::new();
    let own = settings(&definition["settings"]).into_iter();
    into.extend(own.map(|(name, value)| (format!("setting {name}"), value)));
    let fields = index_mapping(&definition["mappings"], &definition["settings"]);
    into.extend(fields.into_iter().map(|(name, value)| (format!("mapping: {name}"), value)));
    for (name, body) in definition["aliases"].as_object().into_iter().flatten() {
        into.insert(format!("alias {name}"), "present".to_owned());
        into.extend(alias(body).into_iter().map(|(key, value)| (format!("alias {name}, {key}"), value)));
    }
    into
}

/// Whether fields that the mapping does not know would be guessed.
pub fn guesses_fields(definition: &Value) -> bool {
    let dynamic = &definition["mappings"]["dynamic"];
    dynamic.is_null() || text(dynamic) == "true"
}

/// Whether a first document may make this index, as `action.auto_create_index` says: `true`, `false`, or patterns with
/// `+` and `-` of which the first that fits decides.
pub fn may_auto_create(setting: Option<&str>, name: &str) -> bool {
    let Some(setting) = setting.map(str::trim).filter(|s| !s.is_empty()) else { return true };
    match setting {
        "true" => return true,
        "false" => return false,
        _ => {}
    }
    let patterns = setting.trim_matches(['[', ']']).split(',').map(|p| p.trim().trim_matches('"'));
    for pattern in patterns {
        let (allowed, pattern) = match pattern.strip_prefix('-') {
            Some(pattern) => (false, pattern),
            None => (true, pattern.strip_prefix('+').unwrap_or(pattern)),
        };
        if matches(pattern, name) {
            return allowed;
        }
    }
    false
}

/// Splits the name of a dated index into what stays and its date, as text: `zeebe-record_job_8.6.0_` and `2026-11-21`.
pub fn split_date(name: &str) -> Option<(&str, &str)> {
    let at = name.len().checked_sub(10).filter(|at| name.is_char_boundary(*at) && *at > 0)?;
    let (base, date) = name.split_at(at);
    let bytes = date.as_bytes();
    let separator = bytes[4];
    let fits = bytes.iter().enumerate().all(|(i, b)| match i {
        4 | 7 => *b == separator && b"-.".contains(b),
        _ => b.is_ascii_digit(),
    });
    let two = |from: usize| date[from..from + 2].parse::<u32>().unwrap_or(0);
    let ends = base.ends_with(|c: char| !c.is_ascii_alphanumeric());
    (fits && ends && (1..=12).contains(&two(5)) && (1..=31).contains(&two(8))).then_some((base, date))
}

/// Families of dated indices among these names: what stays of the name, with the newest date. A live index whose name
/// waits for a date (`operate-list-view-8.3.0_`) is a family where `templated` knows the dated name.
pub fn families<'a>(
    names: impl Iterator<Item = &'a str> + Clone,
    templated: impl Fn(&str) -> bool,
) -> BTreeMap<String, Option<String>> {
    let mut families: BTreeMap<String, Option<String>> = BTreeMap::new();
    for (base, date) in names.clone().filter_map(split_date) {
        let newest = families.entry(base.to_owned()).or_default();
        if newest.as_deref().is_none_or(|known| known < date) {
            *newest = Some(date.to_owned());
        }
    }
    let live: BTreeSet<&str> = names.filter(|name| name.ends_with('_')).collect();
    for base in live {
        if !families.contains_key(base) && templated(base) {
            families.insert(base.to_owned(), None);
        }
    }
    families
}

#[cfg(test)]
#[path = "future_tests.rs"]
mod tests;
