//! A small cluster that answers lists, distributions and joins as a store does: in any order, with whatever it adds.

use crate::dice::Dice;
use drydock_parity::elasticsearch::positions::Imports;
use drydock_parity::elasticsearch::usage::{self, Answer, Door, figures, leaves, page};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const LIVE: &str = "operate-list-view-8.3.0_";
pub(super) const DATED: &str = "operate-list-view-8.3.0_2026-11-19";
pub(super) const ALIAS: &str = "operate-list-view-8.3.0_alias";
pub(super) const TASKS: &str = "tasklist-form-8.4.0_";
/// Hits on a page.
const PAGE: usize = 20;

/// One instance with one child.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Instance {
    pub(super) key: i64,
    pub(super) state: &'static str,
    /// Days since the first one; several begin on one day.
    pub(super) start: i64,
}

/// One side.
#[derive(Debug, Clone)]
pub struct World {
    pub(super) indices: BTreeMap<String, Value>,
    pub(super) documents: BTreeMap<String, Vec<Instance>>,
    /// Indices whose documents were written before `state` was mapped.
    pub(super) unindexed: BTreeSet<String>,
    pub(super) imports: Imports,
    pub(super) exported: BTreeMap<i64, i64>,
}

impl World {
    pub(super) fn generated(dice: &mut Dice) -> Self {
        let mut world = Self {
            indices: BTreeMap::new(),
            documents: BTreeMap::new(),
            unindexed: BTreeSet::new(),
            imports: super::imports::generated(dice),
            exported: BTreeMap::new(),
        };
        world.exported = super::imports::exported(&world.imports);
        let mut key = 2_251_799_813_685_249;
        for (index, alias, states) in [
            (LIVE, ALIAS, ["ACTIVE", "ACTIVE"]),
            (DATED, ALIAS, ["COMPLETED", "CANCELED"]),
            (TASKS, "tasklist-form-8.4.0_alias", ["CREATED", "COMPLETED"]),
        ] {
            let count = dice.between(15, 40);
            let instances = (0..count).map(|n| {
                key += dice.between(1, 900);
                let state = if n == 0 { states[0] } else { states[usize::from(dice.flip())] };
                Instance { key, state, start: dice.between(0, 6) }
            });
            world.documents.insert(index.to_owned(), instances.collect());
            world.indices.insert(
                index.to_owned(),
                json!({
                    "aliases": {alias: {}},
                    "settings": {"index.number_of_shards": dice.between(1, 3).to_string()},
                    "mappings": {"properties": {
                        "id": {"type": "keyword"}, "key": {"type": "long"}, "state": {"type": "keyword"}, "startDate": {"type": "date"},
                        "joinRelation": {"type": "join", "relations": {"processInstance": ["activity"]}}
                    }}
                }),
            );
        }
        world
    }

    pub(super) fn doors(&self) -> BTreeMap<String, Door> {
        usage::doors(self.indices.iter().map(|(name, definition)| (name.as_str(), definition)))
    }

    pub(super) fn lose(&mut self, index: &str, dice: &mut Dice) {
        let all = self.documents.entry(index.to_owned()).or_default();
        if !all.is_empty() {
            all.remove(dice.below(all.len()));
        }
    }

    pub(super) fn change(&mut self, index: &str, dice: &mut Dice, change: impl Fn(&mut Instance)) {
        let all = self.documents.entry(index.to_owned()).or_default();
        // The one whose state is not that already.
        let at =
            all.iter().position(|i| i.state == "COMPLETED").unwrap_or_else(|| dice.below(all.len().max(1)));
        if let Some(instance) = all.get_mut(at) {
            change(instance);
        }
    }

    /// Indices whose documents another check would tell of.
    pub(super) fn differing<'a>(&'a self, other: &Self) -> BTreeSet<&'a str> {
        let differs = |(index, all): &(&String, &Vec<Instance>)| other.documents.get(*index) != Some(*all);
        self.documents.iter().filter(differs).map(|(index, _)| index.as_str()).collect()
    }

    pub(super) fn mapped(&self, other: &Self, door: &Door) -> Vec<(String, String)> {
        let mut differ = Vec::new();
        for index in door.members.keys() {
            let (Some(a), Some(b)) = (self.indices.get(index), other.indices.get(index)) else { continue };
            let there = leaves(&b["mappings"]);
            for field in leaves(&a["mappings"]) {
                match there.iter().find(|f| f.path == field.path) {
                    None => differ.push((field.path, "not indexed on the target".to_owned())),
                    Some(found) if found.kind != field.kind => {
                        differ.push((field.path, format!("{} on the target", found.kind)));
                    }
                    Some(_) => {}
                }
            }
        }
        differ
    }

    /// Every question's answer through a door, as the reader of a store's answers gives it.
    pub(super) fn answers(&self, name: &str, door: Option<&Door>, dice: &mut Dice) -> Vec<(String, Answer)> {
        let names = [
            "list",
            "documents by state",
            "histogram of startDate by day",
            "instances with activities",
            "10000 documents at once",
        ];
        let Some(door) = door else {
            let refused = || Answer::Refused(format!("no such index {name}"));
            return names.into_iter().map(|n| (n.to_owned(), refused())).collect();
        };
        let field = |index: &String, name: &str| -> Option<String> {
            let kind = &self.indices.get(index)?["mappings"]["properties"][name]["type"];
            kind.as_str().map(ToOwned::to_owned)
        };
        let mut seen: Vec<(&String, &Instance)> = Vec::new();
        for (index, alias) in &door.members {
            let wanted = alias["filter"]["term"]["state"].as_str();
            let all = self.documents.get(index).into_iter().flatten();
            seen.extend(all.filter(|i| wanted.is_none_or(|w| i.state == w)).map(|i| (index, i)));
        }
        // Shards answer in any order, and the store puts numbers of its own behind what was sorted by.
        dice.shuffle(&mut seen);
        let hit = |(_, i): &(&String, &Instance), own: usize| json!({"_id": i.key.to_string(), "_score": null, "sort": [-i.start, i.key, own]});
        let mut hits: Vec<Value> =
            seen.iter().enumerate().map(|(own, document)| hit(document, own)).collect();
        hits.sort_by_key(|hit| (hit["sort"][0].as_i64(), hit["sort"][1].as_i64()));
        hits.truncate(PAGE);
        let shards = json!({"failed": 0});
        let list = json!({"took": dice.between(1, 90), "timed_out": false, "_shards": shards,
            "hits": {"total": {"value": seen.len()}, "hits": hits}});
        let list = page(&list, 2).map_or_else(Answer::Unknown, Answer::List);
        let mut buckets = |of: &dyn Fn(&(&String, &Instance)) -> Option<Value>| {
            let mut counts: BTreeMap<String, (Value, u64)> = BTreeMap::new();
            for document in &seen {
                if let Some(key) = of(document) {
                    counts.entry(key.to_string()).or_insert((key, 0)).1 += 1;
                }
            }
            let mut buckets: Vec<Value> =
                counts.into_values().map(|(key, count)| json!({"key": key, "doc_count": count})).collect();
            dice.shuffle(&mut buckets);
            let answer = json!({"timed_out": false, "_shards": {"failed": 0}, "aggregations": {"0": {"buckets": buckets}}});
            figures(&answer)
                .map_or_else(Answer::Unknown, |mut all| Answer::Figures(all.remove("0").unwrap_or_default()))
        };
        let of_kind = |name: &str, kind: &str| {
            door.members.keys().find(|index| field(index, name).as_deref() != Some(kind)).cloned()
        };
        let text = door.members.keys().any(|index| field(index, "state").as_deref() == Some("text"));
        let by_state = if text {
            Answer::Refused("Fielddata is disabled on [state]".to_owned())
        } else {
            let found = |index: &String| !self.unindexed.contains(index) && field(index, "state").is_some();
            buckets(&|(index, i)| found(index).then(|| json!(i.state)))
        };
        let by_day = buckets(&|(_, i)| Some(json!(i.start)));
        let children = match of_kind("joinRelation", "join") {
            Some(_) => Answer::Refused("no join field has been configured".to_owned()),
            None => Answer::Figures(BTreeMap::from([("documents".to_owned(), seen.len().to_string())])),
        };
        let window = if door.window < 10_000 {
            Answer::Refused("Result window is too large".to_owned())
        } else {
            Answer::Figures(BTreeMap::new())
        };
        let all = [list, by_state, by_day, children, window];
        names.into_iter().map(ToOwned::to_owned).zip(all).collect()
    }
}
