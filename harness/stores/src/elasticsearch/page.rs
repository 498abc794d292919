//! One page of documents as a store sends it: looked through once, without copying.
//!
//! A full page that is written as stores write them is cut into its hits at the places where hits end, without reading the
//! documents in between: comparing their bytes must cost less than sending them. Whatever looks otherwise in any way is
//! parsed as JSON.

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
    hits: Vec<RawHit<'a>>,
}

/// One hit as JSON.
#[derive(Deserialize)]
struct RawHit<'a> {
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
    #[serde(borrow)]
    sort: &'a RawValue,
}

/// One hit.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Hit<'a> {
    id: Cow<'a, str>,
    routing: Option<Cow<'a, str>>,
    version: Option<i64>,
    source: Option<&'a str>,
    ignored: bool,
    /// Its place in the order of documents, as JSON: where the next page goes on.
    pub(super) place: &'a str,
}

impl Hit<'_> {
    /// What the hit holds.
    pub(super) fn document(&self) -> DocumentRef<'_> {
        DocumentRef {
            id: &self.id,
            routing: self.routing.as_deref(),
            version: self.version,
            source: self.source,
            ignored: self.ignored,
        }
    }
}

/// A page that came whole.
#[derive(Debug, PartialEq)]
pub(super) struct Page<'a> {
    /// The point in time to go on with, if the store named one.
    pub(super) pit: Option<Cow<'a, str>>,
    /// The documents.
    pub(super) hits: Vec<Hit<'a>>,
}

/// Reads a page of at most `asked` documents.
///
/// # Errors
/// It is no page, was cut short, or lacks a shard's documents.
pub(super) fn read(bytes: &[u8], asked: usize) -> Result<Page<'_>, ElasticsearchError> {
    match cut(bytes, asked) {
        Some(page) => Ok(page),
        None => parse(bytes),
    }
}

fn parse(bytes: &[u8]) -> Result<Page<'_>, ElasticsearchError> {
    let malformed = |what: String| ElasticsearchError::malformed("POST", "/_search", what);
    let answer: Answer<'_> = serde_json::from_slice(bytes).map_err(|e| malformed(e.to_string()))?;
    if answer.timed_out || answer.shards.failed > 0 {
        return Err(malformed("an incomplete page".to_owned()));
    }
    let hits = answer.hits.hits.into_iter().map(|hit| Hit {
        id: hit.id,
        routing: hit.routing,
        version: hit.version,
        source: hit.source.map(RawValue::get),
        ignored: hit.ignored.is_some(),
        place: hit.sort.get(),
    });
    Ok(Page { pit: answer.pit_id, hits: hits.collect() })
}

/// What follows a document's source.
const PLACE: &str = ",\"sort\":[";

/// Cuts a full page into its hits. `None` where it has to be parsed.
///
/// A document may hold text that looks like the end of a hit and the beginning of the next. Then more pieces than `asked`
/// come out, and the page is parsed. For that reason a page that is not full is never cut.
fn cut(bytes: &[u8], asked: usize) -> Option<Page<'_>> {
    const HITS: &str = "\"hits\":[";
    // Point in time, shards and so on; far shorter than this unless an index has hundreds of shards.
    let start = memchr::memmem::find(bytes.get(..bytes.len().min(1 << 16))?, HITS.as_bytes())? + HITS.len();
    let head = [bytes.get(..start)?, b"]}}"].concat();
    let head = parse(&head).ok()?;
    let mut rest = std::str::from_utf8(bytes.get(start..)?).ok()?.strip_suffix("]}}")?;
    let finder = memchr::memmem::Finder::new(PLACE);
    let mut hits: Vec<Hit<'_>> = Vec::with_capacity(asked);
    let mut last_place: Option<u64> = None;
    loop {
        let (mut hit, content) = begin(rest)?;
        // The first end of a hit behind which nothing or another hit begins.
        let mut from = 0;
        let end = loop {
            let at = from + finder.find(content.get(from..)?.as_bytes())?;
            let place = &content[at + PLACE.len() - 1..];
            let digits = place[1..].bytes().take_while(u8::is_ascii_digit).count();
            let behind = place.get(digits + 1..)?;
            if digits > 0 && (behind == "]}" || behind.starts_with("]},{\"_index\":\"")) {
                hit.place = place.get(..digits + 2)?;
                break at;
            }
            from = at + 1;
        };
        let place = hit.place.get(1..hit.place.len() - 1)?.parse().ok()?;
        if last_place.is_some_and(|last| last >= place) || hits.len() >= asked {
            return None;
        }
        last_place = Some(place);
        hit.source = match content.get(..end)? {
            "" => None,
            source => Some(source.strip_prefix(",\"_source\":")?),
        };
        rest = &content[end + PLACE.len() - 1 + hit.place.len() + 1..];
        hits.push(hit);
        if rest.is_empty() {
            break;
        }
        rest = rest.strip_prefix(',')?;
    }
    (hits.len() == asked).then(|| Page { pit: head.pit.map(|id| Cow::Owned(id.into_owned())), hits })
}

/// Reads the members of a hit before its source. Returns them and what follows. `None` where anything is unusual.
fn begin(text: &str) -> Option<(Hit<'_>, &str)> {
    let mut hit = Hit::default();
    let mut rest = text.strip_prefix('{')?;
    loop {
        let (name, value) = rest.strip_prefix('"')?.split_once("\":")?;
        match name {
            "_index" | "_type" => rest = string(value)?.1,
            "_id" => {
                let (id, after) = string(value)?;
                hit.id = Cow::Borrowed(id);
                rest = after;
            }
            "_routing" => {
                let (routing, after) = string(value)?;
                hit.routing = Some(Cow::Borrowed(routing));
                rest = after;
            }
            "_version" => {
                let digits = value.bytes().take_while(u8::is_ascii_digit).count();
                hit.version = Some(value.get(..digits)?.parse().ok()?);
                rest = &value[digits..];
            }
            "_score" => rest = value.strip_prefix("null")?,
            "_ignored" => {
                let mut inner = value.strip_prefix('[')?;
                loop {
                    inner = string(inner)?.1;
                    match inner.strip_prefix(',') {
                        Some(more) => inner = more,
                        None => break,
                    }
                }
                rest = inner.strip_prefix(']')?;
                hit.ignored = true;
            }
            _ => return None,
        }
        if rest.starts_with(",\"_source\":") || rest.starts_with(PLACE) {
            return (!hit.id.is_empty()).then_some((hit, rest));
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// A string without escapes, and what follows it.
fn string(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix('"')?;
    let end = memchr::memchr2(b'"', b'\\', body.as_bytes())?;
    body[end..].strip_prefix('"').map(|after| (&body[..end], after))
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
        assert_eq!(read.hits[0].place, "[7]");
        for broken in [page(true, 0), page(false, 1), whole[..whole.len() - 3].to_owned()] {
            assert!(parse(broken.as_bytes()).is_err(), "{broken}");
        }
    }

    fn full(hits: &[&str]) -> String {
        let head = r#"{"pit_id":"p","took":1,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"max_score":null,"hits":["#;
        format!("{head}{}]}}}}", hits.join(","))
    }

    const PLAIN: &str = r#"{"_index":"x","_id":"a","_score":null,"_source":{"a":[1]},"sort":[1]}"#;

    #[test]
    fn a_page_is_cut_as_it_would_be_parsed() {
        for hit in [
            r#"{"_index":"x","_id":"b","_score":null,"_source":{"a":"é"},"sort":[2]}"#,
            r#"{"_index":"x","_type":"_doc","_id":"b","_version":12,"_score":null,"_routing":"r","_source":{},"sort":[2]}"#,
            r#"{"_index":"x","_id":"b","_score":null,"_ignored":["f","g"],"_source":{"sort":[1]},"sort":[2]}"#,
            r#"{"_index":"x","_id":"b","_score":null,"_routing":"r","sort":[2]}"#,
            r#"{"_index":"x","_id":"b","_score":null,"_source":{"a":{},"sort":[9]},"sort":[2]}"#,
            r#"{"_index":"x","_id":"b","_score":null,"_source":{"a":",\"sort\":[9]},{\"_index\":\"x\""},"sort":[2]}"#,
            r#"{"_index":"x","_id":"b","_score":null,"_source":{ "b":[{"a":1,"sort":[7] },{"_index":"x"}]},"sort":[2]}"#,
        ] {
            let page = full(&[PLAIN, hit]);
            let cut = cut(page.as_bytes(), 2).unwrap_or_else(|| panic!("{hit}"));
            assert_eq!(cut, parse(page.as_bytes()).expect("a page"), "{hit}");
        }
    }

    #[test]
    fn what_is_unusual_is_parsed() {
        let mimic = r#"{"_index":"x","_id":"b","_score":null,"_source":{"h":[{"a":{},"sort":[2]},{"_index":"x","_id":"c","_score":null,"_source":{}}]},"sort":[3]}"#;
        for (hits, asked) in [
            (vec![PLAIN, r#"{"_index":"x","_id":"b\n","_score":null,"_source":{},"sort":[2]}"#], 2),
            (vec![PLAIN, r#"{"_index":"x","_id":"b","_score":1.0,"_source":{},"sort":[2]}"#], 2),
            (vec![PLAIN, r#"{"_index":"x","_id":"b","_score":null,"_source":{},"sort":[1]}"#], 2),
            // Not full, or with more ends of hits than hits.
            (vec![PLAIN], 2),
            (vec![PLAIN, mimic], 2),
        ] {
            let page = full(&hits);
            assert!(cut(page.as_bytes(), asked).is_none(), "{page}");
            let read = read(page.as_bytes(), asked).expect("a page");
            assert_eq!(read.hits.len(), hits.len());
            assert!(read.hits[hits.len() - 1].document().source.is_some());
        }
        let incomplete = full(&[PLAIN]).replace("\"failed\":0", "\"failed\":1");
        assert!(read(incomplete.as_bytes(), 1).is_err());
        let torn = full(&[PLAIN]);
        assert!((0..torn.len()).all(|end| read(&torn.as_bytes()[..end], 1).is_err()));
    }
}
