//! A values file as pieces of its own text, so that what is not touched stays as it was, comments and all.

use crate::yaml::{Kind, Node, Origin, Position};
use serde_json::Value;

/// One key with everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// The key as Helm reads it.
    pub(super) key: String,
    /// The key as written, with its quotes.
    pub(super) raw: String,
    /// Comments and empty lines above it.
    pub(super) lead: String,
    /// What follows the key in its line, from the colon to the end of the line.
    pub(super) head: String,
    /// What follows below.
    pub(super) body: Body,
    /// Spaces before the key.
    pub(super) indent: usize,
}

/// What stands below a key.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    /// Keys, and comments after the last one.
    Keys(Vec<Item>, String),
    /// Text that is kept or moved as a whole: the rest of a list, a block of text, a map in braces.
    Text(String),
}

/// A whole file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Document {
    /// What stands before the first key.
    pub(super) start: String,
    /// The keys.
    pub(super) items: Vec<Item>,
    /// Comments after the last one.
    pub(super) end: String,
}

impl Document {
    /// Takes a text apart along its tree.
    pub(super) fn of(text: &str, root: &Node) -> Self {
        let lines = Lines::of(text);
        let first = root.entries().first().map_or(lines.count(), |e| lines.number(e.key.at));
        // A map in braces at the very top has no lines of its own.
        if root.entries().is_empty() || text.as_bytes().get(root.span.start) == Some(&b'{') {
            return Self { start: text.to_owned(), items: Vec::new(), end: String::new() };
        }
        let lead = lines.lead_of(0, first, 0);
        let (items, end) = items(&lines, root, lead, lines.count());
        Self { start: lines.text(0, lead), items, end: end_with_newline(end) }
    }

    /// The file's text.
    pub(super) fn print(&self) -> String {
        let mut out = self.start.clone();
        for item in &self.items {
            item.print(&mut out);
        }
        newline(&mut out);
        out.push_str(&self.end);
        out
    }
}

fn newline(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

fn end_with_newline(mut text: String) -> String {
    newline(&mut text);
    text
}

/// The items of a map whose text lies between two lines, and the comments that come after the last of them.
fn items(lines: &Lines<'_>, map: &Node, from: usize, to: usize) -> (Vec<Item>, String) {
    let entries: Vec<_> = map.entries().iter().filter(|e| e.origin == Origin::Own).collect();
    let indent = entries.first().map_or(0, |e| e.key.at.column as usize - 1);
    let tail = lines.tail_of(from, to, indent);
    let mut starts: Vec<usize> = Vec::with_capacity(entries.len() + 1);
    for (i, entry) in entries.iter().enumerate() {
        let floor = if i == 0 { from } else { lines.number(entries[i - 1].key.at) + 1 };
        starts.push(if i == 0 { from } else { lines.lead_of(floor, lines.number(entry.key.at), indent) });
    }
    starts.push(tail);
    let items = entries.iter().enumerate().map(|(i, entry)| {
        let line = lines.number(entry.key.at);
        let (start, end) = (starts[i], starts[i + 1].max(line + 1));
        let whole = lines.line(line);
        let before = entry.key.span.start - lines.start(line);
        let raw_end = (entry.key.span.end - lines.start(line)).min(whole.len());
        let body = if is_block(lines.text, &entry.value, entry.key.at) {
            let (children, tail) = items_of(lines, &entry.value, line + 1, end);
            Body::Keys(children, tail)
        } else {
            Body::Text(lines.text(line + 1, end))
        };
        Item {
            key: entry.key.text.clone(),
            raw: whole[before.min(raw_end)..raw_end].to_owned(),
            lead: lines.text(start, line),
            head: whole[raw_end..].to_owned(),
            body,
            indent,
        }
    });
    (items.collect(), lines.text(tail, to))
}

fn items_of(lines: &Lines<'_>, map: &Node, from: usize, to: usize) -> (Vec<Item>, String) {
    items(lines, map, from, to)
}

/// Whether a value is a map with a line for each key, all of them written there.
fn is_block(text: &str, value: &Node, key: Position) -> bool {
    let Kind::Map(entries) = &value.kind else { return false };
    let own = value.origin == Origin::Own && entries.iter().all(|e| e.origin == Origin::Own);
    own && text.as_bytes().get(value.span.start) != Some(&b'{')
        && entries.first().is_some_and(|e| e.key.at.line > key.line)
}

impl Item {
    /// An item that was not in the file.
    pub(super) fn new(key: &str, value: &Value, indent: usize, comment: &str) -> Self {
        let comment = if comment.is_empty() { String::new() } else { format!("  # {comment}") };
        let (head, body) = match value {
            Value::Object(map) if !map.is_empty() => {
                let children = map.iter().map(|(k, v)| Self::new(k, v, indent + 2, "")).collect();
                (format!(":{comment}\n"), Body::Keys(children, String::new()))
            }
            other => (format!(": {other}{comment}\n"), Body::Text(String::new())),
        };
        Self { key: key.to_owned(), raw: quoted(key), lead: String::new(), head, body, indent }
    }

    /// An item that only holds others.
    pub(super) fn parent(key: &str, indent: usize) -> Self {
        let body = Body::Keys(Vec::new(), String::new());
        Self { key: key.to_owned(), raw: quoted(key), lead: String::new(), head: ":\n".into(), body, indent }
    }

    /// Gives the item another name.
    pub(super) fn rename(&mut self, key: &str) {
        if self.key != key {
            self.key = key.to_owned();
            self.raw = quoted(key);
        }
    }

    /// Moves the item and everything below it to another column.
    pub(super) fn indent_to(&mut self, indent: usize) {
        let (from, to) = (self.indent, indent);
        if from == to {
            return;
        }
        self.indent = to;
        self.lead = shifted(&self.lead, from, to);
        match &mut self.body {
            Body::Text(text) => *text = shifted(text, from, to),
            Body::Keys(children, tail) => {
                for child in children {
                    let below = (child.indent + to).saturating_sub(from).max(to + 1);
                    child.indent_to(below);
                }
                *tail = shifted(tail, from, to);
            }
        }
    }

    /// Column of the keys below the item.
    pub(super) fn inner_indent(&self) -> usize {
        match &self.body {
            Body::Keys(children, _) => children.first().map_or(self.indent + 2, |c| c.indent),
            Body::Text(_) => self.indent + 2,
        }
    }

    /// Changes every text of the item.
    pub(super) fn change(&mut self, change: &dyn Fn(&str) -> String) {
        self.head = change(&self.head);
        match &mut self.body {
            Body::Text(text) => *text = change(text),
            Body::Keys(children, _) => children.iter_mut().for_each(|c| c.change(change)),
        }
    }

    /// The lines of a list that stands below its key, one dash a line; `None` for anything else.
    pub(super) fn list_lines(&self) -> Option<&str> {
        let bare = self.head.trim_start_matches(':').split(" #").next().unwrap_or_default().trim().is_empty();
        match &self.body {
            Body::Text(text) if bare => text
                .lines()
                .map(str::trim_start)
                .find(|l| !l.is_empty() && !l.starts_with('#'))?
                .starts_with('-')
                .then_some(text),
            _ => None,
        }
    }

    /// Adds the lines of another list below those of this one.
    pub(super) fn extend_list(&mut self, lead: &str, other: &str) {
        let column = |text: &str| {
            let dash = text.lines().find(|l| l.trim_start().starts_with('-'));
            dash.map_or(0, |l| l.len() - l.trim_start().len())
        };
        if let Body::Text(text) = &mut self.body {
            newline(text);
            let to = column(text);
            let from = column(other);
            text.push_str(&shifted(&comments_only(lead), from, to));
            text.push_str(&shifted(other, from, to));
        }
    }

    pub(super) fn print(&self, out: &mut String) {
        newline(out);
        out.push_str(&self.lead);
        newline(out);
        out.push_str(&" ".repeat(self.indent));
        out.push_str(&self.raw);
        out.push_str(&self.head);
        match &self.body {
            Body::Text(text) => {
                if !text.is_empty() {
                    newline(out);
                }
                out.push_str(text);
            }
            Body::Keys(children, tail) => {
                children.iter().for_each(|c| c.print(out));
                if !tail.is_empty() {
                    newline(out);
                }
                out.push_str(tail);
            }
        }
    }
}

fn comments_only(lead: &str) -> String {
    lead.lines().filter(|l| l.trim_start().starts_with('#')).map(|l| format!("{l}\n")).collect()
}

/// A key as it may be written: in quotes where it would be read as something else.
fn quoted(key: &str) -> String {
    let plain = !key.is_empty()
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !key.starts_with(['-', '.'])
        && crate::yaml::resolve(key).is_string();
    if plain { key.to_owned() } else { Value::from(key).to_string() }
}

/// Text whose lines begin so many columns further right or left. Lines that do not reach so far left stay within the text.
fn shifted(text: &str, from: usize, to: usize) -> String {
    text.split_inclusive('\n')
        .map(|line| {
            if line.trim().is_empty() {
                line.to_owned()
            } else if to >= from {
                format!("{}{line}", " ".repeat(to - from))
            } else {
                let spaces = line.len() - line.trim_start_matches(' ').len();
                line[(from - to).min(spaces)..].to_owned()
            }
        })
        .collect()
}

/// A text by lines.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let mut starts = vec![0];
        starts.extend(text.match_indices('\n').map(|(i, _)| i + 1).filter(|i| *i < text.len()));
        Self { text, starts }
    }

    fn count(&self) -> usize {
        self.starts.len()
    }

    fn number(&self, at: Position) -> usize {
        (at.line as usize - 1).min(self.count() - 1)
    }

    fn start(&self, line: usize) -> usize {
        self.starts.get(line).copied().unwrap_or(self.text.len())
    }

    fn text(&self, from: usize, to: usize) -> String {
        let (from, to) = (self.start(from), self.start(to));
        self.text[from.min(to)..to].to_owned()
    }

    fn line(&self, line: usize) -> &'t str {
        &self.text[self.start(line)..self.start(line + 1)]
    }

    fn is_comment(&self, line: usize) -> bool {
        let text = self.line(line).trim();
        text.is_empty() || text.starts_with('#')
    }

    fn indent(&self, line: usize) -> usize {
        let text = self.line(line);
        text.len() - text.trim_start().len()
    }

    /// First line of the comments above a key: those in its own column, and the empty lines around them.
    fn lead_of(&self, floor: usize, key: usize, indent: usize) -> usize {
        let mut start = key;
        for line in (floor..key).rev() {
            let empty = self.line(line).trim().is_empty();
            let own = self.is_comment(line) && self.indent(line) <= indent;
            if !(empty || own) {
                break;
            }
            start = line;
        }
        start
    }

    /// First line of the comments after a map that stand further left than its keys.
    fn tail_of(&self, from: usize, to: usize, indent: usize) -> usize {
        let mut tail = to;
        for line in (from..to).rev() {
            let empty = self.line(line).trim().is_empty();
            let outer = self.is_comment(line) && self.indent(line) < indent;
            if !(empty || outer) {
                break;
            }
            tail = line;
        }
        tail
    }
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::yaml::read_one;

    #[test]
    fn what_is_taken_apart_prints_as_it_was() {
        for text in [
            "# top\n\na: 1 # one\n\n# of b\nb:\n  # of c\n  c: [1,\n   2]\n  d: |\n    text # no comment\n\n    more\n# end\n",
            "a:\n- x\n- y: 1\n  z: 2\nb: {c: 1}\n",
            "---\na: &x\n  b: 1\nc:\n  <<: *x\n  d: 2\n",
            "a:\n    b:\n        c: 1\n  # shallow\nd: 'x'\n",
            "a: 1\r\nb:\r\n  c: 2\r\n",
            "\"a.b/c\": 1\nd: null\n",
        ] {
            let (node, _) = read_one(text).unwrap();
            assert_eq!(Document::of(text, &node).print(), text);
        }
    }
}
