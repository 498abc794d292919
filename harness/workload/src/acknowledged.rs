//! The log of acknowledged writes: what a client was told is stored. It is the measure of what a migration lost, so each
//! line is written before the next request is made. Requests that change what is known already are noted before they are made
//! as well: of one that is never answered, because this process or the store was killed meanwhile, nobody knows whether it
//! was carried out, and neither outcome is anybody's loss.

use crate::lines::{self, Lines};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

/// One acknowledged write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// What was written.
    pub item: Item,
    /// What it became.
    pub now: Now,
    /// What it holds, where that is known: the digest of a document ([`content_of`]), or `column=value` of a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// Milliseconds since the run began.
    pub ms: u64,
}

/// Identity of something a client wrote.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "store", rename_all = "lowercase")]
pub enum Item {
    /// A document.
    Elasticsearch {
        /// Index.
        index: String,
        /// `_id`.
        id: String,
        /// `_routing`, if it was given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        routing: Option<String>,
    },
    /// A row.
    Postgres {
        /// Database.
        database: String,
        /// Table with schema.
        table: String,
        /// Primary key column.
        column: String,
        /// Its value as text.
        key: String,
    },
}

impl std::fmt::Display for Item {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Elasticsearch { index, id, routing: None } => write!(f, "{index}/{id}"),
            Self::Elasticsearch { index, id, routing: Some(routing) } => {
                write!(f, "{index}/{id} (routing {routing})")
            }
            Self::Postgres { database, table, column, key } => write!(f, "{database}.{table} {column}={key}"),
        }
    }
}

/// State of an item after an acknowledged write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Now {
    /// It exists.
    Stored,
    /// It was deleted, or moved elsewhere.
    Gone,
}

/// Last acknowledged state of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Whether it exists.
    pub now: Now,
    /// Digest of its contents, where they are known.
    pub content: Option<String>,
}

/// Items that a request is about to change.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    asked: Vec<Item>,
    ms: u64,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Line {
    Acknowledged(Acknowledged),
    Asked(Asked),
}

/// What the log knows of every item at some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastStates {
    /// Items whose last request was answered, with what they became.
    pub known: BTreeMap<Item, State>,
    /// Items whose last request was never answered: they are in the state before it or in that after it.
    pub open: BTreeSet<Item>,
}

/// How a store contradicts the last acknowledged state of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contradiction {
    /// It was stored and is not there.
    Absent,
    /// It was deleted or moved and is still there.
    Present,
    /// It is there with other contents.
    Stale,
}

/// Digest of a JSON document, blind to white space, order of keys and ways of writing a number. Nothing if it is none.
pub fn content_of(json: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    Some(blake3::hash(value.to_string().as_bytes()).to_hex()[..16].to_owned())
}

/// The log, open for appending.
#[derive(Debug)]
pub struct Acknowledgements {
    lines: Lines,
}

impl Acknowledgements {
    /// Opens (or goes on with) the log at `path`.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { lines: Lines::open(path)? })
    }

    /// Notes acknowledged writes, in one write call.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn note(&self, writes: &[Acknowledged]) -> io::Result<()> {
        self.lines.note(writes)
    }

    /// Notes that a request is about to change `items`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn ask<'a>(&self, items: impl IntoIterator<Item = &'a Item>, ms: u64) -> io::Result<()> {
        self.lines.note(&[Asked { asked: items.into_iter().cloned().collect(), ms }])
    }
}

/// Last acknowledged state of every item written up to `until_ms`, read back from the log. A torn line is left out: it
/// was cut off before the next request, so at most one write is not judged.
///
/// # Errors
/// The file cannot be read.
pub fn last_states(path: &Path, until_ms: u64) -> io::Result<LastStates> {
    let mut states = LastStates::default();
    for line in lines::read::<Line>(path)? {
        match line {
            Line::Acknowledged(Acknowledged { item, now, content, ms }) if ms <= until_ms => {
                states.open.remove(&item);
                states.known.insert(item, State { now, content });
            }
            Line::Asked(Asked { asked, ms }) if ms <= until_ms => {
                for item in asked {
                    states.known.remove(&item);
                    states.open.insert(item);
                }
            }
            _ => {}
        }
    }
    Ok(states)
}

/// Every write acknowledged from `from_ms` on and before `until_ms`, in the order of the log. A torn line is left out.
///
/// # Errors
/// The file cannot be read.
pub fn writes_between(path: &Path, from_ms: u64, until_ms: u64) -> io::Result<Vec<Acknowledged>> {
    let mut writes = lines::read::<Acknowledged>(path)?;
    writes.retain(|write| (from_ms..until_ms).contains(&write.ms));
    Ok(writes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;
    use std::io::Write;

    #[test]
    fn the_last_state_counts_and_a_torn_line_harms_nothing() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("drydock-ack-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("acknowledged.jsonl");
        let item = |id: &str| Item::Elasticsearch { index: "i".into(), id: id.into(), routing: None };
        let write = |id: &str, now, ms| Acknowledged { item: item(id), now, content: None, ms };
        Acknowledgements::open(&path)?.note(&[write("a", Now::Stored, 1), write("b", Now::Stored, 2)])?;
        OpenOptions::new().append(true).open(&path)?.write_all(b"{\"item\":{\"store\":\"ela")?;
        let log = Acknowledgements::open(&path)?;
        log.note(&[write("a", Now::Gone, 3), write("late", Now::Stored, 99)])?;
        let states = last_states(&path, 50)?;
        let between: Vec<u64> = writes_between(&path, 2, 99)?.iter().map(|w| w.ms).collect();
        assert_eq!(between, [2, 3], "from the first on, and not the last");
        std::fs::remove_dir_all(&folder)?;
        let state = |now| State { now, content: None };
        let known = BTreeMap::from([(item("a"), state(Now::Gone)), (item("b"), state(Now::Stored))]);
        assert_eq!(states, LastStates { known, open: BTreeSet::new() });
        Ok(())
    }

    #[test]
    fn a_request_without_an_answer_leaves_its_items_open_until_another_is_answered() -> io::Result<()> {
        let folder = std::env::temp_dir().join(format!("drydock-asked-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("acknowledged.jsonl");
        let item = |id: &str| Item::Elasticsearch { index: "i".into(), id: id.into(), routing: None };
        let write = |id: &str, ms| Acknowledged { item: item(id), now: Now::Stored, content: None, ms };
        let log = Acknowledgements::open(&path)?;
        log.note(&[write("a", 1), write("b", 1), write("c", 1)])?;
        log.ask(&[item("a"), item("b")], 2)?;
        log.note(&[write("b", 3)])?;
        let at = |until| last_states(&path, until);
        let names = |items: Vec<&Item>| items.into_iter().map(ToString::to_string).collect::<Vec<_>>();
        let then = at(2)?;
        assert_eq!(names(then.known.keys().collect()), ["i/c"], "b was answered later");
        let now = at(99)?;
        assert_eq!(names(now.known.keys().collect()), ["i/b", "i/c"]);
        assert_eq!(names(now.open.iter().collect()), ["i/a"]);
        assert_eq!(at(1)?.open.len(), 0);
        assert_eq!(writes_between(&path, 0, 99)?.len(), 4, "what was asked for is no write");
        std::fs::remove_dir_all(&folder)
    }

    #[test]
    fn a_digest_is_blind_to_writing_and_not_to_contents() {
        let digest = |text: &str| content_of(text.as_bytes());
        assert_eq!(digest("{\"a\": 0.10, \"b\": [1]}"), digest("{\"b\":[1],\"a\":0.1}"));
        assert_ne!(digest("{\"a\":9007199254740993}"), digest("{\"a\":9007199254740992}"));
        assert_eq!(digest("{"), None);
    }
}
