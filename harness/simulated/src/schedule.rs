//! What happens in one simulation: what users write, and what goes wrong. Each event can be left out without moving the others.

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

/// Id and routing of a document, as its name says: what stands behind `#` is its routing.
pub(crate) fn placed(name: &str) -> (&str, Option<&str>) {
    name.split_once('#').map_or((name, None), |(id, routing)| (id, Some(routing)))
}

/// A document's name.
pub(crate) fn named(id: &str, routing: Option<&str>) -> String {
    routing.map_or_else(|| id.to_owned(), |routing| format!("{id}#{routing}"))
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
    /// The beginning of a session on PostgreSQL.
    Session,
    /// A statement on PostgreSQL.
    Statement,
    /// A client program of PostgreSQL on its server.
    Program,
}

impl Class {
    /// Whether it belongs to PostgreSQL.
    pub(crate) fn is_postgres(self) -> bool {
        matches!(self, Self::Session | Self::Statement | Self::Program)
    }
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
    /// A signal ends a program half way.
    Killed,
    /// A restore is refused the rows of one table, goes on and ends with 1.
    TableFails,
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
    /// A row is written, whether it was there or not.
    Save {
        /// `database.table`.
        table: String,
        /// Its key.
        key: String,
    },
    /// A row is removed.
    Remove {
        /// `database.table`.
        table: String,
        /// Its key.
        key: String,
    },
    /// A row is made whose key is the next number of a sequence.
    Number {
        /// `database.table`.
        table: String,
    },
}

impl What {
    /// `database.table` of a row.
    pub(crate) fn table(&self) -> Option<&str> {
        match self {
            Self::Save { table, .. } | Self::Remove { table, .. } | Self::Number { table } => Some(table),
            Self::Put { .. } | Self::Delete { .. } | Self::Archive { .. } | Self::Drop { .. } => None,
        }
    }
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

/// What befalls a step, the first time it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mishap {
    /// The migration is killed before the step has done anything, and resumed.
    KilledBefore,
    /// It is killed so many milliseconds into the step, and resumed.
    KilledWithin(u64),
    /// It is killed when the step is done and nobody has noted it yet, and resumed.
    KilledAfter,
    /// The step fails before it has done anything.
    FailsBefore,
    /// The step is done, and fails all the same.
    FailsAfter,
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
    /// Something befalls a step.
    Mishap {
        /// Its id.
        step: String,
        /// What.
        mishap: Mishap,
    },
    /// The migration is gone back from.
    GoBack {
        /// The last step before.
        from: String,
    },
    /// A pod that was told to stop still writes to the source.
    Straggle {
        /// Milliseconds after the source was declared frozen.
        after: u64,
        /// Number of the write.
        number: u64,
        /// What.
        what: What,
    },
    /// An application is started on the target while its database is restored.
    Early {
        /// Milliseconds after the restore began.
        after: u64,
        /// Number of the row that it makes.
        number: u64,
        /// `database.table` of that row.
        table: String,
    },
}

/// Whether migrations are gone back from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WaysBack {
    /// They are not.
    #[default]
    Never,
    /// Each from a step that the seed says.
    Drawn,
    /// All from this step.
    From(String),
}

/// Whether applications are started on the target while it is restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Early {
    /// They are not.
    #[default]
    Never,
    /// In most seeds one is.
    Happen,
}

/// Whether pods go on writing after the declared freeze.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stragglers {
    /// They do not.
    #[default]
    Never,
    /// In most seeds one does.
    Happen,
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

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { index, id } => write!(f, "{index}/{id} is written"),
            Self::Delete { index, id } => write!(f, "{index}/{id} is deleted"),
            Self::Archive { from, to, id } => write!(f, "{from}/{id} moves to {to}"),
            Self::Drop { index } => write!(f, "{index} is dropped"),
            Self::Save { table, key } => write!(f, "{table}/{key} is saved"),
            Self::Remove { table, key } => write!(f, "{table}/{key} is removed"),
            Self::Number { table } => write!(f, "{table} gets a row with its next number"),
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { at, takes, number, what, heard } => {
                write!(f, "{} s  write {number}: {what}, which takes {} s", seconds(*at), seconds(*takes))?;
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
                    Class::Session => "session",
                    Class::Statement => "statement",
                    Class::Program => "client program",
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
            Self::Mishap { step, mishap } => match mishap {
                Mishap::KilledBefore => write!(f, "killed at the beginning of {step}, and resumed"),
                Mishap::KilledWithin(ms) => write!(f, "killed {ms} ms into {step}, and resumed"),
                Mishap::KilledAfter => write!(f, "killed when {step} is done and not noted, and resumed"),
                Mishap::FailsBefore => write!(f, "{step} fails before it has done anything"),
                Mishap::FailsAfter => write!(f, "{step} fails when all of it is done"),
            },
            Self::Early { after, number, table } => write!(
                f,
                "{} s into the restore  an application that was started too early makes row {number} of {table}",
                seconds(*after)
            ),
            Self::GoBack { from } => write!(f, "the migration is gone back from after {from}"),
            Self::Straggle { after, number, what } => {
                write!(
                    f,
                    "{} s after the freeze  write {number} of a pod still terminating: {what}",
                    seconds(*after)
                )
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
            Self::Killed => f.write_str("a signal ends it half way"),
            Self::TableFails => f.write_str("the rows of one table are refused, exit code 1"),
            Self::PrimaryMoved => f.write_str("another copy of each shard becomes primary"),
        }
    }
}
