//! Schedules drawn from a seed. Whatever is drawn for one part does not depend on whether another part is asked for.

mod rows;

pub(crate) use rows::seeded as seeded_rows;

use crate::chance::Chance;
use crate::schedule::{
    ARCHIVE, ARCHIVED, Class, Crashes, Early, Event, Heard, Killed, Mishap, RECORDS, RUNNING, Schedule, Side,
    Stragglers, TWINS, Trouble, WaysBack, What,
};

/// Users begin their writes within this time of the beginning.
const HORIZON_MS: u64 = 5_000;
/// Where it is gone back, users write on until then.
const LATER_MS: u64 = 25_000;
/// Numbers of those writes begin here.
const LATER: u64 = 5_000;
/// A pod that was told to stop is killed after this.
const GRACE_MS: u64 = 30_000;
/// Numbers of the writes of stragglers begin here.
const STRAGGLING: u64 = 9_000;

/// What a schedule is drawn for.
#[derive(Debug, Clone)]
pub(crate) struct Drawing<'a> {
    pub(crate) documents: u64,
    /// Whether users write.
    pub(crate) writes: bool,
    /// Whether two documents of one id can stay apart.
    pub(crate) twins: bool,
    pub(crate) crashes: Crashes,
    pub(crate) ways_back: &'a WaysBack,
    pub(crate) stragglers: Stragglers,
    /// Databases that are migrated.
    pub(crate) databases: Vec<&'static str>,
    pub(crate) early: Early,
    /// Steps that can be gone back from.
    pub(crate) leaving: Vec<String>,
    /// Steps that something can befall.
    pub(crate) steps: Vec<String>,
}

/// Every third record has a routing.
fn record(number: u64) -> String {
    let id = format!("r{number}");
    if number % 3 == 2 { format!("{id}#t{}", number % 2) } else { id }
}

/// Documents that are there, as far as the schedule knows.
struct Living {
    running: Vec<String>,
    archived: Vec<String>,
    records: u64,
    deleted: Vec<String>,
    next: u64,
    archived_dropped: bool,
    /// Whether both documents of one id are there.
    twins: bool,
}

/// Ids of the documents that are there before users begin, by index.
pub(crate) fn seeded(documents: u64) -> [(&'static str, Vec<String>); 3] {
    let ids = |prefix: &str, number: u64| (0..number).map(|n| format!("{prefix}{n}")).collect();
    let archived = documents / 6;
    let records = documents / 3;
    let mut of_broker: Vec<String> = (0..records).map(record).collect();
    of_broker.extend(TWINS.map(ToOwned::to_owned));
    [
        (RUNNING, ids("i", documents - archived - records)),
        (RECORDS, of_broker),
        (ARCHIVED, ids("a", archived)),
    ]
}

impl Schedule {
    /// Draws a schedule.
    pub(crate) fn of_seed(seed: u64, drawing: &Drawing<'_>) -> Self {
        let Drawing { documents, writes, twins, crashes, .. } = *drawing;
        let mut chance = Chance::new(seed);
        let [(_, running), (_, records), (_, archived)] = seeded(documents);
        let mut living = Living {
            running,
            archived,
            records: (records.len() - TWINS.len()) as u64,
            deleted: Vec::new(),
            next: 0,
            archived_dropped: false,
            twins,
        };
        let mut times: Vec<u64> =
            (0..if writes { chance.between(6, 22) } else { 0 }).map(|_| chance.below(HORIZON_MS)).collect();
        times.sort_unstable();
        let mut events = Vec::new();
        for (number, at) in (1_000..).zip(times) {
            let takes = if chance.percent(15) { chance.between(200, 2_500) } else { chance.between(4, 40) };
            let what = living.next(&mut chance);
            let heard = match chance.below(100) {
                0..4 => Heard::NothingOfDone,
                4..8 => Heard::NothingOfLost,
                _ => Heard::Answer,
            };
            events.push(Event::Write { at, takes, number, what, heard });
        }
        for _ in 0..chance.below(5) {
            events.push(fault(&mut chance));
        }
        if chance.percent(12) {
            let during = if chance.percent(50) { Killed::Warm } else { Killed::Cutover };
            events.push(Event::Kill { during, after: chance.between(1, 400) });
        }
        if crashes == Crashes::Happen && chance.percent(60) {
            let side = if chance.percent(70) { Side::Target } else { Side::Source };
            let (class, most) = match side {
                Side::Target if chance.percent(50) => (Class::Copy, 8),
                _ => (Class::Read, 60),
            };
            // A number below 60 fits.
            let nth = u32::try_from(chance.below(most)).unwrap_or(0);
            events.push(Event::Fault { side, class, nth, trouble: Trouble::Crashed });
        }
        events.extend(mishap(seed, drawing));
        events.extend(way_back(seed, drawing));
        events.extend(later(seed, drawing));
        events.extend(straggling(seed, drawing));
        events.extend(rows::of_seed(seed, drawing));
        Self { seed, documents, events }
    }
}

/// In every seventh seed something befalls a step.
fn mishap(seed: u64, drawing: &Drawing<'_>) -> Option<Event> {
    let mut chance = Chance::new(seed ^ 0x6d69_7368);
    // Ways back are few steps among many, and as much can befall them.
    let goes_back = *drawing.ways_back != WaysBack::Never;
    if !chance.percent(if goes_back { 30 } else { 15 }) {
        return None;
    }
    let returning: Vec<&String> = drawing.steps.iter().filter(|step| step.starts_with("rollback/")).collect();
    let step = match chance.one(&returning).filter(|_| goes_back && seed.is_multiple_of(2)) {
        Some(step) => (*step).clone(),
        None => chance.one(&drawing.steps)?.clone(),
    };
    let mishap = match chance.below(5) {
        0 => Mishap::KilledBefore,
        1 => Mishap::KilledAfter,
        2 => Mishap::FailsBefore,
        3 => Mishap::FailsAfter,
        _ => Mishap::KilledWithin(chance.between(1, 400)),
    };
    Some(Event::Mishap { step, mishap })
}

fn way_back(seed: u64, drawing: &Drawing<'_>) -> Option<Event> {
    let mut chance = Chance::new(seed ^ 0x6261_636b);
    match drawing.ways_back {
        WaysBack::Never => None,
        WaysBack::Drawn => {
            // Half of them once users have been on the target.
            let late = |step: &&String| step.starts_with("phase-4/") || step.starts_with("phase-5/");
            let late: Vec<&String> = drawing.leaving.iter().filter(late).collect();
            let from = chance.one(&late).copied().filter(|_| chance.percent(50));
            let from = from.or(chance.one(&drawing.leaving))?;
            Some(Event::GoBack { from: from.clone() })
        }
        WaysBack::From(step) => Some(Event::GoBack { from: step.clone() }),
    }
}

/// Who comes back from the target goes on writing: what is new, and what was there from the beginning.
fn later(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    if *drawing.ways_back == WaysBack::Never || !drawing.writes {
        return Vec::new();
    }
    let mut chance = Chance::new(seed ^ 0x7573_6572);
    let [(_, running), ..] = seeded(drawing.documents);
    (0..chance.between(4, 12))
        .map(|nth| {
            let known = chance.one(&running).cloned().unwrap_or_default();
            let id = if chance.percent(60) { format!("later{nth}") } else { known };
            let at = chance.between(HORIZON_MS, LATER_MS);
            let (takes, number) = (chance.between(4, 40), LATER + nth);
            let what = What::Put { index: RUNNING.to_owned(), id };
            Event::Write { at, takes, number, what, heard: Heard::Answer }
        })
        .collect()
}

/// A pod writes one to three times within the time it is given to end: to what is there already, or something new.
fn straggling(seed: u64, drawing: &Drawing<'_>) -> Vec<Event> {
    let mut chance = Chance::new(seed ^ 0x6c61_7465);
    if drawing.stragglers == Stragglers::Never || chance.percent(20) {
        return Vec::new();
    }
    let [(_, running), ..] = seeded(drawing.documents);
    (0..chance.between(1, 4))
        .map(|nth| {
            // Most of what is late is a little late.
            let within = if chance.percent(70) { 4_000 } else { GRACE_MS };
            let after = chance.below(within);
            let index = RUNNING.to_owned();
            let known = chance.one(&running).cloned().unwrap_or_default();
            let what = match chance.below(3) {
                0 => What::Put { index, id: format!("late{nth}") },
                1 => What::Put { index, id: known },
                _ => What::Delete { index, id: known },
            };
            Event::Straggle { after, number: STRAGGLING + nth, what }
        })
        .collect()
}

impl Living {
    fn next(&mut self, chance: &mut Chance) -> What {
        let index = RUNNING.to_owned();
        let dice = chance.below(100);
        match dice {
            0..30 => {
                self.next += 1;
                let id = format!("n{}{}", self.next, if self.next.is_multiple_of(4) { "#p" } else { "" });
                self.running.push(id.clone());
                What::Put { index, id }
            }
            30..45 => match chance.one(&self.running) {
                Some(id) => What::Put { index, id: id.clone() },
                None => self.record(chance),
            },
            45..60 => match self.take(chance) {
                Some(id) => {
                    self.deleted.push(id.clone());
                    What::Delete { index, id }
                }
                None => self.record(chance),
            },
            60..70 => match chance.one(&self.deleted).cloned() {
                Some(id) => {
                    self.deleted.retain(|d| *d != id);
                    self.running.push(id.clone());
                    What::Put { index, id }
                }
                None => self.record(chance),
            },
            70..88 => match self.take(chance) {
                Some(id) => {
                    let to = if chance.percent(40) && !self.archived_dropped { ARCHIVED } else { ARCHIVE };
                    self.archived.push(id.clone());
                    What::Archive { from: index, to: to.to_owned(), id }
                }
                None => self.record(chance),
            },
            88..91 if !self.archived_dropped => {
                self.archived_dropped = true;
                What::Drop { index: ARCHIVED.to_owned() }
            }
            _ => self.record(chance),
        }
    }

    fn take(&mut self, chance: &mut Chance) -> Option<String> {
        let id = chance.one(&self.running).cloned()?;
        self.running.retain(|r| *r != id);
        Some(id)
    }

    fn record(&mut self, chance: &mut Chance) -> What {
        let number = if chance.percent(60) {
            self.records += 1;
            self.records - 1
        } else {
            chance.below(self.records)
        };
        let id = if chance.percent(15) {
            TWINS[usize::from(chance.percent(50) && self.twins)].to_owned()
        } else {
            record(number)
        };
        What::Put { index: RECORDS.to_owned(), id }
    }
}

fn fault(chance: &mut Chance) -> Event {
    let class = match chance.below(100) {
        0..30 => Class::Read,
        30..55 => Class::Change,
        55..75 => Class::Bulk,
        _ => Class::Copy,
    };
    let side = match class {
        Class::Read if chance.percent(55) => Side::Source,
        _ => Side::Target,
    };
    let nth = match class {
        Class::Read => chance.below(60),
        Class::Change => chance.below(24),
        Class::Bulk => chance.below(6),
        Class::Copy | Class::Session | Class::Statement | Class::Program => chance.below(8),
    };
    let all = [
        Trouble::Pressure,
        Trouble::Unavailable,
        Trouble::CutBefore,
        Trouble::CutAfter,
        Trouble::Gateway,
        Trouble::Slow(chance.between(50, 8_000)),
    ];
    let late = Trouble::Late(chance.between(20, 1_500));
    let own: &[Trouble] = match class {
        Class::Read if side == Side::Source => &[Trouble::PrimaryMoved],
        Class::Read | Class::Session | Class::Statement | Class::Program => &[],
        Class::Change => &[late],
        Class::Bulk => &[Trouble::ItemsRefused, late],
        Class::Copy => &[Trouble::ContextLost, Trouble::Silence, late],
    };
    let drawn = if chance.percent(40) { chance.one(own) } else { None };
    let trouble = drawn.or(chance.one(&all)).copied().unwrap_or(Trouble::Pressure);
    // A number below 60 fits.
    Event::Fault { side, class, nth: u32::try_from(nth).unwrap_or(0), trouble }
}
