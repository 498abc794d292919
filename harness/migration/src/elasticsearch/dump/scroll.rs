//! Reading an index by scroll into a file, one document a line, in the form that elasticdump writes and reads.

use super::open;
use crate::elasticsearch::inventory::index_path;
use crate::elasticsearch::stream::{Hit, Hits, Shards};
use crate::error::MigrationError;
use drydock_stores::elasticsearch::{Client, ElasticsearchError, ErrorKind};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, BufWriter};

/// How long a scroll survives without being used; every page renews it.
const KEEP_ALIVE: &str = "10m";
/// How often an index is begun anew after its scroll was lost.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);
const NEXT: &str = "/_search/scroll";

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(rename = "_scroll_id", borrow)]
    scroll: Cow<'a, str>,
    timed_out: bool,
    #[serde(rename = "_shards")]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

/// Why a scroll did not come to its end.
enum Broken {
    /// A page is lost, and a scroll cannot be asked for a page twice: worth beginning anew, with smaller pages.
    Lost(String),
    Other(MigrationError),
}

/// Writes every document of an index into `file`, beginning anew where the scroll was lost, and returns their number.
pub(super) async fn into_file(
    source: &Client,
    index: &str,
    page: u32,
    file: &Path,
) -> Result<u64, MigrationError> {
    let mut page = page.max(1);
    let mut words = String::new();
    for attempt in 1..=TRIES {
        if attempt > 1 {
            tokio::time::sleep(PAUSE * attempt).await;
        }
        match once(source, index, page, file).await {
            Ok(documents) => return Ok(documents),
            Err(Broken::Other(error)) => return Err(error),
            Err(Broken::Lost(lost)) => words = lost,
        }
        page = (page / 4).max(1);
    }
    Err(MigrationError::from_words(
        format!("scroll index {index} of the source"),
        format!("begun {TRIES} times, and lost each time: {words}"),
        "see the log of the source cluster, then resume the run",
    ))
}

async fn once(source: &Client, index: &str, page: u32, file: &Path) -> Result<u64, Broken> {
    let io = |e: std::io::Error| Broken::Other(MigrationError::io("write", file, &e));
    let mut out = BufWriter::new(tokio::fs::File::from_std(open(file).map_err(io)?));
    let mut at = format!(
        "{}/_search?scroll={KEEP_ALIVE}&allow_partial_search_results=false&expand_wildcards=all",
        index_path(index)
    );
    let mut body = json!({"size": page, "sort": ["_doc"], "version": true, "track_total_hits": true});
    let (mut seen, mut expected) = (0_u64, None);
    let outcome = loop {
        let content = Some(("application/json", body.to_string().into_bytes()));
        let bytes = match source.bytes(Method::POST, &at, content).await {
            Ok(bytes) => bytes,
            Err(e) => break Err(broken(&e, index)),
        };
        let read = match serde_json::from_slice::<Page<'_>>(&bytes) {
            Ok(page) => page,
            Err(e) => break Err(Broken::Lost(format!("an answer that does not end: {e}"))),
        };
        if read.timed_out || read.shards.failed > 0 {
            break Err(Broken::Lost(format!("an incomplete page, {} shards failed", read.shards.failed)));
        }
        let total = *expected.get_or_insert(read.hits.total.as_ref().map_or(0, |t| t.value));
        let next = json!({"scroll": KEEP_ALIVE, "scroll_id": read.scroll});
        for hit in &read.hits.hits {
            let Some(line) = line(index, hit) else {
                return Err(Broken::Other(no_source(index, &hit.id)));
            };
            out.write_all(line.as_bytes()).await.map_err(io)?;
        }
        seen += read.hits.hits.len() as u64;
        let ended = read.hits.hits.is_empty();
        (at, body) = (NEXT.to_owned(), next);
        if ended || seen >= total {
            break if seen == total {
                Ok(seen)
            } else {
                Err(Broken::Lost(format!("it holds {total} documents, and {seen} came")))
            };
        }
    };
    if let Some(scroll) = body["scroll_id"].as_str() {
        // It expires by itself if this fails.
        let _closed: Result<Value, _> =
            source.json(Method::DELETE, NEXT, Some(&json!({"scroll_id": scroll}))).await;
    }
    let documents = outcome?;
    out.flush().await.map_err(io)?;
    out.into_inner().sync_all().await.map_err(io)?;
    Ok(documents)
}

fn broken(error: &ElasticsearchError, index: &str) -> Broken {
    let lost = matches!(&error.kind, ErrorKind::Status { status: 404, error_type, .. } if error_type.contains("search_context") || error_type.contains("search_phase"))
        || error.is_pressure()
        || error.is_transport();
    if lost {
        Broken::Lost(error.to_string())
    } else {
        Broken::Other(MigrationError::elasticsearch(format!("scroll index {index} of the source"), error))
    }
}

/// One document as a line; nothing if the index does not keep what it was made of.
fn line(index: &str, hit: &Hit<'_>) -> Option<String> {
    let text = |t: &str| Value::from(t).to_string();
    let mut line = format!("{{\"_index\":{},\"_id\":{},\"_score\":1", text(index), text(&hit.id));
    if let Some(routing) = &hit.routing {
        line.push_str(&format!(",\"_routing\":{}", text(routing)));
    }
    if let Some(version) = hit.version {
        line.push_str(&format!(",\"_version\":{version}"));
    }
    line.push_str(",\"_source\":");
    // Line breaks between tokens are white space; within strings they are written with a backslash.
    line.extend(hit.source?.get().chars().map(|c| if matches!(c, '\n' | '\r') { ' ' } else { c }));
    line.push_str("}\n");
    Some(line)
}

fn no_source(index: &str, id: &str) -> MigrationError {
    MigrationError::migration(
        format!("read document {id} of index {index}"),
        "the index does not keep _source",
        "carry this index by snapshot and restore, and leave it out of index_prefixes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_everything_that_makes_a_document() {
        let text = "{\"_id\": \"a\\\"b\", \"_routing\": \"r\", \"_version\": 9007199254740993, \"_source\": {\"x\":\n 1.10}}";
        let hit: Hit<'_> = serde_json::from_str(text).unwrap();
        let line = line("i", &hit).unwrap();
        assert_eq!(
            line,
            "{\"_index\":\"i\",\"_id\":\"a\\\"b\",\"_score\":1,\"_routing\":\"r\",\"_version\":9007199254740993,\"_source\":{\"x\":  1.10}}\n"
        );
        let again: Hit<'_> = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (again.id.as_ref(), again.routing.as_deref(), again.version),
            ("a\"b", Some("r"), hit.version)
        );
        let bare: Hit<'_> = serde_json::from_str("{\"_id\": \"a\"}").unwrap();
        assert!(super::line("i", &bare).is_none());
    }
}
