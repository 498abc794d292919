//! What the user supplied: several files and `--set`, one over the other as Helm does it, every value with its place.

use super::path::Path;
use super::set::assignments;
use crate::yaml::{Kind, Node, Origin, Position, YamlError, read_one};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Bound;
use thiserror::Error;

/// Name under which values from the command line are told.
pub const SET: &str = "--set";

/// One value the user supplied. Lists are values; maps are not, unless they are empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaf {
    /// Where the chart finds it.
    pub path: Path,
    /// What it says.
    pub value: Value,
    /// Where it is written.
    pub place: Place,
}

/// Where something is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Index into [`Supplied::sources`].
    pub source: usize,
    /// The key.
    pub at: Position,
}

/// Something in a file that Helm reads differently from what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surprise {
    /// Where.
    pub place: Place,
    /// What, as one clause.
    pub what: String,
    /// Whether something that was written is lost by it.
    pub loses: bool,
}

/// Everything the user supplied.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Supplied {
    /// Names of the files, in the order in which they were given, then [`SET`] if there was any.
    pub sources: Vec<String>,
    /// What counts in the end, by path.
    pub leaves: BTreeMap<Path, Leaf>,
    /// Duplicate keys and words that are not what they look like.
    pub surprises: Vec<Surprise>,
}

/// Why values cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SuppliedError {
    /// A file is no YAML.
    #[error("{file}:{}:{}: {}", error.at.line, error.at.column, error.reason)]
    File {
        /// Its name.
        file: String,
        /// What is wrong where.
        error: YamlError,
    },
    /// A value of the command line cannot be read.
    #[error("{SET} {text}: {reason}")]
    Set {
        /// As given.
        text: String,
        /// What is wrong.
        reason: String,
    },
}

impl Supplied {
    /// Reads files (name and text) and `--set` arguments; later ones win.
    ///
    /// # Errors
    /// A file is no YAML map, or an argument is no assignment.
    pub fn read(files: &[(String, String)], set: &[String]) -> Result<Self, SuppliedError> {
        let mut supplied = Self::default();
        for (name, text) in files {
            let source = supplied.sources.len();
            supplied.sources.push(name.clone());
            let (node, hazards) =
                read_one(text).map_err(|error| SuppliedError::File { file: name.clone(), error })?;
            supplied.surprises.extend(hazards.into_iter().map(|h| Surprise {
                place: Place { source, at: h.at },
                what: h.what,
                loses: h.loses,
            }));
            let mut leaves = Vec::new();
            let start = Place { source, at: node.at };
            flatten(&node, node.origin, &Path::default(), &start, &mut leaves);
            if supplied.leaves.is_empty() {
                // The leaves of one tree never lie over one another: there is nothing to replace.
                supplied.leaves = leaves.into_iter().map(|leaf| (leaf.path.clone(), leaf)).collect();
            } else {
                leaves.into_iter().for_each(|leaf| supplied.put(leaf));
            }
        }
        if !set.is_empty() {
            let source = supplied.sources.len();
            supplied.sources.push(SET.to_owned());
            for (number, text) in (1..).zip(set) {
                let failed = |reason: String| SuppliedError::Set { text: text.clone(), reason };
                let place = Place { source, at: Position { line: number, column: 1 } };
                for assignment in assignments(text).map_err(failed)? {
                    let (path, value) = assignment.over(&supplied).map_err(failed)?;
                    supplied.put(Leaf { path, value, place: place.clone() });
                }
            }
        }
        Ok(supplied)
    }

    /// Puts one value over what is there, as Helm merges: what it replaces goes, also what lies below it.
    pub fn put(&mut self, leaf: Leaf) {
        if matches!(&leaf.value, Value::Object(map) if map.is_empty()) && self.has_below(&leaf.path) {
            // An empty map merged into a map changes nothing.
            return;
        }
        // A scalar above gives way to the map that is written over it.
        for depth in 1..leaf.path.0.len() {
            self.leaves.remove(&leaf.path.0[..depth]);
        }
        let below: Vec<Path> = self.below(&leaf.path).map(|l| l.path.clone()).collect();
        for path in below {
            self.leaves.remove(&path);
        }
        self.leaves.insert(leaf.path.clone(), leaf);
    }

    /// The value at a path, put together from what lies below it.
    pub fn value(&self, path: &Path) -> Option<Value> {
        if let Some(leaf) = self.leaves.get(path) {
            return Some(leaf.value.clone());
        }
        let mut whole: Option<Value> = None;
        for leaf in self.below(path) {
            let root = whole.get_or_insert_with(|| Value::Object(serde_json::Map::new()));
            insert(root, &leaf.path.0[path.0.len()..], leaf.value.clone());
        }
        whole
    }

    /// Whether anything is supplied at a path or below it.
    pub fn sets(&self, path: &Path) -> bool {
        self.leaves.contains_key(path) || self.has_below(path)
    }

    /// What came from the command line, as the text of a values file that says the same over the others; `None` if nothing did.
    pub fn set_as_file(&self) -> Option<String> {
        let of_set = |leaf: &&Leaf| self.source_of(&leaf.place) == SET;
        let mut whole = Value::Object(serde_json::Map::new());
        for leaf in self.leaves.values().filter(of_set) {
            insert(&mut whole, leaf.path.keys(), leaf.value.clone());
        }
        // JSON is YAML.
        (!whole.as_object().is_some_and(serde_json::Map::is_empty)).then(|| format!("{whole:#}\n"))
    }

    /// Everything supplied below a path, without the path itself.
    pub fn below<'s>(&'s self, path: &'s Path) -> impl Iterator<Item = &'s Leaf> {
        self.leaves
            .range::<[String], _>((Bound::Excluded(path.keys()), Bound::Unbounded))
            .map(|(_, leaf)| leaf)
            .take_while(|leaf| leaf.path.is_within(path))
    }

    fn has_below(&self, path: &Path) -> bool {
        self.below(path).next().is_some()
    }

    /// The name of the file something is written in.
    pub fn source_of(&self, place: &Place) -> &str {
        self.sources.get(place.source).map_or("", String::as_str)
    }
}

/// Sets a value deep inside a map, making maps on the way.
pub(crate) fn insert(root: &mut Value, keys: &[String], value: Value) {
    let Some((last, above)) = keys.split_last() else {
        *root = value;
        return;
    };
    let mut at = root;
    for key in above {
        at = child(at, key);
    }
    *child(at, last) = value;
}

fn child<'v>(value: &'v mut Value, key: &str) -> &'v mut Value {
    if !value.is_object() {
        *value = Value::Object(serde_json::Map::new());
    }
    match value {
        Value::Object(map) => map.entry(key).or_insert(Value::Null),
        // Made an object two lines above.
        other => other,
    }
}

fn flatten(node: &Node, origin: Origin, path: &Path, place: &Place, into: &mut Vec<Leaf>) {
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            for entry in entries {
                // What came through an alias or a merge key is written elsewhere; the place where it is used is of more use.
                let at = if entry.origin == Origin::Merge || origin == Origin::Alias {
                    place.at
                } else {
                    entry.key.at
                };
                let place = Place { source: place.source, at };
                let below = if origin == Origin::Alias { Origin::Alias } else { entry.value.origin };
                flatten(&entry.value, below, &path.child(&entry.key.text), &place, into);
            }
        }
        Kind::Map(_) if path.0.is_empty() => {}
        _ => into.push(Leaf { path: path.clone(), value: node.to_value(), place: place.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use super::Supplied;
    use crate::values::Path;
    use serde_json::json;

    fn read(files: &[&str], set: &[&str]) -> Supplied {
        let files: Vec<_> =
            files.iter().enumerate().map(|(i, t)| (format!("{i}.yaml"), (*t).to_owned())).collect();
        let set: Vec<_> = set.iter().map(|s| (*s).to_owned()).collect();
        Supplied::read(&files, &set).unwrap()
    }

    #[test]
    fn later_files_win_and_maps_merge() {
        let all = read(&["a: {b: 1, c: [1, 2]}\nd: x", "a: {c: [3]}\nd: {e: null}"], &["a.b=7,f.g=true"]);
        let at = |p: &str| all.value(&Path::parse(p));
        assert_eq!(at("a"), Some(json!({"b": 7, "c": [3]})));
        assert_eq!(at("d"), Some(json!({"e": null})));
        assert_eq!(at("f.g"), Some(json!(true)));
        assert_eq!(all.source_of(&all.leaves[&Path::parse("a.c")].place), "1.yaml");
        assert_eq!(all.source_of(&all.leaves[&Path::parse("a.b")].place), "--set");
    }

    #[test]
    fn an_empty_map_over_a_map_changes_nothing() {
        let all = read(&["a: {b: 1}", "a: {}"], &[]);
        assert_eq!(all.value(&Path::parse("a")), Some(json!({"b": 1})));
    }
}
