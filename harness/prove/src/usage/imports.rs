//! Positions of importers, and the records that they are held against.

use super::World;
use crate::dice::Dice;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;
use drydock_parity::elasticsearch::positions::{Imports, Reader, Standing, Stream};
use std::collections::BTreeMap;

const POSITIONS: &str = "operate-import-position-8.3.0_";

/// Positions of some record types on some partitions. Some imports are not finished, which is no fault of a migration.
pub(super) fn generated(dice: &mut Dice) -> Imports {
    let mut imports = Imports::default();
    for partition in 1..=dice.between(2, 5) {
        for record_type in ["job", "process-instance", "variable"] {
            let index = format!("zeebe-record_{record_type}_8.6.0_2026-11-20");
            imports.indices.insert(index.clone());
            let stream =
                Stream { exporter: "zeebe-record".into(), record_type: record_type.into(), partition };
            let newest = dice.between(1_000, 90_000);
            imports.newest.insert(stream.clone(), newest);
            // One is always behind: what is still to come can be lost on the way.
            let waits = record_type == "job" && (partition == 1 || dice.below(4) == 0);
            let distance = if waits { dice.between(1, 500) } else { 0 };
            let waiting = u64::try_from(distance).unwrap_or_default();
            let standing = Standing { position: newest - distance, record_index: Some(index), waiting };
            imports.readers.insert(Reader { index: POSITIONS.into(), stream }, standing);
        }
    }
    imports
}

/// What a broker would count as exported, had it exported everything that is there.
pub(super) fn exported(imports: &Imports) -> BTreeMap<i64, i64> {
    let mut exported = BTreeMap::new();
    for (stream, newest) in &imports.newest {
        let known = exported.entry(stream.partition).or_insert(*newest);
        *known = (*known).max(*newest);
    }
    exported
}

fn variant(
    name: &str,
    kind: Kind,
    named: &'static [&'static str],
    harm: impl Fn(&mut Imports) + 'static,
) -> Variant<World> {
    Variant::new(name, move |world: &mut World, _: &mut Dice| {
        harm(&mut world.imports);
        let planted = (1..=5)
            .fold(Planted::new(checks::ES_IMPORTS, kind, POSITIONS), |planted, partition| {
                planted.also(format!("exporter/partition-{partition}"))
            });
        Some(named.iter().fold(planted, |planted, text| planted.named(*text)))
    })
}

/// The stream of which records are still to come, and one that is read to its end.
fn waiting(imports: &Imports) -> Option<Reader> {
    imports.readers.iter().find(|(_, at)| at.waiting > 0).map(|(reader, _)| reader.clone())
}

pub(super) fn variants() -> Vec<Variant<World>> {
    vec![
        variant(
            "newest records gone",
            Kind::LostWrite,
            &["ahead of the records", "process-instance of partition 2"],
            |i| {
                let reader = i
                    .readers
                    .keys()
                    .find(|r| r.stream.record_type == "process-instance" && r.stream.partition == 2);
                if let Some(reader) = reader.cloned() {
                    let standing = i.readers.get(&reader).cloned().unwrap_or_default();
                    i.newest.insert(reader.stream.clone(), standing.position - 1);
                    if let Some(standing) = i.readers.get_mut(&reader) {
                        standing.waiting = 0;
                    }
                }
            },
        ),
        variant("records of a partition gone", Kind::LostWrite, &["of partition 2"], |i| {
            i.newest.retain(|stream, _| stream.partition != 2);
            i.readers.iter_mut().filter(|(r, _)| r.stream.partition == 2).for_each(|(_, at)| at.waiting = 0);
        }),
        variant(
            "records that were still to come left behind",
            Kind::LostWrite,
            &["never be imported"],
            |i| {
                if let Some(reader) = waiting(i)
                    && let Some(standing) = i.readers.get_mut(&reader)
                {
                    standing.waiting = 0;
                    i.newest.insert(reader.stream, standing.position);
                }
            },
        ),
        variant(
            "some records that were still to come left behind",
            Kind::LostWrite,
            &["1 records", "never be imported"],
            |i| {
                if let Some(standing) = waiting(i).and_then(|reader| i.readers.get_mut(&reader)) {
                    standing.waiting -= 1;
                }
            },
        ),
        variant("position set back", Kind::Stale, &["imported again"], |i| {
            if let Some((_, standing)) = i.readers.iter_mut().next() {
                standing.position -= 10;
                standing.waiting += 10;
            }
        }),
        variant("position forgotten", Kind::Missing, &["imported again"], |i| {
            if let Some(reader) = i.readers.keys().next().cloned() {
                i.readers.remove(&reader);
            }
        }),
        variant("every position forgotten", Kind::Missing, &["imported again"], |i| i.readers.clear()),
        variant("position set ahead", Kind::LostWrite, &["ahead of the records"], |i| {
            if let Some((_, standing)) = i.readers.iter_mut().find(|(_, at)| at.waiting == 0) {
                standing.position += 1_000_000;
            }
        }),
    ]
}
