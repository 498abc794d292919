//! Putting pieces of text where they belong.

use super::items::{Body, Document, Item};
use super::rewrite::WriteError;
use crate::values::chart::ChartKeys;
use crate::values::engine::{Fate, same_name};
use crate::values::path::Path;
use crate::values::same::same;
use crate::yaml::read_one;
use serde_json::Value;

pub(super) fn trailing_comment(head: &str) -> &str {
    head.split_once(" #").map_or("", |(_, comment)| comment.trim())
}

/// Puts an item where it belongs; gives back as comment what cannot stand beside what is there already.
pub(super) fn place(
    document: &mut Document,
    to: &Path,
    item: Item,
    fate: Fate,
) -> Result<Option<String>, WriteError> {
    // Two halves of one map are joined key by key.
    if let Some(existing) = find(&mut document.items, to.keys())
        && let Some(children) = children_of(&item)
        && (matches!(existing.body, Body::Keys(..)) || open(existing).is_some())
    {
        let mut refused = String::new();
        for child in children {
            let path = to.child(&child.key);
            refused.push_str(&place(document, &path, child, fate)?.unwrap_or_default());
        }
        return Ok((!refused.is_empty()).then_some(refused));
    }
    let existing = find(&mut document.items, to.keys());
    let Some(existing) = existing else {
        put(document, to, item)?;
        return Ok(None);
    };
    if fate == Fate::Merged
        && let (Some(Value::Array(mut known)), Some(Value::Array(more))) =
            (value_of(existing), value_of(&item))
    {
        let named = |known: &[Value], value: &Value| known.iter().find(|k| same_name(k, value)).cloned();
        if more.iter().all(|value| named(&known, value).is_none())
            && let (Some(_), Some(lines)) = (existing.list_lines(), item.list_lines())
        {
            existing.extend_list(&item.lead, lines);
            return Ok(None);
        }
        let mut refused = String::new();
        for value in more {
            match named(&known, &value) {
                None => known.push(value),
                Some(other) if same(to, &other, &value) => {}
                Some(_) => refused.push_str(&format!(
                    "#\n# another value for {to}, which is written above already:\n#   {value}\n"
                )),
            }
        }
        let merged = Item::new(to.last(), &Value::Array(known), existing.indent, "");
        existing.head = merged.head;
        existing.body = merged.body;
        return Ok((!refused.is_empty()).then_some(refused));
    }
    // The same from two places is written once; a contradiction is told by the comparison, and here as well.
    if value_of(existing).is_some() && value_of(existing) == value_of(&item) {
        return Ok(None);
    }
    let mut text = String::new();
    item.print(&mut text);
    let lines: String = text.lines().map(|l| format!("#   {}\n", l.trim_start())).collect();
    Ok(Some(format!("#\n# another value for {to}, which is written above already:\n{lines}")))
}

/// The keys below an item, also if they stand in braces.
fn children_of(item: &Item) -> Option<Vec<Item>> {
    match &item.body {
        Body::Keys(children, _) => Some(children.clone()),
        Body::Text(_) => match value_of(item)? {
            Value::Object(map) if !map.is_empty() => {
                Some(map.iter().map(|(k, v)| Item::new(k, v, 0, "")).collect())
            }
            _ => None,
        },
    }
}

pub(super) fn value_of(item: &Item) -> Option<Value> {
    let mut text = String::new();
    Item { lead: String::new(), ..item.clone() }.print(&mut text);
    let (node, _) = read_one(&text).ok()?;
    node.entries().first().map(|e| e.value.to_value())
}

fn find<'i>(items: &'i mut [Item], keys: &[String]) -> Option<&'i mut Item> {
    let (first, rest) = keys.split_first()?;
    let item = items.iter_mut().find(|i| i.key == *first)?;
    if rest.is_empty() {
        return Some(item);
    }
    match &mut item.body {
        Body::Keys(children, _) => find(children, rest),
        Body::Text(_) => None,
    }
}

pub(super) fn take(items: &mut Vec<Item>, keys: &[String]) {
    let Some((first, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        items.retain(|i| i.key != *first);
    } else if let Some(Item { body: Body::Keys(children, _), .. }) =
        items.iter_mut().find(|i| i.key == *first)
    {
        take(children, rest);
    }
}

/// Inserts an item below its parents, which are made where they are missing.
pub(super) fn put(document: &mut Document, to: &Path, mut item: Item) -> Result<(), WriteError> {
    let Some((last, above)) = to.keys().split_last() else {
        return Err(WriteError::unfaithful(to, "it has no name"));
    };
    let mut indent = document.items.first().map_or(0, |i| i.indent);
    let mut items = &mut document.items;
    for key in above {
        let index = match items.iter().position(|i| i.key == *key) {
            Some(index) => index,
            None => {
                items.push(Item::parent(key, indent));
                items.len() - 1
            }
        };
        let parent = &mut items[index];
        if matches!(parent.body, Body::Text(_)) {
            open(parent).ok_or_else(|| WriteError::unfaithful(to, "what stands above it is no map"))?;
        }
        indent = parent.inner_indent();
        match &mut parent.body {
            Body::Keys(children, _) => items = children,
            // Opened just above.
            Body::Text(_) => return Err(WriteError::unfaithful(to, "what stands above it is no map")),
        }
    }
    item.rename(last);
    item.indent_to(indent);
    match items.iter_mut().find(|i| i.key == *last) {
        Some(existing) => {
            existing.head = item.head;
            existing.body = item.body;
        }
        None => items.push(item),
    }
    Ok(())
}

/// Writes a map in braces, or an empty value, with a line for each key.
fn open(item: &mut Item) -> Option<()> {
    let value = value_of(item)?;
    let value = if value.is_null() { Value::Object(serde_json::Map::new()) } else { value };
    let map = value.as_object()?;
    let comment = trailing_comment(&item.head).to_owned();
    let children = map.iter().map(|(k, v)| Item::new(k, v, item.indent + 2, "")).collect();
    item.head = if comment.is_empty() { ":\n".to_owned() } else { format!(":  # {comment}\n") };
    item.body = Body::Keys(children, String::new());
    Some(())
}

/// Puts what the schema takes as text only into quotes, as it is spelt.
pub(super) fn quote(item: &mut Item, above: &Path, chart: &ChartKeys) {
    let path = above.child(&item.key);
    if matches!(item.body, Body::Text(_)) {
        let Some(value) = value_of(item) else { return };
        let refused =
            |path: &Path, value: &Value| chart.refuses(path, value) == Some("string") && !value.is_array();
        let within = matches!(&value, Value::Object(map) if any_refused(&path, map, &refused));
        if within {
            let _ = open(item);
        } else if refused(&path, &value) && !value.is_object() {
            let (spelt, comment) = item.head.trim_end().trim_start_matches(':').split_once(" #").map_or_else(
                || (item.head.trim().trim_start_matches(':').trim().to_owned(), String::new()),
                |(spelt, comment)| (spelt.trim().to_owned(), format!("  #{comment}")),
            );
            // A word that Helm reads as a boolean was never more than that.
            let spelt = if value.is_boolean() { value.to_string() } else { spelt };
            item.head = format!(": {}{comment}\n", Value::from(spelt));
        }
    }
    if let Body::Keys(children, _) = &mut item.body {
        children.iter_mut().for_each(|child| quote(child, &path, chart));
    }
}

fn any_refused(
    path: &Path,
    map: &serde_json::Map<String, Value>,
    refused: &dyn Fn(&Path, &Value) -> bool,
) -> bool {
    map.iter().any(|(key, value)| {
        let path = path.child(key);
        match value {
            Value::Object(below) => any_refused(&path, below, refused),
            other => refused(&path, other),
        }
    })
}
