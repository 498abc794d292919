//! One body of `_bulk`: lines of action and document, and where each begins, so that some of them can be sent again.

use super::page::Hit;
use std::ops::Range;

/// What is done with a document that exists already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// It must not exist: a second one of the same name is an error. Versions begin at 1.
    Create,
    /// It must not exist, and keeps the source's version.
    CreateVersioned,
    /// It is replaced, whatever its version, and gets the source's version where that is not lower.
    Replace,
    /// It is removed.
    Delete,
}

/// A body under construction or on its way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Batch {
    pub(crate) body: Vec<u8>,
    /// Where each item's lines are.
    items: Vec<Range<usize>>,
    /// It was sent before and no answer came: what it holds may be there already.
    pub(crate) unanswered: bool,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds one document. `source` may be absent for [`Write::Delete`] alone.
    pub(crate) fn push(&mut self, write: Write, hit: &Hit<'_>) {
        let begin = self.body.len();
        let action = match write {
            Write::Create => "create",
            Write::CreateVersioned | Write::Replace => "index",
            Write::Delete => "delete",
        };
        let text = |out: &mut Vec<u8>, text: &str| {
            // A string always has a JSON form.
            out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
        };
        self.body.extend_from_slice(format!("{{\"{action}\":{{\"_id\":").as_bytes());
        text(&mut self.body, &hit.id);
        if let Some(routing) = &hit.routing {
            self.body.extend_from_slice(b",\"routing\":");
            text(&mut self.body, routing);
        }
        let kind = match write {
            Write::CreateVersioned => Some("external"),
            Write::Replace => Some("external_gte"),
            Write::Create | Write::Delete => None,
        };
        if let (Some(kind), Some(version)) = (kind, hit.version) {
            self.body.extend_from_slice(format!("{VERSION}{version},\"version_type\":\"{kind}\"").as_bytes());
        }
        self.body.extend_from_slice(b"}}\n");
        if let (Some(source), true) = (hit.source, write != Write::Delete) {
            push_line(&mut self.body, source.get());
        }
        self.items.push(begin..self.body.len());
    }

    /// Bytes of one item, both lines.
    pub(crate) fn item_bytes(&self, item: usize) -> usize {
        self.items.get(item).map_or(0, Range::len)
    }

    /// `_id` of one item, for messages.
    pub(crate) fn id(&self, item: usize) -> String {
        let line = self.items.get(item).map(|r| &self.body[r.clone()]).unwrap_or_default();
        let line = line.split(|b| *b == b'\n').next().unwrap_or_default();
        let action: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
        let found = action.as_object().and_then(|a| a.values().next()).and_then(|a| a["_id"].as_str());
        found.unwrap_or("?").to_owned()
    }

    /// Some of the items as a body of their own.
    pub(crate) fn only(&self, items: impl IntoIterator<Item = usize>) -> Self {
        let mut part = Self { unanswered: self.unanswered, ..Self::default() };
        for range in items.into_iter().filter_map(|i| self.items.get(i)) {
            let begin = part.body.len();
            part.body.extend_from_slice(&self.body[range.clone()]);
            part.items.push(begin..part.body.len());
        }
        part
    }

    /// Two halves, by number of items.
    pub(crate) fn halves(&self) -> [Self; 2] {
        let middle = self.items.len() / 2;
        [self.only(0..middle), self.only(middle..self.items.len())]
    }

    /// The same without versions: the store counts its own on.
    pub(crate) fn unversioned(&self) -> Self {
        let mut plain = Self { unanswered: self.unanswered, ..Self::default() };
        for range in &self.items {
            let lines = &self.body[range.clone()];
            let end = lines.iter().position(|b| *b == b'\n').unwrap_or(lines.len());
            let (action, rest) = lines.split_at(end);
            let begin = plain.body.len();
            // The last one is ours: what comes before is the id, which may hold the same letters.
            let needle = VERSION.as_bytes();
            match action.windows(needle.len()).rposition(|w| w == needle) {
                Some(at) => {
                    plain.body.extend_from_slice(&action[..at]);
                    plain.body.extend_from_slice(b"}}");
                }
                None => plain.body.extend_from_slice(action),
            }
            plain.body.extend_from_slice(rest);
            plain.items.push(begin..plain.body.len());
        }
        plain
    }
}

const VERSION: &str = ",\"version\":";

/// One document as one line. Line breaks in JSON text are white space between tokens; inside of strings they are written
/// with a backslash.
fn push_line(body: &mut Vec<u8>, source: &str) {
    let begin = body.len();
    body.extend_from_slice(source.as_bytes());
    if source.bytes().any(|b| b == b'\n' || b == b'\r') {
        for byte in &mut body[begin..] {
            if matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    body.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn hits(text: &str) -> Vec<Hit<'_>> {
        serde_json::from_str(text).unwrap()
    }

    fn lines(batch: &Batch) -> Vec<Value> {
        let text = String::from_utf8(batch.body.clone()).unwrap();
        text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    const TWO: &str = "[{\"_id\": \"a\\\",\\\"version\\\":1\", \"_routing\": \"r\\u00fc\", \"_version\": 7, \"_source\": {\"x\":\n 1.10,\r\n\"y\": \"\\n\"}, \"sort\": [1]}, \
        {\"_id\": \"b\", \"_version\": 9007199254740993, \"_source\": {}, \"sort\": [2]}]";

    #[test]
    fn documents_travel_as_they_are_on_one_line() {
        let mut batch = Batch::default();
        for hit in hits(TWO) {
            batch.push(Write::CreateVersioned, &hit);
        }
        let text = String::from_utf8(batch.body.clone()).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("1.10") && text.contains("\"\\n\""), "{text}");
        assert_eq!(
            lines(&batch)[0],
            json!({"index": {"_id": "a\",\"version\":1", "routing": "rü", "version": 7, "version_type": "external"}})
        );
        assert!(text.contains("9007199254740993"));
        assert_eq!((batch.id(0).as_str(), batch.id(1).as_str()), ("a\",\"version\":1", "b"));
    }

    #[test]
    fn parts_hold_what_they_are_made_of_and_versions_can_be_taken_off() {
        let mut batch = Batch::default();
        for hit in hits(TWO) {
            batch.push(Write::Replace, &hit);
        }
        let [first, second] = batch.halves();
        assert_eq!([first.body.clone(), second.body.clone()].concat(), batch.body);
        assert_eq!((first.len(), second.len()), (1, 1));
        let plain = batch.unversioned();
        assert_eq!(lines(&plain)[0], json!({"index": {"_id": "a\",\"version\":1", "routing": "rü"}}));
        assert_eq!(lines(&plain)[1], lines(&batch)[1]);
        assert_eq!(plain.only([1]).body, b"{\"index\":{\"_id\":\"b\"}}\n{}\n");
        assert_eq!(plain.only([1]).unversioned().body, plain.only([1]).body);
    }

    #[test]
    fn a_delete_is_one_line() {
        let mut batch = Batch::default();
        batch.push(Write::Delete, &hits(TWO)[0]);
        assert_eq!(lines(&batch), [json!({"delete": {"_id": "a\",\"version\":1", "routing": "rü"}})]);
    }
}
