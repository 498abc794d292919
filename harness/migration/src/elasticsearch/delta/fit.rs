//! Definitions of indices that changed on the source after the warm copy: mapping, settings, aliases.

use crate::elasticsearch::copy::Work;
use crate::elasticsearch::create::Definition;
use crate::elasticsearch::inventory::index_path;
use crate::elasticsearch::{chunks, settings};
use crate::error::MigrationError;
use crate::without::Without;
use drydock_stores::elasticsearch::ElasticsearchError;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Aliases by index: name and body.
pub(super) type Aliases = BTreeMap<String, Map<String, Value>>;

/// Whether an index that the warm copy made can become what the source's index is now.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is so now.
    Fits,
    /// Only a new index can be so; the reason for people.
    Anew(String),
}

impl<'a> Work<'a> {
    /// Keeps aliases apart: an index is then made without them, and they change hands all at once at the end.
    pub(super) fn without_aliases(mut self) -> (Self, Aliases) {
        let mut aliases = Aliases::new();
        for (name, definition) in &mut self.definitions {
            let taken = std::mem::replace(&mut definition.aliases, json!({}));
            aliases.insert(name.clone(), taken.as_object().cloned().unwrap_or_default());
        }
        (self, aliases)
    }

    /// Lifts every block the target's indices carry. They come back with the other settings at the end.
    pub(in crate::elasticsearch) async fn lift_blocks(&self, names: &[String]) -> Result<(), MigrationError> {
        for path in chunks(names) {
            let doing = || "lift the blocks of indices on the target";
            let failed = |e: &ElasticsearchError| MigrationError::elasticsearch(doing(), e);
            let path = format!("/{path}/_settings");
            let found = self
                .target
                .get(&format!("{path}?flat_settings=true&expand_wildcards=all"))
                .await
                .map_err(|e| failed(&e))?;
            for (name, body) in found.as_object().into_iter().flatten() {
                let lifted: Map<String, Value> = body["settings"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| key.starts_with("index.blocks."))
                    .map(|(key, _)| (key.clone(), Value::Null))
                    .collect();
                if !lifted.is_empty() {
                    let path = format!("{}/_settings", index_path(name));
                    self.target.put(&path, &Value::Object(lifted)).await.map_err(|e| failed(&e))?;
                }
            }
        }
        Ok(())
    }

    /// Gives an index of the target the mapping and the settings that the source's has now.
    pub(super) async fn fit(
        &self,
        wanted: &Definition,
        there: &Definition,
        before: &Map<String, Value>,
    ) -> Result<Fit, MigrationError> {
        let path = index_path(&wanted.name);
        let differing = changed_settings(wanted, &there.settings, before);
        if !differing.is_empty() {
            let named = differing.keys().cloned().collect::<Vec<_>>().join(", ");
            match self.target.put(&format!("{path}/_settings"), &Value::Object(differing)).await {
                Ok(_) => {}
                Err(e) if e.status() == Some(400) => {
                    return Ok(Fit::Anew(format!("{named} cannot be changed on an index: {e}")));
                }
                Err(e) => {
                    return Err(MigrationError::elasticsearch(
                        format!("change settings of index {} on the target", wanted.name),
                        &e,
                    ));
                }
            }
        }
        if wanted.mappings == there.mappings {
            return Ok(Fit::Fits);
        }
        match self.target.put(&format!("{path}/_mapping"), &wanted.mappings).await {
            Ok(_) => {}
            Err(e) if e.status() == Some(400) => {
                return Ok(Fit::Anew(format!("its mapping cannot be changed: {e}")));
            }
            Err(e) => {
                return Err(MigrationError::elasticsearch(
                    format!("change the mapping of index {} on the target", wanted.name),
                    &e,
                ));
            }
        }
        let now = self.target.get(&format!("{path}/_mapping")).await.map_err(|e| {
            MigrationError::elasticsearch(
                format!("read the mapping of index {} on the target", wanted.name),
                &e,
            )
        })?;
        let same = now[&wanted.name]["mappings"] == wanted.mappings;
        Ok(if same { Fit::Fits } else { Fit::Anew("its mapping has lost something".into()) })
    }

    /// Takes off the target what is no alias of the source's any more.
    pub(super) async fn drop_aliases(
        &self,
        wanted: &Aliases,
        there: &BTreeMap<String, Definition>,
    ) -> Result<u64, MigrationError> {
        let mut actions = Vec::new();
        for (index, definition) in there {
            for alias in definition.aliases.as_object().into_iter().flatten().map(|(alias, _)| alias) {
                if wanted.get(index).is_none_or(|aliases| !aliases.contains_key(alias)) {
                    actions.push(json!({"remove": {"index": index, "alias": alias}}));
                }
            }
        }
        self.change_aliases(actions).await
    }

    /// Gives every index the aliases it has on the source, all in one request, so that a write index changes hands.
    pub(super) async fn set_aliases(&self, wanted: &Aliases) -> Result<u64, MigrationError> {
        if Without::Aliases.is_gone() {
            return Ok(0);
        }
        let there = self
            .target
            .get(&format!("/{}/_alias?expand_wildcards=all", self.prefixes.pattern()))
            .await
            .map_err(|e| MigrationError::elasticsearch("read the aliases of the target", &e))?;
        let mut actions = Vec::new();
        for (index, aliases) in wanted {
            let Some(has) = there.get(index) else { continue };
            for (alias, body) in aliases {
                if has["aliases"][alias] == *body {
                    continue;
                }
                let mut add = body.clone();
                add["index"] = json!(index);
                add["alias"] = json!(alias);
                actions.push(json!({"add": add}));
            }
        }
        self.change_aliases(actions).await
    }

    /// The same where the definitions still have them.
    pub(super) async fn add_aliases(&self) -> Result<u64, MigrationError> {
        let all = self.definitions.iter();
        let wanted =
            all.map(|(n, d)| (n.clone(), d.aliases.as_object().cloned().unwrap_or_default())).collect();
        self.set_aliases(&wanted).await
    }

    async fn change_aliases(&self, actions: Vec<Value>) -> Result<u64, MigrationError> {
        let changed = actions.len() as u64;
        if changed > 0 {
            self.target
                .post("/_aliases", &json!({"actions": actions}))
                .await
                .map_err(|e| MigrationError::elasticsearch("change aliases on the target", &e))?;
        }
        Ok(changed)
    }
}

/// Settings of the target's index that are not the source's: new values, and null for what the source had at the warm copy
/// and has no more. Those that are eased or given back anyway are left out.
fn changed_settings(
    wanted: &Definition,
    there: &Map<String, Value>,
    before: &Map<String, Value>,
) -> Map<String, Value> {
    let plan = &wanted.plan;
    let gone = settings::complete(before).create;
    let dropped = gone
        .keys()
        .filter(|k| !plan.create.contains_key(*k) && there.contains_key(*k))
        .map(|k| (k.clone(), Value::Null));
    plan.create
        .iter()
        .filter(|(k, v)| !plan.restore.contains_key(*k) && there.get(*k) != Some(*v))
        .map(|(k, v)| (k.clone(), v.clone()))
        .chain(dropped)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn only_what_the_source_changed_is_changed() {
        let now =
            flat(json!({"index.max_result_window": "7", "index.number_of_replicas": "2", "index.uuid": "u",
            "index.number_of_shards": "1"}));
        let before = flat(
            json!({"index.max_result_window": "5", "index.priority": "3", "index.number_of_shards": "1"}),
        );
        let there = flat(
            json!({"index.max_result_window": "5", "index.priority": "3", "index.number_of_shards": "1",
            "index.uuid": "w", "index.routing.allocation.include._tier_preference": "data_content"}),
        );
        let wanted = Definition {
            name: "i".into(),
            mappings: json!({}),
            aliases: json!({}),
            plan: settings::complete(&now),
            settings: now,
        };
        assert_eq!(
            changed_settings(&wanted, &there, &before),
            flat(json!({"index.max_result_window": "7", "index.priority": null}))
        );
    }
}
