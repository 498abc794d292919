//! What applications ask of a cluster, and where importers stand: answers of two sides held against each other.

mod imports;
mod world;

pub use world::World;

use crate::dice::Dice;
use crate::family::{Family, Variant};
use crate::planted::Planted;
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Outcome};
use drydock_parity::elasticsearch::positions;
use drydock_parity::elasticsearch::usage::{Asked, Behind, judge};
use serde_json::{Value, json};
use world::{ALIAS, DATED, LIVE, TASKS};

/// The family of access to indices.
#[derive(Debug, Clone, Copy)]
pub struct Usage;

const CHECK: &str = checks::ES_ACCESS;

impl Family for Usage {
    type World = World;
    const NAME: &'static str = "usage";

    fn source(dice: &mut Dice) -> World {
        World::generated(dice)
    }

    fn rewritten(source: &World, _: &mut Dice) -> World {
        // Each comparison has both sides answer anew, in orders of their own.
        source.clone()
    }

    fn variants() -> Vec<Variant<World>> {
        [aliases(), answers(), imports::variants()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, dice: &mut Dice) -> Vec<Finding> {
        let (before, after) = (source.doors(), target.doors());
        let mut findings = Vec::new();
        for door in before.values() {
            let there = after.get(&door.name);
            let asked: Vec<Asked> = source
                .answers(door.name.as_str(), Some(door), dice)
                .into_iter()
                .zip(target.answers(door.name.as_str(), there, dice))
                .map(|((name, source), (_, target))| Asked { name, source, target })
                .collect();
            let behind = Behind {
                documents: source
                    .documents
                    .iter()
                    .map(|(index, all)| (index.as_str(), all.len() as u64))
                    .collect(),
                on_target: target.indices.keys().map(String::as_str).collect(),
                differing: source.differing(target),
                mapped: source.mapped(target, door),
            };
            findings.extend(judge(door, there, &asked, &behind));
        }
        findings.extend(positions::compare(&source.imports, &target.imports, &source.exported));
        // What was so before blames nobody.
        findings.retain(|f| f.outcome > Outcome::Expected);
        findings
    }
}

fn variant(
    name: &str,
    kind: Kind,
    subject: &'static str,
    named: &'static [&'static str],
    harm: impl Fn(&mut World, &mut Dice) + 'static,
) -> Variant<World> {
    Variant::new(name, move |world: &mut World, dice: &mut Dice| {
        harm(world, dice);
        let planted = Planted::new(CHECK, kind, subject);
        Some(named.iter().fold(planted, |planted, text| planted.named(*text)))
    })
}

fn alias<'a>(world: &'a mut World, index: &str) -> &'a mut Value {
    &mut world.indices.entry(index.to_owned()).or_default()["aliases"]
}

fn aliases() -> Vec<Variant<World>> {
    vec![
        variant(
            "alias off the dated index",
            Kind::Missing,
            ALIAS,
            &["covers 1 of 2 indices", DATED],
            |w, _| {
                *alias(w, DATED) = json!({});
            },
        ),
        variant(
            "alias off the live index",
            Kind::Missing,
            ALIAS,
            &["covers 1 of 2 indices", LIVE],
            |w, _| {
                *alias(w, LIVE) = json!({});
            },
        ),
        variant("alias gone altogether", Kind::Missing, ALIAS, &["to none on the target"], |w, _| {
            *alias(w, LIVE) = json!({});
            *alias(w, DATED) = json!({});
        }),
        variant("dated index not copied", Kind::Missing, ALIAS, &["absent or closed"], |w, _| {
            w.indices.remove(DATED);
            w.documents.remove(DATED);
        }),
        variant("alias on an index of another family", Kind::Changed, ALIAS, &[TASKS], |w, _| {
            alias(w, TASKS)[ALIAS] = json!({});
        }),
        variant("filter on the alias", Kind::Changed, ALIAS, &["filter"], |w, _| {
            // Of a live index a filter for running instances would hide nothing.
            alias(w, LIVE)[ALIAS] = json!({"filter": {"term": {"state": "COMPLETED"}}});
        }),
        variant("another filter on the alias", Kind::Changed, ALIAS, &["filter", DATED], |w, _| {
            alias(w, DATED)[ALIAS] = json!({"filter": {"term": {"state": "ACTIVE"}}});
        }),
    ]
}

fn answers() -> Vec<Variant<World>> {
    vec![
        variant("document gone", Kind::Changed, ALIAS, &["elasticsearch/documents", LIVE], |w, dice| {
            w.lose(LIVE, dice);
        }),
        variant("state of a document changed", Kind::Changed, ALIAS, &["documents by state"], |w, dice| {
            w.change(DATED, dice, |document| document.state = "CANCELED");
        }),
        variant("start of a document changed", Kind::Changed, ALIAS, &["histogram"], |w, dice| {
            w.change(LIVE, dice, |document| document.start += 40);
        }),
        variant("field mapped as text", Kind::Unusable, ALIAS, &["text on the target", "refused"], |w, _| {
            w.indices.entry(LIVE.into()).or_default()["mappings"]["properties"]["state"] =
                json!({"type": "text"});
        }),
        variant("field not mapped", Kind::Changed, ALIAS, &["not indexed on the target"], |w, _| {
            let fields = &mut w.indices.entry(DATED.into()).or_default()["mappings"]["properties"];
            if let Some(fields) = fields.as_object_mut() {
                fields.remove("state");
            }
        }),
        variant("no join", Kind::Unusable, ALIAS, &["joinRelation", "refused"], |w, _| {
            let fields = &mut w.indices.entry(LIVE.into()).or_default()["mappings"]["properties"];
            fields["joinRelation"] = json!({"properties": {"name": {"type": "keyword"}}});
        }),
        variant(
            "documents written before a field was mapped",
            Kind::Changed,
            ALIAS,
            &["before a field was mapped"],
            |w, _| {
                w.unindexed.insert(LIVE.into());
            },
        ),
        variant("smaller window", Kind::Unusable, ALIAS, &["max_result_window"], |w, _| {
            w.indices.entry(LIVE.into()).or_default()["settings"]["index.max_result_window"] = json!("50");
        }),
    ]
}
