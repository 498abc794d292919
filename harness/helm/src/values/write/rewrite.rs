//! Moving pieces of text to where the new chart wants them.

use super::items::{Body, Document, Item};
use super::place::{place, put, quote, take, trailing_comment};
use crate::values::chart::ChartKeys;
use crate::values::defaults::drifts;
use crate::values::engine::{Fate, Migrated, Migration, combine, migrate, stages};
use crate::values::judge::{Bitnami, Subject};
use crate::values::path::Path;
use crate::values::road::Road;
use crate::values::rules::{Severity, Transform};
use crate::values::same::same;
use crate::values::supplied::{Supplied, SuppliedError};
use crate::yaml::{Kind, Node, Origin, read_one};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// What the new chart should be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// Name and new text of each file, in the order in which they were given.
    pub files: Vec<(String, String)>,
}

/// Why no migrated values can be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WriteError {
    /// The old files cannot be read.
    #[error(transparent)]
    Read(#[from] SuppliedError),
    /// A key stands twice, so that nobody can say which one is meant.
    #[error("{0}; take one of the two out, then write again")]
    Twice(String),
    /// The text written would not say what it should.
    #[error("cannot write the migrated values: {path} would not come out right ({reason}); move it by hand")]
    Unfaithful {
        /// The key.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl WriteError {
    pub(super) fn unfaithful(path: &Path, reason: &str) -> Self {
        Self::Unfaithful { path: path.to_string(), reason: reason.to_owned() }
    }
}

/// How aliases are treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Aliases {
    /// They stay.
    Stay,
    /// What they stand for is written in their place; needed where an alias would come before its anchor.
    Resolve,
}

/// Proposes values for the new chart. What the old chart did by default and the new one does not is written out; keys that
/// have no place any more follow as comments at the end of their file. The result has been read back and says what it should.
///
/// # Errors
/// A file is no YAML or holds a key twice, or the text cannot be rearranged faithfully.
pub fn propose(
    files: &[(String, String)],
    road: &Road,
    chart_from: Option<&ChartKeys>,
    chart_to: Option<&ChartKeys>,
) -> Result<Proposal, WriteError> {
    let old = Supplied::read(files, &[])?;
    if let Some(twice) = old.surprises.iter().find(|s| s.loses) {
        return Err(WriteError::Twice(format!(
            "{}:{}: {}",
            old.source_of(&twice.place),
            twice.place.at,
            twice.what
        )));
    }
    let wanted = wanted(&old, road, chart_from, chart_to);
    let mut last = None;
    for aliases in [Aliases::Stay, Aliases::Resolve] {
        match attempt(files, road, &wanted, chart_to, aliases) {
            Ok(written) => return Ok(Proposal { files: written }),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| WriteError::unfaithful(&Path::default(), "nothing to write")))
}

/// Every key the new values must hold, with the comment it gets if it was not there before.
struct Wanted {
    values: BTreeMap<Path, Value>,
    /// Lists that are put together from several; their order is nobody's.
    joined: BTreeSet<Path>,
    pins: Vec<(Path, Value, String)>,
}

fn wanted(
    old: &Supplied,
    road: &Road,
    chart_from: Option<&ChartKeys>,
    chart_to: Option<&ChartKeys>,
) -> Wanted {
    let migration = migrate(old, road);
    let mut values = arrivals(&migration);
    // Whether a default matters is asked of the migrated values.
    let mut new = old.clone();
    new.leaves = values
        .iter()
        .map(|(path, value)| {
            let place = crate::values::supplied::Place { source: 0, at: crate::yaml::Position::default() };
            (path.clone(), crate::values::supplied::Leaf { path: path.clone(), value: value.clone(), place })
        })
        .collect();
    let mut pins = Vec::new();
    // One default held fast can make another one matter no more, and the other way round.
    for _ in 0..3 {
        let now = new.clone();
        let subject = Subject {
            old,
            new: Some(&now),
            road,
            chart_from,
            chart_to,
            release: "",
            bitnami: Bitnami::Stays,
        };
        let before = pins.len();
        for drift in drifts(&subject, &migration, &stages(old, road, &migration)) {
            let copied = drift.rule.copy.as_ref().and_then(|from| old.value(from));
            let Some(pin) = drift.pin.clone().or(copied) else { continue };
            if drift.rule.severity != Severity::A || new.sets(&drift.path) {
                continue;
            }
            let place = crate::values::supplied::Place { source: 0, at: crate::yaml::Position::default() };
            new.put(crate::values::supplied::Leaf { path: drift.path.clone(), value: pin.clone(), place });
            pins.push((drift.path.clone(), pin, format!("as before ({})", drift.rule.id)));
        }
        if pins.len() == before {
            break;
        }
    }
    for (path, pin, _) in &pins {
        values.insert(path.clone(), pin.clone());
    }
    let joined = migration
        .keys
        .iter()
        .filter(|k| k.fate == Fate::Merged)
        .flat_map(|k| k.to.iter().map(|(p, _)| p.clone()));
    Wanted { values, joined: joined.collect(), pins }
}

fn arrivals(migration: &Migration<'_>) -> BTreeMap<Path, Value> {
    migration.arrivals.iter().map(|(path, arriving)| (path.clone(), combine(path, arriving).0)).collect()
}

fn attempt(
    files: &[(String, String)],
    road: &Road,
    wanted: &Wanted,
    chart_to: Option<&ChartKeys>,
    aliases: Aliases,
) -> Result<Vec<(String, String)>, WriteError> {
    let mut documents = Vec::with_capacity(files.len());
    for (name, text) in files {
        documents.push((name.clone(), rewrite(name, text, road, aliases)?));
    }
    if let Some((_, last)) = documents.last_mut() {
        for (path, pin, comment) in &wanted.pins {
            put(last, path, Item::new(path.last(), pin, 0, comment))?;
        }
    }
    if let Some(chart) = chart_to {
        for (_, document) in &mut documents {
            document.items.iter_mut().for_each(|item| quote(item, &Path::default(), chart));
        }
    }
    let printed = |documents: &[(String, Document)]| -> Vec<(String, String)> {
        documents.iter().map(|(name, document)| (name.clone(), document.print())).collect()
    };
    let mut written = printed(&documents);
    let mut off = differences(&written, wanted, chart_to)?;
    // A list that came from several files: the last file's would replace the others'.
    if !off.is_empty() && files.len() > 1 {
        if let Some((_, last)) = documents.last_mut() {
            for path in &off {
                if let Some(value) = wanted.values.get(path) {
                    take(&mut last.items, path.keys());
                    put(last, path, Item::new(path.last(), value, 0, "joined from several files"))?;
                }
            }
        }
        written = printed(&documents);
        off = differences(&written, wanted, chart_to)?;
    }
    match off.first() {
        None => Ok(written),
        Some(path) => Err(WriteError::unfaithful(path, "its value would change")),
    }
}

/// Keys at which the text read back does not say what is wanted.
fn differences(
    written: &[(String, String)],
    wanted: &Wanted,
    chart_to: Option<&ChartKeys>,
) -> Result<Vec<Path>, WriteError> {
    let back =
        Supplied::read(written, &[]).map_err(|e| WriteError::unfaithful(&Path::default(), &e.to_string()))?;
    let mut off: Vec<Path> = wanted
        .values
        .iter()
        .filter(|(path, value)| {
            let quoted = |v: &Value| {
                chart_to.is_some_and(|c| c.refuses(path, value) == Some("string"))
                    && v.as_str().is_some_and(|t| t.parse().ok() == value.as_f64() || *t == value.to_string())
            };
            let says = |v: &Value| {
                same(path, v, value)
                    || quoted(v)
                    || (wanted.joined.contains(path.keys()) && same_items(path, v, value))
            };
            !back.value(path).is_some_and(|v| says(&v)) && !back_is_empty(&back, path, value)
        })
        .map(|(path, _)| path.clone())
        .collect();
    let known =
        |path: &Path| (0..=path.0.len()).any(|n| wanted.values.contains_key(&Path(path.0[..n].to_vec())));
    off.extend(back.leaves.keys().filter(|p| !known(p)).cloned());
    Ok(off)
}

fn same_items(path: &Path, a: &Value, b: &Value) -> bool {
    let (Some(a), Some(b)) = (a.as_array(), b.as_array()) else { return false };
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same(path, x, y)))
}

fn back_is_empty(back: &Supplied, path: &Path, value: &Value) -> bool {
    crate::values::same::is_empty(value) && !back.sets(path)
}

struct Move {
    to: Path,
    item: Item,
    fate: Fate,
}

struct Rewriter<'m> {
    migration: &'m Migration<'m>,
    aliases: Aliases,
    moves: Vec<Move>,
    dropped: String,
}

/// Rearranges one file.
fn rewrite(name: &str, text: &str, road: &Road, aliases: Aliases) -> Result<Document, WriteError> {
    let (node, _) = read_one(text).map_err(|error| SuppliedError::File { file: name.to_owned(), error })?;
    let supplied = Supplied::read(&[(name.to_owned(), text.to_owned())], &[])?;
    let migration = migrate(&supplied, road);
    let mut document = Document::of(text, &node);
    if document.items.is_empty() && !supplied.leaves.is_empty() {
        let values = supplied.value(&Path::default()).unwrap_or(Value::Null);
        document.start = String::new();
        document.items = match &values {
            Value::Object(map) => map.iter().map(|(k, v)| Item::new(k, v, 0, "")).collect(),
            _ => Vec::new(),
        };
    }
    let mut rewriter = Rewriter { migration: &migration, aliases, moves: Vec::new(), dropped: String::new() };
    let items = std::mem::take(&mut document.items);
    // Blocks of the file that are still to come keep their own place.
    let own_names: BTreeSet<String> = items.iter().map(|i| i.key.clone()).collect();
    // Where a block vanishes, the block that takes its place comes to stand.
    for item in items {
        let before = rewriter.moves.len();
        let (lead, head) = (item.lead.clone(), item.head.clone());
        let own = node.get(&item.key);
        match rewriter.keep(item, &Path::default(), own) {
            Some(kept) => document.items.push(kept),
            None => {
                // A block that only changes its name stays where it is.
                if rewriter.moves.len() == before + 1 && rewriter.moves[before].to.keys().len() == 1 {
                    let name = rewriter.moves[before].to.last().to_owned();
                    if !document.items.iter().any(|i| i.key == name)
                        && !own_names.contains(&name)
                        && let Some(Move { mut item, .. }) = rewriter.moves.pop()
                    {
                        item.rename(&name);
                        if item.indent > 0 {
                            // It was all there was in a block that is gone.
                            item.indent_to(0);
                            item.lead.insert_str(0, &lead);
                        }
                        document.items.push(item);
                        continue;
                    }
                }
                let to = rewriter.moves[before..].first().map(|m| m.to.clone());
                let mut lead = Some(lead);
                if let Some(first) = to.as_ref().and_then(|t| t.keys().first())
                    && !document.items.iter().any(|i| i.key == *first)
                    && !own_names.contains(first)
                    && to.as_ref().is_some_and(|t| t.keys().len() > 1)
                {
                    let mut parent = Item::parent(first, 0);
                    parent.lead = lead.take().unwrap_or_default();
                    // A comment beside the old block's name stays beside the new one's.
                    if head.trim_start_matches(':').trim_start().starts_with(['#', '&']) {
                        parent.head = head;
                    }
                    document.items.push(parent);
                }
                if let Some(lead) = lead.filter(|l| l.contains('#'))
                    && rewriter.moves.len() != before + 1
                {
                    rewriter.dropped_comment(&lead);
                }
            }
        }
    }
    let Rewriter { moves, mut dropped, .. } = rewriter;
    for Move { to, item, fate } in moves {
        if let Some(refused) = place(&mut document, &to, item, fate)? {
            dropped.push_str(&refused);
        }
    }
    document.items.retain(
        |i| !matches!(&i.body, Body::Keys(children, tail) if children.is_empty() && tail.trim().is_empty()),
    );
    if !dropped.is_empty() {
        document.end.push_str("# Keys of the old chart that have no place in the new one:\n");
        document.end.push_str(&dropped);
    }
    Ok(document)
}

impl<'m> Rewriter<'m> {
    fn below(&self, path: &Path) -> impl Iterator<Item = &'m Migrated<'m>> + use<'m> {
        // Keys are sorted by path.
        let keys = &self.migration.keys;
        let start = keys.partition_point(|k| k.leaf.path < *path);
        let path = path.clone();
        keys[start..].iter().take_while(move |k| k.leaf.path.is_within(&path))
    }

    fn dropped_comment(&mut self, lead: &str) {
        for line in lead.lines().filter(|l| !l.trim().is_empty()) {
            self.dropped.push_str(&format!("{}\n", line.trim_start()));
        }
    }

    /// What of an item stays in its place; the rest is noted as moves.
    fn keep(&mut self, mut item: Item, above: &Path, node: Option<&Node>) -> Option<Item> {
        let path = above.child(&item.key);
        let resolve = self.aliases == Aliases::Resolve && node.is_some_and(has_alias);
        let stays =
            |k: &Migrated<'_>| k.to.len() == 1 && k.to[0].0 == k.leaf.path && k.to[0].1 == k.leaf.value;
        if self.below(&path).all(stays) && !resolve {
            return Some(item);
        }
        if let Some((to, transform, fate)) = self.uniform(&path).filter(|_| !resolve) {
            match transform {
                Transform::CamundaPaths => item.change(&|t| {
                    ["zeebe", "operate", "tasklist"].iter().fold(t.to_owned(), |t, old| {
                        t.replace(&format!("/usr/local/{old}"), "/usr/local/camunda")
                    })
                }),
                Transform::GatewayEnv => item.change(&|t| {
                    t.replace("ZEEBE_BROKER_GATEWAY_", "\u{0}")
                        .replace("ZEEBE_GATEWAY_", "\u{0}")
                        .replace('\u{0}', "ZEEBE_BROKER_GATEWAY_")
                }),
                _ => {}
            }
            self.moves.push(Move { to, item, fate });
            return None;
        }
        match std::mem::replace(&mut item.body, Body::Text(String::new())) {
            Body::Keys(children, tail) => {
                let mut kept = Vec::new();
                for child in children {
                    let below = node.and_then(|n| n.get(&child.key)).cloned();
                    kept.extend(self.keep(child, &path, below.as_ref()));
                }
                if kept.is_empty() {
                    self.dropped_comment(&tail);
                    return None;
                }
                item.body = Body::Keys(kept, tail);
                Some(item)
            }
            Body::Text(text) => {
                self.scatter(&item, &text, &path, node);
                None
            }
        }
    }

    /// The one place everything below a path goes to, if nothing but the place changes, or the text shows the change.
    fn uniform(&self, path: &Path) -> Option<(Path, Transform, Fate)> {
        let mut found: Option<(Path, Transform, Fate)> = None;
        for key in self.below(path) {
            let [(to, value)] = key.to.as_slice() else { return None };
            let tail = &key.leaf.path.0[path.0.len()..];
            if !to.0.ends_with(tail) {
                return None;
            }
            let base = Path(to.0[..to.0.len() - tail.len()].to_vec());
            let transform = key.rules.iter().map(|r| &r.transform).find(|t| **t != Transform::None);
            let transform = transform.cloned().unwrap_or(Transform::None);
            let textual = matches!(transform, Transform::CamundaPaths | Transform::GatewayEnv);
            if *value != key.leaf.value && !textual {
                return None;
            }
            let transform = if *value == key.leaf.value { Transform::None } else { transform };
            match &mut found {
                None => found = Some((base, transform, key.fate)),
                Some((known, how, fate)) if *known == base && *how == transform => {
                    // A list among them may meet another one.
                    if key.fate == Fate::Merged {
                        *fate = Fate::Merged;
                    }
                }
                Some(_) => return None,
            }
        }
        found.filter(|(to, _, _)| to != path && !to.0.is_empty())
    }

    /// Writes each value of a text that cannot be moved as a whole at its own place.
    fn scatter(&mut self, item: &Item, text: &str, path: &Path, node: Option<&Node>) {
        let keys: Vec<Migrated<'_>> = self.below(path).cloned().collect();
        let alone = keys.len() == 1 && node.is_none_or(|n| !has_alias(n));
        let mut lead = Some(item.lead.clone());
        for Migrated { fate, leaf, rules, to, .. } in keys {
            if to.is_empty() {
                let rule = rules.last().map(|r| format!("{}: {}", r.id, r.note)).unwrap_or_default();
                if let Some(lead) = lead.take() {
                    self.dropped_comment(&lead);
                }
                self.dropped.push_str(&format!("#\n# {} ({rule})\n", leaf.path));
                let shown = if alone {
                    let mut whole = Item { lead: String::new(), ..item.clone() };
                    whole.body = Body::Text(text.to_owned());
                    whole.indent_to(0);
                    let mut out = String::new();
                    whole.print(&mut out);
                    out
                } else {
                    format!("{}: {}\n", leaf.path, leaf.value)
                };
                for line in shown.lines() {
                    self.dropped.push_str(&format!("#   {line}\n"));
                }
                continue;
            }
            let comment = trailing_comment(&item.head);
            for (path, value) in to {
                let mut new = Item::new(path.last(), &value, 0, if alone { comment } else { "" });
                new.lead = lead.take().map(|l| l.replace(&" ".repeat(item.indent), "")).unwrap_or_default();
                self.moves.push(Move { to: path, item: new, fate });
            }
        }
    }
}

fn has_alias(node: &Node) -> bool {
    node.origin == Origin::Alias
        || match &node.kind {
            Kind::Scalar(_) => false,
            Kind::List(items) => items.iter().any(has_alias),
            Kind::Map(entries) => entries.iter().any(|e| e.origin == Origin::Merge || has_alias(&e.value)),
        }
}
