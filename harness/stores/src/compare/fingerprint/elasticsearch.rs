//! A cluster: every index that does not begin with a dot, and every definition.

use super::Fingerprint;
use crate::compare::Options;
use crate::compare::elasticsearch::digest_of_index;
use crate::elasticsearch::{
    Client, ElasticsearchError, IndexState, OptionalReading, PinnedEs, Scope, Section, Timeouts, read_maxima,
};
use crate::endpoint::ElasticsearchEndpoint;
use serde_json::Value;

/// Reads all of it through points in time.
///
/// # Errors
/// The cluster does not answer, or its indices cannot be listed. What cannot be read of an index is in
/// the `unread` list of what is returned.
pub async fn fingerprint_elasticsearch(
    endpoint: &ElasticsearchEndpoint,
    options: &Options,
) -> Result<Fingerprint, ElasticsearchError> {
    let client = Client::new(endpoint, Timeouts::default())?;
    let pinned = PinnedEs::pin(&client, &Scope::default()).await?;
    let mut side = Fingerprint::default();
    for (name, index) in pinned.indices() {
        let object = format!("index/{name}");
        if index.state == IndexState::Closed {
            // Whatever it holds cannot change without being opened, and that would show.
            side.keep(&object, "state", "closed");
            continue;
        }
        match digest_of_index(&pinned, name, options).await {
            Ok((documents, digest)) => {
                side.documents += documents;
                side.keep(&object, "documents", &documents.to_string());
                side.keep(&object, "contents", &digest.to_string());
            }
            Err(why) => side.unread(&object, why.to_string()),
        }
    }
    let definitions = pinned.definitions();
    for (what, section) in [
        ("index templates", &definitions.index_templates),
        ("component templates", &definitions.component_templates),
        ("legacy templates", &definitions.legacy_templates),
        ("ingest pipelines", &definitions.pipelines),
        ("lifecycle policies", &definitions.lifecycle_policies),
        ("stored scripts", &definitions.scripts),
        ("cluster settings", &definitions.cluster_settings),
        ("data streams", &definitions.data_streams),
    ] {
        shape(&mut side, what, section);
    }
    for optional in &definitions.optional {
        // What the role may not read it cannot have changed with the rights of this run either.
        if let OptionalReading::Read(shape) = &optional.reading {
            for (object, attributes) in &shape.0 {
                side.seal(object, "definition", &format!("{attributes:?}"));
            }
        }
    }
    pinned.close().await;
    bodies(&client, &mut side).await?;
    Ok(side)
}

fn shape(side: &mut Fingerprint, what: &str, section: &Section) {
    match section {
        Err(why) => side.unread(what, why.clone()),
        Ok(shape) => {
            for (object, attributes) in &shape.0 {
                side.present(object);
                for (name, value) in attributes {
                    side.keep(object, name, value);
                }
            }
        }
    }
}

/// Settings, mapping and aliases as they stand, with what no migration carries: an index that was made anew under its old
/// name is another one.
async fn bodies(client: &Client, side: &mut Fingerprint) -> Result<(), ElasticsearchError> {
    let answer = client.get("/_all?expand_wildcards=all&flat_settings=true").await?;
    for (name, body) in answer.as_object().into_iter().flatten() {
        let object = format!("index/{name}");
        if !side.objects.contains_key(&object) && !side.unread.contains_key(&object) {
            if name.starts_with('.') {
                continue;
            }
            // Made between the two requests, which is what is looked for.
            side.keep(&object, "state", "open");
        }
        for (setting, value) in body["settings"].as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            side.keep(&object, &format!("settings/{setting}"), &text);
        }
        side.seal(&object, "mapping", &body["mappings"].to_string());
        for (alias, definition) in body["aliases"].as_object().into_iter().flatten() {
            side.keep(&object, &format!("alias/{alias}"), &definition.to_string());
        }
    }
    // What was written and taken back leaves no other trace.
    for (name, maxima) in read_maxima(client, None).await.unwrap_or_default() {
        let object = format!("index/{name}");
        if side.objects.contains_key(&object) {
            side.keep(&object, "operations", &Value::from(maxima).to_string());
        }
    }
    Ok(())
}
