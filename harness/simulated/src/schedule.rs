//! What happens in one simulation: what users write, and what goes wrong. All of it follows from the seed, and each event can
//! be left out without moving the others.

use crate::chance::Chance;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Index of running instances. Its deletes are forgotten soon, so that what is made again begins at a lower version.
pub(crate) const RUNNING: &str = "operate-list-view-8.3.0_";
/// Records of a broker, in two shards, which searches see late.
pub(crate) const RECORDS: &str = "zeebe-record_process_8.6.0_2026-11-20";
/// Archived instances of a day.
pub(crate) const ARCHIVED: &str = "operate-list-view-8.3.0_2026-11-18";
/// Where instances are archived today: made by the first of them.
pub(crate) const ARCHIVE: &str = "operate-list-view-8.3.0_2026-11-19";
/// An index without documents.
pub(crate) const EMPTY: &str = "tasklist-task-8.5.0_";
/// Documents where nobody says how many.
pub const DOCUMENTS: u64 = 24;
/// Users begin their writes within this time of the beginning.
const HORIZON_MS: u64 = 5_000;

/// Id and routing of a document, as its name says: what stands behind `#` is its routing.
pub(crate) fn placed(name: &str) -> (&str, Option<&str>) {
    name.split_once('#').map_or((name, None), |(id, routing)| (id, Some(routing)))
}

/// A document's name.
pub(crate) fn named(id: &str, routing: Option<&str>) -> String {
    routing.map_or_else(|| id.to_owned(), |routing| format!("{id}#{routing}"))
}

/// Every third record has a routing.
fn record(number: u64) -> String {
    let id = format!("r{number}");
    if number % 3 == 2 { format!("{id}#t{}", number % 2) } else { id }
}

/// Two documents of one id: their routings lead to different shards.
pub(crate) const TWINS: [&str; 2] = ["twin#a", "twin#x"];

/// One of the two clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The one that is left.
    Source,
    /// The one that is arrived at.
    Target,
}

impl Side {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }
}

/// Requests of the migration by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Reading, refreshing.
    Read,
    /// Definitions: indices, settings, aliases, templates.
    Change,
    /// `_bulk`.
    Bulk,
    /// `_reindex`.
    Copy,
}

/// What goes wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// 429, and nothing is done.
    Pressure,
    /// 503, and nothing is done.
    Unavailable,
    /// The connection breaks before the request is read.
    CutBefore,
    /// The request is carried out, and the connection breaks before the answer.
    CutAfter,
    /// The request is carried out, and a gateway answers 504 instead.
    Gateway,
    /// The answer takes so many milliseconds longer.
    Slow(u64),
    /// The connection breaks, and so many milliseconds later the request is carried out.
    Late(u64),
    /// Of a `_bulk` every second item is refused with 429.
    ItemsRefused,
    /// A `_reindex` loses its search context half way.
    ContextLost,
    /// The request is carried out, and no answer ever comes.
    Silence,
    /// Another copy of each shard becomes primary.
    PrimaryMoved,
    /// The node is killed, and is back after some seconds.
    Crashed,
}

/// Whether nodes are killed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Crashes {
    /// They stay up.
    #[default]
    Never,
    /// In every other seed one is.
    Happen,
}

/// One user's action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A document is written, whether it was there or not.
    Put {
        /// Where.
        index: String,
        /// `_id`, and its routing behind a `#`.
        id: String,
    },
    /// A document is removed.
    Delete {
        /// Where.
        index: String,
        /// `_id`.
        id: String,
    },
    /// A document moves to another index: written there, then removed here.
    Archive {
        /// From here.
        from: String,
        /// To there.
        to: String,
        /// `_id`.
        id: String,
    },
    /// An index is dropped, as retention does.
    Drop {
        /// Which.
        index: String,
    },
}

/// Steps in which the migration may be killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Killed {
    /// While it copies with users working.
    Warm,
    /// While it copies during the cutover.
    Cutover,
}

/// What a user hears of a write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
    /// The answer.
    #[default]
    Answer,
    /// Nothing, and it was carried out.
    NothingOfDone,
    /// Nothing, and it was not.
    NothingOfLost,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A user writes.
    Write {
        /// Milliseconds after users began.
        at: u64,
        /// How long it takes.
        takes: u64,
        /// Number of the write, which stands in its document.
        number: u64,
        /// What.
        what: What,
        /// What the user hears of it.
        #[serde(default)]
        heard: Heard,
    },
    /// A request goes wrong.
    Fault {
        /// Of which cluster.
        side: Side,
        /// Of which kind.
        class: Class,
        /// The how-manyth of its kind, from 0.
        nth: u32,
        /// What happens.
        trouble: Trouble,
    },
    /// The migration is killed and resumed.
    Kill {
        /// In which step.
        during: Killed,
        /// Milliseconds after the step began.
        after: u64,
    },
}

/// Everything that happens in one simulation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// What it was made from; latencies follow from it as well.
    pub seed: u64,
    /// Documents of the source before users begin.
    pub documents: u64,
    /// In order.
    pub events: Vec<Event>,
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
    pub(crate) fn of_seed(seed: u64, documents: u64, writes: bool, twins: bool, crashes: Crashes) -> Self {
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
        Self { seed, documents, events }
    }
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
        Class::Copy => chance.below(8),
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
        Class::Read => &[],
        Class::Change => &[late],
        Class::Bulk => &[Trouble::ItemsRefused, late],
        Class::Copy => &[Trouble::ContextLost, Trouble::Silence, late],
    };
    let drawn = if chance.percent(40) { chance.one(own) } else { None };
    let trouble = drawn.or(chance.one(&all)).copied().unwrap_or(Trouble::Pressure);
    // A number below 60 fits.
    Event::Fault { side, class, nth: u32::try_from(nth).unwrap_or(0), trouble }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { at, takes, number, what, heard } => {
                let seconds = |ms: u64| format!("{}.{:03}", ms / 1_000, ms % 1_000);
                write!(f, "{} s  write {number}: ", seconds(*at))?;
                match what {
                    What::Put { index, id } => write!(f, "{index}/{id} is written")?,
                    What::Delete { index, id } => write!(f, "{index}/{id} is deleted")?,
                    What::Archive { from, to, id } => write!(f, "{from}/{id} moves to {to}")?,
                    What::Drop { index } => write!(f, "{index} is dropped")?,
                }
                write!(f, ", which takes {} s", seconds(*takes))?;
                f.write_str(match heard {
                    Heard::Answer => "",
                    Heard::NothingOfDone => ", without an answer",
                    Heard::NothingOfLost => ", without an answer or an effect",
                })
            }
            Self::Fault { side, class, nth, trouble } => {
                let what = match class {
                    Class::Read => "reading request",
                    Class::Change => "change of definitions",
                    Class::Bulk => "_bulk",
                    Class::Copy => "_reindex",
                };
                write!(f, "{what} {} of the {}: {}", nth + 1, side.as_str(), trouble)
            }
            Self::Kill { during, after } => {
                let step = match during {
                    Killed::Warm => "warm copy",
                    Killed::Cutover => "copy of the cutover",
                };
                write!(f, "the migration is killed {after} ms into its {step}, and resumed")
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pressure => f.write_str("429, nothing is done"),
            Self::Unavailable => f.write_str("503, nothing is done"),
            Self::CutBefore => f.write_str("connection reset, nothing is done"),
            Self::CutAfter => f.write_str("carried out, connection reset before the answer"),
            Self::Gateway => f.write_str("carried out, a gateway answers 504"),
            Self::Slow(ms) => write!(f, "{ms} ms slower"),
            Self::Late(ms) => write!(f, "connection reset, carried out {ms} ms later"),
            Self::ItemsRefused => f.write_str("every second item is refused with 429"),
            Self::ContextLost => f.write_str("loses its search context half way"),
            Self::Silence => f.write_str("carried out, no answer ever comes"),
            Self::Crashed => f.write_str("the node is killed, and back after some seconds"),
            Self::PrimaryMoved => f.write_str("another copy of each shard becomes primary"),
        }
    }
}
