//! From events to the tree.

use super::node::{Entry, Hazard, Key, Kind, Node, Origin, Position, Scalar, Style};
use super::scalar::{resolve, surprise};
use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use serde_json::Value;
use std::collections::HashMap;
use std::ops::Range;
use thiserror::Error;

/// Nodes that one text may stand for once aliases are followed; a few lines of aliases can stand for billions.
const MOST_NODES: usize = 2_000_000;

/// Nodes that may lie within each other. The parser allows 255 of what is written; aliases can pile up more.
const MOST_DEEP: usize = 512;

/// Why a text is no YAML that Helm would take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {}, column {}: {reason}", at.line, at.column)]
pub struct YamlError {
    /// Where reading stopped.
    pub at: Position,
    /// What is wrong there.
    pub reason: String,
}

impl YamlError {
    fn new(at: Position, reason: impl Into<String>) -> Self {
        Self { at, reason: reason.into() }
    }
}

/// Reads a text of exactly one document; an empty text is an empty map.
///
/// # Errors
/// The text is no YAML, holds more than one document, or is not a map.
pub fn read_one(text: &str) -> Result<(Node, Vec<Hazard>), YamlError> {
    let (mut documents, hazards) = read_all(text)?;
    if let Some(second) = documents.get(1) {
        return Err(YamlError::new(second.at, "a second document; a values file holds one"));
    }
    let node = match documents.pop() {
        Some(node) if node.to_value_is_null() => empty(),
        Some(node) => node,
        None => empty(),
    };
    match node.kind {
        Kind::Map(_) => Ok((node, hazards)),
        _ => Err(YamlError::new(node.at, "the file is not a map of keys and values")),
    }
}

/// Reads every document of a text.
///
/// # Errors
/// The text is no YAML, or its aliases stand for more than any cluster could hold.
pub fn read_all(text: &str) -> Result<(Vec<Node>, Vec<Hazard>), YamlError> {
    // A mark of byte order is not part of the text.
    let skipped = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut reader = Reader { parser: parser(&text[skipped..]), skipped, ..Reader::empty() };
    let mut documents = Vec::new();
    while let Some((event, span)) = reader.next()? {
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
            Event::StreamEnd => break,
            event => {
                reader.anchors.clear();
                let node = reader.node(event, span)?;
                documents.push(node);
            }
        }
    }
    reader.hazards.sort_by_key(|h| h.at);
    Ok((documents, reader.hazards))
}

/// Comments are nothing here, whatever other users of the parser in the same program have switched on.
fn parser(text: &str) -> Parser<'_, granit_parser::StrInput<'_>> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    Parser::new_from_str_with_options(text, options)
}

fn empty() -> Node {
    let at = Position { line: 1, column: 1 };
    Node { at, span: 0..0, origin: Origin::Own, kind: Kind::Map(Vec::new()) }
}

struct Reader<'t> {
    parser: Parser<'t, granit_parser::StrInput<'t>>,
    skipped: usize,
    anchors: HashMap<usize, Node>,
    hazards: Vec<Hazard>,
    nodes: usize,
    depth: usize,
}

type Spanned<'t> = (Event<'t>, Span);

impl<'t> Reader<'t> {
    fn empty() -> Self {
        Self {
            parser: parser(""),
            skipped: 0,
            anchors: HashMap::new(),
            hazards: Vec::new(),
            nodes: 0,
            depth: 0,
        }
    }

    fn next(&mut self) -> Result<Option<Spanned<'t>>, YamlError> {
        match self.parser.next() {
            None => Ok(None),
            Some(Ok(next)) => Ok(Some(next)),
            Some(Err(error)) => {
                let mark = error.marker();
                let at = position(mark.line(), mark.col());
                Err(YamlError::new(at, error.info()))
            }
        }
    }

    fn want(&mut self, at: Position) -> Result<Spanned<'t>, YamlError> {
        self.next()?.ok_or_else(|| YamlError::new(at, "the text ends within a value"))
    }

    fn range(&self, span: Span) -> Range<usize> {
        span.byte_range().map_or(0..0, |r| r.start + self.skipped..r.end + self.skipped)
    }

    fn count(&mut self, more: usize, at: Position) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MOST_NODES {
            return Err(YamlError::new(at, format!("aliases stand for more than {MOST_NODES} values")));
        }
        Ok(())
    }

    fn node(&mut self, event: Event<'t>, span: Span) -> Result<Node, YamlError> {
        self.depth += 1;
        let node = self.node_within(event, span);
        self.depth -= 1;
        node
    }

    fn node_within(&mut self, event: Event<'t>, span: Span) -> Result<Node, YamlError> {
        let at = position(span.start.line(), span.start.col());
        self.count(1, at)?;
        let (kind, anchor, end) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Text };
                let tag = tag.map(|t| t.to_string());
                let value = match (style, tag.as_deref()) {
                    (_, Some(t)) if t.ends_with("str") => Value::from(&*text),
                    (Style::Plain, _) => resolve(&text),
                    (Style::Text, _) => Value::from(&*text),
                };
                if style == Style::Plain
                    && let Some(what) = surprise(&text, &value)
                {
                    self.hazards.push(Hazard { at, what, loses: false });
                }
                (Kind::Scalar(Scalar { text: text.into_owned(), style, value }), anchor, None)
            }
            Event::SequenceStart(_, anchor, _) => {
                let mut items = Vec::new();
                let end = loop {
                    let (event, span) = self.want(at)?;
                    if matches!(event, Event::SequenceEnd) {
                        break span;
                    }
                    items.push(self.node(event, span)?);
                };
                (Kind::List(items), anchor, Some(end))
            }
            Event::MappingStart(_, anchor, _) => {
                let (entries, end) = self.map(at)?;
                (Kind::Map(entries), anchor, Some(end))
            }
            Event::Alias(id) => {
                let target = self.anchors.get(&id).cloned();
                let Some(mut node) = target else {
                    return Err(YamlError::new(at, "an alias stands inside of what it names"));
                };
                let (size, height) = extent(&node);
                self.count(size, at)?;
                if self.depth + height > MOST_DEEP {
                    let reason = format!("aliases put more than {MOST_DEEP} values into each other");
                    return Err(YamlError::new(at, reason));
                }
                node.origin = Origin::Alias;
                node.at = at;
                return Ok(node);
            }
            other => return Err(YamlError::new(at, format!("cannot use {other:?} as a value"))),
        };
        let mut range = self.range(span);
        if let Some(end) = end {
            range.end = self.range(end).end.max(range.end);
        }
        let node = Node { at, span: range, origin: Origin::Own, kind };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn map(&mut self, at: Position) -> Result<(Vec<Entry>, Span), YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut merged: Vec<Entry> = Vec::new();
        let end = loop {
            let (event, span) = self.want(at)?;
            if matches!(event, Event::MappingEnd) {
                break span;
            }
            let plain = matches!(&event, Event::Scalar(_, ScalarStyle::Plain, ..));
            let key = self.node(event, span)?;
            let text = key_text(&key)?;
            let (event, span) = self.want(key.at)?;
            let value = self.node(event, span)?;
            if text == "<<" && plain {
                merge(&value, &mut merged)?;
                continue;
            }
            let key = Key { text, at: key.at, span: key.span };
            let entry = Entry { key, value, origin: Origin::Own };
            match known.get(&entry.key.text) {
                Some(&index) => {
                    // Helm takes the last one without a word.
                    let first = entries[index].key.at;
                    let what = format!(
                        "the key `{}` stands here again; what is written at line {} is lost",
                        entry.key.text, first.line
                    );
                    self.hazards.push(Hazard { at: entry.key.at, what, loses: true });
                    entries[index] = entry;
                }
                None => {
                    known.insert(entry.key.text.clone(), entries.len());
                    entries.push(entry);
                }
            }
        };
        // What stands in the map itself wins over what is merged into it.
        for entry in merged {
            if !known.contains_key(&entry.key.text) {
                known.insert(entry.key.text.clone(), entries.len());
                entries.push(entry);
            }
        }
        Ok((entries, end))
    }
}

fn merge(value: &Node, into: &mut Vec<Entry>) -> Result<(), YamlError> {
    match &value.kind {
        Kind::Map(entries) => {
            for entry in entries {
                if !into.iter().any(|e| e.key.text == entry.key.text) {
                    into.push(Entry { origin: Origin::Merge, ..entry.clone() });
                }
            }
            Ok(())
        }
        Kind::List(items) => items.iter().try_for_each(|item| merge(item, into)),
        Kind::Scalar(_) => Err(YamlError::new(value.at, "the merge key `<<` needs a map or a list of maps")),
    }
}

fn key_text(key: &Node) -> Result<String, YamlError> {
    match &key.kind {
        Kind::Scalar(Scalar { value: Value::String(text), .. }) => Ok(text.clone()),
        Kind::Scalar(Scalar { value: Value::Null, text, .. }) if text.is_empty() => {
            Err(YamlError::new(key.at, "a key without a name"))
        }
        Kind::Scalar(scalar) => Ok(scalar.value.to_string()),
        _ => Err(YamlError::new(key.at, "a key that is a list or a map")),
    }
}

fn position(line: usize, column: usize) -> Position {
    let fit = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Position { line: fit(line.max(1)), column: fit(column + 1) }
}

/// How many nodes a tree has, and how many lie within each other.
fn extent(node: &Node) -> (usize, usize) {
    let whole = |parts: &mut dyn Iterator<Item = &Node>| {
        let (size, height) = parts.map(extent).fold((0, 0), |(s, h), (t, i)| (s + t, h.max(i)));
        (size + 1, height + 1)
    };
    match &node.kind {
        Kind::Scalar(_) => (1, 1),
        Kind::List(items) => whole(&mut items.iter()),
        Kind::Map(entries) => whole(&mut entries.iter().map(|e| &e.value)),
    }
}

impl Node {
    fn to_value_is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(Scalar { value: Value::Null, .. }))
    }
}

#[cfg(test)]
mod tests {
    use super::{read_all, read_one};
    use serde_json::json;

    #[test]
    fn keys_and_values_know_their_places() {
        let (node, hazards) =
            read_one("# top\nzeebe:\n  clusterSize: \"3\"\n  env:\n    - name: A\n").unwrap();
        let zeebe = &node.entries()[0];
        assert_eq!((zeebe.key.at.line, zeebe.key.at.column), (2, 1));
        let size = &zeebe.value.entries()[0];
        assert_eq!((size.key.at.line, size.key.at.column), (3, 3));
        assert_eq!(size.value.to_value(), json!("3"));
        assert!(hazards.is_empty());
    }

    #[test]
    fn merge_keys_and_aliases_are_followed_and_own_keys_win() {
        let text = "base: &b {a: 1, b: 2}\nuse:\n  <<: *b\n  b: 3\nlist: [*b]\n";
        let (node, _) = read_one(text).unwrap();
        assert_eq!(node.get("use").unwrap().to_value(), json!({"a": 1, "b": 3}));
        assert_eq!(node.get("list").unwrap().to_value(), json!([{"a": 1, "b": 2}]));
    }

    #[test]
    fn a_key_written_twice_is_told_with_both_places() {
        let (node, hazards) = read_one("a: 1\nb: 2\na: 3\n").unwrap();
        assert_eq!(node.to_value(), json!({"a": 3, "b": 2}));
        assert!(hazards[0].loses && hazards[0].at.line == 3 && hazards[0].what.contains("line 1"));
    }

    #[test]
    fn bad_text_is_an_error_with_a_place_and_never_a_panic() {
        for text in [
            "a: [1,",
            "a: b: c",
            "a:\n\tb: 1",
            "a: *none",
            "- 1",
            "a: 1\n---\nb: 2",
            "? [1]: 2",
            "{",
            "a: 'x",
        ] {
            let error = read_one(text).unwrap_err();
            assert!(error.at.line >= 1 && !error.reason.is_empty(), "{text}: {error}");
        }
    }

    #[test]
    fn what_lies_too_deep_is_refused_and_what_does_not_is_read() {
        let nested = |depth: usize| format!("a: {}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(read_one(&nested(200)).is_ok());
        assert!(read_one(&nested(100_000)).is_err());
        // Each of these is shallow; together they are as deep as a stack is not.
        let (mut text, mut last) = (String::from("a0: &a0 x\n"), 0);
        for i in 1..=20 {
            let (open, close) = ("[".repeat(100), "]".repeat(100));
            text.push_str(&format!("a{i}: &a{i} {open}*a{last}{close}\n"));
            last = i;
        }
        assert!(read_one(&text).unwrap_err().reason.contains("into each other"));
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..10 {
            let alias = format!("*a{},", i - 1).repeat(10);
            text.push_str(&format!("a{i}: &a{i} [{}]\n", alias.trim_end_matches(',')));
        }
        assert!(read_one(&text).unwrap_err().reason.contains("aliases stand for more"));
    }

    #[test]
    fn comments_are_nothing_however_many_there_are() {
        let text = format!("# a\na: # b\n{}  # c\n  b: 1 # d\n# e\n", "  # note\n".repeat(500));
        assert_eq!(read_one(&text).unwrap().0.to_value(), json!({"a": {"b": 1}}));
    }

    #[test]
    fn documents_are_read_one_by_one() {
        let (documents, _) = read_all("---\na: 1\n---\n# nothing\n---\nb: 2\n").unwrap();
        assert_eq!(documents.iter().filter(|d| !d.entries().is_empty()).count(), 2);
    }
}
