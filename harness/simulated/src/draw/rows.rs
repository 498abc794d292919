//! What happens to rows, to PostgreSQL and to its programs. Nothing is drawn for it where no database is migrated, and what is drawn
//! moves nothing else.

use super::{Drawing, GRACE_MS, HORIZON_MS, LATER_MS};
use crate::chance::Chance;
use crate::rows::{tables, unknown};
use crate::schedule::{
    Class, Crashes, Early, Event, Heard, Mishap, Side, Stragglers, Trouble, WaysBack, What,
};

/// Numbers of users' rows begin here, those of later ones, of stragglers, and of applications started too early.
const USERS: u64 = 20_000;
const LATER: u64 = 25_000;
const STRAGGLING: u64 = 29_000;
const EARLY: u64 = 31_000;

/// Rows that are there before users begin.
pub(crate) fn seeded(databases: &[&str], documents: u64) -> Vec<What> {
    let (plain, numbered) = tables(databases);
    let each = (documents / 6).max(2);
    let saved = plain
        .into_iter()
        .flat_map(|table| (0..each).map(move |n| What::Save { table: table.clone(), key: format!("k{n}") }));
    let numbers =
        numbered.into_iter().flat_map(|table| (0..each).map(move |_| What::Number { table: table.clone() }));
    saved.chain(numbers).collect()
}

/// Users' rows, faults, and who works where nobody should.
pub(super) fn of_seed(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    if drawing.databases.is_empty() {
        return Vec::new();
    }
    let mut chance = Chance::new(seed ^ 0x726f_7773);
    let mut events = Vec::new();
    if drawing.writes {
        let mut times: Vec<u64> = (0..chance.between(5, 14)).map(|_| chance.below(HORIZON_MS)).collect();
        times.sort_unstable();
        for (number, at) in (USERS..).zip(times) {
            let takes = if chance.percent(15) { chance.between(200, 2_500) } else { chance.between(4, 40) };
            let heard = match chance.below(100) {
                0..4 => Heard::NothingOfDone,
                4..8 => Heard::NothingOfLost,
                _ => Heard::Answer,
            };
            if let Some(what) = row(&mut chance, drawing, number) {
                events.push(Event::Write { at, takes, number, what, heard });
            }
        }
    }
    for _ in 0..chance.below(4) {
        events.push(fault(&mut chance, drawing));
    }
    events.extend(later(seed, drawing));
    events.extend(straggling(seed, drawing));
    events.extend(early(seed, drawing));
    events
}

fn row(chance: &mut Chance, drawing: &Drawing<'_>, number: u64) -> Option<What> {
    let (plain, numbered) = tables(&drawing.databases);
    let known = |chance: &mut Chance| format!("k{}", chance.below((drawing.documents / 6).max(2)));
    let table = chance.one(&plain)?.clone();
    Some(match chance.below(100) {
        0..35 => What::Save { table, key: format!("n{number}") },
        35..55 => What::Save { table, key: known(chance) },
        55..70 => What::Remove { table, key: known(chance) },
        _ => match chance.one(&numbered) {
            Some(table) => What::Number { table: table.clone() },
            None => What::Save { table, key: known(chance) },
        },
    })
}

/// Half of the faults befall a program, of which there are few, and half a statement.
fn fault(chance: &mut Chance, drawing: &Drawing<'_>) -> Event {
    let programs = chance.percent(55);
    let side = if chance.percent(60) { Side::Target } else { Side::Source };
    let databases = drawing.databases.len() as u64;
    let (class, nth) = match (programs, side) {
        (true, Side::Source) => (Class::Program, chance.below(databases * 2)),
        (true, Side::Target) => (Class::Program, chance.below(databases)),
        (false, _) => (Class::Statement, chance.below(90)),
    };
    let slow = Trouble::Slow(chance.between(50, 8_000));
    let of_programs = [Trouble::CutBefore, Trouble::Killed, Trouble::TableFails, slow];
    let of_statements = [Trouble::CutBefore, Trouble::CutAfter, slow];
    let all: &[Trouble] = if programs { &of_programs } else { &of_statements };
    let crashes = drawing.crashes == Crashes::Happen && chance.percent(40);
    let trouble = if crashes { Trouble::Crashed } else { chance.one(all).copied().unwrap_or(slow) };
    // A number below 90 fits.
    Event::Fault { side, class, nth: u32::try_from(nth).unwrap_or(0), trouble }
}

fn later(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    if *drawing.ways_back == WaysBack::Never || !drawing.writes {
        return Vec::new();
    }
    let mut chance = Chance::new(seed ^ 0x6c61_7472);
    let end = LATER + chance.between(3, 8);
    let writes = (LATER..end).filter_map(|number| {
        let at = chance.between(HORIZON_MS, LATER_MS);
        let what = row(&mut chance, drawing, number)?;
        Some(Event::Write { at, takes: chance.between(4, 40), number, what, heard: Heard::Answer })
    });
    writes.collect()
}

/// Pods that keep their session: they write on it after the freeze.
fn straggling(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    let mut chance = Chance::new(seed ^ 0x6c61_7365);
    if drawing.stragglers == Stragglers::Never || chance.percent(50) {
        return Vec::new();
    }
    let end = STRAGGLING + chance.between(1, 3);
    let writes = (STRAGGLING..end).filter_map(|number| {
        let within = if chance.percent(70) { 4_000 } else { GRACE_MS };
        let after = chance.below(within);
        Some(Event::Straggle { after, number, what: row(&mut chance, drawing, number)? })
    });
    writes.collect()
}

/// Somebody works on the target while it is restored: an application, or a program of a life of the run that was killed.
fn early(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    let mut chance = Chance::new(seed ^ 0x6561_726c);
    if drawing.early == Early::Never || chance.percent(20) {
        return Vec::new();
    }
    let (plain, _) = tables(&drawing.databases);
    let Some(table) = chance.one(&plain).cloned() else { return Vec::new() };
    if chance.percent(50) {
        let after = chance.below(200);
        let database = table.split_once('.').map_or(table.as_str(), |(database, _)| database);
        let table = if chance.percent(40) { unknown(database) } else { table };
        return vec![Event::Early { after, number: EARLY, table }];
    }
    let Some(first) = drawing.databases.first() else { return Vec::new() };
    let step = format!("phase-3/restore/{first}");
    let killed = Event::Mishap { step, mishap: Mishap::KilledWithin(chance.between(60, 200)) };
    let trouble = Trouble::Slow(chance.between(5_000, 14_000));
    vec![killed, Event::Fault { side: Side::Target, class: Class::Program, nth: 0, trouble }]
}
