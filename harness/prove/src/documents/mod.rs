//! Documents of Elasticsearch: by index, id, routing and content.

mod fields;
mod sets;
mod texts;
mod world;

pub use world::{Document, World};

use crate::describe;
use crate::dice::Dice;
use crate::family::{Family, Variant};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind, Sample};
use drydock_parity::{BucketTable, Detail, DigestKey, Hasher, Located, Locator, Side, json_diff, take_moved};
use std::collections::BTreeMap;

/// Buckets of a table: few, so that items share them.
const BUCKETS: usize = 16;

/// The family of documents.
#[derive(Debug, Clone, Copy)]
pub struct Documents;

impl Family for Documents {
    type World = World;
    const NAME: &'static str = "documents";

    fn source(dice: &mut Dice) -> World {
        World::generated(dice)
    }

    fn rewritten(source: &World, dice: &mut Dice) -> World {
        let mut target = source.clone();
        target.indices.values_mut().for_each(|documents| dice.shuffle(documents));
        target
    }

    fn variants() -> Vec<Variant<World>> {
        [sets::variants(), fields::variants(), texts::variants()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, dice: &mut Dice) -> Vec<Finding> {
        compare(&source.written(dice), &target.written(dice), dice)
    }
}

/// A document as a store hands it out: id, routing, text.
pub type Written = (String, Option<String>, String);

/// What the checks of indices, counts and documents tell of two sides.
pub fn compare(
    source: &BTreeMap<String, Vec<Written>>,
    target: &BTreeMap<String, Vec<Written>>,
    dice: &mut Dice,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (here, there, kind) in [(source, target, Kind::Missing), (target, source, Kind::Extra)] {
        for name in here.keys().filter(|name| !there.contains_key(*name)) {
            let message = format!("index {name}: {kind} on the target");
            findings.push(Finding::data(checks::ES_INDICES, kind, name, message));
        }
    }
    let mut located = BTreeMap::new();
    for (name, a) in source {
        let Some(b) = target.get(name) else { continue };
        findings.extend(describe::counts(checks::ES_COUNTS, name, a.len() as u64, b.len() as u64));
        match compare_index(a, b, dice) {
            Ok(None) => {}
            Ok(Some(found)) => drop(located.insert(name.clone(), found)),
            Err(reason) => findings.push(Finding::not_compared(checks::ES_DOCUMENTS, name, reason)),
        }
    }
    for moved in take_moved(&mut located) {
        let message = format!("{} on the source, {} on the target", moved.from, moved.to);
        let count = moved.items.iter().map(|i| i.copies).sum();
        let samples = moved.items.iter().filter_map(|i| i.label().map(Sample::named));
        findings.push(
            Finding::data(checks::ES_DOCUMENTS, Kind::Moved, &moved.from, message).items(count, samples),
        );
    }
    for (name, found) in &located {
        let diff = |a: &str, b: &str| json_diff(a, b, 4);
        findings.extend(describe::located(checks::ES_DOCUMENTS, name, found, &diff));
    }
    findings
}

fn compare_index(a: &[Written], b: &[Written], dice: &mut Dice) -> Result<Option<Located>, String> {
    let key = DigestKey::default();
    let (a_table, b_table) = (table(a, key, dice)?, table(b, key, dice)?);
    let selection = BucketTable::differing(&a_table, &b_table, 1_000_000);
    if selection.is_empty() {
        return Ok(None);
    }
    let mut locator = Locator::new(selection);
    let mut hasher = Hasher::new(key);
    let sides = if dice.flip() {
        [(Side::Source, a), (Side::Target, b)]
    } else {
        [(Side::Target, b), (Side::Source, a)]
    };
    for (side, documents) in sides {
        for (id, routing, text) in documents {
            let routing = routing.as_deref();
            let item = hasher.document(id, routing, text).map_err(|e| e.to_string())?;
            if locator.wants(item.id) {
                let traits = hasher.document_traits(routing, text).map_err(|e| e.to_string())?;
                locator
                    .insert(side, item, traits, || Detail { label: label(id, routing), text: text.clone() });
            }
        }
    }
    let found = locator.finish();
    if found.is_empty() {
        return Err("the digests differ, but reading again showed no difference".to_owned());
    }
    Ok(Some(found))
}

/// The digests of one side, read in two slices.
fn table(documents: &[Written], key: DigestKey, dice: &mut Dice) -> Result<BucketTable, String> {
    let cut = dice.below(documents.len() + 1);
    let (first, second) = documents.split_at(cut);
    let mut whole = BucketTable::new(BUCKETS);
    for slice in [second, first] {
        let mut hasher = Hasher::new(key);
        let mut part = BucketTable::new(BUCKETS);
        for (id, routing, text) in slice {
            part.insert(hasher.document(id, routing.as_deref(), text).map_err(|e| e.to_string())?);
        }
        whole.merge(&part);
    }
    Ok(whole)
}

/// A document's name in samples.
pub fn label(id: &str, routing: Option<&str>) -> String {
    match routing {
        Some(routing) => format!("_id {id}, routing {routing}"),
        None => format!("_id {id}"),
    }
}
