//! Rows of PostgreSQL: by table, key and column, as `COPY` prints them.

mod sets;
mod values;
mod world;

pub use world::{Table, World};

use crate::describe;
use crate::dice::Dice;
use crate::family::{Family, Variant};
use drydock_core::names::checks;
use drydock_core::{Finding, Kind};
use drydock_parity::{
    BucketTable, Columns, Detail, Digest, DigestKey, Hasher, Located, Locator, Side, Traits,
};

/// Buckets of a table: few, so that rows share them.
const BUCKETS: usize = 16;

/// The family of rows and large objects.
#[derive(Debug, Clone, Copy)]
pub struct Rows;

impl Family for Rows {
    type World = World;
    const NAME: &'static str = "rows";

    fn source(dice: &mut Dice) -> World {
        World::generated(dice)
    }

    fn rewritten(source: &World, dice: &mut Dice) -> World {
        let mut target = source.clone();
        for table in target.tables.values_mut() {
            dice.shuffle(&mut table.rows);
            if dice.flip() {
                table.columns_rotated(dice);
            }
        }
        target
    }

    fn variants() -> Vec<Variant<World>> {
        [sets::variants(), values::variants()].into_iter().flatten().collect()
    }

    fn compare(source: &World, target: &World, dice: &mut Dice) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (subject, a) in &source.tables {
            let Some(b) = target.tables.get(subject) else {
                let message = format!("table {subject} is missing on the target");
                findings.push(Finding::data(checks::PG_SCHEMA, Kind::Missing, subject, message));
                continue;
            };
            findings.extend(compare_table(subject, a, b, dice));
        }
        findings
    }
}

fn compare_table(subject: &str, a: &Table, b: &Table, dice: &mut Dice) -> Vec<Finding> {
    let large = a.is_large_objects();
    let check = if large { checks::PG_LARGE_OBJECTS } else { checks::PG_ROWS };
    let columns = a.comparable_columns(b);
    let (a, b) = (a.printed(&columns), b.printed(&columns));
    let mut findings = Vec::new();
    if !large {
        findings.extend(describe::counts(checks::PG_COUNTS, subject, a.len() as u64, b.len() as u64));
    }
    let hasher = Hasher::new(DigestKey::default());
    let table = |rows: &[String]| {
        let mut table = BucketTable::new(BUCKETS);
        rows.iter().for_each(|r| table.insert(hasher.row(columns.key_of(r.as_bytes()), r.as_bytes())));
        table
    };
    let selection = BucketTable::differing(&table(&a), &table(&b), 1_000_000);
    if selection.is_empty() {
        return findings;
    }
    let mut sides = [(Side::Source, &a), (Side::Target, &b)];
    dice.shuffle(&mut sides);
    let found = locate(Locator::new(selection), &hasher, &columns, sides);
    if found.is_empty() {
        findings.push(Finding::not_compared(check, subject, "the digests differ, but no row does"));
    }
    let diff = |a: &str, b: &str| columns.diff(a, b, 6);
    findings.extend(describe::located(check, subject, &found, &diff));
    findings
}

fn locate(
    mut locator: Locator,
    hasher: &Hasher,
    columns: &Columns,
    sides: [(Side, &Vec<String>); 2],
) -> Located {
    for (side, rows) in sides {
        for row in rows {
            let item = hasher.row(columns.key_of(row.as_bytes()), row.as_bytes());
            if locator.wants(item.id) {
                let traits = Traits { routing: Digest::default(), content: item.record };
                locator
                    .insert(side, item, traits, || Detail { label: columns.label(row), text: row.clone() });
            }
        }
    }
    locator.finish()
}
