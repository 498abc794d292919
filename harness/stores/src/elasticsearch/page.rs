//! One page of documents as a store sends it. Parsed once, without copying.

use super::ElasticsearchError;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// One document as it lies in a page.
#[derive(Debug, Clone, Copy)]
pub struct DocumentRef<'a> {
    /// `_id`.
    pub id: &'a str,
    /// `_routing`, where the document was written with one.
    pub routing: Option<&'a str>,
    /// `_version`, where it was asked for.
    pub version: Option<i64>,
    /// Raw JSON text of `_source`; `None` where the index does not keep it, or it was not asked for.
    pub source: Option<&'a str>,
    /// Whether a field of it is not indexed because its value was unfit (`_ignored`).
    pub ignored: bool,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    pit_id: Option<Cow<'a, str>>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Deserialize)]
struct Shards {
    failed: u64,
}

#[derive(Deserialize)]
struct Hits<'a> {
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

/// One hit.
#[derive(Deserialize)]
pub(super) struct Hit<'a> {
    #[serde(borrow, rename = "_id")]
    id: Cow<'a, str>,
    #[serde(borrow, default, rename = "_routing")]
    routing: Option<Cow<'a, str>>,
    #[serde(default, rename = "_version")]
    version: Option<i64>,
    #[serde(borrow, default, rename = "_source")]
    source: Option<&'a RawValue>,
    #[serde(default, rename = "_ignored")]
    ignored: Option<IgnoredAny>,
    /// Where the next page goes on.
    #[serde(borrow)]
    sort: &'a RawValue,
}

impl Hit<'_> {
    /// What the hit holds.
    pub(super) fn document(&self) -> DocumentRef<'_> {
        DocumentRef {
            id: &self.id,
            routing: self.routing.as_deref(),
            version: self.version,
            source: self.source.map(RawValue::get),
            ignored: self.ignored.is_some(),
        }
    }

    /// Its place in the order of documents, as JSON.
    pub(super) fn place(&self) -> &str {
        self.sort.get()
    }
}

/// A page that came whole.
pub(super) struct Page<'a> {
    /// The point in time to go on with, if the store named one.
    pub(super) pit: Option<Cow<'a, str>>,
    /// The documents.
    pub(super) hits: Vec<Hit<'a>>,
}

/// Reads a page.
///
/// # Errors
/// It is no page, was cut short, or lacks a shard's documents.
pub(super) fn parse(bytes: &[u8]) -> Result<Page<'_>, ElasticsearchError> {
    let malformed = |what: String| ElasticsearchError::malformed("POST", "/_search", what);
    let answer: Answer<'_> = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    if answer.timed_out || answer.shards.failed > 0 {
        return Err(malformed("an incomplete page".to_owned()));
    }
    Ok(Page { pit: answer.pit_id, hits: answer.hits.hits })
}

/// The place of the last document of a page, read off its end alone so that the next page can be asked for before this
/// one is parsed. `None` where the end does not look as it should; a parsed page has the last word.
pub(super) fn last_place(bytes: &[u8]) -> Option<&str> {
    const SORT: &[u8] = b"\"sort\":";
    let start = bytes.len().saturating_sub(96);
    let tail = std::str::from_utf8(bytes.get(start..)?).ok().or_else(|| {
        // The cut may have gone through a character.
        (start + 1..start + 4).find_map(|s| std::str::from_utf8(bytes.get(s..)?).ok())
    })?;
    let tail = tail.strip_suffix("}]}}")?;
    let at = tail.as_bytes().windows(SORT.len()).rposition(|w| w == SORT)?;
    let place = &tail[at + SORT.len()..];
    let number = place.strip_prefix('[')?.strip_suffix(']')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_page_names_its_last_place() {
        for (text, place) in [
            (r#"{"hits":{"hits":[{"_id":"a","_source":{},"sort":[4294967297]}]}}"#, Some("[4294967297]")),
            (r#"{"hits":{"hits":[]}}"#, None),
            (r#"{"hits":{"hits":[{"_id":"a","sort":[12]}]"#, None),
            (r#"{"hits":{"hits":[{"_id":"a","sort":["x"]}]}}"#, None),
            (r#"{"hits":{"hits":[{"_id":"a","_source":{"sort":[1],"b":[{}]}}]}}"#, None),
            ("", None),
        ] {
            assert_eq!(last_place(text.as_bytes()), place, "{text}");
        }
        let long = format!(r#"{{"hits":{{"hits":[{{"_source":"{}","sort":[7]}}]}}}}"#, "é😀".repeat(50));
        for cut in 0..4 {
            let text = format!("{}{long}", "x".repeat(cut));
            assert_eq!(last_place(text.as_bytes()), Some("[7]"));
        }
    }

    #[test]
    fn a_page_that_lacks_something_is_no_page() {
        let page = |timed_out: bool, failed: u8| {
            format!(
                r#"{{"pit_id":"p","timed_out":{timed_out},"_shards":{{"failed":{failed}}},"hits":{{"hits":[{{"_id":"a\u00e9","_version":3,"sort":[7]}}]}}}}"#
            )
        };
        let whole = page(false, 0);
        let read = parse(whole.as_bytes()).expect("a page");
        let document = read.hits[0].document();
        assert_eq!((document.id, document.version, document.source), ("aé", Some(3), None));
        assert_eq!(read.hits[0].place(), "[7]");
        for broken in [page(true, 0), page(false, 1), whole[..whole.len() - 3].to_owned()] {
            assert!(parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }
}
