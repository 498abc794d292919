//! The target cluster: its right to read from the source.

use super::reindex::{body, host_with_port};
use super::{Prefixes, dump, snapshot};
use crate::context::{Facts, MigrationContext, Reporter};
use crate::elasticsearch::inventory;
use crate::error::MigrationError;
use drydock_core::scenario::Mover;
use drydock_stores::elasticsearch::ElasticsearchError;
use serde_json::json;

/// Whether the target may read from the source.
#[derive(Debug)]
pub(crate) enum RemoteRead {
    /// It did.
    Allowed,
    /// The source has no index to try it with.
    NothingToRead,
    /// The target takes no writes, which is another matter.
    Blocked(String),
    /// It may not, or cannot.
    Refused(MigrationError),
}

/// Lets the target read from the source once: a `_reindex` of no document, which goes through the whitelist, the network,
/// the certificate and the login, and makes no index.
pub(crate) async fn remote_read(cx: &MigrationContext) -> Result<RemoteRead, MigrationError> {
    let (source, target) = (cx.source_elasticsearch()?, cx.target_elasticsearch()?);
    let indices = inventory::names(&source, &Prefixes::new(&cx.spec.index_prefixes)).await?;
    let Some(probe) = indices.iter().find(|i| i.state == super::State::Open) else {
        return Ok(RemoteRead::NothingToRead);
    };
    let endpoint = &cx.source.elasticsearch;
    let mut request = body(endpoint, &probe.name, 1);
    request["source"]["query"] = json!({"match_none": {}});
    request["dest"]["index"] = json!("drydock-read-probe");
    Ok(match target.post("/_reindex?wait_for_completion=true", &request).await {
        Ok(_) => RemoteRead::Allowed,
        Err(e) if e.to_string().contains("FORBIDDEN/") => RemoteRead::Blocked(e.to_string()),
        Err(e) => RemoteRead::Refused(refusal(&e, endpoint.url_for_peers())),
    })
}

/// Why the target did not read from `source`, and what mends that.
fn refusal(error: &ElasticsearchError, source: &str) -> MigrationError {
    let host = host_with_port(source);
    let host = host.split_once("://").map_or(host.as_str(), |(_, h)| h);
    let doing = "let the target cluster read from the source";
    let words = error.to_string();
    if words.contains("whitelist") || words.contains("allowlist") {
        return MigrationError::environment(
            doing,
            words,
            format!(
                "add {host} to reindex.remote.whitelist in elasticsearch.yml of every target node and restart it"
            ),
        );
    }
    // Where the source speaks TLS, the target's nodes need the authority of the source: its own they need not know.
    if words.contains("PKIX") || words.contains("handshake") {
        return MigrationError::environment(
            doing,
            words,
            "put the authority of the source's certificate into reindex.ssl.certificate_authorities in elasticsearch.yml of \
             every target node and restart it",
        );
    }
    if words.to_lowercase().contains("refused") || words.contains("connect_exception") {
        return MigrationError::environment(
            doing,
            words,
            format!(
                "let the target's nodes reach {host}: name an address of the source that they can connect to"
            ),
        );
    }
    MigrationError::elasticsearch(doing, error)
}

/// Checks the target's health, and what the mover needs of it. One that writes by itself need not read from the source.
pub(crate) async fn prepare(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<Facts, MigrationError> {
    let health = cx
        .target_elasticsearch()?
        .get("/_cluster/health")
        .await
        .map_err(|e| MigrationError::elasticsearch("ask the target cluster for its health", &e))?;
    let mut facts = Facts::from([
        ("health".into(), health["status"].clone()),
        ("nodes".into(), health["number_of_nodes"].clone()),
    ]);
    let told = if cx.spec.mover.reads_from_remote() { read_once(cx, reporter).await? } else { "not needed" };
    facts.insert("remote_read".into(), json!(told));
    facts.extend(match cx.spec.mover {
        Mover::Snapshot => snapshot::prepare(cx).await?,
        Mover::Dump => dump::prepare(cx).await?,
        Mover::Reindex | Mover::ReindexByHand | Mover::Stream => Facts::new(),
    });
    Ok(facts)
}

async fn read_once(cx: &MigrationContext, reporter: &dyn Reporter) -> Result<&'static str, MigrationError> {
    match remote_read(cx).await? {
        RemoteRead::Allowed => Ok("allowed"),
        RemoteRead::NothingToRead => {
            reporter.note(
                "the source has no index to migrate, so the target's right to read from it was not tried",
            );
            Ok("not tried")
        }
        RemoteRead::Blocked(words) => Err(MigrationError::environment(
            "let the target cluster read from the source",
            words,
            "take the block away from the target",
        )),
        RemoteRead::Refused(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use drydock_stores::elasticsearch::ErrorKind;

    #[test]
    fn each_refusal_has_its_own_mend() {
        let error = |reason: &str| ElasticsearchError {
            method: "POST".into(),
            path: "/_reindex".into(),
            kind: ErrorKind::Status { status: 500, error_type: String::new(), reason: reason.into() },
        };
        for (reason, mend) in [
            (
                "[es:9200] not whitelisted in reindex.remote.whitelist",
                "add es:9200 to reindex.remote.whitelist",
            ),
            ("[es:9200] is not in the allowlist", "add es:9200 to reindex.remote.whitelist"),
            (
                "PKIX path building failed: unable to find valid certification path",
                "reindex.ssl.certificate_authorities",
            ),
            ("Connection refused", "let the target's nodes reach es:9200"),
        ] {
            let (what, next) = refusal(&error(reason), "https://es:9200").parts();
            assert!(what.contains(reason) && next.contains(mend), "{reason}: {what}; {next}");
        }
    }
}
