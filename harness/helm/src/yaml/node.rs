//! The tree that a YAML text stands for, with aliases and merge keys applied.

use serde_json::Value;
use std::ops::Range;

/// A place in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One value of the tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where it begins.
    pub at: Position,
    /// Its bytes in the text. Of a node that came through an alias: those of the anchored node.
    pub span: Range<usize>,
    /// How it got here.
    pub origin: Origin,
    /// What it is.
    pub kind: Kind,
}

/// How a node or an entry got to its place in the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Written where it stands.
    Own,
    /// Through `*alias`.
    Alias,
    /// Through the merge key `<<`.
    Merge,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the text; no key twice.
    Map(Vec<Entry>),
}

/// A single value with its spelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text between the quotes, or the plain word.
    pub text: String,
    /// How it is written.
    pub style: Style,
    /// What Helm makes of it. Numbers are kept exact where Helm would round them; the difference is a [`Hazard`].
    pub value: Value,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes: its type follows from its text.
    Plain,
    /// Quoted, or a block: always text.
    Text,
}

/// One key of a map with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Key,
    /// Its value.
    pub value: Node,
    /// Whether it stands in this map or came through a merge key.
    pub origin: Origin,
}

/// A key of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As Helm reads it (`y` is `true`).
    pub text: String,
    /// Where it begins.
    pub at: Position,
    /// Its bytes.
    pub span: Range<usize>,
}

/// Text that Helm reads as something other than what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hazard {
    /// Where.
    pub at: Position,
    /// What is surprising, as one clause.
    pub what: String,
    /// Whether something that was written is lost by it.
    pub loses: bool,
}

impl Node {
    /// The value below a key, for maps.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|e| e.key.text == key).map(|e| &e.value),
            _ => None,
        }
    }

    /// The value below several keys.
    pub fn at_path(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Text of a scalar.
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(&scalar.text),
            _ => None,
        }
    }

    /// Items of a list; nothing for anything else.
    pub fn items(&self) -> &[Self] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    /// Entries of a map; nothing for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The node as plain data.
    pub fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.value.clone(),
            Kind::List(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|e| (e.key.text.clone(), e.value.to_value())).collect())
            }
        }
    }
}
