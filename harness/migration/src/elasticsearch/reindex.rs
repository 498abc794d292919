//! One `_reindex` call: its body, its batch size and what its answer means.

use crate::error::MigrationError;
use crate::without::Without;
use drydock_core::scenario::Versions;
use drydock_stores::ElasticsearchEndpoint;
use drydock_stores::elasticsearch::{Client, ElasticsearchError};
use drydock_stores::endpoint::ElasticsearchAuth;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

/// The call, as the official scripts make it, with the answer cut to what is judged.
const PATH: &str = "/_reindex?wait_for_completion=true&timeout=30m&requests_per_second=-1&scroll=15m\
    &filter_path=timed_out,total,updated,created,version_conflicts,failures.cause.type,failures.cause.reason,\
    failures.reason.type,failures.reason.reason,failures.id,error,status";

/// One batch is buffered in the target's heap, which fails from a tenth of it on.
const BATCH_BYTES: u64 = 10 << 20;
/// Stored documents are compressed about so much, see the measured store sizes of Camunda's indices.
const COMPRESSION: u64 = 4;

/// Documents a batch: `wanted`, or fewer where documents are big.
pub(crate) fn batch_size(wanted: u32, store_bytes: u64, documents: u64) -> u32 {
    if documents == 0 {
        return wanted.max(1);
    }
    let average = (store_bytes.saturating_mul(COMPRESSION) / documents).max(1);
    let fitting = u32::try_from(BATCH_BYTES / average).unwrap_or(u32::MAX);
    wanted.min(fitting).max(1)
}

/// The body: `source.remote.host/username/password`, `source.index`, `source.size`, `dest.index`.
pub(crate) fn body(source: &ElasticsearchEndpoint, index: &str, size: u32) -> Value {
    let mut remote = json!({"host": host_with_port(source.url_for_peers())});
    match &source.auth {
        ElasticsearchAuth::None => {}
        ElasticsearchAuth::Basic { user, password } => {
            remote["username"] = json!(user);
            remote["password"] = json!(password.expose_secret());
        }
        ElasticsearchAuth::ApiKey(key) => {
            remote["headers"] = json!({"Authorization": format!("ApiKey {}", key.expose_secret())});
        }
    }
    json!({
        "source": {"remote": remote, "index": index, "size": size},
        "dest": {"index": index},
    })
}

/// The remote address must carry its port: `scheme://host:port/path`.
pub(crate) fn host_with_port(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let last = authority.rsplit(']').next().unwrap_or(authority);
    if last.contains(':') {
        return url.to_owned();
    }
    let port = if scheme == "https" { 443 } else { 80 };
    format!("{scheme}://{authority}:{port}{path}")
}

/// Why a copy did not succeed.
#[derive(Debug)]
pub(crate) enum CopyFailure {
    /// The batch was too big for one of the clusters: worth another try with a smaller one.
    Pressure(String),
    /// A point in time was lost: worth another try as it is.
    Lost(String),
    /// Nobody answered, or a gateway did instead: the copy may have been made all the same, or go on.
    Unanswered(String),
    /// Anything else.
    Other(MigrationError),
}

/// Copies one index and returns the number of documents. `expected`: how many the source counts, if nobody writes to it.
pub(crate) async fn copy(
    target: &Client,
    source: &ElasticsearchEndpoint,
    index: &str,
    size: u32,
    versions: Versions,
    expected: Option<u64>,
) -> Result<u64, CopyFailure> {
    let mut request = body(source, index, size);
    if versions == Versions::Keep {
        request["dest"]["version_type"] = json!("external");
    }
    match target.post(PATH, &request).await {
        Ok(answer) => judge(&answer, index, expected),
        Err(e) if Without::CopyAnswers.is_gone() && !e.is_transport() => Ok(expected.unwrap_or(0)),
        Err(e) => Err(refused(&e, index)),
    }
}

/// What a delta in the official scripts' way came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Caught {
    /// Documents read from the source: all of them.
    pub(crate) total: u64,
    /// Written, because the target had none or a lower version.
    pub(crate) created: u64,
    pub(crate) updated: u64,
    /// Passed over, because the target has the same version or a higher one.
    pub(crate) skipped: u64,
}

/// Copies one index over an earlier copy, as the official scripts' delta does: `version_type=external`,
/// `conflicts=proceed`.
pub(crate) async fn catch_up(
    target: &Client,
    source: &ElasticsearchEndpoint,
    index: &str,
    size: u32,
) -> Result<Caught, CopyFailure> {
    let mut request = body(source, index, size);
    request["conflicts"] = json!("proceed");
    request["dest"]["version_type"] = json!("external");
    let answer = match target.post(PATH, &request).await {
        Ok(answer) => answer,
        Err(e) if Without::CopyAnswers.is_gone() && !e.is_transport() => return Ok(Caught::default()),
        Err(e) => return Err(refused(&e, index)),
    };
    let (total, created, updated, skipped) = numbers(&answer, index)?;
    if answer["timed_out"] == true || created + updated + skipped != total {
        return Err(CopyFailure::Other(MigrationError::migration(
            format!("copy index {index} again"),
            format!("of {total} documents {created} were created, {updated} updated, {skipped} passed over"),
            "see the log of the target cluster",
        )));
    }
    Ok(Caught { total, created, updated, skipped })
}

pub(super) fn refused(error: &ElasticsearchError, index: &str) -> CopyFailure {
    let words = error.to_string();
    if error.is_transport() || matches!(error.status(), Some(502 | 504)) {
        return CopyFailure::Unanswered(words);
    }
    if is_forgotten(&words) {
        return CopyFailure::Lost(words);
    }
    if error.is_pressure() || error.status() == Some(413) || is_pressure(&words) {
        return CopyFailure::Pressure(words);
    }
    CopyFailure::Other(MigrationError::elasticsearch(format!("copy index {index}"), error))
}

/// Whether the source has forgotten the search that was read, or could not be reached for a moment.
pub(super) fn is_forgotten(words: &str) -> bool {
    ["search_context_missing", "No search context found"].iter().any(|w| words.contains(w))
        || crate::error::is_cut(words)
}

pub(super) fn is_pressure(words: &str) -> bool {
    [
        "es_rejected_execution",
        "rejected execution",
        "circuit_breaking",
        "Data too large",
        "smaller batch size",
        "buffer limit",
        "content_too_long",
    ]
    .iter()
    .any(|w| words.contains(w))
}

/// Total, created, updated, and conflicts of versions, unless documents failed.
fn numbers(answer: &Value, index: &str) -> Result<(u64, u64, u64, u64), CopyFailure> {
    let attempted = || format!("copy index {index}");
    let failures = answer["failures"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(first) = failures.first() {
        let words = first.to_string();
        if is_pressure(&words) {
            return Err(CopyFailure::Pressure(words));
        }
        if is_forgotten(&words) {
            return Err(CopyFailure::Lost(words));
        }
        return Err(CopyFailure::Other(MigrationError::from_words(
            attempted(),
            format!("{} documents failed, the first: {words}", failures.len()),
            "see the log of the target cluster",
        )));
    }
    let number = |name: &str| answer[name].as_u64();
    let (Some(total), Some(created), Some(updated)) = (number("total"), number("created"), number("updated"))
    else {
        return Err(CopyFailure::Other(MigrationError::migration(
            attempted(),
            format!("_reindex gave an unexpected answer: {answer}"),
            "see the log of the target cluster",
        )));
    };
    Ok((total, created, updated, number("version_conflicts").unwrap_or(0)))
}

/// Everything must have arrived: no failure, no conflict, and as many documents as the frozen source counts.
pub(super) fn judge(answer: &Value, index: &str, expected: Option<u64>) -> Result<u64, CopyFailure> {
    let (total, created, updated, conflicts) = numbers(answer, index)?;
    let expected = expected.unwrap_or(total);
    if answer["timed_out"] == true || conflicts > 0 || created + updated != total || total != expected {
        return Err(CopyFailure::Other(MigrationError::migration(
            format!("copy index {index}"),
            format!(
                "the source counts {expected} documents, _reindex read {total}, created {created}, updated {updated}, with \
                 {conflicts} version conflicts{}",
                if answer["timed_out"] == true { ", and timed out" } else { "" }
            ),
            "see that nothing writes to the source, then resume the run",
        )));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_has_exactly_the_fields_of_the_official_scripts() {
        let plain = ElasticsearchEndpoint::plain("http://127.0.0.1:9200/");
        assert_eq!(
            body(&plain, "operate-list-view-8.3.0_", 5000),
            json!({"source": {"remote": {"host": "http://127.0.0.1:9200"}, "index": "operate-list-view-8.3.0_", "size": 5000},
                   "dest": {"index": "operate-list-view-8.3.0_"}})
        );
        let secured = ElasticsearchEndpoint {
            url: "https://es.example".into(),
            auth: ElasticsearchAuth::Basic { user: "elastic".into(), password: "pw".to_owned().into() },
            ..plain.clone()
        };
        let remote = &body(&secured, "i", 1)["source"]["remote"];
        assert_eq!(
            *remote,
            json!({"host": "https://es.example:443", "username": "elastic", "password": "pw"})
        );
        // The target reads from where its own network finds the source.
        let peer = ElasticsearchEndpoint { peer_url: Some("http://172.18.0.2:9200".into()), ..plain };
        assert_eq!(body(&peer, "i", 1)["source"]["remote"]["host"], "http://172.18.0.2:9200");
    }

    #[test]
    fn hosts_get_their_port() {
        assert_eq!(host_with_port("http://a/b"), "http://a:80/b");
        assert_eq!(host_with_port("http://[::1]:9/b"), "http://[::1]:9/b");
        assert_eq!(host_with_port("https://[::1]"), "https://[::1]:443");
    }

    #[test]
    fn big_documents_make_small_batches() {
        assert_eq!(batch_size(5000, 0, 0), 5000);
        assert_eq!(batch_size(5000, 200_000 * 160, 200_000), 5000);
        assert_eq!(batch_size(5000, 6_000 * 25_000, 6_000), 104);
        assert_eq!(batch_size(5000, 1 << 30, 10), 1);
    }

    #[test]
    fn only_a_complete_copy_is_a_copy() {
        let good = json!({"timed_out": false, "total": 5, "created": 5, "updated": 0, "version_conflicts": 0, "failures": []});
        assert_eq!(judge(&good, "i", Some(5)).ok(), Some(5));
        for (bad, expected) in [
            (json!({"timed_out": false, "total": 5, "created": 5, "updated": 0}), 6),
            (json!({"timed_out": false, "total": 5, "created": 4, "updated": 0}), 5),
            (json!({"timed_out": true, "total": 5, "created": 5, "updated": 0}), 5),
            (json!({"timed_out": false, "total": 5, "created": 4, "updated": 1, "version_conflicts": 1}), 5),
            (json!({"failures": [{"id": "1", "cause": {"type": "strict_dynamic_mapping_exception"}}]}), 5),
            (json!({}), 0),
        ] {
            assert!(matches!(judge(&bad, "i", Some(expected)), Err(CopyFailure::Other(_))), "{bad}");
        }
        let pressed = json!({"failures": [{"cause": {"type": "es_rejected_execution_exception"}}]});
        assert!(matches!(judge(&pressed, "i", Some(5)), Err(CopyFailure::Pressure(_))));
    }
}
