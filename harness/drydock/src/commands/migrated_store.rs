//! The store that Operate and Tasklist of 8.8 read, looked at while the migration runs or has run. GET requests only.

use super::live::Unread;
use crate::cli::Migration;
use drydock_core::finding::Finding;
use drydock_core::names::checks;
use drydock_helm::{Check, migration};
use drydock_stores::elasticsearch::{Client, Timeouts};
use serde_json::Value;

/// Most documents that one search of an import-position index asks for; it holds one for each partition and kind of record.
const POSITIONS: u64 = 10_000;

/// Documents of the process index, and what importers and names of indices tell.
pub(super) async fn look(url: &str, arguments: &Migration) -> Result<(Option<u64>, Vec<Check>), Unread> {
    let store = &arguments.store;
    let endpoint = super::verify::cluster(url, store.source_ca.as_deref(), store.source_api_key.as_deref())
        .map_err(|e| Unread::Usage(e.to_string()))?;
    let client =
        Client::new(&endpoint, Timeouts::default()).map_err(|e| Unread::Surroundings(e.to_string()))?;
    let prefix = match store.index_prefix.trim_end_matches('-') {
        "" => String::new(),
        prefix => format!("{prefix}-"),
    };
    let mut parts = Vec::new();
    let counted = get(&client, &format!("/{prefix}operate-process-*/_count")).await?;
    let documents = match migration::documents(&counted) {
        Ok(documents) => Some(documents),
        Err(reason) => {
            let asked = format!("{prefix}operate-process-*");
            let mut check = Check::new(checks::MIGRATION_DATA);
            let message = format!("the documents of {asked} on {} were not counted: {reason}", client.url());
            check.findings.push(
                Finding::not_compared(checks::MIGRATION_DATA, asked, message).next(
                    "give the prefix of the indices with --index-prefix, or the number with --documents",
                ),
            );
            parts.push(check);
            None
        }
    };
    for index in ["operate-import-position", "tasklist-import-position"] {
        let path = format!("/{prefix}{index}-*/_search?size={POSITIONS}");
        let answer = get(&client, &path).await?;
        parts.push(migration::importers(
            &format!("{prefix}{index}"),
            &answer.to_string(),
            arguments.partitions,
        ));
    }
    let names = get(&client, "/_cat/indices?format=json&h=index").await?;
    parts.push(migration::harmonised(client.url(), &names.to_string(), &store.index_prefix));
    Ok((documents, parts))
}

async fn get(client: &Client, path: &str) -> Result<Value, Unread> {
    client
        .get(path)
        .await
        .map_err(|error| Unread::Surroundings(format!("cannot look at the store {}: {error}", client.url())))
}
