//! Corruptions of whole rows: gone, too many, in another table, under another key.

use super::world::{LARGE_OBJECTS, LOG, MENTIONS, PARTITIONS, TYPES, USERS, World};
use crate::dice::Dice;
use crate::family::Variant;
use crate::planted::Planted;
use drydock_core::Kind;
use drydock_core::names::checks;

const CHECK: &str = checks::PG_ROWS;

/// Takes rows away from one table, as a choice of positions says.
fn loses(
    title: &str,
    tables: &'static [&'static str],
    choose: fn(usize, &mut Dice) -> Vec<usize>,
) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let path = *dice.pick(tables)?;
        let check = if path == LARGE_OBJECTS { checks::PG_LARGE_OBJECTS } else { CHECK };
        let table = world.tables.get_mut(path)?;
        table.sort();
        let mut gone = choose(table.rows.len(), dice);
        gone.sort_unstable();
        let mut planted = Planted::new(check, Kind::Missing, path).count(gone.len() as u64);
        for at in gone.into_iter().rev() {
            let row = table.rows.remove(at);
            planted = planted.named(table.label(&row));
        }
        Some(planted)
    })
}

/// Puts one more row into a table, made from one that is there.
fn gains(title: &str, path: &'static str, change: fn(&mut Vec<Option<String>>, &mut Dice)) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let table = world.tables.get_mut(path)?;
        let mut row = dice.pick(&table.rows)?.clone();
        change(&mut row, dice);
        let planted = Planted::new(CHECK, Kind::Extra, path).named(table.label(&row)).count(1);
        table.rows.push(row);
        Some(planted)
    })
}

/// Gives one row another key: missing under the one, too much under the other.
fn renames(title: &str, path: &'static str, change: fn(&str) -> String) -> Variant<World> {
    Variant::new(title, move |world: &mut World, dice| {
        let table = world.tables.get_mut(path)?;
        let at = dice.below(table.rows.len());
        let label = table.label(&table.rows[at]);
        let key = table.rows[at].first_mut()?.as_mut()?;
        *key = change(key);
        Some(Planted::new(CHECK, Kind::Missing, path).named(label).count(1))
    })
}

fn between_tables() -> Vec<Variant<World>> {
    let [november, december] = PARTITIONS;
    vec![
        Variant::new("row in another partition", move |world: &mut World, dice| {
            let from = world.tables.get_mut(november)?;
            let at = dice.below(from.rows.len());
            let row = from.rows.remove(at);
            let planted =
                Planted::new(CHECK, Kind::Missing, november).named(from.label(&row)).also(december).count(1);
            let row = world.tables.get(december)?.adopted(world.tables.get(november)?, &row);
            world.tables.get_mut(december)?.rows.push(row);
            Some(planted)
        }),
        Variant::new("partitions swapped", move |world: &mut World, _| {
            let (mut a, mut b) = (world.tables.remove(november)?, world.tables.remove(december)?);
            std::mem::swap(&mut a.rows, &mut b.rows);
            // Columns may stand in another order on this side: they go with their rows.
            std::mem::swap(&mut a.columns, &mut b.columns);
            world.tables.insert(november.to_owned(), a);
            world.tables.insert(december.to_owned(), b);
            Some(Planted::new(CHECK, Kind::Missing, november).also(december).count(4))
        }),
        Variant::new("row in two partitions", move |world: &mut World, dice| {
            let from = world.tables.get(november)?;
            let to = world.tables.get(december)?;
            let row = to.adopted(from, dice.pick(&from.rows)?);
            let planted = Planted::new(CHECK, Kind::Extra, december).named(to.label(&row)).count(1);
            world.tables.get_mut(december)?.rows.push(row);
            Some(planted)
        }),
        Variant::new("table lost", |world: &mut World, dice| {
            let path = *dice.pick(&[USERS, LOG, TYPES])?;
            world.tables.remove(path)?;
            Some(Planted::new(checks::PG_SCHEMA, Kind::Missing, path).count(1))
        }),
    ]
}

fn in_pairs() -> Vec<Variant<World>> {
    vec![
        Variant::new("keys of two rows swapped", |world: &mut World, dice| {
            let table = world.tables.get_mut(USERS)?;
            let (a, b) = dice.two_below(table.rows.len());
            let (left, right) = table.rows.split_at_mut(b);
            std::mem::swap(left.get_mut(a)?.first_mut()?, right.first_mut()?.first_mut()?);
            let labels = [table.label(&table.rows[a]), table.label(&table.rows[b])];
            let planted = Planted::new(CHECK, Kind::Changed, USERS).count(2);
            Some(labels.into_iter().fold(planted, Planted::named))
        }),
        Variant::new("parts of a composite key swapped", |world: &mut World, dice| {
            let table = world.tables.get_mut(MENTIONS)?;
            let at = dice.below(table.rows.len());
            let label = table.label(&table.rows[at]);
            table.rows[at].swap(0, 1);
            Some(Planted::new(CHECK, Kind::Missing, MENTIONS).named(label).count(1))
        }),
        Variant::new("column values of two rows swapped", |world: &mut World, dice| {
            let table = world.tables.get_mut(USERS)?;
            let (a, b) = dice.two_below(table.rows.len());
            let name = table.column("username")?;
            let (left, right) = table.rows.split_at_mut(b);
            std::mem::swap(&mut left[a][name], &mut right[0][name]);
            let labels = [table.label(&table.rows[a]), table.label(&table.rows[b])];
            let planted = Planted::new(CHECK, Kind::Changed, USERS).named("username").count(2);
            Some(labels.into_iter().fold(planted, Planted::named))
        }),
        Variant::new("two columns of one row swapped", |world: &mut World, dice| {
            let table = world.tables.get_mut(USERS)?;
            let at = dice.below(table.rows.len());
            let (a, b) = (table.column("username")?, table.column("first_name")?);
            table.rows[at].swap(a, b);
            let label = table.label(&table.rows[at]);
            Some(
                Planted::new(CHECK, Kind::Changed, USERS)
                    .named(label)
                    .named("username")
                    .named("first_name")
                    .count(1),
            )
        }),
        Variant::new("two columns of a whole table swapped", |world: &mut World, _| {
            let table = world.tables.get_mut(MENTIONS)?;
            let (a, b) = (table.column("text")?, table.column("created")?);
            table.rows.iter_mut().for_each(|row| row.swap(a, b));
            let count = table.rows.len() as u64;
            Some(Planted::new(CHECK, Kind::Changed, MENTIONS).named("text").named("created").count(count))
        }),
        Variant::new("one row's values over another's", |world: &mut World, dice| {
            let table = world.tables.get_mut(TYPES)?;
            let (a, b) = dice.two_below(table.rows.len());
            let key = table.rows[a][0].clone();
            table.rows[a] = table.rows[b].clone();
            table.rows[a][0] = key;
            let label = table.label(&table.rows[a]);
            Some(Planted::new(CHECK, Kind::Changed, TYPES).named(label).count(1))
        }),
        Variant::new("keys given anew", |world: &mut World, _| {
            let table = world.tables.get_mut(TYPES)?;
            table.sort();
            let count = table.rows.len() as u64;
            for (number, row) in table.rows.iter_mut().enumerate() {
                row[0] = Some((number + 1).to_string());
            }
            Some(Planted::new(CHECK, Kind::Missing, TYPES).count(count))
        }),
        Variant::new("one row lost and another one twice", |world: &mut World, dice| {
            let table = world.tables.get_mut(USERS)?;
            let (a, b) = dice.two_below(table.rows.len());
            let label = table.label(&table.rows[a]);
            table.rows[a] = table.rows[b].clone();
            Some(Planted::new(CHECK, Kind::Missing, USERS).named(label).count(1))
        }),
    ]
}

/// All of them.
pub(super) fn variants() -> Vec<Variant<World>> {
    let keyed: &[&str] = &[USERS, MENTIONS, TYPES];
    let mut all = vec![
        loses("first row lost", keyed, |_, _| vec![0]),
        loses("last row lost", keyed, |n, _| vec![n - 1]),
        loses("row in the middle lost", keyed, |n, _| vec![n / 2]),
        loses("two rows lost", keyed, |n, dice| {
            let (a, b) = dice.two_below(n);
            vec![a, b]
        }),
        loses("restore stopped half-way", keyed, |n, _| (n / 2..n).collect()),
        loses("table emptied", keyed, |n, _| (0..n).collect()),
        loses("partition emptied", &PARTITIONS, |n, _| (0..n).collect()),
        loses("the only row of its kind lost from a table without key", &[LOG], |_, _| vec![3]),
        loses("one of three equal rows lost from a table without key", &[LOG], |_, _| vec![0]),
        loses("large object lost", &[LARGE_OBJECTS], |n, dice| vec![dice.below(n)]),
        Variant::new("equal rows of a table without key kept once", |world: &mut World, _| {
            let table = world.tables.get_mut(LOG)?;
            table.sort();
            table.rows.dedup();
            Some(Planted::new(CHECK, Kind::Missing, LOG).count(3))
        }),
        gains("row too much", USERS, |row, _| row[0] = Some("ghost".to_owned())),
        gains("row twice although it has a key", USERS, |_, _| {}),
        gains("one more of equal rows in a table without key", LOG, |_, _| {}),
        gains("row too much in a table without key", LOG, |row, _| row[0] = Some("OTHER".to_owned())),
        gains("row again under half of its key", MENTIONS, |row, _| row[1] = Some("user-9".to_owned())),
        renames("key with a trailing blank", USERS, |key| format!("{key} ")),
        renames("key in upper case", USERS, |key| key.to_uppercase()),
        renames("key off by one", TYPES, |key| (key.parse::<i64>().unwrap_or_default() + 1).to_string()),
        renames("key through a double", TYPES, |key| {
            let through = key.parse::<f64>().unwrap_or_default() as i64;
            (if through.to_string() == key { through + 1 } else { through }).to_string()
        }),
    ];
    all.extend(between_tables());
    all.extend(in_pairs());
    all
}
