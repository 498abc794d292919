//! Indices as wholes: made, dropped, set, aliased.

use super::{Cluster, Grave, Index, Refusal, STARTING_MS, Shard, names::matches};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

const REFRESH_INTERVAL: &str = "index.refresh_interval";
/// Settings that an index has for life.
const FIXED: [&str; 2] = ["index.number_of_shards", "index.routing_partition_size"];

/// Settings that the store gives by itself and nobody else may.
const PRIVATE: [&str; 3] = ["index.uuid", "index.creation_date", "index.provided_name"];

/// Refuses what only the store sets.
fn check_private(flat: &BTreeMap<String, Option<String>>) -> Result<(), Refusal> {
    match flat.keys().find(|k| PRIVATE.contains(&k.as_str()) || k.starts_with("index.version.")) {
        None => Ok(()),
        Some(key) => {
            let reason = format!("private index setting [{key}] can not be set explicitly");
            Err(Refusal::new(400, "illegal_argument_exception", reason))
        }
    }
}

/// Settings in every form that is taken, as flat names with `index.` in front; null for what is taken away.
fn flatten(settings: &Value) -> BTreeMap<String, Option<String>> {
    fn walk(prefix: &str, value: &Value, flat: &mut BTreeMap<String, Option<String>>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    walk(&name, member, flat);
                }
            }
            other => {
                let name =
                    if prefix.starts_with("index.") { prefix.to_owned() } else { format!("index.{prefix}") };
                let text = match other {
                    Value::Null => None,
                    Value::String(text) => Some(text.clone()),
                    other => Some(other.to_string()),
                };
                flat.insert(name, text);
            }
        }
    }
    let mut flat = BTreeMap::new();
    walk("", settings, &mut flat);
    flat
}

/// Adds the members of one object to another, deeply.
pub(crate) fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (name, value) in from {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

impl Cluster {
    /// Makes an index.
    ///
    /// # Errors
    /// It is there.
    pub fn create(&mut self, name: &str, body: &Value, now: u64) -> Result<(), Refusal> {
        if self.indices.contains_key(name) {
            let reason = format!("index [{name}] already exists");
            return Err(Refusal::new(400, "resource_already_exists_exception", reason));
        }
        check_private(&flatten(&body["settings"]))?;
        let template = self.template_for(name);
        let mut settings: BTreeMap<String, String> = BTreeMap::from(
            [("index.number_of_shards", "1"), ("index.number_of_replicas", "1")]
                .map(|(k, v)| (k.to_owned(), v.to_owned())),
        );
        for given in [&template["settings"], &body["settings"]] {
            for (key, value) in flatten(given) {
                match value {
                    Some(value) => settings.insert(key, value),
                    None => settings.remove(&key),
                };
            }
        }
        // Null is no setting's name: it is what is left of a body without settings.
        settings.remove("index.");
        let number = self.number();
        settings.insert("index.uuid".into(), format!("uuid-{number}"));
        settings.insert("index.creation_date".into(), now.to_string());
        settings.insert("index.provided_name".into(), name.to_owned());
        settings.insert("index.version.created".into(), "8518000".into());
        let mut mappings = json!({});
        let mut aliases = Map::new();
        for given in [&template, body] {
            if given["mappings"].is_object() {
                merge(&mut mappings, &given["mappings"]);
            }
            for (alias, with) in given["aliases"].as_object().into_iter().flatten() {
                aliases.insert(alias.clone(), with.clone());
            }
        }
        let shards = settings["index.number_of_shards"].parse().unwrap_or(1_usize).max(1);
        let index = Index {
            uuid: format!("uuid-{number}"),
            settings,
            mappings,
            aliases,
            shards: vec![Shard::default(); shards],
            term: 1,
            starts: now + STARTING_MS,
            last_search: now,
            indexed: 0,
            deleted: 0,
        };
        self.indices.insert(name.to_owned(), index);
        Ok(())
    }

    /// Makes an index that something was written to.
    pub(crate) fn create_by_templates(&mut self, name: &str, now: u64) {
        // It fails only for an index that is there.
        let _ = self.create(name, &json!({}), now);
    }

    /// What the template of the highest priority gives an index of this name.
    fn template_for(&self, name: &str) -> Value {
        let patterns = |body: &Value| {
            body["index_patterns"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|p| p.as_str().is_some_and(|p| matches(p, name)))
        };
        let best = self.templates.values().filter(|body| patterns(body));
        best.max_by_key(|body| body["priority"].as_u64().unwrap_or(0))
            .map_or(Value::Null, |body| body["template"].clone())
    }

    /// Removes indices.
    pub fn remove(&mut self, names: &[String], now: u64) {
        for name in names {
            if let Some(index) = self.indices.remove(name) {
                self.graves.push(Grave { index: name.clone(), uuid: index.uuid, at: now });
            }
        }
    }

    /// Changes settings, of all the indices or of none; null takes one away.
    ///
    /// # Errors
    /// One of them cannot be changed.
    pub fn put_settings(&mut self, names: &[String], settings: &Value) -> Result<(), Refusal> {
        let flat = flatten(settings);
        check_private(&flat)?;
        for name in names {
            let Some(index) = self.indices.get(name) else { continue };
            let fixed = flat
                .iter()
                .find(|(k, v)| FIXED.contains(&k.as_str()) && index.settings.get(*k) != v.as_ref());
            if let Some((key, _)) = fixed {
                let reason =
                    format!("Can't update non dynamic settings [[{key}]] for open indices [[{name}]]");
                return Err(Refusal::new(400, "illegal_argument_exception", reason));
            }
        }
        for name in names {
            let Some(index) = self.indices.get_mut(name) else { continue };
            let interval = index.settings.get(REFRESH_INTERVAL).cloned();
            for (key, value) in &flat {
                match value {
                    Some(value) => index.settings.insert(key.clone(), value.clone()),
                    None => index.settings.remove(key),
                };
            }
            // Another interval begins with a refresh, whatever it is.
            if index.settings.get(REFRESH_INTERVAL) != interval.as_ref() {
                index.shards.iter_mut().for_each(Shard::refresh);
            }
        }
        Ok(())
    }

    /// `POST /_aliases`: all of the actions or none.
    ///
    /// # Errors
    /// One of them names what is not there.
    pub(crate) fn change_aliases(&mut self, actions: &Value) -> Result<(), Refusal> {
        let mut indices = self.indices.clone();
        for action in actions.as_array().into_iter().flatten() {
            let Some((kind, body)) = action.as_object().and_then(|a| a.iter().next()) else { continue };
            let (name, alias) =
                (body["index"].as_str().unwrap_or_default(), body["alias"].as_str().unwrap_or_default());
            let index = indices.get_mut(name).ok_or_else(|| Refusal::no_index(name))?;
            if kind == "add" {
                let mut with = body.clone();
                if let Some(members) = with.as_object_mut() {
                    members.retain(|key, _| key != "index" && key != "alias");
                }
                index.aliases.insert(alias.to_owned(), with);
            } else if index.aliases.remove(alias).is_none() {
                let reason = format!("aliases [{alias}] missing");
                return Err(Refusal::new(404, "aliases_not_found_exception", reason));
            }
        }
        self.indices = indices;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_for_all_indices_or_for_none_and_private_ones_for_nobody() {
        let mut cluster = Cluster::default();
        cluster.create("a", &json!({"settings": {"number_of_shards": 1}}), 0).unwrap();
        cluster.create("b", &json!({"settings": {"number_of_shards": 2}}), 0).unwrap();
        let both = ["a".to_owned(), "b".to_owned()];
        // It is what `a` has and what `b` cannot have.
        let change = json!({"index.number_of_shards": 1, "index.priority": 7});
        assert_eq!(cluster.put_settings(&both, &change).unwrap_err().status, 400);
        assert!(!cluster.indices["a"].settings.contains_key("index.priority"));
        for private in ["index.uuid", "index.version.created", "index.provided_name"] {
            let change = json!({private: "x"});
            assert_eq!(cluster.put_settings(&both, &change).unwrap_err().status, 400, "{private}");
            assert_eq!(cluster.create("c", &json!({"settings": change}), 0).unwrap_err().status, 400);
        }
        assert!(!cluster.indices.contains_key("c"));
        cluster.put_settings(&both, &json!({"index.priority": 7})).unwrap();
        assert!(both.iter().all(|name| cluster.indices[name].settings["index.priority"] == "7"));
    }
}
