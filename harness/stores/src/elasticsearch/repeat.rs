//! Which requests may be made a second time, and when that is worth it.

use super::error::{ElasticsearchError, ErrorKind};
use reqwest::Method;
use std::time::Duration;

/// Whether a client repeats what was refused for the moment, or not answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Retries {
    /// Every failure is handed on at once.
    #[default]
    None,
    /// Requests that do no harm when made twice are repeated for some seconds.
    Transient,
}

/// Answer to a deletion that had been carried out before it was repeated.
pub(super) const DELETED: &[u8] = br#"{"acknowledged":true}"#;

/// Reading `POST`s, and refreshing.
const READING: [&str; 6] = ["/_search", "/_count", "/_refresh", "/_mget", "/_msearch", "/_pit"];

/// Pauses between two tries: about six seconds in all.
pub(super) fn pauses() -> impl Iterator<Item = Duration> {
    [100, 200, 400, 800, 1600, 3200].into_iter().map(Duration::from_millis)
}

/// Whether a request does the same when it is made twice. A scroll moves on with every page.
pub(super) fn may_be_repeated(method: &Method, path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    match *method {
        Method::GET | Method::HEAD | Method::PUT | Method::DELETE => path != "/_search/scroll",
        Method::POST => READING.iter().any(|end| path.ends_with(end)),
        _ => false,
    }
}

/// Whether the next try may succeed. Silence is not borne twice: it has lasted as long as the time limit already.
pub(super) fn is_transient(error: &ElasticsearchError) -> bool {
    match &error.kind {
        ErrorKind::Transport(words) => !words.contains("timed out") && !words.contains("certificate"),
        ErrorKind::Status { status, .. } => matches!(status, 429 | 502 | 503 | 504),
        ErrorKind::Malformed(_) | ErrorKind::Unsupported(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_does_no_harm_twice_is_repeated() {
        for (method, path, expected) in [
            (Method::GET, "/_cat/indices", true),
            (Method::PUT, "/operate-a_?wait_for_active_shards=0", true),
            (Method::POST, "/operate-a_/_search?size=1", true),
            (Method::POST, "/_bulk?pipeline=_none", false),
            (Method::POST, "/_reindex?timeout=30m", false),
            (Method::POST, "/_search/scroll", false),
            (Method::GET, "/_search/scroll", false),
        ] {
            assert_eq!(may_be_repeated(&method, path), expected, "{method} {path}");
        }
        let error = |kind| ElasticsearchError { method: "GET".into(), path: "/".into(), kind };
        let status =
            |status| error(ErrorKind::Status { status, error_type: String::new(), reason: String::new() });
        assert!(is_transient(&status(429)) && is_transient(&status(503)));
        assert!(!is_transient(&status(401)) && !is_transient(&status(404)));
        assert!(is_transient(&error(ErrorKind::Transport("connection reset".into()))));
        assert!(!is_transient(&error(ErrorKind::Transport("timed out (operation)".into()))));
    }
}
